//! A person approves a plan and watches it to its end.

use std::fs;
use std::io::Read as _;

use crate::client::{Directory, counted, field};

#[test]
fn a_plan_is_approved_and_watched_to_its_end() {
    let directory = Directory::new(150);
    let mut service = directory.serve();
    let inbox = service.wait_for("/", "needs approval");
    assert!(inbox.contains("<title>(1) Inbox · runner</title>"), "{inbox}");
    assert!(inbox.contains("nothing real is sent"));
    assert!(inbox.contains("150 coupons to send."), "{inbox}");
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"");
    assert!(
        plan.contains("Approve and send 150 coupons") && plan.contains("merchant_coupon_id"),
        "{plan}"
    );
    assert!(!plan.contains("tea-user-"), "no id of a user is on the page");
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    let campaign = service.get("/campaigns/tea.yaml").body;
    assert!(
        campaign.contains("deliveries") && !campaign.contains("tea-user-"),
        "{campaign}"
    );
    assert!(service.get("/").body.contains("Nothing waits for you."));
    assert_eq!(service.get("/readyz").status, 200);

    // The same in Chinese.
    service.language = "zh-CN,zh;q=0.9";
    let campaign = service.get("/campaigns/tea.yaml").body;
    assert!(
        campaign.contains("lang=\"zh-CN\"") && campaign.contains("已完成"),
        "{campaign}"
    );
    let audit = service.get("/audit").body;
    assert!(
        audit.contains("批准并执行") && audit.contains("li (127.0.0.1)"),
        "{audit}"
    );

    // A rehearsal begins from the beginning again.
    service.language = "en";
    assert_eq!(service.post("/campaigns/tea.yaml/replan", "fresh=yes").status, 303);
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "begins from the beginning");
    let fingerprint = field(&plan, "fingerprint");
    let form = format!("fingerprint={fingerprint}&fresh=yes");
    assert_eq!(service.post("/campaigns/tea.yaml/approve", &form).status, 303);
    service.wait_for_state("tea", "complete");

    let verified = directory.run(&["verify", "campaigns", "--sandbox"]);
    assert_eq!(verified.status.code(), Some(0), "the service shows its log");
    let before = String::from_utf8(verified.stdout).unwrap();
    assert!(before.starts_with("The log of the service is sound:"), "{before}");
    assert_eq!(service.stop(), Some(0));
    let verified = directory.run(&["verify", "campaigns", "--sandbox"]);
    let text = String::from_utf8(verified.stdout).unwrap();
    assert!(text.starts_with("The log of the service is sound:"), "{text}");
    let verified = directory.run(&["verify", "campaigns/tea.yaml", "--sandbox"]);
    assert_eq!(verified.status.code(), Some(0));
}

#[test]
fn a_plan_is_shown_with_its_simulation_and_an_app_with_its_requests() {
    let directory = Directory::new(20);
    let mut service = directory.serve();
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "It would be complete on");
    assert!(
        plan.contains("Hour by hour") && plan.contains("<table class=\"hours\">"),
        "{plan}"
    );
    let apps = service.get("/apps").body;
    assert!(apps.contains("after an approval") && apps.contains("98/s"), "{apps}");
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    let apps = service.wait_for("/apps", "none is needed while nothing is sent");
    assert!(apps.contains("<dt>requests today</dt><dd>20</dd>"), "{apps}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_list_is_filtered_and_sorted() {
    let directory = Directory::new(5);
    directory.write("milk", "milk", 9);
    let service = directory.serve();
    service.wait_for("/campaigns", "milk.yaml");
    service.wait_for("/campaigns", "tea.yaml");
    let listed = |query: &str| {
        let page = service.get(&format!("/campaigns?{query}")).body;
        let (_, table) = page.split_once("<main").unwrap();
        ["milk", "tea"].map(|name| table.find(&format!("/campaigns/{name}.yaml")))
    };
    let [Some(milk), Some(tea)] = listed("") else { panic!() };
    assert!(milk < tea);
    assert!(matches!(listed("text=TEA"), [None, Some(_)]));
    assert_eq!(listed("text=coffee"), [None, None]);
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    // Only the one that has sent has numbers, and "complete" comes before "needs approval".
    let [Some(milk), Some(tea)] = listed("sort=state") else {
        panic!()
    };
    assert!(tea < milk);
}

