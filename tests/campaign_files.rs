//! The shipped files: each parses, has its documented meaning and matches the schema.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use runner::Language;
use runner::app::occurrences::{self, Choice};
use runner::app::plan::PlanRequest;
use runner::app::{self, CampaignRef, Environment};
use runner::campaign::{
    Campaign, Credentials, Delimiter, Encoding, Source, key_table, load, parse, parse_server, render_human, schema,
    server_key_table, server_schema,
};
use runner::model::approval::WaveWait;
use runner::model::clock::{Clock, later};
use runner::model::identity::ActivityId;
use runner::model::secret::SecretRef;
use runner::plan::forecast::{Load, WaveLoad, after_taking, forecast};
use runner::plan::{self, RunOptions};
use serde_json::{Value as Json, json};

fn shipped() -> Vec<PathBuf> {
    let folders = ["campaigns", "examples", "examples/agency", "examples/fleet/campaigns"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder is there"));
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

fn read(name: &str) -> Campaign {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    load(&path)
        .map_err(|found| render_human(&found, false))
        .expect("it parses")
        .campaign
}

/// The file as JSON, as an editor would check it.
fn as_json(text: &str) -> Json {
    serde_yaml::from_str(text).expect("it is YAML")
}

#[test]
fn every_shipped_file_parses_without_warnings_and_names_an_audience() {
    let files = shipped();
    assert!(files.len() >= 7, "{files:?}");
    for path in files {
        let parsed = load(&path)
            .map_err(|found| render_human(&found, false))
            .expect("it parses");
        assert_eq!(parsed.warnings, [], "{}", path.display());
        let files = match &parsed.campaign.audience.source {
            Source::Csv(csv) => &csv.path,
            Source::Jsonl(jsonl) => &jsonl.path,
            // The sources of these files are not on this machine.
            _ => continue,
        };
        let audience = files.folder.join(&files.path);
        let pattern = audience.to_string_lossy();
        let found = glob::glob(&pattern).expect("it is a pattern").count();
        assert!(found > 0, "{}: {pattern} is not there", path.display());
    }
}

/// A user may try a shipped file on any day.
#[tokio::test]
async fn every_shipped_file_is_feasible_on_any_day() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let first: Timestamp = "2026-01-01T01:30:00Z".parse().expect("a time");
    // Every day of the week and every time of the day, over six years.
    let days = (0..30).map(|n| later(first, Duration::from_hours(24 * 73 + 7) * n));
    let clocks: Vec<_> = days.map(Clock::simulated).collect();
    for path in shipped() {
        let source = load(&path)
            .map_err(|found| render_human(&found, false))
            .expect("it parses")
            .campaign
            .audience
            .source;
        let today = [Clock::system()];
        let clocks = match source {
            // These are not on this machine.
            Source::Postgres(_) | Source::Parquet(_) => continue,
            // The database goes by the clock of this machine.
            Source::Sqlite(_) => &today[..],
            _ => &clocks,
        };
        for clock in clocks {
            let at = CampaignRef {
                state_dir: Some(state.path().to_owned()),
                ..CampaignRef::new(&path)
            };
            let parsed = load(&path)
                .map_err(|found| render_human(&found, false))
                .expect("it parses");
            let environment = Environment::new(clock.clone());
            let found = occurrences::resolve(at, parsed, &environment, Choice::DueOrNext).await;
            let (single, _) = found.map_err(|error| error.to_string()).expect("it has an occurrence");
            let campaign = single
                .load(&environment)
                .map_err(|error| error.to_string())
                .expect("it is a plan");
            let preview = Box::pin(app::plan::plan(&campaign, &PlanRequest::default()))
                .await
                .map_err(|error| error.to_string())
                .expect("it can be planned");
            assert_eq!(preview.view.reasons, [], "{} on {}", path.display(), clock.now());
            assert!(
                preview.view.deliveries.to_send() > 0,
                "{} on {}",
                path.display(),
                clock.now()
            );
        }
    }
}

/// The first campaign means the same, whatever the language of its comments.
#[test]
fn the_first_campaign_is_the_same_in_both_languages() {
    let first = read("src/cli/init/first.yaml");
    assert_eq!(first, read("src/cli/init/first.zh-CN.yaml"));
}

#[test]
fn the_encodings_of_chinese_spreadsheets_have_several_names() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    for name in ["gb18030", "gbk", "gb2312", "cp936"] {
        let text = EVERY_KEY.replace("encoding: utf-8", &format!("encoding: {name}"));
        assert_ne!(text, EVERY_KEY);
        let parsed = parse(Path::new("c.yaml"), text.as_bytes()).map_err(|found| render_human(&found, false));
        let Source::Csv(csv) = parsed.expect("it parses").campaign.audience.source else {
            panic!("it is CSV");
        };
        assert_eq!(csv.encoding, Some(Encoding::Gb18030), "{name}");
        assert!(validator.is_valid(&as_json(&text)), "{name}");
    }
}

