//! Recipients whose open_ids were erased. What is left of each are the ids of its coupons, which follow from the open_id but do not
//! show it.

use serde::{Deserialize, Serialize};

use crate::model::delivery::MOST_COUPONS_PER_USER;
use crate::model::merchant_coupon_id::{KeyBits, MerchantCouponId};

/// Recipients in the order of their admission, each by the ids of its coupons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedRecipients {
    /// The number of ids of each recipient.
    coupons: u8,
    ids: Vec<KeyBits>,
}

impl ErasedRecipients {
    /// No recipients, who have an id for each of `coupons` coupons.
    #[must_use]
    pub const fn new(coupons: u8) -> Self {
        Self {
            coupons,
            ids: Vec::new(),
        }
    }

    /// Adds a recipient by the ids of its coupons, from the first one on.
    pub(in crate::ledger) fn push(&mut self, ids: impl Iterator<Item = MerchantCouponId>) {
        self.ids.extend(ids.map(|id| id.to_bits()));
    }

    /// The number of ids of each recipient.
    #[must_use]
    pub const fn coupons(&self) -> u8 {
        self.coupons
    }

    /// The number of recipients.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len() / usize::from(self.coupons.max(1))
    }

    /// Whether there is no recipient.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What identifies each recipient in place of its open_id.
    pub(in crate::ledger) fn keys(&self) -> impl Iterator<Item = String> {
        let of_one = self.ids.chunks(usize::from(self.coupons.max(1)));
        of_one.map(|ids| recipient_key(ids.iter().filter_map(MerchantCouponId::from_bits)))
    }

    pub(in crate::ledger) fn to_bytes(&self) -> Vec<u8> {
        self.ids.concat()
    }

    /// Reads what [`ErasedRecipients::to_bytes`] returned. `None` for other bytes.
    pub(in crate::ledger) fn from_bytes(coupons: u8, bytes: &[u8]) -> Option<Self> {
        let (ids, rest) = bytes.as_chunks();
        let is_whole = rest.is_empty() && ids.len().checked_rem(usize::from(coupons)) == Some(0);
        let are_ids = || ids.iter().all(|id| MerchantCouponId::from_bits(id).is_some());
        (is_whole && coupons <= MOST_COUPONS_PER_USER && are_ids()).then(|| Self {
            coupons,
            ids: ids.to_vec(),
        })
    }
}

/// What identifies a recipient in place of its open_id: the ids of its coupons, one after the other.
pub(in crate::ledger) fn recipient_key(ids: impl Iterator<Item = MerchantCouponId>) -> String {
    let mut key = String::new();
    ids.for_each(|id| key.push_str(id.as_str()));
    key
}

/// The id of a recipient's coupon in its key. `None` if the key has no such id.
pub(in crate::ledger) fn id_in_key(key: &str, ordinal: u8) -> Option<MerchantCouponId> {
    let from = usize::from(ordinal.checked_sub(1)?) * MerchantCouponId::LENGTH;
    MerchantCouponId::parse(key.get(from..from + MerchantCouponId::LENGTH)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::{AppId, CampaignName, OpenId};

    fn id(open_id: &str, ordinal: u8) -> MerchantCouponId {
        let campaign = CampaignName::parse("summer").unwrap();
        let app_id = AppId::parse("tt1").unwrap();
        MerchantCouponId::derive(&campaign, &app_id, &OpenId::parse(open_id).unwrap(), ordinal)
    }

    #[test]
    fn each_recipient_keeps_its_ids_and_other_bytes_are_refused() {
        let mut recipients = ErasedRecipients::new(2);
        for open_id in ["u1", "u2", "u3"] {
            recipients.push((1..=2).map(|ordinal| id(open_id, ordinal)));
        }
        assert_eq!(recipients.len(), 3);
        let bytes = recipients.to_bytes();
        assert_eq!(bytes.len(), 6 * 13, "13 bytes an id");
        assert_eq!(ErasedRecipients::from_bytes(2, &bytes), Some(recipients.clone()));
        let keys: Vec<_> = recipients.keys().collect();
        assert_eq!(keys.len(), 3);
        assert_eq!(id_in_key(&keys[1], 1), Some(id("u2", 1)));
        assert_eq!(id_in_key(&keys[1], 2), Some(id("u2", 2)));
        assert_eq!(id_in_key(&keys[1], 3), None);
        assert_eq!(id_in_key(&keys[1], 0), None);
        for coupons in [0, 4, MOST_COUPONS_PER_USER + 1] {
            assert_eq!(ErasedRecipients::from_bytes(coupons, &bytes), None, "{coupons}");
        }
        assert_eq!(ErasedRecipients::from_bytes(2, &bytes[1..]), None);
        let mut altered = bytes;
        altered[12] |= 1;
        assert_eq!(ErasedRecipients::from_bytes(2, &altered), None);
    }
}
