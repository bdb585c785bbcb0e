//! A value of a typed source: databases, Parquet and JSON have types where CSV has text.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime};

use super::batch::usable;
use crate::model::event::UnusableKind;

/// A typed value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// NULL, null, or an absent key.
    Null,
    /// Bytes that should be UTF-8.
    Text(&'a [u8]),
    /// A whole number.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// A number in decimal digits that is not whole, or too large for [`Cell::Whole`].
    Decimal(&'a [u8]),
    /// A moment, in milliseconds since the Unix epoch.
    At(i64),
    /// A time without a zone.
    Local(DateTime),
    /// A day.
    Day(Date),
    /// A value of another type.
    Other,
}

impl Cell<'_> {
    /// Returns the value as an open_id of the column `column`. A whole number is written into `digits`, exactly.
    pub(super) fn open_id<'t>(&'t self, column: &str, digits: &'t mut String) -> Result<&'t str, UnusableKind> {
        match self {
            Self::Null => Err(UnusableKind::Missing),
            Self::Text(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| UnusableKind::NotText)
                .and_then(|text| usable(text, column)),
            Self::Decimal(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| UnusableKind::NotText)?;
                let text = usable(text, column)?;
                let whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
                whole.then_some(text).ok_or(UnusableKind::WrongType)
            }
            Self::Whole(number) => {
                digits.clear();
                // Writing to a string does not fail.
                let _ = write!(digits, "{number}");
                Ok(digits)
            }
            Self::Real(_) | Self::At(_) | Self::Local(_) | Self::Day(_) | Self::Other => Err(UnusableKind::WrongType),
        }
    }
}

/// Formats a UUID: `ba253642-0590-40bc-a1b2-93c4d5e6f708`.
pub(super) fn uuid(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| ![8, 13, 18, 23].contains(place));
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, half) in places.zip(halves) {
        text[place] = DIGITS[usize::from(half)];
    }
    text
}
