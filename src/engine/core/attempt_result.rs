//! An attempt as the core sees it: when it may start, and how it ended.

use std::time::Instant;

use jiff::Timestamp;

use crate::douyin::NotReady;
use crate::engine::mixed_up_answers::Whose;
use crate::model::clock::AgeInstant;
use crate::model::delivery::DeliveryKey;
use crate::model::identity::OpenId;
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::outcome::Outcome;

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Done {
    /// The attempt was made.
    Ended {
        /// The delivery.
        key: DeliveryKey,
        /// The attempt.
        attempted: Attempted,
        /// What the attempt proved, provided that the answer is its own.
        outcome: Box<Outcome>,
        /// Which attempt or delivery the answer belongs to.
        whose: Whose,
        /// The time of its end.
        ended: Instant,
    },
    /// The attempt was cancelled before the first byte was sent.
    CalledOff {
        /// The delivery.
        key: DeliveryKey,
        /// The reason, if no token was available.
        why: Option<NotReady>,
    },
}

impl Done {
    /// The delivery.
    pub const fn key(&self) -> DeliveryKey {
        let (Self::Ended { key, .. } | Self::CalledOff { key, .. }) = self;
        *key
    }
}

/// The identity of an attempt.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// The user.
    pub open_id: OpenId,
    /// The idempotency key.
    pub merchant_coupon_id: MerchantCouponId,
    /// The number of the attempt within its delivery, from 1.
    pub attempt: u32,
    /// Whether it started, so that the pace counts it. Without a connection it did not.
    pub started: bool,
}

/// The last moment at which an attempt may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// The earliest of the end of the day that it counts for, the expiry of its user and the end of the approval. `None` without any.
    pub wall: Option<Timestamp>,
    /// The age of the doubt at which a resend is no longer allowed. `None` if it is no resend.
    pub age: Option<AgeInstant>,
}

impl Latest {
    /// Whether that moment is past.
    #[must_use]
    pub fn is_past(self, wall: Timestamp, age: AgeInstant) -> bool {
        self.wall.is_some_and(|latest| latest < wall) || self.age.is_some_and(|latest| latest < age)
    }
}
