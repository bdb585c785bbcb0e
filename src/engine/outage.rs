//! An outage: the platform as a whole is out of reach. Nothing new starts then,
//! one delivery probes from time to time, and the first real answer ends it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many of the last attempts are looked at.
const SAMPLE: usize = 50;
/// The first probe's wait; doubles from there.
const FIRST_PROBE: Duration = Duration::from_secs(5);
/// The longest wait between probes.
pub const MOST_BETWEEN: Duration = Duration::from_mins(2);

/// Watches how attempts end, and keeps the times of probes while the platform is out of reach.
#[derive(Debug, Default)]
pub struct Outage {
    last: VecDeque<bool>,
    open: Option<Open>,
}

/// An outage under way.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// When it was noticed.
    pub since: Instant,
    /// When the next probe may start.
    pub next_probe: Instant,
    /// How long to wait after a probe that failed.
    between: Duration,
}

impl Outage {
    /// The outage under way.
    #[must_use]
    pub const fn open(&self) -> Option<Open> {
        self.open
    }

    /// Tells how an attempt ended: `reached` when the platform gave a real answer. True when that begins an outage.
    pub fn ended(&mut self, reached: bool, now: Instant) -> bool {
        if let Some(open) = &mut self.open {
            if reached {
                self.clear();
            } else if now >= open.next_probe {
                open.between = (open.between * 2).min(MOST_BETWEEN);
                open.next_probe = now + open.between;
            }
            return false;
        }
        self.last.push_back(!reached);
        if self.last.len() > SAMPLE {
            self.last.pop_front();
        }
        let bad = self.last.iter().filter(|bad| **bad).count();
        if bad <= SAMPLE / 2 {
            return false;
        }
        self.open = Some(Open {
            since: now,
            next_probe: now + FIRST_PROBE,
            between: FIRST_PROBE,
        });
        true
    }

    /// Begins the outage anew, with a probe at once; nothing when there is none.
    pub fn resume(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            *open = Open {
                since: now,
                next_probe: now,
                between: FIRST_PROBE,
            };
        }
    }

    fn clear(&mut self) {
        self.open = None;
        self.last.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_half_of_the_last_fifty_begin_an_outage() {
        let now = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..25 {
            assert!(!outage.ended(false, now));
            assert!(!outage.ended(true, now));
        }
        assert!(outage.open().is_none());
        assert!(!outage.ended(false, now), "the oldest of fifty was bad too");
        assert!(outage.ended(false, now));
    }

    #[test]
    fn a_platform_that_is_gone_from_the_start_is_noticed_after_twenty_six() {
        let now = Instant::now();
        let mut outage = Outage::default();
        assert_eq!((0..100).find(|_| outage.ended(false, now)), Some(25));
    }

    #[test]
    fn probes_are_further_and_further_apart_until_a_real_answer() {
        let begin = Instant::now();
        let mut outage = Outage::default();
        for _ in 0..26 {
            outage.ended(false, begin);
        }
        let mut waits = vec![];
        let mut now = begin;
        for _ in 0..7 {
            let next = outage.open().expect("it is under way").next_probe;
            assert!(
                !outage.ended(false, next - Duration::from_millis(1)),
                "a late answer is no probe"
            );
            waits.push((next - now).as_secs());
            now = next;
            outage.ended(false, now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 120, 120]);
        assert_eq!(outage.open().map(|open| open.since), Some(begin));
        outage.ended(true, now);
        assert!(outage.open().is_none());
        assert!(!outage.ended(false, now), "what was before the outage is forgotten");
    }
}
