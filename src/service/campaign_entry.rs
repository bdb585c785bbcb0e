//! What the service knows of a campaign, and what of it waits for a person.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::app::LoadedCampaign;
use crate::app::apply::load::AppToken;
use crate::app::decisions::Decisions;
use crate::app::plan::PlanPreview;
use crate::app::status::CampaignStatus;
use crate::campaign::Diagnostic;
use crate::catalogue::{Language, Text};
use crate::control::ControlServer;
use crate::model::calendar::Day;
use crate::model::daily_attempts::DailyAttempts;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Halted, Phase, Waiting};
use crate::model::money::Worth;
use crate::model::problem::Problem;
use crate::model::run_state::{EndState, RunState};
use crate::plan::Fingerprint;
use crate::report::occurrences::OccurrenceState;
use crate::report::plan_view::PlanView;
use crate::report::render::json::{Status, StatusOwner};
use crate::report::render::prometheus::Metrics;
use crate::report::reporter::Reporter;
use crate::report::run_stats::RunStats;
use crate::report::simulation::SimulationView;

use super::act::{Applier, CampaignSituation, Door, OccurrenceSituation, PlanSituation, PolicySituation, Subject, Who};
use super::comparison::{LastTimes, is_due};
use super::directory::Content;
use super::fault::Fault;
use super::policy::{GivenApproval, PlanFacts, PolicyRules, Requirement, Verdict};
use super::record::Charge;
use super::series::{OccurrenceEntry, SeriesEntry};

/// What is known of a campaign file.
#[derive(Clone, Debug)]
pub enum Source {
    /// It can be used.
    Good,
    /// It has mistakes, in each language. The campaign that it had before is still known.
    Broken(Arc<Vec<(Language, Vec<Diagnostic>)>>),
    /// It is not in the directory any longer.
    Vanished,
}

/// The plan of a campaign.
#[derive(Clone, Default)]
pub enum PlanState {
    /// It is not planned yet.
    #[default]
    Unplanned,
    /// It is being planned.
    Planning,
    /// It is planned.
    Ready(Arc<Planned>),
    /// It cannot be planned.
    Failed(Arc<Fault>),
}

/// A plan, and when it was made.
pub struct Planned {
    /// The plan.
    pub preview: PlanPreview,
    /// When it was made.
    pub at: Timestamp,
    /// Whether it is for a rehearsal from the beginning.
    pub is_fresh: bool,
    /// Whether no other campaign of the app had a ledger then.
    pub is_new_app: bool,
}

impl Planned {
    /// The plan in the language of the moment.
    #[must_use]
    pub fn view(&self) -> &PlanView {
        let language = Language::current();
        let translated = self.preview.translations.iter().find(|(known, _)| *known == language);
        translated.map_or(&self.preview.view, |(_, view)| view)
    }

    /// The words of `--accept` that it needs.
    #[must_use]
    pub fn needs(&self) -> Vec<String> {
        let changes = self.preview.view.changes.iter();
        let missing = changes.filter(|change| !change.accepted);
        missing.filter_map(|change| change.accept.map(str::to_owned)).collect()
    }

    /// Whether an apply would send something.
    #[must_use]
    pub const fn sends(&self) -> bool {
        self.preview.view.deliveries.to_send() > 0
    }

    /// Whether a person has to approve it before anything happens.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.sends() || !self.needs().is_empty()
    }

    /// The doubts that no apply settles by itself.
    #[must_use]
    pub const fn waiting_doubts(&self) -> u64 {
        let deliveries = &self.preview.view.deliveries;
        deliveries
            .counts
            .count(StateName::InDoubt)
            .saturating_sub(deliveries.resent)
    }
}

/// How a plan would go.
#[derive(Clone)]
pub struct Simulated {
    /// The plan.
    pub fingerprint: Fingerprint,
    /// What came out.
    pub result: SimulatedResult,
}

