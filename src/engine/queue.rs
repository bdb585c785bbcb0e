//! What is due, in which order: resends of doubts, then retries, then what was never attempted.
//!
//! Times here are monotonic, taken over from the ledger's wall times once when it is opened: a wall clock that is
//! corrected during a run then delays nobody, and makes no doubt older.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::{AgeInstant, Moment, until};
use crate::delivery::{ActivityNo, Away, DeliveryKey, Doubt, Standing, State};
use crate::ledger::Book;
use crate::pace::backoff::MOST_RETRY_AFTER;
use crate::plan::{InDoubt, Plan};

use super::reservations::{Busy, User};
use super::waves::Drawn;

/// The deliveries that this run may still attempt.
#[derive(Debug)]
pub struct Queue {
    doubts: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    retries: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    /// Owed now, behind the cursor: a later coupon of a user whose earlier one was issued meanwhile.
    late: VecDeque<DeliveryKey>,
    /// Passed over, because another campaign has an attempt under way for the user.
    passed_over: BTreeSet<(User, DeliveryKey)>,
    /// Passed over, because another campaign lost an answer; the user is free then.
    resting: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    waves: InWaves,
    /// Which coupons of this wave come next, and whose: the first so many of this round had their turn.
    round: u8,
    had: u32,
    turns: Turns,
    /// Taken to see whether there is one, and given out next.
    ahead: Option<DeliveryKey>,
    /// The unsettled deliveries that were attempted in this run.
    tries: HashMap<DeliveryKey, Tries>,
    /// Until when this run may resend each doubt. It may resend no other one.
    resend_until: HashMap<DeliveryKey, AgeInstant>,
    rules: Rules,
}

/// The attempts of a delivery in this run.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    /// How many count towards `retry.attempts`.
    counted: u32,
    /// How many the next delay goes by: those that were certainly not sent as well.
    failed: u32,
}

/// Everybody who has a turn, in order.
#[derive(Debug)]
enum Turns {
    /// In the order of admission: so many.
    Admission(u32),
    /// In another order; and everybody's place in it, where somebody's second turn may have to be found.
    Other { order: Vec<u32>, places: Vec<u32> },
}

impl Turns {
    fn of(order: Option<Vec<u32>>, book: &Book, coupons_per_user: u8) -> Self {
        let Some(order) = order else {
            return Self::Admission(book.recipients());
        };
        let mut places = Vec::new();
        if coupons_per_user > 1 {
            places = vec![u32::MAX; book.recipients() as usize];
            for (place, recipient) in (0..).zip(&order) {
                if let Some(slot) = places.get_mut(*recipient as usize) {
                    *slot = place;
                }
            }
        }
        Self::Other { order, places }
    }

    fn nth(&self, nth: u32) -> Option<u32> {
        match self {
            Self::Admission(all) => (nth < *all).then_some(nth),
            Self::Other { order, .. } => order.get(nth as usize).copied(),
        }
    }

    /// Whether the turn of a recipient is one of the first so many. Who has none in this order has it at once, when a
    /// person gives one.
    fn has_passed(&self, recipient: u32, had: u32) -> bool {
        match self {
            Self::Admission(_) => recipient < had,
            Self::Other { places, .. } => {
                let place = places.get(recipient as usize).copied().unwrap_or(u32::MAX);
                place < had || place == u32::MAX
            }
        }
    }
}

/// Who belongs to which wave, by number from 0, and how far the turns have come. The last are all those of no wave.
#[derive(Debug)]
struct InWaves {
    /// By recipient; nothing where there are no waves.
    of: Vec<u8>,
    /// Whose turns come at present.
    at: usize,
    last: usize,
    /// Nobody behind this one has a turn.
    released: usize,
    /// Whose turn comes next, and has to wait for that.
    beyond: Option<DeliveryKey>,
}

