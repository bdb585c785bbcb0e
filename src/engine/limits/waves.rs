//! Waves: shares of the audience that are sent to before the rest. A wave ends when each of its deliveries was answered or has
//! used up its attempts in this run. A wait follows, and then the next wave that has any users.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::engine::queue::Queue;
use crate::engine::wave_members::{self, is_same_share, last_ended, number};
use crate::ledger::{Answered, Fact, LedgerState};
use crate::model::approval::WaveWait;
use crate::model::clock::{Moment, later, until};
use crate::model::delivery::{DeliveryKey, State};
use crate::model::event::{EventKind, Halted, Waiting};
use crate::model::mutants::mutant;
use crate::plan::Plan;
use crate::plan::forecast::WaveLoad;

use super::limit::{Limit, RunEvent, View, Wait};

/// The number of answers after which a larger wave is judged.
const ENOUGH: u64 = 200;

/// The progress of a run through its waves. Empty for a campaign without waves.
#[derive(Debug, Default)]
pub struct Waves {
    each: Vec<Wave>,
    /// The number of waves that have ended, empty ones included.
    ended: usize,
    /// The wait after the last one that ended. `None` if it is over.
    wait: Option<Rest>,
    /// The last one whose begin was announced.
    announced: Option<usize>,
}

/// A wait after a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// It is over at this time.
    Until(Instant),
    /// It is over when a person has approved.
    Approval,
}

/// The state of one wave.
#[derive(Clone, Copy, Debug, Default)]
struct Wave {
    /// The number of its deliveries.
    size: u64,
    /// Their answers, from all runs.
    answered: Answered,
    /// Their answers when a run last halted in it.
    halted: Answered,
}

/// What follows for the run from a check of its waves.
#[derive(Debug)]
pub enum WaveChange {
    /// The next wave has begun.
    Began(EventKind),
    /// The current wave has ended.
    Ended {
        /// Records its end.
        fact: Fact,
        /// Shows it, once it is durable.
        event: EventKind,
        /// The wait that a rehearsal skips.
        skipped: Option<Duration>,
    },
    /// Too few deliveries of the current wave were issued.
    Halted {
        /// Records the answers, so that the next run is halted by its own answers only.
        fact: Option<Fact>,
        /// Why the run halts.
        halted: Halted,
    },
    /// Only the next wave is left, and the run does not wait for it.
    Leaves(Leave),
}

/// Why a run does not wait for the next wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It comes too late for any send.
    TooLate,
    /// It comes later, and the run must not wait.
    Waits,
    /// It needs an approval of this wave, and the run must not wait.
    NotApproved(u32),
}

/// What a check of the waves sees beside [`View`].
#[derive(Debug)]
pub struct WaveCheck<'c> {
    /// The queue of the run.
    pub queue: &'c mut Queue,
    /// The deliveries in flight.
    pub in_flight: &'c [DeliveryKey],
    /// Whether no fact waits for its flush.
    pub settled: bool,
}

impl Waves {
    /// The waves of a run that begins.
    pub fn new(plan: &Plan, ledger_state: &LedgerState, queue: &Queue, at: Moment) -> Self {
        let mut waves = Self::default();
        if plan.schedule.waves.is_empty() {
            return waves;
        }
        waves.each = sizes(plan, ledger_state, |recipient| queue.wave_of(recipient));
        for (wave, said) in waves.each.iter_mut().zip(&plan.schedule.waves) {
            let known = ledger_state
                .waves()
                .iter()
                .find(|known| is_same_share(known.share, said.share));
            wave.halted = known.map_or_else(Answered::default, |known| known.halted);
        }
        if let Some(last) = last_ended(plan, ledger_state) {
            waves.ended = last.place + 1;
            waves.rest(last.wait(plan), last.at, at);
        }
        waves
    }

    /// Begins a wait after a wave that ended at `ended`, unless it is over.
    fn rest(&mut self, wait: WaveWait, ended: Timestamp, at: Moment) {
        self.wait = match wait {
            WaveWait::For(wait) => {
                let left = until(at.wall, later(ended, wait)).map(|left| left.min(wait));
                left.filter(|left| !left.is_zero())
                    .map(|left| Rest::Until(at.instant + left))
            }
            WaveWait::Approval => Some(Rest::Approval),
        };
    }

    /// Counts the deliveries and answers of each wave again, after a person's decision has changed them.
    pub fn recount(&mut self, plan: &Plan, ledger_state: &LedgerState, queue: &Queue) {
        if self.each.is_empty() {
            return;
        }
        let counted = sizes(plan, ledger_state, |recipient| queue.wave_of(recipient));
        for (wave, counted) in self.each.iter_mut().zip(counted) {
            wave.size = counted.size;
            wave.answered = counted.answered;
        }
    }

