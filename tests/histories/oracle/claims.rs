//! What a ledger's facts say, folded as naively as can be: the judge's own view of who is owed what, beside which the program's
//! is held.

use std::collections::BTreeMap;

use runner::delivery::{Away, DeliveryKey, StateName, Step, Verdict};
use runner::ledger::{Fact, Generation};
use runner::outcome::{Outcome, Proof};

use super::day_of;

/// Everything that the facts say.
#[derive(Debug, Default)]
pub struct Claims {
    /// By number.
    pub people: Vec<Person>,
    /// How many coupons each user is owed, and was ever.
    coupons: u8,
    known: u8,
    /// What counts from the end of a generation on.
    admitted: Vec<u8>,
    drawn: Vec<(u32, Option<Away>)>,
    read_again: Vec<(DeliveryKey, Step)>,
    /// The newest time of all.
    pub newest: i64,
    /// How many attempts there were on each day.
    pub begun: BTreeMap<i64, u64>,
    /// How many batches there were, and whether a generation was closed since the last run began.
    pub batches: u64,
    pub closed: bool,
}

/// One recipient.
#[derive(Debug)]
pub struct Person {
    pub user: u8,
    pub away: Option<Away>,
    /// From the first coupon on.
    pub deliveries: Vec<Delivery>,
}

/// One delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub state: StateName,
    /// How many attempts' outcomes are unknown, and when the first of them began.
    pub unknown: u32,
    pub since: i64,
    /// Whether the last answer to a doubt was a refusal or is for a person.
    pub stuck: bool,
    /// Whether it was held when it was skipped.
    held_before: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// The last one: its batch, its time and its day, and the state before it.
    pub intent: u64,
    pub began: i64,
    day: i64,
    before: StateName,
    /// Which attempts ended, in which batch and with what.
    pub ended: Vec<(u32, u64, &'static str)>,
}

