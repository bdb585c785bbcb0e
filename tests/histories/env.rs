//! The edge of a run, and all that lies beyond: a disk, a clock, the app id's turn and whoever listens. Every call over it is
//! a step, and at any of them the process can be killed: from then on nothing passes.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runner::engine::app_limiter::{AppLock, NotTaken};
use runner::model::clock::{Clock, from_ms};
use runner::model::delivery::{Counts, StateName};
use runner::model::event::{Event, EventKind, Halted, Owner, Phase, Waiting};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::scenario::{IncidentKind, MONDAY, Scenario};
use crate::trace::{EmittedEvent, EmittedKind, Nanos, SECOND, Trace};

/// Everything beyond the edge.
pub struct Env {
    pub scenario: Scenario,
    pub clock: Clock,
    began: Instant,
    /// Whether a ledger is ever put back from an older copy, so that there has to be a witness.
    restores_ledger: bool,
    killed: Notify,
    /// Told when a ledger is gone.
    vanished: Notify,
    state: Mutex<State>,
}

/// What is kept of it.
#[derive(Default)]
pub struct State {
    /// The present run, by number from 0.
    pub run: usize,
    /// Whether nothing goes wrong any more, so that the story comes to its end.
    pub faultless: bool,
    pub steps: u64,
    kill: Option<u64>,
    pub dead: bool,
    /// One for each campaign.
    pub disks: Vec<Disk>,
    pub faults: Faults,
    pub trace: Trace,
    /// The story as it is told, line by line, where somebody listens.
    told: Option<Vec<String>>,
    /// The first promise that was seen to break.
    pub broken: Option<Violation>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: &'static str,
    /// How.
    pub how: String,
}

#[derive(Default)]
pub struct Disk {
    pub records: Vec<Vec<u8>>,
    pub snapshot: Option<Vec<u8>>,
    pub stall: u64,
    pub after_write: bool,
    pub fails: Option<bool>,
    /// Whether it has failed in this run.
    pub failed: bool,
    /// Whether a run has the ledger open, and when the last one let go of it.
    pub open: bool,
    pub closed: Option<Nanos>,
    pub gone: Option<Removal>,
    /// What is known of it elsewhere.
    pub witness: Witness,
    /// How many batches were left when it was put back from an older copy; taken by the judge.
    pub put_back: Option<u64>,
    /// The longest that an append took in this run.
    pub stalled: u64,
}

/// What is known of a ledger outside of it.
#[derive(Default)]
pub struct Witness {
    /// A batch that it had.
    pub last: Option<Witnessed>,
    /// How many batches a run knows to be durable, and whether it keeps the witness up to date.
    durable: usize,
    is_kept: bool,
    /// Whether the ledger lacked that batch when this run began.
    pub is_newer: bool,
}

/// A batch that a ledger had, and when it was written down.
pub struct Witnessed {
    durable: Nanos,
    pub sequence: u64,
    pub record: Vec<u8>,
}

/// A ledger that is no longer where the next process looks for it.
#[derive(Clone, Copy, Debug)]
pub struct Removal {
    /// Whether what is appended goes with it, to where it is put back from.
    pub durable: bool,
    pub since: Nanos,
    /// When its run was told so.
    pub told: Option<Nanos>,
}

/// How the rest of the world is.
#[derive(Default)]
pub struct Faults {
    pub out_until: Nanos,
    /// Until when a gateway answers everything, and with which status.
    pub wrong_address: (Nanos, u16),
    pub no_token_until: Nanos,
    pub token_takes: u64,
    pub token_refused: bool,
    other_until: Nanos,
    held: bool,
}

