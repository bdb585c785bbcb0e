//! Parses times of the last activity, in the forms that sources use.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::batch::Activity;
use super::cell::Cell;
use super::columns::Columns;
use crate::model::clock::from_ms;

/// From this number on, a number is in milliseconds: in seconds it would be the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// The texts for an absent value.
const NOTHING: [&str; 4] = ["", "null", "NULL", "\\N"];

/// No user of the platform was last active before this day.
const EARLIEST: Date = Date::constant(2016, 1, 1);

/// Parses the times at which users were last active.
///
/// Times without a zone are in the zone of the source. A time before 2016 or after the end of tomorrow is not valid: a
/// spreadsheet's day number read as Unix seconds is a day in 1970, and `20200101000000` read as Unix milliseconds is in
/// the year 2610. Tomorrow is valid, because clocks and zones differ.
#[derive(Clone, Debug)]
pub(super) struct ActivityParser {
    zone: TimeZone,
    earliest: Timestamp,
    /// The first moment that is too late.
    end: Timestamp,
}

impl ActivityParser {
    pub(super) fn new(columns: &Columns) -> Self {
        let zone = columns.zone.clone();
        let tomorrow = zone.to_datetime(columns.present).date().tomorrow();
        let end = tomorrow.and_then(Date::tomorrow).ok();
        Self {
            earliest: day(EARLIEST, &zone).unwrap_or(Timestamp::MIN),
            end: end.and_then(|end| day(end, &zone)).unwrap_or(Timestamp::MAX),
            zone,
        }
    }

    /// Parses text: RFC 3339, a local time, a date (the start of that day), or Unix time in seconds or milliseconds.
    /// Months, days and hours may have one digit. The year comes first, because `5/6/2026` is a day of May or of June.
    pub(super) fn text<'t>(&self, text: &'t str) -> Activity<'t> {
        let text = text.trim();
        // Most sources write times in this form, and most of the time to read a row went into the other ones.
        if let Some(at) = database_time(text.as_bytes()) {
            return self.activity(local(at, &self.zone), text);
        }
        if NOTHING.contains(&text) {
            return Activity::Unknown;
        }
        let is_number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
            && !text.get(1..).is_some_and(|rest| rest.contains('-'))
            && text.matches('.').count() < 2;
        if is_number {
            return self.activity(number(text), text);
        }
        self.activity(with_offset(text).or_else(|| local(local_time(text)?, &self.zone)), text)
    }

    /// Parses a typed value. Its text is written into `written`, for the report of an unreadable value.
    pub(super) fn cell<'t>(&self, cell: &Cell<'_>, written: &'t mut String) -> Activity<'t> {
        written.clear();
        // Writing to a string does not fail.
        let at = match *cell {
            Cell::Null => return Activity::Unknown,
            Cell::Text(bytes) | Cell::Decimal(bytes) => {
                written.push_str(&String::from_utf8_lossy(bytes));
                return self.text(written);
            }
            Cell::Whole(number) => {
                let _ = write!(written, "{number}");
                i64::try_from(number).ok().and_then(unix)
            }
            Cell::Real(number) => {
                let _ = write!(written, "{number}");
                real(number)
            }
            Cell::At(ms) => {
                let at = milliseconds(ms);
                let _ = match at {
                    Some(at) => write!(written, "{at}"),
                    None => write!(written, "{ms}"),
                };
                at
            }
            Cell::Local(at) => {
                let _ = write!(written, "{at}");
                local(at, &self.zone)
            }
            Cell::Day(date) => {
                let _ = write!(written, "{date}");
                day(date, &self.zone)
            }
            Cell::Other => None,
        };
        self.activity(at, written)
    }

    fn activity<'t>(&self, at: Option<Timestamp>, written: &'t str) -> Activity<'t> {
        match at {
            // Only whole milliseconds are kept.
            Some(at) if self.earliest <= at && at < self.end => Activity::At(from_ms(at.as_millisecond())),
            Some(_) | None => Activity::Unreadable(written),
        }
    }
}

/// Returns the moment of a local time. A skipped time is one hour later; a repeated time is its first occurrence.
fn local(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}

/// Returns the start of a day.
fn day(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    local(date.to_datetime(Time::midnight()), zone)
}

/// Parses a time with an offset, which does not depend on the zone: `2026-06-01T09:05:00+08:00`, `2026-06-01 01:05:00 UTC`.
fn with_offset(text: &str) -> Option<Timestamp> {
    let parsed = text.parse().ok();
    parsed.or_else(|| {
        // Some databases write a space before the offset.
        let (time, offset) = text.rsplit_once(' ')?;
        let offset = match offset {
            "UTC" | "GMT" | "Z" => "Z",
            offset if offset.starts_with(['+', '-']) => offset,
            _ => return None,
        };
        format!("{}{offset}", time.trim_end()).parse().ok()
    })
}

