//! A service that ends, in order or not, and starts again.

use crate::client::{Directory, issued};

#[test]
fn a_restart_continues_what_was_approved() {
    let directory = Directory::new(600);
    let mut service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "sending");
    service.kill();
    let mut service = directory.serve();
    service.wait_for_state("tea", "sending");
    assert_eq!(service.stop(), Some(0));
    let before = issued(&directory, "tea");
    assert!(before < 600, "the end of the service stopped the run");
    let service = directory.serve();
    let page = service.wait_for_state("tea", "complete");
    assert!(page.contains("600"), "{page}");
}

#[test]
fn a_restart_respects_a_pause_and_a_stop() {
    let directory = Directory::new(3000);
    directory.write("milk", "牛奶", 3000);
    let mut service = directory.serve();
    for name in ["tea", "milk"] {
        service.approve(name);
    }
    service.wait_for_state("tea", "sending");
    assert_eq!(service.post("/campaigns/tea.yaml/pause", "").status, 303);
    assert_eq!(service.post("/campaigns/milk.yaml/stop", "").status, 303);
    service.wait_for_state("tea", "paused");
    service.wait_for("/", "Stopped by li");
    assert_eq!(service.stop(), Some(0));
    let before = [issued(&directory, "tea"), issued(&directory, "milk")];
    let service = directory.serve();
    service.wait_for("/", "Paused by li.");
    service.wait_for("/", "Stopped by li");
    assert_eq!([issued(&directory, "tea"), issued(&directory, "milk")], before);
    // Without a resume, an approval of a paused campaign is not asked for.
    assert_eq!(service.post("/campaigns/tea.yaml/resume", "").status, 303);
    service.wait_for_state("tea", "sending");
}