#[test]
fn every_description_of_the_schema_is_in_chinese_too() {
    fn descriptions(schema: &Json, found: &mut Vec<String>) {
        match schema {
            Json::Object(entries) => {
                found.extend(entries.get("description").and_then(Json::as_str).map(str::to_owned));
                entries.values().for_each(|value| descriptions(value, found));
            }
            Json::Array(values) => values.iter().for_each(|value| descriptions(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    descriptions(&Language::Chinese.scope(schema), &mut found);
    let is_chinese = |text: &String| text.chars().any(|c| ('一'..='龥').contains(&c)) || text.len() <= 3;
    let english: Vec<_> = found.iter().filter(|text| !is_chinese(text)).collect();
    assert!(english.is_empty(), "locales/zh-CN/schema.ftl lacks {english:#?}");
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn every_shipped_file_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    for path in shipped() {
        let file = as_json(&std::fs::read_to_string(&path).expect("it can be read"));
        let mistakes: Vec<_> = validator.iter_errors(&file).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", path.display());
    }
}

#[test]
fn the_files_mean_what_they_say() {
    let summer = read("campaigns/summer.yaml");
    assert_eq!(summer.names.campaign.as_str(), "summer-2026");
    assert_eq!(summer.names.title.as_deref(), Some("夏日立减券"));
    assert_eq!(summer.names.activity_id, ActivityId::parse("7218071234565644204").ok());
    let shanghai = TimeZone::get("Asia/Shanghai").expect("it is a zone");
    let start = shanghai
        .to_timestamp(date(2026, 6, 1).at(10, 0, 0, 0))
        .expect("it is a time");
    assert_eq!((summer.schedule.start, summer.schedule.end), (Some(start), None));
    assert_eq!(summer.pace.per_second, Some(98.0));

    let sheet = read("examples/spreadsheet.yaml");
    let Source::Csv(csv) = &sheet.audience.source else {
        panic!("{:?}", sheet.audience.source);
    };
    assert_eq!(
        (csv.open_id.as_str(), csv.encoding, csv.delimiter),
        ("用户标识", Some(Encoding::Gb18030), Some(Delimiter::Semicolon))
    );
    assert_eq!(sheet.names.campaign.as_str(), "会员日");

    let token = read("examples/shared-token.yaml").credentials;
    assert_eq!(
        token,
        Some(Credentials::Token(SecretRef::File(
            "/run/secrets/douyin-access-token".into()
        )))
    );

    let codes = read("examples/new-activity.yaml").codes;
    assert_eq!(codes.len(), 2);
}

/// The numbers that the comments of the week promise for ten million users.
#[test]
fn the_week_goes_as_it_says() {
    let week = plan::build(&read("examples/week.yaml"), RunOptions::default()).expect("it is a plan");
    let at = |day, hour| {
        let time = date(2026, 6, day).at(hour, 0, 0, 0);
        week.schedule.zone.to_timestamp(time).expect("it is a time")
    };
    let share = |wave, to_send| WaveLoad {
        wave,
        to_send,
        not_before: Timestamp::MIN,
        wait: wave.map_or(WaveWait::NONE, |_| WaveWait::For(Duration::from_hours(13))),
    };
    let load = Load {
        to_send: 10_000_000,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: 0,
        waves: vec![share(Some(1), 100_000), share(Some(2), 900_000), share(None, 9_000_000)],
        expired_waves: Vec::new(),
    };
    assert!(
        week.schedule
            .waves
            .iter()
            .all(|wave| wave.wait == WaveWait::For(Duration::from_hours(13)))
    );
    let taking = after_taking(week.pace.per_second);
    let week = forecast(&week, &load, at(8, 9));
    assert_eq!(week.obstacle, None);
    let begins: Vec<_> = week.waves.iter().filter_map(|turns| turns.begins).collect();
    assert_eq!(
        begins,
        [at(8, 10), at(9, 10), at(11, 10)].map(|opens| later(opens, taking))
    );
    assert!(
        week.ends_at.is_some_and(|ends| at(13, 9) < ends && ends < at(13, 22)),
        "{week:?}"
    );
}

#[test]
fn the_summer_audience_has_600_users_and_a_few_bad_rows() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("campaigns/audience/summer.csv"))
        .expect("it can be read");
    let ids: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap_or_default())
        .collect();
    let good: Vec<_> = ids
        .iter()
        .filter_map(|id| runner::model::identity::OpenId::parse(id).ok())
        .collect();
    let users: std::collections::BTreeSet<_> = good.iter().collect();
    assert_eq!((ids.len(), good.len(), users.len()), (612, 607, 600));
}

/// A file with every key of this version.
const EVERY_KEY: &str = "\
version: 1
campaign: 夏日-2026
title: 夏日立减券
app_id: 0071
activity_id: 7218071234565644204
coupon_meta_id: 7218071234565644999
timezone: Asia/Tokyo
coupons_per_user: 20
max_coupons: 100000
credentials:
  client_key: {env: DOUYIN_CLIENT_KEY}
  client_secret: {file: /run/secrets/douyin}
audience:
  source:
    csv: {path: audience/summer.csv, open_id: open_id, last_active: seen, encoding: utf-8, delimiter: tab}
  exclude:
    - csv: {path: opted-out.csv, open_id: open_id}
    - campaign: spring.yaml
  active_within: 7d
  order: expiring_first
  control_group: 5%
  limit: 100000
  allow_empty: true
  max_unusable: 2.5%
schedule:
  start: 2026-06-01T10:00
  end: 2026-06-07T22:00:30
  hours: [\"mon-fri 10:00-21:00\", \"sat,sun 22:00-02:00\"]
  closed: [2026-06-03]
  waves:
    - {share: 1%, wait: 30m}
    - {share: 10%, wait: 1h, halt_if_not_issued: 30%}
repeat:
  every: week
  on: [mon]
  at: \"10:00\"
  until: 2026-12-31
  missed: once
pace: {per_second: 0.5, per_day: 50000, max_in_flight: 1024}
retry: {attempts: 3, first_delay: 1s, max_delay: 1m, timeout: 5s, in_doubt: ask, resend_within: 7d, give_up: 1h}
halt:
  refused: {over: 40%, after: 100}
  held: {over: 0.5%, after: 1}
  same_code: 5
codes: {29005099: refuse, -1: hold}
platform: {base_url: https://open.douyin.com/}
approval: {approvals: 2}
bill: {timezone: UTC, columns: {coupon_id: 券ID, open_id: \"2\", receive_time: 领取时间, merchant_meta_no: \"5\", coupon_meta_id: \"6\", activity_id: \"7\"}}
notify:
  - feishu: {url: {env: FEISHU_HOOK}, secret: {file: /run/secrets/feishu}, keyword: 发券}
    on: [halted, ended, waiting, approval, outage, wave, stalled]
    language: en
  - dingtalk: {url: {env: DING_HOOK}, secret: {env: DING_SECRET}}
  - wecom: {url: {env: WECOM_HOOK}}
  - webhook: {url: {env: HOOK}, secret: {env: HOOK_SECRET}}
";

#[test]
fn every_key_is_read_and_fits_the_schema() {
    let parsed =
        parse(Path::new("campaigns/c.yaml"), EVERY_KEY.as_bytes()).map_err(|found| render_human(&found, false));
    insta::assert_debug_snapshot!(parsed.expect("it parses").campaign);
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    let mistakes: Vec<_> = validator
        .iter_errors(&as_json(EVERY_KEY))
        .map(|error| error.to_string())
        .collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

/// Collects the keys of a schema's object and of the objects in it, joined by dots.
fn keys(schema: &Json, root: &Json, path: &str, out: &mut Vec<String>) {
    let target = schema
        .get("$ref")
        .and_then(Json::as_str)
        .and_then(|at| root.pointer(at.trim_start_matches('#')));
    let schema = target.unwrap_or(schema);
    for (key, value) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        out.push(path.clone());
        keys(value, root, &path, out);
    }
}

#[test]
fn the_schema_has_every_documented_key() {
    let schema = schema();
    let mut found = Vec::new();
    keys(&schema, &schema, "", &mut found);
    found.sort();
    insta::assert_snapshot!(found.join("\n"));
}

/// The parser checks the value of every key of the schema. The value here is a list in a list, which no key accepts.
#[test]
fn the_parser_reads_every_key_of_the_schema() {
    let schema = schema();
    let mut found = Vec::new();
    keys(&schema, &schema, "", &mut found);
    for key in found {
        let text = key
            .split('.')
            .enumerate()
            .map(|(depth, part)| format!("{}{part}:", "  ".repeat(depth)))
            .collect::<Vec<_>>()
            .join("\n");
        let text = format!("{text} [[]]\n");
        let said = match parse(Path::new("c.yaml"), text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(said) => said,
        };
        let code = if key == "credentials" || key.starts_with("credentials.") || key.contains(".url") {
            "E0129 E0115"
        } else {
            "E0115"
        };
        let line = u32::try_from(key.split('.').count()).expect("it is small");
        let hit = said
            .iter()
            .any(|one| code.contains(one.code.as_str()) && one.place.is_some_and(|place| place.line == line));
        assert!(hit, "{key}: {}", render_human(&said, false));
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    let good = as_json(EVERY_KEY);
    let changes = [
        ("/colour", json!(1)),
        ("/version", json!(2)),
        ("/campaign", json!("a b")),
        ("/title", Json::Null),
        ("/title", json!("")),
        ("/coupons_per_user", json!(21)),
        ("/max_coupons", json!(0)),
        ("/credentials/client_secret", json!("in clear")),
        ("/credentials/access_token", json!({"env": "TOKEN"})),
        ("/credentials/client_key/path", json!("x")),
        ("/audience/source/jsonl", json!({})),
        ("/audience/source/csv/encoding", json!("latin1")),
        ("/audience/source/csv/last_active", json!(["seen"])),
        ("/audience/source/sqlite", json!({"path": "members.db"})),
        ("/audience/order", json!("by name")),
        ("/audience/active_within", json!("7 days")),
        ("/audience/control_group", json!(0.05)),
        (
            "/audience/exclude",
            json!([{"campaign": "a.yaml", "csv": {"path": "a.csv", "open_id": "a"}}]),
        ),
        ("/audience/exclude", json!("a.csv")),
        ("/audience/limit", json!("all")),
        ("/audience/max_unusable", json!("101%")),
        ("/schedule/start", json!("2026-06-01")),
        ("/schedule/hours", json!("mon 10:00-21:00")),
        ("/schedule/hours", json!([])),
        ("/schedule/hours", json!(["mon 9-17"])),
        ("/schedule/hours", json!(["mon 10:00-25:00"])),
        ("/schedule/hours", json!(["mon, tue 10:00-12:00"])),
        ("/schedule/closed", json!(["2026-6-3"])),
        ("/schedule/waves", json!({"share": "1%", "wait": "30m"})),
        ("/schedule/waves", json!([{"share": "1%"}])),
        ("/schedule/waves", json!([{"share": 0.01, "wait": "30m"}])),
        ("/schedule/waves", json!([{"share": "1%", "wait": "30m", "halt": "5%"}])),
        ("/repeat/every", json!("year")),
        ("/repeat/on", json!(["monday"])),
        ("/repeat/on", json!([32])),
        ("/repeat/on", json!([])),
        ("/repeat/at", json!("24:00")),
        ("/repeat/until", json!("2026-12-31T00:00")),
        ("/repeat/missed", json!("all")),
        ("/pace/per_day", json!(0)),
        ("/pace/per_second", json!(0)),
        ("/retry/timeout", json!("10")),
        ("/retry/in_doubt", json!("maybe")),
        ("/halt/refused/over", json!(0.5)),
        ("/halt/held/under", json!("5%")),
        ("/codes/29005099", json!("refused")),
        ("/codes/abc", json!("hold")),
        ("/platform/base_url", json!("ftp://x")),
    ];
    for (pointer, value) in changes {
        let mut file = good.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("it has a slash");
        let object = file
            .pointer_mut(parent)
            .and_then(Json::as_object_mut)
            .expect("its parent is there");
        object.insert(key.into(), value);
        assert!(!validator.is_valid(&file), "{pointer}");
    }
}

#[test]
fn the_schema_misses_what_the_parser_misses() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    let good = as_json(EVERY_KEY);
    for required in [
        "/version",
        "/campaign",
        "/app_id",
        "/activity_id",
        "/audience",
        "/audience/source",
        "/audience/source/csv",
        "/audience/source/csv/path",
        "/halt/held/after",
        "/repeat/every",
        "/repeat/at",
    ] {
        let mut file = good.clone();
        let (parent, key) = required.rsplit_once('/').expect("it has a slash");
        let object = file
            .pointer_mut(parent)
            .and_then(Json::as_object_mut)
            .expect("its parent is there");
        object.remove(key).expect("it was there");
        assert!(!validator.is_valid(&file), "{required}");
    }
}

/// The page about the campaign file shows every key of this version, in a valid file.
#[test]
fn the_page_on_the_campaign_file_shows_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/campaign-file.md")).expect("the page is there");
    let (_, rest) = page.split_once("```yaml\n").expect("it has an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    let parsed = parse(Path::new("example.yaml"), example.as_bytes())
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    assert_eq!(parsed.warnings, []);
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    assert!(validator.is_valid(&as_json(example)));
    let (_, rest) = rest.split_once("```yaml\n").expect("it has the sources");
    let (sources, _) = rest.split_once("```").expect("the sources end");
    for source in sources.lines() {
        let csv = example.lines().find(|line| line.starts_with("    csv:"));
        let file = example.replace(csv.expect("it has one"), &format!("    {source}"));
        let parsed = parse(Path::new("example.yaml"), file.as_bytes()).map_err(|found| render_human(&found, false));
        assert_eq!(parsed.expect("it parses").warnings, []);
        assert!(validator.is_valid(&as_json(&file)), "{source}");
    }
    let mut keys = Vec::new();
    properties(&schema, &mut keys);
    let written = |key: &str| [example, sources].iter().any(|yaml| yaml.contains(&format!("{key}:")));
    let shown = |key: &str| written(key) || page.contains(&format!("`{key}`"));
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !shown(key) && !["env", "file"].contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "the page does not show {missing:?}");
}

/// The page's tables have a row for each declared key, with the declared value and default, and no other rows. Kinds of
/// sources share a row where they declare the same.
#[test]
fn the_page_on_the_campaign_file_is_what_the_keys_declare() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/campaign-file.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let mut declared: Vec<(String, Vec<String>, String)> = Vec::new();
    for row in key_table() {
        let default = match row.default {
            _ if row.required => "required |".to_owned(),
            Some(default) => format!("`{default}` |"),
            // The page says what the absence means.
            None => String::new(),
        };
        let cells = format!("{} | {default}", row.value);
        let source = row
            .path
            .strip_prefix("audience.source.")
            .and_then(|path| path.split_once('.'));
        let (kind, key) = source.unwrap_or(("", &row.path));
        let same = declared
            .iter_mut()
            .find(|(name, _, other)| name == key && *other == cells);
        match same {
            Some((_, kinds, _)) => kinds.push(format!("`{kind}`")),
            None => declared.push((key.to_owned(), vec![format!("`{kind}`")], cells)),
        }
    }
    let starts: Vec<_> = declared
        .iter()
        .map(|(key, kinds, cells)| {
            let rows = declared.iter().filter(|(other, ..)| other == key).count();
            let kinds = if rows > 1 {
                format!(" of {}", kinds.join(", "))
            } else {
                String::new()
            };
            format!("| `{key}`{kinds} | {cells}")
        })
        .collect();
    let rows: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
        .collect();
    let missing: Vec<_> = starts
        .iter()
        .filter(|start| !rows.iter().any(|row| row.starts_with(*start)))
        .collect();
    assert!(missing.is_empty(), "rows that the page does not have: {missing:#?}");
    let unknown: Vec<_> = rows
        .iter()
        .filter(|row| !starts.iter().any(|start| row.starts_with(start)))
        .collect();
    assert!(unknown.is_empty(), "rows of no key: {unknown:#?}");
    assert_eq!(rows.len(), starts.len());
}

/// The table of the page on the service has a row for each declared key of its file, and no other rows; the example parses.
#[test]
fn the_page_on_the_service_is_what_the_keys_declare() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/service.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let (_, rest) = page
        .split_once("### The file of the service")
        .expect("it has the section");
    let (example, rest) = rest
        .split_once("```yaml\n")
        .expect("it has the example")
        .1
        .split_once("```")
        .expect("it ends");
    let parsed = parse_server(Path::new("server.yaml"), example.as_bytes());
    let parsed = parsed.map_err(|found| render_human(&found, false)).expect("it parses");
    assert_eq!(parsed.warnings, []);
    let schema = server_schema();
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    assert!(validator.is_valid(&as_json(example)));
    let (table, _) = rest.split_once("### Roles").expect("the table ends");
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let declared: Vec<_> = server_key_table()
        .into_iter()
        .map(|row| {
            let default = match row.default {
                _ if row.required => "required |".to_owned(),
                Some(default) => format!("`{default}` |"),
                None => String::new(),
            };
            format!("| `{}` | {} | {default}", row.path, row.value)
        })
        .collect();
    assert_eq!(rows.len(), declared.len(), "{declared:#?}");
    for (row, start) in rows.iter().zip(&declared) {
        assert!(row.starts_with(start), "{row}\n{start}");
    }
}

/// Collects the names of all properties in a schema.
fn properties(schema: &Json, into: &mut Vec<String>) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::Object(named)) = object.get("properties") {
                into.extend(named.keys().cloned());
            }
            object.values().for_each(|value| properties(value, into));
        }
        Json::Array(list) => list.iter().for_each(|value| properties(value, into)),
        _ => {}
    }
}
