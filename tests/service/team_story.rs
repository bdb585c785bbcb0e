//! A team in a browser: a campaign from its request to its end, and texts of others that try to act for the person who sees them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::park_timeout;
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Directory;

/// What is waited for, in one language.
struct Texts {
    approval: &'static str,
    own: &'static str,
    halted: &'static str,
    undecided: &'static str,
    complete: &'static str,
}

/// A team before a browser.
struct Team {
    browser: Browser,
    directory: Directory,
    host: String,
    has_script: bool,
}

impl Team {
    /// Waits until a page has the text. Without JavaScript a page changes only when it is loaded again.
    fn wait_for(&self, path: &str, text: &str) {
        self.open(path);
        if self.has_script {
            return self.browser.wait_for_text(text);
        }
        let has_text = format!("return document.body.innerText.includes({})", json!(text));
        for _ in 0..1200 {
            if self.browser.script(&has_text) == Value::Bool(true) {
                return;
            }
            park_timeout(Duration::from_millis(100));
            self.open(path);
        }
        panic!("{path} never has {text:?}");
    }

    fn open(&self, path: &str) {
        self.browser.open(&format!("http://{}{path}", self.host));
    }

    fn wait_for_element(&self, path: &str, selector: &str) {
        self.open(path);
        let is_there = format!("return !!document.querySelector({})", json!(selector));
        if self.has_script {
            return self.browser.wait(&is_there);
        }
        for _ in 0..1200 {
            if self.browser.script(&is_there) == Value::Bool(true) {
                return;
            }
            park_timeout(Duration::from_millis(100));
            self.open(path);
        }
        panic!("{path} never has {selector:?}");
    }

    fn be(&self, name: &str) {
        if self
            .browser
            .script("return !!document.querySelector('form.logout button')")
            == Value::Bool(true)
        {
            self.browser.follow("form.logout button");
            self.browser.wait("return !!document.querySelector('#act-login')");
        }
        self.browser.sign_in(&self.host, name);
    }

    /// One requests the plan, and another one approves it.
    fn request_and_approve(&self, texts: &Texts) {
        let plan = "/campaigns/tea.yaml/plan";
        self.be("li");
        self.wait_for_element(plan, "#act-request");
        self.browser.follow("#act-request");
        self.wait_for(plan, texts.own);
        let is_offered = self.browser.script("return !!document.querySelector('#act-approve')");
        assert_eq!(is_offered, Value::Bool(false), "an author approves nothing");
        self.be("wang");
        self.wait_for("/", texts.approval);
        self.browser.follow(".item .button");
        self.browser.wait("return !!document.querySelector('#act-approve')");
        self.browser.follow("#act-approve");
    }
}

fn live_through(language: &str, has_script: bool, texts: &Texts) {
    let Some(browser) = Browser::start(language, 1280) else {
        return;
    };
    if !has_script {
        browser.disable_scripts();
    }
    let directory = Directory::new(400);
    directory.write_users(&[("li", "author"), ("wang", "approver, operator")]);
    let config = directory.temp.path().join("server.yaml");
    let users = fs::read_to_string(&config).unwrap();
    fs::write(&config, users + "policy:\n  default: {approvals: 1}\n").unwrap();
    // The sandbox answers with this code for two users of a hundred.
    directory.write_file("tea", "奶茶", "codes: {28001045: halt}\n");
    let mut service = directory.start(&["--sandbox"], &[]);
    let team = Team {
        browser,
        host: service.host.clone(),
        directory,
        has_script,
    };
    team.request_and_approve(texts);
    team.wait_for("/campaigns/tea.yaml", texts.halted);
    team.wait_for("/", texts.halted);
    // Somebody has looked at the answer: it stops nothing, and a person decides.
    team.directory.write_file("tea", "奶茶", "codes: {28001045: hold}\n");
    team.be("li");
    team.wait_for("/campaigns/tea.yaml/plan", "hold");
    team.request_and_approve(texts);
    team.wait_for("/campaigns/tea.yaml", texts.undecided);
    team.wait_for_element("/campaigns/tea.yaml/decide", "form.decision");
    team.browser.click("form.decision input[value=refused]");
    team.browser.type_into("#note-0", "ticket 812");
    team.browser.follow("form.decision button");
    team.wait_for("/campaigns/tea.yaml", texts.complete);
    team.wait_for("/audit", "ticket 812");
    assert_eq!(service.stop(), Some(0));
    let verified = team.directory.run(&["verify", "campaigns/tea.yaml", "--sandbox"]);
    assert_eq!(verified.status.code(), Some(0));
}

#[test]
fn a_team_sends_a_campaign_from_its_request_to_its_end() {
    let texts = Texts {
        approval: "needs approval",
        own: "another user has to approve it",
        halted: "halted",
        undecided: "needs a decision",
        complete: "complete",
    };
    live_through("en-US", true, &texts);
}

#[test]
fn a_team_does_the_same_in_chinese_without_javascript() {
    let texts = Texts {
        approval: "待批准",
        own: "须由其他用户批准",
        halted: "已中止",
        undecided: "待判定",
        complete: "已完成",
    };
    live_through("zh-CN", false, &texts);
}

