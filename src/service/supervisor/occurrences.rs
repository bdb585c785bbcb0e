//! Adds the occurrences of recurring campaigns when they are due, and notes those that were missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::app::CampaignRef;
use crate::app::occurrences::Series;
use crate::campaign;
use crate::notify::notice::What;
use crate::service::act::Applier;
use crate::service::campaign_entry::{CampaignEntry, PlanState, Source};
use crate::service::record::Entry;
use crate::service::schedule::Turn;
use crate::service::series::{OccurrenceEntry, SeriesEntry, file_of, occurrence_key};

use super::Supervisor;

/// How often the service looks which occurrences have a ledger: another process may begin one.
const READ_LEDGERS: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Looks at the ledgers of recurring campaigns, and plans the occurrences that are due or come soon.
    pub(super) async fn schedule_occurrences(self: &Arc<Self>) {
        let files: Vec<_> = {
            let state = self.state();
            let entries = state
                .entries
                .values()
                .filter(|entry| matches!(entry.source, Source::Good));
            let recurring = entries.filter_map(|entry| Some((entry.file.clone(), entry.series.as_ref()?)));
            let is_old = |series: &SeriesEntry| {
                series
                    .read
                    .is_none_or(|read| self.moment().instant - read >= READ_LEDGERS)
            };
            recurring
                .map(|(file, series)| {
                    let look = is_old(series).then(|| (series.at.clone(), series.parsed.clone()));
                    (file, look)
                })
                .collect()
        };
        for (file, look) in files {
            if let Some((at, parsed)) = look {
                self.read_series(&file, &at, &parsed).await;
            }
            self.note_found(&file).await;
            let turned = self.state().reschedule(&file, self.now());
            for key in turned {
                self.plan_soon(&key);
            }
            self.add_occurrences(&file).await;
            self.note_missed(&file).await;
        }
        self.drop_occurrences();
    }

    /// Looks which occurrences have a ledger.
    async fn read_series(&self, file: &str, at: &CampaignRef, parsed: &campaign::Parsed) {
        let read = Series::read(at, parsed, &self.settings.environment).await;
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(file) else {
            return;
        };
        let Some(known) = &mut entry.series else { return };
        known.read = Some(self.moment().instant);
        match read {
            Ok(series) => {
                known.series = series;
                entry.set_plan(PlanState::Unplanned);
            }
            Err(error) => entry.set_plan(PlanState::Failed(Arc::new(self.fault(error)))),
        }
    }

    /// Records when a recurring campaign was first read, so that earlier occurrences are not missed.
    pub(super) async fn note_found(&self, file: &str) {
        let on = {
            let mut state = self.state();
            let state = &mut *state;
            let entry = state.entries.get_mut(file);
            let Some(series) = entry.and_then(|entry| entry.series.as_mut()) else {
                return;
            };
            let on = series.subject(file);
            series.found = state.series.found(&on).or(series.found);
            if series.found.is_some() {
                return;
            }
            series.found = Some(self.now());
            on
        };
        // If the log cannot be written, this service knows it nevertheless, and the next one finds it again.
        let _ = self.record(Entry::SeriesFound { on }).await;
    }

    /// Makes a campaign of each occurrence that is due, comes soon or has something to show, and plans it.
    async fn add_occurrences(self: &Arc<Self>, file: &str) {
        let (content, series, new) = {
            let state = self.state();
            let Some(entry) = state.entries.get(file) else { return };
            let Some(known) = &entry.series else { return };
            let Some(series) = known.series.clone() else { return };
            let is_new = |turn: &Turn| {
                let own = state.entries.get(&occurrence_key(file, turn.occurrence.date));
                let made_from = own.and_then(|own| Some((own.occurrence.as_ref()?, &own.loaded, &own.source)));
                made_from.is_none_or(|(made_from, loaded, source)| {
                    made_from.content != entry.content
                        || made_from.turn.occurrence != turn.occurrence
                        || loaded.is_none()
                        || !matches!(source, Source::Good)
                })
            };
            let turns = known.schedule.turns.iter().copied();
            (entry.content, series, turns.filter(is_new).collect::<Vec<_>>())
        };
        for turn in new {
            let key = occurrence_key(file, turn.occurrence.date);
            let series = series.clone();
            let environment = self.settings.environment.clone();
            let loading = spawn_blocking(move || SeriesEntry::load(&series, &turn.occurrence, &environment));
            let Ok(loading) = loading.await else { continue };
            {
                let mut state = self.state();
                let entry = state.entries.entry(key.clone());
                let entry = entry.or_insert_with(|| CampaignEntry::new(key.clone(), Source::Good));
                entry.source = Source::Good;
                entry.occurrence = Some(OccurrenceEntry { turn, content });
                match loading {
                    Ok(loaded) => {
                        entry.loaded = Some(loaded.loaded);
                        entry.status_source = Some(Arc::new(loaded.status));
                        entry.status = None;
                    }
                    Err(error) => {
                        entry.loaded = None;
                        entry.set_plan(PlanState::Failed(Arc::new(self.fault(error.into()))));
                    }
                }
            }
            self.plan_soon(&key);
        }
    }

    /// Records the occurrences that nobody began in time.
    pub(super) async fn note_missed(self: &Arc<Self>, file: &str) {
        let missed: Vec<_> = {
            let state = self.state();
            let entry = state.entries.get(file);
            let Some(series) = entry.and_then(|entry| entry.series.as_ref()) else {
                return;
            };
            let missed = series.schedule.missed.iter();
            let missed = missed.map(|missed| (series.subject_on(file, missed.date), *missed));
            missed.filter(|(on, _)| !state.series.has_missed(on)).collect()
        };
        for (on, occurrence) in missed {
            if self.record(Entry::OccurrenceMissed { on }).await.is_err() {
                return;
            }
            let start = occurrence.start;
            self.announce(file, &occurrence, What::Missed { start }).await;
        }
    }

    /// Drops the occurrences that are not shown any longer.
    fn drop_occurrences(&self) {
        let mut state = self.state();
        let shown: BTreeSet<String> = {
            let recurring = state
                .entries
                .values()
                .filter_map(|entry| Some((&entry.file, entry.series.as_ref()?)));
            let turns = recurring.flat_map(|(file, series)| series.schedule.turns.iter().map(move |turn| (file, turn)));
            turns
                .map(|(file, turn)| occurrence_key(file, turn.occurrence.date))
                .collect()
        };
        // A file with mistakes may be mended, and one that vanished has paused its campaign.
        let is_good = |file: &str, entries: &BTreeMap<String, CampaignEntry>| {
            entries
                .get(file)
                .is_some_and(|entry| matches!(entry.source, Source::Good))
        };
        let old: Vec<_> = state
            .entries
            .values()
            .filter(|entry| entry.occurrence.is_some() && !shown.contains(&entry.file))
            .filter(|entry| entry.applier() == Applier::Nobody && is_good(file_of(&entry.file), &state.entries))
            .map(|entry| entry.file.clone())
            .collect();
        for file in old {
            state.entries.remove(&file);
        }
    }
}
