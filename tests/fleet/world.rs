//! A simulated fleet: processes with clocks of their own, a network, a database, the platform, and what goes wrong with each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use fastrand::Rng;
use runner::fleet::statement::{Answer, LedgerNo, LogAnswer, LogStatement, Statement};
use runner::fleet::{AppKey, Timing, WorkerId};

use super::database::{Database, Open, Reply, Request, WrongSql};
use super::process::{Effect, Fact, Process, TIMEOUT};

/// How long things go wrong, and how long the fleet has to finish after that.
const TROUBLE: Duration = Duration::from_secs(90);
const QUIET: Duration = Duration::from_mins(10);

/// The most starts for an app id in a second.
const QUOTA: usize = 2;

/// A guarantee that a history does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub &'static str, pub String);

/// The index of a process in a history.
type ProcessNo = usize;

/// What can go wrong, with the time at which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed. Another one starts in its place after this time.
    Kill(ProcessNo, Duration),
    /// The process is frozen.
    Freeze(ProcessNo, Duration),
    /// No message of the process reaches the database.
    CutTo(ProcessNo, Duration),
    /// No answer of the database reaches the process.
    CutFrom(ProcessNo, Duration),
    /// The renewals of the process do not reach the database, but its appends do.
    CutRenewals(ProcessNo, Duration),
    /// Nobody reaches the database.
    Outage(Duration),
    /// The standby is away. After this time it is back, or it takes over.
    Standby(Duration, bool),
    /// The process receives an order to stop. Another one starts in its place after this time.
    Stop(ProcessNo, Duration),
}

/// What a seed draws.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub processes: usize,
    pub apps: u32,
    pub users: u16,
    pub faults: Vec<(Duration, Fault)>,
    /// The share of messages to and from the database that are lost, in percent.
    pub loss: u8,
    /// The share of the platform's answers that are lost, in percent.
    pub lost_answers: u8,
    /// Whether messages to the database are sometimes slow.
    pub slow: bool,
}

impl Scenario {
    pub fn draw(rng: &mut Rng) -> Self {
        let processes = rng.usize(2..=4);
        let seconds = |rng: &mut Rng, most: u64| Duration::from_millis(rng.u64(100..most * 1_000));
        let mut faults = Vec::new();
        for _ in 0..rng.u8(0..=6) {
            let process = rng.usize(0..processes);
            let fault = match rng.u8(0..12) {
                10 | 11 => Fault::CutRenewals(process, seconds(rng, 25)),
                0 | 1 => Fault::Kill(process, seconds(rng, 30)),
                2 | 3 => Fault::Freeze(process, seconds(rng, 25)),
                4 => Fault::CutTo(process, seconds(rng, 25)),
                5 => Fault::CutFrom(process, seconds(rng, 25)),
                6 => Fault::Outage(seconds(rng, 40)),
                7 | 8 => Fault::Standby(seconds(rng, 20), rng.bool()),
                _ => Fault::Stop(process, seconds(rng, 20)),
            };
            let at = Duration::from_millis(rng.u64(0..TROUBLE.as_millis().try_into().unwrap_or(u64::MAX)));
            faults.push((at, fault));
        }
        Self {
            processes,
            apps: rng.u32(1..=3),
            users: rng.u16(20..=160),
            faults,
            loss: if rng.bool() { 0 } else { rng.u8(0..20) },
            lost_answers: if rng.bool() { 0 } else { rng.u8(0..20) },
            slow: rng.bool(),
        }
    }
}

/// How the program or the database is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    pub sql: Option<WrongSql>,
    /// A new owner sends at once to users with an unfinished intent.
    pub forgets_unfinished: bool,
}

#[derive(Debug)]
enum Event {
    Wake(ProcessNo, u32),
    Arrive(ProcessNo, u32, u64, Request),
    Commit(ProcessNo, u32, u64, Open),
    Reply(ProcessNo, u32, u64, Reply),
    AtPlatform(ProcessNo, u32, AppKey, u16),
    Answer(ProcessNo, u32, AppKey, u16),
    Fault(Fault),
    Start(ProcessNo),
    Thaw(ProcessNo),
    StandbyBack(bool),
}

struct Queued {
    at: Duration,
    nth: u64,
    /// Boxed, because the queue moves its entries often.
    event: Box<Event>,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.nth) == (other.at, other.nth)
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.nth).cmp(&(other.at, other.nth))
    }
}

