//! Notices: what a run has to say to people who do not watch it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::campaign::Topic;
use crate::catalogue::Text;
use crate::model::delivery::Counts;
use crate::model::event::Ending;
use crate::model::identity::{AppId, CampaignName};
use crate::model::money::Money;
use crate::model::problem::Problem;

/// The campaign that a notice is about.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its name.
    pub campaign: CampaignName,
    /// Its title for people.
    pub title: Option<String>,
    /// The app of its coupons.
    pub app_id: AppId,
    /// The zone of its times.
    pub zone: TimeZone,
    /// The name of its file, without directories: they may have the name of a person.
    pub file: String,
    /// Whether its coupons are those of a rehearsal.
    pub is_rehearsal: bool,
    /// Whether several machines may apply it. Then only the owner of its app id has notices.
    pub is_shared: bool,
    /// The address of its page in a service. `None` without a service that browsers reach by a `url`.
    pub page: Option<String>,
}

/// A service, as messages name it.
#[derive(Clone, Debug)]
pub struct ServiceOrigin {
    /// The address of its first page. `None` if its file has no `url`.
    pub url: Option<String>,
    /// The zone of its times.
    pub zone: TimeZone,
    /// The name of its file, without directories.
    pub file: String,
}

/// One message about a service that is about no campaign.
#[derive(Clone, Debug)]
pub struct ServiceNotice {
    /// The service.
    pub origin: ServiceOrigin,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: ServiceEvent,
}

/// What happened to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceEvent {
    /// Its log cannot be written, so it begins nothing.
    ReadOnly {
        /// Why.
        why: Text,
    },
    /// A person tests the channel.
    Test,
}

impl ServiceEvent {
    /// Returns what a newer notice replaces.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        match self {
            Self::ReadOnly { .. } => Slot::Halted,
            Self::Test => Slot::Test,
        }
    }

    /// Whether a channel with these topics receives it.
    #[must_use]
    pub fn is_wanted(&self, on: &[Topic]) -> bool {
        self.slot().is_wanted(on)
    }
}

/// One message about a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
    /// All deliveries by state. `None` before the audience is admitted.
    pub counts: Option<Counts>,
    /// The codes without a coupon, the most frequent first.
    pub codes: Vec<CodeLine>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The run halted.
    Halted {
        /// Why.
        why: Text,
        /// The problem that a person has to solve.
        problem: Problem,
    },
    /// The run ended.
    Ended {
        /// Its result.
        ending: Ending,
        /// The state at its end, as a word of the JSON objects.
        state: &'static str,
        /// Why it ended before the campaign was complete.
        why: Option<Text>,
        /// Whether there was a notice that it halted.
        is_halted: bool,
    },
    /// The run failed.
    Failed {
        /// The problem.
        problem: Problem,
        /// The exit code of the run.
        exit: u8,
    },
    /// A wave ended.
    WaveEnded {
        /// The number of the wave, from 1; `None` for the users who are in no wave.
        wave: Option<u32>,
        /// When the next wave may begin.
        until: Option<Timestamp>,
    },
    /// The next wave needs an approval.
    NeedsApproval {
        /// The number of the wave that ended, from 1; 0 for the testers.
        done: u32,
    },
    /// A plan needs an approval in a service.
    PlanWaits {
        /// How many coupons it would send.
        to_send: u64,
        /// How many changes need an agreement.
        changes: u64,
    },
    /// The run has waited for a person or another process for some time.
    Waits {
        /// What it waits for.
        why: Text,
        /// For how long.
        took: Duration,
    },
    /// The platform has been out of reach or slow for some time.
    Outage {
        /// What is wrong.
        why: Text,
        /// For how long.
        took: Duration,
    },
    /// That has ended.
    OutageOver {
        /// How long it took.
        took: Duration,
    },
    /// Nothing was settled for some time although sending is allowed.
    Stalled {
        /// For how long.
        took: Duration,
    },
    /// Nobody began an occurrence of a recurring campaign in time.
    Missed {
        /// When it was to begin.
        start: Timestamp,
    },
    /// A budget of the service is used to 80 % or more, with what this campaign may spend.
    Budget {
        /// What is used, with what is in doubt and reserved.
        used: Money,
        /// The budget.
        max: Money,
    },
    /// The platform's own records differ from the ledger.
    Differs {
        /// In what.
        why: Text,
    },
    /// A person tests the channel.
    Test,
}

