//! The screens in the README of each language are what the program prints.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run;

const READMES: [(&str, &str); 2] = [("README.md", "en"), ("README.zh-CN.md", "zh")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The screens of a document, in their order.
fn screens(name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(name)).unwrap();
    let blocks = text.split("\n```text\n").skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

/// A screen of an apply without what differs between two runs: ids of requests, times and rates.
fn without_measurements(screen: &str) -> String {
    let mut shown = String::new();
    for line in screen.trim().lines() {
        let label = line.split_whitespace().next().unwrap_or_default();
        if ["took", "attempts", "用时", "尝试"].contains(&label) {
            shown.extend(line.chars().filter(|c| !c.is_ascii_digit() && *c != '.'));
        } else {
            let is_request = |word: &str| word.len() >= 30 && word.chars().all(|c| c.is_ascii_hexdigit());
            let words = line.split(' ').map(|word| if is_request(word) { "ID" } else { word });
            shown.push_str(&words.collect::<Vec<_>>().join(" "));
        }
        shown.push('\n');
    }
    shown
}

/// The campaigns and the examples, in a directory of their own.
fn copied() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-R")
        .args(["campaigns", "examples"].map(|name| root().join(name)))
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(copied.success());
    // A developer's own rehearsals are beside the originals.
    for name in ["campaigns", "examples", "examples/agency"] {
        let _ = fs::remove_dir_all(dir.path().join(name).join(".runner"));
    }
    dir
}

/// Applies campaigns to the sandbox in both languages at once, and returns the screens.
fn rehearse(campaigns: &str) -> [String; 2] {
    let started = READMES.map(|(_, language)| {
        let dir = copied();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        for name in ["RUNNER_LOG", "RUNNER_STATE_DIR", "COLUMNS"] {
            command.env_remove(name);
        }
        let child = command
            .args(["apply", campaigns, "--sandbox"])
            .current_dir(dir.path())
            .env("RUNNER_LANG", language)
            .env("XDG_STATE_HOME", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (dir, child)
    });
    started.map(|(_dir, child)| {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{campaigns}");
        String::from_utf8(output.stdout).unwrap()
    })
}

#[test]
fn the_readme_shows_a_rehearsal_as_it_is_printed() {
    let printed = rehearse("campaigns/summer.yaml");
    for ((name, _), printed) in READMES.iter().zip(printed) {
        let shown = &screens(name)[0];
        assert_eq!(without_measurements(shown), without_measurements(&printed), "{name}");
    }
}

#[test]
fn the_readme_shows_several_campaigns_as_they_are_printed() {
    let printed = rehearse("examples/agency");
    for ((name, _), printed) in READMES.iter().zip(printed) {
        assert_eq!(screens(name)[2], printed.trim(), "{name}");
    }
}

#[test]
fn the_readme_shows_a_simulation_as_it_is_printed() {
    for (name, language) in READMES {
        let screens = screens(name);
        let (command, shown) = screens[1].split_once("+2h\n").unwrap();
        let command = format!("{command}+2h").replace("\\\n", " ");
        let nowhere = tempfile::tempdir().unwrap();
        let mut arguments: Vec<_> = command.strip_prefix("$ runner ").unwrap().split_whitespace().collect();
        arguments.extend(["--state-dir", nowhere.path().to_str().unwrap()]);
        let output = run(&arguments, &[("RUNNER_LANG", language)]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), shown, "{name}");
    }
}

/// A sandbox as a server, which ends with the test.
struct Sandbox(std::process::Child);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_readme_shows_a_comparison_with_the_platforms_records_as_it_is_printed() {
    for (name, language) in READMES {
        let screen = screens(name)
            .into_iter()
            .find(|screen| screen.starts_with("$ runner reconcile "))
            .unwrap();
        let (command, shown) = screen.split_once('\n').unwrap();
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_runner"));
        sandbox.args(["sandbox", "--port", "0", "--lose-answers", "2%"]);
        let mut sandbox = Sandbox(sandbox.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut listening = String::new();
        let output = sandbox.0.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut listening).unwrap();
        let url = listening.trim().strip_prefix("listening on ").unwrap();
        let dir = copied();
        let typed = |command: &str| {
            let command = command.replace("http://127.0.0.1:8080", url);
            let mut program = Command::new(env!("CARGO_BIN_EXE_runner"));
            for name in ["RUNNER_LOG", "RUNNER_STATE_DIR", "COLUMNS"] {
                program.env_remove(name);
            }
            program
                .args(command.split_whitespace())
                .current_dir(dir.path())
                .env("RUNNER_LANG", language)
                .env("XDG_STATE_HOME", dir.path())
                .stdin(Stdio::null())
                .output()
                .unwrap()
        };
        let command = command.strip_prefix("$ runner ").unwrap();
        let applied = typed(&command.replace("reconcile", "apply"));
        assert_eq!(applied.status.code(), Some(4), "{name}: {applied:?}");
        let compared = typed(command);
        assert_eq!(compared.status.code(), Some(0), "{name}: {compared:?}");
        let printed = String::from_utf8(compared.stdout).unwrap();
        assert_eq!(
            printed.trim_end().replace(url, "http://127.0.0.1:8080"),
            shown,
            "{name}"
        );
        let verified = typed(&format!(
            "{} --certificate c.json",
            command.replace("reconcile", "verify")
        ));
        assert_eq!(verified.status.code(), Some(0), "{name}: {verified:?}");
        let certificate = fs::read_to_string(dir.path().join("c.json")).unwrap();
        assert!(
            certificate.contains("\"found\":13") || certificate.contains("\"found\": 13"),
            "{name}: {certificate}"
        );
    }
}
