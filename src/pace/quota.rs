//! The quota of one app id: in no rolling second do more attempts start than the pace allows.
//!
//! Three rules together. governor keeps the average: after a late start, by a timer or a busy machine, the next ones catch
//! up. A least gap keeps those apart, so that there is no burst. And the times of the last starts are kept, so that no
//! window ever holds more starts than the pace, whenever they happened.
//!
//! Time is an argument, so a virtual clock and a real one give the same answers.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// How many late starts may be caught up.
const MADE_UP: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// The least distance between starts that catch up, as a share of the usual distance.
const CLOSEST: f64 = 0.5;

/// The slowest pace: about one start in 28 hours.
const SLOWEST: f64 = 1e-5;

/// Decides when the next attempt may start.
#[derive(Debug)]
pub struct Pacer {
    per_second: f64,
    spacing: Spacing,
    starts: VecDeque<Instant>,
    /// How many starts are kept: a window at the highest pace so far. A slower pace must not shorten this.
    kept: usize,
    not_before: Instant,
}

impl Pacer {
    /// A pacer that allows no start before `not_before`.
    #[must_use]
    pub fn new(per_second: f64, not_before: Instant) -> Self {
        let per_second = per_second.max(SLOWEST);
        Self {
            per_second,
            spacing: Spacing::new(per_second, not_before),
            starts: VecDeque::new(),
            kept: window(per_second).0,
            not_before,
        }
    }

    /// The pace in starts per second.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Takes a start if one is allowed now; otherwise returns when to ask again.
    ///
    /// # Errors
    /// The earliest time at which a start may be allowed.
    pub fn start(&mut self, now: Instant) -> Result<(), Instant> {
        let (most, within) = window(self.per_second);
        let nth_last = self.starts.len().checked_sub(most).and_then(|at| self.starts.get(at));
        let window_free = nth_last.map_or(self.not_before, |at| *at + within);
        let apart = self.starts.back().map_or(self.not_before, |last| {
            *last + distance(self.per_second).mul_f64(CLOSEST)
        });
        let earliest = window_free.max(apart).max(self.not_before);
        if now < earliest {
            return Err(earliest);
        }
        self.spacing.take(now)?;
        self.starts.push_back(now);
        while self.starts.len() > self.kept {
            self.starts.pop_front();
        }
        Ok(())
    }

    /// When to expect a start that has `before` starts before it. Late starts are caught up, so it may be a little sooner.
    #[must_use]
    pub fn expected(&self, now: Instant, before: u32) -> Instant {
        let distance = distance(self.per_second);
        let next = self.starts.back().map_or(self.not_before, |last| *last + distance);
        next.max(self.not_before).max(now) + distance * before
    }

    /// Changes the pace. Earlier starts still count, and the first start at the new pace is as far from the last one as any
    /// other.
    pub fn set_pace(&mut self, per_second: f64, now: Instant) {
        let per_second = per_second.max(SLOWEST);
        let since = self
            .starts
            .back()
            .map_or(self.not_before, |last| *last + distance(per_second));
        self.not_before = self.not_before.max(since);
        self.per_second = per_second;
        self.kept = self.kept.max(window(per_second).0);
        self.spacing = Spacing::new(per_second, now);
    }

    /// Allows no start before `at`, for example after taking an app id's lock: another process may have sent until just
    /// now.
    pub fn hold_until(&mut self, at: Instant) {
        self.not_before = self.not_before.max(at);
    }
}

/// The most starts in a window, and the length of the window. A fractional pace is rounded up, and its window is longer
/// than a second in proportion.
fn window(per_second: f64) -> (usize, Duration) {
    let most = per_second.ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, positive, and a pace is small"
    )]
    let count = most as usize;
    (count, Duration::from_secs_f64(most / per_second))
}

/// The usual distance between starts.
fn distance(per_second: f64) -> Duration {
    Duration::from_secs_f64(1.0 / per_second)
}

/// governor with time as an argument.
struct Spacing {
    limiter: RateLimiter<NotKeyed, InMemoryState, Told, NoOpMiddleware<SinceBirth>>,
    told: Told,
    birth: Instant,
}

impl Spacing {
    fn new(per_second: f64, birth: Instant) -> Self {
        let told = Told::default();
        let most = if per_second > 1.0 { MADE_UP } else { NonZeroU32::MIN };
        let quota = Quota::with_period(distance(per_second)).map(|quota| quota.allow_burst(most));
        let limiter = RateLimiter::direct_with_clock(quota.unwrap_or(Quota::per_second(most)), told.clone());
        // Nothing is late yet, so there is nothing to catch up.
        for _ in 1..most.get() {
            let _ = limiter.check();
        }
        Self { limiter, told, birth }
    }

    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let nanos = now.saturating_duration_since(self.birth).as_nanos();
        self.told
            .0
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
        match self.limiter.check() {
            Ok(()) => Ok(()),
            Err(not_until) => Err(now + not_until.wait_time_from(self.told.now()).max(Duration::from_nanos(1))),
        }
    }
}