/// What came out of a simulation.
#[derive(Clone)]
pub enum SimulatedResult {
    /// It is being simulated.
    Running,
    /// The run ended.
    Ended(Arc<SimulationView>),
    /// An apply would stop before it sends.
    Refused,
    /// The campaign is too large to be simulated here.
    TooLarge,
    /// It took too long.
    TooLong,
    /// It failed.
    Failed(Arc<Fault>),
}

/// A run of this process.
#[derive(Clone)]
pub struct LiveRun {
    /// Its campaign, which the file may not name any longer.
    pub on: Subject,
    /// Its events.
    pub reporter: Arc<Reporter>,
    /// Takes commands.
    pub server: ControlServer,
    /// Its metrics.
    pub metrics: Arc<Metrics>,
    /// The end of its schedule; [`Timestamp::MAX`] without one.
    pub sends_until: Timestamp,
    /// The attempts before it, as far back as the present day.
    pub before: DailyAttempts,
    /// The access token of its app.
    pub token: AppToken,
}

/// How the last run of this process ended.
#[derive(Clone)]
pub struct EndedRun {
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub state: EndState,
    /// Why the run ended before it was complete. `None` if it is complete.
    pub why: Option<Text>,
    /// Its failure. `None` if it ended in order.
    pub fault: Option<Arc<Fault>>,
    /// Its statistics.
    pub stats: RunStats,
    /// The attempts before it, as far back as the present day.
    pub before: DailyAttempts,
}

impl EndedRun {
    /// A run that did not begin.
    #[must_use]
    pub fn failed(at: Timestamp, fault: Arc<Fault>) -> Self {
        Self {
            at,
            state: EndState::Failed,
            why: Some(fault.message.clone()),
            fault: Some(fault),
            stats: RunStats::default(),
            before: DailyAttempts::default(),
        }
    }
}

/// What the service knows of a campaign.
pub struct CampaignEntry {
    /// The name of its file; of an occurrence, with its date, as [`occurrence_key`](super::series::occurrence_key) writes it.
    pub file: String,
    /// The file.
    pub source: Source,
    /// The hash of its content. `None` if it could not be read.
    pub content: Option<Content>,
    /// The campaign of a file that vanished before this service began. `None` for others.
    pub vanished: Option<Subject>,
    /// Counts the changes of the plan, so that a planner that was overtaken by one does not replace it.
    pub version: u64,
    /// The campaign. `None` if no version of the file could be used.
    pub loaded: Option<Arc<LoadedCampaign>>,
    /// Reads the status that another process writes.
    pub status_source: Option<Arc<CampaignStatus>>,
    /// That status.
    pub status: Option<Status>,
    /// The plan.
    pub plan: PlanState,
    /// How the plan would go. `None` until it is simulated; of an earlier plan if the fingerprint is another one.
    pub simulated: Option<Simulated>,
    /// Whether a rehearsal is planned from the beginning.
    pub is_fresh: bool,
    /// What the ledger says. `None` without a ledger.
    pub ledger: Option<Arc<Decisions>>,
    /// The run of this process. `None` if there is none.
    pub run: Option<LiveRun>,
    /// Whether an act is starting a run, or has the ledger.
    pub is_reserved: bool,
    /// Whether its ledger is being compared with the platform's own records.
    pub is_comparing: bool,
    /// When this service last began to compare it. `None` if it did not.
    pub comparison_tried: Option<Timestamp>,
    /// How the last run of this process ended.
    pub ended: Option<EndedRun>,
    /// Why channels do not take its messages, by their labels, since the last start of a run.
    pub channel_faults: BTreeMap<String, Text>,
    /// Why its open_ids could not be erased. `None` if they need not be, or were.
    pub erase_fault: Option<Arc<Fault>>,
    /// The fingerprint of the last plan of which a message said that it waits for an approval.
    pub announced_plan: Option<String>,
    /// In what the platform's records differ, as the last message said. Empty without one.
    pub announced_differences: Vec<Text>,
    /// The recurring campaign of the file, whose occurrences have entries of their own. `None` for others.
    pub series: Option<Box<SeriesEntry>>,
    /// Which occurrence it is. `None` for a campaign that takes place once, and for the file of a recurring one.
    pub occurrence: Option<OccurrenceEntry>,
}

