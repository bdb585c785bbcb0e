//! One campaign's run: every step in order, and what it reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::app::campaign_store::CampaignStore;
use crate::app::environment::Notice;
use crate::app::error::AppError;
use crate::app::find_other_ledger;
use crate::app::fleet_worker::FleetWorker;
use crate::app::locked_ledger::LockedLedger;
use crate::app::witness::CampaignWitnesses;
use crate::catalogue::{Text, app as text};
use crate::control::{ControlServer, LedgerView, Listening};
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::engine::app_limiter::AppLimiter;
use crate::engine::send_order::SendOrder;
use crate::engine::{Apply, RunOutcome, StopReason};
use crate::ledger::Ledger;
use crate::model::actor::Actor;
use crate::model::event::{Emit, Event, EventKind};
use crate::model::run_command::{Requester, RunCommand};
use crate::notify::kept::KeptPlace;
use crate::notify::notifier::RunNotices;
use crate::report::reporter::Reporter;
use crate::report::text::visible;

use super::confirmation::ConfirmationSeat;
use super::count_watch;
use super::load::ReadyCampaign;
use super::owner::{self, StatusKeeper};
use super::request::ApplyRequest;

mod activity;
mod fleet_turns;
mod preparation;

/// How a run ended that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum RunResult {
    /// The engine ended it. The reporter has a summary.
    Ended(RunOutcome),
    /// It was stopped before it sent anything, or while it waited for the app id again.
    Stopped {
        /// The process that stopped it. `None` for a signal.
        by: Option<Requester>,
        /// Whether this process owned the app id before, and may have sent then.
        has_run: bool,
    },
    /// A person did not agree to it.
    Declined,
}

impl RunResult {
    /// Returns why the run ended before it could send. `None` if it has a summary to show.
    #[must_use]
    pub fn broken(&self) -> Option<String> {
        match self {
            Self::Ended(_) => None,
            Self::Stopped { by: Some(by), has_run } => {
                let by = by.to_string();
                let requester = &visible(&by);
                Some(if *has_run {
                    text::StoppedWhileWaitingBy { requester }.to_string()
                } else {
                    text::StoppedBeforeSendingBy { requester }.to_string()
                })
            }
            Self::Stopped { by: None, has_run } => Some(if *has_run {
                text::InterruptedWhileWaiting.to_string()
            } else {
                text::InterruptedBeforeSending.to_string()
            }),
            Self::Declined => Some(text::Declined.to_string()),
        }
    }
}

/// What the runs of one process share.
pub(super) struct SharedRun {
    pub(super) request: ApplyRequest,
    /// The person who applies.
    pub(super) by: Actor,
    /// This process as a worker. `None` if ledgers are in files.
    pub(super) fleet: Option<Arc<FleetWorker>>,
    /// Whether the worker has other campaigns beside those of this apply, and does not know these yet.
    pub(super) is_fleet_shared: bool,
    /// Limits how many campaigns read their ledger and audience at once: one for each core.
    pub(super) reading: Semaphore,
    /// The interval at which `status.json` is replaced.
    pub(super) status_interval: Duration,
}

/// What one run receives in addition to [`SharedRun`].
pub(super) struct CampaignRun {
    pub(super) campaign: ReadyCampaign,
    /// Whether this machine lacks lists of users of the campaign, so that it cannot admit the audience.
    pub(super) lists_are_elsewhere: bool,
    pub(super) server: ControlServer,
    pub(super) reporter: Arc<Reporter>,
    pub(super) notices: Option<Arc<RunNotices>>,
    pub(super) seat: ConfirmationSeat,
}

/// Sends all coupons that one campaign still owes.
pub(super) async fn apply(shared: Arc<SharedRun>, one: CampaignRun) -> Result<RunResult, AppError> {
    let CampaignRun {
        campaign,
        lists_are_elsewhere,
        server,
        reporter,
        notices,
        seat,
    } = one;
    if let Some(other) = find_other_ledger::find_before_apply(&campaign.loaded)? {
        return Err(other.into());
    }
    let taking = LockedLedger::take_for_apply(&campaign.loaded, &server);
    let locked = tokio::select! {
        locked = taking => locked?,
        () = owner::stopped(server.commands()) => return Ok(stopped(&server.commands(), false)),
    };
    let listening = owner::listen(&server, &locked);
    if shared.request.fresh {
        locked.discard()?;
    }
    if let Some(notices) = notices {
        notices.keep_in(KeptPlace {
            directory: locked.lock().directory().path().to_owned(),
            elsewhere: campaign.loaded.environment.kept_messages.clone(),
        });
    }
    let witnesses = CampaignWitnesses::new(&campaign.loaded);
    let status = StatusKeeper::start(&locked, &reporter, shared.status_interval);
    let mut run = StartedRun {
        shared: &shared,
        limiter: Arc::clone(&campaign.limiter),
        witnesses,
        campaign,
        lists_are_elsewhere,
        _listening: listening,
        locked,
        commands: server.commands(),
        has_run: false,
        takes_over: false,
        server,
        reporter,
    };
    let done = match shared
        .fleet
        .as_deref()
        .filter(|_| run.campaign.loaded.database().is_some())
    {
        Some(fleet) => Box::pin(run.run_in_fleet(fleet, seat)).await,
        None => Box::pin(run.run(Some(seat))).await,
    };
    run.server.close_requests();
    // Drops the reader's store before the lock is released: another process that asks now is about to take both.
    run.server.show(LedgerView::Opening);
    status.finish(broken(&done)).await;
    done
}

