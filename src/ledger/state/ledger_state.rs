//! What all facts of a ledger add up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::deliveries::Deliveries;
use super::illegal_fact::IllegalFact;
use super::pending_generation::PendingGeneration;
use super::present_time::Present;
use super::rollback::{Before, BeforeClose, Rollback};
use super::run_approvals::ApprovedAttempts;
use super::totals::Totals;
use super::waves::{Approval, Wave};
use crate::ledger::erased_recipients::{ErasedRecipients, id_in_key, recipient_key};
use crate::ledger::fact::{AudienceOrigin, Fact, FactView, Generation, ManualDecision, RecordedErasure, TermOwner};
use crate::ledger::fact_rules::Rules;
use crate::ledger::kept_out_sample::{KeptOut, Sample};
use crate::ledger::platform_record::Found;
use crate::ledger::recipients::open_id_arena::{Cursor, pack};
use crate::ledger::recipients::recipient_table::RecipientTable;
use crate::ledger::recipients::spill::Spill;
use crate::model::activity::{ActivityLog, CreatedActivity, IllegalStep};
use crate::model::actor::{Act, ActKind};
use crate::model::clock::later;
use crate::model::daily_attempts::DailyAttempts;
use crate::model::delivery::{
    ActivityNo, Away, Counts, Decision, DeliveryKey, DeliveryStatus, MOST_COUPONS_PER_USER, Resolution, Skipped, State,
    StateName, Transition,
};
use crate::model::envelope::{RunApproval, Usage};
use crate::model::identity::{ActivityId, Identity, OpenId};
use crate::model::merchant_coupon_id::{MerchantCouponId, MerchantCouponIds};
use crate::model::money::{Money, Price, PriceSource, Valuation};
use crate::model::mutants::mutant;

/// The state of one campaign's ledger. Only its `apply` changes it, for new facts and on replay alike.
#[derive(Debug)]
pub struct LedgerState {
    pub(in crate::ledger) identity: Identity,
    pub(in crate::ledger) coupon_ids: MerchantCouponIds,
    pub(in crate::ledger) recipients: RecipientTable,
    pub(in crate::ledger) deliveries: Deliveries,
    /// The last closed generation.
    pub(in crate::ledger) generation: Option<Generation>,
    /// All activities that generations named, by number.
    pub(in crate::ledger) activities: Vec<ActivityId>,
    pub(in crate::ledger) pending: PendingGeneration,
    pub(in crate::ledger) totals: Totals,
    /// The users that the lists of the last generation have kept out, in the order of the lists.
    pub(in crate::ledger) kept_out: Vec<KeptOut>,
    /// The testers of the last generation, ascending.
    pub(in crate::ledger) testers: Vec<u32>,
    /// Where the audience of the last generation was read. `None` unless a fleet admitted it.
    pub(in crate::ledger) origin: Option<AudienceOrigin>,
    /// When each recipient of that audience was last active. Empty if it does not matter.
    pub(in crate::ledger) last_active: Vec<u32>,
    /// `None` on replay, where nothing is undone.
    pub(in crate::ledger) rollback: Option<Rollback>,
    /// What the present batch is held against. `None` if no run goes by an approval.
    pub(in crate::ledger) batch: Option<BatchUsage>,
}

/// The ids of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryIds {
    /// The user. Empty if the open_ids were erased.
    pub open_id: String,
    /// The idempotency key.
    pub merchant_coupon_id: Option<MerchantCouponId>,
}

/// What an approval is held against in a batch. The engine decides on all intents of a batch before any of it is durable, so the
/// facts of the batch before an intent do not count, other intents excepted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ledger) struct BatchUsage {
    usage: Usage,
    /// The intents of the batch so far that may add a coupon.
    fresh: u64,
}

