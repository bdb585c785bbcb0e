//! Reservations of users: two campaigns of one app id never have requests for one user in flight at the same time.
//!
//! A campaign reserves the user before it makes an intent, and releases them when the attempt is over. After a lost answer
//! the request may still be at the platform, so that reservation ends later.
//!
//! After a change of owner, all campaigns pass over the users who may have a request of the previous owner on its way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

/// A user of an app id, as a hash of the open_id. Two users with the same hash count as one, so one campaign waits for the
/// other without need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User(u64);

impl User {
    /// The user with this open_id.
    #[must_use]
    pub fn new(open_id: &str) -> Self {
        // Always the same keys: the order of users decides about the order of sends.
        let mut hasher = DefaultHasher::new();
        open_id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Why a user cannot be reserved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// Another campaign has an attempt under way. Its end is announced to this one.
    UnderWay,
    /// Another campaign or the previous owner lost an answer, and the request may be at the platform until then.
    Until(Instant),
}

/// The users that have a request prepared or in flight, or that may have one at the platform.
#[derive(Debug, Default)]
pub struct Reservations {
    by_user: BTreeMap<User, Reservation>,
    /// When the reservations end whose attempts are over.
    ends: BinaryHeap<Reverse<(Instant, User)>>,
    /// The users that no campaign sends to, and until when.
    passed_over: BTreeMap<User, Instant>,
}

#[derive(Debug)]
struct Reservation {
    /// The handle of the campaign.
    limiter: u32,
    /// `None` while the attempt is under way.
    end: Option<Instant>,
    /// Whether an earlier process made the attempt.
    inherited: bool,
    /// The handles that passed over the user meanwhile.
    waiting: Vec<u32>,
}

impl Reservation {
    const fn new(limiter: u32) -> Self {
        Self {
            limiter,
            end: None,
            inherited: false,
            waiting: Vec::new(),
        }
    }
}

impl Reservations {
    /// Reserves a user for the campaign at `limiter`. A campaign spaces its own attempts for a user, so its own reservation
    /// is no obstacle.
    ///
    /// # Errors
    /// When another campaign has a reservation, or all pass over the user.
    pub fn reserve(&mut self, user: User, limiter: u32, now: Instant) -> Result<(), Busy> {
        self.expire(now);
        if let Some(until) = self.passed_over.get(&user) {
            return Err(Busy::Until(*until));
        }
        match self.by_user.get_mut(&user) {
            Some(taken) if taken.limiter != limiter => {
                if let Some(end) = taken.end {
                    return Err(Busy::Until(end));
                }
                if !taken.waiting.contains(&limiter) {
                    taken.waiting.push(limiter);
                }
                Err(Busy::UnderWay)
            }
            Some(own) => {
                own.end = None;
                own.inherited = false;
                Ok(())
            }
            None => {
                self.by_user.insert(user, Reservation::new(limiter));
                Ok(())
            }
        }
    }

    /// Lets the reservation of an attempt that is over end at `end`, which may be past. Returns the handles that wait for it.
    pub fn release(&mut self, user: User, limiter: u32, end: Instant, now: Instant) -> Vec<u32> {
        let Some(own) = self.by_user.get_mut(&user).filter(|taken| taken.limiter == limiter) else {
            return Vec::new();
        };
        let waiting = std::mem::take(&mut own.waiting);
        if end <= now {
            self.by_user.remove(&user);
        } else {
            own.end = Some(end);
            self.ends.push(Reverse((end, user)));
        }
        waiting
    }

    /// Reserves a user until `end` unless there is a reservation: an earlier process lost an answer.
    pub fn inherit(&mut self, user: User, limiter: u32, end: Instant) {
        self.by_user.entry(user).or_insert_with(|| {
            self.ends.push(Reverse((end, user)));
            Reservation {
                end: Some(end),
                inherited: true,
                ..Reservation::new(limiter)
            }
        });
    }

    /// Makes all campaigns pass over a user until `until`.
    pub fn pass_over(&mut self, user: User, until: Instant) {
        let latest = self.passed_over.entry(user).or_insert(until);
        *latest = until.max(*latest);
    }

    /// Lets the reservations of all attempts that a campaign leaves under way end at `end`. Returns each user with the handles
    /// that wait for them.
    pub fn abandon(&mut self, limiter: u32, end: Instant, now: Instant) -> Vec<(User, Vec<u32>)> {
        let under_way = |taken: &Reservation| taken.limiter == limiter && taken.end.is_none();
        let users: Vec<_> = self
            .by_user
            .iter()
            .filter(|(_, taken)| under_way(taken))
            .map(|(user, _)| *user)
            .collect();
        let release = |user| (user, self.release(user, limiter, end, now));
        users.into_iter().map(release).collect()
    }

