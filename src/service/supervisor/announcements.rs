//! Sends the messages of the service, and notes which channels do not take them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tokio::task::spawn_blocking;

use crate::app::{LoadedCampaign, notify};
use crate::catalogue::Text;
use crate::model::recurrence::Occurrence;
use crate::notify::kept::KeptPlace;
use crate::notify::notice::{ServiceEvent, ServiceNotice, What};
use crate::notify::notifier::Warn;
use crate::report::lists::joined;
use crate::service::act::Applier;
use crate::service::campaign_entry::{Attention, CampaignEntry};
use crate::service::pages::links;
use crate::service::series::{LoadedOccurrence, SeriesEntry};

use super::Supervisor;

impl Supervisor {
    /// Sends a message about an occurrence that has no run, in a task of its own. A rehearsal has no messages.
    pub(super) async fn announce(self: &Arc<Self>, file: &str, occurrence: &Occurrence, what: What) {
        let series = {
            let state = self.state();
            let entry = state.entries.get(file);
            entry.and_then(|entry| entry.series.as_ref()?.series.clone())
        };
        let Some(series) = series.filter(|_| !self.is_rehearsal()) else {
            return;
        };
        let environment = self.settings.environment.clone();
        let occurrence = *occurrence;
        let loading = spawn_blocking(move || SeriesEntry::load(&series, &occurrence, &environment));
        let Ok(Ok(LoadedOccurrence { loaded, .. })) = loading.await else {
            return;
        };
        self.send_messages(file, &loaded, Some(what), None);
    }

    /// Sends what earlier processes kept for campaigns that no run of this one takes over: after a kill, a halt may not have reached
    /// anybody, and nothing runs until a person knows of it. Each campaign is looked at once; occurrences are known only after their
    /// file.
    pub(super) fn send_kept(self: &Arc<Self>) {
        if self.is_rehearsal() {
            return;
        }
        let idle: Vec<_> = {
            let state = self.state();
            let mut looked_at = self.kept_sent.lock().unwrap_or_else(PoisonError::into_inner);
            let loaded = state
                .entries
                .values()
                .filter_map(|entry| Some((entry, entry.loaded.as_ref()?)));
            // A run takes over what was kept. An act that has the campaign for a moment, such as a comparison, does not.
            let is_ready = |entry: &CampaignEntry| entry.run.is_some() || entry.applier() == Applier::Nobody;
            let new = loaded.filter(|(entry, _)| is_ready(entry) && looked_at.insert(entry.file.clone()));
            let idle = new.filter(|(entry, _)| entry.applier() == Applier::Nobody);
            idle.map(|(entry, loaded)| (entry.file.clone(), loaded.clone()))
                .collect()
        };
        for (file, loaded) in idle {
            let place = loaded.ledger_dir();
            let has_ledger = loaded.database().is_some() || place.dir().is_dir();
            if let Some(directory) = place.dir().parent().filter(|_| has_ledger) {
                self.send_messages(&file, &loaded, None, Some(self.kept_place(directory)));
            }
        }
    }

    fn kept_place(&self, directory: &Path) -> KeptPlace {
        KeptPlace {
            directory: directory.to_owned(),
            elsewhere: self.settings.environment.kept_messages.clone(),
        }
    }

    pub(super) fn send_messages(
        self: &Arc<Self>,
        key: &str,
        campaign: &LoadedCampaign,
        what: Option<What>,
        kept: Option<KeptPlace>,
    ) {
        let Some(messages) = &self.messages else { return };
        match messages.add(campaign, self.page_of(key), self.notes_fault(key)) {
            Ok(notices) => {
                if let Some(kept) = kept {
                    notices.keep_in(kept);
                }
                if let Some(what) = what {
                    notices.announce(what);
                }
                notices.over();
            }
            Err(fault) => self.notes_fault(key)("", Some(fault.message)),
        }
    }