/// A place for a process: the machine with its clock.
struct Machine {
    process: Option<Process>,
    /// How many processes it has had.
    nth: u32,
    began: Duration,
    /// How many parts in a thousand the clock is fast.
    drift: i32,
    frozen_since: Duration,
    frozen_until: Duration,
    held: Vec<Event>,
    cut_to: Duration,
    cut_from: Duration,
    cut_renewals: Duration,
    next_wake: Duration,
}

pub struct World {
    rng: Rng,
    now: Duration,
    queue: BinaryHeap<Reverse<Queued>>,
    nth: u64,
    scenario: Scenario,
    wrong: Wrong,
    machines: Vec<Machine>,
    database: Database,
    outage_since: Duration,
    outage_until: Duration,
    /// When each worker last renewed its lease.
    beats: BTreeMap<WorkerId, Duration>,
    ids: u128,
    apps: BTreeMap<AppKey, (LedgerNo, u16)>,
    starts: BTreeMap<AppKey, Vec<Duration>>,
    under_way: BTreeMap<(AppKey, u16), Duration>,
    issued: BTreeSet<(AppKey, u16)>,
    /// The times between the last start of one owner of an app id and the first of the next.
    pub changes: Vec<Duration>,
    /// The last start for each app id, and the worker that made it.
    last_start: BTreeMap<AppKey, (WorkerId, Duration)>,
}

impl World {
    pub fn new(seed: u64, scenario: Scenario, wrong: Wrong) -> Self {
        let apps = (0..scenario.apps).map(|n| {
            let key = AppKey {
                platform: "live".to_owned(),
                app: format!("tt{n}"),
            };
            (key, (LedgerNo(n.into()), scenario.users))
        });
        let mut world = Self {
            rng: Rng::with_seed(seed),
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            nth: 0,
            wrong,
            machines: Vec::new(),
            database: Database::new(wrong.sql),
            outage_since: Duration::ZERO,
            outage_until: Duration::ZERO,
            beats: BTreeMap::new(),
            ids: u128::from(seed) << 16,
            apps: apps.collect(),
            starts: BTreeMap::new(),
            under_way: BTreeMap::new(),
            issued: BTreeSet::new(),
            changes: Vec::new(),
            last_start: BTreeMap::new(),
            scenario,
        };
        for no in 0..world.scenario.processes {
            let drift = world.rng.i32(-9..=9);
            world.machines.push(Machine {
                process: None,
                nth: 0,
                began: Duration::ZERO,
                drift,
                frozen_since: Duration::ZERO,
                frozen_until: Duration::ZERO,
                held: Vec::new(),
                cut_to: Duration::ZERO,
                cut_from: Duration::ZERO,
                cut_renewals: Duration::ZERO,
                next_wake: Duration::MAX,
            });
            let at = Duration::from_millis(world.rng.u64(0..3_000));
            world.at(at, Event::Start(no));
        }
        for (at, fault) in world.scenario.faults.clone() {
            world.at(at, Event::Fault(fault));
        }
        world
    }

