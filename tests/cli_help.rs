//! The command line from a shell: help, mistakes, and readers that close early.

use std::process::{Command, Output, Stdio};

fn runner(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command
        .args(args)
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .env_remove("COLUMNS")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    runner(args).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn alone_it_says_where_to_begin() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn help_of_apply() {
    let output = run(&["apply", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn help_of_plan_and_init() {
    for command in ["plan", "init"] {
        let output = run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(stdout(&output));
    }
}

#[test]
fn help_of_what_reaches_a_run_and_of_what_is_asked_of_a_ledger() {
    for command in [
        "status", "pause", "resume", "stop", "resolve", "trace", "export", "verify", "simulate",
    ] {
        let output = run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(format!("help_of_{command}"), stdout(&output));
    }
}

#[test]
fn every_command_shows_two_examples_of_itself() {
    for command in [
        "init",
        "plan",
        "simulate",
        "apply",
        "status",
        "pause",
        "resume",
        "stop",
        "validate",
        "resolve",
        "trace",
        "export",
        "report",
        "verify",
        "schema",
        "sandbox",
        "explain",
        "completions",
        "man",
    ] {
        let help = stdout(&run(&[command, "--help"]));
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        let shown = examples
            .lines()
            .filter(|line| line.starts_with(&format!("  runner {command}")))
            .count();
        assert!(shown >= 2, "{command} shows {shown}:\n{help}");
    }
}

#[test]
fn a_mistake_on_the_command_line_ends_with_2() {
    for args in [
        &["launch"][..],
        &["apply"],
        &["apply", "a.yaml", "--fresh"],
        &["apply", "a.yaml", "--accept", "everything"],
        &["apply", "a.yaml", "--at-most", "0"],
        &["apply", "a.yaml", "--show", "3"],
        &["apply", "a.yaml", "--expect", "yesterday"],
        &["plan"],
        &["plan", "absent.yaml", "--accept", "everything"],
        &["apply", "a.yaml", "--sandbox=https://open.douyin.com"],
        &["apply", "a.yaml", "--sandbox=http://10.0.0.1"],
        &["apply", "a.yaml", "b.yaml", "--expect", "9a93958536-aee48ea945-first"],
        &["apply", "a.yaml", "--output", "xml"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{args:?}");
        assert!(
            stderr(&output).starts_with("error[E02"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_failure_is_an_object_for_programs() {
    let output = run(&[
        "apply",
        "a.yaml",
        "b.yaml",
        "--expect",
        "9a93958536-aee48ea945-first",
        "--output",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "");
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_bad_log_filter_is_named() {
    let output = runner(&["apply", "a.yaml"])
        .env("RUNNER_LOG", "runner=loudly")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output));
}

/// The pipe's reader closes before the program starts.
#[test]
fn a_reader_that_left_is_no_panic() {
    for args in [
        &["--help"][..],
        &[],
        &["apply", "--help"],
        &["apply", "a.yaml", "b.yaml", "--output", "json"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = runner(args).stdout(writer).output().expect("the program starts");
        let expected = if args.len() == 5 { 2 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{args:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = runner(args)
            .stdout(Stdio::null())
            .stderr(writer)
            .status()
            .expect("the program starts");
        assert_eq!(status.code(), Some(expected), "{args:?}");
    }
}
