//! The environment of a run: disks, clock, app lock and event listener. Each call is a step, at which the process can
//! be killed; after that no call returns.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runner::engine::app_limiter::{AppLock, HeldAppLock, NotTaken, Taking, TermState};
use runner::ledger::{Fact, TermOwner};
use runner::model::clock::{Clock, from_ms};
use runner::model::delivery::{Counts, StateName};
use runner::model::event::{AppLockHolder, Event, EventKind, Halted, Phase, Waiting};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::scenario::{IncidentKind, MONDAY, Scenario};
use crate::trace::{EmittedEvent, EmittedKind, Nanos, OtherOwner, SECOND, Trace};

/// The environment of all runs of a history.
pub struct Env {
    pub scenario: Scenario,
    pub clock: Clock,
    began: Instant,
    /// Whether the scenario restores a ledger from an older copy. Only then are witnesses written.
    restores_ledger: bool,
    process_killed: Notify,
    /// Notified when a ledger is removed.
    ledger_removed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    /// The number of the present run, from 0.
    pub run: usize,
    /// Whether there are no more faults, so that the history comes to its end.
    pub faultless: bool,
    pub steps: u64,
    kill_at_step: Option<u64>,
    pub is_killed: bool,
    /// One per campaign.
    pub disks: Vec<Disk>,
    pub faults: Faults,
    pub fleet: Fleet,
    pub trace: Trace,
    /// The lines of the printed history, if it is printed.
    log: Option<Vec<String>>,
    /// The first violation.
    pub violation: Option<Violation>,
}

/// A guarantee that was violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub guarantee: &'static str,
    pub details: String,
}

impl Violation {
    pub const fn new(guarantee: &'static str, details: String) -> Self {
        Self { guarantee, details }
    }
}

#[derive(Default)]
pub struct Disk {
    pub records: Vec<Vec<u8>>,
    pub snapshot: Option<Vec<u8>>,
    pub stall_ms: u64,
    pub after_write: bool,
    pub next_failure: Option<bool>,
    /// Whether an append failed in this run.
    pub failed: bool,
    /// Whether a run has the ledger open, and when the last one closed it.
    pub is_open: bool,
    pub closed_at: Option<Nanos>,
    pub removal: Option<Removal>,
    pub witness: Witness,
    /// How many batches were left when the ledger was restored from an older copy. The checker takes this.
    pub restored_to: Option<u64>,
    /// The longest delay of an append in this run, in milliseconds.
    pub longest_stall_ms: u64,
}

/// The file outside the state directory that names a durable batch.
#[derive(Default)]
pub struct Witness {
    pub last: Option<Witnessed>,
    /// How many batches the run knows to be durable, and whether it keeps the witness up to date.
    durable: usize,
    is_kept: bool,
    /// Whether the ledger lacked the witnessed batch when this run began.
    pub is_newer: bool,
}

pub struct Witnessed {
    durable: Nanos,
    pub sequence: u64,
    pub record: Vec<u8>,
}

/// A ledger that was moved away during a run.
#[derive(Clone, Copy, Debug)]
pub struct Removal {
    /// Whether batches appended after that are found when the ledger is back.
    pub durable: bool,
    pub since: Nanos,
    /// When the run noticed it.
    pub noticed: Option<Nanos>,
}

/// The faults at present, except those of disks.
#[derive(Default)]
pub struct Faults {
    pub outage_until: Nanos,
    /// Until when a gateway answers all requests.
    pub wrong_address_until: Nanos,
    pub wrong_address_status: u16,
    pub token_outage_until: Nanos,
    pub token_delay_ms: u64,
    pub token_refused: bool,
    /// When the connects that stall complete, all at once.
    pub connects_stall_until: Nanos,
    app_lock_taken_until: Nanos,
    app_lock_held: bool,
}

/// The term of the worker that applies, in a fleet.
pub struct Fleet {
    not_before: Instant,
    has_lease: bool,
    /// When the worker was fenced.
    pub fenced_at: Option<Nanos>,
    state: watch::Sender<TermState>,
    /// Whether the worker before had nothing in flight at its end.
    is_clean: bool,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            not_before: Instant::now(),
            has_lease: true,
            fenced_at: None,
            state: watch::Sender::default(),
            is_clean: false,
        }
    }
}

/// How long a new owner waits: for the requests of the previous one, and for a second of the platform's quota.
const REQUESTS: Nanos = 2 * SECOND;
const QUOTA: Nanos = SECOND;

