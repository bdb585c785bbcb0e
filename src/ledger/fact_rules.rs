//! The rules for applying facts. Each run names its version in the log, so that older facts keep their meaning.

use serde::{Deserialize, Serialize};

/// A version of the rules. It holds from the run that names it until the next run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rules {
    /// The first version: a skipped delivery that comes back is owed, also if it was held before.
    #[default]
    V0,
    /// A delivery that was held when it was skipped is held again when it comes back, and a held delivery that a person
    /// reopens counts in `max_coupons` as if it had been issued.
    V1,
}

impl Rules {
    /// The rules of the runs of this program.
    pub const CURRENT: Self = Self::V1;

    /// All versions, in the order of their numbers.
    const ALL: [Self; 2] = [Self::V0, Self::V1];

    pub(in crate::ledger) const fn number(self) -> u8 {
        self as u8
    }

    /// The version with this number. `None` if this program does not know it.
    pub(in crate::ledger) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
