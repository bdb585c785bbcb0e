//! Commands that go to a service over the network.

use std::fs;
use std::process::{Command, Output};
use std::thread::park_timeout;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Directory, Service};

/// A service with a token, and the commands that use it.
struct Remote {
    directory: Directory,
    service: Service,
    token: String,
}

struct Ran {
    exit: Option<i32>,
    out: String,
    err: String,
}

impl Remote {
    fn start(users: usize, role: &str) -> Self {
        let directory = Directory::new(users);
        let made = directory.run(&["serve", "--new-token", "--output", "json"]);
        let made = String::from_utf8(made.stdout).unwrap();
        let made: Value = serde_json::from_str(made.lines().last().unwrap()).unwrap();
        let hash = made["hash"].as_str().unwrap();
        let text = format!("version: 1\ntokens: [{{name: ci, hash: \"{hash}\", roles: [{role}]}}]\n");
        fs::write(directory.temp.path().join("server.yaml"), text).unwrap();
        let service = directory.serve();
        Self {
            service,
            directory,
            token: made["token"].as_str().unwrap().to_owned(),
        }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let address = format!("http://{}", self.service.host);
        self.run_at(&address, &self.token, args)
    }

    fn run_at(&self, address: &str, token: &str, args: &[&str]) -> Ran {
        Self::finish(self.directory.runner(args), address, token)
    }

    fn run_in(&self, language: &str, args: &[&str]) -> Ran {
        let mut command = self.directory.runner(args);
        command.env("RUNNER_LANG", language);
        Self::finish(command, &format!("http://{}", self.service.host), &self.token)
    }

    fn finish(mut command: Command, address: &str, token: &str) -> Ran {
        let Output { status, stdout, stderr } = command
            .env("RUNNER_SERVER", address)
            .env("RUNNER_TOKEN", token)
            .output()
            .unwrap();
        let ran = Ran {
            exit: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        };
        assert!(!ran.out.contains(token) && !ran.err.contains(token), "{}", ran.err);
        ran
    }

    /// The status of the only campaign once it is in this state. A run writes its status about once a second.
    fn status_when(&self, state: &str) -> Value {
        let mut last = Value::Null;
        for _ in 0..1200 {
            let ran = self.run(&["status", "--output", "json"]);
            last = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
            if last["state"] == state {
                return last;
            }
            park_timeout(Duration::from_millis(100));
        }
        panic!("never {state}: {last}");
    }
}

#[test]
fn a_run_of_a_service_is_commanded_from_elsewhere() {
    let remote = Remote::start(3_000, "admin");
    remote.service.wait_for("/", "needs approval");
    let idle = remote.run(&["pause", "tea.yaml"]);
    assert_eq!(idle.exit, Some(2), "{}", idle.err);
    assert!(idle.err.contains("E0220"), "{}", idle.err);
    remote.service.approve("tea");
    remote.service.wait_for_state("tea", "sending");
    // The path is that of this machine; the service knows the name.
    let paused = remote.run(&["pause", "campaigns/tea.yaml"]);
    assert_eq!(paused.exit, Some(0), "{}", paused.err);
    assert!(paused.out.contains("tea paused: nothing more starts"), "{}", paused.out);
    remote.service.wait_for_state("tea", "paused");
    let status = remote.status_when("paused");
    assert_eq!(
        (&status["type"], &status["campaign"]),
        (&"status".into(), &"tea".into())
    );
    assert_eq!(status["counts"]["audience"], 3_000, "{status}");
    // It is what a command on the machine of the service prints.
    let local = remote.directory.run(&["status", "campaigns/tea.yaml", "--sandbox"]);
    let shown = remote.run(&["status", "tea.yaml"]);
    let first = |text: &str| text.lines().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(first(&shown.out), first(&String::from_utf8(local.stdout).unwrap()));
    let waits = remote.run(&["approve", "tea.yaml"]);
    assert_eq!(waits.exit, Some(0), "{}", waits.err);
    let resumed = remote.run(&["resume", "tea.yaml", "--output", "json"]);
    let object: Value = serde_json::from_str(resumed.out.lines().last().unwrap()).unwrap();
    assert_eq!((&object["type"], &object["order"]), (&"order".into(), &"resume".into()));
    assert_eq!(object["pid"], remote.service.pid());
    let stopped = remote.run(&["stop", "tea.yaml"]);
    assert_eq!(stopped.exit, Some(0), "{}", stopped.err);
    let audit = remote.run(&["audit", "--text", "ci"]);
    assert!(
        audit.out.contains("pause") && audit.out.contains("tea.yaml"),
        "{}",
        audit.out
    );
    let audit = remote.run(&["audit", "--file", "tea.yaml", "--last", "1000", "--output", "json"]);
    let records: Vec<Value> = audit
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let acts = records.iter().filter(|record| record["who"]["name"] == "ci");
    let acts: Vec<_> = acts.filter_map(|record| record["act"].as_str()).collect();
    assert_eq!(acts, ["pause", "pause", "resume", "stop"]);
}

