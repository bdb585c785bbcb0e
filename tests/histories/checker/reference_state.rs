//! The reference for the ledger state: the facts of a ledger, folded as simply as possible. The program's state is
//! compared with it.

use std::collections::BTreeMap;

use runner::ledger::{Fact, Generation, ManualDecision};
use runner::model::delivery::{Away, Decision, DeliveryKey, Resolution, StateName, Transition};
use runner::model::outcome::{Class, Outcome, Proof};

use crate::env::Violation;
use crate::scenario::Settings;

use super::day_of;

#[derive(Debug, Default)]
pub struct ReferenceState {
    /// By recipient number.
    pub recipients: Vec<Recipient>,
    /// `coupons_per_user` of the present generation, and the largest so far.
    coupons: u8,
    known: u8,
    /// What counts once the generation is closed.
    admitted: Vec<u8>,
    drawn: Vec<(u32, Option<Away>)>,
    read_again: Vec<(DeliveryKey, Transition, i64)>,
    /// In order of their first use; the present one.
    activities: Vec<u8>,
    activity: Option<u8>,
    /// Whether the present generation has another activity than the one before.
    new_activity: bool,
    /// Whether a person has accepted that another ledger has sent this campaign.
    replays: bool,
    /// The coupon_ids of answers, each with its delivery.
    pub told_coupons: BTreeMap<String, DeliveryKey>,
    pub newest: i64,
    /// How many attempts there were on each day.
    pub begun: BTreeMap<i64, u64>,
    /// How many batches there are, and whether a generation was closed since the last run began.
    pub batches: u64,
    pub closed: bool,
}

#[derive(Debug)]
pub struct Recipient {
    pub user: u8,
    pub away: Option<Away>,
    /// By ordinal, from 1.
    pub deliveries: Vec<Delivery>,
}

impl Recipient {
    /// Skips what is not owed, and owes what is.
    fn owe(&mut self, coupons: u8) {
        let away = self.away;
        let mut refused = false;
        for (ordinal, delivery) in (1..).zip(&mut self.deliveries) {
            let takes_held = !matches!(away, Some(Away::ControlGroup | Away::Lapsed));
            delivery.owe(away.is_some() || ordinal > coupons || refused, takes_held);
            refused |= delivery.state == StateName::Refused;
        }
    }
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts about a delivery, each read once")]
pub struct Delivery {
    pub state: StateName,
    /// How many attempts have an unknown outcome, when the first of them began, and the activity of the last one.
    pub unknown: u32,
    pub since: i64,
    pub doubted: u8,
    /// The code of the last answer.
    pub code: Option<i64>,
    /// How often a person accepted a second coupon for it, and after which attempt the last time.
    pub risks: u32,
    pub risked: u32,
    /// Whether it is issued because the platform or the file says that it was issued before.
    pub believed: bool,
    /// Whether the last answer to a doubt was a refusal or is for a person.
    pub stuck: bool,
    /// Whether it was held when it was skipped.
    pub held_before: bool,
    /// Whether a person called it refused when it was in doubt or held.
    pub is_called_refused: bool,
    pub attempts: u32,
    /// The last attempt: its batch, time, activity and day, and the state before it.
    pub intent: u64,
    pub began: i64,
    pub activity: u8,
    day: i64,
    before: StateName,
    pub ended: Vec<EndedAttempt>,
}

/// An attempt that has ended, with the batch of its outcome.
#[derive(Clone, Debug)]
pub struct EndedAttempt {
    pub attempt: u32,
    pub batch: u64,
    /// The word for what it proved.
    pub proof: &'static str,
}

impl Delivery {
    const NEW: Self = Self {
        state: StateName::Pending,
        unknown: 0,
        since: 0,
        doubted: 0,
        code: None,
        risks: 0,
        risked: 0,
        believed: false,
        stuck: false,
        held_before: false,
        is_called_refused: false,
        attempts: 0,
        intent: 0,
        began: 0,
        activity: 0,
        day: 0,
        before: StateName::Pending,
        ended: Vec::new(),
    };

    /// The outcome of the last attempt is unknown.
    fn doubt(&mut self) {
        if self.unknown == 0 {
            self.since = self.began;
        }
        self.unknown += 1;
        self.doubted = self.activity;
        self.state = StateName::InDoubt;
        self.stuck = false;
    }

