//! The facts of a ledger.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::codec::outcome::{AnswerIds, PackedOutcome};
use super::codec::packed_open_ids::PackedOpenIds;
use super::codec::primitives::PackedText;
use super::erased_recipients::ErasedRecipients;
use super::fact_rules::Rules;
use super::kept_out_sample::KeptOut;
use super::platform_record::{Found, PlatformRecord};
use crate::model::activity::ActivityStep;
use crate::model::actor::{Act, Actor};
use crate::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, Resolution, StateName, Transition};
use crate::model::envelope::RunApproval;
use crate::model::identity::{ActivityId, OpenId};
use crate::model::outcome::Outcome;

/// One entry of the log. As it is read, it is a [`FactView`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact<R = Vec<OpenId>, O = Box<Outcome>> {
    /// A run started. Attempts that an earlier process left in flight are in doubt from here on.
    RunBegan {
        /// The time.
        at: Timestamp,
        /// `retry.timeout`: the wait from `at` until such an attempt may be sent again.
        timeout: Duration,
        /// The rules of the fold from here on.
        rules: Rules,
    },
    /// New recipients of the open generation, in the order of the source.
    Admitted {
        /// Their open_ids, at most [`Fact::CHUNK`].
        recipients: R,
    },
    /// Recipients that the open generation owes nothing, new ones included.
    Away {
        /// The reason.
        why: Away,
        /// Their numbers, ascending.
        recipients: Vec<u32>,
    },
    /// Recipients that were away, and that the open generation owes again.
    Returned {
        /// Their numbers, ascending.
        recipients: Vec<u32>,
    },
    /// The users that an exclude list of the open generation has kept out. It replaces what an earlier generation said of this
    /// list.
    KeptOut(KeptOut),
    /// The recipients of the open generation that are sent to before all others, new ones included. It replaces those of an
    /// earlier generation.
    Testers {
        /// Their numbers, ascending.
        recipients: Vec<u32>,
    },
    /// Where the audience of the open generation was read. Only a fleet writes it: another machine goes on with the audience.
    Origin(Box<AudienceOrigin>),
    /// When the recipients of the open generation were last active, the next ones by number. They belong to a new origin.
    LastActive {
        /// In seconds since the Unix epoch, at most [`Fact::CHUNK`]. 0 if it is not known.
        seconds: Vec<u32>,
    },
    /// The generation is closed. The admissions, departures, returns and exclusions since the last one count from here on.
    Closed(Box<Generation>),
    /// A recipient's turn came after their expiry. It takes effect at once.
    Lapsed {
        /// The recipient's number.
        recipient: u32,
        /// The time.
        at: Timestamp,
    },
    /// An attempt is about to start.
    Intent {
        /// The delivery.
        key: DeliveryKey,
        /// The time.
        at: Timestamp,
        /// The activity that it is sent under.
        activity: ActivityNo,
    },
    /// An attempt was cancelled before a byte left.
    Withdrawn {
        /// The delivery.
        key: DeliveryKey,
    },
    /// An attempt ended.
    Ended {
        /// The delivery.
        key: DeliveryKey,
        /// The effect on the delivery.
        decision: Decision,
        /// All that is known of the outcome.
        outcome: O,
    },
    /// An apply classified the last code of a delivery again, by its campaign file. A delivery that a generation brings back held
    /// is classified again after the generation is closed.
    Reread {
        /// The delivery.
        key: DeliveryKey,
        /// The step that follows.
        step: Transition,
        /// The time.
        at: Timestamp,
    },
    /// A person decided about deliveries in one state.
    Decided {
        /// The deliveries, at most [`Fact::CHUNK`].
        keys: Vec<DeliveryKey>,
        /// The decision and its reason.
        decision: Box<ManualDecision>,
    },
    /// Each delivery of a wave was answered or used up its attempts.
    WaveEnded {
        /// The wave, as the share of the audience that had its turn by its end, from 0 to 1.
        share: f64,
        /// The time.
        at: Timestamp,
    },
    /// A run halted because too few deliveries of a wave were issued. The answers until then do not halt the next run.
    WaveHalted {
        /// The wave, by its share.
        share: f64,
        /// The time.
        at: Timestamp,
        /// The answers to its deliveries.
        answered: Answered,
    },
    /// A person acted on the campaign.
    Acted {
        /// The time.
        at: Timestamp,
        /// Who did what.
        act: Box<Act>,
    },
    /// Another worker of a fleet owns the app id, and writes the facts from here on. Attempts that the previous owner left in
    /// flight are in doubt. Versions before fleets do not know this fact, so only a fleet writes it.
    OwnerChanged {
        /// The time.
        at: Timestamp,
        /// `retry.timeout`: the wait from `at` until such an attempt may be sent again.
        timeout: Duration,
        /// The new owner.
        owner: Box<TermOwner>,
    },
    /// The run goes by an approval of the service log. It is in the batch of the run's start. Versions before approvals in the service
    /// do not know this fact.
    RunApproved {
        /// The time of the run's start.
        at: Timestamp,
        /// The approval.
        approval: Box<RunApproval>,
    },
    /// The platform answered about its own records. It changes no delivery.
    Recorded {
        /// When the answer came.
        at: Timestamp,
        /// What was asked, and what came.
        record: Box<PlatformRecord>,
    },
    /// The platform's own records show the coupon of a delivery that is in doubt or held.
    Found {
        /// The time.
        at: Timestamp,
        /// The delivery and its coupon.
        found: Box<Found>,
    },
    /// A step in the life of the activity that the campaign declares.
    Activity {
        /// The time.
        at: Timestamp,
        /// The step.
        step: Box<ActivityStep>,
    },
    /// Recipients like those of [`Fact::Admitted`], whose open_ids were erased afterwards.
    AdmittedErased(ErasedRecipients),
    /// The open_ids of all recipients were erased. It is the last fact of a ledger. Versions before erasures do not know it.
    Erased {
        /// The time.
        at: Timestamp,
        /// Who erased them, and what was erased.
        erasure: Box<Erasure>,
    },
}

