//! A campaign on disk whose ledger is built fact by fact, so that the output of commands is always the same.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::{CampaignLock, Purpose};
use runner::ledger::{Fact, Generation, Ledger, ManualDecision};
use runner::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, Resolution, StateName, Transition};
use runner::model::event::Owner;
use runner::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

pub use crate::process::Ran;

pub const RUNNER: &str = env!("CARGO_BIN_EXE_runner");

/// The users, in the order of the ledger.
pub const USERS: [&str; 9] = [
    "ba253642-0590-40bc-a1b2-93c4d5e6f708",
    "Cv4PoJXaTPn63rNu",
    "=cmd|'/c_calc'!A1",
    "held-1",
    "held-2",
    "doubt-lost",
    "doubt-refused",
    "left-2026",
    "owed-1",
];

pub struct Fixture {
    pub dir: tempfile::TempDir,
}

impl Ran {
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Both streams, with placeholders for the parts that change from run to run.
    pub fn told(&self, fixture: &Fixture) -> String {
        let dir = fixture.dir.path().display().to_string();
        format!("{}---\n{}", self.out, self.err).replace(&dir, "DIR")
    }
}

impl Fixture {
    /// A campaign with a ledger.
    pub fn new() -> Self {
        let fixture = Self::without_ledger();
        fixture.append(facts());
        fixture
    }

    /// A campaign that was never applied.
    pub fn without_ledger() -> Self {
        let fixture = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let listed = USERS.iter().filter(|user| **user != "left-2026").copied();
        let audience: Vec<_> = ["open_id"].into_iter().chain(listed).collect();
        fs::write(fixture.dir.path().join("audience.csv"), audience.join("\n")).unwrap();
        fixture.file("");
        fixture
    }

    /// Writes the campaign file with the additional lines `more`.
    pub fn file(&self, more: &str) -> PathBuf {
        let path = self.dir.path().join("summer.yaml");
        let text = format!(
            "version: 1\ncampaign: summer-2026\ntitle: 夏日立减券\napp_id: tt1\nactivity_id: \"7001\"\ncoupons_per_user: 2\n\
             audience: {{source: {{csv: {{path: audience.csv, open_id: open_id}}}}}}\n{more}\n"
        );
        fs::write(&path, text).unwrap();
        path
    }

    pub fn identity() -> Identity {
        Identity {
            campaign: CampaignName::parse("summer-2026").unwrap(),
            app_id: AppId::parse("tt1").unwrap(),
            platform: PlatformName::FakePlatform,
        }
    }

    pub fn place(&self) -> LedgerDir {
        LedgerDir::new(self.dir.path(), &Self::identity())
    }

    fn lock(&self, purpose: Purpose) -> CampaignLock {
        let owner = Owner {
            host: "ops".into(),
            pid: 4711,
            since: at(0),
            command: "runner apply summer.yaml".into(),
        };
        self.place().lock(&owner, purpose).unwrap()
    }

    /// Appends each fact as its own batch. Creates the ledger if it does not exist.
    pub fn append(&self, facts: Vec<Fact>) {
        let lock = self.lock(Purpose::Apply);
        block_on(async {
            let place = self.place();
            let store = match place.open(&lock).await.unwrap() {
                Some(store) => store,
                None => place.create(&lock, at(0)).await.unwrap(),
            };
            let mut ledger = Ledger::open(store, Self::identity()).await.unwrap();
            for fact in facts {
                ledger.append(vec![fact]).await.unwrap();
            }
        });
    }

    pub fn facts(&self) -> Vec<Fact> {
        let lock = self.lock(Purpose::Apply);
        block_on(async {
            let store = self.place().open(&lock).await.unwrap().unwrap();
            let mut ledger = Ledger::open(store, Self::identity()).await.unwrap();
            let mut facts = Vec::new();
            ledger.facts(|_, fact| facts.push(fact)).await.unwrap();
            facts
        })
    }

