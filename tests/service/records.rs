//! The platform's own records on the page of a campaign.

use crate::client::Directory;
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
