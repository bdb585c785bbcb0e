//! Reads the exclude lists: the lists of the campaign file, and the users who have a coupon of another campaign.

use std::path::Path;

use jiff::Timestamp;

use super::Context;
use super::elsewhere;
use super::failure::Failure;
use super::home;
use super::rehearsal::RehearsalArgs;
use super::view;
use crate::audience::Source;
use crate::campaign::{self, Exclude};
use crate::delivery::{DeliveryKey, Standing, State};
use crate::engine::admit::Exclusion;
use crate::ledger::Book;
use crate::plan::{self, Plan, RunOptions};
use crate::problem::Problem;

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
        book: &'b Book,
        mut progress: impl FnMut(u64),
    ) -> Result<(Exclusion<'b>, u64), Failure> {
        let mut exclusion = Exclusion::new(book);
        let mut before = 0;
        for list in self.campaign.audience.exclude.iter().flatten() {
            match list {
                Exclude::Source(said) => {
                    let name = said.label();
                    let source = Source::of(said, &self.campaign.timezone, self.present);
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
            let other = plan::build(&said, options).map_err(|error| Failure::of(Problem::Plan, &error))?;
            // If another process applies that campaign, it serves its current ledger.
            if let Some(view) = view::open(self.context, path, &other).await? {
                let name = format!("campaign {}", said.names.campaign);
                exclusion.campaign(name, receivers(view.ledger.book()));
                return Ok(());
            }
            if let Some(elsewhere) = elsewhere::find(self.context, path, &other)? {
                return Err(elsewhere.failure());
            }
            nowhere.get_or_insert(home::place(self.context, path, &other));
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
fn receivers(book: &Book) -> impl Iterator<Item = String> {
    let has = |recipient: &u32| {
        (1..=book.ordinals()).any(|ordinal| {
            let key = DeliveryKey {
                recipient: *recipient,
                ordinal,
            };
            may_have_coupon(&book.standing(key))
        })
    };
    (0..book.recipients())
        .filter(has)
        .map(|recipient| book.open_id(recipient))
}

/// Returns whether a coupon was or may have been issued. A held code does not prove that none was.
fn may_have_coupon(standing: &Standing) -> bool {
    match standing.state {
        State::Issued | State::InDoubt | State::Attempting { .. } | State::Held { .. } => true,
        State::Skipped(_) => standing.held.is_some(),
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
    use crate::clock::from_ms;
    use crate::delivery::{ActivityNo, Step, Verdict};

    /// A user who may have a coupon of another campaign is excluded from this one, also while gone from the other one's
    /// audience.
    #[test]
    fn who_may_have_a_coupon_is_excluded() {
        let after = |steps: &[Step]| {
            let next = |standing: Standing, step: &Step| standing.next(*step).expect("the table has the step");
            may_have_coupon(&steps.iter().fold(Standing::PENDING, next))
        };
        let attempt = Step::Intent {
            at: from_ms(1),
            activity: ActivityNo(0),
        };
        let ended = |verdict| Step::Ended(verdict);
        let due = from_ms(2);
        let skip = Step::Skip(crate::delivery::Skipped::Gone);
        let held = ended(Verdict::Held { code: 7 });
        assert!(after(&[attempt]));
        assert!(after(&[attempt, ended(Verdict::Issued)]));
        assert!(after(&[attempt, ended(Verdict::Unknown { due, code: None })]));
        assert!(after(&[attempt, held]));
        assert!(after(&[attempt, held, skip]));
        assert!(!after(&[]));
        assert!(!after(&[skip]));
        assert!(!after(&[attempt, ended(Verdict::Refused { code: 7 })]));
        assert!(!after(&[attempt, held, Step::RereadRefused]));
        assert!(!after(&[attempt, ended(Verdict::NotIssued { due, code: None })]));
    }
}
