//! Trials of a change of owner. In each, two workers apply a campaign, and one fault befalls the one that sends. The fake platform and
//! the network in front of it are the judges.
//!
//! `RUNNER_FLEET_TRIALS=30` repeats them, `RUNNER_FLEET_FAULT=kill` chooses one fault, and `RUNNER_FLEET_AT_ONCE=1` makes one trial
//! at a time. The time from the fault to the first request of the next owner is shown, and not judged.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fleet::{Machine, TestDatabase, end, everybody_has_one, signal, until};
use crate::fleet_link::{Cut, Directions, Link, Send};
use crate::scene::{FakePlatform, Scene};

pub const USERS: usize = 240;
pub const PACE: usize = 40;

const BOTH: Directions = Directions {
    to_server: true,
    to_worker: true,
    new: true,
};
const TO_SERVER: Directions = Directions {
    to_server: true,
    to_worker: false,
    new: true,
};
const TO_WORKER: Directions = Directions {
    to_server: false,
    to_worker: true,
    new: true,
};
const NEW: Directions = Directions {
    to_server: false,
    to_worker: false,
    new: true,
};

#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    Frozen(Duration),
    /// It is replaced while it is frozen, and cannot connect to the database again for a while.
    Isolated,
    Stopped,
    /// The server ends its connections.
    Terminated,
    /// The database cannot be reached until the next owner sends. What is on its way arrives late.
    Database(Directions),
    /// The platform cannot be reached for a while.
    Platform(Directions),
}

const FAULTS: [(&str, Fault); 12] = [
    ("kill", Fault::Killed),
    ("freeze-20", Fault::Frozen(Duration::from_secs(20))),
    ("isolate", Fault::Isolated),
    ("database", Fault::Database(BOTH)),
    ("platform", Fault::Platform(BOTH)),
    ("freeze-8", Fault::Frozen(Duration::from_secs(8))),
    ("database-hears-nothing", Fault::Database(TO_SERVER)),
    ("database-says-nothing", Fault::Database(TO_WORKER)),
    ("platform-says-nothing", Fault::Platform(TO_WORKER)),
    ("stop", Fault::Stopped),
    ("terminate", Fault::Terminated),
    ("freeze-3", Fault::Frozen(Duration::from_secs(3))),
];

impl Fault {
    /// Whether another worker has to go on.
    fn changes_owner(self) -> bool {
        match self {
            Self::Killed | Self::Isolated | Self::Stopped | Self::Database(_) => true,
            Self::Frozen(time) => time > Duration::from_secs(7),
            Self::Terminated | Self::Platform(_) => false,
        }
    }

    /// How many requests may be overtaken by the next owner. A process can be frozen between its last check and the write.
    fn stragglers(self) -> usize {
        2 * usize::from(matches!(self, Self::Frozen(_) | Self::Isolated))
    }
}

/// What the judges saw.
struct Verdict {
    mistakes: Vec<String>,
    /// From the fault to the first request of the next owner.
    gap: Option<Duration>,
    /// How long the platform took for an answer at most.
    slowest_answer: Duration,
}

/// Waits until a time has passed, which is a part of the fault.
pub fn pass(time: Duration) {
    let begun = Instant::now();
    while let Some(left) = time.checked_sub(begun.elapsed()) {
        park_timeout(left);
    }
}

/// Two requests for one user at once, as the platform sees it: the second one arrives before the first one is answered.
fn at_once(log: &[Value], stragglers: usize) -> Vec<String> {
    let mut busy: HashMap<&str, u64> = HashMap::new();
    let mut found = Vec::new();
    for record in log {
        let (ms, delay) = (record["ms"].as_u64().unwrap(), record["delay_ms"].as_u64().unwrap());
        let user = record["open_id"].as_str().unwrap();
        let until = busy.insert(user, ms + delay).unwrap_or_default();
        if ms < until {
            found.push(format!(
                "{user} has two requests at {ms} ms, the first one until {until} ms; all of this user: {:#?}",
                log.iter().filter(|other| other["open_id"] == user).collect::<Vec<_>>()
            ));
        }
    }
    // A process that was frozen between its last check and the write sends late.
    if found.len() > stragglers { found } else { Vec::new() }
}

