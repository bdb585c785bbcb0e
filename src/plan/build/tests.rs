//! Building plans: from a minimal file, from a full one, for a rehearsal; and their fingerprints.

use std::path::Path;
use std::time::Duration;

use crate::campaign::{Campaign, parse, render_human};
use crate::model::outcome::Class;
use crate::plan::fingerprint;

use super::*;

const LEAST: &str = "\
version: 1
campaign: summer-2026
app_id: ttec789ac573xxxxxx01
activity_id: 7218071234565644204
audience: {source: {csv: {path: a.csv, open_id: id}}}
";

fn campaign(more: &str) -> Campaign {
    let text = format!("{LEAST}{more}");
    let parsed = parse(Path::new("c.yaml"), text.as_bytes());
    parsed
        .map_err(|found| render_human(&found, false))
        .expect("it parses")
        .campaign
}

fn plan(more: &str) -> Plan {
    build(&campaign(more), RunOptions::default()).expect("it can be planned")
}

fn rehearsal(more: &str, url: &str) -> Result<Plan, PlanError> {
    let sandbox = Some(url.to_owned());
    build(
        &campaign(more),
        RunOptions {
            sandbox,
            ..RunOptions::default()
        },
    )
}

#[test]
fn what_the_file_leaves_out_is_filled_in() {
    let plan = plan("");
    assert_eq!(plan.base_url, "https://open.douyin.com");
    assert_eq!(
        plan.identity.platform,
        PlatformName::Live("https://open.douyin.com".into())
    );
    assert_eq!((plan.coupons_per_user, plan.max_coupons), (1, u64::MAX));
    assert_eq!(
        (plan.schedule.start, plan.schedule.end),
        (Timestamp::MIN, Timestamp::MAX)
    );
    assert_eq!(
        plan.audience,
        Audience {
            limit: u64::MAX,
            order: TurnOrder::AsListed,
            control_group: 0.0,
            lapse: ExpiryRule::Never,
            as_of: AsOf::Wall,
            allow_empty: false,
            max_unusable: 0.01
        }
    );
    assert_eq!(
        plan.pace,
        Pace {
            per_second: 98.0,
            max_in_flight: 64,
            per_day: u64::MAX
        }
    );
    let retry = Retry {
        attempts: 6,
        first_delay: Duration::from_millis(500),
        max_delay: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
        in_doubt: InDoubt::Resend,
        resend_within: Duration::from_hours(24),
        give_up: Duration::from_hours(12),
    };
    assert_eq!(plan.retry, retry);
    let refused = Guard { over: 0.5, after: 200 };
    let held = Guard { over: 0.2, after: 500 };
    assert_eq!(
        plan.halt,
        Halt {
            refused,
            held,
            same_code: 20
        }
    );
    assert!(plan.codes.is_empty());
    assert_eq!(
        plan.run,
        Bounds {
            at_most: u64::MAX,
            no_wait: false
        }
    );
}

#[test]
fn what_the_file_says_is_kept() {
    let plan = plan(
        "coupons_per_user: 3\nmax_coupons: 9\nschedule: {start: 2026-06-01T10:00, end: 2026-06-02T10:00}\nretry: {in_doubt: ask}\ncodes: {5: wait}\n",
    );
    assert_eq!((plan.coupons_per_user, plan.max_coupons), (3, 9));
    assert_eq!(plan.schedule.start.to_string(), "2026-06-01T02:00:00Z");
    assert_eq!(plan.schedule.end.to_string(), "2026-06-02T02:00:00Z");
    assert_eq!(plan.retry.in_doubt, InDoubt::Ask);
    assert_eq!(plan.codes.get(&5), Some(&Class::Wait));
}

#[test]
fn a_loopback_platform_is_one_like_any_other() {
    for url in [
        "http://127.0.0.1:8080/",
        "http://[::1]:1",
        "https://localhost",
        "http://127.9.9.9",
    ] {
        let plan = plan(&format!(
            "platform: {{base_url: '{url}'}}\nschedule: {{start: 2026-06-01T10:00}}\n"
        ));
        let base_url = url.trim_end_matches('/');
        assert_eq!(plan.identity.platform, PlatformName::Live(base_url.to_owned()), "{url}");
        assert!(plan.identity.platform.is_loopback());
        assert_eq!(plan.base_url, base_url);
        assert!(plan.schedule.start > Timestamp::MIN);
    }
    let elsewhere = plan("platform: {base_url: https://gateway.example/douyin/}\n");
    assert_eq!(
        elsewhere.identity.platform,
        PlatformName::Live("https://gateway.example/douyin".into())
    );
    assert!(!elsewhere.identity.platform.is_loopback());
}

