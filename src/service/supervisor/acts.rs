//! Decides on acts, records them and executes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::app::process::{actor, this_requester};
use crate::app::run_command::Verb;
use crate::app::{AppError, LoadedCampaign, approve, resolve, run_command};
use crate::campaign::Budget;
use crate::catalogue::{Language, Text, service as texts};
use crate::control::Command;
use crate::model::resolve::{Expected, ResolveRequest, Selection, Which};
use crate::notify::notice::What;
use crate::report::text::visible;
use crate::service::act::{Act, Allowed, BulkDecision, Denied, Door, LogSituation, Situation, Subject, Who, gate};
use crate::service::approval_envelope;
use crate::service::comparison::compare;
use crate::service::error::{ActError, NotRecorded};
use crate::service::fault::Fault;
use crate::service::freeze::ManualFreeze;
use crate::service::record::{ApprovedPlan, Charge, Entry};
use crate::service::series::file_of;
use crate::service::state::ServiceState;

use super::Supervisor;
use super::reservation::Reservation;

/// The percentage of a budget at which a message says so.
const NEARLY_USED: u64 = 80;

impl Supervisor {
    /// Decides on an act, records it, and executes it. An act goes on when its caller is gone.
    ///
    /// # Errors
    /// When it is not allowed, or fails.
    pub async fn perform(self: &Arc<Self>, act: Act, who: Who) -> Result<(), ActError> {
        let supervisor = Arc::clone(self);
        let performed = tokio::spawn(async move { supervisor.perform_now(act, who).await });
        performed.await.unwrap_or_else(|error| {
            let fault = Fault::new(AppError::RunBroke(error), self.settings.classify);
            Err(ActError::Failed(Arc::new(fault)))
        })
    }

    async fn perform_now(self: &Arc<Self>, act: Act, who: Who) -> Result<(), ActError> {
        let kind = act.kind();
        let (allowed, reservation) = match self.decide(act.clone(), who.clone()) {
            Ok(decided) => decided,
            Err(denied) => {
                let refused = Language::English.scope(|| denied.to_string());
                let entry = Entry::Act {
                    who,
                    act,
                    refused: Some(refused),
                };
                // The act is refused, whether or not that is recorded.
                self.note(entry).await;
                return Err(ActError::Denied(denied));
            }
        };
        let entry = Entry::Act {
            who,
            act: allowed.act().clone(),
            refused: None,
        };
        if kind.only_holds_back() {
            // From now on nothing begins or goes on by itself, even if the record takes long. A run that is being prepared
            // finds it out before it begins.
            self.state().charges.hold_back(allowed.who(), allowed.act());
            let done = self.execute(allowed).await;
            let recorded = match self.record(entry).await {
                // The database takes the record once it answers.
                Ok(_) | Err(NotRecorded::Late) => Ok(()),
                Err(NotRecorded::Failed(_)) => Err(Fault::of_text(Text::new(&texts::TookEffectUnrecorded))),
            };
            return done.and(recorded).map_err(|fault| ActError::Failed(Arc::new(fault)));
        }
        let of = match self.record(entry).await {
            Ok(of) => of,
            Err(error) => {
                let fault = match error {
                    NotRecorded::Failed(error) => Fault::new(AppError::Ledger(error), self.settings.classify),
                    late @ NotRecorded::Late => Fault::of_text(Text::new(&late)),
                };
                return Err(ActError::Failed(Arc::new(fault)));
            }
        };
        let done = Box::pin(self.execute(allowed)).await;
        drop(reservation);
        if !kind.only_shows() {
            let failed = done.as_ref().err().map(Fault::english);
            self.note(Entry::Result { of, failed }).await;
        }
        done.map_err(|fault| ActError::Failed(Arc::new(fault)))
    }

