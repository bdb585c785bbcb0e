//! Why the time does not suffice for a plan, in words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::clock::until;
use crate::plan::forecast::{Forecast, Obstacle};

use super::times::{counted, date_time, duration, grouped, rate};

/// A reason why a plan is not feasible, and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The reason, with the number that causes it.
    pub text: String,
    /// The remedy, if there is one.
    pub help: Option<String>,
}

/// The platform's limit for an app id, in starts a second: never advise more.
const MOST_PACE: u64 = 100;

/// Why the time does not suffice for `to_send`; `None` if it does.
#[must_use]
pub fn of_time(
    forecast: &Forecast,
    to_send: u64,
    per_second: f64,
    (now, zone): (Timestamp, &TimeZone),
) -> Option<Reason> {
    match forecast.obstacle? {
        Obstacle::EndPast { end } => Some(Reason {
            text: format!(
                "schedule.end is past: it was {}, {} ago, and {} still to send",
                date_time(end, zone),
                duration(until(end, now).unwrap_or_default()),
                match to_send {
                    1 => "1 coupon is".to_owned(),
                    n => format!("{} coupons are", grouped(n)),
                }
            ),
            help: Some("put schedule.end later, or leave the rest unsent".to_owned()),
        }),
        Obstacle::NoWindow { end } => Some(Reason {
            text: format!(
                "no window of schedule.hours opens before schedule.end ({})",
                date_time(end, zone)
            ),
            help: Some("put schedule.end later, or widen schedule.hours".to_owned()),
        }),
        Obstacle::TooFewDays { end, per_day, have } => {
            let ends = forecast.ends_at.map(|ends| date_time(after(ends), zone));
            let later = ends.map(|ends| format!("put schedule.end at {ends} or later, or "));
            Some(Reason {
                text: format!(
                    "pace.per_day is too low: {} to send, and {} a day leave {} until schedule.end ({})",
                    counted(to_send, "coupon is", "coupons are"),
                    counted(per_day, "attempt", "attempts"),
                    grouped(have),
                    date_time(end, zone)
                ),
                help: Some(format!("{}raise pace.per_day", later.unwrap_or_default())),
            })
        }
        Obstacle::TooShort {
            end,
            takes,
            has,
            windows,
            waits,
            pace,
        } => {
            let ends = forecast.ends_at.map(|ends| date_time(after(ends), zone));
            let later = ends.map(|ends| format!("put schedule.end at {ends} or later"));
            let faster = pace.filter(|pace| *pace <= MOST_PACE);
            let faster = faster.map(|pace| format!("raise pace.per_second to {pace}"));
            let wider = windows.then(|| "widen schedule.hours".to_owned());
            let sooner = waits.then(|| "shorten the waits of schedule.waves".to_owned());
            let ways: Vec<_> = later.into_iter().chain(faster).chain(wider).chain(sooner).collect();
            Some(Reason {
                text: format!(
                    "the time is too short for the pace{}: {} at {} take {}{}, and until schedule.end ({}) {} {}; \
                     about {} would be sent",
                    if waits { " and the waits of schedule.waves" } else { "" },
                    counted(to_send, "coupon", "coupons"),
                    rate(per_second),
                    long(takes),
                    if waits { " together" } else { "" },
                    date_time(end, zone),
                    if windows { "the windows leave" } else { "there are" },
                    duration(has),
                    grouped(forecast.in_time)
                ),
                help: (!ways.is_empty()).then(|| ways.join(", or ")),
            })
        }
    }
}

fn long(takes: Duration) -> String {
    if takes == Duration::MAX {
        "longer than there are calendars".to_owned()
    } else {
        duration(takes)
    }
}

fn after(at: Timestamp) -> Timestamp {
    let minute = at.as_second().div_euclid(60) + 1;
    Timestamp::from_second(minute * 60).unwrap_or(at)
}
