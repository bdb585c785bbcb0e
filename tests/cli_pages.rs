//! The completions and manual pages: shells and `man` can read them, and they contain every command.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use runner::cli::command;

fn run(args: &[&str]) -> Output {
    let mut runner = Command::new(env!("CARGO_BIN_EXE_runner"));
    runner
        .args(args)
        .env_remove("RUNNER_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs `program` on `input`. Returns `None`, with a printed line, if the program is not installed.
fn judged(program: &str, args: &[&str], input: &[u8]) -> Option<Output> {
    let started = Command::new(program)
        .args(args)
        .env("MANWIDTH", "80")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        println!("skipped: there is no {program} on this machine");
        return None;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    Some(child.wait_with_output().unwrap())
}

fn commands() -> Vec<String> {
    command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect()
}

#[test]
fn shells_can_read_their_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("RUNNER_COMPLETE"), "{shell}: {script}");
        if !["bash", "zsh", "fish"].contains(&shell) {
            continue;
        }
        if let Some(said) = judged(shell, &["-n", "/dev/stdin"], script.as_bytes()) {
            assert!(
                said.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&said.stderr)
            );
        }
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}

/// What the completion script of a shell gets for these words. The last one is completed.
fn candidates(shell: &str, directory: &Path, words: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .arg("--")
        .arg("runner")
        .args(words)
        .current_dir(directory)
        .env("RUNNER_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_IFS", "\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{shell} {words:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn commands_and_campaign_files_are_completed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write(
        "summer.yaml",
        "version: 1\ncampaign: summer-2026\ntitle: 夏日立减券\napp_id: tt1\nactivity_id: \"1\"\n\
         audience: {source: {csv: {path: a.csv, open_id: open_id}}}\n",
    );
    write("broken.yml", "campaign:");
    write("audience.csv", "");
    fs::create_dir(directory.path().join("more")).unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let all = candidates(shell, directory.path(), &[""]).join("\n");
        for command in commands() {
            assert!(all.contains(&command), "{shell} does not complete {command}: {all}");
        }
        for command in ["apply", "pause", "trace", "resolve"] {
            let files = candidates(shell, directory.path(), &[command, ""]).join("\n");
            let has = |name: &str| files.contains(name);
            assert!(
                has("summer.yaml") && has("broken.yml") && has("more"),
                "{shell}: {files}"
            );
            assert!(!has("audience.csv"), "{shell}: {files}");
        }
    }
    let files = candidates("zsh", directory.path(), &["apply", "s"]).join("\n");
    assert!(files.contains("summer-2026 (夏日立减券)"), "{files}");
}

#[test]
fn man_can_read_its_pages() {
    let output = run(&["man"]);
    assert_eq!(output.status.code(), Some(0));
    let Some(said) = judged("groff", &["-man", "-Tutf8", "-ww", "-z"], &output.stdout) else {
        return;
    };
    assert!(said.status.success());
    assert_eq!(String::from_utf8_lossy(&said.stderr), "");
}

#[test]
fn each_command_has_a_page_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("man1");
    let output = run(&["man", "-o", into.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let mut there: Vec<_> = fs::read_dir(&into)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut wanted: Vec<_> = commands().iter().map(|command| format!("runner-{command}.1")).collect();
    wanted.push("runner.1".to_owned());
    wanted.sort();
    assert_eq!(there, wanted);
    assert!(
        fs::read_to_string(into.join("runner-apply.1"))
            .unwrap()
            .contains("rehearse")
    );

    let blocked = dir.path().join("file");
    fs::write(&blocked, "").unwrap();
    let output = run(&["man", "-o", blocked.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error[E0212]: "));
}