impl InWaves {
    fn new(plan: &Plan, book: &Book) -> Self {
        let (waves, drawn) = (&plan.schedule.waves, Drawn::of(plan));
        let of = |recipient| u8::try_from(drawn.wave(&book.open_id(recipient))).unwrap_or(u8::MAX);
        let all = if waves.is_empty() { 0 } else { book.recipients() };
        Self {
            of: (0..all).map(of).collect(),
            at: 0,
            last: waves.len(),
            released: waves.len(),
            beyond: None,
        }
    }

    fn of(&self, recipient: u32) -> usize {
        self.of
            .get(recipient as usize)
            .map_or(self.last, |wave| usize::from(*wave))
    }
}

/// What the queue needs of the plan.
#[derive(Clone, Copy, Debug)]
struct Rules {
    attempts: u32,
    in_doubt: InDoubt,
    resend_within: Duration,
    coupons_per_user: u8,
}

/// For what a delivery is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// To be sent: whatever is due.
    Send,
    /// Only what this run has attempted before: it has begun as many deliveries as it may.
    Again,
    /// To probe a platform that may be out of reach: one that surely was not sent, due or not, before any other.
    Probe,
    /// Only doubts: `max_coupons` has no room for another coupon, and a doubt has its place already.
    Doubt {
        /// Whether this run must have attempted it before.
        again: bool,
    },
}

impl Queue {
    /// Takes over what the ledger has. The wall's time of `at` is the later of the wall and the ledger's newest time.
    #[must_use]
    pub(super) fn new(plan: &Plan, book: &Book, order: Option<Vec<u32>>, at: Moment) -> Self {
        let mut queue = Self {
            doubts: BinaryHeap::new(),
            retries: BinaryHeap::new(),
            late: VecDeque::new(),
            passed_over: BTreeSet::new(),
            resting: BinaryHeap::new(),
            waves: InWaves::new(plan, book),
            round: 1,
            had: 0,
            turns: Turns::of(order, book, plan.coupons_per_user),
            ahead: None,
            tries: HashMap::new(),
            resend_until: HashMap::new(),
            rules: Rules {
                attempts: plan.retry.attempts,
                in_doubt: plan.retry.in_doubt,
                resend_within: plan.retry.resend_within,
                coupons_per_user: plan.coupons_per_user,
            },
        };
        for (key, standing) in book.unsettled() {
            if let Some(doubt) = standing.doubt {
                // A doubt that waits for a person is nothing that a run waits for.
                if !queue.resendable(book, key, &doubt, at.wall) {
                    continue;
                }
                let resend_until = doubt.resend_until(queue.rules.resend_within);
                let left = resend_until.and_then(|end| until(at.wall, end)).unwrap_or_default();
                queue.resend_until.insert(key, at.age + left);
            }
            if let Some(left) = due_in(plan, &standing, at.wall) {
                queue.put(key, &standing, at.instant + left);
            }
        }
        queue
    }

    /// The recipients in the order of their turns; none when that is the order of admission.
    pub(super) fn order(&self) -> Option<&[u32]> {
        match &self.turns {
            Turns::Admission(_) => None,
            Turns::Other { order, .. } => Some(order),
        }
    }

    /// Puts a delivery back that is due at `due`.
    pub fn put(&mut self, key: DeliveryKey, standing: &Standing, due: Instant) {
        match (standing.state, standing.doubt) {
            (State::Deferred { .. }, _) => self.retries.push(Reverse((due, key))),
            (State::InDoubt, Some(_)) => self.doubts.push(Reverse((due, key))),
            (State::Pending, _) => self.late.push_back(key),
            _ => {}
        }
    }

    /// Leaves out a delivery that [`Self::next`] gave, until its user is free.
    pub(super) fn pass_over(&mut self, key: DeliveryKey, user: User, busy: Busy) {
        match busy {
            Busy::UnderWay => {
                self.passed_over.insert((user, key));
            }
            Busy::Until(end) => self.resting.push(Reverse((end, key))),
        }
    }

