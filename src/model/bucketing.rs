//! Deterministic bucketing of an audience by a stable hash: a user is in the same share on every machine and in every
//! run, and shares of different domains are independent.

use sha2::{Digest, Sha256};

use crate::model::identity::{AppId, CampaignName};

/// The hash domain of the control group.
pub const CONTROL_GROUP: &str = "runner/control_group/v1";
/// The hash domain of waves.
pub const WAVE: &str = "runner/wave/v1";
/// The hash domain of the samples of users that exclude lists keep out.
pub const KEPT_OUT: &str = "runner/kept_out/v1";

/// Hashes the users of one campaign in one domain.
#[derive(Clone, Debug)]
pub struct Bucketing(Sha256);

impl Bucketing {
    /// Creates the hash for a domain and a campaign.
    #[must_use]
    pub fn new(domain: &str, campaign: &CampaignName, app_id: &AppId) -> Self {
        // The prefix that all users of a campaign share is hashed once.
        let mut hash = Sha256::new();
        for field in [domain, campaign.as_str(), app_id.as_str()] {
            add(&mut hash, field);
        }
        Self(hash)
    }

    /// Returns the user's hash, evenly distributed over `u64`.
    #[must_use]
    pub fn number(&self, open_id: &str) -> u64 {
        let mut hash = self.0.clone();
        add(&mut hash, open_id);
        let digest = hash.finalize();
        let first = digest.iter().take(8);
        first.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Whether the user is in a share, from 0 to 1, of all users. A larger share contains every smaller one.
    #[must_use]
    pub fn within(&self, share: f64, open_id: &str) -> bool {
        share > 0.0 && fraction(self.number(open_id)) < share
    }
}

/// Adds a field after its length, so that two different lists of fields never hash the same bytes.
fn add(hash: &mut Sha256, field: &str) {
    let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
    hash.update(length.to_be_bytes());
    hash.update(field.as_bytes());
}

/// Maps a hash to the range from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share is never as fine as 2^-52")]
fn fraction(number: u64) -> f64 {
    number as f64 / 2_f64.powi(64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(domain: &str, campaign: &str, app_id: &str) -> Bucketing {
        Bucketing::new(
            domain,
            &CampaignName::parse(campaign).expect("a campaign's name"),
            &AppId::parse(app_id).expect("an app id"),
        )
    }

    #[test]
    fn the_published_vectors_hold() {
        let summer = ("summer-2026", "ttec789ac573xxxxxx01", "ba253642-0590-40bc-xxx");
        let tea = ("奶茶", "tt1", "u1");
        for (domain, (campaign, app_id, open_id), published) in [
            (CONTROL_GROUP, summer, "0.869718"),
            (CONTROL_GROUP, tea, "0.970838"),
            (WAVE, summer, "0.012961"),
            (WAVE, tea, "0.059518"),
        ] {
            let number = draw(domain, campaign, app_id).number(open_id);
            assert_eq!(format!("{:.6}", fraction(number)), published, "{domain} {campaign}");
        }
    }

    #[test]
    fn a_share_is_about_that_part_of_everybody() {
        let draw = draw(CONTROL_GROUP, "c", "tt1");
        for (share, expected) in [
            (0.0, 0..=0),
            (0.05, 4_800..=5_200),
            (0.5, 49_400..=50_600),
            (1.0, 100_000..=100_000),
        ] {
            let drawn = (0..100_000).filter(|n| draw.within(share, &n.to_string())).count();
            assert!(expected.contains(&drawn), "{drawn} for {share}");
        }
    }

    proptest! {
        #[test]
        fn a_larger_share_takes_nobody_out(open_id in "[!-~]{1,40}", a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let draw = draw(CONTROL_GROUP, "c", "tt1");
            prop_assert!(!draw.within(a.min(b), &open_id) || draw.within(a.max(b), &open_id));
        }
    }
}
