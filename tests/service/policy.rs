//! Requests, approvals and freezes of a team, on the pages and for programs.

use std::fs;

use serde_json::Value;

use crate::client::{Answer, Directory, Service, field, issued};
use crate::fake_platform::FakePlatform;

/// Users who sign in at a proxy.
pub const USERS: &str = "version: 1\nproxy_auth: {header: X-Auth-User, secret: {file: proxy.secret}}\nusers:\n  \
    - {name: li, roles: [author]}\n  - {name: wang, roles: [approver]}\n  - {name: zhao, roles: [approver]}\n  \
    - {name: qian, roles: [admin]}\n  - {name: sun, roles: [operator]}\ngroups: {finance: [wang, zhao]}\n";

fn with_policy(users: usize, policy: &str) -> Directory {
    let directory = Directory::new(users);
    fs::write(directory.temp.path().join("proxy.secret"), "proxy-secret-1234\n").unwrap();
    fs::write(
        directory.temp.path().join("server.yaml"),
        format!("{USERS}policy:\n{policy}"),
    )
    .unwrap();
    directory
}

/// The service as one of its users sees it.
pub fn be(service: &mut Service, name: &str) {
    service.headers = format!("X-Auth-User: {name}\r\nX-Proxy-Secret: proxy-secret-1234\r\n");
}

fn fingerprint(service: &Service) -> String {
    let page = service.wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"");
    field(&page, "fingerprint")
}

fn ask(service: &Service, what: &str, fingerprint: &str) -> Answer {
    service.post(
        &format!("/campaigns/tea.yaml/{what}"),
        &format!("fingerprint={fingerprint}"),
    )
}

/// The same for a program.
fn ask_as_program(service: &Service, what: &str, fingerprint: &str) -> Answer {
    let body = format!("{{\"fingerprint\": \"{fingerprint}\"}}");
    service.post_with(
        &format!("/api/v1/campaigns/tea.yaml/{what}"),
        &body,
        "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n",
    )
}

/// A campaign of 40 users under a policy that asks for this many approvals, and for two of finance beyond 30 coupons. Also its plan, as
/// qian sees it.
fn large_campaign(approvals: u8) -> (Directory, Service, String) {
    let policy = format!(
        "  default: {{approvals: {approvals}}}\n  rules:\n    \
         - {{name: large, when: {{coupons_over: 30}}, need: {{approvals: 2, from: [finance]}}}}\n"
    );
    let directory = with_policy(40, &policy);
    let mut service = directory.serve();
    be(&mut service, "qian");
    let plan = fingerprint(&service);
    (directory, service, plan)
}

#[test]
fn a_plan_says_when_there_are_too_few_users_to_approve_it() {
    let (_directory, service, plan) = large_campaign(3);
    // wang, zhao and qian may approve, and two of them are in the group.
    let page = service.get("/campaigns/tea.yaml/plan").body;
    assert!(!page.contains("of the users can give"), "{page}");
    assert_eq!(ask(&service, "request", &plan).status, 303);
    // Nobody approves their own request.
    let page = service.wait_for("/campaigns/tea.yaml/plan", "Requested by qian");
    assert_eq!(
        page.matches("Only 2 of the users can give these 3 approvals").count(),
        1,
        "{page}"
    );
    assert_eq!(page.matches("of the users can give").count(), 1, "{page}");
}