/// Texts that act in a page that shows them as they are.
const SCRIPT: &str = "<script>window.hit=1</script>";
const IMAGE: &str = "\"><img/src=x/onerror=window.hit=1>";

/// A platform that answers every request with such texts. Returns its address.
fn hostile_platform() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let message = format!("{SCRIPT}{IMAGE}");
            let log_id = format!("{IMAGE}{number}");
            let answer = json!({"err_no": 29_009_999, "err_msg": message, "log_id": log_id}).to_string();
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some(written) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = written.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        }
    });
    address
}

#[test]
fn a_text_of_the_platform_or_of_a_file_is_shown_and_does_nothing() {
    let Some(browser) = Browser::start("en-US", 1280) else {
        return;
    };
    let platform = hostile_platform();
    let directory = Directory::empty();
    directory.write_users(&[("li", "support, author, operator, approver, admin")]);
    let audience = format!("open_id\n{SCRIPT}\n\"u{}\"\n", IMAGE.replace('"', "\"\""));
    fs::write(directory.campaigns().join("tea.csv"), audience).unwrap();
    let file = "\"><img src=x onerror=window.hit=1>.yaml";
    let campaign = format!(
        "version: 1\ncampaign: tea\ntitle: '{SCRIPT}{IMAGE}'\napp_id: ttec789ac573xxxxxx01\n\
         activity_id: \"7218071234565644204\"\ntimezone: Asia/Shanghai\n\
         platform: {{base_url: \"http://{platform}\"}}\ncredentials: {{access_token: {{env: TEST_TOKEN}}}}\n\
         audience:\n  source:\n    csv: {{path: tea.csv, open_id: open_id}}\n"
    );
    fs::write(directory.campaigns().join(file), campaign).unwrap();
    let broken = format!("version: 1\ncampaign: {SCRIPT}\n'{IMAGE}': 1\n");
    fs::write(directory.campaigns().join("broken.yaml"), broken).unwrap();
    let mut service = directory.start(&[], &[("TEST_TOKEN", "some-token".to_owned())]);
    service.sign_in("li");
    // Without the policy of the pages, which would stop a script that came through.
    browser.bypass_csp();
    browser.sign_in(&service.host, "li");
    browser.script("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.probe=1\">')");
    browser.wait("return window.probe === 1");
    let is_unhurt = "return window.hit === undefined && !document.querySelector('img') \
                     && [...document.scripts].every(script => script.src.endsWith('/assets/live.js'))";
    let shows = |what: &str| {
        assert_eq!(browser.script(is_unhurt), Value::Bool(true), "{what}");
        let is_shown = browser.script("return document.documentElement.innerText.includes('window.hit=1')");
        assert_eq!(is_shown, Value::Bool(true), "{what} does not show the text");
    };
    let base = format!("http://{}", service.host);
    // The plan, and what an approval of it leads to.
    browser.open(&format!("{base}/"));
    browser.wait("return document.querySelectorAll('.item').length === 2");
    shows("inbox");
    browser.follow(".item .button[href$='/plan']");
    browser.wait("return !!document.querySelector('#act-approve')");
    shows("plan");
    browser.follow("#act-approve");
    browser.wait_for_text("needs a decision");
    let campaign = browser.script("return location.pathname.replace(/\\/plan$/, '')");
    let campaign = campaign.as_str().unwrap();
    browser.open(&format!("{base}{campaign}/decide"));
    browser.click("section.group summary");
    shows("decide");
    browser.follow("form.inline button");
    browser.wait("return !!document.querySelector('.history')");
    shows("person");
    browser.open(&format!("{base}{campaign}/decide"));
    browser.click("form.decision input[value=owed]");
    browser.type_into("#note-0", &format!("{SCRIPT}{IMAGE}"));
    browser.follow("form.decision button");
    browser.wait("return !!document.querySelector('#act-approve')");
    browser.open(&format!("{base}/campaigns"));
    browser.click("details.freeze summary");
    browser.type_into("#freeze-note", &format!("{SCRIPT}{IMAGE}"));
    browser.follow("#act-freeze");
    browser.wait_for_text("Frozen");
    let filter = "%22%3E%3Cimg%2Fsrc%3Dx%2Fonerror%3Dwindow.hit%3D1%3E";
    for path in [
        "/".to_owned(),
        "/campaigns".to_owned(),
        format!("/campaigns?text={filter}"),
        campaign.to_owned(),
        format!("{campaign}/plan"),
        format!("{campaign}/decide"),
        "/campaigns/broken.yaml".to_owned(),
        "/apps".to_owned(),
        "/audit".to_owned(),
        format!("/audit?text={filter}"),
    ] {
        browser.open(&format!("{base}{path}"));
        shows(&path);
    }
    browser.open(&format!("{base}/nowhere/{filter}"));
    assert_eq!(browser.script(is_unhurt), Value::Bool(true), "a page that is missing");
}
