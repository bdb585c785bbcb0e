//! The queue of deliveries: resends of doubts first, then retries, then deliveries that were never attempted.
//!
//! Times are monotonic. They are computed from the ledger's wall times once, when the run begins, so that a correction
//! of the wall clock during a run delays no delivery and makes no doubt older.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::ledger::{LedgerState, Present};
use crate::model::clock::{AgeInstant, Moment, until};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, Doubt, State};
use crate::plan::Plan;

use super::eligibility::{ResendRules, due_in, is_turn};
use super::limits::reservations::{Busy, User};
use super::wave_members::WaveMembers;

/// The deliveries that this run may still attempt.
#[derive(Debug)]
pub struct Queue {
    doubts: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    retries: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    /// Owed now and before the cursor: the next coupon of a user whose earlier one was issued.
    late: VecDeque<DeliveryKey>,
    /// Left out while another campaign has an attempt in flight for the user.
    passed_over: BTreeSet<(User, DeliveryKey)>,
    /// Left out until the given time, because another campaign lost an answer.
    resting: BinaryHeap<Reverse<(Instant, DeliveryKey)>>,
    waves: WaveProgress,
    /// The ordinal of the current round, and how many recipients of the order it has passed.
    round: u8,
    had: u32,
    turns: Turns,
    /// A delivery that was taken to see whether one is due. It is returned next.
    ahead: Option<DeliveryKey>,
    /// The unsettled deliveries that were attempted in this run.
    tries: HashMap<DeliveryKey, Tries>,
    /// Until when this run may resend each doubt. It resends no other doubt.
    resend_until: HashMap<DeliveryKey, AgeInstant>,
    rules: Rules,
}

/// The attempts of a delivery in this run.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    /// Attempts that count towards `retry.attempts`.
    counted: u32,
    /// Attempts that determine the next delay. Attempts that were certainly not sent count as well.
    failed: u32,
}

/// The recipients in send order.
#[derive(Debug)]
enum Turns {
    /// In the order of admission, for this number of recipients.
    Admission(u32),
    /// In another order. `places` has each recipient's place in it, and is empty if there is one coupon for each user.
    Other { order: Vec<u32>, places: Vec<u32> },
}

