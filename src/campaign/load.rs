//! Loads a file: reads it, checks that it is text, and parses it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::catalogue::campaign as message;
use crate::model::recurrence::Occurrence;
use crate::model::shortage;

use super::diagnostic::{Code, Diagnostic, Excerpt, Severity};
use super::diagnostics::Diagnostics;
use super::file_kind::FileKind;
use super::line_index::{CountedColumn, LineIndex, Span};
use super::root::{self, Campaign};
use super::tree;
use super::value::{Document, Value};
use super::zone;

/// The largest campaign file, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// A file without errors.
#[derive(Clone)]
pub struct ParsedFile<T> {
    /// What the file describes.
    pub content: T,
    /// The warnings, sorted by place.
    pub warnings: Vec<Diagnostic>,
    text: FileText,
}

/// A campaign file without errors.
#[derive(Clone)]
pub struct Parsed {
    /// The campaign.
    pub campaign: Campaign,
    /// The warnings, sorted by place.
    pub warnings: Vec<Diagnostic>,
    text: FileText,
}

/// The text of a file, with the places of its values.
#[derive(Clone)]
struct FileText {
    file: String,
    shown: String,
    lines: LineIndex,
    places: BTreeMap<String, Span>,
}

impl FileText {
    fn mistake(&self, key: &str, code: Code, message: String, help: Option<String>) -> Diagnostic {
        let span = self.places.get(key).copied();
        let excerpt = span.map(|span| {
            let (text, mark) = self.lines.excerpt(&self.shown, span);
            Excerpt {
                text,
                mark,
                label: String::new(),
            }
        });
        Diagnostic {
            severity: Severity::Error,
            code,
            message,
            file: self.file.clone(),
            place: span.map(|span| self.lines.place(&self.shown, span, &mut CountedColumn::default())),
            cause: None,
            help,
            excerpt,
        }
    }
}

impl<T> ParsedFile<T> {
    /// Like [`Parsed::mistake`].
    #[must_use]
    pub fn mistake(&self, key: &str, code: Code, message: String, help: Option<String>) -> Diagnostic {
        self.text.mistake(key, code, message, help)
    }
}

impl Parsed {
    /// Returns the file's name, as given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.text.file
    }

    /// Returns the file with its campaign at one occurrence. Places stay those of the file.
    #[must_use]
    pub fn at_occurrence(&self, occurrence: &Occurrence) -> Self {
        Self {
            campaign: self.campaign.at_occurrence(occurrence),
            ..self.clone()
        }
    }

    /// Creates a diagnostic for a mistake that is found later, such as a missing audience file, at the place of a key
    /// such as `audience.source.csv.path`. If the file does not have the key, the diagnostic is about the whole file.
    #[must_use]
    pub fn mistake(&self, key: &str, code: Code, message: String, help: Option<String>) -> Diagnostic {
        self.text.mistake(key, code, message, help)
    }
}

/// Reads and parses the campaign file at `path`. It reads at most one byte more than [`MOST_BYTES`].
///
/// # Errors
/// Like [`parse`]; also if the file cannot be read.
pub fn load(path: &Path) -> Result<Parsed, Vec<Diagnostic>> {
    parse(path, &read(path)?)
}

/// Reads the bytes of the campaign file at `path`, at most one more than [`MOST_BYTES`].
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Vec<Diagnostic>> {
    read_file(path, FileKind::Campaign)
}

/// Like [`read`], for any kind of file.
pub(super) fn read_file(path: &Path, kind: FileKind) -> Result<Vec<u8>, Vec<Diagnostic>> {
    bytes(path).map_err(|error| {
        let help = shortage::help(&error).unwrap_or_else(|| unreadable(error.kind()));
        let message = message::Unreadable { kind: &kind.word() };
        let refusal = whole(&path.display().to_string(), Code::Unreadable, message, help);
        vec![Diagnostic {
            cause: Some(error.to_string()),
            ..refusal
        }]
    })
}

/// Parses the bytes of a campaign file. `file` is its name for messages; relative paths in it begin at its folder.
/// Files that it names are not read.
///
/// # Errors
/// All mistakes and warnings, sorted by place.
pub fn parse(file: &Path, bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    parse_in(file, file.parent().unwrap_or(Path::new("")), bytes)
}

