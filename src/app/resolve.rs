//! A person's decision about deliveries: the process that applies the campaign records it and goes on with what is owed then, or
//! else this one records it. It is about all deliveries that were selected, or about none.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::control::{Command, ControlError, client};
use crate::engine::resolution::{self, Selected};
use crate::fleet::DatabaseUrl;
use crate::ledger::LedgerState;
use crate::ledger::lock::LockError;
use crate::model::delivery::Resolution;
use crate::model::resolve::{Expected, ResolveAnswer, ResolveRefusal, ResolveRequest, Resolved, Selection};
use crate::report::reason::Reason;

use super::campaign::LoadedCampaign;
use super::erased::check_has_open_ids;
use super::error::AppError;
use super::locked_ledger::ASK_AGAIN;
use super::nearest::nearest;
use super::person_ledger::{PersonLedger, check, may_ask_again};
use super::readonly_ledger::{self, ReadonlyLedger};
use super::{fleet_commands, older_ledger};

/// How long a process is asked again that is starting or ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a decision would be about, as the ledger says it now.
#[derive(Debug)]
pub struct Preview {
    view: ReadonlyLedger,
    selected: Vec<Selected>,
}

impl Preview {
    /// Reads the ledger and selects the deliveries, also while a process applies the campaign.
    pub async fn read(campaign: &LoadedCampaign, selection: &Selection, to: Resolution) -> Result<Self, AppError> {
        check(campaign).await?;
        let opened = readonly_ledger::open(campaign).await?;
        let mut view = opened.ok_or_else(|| readonly_ledger::no_ledger(campaign))?;
        older_ledger::accepted(&[], view.older.as_ref())?;
        view.release().await;
        let state = view.ledger.state();
        check_has_open_ids(&campaign.plan.identity, state)?;
        let selected = resolution::select(state, selection, to).map_err(|refusals| refused(refusals, Some(state)))?;
        Ok(Self { view, selected })
    }

    /// Returns the selected deliveries, in the order of the ledger.
    #[must_use]
    pub fn selected(&self) -> &[Selected] {
        &self.selected
    }

    /// Returns the state of the ledger.
    #[must_use]
    pub const fn ledger_state(&self) -> &LedgerState {
        self.view.ledger.state()
    }

    /// Returns where the ledger is, as it is shown.
    #[must_use]
    pub fn ledger_location(&self) -> &Path {
        &self.view.dir
    }

    /// Returns what to expect of the selection, so that nothing else is decided about.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected::Digest(resolution::digest(self.ledger_state(), &self.selected))
    }
}

/// A decision that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The deliveries.
    pub resolved: Resolved,
    /// The process that applies the campaign and goes on. `None` if no process does.
    pub pid: Option<u32>,
}

/// Decides about deliveries. It is durable when this returns.
pub async fn resolve(campaign: &LoadedCampaign, request: &ResolveRequest) -> Result<Decided, AppError> {
    let began = Instant::now();
    loop {
        let is_patient = began.elapsed() < PATIENCE;
        let (answer, pid) = match campaign.database() {
            Some(url) => Box::pin(ask_worker(campaign, url, request)).await?,
            None => ask_owner(campaign, request, is_patient).await?,
        };
        let answer = match answer {
            Some(answer) => Ok(answer),
            None => Box::pin(append(campaign, request)).await?,
        };
        match answer {
            Ok(ResolveAnswer::Resolved(resolved)) => return Ok(Decided { resolved, pid }),
            Ok(ResolveAnswer::Refused { refusals }) => return Err(refused(refusals, None)),
            Ok(ResolveAnswer::Changed { now }) => {
                let at = Box::new(campaign.at.clone());
                let is_applied = pid.is_some();
                return Err(AppError::SelectionChanged { at, now, is_applied });
            }
            Ok(ResolveAnswer::Unknown) => return Err(unknown(campaign, None)),
            // It began meanwhile, is about to end, or waits for its turn.
            Err(taken) if !is_patient => return Err(AppError::Lock(taken)),
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

/// An answer of the process that applies the campaign, and its process id. No answer: no process has taken the decision.
type Asked = (Option<ResolveAnswer>, Option<u32>);

/// Asks the process of this machine that applies the campaign.
async fn ask_owner(campaign: &LoadedCampaign, request: &ResolveRequest, is_patient: bool) -> Result<Asked, AppError> {
    let place = campaign.ledger_dir();
    let Some(owner) = place.applier()? else {
        return Ok((None, None));
    };
    match client::resolve(&place.socket(), request.clone()).await {
        Ok(answer) => Ok((Some(answer), Some(owner.pid))),
        Err(error) if may_ask_again(&error) && is_patient => Ok((None, None)),
        Err(source) if source.is_before_answer() => Err(unknown(campaign, Some(source))),
        Err(source) => {
            let owner = LockError::taken_by(owner);
            Err(AppError::OwnerUnclear { source, owner })
        }
    }
}

/// Asks the worker that applies the campaign.
async fn ask_worker(campaign: &LoadedCampaign, url: &DatabaseUrl, request: &ResolveRequest) -> Result<Asked, AppError> {
    let command = Command::Resolve(request.clone());
    let database = campaign.environment.connect(url).await?;
    let answered = match fleet_commands::send(&database, &campaign.plan.identity, &command, &request.by).await {
        Ok(Some(answered)) => answered,
        Ok(None) => return Ok((None, None)),
        Err(AppError::Worker(source)) => return Err(unknown(campaign, Some(source))),
        Err(error) => return Err(error),
    };
    match answered.resolve(&campaign.ledger_location()) {
        Ok(answer) => Ok((Some(answer), Some(answered.pid))),
        Err(error) if may_ask_again(&error) => Ok((None, None)),
        Err(error) => Err(AppError::Worker(error)),
    }
}

fn unknown(campaign: &LoadedCampaign, source: Option<ControlError>) -> AppError {
    let at = Box::new(campaign.at.clone());
    AppError::DecisionUnknown { at, source }
}

/// Records the decision in a ledger that no other process has. The inner error names the process that applies the campaign.
async fn append(
    campaign: &LoadedCampaign,
    request: &ResolveRequest,
) -> Result<Result<ResolveAnswer, LockError>, AppError> {
    let mut ledger = match PersonLedger::open(campaign).await? {
        Ok(ledger) => ledger,
        Err(taken) => return Ok(Err(taken)),
    };
    let answer = match resolution::check(ledger.state(), request) {
        Ok(selected) => {
            if !selected.is_empty() {
                let facts = resolution::facts(&selected, request, campaign.environment.clock.now());
                let reason = Reason::Resolved {
                    deliveries: selected.len() as u64,
                    to: request.to,
                    by: request.by.clone(),
                };
                ledger.record(facts, reason).await?;
            }
            ResolveAnswer::Resolved(resolution::resolved(ledger.state(), &selected, usize::MAX))
        }
        Err(answer) => answer,
    };
    Box::pin(ledger.close()).await;
    Ok(Ok(answer))
}

/// The error that names every refusal, with a similar open_id for each unknown one.
fn refused(mut refusals: Vec<ResolveRefusal>, ledger_state: Option<&LedgerState>) -> AppError {
    for refusal in &mut refusals {
        if let (ResolveRefusal::Unknown { open_id, near }, Some(state)) = (refusal, ledger_state) {
            *near = nearest(state, open_id);
        }
    }
    AppError::CannotResolve(refusals)
}
