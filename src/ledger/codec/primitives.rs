//! Numbers and text in as few bytes as their kind allows. The reader rejects any byte sequence that the writer cannot
//! produce.

use jiff::Timestamp;

use crate::model::clock::from_ms;

/// A decimal number with more digits is written as plain text.
const MOST_DIGITS: usize = 38;
/// Lengths from here on are written after the header.
const LONG: u8 = 31;
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where the digits of each byte are.
const UUID_PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

const PLAIN: u8 = 0;
const DECIMAL: u8 = 1;
const LOWER_HEX: u8 = 2;
const UPPER_HEX: u8 = 3;
const UUID: u8 = 4;
/// Letters of both cases, digits, `_` and `-`: six bits each.
const SIX_BITS: u8 = 5;

const SIXTY_FOUR: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
const NOT_ONE: u8 = u8::MAX;
/// The index of each byte in [`SIXTY_FOUR`].
const INDICES: [u8; 256] = {
    let mut indices = [NOT_ONE; 256];
    let mut at = 0_u8;
    while at < 64 {
        indices[SIXTY_FOUR[at as usize] as usize] = at;
        at += 1;
    }
    indices
};

/// The value of each lower-case hexadecimal digit.
const VALUES: [u8; 256] = {
    let mut values = [NOT_ONE; 256];
    let mut value = 0_u8;
    while value < 16 {
        values[LOWER[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Seven bits a byte, least significant first.
    pub(super) fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    /// A signed number, short if it is near 0.
    pub(super) fn near(&mut self, number: i64) {
        self.number((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Writes a time as its distance from `last`, in milliseconds, and moves `last` there.
    pub(super) fn time(&mut self, at: Timestamp, last: &mut i64) {
        let at = at.as_millisecond();
        self.near(at.wrapping_sub(*last));
        *last = at;
    }

    /// Text; ids are mostly digits and are packed as such.
    pub(super) fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if let Some(uuid) = uuid(bytes) {
            self.byte(UUID << 5);
            return self.0.extend_from_slice(&uuid);
        }
        if !bytes.is_empty() && bytes.len() <= MOST_DIGITS && bytes.iter().all(u8::is_ascii_digit) {
            self.header(DECIMAL, bytes.len());
            let value = bytes
                .iter()
                .fold(0_u128, |value, digit| value * 10 + u128::from(digit - b'0'));
            return self
                .0
                .extend_from_slice(&value.to_le_bytes()[..decimal_bytes(bytes.len())]);
        }
        let is_hex = |letters: std::ops::RangeInclusive<u8>| {
            !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_digit() || letters.contains(byte))
        };
        let is_of_sixty_four = || !bytes.is_empty() && bytes.iter().all(|byte| INDICES[usize::from(*byte)] != NOT_ONE);
        let kind = if is_hex(b'a'..=b'f') {
            LOWER_HEX
        } else if is_hex(b'A'..=b'F') {
            UPPER_HEX
        } else if is_of_sixty_four() {
            SIX_BITS
        } else {
            PLAIN
        };
        self.header(kind, bytes.len());
        match kind {
            PLAIN => self.0.extend_from_slice(bytes),
            SIX_BITS => self.six_bits(bytes),
            _ => self.hex(bytes.iter().copied()),
        }
    }

    fn header(&mut self, kind: u8, length: usize) {
        match u8::try_from(length) {
            Ok(length) if length < LONG => self.byte(kind << 5 | length),
            _ => {
                self.byte(kind << 5 | LONG);
                self.number(length as u64);
            }
        }
    }

    fn hex(&mut self, mut digits: impl Iterator<Item = u8>) {
        while let Some(high) = digits.next() {
            self.byte(nibble(high) << 4 | digits.next().map_or(0, nibble));
        }
    }

    /// Four characters to three bytes, the first in the most significant bits.
    fn six_bits(&mut self, characters: &[u8]) {
        for four in characters.chunks(4) {
            let bits = four.iter().zip([18, 12, 6, 0]).fold(0, |bits, (byte, shift)| {
                bits | u32::from(INDICES[usize::from(*byte)]) << shift
            });
            let [_, bytes @ ..] = bits.to_be_bytes();
            self.0.extend_from_slice(&bytes[..six_bits_bytes(four.len())]);
        }
    }
}

const fn six_bits_bytes(characters: usize) -> usize {
    (characters * 3).div_ceil(4)
}

/// The bytes of a lower-case UUID. `None` for any other text.
fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || UUID_HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip(UUID_PAIRS) {
        let high = VALUES[usize::from(text[at])];
        let low = VALUES[usize::from(text[at + 1])];
        if high | low > 0xf {
            return None;
        }
        *byte = high << 4 | low;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => digit.wrapping_sub(b'0') & 0xf,
    }
}

/// The number of bytes that hold any number of `digits` decimal digits, at most [`MOST_DIGITS`].
fn decimal_bytes(digits: usize) -> usize {
    // 3.322 bits a digit, in whole bytes.
    (digits * 3322).div_ceil(8000)
}

/// Reads what a [`Writer`] wrote.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        // Most numbers are small.
        if let Some((byte, rest)) = self.0.split_first()
            && *byte < 0x80
        {
            self.0 = rest;
            return Some((*byte).into());
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn near(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Reads what [`Writer::time`] wrote.
    pub(super) fn time(&mut self, last: &mut i64) -> Option<Timestamp> {
        *last = last.wrapping_add(self.near()?);
        Some(from_ms(*last))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Text that stays packed, which is cheap.
    pub(super) fn packed(&mut self) -> Option<PackedText<'a>> {
        let packed = self.any_packed()?;
        if packed.kind == PLAIN {
            std::str::from_utf8(packed.bytes).ok()?;
        }
        Some(packed)
    }

    /// Like [`Reader::packed`], for text that was checked before.
    fn any_packed(&mut self) -> Option<PackedText<'a>> {
        let header = self.byte()?;
        let kind = header >> 5;
        let length = match header & 0x1f {
            LONG => usize::try_from(self.number()?).ok()?,
            short => usize::from(short),
        };
        let size = match kind {
            PLAIN => length,
            DECIMAL if length <= MOST_DIGITS => decimal_bytes(length),
            LOWER_HEX | UPPER_HEX => length.div_ceil(2),
            SIX_BITS => length.checked_mul(3)?.div_ceil(4),
            UUID if length == 0 => 16,
            _ => return None,
        };
        let bytes = self.take(size)?;
        Some(PackedText { kind, length, bytes })
    }
}

/// Appends a packed text to `bytes`. Equal texts have equal bytes.
pub(in crate::ledger) fn pack_onto(text: &str, bytes: &mut Vec<u8>) {
    let mut writer = Writer(std::mem::take(bytes));
    writer.text(text);
    *bytes = writer.0;
}

/// The text of packed bytes. Empty for other bytes.
pub(in crate::ledger) fn unpack(bytes: &[u8]) -> String {
    let mut text = String::new();
    unpack_onto(bytes, &mut text);
    text
}

/// Appends the text of packed bytes to `text`.
pub(in crate::ledger) fn unpack_onto(bytes: &[u8], text: &mut String) {
    if let Some(packed) = Reader(bytes).any_packed() {
        packed.unpack(text);
    }
}

/// The bytes after the packed text at the start of `bytes`.
pub(in crate::ledger) fn skip(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(bytes);
    reader.any_packed()?;
    Some(reader.0)
}

/// Text that a [`Writer`] packed.
#[derive(Clone, Copy, Debug)]
pub struct PackedText<'a> {
    kind: u8,
    length: usize,
    bytes: &'a [u8],
}

impl<'a> PackedText<'a> {
    /// A text that is not packed.
    pub(in crate::ledger) const fn from_plain(text: &'a str) -> Self {
        Self {
            kind: PLAIN,
            length: text.len(),
            bytes: text.as_bytes(),
        }
    }

    /// The packed text at the start of `bytes`. `None` for other bytes.
    #[cfg(test)]
    pub(in crate::ledger) fn from_packed(bytes: &'a [u8]) -> Option<Self> {
        Reader(bytes).packed()
    }

    pub(in crate::ledger) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends the text to `text`.
    pub(in crate::ledger) fn unpack(&self, text: &mut String) {
        match self.kind {
            DECIMAL => {
                let mut value = [0; 16];
                value.iter_mut().zip(self.bytes).for_each(|(to, from)| *to = *from);
                // The batch's checksum is right, so the number has no more digits than `length`, which is at most `MOST_DIGITS`.
                let mut all = [b'0'; MOST_DIGITS];
                let digits = &mut all[MOST_DIGITS.saturating_sub(self.length)..];
                write_digits(u128::from_le_bytes(value), digits);
                push_ascii(text, digits);
            }
            LOWER_HEX => self.hex(text, LOWER),
            UPPER_HEX => self.hex(text, UPPER),
            SIX_BITS => {
                let mut left = self.length;
                for part in self.bytes.chunks(48) {
                    let mut characters = [0; 64];
                    let (fours, _) = characters.as_chunks_mut::<4>();
                    for (four, three) in fours.iter_mut().zip(part.chunks(3)) {
                        let mut bits = [0; 4];
                        bits[1..].iter_mut().zip(three).for_each(|(to, from)| *to = *from);
                        let bits = u32::from_be_bytes(bits);
                        *four = [18, 12, 6, 0].map(|shift| SIXTY_FOUR[(bits >> shift) as usize & 0x3f]);
                    }
                    let many = left.min(part.len().div_ceil(3) * 4);
                    push_ascii(text, &characters[..many]);
                    left -= many;
                }
            }
            UUID => {
                let mut digits = [b'-'; 36];
                for (at, byte) in UUID_PAIRS.into_iter().zip(self.bytes) {
                    [digits[at], digits[at + 1]] = pair(*byte, LOWER);
                }
                push_ascii(text, &digits);
            }
            _ => text.push_str(std::str::from_utf8(self.bytes).unwrap_or_default()),
        }
    }

    /// Appends the text to `bytes`, packed like [`pack_onto`] does. An older version may have packed it as plain text, and
    /// the index compares packed bytes.
    pub(in crate::ledger) fn pack_again(&self, bytes: &mut Vec<u8>) {
        let mut writer = Writer(std::mem::take(bytes));
        if self.kind == PLAIN {
            writer.text(std::str::from_utf8(self.bytes).unwrap_or_default());
        } else {
            if self.kind == UUID {
                writer.byte(UUID << 5);
            } else {
                writer.header(self.kind, self.length);
            }
            writer.0.extend_from_slice(self.bytes);
        }
        *bytes = writer.0;
    }

    pub(in crate::ledger) fn text(&self) -> String {
        let mut text = String::new();
        self.unpack(&mut text);
        text
    }

    fn hex(&self, text: &mut String, alphabet: &[u8; 16]) {
        let mut left = self.length;
        for part in self.bytes.chunks(32) {
            let mut pairs = [[0; 2]; 32];
            for (two, byte) in pairs.iter_mut().zip(part) {
                *two = pair(*byte, alphabet);
            }
            let many = left.min(part.len() * 2);
            push_ascii(text, &pairs.as_flattened()[..many]);
            left -= many;
        }
    }
}

/// The digits of a byte. An array is stored at once; a slice of two bytes would be copied by a call of the C library.
const fn pair(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    [alphabet[(byte >> 4) as usize], alphabet[(byte & 0xf) as usize]]
}

/// Writes as many of the last digits of a number as there is room for. A coupon_id has 19 digits, and divisions of a `u64` are
/// several times faster.
fn write_digits(value: u128, digits: &mut [u8]) {
    const MOST_OF_U64: usize = 19;
    const BEYOND: u128 = 10_u128.pow(19);
    let (first, last) = digits.split_at_mut(digits.len().saturating_sub(MOST_OF_U64));
    for (value, digits) in [(value % BEYOND, last), (value / BEYOND, first)] {
        let mut value = u64::try_from(value).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (value % 10).to_le_bytes()[0];
            value /= 10;
        }
    }
}

fn push_ascii(text: &mut String, characters: &[u8]) {
    text.push_str(std::str::from_utf8(characters).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(text: &str) -> usize {
        let mut writer = Writer::default();
        writer.text(text);
        assert_eq!(
            Reader(&writer.0).packed().map(|packed| packed.text()).as_deref(),
            Some(text)
        );
        writer.0.len()
    }

    #[test]
    fn ids_of_the_platforms_shapes_are_packed() {
        assert_eq!(packed("7218071234565644204"), 9, "a coupon_id");
        assert_eq!(packed("20230602141441E708D3A77C64701C88EB"), 19, "a log_id");
        assert_eq!(packed("ba253642-0590-40bc-a9f1-0123456789ab"), 17, "an open_id");
        assert_eq!(packed("Cv4PoJXaTPn63rNu"), 13, "an open_id of another shape");
        assert_eq!(packed("_000QadFMhmU1jNCI3JdPnyVDL6XavC70d"), 28, "and of a third");
        assert_eq!(packed("Cv4PoJXaTPn63rNuCv4PoJXaTPn6"), 22, "28 characters");
        assert_eq!(packed("0071"), 3, "leading zeros stay");
        assert_eq!(packed(""), 1);
    }

    #[test]
    fn every_number_has_room() {
        let most = (1..=MOST_DIGITS).scan(0_u128, |most, _| {
            *most = *most * 10 + 9;
            Some(128 - most.leading_zeros() as usize)
        });
        for (digits, bits) in (1..).zip(most) {
            assert_eq!(decimal_bytes(digits), bits.div_ceil(8), "{digits} digits");
            packed(&"9".repeat(digits));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(
            text in prop_oneof!["[0-9]{0,45}", "[0-9a-f]{0,80}", "[0-9A-F]{0,80}", "[0-9A-Za-z_-]{0,80}", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ".{0,80}"],
            number: u64,
            near: i64,
        ) {
            let mut writer = Writer::default();
            writer.text(&text);
            writer.number(number);
            writer.near(near);
            writer.text(&text);
            let mut reader = Reader(&writer.0);
            prop_assert_eq!(reader.packed().map(|packed| packed.text()), Some(text.clone()));
            prop_assert_eq!(reader.number(), Some(number));
            prop_assert_eq!(reader.near(), Some(near));
            prop_assert_eq!(reader.packed().map(|packed| packed.text()), Some(text));
            prop_assert!(reader.is_at_end());
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
            let _ = Reader(&bytes).packed().map(|packed| packed.text());
            let _ = Reader(&bytes).number();
            let _ = Reader(&bytes).time(&mut i64::MAX.clone());
        }
    }
}