/// Arrivals of more requests than can have started. It counts arrivals, and on a busy machine those are late.
pub fn too_fast(log: &[Value]) -> Vec<String> {
    let mut arrivals: Vec<_> = log.iter().filter_map(|record| record["ms"].as_u64()).collect();
    arrivals.sort_unstable();
    let mut found = Vec::new();
    for (first, start) in arrivals.iter().enumerate() {
        for (window, most) in [(1_000, 2 * PACE), (3_000, 4 * PACE)] {
            let within = arrivals[first..].iter().take_while(|at| **at < start + window).count();
            if within > most {
                found.push(format!("{within} requests within {window} ms from {start} ms"));
            }
        }
    }
    found.truncate(1);
    found
}

/// Requests of a worker while another one sends: between two turns is a second, less the delay of a busy machine. Requests of a
/// connection whose worker was not found do not count.
fn interleaved(sends: &[Send], allowed: usize) -> Vec<String> {
    let sends: Vec<_> = sends.iter().filter(|send| send.pid != 0).collect();
    let is_new_turn = |one: &&Send, next: &&Send| one.pid != next.pid && next.at - one.at >= Duration::from_millis(500);
    let begun = sends[0].at;
    let mut found = Vec::new();
    let mut stragglers = 0;
    for turn in sends.chunk_by(|one, next| !is_new_turn(one, next)) {
        let mut requests: BTreeMap<u32, usize> = BTreeMap::new();
        for send in turn {
            *requests.entry(send.pid).or_default() += 1;
        }
        let most = requests.values().max().copied().unwrap_or_default();
        if most < turn.len() {
            stragglers += turn.len() - most;
            found.push(format!(
                "requests from {} ms: {requests:?}",
                (turn[0].at - begun).as_millis()
            ));
        }
    }
    if stragglers > allowed { found } else { Vec::new() }
}

struct Trial {
    database: TestDatabase,
    platform: FakePlatform,
    to_database: Link,
    to_platform: Link,
    scene: Scene,
    machines: [Machine; 2],
    desk: Machine,
    /// A fault of the program itself, for the null control.
    planted: Option<&'static str>,
    /// How many requests may be overtaken, if not as many as the fault allows.
    stragglers: Option<usize>,
}

impl Trial {
    /// `None` without a server.
    fn new(latency: &str) -> Option<Self> {
        let database = TestDatabase::create()?;
        let platform = FakePlatform::start(&["--refuse", "0%", "--latency", latency]);
        let to_platform = Link::to(platform.url.strip_prefix("http://").unwrap(), Cut::Lost);
        let to_database = Link::to(&database.address(), Cut::Late);
        let more = format!("pace: {{per_second: {PACE}}}\nretry: {{timeout: 2s}}\n");
        let url = format!("http://127.0.0.1:{}", to_platform.port);
        let linked = database.url_at("127.0.0.1", to_database.port);
        Some(Self {
            scene: Scene::new(&url, USERS).with(&more),
            machines: [Machine::at(linked.clone()), Machine::at(linked)],
            desk: Machine::new(&database),
            database,
            platform,
            to_database,
            to_platform,
            planted: None,
            stragglers: None,
        })
    }

    fn start(&self, machine: usize) -> Child {
        let mut command = self.machines[machine].command("apply", &self.scene, &[]);
        command.envs(self.planted.map(|name| (name, "1")));
        Link::start([&self.to_database, &self.to_platform], || command.spawn().unwrap())
    }

    /// Waits for the first request of another worker after the fault. Returns how long it took.
    fn next_owner(&self, victim: u32, fault: Instant) -> Duration {
        let mut gap = None;
        until("the next owner's request", || {
            let sends = self.to_platform.sends();
            let next = sends.iter().find(|send| send.pid != victim && send.at > fault);
            gap = next.map(|send| send.at - fault);
            gap.is_some()
        });
        gap.unwrap()
    }