#[test]
fn a_rehearsal_has_no_times_and_stays_on_this_machine() {
    let said = "schedule: {start: 2026-06-01T10:00, end: 2026-06-02T10:00}\n";
    let plan = rehearsal(said, "http://127.0.0.1:4711").expect("it can be planned");
    assert_eq!(
        (plan.schedule.start, plan.schedule.end),
        (Timestamp::MIN, Timestamp::MAX)
    );
    assert_eq!(
        (plan.identity.platform, plan.base_url.as_str()),
        (PlatformName::FakePlatform, "http://127.0.0.1:4711")
    );
    let hours = "schedule: {start: 2026-06-01T10:00, hours: [mon 10:00-12:00]}\n";
    let shown = rehearsal(hours, "http://127.0.0.1:4711")
        .expect("it can be planned")
        .schedule;
    assert!(
        shown.hours.is_always() && !shown.shown.is_always(),
        "its windows are only shown"
    );
    let start = "2026-06-01T02:00:00Z".parse().expect("a time");
    assert_eq!(
        plan.audience.as_of,
        AsOf::From(start),
        "who has lapsed by then is not sent to"
    );
    for url in [
        "https://open.douyin.com",
        "http://open.douyin.com",
        "nonsense",
        "https://localhost.example",
    ] {
        assert!(rehearsal(said, url).is_err(), "{url}");
    }
}

/// Files whose fingerprints differ from each other and from that of the minimal file.
const MEANINGS: [&str; 34] = [
    "coupons_per_user: 2\n",
    "max_coupons: 5\n",
    "schedule: {start: 2026-06-01T10:00}\n",
    "schedule: {end: 2026-06-01T10:00}\n",
    "schedule: {hours: [mon 10:00-12:00]}\n",
    "schedule: {hours: [mon 10:00-12:00]}\ntimezone: UTC\n",
    "schedule: {hours: [mon 10:00-12:01]}\n",
    "schedule: {hours: [tue 10:00-12:00]}\n",
    "schedule: {closed: [2026-06-03]}\n",
    "schedule: {closed: [2026-06-04]}\n",
    "schedule: {hours: [mon 10:00-12:00], closed: [2026-06-04]}\n",
    "schedule: {waves: [{share: 1%, wait: 30m}]}\n",
    "schedule: {waves: [{share: 2%, wait: 30m}]}\n",
    "schedule: {waves: [{share: 1%, wait: 31m}]}\n",
    "schedule: {waves: [{share: 1%, wait: 30m, halt_if_not_issued: 30%}]}\n",
    "schedule: {waves: [{share: 1%, wait: 30m}, {share: 2%, wait: 30m}]}\n",
    "pace: {per_second: 97}\n",
    "pace: {max_in_flight: 63}\n",
    "retry: {attempts: 7}\n",
    "retry: {first_delay: 501ms}\n",
    "retry: {max_delay: 61s}\n",
    "retry: {timeout: 11s}\n",
    "retry: {in_doubt: ask}\n",
    "retry: {resend_within: 25h}\n",
    "retry: {give_up: 13h}\n",
    "halt: {refused: {over: 51%, after: 200}}\n",
    "halt: {refused: {over: 50%, after: 201}}\n",
    "halt: {held: {over: 50%, after: 200}}\n",
    "halt: {same_code: 21}\n",
    "codes: {5: hold}\n",
    "codes: {5: wait}\n",
    "codes: {6: hold}\n",
    "codes: {5: hold, 6: hold}\n",
    "platform: {base_url: https://gateway.example}\n",
];

#[test]
fn a_fingerprint_changes_with_the_meaning_and_with_nothing_else() {
    let hash = [7; 32];
    let base = fingerprint(&plan(""), &hash);
    // Must never change: a later version has to recognise an agreed plan.
    assert_eq!(base, "714142d485-e5b5c7ca89");
    let bounds = RunOptions {
        at_most: Some(5),
        no_wait: true,
        sandbox: None,
    };
    let bounded = build(&campaign("title: another\ntimezone: UTC\n"), bounds).expect("it can be planned");
    assert_eq!(fingerprint(&bounded, &hash), base);
    // Equal windows have equal fingerprints, however the file writes them.
    let same = [
        "schedule: {hours: [mon-sun 00:00-24:00], closed: []}\n",
        "schedule: {hours: [mon-fri 00:00-12:00, mon-sun 12:00-00:00, sat-sun 00:00-13:00]}\n",
    ];
    assert_eq!(
        same.map(|more| fingerprint(&plan(more), &hash)),
        [base.clone(), base.clone()]
    );
    let ports = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(|url| rehearsal("", url).expect("it can be planned"));
    assert_eq!(fingerprint(&ports[0], &hash), fingerprint(&ports[1], &hash));
    let mut all = vec![base, fingerprint(&plan(""), &[8; 32]), fingerprint(&ports[0], &hash)];
    for more in MEANINGS {
        all.push(fingerprint(&plan(more), &hash));
    }
    let source = "source: {csv: {path: a.csv, open_id: id, last_active: at}}";
    for more in [
        "control_group: 5%",
        "control_group: 6%",
        "active_within: 7d",
        "active_within: 8d",
        "active_within: 7d, order: expiring_first",
        "active_within: 7d, order: expiring_first, control_group: 5%",
        "limit: 7",
    ] {
        let text = LEAST.replace(
            "source: {csv: {path: a.csv, open_id: id}}",
            &format!("{source}, {more}"),
        );
        let said = parse(Path::new("c.yaml"), text.as_bytes()).map_err(|found| render_human(&found, false));
        let plan = build(&said.expect("it parses").campaign, RunOptions::default()).expect("it can be planned");
        all.push(fingerprint(&plan, &hash));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}
