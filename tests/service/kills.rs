//! Kills of the service by SIGKILL in each phase of a campaign's life. The fake platform, in a process of its own, is the judge.
//!
//! The moments come from a seed that is printed; `KILLS_SEED` sets it. `RUNNER_TEST_KILLS` sets the number of kills.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::thread::park_timeout;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Directory, Service, field};
use crate::fake_platform::FakePlatform;

const KILLS: u32 = 10;
const USERS: usize = 240;

/// A directory whose service is killed again and again.
struct Trial {
    directory: Directory,
    fake_platform: FakePlatform,
    service: Option<Service>,
    random: fastrand::Rng,
    kills: u32,
    most: u32,
}

impl Trial {
    fn serve(&self) -> Service {
        self.directory.serve_with(&[], &self.fake_platform.variables("ok"))
    }

    fn service(&mut self) -> &mut Service {
        if self.service.is_none() {
            self.service = Some(self.serve());
        }
        self.service.as_mut().unwrap()
    }

    /// Kills the service after a random time of at most `most_ms`.
    fn kill(&mut self, most_ms: u64) {
        let wait = Duration::from_millis(self.random.u64(0..=most_ms));
        let began = std::time::Instant::now();
        while began.elapsed() < wait {
            park_timeout(wait.saturating_sub(began.elapsed()));
        }
        if let Some(mut service) = self.service.take() {
            service.kill();
            self.kills += 1;
        }
    }

    fn is_done(&self) -> bool {
        self.kills >= self.most
    }

