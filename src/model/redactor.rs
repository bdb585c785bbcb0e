//! Removes secrets from text that others wrote, such as an answer that quotes the request.
//!
//! A secret may come back in another form: in percent or JSON escapes, in other letter case, with line breaks or invisible
//! characters in it, in base64 or in hexadecimal, or only a part of it. So text and secrets are compared in one folded form,
//! by pieces. Text must pass through this before it is cut: a cut secret would no longer be recognised.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::identity::is_ignorable;
use super::secret::Secret;

/// The replacement of a secret.
const COVER: &str = "[secret]";
/// A part of a secret of at least this many characters is removed too.
const PART: usize = 12;
/// The most bytes of a text that are searched. The rest is dropped; no text of this length is shown.
const MOST_SEARCHED: usize = 16 << 10;

/// The secrets that are removed from a text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The pieces of the secrets in all their forms, by their length.
    pieces: Vec<(usize, HashSet<Box<[u8]>>)>,
}

impl Redactor {
    /// Creates a redactor of these secrets. A secret that is too short to be used as one is not removed: it would make
    /// every text illegible.
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            let secret = secret.expose();
            if secret.len() < Secret::SHORTEST {
                continue;
            }
            redactor.add(&secret.to_ascii_lowercase().into_bytes());
            redactor.add(&Folded::new(secret).bytes);
            redactor.add(&Folded::new(&hexadecimal(secret)).bytes);
            for encoded in base64(secret) {
                redactor.add(&Folded::new(&encoded).bytes);
            }
        }
        redactor
    }

    fn add(&mut self, form: &[u8]) {
        let length = form.len().min(PART);
        if length == 0 {
            return;
        }
        let known = self.pieces.iter().position(|(known, _)| *known == length);
        let known = known.unwrap_or_else(|| {
            self.pieces.push((length, HashSet::new()));
            self.pieces.len() - 1
        });
        if let Some((_, pieces)) = self.pieces.get_mut(known) {
            pieces.extend(form.windows(length).map(Into::into));
        }
    }

    /// Returns the text with `[secret]` in place of each secret, and of each part of one.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.pieces.is_empty() {
            return Cow::Borrowed(text);
        }
        let text = text.get(..text.floor_char_boundary(MOST_SEARCHED)).unwrap_or(text);
        let covered = self.find(text);
        if covered.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for range in covered {
            shown.push_str(text.get(at..range.start).unwrap_or_default());
            shown.push_str(COVER);
            at = range.end;
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(shown)
    }

    /// Returns the ranges of the text that have pieces of secrets, in order and apart.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let folded = Folded::new(text);
        let mut found: Vec<Range<usize>> = Vec::new();
        for at in 0..folded.bytes.len() {
            let longest = self.pieces.iter().filter(|(length, pieces)| {
                let piece = folded.bytes.get(at..at + length);
                piece.is_some_and(|piece| pieces.contains(piece))
            });
            let Some(length) = longest.map(|(length, _)| *length).max() else {
                continue;
            };
            let range = |at: usize| folded.places.get(at).cloned().unwrap_or_default();
            let start = range(at).start;
            let end = range(at + length - 1).end;
            match found.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => found.push(start..end),
            }
        }
        found
    }
}

/// A text without the differences between the forms of a secret.
struct Folded {
    bytes: Vec<u8>,
    /// The range of the text that each byte is from.
    places: Vec<Range<usize>>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let mut folded = Self {
            bytes: Vec::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
        };
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let (c, length) = escape(&text.as_bytes()[at..]).unwrap_or((c, c.len_utf8()));
            folded.push(c, at..at + length);
            at += length;
        }
        folded
    }

    fn push(&mut self, c: char, place: Range<usize>) {
        let c = match c {
            // The wide forms of the printable ASCII characters.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c => c,
        };
        let c = match c {
            '\\' => return,
            c if c.is_whitespace() || c.is_control() || is_ignorable(c) => return,
            // The two alphabets of base64.
            '-' => '+',
            '_' => '/',
            c => c,
        };
        for byte in c.to_ascii_lowercase().encode_utf8(&mut [0; 4]).bytes() {
            self.bytes.push(byte);
            self.places.push(place.clone());
        }
    }
}

