//! A process of a simulated fleet: the worker, its appender, and a small engine for each app id that it owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use runner::fleet::appender::{Appended, Effects};
use runner::fleet::statement::{LedgerNo, LogRow};
use runner::fleet::worker::{Action, Input};
use runner::fleet::{AppKey, Appender, Timing, Worker, WorkerId};
use runner::ledger::Head;

use super::database::{Reply, Request};

/// The time between two starts for an app id: a little more than half a second.
pub const SPACING: Duration = Duration::from_millis(515);
/// How long a process waits for the answer to a send, and how long a request can be under way: longer than a change of owner.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// How many intents are prepared ahead of the pace.
const PREPARED: usize = 3;

/// A fact of a simulated ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Intent(u16),
    Withdrawn(u16),
    Issued(u16),
    Unknown(u16),
}

impl Fact {
    fn encode(self) -> [u8; 3] {
        let (kind, user) = match self {
            Self::Intent(user) => (0, user),
            Self::Withdrawn(user) => (1, user),
            Self::Issued(user) => (2, user),
            Self::Unknown(user) => (3, user),
        };
        let [high, low] = user.to_be_bytes();
        [kind, high, low]
    }

    pub fn decode_all(record: &[u8]) -> Vec<Self> {
        let facts = record.chunks_exact(3).map(|bytes| {
            let user = u16::from_be_bytes([bytes[1], bytes[2]]);
            match bytes[0] {
                0 => Self::Intent(user),
                1 => Self::Withdrawn(user),
                2 => Self::Issued(user),
                _ => Self::Unknown(user),
            }
        });
        facts.collect()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct User {
    is_issued: bool,
    is_open: bool,
    due: Duration,
}

/// The sends of one app id.
#[derive(Debug)]
struct Run {
    ledger: LedgerNo,
    term: u64,
    not_before: Duration,
    granted: Duration,
    is_read: bool,
    /// When the users with an unfinished intent of an earlier owner are due. `None` without such users.
    unfinished_due: Option<Duration>,
    is_draining: bool,
    /// Why it stopped for good.
    stopped: Option<Appended>,
    users: Vec<User>,
    head: Head,
    outcomes: Vec<Fact>,
    appending: Option<(Head, Vec<Fact>)>,
    prepared: VecDeque<u16>,
    in_flight: BTreeMap<u16, Duration>,
    next_start: Duration,
}

/// What a process does to the world.
#[derive(Clone, Debug)]
pub enum Effect {
    Ask(u64, Request),
    Send {
        app: AppKey,
        user: u16,
    },
    /// It ended.
    End,
}

/// A request to the database without an answer.
#[derive(Debug)]
struct Pending {
    request: Request,
    sent: Duration,
}

pub struct Process {
    pub id: WorkerId,
    timing: Timing,
    worker: Worker,
    appender: Appender,
    runs: BTreeMap<AppKey, Run>,
    apps: BTreeMap<AppKey, (LedgerNo, u16)>,
    pending: BTreeMap<u64, Pending>,
    next_request: u64,
    links: u64,
    pub effects: Vec<Effect>,
    pub is_over: bool,
    /// Whether users with an unfinished intent of an earlier owner are sent to at once.
    pub forgets_unfinished: bool,
}

impl Process {
    pub fn new(id: WorkerId, timing: Timing, apps: BTreeMap<AppKey, (LedgerNo, u16)>) -> Self {
        let wanted = apps.keys().cloned().collect();
        let mut process = Self {
            id,
            timing,
            worker: Worker::new(id, timing),
            appender: Appender::default(),
            runs: BTreeMap::new(),
            apps,
            pending: BTreeMap::new(),
            next_request: 0,
            links: 0,
            effects: Vec::new(),
            is_over: false,
            forgets_unfinished: false,
        };
        process.step(Input::Wanted(wanted), Duration::ZERO);
        process
    }

    fn ask(&mut self, request: Request, now: Duration) {
        self.next_request += 1;
        let pending = Pending {
            request: request.clone(),
            sent: now,
        };
        self.pending.insert(self.next_request, pending);
        self.effects.push(Effect::Ask(self.next_request, request));
    }

    fn step(&mut self, input: Input, now: Duration) {
        for action in self.worker.step(input, now) {
            match action {
                Action::Execute(statement) => self.ask(Request::Worker(statement), now),
                Action::Grant { app, term, not_before } => self.begin(app, term, not_before, now),
                Action::Drain(app) => {
                    if let Some(run) = self.runs.get_mut(&app) {
                        run.is_draining = true;
                    }
                }
                Action::Lost | Action::Ended => {
                    self.is_over = true;
                    self.effects.push(Effect::End);
                }
            }
        }
    }

    fn begin(&mut self, app: AppKey, term: u64, not_before: Duration, now: Duration) {
        let Some((ledger, users)) = self.apps.get(&app).copied() else {
            return;
        };
        let run = Run {
            ledger,
            term,
            not_before,
            granted: now,
            is_read: false,
            unfinished_due: None,
            is_draining: false,
            stopped: None,
            users: vec![User::default(); users.into()],
            head: Head::default(),
            outcomes: Vec::new(),
            appending: None,
            prepared: VecDeque::new(),
            in_flight: BTreeMap::new(),
            next_start: not_before,
        };
        self.runs.insert(app, run);
        self.ask(Request::Read(ledger), now);
    }

    pub fn stop(&mut self, now: Duration) {
        self.step(Input::Stop, now);
    }

    /// The database answered a request.
    pub fn reply(&mut self, id: u64, reply: Reply, now: Duration) {
        let Some(Pending { request, sent }) = self.pending.remove(&id) else {
            return;
        };
        match (request, reply) {
            (Request::Worker(statement), Reply::Worker(answer)) => {
                let answer = Some(answer);
                let answered = Input::Answered {
                    statement,
                    sent,
                    answer,
                };
                self.step(answered, now);
            }
            (Request::Log(_), Reply::Log(answer)) => {
                let effects = self.appender.answer(Some(answer));
                self.follow(effects, now);
            }
            (Request::Read(ledger), Reply::Read(rows)) => self.read(ledger, &rows),
            _ => {}
        }
        self.tick(now);
    }

    fn read(&mut self, ledger: LedgerNo, rows: &[LogRow]) {
        let forgets = self.forgets_unfinished;
        let Some(run) = self.runs.values_mut().find(|run| run.ledger == ledger && !run.is_read) else {
            return;
        };
        for row in rows {
            run.head = row.head;
            for fact in Fact::decode_all(&row.record) {
                run.apply(fact, Duration::ZERO);
            }
        }
        for user in &mut run.users {
            if user.is_open && !forgets {
                let due = run.granted + TIMEOUT;
                user.due = due;
                run.unfinished_due = Some(due);
            }
            user.is_open = false;
        }
        run.is_read = true;
    }

    /// Handles timeouts, and does what can be done now.
    pub fn tick(&mut self, now: Duration) {
        let late = |pending: &Pending| now >= pending.sent + self.timing.statement;
        let late: Vec<_> = self
            .pending
            .iter()
            .filter(|(_, pending)| late(pending))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            let Some(Pending { request, sent }) = self.pending.remove(&id) else {
                continue;
            };
            match request {
                Request::Worker(statement) => self.step(
                    Input::Answered {
                        statement,
                        sent,
                        answer: None,
                    },
                    now,
                ),
                Request::Log(_) => {
                    let effects = self.appender.answer(None);
                    self.follow(effects, now);
                }
                Request::Read(ledger) => self.ask(Request::Read(ledger), now),
            }
        }
        self.step(Input::Tick, now);
        if !self.is_over {
            let apps: Vec<_> = self.runs.keys().cloned().collect();
            for app in apps {
                self.run(&app, now);
            }
        }
    }

    fn run(&mut self, app: &AppKey, now: Duration) {
        let trusted = now < self.worker.trusted_until();
        let me = self.id;
        let Some(run) = self
            .runs
            .get_mut(app)
            .filter(|run| run.is_read && run.stopped.is_none())
        else {
            return;
        };
        run.in_flight.retain(|user, start| {
            let is_late = now >= *start + TIMEOUT;
            if is_late {
                run.outcomes.push(Fact::Unknown(*user));
            }
            !is_late
        });
        if run.is_draining {
            run.outcomes.extend(run.prepared.drain(..).map(Fact::Withdrawn));
        }
        while trusted && !run.is_draining && now >= run.next_start && now >= run.not_before {
            let Some(user) = run.prepared.pop_front() else { break };
            run.next_start = now + SPACING;
            run.in_flight.insert(user, now);
            let app = app.clone();
            self.effects.push(Effect::Send { app, user });
        }
        if run.appending.is_none() {
            let mut facts = std::mem::take(&mut run.outcomes);
            let room = PREPARED.saturating_sub(run.prepared.len());
            let is_free = |user: &User| !user.is_issued && !user.is_open && user.due <= now;
            if !run.is_draining && trusted && room > 0 {
                let mut touched: BTreeSet<u16> = run.in_flight.keys().copied().collect();
                touched.extend(facts.iter().map(|fact| fact.user()));
                // A loop, because a chain of iterators takes several times as long without optimisation.
                let mut left = room;
                for (user, state) in (0..).zip(&run.users) {
                    if left == 0 {
                        break;
                    }
                    if is_free(state) && !touched.contains(&user) {
                        facts.push(Fact::Intent(user));
                        left -= 1;
                    }
                }
            }
            if !facts.is_empty() {
                self.links += 1;
                let mut link = [0; 8];
                link[..2].copy_from_slice(&u16::try_from(me.0 & 0xffff).unwrap_or_default().to_be_bytes());
                link[2..].copy_from_slice(&self.links.to_be_bytes()[2..]);
                let head = Head {
                    sequence: run.head.sequence + 1,
                    link,
                };
                let row = LogRow {
                    ledger: run.ledger,
                    term: run.term,
                    before: run.head,
                    head,
                    record: facts.iter().flat_map(|fact| fact.encode()).collect(),
                };
                run.appending = Some((head, facts));
                let effects = self.appender.add(row);
                self.follow(effects, now);
                return;
            }
        }
        let is_idle = run.appending.is_none() && run.prepared.is_empty() && run.in_flight.is_empty();
        if run.is_draining && is_idle {
            self.step(Input::Drained(app.clone()), now);
            self.runs.remove(app);
        }
    }

    fn follow(&mut self, effects: Effects, now: Duration) {
        let Effects { statement, ended } = effects;
        if let Some(statement) = statement {
            self.ask(Request::Log(statement), now);
        }
        for (ledger, ended) in ended {
            let Some(run) = self.runs.values_mut().find(|run| run.ledger == ledger) else {
                continue;
            };
            let Some((head, facts)) = run.appending.take() else {
                continue;
            };
            if ended != Appended::Durable {
                run.stopped = Some(ended);
                continue;
            }
            run.head = head;
            for fact in facts {
                run.apply(fact, now);
                if let Fact::Intent(user) = fact {
                    run.prepared.push_back(user);
                }
            }
        }
    }

    /// The platform answered a request.
    pub fn answered(&mut self, app: &AppKey, user: u16, now: Duration) {
        if let Some(run) = self.runs.get_mut(app)
            && run.in_flight.remove(&user).is_some()
        {
            run.outcomes.push(Fact::Issued(user));
        }
        self.tick(now);
    }

    /// When the process has to be woken.
    pub fn wakes(&self, now: Duration) -> Duration {
        // Without the lease nothing starts. The answer to a renewal wakes the process.
        let trusted = now < self.worker.trusted_until();
        let mut wakes = self.worker.next_tick().unwrap_or(Duration::MAX);
        for pending in self.pending.values() {
            wakes = wakes.min(pending.sent + self.timing.statement);
        }
        for run in self.runs.values().filter(|run| run.stopped.is_none()) {
            if trusted && !run.prepared.is_empty() {
                wakes = wakes.min(run.next_start.max(run.not_before));
            }
            for start in run.in_flight.values() {
                wakes = wakes.min(*start + TIMEOUT);
            }
            // Every other user is due at once.
            if let Some(due) = run.unfinished_due.filter(|due| *due > now) {
                wakes = wakes.min(due);
            }
        }
        wakes.max(now + Duration::from_millis(1))
    }
}

impl Fact {
    fn user(self) -> u16 {
        let (Self::Intent(user) | Self::Withdrawn(user) | Self::Issued(user) | Self::Unknown(user)) = self;
        user
    }
}

impl Run {
    fn apply(&mut self, fact: Fact, now: Duration) {
        let Some(user) = self.users.get_mut(usize::from(fact.user())) else {
            return;
        };
        match fact {
            Fact::Intent(_) => user.is_open = true,
            Fact::Withdrawn(_) => user.is_open = false,
            Fact::Issued(_) => (user.is_issued, user.is_open) = (true, false),
            Fact::Unknown(_) => (user.is_open, user.due) = (false, now),
        }
    }
}
