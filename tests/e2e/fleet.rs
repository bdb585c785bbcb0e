//! Workers on one PostgreSQL database, each with a state directory and a home of its own like a machine, against one fake platform
//! that counts.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use sqlx::{AssertSqlSafe, PgConnection};

pub use crate::database::{TestDatabase, until};
use crate::database::{connect, execute_at, server};
use crate::files::files;
use crate::occurrences::{daily, today, zone_at_noon};
use crate::scene::{FakePlatform, KEY, RUNNER, Ran, SECRET, Scene};

impl TestDatabase {
    /// How many workers were not fenced.
    pub fn workers(&self) -> i64 {
        self.count("select count(*) from runner_worker where not fenced")
    }

    /// Whether an app id has had this many owners.
    pub fn has_owner_of_term(&self, term: i64) -> bool {
        self.count("select coalesce(max(term), 0) from runner_app") >= term
    }

    /// Executes a statement, and keeps its locks.
    pub fn hold(&self, sql: &str) -> HeldLocks {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap();
        let connection = runtime.block_on(async {
            let mut connection = connect(&self.url()).await.unwrap();
            let sql = AssertSqlSafe(format!("begin; {sql}"));
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection
        });
        HeldLocks {
            _connection: connection,
            _runtime: runtime,
        }
    }

    /// Executes a statement in the database.
    pub fn execute_here(&self, sql: &str) {
        execute_at(&self.url(), sql);
    }

    /// Ends all connections of the database.
    pub fn terminate(&self) {
        self.execute_here(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        );
    }

    /// Makes every append take half a second, so that many facts wait for the next one.
    #[cfg(debug_assertions)]
    pub fn append_slowly(&self) {
        self.execute_here(
            "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return null; end';
            create trigger slow after insert on runner_log for each statement execute function slow()",
        );
    }
}

/// Locks in a database, until it is dropped.
pub struct HeldLocks {
    _connection: PgConnection,
    _runtime: tokio::runtime::Runtime,
}

/// A machine of the fleet.
pub struct Machine {
    state: tempfile::TempDir,
    url: String,
}

impl Machine {
    pub fn new(database: &TestDatabase) -> Self {
        Self::at(database.url())
    }

    /// A machine that reaches the database at this URL.
    pub fn at(url: String) -> Self {
        Self {
            state: tempfile::tempdir().unwrap(),
            url,
        }
    }

    pub fn command(&self, verb: &str, scene: &Scene, flags: &[&str]) -> Command {
        self.command_on(verb, &scene.file().to_string_lossy(), flags)
    }

    /// A command on what an argument names.
    pub fn command_on(&self, verb: &str, argument: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(RUNNER);
        command
            .args(verb.split(' '))
            .arg(argument)
            .args(flags)
            .current_dir(self.state.path())
            .env("RUNNER_STORE", &self.url)
            .env("RUNNER_STATE_DIR", self.state.path().join("state"))
            .env("XDG_STATE_HOME", self.state.path().join("home"))
            .env("WHOLE_KEY", KEY)
            .env("WHOLE_SECRET", SECRET)
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, scene: &Scene, flags: &[&str]) -> Child {
        self.command("apply", scene, flags).spawn().unwrap()
    }

    /// The files of this machine's state that have these bytes.
    pub fn files_with(&self, word: &str) -> Vec<PathBuf> {
        let has = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        let files = files(self.state.path()).into_iter();
        files.filter(|(_, bytes)| has(bytes)).map(|(path, _)| path).collect()
    }

    fn run_on(&self, verb: &str, argument: &str, flags: &[&str]) -> Ran {
        Ran::new(self.command_on(verb, argument, flags).output().unwrap())
    }

    fn run_store(&self, verb: &str) -> Ran {
        let mut command = Command::new(RUNNER);
        command.args(["store", verb]).env("RUNNER_STORE", &self.url);
        Ran::new(command.output().unwrap())
    }

    pub fn run(&self, verb: &str, scene: &Scene, flags: &[&str]) -> Ran {
        Ran::new(self.command(verb, scene, flags).output().unwrap())
    }
}

