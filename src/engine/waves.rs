//! Waves: shares of the audience that have their turn before the others. A wave ends when each of its deliveries was answered
//! or has used up its attempts in this run; behind its end lies a wait, and then comes the next one that has anybody in it.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::douyin::Platform;
use crate::ledger::{Answered, Fact, LedgerState, Store};
use crate::model::bucketing::{Bucketing, WAVE};
use crate::model::clock::{Moment, later, until};
use crate::model::delivery::{DeliveryKey, State};
use crate::model::event::{EventKind, Halted, Waiting};
use crate::plan::forecast::WaveLoad;
use crate::plan::{self, Plan};

use super::StopReason;
use super::dispatcher::{Batch, Dispatcher};
use super::queue::Queue;

/// Of a wave that is larger, so many are enough to judge it by.
const ENOUGH: u64 = 200;

/// How far the waves of a run have come; nothing where the campaign has none.
#[derive(Debug, Default)]
pub struct Waves {
    each: Vec<Wave>,
    /// So many have ended, those that were empty included.
    ended: usize,
    /// When the wait behind the last one that ended is over.
    wait: Option<Instant>,
    /// The last whose beginning was told.
    told: Option<usize>,
}

/// One wave as it stands.
#[derive(Clone, Copy, Debug, Default)]
struct Wave {
    /// How many deliveries it has.
    size: u64,
    /// What they were answered, whenever that was.
    answered: Answered,
    /// What they had been answered when a run last halted in it.
    halted: Answered,
}

impl Waves {
    /// Takes over what the ledger has.
    pub(super) fn new(plan: &Plan, ledger_state: &LedgerState, queue: &Queue, at: Moment) -> Self {
        let mut waves = Self::default();
        if plan.schedule.waves.is_empty() {
            return waves;
        }
        waves.each = sizes(plan, ledger_state, |recipient| queue.wave_of(recipient));
        for (wave, said) in waves.each.iter_mut().zip(&plan.schedule.waves) {
            let known = ledger_state.waves().iter().find(|known| same(known.share, said.share));
            wave.halted = known.map_or_else(Answered::default, |known| known.halted);
        }
        if let Some((wave, ended)) = last_ended(plan, ledger_state) {
            waves.ended = wave + 1;
            waves.rest(plan, wave, ended, at);
        }
        waves
    }

    /// Begins the wait behind a wave that ended at some time; nothing where it is over.
    fn rest(&mut self, plan: &Plan, wave: usize, ended: Timestamp, at: Moment) {
        let Some(wait) = plan.schedule.waves.get(wave).map(|wave| wave.wait) else {
            return;
        };
        let end = later(ended, wait);
        self.wait = until(at.wall, end).map(|left| at.instant + left.min(wait));
    }

    /// Goes on as far as a run would by now that has nothing in flight: ends the waves that have nothing left, and lets those
    /// have a turn whose wait is over.
    pub(super) fn go_on(&mut self, plan: &Plan, ledger_state: &LedgerState, queue: &mut Queue, at: Moment) {
        loop {
            self.end_wait(at);
            let current = self.current();
            let waves = self.each.len();
            queue.release(self.released());
            if self.wait.is_some() || current >= waves || !queue.has_ended(ledger_state, self.ended..=current, at.age) {
                return;
            }
            self.ended = current + 1;
            queue.release(current);
            if plan.schedule.waits && queue.waits_for_wave(ledger_state) {
                self.rest(plan, current, at.wall, at);
            }
        }
    }

    /// Whose turn it is, or will be when the wait is over: the first wave that has not ended and has anybody in it, or, behind
    /// all waves, everybody else.
    fn current(&self) -> usize {
        let open = self.each.iter().enumerate().skip(self.ended);
        open.filter(|(_, wave)| wave.size > 0)
            .map(|(at, _)| at)
            .next()
            .unwrap_or(self.each.len())
    }

    /// Up to which wave somebody has a turn: while there is a wait, who came late to a wave that has ended.
    fn released(&self) -> usize {
        match self.wait {
            Some(_) => self.ended.saturating_sub(1),
            None => self.current(),
        }
    }

