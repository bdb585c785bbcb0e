//! Expiry by `active_within`: a recipient who expires before the expected start is skipped before anything is prepared.

use jiff::Timestamp;

use crate::engine::send_order::{self, SendOrder};
use crate::ledger::LedgerState;
use crate::model::clock::{from_ms, later};
use crate::model::delivery::DeliveryKey;
use crate::plan::AsOf;

use super::app_share::AppShare;
use super::limit::{Candidate, Limit, Reserved, View};

/// When each recipient expires in one run, by the wall clock.
#[derive(Debug)]
pub struct Expiry {
    send_order: SendOrder,
    /// How far the present of the plan is ahead of the wall clock, in milliseconds.
    ahead: i64,
}

impl Expiry {
    /// The expiry of a run that begins when the wall clock says `wall`.
    pub fn new(send_order: SendOrder, as_of: AsOf, wall: Timestamp) -> Self {
        let ahead = send_order::ahead(as_of, wall);
        Self { send_order, ahead }
    }

    /// The last moment at which a delivery may start. `None` without one, and for a doubt: it is resent to learn its outcome.
    pub fn latest(&self, state: &LedgerState, key: DeliveryKey) -> Option<Timestamp> {
        let expires = self.send_order.lapses(key.recipient)?;
        let doubtful = state.status(key).doubt.is_some();
        (!doubtful).then(|| from_ms(expires.as_millisecond().saturating_sub(self.ahead)))
    }
}

impl Limit for Expiry {
    fn reserve(&mut self, candidate: Candidate, view: &View<'_>, _app: &mut dyn AppShare) -> Reserved {
        let Some(latest) = self.latest(view.state, candidate.key) else {
            return Reserved::Yes;
        };
        let expected = view.app.expected(view.ahead);
        let start = later(view.now.wall, expected.saturating_duration_since(view.now.instant));
        if start <= latest {
            Reserved::Yes
        } else {
            Reserved::Expired
        }
    }
}
