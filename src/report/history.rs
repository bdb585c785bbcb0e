//! The history of a campaign for a report: a fold over a ledger's facts whose memory does not grow with the number of
//! deliveries.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::latencies::Latencies;
use super::run_stats::{CodeCount, Codes, code_entry};
use crate::model::delivery::{Decision, DeliveryKey};
use crate::model::outcome::Outcome;

/// The maximum number of time slots; beyond it, slots become longer.
const MOST_SLOTS: usize = 4_096;
/// The possible lengths of a slot, in seconds: each a multiple of the one before.
const LENGTHS: [i64; 4] = [1, 60, 3_600, 86_400];

/// The fold of the facts so far.
#[derive(Debug)]
pub struct History {
    /// The number of runs.
    pub runs: u64,
    /// How many attempts were sent or may have been.
    pub attempts: u64,
    /// How many attempts ended, with any outcome.
    pub ended: u64,
    /// When the first attempt was intended, and when the last ended or was intended.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The attempts that ended, by code.
    pub codes: Codes,
    /// Attempts that ended with codes beyond the maximum number.
    pub other_codes: u64,
    slots: BTreeMap<i64, Slot>,
    length: usize,
    /// How long the answers took.
    pub latencies: Latencies,
    last: HashMap<DeliveryKey, LastAnswer>,
}

/// The outcomes of the attempts that ended within a slot of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The user has the coupon.
    pub issued: u64,
    /// The user was refused.
    pub refused: u64,
    /// Any other outcome: throttled, held, lost.
    pub other: u64,
}

impl Slot {
    /// The sum of all outcomes.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.issued + self.refused + self.other
    }

    const fn add(&mut self, more: Self) {
        self.issued += more.issued;
        self.refused += more.refused;
        self.other += more.other;
    }
}

/// The last answer to a listed delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastAnswer {
    /// The platform's code.
    pub code: Option<i64>,
    /// Its message, or the cause of a failure.
    pub message: String,
    /// The platform's id of the exchange.
    pub log_id: String,
}

impl History {
    /// A history without facts. It keeps the last answer to each of the `listed` deliveries, which should be few.
    #[must_use]
    pub fn new(listed: impl IntoIterator<Item = DeliveryKey>) -> Self {
        Self {
            runs: 0,
            attempts: 0,
            ended: 0,
            span: None,
            codes: Codes::new(),
            other_codes: 0,
            slots: BTreeMap::new(),
            length: 0,
            latencies: Latencies::default(),
            last: listed.into_iter().map(|key| (key, LastAnswer::default())).collect(),
        }
    }

    /// Counts a run that begins.
    pub const fn run_began(&mut self) {
        self.runs += 1;
    }

    /// Counts an attempt that is about to be made.
    pub fn intended(&mut self, at: Timestamp) {
        self.attempts += 1;
        self.reach(at);
    }