/// A fact as it is read from the log. Its open_ids and its outcome stay packed, because most readers need neither.
pub type FactView<'a> = Fact<PackedOpenIds<'a>, PackedOutcome<'a>>;

/// The ids of the answer to an attempt, and the decision that followed.
pub(super) struct AnswerView<'a> {
    pub(super) key: DeliveryKey,
    pub(super) decision: Decision,
    pub(super) ids: AnswerIds<'a>,
}

/// The erasure of all open_ids of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who erased them.
    pub by: Actor,
    /// How long the ledger had to be complete.
    pub older_than: Duration,
    /// The number of recipients.
    pub recipients: u32,
    /// The number of batches that were written again.
    pub batches: u64,
    /// SHA-256 over these batches, so that none of them can be changed afterwards.
    pub digest: [u8; 32],
}

/// An erasure, and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedErasure {
    /// The time.
    pub at: Timestamp,
    /// The erasure.
    pub erasure: Erasure,
}

/// The owner of an app id for a term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermOwner {
    /// The number of the term, which rises with each owner.
    pub term: u64,
    /// The worker, as the fleet names it.
    pub worker: String,
    /// The name of its machine.
    pub host: String,
}

/// Where an audience was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceOrigin {
    /// When it was admitted.
    pub at: Timestamp,
    /// The name of the machine that read it.
    pub host: String,
    /// The hash of the settings that say whom the audience has: its lists, its testers and its limit.
    pub lists: [u8; 32],
}

/// The answers to the deliveries of a wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The number of deliveries that were answered.
    pub all: u64,
    /// The number of those that were not issued.
    pub not_issued: u64,
}

impl Answered {
    /// Returns the answers since there were `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            not_issued: self.not_issued.saturating_sub(before.not_issued),
        }
    }
}

impl Fact {
    /// The maximum of recipients that one fact admits, and of deliveries that one decides about.
    pub const CHUNK: usize = 512;

    /// Returns the fact that a run of this program started.
    #[must_use]
    pub const fn run_began(at: Timestamp, timeout: Duration) -> Self {
        Self::RunBegan {
            at,
            timeout,
            rules: Rules::CURRENT,
        }
    }

    /// Returns the number of recipients that the fact admits.
    #[must_use]
    pub fn newcomers(&self) -> u64 {
        match self {
            Self::Admitted { recipients } => recipients.len() as u64,
            _ => 0,
        }
    }
}

impl<R, O> Fact<R, O> {
    /// The word for its kind.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::RunBegan { .. } => "run_began",
            Self::Admitted { .. } => "admitted",
            Self::Away { .. } => "away",
            Self::Returned { .. } => "returned",
            Self::KeptOut(_) => "kept_out",
            Self::Testers { .. } => "testers",
            Self::Origin(_) => "audience_origin",
            Self::LastActive { .. } => "last_active",
            Self::Closed(_) => "closed",
            Self::Lapsed { .. } => "lapsed",
            Self::Intent { .. } => "intent",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Ended { .. } => "ended",
            Self::Reread { .. } => "reread",
            Self::Decided { .. } => "decided",
            Self::WaveEnded { .. } => "wave_ended",
            Self::WaveHalted { .. } => "wave_halted",
            Self::Acted { .. } => "acted",
            Self::OwnerChanged { .. } => "owner_changed",
            Self::RunApproved { .. } => "run_approved",
            Self::Recorded { .. } => "recorded",
            Self::Found { .. } => "found",
            Self::Activity { .. } => "activity",
            Self::AdmittedErased(_) => "admitted_erased",
            Self::Erased { .. } => "erased",
        }
    }
}

