//! Ledgers that earlier versions wrote: each opens, verifies, exports the same deliveries, and continues.
//! `tests/fixtures/ledgers/README.md` describes each.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

#[path = "files_common/mod.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod files_common;
mod ledger_common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use files_common::files as files_of;
use jiff::Timestamp;
use ledger_common::turns::wait;
use ledger_common::{check, ended, owner, towards_the_end};
use runner::ledger::erasure::{ERASED_WORD, Eligibility, ErasureRequest, erase};
use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::ledger::{Fact, Ledger};
use runner::model::actor::Actor;
use runner::model::clock::later;
use runner::model::delivery::{Decision, DeliveryKey, StateName};
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use serde_json::{Value, json};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledgers")
}

/// A fixture, unpacked into its own directory.
struct Fixture {
    name: String,
    dir: TempDir,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let names = fs::read_dir(fixtures()).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".tar.zst").map(str::to_owned)
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert!(names.len() >= 19, "fixtures are missing: {names:?}");
        names.iter().map(|name| Self::unpack(name)).collect()
    }

    fn unpack(name: &str) -> Self {
        let archive = File::open(fixtures().join(format!("{name}.tar.zst"))).unwrap();
        let dir = TempDir::new().unwrap();
        let name = name.to_owned();
        tar::Archive::new(zstd::Decoder::new(archive).unwrap())
            .unpack(dir.path())
            .unwrap();
        Self { name, dir }
    }

    fn is_rehearsal(&self) -> bool {
        self.name == "rehearsal"
    }

    /// Runs a command on the campaign.
    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_runner"));
        program
            .arg(command)
            .arg(self.dir.path().join("campaign.yaml"))
            .args(arguments)
            .env("TOK", "a-token")
            .env("XDG_STATE_HOME", self.dir.path().join("state"));
        if self.is_rehearsal() {
            program.arg("--sandbox");
        }
        program.output().unwrap()
    }

    fn expected(&self) -> Vec<Value> {
        rows(&fs::read_to_string(self.dir.path().join("expected.jsonl")).unwrap())
    }

    /// Removes the snapshot and the seal, so that every batch is read and checked.
    fn forget_snapshot(&self) {
        let ledger = self.ledger_dir();
        for file in ["shortcut", "seal"] {
            let _ = fs::remove_file(ledger.join(file));
        }
    }

    fn ledger_dir(&self) -> PathBuf {
        let kind = if ["rehearsal", "loopback"].contains(&self.name.as_str()) {
            "sandbox"
        } else {
            "live"
        };
        let app = self.dir.path().join(".runner").join(kind).join("ttfixture0000000001");
        app.join(&self.name)
    }

    /// Runs a command line that the program printed, as a person would type it.
    fn type_line(&self, said: &Output, begins: &str) {
        let said = String::from_utf8(said.stderr.clone()).unwrap();
        let line = said.lines().find(|line| line.trim_start().starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("{said}"));
        let status = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.dir.path())
            .status();
        assert!(status.unwrap().success(), "{line}");
    }

    fn identity(&self) -> Identity {
        let manifest = fs::read(self.ledger_dir().join("ledger.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let platform = match manifest["platform"].as_str().unwrap() {
            "sandbox" => PlatformName::FakePlatform,
            url => PlatformName::Live(url.to_owned()),
        };
        Identity {
            campaign: CampaignName::parse(manifest["campaign"].as_str().unwrap()).unwrap(),
            app_id: AppId::parse(manifest["app_id"].as_str().unwrap()).unwrap(),
            platform,
        }
    }
}

