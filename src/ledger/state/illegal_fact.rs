//! Why a fact cannot be applied.

use crate::catalogue::ledger;
use crate::model::delivery::{DeliveryKey, NoSuchTransition, StateName};

/// A contradiction between a fact and those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalFact {
    /// The transition table does not have the transition.
    #[error("{}", ledger::NoSuchTransition { recipient: &key.recipient, ordinal: &key.ordinal })]
    NoSuchTransition {
        /// The delivery.
        key: DeliveryKey,
        /// The transition.
        source: Box<NoSuchTransition>,
    },
    /// The fact names a delivery or a recipient that was never admitted.
    #[error("{}", ledger::UnknownDelivery { recipient, ordinal })]
    Unknown {
        /// The recipient's number.
        recipient: u32,
        /// The ordinal.
        ordinal: u8,
    },
    /// The fact admits a recipient again.
    #[error("{}", ledger::AdmittedTwice)]
    AdmittedTwice,
    /// No generation named the activity, or a first attempt is not under the activity of the last generation.
    #[error("{}", ledger::WrongActivity)]
    WrongActivity,
    /// An attempt of a later coupon, although the user's earlier one is not issued.
    #[error("{}", ledger::OutOfTurn { recipient: &key.recipient, ordinal: &key.ordinal })]
    OutOfTurn {
        /// The delivery.
        key: DeliveryKey,
    },
    /// A recipient cannot have gone away or returned.
    #[error("{}", ledger::NotMoved { recipient })]
    NotMoved {
        /// The recipient's number.
        recipient: u32,
    },
    /// A generation owes no coupon, or more than a campaign can.
    #[error("{}", ledger::WrongCoupons { coupons })]
    Coupons {
        /// The number of coupons.
        coupons: u8,
    },
    /// A `Reread` has a transition of another kind.
    #[error("{}", ledger::NotReread)]
    NotReread,
    /// A generation has a second origin, or more times of last activity than recipients.
    #[error("{}", ledger::WrongOrigin)]
    Origin,
    /// A decision about a delivery that is in another state than the decision says.
    #[error("{}", ledger::NotThere { recipient: &key.recipient, ordinal: &key.ordinal, state: from })]
    NotThere {
        /// The delivery.
        key: DeliveryKey,
        /// The state that the decision names.
        from: StateName,
    },
    /// An approval of a wave that has not ended.
    #[error("{}", ledger::WaveNotEnded)]
    NotEnded,
    /// Testers that were never admitted, are out of order, or are named twice in a generation.
    #[error("{}", ledger::WrongTesters)]
    Testers,
    /// A term before the present one, or the present one of another worker.
    #[error("{}", ledger::WrongTerm { before, term })]
    Term {
        /// The present term.
        before: u64,
        /// The term that the fact names.
        term: u64,
    },
    /// A step of the declared activity that contradicts those before it.
    #[error("{}", ledger::IllegalActivityStep)]
    ActivityStep,
    /// A fact after the open_ids were erased, an erasure of a ledger that is not complete, or erased batches that are not those that
    /// the erasure wrote.
    #[error("{}", ledger::WrongErasure)]
    Erasure,
    /// There are more recipients or activities than there are numbers.
    #[error("{}", ledger::TooMany)]
    TooMany,
}
