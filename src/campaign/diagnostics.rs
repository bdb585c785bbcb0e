//! Collects the mistakes and warnings of a file, so that all are reported at once.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::catalogue::campaign as text;

use super::diagnostic::{Code, Diagnostic, Excerpt, Severity};
use super::file_kind::FileKind;
use super::full_width;
use super::line_index::{CountedColumn, LineIndex, Span};
use super::redact;

/// The most mistakes that are listed.
const MOST_LISTED: usize = 100;
/// The most mistakes that are kept, so that a file full of mistakes does not fill the memory.
const MOST_KEPT: usize = 2000;

/// A mistake or a warning.
#[derive(Debug)]
pub(super) struct PendingDiagnostic {
    severity: Severity,
    code: Code,
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
}

impl PendingDiagnostic {
    /// Sets what to write instead.
    pub(super) fn help(&mut self, help: impl Display) -> &mut Self {
        self.help = Some(help.to_string());
        self
    }

    /// Sets a few words beside the caret.
    pub(super) fn label(&mut self, label: impl Display) -> &mut Self {
        self.label = label.to_string();
        self
    }

    /// Adds advice about the first full-width character of the value or the key at the place.
    fn advise_full_width(&mut self, shown: &str) {
        // A missing key is reported at its neighbour; a syntax error has found its character.
        let is_about_text = !matches!(self.code, Code::MissingKey | Code::Syntax);
        if !is_about_text || self.severity != Severity::Error {
            return;
        }
        let end = shown.ceil_char_boundary(self.span.end.min(shown.len()));
        let value = shown.get(self.span.start..end).unwrap_or_default();
        let is_structure = matches!(self.code, Code::UnknownKey | Code::WrongType);
        let advice = if self.code == Code::WrongType && value.chars().nth(1).is_none() {
            // The place of a list or a mapping is its first character.
            let rest = shown.get(self.span.start..).unwrap_or_default();
            full_width::line_advice(rest.lines().next().unwrap_or_default())
        } else {
            full_width::advice(value, is_structure)
        };
        if let Some(first) = advice {
            self.help = Some(match self.help.take().filter(|second| !first.ends_with(second)) {
                Some(second) => text::BothHelps {
                    first: &first,
                    second: &second,
                }
                .to_string(),
                None => first,
            });
        }
    }

    fn into_diagnostic(mut self, file: &str, lines: &LineIndex, shown: &str, known: &mut CountedColumn) -> Diagnostic {
        self.advise_full_width(shown);
        let (text, mark) = lines.excerpt(shown, self.span);
        Diagnostic {
            severity: self.severity,
            code: self.code,
            message: self.message,
            file: file.to_owned(),
            place: Some(lines.place(shown, self.span, known)),
            cause: None,
            help: self.help,
            excerpt: Some(Excerpt {
                text,
                mark,
                label: self.label,
            }),
        }
    }
}

/// All mistakes and warnings of one file.
pub(super) struct Diagnostics {
    kind: FileKind,
    found: Vec<PendingDiagnostic>,
    /// The last diagnostic beyond the limit, which is discarded.
    beyond: Option<PendingDiagnostic>,
    errors: usize,
    secrets: Vec<Span>,
    places: BTreeMap<String, Span>,
    lines: LineIndex,
}

impl Diagnostics {
    pub(super) fn new(text: &str, kind: FileKind) -> Self {
        Self {
            kind,
            found: Vec::new(),
            beyond: None,
            errors: 0,
            secrets: Vec::new(),
            places: BTreeMap::new(),
            lines: LineIndex::new(text),
        }
    }

    /// Returns the word with which messages select the name of the file's kind.
    pub(super) fn file(&self) -> &'static str {
        self.kind.word()
    }

    /// Adds an error at a place.
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Display) -> &mut PendingDiagnostic {
        self.push(Severity::Error, code, span, message.to_string())
    }

    /// Adds a warning at a place.
    pub(super) fn warning(&mut self, code: Code, span: Span, message: impl Display) -> &mut PendingDiagnostic {
        self.push(Severity::Warning, code, span, message.to_string())
    }

    /// Marks a place that may hold a secret, so that it is never shown.
    pub(super) fn secret(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// Stores the place of a key's value.
    pub(super) fn place(&mut self, path: &str, span: Span) {
        self.places.insert(path.to_owned(), span);
    }

    pub(super) fn take_places(&mut self) -> BTreeMap<String, Span> {
        std::mem::take(&mut self.places)
    }

    /// Returns `text` with every secret covered.
    pub(super) fn cover(&self, text: &str) -> String {
        redact::cover(text, &self.secrets)
    }

    /// Whether the file has errors.
    pub(super) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether there are already more mistakes than are listed, so that proposals are useless.
    pub(super) fn crowded(&self) -> bool {
        self.found.len() > MOST_LISTED
    }

    /// Returns the line of a place, from 1.
    pub(super) fn line(&self, span: Span) -> u32 {
        self.lines.number(span.start)
    }

    fn push(&mut self, severity: Severity, code: Code, span: Span, message: String) -> &mut PendingDiagnostic {
        self.errors += usize::from(severity == Severity::Error);
        let note = PendingDiagnostic {
            severity,
            code,
            span,
            message,
            label: String::new(),
            help: None,
        };
        if self.found.len() < MOST_KEPT {
            self.found.push(note);
            let last = self.found.len() - 1;
            return &mut self.found[last];
        }
        self.beyond.insert(note)
    }

    /// Returns the diagnostics, sorted by place, with excerpts of `source` in which secrets are covered.
    pub(super) fn finish(mut self, file: &str, source: &str) -> Vec<Diagnostic> {
        let all = self.errors.max(self.found.len());
        self.found.sort_by_key(|note| note.span);
        self.found.truncate(MOST_LISTED);
        let shown = self.cover(source);
        let mut known = CountedColumn::default();
        let mut diagnostics: Vec<_> = self
            .found
            .into_iter()
            .map(|note| note.into_diagnostic(file, &self.lines, &shown, &mut known))
            .collect();
        let more = all.saturating_sub(diagnostics.len());
        if more > 0 {
            diagnostics.push(Diagnostic {
                severity: Severity::Error,
                code: Code::More,
                message: text::MoreMistakes { n: more as u64 }.to_string(),
                file: file.to_owned(),
                place: None,
                cause: None,
                help: Some(text::MoreMistakesHelp.to_string()),
                excerpt: None,
            });
        }
        diagnostics
    }
}
