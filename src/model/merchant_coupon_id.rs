//! The idempotency key of a delivery: a pure function of the campaign, the app, the user and the coupon's ordinal. So
//! it is the same on every machine and in every run, with or without a ledger.
//!
//! The platform's document calls the field an idempotency key made by the developer, and states neither length nor
//! alphabet. This key follows the strictest rule of the sibling endpoints: 20 characters, no Chinese, unique for the
//! app.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::identity::{AppId, CampaignName, OpenId};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: usize = 20;

/// The 100 bits of a key, most significant first, and four bits of 0.
pub type KeyBits = [u8; 13];

/// A delivery's idempotency key: 20 characters of Crockford's base-32 alphabet in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MerchantCouponId([u8; CHARACTERS]);

impl MerchantCouponId {
    /// Derives the key of one delivery. The activity is not part of it: when its stock is used up and the campaign
    /// continues under another activity, a user who has a coupon must not get a second.
    #[must_use]
    pub fn derive(campaign: &CampaignName, app_id: &AppId, open_id: &OpenId, ordinal: u8) -> Self {
        MerchantCouponIds::new(campaign, app_id).derive(open_id.as_str(), ordinal)
    }

    /// The bits of the key.
    #[must_use]
    pub fn to_bits(&self) -> KeyBits {
        let mut bits = KeyBits::default();
        for (at, character) in self.0.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == character);
            let value = value.and_then(|value| u16::try_from(value).ok()).unwrap_or_default();
            let [high, low] = (value << (11 - at * 5 % 8)).to_be_bytes();
            bits[at * 5 / 8] |= high;
            if let Some(next) = bits.get_mut(at * 5 / 8 + 1) {
                *next |= low;
            }
        }
        bits
    }

    /// The key with these bits. `None` unless the four bits after them are 0.
    #[must_use]
    pub fn from_bits(bits: &KeyBits) -> Option<Self> {
        let mut all = [0; 16];
        all[..bits.len()].copy_from_slice(bits);
        (bits[12].trailing_zeros() >= 4).then(|| Self(characters(u128::from_be_bytes(all))))
    }

    /// Parses the text of a key. `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let characters = <[u8; CHARACTERS]>::try_from(text.as_bytes()).ok()?;
        let is_known = characters.iter().all(|character| ALPHABET.contains(character));
        is_known.then_some(Self(characters))
    }

    /// The length of the text of each key, in bytes.
    pub const LENGTH: usize = CHARACTERS;

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Derives the keys of one campaign. Their hashes begin with the same bytes, which are hashed once.
///
/// In a box, because the state of a ledger has it, and futures have that state several times.
#[derive(Clone, Debug)]
pub(crate) struct MerchantCouponIds(Box<Sha256>);

impl MerchantCouponIds {
    pub(crate) fn new(campaign: &CampaignName, app_id: &AppId) -> Self {
        let mut hash = Sha256::new();
        for field in ["runner/merchant_coupon_id/v1", campaign.as_str(), app_id.as_str()] {
            add_field(&mut hash, field);
        }
        Self(Box::new(hash))
    }

    /// Derives the key of one delivery. `open_id` is one that [`OpenId::check`] has returned.
    pub(crate) fn derive(&self, open_id: &str, ordinal: u8) -> MerchantCouponId {
        let mut hash = Sha256::clone(&self.0);
        add_field(&mut hash, open_id);
        add_field(&mut hash, &ordinal.to_string());
        MerchantCouponId(key_of(&hash.finalize().into()))
    }
}

/// Returns the idempotency key of these fields: the first 100 bits of their hash. The first field is the domain of the key.
pub(super) fn idempotency_key(fields: &[&str]) -> [u8; CHARACTERS] {
    let mut hash = Sha256::new();
    for field in fields {
        add_field(&mut hash, field);
    }
    key_of(&hash.finalize().into())
}

fn key_of(digest: &[u8; 32]) -> [u8; CHARACTERS] {
    let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    characters(u128::from_be_bytes(*first))
}

/// Returns the characters of a key whose bits are the most significant ones of a number.
fn characters(bits: u128) -> [u8; CHARACTERS] {
    let mut characters = [0; CHARACTERS];
    for (at, character) in (1..).zip(&mut characters) {
        *character = ALPHABET[(bits >> (u128::BITS - at * 5)) as usize & 0b1_1111];
    }
    characters
}

/// Hashes a field after its length, so that two different lists of fields never hash the same bytes.
fn add_field(hash: &mut Sha256, field: &str) {
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    hash.update(length.to_be_bytes());
    hash.update(field.as_bytes());
}

impl fmt::Display for MerchantCouponId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MerchantCouponId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn derive(campaign: &str, app_id: &str, open_id: &str, ordinal: u8) -> MerchantCouponId {
        MerchantCouponId::derive(
            &CampaignName::parse(campaign).expect("a campaign's name"),
            &AppId::parse(app_id).expect("an app id"),
            &OpenId::parse(open_id).expect("an open_id"),
            ordinal,
        )
    }

    #[test]
    fn the_published_vectors_hold() {
        let app = "ttec789ac573xxxxxx01";
        let user = "ba253642-0590-40bc-xxx";
        for (campaign, app_id, open_id, ordinal, id) in [
            ("summer-2026", app, user, 1, "k4jggjhebt75at8pqb4j"),
            ("summer-2026", app, user, 2, "7hqxgac8fc6ap1rjrxvw"),
            ("summer-2026", "tt1", "1u", 1, "a0r7ffr7b0412q3bgw22"),
            ("summer-2026", "tt11", "u", 1, "6sthq7x6cqt6f6thcbew"),
            ("奶茶", "tt1", "u1", 1, "4qawchhgbbn9f44s33hp"),
        ] {
            assert_eq!(derive(campaign, app_id, open_id, ordinal).as_str(), id);
        }
    }

    proptest! {
        #[test]
        fn fields_never_run_into_each_other(text in "[a-z0-9]{4,12}", cut in 1_usize..3, other in 1_usize..3) {
            prop_assume!(cut != other);
            let split = |at: usize| derive("c", &text[..at], &text[at..], 1);
            prop_assert_ne!(split(cut), split(other));
        }

        #[test]
        fn a_key_is_its_bits_and_its_text(open_id in "[a-z0-9]{1,12}", ordinal in 1..20_u8) {
            let key = derive("c", "tt1", &open_id, ordinal);
            prop_assert_eq!(MerchantCouponId::from_bits(&key.to_bits()), Some(key));
            prop_assert_eq!(MerchantCouponId::parse(key.as_str()), Some(key));
            let mut longer = key.to_bits();
            longer[12] |= 1;
            prop_assert_eq!(MerchantCouponId::from_bits(&longer), None);
        }
    }

    #[test]
    fn a_hundred_thousand_users_have_a_hundred_thousand_keys() {
        let ids: HashSet<_> = (0..100_000).map(|n| derive("c", "tt1", &format!("u{n}"), 1)).collect();
        assert_eq!(ids.len(), 100_000);
    }
}