/// Parses a local time as databases write it: `2026-06-01 09:05:00`. `None` for any other form, which may be a time too.
fn database_time(text: &[u8]) -> Option<DateTime> {
    let text: &[u8; 19] = text.try_into().ok()?;
    let is_form = text[4] == b'-' && text[7] == b'-' && text[13] == b':' && text[16] == b':';
    if !is_form || !matches!(text[10], b' ' | b'T') {
        return None;
    }
    let two = |at: usize| {
        let tens = text[at].wrapping_sub(b'0');
        let ones = text[at + 1].wrapping_sub(b'0');
        (tens < 10 && ones < 10).then(|| (tens * 10 + ones).cast_signed())
    };
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0).ok()
}

/// Parses a time without an offset: `2026-06-01T09:05:00`, `2026/6/1 9:05`, `2026.6.1`, `2026年6月1日 9时5分`.
fn local_time(text: &str) -> Option<DateTime> {
    // A zone in brackets would be ignored, and the time would be of another zone.
    let plain = text.parse().ok().filter(|_| !text.contains('['));
    plain.or_else(|| spreadsheet_time(text)).or_else(|| chinese_time(text))
}

/// Parses a local time of a spreadsheet: `2026/6/1`, `2026/6/1 9:05`, `2026-6-1T9:05:30`.
fn spreadsheet_time(text: &str) -> Option<DateTime> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time.trim_start())),
        None => (text, None),
    };
    let separator = ['/', '.'].into_iter().find(|sign| date.contains(*sign)).unwrap_or('-');
    let (year, rest) = date.split_once(separator)?;
    let (month, day) = rest.split_once(separator)?;
    let time = match time {
        Some(time) => {
            let (hour, rest) = time.split_once(':')?;
            let (minute, second) = rest.split_once(':').unwrap_or((rest, "00"));
            let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
            if minute.len() != 2 || second.len() != 2 || fraction.is_empty() || !is_digits(fraction) {
                return None;
            }
            // Only whole milliseconds are kept.
            let ms = thousandths(fraction);
            Time::new(digits(hour)?, digits(minute)?, digits(second)?, ms * 1_000_000).ok()?
        }
        None => Time::midnight(),
    };
    Some(parse_date(year, month, day)?.to_datetime(time))
}

/// Parses a local time in Chinese: `2026年6月1日`, `2026年6月1日 9:05`, `2026年06月01日09时05分30秒`.
fn chinese_time(text: &str) -> Option<DateTime> {
    let (year, rest) = text.split_once('年')?;
    let (month, rest) = rest.split_once('月')?;
    let (day, time) = rest.split_once('日')?;
    let date = parse_date(year, month, day)?;
    let time = time.trim_start();
    if time.is_empty() {
        return Some(date.to_datetime(Time::midnight()));
    }
    let time = match time.split_once('时') {
        Some((hour, rest)) => {
            let (minute, rest) = rest.split_once('分')?;
            let second = if rest.is_empty() {
                "0"
            } else {
                rest.strip_suffix('秒')?
            };
            Time::new(digits(hour)?, digits(minute)?, digits(second)?, 0).ok()?
        }
        // The time is written as after a date of a spreadsheet.
        None => spreadsheet_time(&format!("2000-1-1 {time}"))?.time(),
    };
    Some(date.to_datetime(time))
}

/// Returns the date of a year of four digits, a month and a day.
fn parse_date(year: &str, month: &str, day: &str) -> Option<Date> {
    if year.len() != 4 || !is_digits(year) {
        return None;
    }
    Date::new(year.parse().ok()?, digits(month)?, digits(day)?).ok()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the first three digits of a fraction, as a number of thousandths.
fn thousandths(fraction: &str) -> i32 {
    let digits = fraction.bytes().chain(*b"000").take(3);
    digits.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

/// Parses a number of one or two digits.
fn digits(text: &str) -> Option<i8> {
    let is_number = (1..=2).contains(&text.len()) && is_digits(text);
    is_number.then(|| text.parse().ok())?
}

/// Parses Unix time, with or without a fraction.
fn number(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    if !is_digits(fraction) {
        return None;
    }
    let at = unix(whole)?;
    if whole.abs() >= MILLISECONDS_FROM {
        return Some(at);
    }
    milliseconds(at.as_millisecond() + i64::from(thousandths(fraction)))
}

/// Converts Unix time in seconds, or in milliseconds from [`MILLISECONDS_FROM`] on.
fn unix(number: i64) -> Option<Timestamp> {
    let seconds = number.checked_mul(1000).filter(|_| number.abs() < MILLISECONDS_FROM);
    milliseconds(seconds.unwrap_or(number))
}

/// Converts Unix time with a fraction.
fn real(number: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_precision_loss, reason = "it is 10^11")]
    let in_seconds = number.abs() < MILLISECONDS_FROM as f64;
    let ms = if in_seconds { number * 1000.0 } else { number };
    // Outside these bounds, which no calendar date reaches, and for NaN, the cast would be wrong.
    if !(-1e15..1e15).contains(&ms) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded above, and milliseconds are what is kept"
    )]
    let ms = ms.round() as i64;
    milliseconds(ms)
}

