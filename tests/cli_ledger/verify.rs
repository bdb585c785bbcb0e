//! `runner verify`: a sound ledger is certified, a changed one is noticed, a damaged one is refused.

use std::fs;

use runner::ledger::Fact;

use crate::fixture::{Fixture, Ran, intent, issued, key, lost, refused, with_ids};

/// The output with a placeholder for the ledger's id.
fn told(fixture: &Fixture, ran: &Ran) -> String {
    let manifest = fs::read_to_string(fixture.place().dir().join("ledger.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    ran.told(fixture).replace(manifest["id"].as_str().unwrap(), "ID")
}

#[test]
fn a_sound_ledger_is_certified_and_compared() {
    let fixture = Fixture::new();
    let mut all = told(
        &fixture,
        &fixture.run("verify", &["--certificate", "cert.json"]).ends(0),
    );
    let certificate = fs::read_to_string(fixture.dir.path().join("cert.json")).unwrap();
    let mut certificate: serde_json::Value = serde_json::from_str(&certificate).unwrap();
    for differs in ["at", "ledger", "runner"] {
        assert!(certificate[differs].is_string());
        certificate[differs] = "…".into();
    }
    insta::assert_snapshot!(
        "verify_certificate",
        serde_json::to_string_pretty(&certificate).unwrap()
    );

    let same = fixture.run("verify", &["--against", "cert.json"]).ends(0);
    assert!(same.out.contains("it says the same as cert.json"), "{}", same.out);
    fixture.append(vec![intent(key(8, 1), 200_000), issued(key(8, 1), 200_100, "券")]);
    let differs = fixture.run("verify", &["--against", "cert.json"]).ends(4);
    let then = certificate_time(&fixture);
    all.push_str(&told(&fixture, &differs).replace(&then, "THEN"));
    let differs = fixture
        .run("verify", &["--against", "cert.json", "--lang", "zh"])
        .ends(4);
    all.push_str(&told(&fixture, &differs).replace(&then, "THEN"));
    insta::assert_snapshot!("verify", all);

    let objects = fixture
        .run("verify", &["--against", "cert.json", "--output", "json"])
        .ends(4)
        .objects();
    assert_eq!(objects[1]["type"], "certificate");
    assert_eq!(
        (&objects[2]["type"], &objects[2]["same"]),
        (&"compared".into(), &false.into())
    );
}

fn certificate_time(fixture: &Fixture) -> String {
    let text = fs::read_to_string(fixture.dir.path().join("cert.json")).unwrap();
    let certificate: serde_json::Value = serde_json::from_str(&text).unwrap();
    certificate["at"].as_str().unwrap().to_owned()
}

/// The checksum can be computed from an export.
#[test]
fn the_checksum_is_that_of_the_exported_rows() {
    use sha2::{Digest, Sha256};
    let fixture = Fixture::new();
    let rows = fixture
        .run("export", &["--format", "jsonl", "--state", "issued,refused"])
        .ends(0)
        .objects();
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut lines: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {}\n", text(row, "merchant_coupon_id"), text(row, "state")))
        .collect();
    lines.sort();
    let digest = Sha256::digest(lines.concat());
    let hex = digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let out = fixture.run("verify", &[]).ends(0).out;
    assert!(out.contains(&hex), "{hex}\n{out}");
}

/// The store can rebuild its summary from its batches, which `verify` has checked one by one.
#[test]
fn a_damaged_summary_of_the_store_loses_nothing() {
    let fixture = Fixture::new();
    fixture.run("verify", &["--certificate", "cert.json"]).ends(0);
    let place = fixture.place();
    fs::remove_file(place.dir().join("seal")).unwrap();
    let entries = fs::read_dir(place.dir().join("store")).unwrap();
    let snapshot = entries
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."))
        .unwrap();
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshot, &bytes).unwrap();
    fixture.run("verify", &["--against", "cert.json"]).ends(0);
    assert!(fs::read(&snapshot).unwrap() == bytes, "a look changes nothing");
}

/// For every flipped bit of the store, the ledger is unchanged or is refused with the file's name.
#[test]
fn a_damaged_ledger_is_named_and_never_a_smaller_one() {
    let fixture = Fixture::new();
    fixture.run("verify", &["--certificate", "cert.json"]).ends(0);
    let db = fixture.place().dir().join("store").join("db");
    let sound = fs::read(&db).unwrap();
    // Most of the file is empty.
    let written: Vec<_> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    let mut refused = 0;
    for nth in 0..40 {
        let mut bytes = sound.clone();
        bytes[written[written.len() * nth / 40]] ^= 1 << (nth % 8);
        fs::write(&db, &bytes).unwrap();
        let ran = fixture.run("verify", &["--against", "cert.json"]);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        if ran.code != Some(0) {
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.err.contains("E0319") && ran.err.contains("`db`"), "{}", ran.err);
            let last_good = [
                "the last good one is batch",
                "nothing before it is sound",
                "ends after batch",
                "part",
            ];
            assert!(last_good.iter().any(|said| ran.err.contains(said)), "{}", ran.err);
            refused += 1;
        }
        assert!(fs::read(&db).unwrap() == bytes, "a look changes nothing");
        fs::write(&db, &sound).unwrap();
    }
    fixture.run("verify", &["--against", "cert.json"]).ends(0);
    assert!(refused > 0, "some of them hit a fact");
}

