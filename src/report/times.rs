//! Times, durations and numbers for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::Grouped;
use crate::model::clock;

/// Formats `at` in `zone`: the time of day, with the date before it unless that is `now`'s. Seconds are omitted when
/// they are zero.
#[must_use]
pub fn clock_time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    let day = if at.date() == now.to_zoned_datetime(zone.clone()).date() {
        ""
    } else {
        "%Y-%m-%d "
    };
    let seconds = if at.second() == 0 { "" } else { ":%S" };
    at.strftime(&format!("{day}%H:%M{seconds}")).to_string()
}

/// Formats `at` in `zone` with its date, without seconds.
#[must_use]
pub fn date_time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// Formats `at` in `zone` to the second, always in the same length.
#[must_use]
pub fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// Formats `at` as RFC 3339 with the offset of `zone`, to the millisecond.
#[must_use]
pub fn rfc3339(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
        .to_string()
}

/// "in 2 h 13 min", or "now" when `at` is not after `now`.
#[must_use]
pub fn ahead(at: Timestamp, now: Timestamp) -> String {
    left_until(at, now).map_or_else(|| "now".to_owned(), |left| format!("in {left}"))
}

/// "2 h 13 min"; `None` when `at` is not after `now`.
#[must_use]
pub fn left_until(at: Timestamp, now: Timestamp) -> Option<String> {
    let left = clock::until(now, at)?;
    // Round up: half a second of waiting is visible, too.
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Some(duration(Duration::from_secs(seconds)))
}

/// A duration in its two largest units: "3 d 4 h", "2 h 13 min", "2 min 5 s", "12 s"; below ten seconds with a tenth.
#[must_use]
pub fn duration(span: Duration) -> String {
    let s = span.as_secs();
    let pair = |large: u64, large_unit, small: u64, small_unit| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match s {
        0..=9 if span.subsec_millis() >= 100 => format!("{s}.{} s", span.subsec_millis() / 100),
        0..=59 => format!("{s} s"),
        60..=3_599 => pair(s / 60, "min", s % 60, "s"),
        3_600..=86_399 => pair(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => pair(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

/// A whole number with commas between thousands.
#[must_use]
pub fn grouped(n: u64) -> String {
    Grouped(n).to_string()
}

/// An amount in fen: "12,345.60 yuan".
#[must_use]
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02} yuan", grouped(fen / 100), fen % 100)
}

/// A rate to few digits: "98/s", "97.8/s", "0.25/s".
#[must_use]
pub fn rate(per_second: f64) -> String {
    let digits = if per_second >= 10.0 { 1 } else { 2 };
    let text = format!("{per_second:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}/s", if text.is_empty() { "0" } else { text })
}

/// "1 coupon", "2 coupons".
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (0, "0 s"),
            (640, "0.6 s"),
            (6_250, "6.2 s"),
            (12_300, "12 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
            (7_980_000, "2 h 13 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn numbers_are_easy_on_the_eye() {
        let numbers = [0, 12, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "12", "999", "1,000", "1,234,567"]);
        let rates = [0.0, 0.25, 98.0, 97.84, 1234.5, 100.0, 9.999].map(rate);
        assert_eq!(rates, ["0/s", "0.25/s", "98/s", "97.8/s", "1234.5/s", "100/s", "10/s"]);
    }

    #[test]
    fn a_time_of_another_day_has_its_date() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = "2026-06-01T09:00:00+08:00".parse().unwrap();
        for (at, text) in [
            ("2026-06-01T10:00:00+08:00", "10:00"),
            ("2026-06-01T10:00:01+08:00", "10:00:01"),
            ("2026-06-02T00:00:00+08:00", "2026-06-02 00:00"),
        ] {
            assert_eq!(clock_time(at.parse().unwrap(), now, &zone), text);
        }
        assert_eq!(ahead("2026-06-01T09:00:00.2+08:00".parse().unwrap(), now), "in 1 s");
        assert_eq!(ahead(now, now), "now");
        assert_eq!(rfc3339(now, &zone), "2026-06-01T09:00:00.000+08:00");
    }
}
