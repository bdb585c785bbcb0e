//! An outage: the platform as a whole is out of reach. Nothing new starts then, one delivery probes from time to time, and
//! the first real answer ends it.
//!
//! It begins in one of two ways. Over half of the last 50 attempts had no real answer: that notices a platform that is away
//! in the middle of a campaign. Or, of attempts in a row that had no answer at all, one is the second of its delivery: that
//! notices it at the end of a campaign or at a slow pace, where the last 50 attempts are mostly old successes, before the few
//! deliveries that are left use up their attempts.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::model::delivery::DeliveryKey;

/// How many of the last attempts count.
const SAMPLE: usize = 50;
/// The number of deliveries without an answer from which the platform counts as away. With fewer, the users may be the cause, and
/// `retry.attempts` ends their attempts.
const DELIVERIES: usize = 3;
/// The wait before the first probe. It doubles from there.
const FIRST_PROBE: Duration = Duration::from_secs(5);
/// The longest wait between probes.
pub const MOST_BETWEEN: Duration = Duration::from_mins(2);

/// Watches how attempts end, and keeps the times of probes while the platform is out of reach.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    /// Which of the last attempts had no real answer.
    last: VecDeque<bool>,
    /// The deliveries of the attempts since the last answer.
    unanswered: BTreeSet<SeatedDelivery>,
    /// When the first attempt began after the last real answer.
    unreached_since: Option<Instant>,
    open: Option<Open>,
}

/// A delivery of one of the campaigns of an app id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeatedDelivery {
    /// The campaign's seat at the app limiter.
    pub seat: u32,
    /// The delivery.
    pub key: DeliveryKey,
}

/// How far an attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The platform gave a real answer.
    Answered,
    /// The platform answered that it could not do it, a code of class retry, or left out the coupon.
    Unable,
    /// The request may have arrived, and the answer was lost.
    Lost,
    /// The request was certainly not sent.
    NotSent,
}

/// An outage under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// When the first attempt began that had no real answer.
    pub since: Instant,
    /// When the next probe may start.
    pub next_probe: Instant,
    /// How long to wait after a probe that failed.
    between: Duration,
}

impl Open {
    /// The outage for a run that has watched the platform since `joined` only.
    #[must_use]
    pub fn seen_since(self, joined: Instant) -> Self {
        Self {
            since: self.since.max(joined),
            ..self
        }
    }
}

impl CircuitBreaker {
    /// The outage under way.
    #[must_use]
    pub const fn open(&self) -> Option<Open> {
        self.open
    }

    /// Takes in how far an attempt got that began at `began`. Returns whether that begins an outage.
    pub fn ended(&mut self, attempted: SeatedDelivery, reach: Reach, began: Instant, now: Instant) -> bool {
        if reach == Reach::Answered {
            self.unanswered.clear();
            self.unreached_since = None;
            if self.open.take().is_some() {
                self.last.clear();
            } else {
                self.note(false);
            }
            return false;
        }
        if let Some(open) = &mut self.open {
            if now >= open.next_probe {
                open.between = (open.between * 2).min(MOST_BETWEEN);
                open.next_probe = now + open.between;
            }
            return false;
        }
        let since = *self.unreached_since.get_or_insert(began);
        self.note(true);
        if !self.is_majority_bad() && !self.is_platform_silent(attempted, reach) {
            return false;
        }
        self.open = Some(Open {
            since,
            next_probe: now + FIRST_PROBE,
            between: FIRST_PROBE,
        });
        true
    }

    fn note(&mut self, bad: bool) {
        self.last.push_back(bad);
        if self.last.len() > SAMPLE {
            self.last.pop_front();
        }
    }

    fn is_majority_bad(&self) -> bool {
        self.last.iter().filter(|bad| **bad).count() > SAMPLE / 2
    }

    /// Whether this attempt is the second of its delivery since the platform last answered anything. A request that was not
    /// sent says nothing of its user. A lost answer may, so it takes those of several deliveries.
    fn is_platform_silent(&mut self, attempted: SeatedDelivery, reach: Reach) -> bool {
        if reach == Reach::Unable {
            self.unanswered.clear();
            return false;
        }
        let again = !self.unanswered.insert(attempted);
        again && (reach == Reach::NotSent || self.unanswered.len() >= DELIVERIES)
    }