fn received(platform: &FakePlatform) -> usize {
    platform.log().len()
}

pub fn end(child: Child) -> Ran {
    Ran::new(child.wait_with_output().unwrap())
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Every user has one coupon, and the ledger in the database says so.
pub fn everybody_has_one(machine: &Machine, scene: &Scene, platform: &FakePlatform, users: usize) {
    let ids = platform.ids();
    assert_eq!(ids.len(), users);
    assert!(ids.values().all(|(issued, _)| *issued == 1), "{ids:?}");
    let checked = machine.run("verify", scene, &["--output", "json"]).ends(0);
    assert!(checked.out.contains(&format!("\"issued\":{users},")), "{}", checked.out);
    assert!(platform.saw_the_quota_kept());
}

const PACE: &str = "pace: {per_second: 40}\n";

/// The second worker does not have the list of users: it goes on with the audience that the first one has admitted. The file is pushed
/// again while it waits, and it takes the new one.
#[test]
fn a_killed_worker_is_replaced_and_nobody_gets_two_coupons() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let scene = Scene::new(&platform.url, 300).with(PACE);
    let (one, two) = (Machine::new(&database), Machine::new(&database));
    one.run("push", &scene, &[]).ends(0);
    let typed = format!("pushed:{}", scene.file().file_name().unwrap().to_str().unwrap());
    let start = |machine: &Machine| machine.command_on("apply", &typed, &[]).spawn().unwrap();
    let mut first = start(&one);
    until("the first worker's sends", || received(&platform) > 60);
    let list = scene.file().with_file_name("audience.csv");
    std::fs::rename(&list, list.with_extension("away")).unwrap();
    let second = start(&two);
    until("the second worker", || {
        let said = two.run_on("status", &typed, &["--output", "json"]);
        said.out.contains("\"state\":\"sending\"") && received(&platform) > 100
    });
    let scene = scene.with("pace: {per_second: 39}\n");
    one.run("push", &scene, &["--yes", "--by", "Wang Fang"]).ends(0);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = end(second).ends(0);
    assert!(
        second.err.contains("takes the file that Wang Fang pushed"),
        "{}",
        second.err
    );
    assert!(second.err.contains("goes on with the audience that"), "{}", second.err);
    let planned = two.run_on("plan", &typed, &[]).ends(0);
    assert!(
        planned.err.contains("goes on with the audience that"),
        "{}",
        planned.err
    );
    std::fs::rename(list.with_extension("away"), &list).unwrap();
    everybody_has_one(&two, &scene, &platform, 300);
}

#[test]
fn a_worker_that_is_stopped_hands_over() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 200).with(PACE);
    let (one, two) = (Machine::new(&database), Machine::new(&database));
    let first = one.start(&scene, &[]);
    until("the first worker's sends", || received(&platform) > 40);
    let second = two.start(&scene, &[]);
    signal(&first, "-TERM");
    end(first).ends(3);
    end(second).ends(0);
    everybody_has_one(&two, &scene, &platform, 200);
    assert!(platform.issued_each_by_one_request());
}

/// A worker that was frozen for longer than its lease has lost its app id. When it goes on, it waits for its turn like a new worker.
#[test]
fn a_frozen_worker_sends_nothing_more_of_its_term() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let scene = Scene::new(&platform.url, 300).with(PACE);
    let (one, two) = (Machine::new(&database), Machine::new(&database));
    let first = one.start(&scene, &[]);
    until("the first worker's sends", || received(&platform) > 60);
    let second = two.start(&scene, &[]);
    signal(&first, "-STOP");
    let frozen = received(&platform);
    until("the second worker's sends", || received(&platform) > frozen + 40);
    signal(&first, "-CONT");
    end(second).ends(0);
    end(first).ends(0);
    everybody_has_one(&two, &scene, &platform, 300);
}

