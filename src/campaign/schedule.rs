//! The times at which sending is allowed.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalogue::campaign as text;
use crate::model::calendar::{Calendar, Hours};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::hours::WeekHours;
use super::keys::keys;
use super::time::{Dates, LocalTime};
use super::value::Mapping;
use super::waves::{Wave, Waves};

keys! {
    /// When something may be sent: not before the start, nothing at or after the end, only within the hours, resends included.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Schedule {
        /// Nothing is sent before.
        start: Timestamp = LocalTime, optional;
        /// Nothing starts at this time or later, retries and resends included.
        end: Timestamp = LocalTime, optional;
        /// The hours of the week in which something starts, by the clocks of `timezone`. When absent: all of them. A window over
        /// midnight belongs to the day on which it begins.
        hours: Vec<Hours> = WeekHours, optional;
        /// Days on which no window begins.
        closed: Vec<Date> = Dates, optional;
        /// Shares of the audience that are sent to before the others, in this order, each followed by a wait.
        waves: Vec<Wave> = Waves, optional;
    }
    check |map, diagnostics| {
        // A value that cannot be parsed is already reported, and contradicts nothing.
        let readable = map.get("hours").is_some() == hours.is_some() && map.get("closed").is_some() == closed.is_some();
        let schedule = Self { start, end, hours: hours.clone(), closed: closed.clone(), waves: None };
        if !schedule.ends_first(map, diagnostics) && readable {
            schedule.leaves_nothing(map, diagnostics);
        }
    }
}

impl Schedule {
    /// Returns the calendar of the windows and the closed days in `zone`.
    #[must_use]
    pub fn calendar(&self, zone: &TimeZone) -> Calendar {
        let hours = self.hours.as_deref();
        let closed = self.closed.as_deref();
        Calendar::new(zone.clone(), hours.unwrap_or_default(), closed.unwrap_or_default())
    }

    /// Reports an end that is not after the start. Returns whether it is.
    fn ends_first(&self, map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> bool {
        let (Some(start), Some(end), Some(value)) = (self.start, self.end, map.get("end")) else {
            return false;
        };
        if end > start {
            return false;
        }
        let path = &value.path;
        let note = if end == start {
            diagnostics.error(Code::Contradiction, value.span(), text::EndIsStart { path })
        } else {
            diagnostics.error(Code::Contradiction, value.span(), text::EndBeforeStart { path })
        };
        note.help(text::EndHelp);
        true
    }

    /// Reports a schedule without a window, if it has a start and an end.
    fn leaves_nothing(&self, map: &Mapping<'_>, diagnostics: &mut Diagnostics) {
        let (Some(start), Some(end)) = (self.start, self.end) else {
            return;
        };
        let value = map.get("closed").or_else(|| map.get("hours"));
        let Some((value, zone)) = value.and_then(|value| Some((value, value.zone()?))) else {
            return;
        };
        if self.calendar(zone).opens(start).is_none_or(|opens| opens >= end) {
            let message = text::NoWindow { path: &value.path };
            let note = diagnostics.error(Code::Contradiction, value.mark(), message);
            note.help(text::NoWindowHelp);
        }
    }
}
