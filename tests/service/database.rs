//! Services that keep their log and their ledgers in PostgreSQL. The fake platform, in a process of its own, is the judge.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{park_timeout, spawn};
use std::time::Duration;

use crate::client::{Directory, Service, field};
pub use crate::database_common::{TestDatabase, until};
use crate::fake_platform::FakePlatform;

/// A way to a server that can be cut.
struct Relay {
    port: u16,
    is_cut: Arc<AtomicBool>,
    is_stalled: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            is_cut: Arc::default(),
            is_stalled: Arc::default(),
            streams: Arc::default(),
        };
        let is_cut = Arc::clone(&relay.is_cut);
        let is_stalled = Arc::clone(&relay.is_stalled);
        let streams = Arc::clone(&relay.streams);
        spawn(move || {
            for from in listener.incoming().flatten() {
                let Ok(to) = TcpStream::connect(&server) else { continue };
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                streams
                    .lock()
                    .unwrap()
                    .extend([from.try_clone().unwrap(), to.try_clone().unwrap()]);
                let (up, down) = (to.try_clone().unwrap(), from.try_clone().unwrap());
                pump(from, up, Arc::clone(&is_stalled));
                pump(to, down, Arc::clone(&is_stalled));
            }
        });
        relay
    }

    /// Ends every connection, and those that are made until [`Relay::mend`].
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Keeps all bytes until [`Relay::mend`].
    fn stall(&self) {
        self.is_stalled.store(true, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
        self.is_stalled.store(false, Ordering::SeqCst);
    }
}

