//! Explains YAML syntax errors, with what to do about them.

use std::fmt::Display;

use serde_yaml::granit_parser::{ErrorKind as Kind, ScanError};

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::full_width;
use super::line_index::Span;

/// Reports the mistake that ended the parsing of `source`.
pub(super) fn report(error: &ScanError, source: &str, diagnostics: &mut Diagnostics) {
    let at = error.marker().byte_offset().unwrap_or(source.len()).min(source.len());
    let span = place(source, at);
    if let Some(tab) = tab(error.kind(), source, at) {
        diagnostics.error(Code::Tab, tab, text::Tab).help(text::TabHelp);
        return;
    }
    let is_quoted = matches!(
        error.kind(),
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar | Kind::InvalidQuotedScalarIndent
    );
    if !is_quoted && let Some((sign, advice)) = full_width::find_sign(source, at) {
        let note = diagnostics.error(Code::Syntax, sign, text::FullWidthSign);
        note.help(advice);
        return;
    }
    let (message, help) = explain(error.kind(), before(source, at));
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

/// Returns the message and the help for an error. `before` is the text before the place on its line.
fn explain(kind: &Kind, before: &str) -> (&'static dyn Display, &'static dyn Display) {
    match kind {
        Kind::UnknownAnchor => (&text::UnknownAlias, &text::UnknownAliasHelp),
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar | Kind::InvalidQuotedScalarIndent => {
            (&text::OpenQuote, &text::QuoteHelp)
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            (&text::TextAfterQuote, &text::QuoteHelp)
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => (&text::UnknownEscape, &text::UnknownEscapeHelp),
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => (&text::OpenBracket, &text::BracketHelp),
        Kind::MismatchedFlowCollectionEnd { .. } => (&text::MismatchedBracket, &text::BracketHelp),
        Kind::MisplacedFlowCollectionEnd => (&text::SurplusBracket, &text::BracketHelp),
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => {
            (&text::MissingComma, &text::BracketHelp)
        }
        Kind::ExpectedBlockMappingKey
        | Kind::ExpectedBlockSequenceEntry
        | Kind::InvalidIndentation
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::InvalidFlowScalarIndent
        | Kind::UnexpectedEofBlockSequence
        | Kind::UnexpectedEofBlockMapping => (&text::Indentation, &text::IndentationHelp),
        Kind::MappingValueNotAllowed if !before.contains(": ") => (&text::TooIndented, &text::IndentationHelp),
        Kind::MappingValueNotAllowed
        | Kind::MappingKeyNotAllowed
        | Kind::InvalidColonPlacement
        | Kind::InvalidMappingValueWhitespace
        | Kind::FlowMappingValueAdjacentCollection => (&text::SecondColon, &text::ColonHelp),
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => (&text::KeyExpected, &text::ColonHelp),
        Kind::UnexpectedCharacter { .. } => (&text::WrongFirstCharacter, &text::WrongFirstCharacterHelp),
        Kind::MissingAnchorOrAliasName => (&text::MissingAliasName, &text::MissingAliasNameHelp),
        Kind::BomInsideDocument => (&text::InnerByteOrderMark, &text::InnerByteOrderMarkHelp),
        Kind::CommentNotSeparated | Kind::CommentInterceptedScalar => {
            (&text::CommentInValue, &text::CommentInValueHelp)
        }
        Kind::ExpectedDocumentStart | Kind::MissingDocumentEndBeforeDirective | Kind::InvalidDocumentEnd => {
            (&text::AfterDocument, &text::IndentationHelp)
        }
        _ => (&text::NotYaml, &text::NotYamlHelp),
    }
}