/// What is wrong with a fact.
pub type Wrong = (&'static str, String);

impl Delivery {
    const NEW: Self = Self {
        state: StateName::Pending,
        unknown: 0,
        since: 0,
        stuck: false,
        held_before: false,
        attempts: 0,
        intent: 0,
        began: 0,
        day: 0,
        before: StateName::Pending,
        ended: Vec::new(),
    };

    /// An attempt at it is unknown from here on.
    fn doubt(&mut self) {
        if self.unknown == 0 {
            self.since = self.began;
        }
        self.unknown += 1;
        (self.state, self.stuck) = (StateName::InDoubt, false);
    }

    fn end(&mut self, verdict: Verdict) {
        let doubtful = self.unknown > 0;
        match verdict {
            Verdict::Issued => self.state = StateName::Issued,
            Verdict::Unknown { .. } => self.doubt(),
            Verdict::Refused { .. } | Verdict::Held { .. } if doubtful => {
                (self.state, self.stuck) = (StateName::InDoubt, true);
            }
            Verdict::Refused { .. } => self.state = StateName::Refused,
            Verdict::Held { .. } => self.state = StateName::Held,
            Verdict::NotIssued { .. } if doubtful => self.state = StateName::InDoubt,
            Verdict::NotIssued { .. } => self.state = StateName::Deferred,
        }
    }

    /// What an attempt at it proved, as far as that goes.
    fn proved(&self, outcome: &Outcome) -> StateName {
        let doubtful = self.unknown > 0;
        match &outcome.proof {
            Proof::Issued { .. } => StateName::Issued,
            Proof::Duplicate if doubtful => StateName::Issued,
            Proof::Unknown(_) => StateName::InDoubt,
            _ if doubtful => StateName::InDoubt,
            Proof::Refused => StateName::Refused,
            Proof::Duplicate | Proof::Held => StateName::Held,
            Proof::NotIssued(_) => StateName::Deferred,
        }
    }

    /// Takes what is not owed, for this reason, and owes what was skipped, where there is none.
    fn owe(&mut self, why_not: bool, takes_held: bool) {
        match self.state {
            StateName::Pending | StateName::Deferred if why_not => self.state = StateName::Skipped,
            StateName::Held if why_not && takes_held => {
                (self.state, self.held_before) = (StateName::Skipped, true);
            }
            StateName::Skipped if !why_not => {
                let was_held = std::mem::take(&mut self.held_before);
                self.state = if was_held { StateName::Held } else { StateName::Pending };
            }
            _ => {}
        }
    }

    /// What it becomes when its last code is read again. A code that leaves a held one's outcome unknown makes it a doubt of
    /// the attempt that had it.
    fn read_again(&mut self, step: Step) {
        match step {
            Step::RereadRefused => self.state = StateName::Refused,
            Step::RereadIssued => self.state = StateName::Issued,
            Step::Owe | Step::OweUnderNewActivity => self.state = StateName::Pending,
            Step::RereadUnknown { .. } => self.doubt(),
            _ => self.stuck = false,
        }
    }
}

impl Claims {
    /// How many deliveries are in each state, in the order of the documentation.
    pub fn counts(&self) -> [u64; 8] {
        let mut counts = [0; 8];
        for delivery in self.people.iter().flat_map(|person| &person.deliveries) {
            counts[delivery.state as usize] += 1;
        }
        counts
    }

    /// A delivery that there must be.
    pub fn delivery(&mut self, key: DeliveryKey) -> Result<&mut Delivery, Wrong> {
        let person = self.people.get_mut(key.recipient as usize);
        let delivery = person.and_then(|person| person.deliveries.get_mut(usize::from(key.ordinal) - 1));
        delivery.ok_or_else(|| ("the ledger makes sense", format!("{key:?} was never owed")))
    }

    /// Takes a fact of a batch.
    pub fn take(&mut self, batch: u64, fact: &Fact) -> Result<(), Wrong> {
        self.batches = self.batches.max(batch);
        match fact {
            Fact::RunBegan { at, .. } => {
                self.note(at.as_millisecond());
                self.closed = false;
                (self.admitted, self.drawn, self.read_again) = Default::default();
                let all = self.people.iter_mut().flat_map(|person| &mut person.deliveries);
                all.filter(|delivery| delivery.state == StateName::InFlight)
                    .for_each(Delivery::doubt);
            }
            Fact::Admitted { recipients } => {
                let user = |open_id: &runner::identity::OpenId| open_id.as_str()[1..].parse().unwrap_or(u8::MAX);
                self.admitted.extend(recipients.iter().map(user));
            }
            Fact::Away { why, recipients } => self.drawn.extend(recipients.iter().map(|of| (*of, Some(*why)))),
            Fact::Returned { recipients } => self.drawn.extend(recipients.iter().map(|of| (*of, None))),
            // What comes back held with a generation is read again after it, at once.
            Fact::Reread { key, step, .. } if self.closed => {
                self.delivery(*key)?.read_again(*step);
                self.skip_later(*key);
            }
            Fact::Reread { key, step, .. } => self.read_again.push((*key, *step)),
            Fact::Closed(generation) => self.close(generation)?,
            Fact::Lapsed { recipient, at } => {
                self.note(at.as_millisecond());
                if let Some(person) = self.people.get_mut(*recipient as usize) {
                    person.away = Some(Away::Lapsed);
                    person
                        .deliveries
                        .iter_mut()
                        .for_each(|delivery| delivery.owe(true, false));
                }
            }
            Fact::Intent { key, at, .. } => self.intend(*key, at.as_millisecond(), batch)?,
            Fact::Withdrawn { key } => {
                let delivery = self.delivery(*key)?;
                (delivery.state, delivery.attempts) = (delivery.before, delivery.attempts - 1);
                let day = delivery.day;
                *self.begun.entry(day).or_default() -= 1;
            }
            Fact::Ended { key, verdict, outcome } => self.end(*key, *verdict, outcome, batch)?,
            Fact::WaveEnded { at, .. } | Fact::WaveHalted { at, .. } => self.note(at.as_millisecond()),
            Fact::Decided { .. } | Fact::KeptOut(_) => {}
        }
        Ok(())
    }

    fn note(&mut self, at: i64) {
        self.newest = self.newest.max(at);
    }

    fn close(&mut self, generation: &Generation) -> Result<(), Wrong> {
        self.note(generation.at.as_millisecond());
        self.closed = true;
        self.coupons = generation.coupons_per_user;
        self.known = self.known.max(self.coupons);
        let new = std::mem::take(&mut self.admitted);
        self.people.extend(new.into_iter().map(|user| Person {
            user,
            away: None,
            deliveries: Vec::new(),
        }));
        let known = usize::from(self.known);
        for person in &mut self.people {
            person.deliveries.resize(known, Delivery::NEW);
        }
        for (recipient, why) in std::mem::take(&mut self.drawn) {
            if let Some(person) = self.people.get_mut(recipient as usize) {
                person.away = why;
            }
        }
        for (key, step) in std::mem::take(&mut self.read_again) {
            self.delivery(key)?.read_again(step);
        }
        let coupons = self.coupons;
        for person in &mut self.people {
            let (away, mut refused) = (person.away, false);
            for (ordinal, delivery) in (1..).zip(&mut person.deliveries) {
                let takes_held = !matches!(away, Some(Away::ControlGroup | Away::Lapsed));
                delivery.owe(away.is_some() || ordinal > coupons || refused, takes_held);
                refused |= delivery.state == StateName::Refused;
            }
        }
        Ok(())
    }

    fn intend(&mut self, key: DeliveryKey, at: i64, batch: u64) -> Result<(), Wrong> {
        self.note(at);
        let (day, closed, coupons) = (day_of(self.newest), self.closed, self.coupons);
        let wrong = |promise, how: &str| Err((promise, format!("{key:?}, batch {batch}: {how}")));
        if !closed {
            return wrong("G2: sends start only from a closed generation", "attempted before that");
        }
        let person = &self.people[key.recipient as usize];
        let earlier = &person.deliveries[..usize::from(key.ordinal) - 1];
        if earlier.iter().any(|delivery| delivery.state != StateName::Issued) {
            return wrong(
                "a later coupon follows an issued one",
                "attempted before an earlier one is issued",
            );
        }
        let away = person.away;
        let delivery = self.delivery(key)?;
        match delivery.state {
            StateName::Pending | StateName::Deferred if away.is_none() && key.ordinal <= coupons => {}
            StateName::InDoubt if away != Some(Away::Excluded) && !delivery.stuck && key.ordinal <= coupons => {}
            state => {
                let how = format!("attempted while {state}, away: {away:?}, stuck: {}", delivery.stuck);
                return wrong("G1: what is settled or not owed is not attempted", &how);
            }
        }
        delivery.before = delivery.state;
        delivery.state = StateName::InFlight;
        delivery.attempts += 1;
        (delivery.intent, delivery.began, delivery.day) = (batch, at, day);
        *self.begun.entry(day).or_default() += 1;
        Ok(())
    }

    fn end(&mut self, key: DeliveryKey, verdict: Verdict, outcome: &Outcome, batch: u64) -> Result<(), Wrong> {
        let at = outcome.at.as_millisecond();
        self.note(at);
        let delivery = self.delivery(key)?;
        let proved = delivery.proved(outcome);
        delivery.ended.push((delivery.attempts, batch, outcome.proof.word()));
        delivery.end(verdict);
        if delivery.state != proved {
            let how = format!("{key:?}: {:?} made it {}", outcome.proof, delivery.state);
            return Err(("G5: what is not known is not guessed", how));
        }
        self.skip_later(key);
        Ok(())
    }

    /// The later coupons of a user are not owed after one was refused.
    fn skip_later(&mut self, key: DeliveryKey) {
        let deliveries = &mut self.people[key.recipient as usize].deliveries;
        let (until, later) = deliveries.split_at_mut(usize::from(key.ordinal));
        if until
            .last()
            .is_some_and(|delivery| delivery.state == StateName::Refused)
        {
            for delivery in later {
                delivery.owe(true, true);
            }
        }
    }
}
