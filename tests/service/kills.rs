//! Kills of the service by SIGKILL in each phase of a campaign's life. The fake platform, in a process of its own, is the judge.
//!
//! The moments come from a seed that is printed; `KILLS_SEED` sets it. `RUNNER_TEST_KILLS` sets the number of kills in each phase.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::process::Output;
use std::thread::park_timeout;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use runner::model::clock::Clock;
use serde_json::Value;

use crate::client::{Directory, Service, clock_ahead, field};
use crate::database::TestDatabase;
use crate::fake_platform::FakePlatform;
use crate::policy::{USERS as TEAM, be};

const KILLS: u32 = 1;
const USERS: usize = 240;
/// The days of a week of a recurring campaign. A test of one kill in each phase has only the first three, which are of each kind.
const DAYS: i64 = 7;

/// What a service does as it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It reads a file and plans it.
    Plan,
    /// It records a request.
    Request,
    /// It records an approval.
    Approval,
    /// A run begins.
    Begin,
    /// A run sends.
    Sending,
    /// A run was paused.
    Pause,
    /// Everything was frozen.
    Freeze,
    /// A pause or a freeze ended.
    Resume,
    /// A wave waits for its approval, or has it.
    Wave,
    /// A run was stopped.
    Stop,
    /// A person decided about deliveries.
    Decision,
    /// An occurrence that was approved waits for its time, or begins.
    Occurrence,
    /// An occurrence that nobody approved is missed.
    Missed,
    /// A run ends, and its message is sent.
    Messages,
    /// It compares a ledger with the records of the platform.
    Comparison,
    /// Nothing goes on.
    Idle,
    /// It ends in order.
    End,
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// A service that is killed again and again.
struct Trial {
    /// The directories of the machines, which have it in turn.
    machines: Vec<Directory>,
    /// The database of its log and its ledgers. `None` if they are in files.
    database: Option<TestDatabase>,
    fake_platform: FakePlatform,
    service: Option<Service>,
    random: fastrand::Rng,
    kills: BTreeMap<Phase, u32>,
    most: u32,
    /// The variables of the clock of the service. Empty for the clock of this machine.
    clock: Vec<(&'static str, String)>,
    /// How far that clock is ahead, in seconds.
    ahead: i64,
}

impl Trial {
    fn new(machines: usize, database: Option<TestDatabase>) -> Self {
        let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        let most = std::env::var("RUNNER_TEST_KILLS")
            .ok()
            .and_then(|most| most.parse().ok());
        let _ = writeln!(std::io::stderr(), "KILLS_SEED={seed}");
        Self {
            machines: (0..machines).map(|_| Directory::empty()).collect(),
            database,
            fake_platform: FakePlatform::start(&["--latency", "10ms..60ms", "--refuse", "4%"]),
            service: None,
            random: fastrand::Rng::with_seed(seed),
            kills: BTreeMap::new(),
            most: most.unwrap_or(KILLS),
            clock: Vec::new(),
            ahead: 0,
        }
    }

    /// The machine whose turn it is.
    fn machine(&self) -> &Directory {
        let turns: u32 = self.kills.values().sum();
        &self.machines[turns as usize % self.machines.len()]
    }

    fn serve(&self) -> Service {
        let mut variables = [&self.fake_platform.variables("ok")[..], &self.clock].concat();
        variables.extend(self.database.as_ref().map(|database| ("RUNNER_STORE", database.url())));
        self.machine().serve_with(&[], &variables)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.machine().runner(args);
        if let Some(database) = &self.database {
            command.env("RUNNER_STORE", database.url());
        }
        command.output().unwrap()
    }

    /// Lets campaigns live one after the other until there were enough kills in each phase, and ends the service.
    fn live_one_after_the_other(mut self, live: impl Fn(&mut Self, &str)) {
        for life in 1.. {
            if self.is_done() {
                break;
            }
            let name = format!("tea{life}");
            live(&mut self, &name);
            for machine in &self.machines {
                fs::remove_file(machine.campaigns().join(format!("{name}.yaml"))).unwrap();
            }
        }
        let all: u32 = self.kills.values().sum();
        let _ = writeln!(std::io::stderr(), "{all} kills: {:?}", self.kills);
        let mut service = self.service.take().unwrap_or_else(|| self.serve());
        assert_eq!(service.stop(), Some(0));
        let verified = self.run(&["verify", "campaigns"]);
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    }