#[test]
fn commands_reach_a_run_on_another_machine() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 5_000).with(PACE);
    let [one, two, desk] = [(); 3].map(|()| Machine::new(&database));
    desk.run("pause", &scene, &[]).ends(2);
    let first = one.start(&scene, &[]);
    until("the first worker's sends", || received(&platform) > 20);
    let second = two.start(&scene, &[]);
    let paused = desk.run("pause", &scene, &["--by", "Wang Fang"]).ends(0);
    assert!(paused.out.contains(&first.id().to_string()), "{}", paused.out);
    until("the pause", || {
        let status = desk.run("status", &scene, &["--output", "json"]);
        status.out.contains("\"state\":\"paused\"")
    });
    desk.run("resume", &scene, &[]).ends(0);
    let before = received(&platform);
    until("further sends", || received(&platform) > before + 20);
    desk.run("stop", &scene, &[]).ends(0);
    // Nobody goes on after a stop.
    end(first).ends(3);
    end(second).ends(3);
    let history = desk.run("history", &scene, &[]).ends(0);
    assert!(history.out.contains("Wang Fang"), "{}", history.out);
}

#[test]
fn a_decision_reaches_a_run_on_another_machine() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "5%"]);
    let scene = Scene::new(&platform.url, 5_000).with(&format!("{PACE}codes: {{28001045: hold}}\n"));
    let [one, two, desk] = [(); 3].map(|()| Machine::new(&database));
    let first = one.start(&scene, &[]);
    let held = || {
        let status = desk.run("status", &scene, &["--output", "json"]);
        let objects = status
            .out
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut held = objects.filter_map(|object| object["counts"]["held"].as_u64());
        held.next_back().unwrap_or_default()
    };
    until("held deliveries", || held() > 1);
    // A worker that waits for the app id takes no decision.
    let second = two.start(&scene, &[]);
    let decision = [
        "--held",
        "--as",
        "refused",
        "--note",
        "ticket 812",
        "--by",
        "Wang Fang",
        "--yes",
    ];
    let decided = desk.run("resolve", &scene, &decision).ends(0);
    let goes_on = format!("the run (pid {}) goes on", first.id());
    assert!(decided.out.contains(&goes_on), "{}", decided.out);
    let before = received(&platform);
    until("further sends", || received(&platform) > before + 20);
    let history = desk.run("history", &scene, &[]).ends(0);
    assert!(
        history.out.contains("ticket 812") && history.out.contains("Wang Fang"),
        "{}",
        history.out
    );
    desk.run("stop", &scene, &[]).ends(0);
    end(first).ends(3);
    end(second).ends(3);
    // Without a run the command records it.
    let decided = desk.run("resolve", &scene, &decision);
    assert!(!decided.out.contains("goes on"), "{}", decided.out);
    assert!(platform.log().len() == platform.ids().len(), "nobody is sent to twice");
}

#[test]
fn with_no_wait_a_worker_does_not_wait_for_another_one() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 5_000).with(PACE);
    let (one, two) = (Machine::new(&database), Machine::new(&database));
    let first = one.start(&scene, &[]);
    until("the first worker's sends", || received(&platform) > 5);
    let refused = two.run("apply", &scene, &["--no-wait"]).ends(5);
    assert!(refused.err.contains("E0301"), "{}", refused.err);
    signal(&first, "-TERM");
    end(first).ends(3);
}

#[test]
fn a_ledger_moves_into_the_database_and_out_of_it() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 120);
    let machine = Machine::new(&database);
    let in_files = |verb: &str, flags: &[&str]| {
        let mut command = machine.command(verb, &scene, flags);
        Ran::new(command.env_remove("RUNNER_STORE").output().unwrap())
    };
    in_files("apply", &["--at-most", "50"]).ends(3);
    let other = machine.run("apply", &scene, &[]).ends(4);
    assert!(other.err.contains("E0322"), "{}", other.err);
    let moved = machine.run("store copy", &scene, &["--to", "database"]).ends(0);
    assert!(moved.out.contains("120 deliveries"), "{}", moved.out);
    let other = in_files("apply", &[]).ends(4);
    assert!(
        other.err.contains("E0322") && other.err.contains("postgres://"),
        "{}",
        other.err
    );
    machine.run("apply", &scene, &["--at-most", "40"]).ends(3);
    machine.run("store copy", &scene, &["--to", "files"]).ends(0);
    // What was moved away is not listed any more.
    let report = machine.run_store("check").ends(0);
    assert!(report.out.contains("no ledger"), "{}", report.out);
    let other = machine.run("apply", &scene, &[]).ends(4);
    assert!(other.err.contains("E0322"), "{}", other.err);
    in_files("apply", &[]).ends(0);
    in_files("verify", &[]).ends(0);
    assert_eq!(platform.ids().len(), 120);
    assert!(platform.issued_each_by_one_request());
}