impl CampaignEntry {
    /// A campaign of which only the file's name is known.
    #[must_use]
    pub const fn new(file: String, source: Source) -> Self {
        Self {
            file,
            source,
            content: None,
            vanished: None,
            version: 0,
            loaded: None,
            status_source: None,
            status: None,
            plan: PlanState::Unplanned,
            simulated: None,
            is_fresh: false,
            ledger: None,
            run: None,
            is_reserved: false,
            is_comparing: false,
            comparison_tried: None,
            ended: None,
            channel_faults: BTreeMap::new(),
            erase_fault: None,
            announced_plan: None,
            announced_differences: Vec::new(),
            series: None,
            occurrence: None,
        }
    }

    /// The campaign as an act names it.
    #[must_use]
    pub fn subject(&self) -> Subject {
        if let (Some(subject), None) = (&self.vanished, &self.loaded) {
            return subject.clone();
        }
        if let Some(series) = &self.series {
            return series.subject(&self.file);
        }
        let named = self.loaded.as_ref().map(|loaded| &loaded.plan.identity);
        Subject {
            file: self.file.clone(),
            campaign: named.map(|identity| identity.campaign.to_string()).unwrap_or_default(),
            app_id: named.map(|identity| identity.app_id.to_string()).unwrap_or_default(),
        }
    }

    /// Its name, or that of its file.
    #[must_use]
    pub fn name(&self) -> String {
        let campaign = self.subject().campaign;
        if campaign.is_empty() {
            self.file.clone()
        } else {
            campaign
        }
    }

    /// The other process that applies it. `None` if none does.
    #[must_use]
    pub fn status_owner(&self) -> Option<&StatusOwner> {
        self.status.as_ref()?.owner.as_ref()
    }

    /// Its title, with the date of an occurrence, or else its name.
    #[must_use]
    pub fn heading(&self) -> String {
        let loaded = self.loaded.as_ref().map(|loaded| &loaded.parsed);
        let parsed = loaded.or(self.series.as_ref().map(|series| &series.parsed));
        let title = parsed.and_then(|parsed| parsed.campaign.names.title.as_deref());
        match (title, &self.occurrence) {
            (Some(title), Some(occurrence)) => format!("{title} · {}", occurrence.turn.occurrence.date),
            (Some(title), None) => title.to_owned(),
            (None, _) => self.name(),
        }
    }