    /// When the last reservation ends whose attempt is over and was made by this process. `None` when there is none.
    pub fn last_end(&mut self, now: Instant) -> Option<Instant> {
        self.expire(now);
        let own = self.by_user.values().filter(|taken| !taken.inherited);
        own.filter_map(|taken| taken.end).max()
    }

    fn expire(&mut self, now: Instant) {
        self.passed_over.retain(|_, until| *until > now);
        while let Some(Reverse((end, user))) = self.ends.peek().copied().filter(|Reverse((end, _))| *end <= now) {
            self.ends.pop();
            // The same campaign may have reserved the user again.
            if self.by_user.get(&user).is_some_and(|taken| taken.end == Some(end)) {
                self.by_user.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn another_campaign_waits_for_the_end_of_an_attempt_and_is_told_of_it() {
        let now = Instant::now();
        let user = User::new("u1");
        let mut reservations = Reservations::default();
        assert_eq!(reservations.reserve(user, 1, now), Ok(()));
        assert_eq!(reservations.reserve(user, 1, now), Ok(()), "its own is no obstacle");
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::UnderWay));
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::UnderWay));
        assert_eq!(reservations.reserve(user, 3, now), Err(Busy::UnderWay));
        assert_eq!(reservations.reserve(User::new("u2"), 2, now), Ok(()));
        assert_eq!(reservations.release(user, 2, now, now), [0; 0], "it has no reservation");
        assert_eq!(reservations.release(user, 1, now, now), [2, 3], "each is told once");
        assert_eq!(reservations.reserve(user, 3, now), Ok(()));
    }

    #[test]
    fn a_lost_answer_keeps_other_campaigns_away_and_not_its_own() {
        let now = Instant::now();
        let user = User::new("u1");
        let end = now + SECOND;
        let mut reservations = Reservations::default();
        assert_eq!(reservations.reserve(user, 1, now), Ok(()));
        reservations.release(user, 1, end, now);
        assert_eq!(reservations.last_end(now), Some(end));
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::Until(end)));
        assert_eq!(reservations.reserve(user, 1, now), Ok(()));
        assert_eq!(
            reservations.reserve(user, 2, end),
            Err(Busy::UnderWay),
            "the resend is under way"
        );
        assert_eq!(reservations.last_end(end), None);
        reservations.release(user, 1, end + SECOND, end);
        assert_eq!(reservations.reserve(user, 2, end + SECOND), Ok(()));
    }

    #[test]
    fn a_lost_answer_of_an_earlier_process_keeps_other_campaigns_away() {
        let now = Instant::now();
        let user = User::new("u1");
        let mut reservations = Reservations::default();
        reservations.inherit(user, 1, now + SECOND);
        reservations.inherit(user, 2, now + 2 * SECOND);
        assert_eq!(
            reservations.last_end(now),
            None,
            "whoever comes next may have sent already"
        );
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::Until(now + SECOND)));
        assert_eq!(reservations.reserve(user, 1, now), Ok(()));
        assert_eq!(reservations.reserve(user, 2, now + SECOND), Err(Busy::UnderWay));
    }

    #[test]
    fn every_campaign_passes_over_a_user_with_a_request_of_the_previous_owner() {
        let now = Instant::now();
        let user = User::new("u1");
        let mut reservations = Reservations::default();
        reservations.pass_over(user, now + 2 * SECOND);
        reservations.pass_over(user, now + SECOND);
        reservations.inherit(user, 1, now + 3 * SECOND);
        for campaign in [1, 2] {
            let busy = Err(Busy::Until(now + 2 * SECOND));
            assert_eq!(reservations.reserve(user, campaign, now + SECOND), busy);
            assert_eq!(reservations.reserve(User::new("u2"), 1, now), Ok(()));
        }
        let later = now + 2 * SECOND;
        assert_eq!(reservations.reserve(user, 2, later), Err(Busy::Until(now + 3 * SECOND)));
        assert_eq!(reservations.reserve(user, 1, later), Ok(()), "the doubt is its own");
    }

    #[test]
    fn what_a_campaign_leaves_under_way_may_be_at_the_platform() {
        let now = Instant::now();
        let end = now + SECOND;
        let user = User::new("u1");
        let mut reservations = Reservations::default();
        assert_eq!(reservations.reserve(user, 1, now), Ok(()));
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::UnderWay));
        assert_eq!(reservations.abandon(1, end, now), [(user, vec![2])]);
        assert_eq!(reservations.reserve(user, 2, now), Err(Busy::Until(end)));
        assert_eq!(reservations.reserve(user, 2, end), Ok(()));
        assert_eq!(reservations.abandon(1, end, end), []);
    }
}
