//! The reasons why a recipient is not owed anything at present.

use serde::{Deserialize, Serialize};

use super::Skipped;

/// The reason why a recipient is not owed anything at present. Each apply decides it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Away {
    /// The source no longer names the user.
    Gone,
    /// An exclude list names the user.
    Excluded,
    /// The user belongs to the control group.
    ControlGroup,
    /// The user was last active too long ago.
    Lapsed,
    /// `audience.limit` leaves no room for the user.
    Limit,
}

impl Away {
    /// Every reason, in the order of the numbers.
    pub const ALL: [Self; 5] = [
        Self::Gone,
        Self::Excluded,
        Self::ControlGroup,
        Self::Lapsed,
        Self::Limit,
    ];

    /// Returns the reason's number, from 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the reason with this number; `None` if there is no such reason.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the reason why the recipient's deliveries are skipped.
    #[must_use]
    pub const fn skipped(self) -> Skipped {
        match self {
            Self::Gone => Skipped::Gone,
            Self::Excluded => Skipped::Excluded,
            Self::ControlGroup => Skipped::ControlGroup,
            Self::Lapsed => Skipped::Lapsed,
            Self::Limit => Skipped::Limit,
        }
    }
}
