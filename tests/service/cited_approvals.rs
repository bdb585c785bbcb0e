//! `runner verify FILE` looks the approvals that a ledger cites up in the log of the service.

use std::fs;

use jiff::Timestamp;
use runner::ledger::lock::Purpose;
use runner::ledger::service_log::{ServiceDir, ServiceLog};
use runner::model::event::Owner;
use serde_json::Value;

use crate::client::Directory;

/// A directory whose service has rehearsed a campaign.
fn rehearsed(users: usize) -> Directory {
    let directory = Directory::new(users);
    let mut service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0));
    directory
}

/// The exit code of `verify`, the word of its certificate, and all that it printed.
fn verify(directory: &Directory) -> (Option<i32>, String, String) {
    let file = "campaigns/tea.yaml";
    let for_programs = directory.run(&["verify", file, "--sandbox", "--output", "json"]);
    let objects = String::from_utf8(for_programs.stdout).unwrap();
    let objects: Vec<Value> = objects
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let certificate = objects.iter().find(|object| object["type"] == "certificate").unwrap();
    let word = certificate["service_log"].as_str().unwrap_or_default().to_owned();
    let for_people = directory.run(&["verify", file, "--sandbox"]);
    assert_eq!(for_people.status.code(), for_programs.status.code());
    let text = [for_people.stdout, for_people.stderr].concat();
    (for_people.status.code(), word, String::from_utf8(text).unwrap())
}

fn log(directory: &Directory) -> ServiceDir {
    ServiceDir::new(&directory.campaigns(), true)
}

/// Writes the log again with other records, in a hash chain of its own.
fn write_again(directory: &Directory, edit: impl Fn(&str) -> String) {
    let place = log(directory);
    let owner = Owner {
        host: "here".to_owned(),
        pid: 1,
        since: Timestamp::UNIX_EPOCH,
        command: "a test".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let lock = place.lock(&owner, Purpose::Apply).await.unwrap();
        let known = place.check(&lock).await.unwrap();
        fs::remove_dir_all(place.dir().join("log")).unwrap();
        let store = place.open(&lock).await.unwrap();
        let (mut log, _) = ServiceLog::read(store).await.unwrap();
        for record in known.records() {
            let text = String::from_utf8(record.body.clone()).unwrap();
            log.append(edit(&text).as_bytes()).await.unwrap();
        }
        log.close().await;
    });
}

#[test]
fn the_log_has_what_the_ledger_cites_also_while_the_service_runs() {
    let directory = Directory::new(20);
    let mut service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    for is_running in [true, false] {
        if !is_running {
            assert_eq!(service.stop(), Some(0));
        }
        let (code, word, text) = verify(&directory);
        assert_eq!((code, word.as_str()), (Some(0), "agrees"), "{text}");
        assert!(
            text.contains("the log of the service has each of these approvals"),
            "{text}"
        );
    }
    // The same log, written again.
    write_again(&directory, str::to_owned);
    let (code, word, text) = verify(&directory);
    assert_eq!((code, word.as_str()), (Some(0), "agrees"), "{text}");
}

#[test]
fn a_record_that_was_edited_is_named_even_in_a_sound_chain() {
    let directory = rehearsed(20);
    write_again(&directory, |record| record.replace("\"coupons\":20", "\"coupons\":21"));
    let sound = directory.run(&["verify", "campaigns", "--sandbox"]);
    assert_eq!(sound.status.code(), Some(0), "the log itself is sound");
    let (code, word, text) = verify(&directory);
    assert_eq!((code, word.as_str()), (Some(4), "differs"), "{text}");
    assert!(
        text.contains("E0346") && text.contains("the log has another record of that number"),
        "{text}"
    );
}

#[test]
fn the_log_of_another_service_does_not_have_the_approval() {
    let directory = rehearsed(20);
    let other = Directory::new(20);
    let mut service = other.serve();
    assert_eq!(service.stop(), Some(0));
    fs::remove_dir_all(log(&directory).dir()).unwrap();
    let (code, word, text) = verify(&directory);
    assert_eq!((code, word.as_str()), (Some(0), "absent"), "{text}");
    assert!(text.contains("it is not here"), "{text}");
    fs::rename(log(&other).dir(), log(&directory).dir()).unwrap();
    let (code, word, text) = verify(&directory);
    assert_eq!((code, word.as_str()), (Some(4), "differs"), "{text}");
    assert!(text.contains("E0346"), "{text}");
}

#[test]
fn a_log_that_is_damaged_proves_nothing() {
    let directory = rehearsed(20);
    let head = log(&directory).dir().join("log/head");
    let length = fs::read(&head).unwrap().len();
    fs::write(&head, vec![0xff; length]).unwrap();
    let (code, word, text) = verify(&directory);
    assert_eq!(word, "unreadable", "{text}");
    assert_ne!(code, Some(0), "{text}");
}
