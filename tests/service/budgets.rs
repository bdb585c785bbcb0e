//! Budgets of campaigns that send for real, to a fake platform whose coupons are worth 5 CNY each.

use std::fs;
use std::process::Command;
use std::thread::park_timeout;
use std::time::Duration;

use crate::client::{Directory, Service, clock_ahead};
use crate::fake_platform::FakePlatform;

/// How a budget is used, in yuan.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    spent: u64,
    in_doubt: u64,
    reserved: u64,
    left: u64,
}

fn figures(service: &Service, name: &str) -> Figures {
    let page = service.get(&format!("/campaigns/{name}.yaml")).body;
    let (_, table) = page.split_once("<section id=\"budget\">").unwrap();
    let (_, row) = table.split_once("<tbody>").unwrap();
    let mut numbers = row.split("<td class=\"number\">").skip(1).map(|cell| {
        let (text, _) = cell.split_once('<').unwrap();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    });
    let mut next = || numbers.next().unwrap();
    Figures {
        spent: next(),
        in_doubt: next(),
        reserved: next(),
        left: next(),
    }
}

fn wait_for_figures(service: &Service, name: &str, expected: &Figures) {
    let mut last = None;
    for _ in 0..600 {
        let now = figures(service, name);
        if now == *expected {
            return;
        }
        last = Some(now);
        park_timeout(Duration::from_millis(100));
    }
    panic!("never {expected:?}: {last:?}");
}

/// A budget of so much a month, and a user who needs nobody else.
fn with_budget(budget: &str, more: &str) -> Directory {
    let directory = Directory::empty();
    let text = format!(
        "version: 1\n{more}policy:\n  budgets: [{{app: \"tt*\", per: month, worth: {budget}}}]\n  expires: 48h\n"
    );
    fs::write(directory.temp.path().join("server.yaml"), text).unwrap();
    directory
}

fn write(directory: &Directory, platform: &FakePlatform, name: &str, users: usize, more: &str) {
    directory.write(name, name, users);
    let keys = platform.keys("budget") + "coupon_value: 5 CNY\n" + more;
    directory.write_file(name, name, &keys);
}

#[test]
fn two_campaigns_share_a_budget() {
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = with_budget("125 CNY", "");
    // One coupon in twenty seconds.
    write(&directory, &platform, "tea", 20, "pace: {per_second: 0.05}\n");
    write(&directory, &platform, "milk", 20, "");
    let mut service = directory.serve_with(&[], &platform.variables("ok"));
    service.approve("tea");
    service.wait_for_state("tea", "sending");
    let used = figures(&service, "tea");
    assert_eq!(used.spent + used.in_doubt + used.reserved, 100, "{used:?}");
    assert_eq!(used.left, 25);
    // The other one has its approval, and not enough is left.
    service.approve("milk");
    let inbox = service.wait_for("/", "of the budget of");
    assert!(inbox.contains("the plan may spend 100 CNY, and 25 CNY"), "{inbox}");
    assert_eq!(platform.coupons("milk").0, 0);
    // A pause keeps what is reserved, and so does a kill.
    assert_eq!(service.post("/campaigns/tea.yaml/pause", "").status, 303);
    service.wait_for_state("tea", "paused");
    service.kill();
    let service = directory.serve_with(&[], &platform.variables("ok"));
    service.wait_for_state("tea", "paused");
    assert_eq!(figures(&service, "tea").left, 25);
    service.wait_for("/", "of the budget of");
    // What a run did not spend is given back at its end, and the other one goes.
    assert_eq!(service.post("/campaigns/tea.yaml/stop", "").status, 303);
    service.wait_for_state("milk", "complete");
    let sent = platform.coupons("tea").0 as u64 * 5;
    assert!(sent <= 25, "{sent}");
    let expected = Figures {
        spent: 100 + sent,
        in_doubt: 0,
        reserved: 0,
        left: 25 - sent,
    };
    wait_for_figures(&service, "milk", &expected);
    // Each of them made 80 % or more be used when it began: a message, once, whatever was killed since.
    for name in ["tea", "milk"] {
        for _ in 0..600 {
            if !platform.notices("ok", name).is_empty() {
                break;
            }
            park_timeout(Duration::from_millis(100));
        }
        let told = platform.notices("ok", name);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert_eq!(told[0]["topic"], "budget");
        assert!(told[0]["budget"].to_string().contains("125"), "{told:?}");
    }
}

