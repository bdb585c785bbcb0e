//! The facts of a ledger.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::kept_out::KeptOut;
use crate::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, Resolution, StateName, Transition};
use crate::model::identity::{ActivityId, OpenId};
use crate::model::outcome::Outcome;

use crate::ledger::rules::Rules;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
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
        recipients: Vec<OpenId>,
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
        outcome: Box<Outcome>,
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
}

/// The answers to the deliveries of a wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The number of deliveries that were answered.
    pub all: u64,
    /// The number of those that were not issued.
    pub not_issued: u64,
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