    /// The process ended during an attempt.
    fn interrupt(&mut self) {
        self.code = None;
        self.doubt();
    }

    fn end(&mut self, decision: Decision) {
        let doubtful = self.unknown > 0;
        match decision {
            Decision::Issued => self.state = StateName::Issued,
            Decision::Unknown { .. } => self.doubt(),
            Decision::Refused { .. } | Decision::Held { .. } if doubtful => {
                self.state = StateName::InDoubt;
                self.stuck = true;
            }
            Decision::Refused { .. } => self.state = StateName::Refused,
            Decision::Held { .. } => self.state = StateName::Held,
            Decision::NotIssued { .. } if doubtful => self.state = StateName::InDoubt,
            Decision::NotIssued { .. } => self.state = StateName::Deferred,
        }
    }

    /// Whether an earlier attempt may have issued its coupon, and it was owed again nevertheless.
    pub fn is_reopened(&self) -> bool {
        self.risks > 0
    }

    /// What an attempt proved. Once replays are accepted, or if an earlier attempt may have issued, a duplicate proves a coupon.
    fn proved(&self, outcome: &Outcome, replays: bool) -> StateName {
        let doubtful = self.unknown > 0;
        match &outcome.proof {
            Proof::Issued { .. } => StateName::Issued,
            Proof::Duplicate if doubtful || self.is_reopened() || replays => StateName::Issued,
            Proof::Unknown(_) => StateName::InDoubt,
            _ if doubtful => StateName::InDoubt,
            Proof::Refused => StateName::Refused,
            Proof::Duplicate | Proof::Held => StateName::Held,
            Proof::NotIssued(_) => StateName::Deferred,
        }
    }

    /// Skips a delivery that is not owed, and owes it again when it is.
    fn owe(&mut self, why_not: bool, takes_held: bool) {
        match self.state {
            StateName::Pending | StateName::Deferred if why_not => self.state = StateName::Skipped,
            StateName::Held if why_not && takes_held => {
                self.state = StateName::Skipped;
                self.held_before = true;
            }
            StateName::Skipped if !why_not => {
                let was_held = std::mem::take(&mut self.held_before);
                self.state = if was_held { StateName::Held } else { StateName::Pending };
            }
            _ => {}
        }
    }

    /// Applies a person's decision. If a coupon may exist, the person accepts a second one.
    fn decide(&mut self, to: Resolution) {
        let may_exist = self.unknown > 0 || self.state == StateName::Held || self.is_called_refused;
        self.is_called_refused = to == Resolution::Refused && may_exist;
        match to {
            Resolution::Issued => (self.state, self.believed) = (StateName::Issued, true),
            Resolution::Refused => self.state = StateName::Refused,
            Resolution::Owed { .. } => {
                self.state = StateName::Pending;
                self.risks += u32::from(may_exist);
                self.risked = self.attempts;
                self.unknown = 0;
                self.stuck = false;
            }
        }
    }

    /// Applies a code that is read again. A code that makes the outcome of a held delivery unknown makes it a doubt of
    /// the attempt that had the code.
    fn read_again(&mut self, step: Transition) {
        match step {
            Transition::RereadRefused => self.state = StateName::Refused,
            Transition::RereadIssued => (self.state, self.believed) = (StateName::Issued, true),
            Transition::Owe => self.state = StateName::Pending,
            Transition::OweUnderNewActivity => {
                self.state = StateName::Pending;
                self.risks += 1;
                self.risked = self.attempts;
            }
            Transition::RereadUnknown { .. } => self.doubt(),
            _ => self.stuck = false,
        }
    }

    /// Whether the file's `codes` lead from the last answer to this transition.
    fn may_be_read_as(&self, step: Transition, at: i64, by: &RereadContext<'_>) -> bool {
        let Some(code) = self.code else { return false };
        match (self.state, by.settings.class(code)) {
            (StateName::Held, Class::Refuse) => step == Transition::RereadRefused,
            (StateName::Held, Class::Issued) => step == Transition::RereadIssued && by.replays,
            (StateName::Held, Class::Hold) => step == Transition::OweUnderNewActivity && by.new_activity,
            (StateName::Held, Class::Retry) => matches!(step, Transition::RereadUnknown { .. }),
            (StateName::Held, _) => step == Transition::Owe,
            (StateName::InDoubt, Class::Issued) => step == Transition::RereadIssued,
            (StateName::InDoubt, Class::Refuse | Class::Hold) => false,
            (StateName::InDoubt, _) => {
                let young = at - self.since <= by.resend_within;
                matches!(step, Transition::RereadResend { .. }) && self.stuck && young
            }
            _ => false,
        }
    }
}

/// What decides how a last answer is read again.
struct RereadContext<'s> {
    settings: &'s Settings,
    replays: bool,
    new_activity: bool,
    resend_within: i64,
}

