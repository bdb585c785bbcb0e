//! The timeline of a run through its waves: when the attempts of each wave start.

use std::time::Duration;

use jiff::Timestamp;

use super::expiry::{Start, Starting};
use super::load::{Load, WaveTurns};
use super::rules::{ANSWER, RELEASE_AFTER, after_taking, open_between};
use super::sending::{Curve, Days, Run, Segment, Sending, moment};
use crate::model::approval::WaveWait;
use crate::model::calendar::Calendar;
use crate::model::clock::{later, until};
use crate::model::event::WaveLoad;
use crate::plan::{Plan, Schedule};

/// The progress of a run.
#[derive(Clone, Debug)]
struct Way<'a> {
    hours: &'a Calendar,
    end: Timestamp,
    curve: Curve,
    days: Days<'a>,
    /// How long nothing starts after the app id's lock is acquired.
    taking: Duration,
    /// The moment of the forecast. What has expired by now is in no wave.
    now: Timestamp,
    /// The waves whose deliveries all expire before their turn.
    expired_waves: Vec<Option<u32>>,
    sent: u64,
    /// When the last attempt was answered; `None` while the app id's lock was never acquired.
    before: Option<Timestamp>,
    /// When the next wave may begin, apart from its own wait.
    at: Timestamp,
    /// When the pace allows the next start; `None` before the first.
    paced: Option<Timestamp>,
}

impl<'a> Way<'a> {
    fn new(plan: &'a Plan, load: &Load, now: Timestamp, days: Days<'a>) -> Self {
        let begin = now.max(plan.schedule.start);
        Self {
            hours: &plan.schedule.hours,
            end: plan.schedule.end,
            curve: Curve::new(plan),
            days,
            taking: after_taking(plan.pace.per_second),
            now,
            expired_waves: load.expired_waves.clone(),
            sent: 0,
            before: None,
            at: begin.max(load.first_due),
            paced: None,
        }
    }

    /// When a wave begins.
    fn begins(&self, part: &WaveLoad) -> Timestamp {
        self.hours.opens(self.at.max(part.not_before)).unwrap_or(self.at)
    }

    fn next(&self, part: &WaveLoad) -> Sending<'a> {
        let begins = self.begins(part);
        let paced = self.paced.and_then(|paced| self.hours.opens(paced));
        let from = begins.max(paced.unwrap_or(begins));
        // A run acquires the app id's lock when it has something to send, and releases it for a long wait.
        let waited = self
            .before
            .is_none_or(|before| until(before, from).is_some_and(|wait| wait >= RELEASE_AFTER));
        Sending {
            hours: self.hours,
            end: self.end,
            from,
            waited,
            taking: self.taking,
        }
    }

    /// Advances past a wave in which `to_send` attempts start; returns `None` when there is nothing to send.
    fn go(&mut self, part: &WaveLoad, to_send: u64) -> Option<Run> {
        let sending = self.next(part);
        if to_send == 0 {
            let begins = self.begins(part);
            // The run has something to send, so it acquires the lock, and then all of the wave expire before the first start.
            let is_expired = part.to_send > 0 || self.expired_waves.contains(&part.wave);
            if is_expired && self.before.is_none() && begins == self.now {
                let allowed = later(begins, self.taking);
                (self.before, self.paced) = (Some(allowed), Some(allowed));
            }
            self.at = later(begins, part.wait.least());
            return None;
        }
        let run = sending.run(&self.curve, self.sent, to_send, &mut self.days);
        self.sent += to_send;
        if let Some(last) = run.last {
            let ends = later(last, ANSWER);
            (self.before, self.at) = (Some(ends), later(ends, part.wait.least()));
            self.paced = self.curve.gap_before(self.sent).and_then(|gap| moment(last, gap));
        }
        Some(run)
    }

    /// How many seconds remain for sending before the end, without waits, if the next wave is the last one.
    fn left(&self, part: &WaveLoad) -> f64 {
        if self.end == Timestamp::MAX {
            return f64::MAX;
        }
        let sending = self.next(part);
        // When the wave begins after the end, earlier waves would have to finish sooner by the difference.
        let late = open_between(self.hours, self.end, sending.from).as_secs_f64();
        sending.seconds() + self.curve.start(self.sent).unwrap_or(f64::MAX) - late
    }
}

/// The start times of a run, wave by wave.
pub(super) struct Timeline {
    pub(super) first: Option<Timestamp>,
    /// `None` when the calendar ends before.
    pub(super) last: Option<Timestamp>,
    /// How many attempts start before the schedule's end.
    pub(super) in_time: u64,
    /// How many seconds remain for sending before the end, without the waits after waves.
    pub(super) left: f64,
    pub(super) turns: Vec<WaveTurns>,
}

