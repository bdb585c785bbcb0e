//! What can happen to a campaign, as the ledger keeps it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kept_out::KeptOut;
use crate::delivery::{ActivityNo, Away, DeliveryKey, Resolution, StateName, Step, Verdict};
use crate::identity::{ActivityId, OpenId};
use crate::outcome::Outcome;

use super::rules::Rules;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// A process took the ledger to send from it. Attempts that an earlier one left under way are in doubt from here on.
    RunBegan {
        /// When.
        at: Timestamp,
        /// `retry.timeout`: how long after this such an attempt may be made again.
        timeout: Duration,
        /// The rules that facts are folded by from here on.
        rules: Rules,
    },
    /// New recipients of the generation that is being read, in the order of the source.
    Admitted {
        /// Who; at most [`Fact::CHUNK`].
        recipients: Vec<OpenId>,
    },
    /// Recipients that the generation being read does not owe anything, new ones included.
    Away {
        /// Why.
        why: Away,
        /// By number, ascending.
        recipients: Vec<u32>,
    },
    /// Recipients that were away and that the generation being read owes again.
    Returned {
        /// By number, ascending.
        recipients: Vec<u32>,
    },
    /// Whom an exclude list of the generation that is being read has kept out. What an earlier one said of this list no
    /// longer counts.
    KeptOut(KeptOut),
    /// The generation is whole: what was admitted, went away and returned since the last one counts from here on, and so
    /// does what was kept out.
    Closed(Box<Generation>),
    /// The turn of a recipient came too late: they had not been active for too long by then. It takes effect at once.
    Lapsed {
        /// Who.
        recipient: u32,
        /// When.
        at: Timestamp,
    },
    /// An attempt is about to be made.
    Intent {
        /// At which delivery.
        key: DeliveryKey,
        /// When.
        at: Timestamp,
        /// Under which activity.
        activity: ActivityNo,
    },
    /// It was called off before a byte left.
    Withdrawn {
        /// Of which delivery.
        key: DeliveryKey,
    },
    /// It ended.
    Ended {
        /// Of which delivery.
        key: DeliveryKey,
        /// What that means for the delivery.
        verdict: Verdict,
        /// Everything that is known of how.
        outcome: Box<Outcome>,
    },
    /// An apply read the last code of a delivery again, by its file. One that comes back held with a generation is read again
    /// after that is closed.
    Reread {
        /// Of which delivery.
        key: DeliveryKey,
        /// What follows.
        step: Step,
        /// When.
        at: Timestamp,
    },
    /// A person decided about deliveries that were all in one state.
    Decided {
        /// About which; at most [`Fact::CHUNK`].
        keys: Vec<DeliveryKey>,
        /// What, and why.
        decision: Box<Decision>,
    },
    /// Each delivery of a wave was answered or had used up its attempts.
    WaveEnded {
        /// Which wave: the share of the audience that had its turn with it, from 0 to 1.
        share: f64,
        /// When.
        at: Timestamp,
    },
    /// A run halted because too few of a wave were issued. What was answered until then does not halt the next run.
    WaveHalted {
        /// Which wave.
        share: f64,
        /// When.
        at: Timestamp,
        /// What its deliveries had been answered.
        answered: Answered,
    },
}

/// What the deliveries of a wave were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// How many.
    pub all: u64,
    /// How many of them were not issued.
    pub not_issued: u64,
}

impl Fact {
    /// The most recipients that one fact admits, and the most deliveries that one decides about.
    pub const CHUNK: usize = 512;

    /// The beginning of a run of this program.
    #[must_use]
    pub const fn run_began(at: Timestamp, timeout: Duration) -> Self {
        Self::RunBegan {
            at,
            timeout,
            rules: Rules::CURRENT,
        }
    }

    /// How many recipients it admits.
    #[must_use]
    pub fn newcomers(&self) -> u64 {
        match self {
            Self::Admitted { recipients } => recipients.len() as u64,
            _ => 0,
        }
    }
}

/// What a person decided, and what is to be remembered of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Who, as `user@host`.
    pub by: String,
    /// Why, in the person's words.
    pub note: String,
    /// The state that the deliveries were in.
    pub from: StateName,
    /// What they are from here on.
    pub to: Resolution,
    /// By what they were chosen, as it was typed.
    pub selection: String,
}

/// One reading of the audience, admitted as a whole, and what the campaign file said beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// When it was closed.
    pub at: Timestamp,
    /// How many recipients the source named.
    pub listed: u64,
    /// SHA-256 of the source.
    pub source: [u8; 32],
    /// The activity that new deliveries are sent under.
    pub activity_id: ActivityId,
    /// How many coupons each user is owed.
    pub coupons_per_user: u8,
    /// The share of the audience that is never sent to, as it is written: `5%`.
    pub control_group: String,
    /// The lists of the excluded, in the order of the file.
    pub excluded: Vec<Excluded>,
    /// What tells this plan from another.
    pub fingerprint: String,
    /// The changes that a person let in with it, by their words.
    pub accepted: Vec<String>,
}

/// One list of people who are not to be sent to, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// What tells it from the campaign's other lists.
    pub list: String,
    /// How many people it named.
    pub people: u64,
}
