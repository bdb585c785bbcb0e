//! Status, pause, resume and stop: one process commands another, and each shows the sender.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use runner::ledger::lock::Purpose;
use runner::model::event::Owner;
use serde_json::Value;

use crate::scene::{FakePlatform, KEY, RUNNER, Ran, SECRET, Scene, files};
use crate::two_processes::{signal, until_it_says};

impl Scene {
    /// A command about the campaign, other than `apply`.
    pub fn command(&self, verb: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(RUNNER);
        command
            .arg(verb)
            .arg(self.file())
            .args(flags)
            .env("USER", "ann")
            .env("XDG_STATE_HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .stdin(Stdio::null());
        command
    }

    pub fn tell(&self, verb: &str) -> Ran {
        Ran::new(self.command(verb, &[]).output().unwrap())
    }

    /// The `status` object of the campaign.
    fn status(&self) -> Value {
        let ran = Ran::new(self.command("status", &["--output", "json"]).output().unwrap()).ends(0);
        let last = ran.out.lines().last().unwrap();
        serde_json::from_str(last).unwrap()
    }

    /// Sends `stop` until a process takes it.
    fn until_stopped(&self) {
        while self.tell("stop").code != Some(0) {}
    }

    /// Reads the status until it is as wanted.
    pub fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
        }
    }
}

/// Applies, with stdout as a stream of JSON objects.
pub fn applying(scene: &Scene) -> Child {
    scene.apply(&["--output", "json"]).spawn().unwrap()
}

/// The process and the status show a person named by `--by`, and the history shows each stop.
#[test]
fn the_person_of_a_command_and_of_a_signal_is_shown() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3_000);
    let mut run = scene.apply(&["--lang", "en"]).env("USER", "ann").spawn().unwrap();
    scene.until(|status| status["state"] == "sending");
    Ran::new(scene.command("pause", &["--by", "Li Na"]).output().unwrap()).ends(0);
    until_it_says(&mut run, "paused by Li Na (pid ");
    let status = scene.until(|status| status["state"] == "paused");
    let why = status["why"].as_str().unwrap();
    assert!(
        why.starts_with("paused by Li Na (pid ") && why.contains(", ann@"),
        "{why}"
    );
    Ran::new(scene.command("stop", &["--by", "李娜"]).output().unwrap()).ends(0);
    assert_eq!(run.wait().unwrap().code(), Some(3));
    assert!(scene.tell("status").out.contains("it was stopped by 李娜 (pid "));
    for name in ["INT", "TERM"] {
        let mut run = scene.apply(&[]).env("USER", "bo").spawn().unwrap();
        scene.until(|status| status["state"] == "sending");
        signal(&run, name);
        assert_eq!(run.wait().unwrap().code(), Some(3));
    }
    let history = Ran::new(scene.command("history", &["--output", "json"]).output().unwrap()).ends(0);
    let stops: Vec<_> = objects(&history)
        .into_iter()
        .filter(|object| object["act"] == "stopped")
        .map(|object| (object["by"].clone(), object["signal"].clone()))
        .collect();
    assert_eq!(
        stops,
        [
            ("李娜".into(), Value::Null),
            ("bo".into(), "SIGINT".into()),
            ("bo".into(), "SIGTERM".into())
        ]
    );
    let shown = scene.tell("history").out;
    assert!(shown.contains("stopped the run by a signal (SIGTERM)"), "{shown}");
}