/// Passes on the bytes of one direction until the connection ends.
fn pump(mut from: TcpStream, mut to: TcpStream, is_stalled: Arc<AtomicBool>) {
    spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or_default();
            while is_stalled.load(Ordering::SeqCst) {
                park_timeout(Duration::from_millis(20));
            }
            if read == 0 || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// A directory with campaigns of this many users that send to a platform.
pub fn directory(platform: &FakePlatform, names: &[&str], users: usize) -> Directory {
    let directory = Directory::empty();
    for name in names {
        directory.write(name, name, users);
        let more = format!(
            "{}pace: {{per_second: 40}}\nretry: {{timeout: 1s}}\n",
            platform.keys("ended")
        );
        directory.write_file(name, name, &more);
    }
    directory
}

pub fn variables(platform: &FakePlatform, url: &str) -> Vec<(&'static str, String)> {
    let mut variables = platform.variables("ok").to_vec();
    variables.push(("RUNNER_STORE", url.to_owned()));
    variables
}

fn sent(platform: &FakePlatform, name: &str) -> usize {
    platform.coupons(name).0
}

pub fn everybody_has_one(platform: &FakePlatform, name: &str, users: usize) {
    let (_, given) = platform.coupons(name);
    assert_eq!(given.len(), users, "{name}");
    assert!(given.values().all(|coupons| *coupons == 1), "{given:?}");
}

/// What a command prints that ends with 0, with the database of the test.
fn succeeds(directory: &Directory, url: &str, args: &[&str]) -> String {
    let mut command = directory.runner(args);
    let output = command
        .env("RUNNER_STORE", url)
        .env("TEST_STORE", url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {text}{errors}");
    text
}

/// The number of approvals that a ledger cites. Each is in the log of the service, with the same link of the hash chain.
fn cited_approvals(directory: &Directory, database: &TestDatabase, name: &str) -> usize {
    let file = format!("campaigns/{name}.yaml");
    let verified = succeeds(directory, &database.url(), &["verify", &file, "--output", "json"]);
    let line = verified.lines().find(|line| line.contains("\"certificate\""));
    let certificate: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(certificate["service_log"], "agrees", "{certificate}");
    let cited = certificate["run_approvals"].as_array().unwrap();
    for approval in cited {
        let record = approval["record"].as_i64().unwrap();
        // In hexadecimal digits.
        let link: String = database.value(&format!(
            "select encode(log.link, 'hex') from runner_log log join runner_ledger ledger on ledger.id = log.ledger
             where ledger.campaign = 'service log' and log.seq = {record}"
        ));
        assert_eq!(approval["link"], link.as_str(), "{approval}");
    }
    cited.len()
}

#[test]
fn a_service_keeps_its_log_and_its_ledgers_in_a_database() {
    let Some(database) = TestDatabase::create() else { return };
    let url = database.url();
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = directory(&platform, &["tea"], 200);
    // The variable names another database, which the file of the service comes before.
    std::fs::write(
        directory.temp.path().join("server.yaml"),
        "version: 1\nstore: {postgres: {env: TEST_STORE}}\n",
    )
    .unwrap();
    let mut known = platform.variables("ok").to_vec();
    known.push(("TEST_STORE", url.clone()));
    known.push(("RUNNER_STORE", "postgres://nobody@127.0.0.1:1/none".to_owned()));
    let mut service = directory.serve_with(&[], &known);
    service.approve("tea");
    until("the first sends", || sent(&platform, "tea") > 20);
    assert_eq!(service.post("/campaigns/tea.yaml/pause", "").status, 303);
    service.wait_for_state("tea", "paused");
    assert_eq!(service.stop(), Some(0));
    let before = sent(&platform, "tea");
    let mut service = directory.serve_with(&[], &known);
    service.wait_for("/", "Paused by li.");
    assert_eq!(sent(&platform, "tea"), before, "a pause holds after a restart");
    assert_eq!(service.post("/campaigns/tea.yaml/resume", "").status, 303);
    service.wait_for_state("tea", "complete");
    // The service has the log meanwhile.
    let checked = succeeds(&directory, &url, &["verify", "campaigns"]);
    assert!(checked.contains("is sound"), "{checked}");
    assert_eq!(service.stop(), Some(0));
    everybody_has_one(&platform, "tea", 200);
    assert!(cited_approvals(&directory, &database, "tea") > 0);
    let store = succeeds(&directory, &url, &["store", "check", "--output", "json"]);
    assert!(store.contains("\"ledgers\":1,"), "the log is no campaign: {store}");
    let files = directory.campaigns().join(".runner");
    assert!(!files.join("service/log").exists(), "the log is in the database");
}

#[test]
fn another_service_takes_over_what_a_killed_one_had() {
    let Some(database) = TestDatabase::create() else { return };
    let url = database.url();
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let [one, two] = [(); 2].map(|()| directory(&platform, &["tea", "milk", "juice"], 400));
    let variables = variables(&platform, &url);
    let mut first = one.serve_with(&[], &variables);
    for name in ["tea", "milk", "juice"] {
        first.approve(name);
        until("the first sends", || sent(&platform, name) > 5);
    }
    assert_eq!(first.post("/campaigns/milk.yaml/pause", "").status, 303);
    assert_eq!(first.post("/campaigns/juice.yaml/stop", "").status, 303);
    first.wait_for_state("milk", "paused");
    first.wait_for("/", "Stopped by li");
    let second = two.start_waiting(&[], &variables);
    second.wait_for("/readyz", "requests are forwarded");
    // A command reaches the run of the other machine, and the log of the service knows of it.
    succeeds(&two, &url, &["pause", "campaigns/tea.yaml", "--by", "Wang Fang"]);
    first.wait_for_state("tea", "paused");
    first.wait_for("/audit", "Wang Fang");
    assert_eq!(first.post("/campaigns/tea.yaml/resume", "").status, 303);
    first.wait_for_state("tea", "sending");
    let [milk, juice] = ["milk", "juice"].map(|name| sent(&platform, name));
    first.kill();
    let mut second = second.serves();
    second.wait_for("/", "Paused by li.");
    second.wait_for("/", "Stopped by li");
    second.wait_for_state("tea", "complete");
    everybody_has_one(&platform, "tea", 400);
    assert_eq!(["milk", "juice"].map(|name| sent(&platform, name)), [milk, juice]);
    assert_eq!(second.post("/campaigns/milk.yaml/resume", "").status, 303);
    second.wait_for_state("milk", "complete");
    everybody_has_one(&platform, "milk", 400);
    assert_eq!(second.stop(), Some(0));
    let checked = succeeds(&two, &url, &["verify", "campaigns"]);
    assert!(checked.contains("is sound"), "{checked}");
}

/// Tries to approve the plan of a campaign that was shown before.
fn approve_again(service: &Service, name: &str, fingerprint: &str) -> u16 {
    let path = format!("/campaigns/{name}.yaml/approve");
    service.post(&path, &format!("fingerprint={fingerprint}")).status
}

#[test]
fn while_the_database_is_away_only_acts_that_hold_back_pass() {
    let Some(database) = TestDatabase::create() else { return };
    let relay = Relay::start(database.address());
    let url = database.url_at("127.0.0.1", relay.port);
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let directory = directory(&platform, &["tea", "milk"], 300);
    let mut service = directory.serve_with(&[], &variables(&platform, &url));
    let plan = service.wait_for("/campaigns/milk.yaml/plan", "name=\"fingerprint\"");
    let milk = field(&plan, "fingerprint");
    service.approve("tea");
    until("the first sends", || sent(&platform, "tea") > 40);
    relay.cut();
    service.wait_for("/readyz", "the database does not answer");
    service.wait_for("/", "The database does not answer.");
    assert_eq!(approve_again(&service, "milk", &milk), 409);
    assert_eq!(service.post("/campaigns/tea.yaml/pause", "").status, 303);
    relay.mend();
    service.wait_for("/readyz", "ready");
    service.wait_for_state("tea", "paused");
    let before = sent(&platform, "tea");
    service.wait_for("/audit", "pause");
    assert_eq!(sent(&platform, "milk"), 0);
    service.approve("milk");
    service.wait_for_state("milk", "complete");
    everybody_has_one(&platform, "milk", 300);
    assert_eq!(sent(&platform, "tea"), before, "it stays paused");
    assert_eq!(service.post("/campaigns/tea.yaml/resume", "").status, 303);
    service.wait_for_state("tea", "complete");
    everybody_has_one(&platform, "tea", 300);
    assert_eq!(service.stop(), Some(0));
    let checked = succeeds(&directory, &database.url(), &["verify", "campaigns"]);
    assert!(checked.contains("is sound"), "{checked}");
}

/// The database takes the record of an approval, but so late that the person was refused.
#[test]
fn an_act_whose_record_comes_late_is_not_executed() {
    let Some(database) = TestDatabase::create() else { return };
    let relay = Relay::start(database.address());
    let url = database.url_at("127.0.0.1", relay.port);
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = directory(&platform, &["tea"], 50);
    let mut service = directory.serve_with(&[], &variables(&platform, &url));
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"");
    let fingerprint = field(&plan, "fingerprint");
    relay.stall();
    assert_eq!(approve_again(&service, "tea", &fingerprint), 409);
    relay.mend();
    service.wait_for("/readyz", "ready");
    assert_eq!(service.stop(), Some(0));
    // Neither this service nor the next one sends what the person was refused.
    let mut service = directory.serve_with(&[], &variables(&platform, &url));
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0));
    everybody_has_one(&platform, "tea", 50);
    // The one that was executed.
    assert_eq!(cited_approvals(&directory, &database, "tea"), 1);
}

