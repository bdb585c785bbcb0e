//! The command line from a shell: help, mistakes, and readers that close early.

use std::fmt::Write as _;
use std::process::{Command, Output, Stdio};

use unicode_width::UnicodeWidthStr as _;

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
        "status", "pause", "resume", "stop", "resolve", "trace", "export", "verify", "doctor", "notify", "simulate",
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
        "doctor",
        "notify",
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
fn the_command_help_shows_the_help_of_a_command() {
    let same = |one: &[&str], other: &[&str]| {
        let one = run(one);
        assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
        assert_eq!(stdout(&one), stdout(&run(other)));
    };
    same(&["help"], &[]);
    same(&["help", "resolve"], &["resolve", "--help"]);
    same(
        &["help", "resolve", "--lang", "zh"],
        &["resolve", "--help", "--lang", "zh"],
    );
    assert_eq!(run(&["help", "launch"]).status.code(), Some(2));
}

#[test]
fn a_mistake_on_the_command_line_is_named_in_chinese() {
    let mut said = String::new();
    for args in [
        &["lunch"][..],
        &["appyl"],
        &["apply"],
        &["apply", "a.yaml", "--fresh"],
        &["apply", "a.yaml", "--accept", "everything"],
        &["apply", "a.yaml", "--at-most", "0"],
        &["apply", "a.yaml", "--at-most"],
        &["apply", "a.yaml", "--at-most", "1", "--at-most", "2"],
        &["apply", "a.yaml", "--metrics", "nowhere"],
        &["apply", "a.yaml", "--sandbox=https://open.douyin.com"],
        &["apply", "a.yaml", "--at-mots", "3"],
        &["apply", "a.yaml", "--output", "xml"],
        &["trace", "a.yaml", "u", "v"],
        &["trace", "a.yaml", "-0oPJXaTPn63rNu", "-x"],
        &[
            "resolve",
            "a.yaml",
            "--held",
            "--refused",
            "--as",
            "owed",
            "--note",
            "x",
        ],
        &["resolve", "a.yaml", "--held", "--as", "owed", "--note", ""],
        &["sandbox", "--busy", "101%"],
        &["stop"],
        &["stop", "--all", "a.yaml"],
    ] {
        let output = runner(args).env("RUNNER_LANG", "zh").output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        writeln!(said, "$ runner {}\n{}", args.join(" "), stderr(&output)).expect("text");
    }
    for english in ["Usage:", "tip:", "For more information", "error"] {
        assert!(!said.contains(english), "{english} is not translated:\n{said}");
    }
    insta::assert_snapshot!(said);
}

/// Chinese has no spaces, and clap wraps at spaces only.
#[test]
fn help_in_chinese_fits_the_terminal() {
    for columns in [60, 80, 120] {
        let help = |args: &[&str]| {
            let mut command = runner(args);
            command.args(["--lang", "zh"]).env("COLUMNS", columns.to_string());
            stdout(&command.output().expect("it starts"))
        };
        insta::assert_snapshot!(
            format!("help_in_chinese_at_{columns}"),
            help(&["--help"]) + "\n" + &help(&["resolve", "--help"])
        );
        let mut commands = vec![String::new()];
        commands.extend(
            runner::cli::command()
                .get_subcommands()
                .map(|command| command.get_name().to_owned()),
        );
        for command in commands {
            let shown = if command.is_empty() {
                help(&["--help"])
            } else {
                help(&[&command, "--help"])
            };
            // clap does not wrap the usage.
            for line in shown.lines().filter(|line| !line.starts_with("用法")) {
                let text = line.trim_start();
                let is_command = text.starts_with("runner ") || text.contains("：runner ") || !text.contains(' ');
                assert!(
                    line.width() <= columns.min(100) || is_command || text.is_ascii(),
                    "{columns} columns: {line}"
                );
            }
        }
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
