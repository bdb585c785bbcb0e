//! A recurring campaign: each occurrence gives every user one coupon, whatever happens to its runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, ToSpan};
use runner::model::clock::Clock;

use crate::scene::{FakePlatform, Scene};

const USERS: usize = 300;

/// A zone in which it is about noon, so that no test meets a midnight.
pub fn zone_at_noon() -> TimeZone {
    let hour = TimeZone::UTC.to_datetime(Clock::system().now()).hour();
    let name = match 12 - hour {
        0 => "UTC".to_owned(),
        east @ 1.. => format!("Etc/GMT-{east}"),
        west => format!("Etc/GMT+{}", -west),
    };
    TimeZoneDatabase::bundled().get(&name).unwrap()
}

fn local(zone: &TimeZone) -> DateTime {
    zone.to_datetime(Clock::system().now())
}

/// A daily rule whose time of day is `minutes` from now.
pub fn daily(zone: &TimeZone, minutes: i64, more: &str) -> String {
    let at = local(zone).checked_add(SignedDuration::from_mins(minutes)).unwrap();
    format!(
        "timezone: {}\nrepeat: {{every: day, at: \"{}\"{more}}}",
        zone.iana_name().unwrap(),
        at.strftime("%H:%M"),
    )
}

pub fn today(zone: &TimeZone) -> Date {
    local(zone).date()
}

/// For each user, the ids of the requests, and how many coupons were issued for each.
fn coupons(fake_platform: &FakePlatform) -> BTreeMap<String, BTreeMap<String, u32>> {
    let mut users: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for record in fake_platform.log() {
        let text = |key: &str| record[key].as_str().unwrap().to_owned();
        let issued = users
            .entry(text("open_id"))
            .or_default()
            .entry(text("merchant_coupon_id"));
        *issued.or_default() += u32::from(record["effect"] == "issued");
    }
    users
}

#[test]
fn two_occurrences_give_each_user_two_coupons_and_a_kill_gives_none_more() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--latency", "20ms..60ms"]);
    let zone = zone_at_noon();
    let mut scene = Scene::new(&fake_platform.url, USERS);
    scene.more = daily(&zone, 10, "");
    scene.write();
    // Yesterday's occurrence was missed. It may still send, because today's begins in ten minutes.
    let yesterday = today(&zone).yesterday().unwrap();
    let missed = scene.run(&[]).ends(3);
    assert!(missed.err.contains("E0605"), "{missed:?}");
    assert!(missed.err.contains(&format!("--occurrence {yesterday}")), "{missed:?}");
    assert_eq!(fake_platform.log().len(), 0);

    // A person sends it late, and the run is killed when it has sent to some.
    let late = ["--occurrence".to_owned(), yesterday.to_string()];
    let late: Vec<_> = late.iter().map(String::as_str).collect();
    let mut killed = scene.apply(&late).spawn().unwrap();
    while fake_platform.log().len() < USERS / 4 {
        assert!(killed.try_wait().unwrap().is_none(), "it has ended");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = coupons(&fake_platform).len();
    assert!((1..USERS).contains(&before), "{before} users");

    // It has begun, so it is due until its end: no option is needed to go on.
    scene.run(&[]).ends(0);
    let once = coupons(&fake_platform);
    assert_eq!(once.len(), USERS);
    assert!(once.values().all(|ids| ids.values().eq([&1])), "{once:?}");

    // Today's occurrence has begun: yesterday's sends nothing more, and today's has other ids.
    scene.more = daily(&zone, -1, "");
    scene.write();
    scene.audience(0..USERS + 1);
    scene.run(&late).ends(4);
    assert_eq!(coupons(&fake_platform), once);
    scene.run(&[]).ends(0);
    let twice = coupons(&fake_platform);
    assert_eq!(twice.len(), USERS + 1);
    for (user, ids) in &twice {
        let of_yesterday: BTreeSet<_> = once.get(user).into_iter().flat_map(BTreeMap::keys).collect();
        let new = ids.keys().filter(|id| !of_yesterday.contains(id)).count();
        assert_eq!((new, ids.len()), (1, 1 + of_yesterday.len()), "{user}: {ids:?}");
        assert!(ids.values().all(|issued| *issued == 1), "{user}: {ids:?}");
    }
    scene.run(&[]).ends(0);
    assert_eq!(coupons(&fake_platform), twice);

    // Each has its own ledger, and commands say which one they show.
    let status = scene.without_secrets("status", &[]);
    for date in [yesterday, today(&zone)] {
        assert!(status.out.contains(&format!("summer@{date}")), "{status:?}");
    }
    let one = scene.without_secrets("status", &late);
    assert!(one.out.contains(&format!("summer@{yesterday}")), "{one:?}");
    assert!(!one.out.contains(&format!("summer@{}", today(&zone))), "{one:?}");
    let history = scene.without_secrets("history", &[]).ends(0);
    assert!(history.err.contains(&yesterday.to_string()), "{history:?}");
    scene.without_secrets("verify", &late).ends(0);
    let decide = ["--refused", "--as", "refused", "--note", "ticket 812", "--yes"];
    let which = scene.without_secrets("resolve", &decide).ends(2);
    assert!(which.err.contains("E0231"), "{which:?}");
    let tomorrow = today(&zone).checked_add(1.day()).unwrap().to_string();
    scene
        .without_secrets("trace", &["user-000001", "--occurrence", "2026-02-30"])
        .ends(2);
    let unbegun = scene
        .without_secrets("trace", &["user-000001", "--occurrence", &tomorrow])
        .ends(2);
    assert!(unbegun.err.contains(&format!("summer@{tomorrow}")), "{unbegun:?}");
}

#[test]
fn a_missed_occurrence_is_sent_late_if_the_file_says_so() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let zone = zone_at_noon();
    let mut scene = Scene::new(&fake_platform.url, 20);
    scene.more = daily(&zone, -90, "");
    scene.write();
    scene.run(&[]).ends(3);
    assert_eq!(fake_platform.log().len(), 0);
    scene.more = daily(&zone, -90, ", missed: once");
    scene.write();
    scene.run(&[]).ends(0);
    let coupons = coupons(&fake_platform);
    assert_eq!(coupons.len(), 20);
    assert!(coupons.values().all(|ids| ids.values().eq([&1])), "{coupons:?}");
}

#[test]
fn a_campaign_that_takes_place_once_has_no_occurrence() {
    let scene = Scene::new("http://127.0.0.1:1", 1);
    let ran = scene.run(&["--occurrence", "2026-06-01"]).ends(2);
    assert!(ran.err.contains("E0230"), "{ran:?}");
}
