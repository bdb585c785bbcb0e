//! The client against real sockets: the bytes of a request, and the outcome of every way that an attempt can end.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod connect;
mod edges;
mod mixed;
mod proxy;
mod secrets;
mod sends;
mod server;
mod tls;
mod tokens;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use runner::douyin::client::{Config, HttpPlatform};
use runner::douyin::codes::Codes;
use runner::douyin::token::{Credentials, Tokens};
use runner::douyin::{Connection, Platform, Sent};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Generation, Ledger, Permit};
use runner::model::clock::Clock;
use runner::model::delivery::{ActivityNo, DeliveryKey};
use runner::model::event::{Event, EventKind};
use runner::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::model::outcome::Outcome;
use runner::model::secret::{Secret, SecretRef};

/// Long enough for the slowest machine. Only a failing test waits so long.
const AMPLE: Duration = Duration::from_mins(1);

/// The events of the client.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<EventKind>>>);

impl Heard {
    fn all(&self) -> Vec<EventKind> {
        self.0.lock().unwrap().clone()
    }
}

fn client_credentials() -> Credentials {
    Credentials::Client {
        key: Secret::new("key-canary-1"),
        secret: Secret::new("secret-canary-2"),
    }
}

fn env_token() -> Credentials {
    Credentials::Token {
        token: Secret::new("clt.given"),
        from: SecretRef::Env("A_TOKEN".into()),
    }
}

fn config(base_url: &str, credentials: Credentials) -> (Config, Heard) {
    let heard = Heard::default();
    let sink = heard.clone();
    let config = Config {
        base_url: base_url.to_owned(),
        app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
        tokens: Tokens::new(credentials, Clock::system()),
        codes: Codes::default(),
        timeout: AMPLE,
        clock: Clock::system(),
        emit: Arc::new(move |event: Event| sink.0.lock().unwrap().push(event.kind)),
    };
    (config, heard)
}

fn platform(base_url: &str) -> HttpPlatform {
    HttpPlatform::new(config(base_url, env_token()).0).unwrap()
}

/// Connects and sends.
async fn attempt(platform: &HttpPlatform, permit: Permit) -> Sent<<HttpPlatform as Platform>::Connection> {
    let access = platform.ready().await.unwrap();
    match platform.connect().await {
        Ok(connection) => platform.send(access, connection, permit).await,
        Err(outcome) => Sent {
            outcome: *outcome,
            connection: None,
        },
    }
}

/// Sends, and releases the connection, as a run does after a new answer.
async fn send(platform: &HttpPlatform, permit: Permit) -> Outcome {
    let Sent { outcome, connection } = attempt(platform, permit).await;
    if let Some(connection) = connection {
        connection.release();
    }
    outcome
}

/// Permits for `n` recipients, the first of whom is in the platform's own example.
async fn permits(n: u32) -> Vec<Permit> {
    let identity = Identity {
        campaign: CampaignName::parse("summer-2026").unwrap(),
        app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
        platform: PlatformName::FakePlatform,
    };
    let at = Timestamp::UNIX_EPOCH;
    let open_id = |n| match n {
        0 => "ba253642-0590-40bc-xxx".to_owned(),
        n => format!("user-{n}"),
    };
    let generation = Generation {
        at,
        listed: u64::from(n),
        source: [0; 32],
        activity_id: ActivityId::parse("7218071234565644204").unwrap(),
        coupons_per_user: 1,
        fingerprint: String::new(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    };
    let mut facts = vec![
        Fact::Admitted {
            recipients: (0..n).map(|n| OpenId::parse(&open_id(n)).unwrap()).collect(),
        },
        Fact::Closed(Box::new(generation)),
    ];
    facts.extend((0..n).map(|recipient| Fact::Intent {
        key: DeliveryKey { recipient, ordinal: 1 },
        at,
        activity: ActivityNo(0),
    }));
    let mut ledger = Ledger::open(MemoryStore::default(), identity).await.unwrap();
    ledger.append(facts).await.unwrap()
}

async fn permit() -> Permit {
    permits(1).await.remove(0)
}
