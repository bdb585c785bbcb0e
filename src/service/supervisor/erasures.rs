//! Erases the open_ids of ledgers that have been complete for as long as the file of the service says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::AppError;
use crate::app::erase::{self, Eligibility, LedgerPlace};
use crate::app::process::actor;
use crate::campaign::written_duration;
use crate::catalogue::{Text, service as texts};
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::model::identity::Identity;
use crate::service::act::{Act, Subject, Who, gate};
use crate::service::campaign_entry::CampaignEntry;
use crate::service::error::ActError;
use crate::service::fault::Fault;

use super::Supervisor;

/// How often the ledgers are looked at.
const LOOK_EVERY: Duration = Duration::from_hours(24);

/// When the ledgers were looked at, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastLook {
    at: Instant,
    retain: Duration,
}

impl Supervisor {
    /// How long open_ids are kept, if the ledgers are to be looked at now: at the start, once a day, and when that time has changed.
    pub(super) fn is_look_due(&self, last: Option<LastLook>) -> Option<LastLook> {
        let config = self.config().current();
        let retain = config.file.as_ref()?.retain?;
        let at = self.moment().instant;
        let is_due = last.is_none_or(|last| last.retain != retain || at - last.at >= LOOK_EVERY);
        is_due.then_some(LastLook { at, retain })
    }

    /// Erases the open_ids of every ledger that has been complete for so long, one after the other.
    pub(super) async fn erase_old(self: &Arc<Self>, LastLook { retain, .. }: LastLook) {
        let places = match erase::places(&self.roots(), &self.settings.environment).await {
            Ok(places) => places,
            Err(error) => {
                tracing::warn!("the ledgers whose open_ids may be erased cannot be found: {error}");
                return;
            }
        };
        for place in places {
            if self.is_stopping() {
                return;
            }
            let on = self.subject_of(&place);
            let looked = Box::pin(erase::preview_at(&place, &self.settings.environment, retain)).await;
            match looked {
                Ok(Some(Eligibility::Due { .. })) => self.erase_one(on, &place, retain).await,
                Ok(Some(Eligibility::Erased { .. })) => {
                    let ended = Box::pin(self.end_erasure(&place, retain)).await;
                    self.note_looked(&on, ended);
                }
                looked => self.note_looked(&on, looked.map(drop)),
            }
        }
    }

    /// Removes what an erasure that was interrupted has left.
    async fn end_erasure(&self, place: &LedgerPlace, retain: Duration) -> Result<(), AppError> {
        if erase::has_leftovers_at(place, &self.settings.environment).await? {
            self.erase_at(place, retain).await?;
        }
        Ok(())
    }

    async fn erase_one(self: &Arc<Self>, on: Subject, place: &LedgerPlace, retain: Duration) {
        let act = Act::Erase {
            on: on.clone(),
            platform: place.identity().platform.to_string(),
            retain: written_duration(retain),
        };
        let situation = {
            let state = self.state();
            self.situation(&state, &act, self.now())
        };
        // What is under way is looked at again on another day, without a record of each look.
        if let Err(denied) = gate(act.clone(), Who::retention(), &situation) {
            tracing::debug!("the open_ids of {on:?} are not erased now: {denied}");
            return;
        }
        let erased = match self.perform(act, Who::retention()).await {
            Ok(()) | Err(ActError::Denied(_)) => Ok(()),
            Err(ActError::Failed(fault)) => Err(Fault::clone(&fault)),
        };
        self.note_erased(&on, erased);
    }

    fn note_looked(&self, on: &Subject, looked: Result<(), AppError>) {
        match looked {
            // It is being applied or read, or will be looked at by a later version.
            Err(AppError::Lock(LockError::Taken { .. }) | AppError::LedgerDir(LedgerDirError::Lock(_))) => {}
            looked => self.note_erased(on, looked.map_err(|error| self.fault(error))),
        }
    }

    /// Shows a failure beside the campaign, if it has a file. Others are in the log of the service.
    fn note_erased(&self, on: &Subject, erased: Result<(), Fault>) {
        if let Err(fault) = &erased {
            tracing::warn!("the open_ids of {on:?} are not erased: {}", fault.english());
        }
        if let Some(entry) = self.state().entries.get_mut(&on.file) {
            entry.erase_fault = erased.err().map(Arc::new);
        }
    }

    /// Erases the open_ids of the ledger that an act names.
    pub(super) async fn erase_ledger(&self, on: &Subject, platform: &str) -> Result<(), Fault> {
        let gone = || Fault::of_text(Text::new(&texts::NotRetained));
        let config = self.config().current();
        let retain = config.file.as_ref().and_then(|file| file.retain).ok_or_else(gone)?;
        let identity = Identity::parse_kept(&on.campaign, &on.app_id, platform).ok_or_else(gone)?;
        let found = erase::find(&self.roots(), &identity, &self.settings.environment).await;
        let place = found.map_err(|error| self.fault(error))?.ok_or_else(gone)?;
        let erased = Box::pin(self.erase_at(&place, retain)).await;
        erased.map_err(|error| self.fault(error))
    }

    async fn erase_at(&self, place: &LedgerPlace, retain: Duration) -> Result<(), AppError> {
        let by = actor(Some(&Who::retention().name));
        erase::erase_at(place, &self.settings.environment, retain, by)
            .await
            .map(drop)
    }

    /// What has the state directories: the directory of the service first, then those of files that are links.
    fn roots(&self) -> Vec<PathBuf> {
        let own = self.settings.state_dir.as_ref().unwrap_or(&self.settings.directory);
        let loaded: Vec<_> = {
            let state = self.state();
            state
                .entries
                .values()
                .filter_map(|entry| entry.loaded.clone())
                .collect()
        };
        own_first(own, loaded.iter().flat_map(|loaded| loaded.service_bases()))
    }

    /// The campaign of a ledger. Its file is empty if the service has none for it.
    fn subject_of(&self, place: &LedgerPlace) -> Subject {
        let identity = place.identity();
        let state = self.state();
        let is_it = |subject: &Subject| {
            subject.campaign == identity.campaign.as_str() && subject.app_id == identity.app_id.as_str()
        };
        let mut subjects = state.entries.values().map(CampaignEntry::subject);
        subjects.find(is_it).unwrap_or_else(|| Subject {
            file: String::new(),
            campaign: identity.campaign.to_string(),
            app_id: identity.app_id.to_string(),
        })
    }
}

/// The directory of the service, then the others, each once.
fn own_first(own: &Path, others: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let others: BTreeSet<_> = others.filter(|root| root != own).collect();
    std::iter::once(own.to_owned()).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an erasure leaves beside a ledger in a database is looked for below the first of them.
    #[test]
    fn the_directory_of_the_service_comes_before_those_whose_names_do() {
        let others = ["/b", "/m", "/a", "/b"].map(PathBuf::from);
        let roots = own_first(Path::new("/m"), others.into_iter());
        assert_eq!(roots, ["/m", "/a", "/b"].map(PathBuf::from));
    }
}