    /// Advances as far as a run with nothing in flight would by now. The preview uses this.
    pub fn go_on(&mut self, plan: &Plan, ledger_state: &LedgerState, queue: &mut Queue, at: Moment) {
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
            if queue.waits_for_wave(ledger_state) {
                self.rest(plan.schedule.wait_after(current), at.wall, at);
            }
        }
    }

    /// The current wave, or the next one during a wait: the first that has not ended and has any users. The number of waves
    /// when only the users in no wave are left.
    fn current(&self) -> usize {
        let open = self.each.iter().enumerate().skip(self.ended);
        open.filter(|(_, wave)| wave.size > 0)
            .map(|(at, _)| at)
            .next()
            .unwrap_or(self.each.len())
    }

    /// The last wave whose users may be sent to. During a wait these are late users of waves that have ended.
    fn released(&self) -> usize {
        match self.wait {
            Some(_) => self.ended.saturating_sub(1),
            None => self.current(),
        }
    }

    /// Returns the answers in a wave since the last halt in it, if too few of them issued a coupon.
    fn too_few(&self, plan: &Plan, wave: usize) -> Option<Answered> {
        let said = plan.schedule.waves.get(wave)?;
        let wave = self.each.get(wave)?;
        let answered = wave.answered.since(wave.halted);
        let of = answered.all.max(wave.size.min(ENOUGH));
        exceeds(answered.not_issued, said.not_issued, of).then_some(answered)
    }

    /// When the wait is over. `None` without a wait, or if it lasts until a person approves.
    pub const fn due(&self) -> Option<Instant> {
        match self.wait {
            Some(Rest::Until(due)) => Some(due),
            Some(Rest::Approval) | None => None,
        }
    }

    /// Whether later waves have to wait.
    pub const fn is_waiting(&self) -> bool {
        self.wait.is_some()
    }

    /// Ends a wait that is over.
    fn end_wait(&mut self, at: Moment) {
        self.wait = self.wait.filter(|wait| match wait {
            Rest::Until(due) => *due > at.instant,
            Rest::Approval => true,
        });
    }

    /// Ends a wait that a person has ended. The ledger state has durable approvals only.
    fn end_approved_wait(&mut self, view: &View<'_>) {
        let last = self.ended.checked_sub(1);
        let ended = last.and_then(|last| wave_members::ended(view.plan, view.state, last));
        if ended.is_some_and(|wave| wave.approved.is_some()) || mutant!(Unapproved) {
            self.wait = None;
        }
    }

    /// The earliest time at which the wait will be over, by the wall clock.
    fn begins(&self, at: Moment) -> Option<Timestamp> {
        Some(match self.wait? {
            Rest::Until(due) => later(at.wall, due.saturating_duration_since(at.instant)),
            Rest::Approval => at.wall,
        })
    }

    /// The number of the wave that ended last.
    fn done(&self, plan: &Plan) -> u32 {
        let last = self.ended.saturating_sub(1);
        number(plan, last).unwrap_or_default()
    }

    /// The event that announces the waves to come. `None` for a campaign without waves.
    pub fn ahead(&self, plan: &Plan, state: &LedgerState, queue: &Queue, now: Moment) -> Option<EventKind> {
        if plan.schedule.waves.is_empty() {
            return None;
        }
        let mut waves = loads(plan, state, queue, now.wall, state.present(now.wall));
        waves.retain(|load| {
            let place = load.wave.and_then(|wave| wave_members::place(plan, wave));
            place.is_none_or(|place| place >= self.ended)
        });
        Some(EventKind::WavesAhead { waves })
    }

    /// Checks whether the current wave has ended or halts the run, and whether the next one begins.
    pub fn check(&mut self, view: &View<'_>, mut check: WaveCheck<'_>) -> Option<WaveChange> {
        if self.each.is_empty() {
            return None;
        }
        self.end_wait(view.now);
        if self.wait.is_some() {
            self.end_approved_wait(view);
        }
        if let Some(halted) = self.judge(view) {
            check.queue.release(self.released());
            return Some(halted);
        }
        let current = self.current();
        check.queue.release(self.released());
        if self.wait.is_some() {
            return self.leave(view, &mut check);
        }
        if self.has_ended(current, view, &mut check) {
            return self.end(current, view, check.queue);
        }
        if view.open && self.announced != Some(current) && view.state.counts().owed() > 0 {
            self.announced = Some(current);
            return Some(WaveChange::Began(EventKind::Wave {
                wave: number(view.plan, current),
                ended: false,
                approval: false,
                until: None,
                skipped: None,
            }));
        }
        None
    }

    /// Whether nothing of the current wave is left to attempt, and nothing is in flight.
    fn has_ended(&self, current: usize, view: &View<'_>, check: &mut WaveCheck<'_>) -> bool {
        let waves = self.ended..=current;
        let mut in_flight = check.in_flight.iter();
        if current >= self.each.len()
            || !check.settled
            || in_flight.any(|key| waves.contains(&check.queue.wave_of(key.recipient)))
        {
            return false;
        }
        check.queue.has_ended(view.state, waves, view.now.age)
    }

    /// Ends a wave, and begins the wait after it if any users are left.
    fn end(&mut self, wave: usize, view: &View<'_>, queue: &mut Queue) -> Option<WaveChange> {
        let planned = view.plan.schedule.waves.get(wave)?;
        let now = view.now;
        self.ended = wave + 1;
        queue.release(wave);
        let more = queue.waits_for_wave(view.state);
        let kept = view.plan.schedule.wait_after(wave);
        let waits = more && kept != WaveWait::NONE;
        if waits {
            self.rest(kept, now.wall, now);
        }
        let skipped = (more && !waits).then_some(planned.wait.least());
        let until = match planned.wait {
            WaveWait::For(wait) if more => Some(later(now.wall, wait)),
            WaveWait::For(_) | WaveWait::Approval => None,
        };
        Some(WaveChange::Ended {
            fact: Fact::WaveEnded {
                share: planned.share,
                at: now.wall,
            },
            event: EventKind::Wave {
                wave: number(view.plan, wave),
                ended: true,
                approval: more && planned.wait.is_approval(),
                until,
                skipped,
            },
            skipped,
        })
    }

    /// Halts in the current wave if too few of its deliveries were issued.
    fn judge(&self, view: &View<'_>) -> Option<WaveChange> {
        if self.wait.is_some() {
            return None;
        }
        let current = self.current();
        let Answered { all, not_issued } = self.too_few(view.plan, current)?;
        let planned = view.plan.schedule.waves.get(current);
        let fact = planned
            .zip(self.each.get(current))
            .map(|(planned, wave)| Fact::WaveHalted {
                share: planned.share,
                at: view.now.wall,
                answered: wave.answered,
            });
        let halted = Halted::Wave {
            wave: number(view.plan, current).unwrap_or_default(),
            not_issued,
            of: all,
        };
        Some(WaveChange::Halted { fact, halted })
    }

    /// Ends a run that has nothing left but to wait for a wave, if that comes too late or the run must not wait.
    fn leave(&self, view: &View<'_>, check: &mut WaveCheck<'_>) -> Option<WaveChange> {
        let too_late = view.plan.schedule.opens(self.begins(view.now)?).is_none();
        if !too_late && !view.plan.run.no_wait {
            return None;
        }
        let ended = 0..=self.ended.saturating_sub(1);
        let waits = check.settled
            && check.in_flight.is_empty()
            && check.queue.waits_for_wave(view.state)
            && check.queue.has_ended(view.state, ended, view.now.age);
        let leave = match self.wait? {
            _ if too_late => Leave::TooLate,
            Rest::Until(_) => Leave::Waits,
            Rest::Approval => Leave::NotApproved(self.done(view.plan)),
        };
        waits.then_some(WaveChange::Leaves(leave))
    }
}

