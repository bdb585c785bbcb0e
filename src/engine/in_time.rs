//! Whether a turn comes in time: whoever will have lapsed by the next start is skipped before anything is armed for them. And
//! whether the user is free: a delivery is passed over while another campaign has a request in flight for its user.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::douyin::Platform;
use crate::ledger::{Fact, Store};
use crate::model::clock::{Moment, later};
use crate::model::delivery::DeliveryKey;

use super::dispatcher::{Batch, Dispatcher};
use super::queue::Pick;
use super::reservations::User;

/// A delivery whose user is reserved for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserved {
    pub(super) key: DeliveryKey,
    pub(super) user: User,
}

/// So many that lapsed share a flush at most.
const MOST_LAPSED: usize = 512;

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// The next delivery that is still in time, with its user, whom it reserves. Those whose users lapsed while they waited are
    /// skipped on the way, some at once: each is a fact of its own, so that the next run knows it as well. Those whose users
    /// have a request in flight in another campaign are passed over.
    pub(super) fn next_in_time(&mut self, pick: Pick, at: Moment, batch: &mut Batch) -> Option<Reserved> {
        while batch.lapsed.len() < MOST_LAPSED {
            let ledger_state = self.ledger.state();
            let key = self.queue.next(ledger_state, at, pick)?;
            let in_time = self
                .latest(key)
                .is_none_or(|latest| self.next_start(at, batch) <= latest);
            if in_time {
                let user = User::new(&self.ledger.state().open_id(key.recipient));
                match self.limits.limiter.reserve(user, at.instant) {
                    Ok(()) => return Some(Reserved { key, user }),
                    Err(busy) => self.queue.set_aside(key, user, busy),
                }
                continue;
            }
            let recipient = key.recipient;
            self.queue.forget(key);
            if batch.lapsed.insert(recipient) {
                batch.facts.push(Fact::Lapsed { recipient, at: at.wall });
            }
        }
        None
    }

    /// When the next one that is armed would start, behind those that are armed already.
    fn next_start(&self, at: Moment, batch: &Batch) -> Timestamp {
        let prepared = u32::try_from(self.shared.prepared.load(Ordering::SeqCst)).unwrap_or(u32::MAX);
        let before = prepared.saturating_add(batch.intents);
        let expected = self.limits.limiter.expected(at.instant, before);
        later(at.wall, expected.saturating_duration_since(at.instant))
    }

    /// The last moment at which a delivery may start. A doubt has none: it is sent again to learn what became of it.
    pub(super) fn latest(&self, key: DeliveryKey) -> Option<Timestamp> {
        let doubtful = self.ledger.state().status(key).doubt.is_some();
        self.flight.expiry.latest(key.recipient).filter(|_| !doubtful)
    }
}