/// What the scenario says of the present apply.
#[derive(Clone, Copy)]
pub struct FactContext<'s> {
    pub settings: &'s Settings,
    /// `retry.resend_within`, in milliseconds.
    pub resend_within: u64,
}

impl ReferenceState {
    /// The number of deliveries in each state, in the order of `StateName`.
    pub fn counts(&self) -> [u64; 8] {
        let mut counts = [0; 8];
        for delivery in self.recipients.iter().flat_map(|person| &person.deliveries) {
            counts[delivery.state as usize] += 1;
        }
        counts
    }

    /// The delivery of a key, which must exist.
    pub fn delivery(&mut self, key: DeliveryKey) -> Result<&mut Delivery, Violation> {
        let person = self.recipients.get_mut(key.recipient as usize);
        let delivery = person.and_then(|person| person.deliveries.get_mut(usize::from(key.ordinal) - 1));
        delivery.ok_or_else(|| Violation::new("the ledger makes sense", format!("{key:?} was never owed")))
    }

    /// The delivery of one of a user's coupons.
    pub fn of_user(&self, user: u8, ordinal: u8) -> Option<&Delivery> {
        let person = self.recipients.iter().find(|person| person.user == user)?;
        person.deliveries.get(usize::from(ordinal) - 1)
    }

    /// How many deliveries are held.
    pub fn held(&self) -> u64 {
        let [_, _, _, _, held, ..] = self.counts();
        held
    }

    /// How many deliveries are issued.
    pub fn issued(&self) -> u64 {
        let [_, _, _, _, _, issued, ..] = self.counts();
        issued
    }

    /// How many deliveries are issued whose last attempt was under this activity.
    pub fn issued_by(&self, activity: u8) -> u64 {
        let deliveries = self.recipients.iter().flat_map(|person| &person.deliveries);
        let issued = deliveries.filter(|delivery| delivery.state == StateName::Issued && delivery.activity == activity);
        issued.count() as u64
    }

    /// How many coupons may exist by what the ledger knows, without those that are sent from now on.
    pub fn coupons_at_most(&self) -> u64 {
        let [_, in_flight, _, in_doubt, _, issued, ..] = self.counts();
        issued + in_doubt + in_flight + self.risks()
    }

    /// How often a person accepted a second coupon.
    pub fn risks(&self) -> u64 {
        let all = self.recipients.iter().flat_map(|person| &person.deliveries);
        all.map(|delivery| u64::from(delivery.risks)).sum()
    }

    /// Whether a person has accepted that another ledger has sent this campaign.
    pub const fn accepts_replays(&self) -> bool {
        self.replays
    }