    /// Whether it may be begun, or go on: always, unless it is an occurrence that is over or was missed.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.occurrence
            .as_ref()
            .is_none_or(|occurrence| occurrence.turn.may_send() || self.is_rehearsal())
    }

    fn is_rehearsal(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.at.rehearsal.is_on())
    }

    /// The approvals that its file asks for. `None` if it asks for none, and for a rehearsal.
    #[must_use]
    pub fn asked_approvals(&self) -> Option<u8> {
        let loaded = self.loaded.as_ref().filter(|loaded| !loaded.at.rehearsal.is_on())?;
        Some(loaded.parsed.campaign.approval?.approvals)
    }

    /// Replaces the plan. A planner that is under way does not replace it any longer. A page is loaded again with each version, so the
    /// same state again is no new one.
    pub fn set_plan(&mut self, plan: PlanState) {
        let is_same = match (&self.plan, &plan) {
            (PlanState::Unplanned, PlanState::Unplanned) => true,
            (PlanState::Failed(before), PlanState::Failed(now)) => before == now,
            _ => false,
        };
        if !is_same {
            self.version += 1;
            self.plan = plan;
        }
    }

    /// Its plan. `None` unless it is planned.
    #[must_use]
    pub const fn planned(&self) -> Option<&Arc<Planned>> {
        match &self.plan {
            PlanState::Ready(planned) => Some(planned),
            PlanState::Unplanned | PlanState::Planning | PlanState::Failed(_) => None,
        }
    }

    /// What a policy says of its plan at `now`, with these approvals. `None` unless it is planned.
    #[must_use]
    pub fn verdict(&self, rules: &PolicyRules<'_>, approvals: &[GivenApproval], now: Timestamp) -> Option<Verdict> {
        let planned = self.planned()?;
        let facts = PlanFacts::new(self.loaded.as_ref()?, &planned.preview, planned.is_new_app, now);
        Some(rules.judge(&facts, approvals, now))
    }

    /// Who applies it.
    #[must_use]
    pub fn applier(&self) -> Applier {
        if self.run.is_some() || self.is_reserved {
            Applier::Service
        } else if self.status_owner().is_some() {
            Applier::OtherProcess
        } else {
            Applier::Nobody
        }
    }

    /// Whether the run of this process is paused.
    #[must_use]
    pub fn is_run_paused(&self) -> bool {
        let paused = |run: &LiveRun| {
            let command = run.server.commands();
            let command = command.borrow();
            !command.goes_on() && !command.stops()
        };
        self.run.as_ref().is_some_and(paused)
    }

    /// What an act on it depends on.
    #[must_use]
    pub fn situation(&self, charge: Option<&Charge>) -> CampaignSituation {
        let applier = self.applier();
        let is_elsewhere_paused = self.status.as_ref().is_some_and(|status| status.state == "paused");
        CampaignSituation {
            applier,
            is_paused: match applier {
                Applier::Service => self.is_run_paused(),
                Applier::OtherProcess => is_elsewhere_paused,
                Applier::Nobody => matches!(charge, Some(Charge::Paused { .. })),
            },
            has_file: matches!(self.source, Source::Good) && self.loaded.is_some(),
            plan: self.planned().map(|planned| PlanSituation {
                fingerprint: planned.preview.fingerprint.to_string(),
                needs: planned.needs(),
                sends: planned.sends(),
                is_fresh: planned.is_fresh,
                policy: None,
                approvals: self.asked_approvals(),
            }),
            occurrence: match &self.occurrence {
                Some(occurrence) if occurrence.turn.state == OccurrenceState::Missed && !self.is_rehearsal() => {
                    OccurrenceSituation::Missed
                }
                _ => OccurrenceSituation::Open,
            },
            frozen: None,
            authors: Vec::new(),
            is_local: false,
        }
    }

    /// Whether a service whose policy asks for nobody may begin it: its time has come, no run has left it unfinished, and nothing in its
    /// plan needs a person.
    #[must_use]
    pub fn may_begin_by_itself(&self, now: Timestamp) -> bool {
        let (Some(planned), Some(loaded)) = (self.planned(), &self.loaded) else {
            return false;
        };
        let start = loaded.parsed.campaign.schedule.start.filter(|_| !self.is_rehearsal());
        let is_stopped = |status: &Status| {
            matches!(
                RunState::of_word(&status.state),
                Some(RunState::Paused | RunState::Over(EndState::Halted | EndState::Incomplete | EndState::Failed))
            )
        };
        let is_due = start.is_none_or(|start| start <= now);
        is_due
            && self
                .ended
                .as_ref()
                .is_none_or(|ended| ended.state == EndState::Complete)
            && !self.status.as_ref().is_some_and(is_stopped)
            && planned.needs().is_empty()
            && planned.preview.view.reasons.is_empty()
            && !planned.is_fresh
    }

    /// All deliveries by state, as far as they are known.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        if let Some(run) = &self.run {
            let counts = run.reporter.view(|view| view.stats.counts);
            if counts.audience() > 0 {
                return Some(counts);
            }
        }
        self.ledger.as_ref().map(|ledger| ledger.counts)
    }

    /// The wave whose end waits for an approval, from 1; 0 for the testers. `None` while none does.
    #[must_use]
    pub fn waiting_wave(&self) -> Option<u32> {
        match wave_to_approve(self.run.as_ref()?)? {
            Attention::Wave { wave } => Some(wave),
            _ => None,
        }
    }

    /// What its coupons are worth, by its run or its ledger. `None` if neither is known.
    #[must_use]
    pub fn worth(&self) -> Option<Worth> {
        let live = self.run.as_ref().and_then(|run| {
            run.reporter.view(|view| {
                let worth = view.stats.valuation.worth(&view.stats.counts);
                view.is_admitted().then_some(worth)
            })
        });
        let of_ledger = || {
            let worth = &self.ledger.as_ref()?.worth;
            Some(worth.valuation.worth(&worth.counts))
        };
        live.or_else(of_ledger)
    }

    /// How many attempts began since a moment of the present day. `None` while nothing is known of its ledger.
    #[must_use]
    pub fn begun_since(&self, since: Timestamp) -> Option<u64> {
        if let Some(run) = &self.run {
            return Some(run.before.since(since) + run.reporter.view(|view| view.stats.by_day.since(since)));
        }
        // After a run its ledger is read again, which takes a while.
        match (&self.ended, &self.ledger) {
            (Some(ended), ledger) if ledger.as_ref().is_none_or(|ledger| ledger.at < ended.at) => {
                Some(ended.before.since(since) + ended.stats.by_day.since(since))
            }
            (_, Some(ledger)) => Some(ledger.attempts.since(since)),
            (_, None) => self.planned().map(|_| 0),
        }
    }

    /// Whether its ledger is to be compared with the platform's own records by now.
    #[must_use]
    pub fn is_comparison_due(&self, now: Timestamp) -> bool {
        let (Some(ledger), Some(loaded)) = (&self.ledger, &self.loaded) else {
            return false;
        };
        let can_ask = loaded.parsed.campaign.names.coupon_meta_id.is_some()
            || ledger.counts.count(StateName::InDoubt) + ledger.counts.count(StateName::Held) > 0;
        let Some(attempt) = ledger.records.last_attempt.filter(|_| can_ask) else {
            return false;
        };
        let times = LastTimes {
            compared: ledger.records.compared,
            tried: self.comparison_tried,
        };
        is_due(times, Day::new(attempt, &loaded.plan.schedule.zone), now)
    }

    /// What a person may agree to besides what the plan needs: what the last run stopped for.
    #[must_use]
    pub fn offers(&self) -> Vec<&'static str> {
        let Some(ended) = &self.ended else { return Vec::new() };
        let mut offers = Vec::new();
        if matches!(ended.stats.halted, Some(Halted::AnotherLedger { .. })) {
            offers.push("replays");
        }
        let code = ended.fault.as_ref().and_then(|fault| fault.code.as_deref());
        if code == Some("E0716") {
            offers.push("clock");
        }
        offers
    }

    /// What waits for a person, the most urgent first. `policy` is what the policy of the service says of the plan.
    #[must_use]
    pub fn attention(&self, charge: Option<&Charge>, policy: Option<&PolicySituation>) -> Vec<Attention> {
        let mut all = Vec::new();
        if let Source::Broken(mistakes) = &self.source
            && self.occurrence.is_none()
        {
            let mistakes = mistakes.first().map_or(0, |(_, list)| list.len() as u64);
            all.push(Attention::Broken { mistakes });
        }
        let missed = self.series.as_ref().map(|series| &series.schedule);
        if let Some(schedule) = missed
            && let (count @ 1.., Some(last)) = (schedule.missed_in_a_row as u64, schedule.missed.last())
        {
            all.push(Attention::Missed { count, last: last.date });
        }
        all.extend(self.erase_fault.iter().map(|fault| Attention::NotErased {
            fault: Arc::clone(fault),
        }));
        let faults = self.channel_faults.values().cloned();
        all.extend(faults.map(|why| Attention::Channel { why }));
        let is_vanished = matches!(self.source, Source::Vanished);
        if let Some(Charge::Paused { by, .. }) = charge {
            all.push(if by.door == Door::Scheduler {
                Attention::Vanished { is_back: !is_vanished }
            } else {
                Attention::Paused { by: by.clone() }
            });
        }
        match self.applier() {
            Applier::Service => {
                all.extend(self.run.as_ref().and_then(wave_to_approve));
                return all;
            }
            Applier::OtherProcess => return all,
            Applier::Nobody => {}
        }
        if is_vanished || matches!(self.source, Source::Broken(_)) {
            return all;
        }
        let counts = self.ledger.iter().flat_map(|ledger| &ledger.records.counts);
        let differing = counts.filter(|count| count.differs()).count() as u64;
        if differing > 0 {
            all.push(Attention::Differs { activities: differing });
        }
        let is_paused = matches!(charge, Some(Charge::Paused { .. }));
        match &self.plan {
            // It has ended for good, and no person can change that.
            PlanState::Failed(_) if self.is_erased() => {}
            PlanState::Failed(fault) => all.push(Attention::PlanFailed {
                fault: Arc::clone(fault),
            }),
            PlanState::Ready(planned) => {
                if planned.needs_approval() && !is_paused && self.may_send() {
                    all.push(self.approval(charge, planned, policy));
                }
                let held = planned.preview.view.deliveries.counts.count(StateName::Held);
                if held > 0 {
                    all.push(Attention::Held { count: held });
                }
                let doubts = planned.waiting_doubts();
                if doubts > 0 {
                    all.push(Attention::InDoubt { count: doubts });
                }
            }
            PlanState::Unplanned | PlanState::Planning => {}
        }
        all
    }

    /// Whether it cannot be planned any more, because its open_ids were erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        matches!(&self.plan, PlanState::Failed(fault) if fault.is_of(Problem::LedgerErased))
    }

    /// The approval that is needed, after how the last run ended.
    fn approval(&self, charge: Option<&Charge>, planned: &Planned, policy: Option<&PolicySituation>) -> Attention {
        if let Some(policy) = policy {
            if let Some(why) = policy.verdict.refusal() {
                return Attention::Refused { why };
            }
            if let Some(why) = policy.waits.as_ref().filter(|_| policy.has_all()) {
                return Attention::Waits { why: why.clone() };
            }
            if let Some(request) = &policy.request {
                return Attention::Requested {
                    by: request.by.clone(),
                    approved_by: request.approved_by.clone(),
                    needs: policy.verdict.requirements.clone(),
                };
            }
            if policy.verdict.requirements.is_empty() && policy.is_undisturbed {
                let to_send = planned.preview.view.deliveries.to_send();
                return Attention::Automatic { to_send };
            }
        }
        if let Some(Charge::Stopped { by }) = charge {
            return Attention::Stopped { by: by.clone() };
        }
        if let Some(EndedRun { fault: Some(fault), .. }) = &self.ended {
            return Attention::RunFailed {
                fault: Arc::clone(fault),
            };
        }
        let state = match (&self.ended, &self.status) {
            (Some(ended), _) => Some((RunState::Over(ended.state), ended.why.clone())),
            (None, Some(status)) => RunState::of_word(&status.state).map(|state| (state, status_reason(status))),
            (None, None) => None,
        };
        match state {
            Some((RunState::Over(EndState::Halted), why)) => Attention::Halted {
                why: why.unwrap_or_default(),
            },
            Some((RunState::Over(EndState::Incomplete | EndState::Ended), Some(why))) => Attention::Incomplete { why },
            _ => Attention::Approval {
                to_send: planned.preview.view.deliveries.to_send(),
                changes: planned.needs().len() as u64,
            },
        }
    }
}