/// Converts milliseconds since the Unix epoch; `None` outside the calendar.
fn milliseconds(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_form_of_databases_is_read_like_all_forms(
            text in "(20[0-9]{2}|[0-9]{4})-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
        ) {
            if let Some(at) = database_time(text.as_bytes()) {
                prop_assert_eq!(with_offset(&text), None);
                prop_assert_eq!(local_time(&text), Some(at));
            }
        }
    }

    fn parser(zone: &str, present: &str) -> ActivityParser {
        ActivityParser::new(&Columns {
            open_id: "open_id".to_owned(),
            last_active: None,
            zone: TimeZone::get(zone).expect("the zone is bundled"),
            present: present.parse().expect("a time"),
        })
    }

    fn shanghai() -> ActivityParser {
        parser("Asia/Shanghai", "2026-06-01T02:00:00Z")
    }

    fn at(written: &str) -> Activity<'static> {
        Activity::At(written.parse().expect("a time"))
    }

    #[test]
    fn every_way_to_write_a_time_is_read() {
        for written in [
            "2026-05-30T04:00:00Z",
            "2026-05-30t04:00:00z",
            "2026-05-30T12:00:00+08:00",
            "2026-05-30 12:00:00+08:00",
            "2026-05-30 12:00:00+08",
            "2026-05-29T23:00:00.000-05:00",
            "2026-05-30 12:00:00",
            "2026-05-30 12:00",
            "2026-05-30T12:00:00",
            " 2026-05-30 12:00:00.0004 ",
            "2026/05/30 12:00:00",
            "2026/5/30 12:00",
            "2026/5/30  12:00",
            "2026-5-30 12:00",
            "2026/5/30 12:00:00.000",
            "2026/05/30T12:00",
            "2026-05-30T12:00",
            "2026.5.30 12:00",
            "2026年5月30日 12:00",
            "2026年05月30日12时00分",
            "2026年5月30日 12时0分0秒",
            "2026-05-30 04:00:00 UTC",
            "2026-05-30 04:00:00.000 UTC",
            "2026-05-30 12:00:00 +0800",
            "2026-05-30 12:00:00 +08:00",
            "1780113600",
            "1780113600.0",
            "1780113600000",
            "1780113600000.9",
        ] {
            assert_eq!(shanghai().text(written), at("2026-05-30T04:00:00Z"), "{written}");
        }
        for written in [
            "2026-05-30",
            "2026/05/30",
            "2026/5/30",
            "2026-5-30",
            "2026.05.30",
            "2026年5月30日",
            "2026/5/30 0:00",
        ] {
            assert_eq!(shanghai().text(written), at("2026-05-30T00:00:00+08:00"), "{written}");
        }
        for written in ["2026/5/3 9:05:07", "2026/05/03 09:05:07", "2026-5-3 9:05:07"] {
            assert_eq!(shanghai().text(written), at("2026-05-03T09:05:07+08:00"), "{written}");
        }
        for written in ["2026-05-30 12:00:00.25", "1780113600.25", "1780113600250"] {
            assert_eq!(shanghai().text(written), at("2026-05-30T04:00:00.25Z"), "{written}");
        }
    }

    #[test]
    fn nothing_is_no_time_and_no_mistake() {
        for written in ["", "  ", "NULL", "null", "\\N"] {
            assert_eq!(shanghai().text(written), Activity::Unknown, "{written:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for written in [
            "yesterday",
            "30.05.2026",
            "30/05/2026 12:00",
            "2026-05-30T12:00:00[Europe/Berlin]",
            "2026-05-30 12:00:00 CST",
            "2026年5月",
            "2026年5月30日 12时",
            "26年5月30日",
            "5月30日",
            "2026/5/30 9:05:00.",
            "5/30/2026",
            "26/5/30",
            "2026/5",
            "2026/5/30/1",
            "2026/5-30",
            "2026/5/31 9:5",
            "2026/5/30 9",
            "2026/5/30 9:05:00:00",
            "2026/5/30 9:05 AM",
            "2026/005/30",
            "2026/+5/30",
            "2026/13/1",
            "2026-02-30",
            "2026/2/30",
            "2026-05-30 25:00:00",
            "20260530",
            "202605301200",
            "20260530120000",
            "20200101000000",
            "46172",
            "46172.5",
            "0",
            "-1",
            "-0.5",
            "-1780113600",
            "1780113600000000",
            "1.78e9",
            "-",
            ".",
            "1-2",
            "99999999999999999999",
            "2026-05-30T12:00:00+08:00 or so",
        ] {
            assert_eq!(shanghai().text(written), Activity::Unreadable(written), "{written:?}");
        }
    }

    #[test]
    fn a_time_lies_between_2016_and_the_end_of_tomorrow_in_every_form() {
        let parser = shanghai();
        // All forms in which a source can hold the time.
        let forms = |written: &str| {
            let time: Timestamp = written.parse().expect("a time");
            let local = parser.zone.to_datetime(time);
            let ms = time.as_millisecond();
            #[expect(clippy::cast_precision_loss, reason = "a time of this century")]
            let seconds = ms as f64 / 1000.0;
            let texts = [
                time.to_string(),
                local.to_string(),
                local.to_string().replace('T', " ").replace('-', "/"),
                (ms / 1000).to_string(),
                ms.to_string(),
            ];
            let mut written = String::new();
            let of_cells = [
                Cell::Whole((ms / 1000).into()),
                Cell::Whole(ms.into()),
                Cell::Real(seconds),
                Cell::At(ms),
                Cell::Local(local),
                Cell::Text(time.to_string().as_bytes()),
            ]
            .map(|cell| parser.cell(&cell, &mut written).at());
            let of_texts = texts.map(|text| parser.text(&text).at());
            let mut read: Vec<_> = of_texts.into_iter().chain(of_cells).collect();
            read.dedup();
            read
        };
        for in_range in [
            "2016-01-01T00:00:00+08:00",
            "2026-06-01T10:00:00+08:00",
            "2026-06-02T23:59:59+08:00",
        ] {
            assert_eq!(forms(in_range), [in_range.parse().ok()], "{in_range}");
        }
        for out_of_range in [
            "2015-12-31T23:59:59+08:00",
            "2026-06-03T00:00:00+08:00",
            "2099-01-01T00:00:00Z",
        ] {
            assert_eq!(forms(out_of_range), [None], "{out_of_range}");
        }
        for (date, read) in [
            (date(2015, 12, 31), false),
            (date(2016, 1, 1), true),
            (date(2026, 6, 2), true),
            (date(2026, 6, 3), false),
        ] {
            let slashed = date.to_string().replace('-', "/");
            assert_eq!(parser.text(&slashed).at().is_some(), read, "{slashed}");
            assert_eq!(parser.text(&date.to_string()).at().is_some(), read, "{date}");
            assert_eq!(
                parser.cell(&Cell::Day(date), &mut String::new()).at().is_some(),
                read,
                "{date}"
            );
        }
    }

    #[test]
    fn a_value_that_is_no_time_is_told_as_it_is_written() {
        let told = |cell| match shanghai().cell(&cell, &mut String::new()) {
            Activity::Unreadable(written) => written.to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(told(Cell::Text("\u{8fd1}期".as_bytes())), "\u{8fd1}期");
        assert_eq!(told(Cell::Text(b"\xff46172")), "\u{fffd}46172");
        assert_eq!(told(Cell::Whole(46172)), "46172");
        assert_eq!(told(Cell::Whole(i128::MAX)), i128::MAX.to_string());
        assert_eq!(told(Cell::Real(46172.5)), "46172.5");
        assert_eq!(told(Cell::Real(f64::NAN)), "NaN");
        assert_eq!(told(Cell::At(-1000)), "1969-12-31T23:59:59Z");
        assert_eq!(told(Cell::At(i64::MAX)), i64::MAX.to_string());
        assert_eq!(
            told(Cell::Local(date(2099, 1, 1).at(8, 0, 0, 0))),
            "2099-01-01T08:00:00"
        );
        assert_eq!(told(Cell::Day(date(1970, 1, 1))), "1970-01-01");
        assert_eq!(told(Cell::Other), "");
    }

    #[test]
    fn clocks_that_are_changed_leave_no_hole() {
        let berlin = parser("Europe/Berlin", "2026-12-01T00:00:00Z");
        assert_eq!(berlin.text("2026-03-29 02:30:00"), at("2026-03-29T01:30:00Z"));
        assert_eq!(berlin.text("2026-10-25 02:30:00"), at("2026-10-25T00:30:00Z"));
        assert_eq!(berlin.text("2026/10/25 2:30"), at("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn a_present_at_the_end_of_the_calendar_is_no_failure() {
        let last = ActivityParser::new(&Columns {
            open_id: "open_id".to_owned(),
            last_active: None,
            zone: TimeZone::UTC,
            present: Timestamp::MAX,
        });
        assert_eq!(last.text("2026-05-30"), at("2026-05-30T00:00:00Z"));
    }
}