#[test]
fn two_users_approve_what_a_third_has_requested() {
    let (directory, mut service, plan) = large_campaign(1);
    let page = service.get("/campaigns/tea.yaml/plan").body;
    assert!(
        page.contains("the campaign gives 40 coupons, which is over 30")
            && page.contains("0/2")
            && page.contains("0/1"),
        "what it needs is shown before there is a request: {page}"
    );
    // Nobody passes by the request, and nobody approves their own: on the page and as a program.
    for early in [
        ask(&service, "approve", &plan),
        ask_as_program(&service, "approve", &plan),
    ] {
        assert_eq!(early.status, 409, "{}", early.body);
        assert!(early.body.contains("nobody has requested this plan"), "{}", early.body);
    }
    assert_eq!(ask(&service, "request", &plan).status, 303);
    for own in [
        ask(&service, "approve", &plan),
        ask_as_program(&service, "approve", &plan),
    ] {
        assert_eq!(own.status, 409, "{}", own.body);
        assert!(own.body.contains("you requested this plan"), "{}", own.body);
    }
    assert!(
        service
            .get("/campaigns/tea.yaml/plan")
            .body
            .contains("another user has to approve it")
    );
    let inbox = service.get("/").body;
    assert!(
        inbox.contains("<title>Inbox · runner</title>") && inbox.contains("Waits for others"),
        "the author cannot go on: {inbox}"
    );
    be(&mut service, "li");
    assert_eq!(
        ask(&service, "approve", &plan).status,
        403,
        "an author approves nothing"
    );
    assert_eq!(ask(&service, "request", &plan).status, 409, "it is requested already");
    be(&mut service, "wang");
    assert!(service.get("/").body.contains("<title>(1) Inbox · runner</title>"));
    assert_eq!(ask(&service, "approve", &plan).status, 303);
    assert_eq!(ask(&service, "approve", &plan).status, 409, "once");
    assert!(
        service.get("/").body.contains("<title>Inbox · runner</title>"),
        "wang can do no more"
    );
    assert_eq!(issued(&directory, "tea"), 0);
    be(&mut service, "zhao");
    let campaign = service.get("/api/v1/campaigns/tea.yaml").body;
    assert!(
        campaign.contains("\"hold\":\"approvals\"") && campaign.contains("\"approved_by\":[\"wang\"]"),
        "{campaign}"
    );
    // The approvals outlast a kill.
    service.kill();
    let mut service = directory.serve();
    be(&mut service, "zhao");
    service.wait_for("/campaigns/tea.yaml/plan", "1/2");
    let approved = ask_as_program(&service, "approve", &plan);
    assert_eq!(approved.status, 200, "{}", approved.body);
    service.wait_for_state("tea", "complete");
    let audit = service.get("/audit").body;
    assert!(audit.contains("approved by wang, zhao"), "{audit}");
    assert!(audit.contains("refused: you requested this plan"), "{audit}");
    let history = directory.run(&["history", "campaigns/tea.yaml", "--sandbox"]);
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("wang, zhao"), "the ledger cites both: {history}");
    assert_eq!(
        directory
            .run(&["verify", "campaigns/tea.yaml", "--sandbox"])
            .status
            .code(),
        Some(0)
    );
    // A terminal is a door, too.
    assert_eq!(service.stop(), Some(0));
    for command in ["apply", "approve"] {
        let refused = directory.run(&[command, "campaigns/tea.yaml", "--sandbox"]);
        let why = String::from_utf8(refused.stderr).unwrap();
        assert!(
            refused.status.code() == Some(4) && why.contains("E0720"),
            "{command}: {why}"
        );
    }
    assert_eq!(
        directory.run(&["verify", "campaigns", "--sandbox"]).status.code(),
        Some(0)
    );
}

#[test]
fn a_wave_is_approved_by_another_user_than_the_author() {
    let directory = with_policy(40, "  default: {approvals: 1}\n");
    // A rehearsal waits for no approval of a wave.
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let keys = platform.keys("ended") + "schedule:\n  waves: [{share: 50%, wait: approval}]\n";
    directory.write_file("tea", "奶茶", &keys);
    let variables = platform.variables("ok");
    let sent = || platform.coupons("tea").0;
    let mut service = directory.serve_with(&[], &variables);
    be(&mut service, "qian");
    let plan = fingerprint(&service);
    assert_eq!(ask(&service, "request", &plan).status, 303);
    be(&mut service, "wang");
    assert_eq!(ask(&service, "approve", &plan).status, 303);
    service.wait_for("/campaigns/tea.yaml", "act-wave");
    let before = sent();
    assert!(before < 40, "{before}");
    // A restart knows the author, too.
    service.kill();
    let mut service = directory.serve_with(&[], &variables);
    be(&mut service, "qian");
    let page = service.wait_for("/campaigns/tea.yaml", "another user has to approve it");
    assert!(!page.contains("act-wave"), "{page}");
    let inbox = service.get("/").body;
    assert!(
        inbox.contains("<title>Inbox · runner</title>") && inbox.contains("Waits for others"),
        "{inbox}"
    );
    let json = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n";
    for own in [
        service.post("/campaigns/tea.yaml/wave", "wave=1"),
        service.post_with("/api/v1/campaigns/tea.yaml/wave", "{\"wave\": 1}", json),
    ] {
        assert_eq!(own.status, 409, "{}", own.body);
        assert!(own.body.contains("you requested this plan"), "{}", own.body);
    }
    assert_eq!(sent(), before);
    be(&mut service, "wang");
    assert_eq!(service.post("/campaigns/tea.yaml/wave", "wave=1").status, 303);
    service.wait_for_state("tea", "complete");
    assert_eq!(sent(), 40);
}