/// Without a terminal, stderr and the status both show how fast an audience is read.
#[test]
fn a_long_reading_is_reported_with_its_rate() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 0);
    let file = fs::read_to_string(scene.file()).unwrap();
    let piped = file.replace("csv: {path: audience.csv, ", "stdin: {format: csv, ");
    fs::write(scene.file(), piped).unwrap();
    let mut run = scene.apply(&[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut audience = run.stdin.take().unwrap();
    let rows = (0..300_000).fold("open_id\n".to_owned(), |rows, user| rows + &format!("user-{user:06}\n"));
    audience.write_all(rows.as_bytes()).unwrap();
    until_it_says(&mut run, "rows, ");
    let status = scene.until(|status| status["why"].as_str().is_some_and(|why| why.contains("/s")));
    let why = status["why"].as_str().unwrap();
    assert!(why.starts_with("reading the audience: "), "{why}");
    assert_eq!(scene.tell("stop").code, Some(0));
    drop(audience);
    Ran::new(run.wait_with_output().unwrap()).ends(3);
}

fn objects(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_run_is_paused_goes_on_and_is_stopped_and_shows_who_wanted_it() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 3_000);
    let run = applying(&scene);
    scene.until(|status| status["state"] == "sending");
    let paused = scene.tell("pause").ends(0);
    assert!(
        paused.out.starts_with("summer paused: nothing more starts"),
        "{}",
        paused.out
    );
    let status = scene.until(|status| status["state"] == "paused" && status["counts"]["in_flight"] == 0);
    let why = status["why"].as_str().unwrap();
    assert!(why.starts_with("paused by pid ") && why.contains("(ann@"), "{why}");
    assert_eq!(status["owner"]["pid"], run.id());
    let issued = status["counts"]["issued"].as_u64().unwrap();
    assert_eq!(
        fake_platform.log().len() as u64,
        issued,
        "what is in flight has landed, and nothing more starts"
    );

    let again = scene.tell("pause").ends(0);
    assert!(again.out.contains("paused already, by pid "), "{}", again.out);
    assert_eq!(fake_platform.log().len() as u64, issued);
    assert!(scene.tell("resume").ends(0).out.contains("goes on"));
    scene.until(|status| status["counts"]["issued"].as_u64().unwrap() > issued);
    let refused = scene.tell("resume").ends(2);
    assert!(
        refused.err.contains("is not paused") && refused.err.contains("`runner apply "),
        "{}",
        refused.err
    );

    assert!(scene.tell("stop").ends(0).out.contains("summer stops"));
    let ran = Ran::new(run.wait_with_output().unwrap()).ends(3);
    let told = objects(&ran);
    let state = |wanted: &str| told.iter().any(|object| object["state"] == wanted);
    assert!(state("paused") && state("draining"), "{}", ran.out);
    let why = told.last().unwrap()["why"].as_str().unwrap();
    assert!(
        why.starts_with("it was stopped by pid ") && why.contains("(ann@"),
        "{why}"
    );
    let status = scene.status();
    assert_eq!((&status["state"], &status["why"]), (&"incomplete".into(), &why.into()));
    assert_eq!(status["owner"], Value::Null);
    for verb in ["pause", "stop"] {
        let ran = scene.tell(verb).ends(2);
        assert!(ran.err.contains("campaign summer is not running"), "{}", ran.err);
    }
    let ran = scene.tell("resume").ends(2);
    assert!(
        ran.err.contains("to go on after an interruption, `runner apply "),
        "{}",
        ran.err
    );
    assert!(told.last().unwrap()["peak_rolling_second"].as_u64().unwrap() <= 98);
    assert!(fake_platform.saw_the_quota_kept());
}

#[test]
fn a_run_that_waits_for_its_start_is_paused_and_stopped() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 10).with("schedule: {start: 2099-01-01T10:00}");
    let run = applying(&scene);
    scene.until(|status| status["state"] == "waiting");
    scene.tell("pause").ends(0);
    scene.until(|status| status["state"] == "paused");
    scene.tell("resume").ends(0);
    let status = scene.until(|status| status["state"] == "waiting");
    assert!(status["why"].as_str().unwrap().starts_with("starts 2099-01-01 10:00"));
    scene.tell("stop").ends(0);
    Ran::new(run.wait_with_output().unwrap()).ends(3);
    assert!(fake_platform.log().is_empty());
}

