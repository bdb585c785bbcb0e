//! When a run would begin and end, and whether it can be done in the time that there is. Pure: now is an argument.
//!
//! It reckons with what the platform cannot change (the pace, the limit by the day, the slow start, the second that a run waits after it took
//! the app id's turn, the start, the windows and the end) and with one guess, how long an answer takes. Refusals make a run no
//! shorter; throttles, outages and attempts that are made again make it longer.

mod course;
pub mod lapse;
mod sending;

use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::{Calendar, FAR};
use crate::clock::{later, until};

pub use crate::event::WaveLoad;
pub use course::{Starts, rest};

use super::Plan;
use course::Course;
use sending::{Days, Sending};

/// No pace keeps starts further apart.
const FURTHEST: Duration = Duration::from_hours(48);
/// Waits of at least this are worth letting go of the app id for.
pub const LET_GO: Duration = Duration::from_mins(1);
/// How long an answer is taken to be on its way. It matters to the slow start and to few in flight alone.
pub const ANSWER: Duration = Duration::from_millis(70);

/// For how long a run that took an app id's turn starts nothing: whoever had it may have sent until just now. Below one start in
/// a second that is as long as starts are apart.
#[must_use]
pub fn after_taking(per_second: f64) -> Duration {
    let apart = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(FURTHEST);
    apart.clamp(Duration::from_secs(1), FURTHEST)
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Deliveries that would be attempted, doubts that are sent again included.
    pub to_send: u64,
    /// When the first of them is due; the smallest time there is when one can go at once.
    pub first_due: Timestamp,
    /// When the last of those is due that were attempted before; the smallest time there is without any.
    pub last_due: Timestamp,
    /// How many attempts began already on the present day.
    pub begun_today: u64,
    /// Who of them has a turn before the others, wave by wave, and everybody else at the end; nothing without waves.
    pub waves: Vec<WaveLoad>,
}

/// When the turns of a wave would come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveTurns {
    /// Its number from 1; none for everybody who is in no wave.
    pub wave: Option<u32>,
    /// Deliveries that would be attempted.
    pub to_send: u64,
    /// When the first of them would start, if calendars have it.
    pub begins: Option<Timestamp>,
}

/// When it would be done, and whether it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// When the first attempt would start; none when there is nothing to send.
    pub starts_at: Option<Timestamp>,
    /// When the last answer would be there, were there no end; none when there is nothing to send, or it lies beyond all
    /// calendars.
    pub ends_at: Option<Timestamp>,
    /// How many would be attempted in time.
    pub in_time: u64,
    /// Why not all of them; none when the time is enough.
    pub obstacle: Option<Obstacle>,
    /// When the turns of each wave would come; nothing without waves.
    pub waves: Vec<WaveTurns>,
}

/// Why the time is not enough, with the numbers that make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The end is past.
    EndPast {
        /// The end.
        end: Timestamp,
    },
    /// It is ahead, and no window opens before it.
    NoWindow {
        /// The end.
        end: Timestamp,
    },
    /// It is ahead, but the days until then may not have as many attempts.
    TooFewDays {
        /// The end.
        end: Timestamp,
        /// How many attempts a day may have.
        per_day: u64,
        /// How many the days until then have left, were the pace no matter.
        have: u64,
    },
    /// It is ahead, but too near for the pace.
    TooShort {
        /// The end.
        end: Timestamp,
        /// How long sending would take, hours outside windows not counted.
        takes: Duration,
        /// How long there is, counted so too.
        has: Duration,
        /// Whether there are hours outside windows.
        windows: bool,
        /// Whether there are waits behind waves, which are counted.
        waits: bool,
        /// The pace, in starts a second rounded up, that would do; none when no pace would.
        pace: Option<u64>,
    },
}

/// Says when `load` would be done by `plan`.
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
    let days = Days::of(plan, load, now);
    let course = Course::of(plan, load, begin, days);
    let last_due = schedule.hours.opens(load.last_due).unwrap_or(load.last_due);
    let last = course.last.map(|last| last.max(last_due));
    forecast.starts_at = course.first;
    forecast.ends_at = last.map(|last| later(last, ANSWER));
    if !load.waves.is_empty() {
        forecast.waves = course.turns;
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
                .any(|wave| wave.wait > Duration::ZERO || wave.not_before > begin),
            pace: pace_for(to_send, course.left),
        }
    });
    // Something is not done in time, if only the one that is due last.
    forecast.in_time = course.in_time.min(to_send - 1);
    forecast
}

/// How much of the time between two moments is inside windows.
fn open_between(hours: &Calendar, from: Timestamp, to: Timestamp) -> Duration {
    let windows = hours.windows(from).take(FAR);
    let inside = windows.map_while(|window| until(window.opens, window.closes.min(to)));
    inside.fold(Duration::ZERO, Duration::saturating_add)
}

/// The pace that so many need in so many seconds, the slow start not counted.
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
