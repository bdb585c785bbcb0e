//! The same in Chromium, if it is installed: the pages without a mistake of the script or of the policy.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::client::{Directory, PASSWORD};

/// The rules for people who see, hear or move with difficulty: axe-core, where `.ci/run` installs it.
const AXE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../axe/node_modules/axe-core/axe.min.js");
/// Where the pictures of pages are kept.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pages");
/// The highest picture of a page.
const HIGHEST: u64 = 8000;

/// Chromium, driven over WebDriver. Dropping it ends it.
pub struct Browser {
    driver: Child,
    session: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let ending = self.client.delete(&self.session).send();
        let _ = self.runtime.block_on(ending);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// `None` if no WebDriver of Chromium is installed and none is required.
    pub fn start(language: &str, width: u32) -> Option<Self> {
        let started = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = started else {
            assert!(
                std::env::var_os("RUNNER_TEST_BROWSER").is_none(),
                "chromedriver is required and missing"
            );
            return None;
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.ok()?;
                let (_, port) = line.split_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .unwrap();
        // The driver writes more, and must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut chromium = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", format!("--window-size={width},1000"), format!("--lang={language}")],
            "prefs": {"intl.accept_languages": language}
        });
        // A window cannot be as narrow as a telephone.
        if width < 500 {
            let metrics = json!({"width": width, "height": 900, "pixelRatio": 1.0, "mobile": true, "touch": true});
            chromium["mobileEmulation"] = json!({"deviceMetrics": metrics});
        }
        let options = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": chromium
        }}});
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self {
            driver,
            session: base,
            client,
            runtime,
        };
        let started = browser.send("", Some(&options));
        let id = started["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("http://127.0.0.1:{port}/session/{id}");
        Some(browser)
    }

    fn send(&self, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}{path}", self.session);
        let request = match body {
            Some(body) => self
                .client
                .post(url)
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => self.client.get(url),
        };
        let text = self
            .runtime
            .block_on(async { request.send().await.unwrap().text().await.unwrap() });
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {text}");
        answer["value"].clone()
    }

    pub fn open(&self, url: &str) {
        self.send("/url", Some(&json!({"url": url})));
    }

    pub fn script(&self, script: &str) -> Value {
        self.send("/execute/sync", Some(&json!({"script": script, "args": []})))
    }

    /// Waits until the script returns true. A page that is loading has no answer.
    pub fn wait(&self, script: &str) {
        for _ in 0..3000 {
            if self.script(script) == Value::Bool(true) {
                return;
            }
            park_timeout(Duration::from_millis(100));
        }
        panic!("never: {script}\n{}", self.script("return document.body.innerText"));
    }

    pub fn wait_for_text(&self, text: &str) {
        self.wait(&format!("return document.body.innerText.includes({})", json!(text)));
    }

    /// The path of the first element that `selector` names.
    fn find(&self, selector: &str) -> String {
        let found = self.send("/element", Some(&json!({"using": "css selector", "value": selector})));
        let id = found.as_object().unwrap().values().next().unwrap();
        format!("/element/{}", id.as_str().unwrap())
    }

    pub fn click(&self, selector: &str) {
        self.send(&format!("{}/click", self.find(selector)), Some(&json!({})));
    }

    /// Clicks on what leads to another page, and waits for that page: a form that is still on its way would end up on top of the page
    /// that a test opens next.
    pub fn follow(&self, selector: &str) {
        self.script("window.isLeft = true");
        self.click(selector);
        self.wait("return !window.isLeft");
    }

    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.send(&format!("{element}/clear"), Some(&json!({})));
        self.send(&format!("{element}/value"), Some(&json!({"text": text})));
    }

    /// Signs a user of [`Directory::write_users`] in.
    pub fn sign_in(&self, host: &str, name: &str) {
        self.open(&format!("http://{host}/login"));
        self.type_into("#name", name);
        self.type_into("#password", PASSWORD);
        self.follow("#act-login");
        self.wait("return !!document.querySelector('.items')");
    }

    /// A command of the protocol of Chromium's own tools.
    fn cdp(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.send("/goog/cdp/execute", Some(&body))
    }

    /// Runs no script of a page, as a browser without JavaScript.
    pub fn disable_scripts(&self) {
        self.cdp("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// Ignores the policy of pages that forbids scripts.
    pub fn bypass_csp(&self) {
        self.cdp("Page.setBypassCSP", &json!({"enabled": true}));
    }

    /// Shows pages as wide as this, in the colours of the day or of the night.
    pub fn look_at(&self, width: u32, colors: &str) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.cdp("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": colors}]});
        self.cdp("Emulation.setEmulatedMedia", &features);
        assert_eq!(self.script("return innerWidth"), width);
    }

    /// Asserts that the page fits its width, that it breaks no rule of accessibility, that the keyboard's focus is seen, and that the
    /// browser has nothing to complain of. Keeps a picture of it.
    pub fn check_page(&self, name: &str) {
        self.keep_picture(name);
        // Also of what opens at a click.
        self.script("window.opened = [...document.querySelectorAll('details:not([open])')]; opened.forEach(part => part.open = true)");
        let overflow =
            self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert!(overflow.as_i64().unwrap() <= 0, "{name} is {overflow} pixels too wide");
        let unseen = self.script(
            "const all = [...document.querySelectorAll('a,button,input:not([type=hidden]),summary,[tabindex]')];
             const before = document.activeElement;
             const unseen = all.filter(element => {
                 element.focus({focusVisible: true, preventScroll: true});
                 if (document.activeElement !== element) return false;
                 const style = getComputedStyle(element);
                 return style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2;
             });
             document.activeElement.blur();
             if (before) before.focus({preventScroll: true});
             return unseen.map(element => element.outerHTML);",
        );
        assert_eq!(unseen, json!([]), "{name}: the focus is not seen");
        self.check_accessibility(name);
        self.script("opened.forEach(part => part.open = false)");
        let log = self.send("/se/log", Some(&json!({"type": "browser"})));
        let bad: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" && !is_expected(&entry["message"].to_string()))
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
    }

    fn check_accessibility(&self, name: &str) {
        let Ok(axe) = fs::read_to_string(AXE) else {
            assert!(
                std::env::var_os("RUNNER_TEST_AXE").is_none(),
                "axe-core is required and not at {AXE}"
            );
            return;
        };
        self.script(&axe);
        let run = "const done = arguments[0];
             axe.run(document, {resultTypes: ['violations']}).then(
                 found => done(found.violations.map(rule => ({
                     rule: rule.id, help: rule.help, nodes: rule.nodes.map(node => node.html + ' ' + node.failureSummary)
                 }))),
                 error => done(String(error)));";
        let found = self.send("/execute/async", Some(&json!({"script": run, "args": []})));
        assert_eq!(found, json!([]), "{name}: {found:#}");
    }

    fn keep_picture(&self, name: &str) {
        let size = self.script("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]");
        let height = size[1].as_u64().unwrap().min(HIGHEST);
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1});
        let how = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let shot = self.cdp("Page.captureScreenshot", &how);
        let picture = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(SCREENSHOTS).unwrap();
        fs::write(Path::new(SCREENSHOTS).join(format!("{name}.png")), picture).unwrap();
    }
}

