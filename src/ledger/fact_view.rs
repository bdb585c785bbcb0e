//! Facts as they pass by whoever goes over all of them.

use crate::ledger::codec::{AnswerIds, Entry};
use crate::ledger::fact::Fact;
use crate::model::delivery::{Decision, DeliveryKey};

/// A fact that passes by. Of most of them somebody needs less than all: to make an outcome, or a list of users, whole
/// costs more than to read over it.
pub struct FactView<'a>(pub(in crate::ledger) Entry<'a>);

/// What the answer to an attempt is named by, and what followed for the delivery.
pub(in crate::ledger) struct AnswerView {
    pub(in crate::ledger) key: DeliveryKey,
    pub(in crate::ledger) decision: Decision,
    pub(in crate::ledger) ids: AnswerIds,
}

impl FactView<'_> {
    /// Which delivery's attempt ended, and by what verdict; nothing for any other fact.
    #[must_use]
    pub const fn ended(&self) -> Option<(DeliveryKey, Decision)> {
        match &self.0 {
            Entry::Ended { key, decision, .. } => Some((*key, *decision)),
            _ => None,
        }
    }

    /// The ids of the answer to an attempt that ended; `None` for any other fact.
    pub(in crate::ledger) fn answer(&self) -> Option<AnswerView> {
        match &self.0 {
            Entry::Ended { key, decision, told } => Some(AnswerView {
                key: *key,
                decision: *decision,
                ids: told.ids()?,
            }),
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
