//! What the service knows of each campaign, app and request: pages show it, and acts change it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::process::this_requester;
use crate::campaign::Budget;
use crate::catalogue::{Language, Text, service as texts};
use crate::ledger::Head;
use crate::model::money::Money;
use crate::model::run_command::Requester;
use crate::report::times::date_time;

use super::act::{
    Act, ActKind, Applier, CampaignSituation, OccurrenceSituation, PolicySituation, RequestSituation, Subject,
};
use super::budget::{BudgetUse, CampaignSpend, NoRoom, Reservations};
use super::campaign_entry::{CampaignEntry, Source};
use super::config::ServerConfig;
use super::freeze::{Frozen, ManualFreeze};
use super::person::Searched;
use super::record::{Charge, Charges, Entry, Record};
use super::requests::{OpenRequest, Requests};
use super::series::{SeriesRecords, file_of, occurrence_key};
use super::{approval_envelope, freeze};

/// How many records the audit page can show.
const MOST_RECORDS: usize = 5000;

/// A record of the log with its number.
#[derive(Clone, Debug)]
pub struct NumberedRecord {
    /// Its number.
    pub sequence: u64,
    /// The record.
    pub record: Arc<Record>,
}

/// What pages show and acts change.
#[derive(Default)]
pub struct ServiceState {
    /// The campaigns by the names of their files.
    pub entries: BTreeMap<String, CampaignEntry>,
    /// What the service has to do with each.
    pub charges: Charges,
    /// The last records of the log.
    pub records: VecDeque<NumberedRecord>,
    /// Why the log cannot be written. `None` while it can.
    pub read_only: Option<Text>,
    /// Why the database with the log does not answer. `None` while it does, and if the log is in files.
    pub store_away: Option<Text>,
    /// When a run last ended because the database was away. It is continued once that is back.
    pub(super) interrupted: Option<Instant>,
    /// Why the directory cannot be read. `None` while it can.
    pub scan_failure: Option<Text>,
    /// Whether the directory has no campaign file, though it had some.
    pub is_directory_empty: bool,
    /// Whether the directory was read often enough to know the files in it.
    pub is_scanned: bool,
    /// What the records say of recurring campaigns.
    pub series: SeriesRecords,
    /// Why channels of the service do not take its messages, by their labels.
    pub channel_faults: BTreeMap<String, Text>,
    /// What was requested.
    pub requests: Requests,
    /// What the runs of approved plans may spend.
    pub reservations: Reservations,
    /// The freeze that a person began. `None` without one.
    pub frozen: Option<ManualFreeze>,
    /// The first record that was gone when this service began, and the last one that its witness saw. `None` if none was.
    pub lost_records: Option<(u64, u64)>,
}

impl ServiceState {
    /// The charge of a campaign. `None` if the service has nothing to do with it.
    #[must_use]
    pub fn charge(&self, entry: &CampaignEntry) -> Option<&Charge> {
        let on = entry.run.as_ref().map_or_else(|| entry.subject(), |run| run.on.clone());
        self.charges.of(&on.campaign, &on.app_id)
    }

    /// What freezes a campaign at `now`. `None` if nothing does.
    #[must_use]
    pub fn freeze<'a>(&'a self, campaign: &str, config: &'a ServerConfig, now: Timestamp) -> Option<Frozen<'a>> {
        let policy = config.file.as_ref().and_then(|file| file.policy.as_ref());
        freeze::find(policy, self.frozen.as_ref(), campaign, now)
    }

    /// Why nothing of a campaign begins or goes on at `now`, in spite of any approval: a freeze, or a policy that cannot be read. `None` if nothing
    /// holds it back.
    #[must_use]
    pub fn held_back(&self, campaign: &str, config: &ServerConfig, now: Timestamp) -> Option<Text> {
        if config.is_outdated && config.policy().is_some() {
            return Some(Text::new(&texts::PolicyBroken));
        }
        let frozen = self.freeze(campaign, config, now)?;
        Some(frozen_text(frozen, config))
    }

