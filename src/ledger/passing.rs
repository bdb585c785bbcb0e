//! Facts as they pass by whoever goes over all of them.

use super::codec::Entry;
use super::fact::Fact;
use crate::delivery::{DeliveryKey, Verdict};

/// A fact that passes by. Of most of them somebody needs less than all: to make an outcome, or a list of users, whole
/// costs more than to read over it.
pub struct Passing<'a>(pub(super) Entry<'a>);

impl Passing<'_> {
    /// Which delivery's attempt ended, and by what verdict; nothing for any other fact.
    #[must_use]
    pub const fn ended(&self) -> Option<(DeliveryKey, Verdict)> {
        match &self.0 {
            Entry::Ended { key, verdict, .. } => Some((*key, *verdict)),
            _ => None,
        }
    }

    /// The delivery and the coupon_id of an attempt that was answered by a coupon; `None` for any other fact.
    #[must_use]
    pub fn coupon(&self) -> Option<(DeliveryKey, String)> {
        match &self.0 {
            Entry::Ended { key, told, .. } => Some((*key, told.ids()?.coupon_id?)),
            _ => None,
        }
    }

    /// Whether it only says who is in the audience.
    #[must_use]
    pub const fn admits(&self) -> bool {
        matches!(self.0, Entry::Admitted(_))
    }

    /// The whole fact. Nothing when it is none that anybody writes.
    #[must_use]
    pub fn fact(self) -> Option<Fact> {
        self.0.fact()
    }
}
