//! Why a log of facts cannot be what happened.

use crate::model::delivery::{DeliveryKey, NoSuchTransition, StateName};

/// Why a fact cannot be folded: it contradicts those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalFact {
    /// The table of transitions does not have it.
    #[error("delivery {}/{} cannot take it", .key.recipient, .key.ordinal)]
    NoSuchTransition {
        /// The delivery.
        key: DeliveryKey,
        /// What was tried.
        source: Box<NoSuchTransition>,
    },
    /// It names a delivery or recipient that was never admitted.
    #[error("it names recipient {recipient}, coupon {ordinal}, which was never admitted")]
    Unknown {
        /// The recipient's number.
        recipient: u32,
        /// The coupon's.
        ordinal: u8,
    },
    /// It admits a recipient a second time.
    #[error("it admits a recipient a second time")]
    AdmittedTwice,
    /// It is under an activity that no generation named, or a first attempt under one that is not the last's.
    #[error("it is under an activity that was never named, or is not the present one")]
    WrongActivity,
    /// It attempts a later coupon of a user whose earlier one is not issued.
    #[error("it attempts coupon {} of recipient {} before the one before it is issued", .key.ordinal, .key.recipient)]
    OutOfTurn {
        /// The delivery.
        key: DeliveryKey,
    },
    /// It says of a recipient that they went away or returned who cannot have.
    #[error("it says that recipient {recipient} went away or returned, who did not")]
    NotMoved {
        /// The recipient's number.
        recipient: u32,
    },
    /// It owes nobody anything, or more than a campaign can.
    #[error("it owes each user {coupons} coupons")]
    Coupons {
        /// How many.
        coupons: u8,
    },
    /// It reads a delivery again and takes another kind of step.
    #[error("it reads a delivery again and takes a step of another kind")]
    NotReread,
    /// It decides about a delivery that is in another state than it says.
    #[error("it decides about coupon {} of recipient {}, which is not {from}", .key.ordinal, .key.recipient)]
    NotThere {
        /// The delivery.
        key: DeliveryKey,
        /// The state that it should have been in.
        from: StateName,
    },
    /// There are no numbers left.
    #[error("there are no numbers left for what it names")]
    TooMany,
}
