//! Why a fact cannot be applied.

use crate::model::delivery::{DeliveryKey, NoSuchTransition, StateName};

/// A contradiction between a fact and those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalFact {
    /// The transition table does not have the transition.
    #[error("delivery {}/{} cannot take it", .key.recipient, .key.ordinal)]
    NoSuchTransition {
        /// The delivery.
        key: DeliveryKey,
        /// The transition.
        source: Box<NoSuchTransition>,
    },
    /// The fact names a delivery or a recipient that was never admitted.
    #[error("it names recipient {recipient}, coupon {ordinal}, which was never admitted")]
    Unknown {
        /// The recipient's number.
        recipient: u32,
        /// The ordinal.
        ordinal: u8,
    },
    /// The fact admits a recipient again.
    #[error("it admits a recipient a second time")]
    AdmittedTwice,
    /// No generation named the activity, or a first attempt is not under the activity of the last generation.
    #[error("it is under an activity that was never named, or is not the present one")]
    WrongActivity,
    /// An attempt of a later coupon, although the user's earlier one is not issued.
    #[error("it attempts coupon {} of recipient {} before the one before it is issued", .key.ordinal, .key.recipient)]
    OutOfTurn {
        /// The delivery.
        key: DeliveryKey,
    },
    /// A recipient cannot have gone away or returned.
    #[error("it says that recipient {recipient} went away or returned, who did not")]
    NotMoved {
        /// The recipient's number.
        recipient: u32,
    },
    /// A generation owes no coupon, or more than a campaign can.
    #[error("it owes each user {coupons} coupons")]
    Coupons {
        /// The number of coupons.
        coupons: u8,
    },
    /// A `Reread` has a transition of another kind.
    #[error("it reads a delivery again and takes a step of another kind")]
    NotReread,
    /// A decision about a delivery that is in another state than the decision says.
    #[error("it decides about coupon {} of recipient {}, which is not {from}", .key.ordinal, .key.recipient)]
    NotThere {
        /// The delivery.
        key: DeliveryKey,
        /// The state that the decision names.
        from: StateName,
    },
    /// An approval of a wave that has not ended.
    #[error("it approves a wave that has not ended")]
    NotEnded,
    /// There are more recipients or activities than there are numbers.
    #[error("there are no numbers left for what it names")]
    TooMany,
}
