//! The messages of a service to the channels of its campaigns.

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