    /// Applies a fact.
    pub fn take(&mut self, batch: u64, fact: &Fact, now: Option<FactContext<'_>>) -> Result<(), Violation> {
        self.batches = self.batches.max(batch);
        match fact {
            Fact::RunBegan { at, .. } | Fact::OwnerChanged { at, .. } => {
                self.note(at.as_millisecond());
                self.closed = false;
                (self.admitted, self.drawn, self.read_again) = Default::default();
                let all = self.recipients.iter_mut().flat_map(|person| &mut person.deliveries);
                all.filter(|delivery| delivery.state == StateName::InFlight)
                    .for_each(Delivery::interrupt);
            }
            Fact::Admitted { recipients } => {
                let user = |open_id: &runner::model::identity::OpenId| open_id.as_str()[1..].parse().unwrap_or(u8::MAX);
                self.admitted.extend(recipients.iter().map(user));
            }
            Fact::Away { why, recipients } => self.drawn.extend(recipients.iter().map(|of| (*of, Some(*why)))),
            Fact::Returned { recipients } => self.drawn.extend(recipients.iter().map(|of| (*of, None))),
            // A delivery that returns held with a generation is read again at once, after the generation is closed.
            Fact::Reread { key, step, at } if self.closed => {
                self.read_again(*key, *step, at.as_millisecond(), now)?;
                self.skip_later(*key);
            }
            Fact::Reread { key, step, at } => self.read_again.push((*key, *step, at.as_millisecond())),
            Fact::Closed(generation) => self.close(generation, now)?,
            Fact::Lapsed { recipient, at } => {
                self.note(at.as_millisecond());
                if let Some(person) = self.recipients.get_mut(*recipient as usize) {
                    person.away = Some(Away::Lapsed);
                    person
                        .deliveries
                        .iter_mut()
                        .for_each(|delivery| delivery.owe(true, false));
                }
            }
            Fact::Intent { key, at, activity } => {
                let activity = self
                    .activities
                    .get(usize::from(activity.0))
                    .copied()
                    .unwrap_or_default();
                self.intend(*key, at.as_millisecond(), activity, batch)?;
            }
            Fact::Withdrawn { key } => {
                let delivery = self.delivery(*key)?;
                delivery.state = delivery.before;
                delivery.attempts -= 1;
                let day = delivery.day;
                *self.begun.entry(day).or_default() -= 1;
            }
            Fact::Ended { key, decision, outcome } => self.end(*key, *decision, outcome, batch)?,
            Fact::WaveEnded { at, .. }
            | Fact::WaveHalted { at, .. }
            | Fact::Acted { at, .. }
            | Fact::Activity { at, .. }
            | Fact::RunApproved { at, .. } => {
                self.note(at.as_millisecond());
            }
            Fact::Decided { keys, decision } => self.decide(keys, decision)?,
            // No command of these histories asks for the platform's records, or erases open_ids.
            Fact::Recorded { .. }
            | Fact::AdmittedErased(_)
            | Fact::Erased { .. }
            | Fact::Found { .. }
            | Fact::KeptOut(_)
            | Fact::Testers { .. }
            | Fact::Origin(_)
            | Fact::LastActive { .. } => {}
        }
        Ok(())
    }

    /// A person's decision is about deliveries that wait for it, and is taken while nothing is in flight.
    fn decide(&mut self, keys: &[DeliveryKey], decision: &ManualDecision) -> Result<(), Violation> {
        self.note(decision.at.as_millisecond());
        let wrong = |details| Err(Violation::new("a decision is about what nobody is sending", details));
        let [_, in_flight, ..] = self.counts();
        if in_flight > 0 {
            return wrong(format!("{in_flight} are in flight"));
        }
        let coupons = self.coupons;
        for key in keys {
            let delivery = self.delivery(*key)?;
            if delivery.state != decision.from {
                return wrong(format!("{key:?} is {}, not {}", delivery.state, decision.from));
            }
            delivery.decide(decision.to);
            if let Some(person) = self.recipients.get_mut(key.recipient as usize) {
                person.owe(coupons);
            }
        }
        Ok(())
    }

    fn note(&mut self, at: i64) {
        self.newest = self.newest.max(at);
    }

    /// Reads the last answer of a delivery again.
    fn read_again(
        &mut self,
        key: DeliveryKey,
        step: Transition,
        at: i64,
        now: Option<FactContext<'_>>,
    ) -> Result<(), Violation> {
        let by = now.map(|now| RereadContext {
            settings: now.settings,
            replays: self.replays,
            new_activity: self.new_activity,
            resend_within: i64::try_from(now.resend_within).unwrap_or(i64::MAX),
        });
        let delivery = self.delivery(key)?;
        if by.is_some_and(|by| !delivery.may_be_read_as(step, at, &by)) {
            let Delivery { state, code, .. } = delivery;
            let details = format!("{key:?}, {state} with code {code:?}, took {step:?}");
            return Err(Violation::new(
                "a last answer is read again as the file's codes say",
                details,
            ));
        }
        delivery.read_again(step);
        Ok(())
    }