    /// Lets deliveries to a user that were passed over be attempted again.
    pub(super) fn freed(&mut self, book: &Book, user: User, now: Instant) {
        let first = DeliveryKey {
            recipient: 0,
            ordinal: 0,
        };
        let from_user = self.passed_over.range((user, first)..);
        let keys: Vec<_> = from_user
            .take_while(|(other, _)| *other == user)
            .map(|(_, key)| *key)
            .collect();
        for key in keys {
            self.passed_over.remove(&(user, key));
            self.put(key, &book.standing(key), now);
        }
    }

    /// Whether a delivery waits for the end of another campaign's attempt.
    #[must_use]
    pub(super) fn waits_for_user(&self) -> bool {
        !self.passed_over.is_empty()
    }

    /// Ends the rests that are over.
    fn wake(&mut self, book: &Book, now: Instant) {
        while let Some(key) = pop_due(&mut self.resting, now) {
            self.put(key, &book.standing(key), now);
        }
    }

    /// The deliveries that were passed over and will be attempted, if this run may begin further ones or has begun them.
    fn left_out(&self, capped: bool) -> impl Iterator<Item = DeliveryKey> {
        let passed_over = self.passed_over.iter().map(|(_, key)| *key);
        let resting = self.resting.iter().map(|Reverse((_, key))| *key);
        let all = passed_over.chain(resting);
        all.filter(move |key| !capped || self.tries.contains_key(key))
    }

    /// Counts one more attempt of a delivery in this run. Returns whether it is the first one.
    pub fn count(&mut self, key: DeliveryKey) -> bool {
        let first = !self.tries.contains_key(&key);
        let tries = self.tries.entry(key).or_default();
        tries.counted += 1;
        tries.failed += 1;
        first
    }

    /// Takes back an attempt that does not count.
    pub fn uncount(&mut self, key: DeliveryKey) {
        if let Some(tries) = self.tries.get_mut(&key) {
            tries.counted = tries.counted.saturating_sub(1);
            tries.failed = tries.failed.saturating_sub(1);
        }
    }

    /// Takes back an attempt that was certainly not sent. The delay before the next one grows all the same.
    pub fn uncount_unsent(&mut self, key: DeliveryKey) {
        if let Some(tries) = self.tries.get_mut(&key) {
            tries.counted = tries.counted.saturating_sub(1);
        }
    }

    /// Takes back an attempt that was not made.
    pub fn withdraw(&mut self, key: DeliveryKey, first_in_run: bool) {
        self.uncount(key);
        if first_in_run {
            self.tries.remove(&key);
        }
    }

    /// How many failed attempts of `key` the next delay goes by.
    #[must_use]
    pub fn failed(&self, key: DeliveryKey) -> u32 {
        self.tries.get(&key).map_or(0, |tries| tries.failed)
    }

    /// Forgets a delivery that is settled.
    pub fn forget(&mut self, key: DeliveryKey) {
        self.tries.remove(&key);
        self.resend_until.remove(&key);
    }

    /// Notes that a delivery is in doubt by an attempt whose intent was made at `intended`. The age of a doubt counts from the
    /// first such attempt.
    pub(super) fn doubted(&mut self, key: DeliveryKey, intended: AgeInstant) {
        let until = intended + self.rules.resend_within;
        self.resend_until.entry(key).or_insert(until);
    }

    /// Until when this run may resend a doubt; none of what is not in doubt.
    pub(super) fn resend_until(&self, key: DeliveryKey) -> Option<AgeInstant> {
        self.resend_until.get(&key).copied()
    }

    /// Whether the machine may resend this doubt, now or later, by the wall: so a run sees it that begins `now`, which is the
    /// later of the wall and the ledger's newest time.
    #[must_use]
    pub fn resendable(&self, book: &Book, key: DeliveryKey, doubt: &Doubt, now: Timestamp) -> bool {
        let until = doubt.resend_until(self.rules.resend_within);
        self.allows(book, key, doubt) && until.is_some_and(|until| now <= until)
    }

