//! When a run would begin and end, and whether it can be done in the time that there is. Pure: now is an argument.
//!
//! It reckons with what the platform cannot change (the pace, the limit by the day, the slow start, the second that a run waits after it took
//! the app id's turn, the start, the windows and the end) and with one guess, how long an answer takes. Refusals make a run no
//! shorter; throttles, outages and attempts that are made again make it longer.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

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
    let have = Sending::new(schedule, begin).days_have(days, end);
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
        };
        let (mut sent, mut before, mut at) = (0, None, begin.max(load.first_due));
        for part in parts(load) {
            let to_send = part.to_send.min(most - sent);
            let from = schedule.hours.opens(at.max(part.not_before)).unwrap_or(at);
            // The app id's turn is taken when there is something to send, and let go of in a long wait.
            let waited = before.is_none_or(|before| until(before, from).is_some_and(|wait| wait >= LET_GO));
            let sending = Sending { schedule, from, waited };
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

/// How many attempts may start on each day, and how many did on the last one that had some.
#[derive(Clone, Copy)]
struct Days<'a> {
    zone: &'a TimeZone,
    most: u64,
    last: Day,
    begun: u64,
}

impl<'a> Days<'a> {
    fn of(plan: &'a Plan, load: &Load, now: Timestamp) -> Self {
        let schedule = &plan.schedule;
        Self {
            zone: &schedule.zone,
            // A rehearsal waits for no day.
            most: if schedule.waits { plan.pace.per_day } else { u64::MAX },
            last: Day::of(now, &schedule.zone),
            begun: load.begun_today,
        }
    }

    const fn are_limited(&self) -> bool {
        self.most < u64::MAX
    }

    fn left(&self, day: Day) -> u64 {
        let begun = if day == self.last { self.begun } else { 0 };
        self.most.saturating_sub(begun)
    }

    fn begin(&mut self, day: Day, many: u64) {
        if day != self.last {
            (self.last, self.begun) = (day, 0);
        }
        self.begun += many;
    }
}

/// The time in which attempts start: what the windows have from a moment on, but for the second after the app id's turn was
/// taken in each that comes after a wait.
struct Sending<'a> {
    schedule: &'a Schedule,
    from: Timestamp,
    /// Whether the app id's turn is taken anew at its beginning.
    waited: bool,
}

/// A stretch of it that lies in one window, and in one day where days have limits.
#[derive(Clone, Copy)]
struct Stretch {
    begins: Timestamp,
    ends: Timestamp,
    day: Option<Day>,
}

impl Stretch {
    fn seconds(&self) -> f64 {
        until(self.begins, self.ends).unwrap_or_default().as_secs_f64()
    }
}

/// Some attempts, in a row.
struct Run {
    /// When the first of them would start, and the last; none where calendars end before.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// How many would before the schedule's end.
    in_time: u64,
}

impl Sending<'_> {
    const fn new(schedule: &Schedule, from: Timestamp) -> Sending<'_> {
        let waited = true;
        Sending { schedule, from, waited }
    }

    fn windows(&self) -> impl Iterator<Item = Stretch> {
        let windows = self.schedule.hours.windows(self.from).take(FAR);
        windows.scan(None, |before: &mut Option<Timestamp>, window| {
            let waited = before.map_or(self.waited, |closed| {
                until(closed, window.opens).is_some_and(|wait| wait >= LET_GO)
            });
            *before = Some(window.closes);
            let taken = if waited { AFTER_TAKING } else { Duration::ZERO };
            Some(Stretch {
                begins: later(window.opens, taken).min(window.closes),
                ends: window.closes,
                day: None,
            })
        })
    }

    /// Its windows, each in parts of a day where days have limits.
    fn stretches(&self, days: Days<'_>) -> impl Iterator<Item = Stretch> {
        let parts = move |window: Stretch| {
            let part = move |begins: Timestamp| {
                let day = days.are_limited().then(|| Day::of(begins, days.zone));
                let ends = day.map_or(window.ends, |day| day.ends.min(window.ends));
                Stretch { begins, ends, day }
            };
            let following =
                move |part_before: &Stretch| (part_before.ends < window.ends).then(|| part(part_before.ends));
            std::iter::successors(Some(part(window.begins)), following)
        };
        self.windows().flat_map(parts).take(FAR)
    }

    /// So many attempts along the curve, behind those that were sent before.
    fn run(&self, curve: &Curve, sent: u64, many: u64, days: &mut Days<'_>) -> Run {
        let mut run = Run {
            first: None,
            last: None,
            in_time: 0,
        };
        let (all, end) = (sent + many, self.schedule.end);
        let (mut sent, mut passed, mut used_up) = (sent, curve.start(sent).unwrap_or(f64::MAX), false);
        for mut stretch in self.stretches(*days) {
            let is_new = stretch.day.is_some_and(|day| day != days.last);
            if used_up && is_new {
                // The app id was let go of until the day began, as in any long wait.
                stretch.begins = later(stretch.begins, AFTER_TAKING).min(stretch.ends);
                used_up = false;
            }
            let start = |nth: u64| moment(stretch.begins, curve.start(nth)? - passed);
            let by_pace = curve.before(passed + stretch.seconds()).saturating_sub(sent);
            let allowed = stretch.day.map_or(u64::MAX, |day| days.left(day));
            let here = by_pace.min(allowed).min(all - sent);
            if here > 0 {
                let first = start(sent);
                run.first = run.first.or(first);
                let seconds = Stretch {
                    ends: stretch.ends.min(end),
                    ..stretch
                }
                .seconds();
                let in_time = curve.before(passed + seconds).saturating_sub(sent);
                run.in_time += if stretch.begins < end { here.min(in_time) } else { 0 };
                if let Some(day) = stretch.day {
                    days.begin(day, here);
                }
            }
            sent += here;
            if sent == all {
                run.last = start(all - 1);
                return run;
            }
            used_up |= here < by_pace;
            // What a day no longer lets start goes on where it stopped.
            passed = if here < by_pace {
                curve.start(sent).unwrap_or(f64::MAX)
            } else {
                passed + stretch.seconds()
            };
        }
        run
    }

    /// How many seconds of it lie before `end`.
    fn seconds_before(&self, end: Timestamp) -> f64 {
        let windows = self.windows().take_while(|window| window.begins < end);
        let inside = windows.map(|window| {
            Stretch {
                ends: window.ends.min(end),
                ..window
            }
            .seconds()
        });
        inside.sum()
    }

    /// How many the days before `end` let start, were the pace no matter.
    fn days_have(&self, mut days: Days<'_>, end: Timestamp) -> u64 {
        if !days.are_limited() {
            return u64::MAX;
        }
        let before_end = self.stretches(days).take_while(|stretch| stretch.begins < end);
        before_end.filter_map(|stretch| stretch.day).fold(0, |have: u64, day| {
            let left = days.left(day);
            days.begin(day, left);
            have.saturating_add(left)
        })
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
