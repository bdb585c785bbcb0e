//! Batches of rows, packed in one buffer, between a source and its consumer.

use std::sync::Arc;

use jiff::Timestamp;

use super::artefact;
use crate::model::clock::from_ms;
use crate::model::event::{PlaceUnit, RowPlace, UnusableKind};
use crate::model::identity::{NameError, OpenId};

/// The most rows and bytes of text in a batch. They are small because several batches wait in the queue.
const MOST_ROWS: usize = 4096;
const MOST_BYTES: usize = 256 << 10;
/// How many characters of an unreadable time are kept: enough to recognise it.
const MOST_OF_VALUE: usize = 40;

/// One row of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The place of the row.
    pub place: Place<'a>,
    /// The user's id, trimmed and checked by the rule of [`OpenId`], or the reason why it is unusable.
    pub open_id: Result<&'a str, UnusableKind>,
    /// When the user was last active.
    pub last_active: Activity<'a>,
}

/// The time of the user's last activity, as read from a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity<'a> {
    /// Unknown: the source has no such column, or the row has no value in it.
    #[default]
    Unknown,
    /// A time, in whole milliseconds.
    At(Timestamp),
    /// A value that is not a time, as written; empty if the source has no text for it.
    Unreadable(&'a str),
}

impl Activity<'_> {
    /// Returns the time; `None` if it is unknown or unreadable.
    #[must_use]
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Unknown | Self::Unreadable(_) => None,
        }
    }
}

/// The place of a row: `summer.csv:1042`, `row 1042 of the query`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file or the query.
    pub within: &'a str,
    /// The unit of the number.
    pub unit: PlaceUnit,
    /// The number, from 1. The header of a file is a line too.
    pub number: u64,
}

impl From<Place<'_>> for RowPlace {
    fn from(place: Place<'_>) -> Self {
        Self {
            within: place.within.to_owned(),
            unit: place.unit,
            number: place.number,
            value: None,
        }
    }
}

/// Rows of one file or query, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    within: Arc<str>,
    unit: PlaceUnit,
    text: String,
    entries: Vec<Entry>,
}

/// A row; its text is in the batch.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    /// In milliseconds, or one of the two constants below, which are no valid times.
    last_active: i64,
    /// The end of the open_id.
    open_id_end: u32,
    /// The end of the row's text: an unreadable time follows the open_id.
    end: u32,
    unusable: Option<UnusableKind>,
}

const UNKNOWN: i64 = i64::MIN;
const UNREADABLE: i64 = i64::MIN + 1;

impl Batch {
    pub(super) fn new(within: Arc<str>, unit: PlaceUnit) -> Self {
        Self {
            within,
            unit,
            text: String::new(),
            entries: Vec::new(),
        }
    }

    /// Returns an empty batch of the same file or query.
    pub(super) fn next(&self) -> Self {
        Self {
            within: Arc::clone(&self.within),
            unit: self.unit,
            text: String::with_capacity(self.text.capacity()),
            entries: Vec::with_capacity(self.entries.capacity()),
        }
    }

    pub(super) fn push(&mut self, number: u64, open_id: Result<&str, UnusableKind>, last_active: Activity<'_>) {
        self.text.push_str(open_id.unwrap_or_default());
        let open_id_end = self.end();
        let last_active = match last_active {
            Activity::Unknown => UNKNOWN,
            Activity::Unreadable(value) => {
                self.text.extend(value.chars().take(MOST_OF_VALUE));
                UNREADABLE
            }
            Activity::At(at) => at.as_millisecond(),
        };
        self.entries.push(Entry {
            number,
            last_active,
            open_id_end,
            end: self.end(),
            unusable: open_id.err(),
        });
    }

    fn end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ROWS || self.text.len() >= MOST_BYTES
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Iterates over the rows, in the order of the source.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut begin = 0;
        self.entries.iter().map(move |entry| {
            let open_id_end = entry.open_id_end as usize;
            let end = entry.end as usize;
            let text = self.text.get(begin..open_id_end).unwrap_or_default();
            begin = end;
            Row {
                place: Place {
                    within: &self.within,
                    unit: self.unit,
                    number: entry.number,
                },
                open_id: entry.unusable.map_or(Ok(text), Err),
                last_active: match entry.last_active {
                    UNKNOWN => Activity::Unknown,
                    UNREADABLE => Activity::Unreadable(self.text.get(open_id_end..end).unwrap_or_default()),
                    ms => Activity::At(from_ms(ms)),
                },
            }
        })
    }
}

/// Returns the trimmed open_id, or the reason why it is unusable. `column` is the name of its column.
pub(super) fn usable<'t>(text: &'t str, column: &str) -> Result<&'t str, UnusableKind> {
    OpenId::check(text)
        .map_err(|error| match error {
            NameError::Empty => UnusableKind::Empty,
            NameError::TooLong { .. } => UnusableKind::TooLong,
            NameError::Character { .. } | NameError::NotComposed => UnusableKind::NotPrintable,
        })
        .and_then(|open_id| {
            // A replacement character shows that another program could not decode the text.
            if !open_id.is_ascii() && open_id.contains(char::REPLACEMENT_CHARACTER) {
                return Err(UnusableKind::NotText);
            }
            artefact::find(open_id, column).map_or(Ok(open_id), Err)
        })
}