impl Limit for Waves {
    fn observe(&mut self, event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        if let RunEvent::Settled { wave, state, stuck } = *event
            && let Some(wave) = self.each.get_mut(wave)
        {
            wave.note(state, stuck);
        }
        None
    }

    fn changes_at(&mut self, _view: &View<'_>) -> Option<Instant> {
        self.due()
    }

    fn waiting(&mut self, view: &View<'_>) -> Option<Wait> {
        if view.in_flight > 0 {
            return None;
        }
        let done = self.done(view.plan);
        let begins = self.begins(view.now)?;
        Some(match self.wait? {
            Rest::Until(_) => Wait {
                why: Waiting::Wave {
                    done,
                    next: number(view.plan, self.current()),
                },
                until: Some(begins),
            },
            Rest::Approval => Wait {
                why: Waiting::Approval { done },
                until: None,
            },
        })
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

/// Every wave of a plan, with the answers in the ledger.
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

/// The work of each wave that has any users, and last that of the users in no wave, for a run that begins to send at `wall`.
/// `present` is the later of that time and the ledger's newest one.
pub fn loads(
    plan: &Plan,
    ledger_state: &LedgerState,
    queue: &Queue,
    wall: Timestamp,
    present: Timestamp,
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
                (State::InDoubt, Some(doubt)) => queue.resendable(ledger_state, key, &doubt, present),
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
        let over = ended.filter(|last| wave <= last.place);
        let mut wait = if over.is_some() {
            WaveWait::NONE
        } else {
            plan.schedule.wait_after(wave)
        };
        if let Some(last) = over.filter(|last| wave == last.place) {
            match last.wait(plan) {
                // A clock that was set back delays nobody.
                WaveWait::For(wait) => not_before = later(last.at.min(wall), wait),
                WaveWait::Approval => wait = WaveWait::Approval,
            }
        }
        if sizes.get(wave).is_none_or(|wave| wave.size > 0) {
            loads.push(WaveLoad {
                wave: number(plan, wave),
                to_send,
                not_before: if over.is_some() { Timestamp::MIN } else { not_before },
                wait,
            });
        }
    }
    loads
}

/// Whether `many` are more than this share of `of`, apart from rounding.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn exceeds(many: u64, share: f64, of: u64) -> bool {
    many as f64 > share * of as f64 + 1e-6
}
