//! `runner validate` and `runner schema` from the command line.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const GOOD: &str = "\
version: 1
campaign: summer-2026
app_id: ttec789ac573xxxxxx01
activity_id: 7218071234565644204
audience: {source: {csv: {path: nowhere.csv, open_id: open_id}}}
";

fn run(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(directory).args(args).env_remove("RUNNER_LOG");
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("the file is written");
    }
    directory
}

#[test]
fn a_good_file_is_said_to_be_one() {
    let directory = directory(&[("a.yaml", GOOD)]);
    let output = run(directory.path(), &["validate", "a.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "a.yaml: summer-2026 for ttec789ac573xxxxxx01 can be used\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn the_file_of_a_service_is_checked_as_one() {
    let server = "version: 1\nusers: [{name: li, password: {file: absent.hash}, roles: [author]}]\n";
    let bad = server.replace("author", "autor");
    let directory = directory(&[
        ("server.yaml", "version: 1\n"),
        ("of-users.yml", server),
        ("bad.yaml", &bad),
        ("a.yaml", GOOD),
    ]);
    let output = run(directory.path(), &["validate", "server.yaml", "of-users.yml", "a.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "server.yaml: a service at 127.0.0.1:7878 can use it, with no users and no tokens\n\
         of-users.yml: a service at 127.0.0.1:7878 can use it, with one user and no tokens\n\
         a.yaml: summer-2026 for ttec789ac573xxxxxx01 can be used\n"
    );
    let output = run(directory.path(), &["validate", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let why = text(&output.stderr);
    assert!(why.contains("E0127") && why.contains("did you mean `author`?"), "{why}");
}

#[test]
fn all_mistakes_of_all_files_are_reported() {
    let bad = GOOD
        .replace("campaign: summer-2026", "campaign: Summer")
        .replace("app_id:", "appid:");
    let directory = directory(&[("bad.yaml", &bad), ("good.yml", GOOD), ("notes.txt", "no campaign")]);
    let output = run(directory.path(), &["validate", ".", "absent.yaml", "good.yml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stdout),
        "./good.yml: summer-2026 for ttec789ac573xxxxxx01 can be used\n"
    );
    let told = text(&output.stderr);
    for part in [
        "./bad.yaml:2:11",
        "./bad.yaml:3:1",
        "absent.yaml",
        "mistakes, in 2 of 3 files; `runner explain E",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!told.contains('\x1b'), "colours where no terminal is: {told:?}");
}

#[test]
fn the_last_line_counts_the_mistakes_and_says_where_to_read_more() {
    let bad = GOOD.replace("campaign: summer-2026", "campaign: Summer");
    let worse = bad.replace("app_id:", "appid:");
    let directory = directory(&[("bad.yaml", &bad), ("worse.yaml", &worse)]);
    let mut said = String::new();
    for lang in ["en", "zh"] {
        for paths in [&["bad.yaml"][..], &["worse.yaml"], &["bad.yaml", "worse.yaml"]] {
            let output = run(directory.path(), &[&["validate", "--lang", lang], paths].concat());
            assert_eq!(output.status.code(), Some(2));
            said.push_str(text(&output.stderr).lines().last().expect("a line"));
            said.push('\n');
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn mistakes_are_objects_for_programs() {
    let directory = directory(&[("bad.yaml", &GOOD.replace("campaign: summer-2026", "campaign: Summer"))]);
    let output = run(directory.path(), &["validate", "bad.yaml", "--output", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let stdout = text(&output.stdout);
    let objects: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        (&objects[0]["type"], &objects[0]["schema"]),
        (&"version".into(), &"1.0".into())
    );
    let diagnostic = &objects[1];
    assert_eq!(diagnostic["type"], "diagnostic");
    assert_eq!(diagnostic["severity"], "error");
    assert_eq!(
        (&diagnostic["file"], &diagnostic["line"], &diagnostic["column"]),
        (&"bad.yaml".into(), &2.into(), &11.into())
    );
    assert!(
        diagnostic["help"].is_string() && diagnostic["code"].is_string(),
        "{diagnostic}"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn nothing_to_say_is_still_a_stream() {
    let directory = directory(&[("a.yaml", GOOD)]);
    let output = run(directory.path(), &["validate", "a.yaml", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("{\"type\":\"version\",\"schema\":\"1.0\""));
}

/// Also if only one of the two is given: they would share a ledger.
#[test]
fn two_files_of_one_name_in_one_directory_are_a_mistake() {
    let other_app = GOOD.replace("xxxx01", "xxxx02");
    let directory = directory(&[
        ("a.yaml", GOOD),
        ("b.yaml", GOOD),
        ("other.yaml", &other_app),
        ("elsewhere/a.yaml", GOOD),
    ]);
    let output = run(directory.path(), &["validate", "a.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr));
    for (path, exit) in [("b.yaml", 2), ("other.yaml", 0), ("elsewhere", 0), (".", 2)] {
        assert_eq!(
            run(directory.path(), &["validate", path]).status.code(),
            Some(exit),
            "{path}"
        );
    }
}

#[test]
fn a_directory_without_campaigns_is_named() {
    let directory = directory(&[("notes.txt", "")]);
    let output = run(directory.path(), &["validate", "."]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text(&output.stderr));
}

#[test]
fn the_schema_accepts_a_campaign() {
    let output = run(Path::new("."), &["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let schema: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let good = serde_json::json!({
        "version": 1, "campaign": "summer-2026", "app_id": "tt1", "activity_id": "72",
        "audience": {"source": {"csv": {"path": "a.csv", "open_id": "open_id"}}},
    });
    assert!(jsonschema::is_valid(&schema, &good));
    assert!(!jsonschema::is_valid(&schema, &serde_json::json!({"version": 1})));
    let stream = text(&run(Path::new("."), &["schema", "--output", "json"]).stdout);
    let object: Value = serde_json::from_str(stream.lines().nth(1).expect("a second line")).expect("JSON");
    assert_eq!((&object["type"], &object["schema"]), (&"schema".into(), &schema));
}

#[test]
#[cfg(target_os = "linux")]
fn a_schema_that_could_not_be_written_is_an_error() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("the device");
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .arg("schema")
        .stdout(full)
        .output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).starts_with("error[E0206]: cannot write to stdout\ncaused by: "),
        "{}",
        text(&output.stderr)
    );
}
