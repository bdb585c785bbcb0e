//! Parses local times, `2026-06-01T10:00`, in the file's time zone, and dates, `2026-06-01`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::calendar::DAY;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::hours;
use super::keys::KeyType;
use super::value::{Value, quoted};

const FORMATS: [&str; 2] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];

/// A local time in the file's zone. A skipped time is a mistake; a repeated time is its first occurrence, with a warning.
/// If the file's zone is wrong, only the form is checked.
pub(super) struct LocalTime;

impl KeyType<Timestamp> for LocalTime {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
        let zone = value.zone();
        let path = &value.path;
        let wanted = &text::LocalTime;
        let as_wanted = || text::Write { wanted }.to_string();
        let written = &*value.scalar(wanted, diagnostics)?.text;
        let Some(local) = parse(written) else {
            let message = text::NotLocalTime {
                path,
                value: &quoted(written),
            };
            let help = near(written, zone).unwrap_or_else(as_wanted);
            return value.refuse(Code::Time, message, help, diagnostics);
        };
        let zone = zone?;
        let name = &zone.iana_name().unwrap_or_default();
        let ambiguous = zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {}
            AmbiguousOffset::Gap { .. } => {
                let next = ambiguous.later().ok();
                let help = next.map_or_else(as_wanted, |next| write_time(zone.to_datetime(next)));
                return value.refuse(Code::Time, text::SkippedTime { path, zone: name }, help, diagnostics);
            }
            AmbiguousOffset::Fold { before, after } => {
                let message = text::RepeatedTime { path, zone: name };
                let note = diagnostics.warning(Code::TimeTwice, value.span(), message);
                note.help(text::RepeatedTimeHelp {
                    before: &before,
                    after: &after,
                });
            }
        }
        let at = ambiguous.earlier().ok();
        at.or_else(|| value.refuse(Code::Time, text::BeyondCalendar { path }, as_wanted(), diagnostics))
    }

    fn describe(&self) -> String {
        text::LocalTime.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"})
    }
}

/// A list of dates.
pub(super) struct Dates;

impl KeyType<Vec<Date>> for Dates {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Date>> {
        value.list(text::DatesHelp, diagnostics, date)
    }

    fn describe(&self) -> String {
        text::Dates.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            "examples": [["2026-06-03"]]
        })
    }
}

/// One date.
pub(super) struct OneDate;

impl KeyType<Date> for OneDate {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Date> {
        date(value, diagnostics)
    }

    fn describe(&self) -> String {
        text::WantDate.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2026-12-31"]
        })
    }
}

/// A time of day: `10:00`.
pub(super) struct TimeOfDay;

impl KeyType<Time> for TimeOfDay {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Time> {
        let wanted = &text::WantTimeOfDay;
        let written = &*value.scalar(wanted, diagnostics)?.text;
        hours::minute(written).and_then(time_of_day).or_else(|| {
            let message = text::NotTimeOfDay {
                path: &value.path,
                value: &quoted(written),
            };
            let folded = written.trim().to_lowercase().replace('：', ":");
            let near = hours::near_minute(&folded).and_then(|minute| time_of_day(minute % DAY));
            let help = near.map_or_else(
                || text::Write { wanted }.to_string(),
                |near| {
                    let value = &near.strftime("%H:%M");
                    text::WriteValue { value }.to_string()
                },
            );
            value.refuse(Code::Time, message, help, diagnostics)
        })
    }

    fn describe(&self) -> String {
        text::WantTimeOfDay.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["10:00"]})
    }
}

/// Returns the time of day at a minute; `None` for the midnight at the end of a day.
fn time_of_day(minute: u16) -> Option<Time> {
    let part = |part: u16| i8::try_from(part).ok();
    Time::new(part(minute / 60)?, part(minute % 60)?, 0, 0).ok()
}

fn date(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Date> {
    let wanted = &text::WantDate;
    let written = &*value.scalar(wanted, diagnostics)?.text;
    let date = Date::strptime("%Y-%m-%d", written).ok();
    let date = date.filter(|_| shape(written) == "0000-00-00");
    date.or_else(|| {
        let message = text::NotDate {
            path: &value.path,
            value: &quoted(written),
        };
        let help = near_date(written).map_or_else(
            || text::Write { wanted }.to_string(),
            |near| text::WriteValue { value: &near }.to_string(),
        );
        value.refuse(Code::Time, message, help, diagnostics)
    })
}

/// Returns the text with 0 in place of each digit.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// Returns the date that was probably meant, with other separators or followed by a time; `None` if no date can be
/// read.
fn near_date(text: &str) -> Option<Date> {
    let numbers = text
        .trim()
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let numbers: Vec<i16> = numbers.take(3).map_while(|part| part.parse().ok()).collect();
    let [year, month, day] = *numbers.as_slice() else {
        return None;
    };
    let part = |part: i16| i8::try_from(part).ok();
    Date::new(year, part(month)?, part(day)?).ok().filter(|_| year >= 1000)
}

/// Parses a local time: four digits of the year, two of everything else; `None` for any other form.
fn parse(text: &str) -> Option<DateTime> {
    let format = match shape(text).as_str() {
        "0000-00-00T00:00" => FORMATS[0],
        "0000-00-00T00:00:00" => FORMATS[1],
        _ => return None,
    };
    // Clocks never show the 60 of a leap second, but the format would accept it.
    if text.get(17..19).is_some_and(|seconds| seconds > "59") {
        return None;
    }
    DateTime::strptime(format, text).ok()
}

fn written(local: DateTime) -> String {
    let format = if local.second() == 0 { FORMATS[0] } else { FORMATS[1] };
    local.strftime(format).to_string()
}

fn write_time(local: DateTime) -> String {
    text::WriteValue { value: &written(local) }.to_string()
}

/// Returns the help for a text that is not a local time; `None` if no time can be read.
fn near(value: &str, zone: Option<&TimeZone>) -> Option<String> {
    if value.len() > 40 {
        return None;
    }
    let value = value.trim();
    if let (Ok(at), Some(zone)) = (value.parse::<Timestamp>(), zone) {
        let help = text::ZoneHelp {
            zone: &zone.iana_name().unwrap_or_default(),
            value: &written(zone.to_datetime(at)),
        };
        return Some(help.to_string());
    }
    let numbers: Vec<i16> = value
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map_while(|part| part.parse().ok())
        .collect();
    let (year, month, day, rest) = match *numbers.as_slice() {
        [year, month, day, ref rest @ ..] if year >= 1000 => (year, month, day, rest),
        _ => return None,
    };
    let part = |at: usize| i8::try_from(rest.get(at).copied().unwrap_or_default()).ok();
    let month = i8::try_from(month).ok()?;
    let day = i8::try_from(day).ok()?;
    let hour = part(0)?;
    let minute = part(1)?;
    let second = part(2)?;
    if (hour, minute, second) == (24, 0, 0) {
        let midnight = DateTime::new(year, month, day, 0, 0, 0, 0).ok()?;
        let next = midnight.checked_add(SignedDuration::from_hours(24)).ok()?;
        return Some(write_time(next));
    }
    if let Ok(local) = DateTime::new(year, month, day, hour, minute, second, 0) {
        return Some(write_time(local));
    }
    let first = DateTime::new(year, month, 1, hour, minute, second, 0).ok()?;
    let last = first.date().last_of_month();
    let help = text::MonthDays {
        days: &last.day(),
        wanted: &text::LocalTime,
    };
    (day > last.day()).then(|| help.to_string())
}
