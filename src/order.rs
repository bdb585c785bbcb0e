//! What a run is told from outside while it goes on, and by whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who gives an order: a process, and the person at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The process's number.
    pub pid: u32,
    /// The user's name, as far as the system says it.
    pub user: String,
    /// The machine's name.
    pub host: String,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({}@{})", self.pid, self.user, self.host)
    }
}

/// What a run is to do. A run that is told nothing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "order")]
pub enum Order {
    /// Send.
    #[default]
    Go,
    /// Start nothing more until told to go again.
    Pause {
        /// Who wants it.
        by: Asker,
    },
    /// Start nothing more, and end in an orderly way.
    Stop {
        /// Who wants it; nobody when it was a signal.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Asker>,
    },
}

impl Order {
    /// Whether the run is to end.
    #[must_use]
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Stop { .. })
    }
}
