//! A service that erases the open_ids of campaigns that have ended.

use std::fs;
use std::path::Path;

use crate::client::{Directory, clock_ahead};
use crate::database::{TestDatabase, directory, everybody_has_one, variables};
use crate::fake_platform::FakePlatform;

/// The first file below `directory` with one of these words.
fn file_with(directory: &Path, words: &[&str]) -> Option<String> {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = file_with(&path, words) {
                return Some(found);
            }
        } else if let Ok(bytes) = fs::read(&path)
            && let Some(word) = words
                .iter()
                .find(|word| bytes.windows(word.len()).any(|part| part == word.as_bytes()))
        {
            return Some(format!("{} has {word}", path.display()));
        }
    }
    None
}

#[test]
fn a_day_after_its_end_a_campaign_has_no_open_ids_any_more() {
    let Some(tomorrow) = clock_ahead("+26h") else { return };
    let directory = Directory::new(12);
    directory.write("milk", "牛奶", 9);
    // Other text than the log packs, so that its bytes can be found.
    let users = |name: &str| {
        let rows: Vec<_> = (0..9).map(|user| format!("{name}.用户.{user}\n")).collect();
        rows.concat()
    };
    for name in ["tea", "milk"] {
        let list = directory.campaigns().join(format!("{name}.csv"));
        fs::write(list, format!("open_id\n{}", users(name))).unwrap();
    }
    let state = directory.campaigns().join(".runner");
    let words = ["tea.用户", "milk.用户"];
    let mut service = directory.serve();
    for name in ["tea", "milk"] {
        service.approve(name);
        service.wait_for_state(name, "complete");
    }
    assert_eq!(service.stop(), Some(0));
    assert!(file_with(&state, &words).is_some(), "they can be found");
    // Without the key they stay, however old they are.
    let mut service = directory.serve_with(&["--sandbox"], &tomorrow);
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0));
    assert!(file_with(&state, &words).is_some());
    let keyed = directory.temp.path().join("server.yaml");
    fs::write(&keyed, "version: 1\nretain: 2d\n").unwrap();
    let mut service = directory.serve_with(&["--sandbox"], &tomorrow);
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0));
    assert!(file_with(&state, &words).is_some(), "they are not old enough");

    fs::write(&keyed, "version: 1\nretain: 1d\n").unwrap();
    // The file of a campaign is gone, and its ledger is not.
    fs::remove_file(directory.campaigns().join("milk.yaml")).unwrap();
    let mut service = directory.serve_with(&["--sandbox"], &tomorrow);
    for name in ["tea", "milk"] {
        let audit = service.wait_for("/audit", "erase open_ids");
        assert!(audit.contains("sandbox; complete for 1d"), "{audit}");
        service.wait_for(&format!("/audit?text={name}"), "erase open_ids");
    }
    let page = service.wait_for("/campaigns", "the open_ids are erased: nothing can be sent any more");
    assert!(page.contains("complete"), "{page}");
    assert!(service.get("/").body.contains("Nothing waits for you."));
    assert_eq!(service.stop(), Some(0));
    assert_eq!(file_with(&state, &words), None);
    let verified = directory.run(&["verify", "campaigns/tea.yaml", "--sandbox"]);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    let history = directory.run(&["history", "campaigns/tea.yaml", "--sandbox"]);
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("erased the open_ids of 9 users"), "{history}");
    let refused = directory.run(&["apply", "campaigns/tea.yaml", "--sandbox"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let traced = directory.run(&["trace", "campaigns/tea.yaml", "tea.用户.3", "--sandbox"]);
    assert_eq!(traced.status.code(), Some(0), "{traced:?}");
    // Nobody knows any more whom another campaign has to exclude.
    directory.write("autumn", "秋", 5);
    directory.write_file("autumn", "秋", "  exclude: [{campaign: tea.yaml}]\n");
    let refused = directory.run(&["plan", "campaigns/autumn.yaml", "--sandbox"]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(4), "{why}");
    assert!(why.contains("error[E0355]: cannot exclude the users of tea"), "{why}");
    // The lock's file had the command of the trace.
    assert_eq!(file_with(&state, &words), None);
}

#[test]
fn a_day_after_its_end_no_open_id_of_a_campaign_is_in_the_database() {
    let Some(tomorrow) = clock_ahead("+26h") else { return };
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = directory(&platform, &["tea", "milk"], 9);
    for name in ["tea", "milk"] {
        let list = directory.campaigns().join(format!("{name}.csv"));
        let rows: Vec<_> = (0..9).map(|user| format!("{name}-user-用户.{user}\n")).collect();
        fs::write(list, format!("open_id\n{}", rows.concat())).unwrap();
    }
    let variables = variables(&platform, &database.url());
    let mut service = directory.serve_with(&[], &variables);
    for name in ["tea", "milk"] {
        service.approve(name);
        service.wait_for_state(name, "complete");
    }
    assert_eq!(service.stop(), Some(0));
    assert!(
        database.has_text("tea-user-用户") && database.has_text("milk-user-用户"),
        "they can be found"
    );

    fs::write(directory.temp.path().join("server.yaml"), "version: 1\nretain: 1d\n").unwrap();
    // The file of a campaign is gone, and its ledger is not.
    fs::remove_file(directory.campaigns().join("milk.yaml")).unwrap();
    let mut known = variables.clone();
    known.extend(tomorrow);
    let mut service = directory.serve_with(&[], &known);
    for name in ["tea", "milk"] {
        service.wait_for("/audit", "erase open_ids");
        service.wait_for(&format!("/audit?text={name}"), "erase open_ids");
    }
    service.wait_for("/campaigns", "the open_ids are erased: nothing can be sent any more");
    assert_eq!(service.stop(), Some(0));
    assert!(!database.has_text("tea-user-用户") && !database.has_text("milk-user-用户"));
    let verified = directory
        .runner(&["verify", "campaigns/tea.yaml"])
        .env("RUNNER_STORE", database.url())
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    for name in ["tea", "milk"] {
        everybody_has_one(&platform, name, 9);
    }
}