/// Whether the browser only says that a page had the status that a test asked for.
fn is_expected(message: &str) -> bool {
    ["401", "403", "404", "409"]
        .iter()
        .any(|status| message.contains(&format!("the server responded with a status of {status}")))
}

fn live_through(language: &str, width: u32, texts: &Texts) {
    let Some(browser) = Browser::start(language, width) else {
        return;
    };
    // A browser on a busy machine takes seconds for each step, and the run must not end before it is paused.
    let directory = Directory::new(4000);
    directory.write_users(&[("li", "author"), ("wang", "approver, operator")]);
    let mut service = directory.start(&["--sandbox"], &[]);
    let shot = |page: &str| format!("{page}-{}-{width}", &language[..2]);
    // The author sees the plan, and who may approve it.
    browser.sign_in(&service.host, "li");
    browser.wait_for_text(texts.approval);
    browser.check_page(&shot("inbox"));
    browser.follow(".item .button");
    browser.wait_for_text(texts.simulated);
    browser.wait_for_text(texts.needs_role);
    assert_eq!(
        browser.script("return !!document.querySelector('#act-approve')"),
        Value::Bool(false)
    );
    browser.check_page(&shot("plan-of-author"));
    browser.follow("form.logout button");
    browser.sign_in(&service.host, "wang");
    browser.follow(".item .button");
    browser.wait("return !!document.querySelector('#act-approve')");
    browser.check_page(&shot("plan"));
    browser.follow("#act-approve");
    browser.wait_for_text(texts.sending);
    // The page changes without a reload.
    browser.script("window.isTheSamePage = true");
    browser.wait("return document.querySelector('progress') && document.querySelector('progress').value > 100");
    browser.check_page(&shot("sending"));
    browser.follow("#act-pause");
    browser.wait("return !!document.querySelector('#act-resume')");
    browser.check_page(&shot("paused"));
    browser.follow("#act-resume");
    browser.wait("return !!document.querySelector('#act-pause')");
    browser.script("window.isTheSamePage = true");
    browser.wait_for_text(texts.complete);
    assert_eq!(
        browser.script("return window.isTheSamePage === true"),
        Value::Bool(true)
    );
    browser.check_page(&shot("complete"));
    for page in ["campaigns", "apps", "audit"] {
        browser.open(&format!("http://{}/{page}", service.host));
        browser.check_page(&shot(&page.replace('/', "-")));
    }
    assert_eq!(service.stop(), Some(0));
}

/// What is waited for.
struct Texts {
    approval: &'static str,
    simulated: &'static str,
    needs_role: &'static str,
    sending: &'static str,
    complete: &'static str,
}

#[test]
fn a_person_lives_through_a_campaign_in_english() {
    let texts = Texts {
        approval: "needs approval",
        simulated: "It would be complete",
        needs_role: "To approve and apply needs the role",
        sending: "sending",
        complete: "complete",
    };
    live_through("en-US", 1280, &texts);
}

#[test]
fn a_person_lives_through_a_campaign_in_chinese_on_a_phone() {
    let texts = Texts {
        approval: "待批准",
        simulated: "全部完成",
        needs_role: "“批准并执行”需要角色",
        sending: "发放中",
        complete: "已完成",
    };
    live_through("zh-CN", 390, &texts);
}
