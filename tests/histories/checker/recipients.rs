//! Checks which recipients the ledger has after an apply, and why others are skipped, against the scenario.

use runner::model::delivery::Away;
use sha2::{Digest, Sha256};

use crate::env::Violation;
use crate::scenario::NAMES;

use super::CampaignApply;
use super::reference_state::ReferenceState;

/// The fraction of a user in a domain: the first 64 bits of a hash, divided by 2^64.
#[expect(clippy::cast_precision_loss, reason = "a share is never as fine")]
pub fn bucket(domain: &str, campaign: usize, user: u8) -> f64 {
    let mut hash = Sha256::new();
    let open_id = format!("u{user}");
    for field in [domain, NAMES[campaign], "tt1", &open_id] {
        hash.update(u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        hash.update(field);
    }
    let first: [u8; 8] = hash.finalize()[..8].try_into().unwrap_or_default();
    u64::from_be_bytes(first) as f64 / 2_f64.powi(64)
}

/// Checks the ledger after an apply whose audience was admitted.
pub fn check(reference: &ReferenceState, context: CampaignApply<'_>) -> Result<(), Violation> {
    let campaign = context.campaign;
    let testers = &context.rules.testers;
    let listed = |user: u8| testers.contains(&user) || campaign.listed.iter().any(|listed| listed.user == user);
    let excluded = |user: u8| campaign.excluded.contains(&user);
    for user in campaign
        .listed
        .iter()
        .map(|listed| listed.user)
        .chain(testers.iter().copied())
        .filter(|user| !excluded(*user))
    {
        if reference.recipients.iter().filter(|person| person.user == user).count() != 1 {
            return Err(Violation::new(
                "G2: everybody is in the ledger, once",
                format!("u{user} is not"),
            ));
        }
    }
    let control = f64::from(campaign.settings.control_percent) / 100.0;
    for person in &reference.recipients {
        let expected = if excluded(person.user) {
            Some(Away::Excluded)
        } else if !listed(person.user) {
            Some(Away::Gone)
        } else if testers.contains(&person.user) {
            None
        } else if bucket("runner/control_group/v1", campaign.number, person.user) < control {
            Some(Away::ControlGroup)
        } else {
            person.away.filter(|why| *why == Away::Lapsed)
        };
        if person.away != expected {
            let details = format!("u{} is away: {:?}, and not {expected:?}", person.user, person.away);
            return Err(Violation::new("a recipient is skipped for a reason", details));
        }
    }
    Ok(())
}
