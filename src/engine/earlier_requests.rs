//! The users of a ledger who may have a request of an earlier process on its way.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::LedgerState;
use crate::model::clock::until;
use crate::model::delivery::State;

/// A user who may have a request of an earlier process on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRequest {
    /// The user.
    pub open_id: String,
    /// For how long the request may be at the platform.
    pub left: Duration,
}

/// The users of intents without an outcome, and of doubts that are not due yet. A request takes `timeout` at most. `wall` is the wall
/// clock.
pub fn earlier_requests(
    state: &LedgerState,
    timeout: Duration,
    wall: Timestamp,
) -> impl Iterator<Item = EarlierRequest> {
    let present = state.present(wall);
    state.unsettled().filter_map(move |(key, status)| {
        let left = match status.state {
            State::Attempting { .. } => Some(timeout),
            State::InDoubt => status.doubt.and_then(|doubt| until(present, doubt.due)),
            _ => None,
        };
        left.map(|left| EarlierRequest {
            open_id: state.open_id(key.recipient),
            left: left.min(timeout),
        })
    })
}