    fn service(&mut self) -> &mut Service {
        if self.service.is_none() {
            self.service = Some(self.serve());
        }
        self.service.as_mut().unwrap()
    }

    /// Kills the service after a random time of at most `most_ms`.
    fn kill(&mut self, phase: Phase, most_ms: u64) {
        let wait = Duration::from_millis(self.random.u64(0..=most_ms));
        let began = std::time::Instant::now();
        while began.elapsed() < wait {
            park_timeout(wait.saturating_sub(began.elapsed()));
        }
        if let Some(mut service) = self.service.take() {
            service.kill();
            *self.kills.entry(phase).or_default() += 1;
        }
    }

    fn is_done(&self) -> bool {
        // The first life visits each phase.
        !self.kills.is_empty() && self.kills.values().all(|kills| *kills >= self.most)
    }

    fn write(&self, name: &str) {
        self.write_with(name, "");
    }

    fn write_with(&self, name: &str, keys: &str) {
        let keys = self.fake_platform.keys("ended") + keys;
        let more = "schedule: {waves: [{share: 40%, wait: approval}]}\ncodes: {28001045: hold}\nretry: {timeout: 1s}\n";
        let more = keys + more;
        for machine in &self.machines {
            machine.write(name, name, USERS);
            machine.write_file(name, name, &more);
        }
    }

