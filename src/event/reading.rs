//! What a reading of the audience said, as reporters are told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a reading of the audience's source said, in rows and recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Usable, distinct recipients that the source names, those cut by `limit` included.
    pub listed: u64,
    /// Those of them who are on a list of the excluded.
    pub excluded: u64,
    /// The exclude lists, in the order of the file.
    pub excludes: Vec<ExcludeList>,
    /// Those of them who belong to the control group.
    pub control_group: u64,
    /// Those of them who were last active too long ago.
    pub lapsed: u64,
    /// Rows that name a recipient again.
    pub repeated: Rows,
    /// Rows that cannot be used, by kind.
    pub unusable: Vec<(UnusableKind, Rows)>,
    /// Recipients that `audience.limit` cut off.
    pub cut: u64,
    /// Rows whose `last_active` cannot be read as a time. They are used as if it were not there.
    pub undated: Rows,
    /// What each file, or the one query, brought, in the order of reading.
    pub shares: Vec<FileShare>,
}

/// What one exclude list does to an audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludeList {
    /// Its name: what it is, and of which file.
    pub list: String,
    /// How many people it has.
    pub people: u64,
    /// How many of them it excludes: those whom the source names or the ledger knows.
    pub excluded: u64,
}

/// How many rows one file or query brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileShare {
    /// Its name in places: `summer.csv`, `the query`.
    pub name: String,
    /// How many rows, unusable ones included.
    pub rows: u64,
}

/// How many rows, and the places of the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// How many.
    pub count: u64,
    /// The first places, at most [`Rows::KEPT`].
    pub first: Vec<RowPlace>,
}

/// Which times can be read where a source says when users were last active.
pub const READABLE_TIMES: &str = "a time from 2016 to tomorrow, such as 2026-06-01, 2026/6/1 9:05, 2026-06-01 09:05:00, \
                                  2026-06-01T09:05:00+08:00, or Unix time in seconds or milliseconds";

/// Where a row of an audience stands: `summer.csv:1042`, `row 1042 of the query`; and what it has there, if that matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPlace {
    /// The file or the query that it is in.
    pub within: String,
    /// What is counted there.
    pub unit: PlaceUnit,
    /// Its number, from 1.
    pub number: u64,
    /// The beginning of the value that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What a row's place is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceUnit {
    /// Lines of a text, as an editor counts them.
    Line,
    /// Rows of what has no lines.
    Row,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            PlaceUnit::Line => write!(f, "{}:{}", self.within, self.number)?,
            PlaceUnit::Row => write!(f, "row {} of {}", self.number, self.within)?,
        }
        match &self.value {
            Some(value) => write!(f, " {value:?}"),
            None => Ok(()),
        }
    }
}

impl Rows {
    /// How many places are kept.
    pub const KEPT: usize = 5;

    /// Counts one more, at `place`.
    pub fn add(&mut self, place: impl Into<RowPlace>) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(place.into());
        }
    }

    /// Counts one more, at `place`, with the value that cannot be read.
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
    /// It has no open_id at all: NULL in a database, null or no such key in JSON.
    Missing,
    /// Its open_id is neither text nor a whole number.
    WrongType,
    /// Its open_id is a word for no value, such as `NULL`.
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
    /// Its open_id is the name of the column: the header once more.
    Header,
    /// It does not say when the user was last active, and the campaign asks for it.
    NoLastActive,
    /// What it says of that is no time, and the campaign asks for it.
    UnreadableLastActive,
}
