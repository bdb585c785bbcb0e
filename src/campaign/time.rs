//! Parses local times, `2026-06-01T10:00`, in the file's time zone, and dates, `2026-06-01`.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::value::{Value, quoted};

const WANTED: &str = "a local time such as `2026-06-01T10:00`";
const FORMATS: [&str; 2] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];

/// A local time in the file's zone. A skipped time is a mistake; a repeated time is its first occurrence, with a warning.
/// If the file's zone is wrong, only the form is checked.
pub(super) struct LocalTime;

impl KeyType<Timestamp> for LocalTime {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
        let zone = value.zone();
        let text = &*value.scalar(WANTED, diagnostics)?.text;
        let Some(local) = parse(text) else {
            let what = format!("is {}, which is no local time", quoted(text));
            let help = near(text, zone).unwrap_or_else(|| format!("write {WANTED}"));
            return value.refuse(Code::Time, what, help, diagnostics);
        };
        let zone = zone?;
        let name = zone.iana_name().unwrap_or_default();
        let ambiguous = zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {}
            AmbiguousOffset::Gap { .. } => {
                let what = format!("does not exist: the clocks of {name} are put forward over it");
                let next = ambiguous.later().ok().map(|at| written(zone.to_datetime(at)));
                let help = next.map_or_else(|| format!("write {WANTED}"), |next| format!("write `{next}`"));
                return value.refuse(Code::Time, what, help, diagnostics);
            }
            AmbiguousOffset::Fold { before, after } => {
                let path = &value.path;
                let message = format!("`{path}` comes twice: the clocks of {name} are put back over it");
                let note = diagnostics.warning(Code::TimeTwice, value.span(), message);
                let earlier = format!("the earlier one is taken, at {before} from UTC, not the later one at {after}");
                note.help(earlier);
            }
        }
        let at = ambiguous.earlier().ok();
        at.or_else(|| {
            value.refuse(
                Code::Time,
                "lies beyond the calendar",
                format!("write {WANTED}"),
                diagnostics,
            )
        })
    }

    fn describe(&self) -> String {
        WANTED.into()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"})
    }
}

const WANTED_DATE: &str = "a date such as `2026-06-03`";

/// A list of dates.
pub(super) struct Dates;

impl KeyType<Vec<Date>> for Dates {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Date>> {
        value.list("write a list of dates, such as `[2026-06-03]`", diagnostics, date)
    }

    fn describe(&self) -> String {
        "a list of dates".into()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
            "examples": [["2026-06-03"]]
        })
    }
}

fn date(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Date> {
    let text = &*value.scalar(WANTED_DATE, diagnostics)?.text;
    let date = Date::strptime("%Y-%m-%d", text).ok();
    let date = date.filter(|_| shape(text) == "0000-00-00");
    date.or_else(|| {
        let what = format!("is {}, which is no date", quoted(text));
        let help = near_date(text).map_or_else(|| format!("write {WANTED_DATE}"), |near| format!("write `{near}`"));
        value.refuse(Code::Time, what, help, diagnostics)
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

/// Returns the help for a text that is not a local time; `None` if no time can be read.
fn near(text: &str, zone: Option<&TimeZone>) -> Option<String> {
    if text.len() > 40 {
        return None;
    }
    let text = text.trim();
    if let (Ok(at), Some(zone)) = (text.parse::<Timestamp>(), zone) {
        let local = zone.to_datetime(at);
        let name = zone.iana_name().unwrap_or_default();
        return Some(format!("times here are those of {name}: write `{}`", written(local)));
    }
    let numbers: Vec<i16> = text
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
        return Some(format!("write `{}`", written(next)));
    }
    if let Ok(local) = DateTime::new(year, month, day, hour, minute, second, 0) {
        return Some(format!("write `{}`", written(local)));
    }
    let first = DateTime::new(year, month, 1, hour, minute, second, 0).ok()?;
    let last = first.date().last_of_month();
    (day > last.day()).then(|| format!("that month has {} days: write {WANTED}", last.day()))
}