#[test]
fn what_is_in_doubt_stays_in_the_budget_until_it_is_resolved() {
    let platform = FakePlatform::start(&["--refuse", "0%", "--hang", "40%"]);
    let directory = with_budget("150 CNY", "");
    let more = "retry: {timeout: 300ms, attempts: 1, in_doubt: ask}\n";
    write(&directory, &platform, "tea", 20, more);
    let service = directory.serve_with(&[], &platform.variables("ok"));
    service.approve("tea");
    service.wait_for_state("tea", "needs a decision");
    let used = figures(&service, "tea");
    assert!(used.in_doubt > 0 && used.reserved == 0, "{used:?}");
    assert_eq!(used.spent + used.in_doubt, 100, "{used:?}");
    let count = used.in_doubt / 5;
    let form = format!("state=in_doubt&count={count}&to=refused&note=ticket+812");
    let resolved = service.post("/campaigns/tea.yaml/resolve", &form);
    assert_eq!(resolved.status, 303, "{}", resolved.body);
    let expected = Figures {
        in_doubt: 0,
        left: used.left + used.in_doubt,
        ..used
    };
    wait_for_figures(&service, "tea", &expected);
}

#[test]
fn a_month_of_a_budget_is_one_of_the_zone() {
    // The last quarter of an hour of January in Shanghai, and the first one of February.
    let [Some(january), Some(february)] = ["@2027-01-31 15:45:00", "@2027-01-31 16:00:30"].map(clock_ahead) else {
        return;
    };
    let platform = FakePlatform::start_with(&["--refuse", "0%"], &january);
    let directory = with_budget("150 CNY", "timezone: Asia/Shanghai\n");
    write(&directory, &platform, "tea", 20, "");
    let serve = |clock: &[(&'static str, String)]| {
        let variables = [&platform.variables("ok")[..], clock].concat();
        directory.serve_with(&[], &variables)
    };
    let mut service = serve(&january);
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    let full = Figures {
        spent: 100,
        in_doubt: 0,
        reserved: 0,
        left: 50,
    };
    wait_for_figures(&service, "tea", &full);
    assert_eq!(service.stop(), Some(0));
    let mut service = serve(&february);
    service.wait_for_state("tea", "complete");
    let empty = Figures {
        spent: 0,
        in_doubt: 0,
        reserved: 0,
        left: 150,
    };
    assert_eq!(figures(&service, "tea"), empty);
    assert_eq!(service.stop(), Some(0));
    // It is still January elsewhere.
    let config = directory.temp.path().join("server.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("Asia/Shanghai", "UTC")).unwrap();
    let service = serve(&february);
    service.wait_for_state("tea", "complete");
    assert_eq!(figures(&service, "tea"), full);
}

#[test]
fn a_kill_between_the_record_and_the_begin_of_a_run_keeps_its_approval_as_long_as_it_lasts() {
    for (offset, goes_on) in [("+47h", true), ("+49h", false)] {
        let Some(later) = clock_ahead(offset) else { return };
        let platform = FakePlatform::start(&["--refuse", "0%"]);
        let directory = with_budget("150 CNY", "");
        write(&directory, &platform, "tea", 20, "");
        // A secret in a file that does not answer keeps the run from beginning.
        let file = directory.campaigns().join("tea.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("{env: TEST_SECRET}", "{file: secret}")).unwrap();
        let secret = directory.campaigns().join("secret");
        assert!(Command::new("mkfifo").arg(&secret).status().unwrap().success());
        let variables = platform.variables("ok");
        let mut service = directory.serve_with(&[], &variables);
        service.approve("tea");
        service.wait_for("/audit", "apply an approved plan");
        service.kill();
        fs::remove_file(&secret).unwrap();
        fs::write(&secret, "some-secret\n").unwrap();
        let service = directory.serve_with(&[], &[&variables[..], &later].concat());
        if goes_on {
            service.wait_for_state("tea", "complete");
        } else {
            service.wait_for("/audit", "approval lapsed");
            service.wait_for_state("tea", "needs approval");
            assert_eq!(platform.coupons("tea").0, 0);
            assert_eq!(figures(&service, "tea").left, 150);
            // It is a plan like any other.
            service.approve("tea");
            service.wait_for_state("tea", "complete");
        }
        let (_, given) = platform.coupons("tea");
        assert!(given.len() == 20 && given.values().all(|coupons| *coupons == 1));
    }
}
