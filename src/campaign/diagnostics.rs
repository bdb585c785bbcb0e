//! Collects the mistakes and warnings of a file, so that all are reported at once.

use std::collections::BTreeMap;

use super::diagnostic::{Code, Diagnostic, Excerpt, Severity};
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
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Sets a few words beside the caret.
    pub(super) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Adds advice about the first full-width character of the value or the key at the place.
    fn advise_full_width(&mut self, shown: &str) {
        // A missing key is reported at its neighbour; a syntax error has found its character.
        let is_about_text = !matches!(self.code, Code::MissingKey | Code::Syntax);
        let text = shown.get(self.span.start..self.span.end).unwrap_or_default();
        if let Some(advice) = full_width::advice(text).filter(|_| is_about_text && self.severity == Severity::Error) {
            let help = self.help.take().map_or_else(String::new, |help| format!("; {help}"));
            self.help = Some(advice + &help);
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
    found: Vec<PendingDiagnostic>,
    /// The last diagnostic beyond the limit, which is discarded.
    beyond: Option<PendingDiagnostic>,
    errors: usize,
    secrets: Vec<Span>,
    places: BTreeMap<String, Span>,
    lines: LineIndex,
}

impl Diagnostics {
    pub(super) fn new(text: &str) -> Self {
        Self {
            found: Vec::new(),
            beyond: None,
            errors: 0,
            secrets: Vec::new(),
            places: BTreeMap::new(),
            lines: LineIndex::new(text),
        }
    }

    /// Adds an error at a place.
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut PendingDiagnostic {
        self.push(Severity::Error, code, span, message.into())
    }

    /// Adds a warning at a place.
    pub(super) fn warning(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut PendingDiagnostic {
        self.push(Severity::Warning, code, span, message.into())
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

    /// Returns the diagnostics, sorted by place, with excerpts of `text` in which secrets are covered.
    pub(super) fn finish(mut self, file: &str, text: &str) -> Vec<Diagnostic> {
        let all = self.errors.max(self.found.len());
        self.found.sort_by_key(|note| note.span);
        self.found.truncate(MOST_LISTED);
        let shown = self.cover(text);
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
                message: format!("{more} more mistakes are not listed"),
                file: file.to_owned(),
                place: None,
                cause: None,
                help: Some("the first mistakes may be the cause of the others: mend them and validate again".into()),
                excerpt: None,
            });
        }
        diagnostics
    }
}