impl Env {
    pub fn new(scenario: Scenario, loud: bool) -> Arc<Self> {
        let state = State {
            disks: scenario.campaigns.iter().map(|_| Disk::default()).collect(),
            log: loud.then(Vec::new),
            ..State::default()
        };
        Arc::new(Self {
            clock: Clock::simulated(from_ms(MONDAY + scenario.start_ms)),
            restores_ledger: scenario.restores_ledger(),
            scenario,
            began: Instant::now(),
            process_killed: Notify::new(),
            ledger_removed: Notify::new(),
            state: Mutex::new(state),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Monotonic time.
    pub fn now(&self) -> Nanos {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Wall time in milliseconds.
    pub fn wall(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Begins a run, to be killed at the step `kill`.
    pub fn begin_run(&self, run: usize, kill_at_step: Option<u64>, faultless: bool) {
        let now = self.now();
        let mut state = self.state();
        state.run = run;
        state.kill_at_step = kill_at_step;
        state.faultless = faultless;
        state.steps = 0;
        state.is_killed = false;
        state.trace.run_starts.push(now);
        for disk in &mut state.disks {
            disk.next_failure = None;
            disk.failed = false;
            disk.stall_ms = 0;
            disk.is_open = false;
            disk.closed_at = None;
            disk.removal = None;
            disk.longest_stall_ms = 0;
            disk.witness.is_kept = false;
        }
        if self.scenario.is_fleet {
            state.begin_term(now);
        }
        state.faults.app_lock_held = false;
        state.faults.token_refused = false;
        state.faults.token_delay_ms = 0;
        if faultless {
            state.faults = Faults::default();
            for other in &mut state.trace.others {
                other.until = now.min(other.until);
            }
        }
    }

    /// Notes that the process has ended. `is_clean`: nothing is in flight.
    pub fn end_run(&self, is_clean: bool) {
        let mut state = self.state();
        state.is_killed = true;
        state.fleet.is_clean = is_clean;
    }

    /// The fact of the present owner of the app id. `None` outside a fleet.
    pub fn owner_changed(&self, timeout: Duration) -> Option<Fact> {
        let term = self.state().run as u64 + 1;
        self.scenario.is_fleet.then(|| Fact::OwnerChanged {
            at: self.clock.now(),
            timeout,
            owner: Box::new(TermOwner {
                term,
                worker: format!("worker {term}"),
                host: "here".to_owned(),
            }),
        })
    }

    /// Returns when the process is killed.
    pub async fn wait_killed(&self) {
        self.process_killed.notified().await;
    }

    /// Restores the ledger of a campaign from a copy without its last `lacks` batches, if that is asked for. Checks
    /// whether the ledger is older than its witness.
    pub fn restore(&self, campaign: usize, lacks: Option<u64>) {
        let disk = &mut self.state().disks[campaign];
        let all = disk.records.len() as u64;
        let left = all.saturating_sub(lacks.unwrap_or_default()).max(1);
        if left < all {
            disk.records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            disk.restored_to = Some(left);
        }
        disk.witness.is_newer = disk.witness.last.as_ref().is_some_and(|witness| {
            let at = usize::try_from(witness.sequence - 1).unwrap_or(usize::MAX);
            disk.records.get(at) != Some(&witness.record)
        });
    }

    /// Writes the witness of a campaign's ledger, from now on at intervals.
    pub fn start_witness(&self, campaign: usize) {
        self.state().disks[campaign].witness.is_kept = true;
        self.write_witness(campaign);
    }

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

    /// Notes that every batch of the ledger is durable. Writes the witness every few seconds.
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

    /// Waits until the ledger of a campaign is removed.
    pub async fn wait_removed(&self, campaign: usize) {
        loop {
            let ledger_removed = self.ledger_removed.notified();
            if self.notice_removal(campaign) {
                return;
            }
            ledger_removed.await;
        }
    }

    /// Whether the ledger of a campaign is removed. Notes that its run knows by now.
    pub fn notice_removal(&self, campaign: usize) -> bool {
        let now = self.now();
        let gone = &mut self.state().disks[campaign].removal;
        let Some(gone) = gone else { return false };
        gone.noticed.get_or_insert(now);
        true
    }

    /// Notes that a run opens or closes the ledger of a campaign.
    pub fn set_open(&self, campaign: usize, open: bool) {
        let now = self.now();
        let disk = &mut self.state().disks[campaign];
        disk.is_open = open;
        disk.closed_at = (!open).then_some(now);
    }

    /// Counts a step. Returns whether the process is killed.
    pub fn step(&self) -> bool {
        let mut state = self.state();
        if !state.is_killed {
            state.steps += 1;
            if state.kill_at_step == Some(state.steps) {
                state.is_killed = true;
                let run = state.run;
                state.trace.killed_runs.insert(run);
                self.process_killed.notify_one();
            }
        }
        state.is_killed
    }

    /// Counts a step and never returns in a killed process.
    pub async fn checkpoint(&self) {
        if self.step() {
            std::future::pending::<()>().await;
        }
    }

    /// Adds a line to the printed history.
    pub fn log<D: Display>(&self, line: impl FnOnce() -> D) {
        let at = self.now();
        let mut state = self.state();
        if let Some(log) = &mut state.log {
            log.push(format!(
                "{:>10}.{:03} {}",
                at / 1_000_000_000,
                at / 1_000_000 % 1_000,
                line()
            ));
        }
    }

    /// The prefix of a campaign's lines, empty if there is only one campaign.
    pub fn campaign_prefix(&self, campaign: usize) -> String {
        match self.scenario.campaigns.len() {
            1 => String::new(),
            _ => format!("campaign {}: ", campaign + 1),
        }
    }

    /// Takes the printed history.
    pub fn take_log(&self) -> Vec<String> {
        self.state().log.take().unwrap_or_default()
    }

    /// Keeps a violation unless there is an earlier one.
    pub fn report_violation(&self, violation: Violation) {
        self.state().violation.get_or_insert(violation);
    }

    /// Applies an incident that is not a command. A fault of the disk concerns this campaign.
    pub fn inject(&self, kind: IncidentKind, campaign: usize) {
        let now = self.now();
        let ms = |ms: u64| ms * 1_000_000;
        if let IncidentKind::ClockStep(by) = kind {
            self.clock.shift_ms(by);
        }
        let mut state = self.state();
        match kind {
            IncidentKind::DiskStall { ms, after_write } => {
                let disk = &mut state.disks[campaign];
                disk.stall_ms = ms;
                disk.after_write = after_write;
                disk.longest_stall_ms = disk.longest_stall_ms.max(ms);
            }
            IncidentKind::LedgerRemoved { durable } => {
                let disk = &mut state.disks[campaign];
                if disk.is_open && disk.removal.is_none() {
                    disk.removal = Some(Removal {
                        durable,
                        since: now,
                        noticed: None,
                    });
                    disk.failed = true;
                    self.ledger_removed.notify_waiters();
                }
            }
            IncidentKind::DiskFailure { durable } => state.disks[campaign].next_failure = Some(durable),
            IncidentKind::TokenOutage(long) => state.faults.token_outage_until = now + ms(long),
            IncidentKind::TokenRefused => state.faults.token_refused = true,
            IncidentKind::StalledConnects(long) => state.faults.connects_stall_until = now + ms(long),
            IncidentKind::SlowToken(long) => state.faults.token_delay_ms = long,
            IncidentKind::WrongAddress { ms: long, status } => {
                state.faults.wrong_address_until = now + ms(long);
                state.faults.wrong_address_status = status;
            }
            IncidentKind::PlatformOutage(long) => state.faults.outage_until = now + ms(long),
            IncidentKind::OtherProcess(long)
                if !state.faults.app_lock_held && now >= state.faults.app_lock_taken_until =>
            {
                state.faults.app_lock_taken_until = now + ms(long);
                let until = now + ms(long);
                state.trace.others.push(OtherOwner { from: now, until });
            }
            IncidentKind::LeaseEnds
            | IncidentKind::LeaseRenewed
            | IncidentKind::Fenced { .. }
            | IncidentKind::HandOver
                if !self.scenario.is_fleet => {}
            IncidentKind::LeaseEnds => state.end_lease(now),
            IncidentKind::LeaseRenewed if state.fleet.fenced_at.is_none() => state.renew_lease(now),
            IncidentKind::Fenced { is_cut_off } => {
                state.end_lease(now);
                state.fleet.fenced_at.get_or_insert(now);
                state.disks.iter_mut().for_each(|disk| disk.failed = true);
                if is_cut_off {
                    state.is_killed = true;
                    let run = state.run;
                    state.trace.killed_runs.insert(run);
                    self.process_killed.notify_one();
                } else {
                    state.fleet.state.send_replace(TermState::Lost);
                }
            }
            IncidentKind::HandOver if state.fleet.fenced_at.is_none() => {
                state.fleet.state.send_replace(TermState::HandOver);
            }
            IncidentKind::LeaseRenewed
            | IncidentKind::HandOver
            | IncidentKind::OtherProcess(_)
            | IncidentKind::ClockStep(_)
            | IncidentKind::Pause
            | IncidentKind::Resume
            | IncidentKind::Stop
            | IncidentKind::Approve
            | IncidentKind::Resolve { .. } => {}
        }
    }
}

impl State {
    /// Another worker owns the app id.
    fn begin_term(&mut self, now: Nanos) {
        self.renew_lease(now);
        let wait = QUOTA + if self.fleet.is_clean { 0 } else { REQUESTS };
        self.trace.term_begins = now + wait;
        self.fleet = Fleet {
            not_before: Instant::now() + Duration::from_nanos(wait),
            ..Fleet::default()
        };
    }

    fn end_lease(&mut self, now: Nanos) {
        if std::mem::take(&mut self.fleet.has_lease) {
            let until = Nanos::MAX;
            self.trace.without_lease.push(OtherOwner { from: now, until });
        }
    }

    fn renew_lease(&mut self, now: Nanos) {
        if !std::mem::replace(&mut self.fleet.has_lease, true)
            && let Some(last) = self.trace.without_lease.last_mut()
        {
            last.until = now;
        }
    }
}

/// The app lock, which another process may hold, or the term of a worker.
pub struct SimulatedAppLock(pub Arc<Env>);

impl AppLock for SimulatedAppLock {
    fn take(&self) -> Taking<'_> {
        Box::pin(std::future::ready(self.try_take()))
    }

    fn is_trusted(&self) -> bool {
        self.0.state().fleet.has_lease
    }

    fn not_before(&self) -> Option<std::time::Instant> {
        let is_fleet = self.0.scenario.is_fleet;
        is_fleet.then(|| self.0.state().fleet.not_before.into_std())
    }

    fn term(&self) -> watch::Receiver<TermState> {
        self.0.state().fleet.state.subscribe()
    }
}

impl SimulatedAppLock {
    fn try_take(&self) -> Result<HeldAppLock, NotTaken> {
        let Self(env) = self;
        let now = env.now();
        let is_killed = env.step();
        let mut state = env.state();
        if is_killed || now < state.faults.app_lock_taken_until {
            return Err(NotTaken::By(AppLockHolder {
                pid: Some(4711),
                ..AppLockHolder::default()
            }));
        }
        state.faults.app_lock_held = true;
        let run = state.run;
        Ok(HeldAppLock::new(SimulatedHold {
            env: Arc::clone(env),
            run,
        }))
    }
}

/// The lock while a run has it.
struct SimulatedHold {
    env: Arc<Env>,
    /// The run that took it.
    run: usize,
}

impl Drop for SimulatedHold {
    fn drop(&mut self) {
        let mut state = self.env.state();
        // The kill of a process has released its lock, and the next process may have it by now.
        if state.run == self.run && !state.is_killed {
            state.faults.app_lock_held = false;
        }
    }
}

impl Env {
    /// Receives an event of a campaign's run.
    pub fn on_event(&self, event: &Event, campaign: usize) {
        if self.step() {
            return;
        }
        self.log(|| format!("{}emitted: {}", self.campaign_prefix(campaign), describe(&event.kind)));
        let kind = match &event.kind {
            EventKind::AttemptEnded(attempt) => EmittedKind::AttemptEnded {
                id: attempt.merchant_coupon_id.clone(),
                attempt: attempt.attempt,
                outcome: attempt.outcome.clone(),
            },
            EventKind::Counted { counts, .. } => EmittedKind::Counted(*counts),
            EventKind::RunEnded { ending, counts } => EmittedKind::RunEnded(*ending, *counts),
            EventKind::Halted(Halted::AnotherLedger { merchant_coupon_id, .. }) => {
                EmittedKind::AnotherLedger(merchant_coupon_id.clone())
            }
            EventKind::Approved { wave, .. } => EmittedKind::Approved(*wave),
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
            kind,
        });
    }
}

fn describe(kind: &EventKind) -> String {
    match kind {
        EventKind::AttemptEnded(attempt) => format!(
            "attempt {} at {} ended: {} {}",
            attempt.attempt, attempt.open_id, attempt.outcome, attempt.message
        ),
        EventKind::Counted { counts, .. } => format!("counted {}", describe_counts(counts)),
        EventKind::RunEnded { ending, counts } => format!("the run ended {ending:?}, {}", describe_counts(counts)),
        kind => format!("{kind:?}"),
    }
}

/// Formats counts without the zeros.
pub fn describe_counts(counts: &Counts) -> String {
    let some = StateName::ALL.into_iter().filter(|state| counts.count(*state) > 0);
    let words = some.map(|state| format!("{} {state}", counts.count(state)));
    words.collect::<Vec<_>>().join(", ")
}