/// The reason of a status, in every language. `None` without one.
fn status_reason(status: &Status) -> Option<Text> {
    let at: Timestamp = status.at.as_deref().and_then(|at| at.parse().ok()).unwrap_or_default();
    match (&status.reason, &status.why) {
        (Some(reason), _) => Some(Text::from_fn(|| reason.text(at, &jiff::tz::TimeZone::UTC))),
        (None, Some(why)) => Some(Text::from(why.as_str())),
        (None, None) => None,
    }
}

fn wave_to_approve(run: &LiveRun) -> Option<Attention> {
    run.reporter.view(|view| match &view.stats.phase {
        Some(Phase::Waiting {
            why: Waiting::Approval { done },
            ..
        }) => Some(Attention::Wave { wave: *done }),
        _ => None,
    })
}

/// Something of a campaign that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Its file has mistakes.
    Broken {
        /// How many.
        mistakes: u64,
    },
    /// A channel does not take its messages.
    Channel {
        /// Why.
        why: Text,
    },
    /// Occurrences were missed, and none has begun since.
    Missed {
        /// How many.
        count: u64,
        /// The last one.
        last: Date,
    },
    /// It is paused because its file vanished.
    Vanished {
        /// Whether the file is there again.
        is_back: bool,
    },
    /// A person paused it.
    Paused {
        /// Who.
        by: Who,
    },
    /// A person stopped it, and coupons are owed.
    Stopped {
        /// Who.
        by: Who,
    },
    /// It halted.
    Halted {
        /// Why.
        why: Text,
    },
    /// It ended before it was complete.
    Incomplete {
        /// Why.
        why: Text,
    },
    /// Its run failed.
    RunFailed {
        /// Why.
        fault: Arc<Fault>,
    },
    /// Its plan needs an approval.
    Approval {
        /// How many coupons would be sent.
        to_send: u64,
        /// How many changes need an agreement.
        changes: u64,
    },
    /// A rule of the policy does not allow its plan.
    Refused {
        /// The rule, and why it does not allow the plan.
        why: Text,
    },
    /// Its plan has its approvals, and something else holds it back.
    Waits {
        /// What holds the plan back.
        why: Text,
    },
    /// Its plan was requested, and waits for approvals.
    Requested {
        /// The author.
        by: String,
        /// The users who have approved.
        approved_by: Vec<String>,
        /// The approvals that it needs.
        needs: Vec<Requirement>,
    },
    /// The service sends its plan by itself: the policy asks for nobody.
    Automatic {
        /// How many coupons would be sent.
        to_send: u64,
    },
    /// Its plan cannot be made.
    PlanFailed {
        /// Why.
        fault: Arc<Fault>,
    },
    /// Its open_ids could not be erased.
    NotErased {
        /// Why.
        fault: Arc<Fault>,
    },
    /// The platform counts other coupons than the ledger has.
    Differs {
        /// Of how many activities.
        activities: u64,
    },
    /// A wave needs an approval.
    Wave {
        /// Its number, from 1; 0 for the testers.
        wave: u32,
    },
    /// Deliveries are held.
    Held {
        /// How many.
        count: u64,
    },
    /// Deliveries are in doubt, and no apply settles them by itself.
    InDoubt {
        /// How many.
        count: u64,
    },
}

