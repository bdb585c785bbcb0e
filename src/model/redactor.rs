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
use fixedbitset::FixedBitSet;

use super::hexadecimal::hexadecimal;
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
    starts: Starts,
}

/// How pieces start, as a filter with one hash: most places of a text need no further look.
#[derive(Clone, Default)]
struct Starts {
    hashes: FixedBitSet,
    /// Whether there is a piece that is shorter than the start that is hashed.
    has_short: bool,
}

impl Starts {
    /// The bytes of a start.
    const LENGTH: usize = 4;
    /// The bits of the filter, as the exponent of a power of two. A few hundred pieces fill less than a hundredth of it.
    const LOG2_BITS: u32 = 16;

    fn hash(bytes: &[u8]) -> Option<usize> {
        let start = bytes.first_chunk::<{ Self::LENGTH }>()?;
        let hash = u32::from_le_bytes(*start).wrapping_mul(0x9e37_79b1);
        Some((hash >> (u32::BITS - Self::LOG2_BITS)) as usize)
    }

    fn add(&mut self, piece: &[u8]) {
        self.hashes.grow(1 << Self::LOG2_BITS);
        match Self::hash(piece) {
            Some(hash) => self.hashes.insert(hash),
            None => self.has_short = true,
        }
    }

    /// Whether a piece may start like these bytes.
    fn may_be(&self, bytes: &[u8]) -> bool {
        self.has_short || Self::hash(bytes).is_some_and(|hash| self.hashes.contains(hash))
    }
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
            redactor.add(&folded(secret));
            redactor.add(&folded(&hexadecimal(secret.as_bytes())));
            for encoded in base64(secret) {
                redactor.add(&folded(&encoded));
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
        for piece in form.windows(length) {
            self.starts.add(piece);
            if let Some((_, pieces)) = self.pieces.get_mut(known) {
                pieces.insert(piece.into());
            }
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
        let bytes = folded(text);
        let mut pieces = Vec::new();
        for at in 0..bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.starts.may_be(rest)
                && let Some(length) = self.longest(rest)
            {
                pieces.push(at..at + length);
            }
        }
        if pieces.is_empty() {
            return Vec::new();
        }
        let mut places = Vec::with_capacity(bytes.len());
        fold(text, |_, place| places.push(place));
        let place = |at: usize| places.get(at).cloned().unwrap_or_default();
        let mut found: Vec<Range<usize>> = Vec::new();
        for piece in pieces {
            let start = place(piece.start).start;
            let end = place(piece.end - 1).end;
            match found.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => found.push(start..end),
            }
        }
        found
    }

    /// The length of the longest piece at the beginning of a folded text. `None` if there is none.
    fn longest(&self, folded: &[u8]) -> Option<usize> {
        let here = self.pieces.iter().filter(|(length, pieces)| {
            let piece = folded.get(..*length);
            piece.is_some_and(|piece| pieces.contains(piece))
        });
        here.map(|(length, _)| *length).max()
    }
}

/// A text without the differences between the forms of a secret.
fn folded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    fold(text, |byte, _| bytes.push(byte));
    bytes
}

/// Calls `each` with each byte of a folded text, and with the range of the text that it is from.
fn fold(text: &str, mut each: impl FnMut(u8, Range<usize>)) {
    let mut at = 0;
    while let Some(first) = text.as_bytes().get(at) {
        if first.is_ascii_alphanumeric() {
            each(first.to_ascii_lowercase(), at..at + 1);
            at += 1;
            continue;
        }
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            return;
        };
        let (c, length) = escape(&text.as_bytes()[at..]).unwrap_or((c, c.len_utf8()));
        if let Some(c) = fold_char(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                each(byte, at..at + length);
            }
        }
        at += length;
    }
}

/// The folded form of a character. `None` for one that has no meaning in a secret.
fn fold_char(c: char) -> Option<char> {
    let c = match c {
        // The wide forms of the printable ASCII characters.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    };
    match c {
        '\\' => None,
        c if c.is_whitespace() || c.is_control() || is_ignorable(c) => None,
        // The two alphabets of base64.
        '-' => Some('+'),
        '_' => Some('/'),
        c => Some(c.to_ascii_lowercase()),
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
            &hexadecimal(SECRET.as_bytes()),
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
    fn a_secret_of_few_characters_with_a_meaning_is_removed() {
        let redactor = Redactor::new([&Secret::new("\\\\ \\z7"), &Secret::new(SECRET)]);
        assert_eq!(redactor.redact("say z7!"), format!("say {COVER}!"));
        assert_eq!(redactor.redact(SECRET), COVER);
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
