//! The stock of the activity that a campaign declares is used up in mid-run, and a person asks for more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, Ran, Scene};

const USERS: usize = 90;
const STOCK: usize = 30;
const MORE: usize = 70;
/// What the output names as the way to go on.
const ACCEPT: &str = "--accept activity_id";

/// What a person reads in one language.
struct Words {
    /// The value of `RUNNER_LANG`.
    language: &'static str,
    halted: &'static str,
    used_up: &'static str,
    added: &'static str,
    refused: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    halted: "stopped; it needs your attention",
    used_up: "so the stock is used up",
    added: "activity 2 created",
    refused: "the activity is another one than at the last apply",
};

const CHINESE: Words = Words {
    language: "zh",
    halted: "已停止，需要人工处理",
    used_up: "库存用完",
    added: "已创建第 2 个活动",
    refused: "活动与上次执行时不同",
};

/// A campaign that declares an activity with too little stock.
fn scene(platform: &FakePlatform) -> Scene {
    let scene = Scene::new(&platform.url, USERS);
    let file = fs::read_to_string(scene.file()).unwrap();
    let named = format!("activity_id: \"{}\"", scene.activity_id);
    let declared = format!("coupon_meta_id: \"7218\"\nactivity: {{stock: {STOCK}}}");
    fs::write(scene.file(), file.replace(&named, &declared)).unwrap();
    scene
}

fn run(scene: &Scene, words: &Words, verb: &str, flags: &[&str]) -> Ran {
    let mut command = scene.with_secrets(verb, flags);
    Ran::new(command.env("RUNNER_LANG", words.language).output().unwrap())
}

/// The users that got a coupon, by activity.
fn issued(platform: &FakePlatform) -> BTreeMap<String, Vec<String>> {
    let mut issued: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in platform.log() {
        if record["effect"] == "issued" {
            let text = |key: &str| record[key].as_str().unwrap().to_owned();
            issued.entry(text("activity_id")).or_default().push(text("open_id"));
        }
    }
    issued
}

fn more_stock_gives_each_user_one_coupon(words: &Words) {
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = scene(&platform);
    let ran = run(&scene, words, "apply", &[]).ends(4);
    assert!(ran.out.contains("E0705"), "{}", ran.out);
    for text in [words.halted, words.used_up] {
        assert!(ran.out.contains(text) || ran.err.contains(text), "{text}: {ran:?}");
    }
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), STOCK as u64);

    let ran = run(&scene, words, "activity", &["--add", &MORE.to_string(), "--yes"]).ends(0);
    for text in [words.added, ACCEPT] {
        assert!(ran.out.contains(text) || ran.err.contains(text), "{text}: {ran:?}");
    }
    let ran = run(&scene, words, "apply", &[]).ends(4);
    assert!(ran.err.contains(ACCEPT), "{}", ran.err);
    assert!(ran.err.contains("E0601"), "{}", ran.err);
    assert!(ran.err.contains(words.refused), "{}", ran.err);
    run(&scene, words, "apply", &["--accept", "activity_id"]).ends(0);

    let issued = issued(&platform);
    let by_activity: Vec<usize> = issued.values().map(Vec::len).collect();
    let mut sorted = by_activity.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [STOCK, USERS - STOCK], "{by_activity:?}");
    let users: BTreeSet<&String> = issued.values().flatten().collect();
    assert_eq!(users.len(), USERS, "each user has one coupon");
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert!(counts.complete());
}

#[test]
fn stock_that_is_used_up_is_made_more_in_english() {
    more_stock_gives_each_user_one_coupon(&ENGLISH);
}

#[test]
fn stock_that_is_used_up_is_made_more_in_chinese() {
    more_stock_gives_each_user_one_coupon(&CHINESE);
}