impl Env {
    pub fn new(scenario: Scenario, loud: bool) -> Arc<Self> {
        let state = State {
            disks: scenario.campaigns.iter().map(|_| Disk::default()).collect(),
            told: loud.then(Vec::new),
            ..State::default()
        };
        Arc::new(Self {
            clock: Clock::simulated(from_ms(MONDAY + scenario.begins)),
            restores_ledger: scenario.restores_ledger(),
            scenario,
            began: Instant::now(),
            killed: Notify::new(),
            vanished: Notify::new(),
            state: Mutex::new(state),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present by a clock that nobody corrects.
    pub fn now(&self) -> Nanos {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The present by the wall, in milliseconds.
    pub fn wall(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Begins a run, which is killed at this step.
    pub fn begin_run(&self, run: usize, kill: Option<u64>, faultless: bool) {
        let now = self.now();
        let mut state = self.state();
        (state.run, state.kill, state.faultless) = (run, kill, faultless);
        (state.steps, state.dead) = (0, false);
        state.trace.began.push(now);
        for disk in &mut state.disks {
            (disk.fails, disk.failed, disk.stall) = (None, false, 0);
            (disk.open, disk.closed, disk.gone, disk.stalled) = (false, None, None, 0);
            disk.witness.is_kept = false;
        }
        state.faults.held = false;
        (state.faults.token_refused, state.faults.token_takes) = (false, 0);
        if faultless {
            state.faults = Faults::default();
            for (_, until) in &mut state.trace.others {
                *until = now.min(*until);
            }
        }
    }

    /// Resolves when the process is killed.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    /// Puts the ledger of a campaign back from a copy that lacks so many of its last batches, where one is asked for, and finds
    /// out whether it is older than its witness.
    pub fn put_back(&self, campaign: usize, lacks: Option<u64>) {
        let disk = &mut self.state().disks[campaign];
        let all = disk.records.len() as u64;
        let left = all.saturating_sub(lacks.unwrap_or_default()).max(1);
        if left < all {
            disk.records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            disk.put_back = Some(left);
        }
        disk.witness.is_newer = disk.witness.last.as_ref().is_some_and(|witness| {
            let at = usize::try_from(witness.sequence - 1).unwrap_or(usize::MAX);
            disk.records.get(at) != Some(&witness.record)
        });
    }

    /// Keeps a witness of a campaign's ledger from here on, and writes it now.
    pub fn start_witness(&self, campaign: usize) {
        self.state().disks[campaign].witness.is_kept = true;
        self.write_witness(campaign);
    }

    /// Writes the witness of a campaign's ledger.
    pub fn write_witness(&self, campaign: usize) {
        let now = self.now();
        let disk = &mut self.state().disks[campaign];
        if self.restores_ledger && disk.witness.is_kept {
            let durable = disk.witness.durable;
            disk.witness.last = disk.records[..durable].last().map(|record| Witnessed {
                durable: now,
                sequence: durable as u64,
                record: record.clone(),
            });
        }
    }

    /// A run knows that everything in its ledger is durable. Every few seconds the witness says so.
    pub fn note_durable(&self, campaign: usize) {
        let now = self.now();
        let due = {
            let disk = &mut self.state().disks[campaign];
            disk.witness.durable = disk.records.len();
            let last = disk.witness.last.as_ref();
            last.is_none_or(|last| now >= last.durable + 3 * SECOND)
        };
        if due {
            self.write_witness(campaign);
        }
    }

    /// Waits until the ledger of a campaign is gone.
    pub async fn wait_removed(&self, campaign: usize) {
        loop {
            let vanished = self.vanished.notified();
            if self.notice_removal(campaign) {
                return;
            }
            vanished.await;
        }
    }

    /// Whether the ledger of a campaign is gone, which its run is told by that.
    pub fn notice_removal(&self, campaign: usize) -> bool {
        let now = self.now();
        let gone = &mut self.state().disks[campaign].gone;
        let Some(gone) = gone else { return false };
        gone.told.get_or_insert(now);
        true
    }

    /// A run of a campaign opens its ledger, or lets go of it.
    pub fn open(&self, campaign: usize, open: bool) {
        let now = self.now();
        let disk = &mut self.state().disks[campaign];
        disk.open = open;
        disk.closed = (!open).then_some(now);
    }

    /// Takes a step over the edge; whether nothing passes any more.
    pub fn step(&self) -> bool {
        let mut state = self.state();
        if !state.dead {
            state.steps += 1;
            if state.kill == Some(state.steps) {
                state.dead = true;
                let run = state.run;
                state.trace.killed.insert(run);
                self.killed.notify_one();
            }
        }
        state.dead
    }

    /// Takes a step over the edge, from which no way leads back into a process that was killed.
    pub async fn checkpoint(&self) {
        if self.step() {
            std::future::pending::<()>().await;
        }
    }

    /// Tells a line of the story, where somebody listens.
    pub fn log<D: Display>(&self, line: impl FnOnce() -> D) {
        let (at, mut state) = (self.now(), self.state());
        if let Some(told) = &mut state.told {
            told.push(format!(
                "{:>10}.{:03} {}",
                at / 1_000_000_000,
                at / 1_000_000 % 1_000,
                line()
            ));
        }
    }

    /// A campaign's name at the beginning of a line, if there are several.
    pub fn campaign_prefix(&self, campaign: usize) -> String {
        match self.scenario.campaigns.len() {
            1 => String::new(),
            _ => format!("campaign {}: ", campaign + 1),
        }
    }

    /// Everything that was said so far.
    pub fn told(&self) -> Vec<String> {
        self.state().told.take().unwrap_or_default()
    }

    /// Notes that a promise was broken; the first one counts.
    pub fn report_violation(&self, promise: &'static str, how: String) {
        self.state().broken.get_or_insert(Violation { promise, how });
    }

    /// Lets something happen that is no order; a fault of the disk concerns this campaign.
    pub fn inject(&self, kind: IncidentKind, campaign: usize) {
        let (now, ms) = (self.now(), |ms: u64| ms * 1_000_000);
        if let IncidentKind::ClockStep(by) = kind {
            self.clock.shift_ms(by);
        }
        let mut state = self.state();
        match kind {
            IncidentKind::DiskStall { ms, after_write } => {
                let disk = &mut state.disks[campaign];
                (disk.stall, disk.after_write) = (ms, after_write);
                disk.stalled = disk.stalled.max(ms);
            }
            IncidentKind::LedgerRemoved { durable } => {
                let disk = &mut state.disks[campaign];
                if disk.open && disk.gone.is_none() {
                    let told = None;
                    disk.gone = Some(Removal {
                        durable,
                        since: now,
                        told,
                    });
                    disk.failed = true;
                    self.vanished.notify_waiters();
                }
            }
            IncidentKind::DiskFailure { durable } => state.disks[campaign].fails = Some(durable),
            IncidentKind::TokenOutage(long) => state.faults.no_token_until = now + ms(long),
            IncidentKind::TokenRefused => state.faults.token_refused = true,
            IncidentKind::SlowToken(long) => state.faults.token_takes = long,
            IncidentKind::WrongAddress { ms: long, status } => state.faults.wrong_address = (now + ms(long), status),
            IncidentKind::PlatformOutage(long) => state.faults.out_until = now + ms(long),
            IncidentKind::OtherProcess(long) if !state.faults.held && now >= state.faults.other_until => {
                state.faults.other_until = now + ms(long);
                state.trace.others.push((now, now + ms(long)));
            }
            IncidentKind::OtherProcess(_)
            | IncidentKind::ClockStep(_)
            | IncidentKind::Pause
            | IncidentKind::Resume
            | IncidentKind::Stop => {}
        }
    }
}

/// The turn of an app id that another process may have.
pub struct SimulatedAppLock(pub Arc<Env>);

impl AppLock for SimulatedAppLock {
    fn take(&mut self) -> Result<(), NotTaken> {
        let Self(env) = self;
        let (now, dead) = (env.now(), env.step());
        let mut state = env.state();
        if dead || now < state.faults.other_until {
            return Err(NotTaken::By(Owner {
                host: "here".into(),
                pid: 4711,
                since: from_ms(MONDAY),
                command: "runner apply other.yaml".into(),
            }));
        }
        state.faults.held = true;
        Ok(())
    }

    fn release(&mut self) {
        let mut state = self.0.state();
        state.faults.held &= state.dead;
    }

    fn held(&self) -> bool {
        self.0.state().faults.held
    }
}

impl Env {
    /// Hears an event of a campaign's run.
    pub fn on_event(&self, event: &Event, campaign: usize) {
        if self.step() {
            return;
        }
        self.log(|| format!("{}told: {}", self.campaign_prefix(campaign), describe(&event.kind)));
        let what = match &event.kind {
            EventKind::AttemptEnded(attempt) => EmittedKind::AttemptEnded {
                id: attempt.merchant_coupon_id.clone(),
                attempt: attempt.attempt,
                outcome: attempt.outcome.clone(),
            },
            EventKind::Counted { counts } => EmittedKind::Counted(*counts),
            EventKind::RunEnded { ending, counts } => EmittedKind::RunEnded(*ending, *counts),
            EventKind::Halted(Halted::AnotherLedger { merchant_coupon_id, .. }) => {
                EmittedKind::AnotherLedger(merchant_coupon_id.clone())
            }
            EventKind::Phase(Phase::Waiting {
                why: Waiting::Due,
                until: Some(until),
            }) => EmittedKind::DueIn(until.as_millisecond() - event.at.as_millisecond()),
            _ => return,
        };
        let mut state = self.state();
        let run = state.run;
        let durable = state.disks[campaign].records.len() as u64;
        state.trace.emitted.push(EmittedEvent {
            run,
            campaign,
            durable,
            what,
        });
    }
}

fn describe(kind: &EventKind) -> String {
    match kind {
        EventKind::AttemptEnded(attempt) => format!(
            "attempt {} at {} ended: {} {}",
            attempt.attempt, attempt.open_id, attempt.outcome, attempt.message
        ),
        EventKind::Counted { counts } => format!("counted {}", describe_counts(counts)),
        EventKind::RunEnded { ending, counts } => format!("the run ended {ending:?}, {}", describe_counts(counts)),
        kind => format!("{kind:?}"),
    }
}

/// Counts in words, those that are nothing aside.
pub fn describe_counts(counts: &Counts) -> String {
    let some = StateName::ALL.into_iter().filter(|state| counts.count(*state) > 0);
    let words = some.map(|state| format!("{} {state}", counts.count(state)));
    words.collect::<Vec<_>>().join(", ")
}
