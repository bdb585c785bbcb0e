//! What convergence asks of a ledger.

use crate::delivery::{Counts, DeliveryKey, Standing};
use crate::identity::ActivityId;

/// What the last closed generation said of the campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its activity.
    pub activity_id: ActivityId,
    /// How many coupons each user was owed.
    pub coupons_per_user: u8,
}

/// What a ledger knows.
pub trait Book {
    /// Where all deliveries stand.
    fn counts(&self) -> Counts;
    /// How many recipients were ever admitted.
    fn recipients(&self) -> u32;
    /// The number of a recipient.
    fn find(&self, open_id: &str) -> Option<u32>;
    /// Whether the last generation's source did not name a recipient.
    fn is_gone(&self, recipient: u32) -> bool;
    /// The most coupons that a user was ever owed.
    fn most_coupons(&self) -> u8;
    /// Where a delivery stands.
    fn standing(&self, key: DeliveryKey) -> Standing;
    /// The last closed generation.
    fn generation(&self) -> Option<&Generation>;
    /// Whether it is accepted that another ledger has sent this campaign.
    fn accepts_replays(&self) -> bool;
}
