//! Finds other ledgers of a campaign. A campaign must have one ledger: users that only another one contains would receive a
//! second coupon.

use std::fs;
use std::path::{Path, PathBuf};

use crate::campaign::Parsed;
use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError, Manifest};
use crate::model::identity::{CampaignName, Identity, PlatformName};
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::feasibility;

use super::failure::Failure;
use super::locked_ledger::{self, quoted};
use super::rehearsal::RehearsalArgs;
use super::witness::Testimony;
use super::{Context, readonly_ledger};

/// A ledger of the campaign in another place than the command uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    campaign: CampaignName,
    /// The directory of that ledger.
    dir: PathBuf,
    reason: Reason,
    /// The directory that the command uses.
    own: PathBuf,
    own_exists: bool,
}

/// Why a ledger is in another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// It is beside the campaign file, and another state directory was given.
    BesideFile,
    /// It is beside a link to the campaign file, where earlier versions kept it.
    BesideLink,
    /// The witness of the last run of this campaign file names this place.
    LastRun,
    /// It is among the rehearsals, where earlier versions kept the ledgers of loopback addresses.
    AmongRehearsals,
}

/// Looks for another ledger of a campaign that is applied for real. Returns `None` for a rehearsal, or if there is no other
/// ledger.
pub fn find(context: &Context, file: &Path, plan: &Plan) -> Result<Option<Other>, Failure> {
    if plan.identity.platform == PlatformName::FakePlatform {
        return Ok(None);
    }
    let own = locked_ledger::ledger_dir(context, file, plan);
    let own_passport = own.look()?;
    let roots = locked_ledger::roots(context, file);
    let others = [
        (roots.beside_file, Reason::BesideFile),
        (roots.beside_link, Reason::BesideLink),
    ];
    for (root, reason) in others {
        let Some(place) = root.map(|root| LedgerDir::new(&root, &plan.identity)) else {
            continue;
        };
        if !same(own.dir(), place.dir()) && conflicts(&own, own_passport.as_ref(), &place) {
            return Ok(Some(other(&own, own_passport.is_some(), &place, reason)));
        }
    }
    if own_passport.is_some() {
        return Ok(None);
    }
    if let Some(place) = Testimony::new(context, file, plan).moved() {
        return Ok(Some(other(&own, false, &place, Reason::LastRun)));
    }
    Ok(among_rehearsals(&own, &roots.own, &plan.identity))
}

/// Looks for another ledger of a campaign that is applied or rehearsed. Before a rehearsal, it looks for a ledger among the
/// rehearsals that may contain real deliveries.
pub fn find_for(context: &Context, file: &Path, plan: &Plan, parsed: &Parsed) -> Result<Option<Other>, Failure> {
    if plan.identity.platform != PlatformName::FakePlatform {
        return find(context, file, plan);
    }
    let real = readonly_ledger::plan_of(parsed, &RehearsalArgs::default())?;
    let root = locked_ledger::roots(context, file).own;
    Ok(among_rehearsals(
        &LedgerDir::new(&root, &real.identity),
        &root,
        &real.identity,
    ))
}

/// Returns a ledger among the rehearsals that may contain real deliveries: earlier versions named every loopback address
/// `sandbox`. `None` if there is no such ledger.
fn among_rehearsals(own: &LedgerDir, root: &Path, identity: &Identity) -> Option<Other> {
    if !identity.platform.is_loopback() {
        return None;
    }
    let place = LedgerDir::new(
        root,
        &Identity {
            platform: PlatformName::FakePlatform,
            ..identity.clone()
        },
    );
    let may_be_real = match place.look() {
        Ok(Some(manifest)) => !manifest.rehearsal,
        Ok(None) => false,
        // An unreadable manifest does not say whether the ledger is a rehearsal.
        Err(_) => true,
    };
    may_be_real.then(|| other(own, false, &place, Reason::AmongRehearsals))
}

fn other(own: &LedgerDir, own_exists: bool, place: &LedgerDir, reason: Reason) -> Other {
    Other {
        campaign: own.identity().campaign.clone(),
        dir: place.dir().to_owned(),
        reason,
        own: own.dir().to_owned(),
        own_exists,
    }
}

/// Returns whether the ledger in `place` may contain something that the campaign's own ledger does not.
fn conflicts(own: &LedgerDir, own_passport: Option<&Manifest>, place: &LedgerDir) -> bool {
    match place.look() {
        Ok(None) | Err(LedgerDirError::Foreign { .. }) => false,
        Ok(Some(manifest)) => match own_passport {
            // A copy with no later batch contains nothing more.
            Some(own_passport) if own_passport.id == manifest.id => place.sequence() > own.sequence(),
            _ => true,
        },
        Err(_) => true,
    }
}

/// Returns whether two paths lead to the same directory.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

impl Other {
    /// Returns the failure that stops every command, with what to do.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut failure = Failure::new(Problem::OtherLedger, self.to_string()).help(self.help());
        let own = self.own.display();
        failure.causes.push(if self.own_exists {
            format!("this command uses the one in {own}")
        } else {
            format!("this command would use {own}, where there is none")
        });
        failure
    }

    /// Returns the failure as a reason of a plan.
    #[must_use]
    pub fn reason(&self) -> feasibility::Reason {
        let failure = self.failure();
        let causes = failure.causes.join(": ");
        feasibility::Reason {
            text: format!("{}; {causes}", failure.message),
            help: failure.help,
        }
    }

    fn help(&self) -> String {
        let dir = self.dir.display().to_string();
        let own = self.own.display().to_string();
        if self.own_exists {
            return "users whom only one of them knows would be sent to again. find out which one was used last, and move the \
                    other directory out of its `.runner`"
                .to_owned();
        }
        let above = self.own.parent().unwrap_or(&self.own).display().to_string();
        let moves = format!("  mkdir -p {} && mv {} {}", quoted(&above), quoted(&dir), quoted(&own));
        match self.reason {
            Reason::BesideFile => format!(
                "to go on with it, leave out --state-dir and RUNNER_STATE_DIR, or name its directory. or move it:\n{moves}"
            ),
            Reason::LastRun => {
                let root = self.dir.ancestors().nth(4).unwrap_or(&self.dir).display().to_string();
                format!(
                    "to go on with it, name its state directory:\n  --state-dir {}\nor move it:\n{moves}",
                    quoted(&root)
                )
            }
            Reason::BesideLink => format!(
                "an earlier version kept it beside the link. move it to the file that the link leads to:\n{moves}"
            ),
            Reason::AmongRehearsals => format!(
                "an earlier version kept the ledgers of loopback addresses among the rehearsals. if this one has real \
                 deliveries, move it:\n{moves}\nif it was only rehearsed, remove it:\n  rm -r {}",
                quoted(&dir)
            ),
        }
    }
}

impl std::fmt::Display for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "another ledger of {} was found in {}",
            self.campaign,
            self.dir.display()
        )
    }
}