    pub fn command(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(RUNNER);
        command
            .args([verb, "summer.yaml", "--sandbox"])
            .args(args)
            .current_dir(self.dir.path())
            .env("USER", "li")
            .env("NO_COLOR", "1")
            .env_remove("COLUMNS")
            .env_remove("RUNNER_LANG")
            .env_remove("RUNNER_LOG")
            .env_remove("RUNNER_STATE_DIR")
            .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, verb: &str, args: &[&str]) -> Ran {
        Ran::new(self.command(verb, args).output().unwrap())
    }

    /// Admits enough additional users that an export is larger than the ledger.
    pub fn many(&self, users: u32) {
        let names = (0..users).map(|n| OpenId::parse(&format!("one-of-many-{n:030}")).unwrap());
        let names: Vec<_> = names.collect();
        let mut facts: Vec<_> = names
            .chunks(Fact::CHUNK)
            .map(|chunk| Fact::Admitted {
                recipients: chunk.to_vec(),
            })
            .collect();
        facts.push(closed(300_000, u64::from(users)));
        self.append(facts);
    }

    /// The size of the ledger's largest file, in blocks of 512 bytes.
    pub fn largest_file(&self) -> u32 {
        let store = self.place().dir().join("store");
        let sizes = fs::read_dir(store)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len());
        u32::try_from(sizes.max().unwrap().div_ceil(512)).unwrap()
    }

    /// Like `run`, under a limit on the size of files in blocks of 512 bytes, which acts like a full disk.
    pub fn run_under_limit(&self, blocks: u32, verb: &str, args: &[&str]) -> Ran {
        let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &script, RUNNER, verb, "summer.yaml", "--sandbox"])
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran::new(output)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// The time `ms` milliseconds after 2026-06-01 10:00 in Shanghai.
pub fn at(ms: i64) -> Timestamp {
    let begin: Timestamp = "2026-06-01T10:00:00+08:00".parse().unwrap();
    Timestamp::from_millisecond(begin.as_millisecond() + ms).unwrap()
}

pub const fn key(recipient: u32, ordinal: u8) -> DeliveryKey {
    DeliveryKey { recipient, ordinal }
}

pub fn intent(key: DeliveryKey, ms: i64) -> Fact {
    Fact::Intent {
        key,
        at: at(ms),
        activity: ActivityNo(0),
    }
}