/// A code of the platform and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLine {
    /// The code.
    pub code: i64,
    /// Its message.
    pub message: String,
    /// The platform's id of one exchange.
    pub log_id: String,
    /// How often it came.
    pub count: u64,
}

/// What a newer notice of the same campaign replaces. Halts and ends go out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// A halt.
    Halted,
    /// An end.
    Ended,
    /// An approval that is needed.
    Approval,
    /// A wait for a person or a process.
    Waiting,
    /// An outage, or its end.
    Outage,
    /// No progress.
    Stalled,
    /// The end of a wave.
    Wave,
    /// An occurrence that was missed.
    Missed,
    /// A budget that is nearly used up.
    Budget,
    /// A difference between the platform's records and the ledger.
    Differs,
    /// A test.
    Test,
}

impl Slot {
    /// Whether a notice in this slot is kept until it is sent, over the end of the process.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Halted | Self::Ended)
    }

    /// Whether the end of the run makes a notice in this slot meaningless.
    #[must_use]
    pub const fn ends_with_run(self) -> bool {
        !matches!(
            self,
            Self::Halted | Self::Ended | Self::Missed | Self::Budget | Self::Differs | Self::Test
        )
    }

    /// Whether a channel with these topics receives a notice in this slot.
    fn is_wanted(self, on: &[Topic]) -> bool {
        let topic = match self {
            Self::Halted => Topic::Halted,
            Self::Ended => Topic::Ended,
            Self::Approval => Topic::Approval,
            Self::Waiting => Topic::Waiting,
            Self::Outage => Topic::Outage,
            Self::Stalled => Topic::Stalled,
            Self::Wave => Topic::Wave,
            Self::Missed => Topic::Missed,
            Self::Budget => Topic::Budget,
            Self::Differs => Topic::Differs,
            Self::Test => return true,
        };
        on.contains(&topic)
    }

    /// The word of the JSON object.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Halted => "halted",
            Self::Ended => "ended",
            Self::Approval => "approval",
            Self::Waiting => "waiting",
            Self::Outage => "outage",
            Self::Stalled => "stalled",
            Self::Wave => "wave",
            Self::Missed => "missed",
            Self::Budget => "budget",
            Self::Differs => "differs",
            Self::Test => "test",
        }
    }
}

impl What {
    /// Returns what a newer notice replaces.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        match self {
            Self::Halted { .. } => Slot::Halted,
            Self::Ended { .. } | Self::Failed { .. } => Slot::Ended,
            Self::WaveEnded { .. } => Slot::Wave,
            Self::NeedsApproval { .. } | Self::PlanWaits { .. } => Slot::Approval,
            Self::Waits { .. } => Slot::Waiting,
            Self::Outage { .. } | Self::OutageOver { .. } => Slot::Outage,
            Self::Stalled { .. } => Slot::Stalled,
            Self::Missed { .. } => Slot::Missed,
            Self::Budget { .. } => Slot::Budget,
            Self::Differs { .. } => Slot::Differs,
            Self::Test => Slot::Test,
        }
    }

    /// Whether a channel with these topics receives it.
    #[must_use]
    pub fn is_wanted(&self, on: &[Topic]) -> bool {
        // The end of a run that halted is no news to a channel that received the halt.
        let is_known = matches!(self, Self::Ended { is_halted: true, .. }) && on.contains(&Topic::Halted);
        self.slot().is_wanted(on) && !is_known
    }
}
