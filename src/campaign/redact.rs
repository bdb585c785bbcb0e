//! Covers possible secrets in the text of a campaign file before any line of it is shown.
//!
//! A secret does not belong in the file, but people write it there. Neither the message about it nor a message about
//! something else on its line may show it. Two rules find secrets: the places where the parser found one, and, for a
//! file that is not even YAML, everything that looks like one.

use super::line_index::Span;

/// Parts of a key's name whose value may be a secret.
const TELLTALE: [&str; 6] = ["client_key", "secret", "token", "passw", "credential", "api_key"];

/// Keys that are never a secret themselves.
const KNOWN: [&str; 5] = ["env", "file", "client_key", "client_secret", "access_token"];

/// Returns the text with every secret covered by asterisks, one per byte, so that all places stay valid.
pub(super) fn cover(text: &str, secrets: &[Span]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in secrets {
        hide(&mut bytes, span.start, span.end);
    }
    let mut at = 0;
    let mut block = false;
    for line in text.split_inclusive(['\n', '\r']) {
        block = suspicious_line(line, at, block, &mut bytes);
        at += line.len();
    }
    // Only whole characters are covered, so the result is valid UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Covers what looks like a secret in one line. `block`: whether the line may belong to a preceding `credentials:`.
/// Returns whether the next line may.
fn suspicious_line(line: &str, at: usize, block: bool, bytes: &mut [u8]) -> bool {
    for (found, _) in line.match_indices("clt.") {
        hide(bytes, at + found, at + found + word(&line[found..]));
    }
    for (found, _) in line.match_indices("://") {
        let rest = &line[found + 3..];
        if let Some(end) = rest[..word(rest)].rfind('@') {
            hide(bytes, at + found + 3, at + found + 3 + end);
        }
    }
    let indented = line.starts_with([' ', '\t', '-', '#']) || line.trim().is_empty();
    let block = (block && indented) || line.starts_with("credentials");
    let lower = line.to_ascii_lowercase();
    if block && !lower.contains(':') {
        hide(bytes, at, at + line.len());
    }
    let telltale = TELLTALE.iter().filter_map(|word| lower.find(word)).min();
    if let Some(found) = block.then_some(0).or(telltale)
        && let Some(colon) = line[found..].find(':')
    {
        values(line, at, found + colon + 1, bytes);
    }
    block
}

/// Covers the values in a line from `from` on, except references and the keys of a mapping in braces.
fn values(line: &str, at: usize, from: usize, bytes: &mut [u8]) {
    let mut start = from;
    let mut kind = "";
    let rest = line.char_indices().skip_while(|(end, _)| *end < from);
    for (end, c) in rest.chain([(line.len(), '\n')]) {
        let piece = line.get(start..end).unwrap_or_default().trim();
        match c {
            ':' if KNOWN.contains(&piece) => {
                kind = piece;
                start = end + 1;
            }
            '{' | '}' | ',' | '\n' | '\r' => {
                if !is_reference(kind, piece) {
                    hide(bytes, at + start, at + end);
                }
                kind = "";
                start = end + c.len_utf8();
            }
            _ => {}
        }
    }
}

/// Whether the value is certainly a reference to a secret, not the secret.
fn is_reference(kind: &str, piece: &str) -> bool {
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| piece.strip_prefix(*quote)?.strip_suffix(*quote));
    let bare = bare.unwrap_or(piece);
    match kind {
        "env" => bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        "file" => !bare.contains(['"', '\'']),
        _ => bare.is_empty(),
    }
}

/// Returns the length of the first word of `text`, in bytes.
fn word(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "\"',{}[]".contains(c))
        .unwrap_or(text.len())
}

fn hide(bytes: &mut [u8], from: usize, to: usize) {
    let to = to.min(bytes.len());
    let Some(range) = bytes.get_mut(from.min(to)..to) else {
        return;
    };
    for byte in range.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
        *byte = b'*';
    }
}
