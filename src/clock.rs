//! Time as everything else sees it: a monotonic clock for waiting, the wall clock for what a person calls now.
//!
//! Waiting goes by tokio's clock, which tests can pause. The wall is a separate thing: it may be corrected by an hour
//! while a campaign runs, or leap when a laptop wakes, so every wait for a wall time looks at the wall again. Ages go by
//! neither: a correction of the wall does not change them, and the time that a machine was suspended counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::planted::planted;

/// The longest that a wait for a wall time goes without looking at the wall again.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);

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
            began: Instant::now(),
            shifted_ms: AtomicI64::new(0),
            suspended_ms: AtomicU64::new(0),
        })))
    }

    /// Corrects a simulated wall clock by `ms` milliseconds, as an operator or NTP would. The machine's own clock is
    /// not ours to correct: there this does nothing.
    pub fn shift_ms(&self, ms: i64) {
        if let Wall::Simulated(simulated) = &self.0 {
            simulated.shifted_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// Suspends the machine of a simulated clock for `ms` milliseconds, as a laptop does that sleeps: the wall goes on, and
    /// tokio's clock does not.
    pub fn suspend_ms(&self, ms: u32) {
        if let Wall::Simulated(simulated) = &self.0 {
            simulated.suspended_ms.fetch_add(ms.into(), Ordering::SeqCst);
            simulated.shifted_ms.fetch_add(ms.into(), Ordering::SeqCst);
        }
    }

    /// For how long the machine has been suspended, which tokio's clock leaves out.
    fn suspended(&self) -> Duration {
        match &self.0 {
            Wall::System => system_suspended(),
            Wall::Simulated(simulated) => Duration::from_millis(simulated.suspended_ms.load(Ordering::SeqCst)),
        }
    }

    /// The present for measuring ages: it is monotonic, and counts the time that the machine was suspended. It compares
    /// only with other times of this clock.
    #[must_use]
    pub fn age_now(&self) -> AgeInstant {
        match &self.0 {
            Wall::Simulated(simulated) if planted!(StepsCount) => {
                AgeInstant(simulated.began + until(simulated.start, self.now()).unwrap_or_default())
            }
            _ => AgeInstant(Instant::now() + self.suspended()),
        }
    }

    /// The present by each clock.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            wall: self.now(),
            instant: Instant::now(),
            age: self.age_now(),
        }
    }

    /// What the wall says now, to the millisecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Wall::System => Timestamp::now(),
            Wall::Simulated(simulated) => {
                let elapsed = i64::try_from(simulated.began.elapsed().as_millis()).unwrap_or(i64::MAX);
                later_ms(
                    simulated.start,
                    elapsed.saturating_add(simulated.shifted_ms.load(Ordering::SeqCst)),
                )
            }
        };
        from_ms(now.as_millisecond())
    }

    /// Waits until the wall says `at` or later. Ends early or late with the wall when that is corrected.
    pub async fn sleep_until(&self, at: Timestamp) {
        while let Some(left) = until(self.now(), at) {
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

/// One moment by each clock.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For windows, days and what people are told.
    pub wall: Timestamp,
    /// For waits, durations and rates.
    pub instant: Instant,
    /// For the ages of doubts.
    pub age: AgeInstant,
}

impl Moment {
    /// A moment of a machine that is never suspended.
    #[must_use]
    pub const fn awake(wall: Timestamp, instant: Instant) -> Self {
        let age = AgeInstant(instant);
        Self { wall, instant, age }
    }
}

/// A moment by which ages are measured; see [`Clock::age_now`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgeInstant(Instant);

impl std::ops::Add<Duration> for AgeInstant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0 + by)
    }
}

/// Linux has a clock that goes on while the machine is suspended, beside the monotonic one that does not.
#[cfg(target_os = "linux")]
fn system_suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let monotonic = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(monotonic)
}

/// Elsewhere nothing tells.
#[cfg(not(target_os = "linux"))]
fn system_suspended() -> Duration {
    Duration::ZERO
}

/// How long it is from `now` to `at`; none when `at` is not ahead.
#[must_use]
pub fn until(now: Timestamp, at: Timestamp) -> Option<Duration> {
    let ms = at.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// `by` after `at`, to the millisecond and no sooner, held to the times that can be written.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    later_ms(at, i64::try_from(by.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX))
}

/// The time so many milliseconds after the Unix epoch, held to the times that can be written.
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
        let began = Instant::now();
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(from_ms(3_600_000)).await }
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
        clock.shift_ms(3_600_000);
        waiting.await.expect("the wait does not panic");
        assert!(began.elapsed() <= LOOK_AGAIN, "waited {:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_follows_a_wall_that_is_set_back() {
        let clock = Clock::simulated(from_ms(0));
        let began = Instant::now();
        clock.shift_ms(-60_000);
        clock.sleep_until(from_ms(60_000)).await;
        assert_eq!(began.elapsed(), Duration::from_mins(2));
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