    /// The budgets that an app has a share in, and how each is used.
    #[must_use]
    pub fn budgets<'a>(&self, app_id: &str, config: &'a ServerConfig, now: Timestamp) -> Vec<(&'a Budget, BudgetUse)> {
        let Some(rules) = config.policy() else {
            return Vec::new();
        };
        let known = |app_id: &str, campaign: &str| {
            let mut entries = self.entries.values();
            let entry = entries.find(|entry| {
                let on = entry.subject();
                (on.app_id.as_str(), on.campaign.as_str()) == (app_id, campaign)
            });
            CampaignSpend {
                worth: entry.and_then(CampaignEntry::worth),
                running: match self.charges.of(campaign, app_id) {
                    Some(Charge::Run(plan) | Charge::Paused { plan, .. }) => {
                        plan.approval.as_ref().map(|approval| approval.sequence)
                    }
                    Some(Charge::Stopped { .. }) | None => None,
                },
            }
        };
        let all = rules.policy.budgets.iter();
        let own = all.filter(|budget| budget.app.iter().any(|pattern| pattern.is_match(app_id)));
        own.map(|budget| (budget, self.reservations.usage(budget, rules.zone, now, known)))
            .collect()
    }

    /// Why no budget has room for the plan of a campaign. `None` if all have.
    fn over_budget(&self, entry: &CampaignEntry, config: &ServerConfig, now: Timestamp) -> Option<Text> {
        let loaded = entry.loaded.as_ref().filter(|loaded| !loaded.at.rehearsal.is_on())?;
        let usage = &entry.planned()?.preview.usage;
        let most = approval_envelope::envelope(&entry.planned()?.preview, &loaded.plan, now).worth;
        let budgets = self.budgets(&entry.subject().app_id, config, now);
        let needs = most.map(|most| Money::from_fen(most.fen().saturating_sub(usage.worth.fen())));
        budgets.iter().find_map(|(budget, used)| {
            Some(match used.check(budget.worth, needs).err()? {
                NoRoom::Unknown => Text::new(&texts::BudgetUnknown),
                NoRoom::Over { needs, left } => Text::new(&texts::OverBudget {
                    needs: &needs,
                    left: &left,
                    max: &budget.worth,
                }),
            })
        })
    }

    /// The request for the plan of a campaign as it is now. `None` without one, and if it was for another plan.
    #[must_use]
    pub fn request(&self, entry: &CampaignEntry) -> Option<&OpenRequest> {
        let planned = entry.planned()?;
        let fingerprint = planned.preview.fingerprint.to_string();
        let request = self.requests.of(&entry.subject())?;
        (request.fingerprint == fingerprint && request.is_fresh == planned.is_fresh).then_some(request)
    }

    /// What the policy of the service says of the plan of a campaign. `None` without a policy, and without a plan.
    #[must_use]
    pub fn policy(&self, entry: &CampaignEntry, config: &ServerConfig, now: Timestamp) -> Option<PolicySituation> {
        let rules = config.policy()?;
        let accounts = &config.accounts;
        let request = self.request(entry);
        let mut given = request.map(OpenRequest::given).unwrap_or_default();
        // Who may approve no longer has not approved.
        given.retain(|given| {
            let roles = accounts.roles(&given.by);
            accounts.is_local() || roles.is_some_and(|roles| ActKind::GiveApproval.allows(roles))
        });
        let charge = self.charge(entry);
        Some(PolicySituation {
            verdict: entry.verdict(&rules, &given, now)?,
            request: request.map(|request| RequestSituation {
                by: request.by.name.clone(),
                approved_by: given.into_iter().map(|given| given.by).collect(),
            }),
            waits: self
                .held_back(&entry.subject().campaign, config, now)
                .or_else(|| self.over_budget(entry, config, now)),
            is_undisturbed: charge.is_none()
                && !self.requests.is_unfinished(&entry.subject())
                && entry.may_begin_by_itself(now),
        })
    }

    /// The campaigns of an app, whose ledgers may know a user.
    #[must_use]
    pub fn campaigns_of(&self, app_id: &str) -> Vec<Searched> {
        let entries = self.entries.values();
        let campaigns = entries.filter_map(|entry| {
            let loaded = entry.loaded.as_ref()?;
            (loaded.plan.identity.app_id.as_str() == app_id).then(|| Searched {
                file: entry.file.clone(),
                heading: entry.heading(),
                loaded: Arc::clone(loaded),
            })
        });
        campaigns.collect()
    }

    /// The campaign of a file that can be used. `None` if no file has it.
    pub(super) fn good_entry(&self, on: &Subject) -> Option<&CampaignEntry> {
        let mut entries = self.entries.values();
        entries.find(|entry| entry.subject().key() == on.key() && matches!(entry.source, Source::Good))
    }

    /// Whether a run of a campaign goes on or begins in this process.
    pub(super) fn is_going_on(&self, on: &Subject) -> bool {
        let is_of_run = |entry: &CampaignEntry| entry.run.as_ref().is_some_and(|run| run.on.key() == on.key());
        let is_reserved = |entry: &CampaignEntry| entry.is_reserved && entry.subject().key() == on.key();
        self.entries
            .values()
            .any(|entry| is_of_run(entry) || is_reserved(entry))
    }

    pub(super) fn add(&mut self, head: Head, record: Record) {
        self.charges.apply(head, &record);
        self.requests.apply(head, &record);
        self.reservations.apply(head, &record);
        match &record.entry {
            Entry::SeriesFound { on } => self.series.note_found(on, record.at),
            Entry::OccurrenceMissed { on } => self.series.note_missed(on),
            Entry::Act {
                who,
                act: Act::Freeze { note },
                refused: None,
            } => {
                self.frozen = Some(ManualFreeze {
                    by: who.clone(),
                    at: record.at,
                    note: note.clone(),
                });
            }
            Entry::Act {
                act: Act::Unfreeze,
                refused: None,
                ..
            } => self.frozen = None,
            Entry::ServiceBegan { .. } => self.lost_records = None,
            Entry::RecordsLost { first, known } => self.lost_records = Some((*first, *known)),
            _ => {}
        }
        if self.records.len() == MOST_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(NumberedRecord {
            sequence: head.sequence,
            record: Arc::new(record),
        });
    }

    /// The campaign of a file and the occurrences of a recurring one.
    pub(super) fn keys_of(&self, file: &str) -> Vec<String> {
        let keys = self.entries.keys();
        keys.filter(|key| file_of(key) == file).cloned().collect()
    }

    /// What an act on a campaign depends on. `None` if there is no such campaign.
    pub(super) fn situation(&self, key: &str) -> Option<CampaignSituation> {
        let entry = self.entries.get(key)?;
        let mut situation = entry.situation(self.charge(entry));
        if situation.occurrence == OccurrenceSituation::Open && self.overlaps(entry) {
            situation.occurrence = OccurrenceSituation::Overlaps;
        }
        Some(situation)
    }

    /// Whether an earlier occurrence is running that may still send when this one begins. That happens only after the file got another
    /// rule: the occurrences of one rule never overlap.
    fn overlaps(&self, entry: &CampaignEntry) -> bool {
        let Some(own) = &entry.occurrence else { return false };
        let start = own.turn.occurrence.start;
        let others = self
            .entries
            .values()
            .filter(|other| file_of(&other.file) == file_of(&entry.file) && other.file != entry.file);
        let mut running = others.filter(|other| other.applier() != Applier::Nobody);
        running.any(|other| {
            let Some(occurrence) = &other.occurrence else {
                return false;
            };
            let until = other.run.as_ref().map(|run| run.sends_until);
            let until = until.unwrap_or(occurrence.turn.occurrence.end);
            occurrence.turn.occurrence.start < start && start < until
        })
    }

    /// Decides again which occurrences of a file are due. Does nothing for other files. Returns the occurrences that nobody applies and
    /// for which the decision has changed.
    pub(super) fn reschedule(&mut self, file: &str, now: Timestamp) -> Vec<String> {
        let mut applied = BTreeSet::new();
        let mut charged = BTreeSet::new();
        for key in self.keys_of(file) {
            let Some(entry) = self.entries.get(&key) else { continue };
            let Some(occurrence) = &entry.occurrence else { continue };
            if entry.applier() != Applier::Nobody {
                applied.insert(occurrence.turn.occurrence.date);
            }
        }
        let Some(CampaignEntry {
            series: Some(series), ..
        }) = self.entries.get_mut(file)
        else {
            return Vec::new();
        };
        let on = series.subject(file);
        for (own, charge) in self.charges.all() {
            if own.app_id != on.app_id || matches!(charge, Charge::Stopped { .. }) {
                continue;
            }
            if let Some((name, date)) = own.campaign.rsplit_once('@')
                && name == on.campaign
                && let Ok(date) = date.parse()
            {
                charged.insert(date);
            }
        }
        series.reschedule(now, &applied, &charged);
        let turns = series.schedule.turns.clone();
        let mut changed = Vec::new();
        for turn in turns {
            let key = occurrence_key(file, turn.occurrence.date);
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            let is_idle = entry.applier() == Applier::Nobody;
            if let Some(known) = &mut entry.occurrence {
                let was = known.turn.state;
                known.turn.state = turn.state;
                if is_idle && was != turn.state {
                    changed.push(key);
                }
            }
        }
        changed
    }

    /// Whether the service has nothing to do with the campaign of a file.
    pub(super) fn charges_nothing(&self, file: &str) -> bool {
        !self
            .charges
            .all()
            .any(|(on, charge)| on.file == file && !matches!(charge, Charge::Stopped { .. }))
    }
}

/// What freezes a campaign, for people.
#[must_use]
pub fn frozen_text(frozen: Frozen<'_>, config: &ServerConfig) -> Text {
    match frozen {
        Frozen::By(ManualFreeze { by, note, .. }) if note.is_empty() => Text::new(&texts::FrozenBy { by: &by.name }),
        Frozen::By(ManualFreeze { by, note, .. }) => Text::new(&texts::FrozenByFor { by: &by.name, note }),
        Frozen::Until(freeze) => {
            let utc = TimeZone::UTC;
            let zone = config.file.as_ref().map_or(&utc, |file| &file.timezone);
            Text::new(&texts::FrozenUntil {
                name: &freeze.name,
                until: &date_time(freeze.until, zone),
            })
        }
    }
}

/// Who pauses a run because of a freeze, as the ledger keeps it.
pub(super) fn freezer(frozen: Frozen<'_>) -> Requester {
    let name = match frozen {
        Frozen::By(manual) => manual.by.name.clone(),
        Frozen::Until(freeze) => freeze.name.clone(),
    };
    // The ledger keeps it.
    this_requester(Some(
        &Language::English.scope(|| texts::Freezes { name: &name }.to_string()),
    ))
}
