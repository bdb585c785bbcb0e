//! The transport to the sandbox in this process: no socket, and virtual time that passes as it would for a request over the
//! network.
//!
//! An answer that comes after the client's timeout is lost, and a request without an answer ends at the timeout. During an
//! outage no connection can be made, so nothing is sent. A request in flight when the outage begins is cut off without an
//! answer, after the sandbox has processed it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::douyin::codes::{HttpResult, Reply};
use crate::douyin::wire::{CLIENT_TOKEN_PATH, SEND_PATH, STABLE_TOKEN_PATH, TokenRequest};
use crate::douyin::{Exchange, Way};
use crate::fake_platform::{self, Answer, Ending, FakePlatform, Moment, Settings, TokenKind};
use crate::model::clock::{Clock, until};
use crate::model::secret::Secret;

use super::outages::{Outage, Outages};

/// How long a failed connection takes.
const NO_CONNECTION: Duration = Duration::from_millis(20);

/// The sandbox, and when it can be reached.
pub(super) struct FakeTransport {
    sandbox: Mutex<FakePlatform>,
    outages: Outages,
    /// The client's timeout.
    timeout: Duration,
    clock: Clock,
    began: Instant,
    /// The last answer to a request for a coupon, as if all requests used one connection.
    last: Mutex<Option<Answer>>,
}

impl FakeTransport {
    /// A sandbox that starts now and has no state from earlier runs.
    pub(super) fn new(settings: Settings, outages: Outages, timeout: Duration, clock: Clock) -> Self {
        Self {
            sandbox: Mutex::new(FakePlatform::without_log(settings)),
            outages,
            timeout,
            clock,
            began: Instant::now(),
            last: Mutex::default(),
        }
    }

    fn ask(&self, path: &str, token: Option<&Secret>, body: &[u8], now: Moment) -> fake_platform::Exchange {
        let mut sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match path {
            SEND_PATH => match serde_json::from_slice(body) {
                Ok(request) => return sandbox.send(&request, token.map(Secret::expose), now),
                Err(error) => sandbox.malformed(&error.to_string(), now),
            },
            STABLE_TOKEN_PATH | CLIENT_TOKEN_PATH => match serde_json::from_slice::<TokenRequest>(body) {
                Ok(request) if path == STABLE_TOKEN_PATH => sandbox.token(TokenKind::Stable, &request, now),
                Ok(request) => sandbox.token(TokenKind::Client, &request, now),
                Err(error) => sandbox.malformed(&error.to_string(), now),
            },
            _ => sandbox.unknown_uri(now),
        };
        fake_platform::Exchange {
            delay: Duration::ZERO,
            ending: Ending::Answer(answer),
        }
    }
}

impl Way for FakeTransport {
    type Connection = ();

    async fn connect(&self) -> Result<(), HttpResult> {
        self.reach().await.map(|_| ())
    }

    async fn send(&self, (): (), token: &Secret, body: Vec<u8>) -> Exchange<()> {
        Exchange {
            ended: self.live(SEND_PATH, Some(token), body).await,
            connection: Some(()),
        }
    }

    async fn query(&self, path: &'static str, token: &Secret, body: Vec<u8>) -> HttpResult {
        self.live(path, Some(token), body).await
    }

    async fn post(&self, path: &'static str, body: Vec<u8>) -> HttpResult {
        self.live(path, None, body).await
    }
}

impl FakeTransport {
    /// Returns the next outage.
    ///
    /// # Errors
    /// When there is one now.
    async fn reach(&self) -> Result<Option<Outage>, HttpResult> {
        let wall = self.clock.now();
        let outage = self.outages.next(wall);
        if outage.is_none_or(|outage| outage.from > wall) {
            return Ok(outage);
        }
        sleep(NO_CONNECTION.min(self.timeout)).await;
        Err(HttpResult::NotSent {
            why: "no connection: an outage of the sandbox".to_owned(),
        })
    }

    async fn live(&self, path: &'static str, token: Option<&Secret>, body: Vec<u8>) -> HttpResult {
        let wall = self.clock.now();
        let outage = match self.reach().await {
            Ok(outage) => outage,
            Err(unreached) => return unreached,
        };
        let now = Moment {
            since_start: self.began.elapsed(),
            wall,
        };
        let fake_platform::Exchange { delay, ending } = self.ask(path, token, &body, now);
        let delay = if ending == Ending::Hang { Duration::MAX } else { delay };
        let gone = outage.and_then(|outage| until(wall, outage.from));
        if let Some(gone) = gone.filter(|gone| *gone <= delay && *gone <= self.timeout) {
            sleep(gone).await;
            let why = "an outage of the sandbox began".to_owned();
            return HttpResult::Cut { status: None, why };
        }
        sleep(delay.min(self.timeout)).await;
        if delay > self.timeout {
            return HttpResult::TimedOut {
                status: None,
                within: self.timeout,
            };
        }
        match ending {
            Ending::Answer(answer) if path == SEND_PATH => {
                *self.last() = Some(answer.clone());
                answered(answer)
            }
            Ending::Repeat(answer) => {
                let last = self.last().replace(answer.clone());
                answered(last.unwrap_or(answer))
            }
            ending => ended(ending),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Answer>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answered(answer: Answer) -> HttpResult {
    HttpResult::Answered(Reply {
        content_encoding: None,
        status: answer.status,
        retry_after: None,
        date: None,
        body: answer.body.into_bytes(),
    })
}

/// How the client sees the end of an exchange that it waited for.
fn ended(ending: Ending) -> HttpResult {
    let cut = |status, why: &str| HttpResult::Cut {
        status,
        why: why.to_owned(),
    };
    match ending {
        Ending::Answer(answer) | Ending::Repeat(answer) => answered(answer),
        Ending::CutBody(answer) => cut(Some(answer.status), "the sandbox cut the body short"),
        Ending::Cut | Ending::Hang => cut(None, "the sandbox closed the connection"),
    }
}