#[test]
fn a_request_is_rejected_and_taken_back() {
    let directory = with_policy(10, "  default: {approvals: 1}\n");
    let mut service = directory.serve();
    be(&mut service, "li");
    let plan = fingerprint(&service);
    assert_eq!(ask(&service, "request", &plan).status, 303);
    be(&mut service, "wang");
    let reject = format!("fingerprint={plan}&note=too+early");
    assert_eq!(service.post("/campaigns/tea.yaml/reject", &reject).status, 303);
    assert!(service.get("/audit").body.contains("too early"));
    be(&mut service, "li");
    assert_eq!(ask(&service, "request", &plan).status, 303, "it can be requested again");
    assert_eq!(ask(&service, "reject", &plan).status, 303, "an author takes it back");
    assert_eq!(ask(&service, "reject", &plan).status, 409);
    be(&mut service, "wang");
    assert_eq!(ask(&service, "approve", &plan).status, 409);
    assert_eq!(issued(&directory, "tea"), 0);
}

#[test]
fn a_policy_that_asks_for_nobody_sends_by_itself_and_a_denied_plan_is_never_sent() {
    let policy = "  default: {approvals: 0}\n  rules:\n    \
        - {name: no milk, when: {campaign: milk}, deny: true}\n    \
        - {name: ask, when: {campaign: water}, need: again}\n";
    let directory = with_policy(20, policy);
    directory.write("milk", "牛奶", 10);
    directory.write("water", "水", 10);
    let mut service = directory.serve();
    be(&mut service, "sun");
    service.wait_for_state("tea", "complete");
    assert!(service.get("/audit").body.contains("the policy asks for no approval"));
    let inbox = service.wait_for("/", "not allowed");
    assert!(inbox.contains("the rule no milk does not allow this plan"), "{inbox}");
    let page = service.get("/campaigns/milk.yaml/plan").body;
    assert!(!page.contains("act-request") && !page.contains("act-approve"), "{page}");
    // The list and the page of the campaign say the same, in both languages, and programs see the rule.
    for (language, label, why) in [
        ("en", "not allowed", "the rule no milk does not allow this plan"),
        ("zh-CN", "不允许", "规则 no milk 不允许这个计划"),
    ] {
        service.language = language;
        let row = service.get("/campaigns?text=milk").body;
        let page = service.get("/campaigns/milk.yaml").body;
        for shown in [row, page] {
            let label = format!("<span class=\"label bad\">{label}</span>");
            assert!(shown.contains(&label) && shown.contains(why), "{shown}");
        }
    }
    service.language = "en";
    let campaign: Value = serde_json::from_str(&service.get("/api/v1/campaigns/milk.yaml").body).unwrap();
    assert_eq!(campaign["state"], "denied", "{campaign}");
    assert_eq!(campaign["why"], "the rule no milk does not allow this plan");
    assert_eq!(campaign["plan"]["policy"]["rules"][0]["effect"], "denied");
    let inbox: Value = serde_json::from_str(&service.get("/api/v1/inbox").body).unwrap();
    let items = inbox["items"].as_array().unwrap();
    let denied = items.iter().find(|item| item["file"] == "milk.yaml").unwrap();
    assert_eq!(denied["kind"], "refused");
    assert_eq!(denied["text"], "the rule no milk does not allow this plan");
    let page = service.wait_for("/campaigns/water.yaml/plan", "act-request");
    assert!(page.contains("0/1"), "{page}");
    assert_eq!(issued(&directory, "milk") + issued(&directory, "water"), 0);
}

