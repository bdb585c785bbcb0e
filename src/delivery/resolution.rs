//! What a person can decide about one delivery, and from where.
//!
//! Only what waits for a person can be resolved: a doubt, a held one, one that was refused. What is pending, deferred or
//! skipped is the machine's to send or to leave, by the audience and the campaign file: whoever must not be sent is taken out
//! of the audience. What is in flight is nobody's before its outcome is known.

use serde::{Deserialize, Serialize};

use super::{Standing, State, Step};

/// The code of a refusal that no answer had: a person called a doubt refused whose answer was lost. It is the platform's
/// code for success, which refuses nobody.
pub const NO_CODE: i64 = 0;

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// The user has the coupon.
    Issued,
    /// The user has no coupon and gets none.
    Refused,
    /// The coupon is owed, and is sent by the next apply.
    Owed {
        /// Whether the person accepts that a doubt that is reopened may have been issued already.
        may_double: bool,
    },
}

impl Resolution {
    /// The decision's word on the command line and on screens.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Owed { .. } => "owed",
        }
    }
}

impl Standing {
    /// Whether this decision sends again what may have been issued: then one more coupon may exist than is counted.
    #[must_use]
    pub const fn reopens_doubt(&self, resolution: Resolution) -> bool {
        let may_exist = matches!(self.state, State::InDoubt | State::Refused { .. }) && self.doubt.is_some();
        may_exist && matches!(resolution, Resolution::Owed { .. })
    }

    /// Whether this decision sends again what was held: its attempt may have issued a coupon beside the one that is counted.
    #[must_use]
    pub const fn reopens_held(&self, resolution: Resolution) -> bool {
        let may_exist = matches!(self.state, State::Held { .. } | State::Refused { .. }) && self.held.is_some();
        may_exist && matches!(resolution, Resolution::Owed { .. })
    }

    /// Whether a person can decide so from here.
    #[must_use]
    pub fn can_become(self, resolution: Resolution) -> bool {
        self.next(Step::Resolved(resolution)).is_ok()
    }

    /// Where a decision leads; nowhere from where it cannot be made. A doubt or a held answer that is called refused stays
    /// known, so that reopening it in two steps is no way around what reopening it in one asks for.
    pub(super) fn resolved(self, resolution: Resolution) -> Option<Self> {
        let code = match (self.state, self.doubt) {
            (State::InDoubt, doubt) => doubt.and_then(|doubt| doubt.code).unwrap_or(NO_CODE),
            (State::Held { code } | State::Refused { code }, _) => code,
            _ => return None,
        };
        match resolution {
            Resolution::Issued => Some(self.no_longer_held(State::Issued)),
            Resolution::Refused if matches!(self.state, State::Refused { .. }) => None,
            Resolution::Refused => Some(self.with(State::Refused { code })),
            Resolution::Owed { may_double: false } if self.reopens_doubt(resolution) => None,
            Resolution::Owed { .. } => Some(Self {
                state: State::Pending,
                doubt: None,
                held: None,
                ..self
            }),
        }
    }
}