    fn at(&mut self, at: Duration, event: Event) {
        self.nth += 1;
        let nth = self.nth;
        let event = Box::new(event);
        self.queue.push(Reverse(Queued { at, nth, event }));
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Runs the history to its end.
    pub fn run(&mut self) -> Result<(), Violation> {
        while let Some(Reverse(Queued { at, event, .. })) = self.queue.pop() {
            if at > TROUBLE + QUIET || self.is_done() {
                break;
            }
            self.now = at;
            self.handle(*event)?;
        }
        self.check_logs()?;
        let missing = self.apps.iter().find_map(|(app, (_, users))| {
            let user = (0..*users).find(|user| !self.issued.contains(&(app.clone(), *user)))?;
            Some(format!("{} of {}, owner {:?}", user, app.app, self.database.owner(app)))
        });
        match missing {
            Some(missing) => Err(Violation("every user is reached", missing)),
            None => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        let users = usize::from(self.scenario.users);
        self.now > TROUBLE && self.issued.len() == users * self.apps.len()
    }

    fn clock(&self, no: ProcessNo) -> Duration {
        let machine = &self.machines[no];
        let since = self.now.saturating_sub(machine.began);
        let drift = i64::from(machine.drift) * i64::try_from(since.as_micros()).unwrap_or(i64::MAX) / 1_000;
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX) + drift;
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }

    fn handle(&mut self, event: Event) -> Result<(), Violation> {
        let no = match &event {
            Event::Wake(no, nth) | Event::Reply(no, nth, ..) | Event::Answer(no, nth, ..) => {
                if self.machines[*no].nth != *nth {
                    return Ok(());
                }
                *no
            }
            _ => return self.happen(event),
        };
        let machine = &mut self.machines[no];
        // An earlier wish to be woken, which a later one has replaced.
        if matches!(event, Event::Wake(..)) && machine.next_wake > self.now {
            return Ok(());
        }
        if self.now < machine.frozen_until {
            machine.held.push(event);
            return Ok(());
        }
        let now = self.clock(no);
        let machine = &mut self.machines[no];
        let Some(process) = &mut machine.process else {
            return Ok(());
        };
        match event {
            Event::Reply(_, _, id, reply) => process.reply(id, reply, now),
            Event::Answer(_, _, app, user) => process.answered(&app, user, now),
            _ => process.tick(now),
        }
        self.perform(no)
    }

    /// Performs what a process wants, and wakes it in time.
    fn perform(&mut self, no: ProcessNo) -> Result<(), Violation> {
        let now = self.clock(no);
        let nth = self.machines[no].nth;
        let Some(process) = &mut self.machines[no].process else {
            return Ok(());
        };
        let id = process.id;
        let effects = std::mem::take(&mut process.effects);
        let wakes = process.wakes(now);
        let ends = process.is_over;
        for effect in effects {
            match effect {
                Effect::Ask(request_id, request) => self.ask(no, nth, request_id, request),
                Effect::Send { app, user } => self.send(no, nth, id, app, user)?,
                Effect::End => {}
            }
        }
        if ends {
            let machine = &mut self.machines[no];
            machine.process = None;
            machine.nth += 1;
            let again = Duration::from_millis(self.rng.u64(500..5_000));
            self.after(again, Event::Start(no));
            return Ok(());
        }
        // A clock that is slow wakes late; a little more is asked for so that rounding never wakes it before its time.
        let wait = wakes.saturating_sub(now);
        let drift = i64::from(self.machines[no].drift);
        let wait = wait * 1_000 / u32::try_from(1_000 + drift).unwrap_or(1_000) + Duration::from_micros(20);
        let at = self.now + wait;
        let machine = &mut self.machines[no];
        if at < machine.next_wake || machine.next_wake <= self.now {
            machine.next_wake = at;
            self.at(at, Event::Wake(no, nth));
        }
        Ok(())
    }

    fn delay(&mut self) -> Duration {
        if self.scenario.slow && self.rng.u8(0..20) == 0 {
            return Duration::from_millis(self.rng.u64(0..6_000));
        }
        Duration::from_millis(self.rng.u64(1..40))
    }

    fn is_lost(&mut self) -> bool {
        self.now < TROUBLE && self.rng.u8(0..100) < self.scenario.loss
    }

    fn ask(&mut self, no: ProcessNo, nth: u32, id: u64, request: Request) {
        let is_renewal = matches!(request, Request::Worker(Statement::Renew));
        let machine = &self.machines[no];
        let is_cut = self.now < machine.cut_to || (is_renewal && self.now < machine.cut_renewals);
        if is_cut || self.is_lost() {
            return;
        }
        let delay = self.delay();
        self.after(delay, Event::Arrive(no, nth, id, request));
    }

    fn reply(&mut self, no: ProcessNo, nth: u32, id: u64, reply: Reply) {
        if self.now < self.machines[no].cut_from || self.now < self.outage_until || self.is_lost() {
            return;
        }
        let delay = self.delay();
        self.after(delay, Event::Reply(no, nth, id, reply));
    }

    fn send(&mut self, no: ProcessNo, nth: u32, id: WorkerId, app: AppKey, user: u16) -> Result<(), Violation> {
        let starts = self.starts.entry(app.clone()).or_default();
        starts.push(self.now);
        let second = self.now.saturating_sub(Duration::from_millis(985));
        let in_second = starts.iter().rev().take_while(|start| **start > second).count();
        if in_second > QUOTA {
            let details = format!("{in_second} starts for {} until {:?}", app.app, self.now);
            return Err(Violation("no rolling second has more starts than the quota", details));
        }
        let until = self.now + TIMEOUT * 98 / 100;
        if let Some(before) = self.under_way.insert((app.clone(), user), until)
            && self.now < before
        {
            let details = format!("user {user} of {} at {:?}", app.app, self.now);
            return Err(Violation("a user has one request under way", details));
        }
        if self.issued.contains(&(app.clone(), user)) && self.is_recorded(&app, user) {
            let details = format!("user {user} of {} at {:?}", app.app, self.now);
            return Err(Violation("a user with a coupon is not sent to", details));
        }
        if self.database.is_fenced(id) {
            let details = format!("{id} for {} at {:?}", app.app, self.now);
            return Err(Violation("a fenced worker starts nothing", details));
        }
        if let Some((other, at)) = self.last_start.insert(app.clone(), (id, self.now))
            && other != id
        {
            self.changes.push(self.now.saturating_sub(at));
        }
        // A request can be on its way for a while after the last check.
        let delay = Duration::from_millis(if self.rng.u8(0..20) == 0 {
            self.rng.u64(0..2_000)
        } else {
            self.rng.u64(5..60)
        });
        self.after(delay, Event::AtPlatform(no, nth, app, user));
        Ok(())
    }

    fn is_recorded(&self, app: &AppKey, user: u16) -> bool {
        let Some((ledger, _)) = self.apps.get(app) else {
            return false;
        };
        let mut facts = self
            .database
            .log(*ledger)
            .iter()
            .flat_map(|entry| Fact::decode_all(&entry.row.record));
        facts.any(|fact| fact == Fact::Issued(user))
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Start(no) => {
                if self.machines[no].process.is_none() {
                    self.ids += 1;
                    let id = WorkerId(self.ids);
                    let mut process = Process::new(id, Timing::default(), self.apps.clone());
                    process.forgets_unfinished = self.wrong.forgets_unfinished;
                    let machine = &mut self.machines[no];
                    machine.began = self.now;
                    machine.next_wake = self.now;
                    machine.process = Some(process);
                    machine.frozen_until = Duration::ZERO;
                    machine.held.clear();
                    let nth = machine.nth;
                    return self.handle(Event::Wake(no, nth));
                }
            }
            Event::Arrive(no, nth, id, request) => self.arrive(no, nth, id, request)?,
            Event::Commit(no, nth, id, open) => {
                let me = open.me;
                let was_fenced = self.database.is_fenced(me);
                let Some(answer) = self.database.commit_append(open) else {
                    return Ok(());
                };
                if let LogAnswer::Appended { rows, .. } = &answer
                    && was_fenced
                    && !rows.is_empty()
                {
                    let details = format!("{me} at {:?}", self.now);
                    return Err(Violation("a fenced worker records nothing", details));
                }
                self.reply(no, nth, id, Reply::Log(answer));
            }
            Event::AtPlatform(no, nth, app, user) => {
                self.issued.insert((app.clone(), user));
                if self.now >= TROUBLE || self.rng.u8(0..100) >= self.scenario.lost_answers {
                    let delay = Duration::from_millis(self.rng.u64(5..400));
                    // The answer ends the request.
                    self.under_way.insert((app.clone(), user), self.now + delay);
                    self.after(delay, Event::Answer(no, nth, app, user));
                }
            }
            Event::Fault(fault) => self.begin_fault(fault),
            Event::Thaw(no) => {
                let held = std::mem::take(&mut self.machines[no].held);
                for event in held {
                    self.handle(event)?;
                }
            }
            Event::StandbyBack(takes_over) => {
                if takes_over {
                    self.database.fail_over();
                } else {
                    self.database.reconnect();
                }
            }
            Event::Wake(..) | Event::Reply(..) | Event::Answer(..) => {}
        }
        Ok(())
    }

