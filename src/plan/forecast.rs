//! Forecasts when a run would begin and end, and whether the time suffices. Pure: the present time is an argument.
//!
//! The forecast uses everything that the platform cannot change (the pace, the limit by day, the slow start, the wait
//! of at least a second after acquiring the app id's lock, the start, the windows and the end) and one estimate, the
//! latency of an answer. Refusals do not make a run shorter; throttles, outages and retries make it longer.

pub mod expiry;
mod load;
mod rules;
mod sending;
mod timeline;

use std::time::Duration;

use jiff::Timestamp;

use crate::model::clock::later;

pub use crate::model::event::WaveLoad;
pub use load::{Load, WaveTurns};
pub use rules::{ANSWER, RELEASE_AFTER, after_taking};
pub use timeline::{StartTimes, rest};

use super::Plan;
use rules::open_between;
use sending::{Days, Sending};
use timeline::Timeline;

/// The forecast of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// When the first attempt would start; `None` when there is nothing to send.
    pub starts_at: Option<Timestamp>,
    /// When the last answer would arrive if the schedule had no end; `None` when there is nothing to send, or the time
    /// is beyond the calendar.
    pub ends_at: Option<Timestamp>,
    /// How many deliveries would be attempted before the end.
    pub in_time: u64,
    /// Why not all of them; `None` when the time suffices.
    pub obstacle: Option<Obstacle>,
    /// The forecast of each wave; empty without waves.
    pub waves: Vec<WaveTurns>,
}

/// Why the time does not suffice, with the numbers that cause it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The end is past.
    EndPast {
        /// The end.
        end: Timestamp,
    },
    /// The end is ahead, and no window opens before it.
    NoWindow {
        /// The end.
        end: Timestamp,
    },
    /// The end is ahead, and the days before it allow fewer attempts.
    TooFewDays {
        /// The end.
        end: Timestamp,
        /// The limit of attempts a day.
        per_day: u64,
        /// How many attempts the days before the end still allow at any pace.
        have: u64,
    },
    /// The end is ahead, and the pace is too slow.
    TooShort {
        /// The end.
        end: Timestamp,
        /// How long sending would take, without the hours outside windows.
        takes: Duration,
        /// The time that there is, also without them.
        has: Duration,
        /// Whether there are hours outside windows.
        windows: bool,
        /// Whether the durations include waits after waves.
        waits: bool,
        /// The pace, in starts a second rounded up, that would suffice; `None` when no pace would.
        pace: Option<u64>,
    },
}

/// Forecasts when `load` would be done by `plan`.
#[must_use]
pub fn forecast(plan: &Plan, load: &Load, now: Timestamp) -> Forecast {
    let to_send = load.to_send.min(plan.run.at_most);
    let end = plan.schedule.end;
    let mut forecast = Forecast {
        starts_at: None,
        ends_at: None,
        in_time: to_send,
        obstacle: None,
        waves: Vec::new(),
    };
    if to_send == 0 {
        return forecast;
    }
    let schedule = &plan.schedule;
    let begin = now.max(schedule.start);
    let days = Days::new(plan, load, now);
    let timeline = Timeline::new(plan, load, now, days);
    let last_due = schedule.hours.opens(load.last_due).unwrap_or(load.last_due);
    let last = timeline.last.map(|last| last.max(last_due));
    forecast.starts_at = timeline.first;
    forecast.ends_at = last.map(|last| later(last, ANSWER));
    if !load.waves.is_empty() {
        forecast.waves = timeline.turns;
    }
    if end == Timestamp::MAX || last.is_some_and(|last| last < end) {
        return forecast;
    }
    let have = Sending::new(plan, begin).days_have(days);
    forecast.obstacle = Some(if now >= end {
        Obstacle::EndPast { end }
    } else if schedule.opens(begin).is_none() {
        Obstacle::NoWindow { end }
    } else if have < to_send {
        let per_day = plan.pace.per_day;
        Obstacle::TooFewDays { end, per_day, have }
    } else {
        Obstacle::TooShort {
            end,
            takes: last.map_or(Duration::MAX, |last| open_between(&schedule.hours, begin, last)),
            has: open_between(&schedule.hours, begin, end),
            windows: !schedule.hours.is_always(),
            waits: load
                .waves
                .iter()
                .any(|wave| wave.wait.least() > Duration::ZERO || wave.not_before > begin),
            pace: pace_for(to_send, timeline.left),
        }
    });
    // At least one delivery is late, if only the one that is due last.
    forecast.in_time = timeline.in_time.min(to_send - 1);
    forecast
}

/// The pace that `to_send` starts in `left` seconds need, without the slow start; `None` when no pace suffices.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number for people, held to what a campaign can ask for"
)]
fn pace_for(to_send: u64, left: f64) -> Option<u64> {
    let pace = (to_send as f64 / left).ceil();
    (left > 0.0 && pace <= 1e6).then_some(pace as u64)
}

#[cfg(test)]
mod tests;
