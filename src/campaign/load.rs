//! Loads a campaign file: reads it, checks that it is text, and parses it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::model::shortage;

use super::diagnostic::{Code, Diagnostic, Excerpt, Severity};
use super::diagnostics::Diagnostics;
use super::line_index::{CountedColumn, LineIndex, Span};
use super::root::{self, Campaign};
use super::tree;
use super::value::{Document, Value};
use super::zone;

/// The largest campaign file, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// A campaign file without errors.
pub struct Parsed {
    /// The campaign.
    pub campaign: Campaign,
    /// The warnings, sorted by place.
    pub warnings: Vec<Diagnostic>,
    file: String,
    shown: String,
    lines: LineIndex,
    places: BTreeMap<String, Span>,
}

impl Parsed {
    /// Returns the file's name, as given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Creates a diagnostic for a mistake that is found later, such as a missing audience file, at the place of a key
    /// such as `audience.source.csv.path`. If the file does not have the key, the diagnostic is about the whole file.
    #[must_use]
    pub fn mistake(&self, key: &str, code: Code, message: String, help: Option<String>) -> Diagnostic {
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

/// Reads and parses the campaign file at `path`. It reads at most one byte more than [`MOST_BYTES`].
///
/// # Errors
/// Like [`parse`]; also if the file cannot be read.
pub fn load(path: &Path) -> Result<Parsed, Vec<Diagnostic>> {
    let name = path.display().to_string();
    match bytes(path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) => {
            let help = shortage::help(&error).unwrap_or(match error.kind() {
                std::io::ErrorKind::NotFound => "check the path; it is taken from the current directory",
                std::io::ErrorKind::IsADirectory => "name a file in it",
                std::io::ErrorKind::PermissionDenied => "let this user read it",
                _ => "check the path, and the disk it is on",
            });
            let refusal = whole(&name, Code::Unreadable, "cannot read the campaign file", help);
            Err(vec![Diagnostic {
                cause: Some(error.to_string()),
                ..refusal
            }])
        }
    }
}

/// Parses the bytes of a campaign file. `file` is its name for messages; relative paths in it begin at its folder.
/// Files that it names are not read.
///
/// # Errors
/// All mistakes and warnings, sorted by place.
pub fn parse(file: &Path, bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    let name = file.display().to_string();
    let text = text(&name, bytes)?;
    let mut diagnostics = Diagnostics::new(text);
    let campaign = tree::parse(text, &mut diagnostics).and_then(|tree| {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut document = Document {
            tree,
            folder,
            zone: None,
        };
        document.zone = zone::of_file(&Value::root(&document));
        root::read(&Value::root(&document), &mut diagnostics)
    });
    match campaign {
        Some(campaign) if !diagnostics.has_errors() => {
            let places = diagnostics.take_places();
            let shown = diagnostics.cover(text);
            let warnings = diagnostics.finish(&name, text);
            Ok(Parsed {
                campaign,
                warnings,
                file: name,
                shown,
                lines: LineIndex::new(text),
                places,
            })
        }
        _ => Err(diagnostics.finish(&name, text)),
    }
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // Opening a pipe or a device may block, and reading it may never end.
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates a diagnostic about the whole file.
fn whole(file: &str, code: Code, message: &str, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message: message.to_owned(),
        file: file.to_owned(),
        place: None,
        cause: None,
        help: Some(help.to_owned()),
        excerpt: None,
    }
}

/// Returns the bytes as text that YAML allows, without a byte order mark.
fn text<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Vec<Diagnostic>> {
    const SAVE: &str = "save the file as UTF-8 text";
    let refusal = |code, message: &str, help| Err(vec![whole(name, code, message, help)]);
    // There is no excerpt, because bytes that are not text must not reach a terminal.
    let refusal_at = |text: &str, at: usize, message: &str| {
        let place = LineIndex::new(text).place(text, Span::point(at), &mut CountedColumn::default());
        Err(vec![Diagnostic {
            place: Some(place),
            ..whole(name, Code::NotText, message, SAVE)
        }])
    };
    if bytes.len() as u64 > MOST_BYTES {
        let help = "an audience belongs into a file of its own, which `audience.source` names";
        return refusal(Code::TooLarge, "the campaign file is larger than 1 MiB", help);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return refusal(Code::NotText, "the campaign file is UTF-16, not UTF-8", SAVE);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.char_indices().find(|(_, c)| forbidden(*c)) {
            Some((at, c)) => refusal_at(text, at, &format!("the character U+{:04X} is not text", u32::from(c))),
            None => Ok(text),
        },
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).unwrap_or_default();
            let byte = rest.first().copied().unwrap_or_default();
            refusal_at(valid, valid.len(), &format!("the byte 0x{byte:02X} is not UTF-8 text"))
        }
    }
}

/// Whether YAML forbids the character; no editor writes one.
fn forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}