/// The only object of `kind` that a command prints.
fn object(output: &Output, kind: &str) -> Value {
    let objects = rows(&String::from_utf8(output.stdout.clone()).unwrap());
    let object = objects.into_iter().find(|object| object["type"] == kind);
    object.unwrap_or_else(|| panic!("{output:?}"))
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether `now` contains everything in `then`. A later version may add fields.
fn contains(then: &Value, now: &Value) -> bool {
    let then = then.as_object().unwrap();
    then.iter().all(|(field, value)| now.get(field) == Some(value))
}

#[test]
fn an_earlier_ledger_verifies_and_exports_the_same_deliveries() {
    // `loopback` is in the place of a rehearsal, where a real campaign's ledger is not looked for.
    for fixture in Fixture::all().iter().filter(|fixture| fixture.name != "loopback") {
        for snapshot in [true, false] {
            if !snapshot {
                fixture.forget_snapshot();
            }
            let verified = fixture.run("verify", &[]);
            assert!(verified.status.success(), "{}: {verified:?}", fixture.name);
            let exported = fixture.run("export", &["--format", "jsonl"]);
            let now = rows(&String::from_utf8(exported.stdout).unwrap());
            let deliveries: Vec<_> = now.iter().filter(|row| row["type"] == "delivery").collect();
            let expected = fixture.expected();
            assert_eq!(deliveries.len(), expected.len(), "{}", fixture.name);
            for (then, now) in expected.iter().zip(deliveries) {
                assert!(contains(then, now), "{}: {then}\nnow {now}", fixture.name);
            }
        }
    }
}

/// Brings the ledger of a fixture to its end, as a run and a person would.
async fn complete(fixture: &Fixture) {
    let place = LedgerDir::new(fixture.dir.path(), &fixture.identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let store = place.open(&lock).await.unwrap().expect("a ledger is there");
    let mut ledger = Ledger::open(store, fixture.identity()).await.unwrap();
    while !ledger.state().is_complete() {
        let facts = towards_the_end(ledger.state());
        ledger.append(facts).await.unwrap();
    }
    ledger.close().await;
}

/// Erases the open_ids 400 days after the end.
async fn erased(fixture: &Fixture) -> Eligibility {
    let place = LedgerDir::new(fixture.dir.path(), &fixture.identity());
    let lock = place.lock(&owner(), Purpose::Apply).unwrap();
    let request = ErasureRequest {
        // No fixture is from after this.
        at: later(Timestamp::UNIX_EPOCH, Duration::from_hours(24 * 365 * 80)),
        by: Actor {
            name: "li".into(),
            user: "li".into(),
            host: "till-3".into(),
            command: "runner erase".into(),
        },
        older_than: Duration::from_hours(24 * 400),
    };
    erase(&place, &lock, None, &request).await.unwrap().unwrap().eligibility
}

#[test]
fn an_earlier_ledger_is_erased_once_it_is_complete() {
    for fixture in Fixture::all().iter().filter(|fixture| fixture.name != "loopback") {
        let name = &fixture.name;
        let exported = || {
            let exported = fixture.run("export", &["--format", "jsonl"]);
            let mut rows = rows(&String::from_utf8(exported.stdout).unwrap());
            rows.retain(|row| row["type"] == "delivery");
            rows
        };
        // The first opening of an earlier store writes sled's own snapshot.
        exported();
        let before = files_of(&fixture.ledger_dir());
        let is_asked = |ran: &Output| object(ran, "erasure")["result"].clone();
        if is_asked(&fixture.run("erase", &["--dry-run", "--output", "json"])) == "incomplete" {
            let ran = fixture.run("erase", &["--yes", "--output", "json"]);
            assert_eq!(
                (is_asked(&ran), ran.status.code()),
                (json!("incomplete"), Some(3)),
                "{name}"
            );
        }
        assert!(files_of(&fixture.ledger_dir()) == before, "{name} was changed");
        wait(complete(fixture));
        let expected = exported();
        // The answers that complete it have one log_id.
        let verified_before = fixture.run("verify", &[]);
        let unasked = fixture.run("erase", &[]);
        // A rehearsal needs no question, and a fixture may be from a clock that is ahead of this machine's.
        if unasked.status.code() == Some(2) {
            assert!(
                String::from_utf8_lossy(&unasked.stderr).contains("error[E0227]"),
                "{unasked:?}"
            );
        }
        assert!(
            matches!(
                wait(erased(fixture)),
                Eligibility::Due { .. } | Eligibility::Erased { .. }
            ),
            "{name}"
        );
        let verified = fixture.run("verify", &[]);
        assert_eq!(
            verified.status.code(),
            verified_before.status.code(),
            "{name}: {verified:?}"
        );
        assert!(
            String::from_utf8_lossy(&verified.stdout).contains("the batches are those that the erasure wrote"),
            "{name}: {verified:?}"
        );
        let now = exported();
        assert_eq!(now.len(), expected.len(), "{name}");
        for (then, now) in expected.iter().zip(&now) {
            let mut then = then.clone();
            let open_id = then.as_object_mut().unwrap().remove("open_id").unwrap();
            // An answer may have named its user.
            if now["message"]
                .as_str()
                .is_some_and(|message| message.contains(ERASED_WORD))
            {
                then["message"] = now["message"].clone();
            }
            assert_eq!(&then, now, "{name}");
            assert!(!now.to_string().contains(open_id.as_str().unwrap()), "{name}: {now}");
        }
        let first = &expected[0];
        let open_id = first["open_id"].as_str().unwrap();
        let traced = fixture.run("trace", &[open_id, "--output", "json"]);
        assert_eq!(object(&traced, "recipient")["open_id"], open_id, "{name}");
        assert_eq!(
            object(&traced, "delivery")["merchant_coupon_id"],
            first["merchant_coupon_id"],
            "{name}"
        );
        let by_person = ["--refused", "--as", "owed", "--note", "ticket 812"];
        for (command, arguments) in [
            ("apply", &[][..]),
            ("plan", &[]),
            ("simulate", &[]),
            ("resolve", &by_person),
        ] {
            let refused = fixture.run(command, arguments);
            let why = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(4), "{name} {command}: {why}");
            assert!(why.contains("error[E0355]"), "{name} {command}: {why}");
        }
        let again = fixture.run("erase", &["--yes", "--output", "json"]);
        assert_eq!(is_asked(&again), "already_erased", "{name}");
    }
}

/// Earlier versions kept the ledger of a loopback address among the rehearsals. It may have real deliveries.
#[test]
fn an_earlier_ledger_of_a_loopback_address_is_named_and_goes_on_where_it_belongs() {
    let fixture = Fixture::unpack("loopback");
    let before = fs::read(fixture.ledger_dir().join("head")).unwrap();
    for (command, arguments) in [
        ("export", &[][..]),
        ("plan", &[]),
        ("apply", &[]),
        ("apply", &["--sandbox"]),
        ("apply", &["--sandbox", "--fresh"]),
    ] {
        let refused = fixture.run(command, arguments);
        assert_eq!(refused.status.code(), Some(4), "{command} {arguments:?}: {refused:?}");
    }
    assert_eq!(fs::read(fixture.ledger_dir().join("head")).unwrap(), before);
    let refused = fixture.run("export", &[]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("error[E0322]"),
        "{refused:?}"
    );
    fixture.type_line(&refused, "mkdir -p ");

    let verified = fixture.run("verify", &[]);
    assert!(verified.status.success(), "{verified:?}");
    let exported = fixture.run("export", &["--format", "jsonl"]);
    let now = rows(&String::from_utf8(exported.stdout).unwrap());
    let deliveries: Vec<_> = now.iter().filter(|row| row["type"] == "delivery").collect();
    let expected = fixture.expected();
    assert_eq!(deliveries.len(), expected.len());
    assert!(expected.iter().zip(deliveries).all(|(then, now)| contains(then, now)));
    let planned = fixture.run("plan", &["--output", "json"]);
    assert!(planned.status.success(), "{planned:?}");
    assert!(
        String::from_utf8_lossy(&planned.stdout).contains("\"new\":false"),
        "{planned:?}"
    );
}

#[test]
fn an_earlier_ledger_of_a_loopback_address_that_was_only_rehearsed_can_be_removed() {
    let fixture = Fixture::unpack("loopback");
    let refused = fixture.run("apply", &["--sandbox"]);
    fixture.type_line(&refused, "rm -r ");
    let rehearsed = fixture.run("apply", &["--sandbox"]);
    assert!(matches!(rehearsed.status.code(), Some(0 | 4)), "{rehearsed:?}");
    assert!(
        !String::from_utf8_lossy(&rehearsed.stderr).contains("E0322"),
        "{rehearsed:?}"
    );
    // New rehearsals are marked, so the message does not come again.
    let planned = fixture.run("plan", &["--output", "json"]);
    assert!(
        String::from_utf8_lossy(&planned.stdout).contains("\"new\":true"),
        "{planned:?}"
    );
}

#[test]
fn an_earlier_ledger_goes_on() {
    for fixture in Fixture::all() {
        wait(async {
            let place = LedgerDir::new(fixture.dir.path(), &fixture.identity());
            let lock = place.lock(&owner(), Purpose::Apply).unwrap();
            let open = async || {
                let store = place.open(&lock).await.unwrap().expect("a ledger is there");
                Ledger::open(store, fixture.identity()).await.unwrap()
            };
            let mut ledger = open().await;
            check(ledger.state());
            let at = later(ledger.state().newest(), Duration::from_hours(1));
            let timeout = Duration::from_secs(10);
            ledger.append(vec![Fact::run_began(at, timeout)]).await.unwrap();
            let activity = ledger.state().current_activity().unwrap();
            let first_coupons = (0..ledger.state().recipients()).map(|recipient| DeliveryKey { recipient, ordinal: 1 });
            let pending = first_coupons.filter(|key| ledger.state().status(*key).state.name() == StateName::Pending);
            let pending: Vec<_> = pending.take(5).collect();
            let intents = pending.iter().map(|key| Fact::Intent {
                key: *key,
                at,
                activity,
            });
            let permits = ledger.append(intents.collect()).await.unwrap();
            assert_eq!(permits.len(), pending.len());
            let issued = pending.iter().map(|key| ended(*key, Decision::Issued, at));
            ledger.append(issued.collect()).await.unwrap();
            let counts = ledger.state().counts();
            ledger.close().await;
            let ledger = open().await;
            check(ledger.state());
            assert_eq!(ledger.state().counts(), counts, "{}", fixture.name);
            for key in pending {
                assert_eq!(ledger.state().status(key).state.name(), StateName::Issued);
            }
            ledger.close().await;
        });
    }
}

#[test]
fn an_earlier_rehearsal_is_completed_by_the_same_command() {
    let fixture = Fixture::unpack("rehearsal");
    let applied = fixture.run("apply", &[]);
    assert!(applied.status.success(), "{applied:?}");
    let summary = String::from_utf8(applied.stdout).unwrap();
    assert!(summary.contains("60 coupons = "), "{summary}");
}

#[test]
fn approvals_of_an_earlier_ledger_hold() {
    let fixture = Fixture::unpack("approvals");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let plan = object(&fixture.run("plan", &["--output", "json"]), "plan");
        assert_eq!(plan["needs_approval"], json!([2]), "{plan}");
        let history = fixture.run("history", &["--output", "json"]);
        let acts = rows(&String::from_utf8(history.stdout).unwrap());
        let approvals = acts.iter().filter(|act| act["act"] == "approved");
        let approvals: Vec<_> = approvals.map(|act| [&act["wave"], &act["by"], &act["from"]]).collect();
        assert_eq!(
            json!(approvals),
            json!([["testers", "王芳 (财务)", "root@vm"], ["20%", "han", "root@vm"]])
        );
    }
    let again = fixture.run("approve", &["--wave", "1", "--by", "li"]);
    assert!(again.status.success(), "{again:?}");
    let early = fixture.run("approve", &["--wave", "2"]);
    assert_eq!(early.status.code(), Some(3), "{early:?}");
}

