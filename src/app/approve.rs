//! A person's approval of a wave that has ended: the process that applies the campaign records it, or else this one.

use std::time::Duration;

use crate::control::{Command, ControlError, client};
use crate::engine::approval;
use crate::fleet::DatabaseUrl;
use crate::ledger::lock::{LockError, Purpose};
use crate::model::actor::Actor;
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::locked_ledger::{ASK_AGAIN, LockedLedger, OpenLedger};
use super::witness::CampaignWitnesses;
use super::{find_other_ledger, fleet_commands, older_ledger, readonly_ledger, status_update};

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
        if let Some(answer) = Box::pin(append(campaign, wave, by)).await? {
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
    if let Some(answered) = fleet_commands::send(url, &campaign.plan.identity, &command, &by.name).await? {
        let place = campaign.ledger_location();
        let answer = answered.approval(&place).map_err(AppError::Worker)?;
        let pid = Some(answered.pid);
        return Ok(Approved { answer, pid });
    }
    let answer = Box::pin(append(campaign, wave, by)).await?;
    let answer = answer.ok_or(AppError::Lock(LockError::Taken {
        owner: None,
        purpose: Purpose::Apply,
    }))?;
    Ok(Approved { answer, pid: None })
}

/// Records the approval in a ledger that no other process has. `None` if a process applies the campaign by now.
async fn append(campaign: &LoadedCampaign, wave: Option<u32>, by: &Actor) -> Result<Option<ApprovalAnswer>, AppError> {
    let no_ledger = || readonly_ledger::no_ledger(campaign);
    if readonly_ledger::manifest(campaign).await?.is_none() {
        return Err(no_ledger());
    }
    if let Some(other) = find_other_ledger::find(campaign)? {
        return Err(other.into());
    }
    let locked = match Box::pin(LockedLedger::take_to_write(campaign)).await {
        Err(AppError::Lock(LockError::Taken { .. })) => return Ok(None),
        locked => locked?,
    };
    let witnesses = CampaignWitnesses::new(campaign);
    let opened = locked.open(&witnesses).await?.ok_or_else(no_ledger)?;
    older_ledger::accepted(&[], opened.older.as_ref())?;
    let OpenLedger { mut ledger, id, .. } = opened;
    ledger.accept_older();
    let clock = &campaign.environment.clock;
    let now = clock.now();
    let approvable = match approval::check(&campaign.plan, ledger.state(), wave, now) {
        Ok(approvable) => approvable,
        Err(answer) => return Ok(Some(answer)),
    };
    ledger.append(vec![approvable.fact(by.clone(), now)]).await?;
    let head = *ledger.store().heads().borrow();
    witnesses.write(&id, head, clock.now()).await;

    let wave = approvable.wave;
    let reason = Reason::Approved { wave, by: by.clone() };
    let at = rfc3339(now, &campaign.parsed.campaign.timezone);
    status_update::write(&locked, &campaign.plan, ledger.state(), at, reason);
    ledger.close().await;
    locked.release().await;
    Ok(Some(ApprovalAnswer::Approved { wave }))
}