/// Two million rows take so long to read that the status can be read at the same time.
#[test]
fn a_run_that_reads_its_audience_is_paused_and_stopped() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 10);
    scene.run(&["--at-most", "1"]).ends(3);
    scene.audience(0..2_000_000);
    let run = applying(&scene);
    let status = scene.until(|status| status["owner"]["pid"] == run.id() && status["state"] != "idle");
    assert_eq!(
        (&status["state"], &status["counts"]["audience"]),
        (&"planning".into(), &10.into())
    );
    scene.tell("pause").ends(0);
    let status = scene.until(|status| status["state"] == "paused");
    assert!(status["why"].as_str().unwrap().contains("(ann@"), "{status}");
    scene.tell("stop").ends(0);
    Ran::new(run.wait_with_output().unwrap()).ends(3);
    assert_eq!(fake_platform.ids().len(), 1);
    let status = scene.status();
    assert!(status["why"].as_str().unwrap().contains("stopped by pid"), "{status}");
}

#[test]
fn what_a_killed_run_left_is_in_flight_when_it_ended() {
    let hanging = FakePlatform::start(&["--hang", "100%"]);
    let scene = Scene::new(&hanging.url, 10).with("retry: {timeout: 10m}");
    let run = scene.apply(&[]).spawn().unwrap();
    scene.until(|status| status["counts"]["in_flight"] == 1);
    signal(&run, "KILL");
    let pid = run.id();
    run.wait_with_output().unwrap();
    let status = scene.status();
    assert_eq!(status["state"], "incomplete");
    let why = format!("process {pid} crashed or was killed; 1 in flight when it ended");
    assert_eq!(status["why"], why.as_str());
    let shown = scene.tell("status").ends(0);
    assert!(shown.out.contains(&why), "{}", shown.out);
    scene.tell("pause").ends(2);
}

/// A status reads only the manifest of the ledger, and changes nothing.
#[test]
fn a_status_is_painted_from_its_file_alone() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let none = scene.tell("status").ends(0);
    assert!(none.out.contains("no ledger yet"), "{}", none.out);
    assert!(!scene.dir.path().join(".runner").exists(), "asking makes nothing");
    scene.run(&[]).ends(0);
    for (path, _) in files(&scene.place().dir().join("store")) {
        fs::write(path, "not a store").unwrap();
    }
    let before = files(scene.dir.path());
    let status = scene.status();
    assert_eq!(
        (&status["state"], &status["counts"]["audience"]),
        (&"complete".into(), &20.into())
    );
    let elsewhere = Command::new(RUNNER)
        .args(["status", "--output", "json"])
        .current_dir(scene.dir.path())
        .output()
        .unwrap();
    assert!(Ran::new(elsewhere).ends(0).out.contains("\"complete\""));
    let watched = Ran::new(scene.command("status", &["--watch"]).output().unwrap()).ends(0);
    assert!(watched.out.contains("complete"), "{}", watched.out);
    assert_eq!(files(scene.dir.path()), before);

    // The ledger's head is newer, as if the file could not be replaced after a decision.
    let head = scene.place().dir().join("head");
    fs::write(&head, fs::read(&head).unwrap()).unwrap();
    assert_eq!(scene.status()["why"], "the ledger has changed since");

    fs::write(scene.place().status(), r#"{"schema":"2.0","type":"status"}"#).unwrap();
    let newer = scene.tell("status").ends(1);
    assert!(newer.err.contains("it has schema 2.0"), "{}", newer.err);
    fs::write(scene.place().status(), "{\"schema\":").unwrap();
    assert!(scene.tell("status").ends(1).err.contains("it is damaged"));
    fs::remove_file(scene.place().status()).unwrap();
    assert_eq!(scene.status()["state"], "idle");
}