    fn run(&self, fault: Fault) -> Verdict {
        let sent = || self.to_platform.sends();
        let mut workers = vec![self.start(0)];
        until("the first worker's requests", || sent().len() >= PACE);
        workers.push(self.start(1));
        until("the second worker", || self.database.workers() == 2);
        until("further requests", || sent().len() >= 2 * PACE);
        let pid = sent().last().unwrap().pid;
        let victim = workers.iter().position(|worker| worker.id() == pid).unwrap();
        let begun = Instant::now();
        let next = || fault.changes_owner().then(|| self.next_owner(pid, begun));
        let gap = match fault {
            Fault::Killed => {
                workers[victim].kill().unwrap();
                next()
            }
            Fault::Stopped => {
                signal(&workers[victim], "-TERM");
                next()
            }
            Fault::Frozen(time) => {
                signal(&workers[victim], "-STOP");
                pass(time);
                signal(&workers[victim], "-CONT");
                next()
            }
            Fault::Isolated => {
                signal(&workers[victim], "-STOP");
                let gap = next();
                self.to_database.cut(pid, NEW);
                signal(&workers[victim], "-CONT");
                pass(Duration::from_secs(6));
                self.to_database.restore(pid);
                gap
            }
            Fault::Terminated => {
                self.database.terminate();
                None
            }
            Fault::Database(directions) => {
                self.to_database.cut(pid, directions);
                let gap = next();
                self.to_database.restore(pid);
                gap
            }
            Fault::Platform(directions) => {
                self.to_platform.cut(pid, directions);
                pass(Duration::from_secs(5));
                self.to_platform.restore(pid);
                None
            }
        };
        for (number, mut worker) in workers.into_iter().enumerate() {
            until("the end of a worker", || worker.try_wait().unwrap().is_some());
            let ran = end(worker);
            let expected = match fault {
                Fault::Killed if number == victim => None,
                Fault::Stopped if number == victim => Some(3),
                _ => Some(0),
            };
            assert_eq!(ran.code, expected, "{fault:?}: {}\n{}", ran.out, ran.err);
        }
        let log = self.platform.log();
        let stragglers = self.stragglers.unwrap_or_else(|| fault.stragglers());
        let mistakes = [
            at_once(&log, stragglers),
            too_fast(&log),
            interleaved(&sent(), stragglers),
        ]
        .concat();
        everybody_has_one(&self.desk, &self.scene, &self.platform, USERS);
        Verdict {
            mistakes,
            gap,
            slowest_answer: self.to_platform.slowest_answer(),
        }
    }
}

fn number(variable: &str, usual: usize) -> usize {
    let said = std::env::var(variable).ok().and_then(|said| said.parse().ok());
    said.unwrap_or(usual)
}

