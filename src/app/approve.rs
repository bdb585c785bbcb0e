//! A person's approval of a wave that has ended: the process that applies the campaign records it, or else this one.

use std::time::Duration;

use crate::control::{Command, ControlError, client};
use crate::engine::approval;
use crate::fleet::DatabaseUrl;
use crate::ledger::lock::LockError;
use crate::model::actor::Actor;
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::model::envelope::RunApproval;
use crate::report::reason::Reason;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::fleet_commands;
use super::locked_ledger::ASK_AGAIN;
use super::person_ledger::PersonLedger;
use super::readonly_ledger;

/// How long a process is asked again that does not answer because it is starting or ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// The result of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// What became of it.
    pub answer: ApprovalAnswer,
    /// The process that applies the campaign and goes on. `None` if no process does.
    pub pid: Option<u32>,
}

/// Approves a wave like [`approve`], for a person at a terminal: not a campaign of a service with a policy.
///
/// # Errors
/// Also when the service decides on the campaign.
pub async fn approve_at_terminal(
    campaign: &LoadedCampaign,
    wave: Option<u32>,
    by: &Actor,
) -> Result<Approved, AppError> {
    if let Some(mut view) = readonly_ledger::open(campaign).await? {
        view.release().await;
        if view.ledger.state().needs_run_approval() {
            let at = Box::new(campaign.at.clone());
            return Err(AppError::NeedsApproval { at });
        }
    }
    Box::pin(approve(campaign, wave, by)).await
}

/// Whether a run of a campaign has gone by this approval of a service.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn is_used(campaign: &LoadedCampaign, approval: &RunApproval) -> Result<bool, AppError> {
    let Some(mut view) = readonly_ledger::open(campaign).await? else {
        return Ok(false);
    };
    view.release().await;
    let mut used = view.ledger.state().run_approvals().iter();
    Ok(used.any(|used| (used.sequence, used.link) == (approval.sequence, approval.link)))
}

/// Approves a wave of a campaign: the one with this number, 0 for the testers, or the one that ended last. It is durable when
/// this returns.
pub async fn approve(campaign: &LoadedCampaign, wave: Option<u32>, by: &Actor) -> Result<Approved, AppError> {
    if let Some(url) = campaign.database() {
        return Box::pin(approve_in_fleet(campaign, url, wave, by)).await;
    }
    let place = campaign.ledger_dir();
    let mut waited = Duration::ZERO;
    loop {
        if let Some(owner) = place.applier()? {
            let request = ApprovalRequest { wave, by: by.clone() };
            match client::approve(&place.socket(), request).await {
                Ok(answer) => {
                    let pid = Some(owner.pid);
                    return Ok(Approved { answer, pid });
                }
                Err(ControlError::Nobody { .. } | ControlError::Busy { .. }) if waited < PATIENCE => {
                    tokio::time::sleep(ASK_AGAIN).await;
                    waited += ASK_AGAIN;
                    continue;
                }
                Err(source) => {
                    let owner = LockError::taken_by(owner);
                    return Err(AppError::OwnerUnclear { source, owner });
                }
            }
        }
        if let Ok(answer) = Box::pin(append(campaign, wave, by)).await? {
            return Ok(Approved { answer, pid: None });
        }
    }
}

/// Passes the approval to the worker that applies the campaign, or else records it as a worker.
async fn approve_in_fleet(
    campaign: &LoadedCampaign,
    url: &DatabaseUrl,
    wave: Option<u32>,
    by: &Actor,
) -> Result<Approved, AppError> {
    let request = ApprovalRequest { wave, by: by.clone() };
    let command = Command::Approve(request);
    let database = campaign.environment.connect(url).await?;
    if let Some(answered) = fleet_commands::send(&database, &campaign.plan.identity, &command, &by.name).await? {
        let place = campaign.ledger_location();
        let answer = answered.approval(&place).map_err(AppError::Worker)?;
        let pid = Some(answered.pid);
        return Ok(Approved { answer, pid });
    }
    let answer = Box::pin(append(campaign, wave, by)).await?.map_err(AppError::Lock)?;
    Ok(Approved { answer, pid: None })
}

/// Records the approval in a ledger that no other process has. The inner error names the process that applies the campaign.
async fn append(
    campaign: &LoadedCampaign,
    wave: Option<u32>,
    by: &Actor,
) -> Result<Result<ApprovalAnswer, LockError>, AppError> {
    let mut ledger = match PersonLedger::open(campaign).await? {
        Ok(ledger) => ledger,
        Err(taken) => return Ok(Err(taken)),
    };
    let now = campaign.environment.clock.now();
    let answer = match approval::check(&campaign.plan, ledger.state(), wave, now) {
        Ok(approvable) => {
            let wave = approvable.wave;
            let reason = Reason::Approved { wave, by: by.clone() };
            ledger.record(vec![approvable.fact(by.clone(), now)], reason).await?;
            ApprovalAnswer::Approved { wave }
        }
        Err(answer) => answer,
    };
    Box::pin(ledger.close()).await;
    Ok(Ok(answer))
}
