//! The present of a ledger: the later of the wall clock and the ledger's newest time, so that a clock that was set back makes
//! no doubt younger and starts no day again. A newest time far ahead of the wall clock is from a run with a wrong clock. Then a
//! person has to accept the wall clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::clock::later;

/// A newest time that is further ahead of the wall clock is from a wrong clock.
const FURTHEST_AHEAD: Duration = Duration::from_hours(48);

/// The present of a ledger for an apply that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The time from which the apply measures.
    pub now: Timestamp,
    /// The ledger's newest time, if it is too far ahead of the wall clock. Then `now` is the wall clock, and nothing is sent
    /// before a person has accepted that.
    pub ahead: Option<Timestamp>,
}

impl Present {
    pub(super) fn new(newest: Timestamp, wall: Timestamp) -> Self {
        let ahead = Some(newest).filter(|newest| *newest > later(wall, FURTHEST_AHEAD));
        Self {
            now: if ahead.is_some() { wall } else { newest.max(wall) },
            ahead,
        }
    }
}