#[test]
fn a_watch_ends_when_the_run_does_and_a_reader_that_leaves_is_no_failure() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 300);
    let run = applying(&scene);
    scene.until(|status| status["state"] == "sending");
    let watch = scene
        .command("status", &["--watch", "--output", "json"])
        .output()
        .unwrap();
    let watched = Ran::new(watch).ends(0);
    let states: Vec<_> = objects(&watched)[1..]
        .iter()
        .map(|object| object["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (states.first().unwrap().as_str(), states.last().unwrap().as_str()),
        ("sending", "complete")
    );
    Ran::new(run.wait_with_output().unwrap()).ends(0);

    let waiting = scene.with("schedule: {start: 2099-01-01T10:00}");
    waiting.audience(0..310);
    let run = applying(&waiting);
    waiting.until(|status| status["state"] == "waiting");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for flags in [&["--watch"][..], &["--watch", "--output", "json"], &[]] {
        let out = writer.try_clone().unwrap();
        let left = waiting.command("status", flags).stdout(out).output().unwrap();
        Ran::new(left).ends(0);
    }
    waiting.tell("stop").ends(0);
    Ran::new(run.wait_with_output().unwrap()).ends(3);
}

/// An apply waits for a process that only reads.
#[test]
fn an_apply_waits_for_a_reader() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 20);
    scene.run(&["--at-most", "1"]).ends(3);
    let owner = Owner {
        host: "here".to_owned(),
        pid: 815,
        since: jiff::Timestamp::UNIX_EPOCH,
        command: "runner export summer.yaml".to_owned(),
    };
    let held = scene.place().lock(&owner, Purpose::Look).unwrap();
    let mut run = scene.apply(&[]).spawn().unwrap();
    until_it_says(
        &mut run,
        "waiting for process 815, which reads the ledger: runner export summer.yaml",
    );
    assert!(
        scene
            .tell("pause")
            .ends(2)
            .err
            .contains("campaign summer is not running")
    );
    assert_eq!(fake_platform.ids().len(), 1);
    drop(held);
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(fake_platform.ids().len(), 20);
}

/// A reader has the lock until the end, and was stopped.
#[test]
fn a_wait_for_a_reader_is_ended_by_a_signal_by_stop_and_by_no_wait() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    scene.run(&["--at-most", "1"]).ends(3);
    let mut reader = Command::new("sleep").arg("1000").spawn().unwrap();
    signal(&reader, "STOP");
    let stat = format!("/proc/{}/stat", reader.id());
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    let owner = Owner {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: reader.id(),
        since: jiff::Timestamp::UNIX_EPOCH,
        command: "runner verify summer.yaml".to_owned(),
    };
    let held = scene.place().lock(&owner, Purpose::Look).unwrap();
    let waits = format!(
        "waiting for process {pid}, which reads the ledger and was stopped (`kill -CONT {pid}` continues it): runner verify \
         summer.yaml",
        pid = reader.id()
    );
    for ends_it in ["TERM", "INT", "stop"] {
        let mut run = scene.apply(&[]).spawn().unwrap();
        until_it_says(&mut run, &waits);
        if ends_it == "stop" {
            scene.until_stopped();
        } else {
            signal(&run, ends_it);
        }
        assert_eq!(run.wait_with_output().unwrap().status.code(), Some(3), "{ends_it}");
    }
    assert!(scene.place().waiting_sockets().is_empty());
    scene.tell("stop").ends(2);
    let left = scene.run(&["--no-wait"]).ends(5);
    assert!(
        left.err.contains(&format!("is taken by process {}", reader.id())),
        "{}",
        left.err
    );
    drop(held);
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert_eq!(fake_platform.ids().len(), 1);
}

