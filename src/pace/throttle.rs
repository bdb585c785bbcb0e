//! How throttles slow the pace. A single one concerns only its delivery. Three users within a second mean that the whole
//! app id is too fast: the pace is halved, once an episode, and then recovers step by step.
//!
//! Another sender may use a part of the app id's quota during the whole run. So the highest pace without throttles is
//! remembered: the pace returns to it once the platform's second is over, and above it the steps start small.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The number of users throttled within [`WITHIN`] that slows the app id.
const USERS: usize = 3;
/// The platform counts requests per second.
const WITHIN: Duration = Duration::from_secs(1);
/// The length of each step of the recovery.
const STEP: Duration = Duration::from_secs(5);
/// The increase of a step, as a share of the plan's pace, while no pace is known to be safe.
const STEP_SHARE: f64 = 0.1;
/// The increase of the first step above the safe pace; each further one is twice as large, up to [`STEP_SHARE`].
const CAREFUL_SHARE: f64 = 0.01;
/// What remains of the safe pace once it is throttled.
const NO_LONGER: f64 = 0.95;
/// The number of throttles in a step, too far apart for an episode, that shows that its pace is not safe.
const TOO_MANY: u32 = 2;
/// The lowest pace, as a share of the plan's.
const LEAST_SHARE: f64 = 1.0 / 64.0;

/// Adjusts the pace of an app id to what the platform accepts.
#[derive(Clone, Debug)]
pub struct Throttle {
    full: f64,
    share: f64,
    recent: VecDeque<(Instant, u64)>,
    slowed: Option<Slowed>,
}

/// A pace below the plan's.
#[derive(Clone, Copy, Debug)]
struct Slowed {
    /// When the present pace began.
    since: Instant,
    /// How long it lasts.
    lasts: Duration,
    /// The last halving: attempts that began within a second of it belong to the same episode.
    halved: Instant,
    /// The highest share that lasted a whole step without being throttled.
    borne: Option<f64>,
    /// Whether that share was throttled since.
    doubted: bool,
    /// The increase of the next step.
    step: f64,
    /// The number of throttles at the present pace.
    throttles: u32,
}

impl Throttle {
    /// A throttle at the full pace.
    #[must_use]
    pub const fn new(full: f64) -> Self {
        Self {
            full,
            share: 1.0,
            recent: VecDeque::new(),
            slowed: None,
        }
    }

    /// Whether the whole app id is slowed. While it is, no throttle counts as an attempt.
    #[must_use]
    pub const fn slowed(&self) -> bool {
        self.slowed.is_some()
    }

    /// Changes the full pace, and the present pace in proportion.
    pub const fn set_full(&mut self, full: f64) {
        self.full = full;
    }

