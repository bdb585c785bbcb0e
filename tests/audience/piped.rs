//! An audience that is piped into the program.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::written::{self, Person};

/// Rehearses a campaign with this source and this standard input.
fn rehearse(source: &str, input: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("piped.yaml");
    let text = format!(
        "version: 1\ncampaign: piped\napp_id: {}\nactivity_id: 1\naudience:\n  max_unusable: 50%\n  source:\n    {source}\n",
        // Each test uses its own app id, so that none waits for another's lock.
        folder.path().file_name().unwrap().to_string_lossy().replace('.', "tt"),
    );
    std::fs::write(&file, text).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["apply", "--sandbox"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program closes its input once it has refused a row.
    let _ = process.stdin.take().unwrap().write_all(input);
    process.wait_with_output().unwrap()
}

fn people() -> Vec<Person> {
    ["u1", "", "用户"]
        .map(|open_id| Person {
            open_id: open_id.to_owned(),
            seen: Some(1_780_113_600_000),
        })
        .to_vec()
}

#[test]
fn what_is_piped_in_is_an_audience() {
    for (source, input) in [
        (
            "stdin: {format: csv, open_id: open_id, last_active: seen}",
            written::csv(&people(), b';'),
        ),
        (
            "stdin: {format: jsonl, open_id: open_id}",
            written::zstd(&written::jsonl(&people())),
        ),
    ] {
        let done = rehearse(source, &input);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{said}");
        let summary = String::from_utf8_lossy(&done.stdout);
        assert!(
            summary.contains("2 users") && summary.contains("1 row (line "),
            "{summary}"
        );
    }
}

#[test]
fn unreadable_piped_input_is_reported() {
    for (source, input, said) in [
        (
            "stdin: {format: csv, open_id: user}",
            written::csv(&people(), b','),
            "the audience stdin has no column \"user\"",
        ),
        (
            "stdin: {format: jsonl, open_id: open_id}",
            written::csv(&people(), b','),
            "the audience stdin, line 1: the line is not a JSON object",
        ),
        (
            "stdin: {format: csv, open_id: open_id}",
            Vec::new(),
            "the audience stdin is empty",
        ),
    ] {
        let done = rehearse(source, &input);
        let heard = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{heard}");
        assert!(heard.contains(said), "{heard}");
    }
}