/// The platform said 5 CNY for each coupon, and the campaign file said 1 CNY when `max_worth` was reached.
#[test]
fn the_worth_of_an_earlier_ledger_is_what_the_platform_stated() {
    let fixture = Fixture::unpack("worth");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let plan = object(&fixture.run("plan", &["--output", "json"]), "plan");
        let worth = json!({
            "each_fen": 500, "source": "platform", "issued_fen": 15_000, "open_fen": 0, "held_fen": 0, "owed_fen": 12_000,
            "at_most_fen": 27_000,
        });
        assert!(contains(&worth, &plan["worth"]), "{plan}");
    }
}

/// The second owner took over deliveries that were in flight when the first one was killed. They are in doubt, and the history names
/// both.
#[test]
fn the_owners_of_an_earlier_ledger_of_a_fleet_are_shown() {
    let fixture = Fixture::unpack("fleet");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let history = fixture.run("history", &["--output", "json"]);
        let acts = rows(&String::from_utf8(history.stdout).unwrap());
        let owners = acts.iter().filter(|act| act["act"] == "owner_changed");
        let owners: Vec<_> = owners.map(|act| [&act["term"], &act["worker"]]).collect();
        assert_eq!(
            json!(owners),
            json!([
                [1, "e544ed210f15f693cb6c397af248d5d0"],
                [2, "8af90798a061642349764719119ee306"]
            ])
        );
        let plan = object(&fixture.run("plan", &["--output", "json"]), "plan");
        assert_eq!(plan["counts"]["in_doubt"], 5, "{plan}");
    }
}

