//! The messages of a service to the channels of its campaigns.

use std::fs;
use std::thread::park_timeout;
use std::time::Duration;

use crate::client::Directory;
use crate::fake_platform::FakePlatform;

fn wait_for_messages(fake_platform: &FakePlatform, token: &str, name: &str) -> Vec<(String, String)> {
    for _ in 0..1200 {
        let messages = fake_platform.messages(token, name);
        if !messages.is_empty() {
            return messages;
        }
        park_timeout(Duration::from_millis(50));
    }
    panic!("no message about {name} came to {token}");
}

#[test]
fn a_halt_that_a_kill_kept_is_sent_at_the_next_start_once() {
    let fake_platform = FakePlatform::start(&["--refuse", "100%"]);
    let directory = Directory::new(20);
    let keys = fake_platform.keys("halted") + "codes: {28001045: halt}\n";
    directory.write_file("tea", "tea", &keys);
    let serve = |token| directory.serve_with(&[], &fake_platform.variables(token));
    // This webhook never answers.
    let mut service = serve("never");
    service.approve("tea");
    wait_for_messages(&fake_platform, "never", "tea");
    // The service knows of the halt, so that it does not continue the run.
    service.wait_for("/", "halted");
    service.kill();
    // Nobody has approved anything since, so nothing runs.
    let mut service = serve("ok");
    assert_eq!(wait_for_messages(&fake_platform, "ok", "tea").len(), 1);
    service.wait_for("/", "halted");
    assert_eq!(service.stop(), Some(0));
    let service = serve("ok");
    service.wait_for("/", "halted");
    let messages = fake_platform.messages("ok", "tea");
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn a_channel_that_takes_no_message_is_in_the_inbox() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = Directory::new(5);
    directory.write_file("tea", "tea", &fake_platform.keys("ended"));
    let service = directory.serve_with(&[], &fake_platform.variables("status-503"));
    service.approve("tea");
    let inbox = service.wait_for("/", "messages are not sent");
    assert!(
        inbox.contains("a message to webhook env:TEST_HOOK was not sent"),
        "{inbox}"
    );
    assert!(!inbox.contains("status-503"), "the URL is a secret: {inbox}");
}

/// Writes the file of the service, whose channel is at a webhook of its own. Returns the variable with its URL.
fn write_channel(directory: &Directory, fake_platform: &FakePlatform, token: &str) -> (&'static str, String) {
    let text = "version: 1\nurl: https://coupons.example.com\nnotify:\n  - webhook: {url: {env: TEST_OWN_HOOK}}\n";
    fs::write(directory.temp.path().join("server.yaml"), text).unwrap();
    let hook = format!("http://{}/webhook/{token}", fake_platform.address);
    ("TEST_OWN_HOOK", hook)
}

#[test]
fn a_channel_of_the_service_has_the_messages_of_every_campaign_once() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = Directory::empty();
    directory.write("tea", "tea", 5);
    directory.write("milk", "milk", 5);
    // The one names the same bot, the other none.
    let keys = fake_platform.keys("ended").replace("TEST_HOOK", "TEST_OWN_HOOK");
    directory.write_file("tea", "tea", &keys);
    let (without, _) = keys.split_once("notify:").unwrap();
    directory.write_file("milk", "milk", without);
    let variables = [
        fake_platform.variables("unused").as_slice(),
        &[write_channel(&directory, &fake_platform, "ok")],
    ]
    .concat();
    let validated = directory.run(&["validate", "server.yaml"]);
    assert_eq!(validated.status.code(), Some(0));
    let mut tested = directory.runner(&["notify", "server.yaml", "--output", "json"]);
    let tested = tested.envs(variables.iter().cloned()).output().unwrap();
    let verdict = String::from_utf8(tested.stdout).unwrap();
    assert!(verdict.contains("\"result\":\"sent\""), "{verdict}");
    assert!(!verdict.contains("campaign"), "{verdict}");
    let mut service = directory.serve_with(&[], &variables);
    let topics = |name| -> Vec<_> { fake_platform.notices("ok", name).iter().map(topic).collect() };
    // Nobody is asked for an approval that has been given.
    wait_until(|| topics("milk").contains(&"approval".to_owned()));
    service.approve("tea");
    service.approve("milk");
    for name in ["tea", "milk"] {
        let topics = || topics(name);
        wait_until(|| topics().contains(&"ended".to_owned()));
        assert_eq!(
            topics().iter().filter(|topic| *topic == "ended").count(),
            1,
            "{:?}",
            topics()
        );
    }
    let waits = fake_platform.notices("ok", "milk");
    let waits = waits.iter().find(|notice| topic(notice) == "approval").unwrap();
    assert_eq!(waits["to_send"], 5);
    assert_eq!(waits["command"], "https://coupons.example.com/campaigns/milk.yaml/plan");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn what_a_kill_kept_for_a_channel_of_the_service_is_sent_at_the_next_start_once() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = Directory::new(5);
    let keys = fake_platform.keys("ended");
    let (without, _) = keys.split_once("notify:").unwrap();
    directory.write_file("tea", "tea", without);
    let serve = |token: &str| {
        let own = write_channel(&directory, &fake_platform, token);
        directory.serve_with(&[], &[fake_platform.variables("unused").as_slice(), &[own]].concat())
    };
    // This webhook never answers.
    let mut service = serve("never");
    service.approve("tea");
    wait_until(|| {
        let notices = fake_platform.notices("never", "tea");
        notices.iter().any(|notice| topic(notice) == "approval")
    });
    // A run whose end is not in the log goes on after a kill, and ends again.
    service.wait_for("/audit", "run ended");
    service.kill();
    let ended = |token: &str| {
        let notices = fake_platform.notices(token, "tea");
        notices.iter().filter(|notice| topic(notice) == "ended").count()
    };
    let mut service = serve("ok");
    wait_until(|| ended("ok") == 1);
    assert_eq!(service.stop(), Some(0));
    let mut service = serve("ok");
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(ended("ok"), 1);
}

fn topic(notice: &serde_json::Value) -> String {
    notice["topic"].as_str().unwrap_or_default().to_owned()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        park_timeout(Duration::from_millis(50));
    }
    panic!("it never is so");
}
