//! What throttles do to the pace. One alone is its own delivery's affair; three users within a second mean that the app
//! id as a whole is too fast: the pace is halved, once an episode, and then recovers step by step.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many users throttled within [`WITHIN`] slow the app id.
const USERS: usize = 3;
const WITHIN: Duration = Duration::from_secs(1);
/// Answers to what was already under way when the pace was halved belong to the same episode.
const EPISODE: Duration = Duration::from_secs(5);
/// How long each step of the recovery lasts.
const STEP: Duration = Duration::from_secs(5);
/// What each step gives back, as a share of the plan's pace.
const STEP_SHARE: f64 = 0.1;
/// The pace is never slowed below this share of the plan's.
const LEAST_SHARE: f64 = 1.0 / 64.0;

/// Keeps the pace of an app id in proportion to what the platform bears.
#[derive(Debug)]
pub struct Throttle {
    full: f64,
    share: f64,
    recent: VecDeque<(Instant, u32)>,
    /// While slowed: when the present pace began.
    slowed: Option<Instant>,
    quiet_until: Option<Instant>,
}

impl Throttle {
    /// Nothing is slowed yet.
    #[must_use]
    pub const fn new(full: f64) -> Self {
        Self {
            full,
            share: 1.0,
            recent: VecDeque::new(),
            slowed: None,
            quiet_until: None,
        }
    }

    /// Whether the whole app id is slowed. Until it is not, no throttle counts as an attempt.
    #[must_use]
    pub const fn slowed(&self) -> bool {
        self.slowed.is_some()
    }

    /// The pace in starts per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.full * self.share
    }

    /// Tells that `recipient` was throttled. The new pace, if this slows the app id.
    pub fn throttled(&mut self, recipient: u32, now: Instant) -> Option<f64> {
        self.recent
            .retain(|(at, user)| now.saturating_duration_since(*at) < WITHIN && *user != recipient);
        self.recent.push_back((now, recipient));
        if self.recent.len() < USERS || self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        self.recent.clear();
        self.share = (self.share / 2.0).max(LEAST_SHARE);
        self.slowed = Some(now);
        self.quiet_until = Some(now + EPISODE);
        Some(self.per_second())
    }

    /// When the next step of the recovery is due.
    #[must_use]
    pub fn next_step(&self) -> Option<Instant> {
        self.slowed.map(|since| since + STEP)
    }

    /// Recovers by every step that is due. The new pace, if there was one.
    pub fn recover(&mut self, now: Instant) -> Option<f64> {
        let mut changed = None;
        while let Some(due) = self.next_step().filter(|due| *due <= now) {
            self.share += STEP_SHARE;
            if self.share > 1.0 - STEP_SHARE / 2.0 {
                self.share = 1.0;
            }
            self.slowed = (self.share < 1.0).then_some(due);
            changed = Some(self.per_second());
        }
        changed
    }

    /// For how long the pace will be below the plan's if nothing else is throttled; nothing when it is the plan's.
    #[must_use]
    pub fn recovered_in(&self, now: Instant) -> Option<Duration> {
        let due = self.next_step()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10"
        )]
        let steps_after = ((1.0 - self.share) / STEP_SHARE - 1e-9).ceil().max(1.0) as u32 - 1;
        Some(due.saturating_duration_since(now) + STEP * steps_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn one_user_alone_slows_nobody() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        for n in 0..50 {
            assert_eq!(throttle.throttled(7, begin + ms(n * 10)), None);
        }
        assert!(!throttle.slowed());
    }

    #[test]
    fn three_users_within_a_second_halve_the_pace_once_an_episode() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        assert_eq!(throttle.throttled(1, begin), None);
        assert_eq!(throttle.throttled(2, begin + ms(400)), None);
        assert_eq!(throttle.throttled(3, begin + ms(999)), Some(49.0));
        for n in 0..40 {
            assert_eq!(throttle.throttled(4 + n, begin + ms(1_000 + u64::from(n))), None);
        }
        let later = begin + ms(6_100);
        assert_eq!(throttle.throttled(50, later), None);
        assert_eq!(throttle.throttled(51, later), None);
        assert_eq!(throttle.throttled(52, later), Some(24.5));
    }

    #[test]
    fn users_that_are_throttled_more_than_a_second_apart_slow_nobody() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        for n in 0..20 {
            assert_eq!(throttle.throttled(n, begin + ms(u64::from(n) * 500)), None);
        }
    }

    #[test]
    fn the_pace_recovers_step_by_step_to_the_plan_and_not_beyond() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0);
        for user in 0..3 {
            throttle.throttled(user, begin);
        }
        assert_eq!(throttle.recovered_in(begin), Some(Duration::from_secs(25)));
        assert_eq!(throttle.recover(begin + ms(4_999)), None);
        let mut paces = Vec::new();
        for n in 1..=6 {
            paces.extend(throttle.recover(begin + STEP * n).map(f64::round));
        }
        assert_eq!(paces, [60.0, 70.0, 80.0, 90.0, 100.0]);
        assert!(!throttle.slowed());
        assert_eq!(throttle.recovered_in(begin + STEP * 6), None);
    }
}
