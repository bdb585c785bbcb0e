//! One value of a typed source: what databases, Parquet and JSON give where CSV has text alone.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::activity;
use super::batch::{Activity, usable};
use crate::event::UnusableKind;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// None: NULL, null, or no such key.
    Null,
    /// Bytes that should be UTF-8.
    Text(&'a [u8]),
    /// A whole number.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// A moment, in milliseconds since the Unix epoch.
    At(i64),
    /// A time on somebody's clocks.
    Local(DateTime),
    /// A day.
    Day(Date),
    /// Something else.
    Other,
}

impl Cell<'_> {
    /// Its meaning as an open_id. Whole numbers are written out exactly, into `digits`.
    pub(super) fn open_id<'t>(&'t self, digits: &'t mut String) -> Result<&'t str, UnusableKind> {
        match self {
            Self::Null => Err(UnusableKind::Missing),
            Self::Text(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| UnusableKind::NotText)
                .and_then(usable),
            Self::Whole(number) => {
                digits.clear();
                // Writing to a string does not fail.
                let _ = write!(digits, "{number}");
                Ok(digits)
            }
            Self::Real(_) | Self::At(_) | Self::Local(_) | Self::Day(_) | Self::Other => Err(UnusableKind::WrongType),
        }
    }

    /// Its meaning as the time of the last activity; times without a zone by the clocks of `zone`.
    pub(super) fn last_active(&self, zone: &TimeZone) -> Activity {
        match *self {
            Self::Null => Activity::Unknown,
            Self::Text(bytes) => {
                std::str::from_utf8(bytes).map_or(Activity::Unreadable, |text| activity::text(text, zone))
            }
            Self::Whole(number) => i64::try_from(number).map_or(Activity::Unreadable, activity::unix),
            Self::Real(number) => activity::real(number),
            Self::At(ms) => activity::milliseconds(ms),
            Self::Local(at) => {
                activity::local(at, zone).map_or(Activity::Unreadable, |at| activity::milliseconds(at.as_millisecond()))
            }
            Self::Day(date) => activity::day(date, zone),
            Self::Other => Activity::Unreadable,
        }
    }
}

/// A UUID as it is written: `ba253642-0590-40bc-a1b2-93c4d5e6f708`.
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