impl LedgerState {
    /// The state of a ledger without facts.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self::spilling(identity, Arc::default())
    }

    /// The state of a ledger without facts that moves its open_ids out of memory as `spill` says.
    #[must_use]
    pub fn spilling(identity: Identity, spill: Arc<Spill>) -> Self {
        Self {
            coupon_ids: MerchantCouponIds::new(&identity.campaign, &identity.app_id),
            identity,
            recipients: RecipientTable::new(spill),
            deliveries: Deliveries::default(),
            generation: None,
            activities: Vec::new(),
            pending: PendingGeneration::default(),
            totals: Totals::default(),
            kept_out: Vec::new(),
            testers: Vec::new(),
            origin: None,
            last_active: Vec::new(),
            rollback: None,
            batch: None,
        }
    }

    /// Whose ledger it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The number of deliveries in each state.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.deliveries.counts
    }

    /// The number of skipped deliveries, by reason.
    #[must_use]
    pub const fn skipped(&self) -> &BTreeMap<Skipped, u64> {
        &self.deliveries.skipped
    }

    /// The number of recipients that were ever admitted.
    #[must_use]
    pub const fn recipients(&self) -> u32 {
        self.recipients.confirmed
    }

    /// A recipient's open_id. Empty if the open_ids were erased.
    #[must_use]
    pub fn open_id(&self, recipient: u32) -> String {
        if self.totals.erased.coupons.is_some() {
            return String::new();
        }
        self.recipients.open_id(recipient)
    }

    /// The number of the recipient with this open_id. After an erasure it is found by the ids that follow from the open_id.
    #[must_use]
    pub fn find(&self, open_id: &str) -> Option<u32> {
        let mut packed = Vec::new();
        match self.totals.erased.coupons {
            None => pack(open_id, &mut packed),
            Some(coupons) => {
                let open_id = OpenId::parse(open_id).ok()?;
                let ids = (1..=coupons).map(|ordinal| self.derive_coupon_id(&open_id, ordinal));
                pack(&recipient_key(ids), &mut packed);
            }
        }
        self.recipients
            .find(&packed)
            .filter(|recipient| *recipient < self.recipients.confirmed)
    }

    /// The erasure of the open_ids. `None` if the ledger has them.
    #[must_use]
    pub fn erasure(&self) -> Option<&RecordedErasure> {
        self.totals.erased.erasure.as_deref()
    }

    /// When the open_ids were erased. `None` if the ledger has them.
    #[must_use]
    pub fn erased_at(&self) -> Option<Timestamp> {
        Some(self.erasure()?.at)
    }

    /// Whether every delivery is settled or skipped. Not before the first generation.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let counts = self.counts();
        let done = [StateName::Issued, StateName::Refused, StateName::Skipped];
        self.generation.is_some() && counts.audience() == done.map(|state| counts.count(state)).iter().sum::<u64>()
    }

    /// The open_ids of all recipients from `recipient` on, in order. No caller has a ledger whose open_ids were erased.
    pub(crate) fn open_ids_from(&self, recipient: u32) -> Cursor<'_> {
        self.recipients.open_ids().from(recipient)
    }

    /// How open_ids move out of memory. After it has failed, nothing that was looked up since counts.
    #[must_use]
    pub const fn spill(&self) -> &Arc<Spill> {
        self.recipients.open_ids().spill()
    }

    /// Why a recipient is owed nothing at present. `None` if it is owed something.
    #[must_use]
    pub fn away(&self, recipient: u32) -> Option<Away> {
        self.recipients.away(recipient)
    }

    /// Whether a recipient was ever owed something. Then it counts in `audience.limit`.
    #[must_use]
    pub fn was_ever_owed(&self, recipient: u32) -> bool {
        self.recipients.was_ever_owed(recipient)
    }

    /// The number of recipients that were ever owed something.
    #[must_use]
    pub const fn ever_owed(&self) -> u32 {
        self.recipients.ever_owed
    }

    /// The status of a delivery; pending if there is no such delivery. An issued delivery has no doubt here.
    #[must_use]
    pub fn status(&self, key: DeliveryKey) -> DeliveryStatus {
        self.deliveries.get(key).copied().unwrap_or(DeliveryStatus::PENDING)
    }

    /// The state of a delivery, like that of [`LedgerState::status`], which is more than a hundred bytes to copy.
    #[must_use]
    pub fn state_name(&self, key: DeliveryKey) -> StateName {
        let status = self.deliveries.get(key).unwrap_or(&DeliveryStatus::PENDING);
        status.state.name()
    }

    /// A delivery's idempotency key.
    #[must_use]
    pub fn merchant_coupon_id(&self, key: DeliveryKey) -> Option<MerchantCouponId> {
        self.delivery_ids(key).merchant_coupon_id
    }

    /// A delivery's user and its idempotency key, which follows from the user.
    #[must_use]
    pub fn delivery_ids(&self, key: DeliveryKey) -> DeliveryIds {
        let open_id = self.recipients.open_id(key.recipient);
        if self.totals.erased.coupons.is_some() {
            return DeliveryIds {
                merchant_coupon_id: id_in_key(&open_id, key.ordinal),
                open_id: String::new(),
            };
        }
        let checked = OpenId::check(&open_id).ok();
        DeliveryIds {
            merchant_coupon_id: checked.map(|open_id| self.coupon_ids.derive(open_id, key.ordinal)),
            open_id,
        }
    }

    pub(in crate::ledger) fn derive_coupon_id(&self, open_id: &OpenId, ordinal: u8) -> MerchantCouponId {
        self.coupon_ids.derive(open_id.as_str(), ordinal)
    }

    /// The number of coupons that each user is owed at present.
    #[must_use]
    pub fn coupons_per_user(&self) -> u8 {
        self.generation
            .as_ref()
            .map_or(0, |generation| generation.coupons_per_user)
    }

    /// The highest ordinal that any recipient was ever owed. Each recipient has deliveries up to it.
    #[must_use]
    pub fn ordinals(&self) -> u8 {
        self.deliveries.ordinals()
    }

    /// The deliveries that are neither settled nor pending, by key.
    pub fn unsettled(&self) -> impl Iterator<Item = (DeliveryKey, DeliveryStatus)> {
        self.deliveries.rare().filter(|(_, status)| {
            matches!(
                status.state.name(),
                StateName::InFlight | StateName::Deferred | StateName::InDoubt | StateName::Held
            )
        })
    }

    /// How many deliveries may have taken a coupon of an activity without a known outcome: in flight, in doubt or held.
    #[must_use]
    pub fn unknown_under(&self, activity_id: &ActivityId) -> u64 {
        let unknown = self.unsettled().filter(|(_, status)| {
            let activity = match status.state {
                State::Attempting { activity, .. } => Some(activity),
                State::InDoubt | State::Held { .. } => activity_of_unknown(*status),
                _ => None,
            };
            activity.and_then(|activity| self.activity(activity)) == Some(activity_id)
        });
        unknown.count() as u64
    }

    /// How many deliveries are skipped that were held before. If their users come back, they need the activity of their attempt.
    #[must_use]
    pub fn held_while_skipped(&self) -> u64 {
        let skipped = self
            .deliveries
            .rare()
            .filter(|(_, status)| status.state.name() == StateName::Skipped && status.held.is_some());
        skipped.count() as u64
    }

    /// The last closed generation.
    #[must_use]
    pub const fn generation(&self) -> Option<&Generation> {
        self.generation.as_ref()
    }

    /// The newest time of all facts since a person last accepted the wall clock. The smallest time without facts.
    #[must_use]
    pub const fn newest(&self) -> Timestamp {
        self.totals.newest()
    }

    /// The present of a run that has started: the later of the wall clock and the ledger's newest time.
    #[must_use]
    pub fn present(&self, wall: Timestamp) -> Timestamp {
        self.newest().max(wall)
    }

    /// The present of an apply that starts now, and of a plan.
    #[must_use]
    pub fn present_of_apply(&self, wall: Timestamp) -> Present {
        Present::new(self.newest(), wall)
    }

    /// The number of attempts since `since`, the start of a day at most two days ago. Attempts while the clock was set back
    /// count at the newest time that was known then.
    #[must_use]
    pub fn begun_since(&self, since: Timestamp) -> u64 {
        self.totals.attempts.since(since)
    }

    /// The attempts by time, as far back as the present day.
    #[must_use]
    pub const fn daily_attempts(&self) -> &DailyAttempts {
        &self.totals.attempts
    }

    /// What is known of waves, by their shares.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        self.totals.waves.as_slice()
    }

    /// The users that a list has kept out since a person last accepted that users left it. `None` if the last generation has no
    /// such list, or an older version closed it.
    #[must_use]
    pub fn kept_out(&self, list: &str) -> Option<&Sample> {
        let kept_out = self.kept_out.iter().find(|kept_out| kept_out.list == list)?;
        Some(&kept_out.people)
    }

    /// The recipients that are sent to before all others, ascending.
    #[must_use]
    pub fn testers(&self) -> &[u32] {
        &self.testers
    }

    /// Where the audience of the last generation was read. `None` unless a fleet admitted it.
    #[must_use]
    pub const fn origin(&self) -> Option<&AudienceOrigin> {
        self.origin.as_ref()
    }

    /// When each recipient was last active, in seconds since the Unix epoch. Empty if no fleet admitted the audience, or if it did
    /// not matter.
    #[must_use]
    pub fn last_active(&self) -> &[u32] {
        &self.last_active
    }

    /// An activity by its number.
    #[must_use]
    pub fn activity(&self, activity: ActivityNo) -> Option<&ActivityId> {
        self.activities.get(usize::from(activity.0))
    }

    /// The activity that new deliveries are sent under. `None` before the first generation.
    #[must_use]
    pub fn current_activity(&self) -> Option<ActivityNo> {
        let current = &self.generation.as_ref()?.activity_id;
        self.activity_no(current)
    }

    fn activity_no(&self, activity_id: &ActivityId) -> Option<ActivityNo> {
        let at = self.activities.iter().position(|known| known == activity_id)?;
        u16::try_from(at).ok().map(ActivityNo)
    }

    /// The activities that the campaign has declared and asked for.
    #[must_use]
    pub const fn activities_asked_for(&self) -> &ActivityLog {
        &self.totals.activities
    }

    /// The activity that a plan sends under: the one that it names, or else the newest that was created for the campaign.
    /// [`ActivityId::not_created`] before the first is created.
    #[must_use]
    pub fn resolve_activity(&self, planned: &ActivityId) -> ActivityId {
        let newest = self.totals.activities.newest();
        match newest.filter(|_| planned.is_not_created()) {
            Some(CreatedActivity { activity_id, .. }) => activity_id.clone(),
            None => planned.clone(),
        }
    }

    /// The owner of the app id and its term. `None` for a ledger that no fleet has written.
    #[must_use]
    pub const fn owner(&self) -> Option<&TermOwner> {
        self.totals.owner.as_ref()
    }

    /// Whether a person has accepted that another ledger has sent this campaign.
    #[must_use]
    pub const fn accepts_replays(&self) -> bool {
        self.totals.accepts_replays
    }

    /// The approval of the service that the present run goes by. `None` if it goes by none.
    #[must_use]
    pub fn run_approval(&self) -> Option<&RunApproval> {
        self.totals.approvals.present()
    }

    /// Each approval of the service that a run went by, once.
    #[must_use]
    pub fn run_approvals(&self) -> &[RunApproval] {
        self.totals.approvals.all()
    }

    /// Whether every run needs an approval of the service, also one in a terminal.
    #[must_use]
    pub const fn needs_run_approval(&self) -> bool {
        self.totals.approvals.is_required()
    }

    /// How many attempts lay inside the approved envelopes, and which was the first that did not.
    #[must_use]
    pub const fn approved_attempts(&self) -> ApprovedAttempts {
        self.totals.approvals.attempts()
    }

    /// What the campaign has used up. `stated_in_file` is `coupon_value` of the campaign file.
    #[must_use]
    pub fn usage(&self, activity_id: &ActivityId, stated_in_file: Option<Money>) -> Usage {
        let valuation = self.valuation(activity_id, stated_in_file);
        let listed = self.generation.as_ref().map_or(0, |generation| generation.listed);
        Usage::new(&self.counts(), &valuation, self.coupons_per_user(), listed)
    }

    /// What the present run's approval is held against. `None` without an approval, and before the first generation.
    fn approved_usage(&self) -> Option<Usage> {
        let approval = self.run_approval()?;
        let generation = self.generation.as_ref()?;
        Some(self.usage(&generation.activity_id, approval.envelope.coupon_value))
    }

    /// A batch of facts follows.
    pub(in crate::ledger) fn start_batch(&mut self) {
        let usage = self.approved_usage();
        self.batch = usage.map(|usage| BatchUsage { usage, fresh: 0 });
    }

    /// How often a person reopened a doubt. Each may be a coupon beside those that are counted.
    #[must_use]
    pub const fn reopened_doubts(&self) -> u64 {
        self.totals.reopened_doubts
    }

    /// How often a held delivery was owed again although its attempt may have issued a coupon: by a person, or by an apply
    /// under another activity. Each may be a coupon beside those that are counted.
    #[must_use]
    pub const fn reopened_held(&self) -> u64 {
        self.totals.reopened_held
    }

    /// What is known of the value of this ledger's coupons, those of `activity_id` from now on. `stated_in_file` is `coupon_value` of
    /// the campaign file; a value that the platform stated for that activity takes precedence.
    #[must_use]
    pub fn valuation(&self, activity_id: &ActivityId, stated_in_file: Option<Money>) -> Valuation {
        let value = &self.totals.coupon_value;
        let by_platform = self
            .activity_no(&self.resolve_activity(activity_id))
            .and_then(|activity| value.of_activity(activity))
            .map(|each| Price {
                each,
                source: PriceSource::Platform,
            });
        Valuation {
            given: value.given(),
            stated: value.stated(),
            price: by_platform.or_else(|| {
                stated_in_file.map(|each| Price {
                    each,
                    source: PriceSource::File,
                })
            }),
            reopened: self.reopened_doubts() + self.reopened_held(),
        }
    }

    /// Whether a held delivery that a person reopens counts in `max_coupons`.
    #[must_use]
    pub fn counts_reopened_held(&self) -> bool {
        self.totals.rules >= Rules::V1
    }

    /// The transition that brings a skipped delivery back.
    #[must_use]
    pub fn return_step(&self) -> Transition {
        match self.totals.rules {
            _ if mutant!(HeldForgotten) => Transition::Owe,
            Rules::V0 => Transition::Owe,
            Rules::V1 => Transition::Return,
        }
    }

    /// Whether this state, after the erasure of the open_ids, says the same as `before`, in which they were not erased: about each
    /// delivery and its id, each recipient, and all sums.
    pub(in crate::ledger) fn is_same_but_for_open_ids(&self, before: &Self) -> bool {
        let recipients = 0..self.recipients();
        let ordinals = 1..=self.ordinals();
        let has_same_delivery = |key: DeliveryKey| {
            self.status(key) == before.status(key) && self.merchant_coupon_id(key) == before.merchant_coupon_id(key)
        };
        let is_same_recipient = |recipient: u32| {
            let mut keys = ordinals.clone().map(|ordinal| DeliveryKey { recipient, ordinal });
            self.away(recipient) == before.away(recipient)
                && self.was_ever_owed(recipient) == before.was_ever_owed(recipient)
                && keys.all(has_same_delivery)
        };
        self.erasure().is_some()
            && self.recipients() == before.recipients()
            && self.ordinals() == before.ordinals()
            && self.counts() == before.counts()
            && self.skipped() == before.skipped()
            && self.generation == before.generation
            && self.activities == before.activities
            && self.testers == before.testers
            && self.origin == before.origin
            && self.last_active == before.last_active
            && self.totals.is_same_but_for_erasure(&before.totals)
            && recipients.clone().all(is_same_recipient)
    }

    /// Counts all deliveries again, to check the counts that are kept.
    #[must_use]
    pub fn recount(&self) -> Counts {
        let mut counts = Counts::default();
        for ordinal in 1..=self.deliveries.ordinals() {
            for recipient in 0..self.recipients() {
                counts.add(self.state_name(DeliveryKey { recipient, ordinal }), 1);
            }
        }
        counts
    }

    /// Applies one fact. After an error the state is not used any more, unless it is rolled back.
    ///
    /// # Errors
    /// When the fact contradicts those before it.
    pub(in crate::ledger) fn apply(&mut self, fact: FactView<'_>) -> Result<(), IllegalFact> {
        if self.totals.erased.erasure.is_some() {
            return Err(IllegalFact::Erasure);
        }
        match fact {
            Fact::RunBegan { at, timeout, rules } => {
                self.totals.note(at);
                self.totals.rules = rules;
                self.totals.approvals.begin_run();
                self.drop_pending();
                self.interrupt(later(at, timeout))
            }
            Fact::OwnerChanged { at, timeout, owner } => {
                self.totals.note(at);
                self.change_owner(*owner)?;
                self.totals.approvals.begin_run();
                self.drop_pending();
                self.interrupt(later(at, timeout))
            }
            Fact::RunApproved { at, approval } => {
                self.totals.note(at);
                self.totals.approvals.cite(*approval);
                Ok(())
            }
            Fact::Admitted { mut recipients } => {
                if self.totals.erased.coupons.is_some() {
                    return Err(IllegalFact::Erasure);
                }
                if self.rollback.is_some() {
                    self.recipients.build_index()?;
                }
                recipients.try_for_each(|open_id| self.recipients.admit(open_id))
            }
            Fact::Away { why, recipients } => self.pending.add(&recipients, Some(why), &self.recipients),
            Fact::Returned { recipients } => self.pending.add(&recipients, None, &self.recipients),
            Fact::KeptOut(kept_out) => {
                self.pending.kept_out.push(kept_out);
                Ok(())
            }
            Fact::Testers { recipients } => self.pending.set_testers(recipients, &self.recipients),
            Fact::Origin(origin) => self.pending.set_origin(*origin),
            Fact::LastActive { seconds } => self.pending.add_last_active(&seconds, &self.recipients),
            Fact::Closed(generation) => self.close(*generation),
            Fact::Lapsed { recipient, at } => {
                self.totals.note(at);
                self.lapse(recipient)
            }
            Fact::Intent { key, at, activity } => {
                self.totals.note(at);
                self.intent(key, at, activity)
            }
            Fact::Withdrawn { key } => {
                if let State::Attempting { began, .. } = self.status(key).state {
                    self.totals.attempts.remove(began);
                }
                self.step(key, Transition::Withdrawn)
            }
            Fact::Ended { key, decision, outcome } => {
                self.totals.note(outcome.at);
                let from = self.known_status(key)?;
                if let (Decision::Issued, State::Attempting { activity, .. }) = (&decision, from.state) {
                    self.totals.coupon_value.add(activity, outcome.discount_amount());
                    self.count_issued(activity);
                }
                self.step_from(key, from, Transition::Ended(decision))?;
                self.skip_following(key)
            }
            Fact::Reread { key, step, at } => {
                self.totals.note(at);
                self.reread(key, step)
            }
            Fact::Decided { keys, decision } => {
                self.totals.note(decision.at);
                keys.into_iter().try_for_each(|key| self.decide(key, &decision))
            }
            Fact::WaveEnded { share, at } => {
                self.totals.note(at);
                self.totals.waves.end(share, at);
                Ok(())
            }
            Fact::WaveHalted { share, at, answered } => {
                self.totals.note(at);
                self.totals.waves.halt(share, answered);
                Ok(())
            }
            Fact::Acted { at, act } => {
                self.totals.note(at);
                let Act { by, kind } = *act;
                match kind {
                    ActKind::Approved { share } => self.totals.waves.approve(share, Approval { at, by }),
                    ActKind::Applied | ActKind::Paused | ActKind::Resumed | ActKind::Stopped | ActKind::Reconciled => {
                        Ok(())
                    }
                }
            }
            Fact::Recorded { at, .. } => {
                self.totals.note(at);
                Ok(())
            }
            Fact::Found { at, found } => {
                self.totals.note(at);
                self.find_coupon(&found)
            }
            Fact::Activity { at, step } => {
                self.totals.note(at);
                let applied = self.totals.activities.apply(*step, at);
                applied.map_err(|IllegalStep| IllegalFact::ActivityStep)
            }
            Fact::AdmittedErased(recipients) => self.admit_erased(&recipients),
            Fact::Erased { at, erasure } => {
                let is_whole = self.totals.erased.coupons == Some(self.ordinals());
                if !is_whole || !self.is_complete() || erasure.recipients != self.recipients() {
                    return Err(IllegalFact::Erasure);
                }
                self.totals.note(at);
                let erasure = *erasure;
                self.totals.erased.erasure = Some(Box::new(RecordedErasure { at, erasure }));
                Ok(())
            }
        }
    }

    /// Admits recipients whose open_ids were erased: all of a ledger or none.
    fn admit_erased(&mut self, recipients: &ErasedRecipients) -> Result<(), IllegalFact> {
        let has_open_ids = self.totals.erased.coupons.is_none() && self.recipients.len() > 0;
        let coupons = *self.totals.erased.coupons.get_or_insert(recipients.coupons());
        if has_open_ids || coupons != recipients.coupons() {
            return Err(IllegalFact::Erasure);
        }
        let mut keys = recipients.keys();
        keys.try_for_each(|key| self.recipients.admit_erased(&key))
    }

    #[cfg(test)]
    pub(crate) fn wave_ended(&mut self, share: f64, at: Timestamp) {
        self.totals.waves.end(share, at);
    }

    /// Builds the index of recipients, which is faster once after a whole log than with each admission.
    pub(in crate::ledger) fn build_index(&mut self) -> Result<(), IllegalFact> {
        self.recipients.build_index()
    }

    /// Drops the index of recipients until one is looked up.
    pub(in crate::ledger) fn drop_index(&mut self) {
        self.recipients.drop_index();
    }

    /// The following facts can be rolled back, until they are committed.
    pub(super) fn begin_batch(&mut self) {
        self.start_batch();
        self.rollback = Some(Rollback::new(Before {
            totals: self.totals.clone(),
            counts: self.deliveries.counts,
            skipped: self.deliveries.skipped.clone(),
            ordinals: self.deliveries.ordinals(),
            activities: self.activities.len(),
            pending: self.pending.lengths(),
            recipients: self.recipients.len(),
            confirmed: self.recipients.confirmed,
            ever_owed: self.recipients.ever_owed,
        }));
    }

    pub(super) fn commit(&mut self) {
        self.rollback = None;
    }

    /// Undoes the facts since [`LedgerState::begin_batch`], unless they were committed. Admissions of a pending generation that
    /// the batch dropped do not come back: no reader sees them, and the ledger takes no more facts.
    pub(super) fn roll_back(&mut self) {
        let Some(rollback) = self.rollback.take() else { return };
        let Rollback {
            before,
            moved,
            presence,
            pending,
            closed,
        } = rollback;
        if let Some(closed) = closed {
            self.deliveries = closed.deliveries;
            self.generation = closed.generation;
            self.kept_out = closed.kept_out;
            self.testers = closed.testers;
            self.origin = closed.origin;
            self.last_active = closed.last_active;
        }
        for (key, status) in moved.into_iter().rev() {
            let now = self.status(key);
            self.deliveries.put(key, now, status);
        }
        self.deliveries.truncate(before.confirmed, before.ordinals);
        self.deliveries.counts = before.counts;
        self.deliveries.skipped = before.skipped;
        self.recipients.restore_presence(presence, before.confirmed);
        self.recipients.ever_owed = before.ever_owed;
        self.recipients.confirmed = before.confirmed;
        self.recipients.truncate(before.recipients);
        if let Some(pending) = pending {
            self.pending = pending;
        }
        self.pending.truncate(before.pending);
        self.activities.truncate(before.activities);
        self.totals = before.totals;
    }

    /// Whether a declared activity allows sends under an activity: it has to exist, and its release must not have begun.
    fn may_send_under(&self, activity: ActivityNo) -> bool {
        let Some(activity_id) = self.activity(activity) else {
            return false;
        };
        let created = self.totals.activities.created().iter();
        let declared = created.rev().find(|created| created.activity_id == *activity_id);
        declared.map_or(!activity_id.is_not_created(), |created| {
            created.is_open() || mutant!(SentAfterRelease)
        })
    }

    fn change_owner(&mut self, owner: TermOwner) -> Result<(), IllegalFact> {
        if let Some(before) = &self.totals.owner {
            let is_of_another_worker = before.term == owner.term && before.worker != owner.worker;
            if owner.term < before.term || is_of_another_worker {
                return Err(IllegalFact::Term {
                    before: before.term,
                    term: owner.term,
                });
            }
        }
        self.totals.owner = Some(owner);
        Ok(())
    }

    /// Drops a generation that the previous process did not close.
    fn drop_pending(&mut self) {
        self.recipients.truncate(self.recipients.confirmed);
        self.take_pending();
    }

    fn take_pending(&mut self) -> PendingGeneration {
        let pending = std::mem::take(&mut self.pending);
        if let Some(rollback) = &mut self.rollback {
            rollback.pending.get_or_insert_with(|| pending.clone());
        }
        pending
    }

    fn step(&mut self, key: DeliveryKey, step: Transition) -> Result<(), IllegalFact> {
        let from = self.known_status(key)?;
        self.step_from(key, from, step)
    }

    fn known_status(&self, key: DeliveryKey) -> Result<DeliveryStatus, IllegalFact> {
        let DeliveryKey { recipient, ordinal } = key;
        self.deliveries
            .get(key)
            .copied()
            .ok_or(IllegalFact::Unknown { recipient, ordinal })
    }

    /// Takes a step from the present status of a delivery, which the caller has looked up.
    fn step_from(&mut self, key: DeliveryKey, from: DeliveryStatus, step: Transition) -> Result<(), IllegalFact> {
        let to = from
            .next(step)
            .map_err(|source| IllegalFact::NoSuchTransition { key, source })?;
        if let Some(rollback) = &mut self.rollback {
            rollback.note_status(key, from);
        }
        self.deliveries.put(key, from, to);
        Ok(())
    }

    fn set_away(&mut self, recipient: u32, away: Option<Away>) -> Result<(), IllegalFact> {
        let before = self.recipients.set_away(recipient, away);
        let before = before.ok_or(IllegalFact::NotMoved { recipient })?;
        if let Some(rollback) = &mut self.rollback {
            rollback.note_presence(recipient, before);
        }
        Ok(())
    }

    fn lapse(&mut self, recipient: u32) -> Result<(), IllegalFact> {
        if recipient >= self.recipients.confirmed || self.away(recipient).is_some() {
            return Err(IllegalFact::NotMoved { recipient });
        }
        self.set_away(recipient, Some(Away::Lapsed))?;
        self.update_owed(recipient, 1)
    }

    fn intent(&mut self, key: DeliveryKey, at: Timestamp, activity: ActivityNo) -> Result<(), IllegalFact> {
        let known = self.known_status(key);
        let status = known.as_ref().unwrap_or(&DeliveryStatus::PENDING);
        let is_right_activity = if status.doubt.is_none() {
            self.current_activity() == Some(activity)
        } else {
            self.activity(activity).is_some()
        };
        if !is_right_activity || !self.may_send_under(activity) {
            return Err(IllegalFact::WrongActivity);
        }
        let before = key.ordinal.checked_sub(1).filter(|ordinal| *ordinal > 0);
        let is_in_turn =
            before.is_none_or(|ordinal| self.state_name(DeliveryKey { ordinal, ..key }) == StateName::Issued);
        if !is_in_turn {
            return Err(IllegalFact::OutOfTurn { key });
        }
        if !(status.state == State::InDoubt && status.doubt.is_some()) {
            let batch = self.batch.get_or_insert_default();
            self.totals.approvals.count(key, at, &batch.usage, batch.fresh);
            batch.fresh += 1;
        }
        self.step_from(key, known?, Transition::Intent { at, activity })?;
        self.totals.attempts.add(self.newest());
        Ok(())
    }

    /// Attempts that an earlier process left in flight are in doubt. When they started after their intents, which waited for
    /// the pace and for a token, is unknown; but it was before this process started.
    fn interrupt(&mut self, due: Timestamp) -> Result<(), IllegalFact> {
        let is_in_flight = |status: &DeliveryStatus| status.state.name() == StateName::InFlight;
        let in_flight: Vec<_> = self.unsettled().filter(|(_, status)| is_in_flight(status)).collect();
        for (key, _) in in_flight {
            self.step(key, Transition::Interrupted { due })?;
        }
        Ok(())
    }

    fn reread(&mut self, key: DeliveryKey, step: Transition) -> Result<(), IllegalFact> {
        let is_owed_again = matches!(step, Transition::Owe) && matches!(self.status(key).state, State::Held { .. });
        match step {
            Transition::RereadRefused
            | Transition::RereadIssued
            | Transition::RereadUnknown { .. }
            | Transition::RereadResend { .. }
            | Transition::OweUnderNewActivity => {}
            _ if is_owed_again => {}
            _ => return Err(IllegalFact::NotReread),
        }
        let activity = activity_of_unknown(self.status(key));
        self.step(key, step)?;
        if let (Transition::RereadIssued, Some(activity)) = (step, activity) {
            self.count_issued(activity);
        }
        self.totals.reopened_held += u64::from(step == Transition::OweUnderNewActivity);
        self.skip_following(key)
    }

    fn count_issued(&mut self, activity: ActivityNo) {
        if let Some(activity_id) = self.activities.get(usize::from(activity.0)) {
            self.totals.activities.count_issued(activity_id);
        }
    }

    /// The platform's records show the coupon of a delivery, which counts as issued under the activity of its last attempt with an
    /// unknown outcome.
    fn find_coupon(&mut self, found: &Found) -> Result<(), IllegalFact> {
        let activity = activity_of_unknown(self.status(found.key));
        self.step(found.key, Transition::Found)?;
        if let Some(activity) = activity {
            self.totals.coupon_value.add(activity, found.coupon.discount_amount);
            self.count_issued(activity);
        }
        self.skip_following(found.key)
    }

    /// A person's decision, and what follows for the user's other coupons: after a refused one they are skipped, and owed
    /// again when it is reopened. The delivery of a user that is away is skipped at once.
    fn decide(&mut self, key: DeliveryKey, decision: &ManualDecision) -> Result<(), IllegalFact> {
        let status = self.status(key);
        let from = decision.from;
        if status.state.name() != from {
            return Err(IllegalFact::NotThere { key, from });
        }
        self.step(key, Transition::Resolved(decision.to))?;
        if let (Resolution::Issued, Some(activity)) = (decision.to, activity_of_unknown(status)) {
            self.count_issued(activity);
        }
        self.totals.reopened_doubts += u64::from(status.reopens_doubt(decision.to));
        self.totals.reopened_held += u64::from(self.counts_reopened_held() && status.reopens_held(decision.to));
        self.update_owed(key.recipient, 1)
    }

    /// A generation takes effect: its admissions, departures and returns, and the settings of the file.
    fn close(&mut self, generation: Generation) -> Result<(), IllegalFact> {
        let coupons = generation.coupons_per_user;
        if !(1..=MOST_COUPONS_PER_USER).contains(&coupons) {
            return Err(IllegalFact::Coupons { coupons });
        }
        self.totals.note(generation.at);
        if self.activity_no(&generation.activity_id).is_none() {
            if self.activities.len() > usize::from(u16::MAX) {
                return Err(IllegalFact::TooMany);
            }
            self.activities.push(generation.activity_id.clone());
        }
        let accepts = |change| generation.accepted.iter().any(|word| word == change);
        self.totals.accepts_replays |= accepts("replays");
        let accepts_clock = accepts("clock").then_some(generation.at);
        let pending = self.take_pending();
        for (why, recipients) in Away::ALL.into_iter().zip(&pending.away) {
            recipients
                .iter()
                .try_for_each(|recipient| self.set_away(*recipient, Some(why)))?;
        }
        pending
            .returned
            .iter()
            .try_for_each(|recipient| self.set_away(*recipient, None))?;
        let coupons_before = self.coupons_per_user();
        let known = self.recipients.confirmed;
        if let Some(rollback) = &mut self.rollback {
            rollback.closed.get_or_insert_with(|| BeforeClose {
                deliveries: self.deliveries.clone(),
                generation: self.generation.clone(),
                kept_out: self.kept_out.clone(),
                testers: self.testers.clone(),
                origin: self.origin.clone(),
                last_active: self.last_active.clone(),
            });
        }
        self.generation = Some(generation);
        if let Some(at) = accepts_clock {
            self.accept_clock(at)?;
        }
        self.replace_kept_out(&pending.kept_out);
        if let Some(testers) = pending.testers {
            self.testers = testers;
        }
        match pending.origin {
            // Taken over from the ledger: its times of last activity are known.
            Some(origin) if self.origin.as_ref() == Some(&origin) && pending.last_active.is_empty() => {}
            Some(origin) => {
                self.origin = Some(origin);
                self.last_active = pending.last_active;
            }
            None => {
                self.origin = None;
                self.last_active = Vec::new();
            }
        }
        self.recipients.confirm_all();
        self.deliveries.admit(self.recipients.confirmed, coupons);
        if known > 0 && coupons_before != coupons {
            return (0..self.recipients.confirmed).try_for_each(|recipient| self.update_owed(recipient, 1));
        }
        let moved = pending.away.into_iter().flatten().chain(pending.returned);
        // New recipients have a delivery for each ordinal that was ever owed, and are owed no more of them than the others.
        let new = known..if coupons < self.ordinals() {
            self.recipients.confirmed
        } else {
            known
        };
        moved
            .chain(new)
            .try_for_each(|recipient| self.update_owed(recipient, 1))
    }

    /// A person has accepted the wall clock, which says `at`. Times after `at` are wrong. Earlier times may be wrong too: a
    /// doubt that seems one hour old may be from a run with the wrong clock a week ago. So the age of every doubt is unknown.
    fn accept_clock(&mut self, at: Timestamp) -> Result<(), IllegalFact> {
        self.totals.clamp(at);
        let has_time = |status: &DeliveryStatus| status.next(Transition::Undate).is_ok();
        let mut dated = self.deliveries.rare().filter(|(_, status)| has_time(status));
        dated.try_for_each(|(key, _)| self.step(key, Transition::Undate))
    }

    /// For each list of the generation, takes what the closed generation says of it, or else what was known before.
    fn replace_kept_out(&mut self, pending: &[KeptOut]) {
        let before = std::mem::take(&mut self.kept_out);
        let lists = self.generation.iter().flat_map(|generation| &generation.excluded);
        self.kept_out = lists
            .filter_map(|list| {
                let is_of_list = |kept_out: &&KeptOut| kept_out.list == list.list;
                let latest = pending.iter().rev().find(is_of_list);
                latest.or_else(|| before.iter().find(is_of_list)).cloned()
            })
            .collect();
    }

    /// After a delivery has moved: a recipient that is away is owed nothing all the same, and after a refused coupon the later
    /// ones are skipped.
    fn skip_following(&mut self, key: DeliveryKey) -> Result<(), IllegalFact> {
        if self.away(key.recipient).is_some() {
            return self.update_owed(key.recipient, 1);
        }
        if self.deliveries.ordinals() > key.ordinal && self.state_name(key) == StateName::Refused {
            return self.update_owed(key.recipient, key.ordinal);
        }
        Ok(())
    }

    /// Skips or brings back a recipient's deliveries, from an ordinal on, so that they agree with what is owed.
    fn update_owed(&mut self, recipient: u32, from: u8) -> Result<(), IllegalFact> {
        let away = self.away(recipient);
        let owed = self.coupons_per_user();
        let mut is_refused = false;
        for ordinal in from..=self.deliveries.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let state = self.status(key).state;
            let why = if let Some(away) = away {
                Some(away.skipped())
            } else if ordinal > owed {
                Some(Skipped::CouponsPerUser)
            } else {
                is_refused.then_some(Skipped::EarlierRefused)
            };
            is_refused |= matches!(state, State::Refused { .. });
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
}

/// The activity of the attempt that may have issued the coupon. `None` if no attempt may have.
fn activity_of_unknown(status: DeliveryStatus) -> Option<ActivityNo> {
    let of_doubt = status.doubt.map(|doubt| doubt.activity);
    of_doubt.or_else(|| status.held.map(|held| held.activity))
}