#[test]
fn what_a_service_refuses_has_a_code_and_an_exit() {
    let remote = Remote::start(5, "viewer");
    remote.service.wait_for("/", "needs approval");
    let address = format!("http://{}", remote.service.host);
    let cases: [(&str, &str, &[&str], i32, &str); 8] = [
        (&address, &remote.token, &["stop", "tea.yaml"], 4, "E0353"),
        (&address, &remote.token, &["status", "milk.yaml"], 4, "E0353"),
        (&address, &remote.token, &["pause", "--all"], 2, "E0201"),
        (
            &address,
            &remote.token,
            &["apply", "campaigns/tea.yaml", "--sandbox"],
            2,
            "E0354",
        ),
        (&address, "runner_another_token", &["status"], 4, "E0352"),
        ("http://127.0.0.1:1", "runner_some_token", &["status"], 3, "E0351"),
        (
            "http://coupons.example.com",
            "runner_some_token",
            &["status"],
            2,
            "E0350",
        ),
        (
            "https://li:hunter2@127.0.0.1",
            "runner_some_token",
            &["status"],
            2,
            "E0350",
        ),
    ];
    for (address, token, args, exit, code) in cases {
        let ran = remote.run_at(address, token, args);
        assert_eq!(ran.exit, Some(exit), "{args:?} {}", ran.err);
        assert!(
            ran.err.contains(code) && ran.err.contains("help:"),
            "{args:?} {}",
            ran.err
        );
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    let nowhere = remote.directory.run(&["audit"]);
    assert_eq!(nowhere.status.code(), Some(2));
}

#[test]
fn a_user_is_looked_up_from_elsewhere_and_the_log_has_no_open_id() {
    let remote = Remote::start(5, "support");
    remote.service.approve("tea");
    remote.service.wait_for_state("tea", "complete");
    for language in ["en", "zh"] {
        let local = remote
            .directory
            .runner(&["trace", "campaigns/tea.yaml", "tea-user-3", "--sandbox"])
            .env("RUNNER_LANG", language)
            .output()
            .unwrap();
        let shown = remote.run_in(language, &["trace", "tea.yaml", "tea-user-3"]);
        assert_eq!(shown.exit, Some(0), "{}", shown.err);
        assert_eq!(shown.out, String::from_utf8(local.stdout).unwrap());
    }
    let objects = |text: &str| {
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let local = remote.directory.run(&[
        "trace",
        "campaigns/tea.yaml",
        "tea-user-3",
        "--sandbox",
        "--output",
        "json",
    ]);
    let shown = remote.run(&["trace", "tea.yaml", "tea-user-3", "--output", "json"]);
    assert_eq!(
        objects(&shown.out),
        objects(&String::from_utf8(local.stdout).unwrap()),
        "{}",
        shown.err
    );
    let unknown = remote.run(&["trace", "tea.yaml", "nobody"]);
    assert!(
        unknown.exit == Some(2) && unknown.err.contains("E0218") && unknown.err.contains("help:"),
        "{}",
        unknown.err
    );
    let elsewhere = remote.run(&["trace", "milk.yaml", "tea-user-3"]);
    assert!(
        elsewhere.exit == Some(4) && elsewhere.err.contains("E0353"),
        "{}",
        elsewhere.err
    );
    // A program names the app, and every campaign of it is searched.
    let ask = |body: &str| {
        let json = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n";
        remote.service.post_with("/api/v1/person", body, json)
    };
    let found = ask(r#"{"app_id": "ttec789ac573xxxxxx01", "open_id": "tea-user-3"}"#);
    let found: Value = serde_json::from_str(&found.body).unwrap();
    assert_eq!(found["campaigns"][0]["file"], "tea.yaml", "{found}");
    assert_eq!(found["campaigns"][0]["objects"][1]["state"], "issued", "{found}");
    let name = found["person"].as_str().unwrap();
    let none = ask(r#"{"app_id": "ttec789ac573xxxxxx01", "open_id": "nobody"}"#);
    let none: Value = serde_json::from_str(&none.body).unwrap();
    let campaign = &none["campaigns"][0];
    assert!(
        campaign["words"].is_null() && campaign["objects"] == serde_json::json!([]),
        "{none}"
    );
    for bad in [
        r#"{"open_id": "u"}"#,
        r#"{"open_id": "u", "app_id": "a", "file": "tea.yaml"}"#,
    ] {
        assert_eq!(ask(bad).status, 400, "{bad}");
    }
    assert_eq!(remote.service.get("/api/v1/person?open_id=tea-user-3").status, 405);
    // Each look is in the log, and no id of a user.
    let audit = remote.service.get("/audit.jsonl").body;
    assert!(!audit.contains("tea-user-3"), "{audit}");
    let looks = audit.lines().filter(|line| line.contains("see_person"));
    assert_eq!(looks.filter(|line| line.contains(name)).count(), 4, "{audit}");
}

#[test]
fn a_user_is_not_looked_up_by_an_author() {
    let remote = Remote::start(5, "author");
    remote.service.wait_for("/", "needs approval");
    let refused = remote.run(&["trace", "tea.yaml", "tea-user-3"]);
    assert!(
        refused.exit == Some(4) && refused.err.contains("E0353"),
        "{}",
        refused.err
    );
}