impl Attention {
    /// The word for it, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "broken",
            Self::Channel { .. } => "channel",
            Self::Missed { .. } => "missed",
            Self::Vanished { .. } => "vanished",
            Self::Paused { .. } => "paused",
            Self::Stopped { .. } => "stopped",
            Self::Halted { .. } => "halted",
            Self::Incomplete { .. } => "incomplete",
            Self::RunFailed { .. } => "run_failed",
            Self::Approval { .. } => "approval",
            Self::Requested { .. } => "requested",
            Self::Refused { .. } => "refused",
            Self::Waits { .. } => "waits",
            Self::Automatic { .. } => "automatic",
            Self::PlanFailed { .. } => "plan_failed",
            Self::NotErased { .. } => "not_erased",
            Self::Differs { .. } => "records_differ",
            Self::Wave { .. } => "wave",
            Self::Held { .. } => "held",
            Self::InDoubt { .. } => "in_doubt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_again_is_no_new_version() {
        let failed = |why: &str| PlanState::Failed(Arc::new(Fault::of_text(Text::from(why.to_owned()))));
        let mut entry = CampaignEntry::new("tea.yaml".to_owned(), Source::Good);
        let mut versions = Vec::new();
        for plan in [
            PlanState::Unplanned,
            failed("the disk is away"),
            failed("the disk is away"),
            failed("the disk is full"),
            PlanState::Unplanned,
            PlanState::Planning,
            PlanState::Planning,
        ] {
            entry.set_plan(plan);
            versions.push(entry.version);
        }
        assert_eq!(versions, [0, 1, 1, 2, 3, 4, 5], "each planning is another one");
    }
}