    /// Begins the outage again, with a probe at once. Does nothing when there is none.
    pub fn resume(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            *open = Open {
                since: now,
                next_probe: now,
                between: FIRST_PROBE,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(recipient: u32) -> SeatedDelivery {
        let key = DeliveryKey { recipient, ordinal: 1 };
        SeatedDelivery { seat: 1, key }
    }

    /// Attempts of different deliveries, one after the other, that end so. Returns the place of the one that begins an outage.
    fn first_of(reaches: impl IntoIterator<Item = Reach>) -> Option<u32> {
        let now = Instant::now();
        let mut outage = CircuitBreaker::default();
        let mut attempts = (0..).zip(reaches);
        let began = attempts.find(|(n, reach)| outage.ended(delivery(*n), *reach, now, now));
        began.map(|(n, _)| n)
    }

    #[test]
    fn over_half_of_the_last_fifty_begin_an_outage() {
        let mixed = [Reach::Unable, Reach::Answered].into_iter().cycle().take(50);
        assert_eq!(first_of(mixed.clone()), None);
        let two_more = [Reach::NotSent, Reach::Lost];
        assert_eq!(
            first_of(mixed.chain(two_more)),
            Some(51),
            "the oldest of fifty was bad too"
        );
    }

    #[test]
    fn a_platform_that_is_gone_from_the_start_is_noticed_after_twenty_six_deliveries() {
        for reach in [Reach::Unable, Reach::Lost, Reach::NotSent] {
            assert_eq!(first_of([reach; 100]), Some(25), "{reach:?}");
        }
    }

    /// The deliveries that are left at the end of a campaign, each attempted in turn. Returns how many attempts it takes.
    fn noticed(reach: Reach, left: u32) -> Option<u32> {
        let now = Instant::now();
        let mut outage = CircuitBreaker::default();
        for n in 0..50 {
            outage.ended(delivery(100 + n), Reach::Answered, now, now);
        }
        (1..=20).find(|n| outage.ended(delivery((n - 1) % left), reach, now, now))
    }

    #[test]
    fn at_the_end_an_outage_begins_before_the_attempts_are_used_up() {
        assert_eq!(
            (noticed(Reach::NotSent, 1), noticed(Reach::NotSent, 8)),
            (Some(2), Some(9))
        );
        assert_eq!((noticed(Reach::Lost, 3), noticed(Reach::Lost, 8)), (Some(4), Some(9)));
        assert_eq!(
            (noticed(Reach::Lost, 2), noticed(Reach::Unable, 3)),
            (None, None),
            "the users may be the cause"
        );
    }

    #[test]
    fn any_answer_ends_the_row() {
        let now = Instant::now();
        for answer in [Reach::Answered, Reach::Unable] {
            let mut outage = CircuitBreaker::default();
            for n in 0..8 {
                assert!(!outage.ended(delivery(n % 3), Reach::Lost, now, now), "{answer:?}");
                outage.ended(delivery(9), answer, now, now);
            }
        }
    }

    #[test]
    fn probes_are_further_and_further_apart_until_a_real_answer() {
        let begin = Instant::now();
        let mut outage = CircuitBreaker::default();
        let first_began = begin.checked_sub(Duration::from_secs(10)).unwrap();
        outage.ended(delivery(0), Reach::NotSent, first_began, begin);
        assert!(outage.ended(delivery(0), Reach::NotSent, begin, begin));
        let mut waits = vec![];
        let mut now = begin;
        for _ in 0..7 {
            let next = outage.open().expect("it is under way").next_probe;
            let early = next.checked_sub(Duration::from_millis(1)).unwrap();
            assert!(
                !outage.ended(delivery(1), Reach::Lost, early, early),
                "a late answer is no probe"
            );
            waits.push((next - now).as_secs());
            now = next;
            outage.ended(delivery(0), Reach::NotSent, now, now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 120, 120]);
        assert_eq!(outage.open().map(|open| open.since), Some(first_began));
        outage.ended(delivery(0), Reach::Answered, now, now);
        assert!(outage.open().is_none());
        assert!(
            !outage.ended(delivery(0), Reach::NotSent, now, now),
            "what was before the outage is forgotten"
        );
    }
}