fn show(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Runs a trial. What the judges find while this machine stalls says nothing: then a request waits longer than the program waits for
/// its answer. Such a trial is repeated twice at most.
fn judged(name: &str, fault: Fault) -> Option<Verdict> {
    for _ in 0..2 {
        let stalls = Stalls::watch();
        let verdict = Trial::new("30ms..80ms")?.run(fault);
        let longest = stalls.longest();
        if verdict.mistakes.is_empty() || longest < Duration::from_millis(400) {
            return Some(verdict);
        }
        show(&format!(
            "{name}: this machine stalled for {longest:?}, so the trial is repeated. It had found {:#?}\n",
            verdict.mistakes
        ));
    }
    Some(Trial::new("30ms..80ms")?.run(fault))
}

/// Measures for how long a thread that sleeps shortly is not woken.
struct Stalls {
    longest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Stalls {
    fn watch() -> Self {
        let stalls = Self {
            longest: Arc::default(),
            is_over: Arc::default(),
        };
        let (longest, is_over) = (Arc::clone(&stalls.longest), Arc::clone(&stalls.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                park_timeout(Duration::from_millis(20));
                let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                longest.fetch_max(took, Ordering::Relaxed);
            }
        });
        stalls
    }

    fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whatever_befalls_the_owner_nobody_has_two_coupons_and_the_pace_is_kept() {
    let chosen = std::env::var("RUNNER_FLEET_FAULT").ok();
    let faults: Vec<_> = FAULTS
        .into_iter()
        .filter(|(name, _)| chosen.as_ref().is_none_or(|chosen| chosen == name))
        .collect();
    let trials = number("RUNNER_FLEET_TRIALS", faults.len());
    let next = AtomicUsize::new(0);
    let gaps: Mutex<BTreeMap<&str, Vec<Duration>>> = Mutex::default();
    let works = || {
        loop {
            let trial = next.fetch_add(1, Ordering::Relaxed);
            if trial >= trials {
                return;
            }
            let (name, fault) = faults[trial % faults.len()];
            let Some(verdict) = judged(name, fault) else {
                return;
            };
            let Verdict {
                mistakes,
                gap,
                slowest_answer,
            } = verdict;
            assert!(
                mistakes.is_empty(),
                "{name}, an answer took {slowest_answer:?}: {mistakes:#?}"
            );
            if let Some(gap) = gap {
                gaps.lock().unwrap().entry(name).or_default().push(gap);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..number("RUNNER_FLEET_AT_ONCE", 4) {
            scope.spawn(works);
        }
    });
    let mut text = String::new();
    for (name, mut gaps) in gaps.into_inner().unwrap() {
        gaps.sort_unstable();
        let [median, worst] = [gaps[gaps.len() / 2], gaps[gaps.len() - 1]].map(|gap| gap.as_secs_f64());
        let trials = gaps.len();
        writeln!(
            text,
            "{name}: {trials} trials, next request after {median:.1} s, worst {worst:.1} s"
        )
        .unwrap();
    }
    show(&text);
}

/// The library that gives a program another wall clock. `None` where it is not installed.
fn faketime() -> Option<PathBuf> {
    let found = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        .unwrap()
        .flatten()
        .next();
    if found.is_none() {
        let is_required = std::env::var_os("RUNNER_TEST_FAKETIME").is_some_and(|said| said == "required");
        assert!(!is_required, "libfaketime is not installed");
        show("skipped a trial of a fleet: libfaketime is not installed\n");
    }
    found
}

/// Leases and waits use clocks that nobody sets. The wall clocks of the machines may be wrong by hours.
#[test]
fn workers_whose_clocks_are_two_hours_apart_share_a_campaign() {
    let Some(library) = faketime() else { return };
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms..80ms"]);
    let more = format!("pace: {{per_second: {PACE}}}\nretry: {{timeout: 2s}}\n");
    let scene = Scene::new(&platform.url, USERS).with(&more);
    let machines = [(); 2].map(|()| Machine::new(&database));
    let start = |number: usize, clock: &str| {
        let mut command = machines[number].command("apply", &scene, &[]);
        command.env("LD_PRELOAD", &library).env("FAKETIME", clock);
        command.env("DONT_FAKE_MONOTONIC", "1").spawn().unwrap()
    };
    let sent = || platform.log().len();
    let mut first = start(0, "+1h");
    until("the first worker's requests", || sent() >= PACE);
    let second = start(1, "-1h");
    until("the second worker", || database.workers() == 2);
    first.kill().unwrap();
    first.wait().unwrap();
    end(second).ends(0);
    let mistakes = too_fast(&platform.log());
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    everybody_has_one(&machines[1], &scene, &platform, USERS);
    let history = machines[1].command("history", &scene, &["--output", "json"]).output();
    let history = String::from_utf8(history.unwrap().stdout).unwrap();
    let mut begun: Vec<jiff::Timestamp> = history
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["at"].as_str()?.parse().ok())
        .collect();
    begun.sort_unstable();
    let apart = begun[begun.len() - 1].as_second() - begun[0].as_second();
    assert!(apart > 6_600, "the clocks were not apart: {history}");
}

/// The null control: a worker that does not check whether it still owns the app id. If the judges saw nothing, the trials above would
/// prove nothing. Appends are slow, so that a worker that is frozen has attempts that start as soon as it goes on, and none is allowed.
/// Where it is when it is frozen is chance, so there are some tries.
#[cfg(debug_assertions)]
#[test]
fn null_control_a_worker_that_does_not_check_its_lease_is_caught() {
    const TRIES: u32 = 8;
    let is_caught = |planted| {
        let mut trial = Trial::new("1s")?;
        trial.planted = planted;
        trial.stragglers = Some(0);
        trial.database.append_slowly();
        let Verdict { mistakes, .. } = trial.run(Fault::Frozen(Duration::from_secs(15)));
        show(&format!("{planted:?}: {mistakes:#?}\n"));
        Some(!mistakes.is_empty())
    };
    // A sound worker can be frozen between its last check and the write, but hardly twice.
    let Some(is_first_caught) = is_caught(None) else { return };
    assert!(
        !is_first_caught || is_caught(None) == Some(false),
        "sound workers are caught"
    );
    assert!(
        (0..TRIES).any(|_| is_caught(Some("RUNNER_FAULT_TRUST_UNCHECKED")) == Some(true)),
        "{TRIES} frozen workers went on, and the judges saw nothing"
    );
}
