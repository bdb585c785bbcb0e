//! The main screen of each command at three widths in both languages: no word is torn, and wide characters count twice.

use std::fmt::Write as _;
use std::process::Command;

use unicode_width::UnicodeWidthStr as _;

use crate::fixture::{Fixture, RUNNER};
use crate::process::Ran;

const WIDTHS: [usize; 3] = [60, 80, 120];

/// What `command` shows at each width in each language, by `run`.
fn shown(run: impl Fn(&[(&str, &str)]) -> String) -> String {
    let mut text = String::new();
    for language in ["en", "zh"] {
        let screens = WIDTHS.map(|width| run(&[("COLUMNS", &width.to_string()), ("RUNNER_LANG", language)]));
        for (width, screen) in WIDTHS.iter().zip(&screens) {
            for line in screen.lines() {
                // A command to copy, a path and a checksum stay whole.
                let is_whole = line.starts_with("  ") || !line.trim().contains(' ');
                assert!(line.width() <= *width || is_whole, "{width}: {line}");
            }
            let _ = writeln!(text, "-- {language}, {width} columns\n{screen}");
        }
        for screen in &screens[1..] {
            if language == "en" {
                // Chinese text breaks between characters.
                let words = |text: &str| {
                    let words = text.split_whitespace().filter(|word| word.is_ascii());
                    words.map(str::to_owned).collect::<Vec<_>>()
                };
                assert_eq!(words(&screens[0]), words(screen), "a word is torn");
            } else {
                let letters = |text: &str| text.split_whitespace().collect::<String>();
                assert_eq!(letters(&screens[0]), letters(screen));
            }
        }
    }
    text
}

/// What a command about the campaign of the fixture shows.
fn of_fixture(verb: &str, args: &[&str]) -> String {
    let fixture = Fixture::new();
    shown(|variables| {
        let output = fixture
            .command(verb, args)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let ran = Ran::new(output);
        let told = ran.told(&fixture);
        told.replace("---\n", "")
    })
}

#[test]
fn history() {
    insta::assert_snapshot!(of_fixture("history", &[]));
}

#[test]
fn trace() {
    insta::assert_snapshot!(of_fixture("trace", &["doubt-refused"]));
}

#[test]
fn verify() {
    insta::assert_snapshot!(of_fixture("verify", &[]));
}

#[test]
fn resolve() {
    let nothing = [
        "--refused",
        "--code",
        "7",
        "--as",
        "owed",
        "--note",
        "the activity was extended",
    ];
    let without_note = ["held-1", "--as", "issued", "--note", " "];
    let of_another_state = ["owed-1", "--as", "issued", "--note", "ticket 812"];
    insta::assert_snapshot!("widths_resolve", of_fixture("resolve", &nothing));
    insta::assert_snapshot!("widths_resolve_mistake", of_fixture("resolve", &without_note));
    insta::assert_snapshot!("widths_resolve_refused", of_fixture("resolve", &of_another_state));
}

#[test]
fn resolved() {
    let screen = shown(|variables| {
        let fixture = Fixture::new();
        let decision = [
            "--held",
            "--as",
            "owed",
            "--note",
            "the activity was extended",
            "--may-double",
            "--yes",
        ];
        let output = fixture
            .command("resolve", &decision)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran::new(output).ends(0).told(&fixture).replace("---\n", "")
    });
    insta::assert_snapshot!(screen);
}

#[test]
fn approve() {
    insta::assert_snapshot!(of_fixture("approve", &[]));
}

#[test]
fn pause_resume_and_stop_without_a_run() {
    let screens = ["pause", "resume", "stop"].map(|verb| of_fixture(verb, &[]));
    insta::assert_snapshot!(screens.join("\n"));
}

/// What a command that needs no campaign shows in an empty directory.
fn alone(args: &[&str]) -> String {
    shown(|variables| {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new(RUNNER)
            .args(args)
            .current_dir(dir.path())
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .env_remove("RUNNER_STATE_DIR")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let ran = Ran::new(output);
        ran.out + &ran.err
    })
}

#[test]
fn init() {
    insta::assert_snapshot!(alone(&["init", "first"]));
}

#[test]
fn explain() {
    let screens = [&["explain", "E0321"][..], &["explain", "28001045"]].map(alone);
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn validate() {
    let fixture = Fixture::new();
    fixture.file("pace: {per_second: fast}\nretries: 3");
    let mistakes = shown(|variables| {
        let output = Command::new(RUNNER)
            .args(["validate", "summer.yaml"])
            .current_dir(fixture.dir.path())
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        Ran::new(output).ends(2).err
    });
    insta::assert_snapshot!("widths_validate", mistakes);
    insta::assert_snapshot!(
        "widths_validate_missing",
        alone(&["validate", "no-such-directory/campaign.yaml"])
    );
}

#[test]
fn sandbox() {
    insta::assert_snapshot!(alone(&["sandbox", "--busy", "60%", "--drop", "60%"]));
}
