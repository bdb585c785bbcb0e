//! The occurrences of a recurring campaign. When they are due is tested on a virtual clock, in `service/schedule.rs` and
//! `service/supervisor.rs`.

use std::fs;

use crate::client::{Directory, field};

#[test]
fn an_occurrence_has_its_own_page_plan_approval_and_ledger() {
    let directory = Directory::new(20);
    let yearly = "repeat: {every: month, on: [last], at: \"10:00\"}\n";
    directory.write_file("tea", "奶茶", yearly);
    let mut service = directory.serve();
    let inbox = service.wait_for("/", "20 coupons to send.");
    let (_, after) = inbox.split_once("/campaigns/tea.yaml%40").unwrap();
    let date = &after[..10];
    let own = format!("tea.yaml@{date}");
    let series = service.get("/campaigns/tea.yaml").body;
    assert!(series.contains("Occurrences") && series.contains("to come"), "{series}");
    let plan = service.get(&format!("/campaigns/{own}/plan")).body;
    let approved = service.post(
        &format!("/campaigns/{own}/approve"),
        &format!("fingerprint={}", field(&plan, "fingerprint")),
    );
    assert_eq!(approved.status, 303, "{}", approved.body);
    service.wait_for(&format!("/campaigns/{own}"), "\">complete</span>");
    assert!(service.get("/").body.contains("Nothing waits for you."));
    let ledgers = directory.campaigns().join(".runner/sandbox/ttec789ac573xxxxxx01");
    assert!(ledgers.join(format!("tea@{date}")).is_dir());
    // A restart knows it by its ledger, and asks for nothing again.
    assert_eq!(service.stop(), Some(0));
    fs::remove_dir_all(directory.campaigns().join(".runner/service-sandbox")).unwrap();
    let service = directory.serve();
    service.wait_for(&format!("/campaigns/{own}"), "\">complete</span>");
    assert!(service.get("/").body.contains("Nothing waits for you."));
}