    /// Fills in what an approval allows: that which the plan needs, and nothing more.
    fn with_envelope(&self, state: &ServiceState, mut act: Act) -> Act {
        let (Act::Approve {
            on,
            fingerprint,
            envelope,
            ..
        }
        | Act::Apply {
            on,
            fingerprint,
            envelope,
            ..
        }) = &mut act
        else {
            return act;
        };
        let mut spent_before = None;
        *envelope = state.entries.get(&on.file).and_then(|entry| {
            let planned = entry.planned()?;
            let loaded = entry.loaded.as_ref()?;
            let is_shown = planned.preview.fingerprint.to_string() == *fingerprint;
            spent_before = Some(planned.preview.usage.worth).filter(|_| !self.is_rehearsal());
            is_shown.then(|| Box::new(approval_envelope::envelope(&planned.preview, &loaded.plan, self.now())))
        });
        if let Act::Apply { spent, .. } = &mut act {
            *spent = spent_before;
        }
        act
    }

    /// What an act depends on besides its user.
    pub(super) fn situation(&self, state: &ServiceState, act: &Act, now: Timestamp) -> Situation {
        let mut situation = Situation {
            log: match (&state.read_only, &state.store_away) {
                (Some(_), _) => LogSituation::Unusable,
                (None, Some(_)) => LogSituation::Away,
                (None, None) => LogSituation::Usable,
            },
            is_stopping: self.is_stopping(),
            is_frozen: state.frozen.is_some(),
            campaign: act.on().and_then(|on| state.situation(&on.file)),
            is_under_way: act.on().is_some_and(|on| {
                let charge = state.charges.of(&on.campaign, &on.app_id);
                let is_charged = matches!(charge, Some(Charge::Run(_) | Charge::Paused { .. }));
                is_charged || state.requests.of(on).is_some()
            }),
        };
        let config = self.config().current();
        if let (Some(on), Some(campaign)) = (act.on(), &mut situation.campaign) {
            campaign.frozen = state.held_back(&on.campaign, &config, now);
            campaign.authors = state.requests.authors(on);
            campaign.is_local = config.accounts.is_local();
        }
        if let Some(entry) = act.on().and_then(|on| state.entries.get(&on.file))
            && let Some(plan) = situation.campaign.as_mut().and_then(|campaign| campaign.plan.as_mut())
        {
            plan.policy = state.policy(entry, &config, now);
        }
        situation
    }

    /// Asks the gate, and reserves the campaign for an act that takes its ledger. What is approved is what is known in the same
    /// moment.
    fn decide(self: &Arc<Self>, act: Act, who: Who) -> Result<(Allowed, Option<Reservation>), Denied> {
        let mut state = self.state();
        let act = self.with_envelope(&state, act);
        if let Some(on) = act.on() {
            state.reschedule(file_of(&on.file), self.now());
        }
        let situation = self.situation(&state, &act, self.now());
        let allowed = gate(act, who, &situation)?;
        let takes_ledger = matches!(
            allowed.act(),
            Act::Approve { .. }
                | Act::Apply { .. }
                | Act::Compare { .. }
                | Act::Resolve { .. }
                | Act::Resume { .. }
                | Act::Erase { .. }
        );
        let file = allowed.act().on().map(|on| on.file.clone()).filter(|_| takes_ledger);
        let reservation = file.and_then(|file| self.reserve(&mut state, &file));
        Ok((allowed, reservation))
    }

