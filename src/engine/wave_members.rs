//! Which wave a recipient belongs to, and when a recipient who was never attempted has a turn.

use jiff::Timestamp;

use crate::ledger::{Approval, LedgerState};
use crate::model::approval::WaveWait;
use crate::model::bucketing::{Bucketing, WAVE};
use crate::model::clock::later;
use crate::plan::{self, Plan};

/// Assigns recipients to the waves of a plan.
pub(super) struct WaveMembers<'p> {
    plan: &'p Plan,
    ledger_state: &'p LedgerState,
    draw: Bucketing,
}

impl<'p> WaveMembers<'p> {
    pub(super) fn new(plan: &'p Plan, ledger_state: &'p LedgerState) -> Self {
        let draw = Bucketing::new(WAVE, &plan.identity.campaign, &plan.identity.app_id);
        Self {
            plan,
            ledger_state,
            draw,
        }
    }

    /// A recipient's wave, from 0. The number of waves for a recipient in no wave.
    pub(super) fn wave(&self, recipient: u32) -> usize {
        let schedule = &self.plan.schedule;
        if schedule.has_testers() && self.ledger_state.testers().binary_search(&recipient).is_ok() {
            return 0;
        }
        let open_id = self.ledger_state.open_id(recipient);
        let within = |wave: &plan::Wave| !wave.is_testers() && self.draw.within(wave.share, &open_id);
        schedule.waves.iter().position(within).unwrap_or(schedule.waves.len())
    }
}

/// What a user's first attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Now,
    /// The end of the wait after a wave, at this time.
    At(Timestamp),
    /// An approval of this wave, which has ended; 0 for the testers.
    Approved(u32),
    /// The waves before this one, from 1. `None` for a user in no wave, who waits for all of them.
    With(Option<u32>),
}

/// What the first attempt of a user waits for.
pub(super) fn turn(plan: &Plan, ledger_state: &LedgerState, recipient: u32) -> Turn {
    let waves = &plan.schedule.waves;
    if waves.is_empty() {
        return Turn::Now;
    }
    let wave = WaveMembers::new(plan, ledger_state).wave(recipient);
    let ended = last_ended(plan, ledger_state);
    let first = ended.map_or(0, |last| last.place + 1);
    if wave > first {
        return Turn::With(number(plan, wave));
    }
    let Some(last) = ended.filter(|_| wave == first) else {
        return Turn::Now;
    };
    match last.wait(plan) {
        WaveWait::For(wait) if wait.is_zero() => Turn::Now,
        WaveWait::For(wait) => Turn::At(later(last.at, wait)),
        WaveWait::Approval => Turn::Approved(number(plan, last.place).unwrap_or_default()),
    }
}

/// A wave of a plan that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedWave<'s> {
    /// Its place among the waves of the plan.
    pub(super) place: usize,
    /// When it ended.
    pub(super) at: Timestamp,
    /// Its share in the ledger.
    pub(super) share: f64,
    /// The approval that ended the wait after it. `None` without one.
    pub(super) approved: Option<&'s Approval>,
}

impl EndedWave<'_> {
    /// What a run has to wait for after it.
    pub(super) fn wait(&self, plan: &Plan) -> WaveWait {
        if self.approved.is_some() {
            WaveWait::NONE
        } else {
            plan.schedule.wait_after(self.place)
        }
    }
}

/// The last wave of a plan that has ended according to the ledger.
pub(super) fn last_ended<'s>(plan: &Plan, ledger_state: &'s LedgerState) -> Option<EndedWave<'s>> {
    let places = (0..plan.schedule.waves.len()).rev();
    let mut ended = places.filter_map(|place| ended(plan, ledger_state, place));
    ended.next()
}

/// A wave of a plan, if it has ended according to the ledger. If the ledger has no wave of its share, the next larger share
/// counts: it includes all its users.
pub(super) fn ended<'s>(plan: &Plan, ledger_state: &'s LedgerState, place: usize) -> Option<EndedWave<'s>> {
    let share = plan.schedule.waves.get(place)?.share;
    let mut known = ledger_state
        .waves()
        .iter()
        .filter(|known| known.share >= share || is_same_share(known.share, share));
    known.find_map(|known| {
        Some(EndedWave {
            place,
            at: known.ended?,
            share: known.share,
            approved: known.approved.as_ref(),
        })
    })
}

/// A wave's number for people, from 1; 0 for the testers. `None` for the users in no wave.
pub(super) fn number(plan: &Plan, wave: usize) -> Option<u32> {
    let first = usize::from(!plan.schedule.has_testers());
    let number = u32::try_from(wave + first).ok();
    number.filter(|_| wave < plan.schedule.waves.len())
}

/// The place of the wave with this number for people. `None` if the plan has none.
pub(super) fn place(plan: &Plan, number: u32) -> Option<usize> {
    let first = usize::from(!plan.schedule.has_testers());
    let place = usize::try_from(number).ok()?.checked_sub(first)?;
    (place < plan.schedule.waves.len()).then_some(place)
}

/// Whether two shares are equal, apart from rounding.
pub(super) fn is_same_share(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}