    /// The address of the page of a campaign. `None` if the file of the service has no `url`.
    pub(super) fn page_of(&self, file: &str) -> Option<String> {
        let config = self.settings.config.current();
        let url = config.file.as_ref()?.url.as_ref()?;
        Some(format!("{url}{}", links::campaign(file)))
    }

    /// Gives the channels of the service, as its file names them at present, the messages of every campaign.
    pub(super) fn share_channels(self: &Arc<Self>) {
        let Some(messages) = &self.messages else { return };
        let channels = self.settings.config.current().channels.clone();
        let mut shared = self.shared_channels.lock().unwrap_or_else(PoisonError::into_inner);
        if *shared == channels {
            return;
        }
        shared.clone_from(&channels);
        self.state().channel_faults.clear();
        let supervisor = Arc::downgrade(self);
        let warn: Warn = Arc::new(move |channel: &str, why: Option<Text>| {
            if let Some(supervisor) = supervisor.upgrade() {
                note(&mut supervisor.state().channel_faults, channel, why);
            }
        });
        let place = self.kept_place(&self.settings.place().dir());
        if let Err(fault) = messages.share(channels, Arc::clone(&warn), place) {
            warn("", Some(fault.message));
        }
    }

    /// Says to the channels of the service that its log cannot be written.
    pub(super) fn announce_read_only(&self, why: &Text) {
        let Some(messages) = &self.messages else { return };
        let config = &self.settings.config;
        if let Some(file) = &config.current().file {
            messages.announce(ServiceNotice {
                origin: notify::service_origin(config.path(), file),
                at: self.now(),
                what: ServiceEvent::ReadOnly { why: why.clone() },
            });
        }
    }

    /// Says once of each plan that it waits for an approval.
    pub(super) fn announce_plan(self: &Arc<Self>, file: &str, campaign: &LoadedCampaign) {
        let config = self.config().current();
        let what = {
            let mut state = self.state();
            let Some(entry) = state.entries.get(file) else { return };
            let policy = state.policy(entry, &config, self.now());
            let attention = entry.attention(state.charge(entry), policy.as_ref());
            let waits = attention.into_iter().find_map(|item| match item {
                Attention::Approval { to_send, changes } => Some(What::PlanWaits { to_send, changes }),
                _ => None,
            });
            let fingerprint = entry.planned().map(|planned| planned.preview.fingerprint.to_string());
            let (Some(what), Some(entry)) = (waits, state.entries.get_mut(file)) else {
                return;
            };
            if entry.announced_plan == fingerprint {
                return;
            }
            entry.announced_plan = fingerprint;
            what
        };
        self.send_messages(file, campaign, Some(what), None);
    }

    /// Says in what the platform's records differ, unless the last message said the same.
    pub(super) fn announce_differences(self: &Arc<Self>, file: &str, campaign: &LoadedCampaign, differences: &[Text]) {
        {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(file) else {
                return;
            };
            if entry.announced_differences == *differences {
                return;
            }
            differences.clone_into(&mut entry.announced_differences);
        }
        if !differences.is_empty() {
            let why = Text::from_fn(|| joined(differences.iter().map(ToString::to_string)));
            self.send_messages(file, campaign, Some(What::Differs { why }), None);
        }
    }

    /// Shows that a channel of a campaign does not take its messages.
    pub(super) fn notes_fault(self: &Arc<Self>, key: &str) -> Warn {
        let supervisor = Arc::downgrade(self);
        let key = key.to_owned();
        Arc::new(move |channel: &str, why: Option<Text>| {
            let Some(supervisor) = supervisor.upgrade() else { return };
            if let Some(entry) = supervisor.state().entries.get_mut(&key) {
                note(&mut entry.channel_faults, channel, why);
            }
        })
    }
}

/// Notes why a channel takes no messages, or that it takes them.
pub(super) fn note(faults: &mut BTreeMap<String, Text>, channel: &str, why: Option<Text>) {
    match why {
        Some(why) => drop(faults.insert(channel.to_owned(), why)),
        None => drop(faults.remove(channel)),
    }
}