/// Like [`parse`], with relative paths that begin at `folder`.
///
/// # Errors
/// Like [`parse`].
pub fn parse_in(file: &Path, folder: &Path, bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    let parsed = parse_file(file, folder, bytes, FileKind::Campaign, root::read)?;
    Ok(Parsed {
        campaign: parsed.content,
        warnings: parsed.warnings,
        text: parsed.text,
    })
}

/// Parses the bytes of a file of any kind, whose content `read` reads from the root.
pub(super) fn parse_file<T>(
    file: &Path,
    folder: &Path,
    bytes: &[u8],
    kind: FileKind,
    read: impl FnOnce(&Value<'_>, &mut Diagnostics) -> Option<T>,
) -> Result<ParsedFile<T>, Vec<Diagnostic>> {
    let name = file.display().to_string();
    let text = text(&name, bytes, kind)?;
    let mut diagnostics = Diagnostics::new(text, kind);
    let content = tree::parse(text, &mut diagnostics).and_then(|tree| {
        let mut document = Document {
            tree,
            folder,
            zone: None,
        };
        document.zone = zone::of_file(&Value::root(&document));
        read(&Value::root(&document), &mut diagnostics)
    });
    match content {
        Some(content) if !diagnostics.has_errors() => {
            let places = diagnostics.take_places();
            let shown = diagnostics.cover(text);
            let warnings = diagnostics.finish(&name, text);
            Ok(ParsedFile {
                content,
                warnings,
                text: FileText {
                    file: name,
                    shown,
                    lines: LineIndex::new(text),
                    places,
                },
            })
        }
        _ => Err(diagnostics.finish(&name, text)),
    }
}

/// Returns what to do about a file that cannot be read.
fn unreadable(kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::NotFound => message::UnreadableAbsent.to_string(),
        std::io::ErrorKind::IsADirectory => message::UnreadableDirectory.to_string(),
        std::io::ErrorKind::PermissionDenied => message::UnreadablePermission.to_string(),
        _ => message::UnreadableOther.to_string(),
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // Opening a pipe or a device may block, and reading it may never end.
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(std::io::Error::other(message::NotARegularFile.to_string()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates a diagnostic about the whole file.
fn whole(file: &str, code: Code, message: impl Display, help: impl Display) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message: message.to_string(),
        file: file.to_owned(),
        place: None,
        cause: None,
        help: Some(help.to_string()),
        excerpt: None,
    }
}

/// Returns the bytes as text that YAML allows, without a byte order mark.
fn text<'b>(name: &str, bytes: &'b [u8], file: FileKind) -> Result<&'b str, Vec<Diagnostic>> {
    let kind = &file.word();
    let refusal = |code, message: &dyn Display, help: &dyn Display| Err(vec![whole(name, code, message, help)]);
    // There is no excerpt, because bytes that are not text must not reach a terminal.
    let refusal_at = |text: &str, at: usize, message: &dyn Display| {
        let place = LineIndex::new(text).place(text, Span::point(at), &mut CountedColumn::default());
        Err(vec![Diagnostic {
            place: Some(place),
            ..whole(name, Code::NotText, message, message::SaveAsUtf8)
        }])
    };
    if bytes.len() as u64 > MOST_BYTES {
        return refusal(
            Code::TooLarge,
            &message::TooLarge { kind },
            &message::AudienceInItsOwnFile { kind },
        );
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return refusal(Code::NotText, &message::Utf16 { kind }, &message::SaveAsUtf8);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.char_indices().find(|(_, c)| forbidden(*c)) {
            Some((at, c)) => {
                let code = format!("U+{:04X}", u32::from(c));
                refusal_at(text, at, &message::NotText { code: &code })
            }
            None => Ok(text),
        },
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).unwrap_or_default();
            let byte = rest.first().copied().unwrap_or_default();
            let byte = format!("0x{byte:02X}");
            refusal_at(valid, valid.len(), &message::NotUtf8 { byte: &byte })
        }
    }
}

/// Whether YAML forbids the character; no editor writes one.
fn forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}