impl fmt::Debug for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spacing")
            .field("birth", &self.birth)
            .finish_non_exhaustive()
    }
}

/// governor's clock: the time that was set last.
#[derive(Clone, Debug, Default)]
struct Told(Arc<AtomicU64>);

/// Nanoseconds since the limiter was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SinceBirth(u64);

impl Add<Nanos> for SinceBirth {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for SinceBirth {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl Clock for Told {
    type Instant = SinceBirth;

    fn now(&self) -> SinceBirth {
        SinceBirth(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The most starts in any window of `within`, its end excluded.
    fn harshest(starts: &[Instant], within: Duration) -> usize {
        (0..starts.len())
            .map(|first| {
                starts[first..]
                    .iter()
                    .take_while(|at| **at < starts[first] + within)
                    .count()
            })
            .max()
            .unwrap_or(0)
    }

    /// Asks as a worker does: waits until the time that the pacer returns, and wakes late each time.
    fn drive(pacer: &mut Pacer, begin: Instant, lateness: impl Iterator<Item = Duration>) -> Vec<Instant> {
        let mut now = begin;
        lateness
            .map(|late| {
                while let Err(at) = pacer.start(now) {
                    assert!(at > now, "told to ask again at once");
                    now = at + late;
                }
                now
            })
            .collect()
    }

    proptest! {
        #[test]
        fn no_rolling_second_holds_more_than_the_pace(
            per_second in 1_u32..200,
            stalls in prop::collection::vec(prop_oneof![9 => 0_u64..3_000, 1 => 0_u64..2_000_000], 1..600),
        ) {
            let begin = Instant::now();
            let mut pacer = Pacer::new(f64::from(per_second), begin);
            let starts = drive(&mut pacer, begin, stalls.into_iter().map(Duration::from_micros));
            prop_assert!(harshest(&starts, Duration::from_secs(1)) <= per_second as usize);
        }

        #[test]
        fn a_change_of_pace_hands_out_no_burst(
            paces in prop::collection::vec((prop_oneof![1_u32..100, Just(100)], 1_usize..90), 1..12),
        ) {
            let begin = Instant::now();
            let mut pacer = Pacer::new(100.0, begin);
            let mut now = begin;
            let mut starts = Vec::new();
            for (per_second, count) in paces {
                pacer.set_pace(f64::from(per_second), now);
                let some = drive(&mut pacer, now, std::iter::repeat_n(Duration::ZERO, count));
                now = *some.last().unwrap_or(&now);
                if let (Some(last), Some(first)) = (starts.last(), some.first()) {
                    prop_assert!(*first - *last >= distance(f64::from(per_second)));
                }
                starts.extend(some);
            }
            prop_assert!(harshest(&starts, Duration::from_secs(1)) <= 100);
        }
    }

    #[test]
    fn late_timers_do_not_add_up() {
        let begin = Instant::now();
        let mut pacer = Pacer::new(98.0, begin);
        let lateness = (0..9_800_u64).map(|n| Duration::from_micros(n * 7_919 % 5_000));
        let starts = drive(&mut pacer, begin, lateness);
        let took = (starts[9_799] - starts[0]).as_secs_f64();
        assert!(9_799.0 / took >= 98.0 * 0.99, "{} per second", 9_799.0 / took);
    }

    #[test]
    fn below_one_in_a_second_the_starts_lie_that_far_apart() {
        let begin = Instant::now();
        let mut pacer = Pacer::new(0.5, begin);
        let starts = drive(&mut pacer, begin, std::iter::repeat_n(Duration::ZERO, 3));
        assert_eq!(starts[2] - starts[0], Duration::from_secs(4));
    }

    #[test]
    fn nothing_starts_before_the_hold_ends() {
        let begin = Instant::now();
        let mut pacer = Pacer::new(98.0, begin + Duration::from_secs(1));
        assert_eq!(pacer.start(begin), Err(begin + Duration::from_secs(1)));
        pacer.hold_until(begin + Duration::from_secs(5));
        assert_eq!(
            pacer.start(begin + Duration::from_secs(4)),
            Err(begin + Duration::from_secs(5))
        );
        assert_eq!(pacer.start(begin + Duration::from_secs(5)), Ok(()));
    }
}
