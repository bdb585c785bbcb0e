//! How the platform's daily bills are read.

use jiff::tz::TimeZone;

use crate::catalogue::campaign as text;

use super::keys::{Nested, keys};
use super::text::ColumnName;
use super::zone::{self, Zone};

const COLUMN: ColumnName = ColumnName(&text::WantBillColumn);

keys! {
    /// How `runner reconcile` reads the platform's daily bills.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Bill {
        /// The IANA name of the zone of the bills' days, and of their times without an offset.
        timezone: TimeZone = Zone, filled zone::default();
        /// What the columns of a bill hold, confirmed by a person. Without it, `runner reconcile` proposes it from their content.
        columns: BillColumns = Nested, optional;
    }
}

/// The platform documents neither the zone nor the columns.
impl Default for Bill {
    fn default() -> Self {
        Self {
            timezone: zone::default(),
            columns: None,
        }
    }
}

keys! {
    /// What the columns of a bill hold: each is the column's title, or its number from 1.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct BillColumns {
        /// The column with the id of the coupon.
        coupon_id: String = COLUMN, required "coupon_id";
        /// The column with the user's open_id.
        open_id: String = COLUMN, required "open_id";
        /// The column with the time at which the user received the coupon.
        receive_time: String = COLUMN, optional;
        /// The column with the merchant's number of the coupon template.
        merchant_meta_no: String = COLUMN, optional;
        /// The column with the id of the coupon template.
        coupon_meta_id: String = COLUMN, optional;
        /// The column with the activity.
        activity_id: String = COLUMN, optional;
    }
}