impl Timeline {
    pub(super) fn new(plan: &Plan, load: &Load, now: Timestamp, days: Days) -> Self {
        let way = Way::new(plan, load, now, days);
        Self::along(way, &parts(load), load.to_send.min(plan.run.at_most))
    }

    /// The course of at most `most` attempts.
    fn along(mut way: Way<'_>, parts: &[WaveLoad], most: u64) -> Self {
        let mut timeline = Self {
            first: None,
            last: None,
            in_time: 0,
            left: 0.0,
            turns: Vec::new(),
        };
        let mut needed = None;
        for part in parts {
            let approval = needed;
            if part.wait.is_approval() {
                needed = part.wave;
            }
            let to_send = part.to_send.min(most - way.sent);
            let left = way.left(part);
            let Some(run) = way.go(part, to_send) else { continue };
            let begins = run.first;
            timeline.first = timeline.first.or(begins);
            timeline.turns.push(WaveTurns {
                wave: part.wave,
                to_send,
                begins,
                approval,
            });
            timeline.left = left;
            timeline.in_time += run.in_time;
            timeline.last = run.last;
            if timeline.last.is_none() {
                break;
            }
        }
        timeline
    }
}

/// When the last answer of a run in progress arrives, at a pace of `per_second`: `left` is the rest of the present wave
/// and the waves after it. `None` when nothing is left, or the time is beyond the calendar.
#[must_use]
pub fn rest(hours: &Calendar, per_second: f64, left: &[WaveLoad], now: Timestamp) -> Option<Timestamp> {
    if per_second <= 0.0 {
        return None;
    }
    let way = Way {
        hours,
        end: Timestamp::MAX,
        curve: Curve::steady(per_second),
        days: Days::unlimited(hours.zone(), now),
        taking: after_taking(per_second),
        now,
        expired_waves: Vec::new(),
        sent: 0,
        before: Some(now),
        at: now,
        paced: None,
    };
    let last = Timeline::along(way, left, u64::MAX).last?;
    Some(later(last, ANSWER))
}

/// The waves in the order of sending, the remaining deliveries last.
fn parts(load: &Load) -> Vec<WaveLoad> {
    let waves = load.waves.iter().map(|wave| wave.to_send).sum();
    let rest = WaveLoad {
        wave: None,
        to_send: load.to_send.saturating_sub(waves),
        not_before: Timestamp::MIN,
        wait: WaveWait::NONE,
    };
    load.waves
        .iter()
        .copied()
        .chain((rest.to_send > 0).then_some(rest))
        .collect()
}

/// The start times of the attempts of a run, in order, wave by wave.
#[derive(Clone, Debug)]
pub struct StartTimes<'a> {
    /// The progress when the present wave begins.
    way: Way<'a>,
    schedule: &'a Schedule,
    /// The present wave and those after it.
    parts: Vec<WaveLoad>,
    /// The starts of the present wave.
    segments: Vec<Segment>,
    /// The maximum number of attempts.
    most: u64,
    /// An upper bound on the attempts of any wave.
    all: u64,
}

impl<'a> StartTimes<'a> {
    /// The start times of a run whose work is at most `load`; deliveries of a wave may drop out.
    #[must_use]
    pub fn new(plan: &'a Plan, load: &Load, now: Timestamp) -> Self {
        let mut starts = Self {
            way: Way::new(plan, load, now, Days::new(plan, load, now)),
            schedule: &plan.schedule,
            parts: parts(load),
            segments: Vec::new(),
            most: plan.run.at_most,
            all: load.to_send,
        };
        starts.look();
        starts
    }

    fn look(&mut self) {
        // A wave that cannot begin before the end has no starts: the run ends without checking its recipients.
        let present = self
            .parts
            .first()
            .filter(|part| self.way.next(part).from < self.way.end);
        let run = present.and_then(|part| self.way.clone().go(part, self.all));
        self.segments = run.map(|run| run.segments).unwrap_or_default();
    }
}

impl Starting for StartTimes<'_> {
    fn start(&self, nth: u64, due: Timestamp) -> Option<Start> {
        let last = self.segments.partition_point(|segment| segment.before <= nth);
        let segment = self.segments.get(last.checked_sub(1)?)?;
        let start = moment(segment.begins, self.way.curve.start(nth)? - segment.passed)?;
        let start = if due > start {
            self.schedule.hours.opens(due)?
        } else {
            start
        };
        let made = start < self.schedule.end;
        (nth < self.most).then_some(Start { at: start, made })
    }

    fn begin(&mut self, wave: Option<u32>, nth: u64) {
        let before = self.parts.iter().position(|part| part.wave == wave).unwrap_or(0);
        if before == 0 {
            return;
        }
        for part in self.parts.drain(..before) {
            self.way.go(&part, nth - self.way.sent);
        }
        self.look();
    }
}