#[test]
fn a_person_is_looked_up_in_all_campaigns_of_an_app_and_the_log_keeps_no_id() {
    let directory = Directory::new(20);
    directory.write("milk", "milk", 5);
    let service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    let look_up = |open_id: &str| {
        let found = service.post("/person", &format!("app=ttec789ac573xxxxxx01&open_id={open_id}"));
        assert_eq!(found.status, 200, "{}", found.body);
        found.body
    };
    let page = look_up("+tea-user-3+");
    assert!(page.contains("attempt 1: ") && page.contains("next: "), "{page}");
    assert!(
        page.contains("Not known in: <a href=\"/campaigns/milk.yaml\">"),
        "{page}"
    );
    let page = look_up("nobody");
    assert!(page.contains("No campaign of this app knows this user."), "{page}");
    let audit = service.get("/audit").body;
    assert_eq!(audit.matches("look up a user").count(), 2, "{audit}");
    assert!(!audit.contains("tea-user-3") && !audit.contains("nobody"), "{audit}");
}

#[test]
fn an_approval_of_a_plan_that_changed_sends_nothing() {
    let directory = Directory::new(20);
    let service = directory.serve();
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"");
    let fingerprint = field(&plan, "fingerprint");
    // The service has not noticed yet that the audience is another one.
    let audience = directory.campaigns().join("tea.csv");
    let more = fs::read_to_string(&audience).unwrap() + "one-more\n";
    fs::write(&audience, more).unwrap();
    let approved = service.post("/campaigns/tea.yaml/approve", &format!("fingerprint={fingerprint}"));
    assert_eq!(approved.status, 303);
    let inbox = service.wait_for("/", "failed");
    let why = "the plan has changed since it was approved, so nothing was sent: the audience is another one now";
    assert!(inbox.contains(why) && inbox.contains("E0713"), "{inbox}");
    // The next plan has the new user, and the old approval is refused.
    service.wait_for("/campaigns/tea.yaml/plan", "21 coupons");
    let again = service.post("/campaigns/tea.yaml/approve", &format!("fingerprint={fingerprint}"));
    assert_eq!(again.status, 409);
    assert!(
        again.body.contains("the plan has changed since it was shown"),
        "{}",
        again.body
    );
    let audit = service.get("/audit?text=refused").body;
    assert!(audit.contains("refused: the plan has changed"), "{audit}");
}

#[test]
fn a_file_that_becomes_recurring_is_not_sent_as_one_campaign() {
    let directory = Directory::new(20);
    let service = directory.serve();
    let plan = service.wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"");
    let fingerprint = field(&plan, "fingerprint");
    let repeat = "repeat: {every: week, on: [mon], at: \"10:00\"}\n";
    directory.write_file("tea", "奶茶", repeat);
    service.wait_for("/", "/campaigns/tea.yaml%40");
    let approved = service.post("/campaigns/tea.yaml/approve", &format!("fingerprint={fingerprint}"));
    assert_eq!(approved.status, 409);
    assert!(
        approved
            .body
            .contains("its file is not in the directory, or has mistakes"),
        "{}",
        approved.body
    );
    assert!(
        !directory.campaigns().join(".runner/sandbox").exists(),
        "a ledger was made"
    );
}

#[test]
fn a_broken_file_is_shown_with_its_mistakes_and_a_vanished_one_pauses() {
    let directory = Directory::new(3000);
    directory.write("milk", "牛奶", 10);
    let service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "sending");
    let file = directory.campaigns().join("milk.yaml");
    fs::write(&file, "version: 1\ncampaign: milk\nappid: tt1\n").unwrap();
    let page = service.wait_for("/campaigns/milk.yaml", "Mistakes in the file");
    assert!(page.contains("milk.yaml:3:1") || page.contains("appid"), "{page}");
    // A file that is changed during the run changes nothing of it.
    directory.write_file("tea", "另一个标题", "");
    let renamed = directory.campaigns().join("tea.yaml.away");
    fs::rename(directory.campaigns().join("tea.yaml"), &renamed).unwrap();
    service.wait_for("/", "tea.yaml vanished from the directory");
    service.wait_for("/campaigns/tea.yaml", "paused");
    fs::rename(&renamed, directory.campaigns().join("tea.yaml")).unwrap();
    service.wait_for("/", "The file is there again.");
    assert_eq!(service.post("/campaigns/tea.yaml/resume", "").status, 303);
    service.wait_for_state("tea", "complete");
}

