//! The result of reading an audience, as reporters receive it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Text, model};

/// The result of reading the audience's source, in rows and recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Usable, distinct recipients that the source names, those that `limit` cuts off included.
    pub listed: u64,
    /// The listed recipients that an exclude list names.
    pub excluded: u64,
    /// The exclude lists, in the order of the campaign file.
    pub excludes: Vec<ExcludeList>,
    /// The listed recipients in the control group.
    pub control_group: u64,
    /// The listed recipients that were last active too long ago.
    pub lapsed: u64,
    /// Rows that name a recipient repeatedly.
    pub repeated: Rows,
    /// Rows that cannot be used, by kind.
    pub unusable: Vec<(UnusableKind, Rows)>,
    /// Recipients that `audience.limit` cuts off.
    pub cut: u64,
    /// Rows whose `last_active` cannot be parsed as a time. They are used as if the field were empty.
    pub undated: Rows,
    /// The rows of each file, or of the one query, in the order of reading.
    pub shares: Vec<FileShare>,
    /// Set if the audience is the one in the ledger, and its lists were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
}

/// Where and when an audience was read that a run takes over from the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The name of the machine that read it.
    pub host: String,
    /// When it was admitted.
    pub at: Timestamp,
    /// Why the lists could not be read. `None` if this machine does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Text>,
}

/// An exclude list and its effect on an audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludeList {
    /// Its display name: the kind of the list and its file.
    pub list: String,
    /// How many people the list names.
    pub people: u64,
    /// How many of them it excludes: those that the source names or the ledger contains.
    pub excluded: u64,
}

/// The number of rows in one file or query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileShare {
    /// Its name in row places: `summer.csv`, `the query`.
    pub name: String,
    /// The number of rows, unusable ones included.
    pub rows: u64,
}

/// A number of rows, and the places of the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The number of rows.
    pub count: u64,
    /// The first places, at most [`Rows::KEPT`].
    pub first: Vec<RowPlace>,
}

/// The accepted formats of the times at which users were last active.
pub const READABLE_TIMES: model::ReadableTimes = model::ReadableTimes;

/// The place of a row in an audience, such as `summer.csv:1042` or `row 1042 of the query`, and the value there, if
/// that matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPlace {
    /// The file or the query that contains the row.
    pub within: String,
    /// The unit of `number`.
    pub unit: PlaceUnit,
    /// Its number, from 1.
    pub number: u64,
    /// The beginning of the value that cannot be parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The unit of a row's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceUnit {
    /// Lines of a text file, as an editor counts them.
    Line,
    /// Rows of a source that has no lines.
    Row,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            PlaceUnit::Line => "line",
            PlaceUnit::Row => "row",
        };
        model::RowPlace {
            unit: &unit,
            number: &self.number,
            within: &self.within,
        }
        .fmt(f)?;
        match &self.value {
            Some(value) => write!(f, " {value:?}"),
            None => Ok(()),
        }
    }
}

impl Rows {
    /// The maximum number of places to keep.
    pub const KEPT: usize = 5;

    /// Counts one more row, at `place`.
    pub fn add(&mut self, place: impl Into<RowPlace>) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(place.into());
        }
    }

    /// Counts one more row, at `place`, with the value that cannot be parsed.
    pub fn add_value(&mut self, place: impl Into<RowPlace>, value: &str) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            let value = (!value.is_empty()).then(|| value.to_owned());
            self.first.push(RowPlace { value, ..place.into() });
        }
    }
}

/// Why a row of the audience cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnusableKind {
    /// Its open_id is empty.
    Empty,
    /// Its open_id has over 128 characters.
    TooLong,
    /// Its open_id has spaces or characters that cannot be printed.
    NotPrintable,
    /// It has fewer or more fields than the header.
    WrongFields,
    /// It is not text in the source's encoding.
    NotText,
    /// It has no open_id: NULL in a database, null or a missing key in JSON.
    Missing,
    /// Its open_id is neither text nor a whole number.
    WrongType,
    /// Its open_id is a word or a sign for no value, such as `NULL` or `-`.
    NoValue,
    /// Its open_id is an error of a spreadsheet, such as `#REF!`.
    SpreadsheetError,
    /// Its open_id is a spreadsheet's formula for a text, `="…"`.
    Formula,
    /// Its open_id begins with an apostrophe.
    Apostrophe,
    /// Its open_id is a number that ends in `.0`.
    Fraction,
    /// Its open_id is a number with an exponent, such as `7.21E+18`: its last digits are lost.
    Exponent,
    /// Its open_id has full-width letters, digits or marks.
    FullWidth,
    /// Its open_id is the name of the column: a repeated header.
    Header,
    /// Its open_id is `TRUE` or `FALSE`.
    Boolean,
    /// Its open_id is a date, into which spreadsheets turn some texts.
    Date,
    /// Its open_id is a number with separators of thousands, such as `7,218,071`.
    Grouped,
    /// Its open_id is in quotes, or is a program's notation of bytes, `b'…'`.
    Quoted,
    /// Its open_id is covered in part or cut off, such as `Cv4P****3rNu`.
    Masked,
    /// Its open_id is a label such as `合计`: the row sums up others.
    Total,
    /// It has no time at which the user was last active, and the campaign requires one.
    NoLastActive,
    /// That time cannot be parsed, and the campaign requires one.
    UnreadableLastActive,
}
