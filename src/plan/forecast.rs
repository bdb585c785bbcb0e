//! When a run would begin and end, and whether it can be done in the time that there is. Pure: now is an argument.
//!
//! It reckons with what the platform cannot change (the pace, the limit by the day, the slow start, the second that a run waits after it took
//! the app id's turn, the start, the windows and the end) and with one guess, how long an answer takes. Refusals make a run no
//! shorter; throttles, outages and attempts that are made again make it longer.

pub mod lapse;
mod sending;

use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::FAR;
use crate::clock::{later, until};

use super::{Plan, Schedule};
use lapse::Start;
use sending::{Curve, Days, Segment, Sending, moment};

/// For how long a run that took an app id's turn starts nothing: whoever had it may have sent until just now. Below one start in
/// a second that is as long as starts are apart.
#[must_use]
pub fn after_taking(per_second: f64) -> Duration {
    let apart = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(Duration::MAX);
    apart.clamp(Duration::from_secs(1), LONGEST)
}

/// No pace keeps starts further apart.
const LONGEST: Duration = Duration::from_hours(48);
/// Waits of at least this are worth letting go of the app id for.
pub const LET_GO: Duration = Duration::from_mins(1);
/// How long an answer is taken to be on its way. It matters to the slow start and to few in flight alone.
pub const ANSWER: Duration = Duration::from_millis(70);

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

/// What there is to do in one wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveLoad {
    /// Its number from 1; none for everybody who is in no wave.
    pub wave: Option<u32>,
    /// Deliveries that would be attempted.
    pub to_send: u64,
    /// When it may begin; the smallest time there is when it need not wait for one that has ended.
    pub not_before: Timestamp,
    /// The wait behind its end.
    pub wait: Duration,
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
    let have = Sending::new(plan, begin).days_have(days, end);
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
            takes: last.map_or(Duration::MAX, |last| open_between(schedule, begin, last)),
            has: open_between(schedule, begin, end),
            windows: !schedule.hours.is_always(),
            pace: pace_for(to_send, course.left),
        }
    });
    // Something is not done in time, if only the one that is due last.
    forecast.in_time = course.in_time.min(to_send - 1);
    forecast
}

/// When everything starts, wave by wave.
struct Course {
    first: Option<Timestamp>,
    /// None where calendars end before.
    last: Option<Timestamp>,
    /// How many start before the schedule's end.
    in_time: u64,
    /// How many seconds there are to send before it, waits behind waves left out.
    left: f64,
    turns: Vec<WaveTurns>,
    segments: Vec<Segment>,
}

impl Course {
    fn of(plan: &Plan, load: &Load, begin: Timestamp, mut days: Days) -> Self {
        let (schedule, curve) = (&plan.schedule, Curve::of(plan));
        let most = load.to_send.min(plan.run.at_most);
        let mut course = Self {
            first: None,
            last: Some(begin),
            in_time: 0,
            left: 0.0,
            turns: Vec::new(),
            segments: Vec::new(),
        };
        let (mut sent, mut before, mut at) = (0, None, begin.max(load.first_due));
        for part in parts(load) {
            let to_send = part.to_send.min(most - sent);
            let from = schedule.hours.opens(at.max(part.not_before)).unwrap_or(at);
            // The app id's turn is taken when there is something to send, and let go of in a long wait.
            let waited = before.is_none_or(|before| until(before, from).is_some_and(|wait| wait >= LET_GO));
            let taking = after_taking(plan.pace.per_second);
            let sending = Sending {
                schedule,
                from,
                waited,
                taking,
            };
            at = later(from, part.wait);
            if to_send > 0 {
                let run = sending.run(&curve, sent, to_send, &mut days);
                let begins = run.first;
                course.first = course.first.or(begins);
                course.turns.push(WaveTurns {
                    wave: part.wave,
                    to_send,
                    begins,
                });
                course.left = sending.seconds_before(schedule.end) + curve.start(sent).unwrap_or(f64::MAX);
                course.in_time += run.in_time;
                course.segments.extend(run.segments);
                sent += to_send;
                course.last = run.last;
                let Some(last) = course.last else { break };
                let ends = later(last, ANSWER);
                (before, at) = (Some(ends), later(ends, part.wait));
            }
        }
        course
    }
}

/// What there is to do, in the order of the turns.
fn parts(load: &Load) -> Vec<WaveLoad> {
    let waves = load.waves.iter().map(|wave| wave.to_send).sum();
    let rest = WaveLoad {
        wave: None,
        to_send: load.to_send.saturating_sub(waves),
        not_before: Timestamp::MIN,
        wait: Duration::ZERO,
    };
    load.waves
        .iter()
        .copied()
        .chain((rest.to_send > 0).then_some(rest))
        .collect()
}

/// How much of the time between two moments is inside windows.
fn open_between(schedule: &Schedule, from: Timestamp, to: Timestamp) -> Duration {
    let windows = schedule.hours.windows(from).take(FAR);
    let inside = windows.map_while(|window| until(window.opens, window.closes.min(to)));
    inside.fold(Duration::ZERO, Duration::saturating_add)
}

/// When a run would start what it attempts, one after another.
#[derive(Clone, Debug)]
pub struct Starts {
    curve: Curve,
    segments: Vec<Segment>,
    schedule: Schedule,
    /// How many there may be.
    most: u64,
}

impl Starts {
    /// The starts of a run that has at most this to do.
    #[must_use]
    pub fn of(plan: &Plan, load: &Load, now: Timestamp) -> Self {
        let begin = now.max(plan.schedule.start);
        Self {
            curve: Curve::of(plan),
            segments: Course::of(plan, load, begin, Days::of(plan, load, now)).segments,
            schedule: plan.schedule.clone(),
            most: plan.run.at_most,
        }
    }

    /// When the `nth` is, from 0, that is not before `due`; none when it lies beyond all calendars, or beyond what the run
    /// may attempt.
    #[must_use]
    pub fn within(&self, nth: u64, due: Timestamp) -> Option<Start> {
        let last = self.segments.partition_point(|segment| segment.before <= nth);
        let segment = self.segments.get(last.checked_sub(1)?)?;
        let start = moment(segment.begins, self.curve.start(nth)? - segment.passed)?;
        let start = if due > start {
            self.schedule.hours.opens(due)?
        } else {
            start
        };
        let made = start < self.schedule.end;
        (nth < self.most).then_some(Start { at: start, made })
    }
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
