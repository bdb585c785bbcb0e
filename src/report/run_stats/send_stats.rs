//! The starts of a run's attempts: how many, and how fast.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(super) const SECOND: i64 = 1_000_000;

/// The starts of attempts. Times are in microseconds since the run's sending began.
#[derive(Clone, Debug)]
pub struct SendStats {
    /// The number of starts.
    pub attempts: u64,
    /// The starts of the last second, and the most in any rolling second.
    pub second: RollingWindow,
    /// The starts of the last ten seconds.
    ten: RollingWindow,
    /// The first start after the last wait of more than ten seconds.
    first: Option<i64>,
    /// The last start; `None` before the first.
    last: Option<LastStart>,
    /// Whether the run has waited since then.
    waited: bool,
    /// The gaps between starts without a wait in between.
    gaps: Gaps,
}

#[derive(Clone, Copy, Debug)]
struct LastStart {
    at: i64,
    reported: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    count: u64,
    /// Their sum, in microseconds.
    sum: i64,
}

impl Default for SendStats {
    fn default() -> Self {
        Self {
            attempts: 0,
            second: RollingWindow::new(SECOND),
            ten: RollingWindow::new(10 * SECOND),
            first: None,
            last: None,
            waited: false,
            gaps: Gaps::default(),
        }
    }
}

impl SendStats {
    /// Adds a start that is reported at `now`, `since` after the run's sending began.
    pub fn begin(&mut self, since: Duration, now: Instant) {
        let at = i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 4);
        self.attempts += 1;
        if self.waited && self.last.is_some_and(|last| last.at + 10 * SECOND <= at) {
            self.first = None;
        }
        self.second.add(at);
        self.ten.add(at);
        self.first.get_or_insert(at);
        if let Some(last) = self.last
            && !self.waited
        {
            self.gaps.count += 1;
            self.gaps.sum += (at - last.at).max(0);
        }
        self.waited = false;
        self.last = Some(LastStart {
            at: self.last.map_or(at, |last| last.at.max(at)),
            reported: now,
        });
    }

    /// Notes a wait. The gap to the next start does not count for the rate.
    pub(super) const fn wait(&mut self) {
        self.waited = true;
    }

    /// The present time on the scale of the starts.
    fn at(&self, now: Instant) -> i64 {
        self.last.map_or(0, |last| {
            let since = now.saturating_duration_since(last.reported);
            last.at + i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 4)
        })
    }

    /// The time before `now` for which starts are known: up to ten seconds, and not before a longer wait.
    #[must_use]
    pub fn known(&self, now: Instant) -> Duration {
        let known = self.first.map_or(0, |first| self.at(now) - first).clamp(0, 10 * SECOND);
        Duration::from_micros(known.unsigned_abs())
    }

    /// Starts per second over the last ten seconds before `now`, or since the first start after a longer wait if that
    /// is later.
    #[must_use]
    pub fn rate(&self, now: Instant) -> f64 {
        per_second(
            self.ten.within(self.at(now)),
            self.known(now).max(Duration::from_secs(1)),
        )
    }

    /// Starts per second over the time between starts, without waits, and at most the maximum of any second. `None`
    /// with fewer than two starts.
    #[must_use]
    pub fn reached(&self) -> Option<f64> {
        let Gaps { count, sum } = self.gaps;
        let rate = per_second(count, Duration::from_micros(sum.unsigned_abs()));
        // Short bursts with waits in between would add up to more.
        let most = per_second(self.second.most(), Duration::from_secs(1));
        (sum > 0).then(|| rate.min(most))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for showing; far below 2^52")]
pub(super) fn per_second(n: u64, time: Duration) -> f64 {
    n as f64 / time.as_secs_f64()
}

/// A rolling window over start times, in microseconds of a monotonic clock. Several senders report at once, so times
/// may arrive slightly out of order.
#[derive(Clone, Debug)]
pub struct RollingWindow {
    span: i64,
    times: VecDeque<i64>,
    most: u64,
}

impl RollingWindow {
    /// A window of `span` microseconds, which excludes times `span` or more before its end.
    #[must_use]
    pub const fn new(span: i64) -> Self {
        Self {
            span,
            times: VecDeque::new(),
            most: 0,
        }
    }

    /// Adds a start at `at`. Starts older than the newest by twice the span are forgotten.
    pub fn add(&mut self, at: i64) {
        let place = self.times.partition_point(|time| *time <= at);
        self.times.insert(place, at);
        let newest = self.times.back().copied().unwrap_or(at);
        // Only windows that end at this start, or less than the span later, have become fuller.
        let ends = self.times.range(place..).take_while(|end| **end < at + self.span);
        let fullest = ends.map(|end| self.within(*end)).max().unwrap_or(0);
        self.most = self.most.max(fullest);
        while self.times.front().is_some_and(|first| first + 2 * self.span <= newest) {
            self.times.pop_front();
        }
    }

    /// The number of starts in the window that ends at `end`, inclusive.
    #[must_use]
    pub fn within(&self, end: i64) -> u64 {
        let before = self.times.partition_point(|time| time + self.span <= end);
        let until = self.times.partition_point(|time| *time <= end);
        until.saturating_sub(before) as u64
    }

    /// The most starts in any window.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }
}
