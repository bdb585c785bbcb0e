//! Everything that is known about one user, and what happens to their coupons next.

mod next_words;
mod objects;
mod words;

pub use next_words::next_words;
pub use objects::object_lines;
pub use words::{CouponWords, TimedWords, TraceWords};

use std::ops::RangeInclusive;

use crate::engine::delivery_forecast::{Next, next};
use crate::history::recipient::RecipientHistory;
use crate::history::row::Row;
use crate::ledger::{LedgerState, Present};
use crate::model::delivery::DeliveryKey;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::nearest::nearest;
use super::readonly_ledger::{self, ReadonlyLedger};

/// What is known about one user of a campaign.
#[derive(Debug)]
pub struct Trace {
    ledger: ReadonlyLedger,
    /// The open_id that was asked for.
    open_id: String,
    /// The user.
    pub recipient: u32,
    /// What happened to the user's deliveries.
    pub history: RecipientHistory,
    /// The present of an apply.
    pub present: Present,
}

impl Trace {
    /// Returns the state of the ledger.
    #[must_use]
    pub fn ledger_state(&self) -> &LedgerState {
        self.ledger.ledger.state()
    }

    /// Returns the user's open_id.
    #[must_use]
    pub fn open_id(&self) -> &str {
        &self.open_id
    }

    /// Returns the ordinals of the user's deliveries.
    #[must_use]
    pub fn ordinals(&self) -> RangeInclusive<u8> {
        1..=self.ledger_state().ordinals()
    }

    /// Returns one of the user's deliveries.
    #[must_use]
    pub fn row(&self, ordinal: u8) -> Row<'_> {
        self.history.row(self.ledger_state(), ordinal)
    }

    /// Returns what happens next to one of the user's deliveries.
    #[must_use]
    pub fn next(&self, campaign: &LoadedCampaign, ordinal: u8) -> Next {
        let key = DeliveryKey {
            recipient: self.recipient,
            ordinal,
        };
        next(self.ledger_state(), &campaign.plan, key, self.present)
    }
}

/// Traces one user of a campaign.
pub async fn trace(campaign: &LoadedCampaign, open_id: &str) -> Result<Trace, AppError> {
    let mut view = readonly_ledger::open_existing(campaign).await?;
    let ledger_state = view.ledger.state();
    let Some(recipient) = ledger_state.find(open_id.trim()) else {
        return Err(AppError::UnknownUser {
            at: Box::new(campaign.at.clone()),
            name: campaign.plan.identity.campaign.clone(),
            open_id: open_id.to_owned(),
            near: nearest(ledger_state, open_id.trim()),
        });
    };
    let history = RecipientHistory::new(&mut view.ledger, recipient).await?;
    view.release().await;
    Ok(Trace {
        present: view.ledger.state().present_of_apply(campaign.environment.clock.now()),
        ledger: view,
        open_id: open_id.trim().to_owned(),
        recipient,
        history,
    })
}