#[test]
fn what_is_no_certificate_is_said_so() {
    let fixture = Fixture::new();
    fs::write(fixture.dir.path().join("other.json"), "{\"type\":\"delivery\"}").unwrap();
    fs::write(fixture.dir.path().join("text"), "hello").unwrap();
    let mut all = String::new();
    for args in [
        &["--against", "other.json"][..],
        &["--against", "text"],
        &["--against", "missing.json"],
        &["--certificate", "missing/cert.json"],
    ] {
        all.push_str(&fixture.run("verify", args).ends(2).told(&fixture));
        let args = [args, &["--lang", "zh"]].concat();
        all.push_str(&fixture.run("verify", &args).ends(2).told(&fixture));
    }
    insta::assert_snapshot!("verify_refused", all);
}

/// A sound ledger with these additional ends of attempts.
fn with_ends(ends: Vec<Fact>) -> Fixture {
    let fixture = Fixture::new();
    for (ms, fact) in (200_000..).step_by(1_000).zip(ends) {
        let Fact::Ended { key, .. } = fact else {
            panic!("no attempt ended: {fact:?}")
        };
        fixture.append(vec![intent(key, ms), fact]);
    }
    fixture
}

#[test]
fn a_coupon_or_log_id_of_several_deliveries_needs_a_person() {
    // The first coupon of the first user, again for the user's second delivery and for another user, whose second answer
    // has the log_id of a refusal.
    let first = "7300000000000000001";
    let refusal = "20260601100000LOG002800011";
    let fixture = with_ends(vec![
        with_ids(issued(key(0, 2), 200_100, "券"), first, "own-1"),
        with_ids(issued(key(8, 1), 201_100, "券"), first, "own-2"),
        with_ids(refused(key(8, 2), 202_100), "", refusal),
    ]);
    let mut all = told(
        &fixture,
        &fixture.run("verify", &["--certificate", "cert.json"]).ends(4),
    );
    all.push_str(&told(&fixture, &fixture.run("verify", &["--lang", "zh"]).ends(4)));
    let json = fixture.run("verify", &["--output", "json"]).ends(4);
    for object in json.objects().iter().filter(|object| object["type"] != "certificate") {
        all.push_str(&serde_json::to_string_pretty(object).unwrap());
        all.push('\n');
    }
    insta::assert_snapshot!("verify_repeats", all);

    let certificate = fs::read_to_string(fixture.dir.path().join("cert.json")).unwrap();
    let certificate: serde_json::Value = serde_json::from_str(&certificate).unwrap();
    assert_eq!(
        (&certificate["repeated_coupon_ids"], &certificate["repeated_log_ids"]),
        (&1.into(), &1.into())
    );
    let same = fixture.run("verify", &["--against", "cert.json"]).ends(4);
    assert!(same.out.contains("it says the same as cert.json"), "{}", same.out);
}

/// The run rejected this answer and put the delivery in doubt without the ids. A resend then has its own answer.
#[test]
fn an_answer_that_a_run_did_not_accept_is_no_repeat() {
    let fixture = with_ends(vec![issued(key(8, 1), 200_100, "券"), lost(key(0, 2), 201_100)]);
    fixture.run("verify", &[]).ends(0);
    fixture.append(vec![intent(key(0, 2), 210_000), issued(key(0, 2), 210_100, "券")]);
    fixture.run("verify", &[]).ends(0);
}

/// The certificate of a version that did not look for repeated ids.
#[test]
fn a_certificate_without_repeats_is_compared_by_what_it_has() {
    let fixture = Fixture::new();
    fixture.run("verify", &["--certificate", "cert.json"]).ends(0);
    let path = fixture.dir.path().join("cert.json");
    let mut certificate: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let fields = certificate.as_object_mut().unwrap();
    fields.remove("repeated_coupon_ids").unwrap();
    fields.remove("repeated_log_ids").unwrap();
    fs::write(&path, certificate.to_string()).unwrap();
    fixture.run("verify", &["--against", "cert.json"]).ends(0);
}
