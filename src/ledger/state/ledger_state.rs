//! The folded state: what all facts so far amount to. It can always be made anew; what is kept of it is a shortcut.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::clock::later;
use crate::model::delivery::{
    ActivityNo, Away, Counts, DeliveryKey, DeliveryStatus, MOST_COUPONS_PER_USER, Skipped, State, StateName, Transition,
};
use crate::model::identity::{ActivityId, Identity, OpenId};
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::mutants::mutant;

use crate::ledger::codec::Entry;
use crate::ledger::fact::{Generation, ManualDecision};
use crate::ledger::kept_out::KeptOut;
use crate::ledger::recipients::open_id_arena::{Cursor, pack};
use crate::ledger::recipients::recipient_index::RecipientIndex;
use crate::ledger::recipients::spill::Spill;
use crate::ledger::rules::Rules;
use crate::ledger::state::daily_attempts::DailyAttempts;
use crate::ledger::state::deliveries::Deliveries;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::ledger::state::pending_generation::PendingGeneration;
use crate::ledger::state::rollback::Rollback;
use crate::ledger::state::waves::Wave;

/// The folded state of one campaign.
#[derive(Debug)]
pub struct LedgerState {
    pub(in crate::ledger) identity: Identity,
    pub(in crate::ledger) people: RecipientIndex,
    pub(in crate::ledger) deliveries: Deliveries,
    pub(in crate::ledger) generation: Option<Generation>,
    pub(in crate::ledger) activities: Vec<ActivityId>,
    pub(in crate::ledger) draft: PendingGeneration,
    pub(in crate::ledger) newest: Timestamp,
    pub(in crate::ledger) accepts_replays: bool,
    pub(in crate::ledger) reopened_doubts: u64,
    pub(in crate::ledger) reopened_held: u64,
    pub(in crate::ledger) rules: Rules,
    pub(in crate::ledger) begun: DailyAttempts,
    /// By their shares.
    pub(in crate::ledger) waves: Vec<Wave>,
    /// Whom the lists of the last generation have kept out, in their order.
    pub(in crate::ledger) kept_out: Vec<KeptOut>,
    /// How to take back what is being folded; none where nothing is ever taken back.
    pub(in crate::ledger) undo: Option<Rollback>,
}

