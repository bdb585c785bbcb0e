//! When a run would begin and end, and whether it can be done in the time that there is. Pure: now is an argument.
//!
//! It reckons with what the platform cannot change (the pace, the slow start, the second that a run waits after it took
//! the app id's turn, the start and the end) and with one guess, how long an answer takes. Refusals make a run no
//! shorter; throttles, outages and attempts that are made again make it longer.

pub mod lapse;

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{later, until};

use super::Plan;

/// For how long a run that took an app id's turn starts nothing: whoever had it may have sent until just now.
pub const AFTER_TAKING: Duration = Duration::from_secs(1);
/// How long an answer is taken to be on its way. It matters to the slow start and to few in flight alone.
pub const ANSWER: Duration = Duration::from_millis(70);

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Deliveries that would be attempted, doubts that are sent again included.
    pub to_send: u64,
    /// When the first of them is due; the smallest time there is when one can go at once.
    pub first_due: Timestamp,
    /// When the last of those is due that were attempted before; the smallest time there is without any.
    pub last_due: Timestamp,
}

/// When it would be done, and whether it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Why the time is not enough, with the numbers that make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The end is past.
    EndPast {
        /// The end.
        end: Timestamp,
    },
    /// It is ahead, but too near for the pace.
    TooShort {
        /// The end.
        end: Timestamp,
        /// How long sending would take.
        takes: Duration,
        /// How long there is.
        has: Duration,
        /// The pace, in starts a second rounded up, that would do; none when no pace would.
        pace: Option<u64>,
    },
}

/// Says when `load` would be done by `plan`.
#[must_use]
pub fn forecast(plan: &Plan, load: Load, now: Timestamp) -> Forecast {
    let to_send = load.to_send.min(plan.run.at_most);
    let end = plan.schedule.end;
    if to_send == 0 {
        return Forecast {
            starts_at: None,
            ends_at: None,
            in_time: 0,
            obstacle: None,
        };
    }
    let begin = now.max(plan.schedule.start);
    let starts = Starts::of(plan, load.first_due, now);
    let first = starts.first;
    let last = starts.nth(to_send - 1).map(|last| last.max(load.last_due));
    let ends_at = last.map(|last| later(last, ANSWER));
    if end == Timestamp::MAX || last.is_some_and(|last| last < end) {
        return Forecast {
            starts_at: Some(first),
            ends_at,
            in_time: to_send,
            obstacle: None,
        };
    }
    let left = until(first, end).map_or(0.0, |left| left.as_secs_f64());
    let has = until(begin, end).unwrap_or_default();
    let obstacle = if now >= end {
        Obstacle::EndPast { end }
    } else {
        Obstacle::TooShort {
            end,
            takes: last.and_then(|last| until(begin, last)).unwrap_or(Duration::MAX),
            has,
            pace: pace_for(to_send, has),
        }
    };
    Forecast {
        starts_at: Some(first),
        ends_at,
        // Something is not done in time, if only the one that is due last.
        in_time: starts.curve.before(left).min(to_send - 1),
        obstacle: Some(obstacle),
    }
}

/// The time so many seconds after another, if calendars have it.
fn moment(from: Timestamp, secs: f64) -> Option<Timestamp> {
    let at = later(from, Duration::try_from_secs_f64(secs).ok()?);
    (at < Timestamp::MAX).then_some(at)
}

/// The pace that so many need in so much time, the slow start not counted.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number for people, held to what a campaign can ask for"
)]
fn pace_for(to_send: u64, has: Duration) -> Option<u64> {
    let left = has.saturating_sub(AFTER_TAKING).as_secs_f64();
    let pace = (to_send as f64 / left).ceil();
    (left > 0.0 && pace <= 1e6).then_some(pace as u64)
}

/// When a run would start what it attempts, one after another.
#[derive(Clone, Debug)]
pub struct Starts {
    first: Timestamp,
    curve: Curve,
    end: Timestamp,
    /// How many there may be.
    most: u64,
}

impl Starts {
    /// The starts of a run whose first delivery is due at `first_due`.
    #[must_use]
    pub fn of(plan: &Plan, first_due: Timestamp, now: Timestamp) -> Self {
        let begin = now.max(plan.schedule.start);
        Self {
            // The app id's turn is taken when there is something to send.
            first: later(begin.max(first_due), AFTER_TAKING),
            curve: Curve::of(plan),
            end: plan.schedule.end,
            most: plan.run.at_most,
        }
    }

    /// When the `nth` is, from 0, were there no end; none when it lies beyond all calendars.
    fn nth(&self, nth: u64) -> Option<Timestamp> {
        self.curve.start(nth).and_then(|secs| moment(self.first, secs))
    }

    /// When the `nth` is, from 0, that is not before `due`; none when the run makes it no more.
    #[must_use]
    pub fn within(&self, nth: u64, due: Timestamp) -> Option<Timestamp> {
        let start = self.nth(nth)?.max(due);
        (nth < self.most && start < self.end).then_some(start)
    }
}

/// When each start happens, in seconds after the first.
#[derive(Clone, Debug)]
struct Curve {
    /// The rounds of the slow start: how many starts came before, and when it began.
    rounds: Vec<(f64, f64, f64)>,
}

impl Curve {
    fn of(plan: &Plan) -> Self {
        let (pace, most) = (plan.pace.per_second, f64::from(plan.pace.max_in_flight));
        let answer = ANSWER.as_secs_f64();
        let (mut rounds, mut before, mut at, mut allowed) = (Vec::new(), 0.0, 0.0, 1.0_f64);
        loop {
            let rate = pace.min(allowed / answer);
            rounds.push((before, at, rate));
            if rate >= pace || allowed >= most {
                return Self { rounds };
            }
            before += allowed;
            at += answer;
            allowed = (allowed * 2.0).min(most);
        }
    }

    /// When the `nth` start happens, from 0.
    #[expect(clippy::cast_precision_loss, reason = "a forecast; far below 2^52")]
    fn start(&self, nth: u64) -> Option<f64> {
        let nth = nth as f64;
        let (before, at, rate) = self.rounds.iter().rev().find(|(before, ..)| *before <= nth)?;
        Some(at + (nth - before) / rate)
    }

    /// How many starts happen before `secs`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a forecast; positive and far below 2^52, or held to it"
    )]
    fn before(&self, secs: f64) -> u64 {
        let round = self.rounds.iter().rev().find(|(_, at, _)| *at < secs);
        round.map_or(0, |(before, at, rate)| (before + ((secs - at) * rate).ceil()) as u64)
    }
}

#[cfg(test)]
mod tests;