    /// Whether the machine may resend this doubt, its age aside.
    fn allows(&self, book: &Book, key: DeliveryKey, doubt: &Doubt) -> bool {
        self.rules.in_doubt == InDoubt::Resend
            && !doubt.stuck
            && !is_excluded(book, key)
            && key.ordinal <= self.rules.coupons_per_user
    }

    /// Takes the next delivery to attempt, if there is one.
    pub(super) fn next(&mut self, book: &Book, at: Moment, pick: Pick) -> Option<DeliveryKey> {
        self.wake(book, at.instant);
        // It may have waited for the app id's turn, and a doubt grows old meanwhile.
        if let Some(key) = self.ahead.take().filter(|key| self.may_go(book, *key, at.age)) {
            let standing = book.standing(key);
            if !matches!(pick, Pick::Doubt { .. }) || standing.state == State::InDoubt {
                return Some(key);
            }
            self.put(key, &standing, at.instant);
        }
        if pick == Pick::Probe
            && let Some(Reverse((_, key))) = self.retries.pop()
        {
            return Some(key);
        }
        while let Some(key) = pop_due(&mut self.doubts, at.instant) {
            if self.may_try(key, pick) && self.may_go(book, key, at.age) {
                return Some(key);
            }
        }
        if matches!(pick, Pick::Doubt { .. }) {
            return None;
        }
        while let Some(key) = pop_due(&mut self.retries, at.instant) {
            if self.may_try(key, pick) {
                return Some(key);
            }
        }
        if pick == Pick::Again { None } else { self.next_new(book) }
    }

    /// Whether a delivery may be attempted, which a doubt may for so long only.
    fn may_go(&self, book: &Book, key: DeliveryKey, now: AgeInstant) -> bool {
        let standing = book.standing(key);
        let doubt = standing.doubt.filter(|_| standing.state == State::InDoubt);
        let in_time = || self.resend_until(key).is_some_and(|until| now <= until);
        doubt.is_none_or(|doubt| self.allows(book, key, &doubt) && in_time())
    }

    fn may_try(&self, key: DeliveryKey, pick: Pick) -> bool {
        match self.tries.get(&key) {
            Some(tries) => tries.counted < self.rules.attempts,
            None => !matches!(pick, Pick::Again | Pick::Doubt { again: true }) && self.rules.attempts > 0,
        }
    }

    /// Whether this run has nothing left to attempt, now or later; `capped` when it may begin no further delivery.
    pub fn is_exhausted(&mut self, book: &Book, capped: bool) -> bool {
        if self.ahead.is_none() && !capped {
            self.ahead = self.next_new(book);
        }
        // Who waits for a wave has a turn later.
        let beyond = !capped && self.waves.beyond.is_some();
        self.ahead.is_none()
            && !beyond
            && self.doubts.is_empty()
            && self.retries.is_empty()
            && self.left_out(capped).next().is_none()
    }

    /// The same, asked by the way: it decides nothing about what is attempted next.
    pub fn has_nothing_left(&mut self, book: &Book, capped: bool) -> bool {
        let owed = |key: &DeliveryKey| book.standing(*key).state == State::Pending;
        let more = !capped && (self.late.iter().any(owed) || self.look_ahead(book).is_some());
        self.ahead.is_none()
            && !more
            && self.doubts.is_empty()
            && self.retries.is_empty()
            && self.left_out(capped).next().is_none()
    }

    /// Whether a doubt is left to attempt, now or later; `capped` when this run may begin no further delivery.
    pub(super) fn has_doubt(&self, book: &Book, capped: bool) -> bool {
        let in_doubt = |key: DeliveryKey| book.standing(key).state == State::InDoubt;
        !self.doubts.is_empty() || self.ahead.is_some_and(in_doubt) || self.left_out(capped).any(in_doubt)
    }