/// The first machine of the fleet read the lists twice. The second one took over in between: it did not have them.
#[test]
fn the_audience_that_an_earlier_fleet_admitted_is_known() {
    let fixture = Fixture::unpack("taken-over");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        wait(async {
            let place = LedgerDir::new(fixture.dir.path(), &fixture.identity());
            let lock = place.lock(&owner(), Purpose::Apply).unwrap();
            let store = place.open(&lock).await.unwrap().expect("a ledger is there");
            let ledger = Ledger::open(store, fixture.identity()).await.unwrap();
            let state = ledger.state();
            let origin = state.origin().expect("a fleet admitted it");
            assert_eq!((&*origin.host, origin.at.as_millisecond()), ("vm", 1_796_010_971_030));
            assert_ne!(origin.lists, [0; 32]);
            assert_eq!(state.recipients(), 57);
            assert_eq!(state.last_active().len(), 57);
            // From 2026-08-01T00:00:00Z to 2026-11-30T00:00:00Z. One of them has left the list.
            let dated = |at: &&u32| (1_785_542_400..1_796_083_200).contains(*at);
            assert_eq!(state.last_active().iter().filter(dated).count(), 56);
            ledger.close().await;
        });
    }
    let history = fixture.run("history", &["--output", "json"]);
    let acts = rows(&String::from_utf8(history.stdout).unwrap());
    let owners = acts.iter().filter(|act| act["act"] == "owner_changed");
    assert_eq!(
        owners.map(|act| act["term"].as_u64()).collect::<Vec<_>>(),
        [1, 2, 3].map(Some)
    );
    let plan = object(&fixture.run("plan", &["--output", "json"]), "plan");
    assert_eq!(
        (&plan["counts"]["issued"], &plan["counts"]["in_doubt"]),
        (&json!(39), &json!(2)),
        "{plan}"
    );
}

