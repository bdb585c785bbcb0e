//! The output for programs, field by field: every object that a command writes, compared with the documented table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::control::applying;
use crate::dry_run::lapsing;
use crate::scene::{FakePlatform, Ran, Scene};

/// The fields of each object, without the `campaign` and `app_id` of those about one campaign. A minor version only adds
/// fields.
const SCHEMA: [(&str, &str); 16] = [
    ("version", "schema runner"),
    (
        "diagnostic",
        "severity code message file line column end_line end_column help",
    ),
    (
        "plan",
        "counts unusable skipped changes changes.what changes.from changes.to changes.accept ledger rate_per_second \
         starts_at ends_at hours window.opens_at window.closes_at waves.wave waves.to_send waves.begins_at lapse \
         lapse.order lapse.saved lapse.as_listed lapse.as_listed.in_time lapse.as_listed.lapsed \
         lapse.as_listed.unreached lapse.as_listed.users lapse.as_listed.by_hour lapse.as_listed.by_hour.at \
         lapse.as_listed.by_hour.users lapse.expiring_first feasible reasons fingerprint",
    ),
    ("request", "open_id ordinal merchant_coupon_id method url headers body"),
    ("progress", "state why counts rate_per_second ends_at owner"),
    (
        "status",
        "state why counts rate_per_second ends_at owner owner.host owner.pid owner.since owner.command",
    ),
    (
        "attempt",
        "merchant_coupon_id open_id attempt outcome code message log_id latency",
    ),
    ("halted", "why"),
    ("throttled", "why until"),
    ("token", "why until"),
    ("wave", "why until"),
    ("window", "why until"),
    (
        "summary",
        "state counts codes codes.code codes.class codes.message codes.log_id codes.n attempts seconds rate_per_second \
         peak_rolling_second exit",
    ),
    (
        "delivery",
        "open_id ordinal merchant_coupon_id state code message log_id coupon_id merchant_meta_no activity_id attempts \
         unknown_attempts first_attempt_at settled_at receive_time valid_begin_time valid_end_time coupon_name \
         coupon_status discount_amount min_pay_amount replay reason",
    ),
    ("total", "campaigns counts exit"),
    ("certificate", "counts fingerprint sha256 runner at"),
];

/// The fields of every `counts` of a run and of a plan.
const COUNTS: &str = "audience issued refused pending in_flight deferred in_doubt held skipped listed excluded control_group \
                      repeated unusable";

/// A JSON value reduced to the names of its fields.
enum Shape {
    Nothing,
    Leaf,
    List(Vec<Shape>),
    Object(Vec<(String, Shape, Option<String>)>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(shape) = from.next_element()? {
            list.push(shape);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Shape, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = from.next_key::<String>()? {
            let value: Box<serde_json::value::RawValue> = from.next_value()?;
            let text = serde_json::from_str::<String>(value.get()).ok();
            let shape = serde_json::from_str(value.get()).map_err(serde::de::Error::custom)?;
            fields.push((name, shape, text));
        }
        Ok(Shape::Object(fields))
    }
}

/// All objects of the output, by type.
#[derive(Default)]
struct Told(BTreeMap<String, BTreeSet<String>>);

impl Told {
    fn take(&mut self, text: &str) {
        for line in text.lines() {
            let Shape::Object(fields) = serde_json::from_str(line).unwrap() else {
                panic!("no object: {line}")
            };
            let kind = fields
                .iter()
                .find(|(name, ..)| name == "type")
                .and_then(|(.., text)| text.clone());
            let seen = self
                .0
                .entry(kind.unwrap_or_else(|| panic!("no type: {line}")))
                .or_default();
            note(&fields, "", seen, line);
        }
    }
}

fn note(fields: &[(String, Shape, Option<String>)], within: &str, seen: &mut BTreeSet<String>, line: &str) {
    let mut here = BTreeSet::new();
    for (name, shape, _) in fields {
        let path = format!("{within}{name}");
        assert!(here.insert(name), "{path} is there twice: {line}");
        let inner = format!("{path}.");
        match shape {
            Shape::Nothing => panic!("{path} is null, not absent: {line}"),
            // The body of a request has the platform's format, not this schema's.
            Shape::Object(_) if path == "body" => {}
            Shape::Object(fields) => note(fields, &inner, seen, line),
            Shape::List(list) => {
                for shape in list {
                    if let Shape::Object(fields) = shape {
                        note(fields, &inner, seen, line);
                    }
                }
            }
            Shape::Leaf => {}
        }
        seen.insert(path);
    }
}

impl Scene {
    fn json(&self, told: &mut Told, verb: &str, flags: &[&str]) {
        let flags: Vec<_> = flags.iter().copied().chain(["--output", "json"]).collect();
        told.take(&self.without_secrets(verb, &flags).out);
    }

    fn events(&self) -> String {
        fs::read_to_string(self.dir.path().join("events.jsonl")).unwrap()
    }

