//! Reads a campaign file and checks that it is text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::diagnostic::{Code, Diagnostic, Severity};
use super::diagnostics::Diagnostics;
use super::source::Span;
use super::{Parsed, parse};

/// The largest campaign file, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// Reads and parses the campaign file at `path`. It reads at most one byte more than [`MOST_BYTES`].
///
/// # Errors
/// Like [`parse`]; also if the file cannot be read.
pub fn load(path: &Path) -> Result<Parsed, Vec<Diagnostic>> {
    let name = path.display().to_string();
    match bytes(path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) => {
            let help = match error.kind() {
                std::io::ErrorKind::NotFound => "check the path; it is taken from the current directory",
                std::io::ErrorKind::IsADirectory => "name a file in it",
                std::io::ErrorKind::PermissionDenied => "let this user read it",
                _ => "check the path, and the disk it is on",
            };
            let cause = Some(error.to_string());
            Err(vec![whole(
                &name,
                Code::Unreadable,
                "cannot read the campaign file",
                cause,
                help,
            )])
        }
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

fn whole(file: &str, code: Code, message: &str, cause: Option<String>, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        message: message.to_owned(),
        file: file.to_owned(),
        place: None,
        cause,
        help: Some(help.to_owned()),
        excerpt: None,
    }
}

/// Returns the bytes as text that YAML allows, without a byte order mark.
pub(super) fn text<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Vec<Diagnostic>> {
    if bytes.len() as u64 > MOST_BYTES {
        let help = "an audience belongs into a file of its own, which `audience.source` names";
        return Err(vec![whole(
            name,
            Code::TooLarge,
            "the campaign file is larger than 1 MiB",
            None,
            help,
        )]);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.char_indices().find(|(_, c)| forbidden(*c)) {
            Some((at, c)) => Err(refused(
                name,
                text,
                at,
                &format!("the character U+{:04X} is not text", u32::from(c)),
            )),
            None => Ok(text),
        },
        Err(_) if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => Err(vec![whole(
            name,
            Code::NotText,
            "the campaign file is UTF-16, not UTF-8",
            None,
            SAVE,
        )]),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let valid = std::str::from_utf8(valid).unwrap_or_default();
            let byte = rest.first().copied().unwrap_or_default();
            Err(refused(
                name,
                valid,
                valid.len(),
                &format!("the byte 0x{byte:02X} is not UTF-8 text"),
            ))
        }
    }
}

const SAVE: &str = "save the file as UTF-8 text";

/// Reports the place without an excerpt: bytes that are not text must not reach a terminal.
fn refused(name: &str, text: &str, at: usize, message: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::new(text);
    diagnostics.error(Code::NotText, Span::point(at), message).help(SAVE);
    let mut found = diagnostics.finish(name, text);
    for diagnostic in &mut found {
        diagnostic.excerpt = None;
    }
    found
}

/// Whether YAML forbids the character; no editor writes one.
fn forbidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}