/// Returns the character of an escape at the beginning of `text`, and the length of the escape: `%41` and
/// `\u0041` are `A`. `None` without an escape.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let (digits, length) = match text {
        [b'%', a, b, ..] => (&[*a, *b][..], 3),
        [b'\\', b'u', a, b, c, d, ..] => (&[*a, *b, *c, *d][..], 6),
        _ => return None,
    };
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| !digits.starts_with('+'))?;
    let code = u32::from_str_radix(digits, 16).ok()?;
    // A percent escape is a byte, and only an ASCII byte is a character.
    char::from_u32(code)
        .filter(|c| length == 6 || c.is_ascii())
        .map(|c| (c, length))
}

fn hexadecimal(secret: &str) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for byte in secret.bytes() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The secret in base64, after 0, 1 and 2 other bytes: the characters that no byte beside the secret changes.
fn base64(secret: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
        let whole = STANDARD_NO_PAD.encode(&bytes);
        let begin = (before * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        whole.get(begin..end).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "clt.canary/3141-592_65";

    fn redactor() -> Redactor {
        Redactor::new([&Secret::new(SECRET), &Secret::new("p4ssw%d")])
    }

    #[test]
    fn a_secret_is_removed_in_every_form() {
        let wide: String = SECRET
            .chars()
            .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
            .collect();
        let escaped = |escape: fn(char) -> String| SECRET.chars().map(escape).collect::<Vec<_>>().concat();
        let json = escaped(|c| format!("\\u{:04x}", u32::from(c)));
        let percent = escaped(|c| format!("%{:02X}", u32::from(c)));
        let hidden: String = SECRET.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let lines = format!("{}\r\n  {}", &SECRET[..7], &SECRET[7..]);
        for form in [
            SECRET,
            &SECRET.to_uppercase(),
            &wide,
            &json,
            &json.replace('\\', "\\\\"),
            &SECRET.replace('/', "\\/"),
            &percent,
            "clt.canary%2f3141-592%5F65",
            &hidden,
            &lines,
            &hexadecimal(SECRET),
            "p4ssw%d",
            "P4SSW%25D",
        ] {
            let text = format!("you sent ({form})!");
            let shown = redactor().redact(&text).into_owned();
            // Characters next to the secret may remain.
            let left = shown.replace(['\\', '\u{200b}'], "");
            assert_eq!(left, "you sent ([secret])!", "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_removed_in_base64() {
        for before in ["", "a", "ab", "user:", "key="] {
            for after in ["", "!", "!!"] {
                for engine in [STANDARD_NO_PAD, base64::engine::general_purpose::URL_SAFE_NO_PAD] {
                    let text = engine.encode(format!("{before}{SECRET}{after}"));
                    let shown = redactor().redact(&text).into_owned();
                    let left = shown.replace(COVER, "");
                    assert!(
                        shown.contains(COVER) && left.len() <= before.len() * 2 + after.len() * 2 + 4,
                        "{shown}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_secret_is_removed() {
        let redactor = redactor();
        assert_eq!(redactor.redact(&SECRET[..12]), COVER);
        assert_eq!(redactor.redact(&SECRET[5..18]), COVER);
        assert_eq!(redactor.redact(&SECRET[..11]), &SECRET[..11]);
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["", "券 not found, 100% sure \\u00", "clt.other-token", "p4ssword"] {
            assert_eq!(redactor().redact(text), text);
        }
        assert_eq!(Redactor::default().redact(SECRET), SECRET);
        assert_eq!(
            Redactor::new([&Secret::new("p")]).redact("pppp"),
            "pppp",
            "it is too short to be a secret"
        );
    }

    proptest! {
        #[test]
        fn no_text_hides_a_secret(before in ".{0,40}", after in ".{0,40}") {
            let shown = redactor().redact(&format!("{before}{SECRET}{after}")).into_owned();
            prop_assert!(!shown.contains(SECRET), "{}", shown);
            prop_assert!(shown.contains(COVER), "{}", shown);
        }
    }
}
