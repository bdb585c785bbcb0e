//! When a ledger is compared again by itself. Pure.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::known::date;
use super::use_case::Compared;

/// When the bill of the day before may be there. No document says it; a comparable platform makes it by ten.
const MORNING: Time = jiff::civil::time(10, 0, 0, 0);
/// How soon a comparison is repeated that may settle more by itself.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// How soon a comparison is tried again while another process sends.
const BUSY: SignedDuration = SignedDuration::from_mins(10);

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Another process has the ledger or the app.
    Busy,
    /// The same comparison may settle more by itself.
    Waits,
    /// It has settled what it can.
    Settled,
}

/// When the next comparison is due: on the next morning, and sooner if the last one was not made or may settle more.
#[must_use]
pub fn next_comparison(now: Timestamp, zone: &TimeZone, last: Turn) -> Timestamp {
    let soon = |wait| now.checked_add(wait).unwrap_or(Timestamp::MAX);
    let today = date(now, zone);
    let mornings = today.series(jiff::Span::new().days(1)).take(3);
    let mornings = mornings.filter_map(|day| zone.to_timestamp(day.to_datetime(MORNING)).ok());
    let morning = mornings.into_iter().find(|morning| *morning > now);
    let morning = morning.unwrap_or_else(|| soon(SignedDuration::from_hours(24)));
    match last {
        Turn::Busy => morning.min(soon(BUSY)),
        Turn::Waits => morning.min(soon(SOON)),
        Turn::Settled => morning,
    }
}

/// Whether nothing is left to compare: the campaign is complete, nothing is open, and a day has passed since the last attempt.
#[must_use]
pub fn is_over(compared: &Compared, is_complete: bool, now: Timestamp, zone: &TimeZone) -> bool {
    let is_later = |last: Timestamp| date(now, zone) > date(last, zone);
    is_complete && compared.open.is_empty() && compared.last_attempt.is_none_or(is_later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn the_next_comparison_is_in_the_morning_and_sooner_if_it_may_settle_more() {
        let next = |now, last| next_comparison(at(now), &shanghai(), last);
        let morning = at("2026-06-02T10:00:00+08:00");
        let evening = "2026-06-01T22:30:00+08:00";
        assert_eq!(next(evening, Turn::Settled), morning);
        assert_eq!(
            next("2026-06-02T10:00:00+08:00", Turn::Settled),
            at("2026-06-03T10:00:00+08:00")
        );
        assert_eq!(next(evening, Turn::Waits), at("2026-06-01T23:30:00+08:00"));
        assert_eq!(next("2026-06-02T09:30:00+08:00", Turn::Waits), morning);
        assert_eq!(next(evening, Turn::Busy), at("2026-06-01T22:40:00+08:00"));
    }

    #[test]
    fn a_watch_ends_on_the_day_after_the_last_attempt() {
        let compared = Compared {
            last_attempt: Some(at("2026-06-01T22:00:00+08:00")),
            ..Compared::default()
        };
        let over = |is_complete, now| is_over(&compared, is_complete, at(now), &shanghai());
        assert!(!over(true, "2026-06-01T23:59:00+08:00"));
        assert!(over(true, "2026-06-02T10:00:00+08:00"));
        assert!(!over(false, "2026-06-02T10:00:00+08:00"));
    }
}
