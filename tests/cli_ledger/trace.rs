//! `runner trace`: everything that is known about one user, and what happens next.

use crate::fixture::{Fixture, USERS};
use std::fmt::Write as _;

#[test]
fn each_users_history_is_shown() {
    let fixture = Fixture::new();
    for (name, language) in [("trace", "en"), ("trace_in_chinese", "zh")] {
        let stories: Vec<_> = USERS
            .iter()
            .map(|user| fixture.run("trace", &[user, "--lang", language]).ends(0).out)
            .collect();
        insta::assert_snapshot!(name, stories.join("\n====\n\n"));
    }
}

#[test]
fn json_output_has_the_same_history() {
    let fixture = Fixture::new();
    let told: Vec<_> = ["doubt-refused", "held-2", "left-2026"]
        .iter()
        .map(|user| fixture.run("trace", &[user, "--output", "json"]).ends(0).out)
        .collect();
    insta::assert_snapshot!("trace_json", told.join("\n"));
}

/// What comes next depends on the present campaign file.
#[test]
fn what_comes_next_goes_by_the_file() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for more in [
        "retry: {in_doubt: ask}",
        "retry: {resend_within: 8760h}",
        "schedule: {end: 2026-06-02T00:00}",
        "codes: {990000001: refuse}",
    ] {
        fixture.file(more);
        for user in ["doubt-lost", "doubt-refused", "held-1", "owed-1"] {
            for (language, label) in [("en", "  next:"), ("zh", "  后续：")] {
                let out = fixture.run("trace", &[user, "--lang", language]).ends(0).out;
                let next = out.lines().find(|line| line.starts_with(label)).unwrap().to_owned();
                writeln!(told, "{more:<36} {user:<14} {next}").unwrap();
            }
        }
    }
    insta::assert_snapshot!("trace_next", told);
}

#[test]
fn a_user_who_is_not_there_is_named_with_who_may_be_meant() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for user in [
        "cv4pojxatpn63rnu",
        "ba253642-0590-40bc-a1b2-93c4d5e6f780",
        "held-9",
        "nobody",
        "\u{1b}[31mred",
    ] {
        told.push_str(&fixture.run("trace", &[user]).ends(2).told(&fixture));
    }
    insta::assert_snapshot!("trace_unknown", told);
}

#[test]
fn a_ledger_of_a_newer_program_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    let manifest = fixture.place().dir().join("ledger.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 2");
    assert_ne!(text, newer);
    std::fs::write(&manifest, newer).unwrap();
    for (verb, args) in [
        ("trace", &["held-1"][..]),
        ("export", &[]),
        ("verify", &[]),
        ("resolve", &["--held", "--as", "owed", "--note", "x"]),
    ] {
        let ran = fixture.run(verb, args).ends(1);
        assert!(
            ran.err.contains("has format 2") && ran.err.contains("newer program"),
            "{verb}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{verb}");
    }
}

/// The ids of a platform that encodes them in base64 begin with a dash now and then.
#[test]
fn an_open_id_that_begins_with_a_dash_is_no_option() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for typed in [
        &["-000AbCdEf11"][..],
        &["-hAbCdEf-_12", "--state-dir", ".runner"],
        &["--00AbCdEf11"],
        &["--", "-000AbCdEf11"],
        &["-0ab"],
        &["-sandbox"],
        &["--sandbo"],
    ] {
        told.push_str(&fixture.run("trace", typed).ends(2).told(&fixture));
    }
    let decision = ["--as", "refused", "--note", "-"];
    let users = ["-000AbCdEf11", "held-1"];
    told.push_str(
        &fixture
            .run("resolve", &[&users[..], &decision].concat())
            .ends(2)
            .told(&fixture),
    );
    insta::assert_snapshot!("trace_dashed", told);
}