    /// Takes in that a delivery of a wave was settled, held, or left for a person.
    pub(super) fn answered(&mut self, wave: usize, state: State, stuck: bool) {
        if let Some(wave) = self.each.get_mut(wave) {
            wave.note(state, stuck);
        }
    }

    /// What of a wave was answered since the last halt in it, when too much of it was not issued.
    fn too_few(&self, plan: &Plan, wave: usize) -> Option<Answered> {
        let said = plan.schedule.waves.get(wave)?;
        let wave = self.each.get(wave)?;
        let answered = wave.answered.since(wave.halted);
        let of = answered.all.max(wave.size.min(ENOUGH));
        exceeds(answered.not_issued, said.not_issued, of).then_some(answered)
    }

    /// When time alone changes what may be done.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.wait
    }

    /// Ends the wait when it is over.
    fn end_wait(&mut self, at: Moment) {
        self.wait = self.wait.filter(|due| *due > at.instant);
    }

    /// When the wait will be over by the wall, as it is now.
    fn begins(&self, at: Moment) -> Option<Timestamp> {
        let left = self.wait?.saturating_duration_since(at.instant);
        Some(later(at.wall, left))
    }

    /// What is waited for, and until when.
    pub(super) fn waiting(&self, plan: &Plan, at: Moment) -> Option<(Waiting, Timestamp)> {
        let done = u32::try_from(self.ended).unwrap_or(u32::MAX);
        let next = number(plan, self.current());
        Some((Waiting::Wave { done, next }, self.begins(at)?))
    }
}

impl Wave {
    fn note(&mut self, state: State, stuck: bool) {
        let issued = match state {
            State::Issued => true,
            State::Refused { .. } | State::Held { .. } => false,
            State::InDoubt if stuck => false,
            _ => return,
        };
        self.answered.all += 1;
        self.answered.not_issued += u64::from(!issued);
    }
}

/// Draws who belongs to which wave of a plan.
pub(super) struct Cohorts<'p> {
    plan: &'p Plan,
    draw: Bucketing,
}

impl<'p> Cohorts<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let draw = Bucketing::new(WAVE, &plan.identity.campaign, &plan.identity.app_id);
        Self { plan, draw }
    }

    /// A user's wave, by number from 0; behind all of them for one of no wave.
    pub(super) fn wave(&self, open_id: &str) -> usize {
        let waves = &self.plan.schedule.waves;
        let within = |wave: &plan::Wave| self.draw.within(wave.share, open_id);
        waves.iter().position(within).unwrap_or(waves.len())
    }
}

/// For what a user's first turn waits: a wave that has not ended, or the wait behind one that has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may come now.
    Now,
    /// It comes after the wait, at this time.
    At(Timestamp),
    /// It comes with this wave, from 1, or behind the last one, when those before have ended.
    With(Option<u32>),
}

