//! The times at which sending is allowed.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;

use crate::model::calendar::{Calendar, Hours};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::value::Value;
use super::waves::{self, Wave};
use super::{hours, time};

pub(super) const KEYS: &[Key] = &[
    Key::optional("start"),
    Key::optional("end"),
    Key::optional("hours"),
    Key::optional("closed"),
    Key::optional("waves"),
];

/// When something may be sent: not before the start, nothing at or after the end, only within the hours, resends included.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Schedule {
    /// Nothing is sent before.
    #[schemars(schema_with = "time::schema")]
    pub start: Option<Timestamp>,
    /// Nothing starts at this time or later, retries and resends included.
    #[schemars(schema_with = "time::schema")]
    pub end: Option<Timestamp>,
    /// The hours of the week in which something starts, by the clocks of `timezone`. When absent: all of them. A window over
    /// midnight belongs to the day on which it begins.
    #[schemars(schema_with = "hours::schema")]
    pub hours: Option<Vec<Hours>>,
    /// Days on which no window begins.
    #[schemars(schema_with = "time::dates_schema")]
    pub closed: Option<Vec<Date>>,
    /// Shares of the audience that have their turn before the others, in this order, each with a wait behind it.
    #[schemars(extend("maxItems" = waves::MOST))]
    pub waves: Option<Vec<Wave>>,
}

impl Schedule {
    /// Parses the schedule; `None` if it is not a mapping. `zone` is `None` if the file's time zone is wrong; then only
    /// the form of times is checked.
    pub(super) fn read(value: &Value<'_>, zone: Option<&TimeZone>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let start = map.get("start").and_then(|value| value.time(zone, diagnostics));
        let end = map.get("end").and_then(|value| value.time(zone, diagnostics));
        let hours = map.get("hours").map(|value| value.all_hours(diagnostics));
        let closed = map.get("closed").map(|value| value.dates(diagnostics));
        let waves = map.get("waves").and_then(|value| Wave::read_all(value, diagnostics));
        // A value that cannot be parsed is already reported, and contradicts nothing.
        let readable = hours != Some(None) && closed != Some(None);
        let said = Self {
            start,
            end,
            hours: hours.flatten(),
            closed: closed.flatten(),
            waves,
        };
        if let (Some(from), Some(to), Some(value)) = (start, end, map.get("end"))
            && to <= from
        {
            ends_first(value, from == to, diagnostics);
        } else if let (true, Some(zone), Some(value)) = (readable, zone, map.get("closed").or_else(|| map.get("hours")))
        {
            said.leaves_nothing(value, zone, diagnostics);
        }
        Some(said)
    }

    /// Returns the calendar of the windows and the closed days in `zone`.
    #[must_use]
    pub fn calendar(&self, zone: &TimeZone) -> Calendar {
        let hours = self.hours.as_deref();
        let closed = self.closed.as_deref();
        Calendar::new(zone.clone(), hours.unwrap_or_default(), closed.unwrap_or_default())
    }

    /// Reports a schedule without a window, if it has a start and an end.
    fn leaves_nothing(&self, value: &Value<'_>, zone: &TimeZone, diagnostics: &mut Diagnostics) {
        let (Some(start), Some(end)) = (self.start, self.end) else {
            return;
        };
        if self.calendar(zone).opens(start).is_none_or(|opens| opens >= end) {
            let path = &value.path;
            let message = format!("`{path}` leaves no window between `schedule.start` and `schedule.end`");
            let note = diagnostics.error(Code::IllegalFact, value.mark(), message);
            note.help("widen `schedule.hours`, take a day out of `schedule.closed`, or put `schedule.end` later");
        }
    }
}

fn ends_first(value: &Value<'_>, at_once: bool, diagnostics: &mut Diagnostics) {
    let how = if at_once { "is the start" } else { "is before the start" };
    let message = format!("`{}` {how}: nothing could ever be sent", value.path);
    let note = diagnostics.error(Code::IllegalFact, value.span(), message);
    note.help("write an end that is later than `schedule.start`");
}
