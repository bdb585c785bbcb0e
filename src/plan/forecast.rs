//! When a run would begin and end, and whether it can be done in the time that there is. Pure: now is an argument.
//!
//! It reckons with what the platform cannot change (the pace, the limit by the day, the slow start, the second that a run waits after it took
//! the app id's turn, the start, the windows and the end) and with one guess, how long an answer takes. Refusals make a run no
//! shorter; throttles, outages and attempts that are made again make it longer.

use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::{Day, FAR};
use crate::clock::{later, until};

use super::{Plan, Schedule};

/// For how long a run that took an app id's turn starts nothing: whoever had it may have sent until just now.
pub const AFTER_TAKING: Duration = Duration::from_secs(1);
/// Waits of at least this are worth letting go of the app id for.
pub const LET_GO: Duration = Duration::from_mins(1);
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
    /// How many attempts began already on the present day.
    pub begun_today: u64,
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
    let schedule = &plan.schedule;
    let begin = now.max(schedule.start);
    let sending = Sending {
        schedule,
        // The app id's turn is taken when there is something to send.
        from: schedule.hours.opens(begin.max(load.first_due)).unwrap_or(begin),
        // A rehearsal waits for no day.
        per_day: if schedule.waits { plan.pace.per_day } else { u64::MAX },
        today: Day::of(now, &schedule.zone),
        left_today: plan.pace.per_day.saturating_sub(load.begun_today),
    };
    let curve = Curve::of(plan);
    let last = sending.start(&curve, to_send - 1);
    let last_due = schedule.hours.opens(load.last_due).unwrap_or(load.last_due);
    let last = last.map(|last| last.max(last_due));
    let forecast = Forecast {
        starts_at: sending.start(&curve, 0),
        ends_at: last.map(|last| later(last, ANSWER)),
        in_time: to_send,
        obstacle: None,
    };
    if end == Timestamp::MAX || last.is_some_and(|last| last < end) {
        return forecast;
    }
    let left = sending.seconds_before(end);
    let have = sending.days_have(end);
    let obstacle = if now >= end {
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
            pace: pace_for(to_send, left),
        }
    };
    Forecast {
        // Something is not done in time, if only the one that is due last.
        in_time: sending.starts_before(&curve, end).min(to_send - 1),
        obstacle: Some(obstacle),
        ..forecast
    }
}

/// How much of the time between two moments is inside windows.
fn open_between(schedule: &Schedule, from: Timestamp, to: Timestamp) -> Duration {
    let windows = schedule.hours.windows(from).take(FAR);
    let inside = windows.map_while(|window| until(window.opens, window.closes.min(to)));
    inside.fold(Duration::ZERO, Duration::saturating_add)
}

/// The time in which attempts start: what the windows have from a moment on, but for the second after the app id's turn was
/// taken in each that comes after a wait; and how many may start on each day.
struct Sending<'a> {
    schedule: &'a Schedule,
    from: Timestamp,
    per_day: u64,
    today: Day,
    left_today: u64,
}

/// A stretch of it that lies in one window, and in one day where days have limits.
#[derive(Clone, Copy, Default)]
struct Stretch {
    begins: Timestamp,
    ends: Timestamp,
    day: Option<Day>,
}

/// A stretch, and what starts in it.
#[derive(Clone, Copy, Default)]
struct Filled {
    stretch: Stretch,
    /// How many started before it.
    before: u64,
    /// How many start in it.
    many: u64,
    /// How far along the curve it begins, in seconds, and the next one.
    passed: f64,
    then: f64,
}

impl Stretch {
    fn seconds(&self) -> f64 {
        until(self.begins, self.ends).unwrap_or_default().as_secs_f64()
    }
}