    fn arrive(&mut self, no: ProcessNo, nth: u32, id: u64, request: Request) -> Result<(), Violation> {
        if self.now < self.outage_until {
            return Ok(());
        }
        let Some(me) = self.me(no, nth) else { return Ok(()) };
        match request {
            Request::Worker(statement) => {
                let Some(answer) = self.database.execute(me, &statement) else {
                    let again = Duration::from_millis(5);
                    self.after(again, Event::Arrive(no, nth, id, Request::Worker(statement)));
                    return Ok(());
                };
                if matches!(statement, Statement::Renew) {
                    self.beats.insert(me, self.now);
                }
                self.check_fence(no, &statement, &answer)?;
                // A commit that the standby does not have counts as failed.
                if self.database.answers(me, &statement, &answer) {
                    self.reply(no, nth, id, Reply::Worker(answer));
                }
            }
            Request::Log(LogStatement::Append(rows)) => {
                let open = self.database.begin_append(me, rows);
                let takes = if self.scenario.slow && self.now < TROUBLE && self.rng.u8(0..6) == 0 {
                    Duration::from_millis(self.rng.u64(0..14_000))
                } else {
                    Duration::from_millis(self.rng.u64(1..30))
                };
                self.after(takes, Event::Commit(no, nth, id, open));
            }
            Request::Log(LogStatement::ReadBack(places)) => {
                let answer = self.database.read_back(me, &places);
                self.reply(no, nth, id, Reply::Log(answer));
            }
            Request::Read(ledger) => {
                if self.database.is_replicating() {
                    let rows = self
                        .database
                        .log(ledger)
                        .iter()
                        .map(|entry| entry.row.clone())
                        .collect();
                    self.reply(no, nth, id, Reply::Read(rows));
                }
            }
        }
        Ok(())
    }

