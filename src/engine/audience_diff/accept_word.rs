//! The words of `--accept`: changes between two applies that a person has to accept.

use std::fmt;
use std::str::FromStr;

use crate::catalogue::engine;

/// A change that a person can accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Accept {
    /// Another activity.
    ActivityId,
    /// More coupons for each user.
    CouponsPerUser,
    /// Another share of users who are never sent to.
    ControlGroup,
    /// Many of those still owed are gone from the source.
    SmallerAudience,
    /// Many of the people whom an exclude list kept out have left it.
    SmallerExclude,
    /// An exclude list excludes nobody.
    IdleExclude,
    /// The ledger's times are far ahead of the wall clock.
    Clock,
    /// The ledger is older than its witness, or gone.
    OlderLedger,
    /// Another ledger has sent this campaign.
    Replays,
}

/// A word that names no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", unknown(.0))]
pub struct UnknownChange(pub String);

fn unknown(word: &str) -> String {
    engine::UnknownChange {
        word: &format!("{word:?}"),
    }
    .to_string()
}

impl Accept {
    /// Every change, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::ActivityId,
        Self::CouponsPerUser,
        Self::ControlGroup,
        Self::SmallerAudience,
        Self::SmallerExclude,
        Self::IdleExclude,
        Self::Clock,
        Self::OlderLedger,
        Self::Replays,
    ];

    /// The change's word on the command line, in JSON and in the ledger.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ActivityId => "activity_id",
            Self::CouponsPerUser => "coupons_per_user",
            Self::ControlGroup => "control_group",
            Self::SmallerAudience => "smaller_audience",
            Self::SmallerExclude => "smaller_exclude",
            Self::IdleExclude => "idle_exclude",
            Self::Clock => "clock",
            Self::OlderLedger => "older_ledger",
            Self::Replays => "replays",
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Accept {
    type Err = UnknownChange;

    fn from_str(word: &str) -> Result<Self, UnknownChange> {
        let named = Self::ALL.into_iter().find(|change| change.word() == word);
        named.ok_or_else(|| UnknownChange(word.to_owned()))
    }
}
