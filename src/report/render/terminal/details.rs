//! Named values, one a line, as a summary and a plan have them.

use std::fmt::Write as _;

use crate::model::event::{PlaceUnit, READABLE_TIMES, Reading, RowPlace, Rows, UnusableKind};
use crate::report::text::{visible, wrap};
use crate::report::times::{counted, grouped};
use crate::report::wording::unusable_kind;

/// A list of named values.
#[derive(Debug, Default)]
pub struct Details {
    list: Vec<Detail>,
}

/// A named value.
#[derive(Debug)]
pub struct Detail {
    /// Its name.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

impl Details {
    /// Adds a value.
    pub fn add(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.list.push(Detail { name, value });
    }

    /// Adds what an audience has beyond its limit, its exclude lists, and its repeated and unusable rows.
    pub fn add_left_out(&mut self, reading: &Reading) {
        if reading.cut > 0 {
            self.add("audience", format!("{} beyond audience.limit", grouped(reading.cut)));
        }
        for list in &reading.excludes {
            let excluded = match list.excluded {
                0 => "none".to_owned(),
                some => grouped(some),
            };
            let people = counted(list.people, "person", "people");
            let name = visible(&list.list);
            self.add(
                "exclude",
                format!("{name}: {people}, {excluded} of them in the audience"),
            );
        }
        if reading.repeated.count > 0 {
            self.add("repeated", rows(&reading.repeated, reading));
        }
        for (kind, unusable) in &reading.unusable {
            let rows = rows(unusable, reading);
            let why = match kind {
                UnusableKind::UnreadableLastActive => format!("its last_active is not {READABLE_TIMES}"),
                kind => unusable_kind(*kind),
            };
            self.add("unusable", format!("{rows}: {why}"));
        }
    }

    /// The values in order. Only the first of adjacent values of one name has the name.
    pub fn lines(&self) -> impl Iterator<Item = Detail> {
        let mut before = "";
        self.list.iter().map(move |detail| Detail {
            name: if std::mem::replace(&mut before, detail.name) == detail.name {
                ""
            } else {
                detail.name
            },
            value: detail.value.clone(),
        })
    }

    /// The values in lines of at most `width` columns.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let mut text = String::new();
        for Detail { name, value } in self.lines() {
            let _ = writeln!(text, "  {name:<9} {}", wrap(&value, width, 12));
        }
        text
    }
}

/// "7 rows (lines 3, 9, 12, 40, 41, …)"; with file names if there are several files.
pub fn rows(rows: &Rows, reading: &Reading) -> String {
    let more = if rows.count > rows.first.len() as u64 {
        ", …"
    } else {
        ""
    };
    let count = counted(rows.count, "row", "rows");
    if reading.shares.len() > 1 {
        let places: Vec<_> = rows
            .first
            .iter()
            .map(|place| visible(&place.to_string()).into_owned())
            .collect();
        return format!("{count} ({}{more})", places.join(", "));
    }
    let word = match rows.first.first().map(|place| place.unit) {
        Some(PlaceUnit::Row) => "row",
        Some(PlaceUnit::Line) | None => "line",
    };
    let plural = if rows.count == 1 { "" } else { "s" };
    let number = |place: &RowPlace| match &place.value {
        Some(value) => format!("{} {}", place.number, visible(&format!("{value:?}"))),
        None => place.number.to_string(),
    };
    let numbers: Vec<_> = rows.first.iter().map(number).collect();
    format!("{count} ({word}{plural} {}{more})", numbers.join(", "))
}