impl Turns {
    fn new(order: Option<Vec<u32>>, ledger_state: &LedgerState, coupons_per_user: u8) -> Self {
        let Some(order) = order else {
            return Self::Admission(ledger_state.recipients());
        };
        let mut places = Vec::new();
        if coupons_per_user > 1 {
            places = vec![u32::MAX; ledger_state.recipients() as usize];
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

    /// Whether a recipient is among the first `had` of the order. True for a recipient outside the order, so that a
    /// delivery that a person makes possible is queued at once.
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

/// Each recipient's wave, from 0, and the progress through the waves. The last number is that of the recipients in no
/// wave.
#[derive(Debug)]
struct WaveProgress {
    /// By recipient. Empty if there are no waves.
    of: Vec<u8>,
    /// The current wave.
    at: usize,
    last: usize,
    /// Recipients of later waves are not sent to yet.
    released: usize,
    /// The next delivery in order, which may have to wait for its wave.
    beyond: Option<DeliveryKey>,
}

impl WaveProgress {
    fn new(plan: &Plan, ledger_state: &LedgerState) -> Self {
        let waves = &plan.schedule.waves;
        let members = WaveMembers::new(plan, ledger_state);
        let of = |recipient| u8::try_from(members.wave(recipient)).unwrap_or(u8::MAX);
        let all = if waves.is_empty() { 0 } else { ledger_state.recipients() };
        Self {
            of: (0..all).map(of).collect(),
            at: 0,
            last: waves.len(),
            released: waves.len(),
            beyond: None,
        }
    }

    fn wave_of(&self, recipient: u32) -> usize {
        self.of
            .get(recipient as usize)
            .map_or(self.last, |wave| usize::from(*wave))
    }
}

/// The options of the plan that the queue uses.
#[derive(Clone, Copy, Debug)]
struct Rules {
    attempts: u32,
    resend: ResendRules,
    resend_within: Duration,
    coupons_per_user: u8,
}

/// Which deliveries may be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Any delivery that is due.
    Send,
    /// Only deliveries that this run has attempted: it has begun as many as it may.
    Again,
    /// A probe of a platform that may be out of reach: preferably a delivery that certainly was not sent, due or not.
    Probe,
    /// Only doubts: `max_coupons` has no room for another coupon, and a doubt is counted already.
    Doubt {
        /// Whether this run must have attempted it before.
        again: bool,
    },
}

impl Queue {
    /// Queues the ledger's unsettled deliveries. The wall time of `at` is the later of the wall clock and the ledger's
    /// newest time.
    #[must_use]
    pub(super) fn new(plan: &Plan, ledger_state: &LedgerState, order: Option<Vec<u32>>, at: Moment) -> Self {
        let mut queue = Self {
            doubts: BinaryHeap::new(),
            retries: BinaryHeap::new(),
            late: VecDeque::new(),
            passed_over: BTreeSet::new(),
            resting: BinaryHeap::new(),
            waves: WaveProgress::new(plan, ledger_state),
            round: 1,
            had: 0,
            turns: Turns::new(order, ledger_state, plan.coupons_per_user),
            ahead: None,
            tries: HashMap::new(),
            resend_until: HashMap::new(),
            rules: Rules {
                attempts: plan.retry.attempts,
                resend: ResendRules::new(plan),
                resend_within: plan.retry.resend_within,
                coupons_per_user: plan.coupons_per_user,
            },
        };
        for (key, status) in ledger_state.unsettled() {
            if let Some(doubt) = status.doubt {
                // No run waits for a doubt that a person decides.
                if !queue.resendable(ledger_state, key, &doubt, at.wall) {
                    continue;
                }
                let resend_until = doubt.resend_until(queue.rules.resend_within);
                let left = resend_until.and_then(|end| until(at.wall, end)).unwrap_or_default();
                queue.resend_until.insert(key, at.age + left);
            }
            if let Some(left) = due_in(plan, &status, at.wall) {
                queue.put(key, &status, at.instant + left);
            }
        }
        queue
    }

    /// The recipients in send order. `None` if that is the order of admission.
    pub(super) fn order(&self) -> Option<&[u32]> {
        match &self.turns {
            Turns::Admission(_) => None,
            Turns::Other { order, .. } => Some(order),
        }
    }

    /// Queues a delivery that becomes due at `due`.
    pub fn put(&mut self, key: DeliveryKey, status: &DeliveryStatus, due: Instant) {
        match (status.state, status.doubt) {
            (State::Deferred { .. }, _) => self.retries.push(Reverse((due, key))),
            (State::InDoubt, Some(_)) => self.doubts.push(Reverse((due, key))),
            (State::Pending, _) => self.late.push_back(key),
            _ => {}
        }
    }

    /// Leaves out a delivery that [`Self::next`] returned, until its user is free.
    pub(super) fn set_aside(&mut self, key: DeliveryKey, user: User, busy: Busy) {
        match busy {
            Busy::UnderWay => {
                self.passed_over.insert((user, key));
            }
            Busy::Until(end) => self.resting.push(Reverse((end, key))),
        }
    }

    /// Queues again the deliveries to a user that were left out.
    pub(super) fn freed(&mut self, ledger_state: &LedgerState, user: User, now: Instant) {
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
            self.put(key, &ledger_state.status(key), now);
        }
    }

    /// Whether a delivery waits for the end of another campaign's attempt.
    #[must_use]
    pub(super) fn waits_for_user(&self) -> bool {
        !self.passed_over.is_empty()
    }

    /// Queues again the deliveries whose wait for another campaign's lost answer is over.
    fn wake(&mut self, ledger_state: &LedgerState, now: Instant) {
        while let Some(key) = pop_due(&mut self.resting, now) {
            self.put(key, &ledger_state.status(key), now);
        }
    }

    /// The deliveries that were left out and that this run will attempt. `capped`: only those that it attempted before.
    fn left_out(&self, capped: bool) -> impl Iterator<Item = DeliveryKey> {
        let passed_over = self.passed_over.iter().map(|(_, key)| *key);
        let resting = self.resting.iter().map(|Reverse((_, key))| *key);
        let all = passed_over.chain(resting);
        all.filter(move |key| !capped || self.tries.contains_key(key))
    }

    /// Counts an attempt of a delivery. Returns whether it is the first one in this run.
    pub fn count(&mut self, key: DeliveryKey) -> bool {
        let first = !self.tries.contains_key(&key);
        let tries = self.tries.entry(key).or_default();
        tries.counted += 1;
        tries.failed += 1;
        first
    }

    /// Uncounts an attempt.
    pub fn uncount(&mut self, key: DeliveryKey) {
        if let Some(tries) = self.tries.get_mut(&key) {
            tries.counted = tries.counted.saturating_sub(1);
            tries.failed = tries.failed.saturating_sub(1);
        }
    }

    /// Uncounts an attempt that was certainly not sent. The delay before the next one grows nevertheless.
    pub fn uncount_unsent(&mut self, key: DeliveryKey) {
        if let Some(tries) = self.tries.get_mut(&key) {
            tries.counted = tries.counted.saturating_sub(1);
        }
    }

    /// Uncounts an attempt that was not made.
    pub fn withdraw(&mut self, key: DeliveryKey, first_in_run: bool) {
        self.uncount(key);
        if first_in_run {
            self.tries.remove(&key);
        }
    }

    /// The number of failed attempts that determines the next delay of `key`.
    #[must_use]
    pub fn failed(&self, key: DeliveryKey) -> u32 {
        self.tries.get(&key).map_or(0, |tries| tries.failed)
    }

    /// Forgets a delivery that is settled.
    pub fn forget(&mut self, key: DeliveryKey) {
        self.tries.remove(&key);
        self.resend_until.remove(&key);
    }

    /// Records a doubt from an attempt whose intent was made at `intended`. The age of a doubt counts from its first
    /// such attempt.
    pub(super) fn doubted(&mut self, key: DeliveryKey, intended: AgeInstant) {
        let until = intended + self.rules.resend_within;
        self.resend_until.entry(key).or_insert(until);
    }

    /// Until when this run may resend a doubt. `None` if the delivery is not in doubt.
    pub(super) fn resend_until(&self, key: DeliveryKey) -> Option<AgeInstant> {
        self.resend_until.get(&key).copied()
    }

    /// Whether this doubt may be resent without a person, now or later, in a run that begins at `now`: the later of the
    /// wall clock and the ledger's newest time.
    #[must_use]
    pub fn resendable(&self, ledger_state: &LedgerState, key: DeliveryKey, doubt: &Doubt, now: Timestamp) -> bool {
        let present = Present { now, ahead: None };
        let until = self.rules.resend.resend_until(ledger_state, key, doubt, present);
        until.is_ok()
    }

    /// Takes the next delivery to attempt. `None` if none may be picked now.
    pub(super) fn next(&mut self, ledger_state: &LedgerState, at: Moment, pick: Pick) -> Option<DeliveryKey> {
        self.wake(ledger_state, at.instant);
        // It may have waited for the lock of the app id while the doubt aged.
        if let Some(key) = self.ahead.take().filter(|key| self.may_go(ledger_state, *key, at.age)) {
            let status = ledger_state.status(key);
            if !matches!(pick, Pick::Doubt { .. }) || status.state == State::InDoubt {
                return Some(key);
            }
            self.put(key, &status, at.instant);
        }
        if pick == Pick::Probe
            && let Some(Reverse((_, key))) = self.retries.pop()
        {
            return Some(key);
        }
        while let Some(key) = pop_due(&mut self.doubts, at.instant) {
            if self.may_try(key, pick) && self.may_go(ledger_state, key, at.age) {
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
        if pick == Pick::Again {
            None
        } else {
            self.next_new(ledger_state)
        }
    }

    /// Whether a delivery may be attempted. A doubt may be for a limited time only.
    fn may_go(&self, ledger_state: &LedgerState, key: DeliveryKey, now: AgeInstant) -> bool {
        let status = ledger_state.status(key);
        let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
        let in_time = || self.resend_until(key).is_some_and(|until| now <= until);
        doubt.is_none_or(|doubt| self.rules.resend.check(ledger_state, key, &doubt).is_ok() && in_time())
    }

    fn may_try(&self, key: DeliveryKey, pick: Pick) -> bool {
        match self.tries.get(&key) {
            Some(tries) => tries.counted < self.rules.attempts,
            None => !matches!(pick, Pick::Again | Pick::Doubt { again: true }) && self.rules.attempts > 0,
        }
    }

    /// Whether this run has nothing left to attempt, now or later. `capped`: it may begin no further delivery.
    pub fn is_exhausted(&mut self, ledger_state: &LedgerState, capped: bool) -> bool {
        if self.ahead.is_none() && !capped {
            self.ahead = self.next_new(ledger_state);
        }
        // A recipient that waits for a wave is sent to later.
        let beyond = !capped && self.waves.beyond.is_some();
        self.ahead.is_none()
            && !beyond
            && self.doubts.is_empty()
            && self.retries.is_empty()
            && self.left_out(capped).next().is_none()
    }

    /// Like [`Self::is_exhausted`], without an effect on the next pick.
    pub fn has_nothing_left(&mut self, ledger_state: &LedgerState, capped: bool) -> bool {
        self.left_out(capped).next().is_none() && !self.has_others(ledger_state, capped)
    }

    /// Whether all that is left to attempt waits for other campaigns' requests to the same users.
    pub(super) fn waits_only_for_users(&mut self, ledger_state: &LedgerState, capped: bool) -> bool {
        self.left_out(capped).next().is_some() && !self.has_others(ledger_state, capped)
    }

    /// Whether anything is left to attempt beside the deliveries that were left out.
    fn has_others(&mut self, ledger_state: &LedgerState, capped: bool) -> bool {
        let owed = |key: &DeliveryKey| ledger_state.status(*key).state == State::Pending;
        self.ahead.is_some()
            || !self.doubts.is_empty()
            || !self.retries.is_empty()
            || (!capped && (self.late.iter().any(owed) || self.look_ahead(ledger_state).is_some()))
    }

    /// Whether a doubt is left to attempt, now or later. `capped`: this run may begin no further delivery.
    pub(super) fn has_doubt(&self, ledger_state: &LedgerState, capped: bool) -> bool {
        let in_doubt = |key: DeliveryKey| ledger_state.status(key).state == State::InDoubt;
        !self.doubts.is_empty() || self.ahead.is_some_and(in_doubt) || self.left_out(capped).any(in_doubt)
    }

    /// Whether the same command would continue later without a person: a delivery is owed, or a doubt may still be
    /// resent. `now` is the later of the wall clock and the ledger's newest time.
    #[must_use]
    pub(super) fn next_run_goes_on(&self, ledger_state: &LedgerState, now: Timestamp, age: AgeInstant) -> bool {
        // While the wall clock is earlier than the newest time, a doubt is as old in the next run as in this one. Every
        // run would wait in vain for a doubt that expired during the wait.
        let in_time = |key| self.resend_until(key).is_none_or(|until| age <= until);
        let resendable = ledger_state
            .unsettled()
            .any(|(key, status)| match (status.state, status.doubt) {
                (State::Deferred { .. }, _) => true,
                (State::InDoubt, Some(doubt)) => self.resendable(ledger_state, key, &doubt, now) && in_time(key),
                _ => false,
            });
        resendable || self.pending_first(ledger_state)
    }

    /// Whether a delivery is pending and may be sent. A coupon after one in doubt or held waits for that one.
    fn pending_first(&self, ledger_state: &LedgerState) -> bool {
        (1..=self.rules.coupons_per_user).any(|ordinal| {
            (0..ledger_state.recipients()).any(|recipient| {
                let key = DeliveryKey { recipient, ordinal };
                ledger_state.status(key).state == State::Pending && is_turn(ledger_state, key)
            })
        })
    }

    /// Whether a delivery can be picked now.
    pub(super) fn has_next(&mut self, ledger_state: &LedgerState, at: Moment, pick: Pick) -> bool {
        self.ahead = self.next(ledger_state, at, pick);
        self.ahead.is_some()
    }

    /// Takes the next delivery that was never attempted.
    fn next_new(&mut self, ledger_state: &LedgerState) -> Option<DeliveryKey> {
        while let Some(key) = self.late.pop_front() {
            if ledger_state.status(key).state == State::Pending {
                return Some(key);
            }
        }
        let key = self.look_ahead(ledger_state)?;
        if self.waves.wave_of(key.recipient) > self.waves.released {
            return None;
        }
        self.waves.beyond.take()
    }

    /// Returns the next delivery in order, whether or not its wave may begin. `None` at the end of the order.
    fn look_ahead(&mut self, ledger_state: &LedgerState) -> Option<DeliveryKey> {
        let owed = |key| ledger_state.status(key).state == State::Pending && is_turn(ledger_state, key);
        while !self.waves.beyond.is_some_and(owed) {
            self.waves.beyond = Some(self.next_turn()?);
        }
        self.waves.beyond
    }

    /// Advances by one recipient: wave by wave, and ordinal by ordinal within each.
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
            if self.waves.wave_of(recipient) == self.waves.at {
                let ordinal = self.round;
                return Some(DeliveryKey { recipient, ordinal });
            }
        }
        self.waves.beyond = None;
        None
    }

    /// The wave of a recipient, from 0, or the number of waves if it is in none.
    #[must_use]
    pub fn wave_of(&self, recipient: u32) -> usize {
        self.waves.wave_of(recipient)
    }

    /// Allows sends to recipients up to this wave.
    pub fn release(&mut self, wave: usize) {
        self.waves.released = wave;
    }

    /// Whether the next delivery waits only for its wave.
    pub fn waits_for_wave(&mut self, ledger_state: &LedgerState) -> bool {
        let next = self.look_ahead(ledger_state);
        next.is_some_and(|key| self.waves.wave_of(key.recipient) > self.waves.released)
    }

    /// Whether these waves have nothing left to attempt in this run, apart from attempts in flight.
    pub fn has_ended(&mut self, ledger_state: &LedgerState, waves: RangeInclusive<usize>, now: AgeInstant) -> bool {
        // The order goes wave by wave: after a delivery of an earlier wave, such as one of a late newcomer, those of
        // these waves follow.
        let next = [self.ahead, self.look_ahead(ledger_state)];
        if next
            .iter()
            .flatten()
            .any(|key| self.waves.wave_of(key.recipient) <= *waves.end())
        {
            return false;
        }
        let owed = |key: &DeliveryKey| ledger_state.status(*key).state == State::Pending;
        // A delivery of an earlier wave that was attempted does not hold up later waves.
        let of = |key: &DeliveryKey| {
            let wave = self.waves.wave_of(key.recipient);
            waves.contains(&wave) || (wave <= *waves.end() && owed(key))
        };
        if self.late.iter().any(|key| of(key) && owed(key)) {
            return false;
        }
        let retries = self.retries.iter().map(|Reverse((_, key))| *key);
        let doubts = self.doubts.iter().map(|Reverse((_, key))| *key);
        let doubts = doubts.filter(|key| self.may_go(ledger_state, *key, now));
        let left_out = self.left_out(false);
        !retries
            .chain(doubts)
            .chain(left_out)
            .any(|key| of(&key) && self.may_try(key, Pick::Send))
    }

    /// Handles that `key` was issued. Queues the same user's next coupon if the cursor has passed it.
    pub fn issued(&mut self, ledger_state: &LedgerState, key: DeliveryKey) {
        self.forget(key);
        let next = DeliveryKey {
            ordinal: key.ordinal + 1,
            ..key
        };
        let wave = self.waves.wave_of(next.recipient);
        let passed_here = next.ordinal < self.round
            || (next.ordinal == self.round && self.turns.has_passed(next.recipient, self.had));
        let passed = wave < self.waves.at || (wave == self.waves.at && passed_here);
        if passed && next.ordinal <= self.rules.coupons_per_user && ledger_state.status(next).state == State::Pending {
            self.late.push_back(next);
        }
    }

    /// Takes in a person's decision about these deliveries, which is durable. The order is gone through again from its begin,
    /// because the decision may make a delivery owed that is before the cursor, the later coupons of its user included.
    pub(super) fn resolved(&mut self, ledger_state: &LedgerState, keys: impl IntoIterator<Item = DeliveryKey>) {
        for key in keys {
            self.forget(key);
        }
        let state = |key: &DeliveryKey| ledger_state.status(*key).state;
        // The cursor finds those that were never attempted.
        let was_attempted = |key: &DeliveryKey| matches!(state(key), State::Deferred { .. } | State::InDoubt);
        self.doubts.retain(|Reverse((_, key))| state(key) == State::InDoubt);
        self.retries
            .retain(|Reverse((_, key))| matches!(state(key), State::Deferred { .. }));
        self.passed_over.retain(|(_, key)| was_attempted(key));
        self.resting.retain(|Reverse((_, key))| was_attempted(key));
        self.ahead = self.ahead.filter(was_attempted);
        self.late.clear();
        self.round = 1;
        self.had = 0;
        self.waves.at = 0;
        self.waves.beyond = None;
    }

    /// When the next retry or doubt becomes due, or the next rest ends. `None` if nothing waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let retry = self.retries.peek().map(|Reverse((due, _))| *due);
        [retry, self.next_doubt_due()].into_iter().flatten().min()
    }

    /// Like [`Self::next_due`], without retries.
    pub(super) fn next_doubt_due(&self) -> Option<Instant> {
        let doubt = self.doubts.peek().map(|Reverse((due, _))| *due);
        let rested = self.resting.peek().map(|Reverse((end, _))| *end);
        [doubt, rested].into_iter().flatten().min()
    }
}

fn pop_due(heap: &mut BinaryHeap<Reverse<(Instant, DeliveryKey)>>, instant: Instant) -> Option<DeliveryKey> {
    match heap.peek() {
        Some(Reverse((due, _))) if *due <= instant => heap.pop().map(|Reverse((_, key))| key),
        _ => None,
    }
}