/// When a user who was never attempted has a turn.
pub(super) fn turn(plan: &Plan, ledger_state: &LedgerState, recipient: u32) -> Turn {
    let waves = &plan.schedule.waves;
    if waves.is_empty() {
        return Turn::Now;
    }
    let wave = Cohorts::new(plan).wave(&ledger_state.open_id(recipient));
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

/// Every wave of a plan as the book has it.
fn sizes(plan: &Plan, ledger_state: &LedgerState, wave_of: impl Fn(u32) -> usize) -> Vec<Wave> {
    let mut each = vec![Wave::default(); plan.schedule.waves.len()];
    for recipient in 0..ledger_state.recipients() {
        let Some(wave) = each.get_mut(wave_of(recipient)) else {
            continue;
        };
        for ordinal in 1..=plan.coupons_per_user {
            let status = ledger_state.status(DeliveryKey { recipient, ordinal });
            wave.size += u64::from(!matches!(status.state, State::Skipped(_)));
            wave.note(status.state, status.doubt.is_some_and(|doubt| doubt.stuck));
        }
    }
    each
}

/// The last wave of a plan that has ended by what the ledger knows, and when: that of its share, or else of the next larger
/// one, in which everybody of it had a turn as well.
pub(super) fn last_ended(plan: &Plan, ledger_state: &LedgerState) -> Option<(usize, Timestamp)> {
    let mut said = plan.schedule.waves.iter().enumerate().rev();
    let ended = |share: f64| {
        let mut known = ledger_state
            .waves()
            .iter()
            .filter(|known| known.share >= share || same(known.share, share));
        known.find_map(|known| known.ended)
    };
    said.find_map(|(at, wave)| Some((at, ended(wave.share)?)))
}

/// What there is to do in each wave that has anybody in it, and behind all of them for everybody else, by a run that begins to
/// send at `wall`, which takes `known` for the present.
pub(super) fn loads(
    plan: &Plan,
    ledger_state: &LedgerState,
    queue: &Queue,
    (wall, known): (Timestamp, Timestamp),
) -> Vec<WaveLoad> {
    let said = &plan.schedule.waves;
    if said.is_empty() {
        return Vec::new();
    }
    let sizes = sizes(plan, ledger_state, |recipient| queue.wave_of(recipient));
    let mut owed = vec![0_u64; said.len() + 1];
    for recipient in 0..ledger_state.recipients() {
        for ordinal in 1..=plan.coupons_per_user {
            let key = DeliveryKey { recipient, ordinal };
            let status = ledger_state.status(key);
            let goes = match (status.state, status.doubt) {
                (State::Pending | State::Deferred { .. }, _) => true,
                (State::InDoubt, Some(doubt)) => queue.resendable(ledger_state, key, &doubt, known),
                _ => false,
            };
            if let (true, Some(owed)) = (goes, owed.get_mut(queue.wave_of(recipient))) {
                *owed += 1;
            }
        }
    }
    let ended = last_ended(plan, ledger_state);
    let mut not_before = Timestamp::MIN;
    let mut loads = Vec::new();
    for (wave, to_send) in owed.into_iter().enumerate() {
        let kept = said
            .get(wave)
            .filter(|_| plan.schedule.waits)
            .map_or(Duration::ZERO, |wave| wave.wait);
        let over = ended.filter(|(last, _)| wave <= *last);
        if let Some((_, at)) = over.filter(|(last, _)| wave == *last) {
            // A clock that was set back delays nobody.
            not_before = later(at.min(wall), kept);
        }
        if sizes.get(wave).is_none_or(|wave| wave.size > 0) {
            loads.push(WaveLoad {
                wave: number(plan, wave),
                to_send,
                not_before: if over.is_some() { Timestamp::MIN } else { not_before },
                wait: if over.is_some() { Duration::ZERO } else { kept },
            });
        }
    }
    loads
}

/// A wave's number from 1; none for everybody else.
pub(super) fn number(plan: &Plan, wave: usize) -> Option<u32> {
    let number = u32::try_from(wave + 1).ok();
    number.filter(|_| wave < plan.schedule.waves.len())
}

/// Shares are the same when nobody could write the difference.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

/// Whether so many are more than this share of some, the roundings of shares aside.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn exceeds(many: u64, share: f64, of: u64) -> bool {
    many as f64 > share * of as f64 + 1e-6
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Tells what lies ahead, when a run begins.
    pub(super) fn tell_of_waves(&self) {
        if self.plan.schedule.waves.is_empty() {
            return;
        }
        let at = self.moment();
        let mut waves = loads(&self.plan, self.ledger.state(), &self.queue, (at.wall, self.known(at)));
        let ended = self.limits.waves.ended;
        waves.retain(|load| load.wave.is_none_or(|wave| wave as usize > ended));
        self.emitter.emit(at.wall, EventKind::WavesAhead { waves });
    }

    /// Ends a wave that has nothing left, begins the next one when its time has come, and halts where too few of one were
    /// issued.
    pub(super) fn check_waves(&mut self, at: Moment, batch: &mut Batch) {
        if self.plan.schedule.waves.is_empty() || self.why.is_some() {
            return;
        }
        self.limits.waves.end_wait(at);
        self.judge(at, batch);
        let current = self.limits.waves.current();
        self.queue.release(self.limits.waves.released());
        if self.limits.waves.wait.is_some() {
            self.leave_for_wave(at, batch);
            return;
        }
        if self.has_ended(current, at, batch) {
            self.end_wave(current, at, batch);
        } else if self.may_start() && self.limits.waves.told != Some(current) && self.ledger.state().counts().owed() > 0
        {
            self.limits.waves.told = Some(current);
            let wave = number(&self.plan, current);
            let ended = false;
            let until = None;
            let skipped = None;
            self.emitter.emit(
                at.wall,
                EventKind::Wave {
                    wave,
                    ended,
                    until,
                    skipped,
                },
            );
        }
    }

    /// Whether nothing of the present wave is left to attempt, and nothing is in flight.
    fn has_ended(&mut self, current: usize, at: Moment, batch: &Batch) -> bool {
        let waves = self.limits.waves.ended..=current;
        let mut in_flight = self.flight.trips.keys();
        if current >= self.limits.waves.each.len()
            || !batch.facts.is_empty()
            || in_flight.any(|key| waves.contains(&self.queue.wave_of(key.recipient)))
        {
            return false;
        }
        self.queue.has_ended(self.ledger.state(), waves, at.age)
    }

    /// Keeps the end of a wave, and begins the wait behind it where anybody is left.
    fn end_wave(&mut self, wave: usize, at: Moment, batch: &mut Batch) {
        let plan = &self.plan.schedule;
        let Some((share, wait)) = plan.waves.get(wave).map(|wave| (wave.share, wave.wait)) else {
            return;
        };
        batch.facts.push(Fact::WaveEnded { share, at: at.wall });
        self.limits.waves.ended = wave + 1;
        self.queue.release(wave);
        let more = self.queue.waits_for_wave(self.ledger.state());
        let waits = more && plan.waits && wait > Duration::ZERO;
        if waits {
            self.limits.waves.rest(&self.plan, wave, at.wall, at);
        } else if more {
            self.send_window.fast_forward(wait);
        }
        batch.events.push(EventKind::Wave {
            wave: number(&self.plan, wave),
            ended: true,
            until: more.then(|| later(at.wall, wait)),
            skipped: (more && !waits).then_some(wait),
        });
    }

    /// Halts in the present wave, and keeps what it was answered: the next run is halted by answers of its own.
    fn judge(&mut self, at: Moment, batch: &mut Batch) {
        let current = self.limits.waves.current();
        let Some(answered) = self
            .limits
            .waves
            .too_few(&self.plan, current)
            .filter(|_| self.limits.waves.wait.is_none())
        else {
            return;
        };
        if let (Some(said), Some(wave)) = (
            self.plan.schedule.waves.get(current),
            self.limits.waves.each.get(current),
        ) {
            batch.facts.push(Fact::WaveHalted {
                share: said.share,
                at: at.wall,
                answered: wave.answered,
            });
        }
        let Answered { all, not_issued } = answered;
        let wave = number(&self.plan, current).unwrap_or_default();
        self.halt(
            Halted::Wave {
                wave,
                not_issued,
                of: all,
            },
            at,
        );
    }

    /// Leaves instead of waiting where nothing else is left to do: the wave's turn comes too late, or not to wait was asked
    /// for.
    fn leave_for_wave(&mut self, at: Moment, batch: &Batch) {
        let ended = 0..=self.limits.waves.ended.saturating_sub(1);
        let why = match self.limits.waves.begins(at) {
            Some(begins) if self.plan.schedule.opens(begins).is_none() => StopReason::NoWave,
            Some(_) if self.plan.run.no_wait => StopReason::BetweenWaves,
            _ => return,
        };
        if batch.facts.is_empty()
            && self.flight.trips.is_empty()
            && self.queue.waits_for_wave(self.ledger.state())
            && self.queue.has_ended(self.ledger.state(), ended, at.age)
            && self.finished().is_none()
        {
            self.finish(why);
        }
    }
}