    /// The pace in starts per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.full * self.share
    }

    /// Records a throttled attempt of `user` that began at `began`. Returns the new pace, or `None` when this does not slow
    /// the app id.
    pub fn throttled(&mut self, user: u64, began: Instant, now: Instant) -> Option<f64> {
        if let Some(slowed) = &mut self.slowed {
            if began < slowed.halved + WITHIN {
                return None;
            }
            slowed.throttles += u32::from(began >= slowed.since);
        }
        self.recent
            .retain(|(at, other)| now.saturating_duration_since(*at) < WITHIN && *other != user);
        self.recent.push_back((now, user));
        if self.recent.len() < USERS {
            return None;
        }
        self.recent.clear();
        let before = self.slowed;
        let borne = before.and_then(|slowed| slowed.borne);
        // A throttle above the safe pace says nothing about that pace. A throttle at it means that other senders use more
        // than before.
        let at_borne = borne.is_some_and(|borne| self.share <= borne * (1.0 + CAREFUL_SHARE / 2.0));
        let given_up = at_borne && before.is_some_and(|slowed| slowed.doubted);
        self.share = (self.share / 2.0).max(LEAST_SHARE);
        let borne = borne.filter(|borne| !given_up && *borne > self.share);
        self.slowed = Some(Slowed {
            since: now,
            lasts: if borne.is_some() { WITHIN } else { STEP },
            halved: now,
            borne: borne.map(|borne| if at_borne { borne * NO_LONGER } else { borne }),
            doubted: at_borne,
            step: if borne.is_some() { CAREFUL_SHARE } else { STEP_SHARE },
            throttles: 0,
        });
        Some(self.per_second())
    }

    /// When the next step of the recovery is due. `None` at the full pace.
    #[must_use]
    pub fn next_step(&self) -> Option<Instant> {
        self.slowed.map(|slowed| slowed.since + slowed.lasts)
    }

    /// Takes every step of the recovery that is due. Returns the new pace, or `None` when none was due.
    pub fn recover(&mut self, now: Instant) -> Option<f64> {
        let mut changed = None;
        while let Some(due) = self.next_step().filter(|due| *due <= now) {
            self.step(due);
            changed = Some(self.per_second());
        }
        changed
    }

    fn step(&mut self, due: Instant) {
        let Some(slowed) = &mut self.slowed else {
            return;
        };
        let throttles = std::mem::take(&mut slowed.throttles);
        (slowed.since, slowed.lasts) = (due, STEP);
        match slowed.borne {
            Some(borne) if self.share < borne => self.share = borne,
            _ if throttles >= TOO_MANY => {
                self.share = (self.share - CAREFUL_SHARE).max(LEAST_SHARE);
                slowed.borne = Some(self.share);
                slowed.step = CAREFUL_SHARE;
            }
            _ => {
                slowed.borne = Some(self.share);
                slowed.doubted = false;
                self.share += slowed.step;
                slowed.step = (slowed.step * 2.0).min(STEP_SHARE);
            }
        }
        if self.share > 1.0 - CAREFUL_SHARE / 2.0 {
            self.share = 1.0;
            self.slowed = None;
        }
    }

    /// How long the pace stays below the plan's if there are no more throttles. `None` at the plan's pace.
    #[must_use]
    pub fn recovered_in(&self, now: Instant) -> Option<Duration> {
        let mut ahead = self.clone();
        let mut last = None;
        while let Some(due) = ahead.next_step() {
            ahead.step(due);
            last = Some(due.saturating_duration_since(now));
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Throttles three users at once, whose attempts began at that time too.
    fn episode(throttle: &mut Throttle, at: Instant) -> Option<f64> {
        (0..3)
            .filter_map(|user| throttle.throttled(user, at, at))
            .last()
            .map(f64::round)
    }

    #[test]
    fn one_user_alone_slows_nobody() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        for n in 0..50 {
            let at = begin + ms(n * 10);
            assert_eq!(throttle.throttled(7, at, at), None);
        }
        assert!(!throttle.slowed());
    }

    #[test]
    fn three_users_within_a_second_halve_the_pace_once_an_episode() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        assert_eq!(throttle.throttled(1, begin, begin), None);
        assert_eq!(throttle.throttled(2, begin, begin + ms(400)), None);
        assert_eq!(throttle.throttled(3, begin, begin + ms(999)), Some(49.0));
        for n in 0..40 {
            let late = begin + ms(1_000 + n);
            assert_eq!(
                throttle.throttled(4 + n, late, late + ms(9_000)),
                None,
                "it began before"
            );
        }
        let later = begin + ms(2_000);
        assert_eq!(throttle.throttled(50, later, later), None);
        assert_eq!(throttle.throttled(51, later, later), None);
        assert_eq!(throttle.throttled(52, later, later), Some(24.5));
    }

    #[test]
    fn users_that_are_throttled_more_than_a_second_apart_slow_nobody() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(98.0);
        for n in 0..20 {
            let at = begin + ms(n * 500);
            assert_eq!(throttle.throttled(n, at, at), None);
        }
    }

    #[test]
    fn the_pace_recovers_step_by_step_to_the_plan_and_not_beyond() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0);
        episode(&mut throttle, begin);
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

    #[test]
    fn the_pace_goes_back_to_what_was_borne_and_feels_its_way_on_from_there() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0);
        episode(&mut throttle, begin);
        let second = begin + STEP * 2;
        assert_eq!(throttle.recover(second).map(f64::round), Some(70.0));
        assert_eq!(episode(&mut throttle, second + ms(500)), Some(35.0));
        let back = second + ms(1_500);
        assert_eq!(
            throttle.recover(back).map(f64::round),
            Some(60.0),
            "once a second is over"
        );
        let mut paces = Vec::new();
        for n in 1..=7 {
            paces.extend(throttle.recover(back + STEP * n).map(f64::round));
        }
        assert_eq!(paces, [61.0, 63.0, 67.0, 75.0, 85.0, 95.0, 100.0]);
    }

    #[test]
    fn what_is_no_longer_borne_is_given_up_when_a_little_less_is_not_borne_either() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(100.0);
        episode(&mut throttle, begin);
        let mut at = begin + STEP * 2;
        throttle.recover(at);
        let mut backs = Vec::new();
        for _ in 0..3 {
            at += ms(100);
            episode(&mut throttle, at);
            at += WITHIN;
            backs.extend(throttle.recover(at).map(f64::round));
        }
        assert_eq!(backs, [60.0, 57.0], "then it stays halved");
        assert_eq!(format!("{:.1}", throttle.per_second()), "28.5");
        assert_eq!(throttle.next_step(), Some(at.checked_sub(WITHIN).unwrap() + STEP));
    }
}