    /// The worker of a message, which may have ended since.
    fn me(&self, no: ProcessNo, nth: u32) -> Option<WorkerId> {
        let machine = &self.machines[no];
        let process = machine.process.as_ref().filter(|_| machine.nth == nth)?;
        Some(process.id)
    }

    fn begin_fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(no, time) => {
                let machine = &mut self.machines[no];
                machine.process = None;
                machine.nth += 1;
                self.after(time, Event::Start(no));
            }
            Fault::Freeze(no, time) => {
                let machine = &mut self.machines[no];
                if self.now >= machine.frozen_until {
                    machine.frozen_since = self.now;
                }
                machine.frozen_until = self.now + time;
                self.after(time, Event::Thaw(no));
            }
            Fault::CutTo(no, time) => self.machines[no].cut_to = self.now + time,
            Fault::CutRenewals(no, time) => self.machines[no].cut_renewals = self.now + time,
            Fault::CutFrom(no, time) => self.machines[no].cut_from = self.now + time,
            Fault::Outage(time) => {
                if self.now >= self.outage_until {
                    self.outage_since = self.now;
                }
                self.outage_until = self.outage_until.max(self.now + time);
            }
            Fault::Standby(time, takes_over) => {
                if self.database.is_replicating() {
                    self.database.disconnect();
                    self.after(time, Event::StandbyBack(takes_over));
                }
            }
            Fault::Stop(no, _) => {
                let now = self.clock(no);
                if let Some(process) = &mut self.machines[no].process {
                    process.stop(now);
                }
            }
        }
    }

    /// A worker is fenced only if it was silent for long while the database could be reached.
    fn check_fence(&self, no: ProcessNo, statement: &Statement, answer: &Answer) -> Result<(), Violation> {
        let (Statement::Fence { id, .. }, Answer::Done) = (statement, answer) else {
            return Ok(());
        };
        let beat = self.beats.get(id).copied().unwrap_or_default();
        let silent = self.now.saturating_sub(beat);
        let outage = (self.outage_since, self.outage_until.min(self.now));
        let machine = &self.machines[no];
        let frozen = (machine.frozen_since, machine.frozen_until);
        let least = Duration::from_millis(4_500);
        // An outage that is shorter than the time between two readings is not noticed, nor is one that the challenger slept over.
        let unnoticed = Duration::from_millis(if self.scenario.slow { 2_000 } else { 1_100 });
        let was_noticed = overlap(outage, outage).saturating_sub(overlap(outage, frozen)) > unnoticed;
        let reachable = self.now.saturating_sub(self.outage_until);
        let is_early = silent < Duration::from_millis(5_900)
            || silent.saturating_sub(overlap((beat, self.now), outage)) < least
            || (was_noticed && reachable < least);
        if is_early {
            let details = format!(
                "{id} after {silent:?}, {reachable:?} after an outage, at {:?}",
                self.now
            );
            return Err(Violation("only a silent worker is fenced", details));
        }
        Ok(())
    }

    /// Each log is one chain, and has the facts of one owner after the other.
    fn check_logs(&self) -> Result<(), Violation> {
        for (app, (ledger, _)) in &self.apps {
            let mut last = None;
            let mut term = 0;
            let mut by = None;
            for entry in self.database.log(*ledger) {
                let row = &entry.row;
                if last.is_some_and(|last| last != row.before) {
                    let details = format!("{} at {}", app.app, row.head.sequence);
                    return Err(Violation("each batch follows the one before it", details));
                }
                let is_owners = row.term > term || (row.term == term && by == Some(entry.by));
                if !is_owners {
                    let details = format!("{} of term {} after {term} in {}", entry.by, row.term, app.app);
                    return Err(Violation("a former owner records nothing", details));
                }
                last = Some(row.head);
                term = row.term;
                by = Some(entry.by);
            }
        }
        Ok(())
    }
}

/// For how long two spans of time overlap.
fn overlap((a, until_a): (Duration, Duration), (b, until_b): (Duration, Duration)) -> Duration {
    until_a.min(until_b).saturating_sub(a.max(b))
}
