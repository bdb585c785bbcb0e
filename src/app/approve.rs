//! A person's approval of a wave that has ended: the process that applies the campaign records it, or else this one.

use std::time::Duration;

use crate::control::{ControlError, client};
use crate::engine::approval;
use crate::ledger::lock::{LockError, Purpose};
use crate::model::actor::Actor;
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::locked_ledger::{ASK_AGAIN, LockedLedger, OpenLedger};
use super::witness::CampaignWitnesses;
use super::{find_other_ledger, older_ledger, readonly_ledger, status_update};

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
        if let Some(answer) = append(campaign, wave, by).await? {
            return Ok(Approved { answer, pid: None });
        }
    }
}

/// Records the approval in a ledger that no other process has. `None` if a process applies the campaign by now.
async fn append(campaign: &LoadedCampaign, wave: Option<u32>, by: &Actor) -> Result<Option<ApprovalAnswer>, AppError> {
    let no_ledger = || readonly_ledger::no_ledger(campaign);
    if campaign.ledger_dir().look()?.is_none() {
        return Err(no_ledger());
    }
    if let Some(other) = find_other_ledger::find(campaign)? {
        return Err(other.into());
    }
    let Ok(locked) = LockedLedger::take_unless_applied(campaign, Purpose::Apply).await? else {
        return Ok(None);
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
    Ok(Some(ApprovalAnswer::Approved { wave }))
}
