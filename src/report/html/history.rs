//! What a ledger's facts amount to for a report: a fold that needs the same memory for a million deliveries as for ten.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hdrhistogram::Histogram;
use jiff::Timestamp;

use crate::delivery::{DeliveryKey, Verdict};
use crate::outcome::Outcome;
use crate::report::tally::{CodeCount, Codes};

/// So many slots of time are kept at most; when there are more, each becomes longer.
const MOST_SLOTS: usize = 4_096;
/// How long a slot may be, in seconds: each a multiple of the one before.
const LENGTHS: [i64; 4] = [1, 60, 3_600, 86_400];
/// So many distinct codes are kept apart.
const MOST_CODES: usize = 200;

/// What happened, so far as the facts were shown to it.
#[derive(Debug)]
pub struct History {
    /// How many runs there were.
    pub runs: u64,
    /// How many attempts left or may have left.
    pub attempts: u64,
    /// How many attempts ended, whatever they proved.
    pub ended: u64,
    /// When the first attempt was intended, and when the last ended or was intended.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What ends there were, by code.
    pub codes: Codes,
    /// Ends by codes beyond those that are kept apart.
    pub other_codes: u64,
    slots: BTreeMap<i64, Slot>,
    length: usize,
    latency: Histogram<u64>,
    last: HashMap<DeliveryKey, Last>,
}

/// What came of the attempts that ended within some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// The user has the coupon.
    pub issued: u64,
    /// The user was refused.
    pub refused: u64,
    /// Neither: throttled, held, lost.
    pub other: u64,
}

impl Slot {
    /// All of them.
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

/// The last answer to a delivery that is listed one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// The platform's code.
    pub code: Option<i64>,
    /// Its message, or what went wrong.
    pub message: String,
    /// The platform's name for the exchange.
    pub log_id: String,
}

fn latencies() -> Histogram<u64> {
    // Microseconds, up to ten hours, to three digits.
    Histogram::new_with_bounds(1, 36_000_000_000, 3).expect("these bounds are what a histogram can have")
}

impl History {
    /// A history without facts. The last answers to `listed` deliveries are kept; they should be few.
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
            latency: latencies(),
            last: listed.into_iter().map(|key| (key, Last::default())).collect(),
        }
    }

    /// A run began.
    pub const fn run_began(&mut self) {
        self.runs += 1;
    }

    /// An attempt was about to be made.
    pub fn intended(&mut self, at: Timestamp) {
        self.attempts += 1;
        self.reach(at);
    }

    /// One was called off before a byte left.
    pub const fn withdrawn(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    /// An attempt ended.
    pub fn ended(&mut self, key: DeliveryKey, verdict: Verdict, outcome: &Outcome) {
        self.ended += 1;
        self.reach(outcome.at);
        let (issued, refused) = match verdict {
            Verdict::Issued => (1, 0),
            Verdict::Refused { .. } => (0, 1),
            Verdict::Held { .. } | Verdict::NotIssued { .. } | Verdict::Unknown { .. } => (0, 0),
        };
        let other = 1 - issued - refused;
        self.put(outcome.at, Slot { issued, refused, other });
        if outcome.status.is_some() {
            let micros = u64::try_from(outcome.latency.as_micros()).unwrap_or(u64::MAX);
            self.latency.saturating_record(micros);
        }
        self.count(outcome);
        if let Some(last) = self.last.get_mut(&key) {
            *last = said(outcome);
        }
    }

    /// The last answer to a delivery that is listed.
    #[must_use]
    pub fn last(&self, key: DeliveryKey) -> Option<&Last> {
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
        let key = (code, word.to_owned());
        if self.codes.len() >= MOST_CODES && !self.codes.contains_key(&key) {
            self.other_codes += 1;
            return;
        }
        let CodeCount {
            count,
            class,
            classifier,
            message,
            log_id,
        } = self.codes.entry(key).or_default();
        let last = said(outcome);
        *count += 1;
        // The newest word on it counts: a campaign file may have classified it since.
        if let Some(answer) = &outcome.answer {
            (*class, *classifier) = (Some(answer.class), Some(answer.classifier));
        }
        for (kept, told) in [(message, last.message), (log_id, last.log_id)] {
            if !told.is_empty() {
                *kept = told;
            }
        }
    }

    /// What happened when, in slots of `length` seconds each, by their first seconds. Slots of hours and days begin as the
    /// clocks do that are `offset` seconds ahead.
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

    /// How many answers there were, and within which time so large a share of them came.
    #[must_use]
    pub fn latency(&self, share: f64) -> (u64, Duration) {
        let micros = self.latency.value_at_quantile(share);
        (self.latency.len(), Duration::from_micros(micros))
    }

    /// How many answers came within each of `bounds`, ascending and in microseconds, and not within the one before; those
    /// beyond the last one are counted last.
    #[must_use]
    pub fn latencies(&self, bounds: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for step in self.latency.iter_recorded() {
            let at = bounds.partition_point(|bound| *bound < step.value_iterated_to());
            counts[at] += step.count_since_last_iteration();
        }
        counts
    }
}

/// What happened when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// How long each is, in seconds.
    pub length: i64,
    /// The slots in which anything happened, by their first second since the epoch.
    pub slots: BTreeMap<i64, Slot>,
}

const fn floor(second: i64, length: i64) -> i64 {
    second.div_euclid(length) * length
}

fn said(outcome: &Outcome) -> Last {
    match &outcome.answer {
        Some(answer) => Last {
            code: Some(answer.code),
            message: answer.message.clone(),
            log_id: answer.log_id.clone(),
        },
        None => Last {
            message: outcome.detail.clone().unwrap_or_default(),
            ..Last::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_ms;
    use crate::outcome::{Proof, Unknown};

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
        /// Years of a campaign take as much room as its first hour, and no attempt is lost when slots become longer.
        #[test]
        fn slots_are_few_and_lose_nothing(starts in prop::collection::vec(0_i64..100_000_000, 1..40), each in 1_i64..900) {
            let mut history = History::new([]);
            let mut n = 0;
            for start in starts {
                for at in 0..each {
                    let at = from_ms((start + at) * 1_000);
                    history.ended(KEY, Verdict::Issued, &outcome(at));
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
            let answer = crate::outcome::Answer {
                code,
                message: String::new(),
                log_id: String::new(),
                class: crate::outcome::Class::Hold,
                classifier: crate::outcome::Classifier::Nobody,
            };
            let held = Outcome {
                answer: Some(answer),
                ..outcome(from_ms(0))
            };
            history.ended(KEY, Verdict::Held { code }, &held);
        }
        assert_eq!((history.codes.len(), history.other_codes), (MOST_CODES, 800));
    }

    #[test]
    fn answers_are_sorted_by_how_long_they_took() {
        let mut history = History::new([]);
        for ms in [1, 5, 6, 400, 90_000] {
            let answered = Outcome {
                status: Some(200),
                latency: Duration::from_millis(ms),
                ..outcome(from_ms(0))
            };
            history.ended(KEY, Verdict::Issued, &answered);
        }
        assert_eq!(history.latencies(&[5_500, 10_000, 1_000_000]), [2, 1, 1, 1]);
        let (n, median) = history.latency(0.5);
        assert_eq!((n, median.as_millis()), (5, 6));
    }
}