#[test]
fn decisions_are_recorded_in_the_database() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 40).with("schedule: {waves: [{share: 50%, wait: approval}]}\n");
    let (one, desk) = (Machine::new(&database), Machine::new(&database));
    one.run("apply", &scene, &["--no-wait"]).ends(3);
    desk.run("approve", &scene, &["--by", "Li Lei"]).ends(0);
    let history = desk.run("history", &scene, &[]).ends(0);
    assert!(history.out.contains("Li Lei"), "{}", history.out);
    one.run("apply", &scene, &[]).ends(0);
    everybody_has_one(&desk, &scene, &platform, 40);
    for verb in ["plan", "status", "export", "trace"] {
        let flags: &[&str] = if verb == "trace" { &["user-000001"] } else { &[] };
        desk.run(verb, &scene, flags).ends(0);
    }
    let page = desk.state.path().join("page.html");
    desk.run("report", &scene, &["-o", page.to_str().unwrap()]).ends(0);
    let history = desk.run("history", &scene, &["--output", "json"]).ends(0);
    assert!(history.out.contains("owner"), "{}", history.out);
}

#[test]
fn a_ledger_in_the_database_is_compared_by_the_owner_of_its_app_id() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--lose-answers", "20%"]);
    let settings = "coupon_meta_id: \"7218\"\nretry: {in_doubt: ask, timeout: 1s}\n";
    let scene = Scene::new(&platform.url, 40).with(settings);
    let (one, desk) = (Machine::new(&database), Machine::new(&database));
    one.run("apply", &scene, &[]).ends(4);
    desk.run("reconcile", &scene, &["--sample", "100"]).ends(0);
    everybody_has_one(&desk, &scene, &platform, 40);
    let verified = desk.run("verify", &scene, &[]).ends(0);
    assert!(verified.out.contains("settled by its records"), "{}", verified.out);
}

#[test]
fn a_probe_in_a_fleet_is_made_by_the_owner_of_the_app_id() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 400).with("coupon_meta_id: \"7218\"\npace: {per_second: 20}\n");
    let (one, desk) = (Machine::new(&database), Machine::new(&database));
    let mut run = one.command("apply", &scene, &[]).spawn().unwrap();
    until("something is sent", || !platform.ids().is_empty());
    let flags = ["--open-id", "tester-1", "--yes", "--wait", "1s"];
    let refused = desk.run("probe", &scene, &flags).ends(5);
    assert!(!refused.err.contains("E0512"), "{}", refused.err);
    run.wait().unwrap();
    let sent = platform.ids().len();
    let probed = desk.run("probe", &scene, &flags);
    assert!(matches!(probed.code, Some(0)), "{probed:?}");
    assert!(platform.ids().len() > sent, "the tester has a coupon");
    // The workers take the app id again.
    one.run("apply", &scene, &[]).ends(0);
}

#[test]
fn the_database_is_checked_before_it_is_used() {
    let Some(server) = server() else { return };
    let store = |url: &str, verb: &str| {
        let ran = Command::new(RUNNER)
            .args(["store", verb])
            .env("RUNNER_STORE", url)
            .output();
        Ran::new(ran.unwrap())
    };
    let (server, _) = server.rsplit_once('/').unwrap();
    let missing = store(&format!("{server}/template1"), "check").ends(2);
    assert!(
        missing.err.contains("E0326") && missing.err.contains("store init"),
        "{}",
        missing.err
    );
    let silent = store("postgres://u:hunter2@127.0.0.1:1/x", "check").ends(1);
    assert!(
        silent.err.contains("E0325") && !silent.err.contains("hunter2"),
        "{}",
        silent.err
    );
    let wrong = store("mysql://u:hunter2@127.0.0.1/x", "check").ends(2);
    assert!(
        wrong.err.contains("E0331") && !wrong.err.contains("hunter2"),
        "{}",
        wrong.err
    );
}

