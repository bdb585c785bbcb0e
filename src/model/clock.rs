//! Clocks: a monotonic clock for waits, the wall clock for dates and times, and a clock for ages.
//!
//! Waits use tokio's clock, which tests can pause. The wall clock may be corrected by an hour while a campaign runs, or
//! jump when a laptop wakes, so a wait for a wall time reads the wall clock again at intervals. Ages use neither clock:
//! a correction of the wall clock does not change an age, and the time that a machine was suspended counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::mutants::mutant;

/// The longest interval between two readings of the wall clock while a wait for a wall time lasts.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The present time on the monotonic clock. Tests pause that clock.
#[must_use]
pub fn monotonic_now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall clock, real or simulated. Cheap to clone; clones of a simulated clock share its corrections.
#[derive(Clone, Debug)]
pub struct Clock(Wall);

#[derive(Clone, Debug)]
enum Wall {
    System,
    Simulated(Arc<Simulated>),
}

#[derive(Debug)]
struct Simulated {
    start: Timestamp,
    began: Instant,
    shifted_ms: AtomicI64,
    suspended_ms: AtomicU64,
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Wall::System)
    }

    /// A wall clock that reads `start` now and follows tokio's clock from here on.
    #[must_use]
    pub fn simulated(start: Timestamp) -> Self {
        Self(Wall::Simulated(Arc::new(Simulated {
            start,
            began: monotonic_now(),
            shifted_ms: AtomicI64::new(0),
            suspended_ms: AtomicU64::new(0),
        })))
    }

    /// Corrects a simulated wall clock by `ms` milliseconds, as an operator or NTP would. Does nothing to the machine's
    /// own clock.
    pub fn shift_ms(&self, ms: i64) {
        if let Wall::Simulated(simulated) = &self.0 {
            simulated.shifted_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// Suspends the machine of a simulated clock for `ms` milliseconds, like a laptop that sleeps: the wall clock
    /// advances, and tokio's clock does not.
    pub fn suspend_ms(&self, ms: u32) {
        if let Wall::Simulated(simulated) = &self.0 {
            simulated.suspended_ms.fetch_add(ms.into(), Ordering::SeqCst);
            simulated.shifted_ms.fetch_add(ms.into(), Ordering::SeqCst);
        }
    }

    /// How long the machine has been suspended; tokio's clock does not count that time.
    fn suspended(&self) -> Duration {
        match &self.0 {
            Wall::System => system_suspended(),
            Wall::Simulated(simulated) => Duration::from_millis(simulated.suspended_ms.load(Ordering::SeqCst)),
        }
    }

    /// The present time for measuring ages: monotonic, and it counts the time that the machine was suspended.
    /// Comparable only with other times of this clock.
    #[must_use]
    pub fn age_now(&self) -> AgeInstant {
        match &self.0 {
            Wall::Simulated(simulated) if mutant!(StepsCount) => {
                AgeInstant(simulated.began + until(simulated.start, self.now()).unwrap_or_default())
            }
            _ => AgeInstant(monotonic_now() + self.suspended()),
        }
    }

    /// The present time on each clock.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            instant: monotonic_now(),
            age: self.age_now(),
        }
    }

    /// The present wall time, in whole milliseconds.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Wall::System => Timestamp::now(),
            Wall::Simulated(simulated) => {
                let elapsed = i64::try_from(monotonic_now().saturating_duration_since(simulated.began).as_millis())
                    .unwrap_or(i64::MAX);
                later_ms(
                    simulated.start,
                    elapsed.saturating_add(simulated.shifted_ms.load(Ordering::SeqCst)),
                )
            }
        };
        from_ms(now.as_millisecond())
    }

    /// Waits until the wall clock reads `at` or later. The wait ends earlier or later when the wall clock is corrected.
    pub async fn sleep_until(&self, at: Timestamp) {
        while let Some(left) = until(self.now(), at) {
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

/// One moment, read on each clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For windows, days and displayed times.
    pub wall: Timestamp,
    /// For waits, durations and rates.
    pub instant: Instant,
    /// For the ages of deliveries in doubt.
    pub age: AgeInstant,
}

impl Moment {
    /// A moment on a machine that was never suspended.
    #[must_use]
    pub const fn awake(wall: Timestamp, instant: Instant) -> Self {
        let age = AgeInstant(instant);
        Self { wall, instant, age }
    }
}

/// A moment for measuring ages; see [`Clock::age_now`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgeInstant(Instant);

impl std::ops::Add<Duration> for AgeInstant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0 + by)
    }
}

/// Linux has two monotonic clocks: `CLOCK_BOOTTIME` counts the time that the machine is suspended, `CLOCK_MONOTONIC`
/// does not.
#[cfg(target_os = "linux")]
fn system_suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let monotonic = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(monotonic)
}

/// Other platforms do not report the time of suspension.
#[cfg(not(target_os = "linux"))]
fn system_suspended() -> Duration {
    Duration::ZERO
}

/// The duration from `now` to `at`; `None` when `at` is not after `now`.
#[must_use]
pub fn until(now: Timestamp, at: Timestamp) -> Option<Duration> {
    let ms = at.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// The time `by` after `at`, rounded up to a whole millisecond and clamped to the range of [`Timestamp`].
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    later_ms(at, i64::try_from(by.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX))
}

/// The time `ms` milliseconds after the Unix epoch, clamped to the range of [`Timestamp`].
#[must_use]
pub fn from_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn later_ms(at: Timestamp, ms: i64) -> Timestamp {
    from_ms(at.as_millisecond().saturating_add(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_follows_a_wall_that_is_put_forward() {
        let clock = Clock::simulated(from_ms(0));
        let began = monotonic_now();
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(from_ms(3_600_000)).await }
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
        clock.shift_ms(3_600_000);
        waiting.await.expect("the wait does not panic");
        assert!(
            (monotonic_now() - began) <= LOOK_AGAIN,
            "waited {:?}",
            (monotonic_now() - began)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_follows_a_wall_that_is_set_back() {
        let clock = Clock::simulated(from_ms(0));
        let began = monotonic_now();
        clock.shift_ms(-60_000);
        clock.sleep_until(from_ms(60_000)).await;
        assert_eq!((monotonic_now() - began), Duration::from_mins(2));
    }

    #[tokio::test(start_paused = true)]
    async fn ages_count_a_suspension_and_no_correction_of_the_wall() {
        let clock = Clock::simulated(from_ms(0));
        let began = clock.age_now();
        clock.shift_ms(3_600_000);
        clock.shift_ms(-86_400_000);
        assert_eq!(clock.age_now(), began);
        clock.suspend_ms(60_000);
        assert_eq!(clock.age_now(), began + Duration::from_mins(1));
        assert_eq!(clock.now(), from_ms(3_600_000 - 86_400_000 + 60_000));
    }

    #[test]
    fn times_beyond_the_calendar_are_held_to_it() {
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(until(from_ms(5), from_ms(5)), None);
        assert_eq!(until(from_ms(5), from_ms(6)), Some(Duration::from_millis(1)));
    }
}
