//! The recording of a run: the inputs of every step, and what it decided. The same inputs give the same decisions, so a recorded
//! run can be replayed without its platform, its disk and its clock.

use std::mem;
use std::time::Instant;

use crate::engine::limits::app_share::{AppShare, AppState, Report};
use crate::engine::limits::reservations::{Busy, User};
use crate::engine::send_order::SendOrder;
use crate::ledger::{Fact, LedgerState, Permit};
use crate::model::clock::Moment;
use crate::model::event::AppLockHolder;
use crate::plan::Plan;

use super::run::Run;
use super::step::{Awaits, Changes, Decisions, Input, Outside};

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    began: Moment,
    seed: u64,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    now: Moment,
    input: Recorded,
    /// What the app limiter answered, in order.
    app: Vec<Answer>,
    /// What the step decided, as text: it contains permits, which cannot be copied.
    decisions: String,
}

/// An input without its permits, which only the ledger of a replay can give.
#[derive(Clone, Debug)]
enum Recorded {
    Begin,
    Changed(Changes),
    Flushed,
    LedgerFailed,
    AppLockTaken,
    AppLockTakenBy(AppLockHolder),
    Left,
}

impl Recorded {
    fn new(input: &Input) -> Self {
        match input {
            Input::Begin => Self::Begin,
            Input::Changed(changes) => Self::Changed(changes.clone()),
            Input::Flushed(_) => Self::Flushed,
            Input::LedgerFailed => Self::LedgerFailed,
            Input::AppLockTaken => Self::AppLockTaken,
            Input::AppLockTakenBy(holder) => Self::AppLockTakenBy(holder.clone()),
            Input::Left => Self::Left,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    State(AppState),
    Reserved(Result<(), Busy>),
}

/// Records what the limiter answers.
struct Listener<'l> {
    app: &'l mut dyn AppShare,
    answers: Vec<Answer>,
}

impl AppShare for Listener<'_> {
    fn state(&mut self, now: Instant) -> AppState {
        let state = self.app.state(now);
        self.answers.push(Answer::State(state));
        state
    }

    fn reserve(&mut self, user: User, now: Instant) -> Result<(), Busy> {
        let reserved = self.app.reserve(user, now);
        self.answers.push(Answer::Reserved(reserved));
        reserved
    }

    fn report(&mut self, report: Report, now: Instant) {
        self.app.report(report, now);
    }
}

/// Answers what was recorded.
struct Playback<'p> {
    answers: std::slice::Iter<'p, Answer>,
    /// Whether the run asked something else than when it was recorded.
    diverged: bool,
}

impl AppShare for Playback<'_> {
    fn state(&mut self, now: Instant) -> AppState {
        if let Some(Answer::State(state)) = self.answers.next() {
            return *state;
        }
        self.diverged = true;
        AppState::unread(now)
    }

    fn reserve(&mut self, _user: User, _now: Instant) -> Result<(), Busy> {
        if let Some(Answer::Reserved(reserved)) = self.answers.next() {
            return *reserved;
        }
        self.diverged = true;
        Ok(())
    }

    fn report(&mut self, _report: Report, _now: Instant) {}
}

/// The ledger of a replay. At its begin it is as it was at the begin of the recorded run.
pub trait ReplayLedger {
    /// The ledger state.
    fn state(&self) -> &LedgerState;

    /// Appends facts, and returns the permits of the intents among them.
    fn append(&mut self, facts: Vec<Fact>) -> Vec<Permit>;
}

impl Recording {
    /// The recording of a run that begins at `began`.
    #[must_use]
    pub const fn new(began: Moment, seed: u64) -> Self {
        Self {
            began,
            seed,
            steps: Vec::new(),
        }
    }

    /// The number of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Lets a run take a step, and records it.
    pub fn step(&mut self, run: &mut Run, input: Input, outside: Outside<'_>) -> Decisions {
        let recorded = Recorded::new(&input);
        let Outside { now, plan, state, app } = outside;
        let mut app = Listener {
            app,
            answers: Vec::new(),
        };
        let heard = Outside {
            now,
            plan,
            state,
            app: &mut app,
        };
        let decisions = run.step(input, heard);
        self.steps.push(Step {
            now,
            input: recorded,
            app: app.answers,
            decisions: format!("{decisions:?}"),
        });
        decisions
    }

    /// Replays the run.
    ///
    /// # Errors
    /// The first step that decides something else, with both decisions.
    pub fn replay(&self, plan: &Plan, ledger: &mut impl ReplayLedger, send_order: SendOrder) -> Result<(), String> {
        let mut run = Run::new(plan, ledger.state(), send_order, self.began, self.seed);
        let mut flushed = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let input = match step.input.clone() {
                Recorded::Begin => Input::Begin,
                Recorded::Changed(changes) => Input::Changed(changes),
                Recorded::Flushed => Input::Flushed(ledger.append(mem::take(&mut flushed))),
                Recorded::LedgerFailed => Input::LedgerFailed,
                Recorded::AppLockTaken => Input::AppLockTaken,
                Recorded::AppLockTakenBy(holder) => Input::AppLockTakenBy(holder),
                Recorded::Left => Input::Left,
            };
            let mut app = Playback {
                answers: step.app.iter(),
                diverged: false,
            };
            let decisions = run.step(
                input,
                Outside {
                    now: step.now,
                    plan,
                    state: ledger.state(),
                    app: &mut app,
                },
            );
            let decided = format!("{decisions:?}");
            if app.diverged || decided != step.decisions {
                return Err(format!("step {number} decided\n{decided}\nand not\n{}", step.decisions));
            }
            if let Awaits::Flush(facts) = decisions.awaits {
                flushed = facts;
            }
        }
        Ok(())
    }
}
