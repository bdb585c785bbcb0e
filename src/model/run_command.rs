//! Commands that other processes and signals give to a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::model;

/// The process that gives a command, and its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The process id.
    pub pid: u32,
    /// The user's name, if the system knows it.
    pub user: String,
    /// The machine's name.
    pub host: String,
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, user, host } = self;
        model::Requester { pid, user, host }.fmt(f)
    }
}

/// A command to a run. The default is to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum RunCommand {
    /// Send coupons.
    #[default]
    Go,
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
}

impl RunCommand {
    /// Whether the command ends the run.
    #[must_use]
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Stop { .. })
    }
}
