//! When a user was last active, as sources write it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::Activity;
use crate::clock::from_ms;

/// From here on a number counts milliseconds: as seconds it would be the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// What is written for no value at all.
const NOTHING: [&str; 4] = ["", "null", "NULL", "\\N"];

/// Reads a time: RFC 3339, a local time on the clocks of `zone`, a date (the start of that day there), or Unix time in
/// seconds or milliseconds.
pub(super) fn text(text: &str, zone: &TimeZone) -> Activity {
    let text = text.trim();
    if NOTHING.contains(&text) {
        return Activity::Unknown;
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
        && !is_dated(text)
    {
        return number(text);
    }
    let local = || {
        let at: DateTime = text.parse().ok()?;
        local(at, zone)
    };
    // What names its own offset is not local, and what does not is no time of its own.
    match text.parse::<Timestamp>().ok().or_else(local) {
        Some(at) => milliseconds(at.as_millisecond()),
        None => Activity::Unreadable,
    }
}

/// Whether it begins like a date: `2026-05-30`.
fn is_dated(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes().get(4) == Some(&b'-')
}

/// The moment that the clocks of `zone` show this: one that they skip is an hour later, one that they show twice the
/// earlier.
pub(super) fn local(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}

/// The start of a day.
pub(super) fn day(date: Date, zone: &TimeZone) -> Activity {
    match local(date.to_datetime(jiff::civil::Time::midnight()), zone) {
        Some(at) => Activity::At(at),
        None => Activity::Unreadable,
    }
}

/// Unix time, where fractions may follow a point.
fn number(text: &str) -> Activity {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(whole) = whole.parse::<i64>() else {
        return Activity::Unreadable;
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Activity::Unreadable;
    }
    match unix(whole) {
        Activity::At(at) if whole.abs() < MILLISECONDS_FROM => {
            let digits = fraction.bytes().chain(*b"000").take(3);
            let fraction = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            milliseconds(at.as_millisecond() + if text.starts_with('-') { -fraction } else { fraction })
        }
        read => read,
    }
}

/// Unix time in seconds, or in milliseconds from the size at which seconds would be far ahead of any use.
///
/// A date without its hyphens looks like a number of seconds in 1970, and is refused: taken for one, everybody would have
/// been gone for decades.
pub(super) fn unix(number: i64) -> Activity {
    if is_compact_date(number) {
        return Activity::Unreadable;
    }
    let seconds = number.checked_mul(1000).filter(|_| number.abs() < MILLISECONDS_FROM);
    milliseconds(seconds.unwrap_or(number))
}

/// Unix time as a number with a fraction.
pub(super) fn real(number: f64) -> Activity {
    #[expect(clippy::cast_precision_loss, reason = "it is 10^11")]
    let in_seconds = number.abs() < MILLISECONDS_FROM as f64;
    let ms = if in_seconds { number * 1000.0 } else { number };
    // Beyond these bounds, where the calendar ended long before, or with no number at all, nothing is cast.
    if !(-1e15..1e15).contains(&ms) {
        return Activity::Unreadable;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded above, and milliseconds are what is kept"
    )]
    let (ms, whole) = (ms.round() as i64, number as i64);
    if is_compact_date(whole) {
        Activity::Unreadable
    } else {
        milliseconds(ms)
    }
}

/// `20260530`.
fn is_compact_date(number: i64) -> bool {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    (1900..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// A moment in milliseconds since the Unix epoch, if the calendar has it.
pub(super) fn milliseconds(ms: i64) -> Activity {
    let at = from_ms(ms);
    if at.as_millisecond() == ms {
        Activity::At(at)
    } else {
        Activity::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").expect("the zone is bundled")
    }

    #[test]
    fn every_way_to_write_a_time_is_read() {
        let noon = "2026-05-30T04:00:00Z".parse().expect("a time");
        for written in [
            "2026-05-30T04:00:00Z",
            "2026-05-30t04:00:00z",
            "2026-05-30T12:00:00+08:00",
            "2026-05-30 12:00:00+08:00",
            "2026-05-30 12:00:00+08",
            "2026-05-29T23:00:00.000-05:00",
            "2026-05-30 12:00:00",
            "2026-05-30T12:00:00",
            " 2026-05-30 12:00:00.0004 ",
            "1780113600",
            "1780113600.0",
            "1780113600000",
            "1780113600000.9",
        ] {
            assert_eq!(text(written, &shanghai()), Activity::At(noon), "{written}");
        }
        let midnight = "2026-05-30T00:00:00+08:00".parse().expect("a time");
        assert_eq!(text("2026-05-30", &shanghai()), Activity::At(midnight));
        let half = "2026-05-30T04:00:00.25Z".parse().expect("a time");
        for written in ["2026-05-30 12:00:00.25", "1780113600.25", "1780113600250"] {
            assert_eq!(text(written, &shanghai()), Activity::At(half), "{written}");
        }
        assert_eq!(text("-1", &shanghai()), Activity::At(from_ms(-1000)));
        assert_eq!(text("-0.5", &shanghai()), Activity::At(from_ms(-500)));
    }

    #[test]
    fn nothing_is_no_time_and_no_mistake() {
        for written in ["", "  ", "NULL", "null", "\\N"] {
            assert_eq!(text(written, &shanghai()), Activity::Unknown, "{written:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for written in [
            "yesterday",
            "30.05.2026",
            "30/05/2026 12:00",
            "2026-02-30",
            "2026-05-30 25:00:00",
            "20260530",
            "1780113600000000",
            "1.78e9",
            "-",
            ".",
            "1-2",
            "99999999999999999999",
            "2026-05-30T12:00:00+08:00 or so",
        ] {
            assert_eq!(text(written, &shanghai()), Activity::Unreadable, "{written:?}");
        }
    }

    #[test]
    fn clocks_that_are_changed_leave_no_hole() {
        let berlin = TimeZone::get("Europe/Berlin").expect("the zone is bundled");
        let at = |written: &str| Activity::At(written.parse().expect("a time"));
        assert_eq!(text("2026-03-29 02:30:00", &berlin), at("2026-03-29T01:30:00Z"));
        assert_eq!(text("2026-10-25 02:30:00", &berlin), at("2026-10-25T00:30:00Z"));
    }
}
