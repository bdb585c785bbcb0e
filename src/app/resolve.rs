//! Appends a person's decision about deliveries to the ledger, as facts: about all that were selected, or about none.

pub mod selection;

use std::path::Path;

use jiff::Timestamp;

use crate::ledger::lock::LockError;
use crate::ledger::{Fact, Ledger, LedgerState, ManualDecision};
use crate::model::delivery::{DeliveryKey, Resolution, StateName};
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::campaign::LoadedCampaign;
use super::campaign_store::CampaignStore;
use super::error::AppError;
use super::locked_ledger::{LockedLedger, OpenLedger};
use super::witness::CampaignWitnesses;
use super::{find_other_ledger, older_ledger, readonly_ledger, status_update};

use self::selection::{Selected, Selection, select};

/// A decision that can be made: this process has the ledger, and every selected delivery allows it.
pub struct Resolving<'c> {
    campaign: &'c LoadedCampaign,
    locked: LockedLedger,
    witnesses: CampaignWitnesses,
    ledger: Ledger<CampaignStore>,
    ledger_id: String,
    to: Resolution,
    selected: Vec<Selected>,
}

impl<'c> Resolving<'c> {
    /// Takes the ledger and selects the deliveries. Changes nothing.
    pub async fn begin(campaign: &'c LoadedCampaign, selection: &Selection, to: Resolution) -> Result<Self, AppError> {
        let no_ledger = || readonly_ledger::no_ledger(campaign);
        if readonly_ledger::manifest(campaign).await?.is_none() {
            return Err(no_ledger());
        }
        if let Some(other) = find_other_ledger::find(campaign)? {
            return Err(other.into());
        }
        let locked = match LockedLedger::take_to_write(campaign).await {
            // The process that applies the campaign would not know of the decision.
            Err(AppError::Lock(taken @ LockError::Taken { .. })) => return Err(AppError::ResolveWhileApplied(taken)),
            locked => locked?,
        };
        let witnesses = CampaignWitnesses::new(campaign);
        let opened = locked.open(&witnesses).await?.ok_or_else(no_ledger)?;
        older_ledger::accepted(&[], opened.older.as_ref())?;
        let OpenLedger { mut ledger, id, .. } = opened;
        ledger.accept_older();
        let selected = select(ledger.state(), selection, to).map_err(AppError::CannotResolve)?;
        Ok(Self {
            campaign,
            locked,
            witnesses,
            ledger,
            ledger_id: id,
            to,
            selected,
        })
    }

    /// Returns the selected deliveries, in the order of the ledger.
    #[must_use]
    pub fn selected(&self) -> &[Selected] {
        &self.selected
    }

    /// Returns the present state of the ledger.
    #[must_use]
    pub const fn ledger_state(&self) -> &LedgerState {
        self.ledger.state()
    }

    /// Returns where the ledger is, as it is shown.
    #[must_use]
    pub fn ledger_location(&self) -> &Path {
        self.locked.location()
    }

    /// Closes the ledger and releases its lock, so that nothing waits while a person thinks. Returns what was selected.
    pub async fn release(self) -> Vec<Selected> {
        self.ledger.close().await;
        self.locked.release().await;
        self.selected
    }

    /// Appends the decision. The ledger keeps the `note` and the `selection` as a person wrote them.
    pub async fn decide(&mut self, note: &str, selection: &str, by: &str) -> Result<(), AppError> {
        let clock = &self.campaign.environment.clock;
        self.ledger.append(self.facts(note, selection, by, clock.now())).await?;
        let head = *self.ledger.store().heads().borrow();
        self.witnesses.write(&self.ledger_id, head, clock.now()).await;
        let reason = Reason::Resolved {
            deliveries: self.selected.len() as u64,
            to: self.to,
            by: by.to_owned(),
        };
        let at = rfc3339(clock.now(), &self.campaign.parsed.campaign.timezone);
        status_update::write(&self.locked, &self.campaign.plan, self.ledger.state(), at, reason);
        Ok(())
    }

    /// Returns the facts of the decision: one or more for each state of the deliveries, in chunks.
    fn facts(&self, note: &str, selection: &str, by: &str, at: Timestamp) -> Vec<Fact> {
        let mut facts = Vec::new();
        for from in [StateName::InDoubt, StateName::Held, StateName::Refused] {
            let these = self.selected.iter().filter(|selected| selected.from == from);
            let these: Vec<DeliveryKey> = these.map(|selected| selected.key).collect();
            for keys in these.chunks(Fact::CHUNK) {
                let decision = ManualDecision {
                    at,
                    by: by.to_owned(),
                    note: note.to_owned(),
                    from,
                    to: self.to,
                    selection: selection.to_owned(),
                };
                facts.push(Fact::Decided {
                    keys: keys.to_vec(),
                    decision: Box::new(decision),
                });
            }
        }
        facts
    }
}
