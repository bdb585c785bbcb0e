//! Reads the exclude lists: the lists of the campaign file, and the users who have a coupon of another campaign.

use std::path::Path;

use jiff::Timestamp;

use super::Context;
use super::elsewhere;
use super::failure::Failure;
use super::locked_ledger;
use super::readonly_ledger;
use super::rehearsal::RehearsalArgs;
use crate::audience::Source;
use crate::campaign::{self, Exclude};
use crate::engine::audience_diff::Exclusion;
use crate::ledger::LedgerState;
use crate::model::delivery::{DeliveryKey, DeliveryStatus, State};
use crate::model::problem::Problem;
use crate::plan::{self, Plan, RunOptions};

/// What reading the exclude lists needs.
pub struct For<'f> {
    /// The program's options.
    pub context: &'f Context,
    /// Whether it is a rehearsal.
    pub rehearsal: &'f RehearsalArgs,
    /// The parsed campaign file.
    pub campaign: &'f campaign::Campaign,
    /// The plan of the campaign.
    pub plan: &'f Plan,
    /// The latest time that a value in a source may have.
    pub present: Timestamp,
}

impl For<'_> {
    /// Reads every list and returns it with the number of rows. A list that cannot be read is an error, never an empty
    /// list.
    pub async fn read<'b>(
        &self,
        ledger_state: &'b LedgerState,
        mut progress: impl FnMut(u64),
    ) -> Result<(Exclusion<'b>, u64), Failure> {
        let mut exclusion = Exclusion::new(ledger_state);
        let mut before = 0;
        for list in self.campaign.audience.exclude.iter().flatten() {
            match list {
                Exclude::Source(said) => {
                    let name = said.label();
                    let source = Source::new(said, &self.campaign.timezone, self.present);
                    let mut rows = 0;
                    let read = exclusion.read(name.clone(), &source, |so_far| {
                        rows = so_far;
                        progress(before + so_far);
                    });
                    read.await.map_err(|error| unreadable(&name, error.into()))?;
                    before += rows;
                }
                Exclude::Campaign(path) => self.campaign_of(path, &mut exclusion).await?,
            }
        }
        Ok((exclusion, before))
    }

    /// Adds every user who has, or may have, a coupon of the campaign in the file at `path`.
    async fn campaign_of(&self, path: &Path, exclusion: &mut Exclusion<'_>) -> Result<(), Failure> {
        let unusable = || {
            Failure::new(
                Problem::ExcludedCampaign,
                format!("cannot use the campaign file {}", path.display()),
            )
        };
        let said = campaign::load(path).map_err(|_| unusable())?.campaign;
        let rehearsed = self.rehearsal.on().then(|| self.plan.base_url.clone());
        // A rehearsal uses the other campaign's rehearsal. Without one, it uses the real ledger.
        let mut nowhere = None;
        for sandbox in [rehearsed.clone(), None]
            .into_iter()
            .skip(usize::from(rehearsed.is_none()))
        {
            let options = RunOptions {
                sandbox,
                ..RunOptions::default()
            };
            let other = plan::build(&said, options).map_err(|error| Failure::from_error(Problem::Plan, &error))?;
            // If another process applies that campaign, it serves its current ledger.
            if let Some(view) = readonly_ledger::open(self.context, path, &other).await? {
                let name = format!("campaign {}", said.names.campaign);
                exclusion.campaign(name, receivers(view.ledger.state()));
                return Ok(());
            }
            if let Some(elsewhere) = elsewhere::find(self.context, path, &other)? {
                return Err(elsewhere.failure());
            }
            nowhere.get_or_insert(locked_ledger::ledger_dir(self.context, path, &other));
        }
        let dir = nowhere.map_or_else(String::new, |place| format!(" at {}", place.dir().display()));
        let campaign = &said.names.campaign;
        let message = format!("cannot exclude the users of {campaign}: it has no ledger{dir}");
        Err(Failure::new(Problem::ExcludedWithoutLedger, message).help(format!(
            "apply {} first, or take it out of `audience.exclude`: without its ledger nobody knows who has a coupon of it",
            path.display()
        )))
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

/// Wraps a failure of a list. The message says that nothing was sent because of it.
fn unreadable(list: &str, failure: Failure) -> Failure {
    let Failure {
        message, mut causes, ..
    } = failure.clone();
    causes.insert(0, message);
    Failure {
        message: format!("cannot read the excluded list {list}; nobody is sent to without it"),
        causes,
        ..failure
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