/// A file that was pushed can be named by every command, on each machine that has what it names.
#[test]
fn a_pushed_campaign_is_applied_without_its_file() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 60).with(PACE);
    let (office, worker) = (Machine::new(&database), Machine::new(&database));
    let none = worker.run_on("apply", "pushed:", &[]).ends(2);
    assert!(none.err.contains("E0333"), "{}", none.err);
    let pushed = office.run("push", &scene, &["--by", "Wang Fang"]).ends(0);
    assert!(pushed.err.contains("only a machine that has it"), "{}", pushed.err);
    let list = worker.run_on("push", "--list", &["--output", "json"]).ends(0);
    assert!(list.out.contains("Wang Fang"), "{}", list.out);
    let file = scene.file();
    let name = file.file_name().unwrap().to_str().unwrap();
    let body = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(worker.run_on("push", &format!("--show={name}"), &[]).ends(0).out, body);

    let typed = format!("pushed:{name}");
    let planned = worker.run_on("plan", &typed, &[]).ends(0);
    assert!(
        planned.out.contains(&format!("runner apply {typed} ")),
        "{}",
        planned.out
    );
    let first = worker.command_on("apply", "pushed:", &["--at-most", "20"]).output();
    Ran::new(first.unwrap()).ends(3);
    for (verb, flags) in [
        ("status", &[][..]),
        ("history", &[]),
        ("export", &[]),
        ("trace", &["user-000001"]),
        ("doctor", &["--sandbox"]),
    ] {
        office.run_on(verb, &typed, flags).ends(0);
    }
    assert!(office.run_on("stop", &typed, &[]).ends(2).err.contains("E0220"));
    worker.run_on("apply", &typed, &[]).ends(0);
    let checked = office.run_on("verify", &typed, &["--output", "json"]).ends(0);
    assert!(checked.out.contains("\"issued\":60,"), "{}", checked.out);
    assert!(platform.issued_each_by_one_request());
    office.run_on("push", &format!("--remove={typed}"), &[]).ends(0);
    assert!(worker.run_on("plan", &typed, &[]).ends(2).err.contains("E0333"));
}

#[test]
fn an_occurrence_of_a_pushed_campaign_is_applied_without_its_file() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let zone = zone_at_noon();
    let scene = Scene::new(&platform.url, 20).with(&daily(&zone, -1, ""));
    let (office, worker) = (Machine::new(&database), Machine::new(&database));
    office.run("push", &scene, &[]).ends(0);
    let file = scene.file();
    let typed = format!("pushed:{}", file.file_name().unwrap().to_str().unwrap());
    std::fs::remove_file(&file).unwrap();
    let date = today(&zone).to_string();
    let planned = worker.run_on("plan", &typed, &[]).ends(0);
    assert!(planned.out.contains(&format!("summer@{date}")), "{}", planned.out);
    let part = ["--occurrence", &date, "--at-most", "5"];
    worker.run_on("apply", &typed, &part).ends(3);
    worker.run_on("apply", "pushed:", &[]).ends(0);
    assert_eq!(platform.ids().len(), 20);
    let status = office.run_on("status", "pushed:", &[]).ends(0);
    assert!(status.out.contains(&format!("summer@{date}")), "{}", status.out);
    for (verb, flags) in [("trace", &["user-000001"][..]), ("verify", &[]), ("history", &[])] {
        let flags = [flags, &["--occurrence", &date]].concat();
        office.run_on(verb, &typed, &flags).ends(0);
    }
}

