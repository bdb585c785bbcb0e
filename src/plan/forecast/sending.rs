//! The time in which attempts start, and their distribution over it: windows, limits by day, and the slow start.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::load::Load;
use super::rules::{ANSWER, RELEASE_AFTER, after_taking};
use crate::model::calendar::{Calendar, Day, FAR};
use crate::model::clock::{later, until};
use crate::plan::Plan;

/// Consecutive starts along the curve without a wait between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// How many attempts started before.
    pub(super) before: u64,
    /// The earliest time of the first start, and its position on the curve, in seconds.
    pub(super) begins: Timestamp,
    pub(super) passed: f64,
}

/// The limit of attempts a day, and how many began on the last day with any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days<'a> {
    zone: &'a TimeZone,
    most: u64,
    last: Day,
    begun: u64,
}

impl<'a> Days<'a> {
    pub(super) fn new(plan: &'a Plan, load: &Load, now: Timestamp) -> Self {
        let schedule = &plan.schedule;
        Self {
            zone: &schedule.zone,
            // A rehearsal waits for no day.
            most: if schedule.waits { plan.pace.per_day } else { u64::MAX },
            last: Day::new(now, &schedule.zone),
            begun: load.begun_today,
        }
    }

    pub(super) fn unlimited(zone: &'a TimeZone, now: Timestamp) -> Self {
        Self {
            zone,
            most: u64::MAX,
            last: Day::new(now, zone),
            begun: 0,
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

/// The time in which attempts start: the windows from a moment on, without the pause after the app id's lock is
/// acquired in each window that follows a wait.
pub(super) struct Sending<'a> {
    pub(super) hours: &'a Calendar,
    pub(super) end: Timestamp,
    pub(super) from: Timestamp,
    /// Whether the run acquires the app id's lock at the beginning.
    pub(super) waited: bool,
    /// How long nothing starts after that.
    pub(super) taking: Duration,
}

/// A part of one window, within one day if days have limits.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    begins: Timestamp,
    ends: Timestamp,
    day: Option<Day>,
}

impl Stretch {
    fn seconds(&self) -> f64 {
        until(self.begins, self.ends).unwrap_or_default().as_secs_f64()
    }
}

/// Consecutive attempts.
pub(super) struct Run {
    /// When the first and the last of them would start; `None` when the calendar ends before.
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    /// How many would start before the schedule's end.
    pub(super) in_time: u64,
    pub(super) segments: Vec<Segment>,
}

impl Sending<'_> {
    pub(super) fn new(plan: &Plan, from: Timestamp) -> Sending<'_> {
        Sending {
            hours: &plan.schedule.hours,
            end: plan.schedule.end,
            from,
            waited: true,
            taking: after_taking(plan.pace.per_second),
        }
    }

    fn windows(&self) -> impl Iterator<Item = Stretch> {
        let windows = self.hours.windows(self.from).take(FAR);
        windows.scan(None, |before: &mut Option<Timestamp>, window| {
            let waited = before.map_or(self.waited, |closed| {
                until(closed, window.opens).is_some_and(|wait| wait >= RELEASE_AFTER)
            });
            *before = Some(window.closes);
            let taken = if waited { self.taking } else { Duration::ZERO };
            Some(Stretch {
                begins: later(window.opens, taken).min(window.closes),
                ends: window.closes,
                day: None,
            })
        })
    }

    /// The windows, split by day if days have limits.
    fn stretches(&self, days: Days<'_>) -> impl Iterator<Item = Stretch> {
        let parts = move |window: Stretch| {
            let part = move |begins: Timestamp| {
                let day = days.are_limited().then(|| Day::new(begins, days.zone));
                let ends = day.map_or(window.ends, |day| day.ends.min(window.ends));
                Stretch { begins, ends, day }
            };
            let following =
                move |part_before: &Stretch| (part_before.ends < window.ends).then(|| part(part_before.ends));
            std::iter::successors(Some(part(window.begins)), following)
        };
        self.windows().flat_map(parts).take(FAR)
    }

    /// The next `many` attempts along the curve, after `sent` earlier ones.
    pub(super) fn run(&self, curve: &Curve, sent: u64, many: u64, days: &mut Days<'_>) -> Run {
        let mut run = Run {
            first: None,
            last: None,
            in_time: 0,
            segments: Vec::new(),
        };
        let all = sent.saturating_add(many);
        let end = self.end;
        let mut sent = sent;
        let mut passed = curve.start(sent).unwrap_or(f64::MAX);
        let mut used_up = false;
        for mut stretch in self.stretches(*days) {
            let is_new = stretch.day.is_some_and(|day| day != days.last);
            if used_up && is_new {
                // The run released the app id's lock until the day began, as in any long wait.
                stretch.begins = later(stretch.begins, self.taking).min(stretch.ends);
                used_up = false;
            }
            let start = |nth: u64| moment(stretch.begins, curve.start(nth)? - passed);
            let by_pace = curve.before(passed + stretch.seconds()).saturating_sub(sent);
            let allowed = stretch.day.map_or(u64::MAX, |day| days.left(day));
            let here = by_pace.min(allowed).min(all - sent);
            if here > 0 {
                run.segments.push(Segment {
                    before: sent,
                    begins: stretch.begins,
                    passed,
                });
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
            // After a day's limit, the curve continues where it stopped.
            passed = if here < by_pace {
                curve.start(sent).unwrap_or(f64::MAX)
            } else {
                passed + stretch.seconds()
            };
        }
        run
    }

    /// How many seconds remain before the end.
    pub(super) fn seconds(&self) -> f64 {
        let end = self.end;
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

    /// How many attempts the days before the end allow at any pace.
    pub(super) fn days_have(&self, mut days: Days<'_>) -> u64 {
        let end = self.end;
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

/// The time `secs` seconds after `from`; `None` beyond the calendar.
pub(super) fn moment(from: Timestamp, secs: f64) -> Option<Timestamp> {
    let at = later(from, Duration::try_from_secs_f64(secs).ok()?);
    (at < Timestamp::MAX).then_some(at)
}

/// The time of each start, in seconds after the first.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// The rounds of the slow start: how many starts came before, when it began, and its rate in starts a second.
    rounds: Vec<(f64, f64, f64)>,
}

impl Curve {
    pub(super) fn new(plan: &Plan) -> Self {
        let pace = plan.pace.per_second;
        let most = f64::from(plan.pace.max_in_flight);
        let answer = ANSWER.as_secs_f64();
        let mut rounds = Vec::new();
        let mut before = 0.0;
        let mut at = 0.0;
        let mut allowed = 1.0_f64;
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

    pub(super) fn steady(per_second: f64) -> Self {
        let rounds = vec![(0.0, 0.0, per_second)];
        Self { rounds }
    }

    /// When the `nth` start happens, from 0.
    #[expect(clippy::cast_precision_loss, reason = "a forecast; far below 2^52")]
    pub(super) fn start(&self, nth: u64) -> Option<f64> {
        let nth = nth as f64;
        let (before, at, rate) = self.rounds.iter().rev().find(|(before, ..)| *before <= nth)?;
        Some(at + (nth - before) / rate)
    }

    /// The interval before the `nth` start; `None` for the first.
    pub(super) fn gap_before(&self, nth: u64) -> Option<f64> {
        Some(self.start(nth)? - self.start(nth.checked_sub(1)?)?)
    }

    /// How many starts happen before `secs`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a forecast; positive and far below 2^52, or held to it"
    )]
    pub(super) fn before(&self, secs: f64) -> u64 {
        let round = self.rounds.iter().rev().find(|(_, at, _)| *at < secs);
        round.map_or(0, |(before, at, rate)| (before + ((secs - at) * rate).ceil()) as u64)
    }
}