/// The owner of the lock listens, but is another program, a newer version, or does not answer.
#[test]
fn what_answers_nonsense_is_named() {
    let scene = Scene::new("http://127.0.0.1:1", 1);
    let owner = Owner {
        host: "here".to_owned(),
        pid: 815,
        since: jiff::Timestamp::UNIX_EPOCH,
        command: "runner apply summer.yaml".to_owned(),
    };
    let _held = scene.place().lock(&owner, Purpose::Apply).unwrap();
    let mut told = String::new();
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"{\"version\":2,\"answer\":\"danced\"}\n",
        b"{\"version\":1,\"answer\":\"view\"}\n",
        b"{\"version\":1,\"answer\":\"error\",\"message\":\"not\\u001b[2J today\"}\n",
    ] {
        let _ = fs::remove_file(scene.place().socket());
        let listener = UnixListener::bind(scene.place().socket()).unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(&stream), &mut asked).unwrap();
            stream.write_all(answer).unwrap();
        });
        let ran = scene.tell("stop").ends(5);
        answering.join().unwrap();
        told += &ran.err.replace(&scene.dir.path().display().to_string(), "…");
        told += "\n";
    }
    insta::assert_snapshot!(told);
}

/// A socket left by a kill belongs to no process, and the next one replaces it.
#[test]
fn a_stale_socket_blocks_nobody() {
    let hanging = FakePlatform::start(&["--hang", "100%"]);
    let scene = Scene::new(&hanging.url, 10).with("retry: {timeout: 1s}");
    let run = scene.apply(&[]).spawn().unwrap();
    scene.until(|status| status["counts"]["in_flight"] == 1);
    signal(&run, "KILL");
    run.wait_with_output().unwrap();
    assert!(scene.place().socket().exists());
    scene.tell("stop").ends(2);
    let run = applying(&scene);
    scene.until(|status| status["owner"]["pid"] == run.id());
    scene.tell("stop").ends(0);
    Ran::new(run.wait_with_output().unwrap()).ends(3);
    assert!(!scene.place().socket().exists());
}

/// A client that sends an invalid request, or none, gets an error or is ignored. The run goes on.
#[test]
fn nonsense_over_the_socket_disturbs_nobody() {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 200);
    let run = applying(&scene);
    scene.until(|status| status["state"] == "sending");
    let silent: Vec<_> = (0..8)
        .map(|_| UnixStream::connect(scene.place().socket()).unwrap())
        .collect();
    for nonsense in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"{\"version\":7}\n",
        &vec![0xff; 100_000],
    ] {
        let mut stream = UnixStream::connect(scene.place().socket()).unwrap();
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        // The kernel resets the connection if data was not read, perhaps before the answer is read.
        if stream.read_to_string(&mut answer).is_ok() {
            let said: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((&said["answer"], &said["version"]), (&"error".into(), &1.into()));
        }
    }
    assert!(scene.tell("pause").ends(0).out.contains("paused"));
    scene.tell("resume").ends(0);
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(fake_platform.ids().len(), 200);
    drop(silent);
}

#[test]
fn a_run_that_came_to_nothing_leaves_nothing() {
    let scene = Scene::new("http://127.0.0.1:1", 1);
    fs::remove_file(scene.dir.path().join("audience.csv")).unwrap();
    scene.run(&[]).ends(2);
    assert!(!scene.dir.path().join(".runner").exists());
    // The ledgers of other campaigns there stay.
    let mut other = Scene::new("https://open.douyin.com", 1);
    "autumn".clone_into(&mut other.name);
    other.write();
    other.run(&["--sandbox"]).ends(0);
    fs::copy(other.file(), other.dir.path().join("winter.yaml")).unwrap();
    "winter".clone_into(&mut other.name);
    other.write();
    fs::remove_file(other.dir.path().join("audience.csv")).unwrap();
    let before = files(&other.dir.path().join(".runner"));
    other.run(&["--sandbox"]).ends(2);
    assert_eq!(files(&other.dir.path().join(".runner")), before);
}

