//! Whether this machine reads the lists of users of a campaign, or goes on with the audience that another machine of the fleet has
//! admitted.

use std::path::{Path, PathBuf};

use crate::campaign;
use crate::engine::audience_diff::{AdmittedAudience, NotTakenOver};
use crate::fleet::Database;
use crate::ledger::{Ledger, LedgerState};

use super::campaign::LoadedCampaign;
use super::campaign_ref::real_file;
use super::error::AppError;
use super::lists_elsewhere::{ListsElsewhere, MissingList};
use super::pushed_files::{LocalSource, local_sources};

/// Returns the lists of a campaign that this machine does not have. A machine alone reads its lists where they are, so only those of a
/// fleet and of pushed files can be elsewhere.
fn missing_lists(campaign: &LoadedCampaign) -> Vec<MissingList> {
    if campaign.database().is_none() && campaign.at.file.pushed().is_none() {
        return Vec::new();
    }
    let missing = |LocalSource { key, path, is_here }: LocalSource| {
        let path = path.filter(|_| !is_here)?;
        Some(MissingList { key, path })
    };
    let lists = local_sources(&campaign.parsed.campaign).into_iter();
    lists.filter_map(missing).collect()
}

/// Returns the audience in the ledger, if this machine goes on with it. `None` if it has the lists, or if a file of this machine names
/// lists that nobody has read: reading them says what is wrong.
///
/// # Errors
/// When this machine lacks lists and cannot take over the audience.
pub fn take_over<'l>(
    campaign: &LoadedCampaign,
    ledger_state: &'l LedgerState,
) -> Result<Option<AdmittedAudience<'l>>, AppError> {
    let mut missing = missing_lists(campaign).into_iter();
    let Some(first) = missing.next() else {
        return Ok(None);
    };
    let lists = lists_hash(campaign);
    let why = match AdmittedAudience::new(ledger_state, &campaign.plan, &lists) {
        Ok(admitted) => return Ok(Some(admitted)),
        Err(why) => why,
    };
    let pushed_from = campaign.at.file.pushed().map(|file| file.host.clone());
    if pushed_from.is_none() && why == NotTakenOver::NothingAdmitted {
        return Ok(None);
    }
    Err(AppError::ListsElsewhere(Box::new(ListsElsewhere {
        first,
        others: missing.len(),
        pushed_from,
        admitted_by: ledger_state.origin().map(|origin| origin.host.clone()),
        why,
    })))
}

/// Looks whether the ledger in the database has an audience that this machine can go on with. Returns the lists that it lacks otherwise.
pub(super) async fn find_admitted(
    campaign: &LoadedCampaign,
    database: &Database,
) -> Result<Option<Box<ListsElsewhere>>, AppError> {
    let identity = &campaign.plan.identity;
    let taken = match database.ledger(identity).await? {
        Some(entry) => {
            let ledger = Ledger::open(database.reader(entry.no), identity.clone()).await?;
            take_over(campaign, ledger.state()).map(|_| ())
        }
        None => take_over(campaign, &LedgerState::new(identity.clone())).map(|_| ()),
    };
    match taken {
        Ok(()) => Ok(None),
        Err(AppError::ListsElsewhere(lists)) => Ok(Some(lists)),
        Err(error) => Err(error),
    }
}

/// Returns the first list of a pushed file that this machine does not have. `None` if it can admit the audience.
#[must_use]
pub fn first_missing(campaign: &LoadedCampaign) -> Option<MissingList> {
    campaign.at.file.pushed()?;
    missing_lists(campaign).into_iter().next()
}

/// Returns the hash of the settings that say whom the audience has.
pub fn lists_hash(campaign: &LoadedCampaign) -> [u8; 32] {
    let folder = match campaign.at.file.pushed() {
        Some(file) => file.directory().to_owned(),
        None => real_file(campaign.at.file.path())
            .parent()
            .map_or_else(PathBuf::new, Path::to_owned),
    };
    campaign::lists_hash(&campaign.parsed.campaign, &folder)
}
