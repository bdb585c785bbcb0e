//! Commands that other processes and signals give to a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::model;

use super::actor::{Act, ActKind, Actor};

/// The process that gives a command, and its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The process id.
    pub pid: u32,
    /// The user's name, if the system knows it.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The person, if `--by` names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The command line, or the name of the signal that stops the run. Empty for a process of a version that does not send
    /// it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
}

impl Requester {
    /// The person, for the ledger.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            name: self.name.as_ref().unwrap_or(&self.user).clone(),
            user: self.user.clone(),
            host: self.host.clone(),
            command: self.command.clone(),
        }
    }
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, user, host, .. } = self;
        match &self.name {
            Some(name) => model::RequesterNamed { name, pid, user, host }.fmt(f),
            None => model::Requester { pid, user, host }.fmt(f),
        }
    }
}

/// A command to a run. The default is to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum RunCommand {
    /// Send coupons.
    #[default]
    Go,
    /// Send coupons again, after a pause.
    Resume {
        /// The process that asked for it.
        by: Requester,
    },
    /// Start no attempt until the next `Go`.
    Pause {
        /// The process that asked for the pause.
        by: Requester,
    },
    /// Start no attempt, wait for those in flight, and end.
    Stop {
        /// The process that asked for the stop; `None` for a signal.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Requester>,
    },
    /// Like `Stop`, because of a signal to the process that applies the campaign. Never sent to another process.
    #[serde(skip)]
    Interrupt {
        /// That process and its user, with the name of the signal as its command.
        by: Requester,
    },
}

impl RunCommand {
    /// Whether the run sends.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        matches!(self, Self::Go | Self::Resume { .. })
    }

    /// The act that the command is, and its person. `None` without a person.
    #[must_use]
    pub fn act(&self) -> Option<Act> {
        let (by, kind) = match self {
            Self::Pause { by } => (by, ActKind::Paused),
            Self::Resume { by } => (by, ActKind::Resumed),
            Self::Stop { by: Some(by) } | Self::Interrupt { by } => (by, ActKind::Stopped),
            Self::Go | Self::Stop { by: None } => return None,
        };
        let by = by.actor();
        Some(Act { by, kind })
    }

    /// Whether the command ends the run.
    #[must_use]
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Stop { .. } | Self::Interrupt { .. })
    }

    /// The other process that stopped the run. `None` without one.
    #[must_use]
    pub const fn stopped_by(&self) -> Option<&Requester> {
        match self {
            Self::Stop { by } => by.as_ref(),
            Self::Go | Self::Resume { .. } | Self::Pause { .. } | Self::Interrupt { .. } => None,
        }
    }
}