impl Sending<'_> {
    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let windows = self.schedule.hours.windows(self.from).take(FAR);
        let windows = windows.scan(None, |before: &mut Option<Timestamp>, window| {
            let waited = before.is_none_or(|closed| until(closed, window.opens).is_some_and(|wait| wait >= LET_GO));
            *before = Some(window.closes);
            let taken = if waited { AFTER_TAKING } else { Duration::ZERO };
            Some((later(window.opens, taken).min(window.closes), window.closes))
        });
        let parts = move |(begins, closes): (Timestamp, Timestamp)| {
            let part = move |begins: Timestamp| {
                let day = (self.per_day < u64::MAX).then(|| Day::of(begins, &self.schedule.zone));
                let ends = day.map_or(closes, |day| day.ends.min(closes));
                Stretch { begins, ends, day }
            };
            let following = move |last: &Stretch| (last.ends < closes).then(|| part(last.ends));
            std::iter::successors(Some(part(begins)), following)
        };
        windows.flat_map(parts).take(FAR)
    }

    /// How many may start on a day.
    fn allowed(&self, day: Day) -> u64 {
        if day == self.today {
            self.left_today
        } else {
            self.per_day
        }
    }

    /// The stretches, filled in order.
    fn filled(&self, curve: &Curve) -> impl Iterator<Item = Filled> {
        let begin = (Filled::default(), 0_u64, false);
        self.stretches().scan(begin, |(last, of_day, used_up), mut stretch| {
            if last.stretch.day != stretch.day {
                // The app id was let go of until then, as behind any long wait.
                if std::mem::take(used_up) {
                    stretch.begins = later(stretch.begins, AFTER_TAKING).min(stretch.ends);
                }
                *of_day = 0;
            }
            let allowed = stretch.day.map_or(u64::MAX, |day| self.allowed(day));
            let (before, passed) = (last.before + last.many, last.then);
            let by_pace = curve.before(passed + stretch.seconds()).saturating_sub(before);
            let many = by_pace.min(allowed.saturating_sub(*of_day));
            *used_up |= many < by_pace;
            // What a day no longer lets start goes on where it stopped.
            let then = if many < by_pace {
                curve.start(before + many).unwrap_or(f64::MAX)
            } else {
                passed + stretch.seconds()
            };
            *of_day += many;
            *last = Filled {
                stretch,
                before,
                many,
                passed,
                then,
            };
            Some(*last)
        })
    }

    /// When the `nth` attempt starts, from 0, if calendars have it.
    fn start(&self, curve: &Curve, nth: u64) -> Option<Timestamp> {
        let filled = self.filled(curve).find(|filled| nth < filled.before + filled.many)?;
        moment(filled.stretch.begins, curve.start(nth)? - filled.passed)
    }

    /// How many start before `end`.
    fn starts_before(&self, curve: &Curve, end: Timestamp) -> u64 {
        let before_end = self.filled(curve).take_while(|filled| filled.stretch.begins < end);
        let many = before_end.map(|filled| {
            let ends = filled.stretch.ends.min(end);
            let inside = Stretch { ends, ..filled.stretch }.seconds();
            let by_pace = curve.before(filled.passed + inside).saturating_sub(filled.before);
            filled.many.min(by_pace)
        });
        many.sum()
    }

    /// How many seconds of it lie before `end`.
    fn seconds_before(&self, end: Timestamp) -> f64 {
        let stretches = self.stretches().take_while(|stretch| stretch.begins < end);
        let inside = stretches.map(|stretch| until(stretch.begins, stretch.ends.min(end)).unwrap_or_default());
        inside.map(|inside| inside.as_secs_f64()).sum()
    }

    /// How many the days before `end` let start, were the pace no matter.
    fn days_have(&self, end: Timestamp) -> u64 {
        let stretches = self.stretches().take_while(|stretch| stretch.begins < end);
        let allowed = stretches.scan(None, |last, stretch| {
            let same = last.replace(stretch.day) == Some(stretch.day);
            let allowed = stretch.day.map_or(u64::MAX, |day| self.allowed(day));
            Some(if same { 0 } else { allowed })
        });
        allowed.fold(0, u64::saturating_add)
    }
}

/// The time so many seconds after another, if calendars have it.
fn moment(from: Timestamp, secs: f64) -> Option<Timestamp> {
    let at = later(from, Duration::try_from_secs_f64(secs).ok()?);
    (at < Timestamp::MAX).then_some(at)
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

/// When each start happens, in seconds after the first.
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