/// The service approved 60 coupons of 1 CNY, and the platform said 5 CNY for each. A second approval allowed the rest.
#[test]
fn the_approvals_that_runs_of_an_earlier_ledger_cite_hold() {
    let fixture = Fixture::unpack("envelope");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let certificate = object(&fixture.run("verify", &["--output", "json"]), "certificate");
        let approvals = certificate["run_approvals"].as_array().unwrap();
        let bounds: Vec<_> = approvals.iter().map(|it| [&it["record"], &it["worth_fen"]]).collect();
        assert_eq!(json!(bounds), json!([[3, 6_000], [6, 30_000]]));
        assert_eq!(certificate["attempts_outside"], 0);
        let history = fixture.run("history", &["--output", "json"]);
        let acts = rows(&String::from_utf8(history.stdout).unwrap());
        let cited = acts
            .iter()
            .filter(|act| act["act"] == "run_approved")
            .map(|act| &act["record"]);
        assert_eq!(json!(cited.collect::<Vec<_>>()), json!([3, 6]));
    }
}

/// The stock of the first activity was used up, and a person asked for more. The platform's records settled four deliveries, a person
/// accepted the bills for five others.
#[test]
fn what_the_platforms_records_settled_in_an_earlier_ledger_stays_settled() {
    let fixture = Fixture::unpack("reconciled");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let certificate = object(&fixture.run("verify", &["--output", "json"]), "certificate");
        let reconciled = json!({
            "at": "2026-12-01T17:53:58.092+08:00", "found": 4, "users": 63, "spots": 12,
            "statuses": {"10": 10, "20": 2}, "counts": {"7249313954240004096": 40},
            "bills": {
                "2026-11-29": "086fc65b242a2cb4472a09e1a1c035d0a9a9ad7a476e5c4d2d7d2da93f52e2d2",
                "2026-11-30": null,
            },
        });
        assert!(contains(&reconciled, &certificate["reconciled"]), "{certificate}");
        let activities = certificate["activities"].as_array().unwrap();
        let activities: Vec<_> = activities
            .iter()
            .map(|it| [&it["stock"], &it["issued"], &it["released"]])
            .collect();
        assert_eq!(json!(activities), json!([[40, 40, false], [30, 2, false]]));
        let plan = object(&fixture.run("plan", &["--output", "json"]), "plan");
        let stock = json!({"number": 2, "new": false, "stock": 30, "left": 27});
        assert!(contains(&stock, &plan["activity"]), "{plan}");
        let history = fixture.run("history", &["--output", "json"]);
        let acts = rows(&String::from_utf8(history.stdout).unwrap());
        let resolved = acts.iter().filter(|act| act["act"] == "resolved");
        assert_eq!(resolved.count(), 1, "{acts:?}");
        assert_eq!(acts.iter().filter(|act| act["act"] == "reconciled").count(), 3);
    }
}

#[test]
fn an_activity_that_an_earlier_version_released_stays_released() {
    let fixture = Fixture::unpack("released");
    for snapshot in [true, false] {
        if !snapshot {
            fixture.forget_snapshot();
        }
        let certificate = object(&fixture.run("verify", &["--output", "json"]), "certificate");
        let activity = &certificate["activities"][0];
        assert_eq!(
            json!([activity["stock"], activity["issued"], activity["released"]]),
            json!([14, 11, true])
        );
    }
    let audience = fixture.dir.path().join("audience.csv");
    let more = fs::read_to_string(&audience).unwrap() + "fixture-guest-013\n";
    fs::write(&audience, more).unwrap();
    let refused = fixture.run("apply", &["--yes"]);
    assert!(!refused.status.success(), "{refused:?}");
}
