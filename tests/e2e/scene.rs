//! The scene of a test: a fake platform in a separate process, a campaign on disk, and the program.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::ledger::store::SledStore;
use runner::ledger::{Fact, Ledger};
use runner::model::delivery::DeliveryKey;
use runner::model::event::Owner;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use serde_json::Value;

pub use crate::files::files;
pub use crate::process::Ran;

pub const RUNNER: &str = env!("CARGO_BIN_EXE_runner");
/// The user's state for commands without a scene, so that no test writes into a developer's state.
pub const STATE_HOME: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/state");
pub const KEY: &str = "canary-key-27182";
pub const SECRET: &str = "canary-secret-31415";

/// The fake platform as a server.
pub struct FakePlatform {
    process: Child,
    pub url: String,
}

impl FakePlatform {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_at("0", flags)
    }

    /// Starts another one at the same address after this one has ended.
    pub fn replaced(self, flags: &[&str]) -> Self {
        let port = self.url.rsplit(':').next().unwrap().to_owned();
        drop(self);
        Self::start_at(&port, flags)
    }

    fn start_at(port: &str, flags: &[&str]) -> Self {
        let mut process = Command::new(RUNNER)
            .args(["sandbox", "--port", port])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, url }
    }

    fn get(&self, path: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Every request that it received.
    pub fn log(&self) -> Vec<Value> {
        self.get("/log.jsonl")
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The messages that a bot with this token in its URL has shown.
    pub fn messages(&self, token: &str) -> Vec<Value> {
        let all = self.get("/messages.jsonl");
        let all = all.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|message| message["token"] == token).collect()
    }

    /// For each id, how many coupons were issued and how many requests came.
    pub fn ids(&self) -> HashMap<String, (u32, u32)> {
        let mut ids: HashMap<String, (u32, u32)> = HashMap::new();
        for record in self.log() {
            let id = ids
                .entry(record["merchant_coupon_id"].as_str().unwrap().to_owned())
                .or_default();
            id.0 += u32::from(record["effect"] == "issued");
            id.1 += 1;
        }
        ids
    }

    /// Returns whether every id has one coupon, issued by the only request for it.
    pub fn issued_each_by_one_request(&self) -> bool {
        self.ids().values().all(|counts| *counts == (1, 1))
    }

    /// Returns whether the requests can have started at no more than 98 in any second. It counts arrivals, and on a busy
    /// machine those are late, but hardly by more than a second: so three seconds contain the starts of at most four. Tests
    /// in virtual time check the starts themselves.
    pub fn saw_the_quota_kept(&self) -> bool {
        let mut arrivals: Vec<_> = self.log().iter().filter_map(|record| record["ms"].as_u64()).collect();
        arrivals.sort_unstable();
        let within = |first: usize| {
            arrivals[first..]
                .iter()
                .take_while(|at| **at < arrivals[first] + 3_000)
                .count()
        };
        !arrivals.is_empty() && (0..arrivals.len()).all(|first| within(first) <= 4 * 98)
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A campaign in a folder of its own.
pub struct Scene {
    pub dir: tempfile::TempDir,
    /// The user's state directory, which contains the witnesses.
    pub home: tempfile::TempDir,
    /// Where the campaign's files are: `dir`, or deep below it.
    folder: PathBuf,
    pub name: String,
    pub more: String,
    pub activity_id: &'static str,
    pub url: String,
}

impl Scene {
    pub fn new(url: &str, users: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scene = Self {
            folder: dir.path().to_owned(),
            dir,
            home: tempfile::tempdir().unwrap(),
            name: "summer".to_owned(),
            more: String::new(),
            activity_id: "7218071234565644204",
            url: url.to_owned(),
        };
        scene.audience(0..users);
        scene.write();
        scene
    }

    pub fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self.write();
        self
    }

    /// Moves the campaign to a folder below.
    pub fn below(mut self, folder: &Path) -> Self {
        self.folder.push(folder);
        fs::create_dir_all(&self.folder).unwrap();
        fs::copy(self.dir.path().join("audience.csv"), self.folder.join("audience.csv")).unwrap();
        self.write();
        self
    }

    pub fn audience(&self, users: std::ops::Range<usize>) {
        let mut csv = "open_id\n".to_owned();
        for user in users {
            writeln!(csv, "user-{user:06}").unwrap();
        }
        fs::write(self.folder.join("audience.csv"), csv).unwrap();
    }

    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.yaml", self.name))
    }

    pub fn write(&self) {
        let text = format!(
            "version: 1\ncampaign: {}\napp_id: tt1\nactivity_id: \"{}\"\n\
             credentials: {{client_key: {{env: WHOLE_KEY}}, client_secret: {{env: WHOLE_SECRET}}}}\n\
             audience: {{source: {{csv: {{path: audience.csv, open_id: open_id}}}}}}\n\
             platform: {{base_url: {}}}\n{}\n",
            self.name, self.activity_id, self.url, self.more
        );
        fs::write(self.file(), text).unwrap();
    }

    /// The command that applies the campaign.
    pub fn apply(&self, flags: &[&str]) -> Command {
        self.with_secrets("apply", flags)
    }

    /// A command on the campaign file, with the secrets.
    pub fn with_secrets(&self, verb: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(RUNNER);
        command.arg(verb).arg(self.file()).args(flags);
        self.give_secrets(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Gives a command the secrets that the campaign file names, and a home of its own.
    pub fn give_secrets(&self, command: &mut Command) {
        command
            .env("WHOLE_KEY", KEY)
            .env("WHOLE_SECRET", SECRET)
            .env("XDG_STATE_HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env_remove("RUNNER_LOG")
            .stdin(Stdio::null());
    }

    /// Runs a command on the campaign file without any of the secrets.
    pub fn without_secrets(&self, verb: &str, flags: &[&str]) -> Ran {
        let mut command = Command::new(RUNNER);
        command
            .arg(verb)
            .arg(self.file())
            .args(flags)
            .env("XDG_STATE_HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env_remove("WHOLE_KEY")
            .env_remove("WHOLE_SECRET")
            .env_remove("RUNNER_LOG")
            .env_remove("RUNNER_STATE_DIR")
            .stdin(Stdio::null());
        Ran::new(command.output().unwrap())
    }

    /// Applies the campaign to its end.
    pub fn run(&self, flags: &[&str]) -> Ran {
        Ran::new(self.apply(flags).output().unwrap())
    }

    pub fn identity(&self) -> Identity {
        Identity {
            campaign: CampaignName::parse(&self.name).unwrap(),
            app_id: AppId::parse("tt1").unwrap(),
            platform: PlatformName::Live(self.url.clone()),
        }
    }

    pub fn place(&self) -> LedgerDir {
        LedgerDir::new(&self.folder, &self.identity())
    }

    /// The place of its rehearsal's ledger.
    pub fn rehearsal(&self) -> LedgerDir {
        let identity = Identity {
            platform: PlatformName::FakePlatform,
            ..self.identity()
        };
        LedgerDir::new(&self.folder, &identity)
    }

    /// Reads the ledger. `None` if there is no ledger.
    pub fn ledger<R>(&self, look: impl FnOnce(&Ledger<SledStore>) -> R) -> Option<R> {
        self.open(async |ledger| look(ledger))
    }

    /// Every fact of the ledger, in order.
    pub fn facts(&self) -> Vec<Fact> {
        let read = async |ledger: &mut Ledger<SledStore>| {
            let mut facts = Vec::new();
            ledger.facts(|_, fact| facts.push(fact)).await.unwrap();
            facts
        };
        self.open(read).unwrap_or_default()
    }

    /// How many durable intents each id has that were not withdrawn, from the ledger's facts.
    pub fn intents(&self) -> HashMap<String, u32> {
        let read = async |ledger: &mut Ledger<SledStore>| {
            let mut intents: HashMap<DeliveryKey, u32> = HashMap::new();
            let count = |_, fact| match fact {
                Fact::Intent { key, .. } => *intents.entry(key).or_default() += 1,
                Fact::Withdrawn { key } => *intents.entry(key).or_default() -= 1,
                _ => {}
            };
            ledger.facts(count).await.unwrap();
            let id = |key| ledger.state().merchant_coupon_id(key).unwrap().to_string();
            intents.into_iter().map(|(key, n)| (id(key), n)).collect()
        };
        self.open(read).unwrap_or_default()
    }

    /// Opens a copy of the ledger, so that the original is not repaired before the next run.
    fn open<R>(&self, look: impl AsyncFnOnce(&mut Ledger<SledStore>) -> R) -> Option<R> {
        let aside = tempfile::tempdir().unwrap();
        let copied = LedgerDir::new(aside.path(), &self.identity());
        for (path, bytes) in files(self.place().dir()) {
            let to = copied.dir().join(path.strip_prefix(self.place().dir()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let owner = Owner {
                host: "test".into(),
                pid: std::process::id(),
                since: jiff::Timestamp::UNIX_EPOCH,
                command: "test".into(),
            };
            let held = copied.lock(&owner, Purpose::Apply).unwrap();
            let store = copied.open(&held).await.unwrap()?;
            Some(look(&mut Ledger::open(store, self.identity()).await.unwrap()).await)
        })
    }
}

impl Ran {
    /// The most starts in any second by the run's own clock, from its summary.
    pub fn most_in_a_second(&self) -> u64 {
        let said = self.out.lines().chain(self.err.lines());
        let mut most = said.filter_map(|line| line.split_once("at most ")?.1.strip_suffix(" in any one second"));
        most.next()
            .and_then(|most| most.parse().ok())
            .unwrap_or_else(|| panic!("{self:?}"))
    }
}
