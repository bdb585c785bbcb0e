//! Why the time does not suffice for a plan, in words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::plan as texts;
use crate::model::clock::until;
use crate::plan::forecast::{Forecast, Obstacle};

use super::times::{date_time, duration, rate};

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
    let later = || {
        let ends = forecast.ends_at.map(|ends| date_time(after(ends), zone));
        ends.map(|end| texts::EndLater { end: &end }.to_string())
    };
    let coupons = to_send;
    Some(match forecast.obstacle? {
        Obstacle::EndPast { end } => Reason {
            text: texts::EndPast {
                end: &date_time(end, zone),
                ago: &duration(until(end, now).unwrap_or_default()),
                coupons,
            }
            .to_string(),
            help: Some(texts::EndPastHelp.to_string()),
        },
        Obstacle::NoWindow { end } => Reason {
            text: texts::NoWindow {
                end: &date_time(end, zone),
            }
            .to_string(),
            help: Some(texts::NoWindowHelp.to_string()),
        },
        Obstacle::TooFewDays { end, per_day, have } => Reason {
            text: texts::TooFewDays {
                coupons,
                per_day,
                have,
                end: &date_time(end, zone),
            }
            .to_string(),
            help: any_of(later().into_iter().chain([texts::RaisePerDay.to_string()])),
        },
        Obstacle::TooShort {
            end,
            takes,
            has,
            windows,
            waits,
            pace,
        } => {
            let faster = pace.filter(|pace| *pace <= MOST_PACE);
            let faster = faster.map(|pace| texts::RaisePace { pace: &pace }.to_string());
            let wider = windows.then(|| texts::WidenHours.to_string());
            let sooner = waits.then(|| texts::ShortenWaits.to_string());
            let rate = rate(per_second);
            let takes = long(takes);
            let end = date_time(end, zone);
            let has = duration(has);
            let windows = if windows { "windows" } else { "all" };
            let in_time = forecast.in_time;
            let text = if waits {
                texts::TooShortWithWaves {
                    coupons,
                    rate: &rate,
                    takes: &takes,
                    end: &end,
                    windows: &windows,
                    has: &has,
                    in_time,
                }
                .to_string()
            } else {
                texts::TooShort {
                    coupons,
                    rate: &rate,
                    takes: &takes,
                    end: &end,
                    windows: &windows,
                    has: &has,
                    in_time,
                }
                .to_string()
            };
            Reason {
                text,
                help: any_of(later().into_iter().chain(faster).chain(wider).chain(sooner)),
            }
        }
    })
}

/// Joins alternatives. `None` without any.
fn any_of(ways: impl Iterator<Item = String>) -> Option<String> {
    ways.reduce(|first, second| {
        texts::Or {
            first: &first,
            second: &second,
        }
        .to_string()
    })
}

fn long(takes: Duration) -> String {
    if takes == Duration::MAX {
        texts::TooLong.to_string()
    } else {
        duration(takes)
    }
}

fn after(at: Timestamp) -> Timestamp {
    let minute = at.as_second().div_euclid(60) + 1;
    Timestamp::from_second(minute * 60).unwrap_or(at)
}
