//! The ledger of a campaign that no process applies, opened to record what a person asks.

use crate::control::ControlError;
use crate::ledger::lock::LockError;
use crate::ledger::{Fact, Ledger, LedgerState};
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::campaign::LoadedCampaign;
use super::campaign_store::CampaignStore;
use super::error::AppError;
use super::locked_ledger::{LockedLedger, OpenLedger};
use super::witness::CampaignWitnesses;
use super::{find_other_ledger, older_ledger, readonly_ledger, status_update};

/// A ledger that this process may write.
pub(super) struct PersonLedger<'c> {
    campaign: &'c LoadedCampaign,
    locked: LockedLedger,
    witnesses: CampaignWitnesses,
    ledger: Ledger<CampaignStore>,
    id: String,
}

impl<'c> PersonLedger<'c> {
    /// Takes and opens the ledger. The inner error names the process that applies the campaign.
    pub async fn open(campaign: &'c LoadedCampaign) -> Result<Result<Self, LockError>, AppError> {
        check(campaign).await?;
        let locked = match Box::pin(LockedLedger::take_to_write(campaign)).await {
            Err(AppError::Lock(taken @ LockError::Taken { .. })) => return Ok(Err(taken)),
            locked => locked?,
        };
        let witnesses = CampaignWitnesses::new(campaign);
        let opened = locked.open(&witnesses).await?;
        let opened = opened.ok_or_else(|| readonly_ledger::no_ledger(campaign))?;
        older_ledger::accepted(&[], opened.older.as_ref())?;
        let OpenLedger { mut ledger, id, .. } = opened;
        ledger.accept_older();
        Ok(Ok(Self {
            campaign,
            locked,
            witnesses,
            ledger,
            id,
        }))
    }

    /// The state of the ledger.
    pub const fn state(&self) -> &LedgerState {
        self.ledger.state()
    }

    /// Makes the facts durable. `runner status` shows the reason from then on.
    pub async fn record(&mut self, facts: Vec<Fact>, reason: Reason) -> Result<(), AppError> {
        let clock = &self.campaign.environment.clock;
        self.ledger.append(facts).await?;
        let head = *self.ledger.store().heads().borrow();
        self.witnesses.write(&self.id, head, clock.now()).await;
        let at = rfc3339(clock.now(), &self.campaign.parsed.campaign.timezone);
        status_update::write(&self.locked, &self.campaign.plan, self.ledger.state(), at, reason);
        Ok(())
    }

    /// Closes the ledger and releases its lock.
    pub async fn close(self) {
        self.ledger.close().await;
        self.locked.release().await;
    }
}

/// Checks that the campaign has a ledger, and that it is not another campaign's.
pub(super) async fn check(campaign: &LoadedCampaign) -> Result<(), AppError> {
    if readonly_ledger::manifest(campaign).await?.is_none() {
        return Err(readonly_ledger::no_ledger(campaign));
    }
    match find_other_ledger::find(campaign)? {
        Some(other) => Err(other.into()),
        None => Ok(()),
    }
}

/// Whether the owner of a ledger may take the same request a little later, or the next owner: it certainly took it not at all.
pub(super) fn may_ask_again(error: &ControlError) -> bool {
    error.is_before_request() || matches!(error, ControlError::Busy { .. })
}