/// Returns why a run ended before it could send, or failed.
fn broken(done: &Result<RunResult, AppError>) -> Option<Text> {
    match done {
        Ok(result) => {
            let why = || result.broken().unwrap_or_default();
            result.broken().is_some().then(|| Text::from_fn(why))
        }
        Err(error) => Some(Text::new(error)),
    }
}

struct StartedRun<'a> {
    shared: &'a SharedRun,
    witnesses: CampaignWitnesses,
    campaign: ReadyCampaign,
    /// What the campaigns of the app id share, in a fleet for one term.
    limiter: Arc<AppLimiter>,
    /// Declared before `locked`, so that the socket is gone before the next process can take the lock.
    _listening: Option<Listening>,
    locked: LockedLedger,
    server: ControlServer,
    reporter: Arc<Reporter>,
    commands: watch::Receiver<RunCommand>,
    /// Whether a term of this process has ended.
    has_run: bool,
    /// Whether it goes on for another worker, or for an earlier term of this process.
    takes_over: bool,
    /// Whether this machine lacks lists of users, so that it cannot admit the audience.
    lists_are_elsewhere: bool,
}

impl StartedRun<'_> {
    fn platform(&self) -> Result<HttpPlatform, AppError> {
        let plan = &self.campaign.loaded.plan;
        Ok(HttpPlatform::new(Config {
            base_url: plan.base_url.clone(),
            app_id: plan.identity.app_id.clone(),
            tokens: self.campaign.tokens.clone(),
            codes: Codes::new(plan.codes.clone()),
            timeout: plan.retry.timeout,
            clock: self.campaign.loaded.environment.clock.clone(),
            emit: Arc::clone(&self.reporter) as Arc<dyn Emit>,
        })?)
    }

    async fn send(
        &self,
        ledger: Ledger<CampaignStore>,
        send_order: SendOrder,
        platform: Arc<HttpPlatform>,
    ) -> Result<RunOutcome, AppError> {
        let loaded = &self.campaign.loaded;
        let activity_id = ledger.state().resolve_activity(&loaded.plan.activity_id);
        let counted = self.counted_run(ledger.state(), &platform);
        let apply = Apply {
            plan: Arc::new(loaded.plan.with_activity(activity_id)),
            ledger,
            platform: Arc::clone(&platform),
            send_order,
            limiter: Arc::clone(&self.limiter),
            clock: self.campaign.loaded.environment.clock.clone(),
            commands: self.commands.clone(),
            requests: self.server.take_requests(),
            emit: Arc::clone(&self.reporter) as Arc<dyn Emit>,
            seed: fastrand::u64(..),
        };
        let (ended, mut ledger) = tokio::select! {
            biased;
            ended = Box::pin(apply.run()) => ended?,
            never = Box::pin(count_watch::watch_if_any(counted)) => match never {},
        };
        if matches!(ended.why, StopReason::Halted(_)) {
            Box::pin(self.explain_stock(ledger.state(), &platform)).await;
        }
        Box::pin(self.release_activity(&mut ledger, &platform)).await;
        if Box::pin(self.unless_stalled(ledger.close())).await.is_err() {
            tracing::warn!("the disk of the ledger stalls; the ledger is not closed, and opening it will take longer");
        }
        Ok(ended)
    }

    /// Ends a run that was stopped before it sent.
    fn broken_off(&self) -> RunResult {
        let by = owner::by_whom(&self.commands);
        let notice = if self.has_run {
            Notice::StoppedWaiting(&by)
        } else {
            Notice::StoppedEarly(&by)
        };
        self.campaign.loaded.environment.notify(notice);
        stopped(&self.commands, self.has_run)
    }

    fn emit(&self, kind: EventKind) {
        let at = self.campaign.loaded.environment.clock.now();
        self.reporter.emit(Event { at, kind });
    }
}

fn stopped(commands: &watch::Receiver<RunCommand>, has_run: bool) -> RunResult {
    RunResult::Stopped {
        by: owner::requester(commands),
        has_run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_owned_the_app_id_does_not_say_that_nothing_was_sent() {
        let why = |has_run| RunResult::Stopped { by: None, has_run }.broken();
        assert_eq!(why(false).as_deref(), Some("interrupted before anything was sent"));
        assert_eq!(
            why(true).as_deref(),
            Some("interrupted while it waited for the app id again")
        );
    }
}