#[test]
fn a_machine_without_a_list_of_a_pushed_campaign_does_not_begin_it() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&platform.url, 20);
    let machine = Machine::new(&database);
    machine.run("push", &scene, &[]).ends(0);
    let typed = format!("pushed:{}", scene.file().file_name().unwrap().to_str().unwrap());
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = elsewhere.path().join("kept");
    std::fs::rename(scene.file().parent().unwrap(), &kept).unwrap();
    for (verb, flags) in [("plan", &[][..]), ("apply", &["--no-wait"]), ("apply", &["--sandbox"])] {
        let refused = machine.run_on(verb, &typed, flags).ends(2);
        for said in [
            "E0337",
            "audience.source.csv.path",
            "was pushed from",
            "no machine has admitted",
        ] {
            assert!(refused.err.contains(said), "{said}: {}", refused.err);
        }
    }
    // What needs no list works.
    let status = machine.run_on("status", &typed, &[]).ends(0);
    assert!(status.out.contains("no ledger yet"), "{}", status.out);
    // A worker that waits for another machine says so on any machine, until it ends.
    let worker = Machine::new(&database);
    let waiting = worker.command_on("apply", &typed, &[]).spawn().unwrap();
    let waits = |status: &Ran| status.out.contains("to admit the audience: this machine does not have");
    until("the wait", || waits(&machine.run_on("status", &typed, &[]).ends(0)));
    signal(&waiting, "-TERM");
    end(waiting).ends(3);
    let status = machine.run_on("status", &typed, &[]).ends(0);
    assert!(status.out.contains("no ledger yet"), "{}", status.out);
    assert!(platform.ids().is_empty());
    std::fs::rename(&kept, scene.file().parent().unwrap()).unwrap();
    machine.run_on("apply", &typed, &[]).ends(0);
}

/// A database with a list of users, and a campaign file that queries it.
fn query_lists(users: usize, scene: &Scene) -> Option<TestDatabase> {
    let lists = TestDatabase::create()?;
    let sql = format!(
        "create table members as select 'user-' || lpad(n::text, 6, '0') as open_id from generate_series(0, {}) n",
        users - 1
    );
    lists.execute_here(&sql);
    let file = std::fs::read_to_string(scene.file()).unwrap();
    let query = "postgres: {url: {env: LISTS_URL}, query: select open_id from members}";
    let queried = file.replace("csv: {path: audience.csv, open_id: open_id}", query);
    assert_ne!(queried, file);
    std::fs::write(scene.file(), queried).unwrap();
    Some(lists)
}

/// The server with the lists fails after the first worker has admitted the audience.
#[test]
fn a_worker_that_takes_over_needs_no_lists_of_a_server_that_were_admitted() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let scene = Scene::new(&platform.url, 200).with(PACE);
    let Some(lists) = query_lists(200, &scene) else { return };
    let (one, two) = (Machine::new(&database), Machine::new(&database));
    let start = |machine: &Machine| {
        let mut command = machine.command("apply", &scene, &[]);
        command.env("LISTS_URL", lists.url()).spawn().unwrap()
    };
    let mut first = start(&one);
    until("the first worker's sends", || received(&platform) > 20);
    lists.execute_here("drop table members");
    let second = start(&two);
    until("the second worker", || database.workers() == 2);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = end(second).ends(0);
    for said in [
        "the lists of users cannot be read (",
        "goes on with the audience that",
        "could not be read",
    ] {
        assert!(
            second.err.contains(said) || second.out.contains(said),
            "{said}: {} {}",
            second.err,
            second.out
        );
    }
    everybody_has_one(&two, &scene, &platform, 200);
    // A person who begins a run learns that the lists cannot be read.
    let mut apply = two.command("apply", &scene, &[]);
    let refused = Ran::new(apply.env("LISTS_URL", lists.url()).output().unwrap());
    assert!(
        refused.err.contains("cannot ask the audience's PostgreSQL database"),
        "{}",
        refused.err
    );
}