fn closed(ms: i64, listed: u64) -> Fact {
    Fact::Closed(Box::new(Generation {
        at: at(ms),
        listed,
        source: [7; 32],
        activity_id: ActivityId::parse("7001").unwrap(),
        coupons_per_user: 2,
        fingerprint: "3f0e".to_owned(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    }))
}

/// The answer to a delivery at a time, with its own log_id.
fn answer(key: DeliveryKey, ms: i64, code: i64, message: &str, class: Class) -> Answer {
    Answer {
        code,
        message: message.to_owned(),
        log_id: format!("20260601100000LOG{ms:06}{:03}", numbered(key)),
        class,
        classifier: Classifier::Table,
    }
}

fn numbered(key: DeliveryKey) -> u32 {
    key.recipient * 10 + u32::from(key.ordinal)
}

fn ended(key: DeliveryKey, ms: i64, decision: Decision, proof: Proof, answer: Option<Answer>) -> Fact {
    let detail = answer.is_none().then(|| "no answer within 10s".to_owned());
    Fact::Ended {
        key,
        decision,
        outcome: Box::new(Outcome {
            proof,
            answer,
            status: Some(200),
            detail,
            retry_after: None,
            latency: Duration::from_millis(87),
            at: at(ms),
        }),
    }
}

pub fn issued(key: DeliveryKey, ms: i64, name: &str) -> Fact {
    let second = at(ms).as_second();
    let coupon = Coupon {
        coupon_id: format!("7300000000000000{:03}", numbered(key)),
        merchant_meta_no: Some("95a0-c029".to_owned()),
        coupon_name: Some(name.to_owned()),
        coupon_status: Some(10),
        discount_type: None,
        discount_amount: Some(500),
        min_pay_amount: Some(2000),
        receive_time: Some(second),
        valid_begin_time: Some(second),
        valid_end_time: Some(second + 7 * 86_400),
    };
    let coupon = Box::new(coupon);
    let proof = Proof::Issued { coupon, replay: false };
    let said = answer(key, ms, 0, "success", Class::Issued);
    ended(key, ms, Decision::Issued, proof, Some(said))
}

/// Sets the log_id of the end of an attempt, and its coupon_id if it has a coupon.
pub fn with_ids(fact: Fact, coupon_id: &str, log_id: &str) -> Fact {
    let Fact::Ended {
        key,
        decision,
        mut outcome,
    } = fact
    else {
        panic!("no attempt ended: {fact:?}")
    };
    if let Proof::Issued { coupon, .. } = &mut outcome.proof {
        coupon_id.clone_into(&mut coupon.coupon_id);
    }
    if let Some(answer) = &mut outcome.answer {
        log_id.clone_into(&mut answer.log_id);
    }
    Fact::Ended { key, decision, outcome }
}

pub fn held(key: DeliveryKey, ms: i64) -> Fact {
    let code = 990_000_001;
    let said = answer(key, ms, code, "用户近七日未访问小程序", Class::Hold);
    ended(key, ms, Decision::Held { code }, Proof::Held, Some(said))
}

pub fn refused(key: DeliveryKey, ms: i64) -> Fact {
    let code = 28_001_045;
    let said = answer(key, ms, code, "用户已注销账号", Class::Refuse);
    ended(key, ms, Decision::Refused { code }, Proof::Refused, Some(said))
}

pub fn lost(key: DeliveryKey, ms: i64) -> Fact {
    let decision = Decision::Unknown {
        due: at(ms),
        code: None,
    };
    ended(key, ms, decision, Proof::Unknown(Unknown::TimedOut), None)
}

/// A history with one of everything.
fn facts() -> Vec<Fact> {
    let names = USERS.iter().map(|user| OpenId::parse(user).unwrap());
    let throttled = Decision::NotIssued {
        due: at(2_500),
        code: Some(28_001_016),
    };
    let slow = Some(answer(key(0, 1), 1_090, 28_001_016, "请求太频繁", Class::Throttle));
    vec![
        Fact::run_began(at(0), Duration::from_secs(10)),
        Fact::Admitted {
            recipients: names.collect(),
        },
        closed(40, 9),
        intent(key(0, 1), 1_000),
        ended(
            key(0, 1),
            1_090,
            throttled,
            Proof::NotIssued(NotIssued::Throttled),
            slow,
        ),
        intent(key(0, 1), 2_500),
        issued(key(0, 1), 2_600, "满20减5元券"),
        intent(key(1, 1), 2_700),
        refused(key(1, 1), 2_800),
        intent(key(2, 1), 2_900),
        Fact::Withdrawn { key: key(2, 1) },
        intent(key(2, 1), 2_910),
        issued(key(2, 1), 3_000, "=HYPERLINK(\"http://x\")"),
        intent(key(3, 1), 3_100),
        held(key(3, 1), 3_200),
        intent(key(4, 1), 3_300),
        held(key(4, 1), 3_400),
        intent(key(5, 1), 3_500),
        lost(key(5, 1), 13_500),
        intent(key(6, 1), 13_600),
        // The process of this attempt was killed, and the resend by the next process was refused.
        Fact::run_began(at(60_000), Duration::from_secs(10)),
        Fact::Away {
            why: Away::Gone,
            recipients: vec![7],
        },
        closed(60_040, 8),
        intent(key(6, 1), 61_000),
        refused(key(6, 1), 61_100),
        Fact::Reread {
            key: key(4, 1),
            step: Transition::RereadRefused,
            at: at(120_000),
        },
        Fact::Decided {
            keys: vec![key(4, 1)],
            decision: Box::new(ManualDecision {
                at: at(180_000),
                by: "li@ops".to_owned(),
                note: "活动延期, ticket 812".to_owned(),
                from: StateName::Refused,
                to: Resolution::Owed { may_double: false },
                selection: "--refused --code 990000001".to_owned(),
            }),
        },
    ]
}
