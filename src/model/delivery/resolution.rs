//! The decisions of a person about one delivery, and the states in which they are valid.
//!
//! A person can resolve a delivery that is in doubt, held, or refused. The audience and the campaign file decide about
//! deliveries that are pending, deferred or skipped: to stop one of them, take the user out of the audience. A delivery
//! in flight cannot be resolved before its outcome is known.

use serde::{Deserialize, Serialize};

use super::{DeliveryStatus, State, Transition};

/// The code of a refusal without an answer: a person resolved a doubt as refused, and its answer was lost. 0 is the
/// platform's success code, which never refuses a user.
pub const NO_CODE: i64 = 0;

/// The decision of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// The user has the coupon.
    Issued,
    /// The user has no coupon and receives none.
    Refused,
    /// The coupon is owed, and the next apply sends it.
    Owed {
        /// Whether the person accepts that reopening a doubt may issue a second coupon.
        may_double: bool,
    },
}

impl Resolution {
    /// Returns the decision's word on the command line and on screens.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Owed { .. } => "owed",
        }
    }
}

impl DeliveryStatus {
    /// Whether this decision reopens a doubt. Then one coupon more than counted may exist.
    #[must_use]
    pub const fn reopens_doubt(&self, resolution: Resolution) -> bool {
        let may_exist = matches!(self.state, State::InDoubt | State::Refused { .. }) && self.doubt.is_some();
        may_exist && matches!(resolution, Resolution::Owed { .. })
    }

    /// Whether this decision reopens a held delivery. Its attempt may have issued a coupon in addition to the counted
    /// one.
    #[must_use]
    pub const fn reopens_held(&self, resolution: Resolution) -> bool {
        let may_exist = matches!(self.state, State::Held { .. } | State::Refused { .. }) && self.held.is_some();
        may_exist && matches!(resolution, Resolution::Owed { .. })
    }

    /// Whether the decision is valid for this status.
    #[must_use]
    pub fn can_become(self, resolution: Resolution) -> bool {
        self.next(Transition::Resolved(resolution)).is_ok()
    }

    /// Returns the status after the decision; `None` if the decision is not valid here. A doubt or a held answer stays
    /// stored when it is resolved as refused, so that reopening it in two steps needs the same approval as in one.
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
                reopened: self.reopened || self.reopens_doubt(resolution) || self.reopens_held(resolution),
                ..self
            }),
        }
    }
}