#[test]
fn a_freeze_pauses_every_run_and_no_resume_ends_it() {
    let directory = with_policy(4000, "  default: {approvals: 1}\n");
    directory.write("milk", "牛奶", 10);
    let mut service = directory.serve();
    be(&mut service, "li");
    let plan = fingerprint(&service);
    assert_eq!(ask(&service, "request", &plan).status, 303);
    be(&mut service, "wang");
    assert_eq!(ask(&service, "approve", &plan).status, 303);
    service.wait_for_state("tea", "sending");
    be(&mut service, "sun");
    assert_eq!(service.post("/freeze", "note=double+11").status, 303);
    assert!(service.get("/").body.contains("sun has frozen all sends: double 11"));
    service.wait_for_state("tea", "paused");
    let before = issued(&directory, "tea");
    // Every door to another coupon is shut.
    let resumed = service.post("/campaigns/tea.yaml/resume", "");
    assert!(
        resumed.status == 409 && resumed.body.contains("frozen"),
        "{}",
        resumed.body
    );
    let resumed = directory.run(&["resume", "campaigns/tea.yaml", "--sandbox"]);
    let why = String::from_utf8(resumed.stderr).unwrap();
    assert!(
        resumed.status.code() != Some(0) && why.contains("frozen all sends"),
        "{why}"
    );
    assert_eq!(service.post("/unfreeze", "").status, 403, "an admin ends it");
    // An approval is given meanwhile, and its plan waits.
    be(&mut service, "li");
    let page = service.wait_for("/campaigns/milk.yaml/plan", "name=\"fingerprint\"");
    let form = format!("fingerprint={}", field(&page, "fingerprint"));
    assert_eq!(service.post("/campaigns/milk.yaml/request", &form).status, 303);
    be(&mut service, "wang");
    assert_eq!(service.post("/campaigns/milk.yaml/approve", &form).status, 303);
    // A restart keeps the freeze.
    service.kill();
    let mut service = directory.serve();
    be(&mut service, "qian");
    service.wait_for_state("tea", "paused");
    assert_eq!(
        issued(&directory, "tea"),
        before,
        "nothing was sent while it was frozen"
    );
    assert_eq!(issued(&directory, "milk"), 0);
    assert_eq!(service.post("/unfreeze", "").status, 303);
    service.wait_for_state("milk", "complete");
    service.wait_for_state("tea", "sending");
    assert_eq!(service.post("/campaigns/tea.yaml/stop", "").status, 303);
    assert_eq!(service.stop(), Some(0));
    assert_eq!(
        directory
            .run(&["verify", "campaigns/tea.yaml", "--sandbox"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn a_broken_file_begins_nothing_and_leaves_what_runs_inside_its_approval() {
    let directory = with_policy(3000, "  default: {approvals: 1}\n");
    directory.write("milk", "牛奶", 10);
    let mut service = directory.serve();
    be(&mut service, "li");
    let plan = fingerprint(&service);
    assert_eq!(ask(&service, "request", &plan).status, 303);
    let page = service.wait_for("/campaigns/milk.yaml/plan", "name=\"fingerprint\"");
    let form = format!("fingerprint={}", field(&page, "fingerprint"));
    assert_eq!(service.post("/campaigns/milk.yaml/request", &form).status, 303);
    be(&mut service, "wang");
    assert_eq!(ask(&service, "approve", &plan).status, 303);
    service.wait_for_state("tea", "sending");
    fs::write(
        directory.temp.path().join("server.yaml"),
        format!("{USERS}policy:\n  default: {{approvals: nobody}}\n"),
    )
    .unwrap();
    service.wait_for("/", "The file of the service has mistakes");
    assert_eq!(
        service.post("/campaigns/milk.yaml/approve", &form).status,
        303,
        "an approval is only recorded"
    );
    service.wait_for("/", "nothing begins until");
    assert_eq!(issued(&directory, "milk"), 0);
    service.wait_for_state("tea", "sending");
    assert_eq!(service.post("/campaigns/tea.yaml/stop", "").status, 303);
    service.wait_for("/", "Stopped by wang");
    // Mended, it goes on with what was approved.
    fs::write(
        directory.temp.path().join("server.yaml"),
        format!("{USERS}policy:\n  default: {{approvals: 1}}\n"),
    )
    .unwrap();
    service.wait_for_state("milk", "complete");
}