    /// Applies the campaign and collects the output.
    fn applied(&self, told: &mut Told) {
        let events = self.dir.path().join("events.jsonl");
        let ran = self.run(&["--output", "json", "--events", events.to_str().unwrap()]);
        told.take(&ran.out);
        told.take(&self.events());
    }
}

/// A campaign with every result of a delivery, and the commands that read it afterwards.
fn troubled(told: &mut Told) {
    let fake_platform = FakePlatform::start(&[
        "--refuse",
        "10%",
        "--lose-answers",
        "10%",
        "--throttle",
        "5%",
        "--seed",
        "3",
    ]);
    let mut scene = Scene::new(&fake_platform.url, 120).with("retry: {in_doubt: ask}\nhalt: {same_code: 1000}");
    scene.json(told, "plan", &[]);
    told.take(&scene.run(&["--dry-run", "--show", "1", "--output", "json"]).out);
    scene.applied(told);
    scene.json(
        told,
        "resolve",
        &["--in-doubt", "--as", "refused", "--note", "asked the platform", "--yes"],
    );
    scene.json(told, "trace", &["user-000001"]);
    scene.json(told, "export", &[]);
    let page = scene.dir.path().join("report.html");
    scene.json(told, "report", &["-o", page.to_str().unwrap()]);
    let certificate = scene.dir.path().join("certificate.json");
    let certificate = certificate.to_str().unwrap();
    scene.json(told, "verify", &["--certificate", certificate]);
    scene.json(told, "verify", &["--against", certificate]);
    scene.json(told, "status", &[]);
    scene.activity_id = "7218071234565644205";
    scene.audience(100..300);
    scene.write();
    scene.json(told, "plan", &[]);
}

/// Two campaigns that share an app id's quota: one sends, the other waits for the app lock; then both are stopped.
fn together(told: &mut Told) {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 2_000).with("pace: {per_second: 10}");
    let mut other = Scene::new(&fake_platform.url, 50);
    "autumn".clone_into(&mut other.name);
    other.write();
    let first = applying(&scene);
    scene.until(|status| status["state"] == "sending" && status["ends_at"].is_string());
    let second = applying(&other);
    other.until(|status| status["state"] == "waiting");
    scene.json(told, "status", &[]);
    for (scene, run) in [(&other, second), (&scene, first)] {
        scene.json(told, "pause", &[]);
        scene.json(told, "stop", &[]);
        told.take(&Ran::new(run.wait_with_output().unwrap()).ends(3).out);
    }
}

/// A send window that does not open for some days.
fn far_hours() -> String {
    let now = runner::model::clock::Clock::system().now();
    let day = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).weekday().wrapping_add(3);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = days[usize::try_from(day.to_monday_zero_offset()).unwrap()];
    format!("{day} 10:00-10:01")
}

/// Two campaigns that have to wait, one for its next wave and one for a window, and leave instead.
fn waiting(told: &mut Told) {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let waves = Scene::new(&fake_platform.url, 40).with("schedule: {waves: [{share: 50%, wait: 1h}]}");
    waves.json(told, "plan", &[]);
    let mut hours = Scene::new(&fake_platform.url, 40);
    "autumn".clone_into(&mut hours.name);
    let hours = hours.with(&format!("schedule: {{hours: [{}]}}", far_hours()));
    hours.json(told, "plan", &[]);
    for scene in [&waves, &hours] {
        let events = scene.dir.path().join("events.jsonl");
        let flags = ["--no-wait", "--output", "json", "--events", events.to_str().unwrap()];
        told.take(&scene.run(&flags).ends(3).out);
        told.take(&scene.events());
    }
}

/// Two campaigns that are applied at once, one of them without an audience.
fn several(told: &mut Told) {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 5);
    let mut other = Scene::new(&fake_platform.url, 5);
    "autumn".clone_into(&mut other.name);
    other.write();
    fs::remove_file(other.dir.path().join("audience.csv")).unwrap();
    let mut both = scene.apply(&["--output", "json", "--state-dir"]);
    let both = both.arg(scene.dir.path()).arg(other.file());
    told.take(&Ran::new(both.output().unwrap()).ends(2).out);
}

#[test]
fn every_object_has_the_fields_of_its_schema_once_and_none_is_null() {
    let mut told = Told::default();
    troubled(&mut told);
    together(&mut told);
    waiting(&mut told);
    lapsing().json(&mut told, "plan", &[]);
    several(&mut told);
    let few = FakePlatform::start(&["--refuse", "0%", "--stock", "5"]);
    Scene::new(&few.url, 50).applied(&mut told);
    Scene::new("nowhere", 1)
        .with("pace: {per_secnod: 7}")
        .json(&mut told, "validate", &[]);

    let mut missing = String::new();
    for (kind, fields) in SCHEMA {
        let none = BTreeSet::new();
        let seen = told.0.get(kind).unwrap_or(&none);
        let counts = ["plan", "progress", "status", "summary", "total"].contains(&kind);
        let counts = COUNTS
            .split(' ')
            .filter(|_| counts)
            .map(|name| format!("counts.{name}"));
        for field in fields.split(' ').map(str::to_owned).chain(counts) {
            if !seen.contains(&field) {
                writeln!(missing, "{kind}: {field}").unwrap();
            }
        }
    }
    assert!(missing.is_empty(), "{missing}\n{:#?}", told.0);
    let list = told.0.iter().map(|(kind, fields)| {
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        format!("{kind}\n  {}\n", fields.join("\n  "))
    });
    insta::assert_snapshot!("objects", list.collect::<String>());
}
