//! What the platform's own records say: its answers to `runner reconcile`, and the coupons that they show.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::model::delivery::DeliveryKey;
use crate::model::identity::{ActivityId, CouponMetaId};
use crate::model::outcome::Coupon;

/// One answer of the platform about its own records: what was asked, and what came. The ledger has the positions of the
/// variants, so a new one comes last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlatformRecord {
    /// How many coupons of an activity the platform counts.
    Count(CountRecord),
    /// The unused coupons of a user.
    Coupons(CouponsRecord),
    /// The list of all coupons of the app that were received on a day.
    Bill(BillRecord),
    /// One coupon that the ledger has as issued.
    Spot(SpotRecord),
}

/// How many coupons of an activity the platform counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRecord {
    /// The template.
    pub coupon_meta_id: CouponMetaId,
    /// The activity.
    pub activity_id: ActivityId,
    /// The coupons that users received. `None` if the answer has no such row.
    pub received: Option<u64>,
    /// The coupons that users used. `None` if the answer does not say.
    pub consumed: Option<u64>,
    /// The platform's id of the exchange; empty if absent.
    pub log_id: String,
}

/// The unused coupons of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponsRecord {
    /// The delivery that they were asked for.
    pub key: DeliveryKey,
    /// The ids of the coupons in the answer.
    pub coupon_ids: Vec<String>,
    /// The platform's id of the exchange; empty if absent.
    pub log_id: String,
}

/// One coupon that the ledger has as issued, as the platform shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotRecord {
    /// Its delivery.
    pub key: DeliveryKey,
    /// The coupon that was asked for.
    pub coupon_id: String,
    /// The coupon in the answer. `None` if the answer does not have it.
    pub shown: Option<Coupon>,
    /// The platform's id of the exchange; empty if absent.
    pub log_id: String,
}

/// The bill of a day, as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillRecord {
    /// The day.
    pub day: Date,
    /// Its content. `None` if the platform has no data of that day.
    pub content: Option<BillContent>,
    /// The platform's id of the exchange; empty if absent.
    pub log_id: String,
}

/// The content of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillContent {
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// The size of the file.
    pub bytes: u64,
}

/// A coupon that the platform's own records show for a delivery in doubt or held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The delivery.
    pub key: DeliveryKey,
    /// Where it was found.
    pub evidence: Evidence,
    /// The coupon.
    pub coupon: Coupon,
}

/// Which record shows a coupon. The ledger has the positions of the variants, so a new one comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// The user's unused coupons.
    Coupons,
    /// The bill of this day.
    Bill(Date),
}
