//! Follows the campaign files of the directory.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::campaign_files::Neighbours;
use crate::app::status::CampaignStatus;
use crate::app::{CampaignRef, LoadedCampaign, Rehearsal};
use crate::campaign;
use crate::campaign::Diagnostic;
use crate::catalogue::{Language, Text};
use crate::plan::PlanError;
use crate::service::act::{Act, Who};
use crate::service::campaign_entry::{CampaignEntry, PlanState, Source};
use crate::service::directory::{list_files, read_file};
use crate::service::scan::Scanner;
use crate::service::series::SeriesEntry;

use super::Supervisor;

/// How often the directory is scanned.
const SCAN_EVERY: Duration = Duration::from_secs(2);
/// How soon the second scan follows the first one of the service.
const FIRST_SCANS: Duration = Duration::from_millis(200);
/// How soon a run is continued that ended because the database was away.
const CONTINUE_AFTER: Duration = Duration::from_secs(10);

/// What became of a file that was read.
enum Taken {
    /// Its campaign is new or has changed, and is to be planned.
    New,
    /// Nothing else is to be done.
    Known,
    /// It could not be used now, and is to be read again.
    Again,
}

impl Supervisor {
    /// Scans and applies until [`Supervisor::stop`].
    pub(super) async fn watch_directory(self: &Arc<Self>) {
        let mut scanner = Scanner::default();
        let mut stopping = self.stopping.subscribe();
        let mut wait = FIRST_SCANS;
        let mut scans = 0_u32;
        let mut is_continued = false;
        let mut comparing: Option<JoinHandle<()>> = None;
        let mut erasing: Option<JoinHandle<()>> = None;
        let mut looked = None;
        loop {
            if *stopping.borrow() {
                return;
            }
            let config = Arc::clone(&self.settings.config);
            // A secret may be in a file that does not answer.
            let _ = spawn_blocking(move || config.read_again()).await;
            self.share_channels();
            self.scan(&mut scanner).await;
            let is_away = self.state().store_away.is_some();
            if !is_away {
                self.schedule_occurrences().await;
                self.read_statuses().await;
            }
            if !is_away && comparing.as_ref().is_none_or(JoinHandle::is_finished) {
                let supervisor = Arc::clone(self);
                comparing = Some(tokio::spawn(async move { supervisor.compare_after_days().await }));
            }
            // What is approved is known from the log, and which file is whose once the directory was read.
            if scans >= 2
                && !is_away
                && erasing.as_ref().is_none_or(JoinHandle::is_finished)
                && let Some(look) = self.is_look_due(looked)
            {
                looked = Some(look);
                let supervisor = Arc::clone(self);
                erasing = Some(tokio::spawn(async move { supervisor.erase_old(look).await }));
            }
            scans = scans.saturating_add(1);
            if scans >= 2 {
                wait = SCAN_EVERY;
                self.state().is_scanned = true;
                // A directory that is empty or not there yet is not a reason to pause every campaign.
                if !is_continued && !is_away && self.has_files() {
                    is_continued = true;
                    self.continue_charges().await;
                }
            }
            if is_continued && !is_away {
                let interrupted = self.state().interrupted;
                if interrupted.is_some_and(|at| self.moment().instant - at >= CONTINUE_AFTER) {
                    self.continue_charges().await;
                }
                self.send_kept();
                self.note_lapsed().await;
                self.apply_approved().await;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.approved.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Whether the last scan found a campaign file.
    fn has_files(&self) -> bool {
        let state = self.state();
        state.scan_failure.is_none() && !state.entries.is_empty()
    }

    /// Scans the directory, and takes the files that have settled.
    pub(super) async fn scan(self: &Arc<Self>, scanner: &mut Scanner) {
        let directory = self.settings.directory.clone();
        let listed = spawn_blocking(move || list_files(&directory)).await;
        let seen = match listed {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => {
                self.state().scan_failure = Some(Text::from(error.to_string()));
                return;
            }
            Err(_) => return,
        };
        let result = scanner.observe(&seen);
        {
            let mut state = self.state();
            state.scan_failure = None;
            state.is_directory_empty = result.is_empty;
        }
        for file in &result.settled {
            let supervisor = Arc::clone(self);
            let read = file.clone();
            let is_read = spawn_blocking(move || supervisor.take_file(&read.name)).await;
            match is_read {
                Ok(Taken::New) => {
                    scanner.note_read(file);
                    self.plan_soon(&file.name);
                }
                Ok(Taken::Known) => scanner.note_read(file),
                Ok(Taken::Again) | Err(_) => {}
            }
        }
        for file in result.vanished {
            self.vanished(&file).await;
        }
    }

    /// Reads a file whose content may have changed.
    fn take_file(&self, name: &str) -> Taken {
        let path = self.settings.directory.join(name);
        let parse = || match campaign::load(&path) {
            Err(mistakes) => Err(mistakes),
            Ok(parsed) => {
                let mistakes = Neighbours::default().mistakes(&path.clone().into(), &parsed);
                if mistakes.is_empty() { Ok(parsed) } else { Err(mistakes) }
            }
        };
        let content = read_file(&path);
        let mut broken: Vec<(Language, Vec<Diagnostic>)> = Vec::new();
        let mut parsed: Option<campaign::Parsed> = None;
        for language in Language::ALL {
            match language.scope(parse) {
                Ok(good) => parsed = Some(good),
                Err(mistakes) => broken.push((language, mistakes)),
            }
        }
        let source = if broken.is_empty() {
            Source::Good
        } else {
            Source::Broken(Arc::new(broken))
        };
        let at = CampaignRef {
            file: path.into(),
            occurrence: None,
            rehearsal: if self.is_rehearsal() {
                Rehearsal::Inside
            } else {
                Rehearsal::No
            },
            state_dir: self.settings.state_dir.clone(),
            store: None,
        };
        if let Some(parsed) = parsed.take_if(|parsed| parsed.campaign.recurrence().is_some()) {
            let mut state = self.state();
            let entry = state.entries.entry(name.to_owned());
            let entry = entry.or_insert_with(|| CampaignEntry::new(name.to_owned(), source.clone()));
            let is_same = content.is_some() && entry.content == content && entry.series.is_some();
            entry.content = content;
            entry.source = source;
            if !is_same && entry.run.is_some() {
                // The campaign that takes place once goes on, and the file is read again after it.
                entry.content = None;
            } else if !is_same {
                entry.loaded = None;
                entry.status_source = None;
                entry.status = None;
                entry.set_plan(PlanState::Unplanned);
                entry.series = Some(Box::new(SeriesEntry::new(at, parsed)));
            }
            return if entry.content.is_some() {
                Taken::Known
            } else {
                Taken::Again
            };
        }
        let load =
            |parsed: campaign::Parsed| LoadedCampaign::new(at.clone(), parsed, self.settings.environment.clone());
        // Looks at other ledgers on the disk, which may be slow, so the state is not locked meanwhile.
        let usable = parsed.filter(|_| matches!(source, Source::Good)).map(|parsed| {
            let for_status = CampaignStatus::new(load(parsed.clone())?);
            Ok::<_, PlanError>((load(parsed)?, for_status))
        });
        let mut state = self.state();
        let entry = state.entries.entry(name.to_owned());
        let entry = entry.or_insert_with(|| CampaignEntry::new(name.to_owned(), source.clone()));
        let is_same = content.is_some() && entry.content == content && matches!(entry.source, Source::Good);
        entry.content = content;
        entry.source = source;
        match usable.filter(|_| !is_same) {
            None => Taken::Known,
            Some(Ok((loaded, for_status))) => {
                entry.series = None;
                entry.loaded = Some(Arc::new(loaded));
                entry.status_source = Some(Arc::new(for_status));
                entry.status = None;
                Taken::New
            }
            Some(Err(error)) => {
                entry.loaded = None;
                entry.series = None;
                // It may be a disk that fails for a moment.
                entry.content = None;
                entry.set_plan(PlanState::Failed(Arc::new(self.fault(error.into()))));
                Taken::Again
            }
        }
    }

    /// Pauses the campaign of a file that is gone, or its occurrences.
    async fn vanished(self: &Arc<Self>, file: &str) {
        let mut subjects = Vec::new();
        {
            let mut state = self.state();
            for key in state.keys_of(file) {
                let Some(entry) = state.entries.get_mut(&key) else {
                    continue;
                };
                entry.source = Source::Vanished;
                let on = entry.run.as_ref().map(|run| run.on.clone());
                if on.is_none() && entry.status_owner().is_none() && state.charges_nothing(&key) {
                    // No process applies it and no charge is open, so nothing refers to the entry.
                    state.entries.remove(&key);
                }
                subjects.extend(on);
            }
        }
        for on in subjects {
            let act = Act::Pause { on };
            if let Err(error) = self.perform(act, Who::scheduler()).await {
                tracing::warn!("the campaign of {file:?}, which vanished, is not paused: {error:?}");
            }
        }
    }
}
