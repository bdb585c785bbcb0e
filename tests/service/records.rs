//! The platform's own records on the page of a campaign.

use crate::client::{Directory, clock_ahead};
use crate::fake_platform::FakePlatform;

#[test]
fn a_person_compares_a_ledger_with_the_records_of_the_platform() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = Directory::new(20);
    let keys = fake_platform.keys("ended") + "coupon_meta_id: \"7218071234565644205\"\n";
    directory.write_file("tea", "tea", &keys);
    let mut service = directory.serve_with(&[], &fake_platform.variables("ok"));
    service.approve("tea");
    service.wait_for("/campaigns/tea.yaml", "Not yet compared with the platform's records.");
    assert_eq!(service.post("/campaigns/tea.yaml/compare", "").status, 303);
    let page = service.wait_for("/campaigns/tea.yaml", "Compared with the platform's records at");
    assert!(page.contains("counted before the last requests had settled"), "{page}");
    let audit = service.wait_for("/audit", "result of");
    assert!(audit.contains("compare with the platform's records"), "{audit}");
    // The ledger keeps the comparison, so a restart knows it.
    assert_eq!(service.stop(), Some(0));
    let service = directory.serve_with(&[], &fake_platform.variables("ok"));
    service.wait_for("/campaigns/tea.yaml", "Compared with the platform's records at");
}

#[test]
fn a_rehearsal_has_no_records_to_compare_with() {
    let directory = Directory::new(5);
    let service = directory.serve();
    service.approve("tea");
    let page = service.wait_for_state("tea", "complete");
    assert!(!page.contains("act-compare"), "{page}");
    let refused = service.post("/campaigns/tea.yaml/compare", "");
    assert_eq!(refused.status, 409, "{}", refused.body);
}

#[test]
fn records_that_differ_after_a_day_are_a_message_once() {
    let Some(tomorrow) = clock_ahead("+26h") else { return };
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let directory = Directory::new(20);
    let keys = fake_platform.keys("differs") + "coupon_meta_id: \"7218071234565644205\"\n";
    directory.write_file("tea", "tea", &keys);
    let variables = fake_platform.variables("ok");
    let mut service = directory.serve_with(&[], &variables);
    service.approve("tea");
    service.wait_for("/campaigns/tea.yaml", "Not yet compared with the platform's records.");
    assert_eq!(service.stop(), Some(0));
    // Another program has sent coupons of the same activity.
    let elsewhere = Directory::empty();
    elsewhere.write("milk", "milk", 5);
    elsewhere.write_file("milk", "milk", &fake_platform.keys("ended"));
    let mut applied = elsewhere.runner(&["apply", "campaigns/milk.yaml", "--yes"]);
    let applied = applied.envs(fake_platform.variables("elsewhere")).output().unwrap();
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    let later = [&variables[..], &tomorrow].concat();
    let mut service = directory.serve_with(&[], &later);
    service.wait_for("/", "The platform counts other coupons than the ledger has");
    assert_eq!(service.stop(), Some(0), "the end waits for the message");
    let sent = || fake_platform.notices("ok", "tea");
    assert_eq!(sent().len(), 1, "{:?}", sent());
    let why = sent()[0]["why"].to_string();
    assert!(
        sent()[0]["topic"] == "differs" && why.contains("7218071234565644204"),
        "{:?}",
        sent()
    );
    // A day later nothing was sent since, so nothing is compared again.
    let later = [&variables[..], &clock_ahead("+50h").unwrap()].concat();
    let mut service = directory.serve_with(&[], &later);
    service.wait_for("/", "The platform counts other coupons than the ledger has");
    // A comparison that a person asks for has its answer on the page.
    assert_eq!(service.post("/campaigns/tea.yaml/compare", "").status, 303);
    service.wait_for("/audit", "compare with the platform");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(sent().len(), 1, "{:?}", sent());
}