    async fn execute(self: &Arc<Self>, allowed: Allowed) -> Result<(), Fault> {
        let who = allowed.who();
        match allowed.act() {
            Act::See | Act::SeeDeliveries { .. } | Act::SeePerson { .. } | Act::Reject { .. } => Ok(()),
            Act::Request { .. } | Act::GiveApproval { .. } => {
                self.approved.notify_one();
                Ok(())
            }
            Act::Compare { on } => {
                let loaded = self.loaded(&on.file)?;
                self.note_comparing(&on.file, true);
                let by = actor(Some(&who.name));
                let mut stopping = self.stopping();
                let comparing = Box::pin(compare(&loaded, by, self.settings.classify));
                // Every answer so far is in the ledger.
                let compared = tokio::select! {
                    compared = comparing => compared,
                    _ = stopping.wait_for(|stopping| *stopping) => Err(Fault::of_text(Text::new(&Denied::Stopping))),
                };
                self.note_comparing(&on.file, false);
                self.plan_soon(&on.file);
                let differences = compared?;
                // A person who asks sees the answer on the page.
                if who.door == Door::Scheduler {
                    self.announce_differences(&on.file, &loaded, &differences);
                }
                Ok(())
            }
            Act::Erase { on, platform, .. } => {
                let erased = Box::pin(self.erase_ledger(on, platform)).await;
                self.plan_soon(&on.file);
                erased
            }
            Act::Plan { on, fresh } => {
                if let Some(entry) = self.state().entries.get_mut(&on.file) {
                    entry.is_fresh = *fresh && self.is_rehearsal();
                }
                self.plan_soon(&on.file);
                Ok(())
            }
            Act::Approve { on, fresh, .. } | Act::Apply { on, fresh, .. } => {
                // The record of the act has made it a charge by now.
                let charged = self.state().charges.of(&on.campaign, &on.app_id).cloned();
                match charged {
                    Some(Charge::Run(plan)) => {
                        let is_fresh = *fresh && self.is_rehearsal();
                        self.start_run(&on.file, &plan, is_fresh, who).await?;
                        self.tell_of_budgets(on, &plan);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Act::Pause { on } => self.command(&on.file, Verb::Pause, who).await,
            Act::Stop { on } => self.command(&on.file, Verb::Stop, who).await,
            Act::Resume { on } => {
                let plan = {
                    let state = self.state();
                    let entry = state.entries.get(&on.file);
                    let idle = entry.filter(|entry| entry.run.is_none() && entry.status_owner().is_none());
                    match idle.and_then(|entry| state.charge(entry)) {
                        // The act was recorded before, so a paused charge is one to run here.
                        Some(Charge::Run(plan) | Charge::Paused { plan, .. }) => Some(plan.clone()),
                        Some(Charge::Stopped { .. }) | None => None,
                    }
                };
                match plan {
                    Some(plan) => self.start_run(&on.file, &plan, false, who).await,
                    None => self.command(&on.file, Verb::Resume, who).await,
                }
            }
            Act::Freeze { note } => {
                self.state().frozen = Some(ManualFreeze {
                    by: who.clone(),
                    at: self.now(),
                    note: note.clone(),
                });
                self.hold_frozen(self.now());
                Ok(())
            }
            Act::Unfreeze => {
                // The record of the act has ended the freeze by now.
                self.frozen.notify_one();
                Ok(())
            }
            Act::StopAll => self.stop_all(who).await,
            Act::ApproveWave { on, wave } => {
                let loaded = self.loaded(&on.file)?;
                let approved = Box::pin(approve::approve(&loaded, Some(*wave), &actor(Some(&who.name)))).await;
                approved.map(drop).map_err(|error| self.fault(error))
            }
            Act::Resolve { on, decision } => {
                let loaded = self.loaded(&on.file)?;
                let decided = Box::pin(self.resolve(&loaded, decision, who)).await;
                self.plan_soon(&on.file);
                decided
            }
        }
    }

    /// Stops every run, here and in other processes. One that does not answer delays none of the others.
    async fn stop_all(self: &Arc<Self>, who: &Who) -> Result<(), Fault> {
        let files: Vec<_> = {
            let state = self.state();
            let applied = state
                .entries
                .values()
                .filter(|entry| entry.run.is_some() || entry.status_owner().is_some());
            applied.map(|entry| entry.file.clone()).collect()
        };
        let all = files.len();
        let mut stops = JoinSet::new();
        for file in files {
            let supervisor = Arc::clone(self);
            let who = who.clone();
            stops.spawn(async move {
                let stopped = supervisor.command(&file, Verb::Stop, &who).await;
                stopped.err().map(|fault| (file, fault))
            });
        }
        let failed: BTreeMap<_, _> = stops.join_all().await.into_iter().flatten().collect();
        if failed.is_empty() {
            return Ok(());
        }
        let message = Text::new(&texts::NotAllStopped {
            failed: &failed.len(),
            all: &all,
        });
        let cause = |(file, fault): (String, Fault)| Text::from_fn(|| format!("{}: {}", visible(&file), fault.message));
        Err(Fault {
            code: None,
            message,
            causes: failed.into_iter().map(cause).collect(),
        })
    }

    /// Sends a message for each budget whose use reached [`NEARLY_USED`] percent with the run of this plan.
    fn tell_of_budgets(self: &Arc<Self>, on: &Subject, plan: &ApprovedPlan) {
        let config = self.config().current();
        let (loaded, nearly) = {
            let state = self.state();
            let Some(entry) = state.entries.get(&on.file) else {
                return;
            };
            let Some(loaded) = entry.loaded.clone() else { return };
            let max = plan.approval.as_ref().and_then(|approval| approval.envelope.worth);
            let own = max.map_or(0, |max| {
                max.fen()
                    .saturating_sub(entry.worth().unwrap_or_default().committed().fen())
            });
            let is_over =
                |used: u64, budget: &Budget| used.saturating_mul(100) >= budget.worth.fen().saturating_mul(NEARLY_USED);
            let budgets = state.budgets(&on.app_id, &config, self.now()).into_iter();
            let crossed = budgets.filter(|(budget, used)| {
                let used = used.total().fen();
                is_over(used, budget) && !is_over(used.saturating_sub(own), budget)
            });
            let nearly: Vec<_> = crossed
                .map(|(budget, used)| What::Budget {
                    used: used.total(),
                    max: budget.worth,
                })
                .collect();
            (loaded, nearly)
        };
        if self.is_rehearsal() {
            return;
        }
        for what in nearly {
            self.send_messages(&on.file, &loaded, Some(what), None);
        }
    }

    pub(super) fn loaded(&self, file: &str) -> Result<Arc<LoadedCampaign>, Fault> {
        let state = self.state();
        let loaded = state.entries.get(file).and_then(|entry| entry.loaded.clone());
        loaded.ok_or_else(|| Fault::of_text(Text::new(&Denied::NoFile)))
    }

    /// Passes a command to the run of a campaign, here or in another process.
    async fn command(&self, file: &str, verb: Verb, who: &Who) -> Result<(), Fault> {
        let (server, place) = {
            let state = self.state();
            let entry = state.entries.get(file);
            let server = entry.and_then(|entry| Some(entry.run.as_ref()?.server.clone()));
            let loaded = entry.and_then(|entry| entry.loaded.clone());
            (server, loaded.map(|loaded| loaded.ledger_dir()))
        };
        let by = this_requester(Some(&who.name));
        if let Some(server) = server {
            let command = match verb {
                Verb::Pause => Command::Pause { by },
                Verb::Resume => Command::Resume { by: Some(by) },
                Verb::Stop => Command::Stop { by },
            };
            let taken = server.respond(command).await;
            return taken.map(drop).map_err(|error| self.fault(AppError::Command(error)));
        }
        let Some(place) = place else { return Ok(()) };
        let connecting = self.settings.environment.open_database().await;
        let database = connecting.map_err(|error| self.fault(error))?;
        let sent = run_command::send(&place, database.as_ref(), verb, Some(&who.name)).await;
        sent.map(drop).map_err(|error| self.fault(error))
    }

    async fn resolve(&self, campaign: &LoadedCampaign, decision: &BulkDecision, who: &Who) -> Result<(), Fault> {
        let (Some(undecided), Some(to)) = (decision.state, decision.to) else {
            return Err(Fault::of_text(Text::new(&texts::BadForm)));
        };
        let state = undecided.state();
        let selection = Selection {
            which: match decision.code {
                Some(_) => Which::All(state),
                None => Which::AllWithoutCode(state),
            },
            code: decision.code,
        };
        let code = decision.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let request = ResolveRequest {
            selection,
            to: to.resolution(decision.may_double),
            note: decision.note.trim().to_owned(),
            typed: format!("all {} with code {code}", state.word()),
            by: crate::app::process::person(Some(&who.name)),
            expect: Some(Expected::Count(decision.count)),
        };
        match Box::pin(resolve::resolve(campaign, &request)).await {
            Ok(_) => Ok(()),
            Err(AppError::SelectionChanged { now, .. }) => {
                let shown = decision.count;
                Err(Fault::of_text(Text::new(&texts::OtherCount { shown, now })))
            }
            Err(error) => Err(self.fault(error)),
        }
    }
}
