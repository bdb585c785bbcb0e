//! `runner export`: every delivery in every format, all or nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::process::{Command, Stdio};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use runner::model::bucketing::{Bucketing, CONTROL_GROUP};
use runner::report::text::columns;
use serde_json::Value;

use crate::fixture::{Fixture, RUNNER, Ran, USERS};

/// The fields of a delivery in their documented order.
const FIELDS: &str = "open_id,ordinal,merchant_coupon_id,state,code,message,log_id,coupon_id,merchant_meta_no,activity_id,\
                      attempts,unknown_attempts,first_attempt_at,settled_at,receive_time,valid_begin_time,valid_end_time,\
                      coupon_name,coupon_status,discount_amount,min_pay_amount,replay,reason";

#[test]
fn every_delivery_is_one_row_with_the_promised_fields() {
    let fixture = Fixture::new();
    let csv = fixture.run("export", &[]).ends(0);
    assert_eq!(csv.out.lines().next(), Some(FIELDS));
    assert_eq!(csv.out.lines().count(), 1 + 2 * USERS.len());
    insta::assert_snapshot!("export_csv", csv.out);
    insta::assert_snapshot!(
        "export_jsonl",
        fixture.run("export", &["--format", "jsonl"]).ends(0).out
    );
}

/// Programs read the same words whoever calls them.
#[test]
fn the_formats_for_programs_are_the_same_in_every_language() {
    let fixture = Fixture::new();
    for format in ["csv", "jsonl"] {
        let english = fixture.run("export", &["--format", format, "--lang", "en"]).ends(0).out;
        let chinese = fixture.run("export", &["--format", format, "--lang", "zh"]).ends(0).out;
        assert_eq!(english, chinese);
        assert!(english.contains("resolved as owed by li@ops"), "{english}");
    }
    let parquet = ["en", "zh"].map(|language| {
        let file = format!("{language}.parquet");
        fixture.run("export", &["-o", &file, "--lang", language]).ends(0);
        fs::read(fixture.dir.path().join(file)).unwrap()
    });
    assert_eq!(parquet[0], parquet[1]);
}

/// What an export to a file and a report say in each language. No width breaks a name.
#[test]
fn a_file_that_was_written_is_named_with_the_worth_of_the_coupons() {
    let fixture = Fixture::new();
    let said = |language: &str, width: &str| {
        let mut told = String::new();
        for (verb, args) in [
            ("export", &["-o", "summer-2026-all-deliveries-of-the-campaign.xlsx"][..]),
            ("export", &["-o", "held.csv", "--state", "held"]),
            ("report", &["-o", "summer-2026.html"]),
        ] {
            let mut command = fixture.command(verb, args);
            command.env("COLUMNS", width).env("RUNNER_LANG", language);
            let ran = Ran::new(command.output().unwrap()).ends(0);
            write!(told, "$ {verb} {args:?}, {language}\n{}", ran.told(&fixture)).unwrap();
        }
        told
    };
    let told = ["en", "zh"].map(|language| {
        let told = ["60", "80", "120"].map(|width| said(language, width));
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        for wide in &told[1..] {
            assert_eq!(letters(&told[0]), letters(wide));
        }
        assert!(told[0].contains("summer-2026-all-deliveries-of-the-campaign.xlsx"));
        told.into_iter().next().unwrap()
    });
    insta::assert_snapshot!("export_and_report_messages", told.join(""));
    let report = fixture
        .run("report", &["-o", "summer.html", "--output", "json"])
        .ends(0);
    insta::assert_snapshot!("report_json", report.told(&fixture));
}

#[test]
fn the_help_of_export_and_report_fits_every_width() {
    let mut told = String::new();
    for language in ["en", "zh"] {
        for width in [60, 80, 120] {
            for verb in ["export", "report"] {
                let mut command = Command::new(RUNNER);
                command.args([verb, "--help", "--lang", language]);
                command.env("COLUMNS", width.to_string()).env("NO_COLOR", "1");
                command.env_remove("RUNNER_STATE_DIR").env_remove("RUNNER_LANG");
                let ran = Ran::new(command.output().unwrap()).ends(0);
                for line in ran.out.lines() {
                    assert!(columns(line) <= width, "{width} columns: {line}");
                }
                write!(told, "$ {verb} --help, {width} columns, {language}\n{}\n", ran.out).unwrap();
            }
        }
    }
    insta::assert_snapshot!("help_of_export_and_report", told);
}

fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// The rows by open_id and ordinal.
fn jsonl_rows(text: &str) -> BTreeMap<(String, String), Value> {
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| ((text_of(&row["open_id"]), text_of(&row["ordinal"])), row))
        .collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn all_formats_say_the_same() {
    let fixture = Fixture::new();
    let objects = jsonl_rows(&fixture.run("export", &["--format", "jsonl"]).ends(0).out);
    for row in csv_rows(&fixture.run("export", &[]).ends(0).out) {
        let object = &objects[&(row["open_id"].clone(), row["ordinal"].clone())];
        for (name, cell) in &row {
            let cell = match name.as_str() {
                "message" | "coupon_name" | "reason" => cell.strip_prefix('\'').unwrap_or(cell),
                _ => cell,
            };
            assert_eq!(object.get(name).map(text_of).unwrap_or_default(), cell, "{name}");
        }
    }
    fixture.run("export", &["-o", "all.parquet"]).ends(0);
    let file = SerializedFileReader::new(File::open(fixture.dir.path().join("all.parquet")).unwrap()).unwrap();
    let mut rows = 0;
    for row in file.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let names: Vec<_> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(","), FIELDS);
        let field = |wanted: &str| row.get_column_iter().find(|(name, _)| *name == wanted).unwrap().1;
        let (Field::Str(open_id), Field::Long(ordinal)) = (field("open_id"), field("ordinal")) else {
            panic!("{row:?}");
        };
        let object = &objects[&(open_id.clone(), ordinal.to_string())];
        for (name, field) in row.get_column_iter() {
            let told = object.get(name);
            match field {
                Field::Null => assert_eq!(told, None, "{name}"),
                Field::Str(text) => assert_eq!(told.and_then(Value::as_str), Some(text.as_str()), "{name}"),
                Field::Long(number) => assert_eq!(told.and_then(Value::as_i64), Some(*number), "{name}"),
                Field::Bool(flag) => assert_eq!(told.and_then(Value::as_bool), Some(*flag), "{name}"),
                Field::TimestampMillis(ms) => {
                    let at: jiff::Timestamp = told.and_then(Value::as_str).unwrap().parse().unwrap();
                    assert_eq!(at.as_millisecond(), *ms, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        rows += 1;
    }
    assert_eq!(rows, objects.len());
}

/// A user who never receives a coupon is listed in every format, so that both groups can be compared afterwards.
#[test]
fn the_control_group_is_listed_with_its_reason_in_every_format() {
    let fixture = Fixture::without_ledger();
    let users: Vec<_> = (0..200).map(|n| format!("user-{n:03}")).collect();
    fs::write(
        fixture.dir.path().join("audience.csv"),
        "open_id\n".to_owned() + &users.join("\n"),
    )
    .unwrap();
    let path = fixture.file("");
    let file = fs::read_to_string(&path).unwrap();
    let group = file.replace("open_id: open_id}}}", "open_id: open_id}}, control_group: 20%}");
    fs::write(&path, group).unwrap();
    fixture.run("apply", &["--at-most", "1"]).ends(3);

    let identity = Fixture::identity();
    let draw = Bucketing::new(CONTROL_GROUP, &identity.campaign, &identity.app_id);
    let (group, others): (Vec<_>, Vec<_>) = users.into_iter().partition(|user| draw.within(0.2, user));
    assert!(!group.is_empty() && !others.is_empty());
    let mut expected: Vec<_> = group
        .iter()
        .flat_map(|user| ["1", "2"].map(|ordinal| [user, ordinal, "skipped", "control_group", "0"].map(str::to_owned)))
        .collect();
    expected.sort();

    fixture.run("export", &["-o", "all.parquet"]).ends(0);
    let objects = jsonl_rows(&fixture.run("export", &["--format", "jsonl"]).ends(0).out);
    for (format, rows) in [
        ("csv", csv_rows(&fixture.run("export", &[]).ends(0).out)),
        (
            "jsonl",
            objects
                .into_values()
                .map(|row| {
                    cells(
                        row.as_object()
                            .unwrap()
                            .iter()
                            .map(|(name, value)| (name, text_of(value))),
                    )
                })
                .collect(),
        ),
        ("parquet", parquet_rows(&fixture)),
    ] {
        assert_eq!(rows.len(), 2 * (group.len() + others.len()), "{format}");
        let named = |row: &BTreeMap<String, String>| FIELD_OF_GROUP.map(|name| row[name].clone());
        let mut listed: Vec<_> = rows
            .iter()
            .filter(|row| row.get("reason").is_some_and(|why| !why.is_empty()))
            .map(named)
            .collect();
        listed.sort();
        assert_eq!(listed, expected, "{format}");
    }
}

/// The fields of a user who never receives a coupon.
const FIELD_OF_GROUP: [&str; 5] = ["open_id", "ordinal", "state", "reason", "attempts"];

fn cells<'n>(row: impl Iterator<Item = (&'n String, String)>) -> BTreeMap<String, String> {
    row.map(|(name, value)| (name.clone(), value)).collect()
}

fn parquet_rows(fixture: &Fixture) -> Vec<BTreeMap<String, String>> {
    let file = SerializedFileReader::new(File::open(fixture.dir.path().join("all.parquet")).unwrap()).unwrap();
    let text = |field: &Field| match field {
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = file.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row| {
        let told = row.get_column_iter().filter(|(_, field)| **field != Field::Null);
        cells(told.map(|(name, field)| (name, text(field))))
    })
    .collect()
}

#[test]
fn only_the_states_that_were_asked_for() {
    let fixture = Fixture::new();
    let some = fixture.run("export", &["--state", "held,in_doubt"]).ends(0);
    let mut states: Vec<_> = csv_rows(&some.out)
        .into_iter()
        .map(|row| row["state"].clone())
        .collect();
    states.sort();
    assert_eq!(states, ["held", "in_doubt", "in_doubt"]);
}

