//! The fake platform in a process of its own, which judges what a service does, with a webhook for its messages.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The fake platform as a server, with a bot of a chat group.
pub struct FakePlatform {
    process: Child,
    pub address: String,
}

impl FakePlatform {
    pub fn start(options: &[&str]) -> Self {
        Self::start_with(options, &[])
    }

    /// Starts with these variables, too.
    pub fn start_with(options: &[&str], variables: &[(&'static str, String)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(["sandbox", "--port", "0"])
            .args(options)
            .envs(variables.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address }
    }

    fn lines(&self, path: &str) -> Vec<Value> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// How many requests came for the users of a campaign, and how many coupons each of its ids was given.
    pub fn coupons(&self, name: &str) -> (usize, HashMap<String, u32>) {
        let mut given: HashMap<String, u32> = HashMap::new();
        let mut requests = 0;
        for record in self.lines("/log.jsonl") {
            let user = record["open_id"].as_str().unwrap_or_default();
            if user.starts_with(&format!("{name}-user-")) {
                requests += 1;
                let id = record["merchant_coupon_id"].as_str().unwrap().to_owned();
                *given.entry(id).or_default() += u32::from(record["effect"] == "issued");
            }
        }
        (requests, given)
    }

    /// Every message that a webhook has received.
    pub fn received(&self) -> Vec<Value> {
        self.lines("/messages.jsonl")
    }

    /// The notices about a campaign that the webhook with this token has received.
    pub fn notices(&self, token: &str, name: &str) -> Vec<Value> {
        let all = self.received().into_iter();
        let own = all.filter(|message| message["token"] == token);
        let notices = own.flat_map(|message| message["body"]["notices"].as_array().cloned().unwrap_or_default());
        notices.filter(|notice| notice["campaign"] == name).collect()
    }

    /// What the webhook with this token has received about a campaign: the id of each notice, and when what it is about happened.
    pub fn messages(&self, token: &str, name: &str) -> Vec<(String, String)> {
        let about = self.notices(token, name);
        about
            .iter()
            .map(|notice| (notice["id"].to_string(), notice["at"].to_string()))
            .collect()
    }

    /// The variables that the files of [`FakePlatform::keys`] refer to. The messages go to the webhook with this token.
    pub fn variables(&self, token: &str) -> [(&'static str, String); 3] {
        let hook = format!("http://{}/webhook/{token}", self.address);
        [
            ("TEST_KEY", "some-key".to_owned()),
            ("TEST_SECRET", "some-secret".to_owned()),
            ("TEST_HOOK", hook),
        ]
    }

    /// The keys of a campaign file that sends to this platform, and its messages to the webhook.
    pub fn keys(&self, topics: &str) -> String {
        format!(
            "platform: {{base_url: \"http://{}\"}}\n\
             credentials: {{client_key: {{env: TEST_KEY}}, client_secret: {{env: TEST_SECRET}}}}\n\
             notify:\n  - webhook: {{url: {{env: TEST_HOOK}}}}\n    on: [{topics}]\n",
            self.address
        )
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
