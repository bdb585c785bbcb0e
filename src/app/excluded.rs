//! Reads the exclude lists: the lists of the campaign file, and the users who have a coupon of another campaign.

use std::path::Path;

use jiff::Timestamp;

use crate::audience::Source;
use crate::campaign::Exclude;
use crate::engine::audience_diff::Exclusion;
use crate::ledger::LedgerState;
use crate::model::delivery::{DeliveryKey, DeliveryStatus, State};

use super::campaign::LoadedCampaign;
use super::campaign_ref::CampaignRef;
use super::error::AppError;
use super::rehearsal::Rehearsal;
use super::{find_other_ledger, occurrences, readonly_ledger};

/// The exclude lists of one campaign.
pub struct ExcludeLists<'f> {
    /// The campaign.
    pub campaign: &'f LoadedCampaign,
    /// The latest time that a value in a source may have.
    pub present: Timestamp,
}

impl ExcludeLists<'_> {
    /// Reads every list and returns it with the number of rows. A list that cannot be read is an error, never an empty
    /// list.
    pub async fn read<'b>(
        &self,
        ledger_state: &'b LedgerState,
        mut progress: impl FnMut(u64),
    ) -> Result<(Exclusion<'b>, u64), AppError> {
        let settings = &self.campaign.parsed.campaign;
        let mut exclusion = Exclusion::new(ledger_state);
        let mut before = 0;
        for list in settings.audience.exclude.iter().flatten() {
            match list {
                Exclude::Source(list) => {
                    let name = list.label();
                    let source = Source::new(list, &settings.timezone, self.present);
                    let mut rows = 0;
                    let read = exclusion.read(name.clone(), &source, |so_far| {
                        rows = so_far;
                        progress(before + so_far);
                    });
                    let read = read.await;
                    read.map_err(|source| AppError::ExcludedList {
                        list: name,
                        source: Box::new(source),
                    })?;
                    before += rows;
                }
                Exclude::Campaign(file) => Box::pin(self.exclude_campaign(file, &mut exclusion)).await?,
            }
        }
        Ok((exclusion, before))
    }

    /// Adds every user who has, or may have, a coupon of the campaign in `file`.
    async fn exclude_campaign(&self, file: &Path, exclusion: &mut Exclusion<'_>) -> Result<(), AppError> {
        let unusable = |_| AppError::ExcludedCampaign(file.to_owned());
        let CampaignRef {
            file: own,
            rehearsal,
            state_dir,
            store,
            ..
        } = &self.campaign.at;
        let named = own.named(file);
        // A rehearsal uses the other campaign's rehearsal. Without one, it uses the real ledger.
        let rehearsals = if rehearsal.is_on() {
            vec![rehearsal.clone(), Rehearsal::No]
        } else {
            vec![Rehearsal::No]
        };
        let mut missing = None;
        for rehearsal in rehearsals {
            let at = CampaignRef {
                file: named.clone(),
                occurrence: None,
                rehearsal,
                state_dir: state_dir.clone(),
                store: store.clone(),
            };
            let parsed = named.load().map_err(unusable)?;
            let name = format!("campaign {}", parsed.campaign.names.campaign);
            let environment = &self.campaign.environment;
            // Of a recurring campaign, the users of every occurrence are excluded, as one list.
            let all = Box::pin(occurrences::resolve_all(at, parsed, environment)).await?;
            let is_single = all.len() == 1;
            let mut of_several = Vec::new();
            let mut lacks = None;
            for other in all {
                let other = other.load(environment)?;
                // If another process applies that campaign, it serves its current ledger.
                let view = readonly_ledger::open(&other).await?;
                let erased = view.as_ref().and_then(|view| view.ledger.state().erased_at());
                if let Some(at) = erased {
                    let name = other.plan.identity.campaign.clone();
                    return Err(AppError::ExcludedErased { name, at });
                }
                match view {
                    Some(view) if is_single => {
                        exclusion.campaign(name, receivers(view.ledger.state()));
                        return Ok(());
                    }
                    Some(view) => of_several.extend(receivers(view.ledger.state())),
                    None => match find_other_ledger::find(&other)? {
                        Some(other) => return Err(other.into()),
                        None => lacks = Some(other),
                    },
                }
            }
            let Some(other) = lacks else {
                exclusion.campaign(name, of_several.into_iter());
                return Ok(());
            };
            missing.get_or_insert(AppError::ExcludedWithoutLedger {
                file: named.path().to_owned(),
                name: other.plan.identity.campaign.clone(),
                dir: other.ledger_location(),
            });
        }
        missing.map_or(Ok(()), Err)
    }
}

/// Returns the users who have a coupon or may have one.
fn receivers(ledger_state: &LedgerState) -> impl Iterator<Item = String> {
    let has = |recipient: &u32| {
        (1..=ledger_state.ordinals()).any(|ordinal| {
            let key = DeliveryKey {
                recipient: *recipient,
                ordinal,
            };
            may_have_coupon(&ledger_state.status(key))
        })
    };
    (0..ledger_state.recipients())
        .filter(has)
        .map(|recipient| ledger_state.open_id(recipient))
}

/// Returns whether a coupon was or may have been issued. A held code does not prove that none was.
fn may_have_coupon(status: &DeliveryStatus) -> bool {
    match status.state {
        State::Issued | State::InDoubt | State::Attempting { .. } | State::Held { .. } => true,
        State::Skipped(_) => status.held.is_some(),
        State::Pending | State::Deferred { .. } | State::Refused { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::delivery::{ActivityNo, Decision, Transition};

    /// A user who may have a coupon of another campaign is excluded from this one, also while gone from the other one's
    /// audience.
    #[test]
    fn who_may_have_a_coupon_is_excluded() {
        let after = |steps: &[Transition]| {
            let next = |status: DeliveryStatus, step: &Transition| status.next(*step).expect("the table has the step");
            may_have_coupon(&steps.iter().fold(DeliveryStatus::PENDING, next))
        };
        let attempt = Transition::Intent {
            at: from_ms(1),
            activity: ActivityNo(0),
        };
        let ended = |verdict| Transition::Ended(verdict);
        let due = from_ms(2);
        let skip = Transition::Skip(crate::model::delivery::Skipped::Gone);
        let held = ended(Decision::Held { code: 7 });
        assert!(after(&[attempt]));
        assert!(after(&[attempt, ended(Decision::Issued)]));
        assert!(after(&[attempt, ended(Decision::Unknown { due, code: None })]));
        assert!(after(&[attempt, held]));
        assert!(after(&[attempt, held, skip]));
        assert!(!after(&[]));
        assert!(!after(&[skip]));
        assert!(!after(&[attempt, ended(Decision::Refused { code: 7 })]));
        assert!(!after(&[attempt, held, Transition::RereadRefused]));
        assert!(!after(&[attempt, ended(Decision::NotIssued { due, code: None })]));
    }
}