impl FactView<'_> {
    /// The ids of the answer to an attempt that ended, or of a coupon that was found. `None` for any other fact.
    pub(super) fn answer(&self) -> Option<AnswerView<'_>> {
        match self {
            Self::Ended { key, decision, outcome } => Some(AnswerView {
                key: *key,
                decision: *decision,
                ids: outcome.ids()?,
            }),
            Self::Found { found, .. } => Some(AnswerView {
                key: found.key,
                decision: Decision::Issued,
                ids: AnswerIds {
                    log_id: None,
                    coupon_id: Some(PackedText::from_plain(&found.coupon.coupon_id)),
                },
            }),
            _ => None,
        }
    }

    /// The delivery and the coupon_id of an attempt whose answer has a coupon, or of a coupon that was found. `None` for any
    /// other fact.
    #[must_use]
    pub fn coupon(&self) -> Option<(DeliveryKey, String)> {
        let answer = self.answer()?;
        Some((answer.key, answer.ids.coupon_id?.text()))
    }

    /// Whether the packed parts can be decoded too.
    pub(super) fn can_be_decoded(&self) -> bool {
        match self {
            Self::Admitted { recipients } => {
                let mut text = String::new();
                recipients.clone().all(|open_id| {
                    text.clear();
                    open_id.unpack(&mut text);
                    OpenId::check(&text).is_ok()
                })
            }
            Self::Ended { outcome, .. } => outcome.can_be_decoded(),
            _ => true,
        }
    }

    /// Decodes the packed parts. `None` for bytes that no encoder wrote.
    #[must_use]
    pub fn decode(self) -> Option<Fact> {
        Some(match self {
            Self::Admitted { recipients } => {
                let recipients = recipients.map(|open_id| OpenId::parse(&open_id.text()).ok());
                Fact::Admitted {
                    recipients: recipients.collect::<Option<_>>()?,
                }
            }
            Self::Ended { key, decision, outcome } => Fact::Ended {
                key,
                decision,
                outcome: Box::new(outcome.decode()?),
            },
            Self::RunBegan { at, timeout, rules } => Fact::RunBegan { at, timeout, rules },
            Self::Away { why, recipients } => Fact::Away { why, recipients },
            Self::Returned { recipients } => Fact::Returned { recipients },
            Self::KeptOut(kept_out) => Fact::KeptOut(kept_out),
            Self::Testers { recipients } => Fact::Testers { recipients },
            Self::Origin(origin) => Fact::Origin(origin),
            Self::LastActive { seconds } => Fact::LastActive { seconds },
            Self::Closed(generation) => Fact::Closed(generation),
            Self::Lapsed { recipient, at } => Fact::Lapsed { recipient, at },
            Self::Intent { key, at, activity } => Fact::Intent { key, at, activity },
            Self::Withdrawn { key } => Fact::Withdrawn { key },
            Self::Reread { key, step, at } => Fact::Reread { key, step, at },
            Self::Decided { keys, decision } => Fact::Decided { keys, decision },
            Self::WaveEnded { share, at } => Fact::WaveEnded { share, at },
            Self::WaveHalted { share, at, answered } => Fact::WaveHalted { share, at, answered },
            Self::Acted { at, act } => Fact::Acted { at, act },
            Self::OwnerChanged { at, timeout, owner } => Fact::OwnerChanged { at, timeout, owner },
            Self::RunApproved { at, approval } => Fact::RunApproved { at, approval },
            Self::Recorded { at, record } => Fact::Recorded { at, record },
            Self::Found { at, found } => Fact::Found { at, found },
            Self::Activity { at, step } => Fact::Activity { at, step },
            Self::AdmittedErased(recipients) => Fact::AdmittedErased(recipients),
            Self::Erased { at, erasure } => Fact::Erased { at, erasure },
        })
    }
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualDecision {
    /// The time.
    pub at: Timestamp,
    /// The person, as `user@host`.
    pub by: String,
    /// The reason, in the person's words.
    pub note: String,
    /// The state that the deliveries were in.
    pub from: StateName,
    /// Their resolution.
    pub to: Resolution,
    /// The selection, as the person typed it.
    pub selection: String,
}

/// One admission of an audience, with the settings of the campaign file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The time at which it was closed.
    pub at: Timestamp,
    /// The number of recipients that the source named.
    pub listed: u64,
    /// SHA-256 of the source.
    pub source: [u8; 32],
    /// The activity that new deliveries are sent under.
    pub activity_id: ActivityId,
    /// The number of coupons that each user is owed.
    pub coupons_per_user: u8,
    /// The share of the control group, as written: `5%`.
    pub control_group: String,
    /// The exclude lists, in the order of the file.
    pub excluded: Vec<Excluded>,
    /// The fingerprint of the plan.
    pub fingerprint: String,
    /// The changes that a person accepted with it, by their words.
    pub accepted: Vec<String>,
}

/// One exclude list, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The key of the list among the campaign's lists.
    pub list: String,
    /// The number of users that it named.
    pub people: u64,
}