    /// Waits until a page of a campaign has one of the texts. Returns it.
    fn wait_for_one<'t>(&mut self, path: &str, texts: &[&'t str]) -> &'t str {
        let mut last = String::new();
        for _ in 0..1200 {
            last = self.service().get(path).body;
            if let Some(found) = texts.iter().find(|text| last.contains(**text)) {
                return found;
            }
            park_timeout(Duration::from_millis(50));
        }
        panic!("{path} never has one of {texts:?}:\n{last}");
    }

    /// Waits until the campaign of a file, or an occurrence of it, has one of these states.
    fn wait_for_state<'t>(&mut self, file: &str, states: &[&'t str]) -> &'t str {
        let labels: Vec<_> = states.iter().map(|state| format!("\">{state}</span>")).collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let found = self.wait_for_one(&format!("/campaigns/{file}"), &labels);
        states[labels.iter().position(|label| *label == found).unwrap()]
    }

    /// Whether the record of an approval is durable.
    fn is_approved(&mut self, file: &str) -> bool {
        let audit = self.service().get("/audit").body;
        audit
            .split("<tr")
            .any(|row| row.contains("approve and apply") && row.contains(file))
    }

    fn post(&mut self, file: &str, what: &str, form: &str) {
        let answer = self.service().post(&format!("/campaigns/{file}/{what}"), form);
        assert_eq!(answer.status, 303, "{what}: {}", answer.body);
    }

    /// A campaign from its file to its end, with a kill in each phase.
    fn live(&mut self, name: &str) {
        self.write(name);
        self.service();
        self.kill(Phase::Plan, 400);
        // The kill may come before or after the record of the approval is durable.
        let file = &format!("{name}.yaml");
        let path = format!("/campaigns/{file}/plan");
        let page = self.service().wait_for(&path, "name=\"fingerprint\"");
        let form = format!("fingerprint={}", field(&page, "fingerprint"));
        self.service().send(&format!("/campaigns/{file}/approve"), &form);
        self.kill(Phase::Approval, 15);
        let sent = ["sending", "waiting"];
        // The next service says "needs approval" until it continues what is recorded.
        if !self.is_approved(file) {
            assert_eq!(self.fake_platform.coupons(name).0, 0, "sent without an approval");
            self.service().approve(name);
        }
        // An approval that was answered is never asked for again.
        self.kill(Phase::Begin, 30);
        self.wait_for_state(file, &sent);
        self.kill(Phase::Sending, 250);
        self.wait_for_state(file, &sent);
        // A wave may have ended before the pause.
        self.post(file, "pause", "");
        self.kill(Phase::Pause, 0);
        self.wait_for_state(file, &["paused"]);
        let before = self.fake_platform.coupons(name).0;
        self.wait_for_one("/", &["Paused by li."]);
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent while it was paused");
        self.post(file, "resume", "");
        self.kill(Phase::Resume, 30);
        self.wait_for_one("/", &["The next one waits for your approval."]);
        self.post(file, "wave", "wave=1");
        self.kill(Phase::Wave, 0);
        self.wait_for_state(file, &["sending"]);
        self.post(file, "stop", "");
        self.kill(Phase::Stop, 0);
        self.wait_for_one("/", &["Stopped by li"]);
        let before = self.fake_platform.coupons(name).0;
        self.kill(Phase::Stop, 50);
        self.wait_for_one("/", &["Stopped by li"]);
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent after it was stopped");
        self.service().approve(name);
        // The end of the run, and its message.
        self.wait_for_users(name, USERS);
        self.kill(Phase::Messages, 300);
        // A user whose answer a kill lost and who was then refused is in doubt.
        self.wait_for_state(file, &["complete", "needs a decision"]);
        self.decide(file, |trial| trial.service());
        self.service().terminate();
        self.kill(Phase::End, 60);
        self.wait_for_state(file, &["complete"]);
        self.judge(name);
    }

    /// Waits until this many deliveries of a campaign and its occurrences were attempted.
    fn wait_for_users(&self, name: &str, deliveries: usize) {
        for _ in 0..6000 {
            if self.fake_platform.coupons(name).1.len() >= deliveries {
                return;
            }
            park_timeout(Duration::from_millis(10));
        }
        panic!(
            "not everybody was sent to: {}",
            self.fake_platform.coupons(name).1.len()
        );
    }

    /// The service as one of the users of a team sees it.
    fn as_user(&mut self, name: &str) -> &mut Service {
        let service = self.service();
        be(service, name);
        service
    }

    /// The records of the log that are about a file and were not refused.
    fn records(&mut self, file: &str) -> Vec<Value> {
        let log = self.as_user("wang").get("/audit.jsonl").body;
        let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own = records.filter(|record| record["on"]["file"] == *file);
        own.filter(|record| record["refused"].is_null()).collect()
    }

    /// How many acts of this kind on a campaign the log has that were not refused.
    fn acts(&mut self, file: &str, act: &str) -> usize {
        let records = self.records(file);
        records.iter().filter(|record| record["act"] == act).count()
    }

    /// Kills the service while nothing may be sent.
    fn kill_while_nothing_is_sent(&mut self, phase: Phase, name: &str, path: &str, texts: &[&str]) {
        self.wait_for_one(path, texts);
        let before = self.fake_platform.coupons(name).0;
        self.kill(phase, 60);
        self.as_user("wang");
        self.wait_for_one(path, texts);
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent while {texts:?}");
    }

    /// The author requests a plan. The kill may come before or after the record is durable. Returns the form with its fingerprint.
    fn request(&mut self, file: &str) -> String {
        let path = format!("/campaigns/{file}");
        let page = self
            .as_user("li")
            .wait_for(&format!("{path}/plan"), "name=\"fingerprint\"");
        let form = format!("fingerprint={}", field(&page, "fingerprint"));
        self.as_user("li").send(&format!("{path}/request"), &form);
        self.kill(Phase::Request, 15);
        if self.acts(file, "request") == 0 {
            self.as_user("li")
                .wait_for(&format!("{path}/plan"), "name=\"fingerprint\"");
            self.post_as("li", file, "request", &form);
        }
        form
    }

    /// An approver approves what was requested. An approval that is recorded is never asked for again.
    fn approve_request(&mut self, name: &str, file: &str, form: &str) {
        let path = format!("/campaigns/{file}");
        let before = self.fake_platform.coupons(name).0;
        self.as_user("wang").wait_for(&format!("{path}/plan"), "act-approve");
        self.as_user("wang").send(&format!("{path}/approve"), form);
        self.kill(Phase::Approval, 30);
        if self.acts(file, "give_approval") == 0 {
            assert_eq!(self.fake_platform.coupons(name).0, before, "sent without an approval");
            self.as_user("wang").wait_for(&format!("{path}/plan"), "act-approve");
            self.post_as("wang", file, "approve", form);
        }
        self.kill(Phase::Begin, 60);
        self.as_user("wang");
        self.wait_for_state(file, &["sending", "waiting"]);
        assert_eq!(self.acts(file, "give_approval"), 1);
        assert_eq!(self.acts(file, "apply"), 1, "it is applied once");
    }

    /// A campaign of a team, with a kill in each phase: its request and approval, the begin of its run, a freeze, a wave, and the
    /// comparison after its day.
    fn live_in_a_team(&mut self, name: &str) {
        self.clock.clear();
        self.write_with(name, "coupon_meta_id: \"7218071234565644205\"\n");
        self.as_user("li");
        self.kill(Phase::Plan, 400);
        let file = &format!("{name}.yaml");
        let path = format!("/campaigns/{file}");
        let form = self.request(file);
        self.approve_request(name, file, &form);
        let sent = ["sending", "waiting"];
        self.kill(Phase::Sending, 250);
        self.as_user("wang");
        self.wait_for_state(file, &sent);
        assert_eq!(self.as_user("sun").post("/freeze", "note=double+11").status, 303);
        self.kill(Phase::Freeze, 0);
        self.as_user("wang");
        self.kill_while_nothing_is_sent(Phase::Freeze, name, &path, &["\">paused</span>"]);
        assert_eq!(self.as_user("qian").post("/unfreeze", "").status, 303);
        self.kill(Phase::Resume, 0);
        self.as_user("wang");
        self.wait_for_state(file, &sent);
        let waits = ["The next one waits for your approval."];
        self.kill_while_nothing_is_sent(Phase::Wave, name, "/", &waits);
        self.post_as("wang", file, "wave", "wave=1");
        self.kill(Phase::Wave, 0);
        self.as_user("wang");
        self.wait_for_users(name, USERS);
        self.kill(Phase::Messages, 300);
        self.as_user("wang");
        self.decide(file, |trial| trial.as_user("sun"));
        // The comparison after the day, which settles nothing else.
        self.clock = clock_ahead("+26h").map(Vec::from).unwrap_or_default();
        self.kill(Phase::Idle, 0);
        if !self.clock.is_empty() {
            self.as_user("wang");
            self.kill(Phase::Comparison, 700);
            self.as_user("wang");
            self.wait_for_one(&path, &["Compared with the platform's records at"]);
        }
        self.kill(Phase::Idle, 0);
        self.judge(name);
    }

    /// Decides on what is held or in doubt until the campaign is complete.
    fn decide(&mut self, file: &str, person: fn(&mut Self) -> &mut Service) {
        let path = format!("/campaigns/{file}");
        while self.wait_for_state(file, &["complete", "needs a decision"]) != "complete" {
            let page = person(self).get(&format!("{path}/decide")).body;
            if page.contains("name=\"count\"") {
                let fields = ["state", "code", "count"].map(|name| format!("{name}={}", field(&page, name)));
                let form = format!("{}&to=refused&note=closed", fields.join("&"));
                let answer = person(self).post(&format!("{path}/resolve"), &form);
                // The page of before is refused.
                assert!(matches!(answer.status, 303 | 409), "{}", answer.body);
                self.kill(Phase::Decision, 0);
                person(self);
            }
        }
    }

    fn post_as(&mut self, user: &str, file: &str, what: &str, form: &str) {
        self.as_user(user);
        self.post(file, what, form);
    }

    /// Sets the clock of the next service. It only goes forward.
    fn set_clock(&mut self, day: Date, time: &str) {
        let time: DateTime = format!("{day}T{time}").parse().unwrap();
        let target = shanghai().to_timestamp(time).unwrap();
        self.ahead = self.ahead.max(target.duration_since(Clock::system().now()).as_secs());
        self.clock = Vec::from(clock_ahead(&format!("+{}", self.ahead)).unwrap());
    }

    /// A week of a recurring campaign of a team, on a clock that is put forward from day to day, with a kill in each phase. On the second
    /// day nobody approves, and on the third everything is frozen as the time comes.
    fn live_a_week(&mut self, name: &str) {
        let now = Clock::system().now() + self.ahead.seconds();
        let today = shanghai().to_datetime(now).date();
        let days = if self.most > 1 { DAYS } else { 3 };
        let day_after = |days: i64| today.checked_add(days.days()).unwrap();
        let until = day_after(days);
        let keys = self.fake_platform.keys("ended, missed");
        let keys = format!(
            "{keys}repeat: {{every: day, at: \"10:00\", until: {until}}}\ncodes: {{28001045: refuse}}\nretry: {{timeout: 1s}}\n"
        );
        self.machine().write(name, name, USERS);
        self.machine().write_file(name, name, &keys);
        self.set_clock(today, "23:30:00");
        self.as_user("li");
        // The file is known before the first occurrence.
        self.wait_for_one(&format!("/campaigns/{name}.yaml"), &["to come"]);
        let mut sent_days = 0;
        for number in 1..=days {
            let day = day_after(number);
            let file = &format!("{name}.yaml@{day}");
            self.set_clock(day, "08:00:00");
            self.kill(Phase::Idle, 0);
            self.as_user("li");
            self.kill(Phase::Plan, 2500);
            let form = self.request(file);
            if number == 2 {
                self.miss(name, file, day);
                continue;
            }
            self.approve_request(name, file, &form);
            if number == 3 {
                assert_eq!(self.as_user("sun").post("/freeze", "note=double+11").status, 303);
                self.kill(Phase::Freeze, 0);
                self.set_clock(day, "10:00:10");
                self.as_user("wang");
                let held = ["\">paused</span>", "\">waiting</span>"];
                self.kill_while_nothing_is_sent(Phase::Freeze, name, &format!("/campaigns/{file}"), &held);
                assert_eq!(self.as_user("qian").post("/unfreeze", "").status, 303);
                self.kill(Phase::Resume, 0);
            } else {
                self.set_clock(day, "09:59:57");
                self.kill(Phase::Occurrence, 0);
                self.as_user("wang");
                self.kill(Phase::Occurrence, 5000);
            }
            self.as_user("wang");
            self.wait_for_state(file, &["sending", "complete", "needs a decision"]);
            self.kill(Phase::Sending, 250);
            self.as_user("wang");
            sent_days += 1;
            self.wait_for_users(name, USERS * sent_days);
            self.kill(Phase::Messages, 300);
            self.as_user("wang");
            self.decide(file, |trial| trial.as_user("sun"));
            assert_eq!(self.acts(file, "give_approval"), 1);
            assert_eq!(self.acts(file, "apply"), 1, "it is applied once");
            self.judge_deliveries(name, USERS * sent_days);
            self.judge_ledger(name, Some(day));
            self.judge_messages(&format!("{name}@{day}"));
        }
    }

    /// An occurrence that nobody approved, before and after it is missed.
    fn miss(&mut self, name: &str, file: &str, day: Date) {
        let before = self.fake_platform.coupons(name).0;
        self.set_clock(day, "10:59:58");
        self.kill(Phase::Missed, 0);
        for most_ms in [5000, 700, 700, 700] {
            self.as_user("wang");
            self.kill(Phase::Missed, most_ms);
        }
        self.set_clock(day, "11:00:10");
        self.as_user("wang");
        let records = |trial: &mut Self| {
            let records = trial.records(file);
            let missed = records.iter().filter(|record| record["record"] == "occurrence_missed");
            missed.count()
        };
        for _ in 0..600 {
            if records(self) > 0 {
                break;
            }
            park_timeout(Duration::from_millis(50));
        }
        self.kill(Phase::Missed, 100);
        self.as_user("wang");
        self.wait_for_one("/", &["missed"]);
        assert_eq!(records(self), 1, "it is missed once");
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent without an approval");
        // A kill between the record and the message may lose the message: only halts and ends are kept.
        let messages = self.fake_platform.messages("ok", &format!("{name}@{day}"));
        assert!(messages.len() <= 1, "{messages:?}");
    }

    fn judge(&mut self, name: &str) {
        self.judge_deliveries(name, USERS);
        self.judge_ledger(name, None);
        self.judge_messages(name);
    }

    /// Nobody was forgotten, and no id has two coupons.
    fn judge_deliveries(&self, name: &str, deliveries: usize) {
        let (_, given) = self.fake_platform.coupons(name);
        assert_eq!(given.len(), deliveries, "every user was sent to");
        let twice: Vec<_> = given.iter().filter(|(_, coupons)| **coupons > 1).collect();
        assert_eq!(twice, [], "an id was given two coupons");
    }

    /// The ledger is sound, its approvals are those of the log, and it has as many coupons as the platform.
    fn judge_ledger(&self, name: &str, day: Option<Date>) {
        let file = format!("campaigns/{name}.yaml");
        let day = day.map(|day| day.to_string());
        let occurrence: Vec<_> = day.iter().flat_map(|day| ["--occurrence", day.as_str()]).collect();
        let run = |args: &[&str]| self.run(&[args, &occurrence].concat());
        let verified = run(&["verify", &file, "--output", "json"]);
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
        let verified = String::from_utf8(verified.stdout).unwrap();
        assert!(verified.contains("\"service_log\":\"agrees\""), "{verified}");
        let exported = run(&["export", &file, "--format", "jsonl", "--state", "issued"]);
        let exported = String::from_utf8(exported.stdout).unwrap();
        let rows = exported
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let (_, given) = self.fake_platform.coupons(name);
        let mut issued = 0;
        for row in rows {
            let id = row["merchant_coupon_id"].as_str().unwrap();
            assert_eq!(given.get(id), Some(&1), "the platform gave {id} no coupon");
            issued += 1;
        }
        if day.is_none() {
            let coupons = given.values().filter(|coupons| **coupons == 1).count();
            assert_eq!(issued, coupons, "the ledger has every coupon");
        }
    }

    /// The messages about the end of a campaign, as soon as there are any. After a full hour, at which occurrences begin, a URL waits for
    /// up to 41 seconds, and for as many as its hash says.
    fn wait_for_messages(&self, name: &str) -> BTreeSet<(String, String)> {
        let mut messages = BTreeSet::new();
        for _ in 0..2_400 {
            messages = self.fake_platform.messages("ok", name).into_iter().collect();
            if !messages.is_empty() {
                break;
            }
            park_timeout(Duration::from_millis(50));
        }
        messages
    }

    /// A receiver drops a message whose id it knows. Nothing has two ids, and a campaign is said to be complete once.
    fn judge_messages(&mut self, name: &str) {
        let messages = self.wait_for_messages(name);
        let ids: BTreeSet<_> = messages.iter().map(|(id, _)| id).collect();
        let times: BTreeSet<_> = messages.iter().map(|(_, at)| at).collect();
        let all = self.fake_platform.received();
        assert!(!messages.is_empty(), "the end of {name} has no message: {all:?}");
        assert_eq!(
            (ids.len(), times.len()),
            (messages.len(), messages.len()),
            "{messages:?}"
        );
        let notices = self.fake_platform.notices("ok", name);
        let complete = notices.iter().filter(|notice| notice["state"] == "complete");
        let complete: BTreeSet<_> = complete.map(|notice| notice["id"].to_string()).collect();
        assert!(complete.len() <= 1, "{notices:?}");
    }
}

