//! What time it is for a ledger. A clock that was set back makes nothing younger and begins no day anew, so its newest fact
//! counts where that is later than the wall clock; until a person says that it was told under a wrong clock.

use std::time::Duration;

use jiff::Timestamp;

use super::book::Book;
use super::contradiction::Contradiction;
use crate::clock::later;
use crate::delivery::{Standing, Step};

/// The present of a ledger, as an apply takes it that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// What time it is.
    pub now: Timestamp,
    /// The ledger's newest time, where that is too far ahead of the wall clock to go by. Then `now` is the wall clock, and
    /// nothing is sent before a person has accepted that.
    pub ahead: Option<Timestamp>,
}

impl Book {
    /// A ledger whose newest time is further ahead of the wall clock was told under another clock.
    const FURTHEST_AHEAD: Duration = Duration::from_hours(48);

    /// What time it is for a run that has begun: the later of the wall clock and the newest time of all facts.
    #[must_use]
    pub fn present(&self, wall: Timestamp) -> Timestamp {
        self.newest().max(wall)
    }

    /// What time it is for an apply that begins now, and for whoever foretells one.
    #[must_use]
    pub fn present_of_apply(&self, wall: Timestamp) -> Present {
        let ahead = Some(self.newest()).filter(|newest| *newest > later(wall, Self::FURTHEST_AHEAD));
        Present {
            now: if ahead.is_some() { wall } else { self.present(wall) },
            ahead,
        }
    }

    /// A person has accepted that it is `at` by the wall clock. What is said to have been later was before that, and how long
    /// before nobody knows. That holds for all attempts: a doubt that seems to be of an hour ago may be of a run under the
    /// wrong clock a week ago.
    pub(super) fn accept_clock(&mut self, at: Timestamp) -> Result<(), Contradiction> {
        self.newest = at;
        self.begun.gather(at);
        for wave in &mut self.waves {
            wave.ended = wave.ended.map(|ended| ended.min(at));
        }
        let dated = |standing: &Standing| standing.next(Step::Undate).is_ok();
        let mut undated = self.deliveries.particular().filter(|(_, standing)| dated(standing));
        undated.try_for_each(|(key, _)| self.step(key, Step::Undate))
    }
}