#[test]
fn the_terminal_and_the_service_know_of_each_other() {
    let directory = Directory::new(4000);
    let mut service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "sending");
    let applied = directory.run(&["apply", "campaigns/tea.yaml", "--sandbox"]);
    let why = String::from_utf8(applied.stderr).unwrap();
    assert_eq!(applied.status.code(), Some(5), "{why}");
    assert!(
        why.contains(&service.pid().to_string()) && why.contains("serve campaigns"),
        "{why}"
    );
    let second = directory.run(&["serve", "campaigns", "--sandbox", "--listen", "127.0.0.1:0"]);
    let why = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(5), "{why}");
    assert!(
        why.contains("E0340") && why.contains(&service.pid().to_string()),
        "{why}"
    );
    // A pause in the terminal is a fact for the service, too.
    let paused = directory.run(&["pause", "campaigns/tea.yaml", "--sandbox", "--by", "wang"]);
    assert_eq!(paused.status.code(), Some(0));
    service.wait_for_state("tea", "paused");
    service.wait_for("/audit", "wang (terminal:");
    assert_eq!(service.post("/stop-all", "").status, 303);
    service.wait_for("/", "Stopped by li");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn held_deliveries_are_decided_in_bulk() {
    let directory = Directory::new(150);
    // The sandbox refuses some users for good, and this campaign says that nobody knows what that code means.
    directory.write_file("tea", "奶茶", "codes:\n  28001045: hold\n");
    let service = directory.serve();
    service.approve("tea");
    let inbox = service.wait_for("/", "a code that nobody has classified");
    assert!(inbox.contains("held") && inbox.contains("Decide"), "{inbox}");
    let page = service.get("/campaigns/tea.yaml/decide").body;
    assert!(page.contains("28001045") && page.contains("用户已注销账号"), "{page}");
    assert!(page.contains("tea-user-"), "a decision needs the ids of users: {page}");
    let count = field(&page, "count");
    let resolve = |count: &str, note: &str| {
        let form = format!("state=held&code=28001045&count={count}&to=refused&note={note}");
        service.post("/campaigns/tea.yaml/resolve", &form)
    };
    assert_eq!(resolve(&count, "").status, 409, "a decision needs a reason");
    let other = resolve("9999", "x");
    assert_eq!(other.status, 409);
    assert!(
        other.body.contains("you were shown 9999") || other.body.contains("you were shown 9,999"),
        "{}",
        other.body
    );
    assert_eq!(resolve(&count, "ticket+812").status, 303);
    service.wait_for_state("tea", "complete");
    let history = directory.run(&["history", "campaigns/tea.yaml", "--sandbox"]);
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("ticket 812") && history.contains("li"), "{history}");
    let audit = service.get("/audit").body;
    assert!(
        audit.contains("see the deliveries that wait for a decision"),
        "each look is recorded: {audit}"
    );
    assert!(audit.contains("ticket 812"), "{audit}");
}

#[test]
fn held_deliveries_are_decided_while_their_campaign_runs() {
    let directory = Directory::new(4000);
    directory.write_file("tea", "奶茶", "codes:\n  28001045: hold\n");
    let mut service = directory.serve();
    service.approve("tea");
    service.wait_for_state("tea", "sending");
    while counted(&directory, "tea", "held") < 2 {}
    // A pause keeps the run, and its numbers as they are.
    assert_eq!(service.post("/campaigns/tea.yaml/pause", "").status, 303);
    service.wait_for_state("tea", "paused");
    assert_eq!(service.post("/campaigns/tea.yaml/replan", "").status, 303);
    let page = service.wait_for("/campaigns/tea.yaml/decide", "name=\"count\"");
    assert!(page.contains("The campaign is running."), "{page}");
    let form = |to: &str| {
        let count = field(&page, "count");
        format!("state=held&code=28001045&count={count}&to={to}&note=ticket+812")
    };
    let resolved = service.post("/campaigns/tea.yaml/resolve", &form("refused"));
    assert_eq!(resolved.status, 303, "{}", resolved.body);
    let again = service.post("/campaigns/tea.yaml/resolve", &form("owed"));
    assert_eq!(again.status, 409, "the group has changed: {}", again.body);
    assert_eq!(service.post("/campaigns/tea.yaml/resume", "").status, 303);
    service.wait_for_state("tea", "sending");
    let history = directory.run(&["history", "campaigns/tea.yaml", "--sandbox"]);
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("ticket 812"), "{history}");
    assert_eq!(service.post("/stop-all", "").status, 303);
    service.wait_for("/", "Stopped by li");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn two_hundred_tabs_watch_a_run_and_none_holds_up_its_end() {
    let directory = Directory::new(400);
    let mut service = directory.serve();
    service.wait_for("/", "needs approval");
    let mut tabs: Vec<_> = (0..200).map(|_| service.watch("campaign:tea.yaml")).collect();
    service.approve("tea");
    service.wait_for_state("tea", "complete");
    assert_eq!(service.stop(), Some(0), "no open stream delays the end");
    for tab in &mut tabs {
        let mut text = String::new();
        tab.read_to_string(&mut text).unwrap();
        assert!(text.contains("text/event-stream") && text.contains("sending"), "{text}");
        let numbers: Vec<u64> = text
            .match_indices("{\"sequence\":")
            .map(|(at, found)| {
                let rest = &text[at + found.len()..];
                rest.split(',').next().unwrap().parse().unwrap()
            })
            .collect();
        assert!(numbers.is_sorted() && numbers.len() > 2, "{numbers:?}");
    }
}