    fn close(&mut self, generation: &Generation, now: Option<FactContext<'_>>) -> Result<(), Violation> {
        self.note(generation.at.as_millisecond());
        self.closed = true;
        let activity = generation.activity_id.as_str().parse().unwrap_or(u8::MAX);
        self.new_activity = self.activity.is_some_and(|before| before != activity);
        self.activity = Some(activity);
        if !self.activities.contains(&activity) {
            self.activities.push(activity);
        }
        self.replays |= generation.accepted.iter().any(|word| word == "replays");
        self.coupons = generation.coupons_per_user;
        self.known = self.known.max(self.coupons);
        let new = std::mem::take(&mut self.admitted);
        self.recipients.extend(new.into_iter().map(|user| Recipient {
            user,
            away: None,
            deliveries: Vec::new(),
        }));
        let known = usize::from(self.known);
        for person in &mut self.recipients {
            person.deliveries.resize(known, Delivery::NEW);
        }
        for (recipient, why) in std::mem::take(&mut self.drawn) {
            if let Some(person) = self.recipients.get_mut(recipient as usize) {
                person.away = why;
            }
        }
        for (key, step, at) in std::mem::take(&mut self.read_again) {
            self.read_again(key, step, at, now)?;
        }
        let coupons = self.coupons;
        self.recipients.iter_mut().for_each(|person| person.owe(coupons));
        let [pending, in_flight, deferred, in_doubt, held, issued, ..] = self.counts();
        let sum = issued + in_doubt + held + pending + in_flight + deferred + self.risks();
        let worth = now.and_then(|now| now.settings.worth).filter(|worth| worth.is_in_file);
        if worth.is_some_and(|worth| sum * worth.each > worth.most) {
            let details = format!("a campaign was admitted that may come to {sum} coupons");
            return Err(Violation::new("max_worth", details));
        }
        match now.and_then(|now| now.settings.max_coupons) {
            Some(most) if sum > most => Err(Violation::new(
                "max_coupons",
                format!("a campaign was admitted that may come to {sum}"),
            )),
            _ => Ok(()),
        }
    }

    fn intend(&mut self, key: DeliveryKey, at: i64, activity: u8, batch: u64) -> Result<(), Violation> {
        self.note(at);
        let day = day_of(self.newest);
        let closed = self.closed;
        let coupons = self.coupons;
        let wrong =
            |guarantee, details: &str| Err(Violation::new(guarantee, format!("{key:?}, batch {batch}: {details}")));
        if !closed {
            return wrong("G2: sends start only from a closed generation", "attempted before that");
        }
        let person = &self.recipients[key.recipient as usize];
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
                let details = format!("attempted while {state}, away: {away:?}, stuck: {}", delivery.stuck);
                return wrong("G1: what is settled or not owed is not attempted", &details);
            }
        }
        if delivery.unknown > 0 && delivery.doubted != activity {
            let details = format!("{key:?}: of {} and again under {activity}", delivery.doubted);
            return Err(Violation::new(
                "a doubt is resent under the activity of the unknown attempt",
                details,
            ));
        }
        delivery.before = delivery.state;
        delivery.state = StateName::InFlight;
        delivery.attempts += 1;
        delivery.intent = batch;
        delivery.began = at;
        delivery.day = day;
        delivery.activity = activity;
        *self.begun.entry(day).or_default() += 1;
        Ok(())
    }

    fn end(&mut self, key: DeliveryKey, decision: Decision, outcome: &Outcome, batch: u64) -> Result<(), Violation> {
        let at = outcome.at.as_millisecond();
        self.note(at);
        let replays = self.replays;
        if let Proof::Issued { coupon, .. } = &outcome.proof {
            self.told_coupons.entry(coupon.coupon_id.clone()).or_insert(key);
        }
        let delivery = self.delivery(key)?;
        delivery.code = outcome.answer.as_ref().map(|answer| answer.code);
        delivery.believed |= outcome.proof == Proof::Duplicate;
        let proved = delivery.proved(outcome, replays);
        delivery.ended.push(EndedAttempt {
            attempt: delivery.attempts,
            batch,
            proof: outcome.proof.word(),
        });
        delivery.end(decision);
        if delivery.state != proved {
            let details = format!("{key:?}: {:?} made it {}", outcome.proof, delivery.state);
            return Err(Violation::new("G5: what is not known is not guessed", details));
        }
        self.skip_later(key);
        Ok(())
    }

    /// After a refusal, later coupons of the user are not owed.
    fn skip_later(&mut self, key: DeliveryKey) {
        let deliveries = &mut self.recipients[key.recipient as usize].deliveries;
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
