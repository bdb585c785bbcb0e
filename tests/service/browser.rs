//! The same in Chromium, if it is installed: the pages without a mistake of the script or of the policy.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::park_timeout;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Directory;

/// Chromium, driven over WebDriver. Dropping it ends it.
struct Browser {
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
    /// `None` if no WebDriver of Chromium is installed.
    fn start(language: &str, width: u32) -> Option<Self> {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
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
        // A window cannot be as narrow as a telephone.
        let is_mobile = width < 500;
        let mobile = json!({
            "deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0, "mobile": is_mobile, "touch": is_mobile}
        });
        let options = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", format!("--window-size={width},1000"), format!("--lang={language}")],
                "mobileEmulation": mobile,
                "prefs": {"intl.accept_languages": language}
            }
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

    fn open(&self, url: &str) {
        self.send("/url", Some(&json!({"url": url})));
    }

    fn script(&self, script: &str) -> Value {
        self.send("/execute/sync", Some(&json!({"script": script, "args": []})))
    }

    /// Waits until the script returns true. A page that is loading has no answer.
    fn wait(&self, script: &str) {
        for _ in 0..3000 {
            if self.script(script) == Value::Bool(true) {
                return;
            }
            park_timeout(Duration::from_millis(100));
        }
        panic!("never: {script}\n{}", self.script("return document.body.innerText"));
    }

    fn wait_for_text(&self, text: &str) {
        self.wait(&format!("return document.body.innerText.includes({})", json!(text)));
    }

    fn click(&self, selector: &str) {
        let found = self.send("/element", Some(&json!({"using": "css selector", "value": selector})));
        let id = found
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.send(&format!("/element/{id}/click"), Some(&json!({})));
    }

    /// Asserts that the page fits its width, that every control has a name, and that the browser has nothing to complain of.
    fn check_page(&self, name: &str) {
        // Also of what opens at a click.
        self.script("window.opened = [...document.querySelectorAll('details:not([open])')]; opened.forEach(part => part.open = true)");
        let overflow =
            self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert!(overflow.as_i64().unwrap() <= 0, "{name} is {overflow} pixels too wide");
        let unnamed = self.script(
            "return [...document.querySelectorAll('input:not([type=hidden]),button,a')].filter(element => \
             !(element.innerText || element.getAttribute('aria-label') || (element.labels && element.labels.length))).map(element => element.outerHTML)",
        );
        assert_eq!(unnamed, json!([]), "{name}");
        self.script("opened.forEach(part => part.open = false)");
        if let Ok(directory) = std::env::var("RUNNER_SCREENSHOTS") {
            let shot = self.send("/screenshot", None);
            fs::create_dir_all(&directory).unwrap();
            fs::write(format!("{directory}/{name}.png.base64"), shot.as_str().unwrap()).unwrap();
        }
        let log = self.send("/se/log", Some(&json!({"type": "browser"})));
        let bad: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" && !entry["message"].to_string().contains("409"))
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
    }
}

fn live_through(language: &str, width: u32, texts: &Texts) {
    let Some(browser) = Browser::start(language, width) else {
        assert!(
            std::env::var_os("RUNNER_TEST_BROWSER").is_none(),
            "chromedriver is required and missing"
        );
        return;
    };
    // A browser on a busy machine takes seconds for each step, and the run must not end before it is paused.
    let directory = Directory::new(4000);
    let mut service = directory.serve();
    let shot = |page: &str| format!("{page}-{}-{width}", &language[..2]);
    let linked = directory.run(&["serve", "campaigns", "--sandbox", "--link"]);
    browser.open(String::from_utf8(linked.stdout).unwrap().trim());
    browser.wait_for_text(texts.approval);
    browser.check_page(&shot("inbox"));
    browser.click(".item .button");
    browser.wait("return !!document.querySelector('#act-approve')");
    browser.check_page(&shot("plan"));
    browser.click("#act-approve");
    browser.wait_for_text(texts.sending);
    // The page changes without a reload.
    browser.script("window.isTheSamePage = true");
    browser.wait("return document.querySelector('progress') && document.querySelector('progress').value > 100");
    browser.check_page(&shot("sending"));
    browser.click("#act-pause");
    browser.wait("return !!document.querySelector('#act-resume')");
    browser.check_page(&shot("paused"));
    browser.click("#act-resume");
    browser.wait("return !!document.querySelector('#act-pause')");
    browser.script("window.isTheSamePage = true");
    browser.wait_for_text(texts.complete);
    assert_eq!(
        browser.script("return window.isTheSamePage === true"),
        Value::Bool(true)
    );
    browser.check_page(&shot("complete"));
    for page in ["campaigns", "audit", "campaigns/tea.yaml/decide"] {
        browser.open(&format!("http://{}/{page}", service.host));
        browser.check_page(&shot(&page.replace('/', "-")));
    }
    assert_eq!(service.stop(), Some(0));
}

/// What is waited for.
struct Texts {
    approval: &'static str,
    sending: &'static str,
    complete: &'static str,
}

#[test]
fn a_person_lives_through_a_campaign_in_english() {
    let texts = Texts {
        approval: "needs approval",
        sending: "sending",
        complete: "complete",
    };
    live_through("en-US", 1280, &texts);
}

#[test]
fn a_person_lives_through_a_campaign_in_chinese_on_a_phone() {
    let texts = Texts {
        approval: "待批准",
        sending: "发放中",
        complete: "已完成",
    };
    live_through("zh-CN", 390, &texts);
}
