//! The course of a run by hour, as a pure fold over its events. Hours follow the clocks of the campaign's zone;
//! consecutive hours in which nothing happened become one entry.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::clock::{later, until};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Event, EventKind, Phase};

const HOUR: i64 = 3_600;

/// One hour, or the part of it within the run; or several hours in which nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// How many attempts began.
    pub sent: u64,
    /// How many deliveries became issued.
    pub issued: u64,
    /// How many became refused.
    pub refused: u64,
    /// How many were in doubt at its end.
    pub in_doubt: u64,
    /// How many were held at its end.
    pub held: u64,
    /// How long the run was sending.
    pub sending: Duration,
    /// How long the run waited, by the word of the reason.
    pub waited: BTreeMap<&'static str, Duration>,
}

impl Hour {
    fn new(from: Timestamp, until: Timestamp, counts: &Counts) -> Self {
        Self {
            from,
            until,
            sent: 0,
            issued: 0,
            refused: 0,
            in_doubt: counts.count(StateName::InDoubt),
            held: counts.count(StateName::Held),
            sending: Duration::ZERO,
            waited: BTreeMap::new(),
        }
    }

    /// Whether nothing happened.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.sent == 0 && self.issued == 0 && self.refused == 0
    }

    /// The reasons for waiting, as words, with their durations; the longest first.
    #[must_use]
    pub fn waits(&self) -> Vec<(&'static str, Duration)> {
        let mut waits: Vec<_> = self.waited.iter().map(|(word, long)| (*word, *long)).collect();
        waits.sort_by_key(|(_, long)| std::cmp::Reverse(*long));
        waits
    }

    /// Starts a second while the run was sending; `None` if that time is too short.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate for showing")]
        let rate = self.sent as f64 / self.sending.as_secs_f64();
        (self.sent > 0 && self.sending >= Duration::from_secs(1)).then_some(rate)
    }

    /// Merges this entry with the next if nothing happened in either.
    fn join(&mut self, next: &Self) -> bool {
        let one = self.is_quiet() && next.is_quiet();
        if one {
            self.until = next.until;
            self.sending += next.sending;
            for (word, long) in &next.waited {
                *self.waited.entry(word).or_default() += *long;
            }
            self.in_doubt = next.in_doubt;
            self.held = next.held;
        }
        one
    }
}

/// The fold over events.
#[derive(Clone, Debug)]
pub struct Hours {
    zone: TimeZone,
    /// The hours that are complete.
    over: Vec<Hour>,
    /// The present hour.
    hour: Hour,
    /// The activity of the run, and since when it has not been added to the hour.
    time_use: TimeUse,
    since: Timestamp,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeUse {
    Sending,
    Waiting(&'static str),
    Idle,
}

impl Hours {
    /// A fold that begins at `from` with the deliveries in `counts`.
    #[must_use]
    pub fn new(zone: TimeZone, from: Timestamp, counts: Counts) -> Self {
        Self {
            hour: Hour::new(from, end_of_hour(from, &zone), &counts),
            zone,
            over: Vec::new(),
            time_use: TimeUse::Idle,
            since: from,
            counts,
        }
    }

    /// Adds one event.
    pub fn count(&mut self, event: &Event) {
        if event.at >= self.hour.until {
            self.go_on_to(event.at);
        }
        match &event.kind {
            EventKind::AttemptBegan { .. } => self.hour.sent += 1,
            EventKind::Counted { counts, .. } | EventKind::RunEnded { counts, .. } => self.count_deliveries(*counts),
            EventKind::Phase(phase) => {
                self.account(event.at);
                self.time_use = match phase {
                    Phase::Sending => TimeUse::Sending,
                    Phase::Waiting { why, .. } => TimeUse::Waiting(why.word()),
                    Phase::Planning | Phase::Paused { .. } | Phase::Draining { .. } => TimeUse::Idle,
                };
            }
            _ => {}
        }
    }

    /// Returns the hours until `at`, the last one included.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Vec<Hour> {
        if at >= self.hour.until {
            self.go_on_to(at);
        }
        self.account(at);
        self.hour.until = at;
        if self.hour.from < at || !self.hour.is_quiet() {
            self.end_hour();
        }
        self.over
    }

    fn count_deliveries(&mut self, counts: Counts) {
        let more = |state| counts.count(state).saturating_sub(self.counts.count(state));
        self.hour.issued += more(StateName::Issued);
        self.hour.refused += more(StateName::Refused);
        self.hour.in_doubt = counts.count(StateName::InDoubt);
        self.hour.held = counts.count(StateName::Held);
        self.counts = counts;
    }

    /// Adds the time up to `at` to the present activity.
    fn account(&mut self, at: Timestamp) {
        let Some(long) = until(self.since, at) else { return };
        match self.time_use {
            TimeUse::Sending => self.hour.sending += long,
            TimeUse::Waiting(word) => *self.hour.waited.entry(word).or_default() += long,
            TimeUse::Idle => {}
        }
        self.since = at;
    }

    /// Completes all hours that end at or before `at`.
    fn go_on_to(&mut self, at: Timestamp) {
        while self.hour.until <= at {
            let next = self.hour.until;
            self.account(next);
            self.end_hour();
            self.hour = Hour::new(next, end_of_hour(next, &self.zone), &self.counts);
        }
    }

    fn end_hour(&mut self) {
        if !self.over.last_mut().is_some_and(|last| last.join(&self.hour)) {
            self.over.push(self.hour.clone());
        }
    }
}

/// The end of the hour that contains `at` in `zone`. An hour ends when the clocks show another one, so an hour that
/// they show twice is two hours.
fn end_of_hour(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let shown = at.as_second() + i64::from(zone.to_offset(at).seconds());
    let left = HOUR - shown.rem_euclid(HOUR);
    let end = Timestamp::from_second(at.as_second() + left).unwrap_or(Timestamp::MAX);
    // The last hour of the calendar has no end; the loop over hours must terminate.
    if end > at {
        end
    } else {
        later(at, Duration::from_hours(1))
    }
}
