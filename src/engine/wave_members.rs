//! Which wave a recipient belongs to, and when a recipient who was never attempted has a turn.

use jiff::Timestamp;

use crate::ledger::LedgerState;
use crate::model::bucketing::{Bucketing, WAVE};
use crate::model::clock::later;
use crate::plan::{self, Plan};

/// Assigns users to the waves of a plan.
pub(super) struct WaveMembers<'p> {
    plan: &'p Plan,
    draw: Bucketing,
}

impl<'p> WaveMembers<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let draw = Bucketing::new(WAVE, &plan.identity.campaign, &plan.identity.app_id);
        Self { plan, draw }
    }

    /// A user's wave, from 0. The number of waves for a user in no wave.
    pub(super) fn wave(&self, open_id: &str) -> usize {
        let waves = &self.plan.schedule.waves;
        let within = |wave: &plan::Wave| self.draw.within(wave.share, open_id);
        waves.iter().position(within).unwrap_or(waves.len())
    }
}

/// What a user's first attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Now,
    /// The end of the wait after a wave, at this time.
    At(Timestamp),
    /// The waves before this one, from 1. `None` for a user in no wave, who waits for all of them.
    With(Option<u32>),
}

/// What the first attempt of a user waits for.
pub(super) fn turn(plan: &Plan, ledger_state: &LedgerState, recipient: u32) -> Turn {
    let waves = &plan.schedule.waves;
    if waves.is_empty() {
        return Turn::Now;
    }
    let wave = WaveMembers::new(plan).wave(&ledger_state.open_id(recipient));
    let ended = last_ended(plan, ledger_state);
    let first = ended.map_or(0, |(last, _)| last + 1);
    if wave > first {
        return Turn::With(number(plan, wave));
    }
    match ended.filter(|_| wave == first && plan.schedule.waits) {
        Some((last, at)) => Turn::At(waves.get(last).map_or(at, |wave| later(at, wave.wait))),
        None => Turn::Now,
    }
}

/// The last wave of a plan that has ended according to the ledger, and when. If the ledger has no wave of its share, the next
/// larger share counts: it includes all its users.
pub(super) fn last_ended(plan: &Plan, ledger_state: &LedgerState) -> Option<(usize, Timestamp)> {
    let mut said = plan.schedule.waves.iter().enumerate().rev();
    let ended = |share: f64| {
        let mut known = ledger_state
            .waves()
            .iter()
            .filter(|known| known.share >= share || is_same_share(known.share, share));
        known.find_map(|known| known.ended)
    };
    said.find_map(|(at, wave)| Some((at, ended(wave.share)?)))
}

/// A wave's number for people, from 1. `None` for the users in no wave.
pub(super) fn number(plan: &Plan, wave: usize) -> Option<u32> {
    let number = u32::try_from(wave + 1).ok();
    number.filter(|_| wave < plan.schedule.waves.len())
}

/// Whether two shares are equal, apart from rounding.
pub(super) fn is_same_share(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}