impl LedgerState {
    /// The book of a ledger without facts.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self::spilling(identity, Arc::default())
    }

    /// The same of one whose open_ids leave the memory so.
    #[must_use]
    pub fn spilling(identity: Identity, spill: Arc<Spill>) -> Self {
        Self {
            identity,
            people: RecipientIndex::new(spill),
            deliveries: Deliveries::default(),
            generation: None,
            activities: Vec::new(),
            draft: PendingGeneration::default(),
            newest: Timestamp::MIN,
            accepts_replays: false,
            reopened_doubts: 0,
            reopened_held: 0,
            rules: Rules::default(),
            begun: DailyAttempts::default(),
            waves: Vec::new(),
            kept_out: Vec::new(),
            undo: None,
        }
    }

    /// Where all deliveries stand.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.deliveries.counts
    }

    /// How many deliveries are skipped, by reason.
    #[must_use]
    pub const fn skipped(&self) -> &BTreeMap<Skipped, u64> {
        &self.deliveries.skipped
    }

    /// How many recipients were ever admitted.
    #[must_use]
    pub const fn recipients(&self) -> u32 {
        self.people.confirmed
    }

    /// A recipient's open_id.
    #[must_use]
    pub fn open_id(&self, recipient: u32) -> String {
        self.people.open_id(recipient)
    }

    /// The number of the recipient with this open_id.
    #[must_use]
    pub fn find(&self, open_id: &str) -> Option<u32> {
        let mut packed = Vec::new();
        pack(open_id, &mut packed);
        self.find_packed(&packed)
    }

    pub(crate) fn find_packed(&self, packed: &[u8]) -> Option<u32> {
        self.people
            .find(packed)
            .filter(|recipient| *recipient < self.people.confirmed)
    }

    /// The open_ids of the recipients from one on, in order.
    pub(crate) fn open_ids_from(&self, recipient: u32) -> Cursor<'_> {
        self.people.names().from(recipient)
    }

    /// How the open_ids leave the memory. After a failure of that nothing counts that was found since then.
    #[must_use]
    pub const fn spill(&self) -> &Arc<Spill> {
        self.people.names().spill()
    }

    /// Why a recipient is not owed anything at present; none for one who is.
    #[must_use]
    pub fn away(&self, recipient: u32) -> Option<Away> {
        self.people.presence.get(recipient as usize)?.away()
    }

    /// Whether a recipient was owed something at any time: such a one has had a place within `audience.limit`.
    #[must_use]
    pub fn was_ever_owed(&self, recipient: u32) -> bool {
        let presence = self.people.presence.get(recipient as usize);
        presence.is_some_and(|presence| presence.ever_owed())
    }

    /// How many recipients were owed something at any time.
    #[must_use]
    pub const fn ever_owed(&self) -> u32 {
        self.people.ever_owed
    }

    /// Where a delivery stands; pending for one that nobody was ever owed. The doubt of one that is issued is not kept.
    #[must_use]
    pub fn status(&self, key: DeliveryKey) -> DeliveryStatus {
        self.deliveries.get(key).unwrap_or(DeliveryStatus::PENDING)
    }

    /// A delivery's idempotency key.
    #[must_use]
    pub fn merchant_coupon_id(&self, key: DeliveryKey) -> Option<MerchantCouponId> {
        let open_id = OpenId::parse(&self.open_id(key.recipient)).ok()?;
        Some(self.merchant_coupon_id_of(&open_id, key.ordinal))
    }

    pub(in crate::ledger) fn merchant_coupon_id_of(&self, open_id: &OpenId, ordinal: u8) -> MerchantCouponId {
        let Identity { campaign, app_id, .. } = &self.identity;
        MerchantCouponId::derive(campaign, app_id, open_id, ordinal)
    }

    /// How many coupons each user is owed at present.
    #[must_use]
    pub fn coupons_per_user(&self) -> u8 {
        self.generation
            .as_ref()
            .map_or(0, |generation| generation.coupons_per_user)
    }

    /// The highest ordinal that anybody was ever owed: every recipient has deliveries up to it.
    #[must_use]
    pub fn ordinals(&self) -> u8 {
        self.deliveries.ordinals()
    }

    /// The deliveries that are neither settled nor skipped nor simply pending, by key.
    pub fn unsettled(&self) -> impl Iterator<Item = (DeliveryKey, DeliveryStatus)> {
        self.deliveries.particular().filter(|(_, status)| {
            matches!(
                status.state.name(),
                StateName::InFlight | StateName::Deferred | StateName::InDoubt | StateName::Held
            )
        })
    }

    /// The last generation that was closed.
    #[must_use]
    pub const fn generation(&self) -> Option<&Generation> {
        self.generation.as_ref()
    }

    /// The newest time of all facts since a person last accepted the wall clock; the smallest time there is without any.
    #[must_use]
    pub const fn newest(&self) -> Timestamp {
        self.newest
    }

    /// An activity by its number.
    #[must_use]
    pub fn activity(&self, activity: ActivityNo) -> Option<&ActivityId> {
        self.activities.get(usize::from(activity.0))
    }

    /// The activity that new deliveries are sent under; none before the first generation.
    #[must_use]
    pub fn current_activity(&self) -> Option<ActivityNo> {
        let current = &self.generation.as_ref()?.activity_id;
        self.activity_no(current)
    }

    fn activity_no(&self, activity_id: &ActivityId) -> Option<ActivityNo> {
        let at = self.activities.iter().position(|known| known == activity_id)?;
        u16::try_from(at).ok().map(ActivityNo)
    }

    /// Whether a person has let in that another ledger has sent this campaign.
    #[must_use]
    pub const fn accepts_replays(&self) -> bool {
        self.accepts_replays
    }

    /// How often a person reopened a doubt: so many coupons may exist beside those that are counted.
    #[must_use]
    pub const fn reopened_doubts(&self) -> u64 {
        self.reopened_doubts
    }

    /// How often a held delivery was owed again though its attempt may have issued a coupon: by a person, or by an apply
    /// under another activity. Each may be a coupon beside those that are counted.
    #[must_use]
    pub const fn reopened_held(&self) -> u64 {
        self.reopened_held
    }

    /// Whether a held delivery that a person reopens counts in `max_coupons`.
    #[must_use]
    pub fn counts_reopened_held(&self) -> bool {
        self.rules >= Rules::V1
    }

    /// The step that brings a skipped delivery back.
    #[must_use]
    pub fn return_step(&self) -> Transition {
        match self.rules {
            _ if mutant!(HeldForgotten) => Transition::Owe,
            Rules::V0 => Transition::Owe,
            Rules::V1 => Transition::Return,
        }
    }

    /// Folds one fact in. After an error the book is not to be used any more.
    pub(in crate::ledger) fn fold(&mut self, entry: Entry<'_>) -> Result<(), IllegalFact> {
        match entry {
            Entry::RunBegan { at, timeout, rules } => {
                self.note(at);
                self.rules = rules;
                self.drop_draft();
                self.interrupt(later(at, timeout))
            }
            Entry::Admitted(mut open_ids) => {
                if self.undo.is_some() {
                    self.people.index()?;
                }
                open_ids.try_for_each(|open_id| self.people.admit(open_id))
            }
            Entry::Away(why, recipients) => self.draw(&recipients, Some(why)),
            Entry::Returned(recipients) => self.draw(&recipients, None),
            Entry::KeptOut(kept_out) => {
                self.draft.kept_out.push(kept_out);
                Ok(())
            }
            Entry::Closed(generation) => self.close(*generation),
            Entry::Lapsed { recipient, at } => {
                self.note(at);
                self.lapse(recipient)
            }
            Entry::Intent { key, at, activity } => {
                self.note(at);
                self.intent(key, at, activity)
            }
            Entry::Withdrawn { key } => {
                if let State::Attempting { began, .. } = self.status(key).state {
                    self.begun.take_back(began);
                }
                self.step(key, Transition::Withdrawn)
            }
            Entry::Ended { key, decision, told } => {
                self.note(told.at);
                self.step(key, Transition::Ended(decision))?;
                self.reconcile_later(key)
            }
            Entry::Reread { key, step, at } => {
                self.note(at);
                let owed_again =
                    matches!(step, Transition::Owe) && matches!(self.status(key).state, State::Held { .. });
                match step {
                    Transition::RereadRefused
                    | Transition::RereadIssued
                    | Transition::RereadUnknown { .. }
                    | Transition::RereadResend { .. }
                    | Transition::OweUnderNewActivity => {}
                    _ if owed_again => {}
                    _ => return Err(IllegalFact::NotReread),
                }
                self.step(key, step)?;
                self.reopened_held += u64::from(step == Transition::OweUnderNewActivity);
                self.reconcile_later(key)
            }
            Entry::Decided { keys, decision } => {
                self.note(decision.at);
                keys.into_iter().try_for_each(|key| self.decide(key, &decision))
            }
            Entry::WaveEnded { share, at } => {
                self.note(at);
                self.wave_ended(share, at);
                Ok(())
            }
            Entry::WaveHalted { share, at, answered } => {
                self.note(at);
                self.wave_halted(share, answered);
                Ok(())
            }
        }
    }

    /// A person's decision, and what follows for the user's other coupons: behind a refused one they are skipped, and
    /// owed again when it is reopened. One of a user who left is skipped at once.
    fn decide(&mut self, key: DeliveryKey, decision: &ManualDecision) -> Result<(), IllegalFact> {
        let (status, from) = (self.status(key), decision.from);
        if status.state.name() != from {
            return Err(IllegalFact::NotThere { key, from });
        }
        self.step(key, Transition::Resolved(decision.to))?;
        self.reopened_doubts += u64::from(status.reopens_doubt(decision.to));
        self.reopened_held += u64::from(self.counts_reopened_held() && status.reopens_held(decision.to));
        self.reconcile(key.recipient, 1)
    }

    /// Makes it possible to find people, once a log has been read.
    pub(in crate::ledger) fn index(&mut self) -> Result<(), IllegalFact> {
        self.people.index()
    }

    fn note(&mut self, at: Timestamp) {
        self.newest = self.newest.max(at);
    }

    fn intent(&mut self, key: DeliveryKey, at: Timestamp, activity: ActivityNo) -> Result<(), IllegalFact> {
        let first_doubt = self.status(key).doubt.is_none();
        let right = if first_doubt {
            self.current_activity() == Some(activity)
        } else {
            self.activity(activity).is_some()
        };
        if !right {
            return Err(IllegalFact::WrongActivity);
        }
        let before = key.ordinal.checked_sub(1).filter(|ordinal| *ordinal > 0);
        let in_turn = before.is_none_or(|ordinal| self.status(DeliveryKey { ordinal, ..key }).state == State::Issued);
        if !in_turn {
            return Err(IllegalFact::OutOfTurn { key });
        }
        self.step(key, Transition::Intent { at, activity })?;
        self.begun.add(self.newest);
        Ok(())
    }

    /// What an earlier process left under way is in doubt. Nobody knows when it started behind its intent, which waited for the
    /// pace and for a token; but surely before this process did.
    fn interrupt(&mut self, due: Timestamp) -> Result<(), IllegalFact> {
        let under_way = |status: &DeliveryStatus| status.state.name() == StateName::InFlight;
        let under_way: Vec<_> = self.unsettled().filter(|(_, status)| under_way(status)).collect();
        for (key, _) in under_way {
            self.step(key, Transition::Interrupted { due })?;
        }
        Ok(())
    }

    pub(in crate::ledger) fn step(&mut self, key: DeliveryKey, step: Transition) -> Result<(), IllegalFact> {
        let DeliveryKey { recipient, ordinal } = key;
        let from = self
            .deliveries
            .get(key)
            .ok_or(IllegalFact::Unknown { recipient, ordinal })?;
        let to = from
            .next(step)
            .map_err(|source| IllegalFact::NoSuchTransition { key, source })?;
        if let Some(undo) = &mut self.undo {
            undo.moved(key, from);
        }
        self.deliveries.put(key, from, to);
        Ok(())
    }

    /// A generation takes effect: everything that it changes about who is owed what.
    fn close(&mut self, generation: Generation) -> Result<(), IllegalFact> {
        let coupons = generation.coupons_per_user;
        if !(1..=MOST_COUPONS_PER_USER).contains(&coupons) {
            return Err(IllegalFact::Coupons { coupons });
        }
        self.note(generation.at);
        if self.activity_no(&generation.activity_id).is_none() {
            if self.activities.len() > usize::from(u16::MAX) {
                return Err(IllegalFact::TooMany);
            }
            self.activities.push(generation.activity_id.clone());
        }
        let accepts = |change| generation.accepted.iter().any(|word| word == change);
        self.accepts_replays |= accepts("replays");
        let accepts_clock = accepts("clock").then_some(generation.at);
        let draft = self.take_draft();
        for (why, recipients) in Away::ALL.into_iter().zip(&draft.away) {
            recipients.iter().try_for_each(|who| self.put(*who, Some(why)))?;
        }
        draft.returned.iter().try_for_each(|who| self.put(*who, None))?;
        let coupons_before = self.coupons_per_user();
        let known = self.people.confirmed;
        let before = self.generation.replace(generation);
        if let Some(undo) = &mut self.undo {
            undo.replaced(before);
            undo.will_move_many(&self.deliveries);
        }
        if let Some(at) = accepts_clock {
            self.accept_clock(at)?;
        }
        self.remember_kept_out(&draft.kept_out);
        self.people.confirmed = self.people.all();
        for recipient in known..self.people.confirmed {
            if self.away(recipient).is_none() {
                self.people.put(recipient, None);
            }
        }
        self.deliveries.admit(self.people.confirmed, coupons);
        if known > 0 && coupons_before != coupons {
            return (0..self.people.confirmed).try_for_each(|recipient| self.reconcile(recipient, 1));
        }
        let moved = draft.away.into_iter().flatten().chain(draft.returned);
        // New ones have as many deliveries as anybody ever had, and are owed no more than the others.
        let new = known..if coupons < self.ordinals() {
            self.people.confirmed
        } else {
            known
        };
        moved.chain(new).try_for_each(|recipient| self.reconcile(recipient, 1))
    }

    /// What follows for a recipient when one of their deliveries has moved: one who is away is owed nothing all the same,
    /// and behind a refused coupon the later ones are skipped.
    fn reconcile_later(&mut self, key: DeliveryKey) -> Result<(), IllegalFact> {
        if self.away(key.recipient).is_some() {
            return self.reconcile(key.recipient, 1);
        }
        if self.deliveries.ordinals() > key.ordinal && matches!(self.status(key).state, State::Refused { .. }) {
            return self.reconcile(key.recipient, key.ordinal);
        }
        Ok(())
    }

    /// Brings one recipient's deliveries, from one ordinal on, to what is owed of them by now.
    pub(in crate::ledger) fn reconcile(&mut self, recipient: u32, from: u8) -> Result<(), IllegalFact> {
        let (away, owed) = (self.away(recipient), self.coupons_per_user());
        let mut refused = false;
        for ordinal in from..=self.deliveries.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let state = self.status(key).state;
            let why = if let Some(away) = away {
                Some(away.skipped())
            } else if ordinal > owed {
                Some(Skipped::CouponsPerUser)
            } else {
                refused.then_some(Skipped::EarlierRefused)
            };
            refused |= matches!(state, State::Refused { .. });
            match (why, state) {
                (Some(why), State::Skipped(because)) if why == because => {}
                (Some(why), State::Held { .. }) if !why.takes_held() => {}
                (Some(why), State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_)) => {
                    self.step(key, Transition::Skip(why))?;
                }
                (None, State::Skipped(_)) => self.step(key, self.return_step())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts everything anew from where each delivery stands, to prove the counts that were kept.
    #[must_use]
    pub fn recount(&self) -> Counts {
        let mut counts = Counts::default();
        for ordinal in 1..=self.deliveries.ordinals() {
            for recipient in 0..self.recipients() {
                counts.add(self.status(DeliveryKey { recipient, ordinal }).state.name(), 1);
            }
        }
        counts
    }
}
