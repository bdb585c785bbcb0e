//! Texts that programs leave in the place of an open_id are unusable in every format and are never sent to.

use std::process::{Command, Stdio};

use parquet::basic::Compression;
use runner::model::event::UnusableKind;

use super::formats::{parquet, sqlite};
use super::written::{self, Person};
use super::{all, csv, jsonl};

/// Each text with its kind. The first and the last are valid ids.
const ROWS: [(&str, Option<UnusableKind>); 22] = [
    ("user0001AbCd", None),
    ("NULL", Some(UnusableKind::NoValue)),
    ("\\N", Some(UnusableKind::NoValue)),
    ("None", Some(UnusableKind::NoValue)),
    ("NaN", Some(UnusableKind::NoValue)),
    ("undefined", Some(UnusableKind::NoValue)),
    ("#N/A", Some(UnusableKind::SpreadsheetError)),
    ("=\"user0002AbCd\"", Some(UnusableKind::Formula)),
    ("'user0003AbCd", Some(UnusableKind::Apostrophe)),
    ("7.21807E+18", Some(UnusableKind::Exponent)),
    ("7218071234565644204.0", Some(UnusableKind::Fraction)),
    ("ｕｓｅｒ０００４", Some(UnusableKind::FullWidth)),
    ("open_id", Some(UnusableKind::Header)),
    ("TRUE", Some(UnusableKind::Boolean)),
    ("2026/11/27", Some(UnusableKind::Date)),
    ("27-Nov", Some(UnusableKind::Date)),
    ("7,218,071,234,565,644,204", Some(UnusableKind::Grouped)),
    ("“user0005AbCd”", Some(UnusableKind::Quoted)),
    ("Cv4P****3rNu", Some(UnusableKind::Masked)),
    ("合计", Some(UnusableKind::Total)),
    ("-", Some(UnusableKind::NoValue)),
    ("7218071234565644204", None),
];

#[test]
fn every_format_counts_them_by_kind() {
    let people = ROWS.map(|(open_id, _)| Person {
        open_id: open_id.to_owned(),
        seen: None,
    });
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("a.csv"), written::csv(&people, b',')).unwrap();
    std::fs::write(at("a.jsonl"), written::jsonl(&people)).unwrap();
    written::parquet(&people, &at("a.parquet"), Compression::SNAPPY, 5);
    written::sqlite(&people, &at("a.db"));
    let expected: Vec<_> = ROWS
        .iter()
        .map(|(open_id, kind)| kind.map_or_else(|| Ok((*open_id).to_owned()), Err))
        .collect();
    for source in [
        csv(&at("a.csv")),
        jsonl(&at("a.jsonl")),
        parquet(&at("a.parquet")),
        sqlite(&at("a.db")),
    ] {
        let (rows, _) = all(&source).unwrap();
        let found: Vec<_> = rows.into_iter().map(|(_, open_id, _)| open_id).collect();
        assert_eq!(found, expected, "{source:?}");
    }
}

/// The output of the program for a campaign with this audience.
fn run(command: &str, audience: &str, settings: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), audience).unwrap();
    let file = format!(
        "version: 1\ncampaign: artefacts\napp_id: tt1\nactivity_id: \"7218071234565644204\"\naudience:\n{settings}  source: \
         {{csv: {{path: a.csv, open_id: open_id}}}}\n"
    );
    std::fs::write(folder.path().join("c.yaml"), file).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args([command, "c.yaml", "--sandbox"])
        .current_dir(folder.path())
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&done.stdout);
    let err = String::from_utf8_lossy(&done.stderr);
    let lines = out
        .lines()
        .filter(|line| line.contains("users") || line.contains("row"));
    let out: String = lines.fold(String::new(), |text, line| text + line + "\n");
    let err: String = err
        .lines()
        .filter(|line| line.contains("error") || line.contains("cause") || line.contains("help"))
        .fold(String::new(), |text, line| text + line + "\n");
    format!("exit {}\n{out}{err}", done.status.code().unwrap_or(-1))
}

#[test]
fn a_file_that_a_spreadsheet_spoilt_is_not_sent() {
    let mut audience = String::from("open_id,name\n");
    for (open_id, _) in ROWS {
        audience.push_str(&format!("\"{}\",x\n", open_id.replace('"', "\"\"")));
    }
    insta::assert_snapshot!(run("plan", &audience, ""));
    insta::assert_snapshot!(run("apply", &audience, ""));
    // Even if `max_unusable` allows such rows, they are never sent to.
    insta::assert_snapshot!(run("plan", &audience, "  max_unusable: 95%\n"));
}
