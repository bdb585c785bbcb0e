//! The program and its documents in both languages: the language is chosen as documented, and each document says the same in both.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "languages/documents.rs"]
mod documents;
#[path = "languages/examples.rs"]
mod examples;
#[path = "languages/texts.rs"]
mod texts;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Output, Stdio};

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    for name in [
        "RUNNER_LOG",
        "RUNNER_STATE_DIR",
        "RUNNER_LANG",
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command
        .args(args)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_option_then_the_variables_choose_the_language() {
    let chinese = |args: &[&str], variables: &[(&str, &str)]| {
        let mut args = args.to_vec();
        args.extend(["explain", "E0310"]);
        let output = run(&args, variables);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        stdout(&output).contains("处理办法")
    };
    assert!(!chinese(&[], &[]));
    assert!(chinese(&[], &[("LANG", "zh_CN.UTF-8")]));
    assert!(chinese(&[], &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")]));
    assert!(!chinese(&[], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]));
    assert!(chinese(&[], &[("LC_ALL", "C"), ("RUNNER_LANG", "zh")]));
    assert!(!chinese(&["--lang", "en"], &[("RUNNER_LANG", "zh")]));
    assert!(chinese(&["--lang=zh"], &[("RUNNER_LANG", "en")]));
    assert!(chinese(&["--lang", "zh-CN"], &[]));
    assert!(!chinese(&[], &[("LANG", "de_DE.UTF-8")]));
}

#[test]
fn an_unknown_language_is_refused() {
    let output = run(&["--lang", "fr", "explain"], &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_comments_of_a_first_campaign_are_in_the_language() {
    for (variable, comment) in [("en", "# A first campaign"), ("zh", "# 第一个发券任务")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        let output = run(&["init", path], &[("RUNNER_LANG", variable)]);
        assert_eq!(output.status.code(), Some(0), "{variable}");
        let file = fs::read_to_string(dir.path().join("first.yaml")).unwrap();
        assert!(file.starts_with(comment), "{file}");
    }
}

/// The schema is a file for programs, so the environment alone does not translate it.
#[test]
fn the_option_translates_the_schema() {
    let english = stdout(&run(&["schema"], &[("RUNNER_LANG", "zh")]));
    assert!(english.contains("The version of this format."), "{english}");
    let chinese = stdout(&run(&["schema", "--lang", "zh"], &[]));
    assert!(chinese.contains("任务文件格式的版本。"), "{chinese}");
}

#[test]
fn what_programs_read_is_never_translated() {
    for args in [
        &["explain", "28001045", "--output", "json"][..],
        &["explain", "E0310", "--output=json"],
        &["schema"],
    ] {
        let chinese = run(args, &[("RUNNER_LANG", "zh")]);
        assert_eq!(chinese.status.code(), Some(0), "{args:?}");
        assert_eq!(stdout(&chinese), stdout(&run(args, &[])), "{args:?}");
    }
}

#[test]
fn help_in_chinese() {
    let mut shown = stdout(&run(&["--help"], &[("RUNNER_LANG", "zh")]));
    let commands: Vec<String> = runner::cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for command in &commands {
        let _ = writeln!(shown, "\n$ runner {command} --help");
        let output = run(&[command, "--help"], &[("RUNNER_LANG", "zh")]);
        assert_eq!(output.status.code(), Some(0));
        shown.push_str(&stdout(&output));
    }
    for english in [
        "Usage:",
        "Options:",
        "Arguments:",
        "Commands:",
        "[default",
        "[env",
        "[possible",
        "Print help",
    ] {
        assert!(!shown.contains(english), "{english} is not translated");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn explain_in_chinese() {
    let shown = [
        &["explain"][..],
        &["explain", "E0716"],
        &["explain", "28001045"],
        &["explain", "0"],
    ]
    .map(|args| stdout(&run(args, &[("RUNNER_LANG", "zh")])));
    insta::assert_snapshot!(shown.join("\n--\n"));
}
