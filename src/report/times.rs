//! Times, durations and numbers for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{Grouped, wording};
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

/// Formats `at` in `zone` for a line of a log: to the second, with its date and its offset.
#[must_use]
pub fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// The name of `zone`; its offset at `now` if it has no name.
#[must_use]
pub fn zone_name(zone: &TimeZone, now: Timestamp) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => now.to_zoned_datetime(zone.clone()).strftime("%:z").to_string(),
    }
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
    left_until(at, now).map_or_else(
        || wording::Now.to_string(),
        |left| wording::AheadOfNow { left: &left }.to_string(),
    )
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
    let whole = span.as_secs();
    let days = whole / 86_400;
    let hours = whole / 3_600 % 24;
    let minutes = whole / 60 % 60;
    let seconds = whole % 60;
    let tenths = span.subsec_millis() / 100;
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0..=9) if tenths > 0 => wording::SecondsAndTenths {
            seconds: &seconds,
            tenths: &tenths,
        }
        .to_string(),
        (0, 0, 0, _) => wording::Seconds { seconds: &seconds }.to_string(),
        (0, 0, _, 0) => wording::Minutes { minutes: &minutes }.to_string(),
        (0, 0, ..) => wording::MinutesAndSeconds {
            minutes: &minutes,
            seconds: &seconds,
        }
        .to_string(),
        (0, _, 0, _) => wording::Hours { hours: &hours }.to_string(),
        (0, ..) => wording::HoursAndMinutes {
            hours: &hours,
            minutes: &minutes,
        }
        .to_string(),
        (_, 0, ..) => wording::DaysOfTime { days: &days }.to_string(),
        _ => wording::DaysAndHours {
            days: &days,
            hours: &hours,
        }
        .to_string(),
    }
}

/// A whole number with commas between thousands.
#[must_use]
pub fn grouped(n: u64) -> String {
    Grouped(n).to_string()
}

/// A rate to few digits: "98/s", "97.8/s", "0.25/s".
#[must_use]
pub fn rate(per_second: f64) -> String {
    let digits = if per_second >= 10.0 { 1 } else { 2 };
    let text = format!("{per_second:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let n = if text.is_empty() { "0" } else { text };
    wording::PerSecond { n: &n }.to_string()
}

/// "1 coupon", "2 coupons": for texts that are not in the catalogue yet.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

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
        let spans = [
            640,
            12_300,
            60_000,
            125_000,
            7_200_000,
            7_980_000,
            172_800_000,
            273_600_000,
        ];
        let chinese = Language::Chinese.scope(|| spans.map(|ms| duration(Duration::from_millis(ms))));
        assert_eq!(
            chinese,
            [
                "0.6 秒",
                "12 秒",
                "1 分钟",
                "2 分 5 秒",
                "2 小时",
                "2 小时 13 分钟",
                "2 天",
                "3 天 4 小时"
            ]
        );
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
        let chinese = Language::Chinese.scope(|| [ahead("2026-06-01T11:13+08:00".parse().unwrap(), now), rate(97.84)]);
        assert_eq!(chinese, ["2 小时 13 分钟后", "97.8/秒"]);
        assert_eq!(rfc3339(now, &zone), "2026-06-01T09:00:00.000+08:00");
    }
}