    /// Uncounts an attempt that was withdrawn before a byte was sent.
    pub const fn withdrawn(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// Counts the end of an attempt.
    pub fn ended(&mut self, key: DeliveryKey, verdict: Decision, outcome: &Outcome) {
        self.ended += 1;
        self.reach(outcome.at);
        let (issued, refused) = match verdict {
            Decision::Issued => (1, 0),
            Decision::Refused { .. } => (0, 1),
            Decision::Held { .. } | Decision::NotIssued { .. } | Decision::Unknown { .. } => (0, 0),
        };
        let other = 1 - issued - refused;
        self.put(outcome.at, Slot { issued, refused, other });
        if outcome.status.is_some() {
            self.latencies.add(outcome.latency);
        }
        self.count(outcome);
        if let Some(last) = self.last.get_mut(&key) {
            *last = said(outcome);
        }
    }

    /// The last answer to a listed delivery; `None` without one.
    #[must_use]
    pub fn last(&self, key: DeliveryKey) -> Option<&LastAnswer> {
        self.last.get(&key)
    }

    fn reach(&mut self, at: Timestamp) {
        self.span = Some(
            self.span
                .map_or((at, at), |(first, last)| (first.min(at), last.max(at))),
        );
    }

    fn put(&mut self, at: Timestamp, slot: Slot) {
        let second = at.as_second();
        self.slots
            .entry(floor(second, LENGTHS[self.length]))
            .or_default()
            .add(slot);
        while self.slots.len() > MOST_SLOTS && self.length + 1 < LENGTHS.len() {
            self.length += 1;
            self.slots = self.joined(LENGTHS[self.length], 0);
        }
    }

    fn joined(&self, length: i64, offset: i64) -> BTreeMap<i64, Slot> {
        let mut joined: BTreeMap<i64, Slot> = BTreeMap::new();
        for (at, slot) in &self.slots {
            joined
                .entry(floor(at + offset, length) - offset)
                .or_default()
                .add(*slot);
        }
        joined
    }

    fn count(&mut self, outcome: &Outcome) {
        let code = outcome.answer.as_ref().map(|answer| answer.code);
        let word = if code.is_some() { "" } else { outcome.proof.word() };
        let Some(entry) = code_entry(&mut self.codes, code, word) else {
            self.other_codes += 1;
            return;
        };
        let CodeCount {
            count,
            class,
            classifier,
            message,
            log_id,
        } = entry;
        let last = said(outcome);
        *count += 1;
        // The latest class counts: the campaign file may have classified the code in the meantime.
        if let Some(answer) = &outcome.answer {
            (*class, *classifier) = (Some(answer.class), Some(answer.classifier));
        }
        for (kept, told) in [(message, last.message), (log_id, last.log_id)] {
            if !told.is_empty() {
                *kept = told;
            }
        }
    }

    /// The outcomes over time in at most `most` slots, by their first second. Slots of hours and days begin on the
    /// hour or at midnight of clocks that are `offset` seconds ahead of UTC.
    #[must_use]
    pub fn slots(&self, most: i64, offset: i64) -> Slots {
        let first = self.slots.keys().next().copied().unwrap_or_default();
        let last = self.slots.keys().next_back().copied().unwrap_or_default();
        let nice = [
            1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800,
        ];
        let fits = |length: &i64| *length >= LENGTHS[self.length] && (last - first) / length < most;
        let length = nice.into_iter().find(fits).unwrap_or(2_419_200);
        Slots {
            length,
            slots: self.joined(length, offset),
        }
    }
}

/// Outcomes over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The length of a slot, in seconds.
    pub length: i64,
    /// The slots with any outcome, by their first second since the Unix epoch.
    pub slots: BTreeMap<i64, Slot>,
}

const fn floor(second: i64, length: i64) -> i64 {
    second.div_euclid(length) * length
}

fn said(outcome: &Outcome) -> LastAnswer {
    match &outcome.answer {
        Some(answer) => LastAnswer {
            code: Some(answer.code),
            message: answer.message.clone(),
            log_id: answer.log_id.clone(),
        },
        None => LastAnswer {
            message: outcome.detail.clone().unwrap_or_default(),
            ..LastAnswer::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::outcome::{Proof, Unknown};
    use crate::report::run_stats::MOST_CODES;

    fn outcome(at: Timestamp) -> Outcome {
        Outcome {
            proof: Proof::Unknown(Unknown::TimedOut),
            answer: None,
            status: None,
            detail: Some("no answer within 10s".into()),
            retry_after: None,
            latency: Duration::from_secs(10),
            at,
        }
    }

    const KEY: DeliveryKey = DeliveryKey {
        recipient: 0,
        ordinal: 1,
    };

    proptest! {
        /// Years of a campaign take as much memory as its first hour, and longer slots lose no attempt.
        #[test]
        fn slots_are_few_and_lose_nothing(starts in prop::collection::vec(0_i64..100_000_000, 1..40), each in 1_i64..900) {
            let mut history = History::new([]);
            let mut n = 0;
            for start in starts {
                for at in 0..each {
                    let at = from_ms((start + at) * 1_000);
                    history.ended(KEY, Decision::Issued, &outcome(at));
                    n += 1;
                }
                prop_assert!(history.slots.len() <= MOST_SLOTS);
            }
            for offset in [0, 28_800] {
                let Slots { length, slots } = history.slots(120, offset);
                prop_assert_eq!(slots.values().map(|slot| slot.issued).sum::<u64>(), n);
                prop_assert!(slots.len() <= 122 || length == 2_419_200);
                prop_assert!(slots.keys().all(|at| (at + offset) % length == 0));
            }
        }
    }

    #[test]
    fn codes_without_end_are_counted_together() {
        let mut history = History::new([]);
        for code in 0..1_000 {
            let answer = crate::model::outcome::Answer {
                code,
                message: String::new(),
                log_id: String::new(),
                class: crate::model::outcome::Class::Hold,
                classifier: crate::model::outcome::Classifier::Nobody,
            };
            let held = Outcome {
                answer: Some(answer),
                ..outcome(from_ms(0))
            };
            history.ended(KEY, Decision::Held { code }, &held);
        }
        assert_eq!((history.codes.len(), history.other_codes), (MOST_CODES, 800));
    }
}