    fn write(&self, name: &str) {
        self.directory.write(name, name, USERS);
        let keys = self.fake_platform.keys("ended");
        let more = "schedule: {waves: [{share: 40%, wait: approval}]}\ncodes: {28001045: hold}\nretry: {timeout: 1s}\n";
        let more = keys + more;
        self.directory.write_file(name, name, &more);
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

    fn wait_for_state<'t>(&mut self, name: &str, states: &[&'t str]) -> &'t str {
        let labels: Vec<_> = states.iter().map(|state| format!("\">{state}</span>")).collect();
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let found = self.wait_for_one(&format!("/campaigns/{name}.yaml"), &labels);
        states[labels.iter().position(|label| *label == found).unwrap()]
    }

    /// Whether the record of an approval is durable.
    fn is_approved(&mut self, name: &str) -> bool {
        let audit = self.service().get("/audit").body;
        let file = format!("{name}.yaml");
        audit
            .split("<tr")
            .any(|row| row.contains("approve and apply") && row.contains(&file))
    }

    fn post(&mut self, name: &str, what: &str, form: &str) {
        let answer = self.service().post(&format!("/campaigns/{name}.yaml/{what}"), form);
        assert_eq!(answer.status, 303, "{what}: {}", answer.body);
    }

    /// A campaign from its file to its end, with a kill in each phase.
    fn live(&mut self, name: &str) {
        // Plan.
        self.write(name);
        self.service();
        self.kill(400);
        // Approve: the kill may come before or after the record is durable.
        let path = format!("/campaigns/{name}.yaml/plan");
        let page = self.service().wait_for(&path, "name=\"fingerprint\"");
        let form = format!("fingerprint={}", field(&page, "fingerprint"));
        self.service().send(&format!("/campaigns/{name}.yaml/approve"), &form);
        self.kill(15);
        let sent = ["sending", "waiting"];
        // The next service says "needs approval" until it continues what is recorded.
        if !self.is_approved(name) {
            assert_eq!(self.fake_platform.coupons(name).0, 0, "sent without an approval");
            self.service().approve(name);
        }
        // Start: an approval that was answered is never asked for again.
        self.kill(30);
        self.wait_for_state(name, &sent);
        // Run.
        self.kill(250);
        self.wait_for_state(name, &sent);
        // Pause: a wave may have ended before.
        self.post(name, "pause", "");
        self.kill(0);
        self.wait_for_state(name, &["paused"]);
        let before = self.fake_platform.coupons(name).0;
        self.wait_for_one("/", &["Paused by li."]);
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent while it was paused");
        self.post(name, "resume", "");
        // Wave.
        self.wait_for_one("/", &["The next one waits for your approval."]);
        self.post(name, "wave", "wave=1");
        self.kill(0);
        self.wait_for_state(name, &["sending"]);
        // Stop.
        self.post(name, "stop", "");
        self.kill(0);
        self.wait_for_one("/", &["Stopped by li"]);
        let before = self.fake_platform.coupons(name).0;
        self.kill(50);
        self.wait_for_one("/", &["Stopped by li"]);
        assert_eq!(self.fake_platform.coupons(name).0, before, "sent after it was stopped");
        self.service().approve(name);
        // Resolve.
        self.wait_for_state(name, &["needs a decision"]);
        // A user whose answer a kill lost and who was then refused is in doubt.
        let decide = format!("/campaigns/{name}.yaml/decide");
        while self.wait_for_state(name, &["complete", "needs a decision"]) != "complete" {
            let page = self.service().get(&decide).body;
            if page.contains("name=\"count\"") {
                let fields = ["state", "code", "count"].map(|name| format!("{name}={}", field(&page, name)));
                let form = format!("{}&to=refused&note=closed", fields.join("&"));
                let answer = self.service().post(&format!("/campaigns/{name}.yaml/resolve"), &form);
                // The page of before is refused.
                assert!(matches!(answer.status, 303 | 409), "{}", answer.body);
                self.kill(0);
            }
        }
        // The end of the service itself.
        self.service().terminate();
        self.kill(60);
        self.wait_for_state(name, &["complete"]);
        self.judge(name);
    }

    fn judge(&self, name: &str) {
        let (_, given) = self.fake_platform.coupons(name);
        assert_eq!(given.len(), USERS, "every user was sent to");
        let twice: Vec<_> = given.iter().filter(|(_, coupons)| **coupons > 1).collect();
        assert_eq!(twice, [], "an id was given two coupons");
        let file = format!("campaigns/{name}.yaml");
        let verified = self.directory.run(&["verify", &file]);
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
        let status = self.directory.run(&["status", &file, "--output", "json"]);
        let status = String::from_utf8(status.stdout).unwrap();
        let status: Value = serde_json::from_str(status.lines().last().unwrap()).unwrap();
        let coupons = given.values().filter(|coupons| **coupons == 1).count();
        assert_eq!(status["counts"]["issued"].as_u64(), Some(coupons as u64), "{status}");
        // A receiver drops a message whose id it knows. Nothing has two ids.
        let messages: BTreeSet<_> = self.fake_platform.messages("ok", name).into_iter().collect();
        let ids: BTreeSet<_> = messages.iter().map(|(id, _)| id).collect();
        let times: BTreeSet<_> = messages.iter().map(|(_, at)| at).collect();
        assert!(!messages.is_empty(), "the end of {name} has no message");
        assert_eq!(
            (ids.len(), times.len()),
            (messages.len(), messages.len()),
            "{messages:?}"
        );
    }
}

#[test]
fn kills_in_each_phase_send_nothing_twice_and_forget_no_approval() {
    let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let most = std::env::var("RUNNER_TEST_KILLS")
        .ok()
        .and_then(|most| most.parse().ok());
    let _ = writeln!(std::io::stderr(), "KILLS_SEED={seed}");
    let mut trial = Trial {
        directory: Directory::empty(),
        fake_platform: FakePlatform::start(&["--latency", "10ms..60ms", "--refuse", "4%"]),
        service: None,
        random: fastrand::Rng::with_seed(seed),
        kills: 0,
        most: most.unwrap_or(KILLS),
    };
    for life in 1.. {
        if trial.is_done() {
            break;
        }
        let name = format!("tea{life}");
        trial.live(&name);
        fs::remove_file(trial.directory.campaigns().join(format!("{name}.yaml"))).unwrap();
    }
    let mut service = trial.service.take().unwrap_or_else(|| trial.serve());
    assert_eq!(service.stop(), Some(0));
    let verified = trial.directory.run(&["verify", "campaigns"]);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}