    /// Whether the same command would go on later without a person: something is owed that this run did not get to, or
    /// a doubt may still be resent. `now` is the later of the wall and the ledger's newest time.
    #[must_use]
    pub(super) fn next_run_goes_on(&self, book: &Book, now: Timestamp, age: AgeInstant) -> bool {
        // While the wall is behind the newest time, a doubt is no older in the next run than it was in this one: one that
        // became too old while it was waited for would be waited for by each run in vain.
        let in_time = |key| self.resend_until(key).is_none_or(|until| age <= until);
        let resendable = book
            .unsettled()
            .any(|(key, standing)| match (standing.state, standing.doubt) {
                (State::Deferred { .. }, _) => true,
                (State::InDoubt, Some(doubt)) => self.resendable(book, key, &doubt, now) && in_time(key),
                _ => false,
            });
        resendable || self.pending_first(book)
    }

    /// Whether a delivery is pending and it is its turn. One behind a coupon in doubt or held waits with that one.
    fn pending_first(&self, book: &Book) -> bool {
        (1..=self.rules.coupons_per_user).any(|ordinal| {
            (0..book.recipients()).any(|recipient| {
                let key = DeliveryKey { recipient, ordinal };
                book.standing(key).state == State::Pending && turn_of(book, key)
            })
        })
    }

    /// Whether a delivery can be picked now.
    pub(super) fn has_next(&mut self, book: &Book, at: Moment, pick: Pick) -> bool {
        self.ahead = self.next(book, at, pick);
        self.ahead.is_some()
    }

    /// Takes the next delivery that was never attempted.
    fn next_new(&mut self, book: &Book) -> Option<DeliveryKey> {
        while let Some(key) = self.late.pop_front() {
            if book.standing(key).state == State::Pending {
                return Some(key);
            }
        }
        let key = self.look_ahead(book)?;
        if self.waves.of(key.recipient) > self.waves.released {
            return None;
        }
        self.waves.beyond.take()
    }

    /// Whose turn comes next, whether or not their wave may begin.
    fn look_ahead(&mut self, book: &Book) -> Option<DeliveryKey> {
        let owed = |key| book.standing(key).state == State::Pending && turn_of(book, key);
        while !self.waves.beyond.is_some_and(owed) {
            self.waves.beyond = Some(self.next_turn()?);
        }
        self.waves.beyond
    }

    /// Moves on by one turn: wave by wave, and in each coupon by coupon.
    fn next_turn(&mut self) -> Option<DeliveryKey> {
        while self.waves.at <= self.waves.last {
            if self.round > self.rules.coupons_per_user {
                (self.waves.at, self.round) = (self.waves.at + 1, 1);
                continue;
            }
            let Some(recipient) = self.turns.nth(self.had) else {
                (self.round, self.had) = (self.round + 1, 0);
                continue;
            };
            self.had += 1;
            if self.waves.of(recipient) == self.waves.at {
                let ordinal = self.round;
                return Some(DeliveryKey { recipient, ordinal });
            }
        }
        self.waves.beyond = None;
        None
    }

    /// Which wave a recipient belongs to, by number from 0; behind all of them for one of no wave.
    #[must_use]
    pub fn wave_of(&self, recipient: u32) -> usize {
        self.waves.of(recipient)
    }

    /// Lets everybody have a turn up to this wave.
    pub fn release(&mut self, wave: usize) {
        self.waves.released = wave;
    }

    /// Whether somebody's turn is only waiting for a wave.
    pub fn waits_for_wave(&mut self, book: &Book) -> bool {
        let next = self.look_ahead(book);
        next.is_some_and(|key| self.waves.of(key.recipient) > self.waves.released)
    }

