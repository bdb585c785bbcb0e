//! `runner resolve`: a person's decision, all or nothing.

use runner::ledger::Fact;
use std::fmt::Write as _;

use crate::fixture::{Fixture, intent, issued, key};

const NOTE: [&str; 2] = ["--note", "asked the platform, ticket 812"];

fn resolve(fixture: &Fixture, args: &[&str]) -> crate::fixture::Ran {
    let all: Vec<_> = args.iter().copied().chain(NOTE).collect();
    fixture.run("resolve", &all)
}

fn decisions(fixture: &Fixture) -> usize {
    let facts = fixture.facts();
    facts.iter().filter(|fact| matches!(fact, Fact::Decided { .. })).count()
}

#[test]
fn a_decision_is_shown_stored_and_visible_later() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for args in [
        &["--held", "--as", "owed"][..],
        &["doubt-lost", "--as", "refused"],
        &["doubt-refused", "--as", "issued"],
        &["--refused", "--code", "28001045", "--as", "owed"],
        &["--in-doubt", "--as", "issued"],
    ] {
        let ran = resolve(&fixture, args).ends(0);
        write!(told, "$ {args:?}\n{}\n", ran.told(&fixture)).unwrap();
    }
    insta::assert_snapshot!("resolve", told);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let filter = |text: String| text.replace(&format!("li@{host}"), "li@HOST");
    let reasons = fixture.run("export", &["--format", "jsonl"]).ends(0).objects();
    let reasons = reasons
        .iter()
        .filter_map(|row| Some(format!("{} {} {}", row["open_id"], row["state"], row.get("reason")?)));
    insta::assert_snapshot!("resolve_reasons", filter(reasons.collect::<Vec<_>>().join("\n")));
}

#[test]
fn a_decision_is_shown_in_chinese() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for (args, code) in [
        (&["held-1", "nobody", "held-9", "--as", "owed"][..], 2),
        (&["held-1", "left-2026", "--as", "owed"], 2),
        (&["held-1", "owed-1", "--as", "refused"], 2),
        (&["--in-doubt", "--as", "owed"], 4),
        (&["held-1", "--code", "5", "--as", "owed"], 2),
        (&["held-1", "--ordinal", "3", "--as", "owed"], 2),
        (&["--held", "--as", "owed"], 0),
        (&["doubt-refused", "--as", "issued"], 0),
        (&["--held", "--as", "issued"], 0),
    ] {
        let ran = resolve(&fixture, &[args, &["--lang", "zh"]].concat()).ends(code);
        write!(told, "$ {args:?}\n{}\n", ran.told(&fixture)).unwrap();
    }
    insta::assert_snapshot!("resolve_in_chinese", told);
}

#[test]
fn json_output_has_each_decision() {
    let fixture = Fixture::new();
    let ran = resolve(&fixture, &["--held", "--as", "refused", "--output", "json"]).ends(0);
    insta::assert_snapshot!("resolve_json", ran.out);
}

#[test]
fn one_that_cannot_be_resolved_leaves_all_as_they_were() {
    let fixture = Fixture::new();
    fixture.append(vec![intent(key(8, 1), 200_000)]);
    let before = decisions(&fixture);
    let mut told = String::new();
    for (args, code) in [
        (&["held-1", "nobody", "held-9", "--as", "owed"][..], 2),
        (
            &[
                "held-1",
                "ba253642-0590-40bc-a1b2-93c4d5e6f708",
                "--ordinal",
                "1",
                "--as",
                "owed",
            ],
            2,
        ),
        (&["held-1", "owed-1", "--as", "refused"], 2),
        (&["held-1", "left-2026", "--as", "owed"], 2),
        (&["--in-doubt", "--as", "owed"], 4),
        (&["Cv4PoJXaTPn63rNu", "--as", "refused"], 2),
        (&["held-1", "--code", "5", "--as", "owed"], 2),
        (&["held-1", "--ordinal", "3", "--as", "owed"], 2),
        (&["held-1", "--ordinal", "2", "--as", "issued"], 2),
    ] {
        let ran = resolve(&fixture, args).ends(code);
        write!(told, "$ {args:?}\n{}\n", ran.told(&fixture)).unwrap();
    }
    assert_eq!(decisions(&fixture), before);
    insta::assert_snapshot!("resolve_refused", told);
}

/// Two decisions must not avoid the confirmation that one decision needs.
#[test]
fn a_doubt_is_sent_again_only_by_who_accepts_a_second_coupon() {
    let fixture = Fixture::new();
    resolve(&fixture, &["doubt-lost", "--as", "refused"]).ends(0);
    let ran = resolve(&fixture, &["doubt-lost", "--as", "owed"]).ends(4);
    assert!(ran.err.contains("--may-double"), "{}", ran.err);
    resolve(&fixture, &["doubt-lost", "--as", "owed", "--may-double"]).ends(0);
    let told = fixture.run("trace", &["doubt-lost"]).ends(0).out;
    assert!(told.contains("resolved as owed (--may-double)"), "{told}");
}

#[test]
fn nothing_that_fits_is_nothing_to_do() {
    let fixture = Fixture::new();
    let before = decisions(&fixture);
    let ran = resolve(&fixture, &["--held", "--code", "5", "--as", "owed"]).ends(0);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
    assert_eq!(decisions(&fixture), before);
}

#[test]
fn what_is_not_said_right_changes_nothing() {
    let fixture = Fixture::new();
    let before = decisions(&fixture);
    for args in [
        &["held-1", "--as", "owed", "--note", "  "][..],
        &["held-1", "--as", "owed"],
        &["--as", "owed", "--note", "x"],
        &["--held", "--refused", "--as", "owed", "--note", "x"],
        &["held-1", "--held", "--as", "owed", "--note", "x"],
        &["--held", "--ordinal", "1", "--as", "owed", "--note", "x"],
        &["held-1", "--as", "pending", "--note", "x"],
        &["held-1", "--ordinal", "0", "--as", "owed", "--note", "x"],
    ] {
        let ran = fixture.run("resolve", args).ends(2);
        assert!(ran.err.starts_with("error[E0201]: "), "{}", ran.err);
    }
    assert_eq!(decisions(&fixture), before);
    let long = "券".repeat(1001);
    fixture
        .run("resolve", &["held-1", "--as", "owed", "--note", &long])
        .ends(2);
}

/// The next apply sends what was reopened, and then the same user's next coupon.
#[test]
fn the_next_apply_sends_what_is_owed_again() {
    let fixture = Fixture::new();
    let more = vec![intent(key(0, 2), 200_000), issued(key(0, 2), 200_100, "券")];
    fixture.append(more);
    resolve(&fixture, &["--held", "--as", "owed"]).ends(0);
    fixture.run("apply", &[]).ends(4);
    let rows = fixture.run("export", &["--format", "jsonl"]).ends(0).objects();
    let states: Vec<_> = rows
        .iter()
        .filter(|row| row["open_id"] == "held-1")
        .map(|row| row["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["issued", "issued"]);
}
