//! The codes of problems and their pages: each code has exactly one page, and pages refer to existing codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use runner::Language;
use runner::cli::Page;

fn pages() -> impl Iterator<Item = Page> {
    runner::cli::pages(Language::English)
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(args)
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn no_code_is_used_twice_and_no_page_is_orphaned() {
    let codes: Vec<_> = pages().map(|page| page.code.to_owned()).collect();
    let mut sorted = codes.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(codes, sorted, "codes are distinct and in order");
    for code in &codes {
        let digits = code.strip_prefix('E').unwrap();
        assert!(
            digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()),
            "{code}"
        );
    }
    let there: BTreeSet<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/problems"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let wanted: BTreeSet<_> = codes.iter().map(|code| format!("{code}.md")).collect();
    assert_eq!(there, wanted, "docs/problems has one page a code");
}

#[test]
fn every_page_says_what_it_is_why_it_comes_and_what_to_do() {
    for page in pages() {
        assert!(
            page.page.starts_with(&format!("# {}: {}\n\n", page.code, page.title)),
            "{}",
            page.page
        );
        let headings: Vec<_> = page.page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["Why", "Example", "What to do"], "{}", page.code);
        for part in page.page.split("\n## ") {
            let (_, body) = part.split_once("\n\n").unwrap();
            assert!(!body.trim().is_empty(), "{}: {part}", page.code);
        }
        let longest = page.page.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(132), "{} has a line of {longest:?}", page.code);
    }
}

/// A page may only refer to codes that exist.
#[test]
fn pages_refer_to_codes_that_there_are() {
    let codes: BTreeSet<_> = pages().map(|page| page.code).collect();
    for page in pages().filter(|page| page.code != "E0213") {
        for word in page.page.split(|c: char| !c.is_ascii_alphanumeric()) {
            let digits = word.strip_prefix('E').unwrap_or_default();
            if digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()) {
                assert!(codes.contains(word), "{} refers to {word}", page.code);
            }
        }
    }
}

#[test]
fn explain_shows_a_page() {
    let output = run(&["explain", "e0310"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    for code in ["E0310", "0310", "310"] {
        assert_eq!(stdout(&run(&["explain", code])), stdout(&output), "{code}");
    }
}

#[test]
fn explain_alone_lists_every_problem() {
    let output = run(&["explain"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn explain_knows_the_platforms_codes() {
    let shown: Vec<_> = ["28001045", "0", "28001005"]
        .map(|code| stdout(&run(&["explain", code])))
        .into();
    insta::assert_snapshot!(shown.join("--\n"));
}

#[test]
fn explain_is_an_object_for_programs() {
    let text = stdout(&run(&["explain", "E0310", "--output", "json"]))
        + &stdout(&run(&["explain", "28001045", "--output", "json"]));
    insta::assert_snapshot!(text);
}

#[test]
fn an_unknown_code_is_refused_with_similar_ones() {
    let mut told = String::new();
    for code in ["E031O", "E0999", "29005099", "E", "-1", "\u{202e}E0310"] {
        let output = run(&["explain", "--", code]);
        assert_eq!(output.status.code(), Some(2), "{code}");
        assert_eq!(stdout(&output), "");
        told.push_str(&stderr(&output));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_failure_has_its_code() {
    for (args, code) in [
        (&["launch"][..], "E0201"),
        (&["apply"], "E0201"),
        (&["apply", "a.yaml", "b.yaml"], "E0101"),
        (
            &["apply", "a.yaml", "b.yaml", "--expect", "9a93958536-aee48ea945-first"],
            "E0201",
        ),
        (&["apply", "no-such-file.yaml"], "E0101"),
        (&["validate", "src"], "E0210"),
        (&["schema", "--log-file", "/no/such/directory/log"], "E0204"),
        (&["sandbox", "--drop", "60%", "--busy", "60%"], "E0504"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).starts_with(&format!("error[{code}]: ")),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}