    /// Whether nobody of these waves has anything left to attempt in this run, but for what is in flight.
    pub fn has_ended(&mut self, book: &Book, waves: RangeInclusive<usize>, now: AgeInstant) -> bool {
        // Turns come wave by wave: behind one of an earlier wave, as of somebody who came late to it, lie those of these.
        let next = [self.ahead, self.look_ahead(book)];
        if next
            .iter()
            .flatten()
            .any(|key| self.waves.of(key.recipient) <= *waves.end())
        {
            return false;
        }
        let of = |key: &DeliveryKey| waves.contains(&self.waves.of(key.recipient));
        let owed = |key: &DeliveryKey| book.standing(*key).state == State::Pending;
        if self.late.iter().any(|key| of(key) && owed(key)) {
            return false;
        }
        let retries = self.retries.iter().map(|Reverse((_, key))| *key);
        let doubts = self.doubts.iter().map(|Reverse((_, key))| *key);
        let doubts = doubts.filter(|key| self.may_go(book, *key, now));
        let left_out = self.left_out(false);
        !retries
            .chain(doubts)
            .chain(left_out)
            .any(|key| of(&key) && self.may_try(key, Pick::Send))
    }

    /// Tells that `key` was issued: the same user's next coupon may now be due, and the cursor may have passed it.
    pub fn issued(&mut self, book: &Book, key: DeliveryKey) {
        self.forget(key);
        let next = DeliveryKey {
            ordinal: key.ordinal + 1,
            ..key
        };
        let wave = self.waves.of(next.recipient);
        let passed_here = next.ordinal < self.round
            || (next.ordinal == self.round && self.turns.has_passed(next.recipient, self.had));
        let passed = wave < self.waves.at || (wave == self.waves.at && passed_here);
        if passed && next.ordinal <= self.rules.coupons_per_user && book.standing(next).state == State::Pending {
            self.late.push_back(next);
        }
    }

    /// When something that is not due yet will be.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let retry = self.retries.peek().map(|Reverse((due, _))| *due);
        [retry, self.next_doubt_due()].into_iter().flatten().min()
    }

    /// The same of doubts alone, and of the users who rest.
    pub(super) fn next_doubt_due(&self) -> Option<Instant> {
        let doubt = self.doubts.peek().map(|Reverse((due, _))| *due);
        let rested = self.resting.peek().map(|Reverse((end, _))| *end);
        [doubt, rested].into_iter().flatten().min()
    }
}

/// Whether somebody said no: such a one is not sent to, not even to learn what became of an earlier attempt.
fn is_excluded(book: &Book, key: DeliveryKey) -> bool {
    book.away(key.recipient) == Some(Away::Excluded)
}

/// Under which activity a delivery is attempted: a doubt under that of the unknown attempt, anything else under the
/// `current` one.
#[must_use]
pub fn activity_of(standing: &Standing, current: ActivityNo) -> ActivityNo {
    let doubt = standing.doubt.filter(|_| standing.state == State::InDoubt);
    doubt.map_or(current, |doubt| doubt.activity)
}

/// Whether the coupon before this one is issued, so that it is this one's turn.
pub(super) fn turn_of(book: &Book, key: DeliveryKey) -> bool {
    let before = DeliveryKey {
        ordinal: key.ordinal - 1,
        ..key
    };
    key.ordinal == 1 || book.standing(before).state == State::Issued
}

fn pop_due(heap: &mut BinaryHeap<Reverse<(Instant, DeliveryKey)>>, instant: Instant) -> Option<DeliveryKey> {
    match heap.peek() {
        Some(Reverse((due, _))) if *due <= instant => heap.pop().map(|Reverse((_, key))| key),
        _ => None,
    }
}

/// How long until an unsettled delivery is due; none for one that waits for a person or is under way.
pub(super) fn due_in(plan: &Plan, standing: &Standing, now: Timestamp) -> Option<Duration> {
    match (standing.state, standing.doubt) {
        (State::Deferred { until }, _) => Some(clamped(now, until, plan.retry.max_delay)),
        (State::InDoubt, Some(doubt)) => Some(clamped(now, doubt.due, plan.retry.timeout)),
        _ => None,
    }
}

/// How long until a stored time, as a run that begins now takes it. A time further ahead than any that is ever stored
/// means that the clock was set back: then it is `most` from now.
fn clamped(now: Timestamp, due: Timestamp, most: Duration) -> Duration {
    match until(now, due) {
        Some(left) if left > MOST_RETRY_AFTER.max(most) => most,
        left => left.unwrap_or_default(),
    }
}