/// An id that a spreadsheet would execute stays unchanged: a prefix would make it the id of nobody.
#[test]
fn no_text_runs_in_a_spreadsheet_no_id_is_changed_and_excel_reads_chinese() {
    let fixture = Fixture::new();
    let csv = fixture.run("export", &["--for-excel"]).ends(0).out;
    assert_eq!(
        fixture.run("export", &["--bom"]).ends(0).out,
        csv,
        "the option's earlier name"
    );
    assert!(csv.starts_with("\u{feff}open_id,"));
    let rows = csv_rows(&csv);
    for row in &rows {
        let texts = ["message", "coupon_name", "reason"].map(|name| &row[name]);
        assert!(
            texts.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
            "{row:?}"
        );
        assert!(USERS.contains(&row["open_id"].as_str()), "{row:?}");
    }
    assert!(csv.contains("'=HYPERLINK"), "{csv}");
}

/// The program's own stream of objects begins with its version. An exported file contains only rows.
#[test]
fn a_stream_of_objects_begins_with_its_version() {
    let fixture = Fixture::new();
    let objects = fixture
        .run("export", &["--output", "json", "--state", "issued"])
        .ends(0)
        .objects();
    let types: Vec<_> = objects.iter().map(|object| text_of(&object["type"])).collect();
    assert_eq!(types, ["version", "delivery", "delivery"]);
}

#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let fixture = Fixture::new();
    fixture.many(3_000);
    for (format, out) in [("csv", "out.csv"), ("jsonl", "out"), ("xlsx", "out.xlsx")] {
        let path = fixture.dir.path().join(out);
        fs::write(&path, "before").unwrap();
        let args = ["--format", format, "-o", out];
        let ran = fixture.run_under_limit(fixture.largest_file(), "export", &args).ends(1);
        let told = &ran.err;
        let cannot = format!("cannot write {out}");
        assert!(told.contains(&cannot) && told.contains("help"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        let names = fs::read_dir(fixture.dir.path()).unwrap();
        let names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(!names.iter().any(|name| name.contains(".part")), "{names:?}");
    }
    fixture.run("export", &["-o", "out.csv"]).ends(0);
    let path = fixture.dir.path().join("out.csv");
    assert!(fs::read_to_string(&path).unwrap().starts_with(FIELDS));
}

/// A device or a pipe is written to and never replaced.
#[test]
fn a_device_that_takes_nothing_more_is_a_failure_in_every_format() {
    let fixture = Fixture::new();
    for format in ["csv", "jsonl", "parquet", "xlsx"] {
        let ran = fixture.run("export", &["--format", format, "-o", "/dev/full"]).ends(1);
        assert!(ran.err.contains("cannot write /dev/full"), "{}", ran.err);
    }
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let fixture = Fixture::new();
    for args in [
        &["--format", "csv"][..],
        &["--format", "jsonl"],
        &["--format", "parquet"],
        &["--format", "xlsx"],
        &["--output", "json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = fixture
            .command("export", args)
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
        let failed = told.lines().any(|line| line.starts_with("error"));
        assert!(!told.contains("panicked") && !failed, "{args:?}: {told}");
    }
}

#[test]
fn what_cannot_be_exported_is_said_before_anything_is_written() {
    let fixture = Fixture::new();
    let mut told = String::new();
    for args in [
        &["-o", "missing/out.csv"][..],
        &["-o", "."],
        &["--output", "json", "--format", "csv"],
        &["--format", "jsonl", "--for-excel"],
        &["-o", "out.xls"],
        &["-o", "out.csv", "--format", "jsonl"],
        &["-o", "out.CSV", "--format", "xlsx", "--lang", "zh"],
        &["-o", "out.txt", "--lang", "zh"],
    ] {
        let ran = fixture.run("export", args).ends(2);
        write!(told, "$ {args:?}\n{}", ran.told(&fixture)).unwrap();
    }
    let none = Fixture::without_ledger();
    told.push_str(&none.run("export", &[]).ends(2).told(&none));
    assert!(!none.dir.path().join(".runner").exists(), "nothing is made by looking");
    insta::assert_snapshot!("export_refused", told);
}

/// A file is in the format that its name promises, in letters of either case.
#[test]
fn the_ending_of_the_file_chooses_the_format() {
    let fixture = Fixture::new();
    for (out, begins) in [
        ("out.csv", &b"open_id,"[..]),
        ("out.CSV", b"open_id,"),
        ("out.jsonl", b"{\"type\":\"delivery\""),
        ("out.parquet", b"PAR1"),
        ("out.xlsx", b"PK\x03\x04"),
        ("out", b"open_id,"),
    ] {
        fixture.run("export", &["-o", out]).ends(0);
        let bytes = fs::read(fixture.dir.path().join(out)).unwrap();
        assert!(bytes.starts_with(begins), "{out}");
    }
    fixture.run("export", &["-o", "out.txt", "--format", "csv"]).ends(0);
}
