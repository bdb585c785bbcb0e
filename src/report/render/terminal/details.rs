//! Named values, one a line, as a summary and a plan have them.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::catalogue::{Grouped, run};
use crate::model::event::{PlaceUnit, Reading, RowPlace, Rows, UnusableKind};
use crate::report::text::{columns, left, visible, wrap};
use crate::report::wording::unusable_kind;

/// The least width of the names.
const NAMES: usize = 9;

/// A list of named values.
#[derive(Debug, Default)]
pub struct Details {
    list: Vec<Detail>,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Its name.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: String,
}

impl Details {
    /// Adds a value.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        let value = value.into();
        self.list.push(Detail { name, value });
    }

    /// The values with their names, in order.
    pub fn into_values(self) -> impl Iterator<Item = (Cow<'static, str>, String)> {
        self.list.into_iter().map(|detail| (detail.name, detail.value))
    }

    /// Adds what an audience has beyond its limit, its exclude lists, and its repeated and unusable rows.
    pub fn add_left_out(&mut self, reading: &Reading) {
        if reading.cut > 0 {
            let cut = run::UsersCut {
                n: &Grouped(reading.cut),
            };
            self.add(run::DetailAudience.to_string(), cut.to_string());
        }
        for list in &reading.excludes {
            let excluded = run::ExcludedBy {
                list: &visible(&list.list),
                people: list.people,
                excluded: list.excluded,
            };
            self.add(run::DetailExclude.to_string(), excluded.to_string());
        }
        if reading.repeated.count > 0 {
            self.add(run::DetailRepeated.to_string(), rows(&reading.repeated, reading));
        }
        for (kind, unusable) in &reading.unusable {
            let why = match kind {
                UnusableKind::UnreadableLastActive => run::UnreadableLastActive {
                    times: &run::ReadableTimes,
                }
                .to_string(),
                kind => unusable_kind(*kind),
            };
            let rows = run::RowBecause {
                rows: &rows(unusable, reading),
                why: &why,
            };
            self.add(run::DetailUnusable.to_string(), rows.to_string());
        }
    }

    /// The values in order. Only the first of adjacent values of one name has the name.
    pub fn lines(&self) -> impl Iterator<Item = Detail> {
        let mut before = "";
        self.list.iter().map(move |detail| {
            let is_repeated = std::mem::replace(&mut before, &detail.name) == detail.name;
            Detail {
                name: if is_repeated {
                    Cow::Borrowed("")
                } else {
                    detail.name.clone()
                },
                value: detail.value.clone(),
            }
        })
    }

    /// The values in lines of at most `width` columns.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let names = self.list.iter().map(|detail| columns(&detail.name));
        let names = names.max().unwrap_or_default().max(NAMES);
        let mut text = String::new();
        for Detail { name, value } in self.lines() {
            let _ = writeln!(text, "  {} {}", left(&name, names), wrap(&value, width, names + 3));
        }
        text
    }
}

/// "7 rows (lines 3, 9, 12, 40, 41, …)"; with file names if there are several files.
pub fn rows(rows: &Rows, reading: &Reading) -> String {
    let number = |place: &RowPlace| match &place.value {
        Some(value) => format!("{} {}", place.number, visible(&format!("{value:?}"))),
        None => place.number.to_string(),
    };
    let place = |place: &RowPlace| visible(&place.to_string()).into_owned();
    let comma = run::ListComma.to_string();
    let joined = |text: &dyn Fn(&RowPlace) -> String| rows.first.iter().map(text).collect::<Vec<_>>().join(&comma);
    let is_one = rows.count == 1;
    let places = if reading.shares.len() > 1 {
        joined(&place)
    } else {
        let places = joined(&number);
        match rows.first.first().map(|place| place.unit) {
            Some(PlaceUnit::Row) if is_one => run::RowAt { places: &places }.to_string(),
            Some(PlaceUnit::Row) => run::RowsAtNumbers { places: &places }.to_string(),
            Some(PlaceUnit::Line) | None if is_one => run::LineAt { places: &places }.to_string(),
            Some(PlaceUnit::Line) | None => run::LinesAt { places: &places }.to_string(),
        }
    };
    let has_more = rows.count > rows.first.len() as u64;
    run::RowsAt {
        rows: &run::Rows { n: rows.count },
        places: &places,
        more: &if has_more { "yes" } else { "no" },
    }
    .to_string()
}
