//! Explains YAML syntax errors, with what to do about them.

use serde_yaml::granit_parser::{ErrorKind as Kind, ScanError};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::full_width;
use super::line_index::Span;

/// Reports the mistake that ended the parsing of `text`.
pub(super) fn report(error: &ScanError, text: &str, diagnostics: &mut Diagnostics) {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let span = place(text, at);
    if let Some(tab) = tab(error.kind(), text, at) {
        let message = "a tab stands where YAML allows only spaces";
        diagnostics
            .error(Code::Tab, tab, message)
            .help("indent with spaces, two for each level");
        return;
    }
    let is_quoted = matches!(
        error.kind(),
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar | Kind::InvalidQuotedScalarIndent
    );
    if !is_quoted && let Some((sign, advice)) = full_width::find_sign(text, at) {
        let message = "there is a full-width character where YAML needs an ASCII one";
        diagnostics.error(Code::Syntax, sign, message).help(advice);
        return;
    }
    let (message, help) = explain(error.kind(), before(text, at));
    diagnostics.error(Code::Syntax, span, message).help(help);
}

/// Returns a visible place: at white space or the end of the text, the last visible character before it.
fn place(text: &str, at: usize) -> Span {
    let at = text.floor_char_boundary(at);
    let next = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .filter(|c| !c.is_whitespace());
    if let Some(next) = next {
        return Span::new(at..at + next.len_utf8());
    }
    let before = text.get(..at).unwrap_or_default().trim_end();
    match before.chars().next_back() {
        Some(last) => Span::new(before.len() - last.len_utf8()..before.len()),
        None => Span::point(at),
    }
}

/// Returns the text before `at` on its line.
fn before(text: &str, at: usize) -> &str {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or_default();
    before.rsplit(['\n', '\r']).next().unwrap_or_default()
}

/// Returns the tab that causes the error; `None` if no tab does. The parser often reports an error only after the tab.
fn tab(kind: &Kind, text: &str, at: usize) -> Option<Span> {
    let line = text
        .get(..text.floor_char_boundary(at))
        .map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1));
    let indent = text.get(line..)?;
    let width = indent.find(|c| c != ' ' && c != '\t').unwrap_or(indent.len());
    let found = indent.get(..width)?.find('\t');
    let is_tab_error = matches!(
        kind,
        Kind::TabNotAllowed
            | Kind::TabInBlockIndentation
            | Kind::TabAtBlockScalarStart
            | Kind::TabInIndentation
            | Kind::TabInPlainScalar
    );
    match found {
        Some(tab) => Some(Span::new(line + tab..line + tab + 1)),
        None if is_tab_error => {
            // The parser may report the start of a text that spans several lines.
            let tab = indent.find('\t')?;
            Some(Span::new(line + tab..line + tab + 1))
        }
        None => None,
    }
}

const COLON: &str = "write `key: value`, with a space behind the colon; put a value with `: ` or ` #` in it in quotes";
const INDENT: &str = "keys of one mapping begin in the same column; what is under a key is indented two spaces more";
const QUOTE: &str =
    "close the quote with the same sign; in double quotes `\\` begins an escape, in single quotes it does not";
const BRACKET: &str = "every `[` and `{` needs its `]` or `}`, and a comma between two values";

/// Returns the message and the help for an error. `before` is the text before the place on its line.
fn explain(kind: &Kind, before: &str) -> (&'static str, &'static str) {
    match kind {
        Kind::UnknownAnchor => (
            "no value above has the name that this alias repeats",
            "write `&name` before the value that `*name` shall repeat",
        ),
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar | Kind::InvalidQuotedScalarIndent => {
            ("a quote is opened here and not closed", QUOTE)
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            ("something follows behind the closing quote", QUOTE)
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => (
            "this is no escape that double quotes know",
            "use single quotes for text with `\\` in it",
        ),
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => ("a bracket is opened and not closed", BRACKET),
        Kind::MismatchedFlowCollectionEnd { .. } => ("this bracket is closed by one of the other kind", BRACKET),
        Kind::MisplacedFlowCollectionEnd => ("this bracket closes nothing that is open", BRACKET),
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => {
            ("a comma or the closing bracket is expected here", BRACKET)
        }
        Kind::ExpectedBlockMappingKey
        | Kind::ExpectedBlockSequenceEntry
        | Kind::InvalidIndentation
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::InvalidFlowScalarIndent
        | Kind::UnexpectedEofBlockSequence
        | Kind::UnexpectedEofBlockMapping => ("the indentation does not fit the lines above", INDENT),
        Kind::MappingValueNotAllowed if !before.contains(": ") => {
            ("this line is indented deeper than the lines above it", INDENT)
        }
        Kind::MappingValueNotAllowed
        | Kind::MappingKeyNotAllowed
        | Kind::InvalidColonPlacement
        | Kind::InvalidMappingValueWhitespace
        | Kind::FlowMappingValueAdjacentCollection => ("a second `:` on this line, or one where no key can end", COLON),
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => ("a key is expected here, with a colon behind it", COLON),
        Kind::UnexpectedCharacter { .. } => ("no value can begin with this character", "put the value in quotes"),
        Kind::MissingAnchorOrAliasName => (
            "`&` and `*` name a value, and here the name is missing",
            "put a value that begins with `&` or `*` in quotes",
        ),
        Kind::BomInsideDocument => (
            "a byte order mark stands inside of the file",
            "delete it: it belongs only at the very beginning",
        ),
        Kind::CommentNotSeparated | Kind::CommentInterceptedScalar => (
            "a comment begins where a value has not ended",
            "put a space before `#`, or the value in quotes",
        ),
        Kind::ExpectedDocumentStart | Kind::MissingDocumentEndBeforeDirective | Kind::InvalidDocumentEnd => {
            ("something follows where the document has ended", INDENT)
        }
        _ => ("this is not YAML", "put text with special characters in quotes"),
    }
}
