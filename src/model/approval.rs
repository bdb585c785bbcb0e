//! Approvals: what a wait after a wave is for, and how a run answers to an approval.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::actor::Actor;

/// The wait after a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaveWait {
    /// It lasts for this time.
    For(Duration),
    /// It lasts until a person approves.
    Approval,
}

impl WaveWait {
    /// No wait.
    pub const NONE: Self = Self::For(Duration::ZERO);

    /// The shortest time that it can last.
    #[must_use]
    pub const fn least(self) -> Duration {
        match self {
            Self::For(wait) => wait,
            Self::Approval => Duration::ZERO,
        }
    }

    /// Whether it lasts until a person approves.
    #[must_use]
    pub const fn is_approval(self) -> bool {
        matches!(self, Self::Approval)
    }
}

/// A person's approval, as a run receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// The wave whose wait it ends, from 1; 0 for the testers. `None` for the wave that ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// The person.
    pub by: Actor,
}

/// What became of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "approval")]
pub enum ApprovalAnswer {
    /// It is durable.
    Approved {
        /// The wave, from 1; 0 for the testers.
        wave: u32,
    },
    /// The wave was approved before.
    Already {
        /// The wave, from 1; 0 for the testers.
        wave: u32,
        /// When.
        at: Timestamp,
        /// The person.
        by: Actor,
    },
    /// Nothing waits, or the wait is over.
    NothingWaits,
    /// The wave has not ended.
    NotEnded {
        /// The wave, from 1; 0 for the testers.
        wave: u32,
    },
    /// The campaign has no such wave.
    NoSuchWave {
        /// The wave, from 1; 0 for the testers.
        wave: u32,
    },
}
