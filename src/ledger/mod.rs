//! What is owed and what is settled: a log of facts, and the one fold that turns facts into state.

use crate::delivery::DeliveryKey;
use crate::identity::{ActivityId, OpenId};
use crate::merchant_coupon_id::MerchantCouponId;

/// Leave to make one attempt at one delivery. Only a durable intent yields it, and sending consumes it, so a send
/// without a durable intent does not compile.
#[derive(Debug)]
pub struct Permit {
    key: DeliveryKey,
    attempt: u32,
    open_id: OpenId,
    activity_id: ActivityId,
    merchant_coupon_id: MerchantCouponId,
}

impl Permit {
    /// Which delivery.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.key
    }

    /// Which attempt of it, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// To whom.
    #[must_use]
    pub const fn open_id(&self) -> &OpenId {
        &self.open_id
    }

    /// Of which activity.
    #[must_use]
    pub const fn activity_id(&self) -> &ActivityId {
        &self.activity_id
    }

    /// By which idempotency key.
    #[must_use]
    pub const fn merchant_coupon_id(&self) -> MerchantCouponId {
        self.merchant_coupon_id
    }
}
