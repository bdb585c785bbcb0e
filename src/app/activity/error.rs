//! Why an activity was not created or released.

use crate::catalogue::activity as text;
use crate::ledger::LedgerError;
use crate::model::activity::{ActivityOrder, AnswerNote};
use crate::model::identity::ActivityId;

/// Why an activity was not created or released.
#[derive(Debug, thiserror::Error)]
pub enum ActivityError {
    /// The platform refused the request: nothing was created.
    #[error("{}", text::CreationRefused { number: &order.number })]
    Refused {
        /// What was asked for.
        order: ActivityOrder,
        /// What came back.
        note: AnswerNote,
    },
    /// The answer does not say whether the activity exists, and the same request would be answered in the same way.
    #[error("{}", text::CreationUnclear { number: &order.number })]
    Unclear {
        /// What was asked for.
        order: ActivityOrder,
        /// What came back.
        note: AnswerNote,
    },
    /// No request was answered. The next apply repeats it.
    #[error("{}", text::CreationUnanswered { number: &order.number })]
    Unanswered {
        /// What was asked for.
        order: ActivityOrder,
        /// What came back last.
        note: AnswerNote,
    },
    /// The answer names an activity that the campaign had before.
    #[error("{}", text::SameActivity { activity_id, number: &order.number })]
    Same {
        /// What was asked for.
        order: ActivityOrder,
        /// The activity that the answer names.
        activity_id: ActivityId,
    },
    /// The activity was released, and coupons are still owed.
    #[error("{}", text::ReleasedAlready { activity_id })]
    Released {
        /// The activity.
        activity_id: ActivityId,
    },
    /// A person said that the activity has this id, or that there is none, and the ledger has no such question.
    #[error("{}", text::NothingToSay)]
    NothingOpen,
    /// More stock was asked for while an earlier request is not resolved.
    #[error("{}", text::OpenOrder { number: &order.number })]
    Open {
        /// What was asked for before.
        order: ActivityOrder,
    },
    /// Some deliveries need the activity.
    #[error("{}", text::NotSettled { left: *left })]
    NotSettled {
        /// How many.
        left: u64,
    },
    /// There is no activity to release, or to add to.
    #[error("{}", text::NoneCreated)]
    NoneCreated,
    /// The campaign file declares no activity.
    #[error("{}", text::NoneDeclared)]
    NoneDeclared,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ActivityError {
    /// The request that it is about. `None` if it is about none.
    pub(super) const fn order(&self) -> Option<&ActivityOrder> {
        match self {
            Self::Refused { order, .. }
            | Self::Unclear { order, .. }
            | Self::Unanswered { order, .. }
            | Self::Same { order, .. }
            | Self::Open { order } => Some(order),
            _ => None,
        }
    }
}
