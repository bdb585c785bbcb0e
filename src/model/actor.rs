//! The person who acts on a campaign, and from where.

use serde::{Deserialize, Serialize};

/// The person who acts on a campaign, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The person, as given with `--by`; by default the login name.
    pub name: String,
    /// The login name.
    pub user: String,
    /// The name of the machine.
    pub host: String,
    /// The command line. For a signal, its name.
    pub command: String,
}

/// What a person did to a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The person.
    pub by: Actor,
    /// What it was.
    pub kind: ActKind,
}

/// The kinds of acts. The ledger has their positions, so a new kind comes last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ActKind {
    /// The person ended the wait after a wave.
    Approved {
        /// The wave, as the share of the audience that had its turn by its end; 0 for the testers.
        share: f64,
    },
    /// The person started a run.
    Applied,
    /// The person paused the run.
    Paused,
    /// The person resumed the run.
    Resumed,
    /// The person stopped the run, by a command or a signal.
    Stopped,
    /// The person compared the ledger with the platform's own records.
    Reconciled,
}
