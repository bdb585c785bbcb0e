//! The present of a ledger: the later of the wall clock and the ledger's newest time, so that a clock that was set back makes
//! no doubt younger and starts no day again. A newest time far ahead of the wall clock is from a run with a wrong clock. Then a
//! person has to accept the wall clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::state::illegal_fact::IllegalFact;
use crate::ledger::state::ledger_state::LedgerState;
use crate::model::clock::later;
use crate::model::delivery::{DeliveryStatus, Transition};

/// The present of a ledger for an apply that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The time from which the apply measures.
    pub now: Timestamp,
    /// The ledger's newest time, if it is too far ahead of the wall clock. Then `now` is the wall clock, and nothing is sent
    /// before a person has accepted that.
    pub ahead: Option<Timestamp>,
}

impl LedgerState {
    /// A newest time that is further ahead of the wall clock is from a wrong clock.
    const FURTHEST_AHEAD: Duration = Duration::from_hours(48);

    /// The present of a run that has started: the later of the wall clock and the ledger's newest time.
    #[must_use]
    pub fn present(&self, wall: Timestamp) -> Timestamp {
        self.newest().max(wall)
    }

    /// The present of an apply that starts now, and of a plan.
    #[must_use]
    pub fn present_of_apply(&self, wall: Timestamp) -> Present {
        let ahead = Some(self.newest()).filter(|newest| *newest > later(wall, Self::FURTHEST_AHEAD));
        Present {
            now: if ahead.is_some() { wall } else { self.present(wall) },
            ahead,
        }
    }

    /// A person has accepted the wall clock, which says `at`. Times after `at` are wrong. Earlier times may be wrong too: a
    /// doubt that seems one hour old may be from a run with the wrong clock a week ago. So the age of every doubt is unknown.
    pub(in crate::ledger) fn accept_clock(&mut self, at: Timestamp) -> Result<(), IllegalFact> {
        self.newest = at;
        self.begun.gather(at);
        for wave in &mut self.waves {
            wave.ended = wave.ended.map(|ended| ended.min(at));
        }
        let dated = |status: &DeliveryStatus| status.next(Transition::Undate).is_ok();
        let mut undated = self.deliveries.particular().filter(|(_, status)| dated(status));
        undated.try_for_each(|(key, _)| self.step(key, Transition::Undate))
    }
}