#[test]
fn a_fenced_service_sends_nothing_more_and_waits() {
    let Some(database) = TestDatabase::create() else { return };
    let url = database.url();
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
    let [one, two] = [(); 2].map(|()| directory(&platform, &["tea"], 400));
    let variables = variables(&platform, &url);
    let first = one.serve_with(&[], &variables);
    first.approve("tea");
    until("the first sends", || sent(&platform, "tea") > 20);
    let second = two.start_waiting(&[], &variables);
    first.suspend(true);
    let second = second.serves();
    second.wait_for_state("tea", "sending");
    first.suspend(false);
    first.wait_for("/readyz", "requests are forwarded");
    assert_eq!(
        first.get("/").status,
        401,
        "the session of the first service is not one of the second"
    );
    second.wait_for_state("tea", "complete");
    everybody_has_one(&platform, "tea", 400);
    drop(second);
    // It takes over in turn, like any other that waits.
    until("the first service has the campaigns again", || {
        first.get("/readyz").body == "ready\n"
    });
}

/// The bot does not answer the machine that is killed, and it answers the next one.
#[test]
fn a_message_that_a_killed_machine_kept_goes_out_from_the_next_one() {
    let Some(database) = TestDatabase::create() else { return };
    let url = database.url();
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let [one, two] = [(); 2].map(|()| directory(&platform, &["tea"], 40));
    let mut unheard = platform.variables("never").to_vec();
    unheard.push(("RUNNER_STORE", url.clone()));
    let mut first = one.serve_with(&[], &unheard);
    first.approve("tea");
    first.wait_for_state("tea", "complete");
    until("the message that nobody answers", || {
        platform.notices("never", "tea").len() == 1
    });
    let second = two.start_waiting(&[], &variables(&platform, &url));
    first.kill();
    let mut second = second.serves();
    until("the same message to the bot that answers", || {
        !platform.messages("ok", "tea").is_empty()
    });
    assert_eq!(platform.messages("ok", "tea"), platform.messages("never", "tea"));
    assert_eq!(second.stop(), Some(0));
    assert_eq!(database.count("select count(*) from runner_notice"), 0, "it is done");
    everybody_has_one(&platform, "tea", 40);
}