/// Two campaigns run and one does not. Each command reaches all that run, and of those that were named it says which do not.
#[test]
fn a_command_reaches_every_campaign_that_runs() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let first = Scene::new(&fake_platform.url, 3_000);
    let shop = first.dir.path().join("shop");
    let campaign = |name: &str, app_id: &str| {
        fs::create_dir_all(&shop).unwrap();
        let text = fs::read_to_string(first.file()).unwrap();
        let text = text
            .replace("campaign: summer", &format!("campaign: {name}"))
            .replace("app_id: tt1", &format!("app_id: {app_id}"))
            .replace("path: audience.csv", "path: ../audience.csv");
        let file = shop.join(format!("{name}.yaml"));
        fs::write(&file, text).unwrap();
        file
    };
    let second = campaign("autumn", "tt2");
    let idle = campaign("winter", "tt3");
    let first_run = applying(&first);
    let second_run = {
        let mut command = Command::new(RUNNER);
        command
            .arg("apply")
            .arg(&second)
            .args(["--output", "json"])
            .env("WHOLE_KEY", KEY)
            .env("WHOLE_SECRET", SECRET)
            .env("XDG_STATE_HOME", first.home.path())
            .env_remove("RUNNER_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let tell = |args: &[&str]| {
        let mut command = Command::new(RUNNER);
        command
            .args(args)
            .current_dir(first.dir.path())
            .env("USER", "ann")
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .env_remove("RUNNER_STATE_DIR")
            .stdin(Stdio::null());
        Ran::new(command.output().unwrap())
    };
    while tell(&["pause", "--all"]).out.lines().count() < 2 {}
    let again = tell(&["pause", "--all"]).ends(0);
    let names: Vec<_> = again.out.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["summer", "autumn"], "{}", again.out);

    let mut in_chinese = tell(&["pause", "--all", "--lang", "zh"]).ends(0).out;

    // A directory means those of its campaigns that run.
    let resumed = tell(&["resume", "shop"]).ends(0);
    assert!(resumed.out.starts_with("autumn goes on"), "{}", resumed.out);
    let none = tell(&["resume", "shop"]).ends(2);
    assert!(none.err.contains("none of these campaigns is paused"), "{}", none.err);

    for verb in ["resume", "pause", "resume"] {
        in_chinese += &tell(&[verb, "shop", "--lang", "zh"]).out;
    }
    in_chinese += &tell(&["resume", "shop/autumn.yaml", "--lang", "zh"]).ends(2).err;
    in_chinese += &tell(&["stop", "shop/winter.yaml", "--lang", "zh"]).ends(2).err;
    in_chinese += &tell(&["resume", "shop/winter.yaml", "--lang", "zh"]).ends(2).err;

    // A file that is named must run, and the others are commanded all the same.
    let idle = idle.strip_prefix(first.dir.path()).unwrap().to_str().unwrap();
    let stopped = tell(&["stop", "summer.yaml", idle, "shop/autumn.yaml", "--output", "json"]).ends(2);
    let told = objects(&stopped);
    let orders: Vec<_> = told.iter().filter(|object| object["type"] == "order").collect();
    assert_eq!(orders.len(), 2, "{}", stopped.out);
    assert!(
        told.iter()
            .any(|object| object["code"] == "E0220" && object["file"] == idle)
    );
    for run in [first_run, second_run] {
        Ran::new(run.wait_with_output().unwrap()).ends(3);
    }
    in_chinese += &tell(&["stop", "--all", "--lang", "zh"]).ends(2).err;
    let digits = |c: char| c.is_ascii_digit();
    let lines = in_chinese.lines().map(|line| {
        let pieces: Vec<_> = line
            .split("pid ")
            .map(|piece| piece.trim_start_matches(digits))
            .collect();
        let line = pieces.join("pid N");
        let pieces: Vec<_> = line
            .split("进程 ")
            .map(|piece| piece.trim_start_matches(digits))
            .collect();
        pieces.join("进程 N") + "\n"
    });
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    insta::assert_snapshot!(lines.collect::<String>().replace(&format!("ann@{host}"), "ann@HOST"));
    let none = tell(&["stop", "--all"]).ends(2);
    assert!(none.err.contains("none of these campaigns is running"), "{}", none.err);
    assert!(tell(&["stop"]).ends(2).err.contains("E0201"));
}