#[test]
fn kills_in_each_phase_send_nothing_twice_and_forget_no_approval() {
    Trial::new(1, None).live_one_after_the_other(Trial::live);
}

/// Two machines have the service in turn: each kill is a take-over.
#[test]
fn take_overs_in_each_phase_send_nothing_twice_and_forget_no_approval() {
    let Some(database) = TestDatabase::create() else { return };
    Trial::new(2, Some(database)).live_one_after_the_other(Trial::live);
}

/// A service of a team, whose policy asks for an approval.
fn team() -> Trial {
    let trial = Trial::new(1, None);
    let beside = trial.machine().temp.path();
    fs::write(beside.join("proxy.secret"), "proxy-secret-1234\n").unwrap();
    fs::write(
        beside.join("server.yaml"),
        format!("{TEAM}policy:\n  default: {{approvals: 1}}\n"),
    )
    .unwrap();
    trial
}

#[test]
fn kills_in_each_phase_of_a_team_send_nothing_twice_and_forget_no_approval() {
    team().live_one_after_the_other(Trial::live_in_a_team);
}

#[test]
fn kills_in_each_phase_of_a_week_begin_each_occurrence_once() {
    if clock_ahead("+0").is_some() {
        team().live_one_after_the_other(Trial::live_a_week);
    }
}