/// The first worker dies before it has admitted the audience, and the server with the lists is away for a while.
#[test]
fn a_worker_that_takes_over_waits_for_the_server_with_the_lists() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let scene = Scene::new(&platform.url, 60).with(PACE);
    let Some(lists) = query_lists(60, &scene) else { return };
    let machines = [(); 3].map(|()| Machine::new(&database));
    let [one, two, desk] = &machines;
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://u@{}/x?sslmode=disable&connect_timeout=120",
        silent.local_addr().unwrap()
    );
    let mut first = one.command("apply", &scene, &[]).env("LISTS_URL", url).spawn().unwrap();
    until("the first worker", || database.has_owner_of_term(1));
    let allow = |allowed: bool| database.execute(&format!("alter database {} allow_connections {allowed}", lists.name));
    allow(false);
    let said = two.state.path().join("said");
    let mut second = two.command("apply", &scene, &[]);
    second
        .env("LISTS_URL", lists.url())
        .stderr(std::fs::File::create(&said).unwrap());
    let second = second.spawn().unwrap();
    until("the wait for the first worker", || {
        std::fs::read_to_string(&said).unwrap().contains("another worker owns")
    });
    first.kill().unwrap();
    first.wait().unwrap();
    until("the wait for the lists", || {
        let status = desk.run("status", &scene, &[]).ends(0);
        status.out.contains("the lists of users cannot be read") && status.out.contains("PostgreSQL")
    });
    assert!(platform.log().is_empty());
    allow(true);
    end(second).ends(0);
    everybody_has_one(two, &scene, &platform, 60);
}

#[test]
fn a_changed_file_is_pushed_only_after_a_look_at_its_changes() {
    let Some(database) = TestDatabase::create() else { return };
    let scene = Scene::new("http://127.0.0.1:1", 20);
    let machine = Machine::new(&database);
    machine.run("push", &scene, &[]).ends(0);
    let again = machine.run("push", &scene, &[]).ends(0);
    assert!(again.out.contains("already"), "{}", again.out);
    let scene = scene.with(PACE);
    let refused = machine.run("push", &scene, &[]).ends(2);
    assert!(
        refused.err.contains("E0336") && refused.err.contains("\n+pace: {per_second: 40}\n"),
        "{}",
        refused.err
    );
    machine.run("push", &scene, &["--yes"]).ends(0);
    let conflict = machine.run("push", &scene, &["--name", "other.yaml"]).ends(2);
    assert!(conflict.err.contains("E0334"), "{}", conflict.err);
    let broken = scene.with("pace: {per_second: 40}\nnothing: 1\n");
    machine.run("push", &broken, &["--yes"]).ends(2);
    let typed = format!("--show={}", broken.file().file_name().unwrap().to_str().unwrap());
    let kept = machine.run_on("push", &typed, &[]).ends(0);
    assert!(
        kept.out.contains("per_second") && !kept.out.contains("nothing"),
        "{}",
        kept.out
    );
}

#[test]
fn doctor_looks_at_the_database() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&[]);
    let scene = Scene::new(&platform.url, 20);
    let result = |machine: &Machine, exit: i32, check: &str| {
        let ran = machine.run("doctor", &scene, &["--output", "json"]).ends(exit);
        let objects = ran
            .out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut found = objects.filter(|object| object["check"] == check);
        found.next().map(|object| object["result"].as_str().unwrap().to_owned())
    };
    let machine = Machine::new(&database);
    for (check, found) in [
        ("database", "ok"),
        // It has no standby, which was accepted.
        ("standby", "warn"),
        ("rights", "ok"),
        ("round_trip", "ok"),
        ("database_clock", "ok"),
    ] {
        assert_eq!(result(&machine, 0, check).as_deref(), Some(found), "{check}");
    }
    let role = format!("{}_reader", database.name);
    database.execute(&format!("create role {role} login"));
    let grant = format!("grant select on all tables in schema public to {role}");
    database.execute_here(&grant);
    let mut url = url::Url::parse(&database.url()).unwrap();
    url.set_username(&role).unwrap();
    assert_eq!(
        result(&Machine::at(url.to_string()), 1, "rights").as_deref(),
        Some("fail")
    );
    database.execute_here(&format!("drop owned by {role}"));
    database.execute(&format!("drop role {role}"));
    let away = Machine::at("postgres://u:hunter2@127.0.0.1:1/x".to_owned());
    let ran = away.run("doctor", &scene, &[]).ends(1);
    assert!(
        ran.out.contains("127.0.0.1:1/x") && !ran.out.contains("hunter2"),
        "{}",
        ran.out
    );
    assert_eq!(result(&away, 1, "rights"), None);
}
