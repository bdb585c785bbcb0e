//! A platform in memory that follows a script and records everything, so that tests can check which coupons were issued.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use runner::douyin::{NotReady, Platform, Sent};
use runner::ledger::Permit;
use runner::model::clock::Clock;
use runner::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};
use tokio::time::Instant;

/// What the platform does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Issues, or replays its success if the id is known.
    Issue,
    /// Issues again, even if the id is known.
    IssueAgain,
    /// Issues; the answer is lost after this time.
    IssueAndLose(Duration),
    /// Does nothing; no answer comes for this time.
    Lose(Duration),
    /// The connection is refused.
    Refuse,
    /// Issues, and answers with the coupon_id of this number.
    IssueNumbered(u64),
    /// Issues, and answers this code of this class.
    IssueAndSay(i64, Class),
    /// Answers this code of this class; nothing is issued.
    Say(i64, Class),
    /// Like [`Act::Say`], with this log_id.
    SayLogged(i64, Class, &'static str),
    /// Answers that the id was used before.
    Duplicate,
    /// Answers that another sender issued it an hour ago.
    Replay,
    /// Answers 404 without a code.
    NotFound(Passed),
    /// Answers 403 with the code of success and without a coupon, but issues it.
    NoCoupon,
}

/// Whether a gateway forwarded a request before it answered instead of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Forwarded: the platform issues the coupon.
    On,
    /// Not forwarded.
    No,
}

/// One request, as the script receives it.
#[derive(Clone, Debug)]
pub struct Ask {
    pub open_id: String,
    pub activity_id: String,
    /// How often this id was sent, including this request.
    pub nth: u32,
    /// How many requests came before this one.
    pub before: usize,
    /// The time since the platform began.
    pub elapsed: Duration,
}

/// How long a connect takes, and whether it succeeds. It receives the time since the platform began.
type Connect = Box<dyn Fn(Duration) -> (Duration, bool) + Send + Sync>;

type Script = Box<dyn Fn(&Ask) -> Act + Send + Sync>;

pub struct World {
    clock: Clock,
    began: Instant,
    latency: Duration,
    script: Script,
    token: Box<dyn Fn(Duration) -> Result<(), NotReady> + Send + Sync>,
    token_takes: Mutex<Duration>,
    connect: Mutex<Connect>,
    seen: Mutex<Seen>,
    /// How many answers it gave: each has its own log_id.
    answers: AtomicU64,
    /// The value of its coupons in fen; negative if it does not state one.
    coupon_value: AtomicI64,
}

/// The record of all requests.
#[derive(Debug, Default)]
pub struct Seen {
    /// When each request began.
    pub starts: Vec<Instant>,
    /// The same times on the wall clock.
    pub walls: Vec<Timestamp>,
    /// The user of each request.
    pub users: Vec<String>,
    /// The id and the activity of each request.
    pub order: Vec<(String, String)>,
    /// How often each id was sent.
    pub asked: HashMap<String, u32>,
    /// How many coupons each id received.
    pub coupons: HashMap<String, u32>,
    /// The activities that each id was sent under.
    pub activities: HashMap<String, HashSet<String>>,
    /// The users with a request in flight.
    under_way: HashSet<String>,
    /// The most requests in flight at once.
    pub most_under_way: usize,
    /// When each connect began.
    pub connects: Vec<Instant>,
    /// The connects under way.
    connecting: usize,
    /// The most connects under way at once.
    pub most_connecting: usize,
    /// The users who had two requests in flight at once.
    pub crowded: Vec<String>,
}

impl World {
    /// A platform that answers after `latency` as `script` says.
    pub fn new(clock: &Clock, latency: u64, script: impl Fn(&Ask) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Self::with_token(clock, latency, script, |_| Ok(()))
    }

    /// Like [`Self::new`], with tokens from `token`, which receives the time since the platform began.
    pub fn with_token(
        clock: &Clock,
        latency: u64,
        script: impl Fn(&Ask) -> Act + Send + Sync + 'static,
        token: impl Fn(Duration) -> Result<(), NotReady> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            began: Instant::now(),
            latency: Duration::from_millis(latency),
            script: Box::new(script),
            token: Box::new(token),
            token_takes: Mutex::default(),
            connect: Mutex::new(Box::new(|_| (Duration::ZERO, true))),
            seen: Mutex::default(),
            answers: AtomicU64::new(0),
            coupon_value: AtomicI64::new(-1),
        })
    }

    /// States `fen` as the value of each coupon from now on.
    pub fn states_value(&self, fen: i64) {
        self.coupon_value.store(fen, Ordering::Relaxed);
    }

    /// Lets every fetch of a token take `time` from now on.
    pub fn tokens_take(&self, time: Duration) {
        *self.token_takes.lock().unwrap() = time;
    }

    /// Makes connections by `connect` from now on.
    pub fn connects(&self, connect: impl Fn(Duration) -> (Duration, bool) + Send + Sync + 'static) {
        *self.connect.lock().unwrap() = Box::new(connect);
    }

    /// Reads the record.
    pub fn seen<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.seen.lock().unwrap())
    }

    /// The most requests that began within any second.
    pub fn harshest_second(&self) -> usize {
        self.seen(|seen| {
            let starts = &seen.starts;
            let within = |first: usize| {
                starts[first..]
                    .iter()
                    .take_while(|at| **at < starts[first] + Duration::from_secs(1))
                    .count()
            };
            (0..starts.len()).map(within).max().unwrap_or(0)
        })
    }

    /// The most coupons that any id received.
    pub fn most_coupons(&self) -> u32 {
        self.seen(|seen| seen.coupons.values().copied().max().unwrap_or(0))
    }

    /// How many coupons were issued.
    pub fn given(&self) -> u64 {
        self.seen(|seen| seen.coupons.values().map(|n| u64::from(*n)).sum())
    }

    /// When requests to a user began, in order.
    pub fn starts_to(&self, open_id: &str) -> Vec<Instant> {
        self.seen(|seen| {
            let all = seen.users.iter().zip(&seen.starts);
            let to = all.filter(|(user, _)| *user == open_id);
            to.map(|(_, start)| *start).collect()
        })
    }

    fn arrive(&self, permit: &Permit) -> Act {
        let mut seen = self.seen.lock().unwrap();
        let id = permit.merchant_coupon_id().to_string();
        let before = seen.starts.len();
        seen.starts.push(Instant::now());
        seen.walls.push(self.clock.now());
        let nth = {
            let nth = seen.asked.entry(id.clone()).or_default();
            *nth += 1;
            *nth
        };
        let activity_id = permit.activity_id().to_string();
        seen.order.push((id.clone(), activity_id.clone()));
        seen.activities
            .entry(id.clone())
            .or_default()
            .insert(activity_id.clone());
        let open_id = permit.open_id().to_string();
        seen.users.push(open_id.clone());
        if !seen.under_way.insert(open_id.clone()) {
            seen.crowded.push(open_id.clone());
        }
        seen.most_under_way = seen.most_under_way.max(seen.under_way.len());
        let elapsed = self.began.elapsed();
        let act = (self.script)(&Ask {
            open_id,
            activity_id,
            nth,
            before,
            elapsed,
        });
        let coupons = seen.coupons.entry(id).or_default();
        match act {
            Act::Issue
            | Act::IssueNumbered(_)
            | Act::IssueAndLose(_)
            | Act::IssueAndSay(..)
            | Act::NotFound(Passed::On)
            | Act::NoCoupon
                if *coupons == 0 =>
            {
                *coupons = 1;
            }
            Act::IssueAgain => *coupons += 1,
            _ => {}
        }
        act
    }

    fn leave(&self, open_id: &str) {
        self.seen.lock().unwrap().under_way.remove(open_id);
    }

    fn outcome(&self, act: Act, id: &str, began: Instant) -> Outcome {
        let log_id = self.answers.fetch_add(1, Ordering::Relaxed).to_string();
        let said = |proof, code, class, classifier| {
            let answer = Answer {
                code,
                message: format!("code {code}"),
                log_id: log_id.clone(),
                class,
                classifier,
            };
            (proof, Some(answer), Some(200))
        };
        let coupon = |coupon_id, replay| Proof::Issued {
            coupon: Box::new(Coupon {
                coupon_id,
                coupon_status: Some(10),
                discount_amount: Some(self.coupon_value.load(Ordering::Relaxed)).filter(|fen| *fen >= 0),
                ..Coupon::default()
            }),
            replay,
        };
        let issued = |replay| coupon(format!("coupon of {id}"), replay);
        let table = Classifier::Table;
        let (proof, answer, status) = match act {
            Act::Issue | Act::IssueAgain => said(issued(false), 0, Class::Issued, table),
            Act::Replay => said(issued(true), 0, Class::Issued, table),
            Act::Duplicate => said(Proof::Duplicate, 77, Class::Issued, Classifier::File),
            Act::IssueAndLose(_) | Act::Lose(_) => (Proof::Unknown(Unknown::TimedOut), None, None),
            Act::Refuse => (Proof::NotIssued(NotIssued::NotSent), None, None),
            Act::NotFound(_) => (Proof::Unknown(Unknown::Unreadable), None, Some(404)),
            Act::NoCoupon => (Proof::Unknown(Unknown::NoCoupon), None, Some(403)),
            Act::IssueNumbered(number) => said(coupon(number.to_string(), false), 0, Class::Issued, table),
            Act::Say(code, class) | Act::IssueAndSay(code, class) => said(proof_of(class), code, class, table),
            Act::SayLogged(code, class, log_id) => {
                let (proof, answer, status) = said(proof_of(class), code, class, table);
                let answer = answer.map(|answer| Answer {
                    log_id: log_id.to_owned(),
                    ..answer
                });
                (proof, answer, status)
            }
        };
        Outcome {
            proof,
            answer,
            status,
            detail: None,
            retry_after: None,
            latency: began.elapsed(),
            at: self.clock.now(),
        }
    }
}

fn proof_of(class: Class) -> Proof {
    match class {
        Class::Issued => Proof::Duplicate,
        Class::Retry => Proof::Unknown(Unknown::SystemError),
        Class::Throttle => Proof::NotIssued(NotIssued::Throttled),
        Class::Token => Proof::NotIssued(NotIssued::Token),
        Class::Refuse => Proof::Refused,
        Class::Hold => Proof::Held,
        Class::Wait => Proof::NotIssued(NotIssued::Wait),
        Class::Halt => Proof::NotIssued(NotIssued::Halt),
    }
}

/// Removes a user from those with a request in flight, also when the run is dropped.
struct UnderWay<'a>(&'a World, String);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.leave(&self.1);
    }
}

/// A connect under way, also when the run drops it.
struct Connecting<'a>(&'a World);

impl<'a> Connecting<'a> {
    fn new(world: &'a World) -> Self {
        let mut seen = world.seen.lock().unwrap();
        seen.connecting += 1;
        seen.most_connecting = seen.most_connecting.max(seen.connecting);
        Self(world)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.seen.lock().unwrap().connecting -= 1;
    }
}

impl Platform for World {
    type Access = ();
    type Connection = ();

    async fn ready(&self) -> Result<(), NotReady> {
        let takes = *self.token_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        (self.token)(self.began.elapsed())
    }

    async fn connect(&self) -> Result<(), Box<Outcome>> {
        let began = Instant::now();
        let (takes, succeeds) = (self.connect.lock().unwrap())(self.began.elapsed());
        self.seen.lock().unwrap().connects.push(began);
        if takes > Duration::ZERO {
            let _connecting = Connecting::new(self);
            tokio::time::sleep(takes).await;
        }
        if succeeds {
            return Ok(());
        }
        Err(Box::new(self.outcome(Act::Refuse, "", began)))
    }

    async fn send(&self, (): (), (): (), permit: Permit) -> Sent<()> {
        let began = Instant::now();
        let act = self.arrive(&permit);
        let _under_way = UnderWay(self, permit.open_id().to_string());
        match act {
            Act::Lose(after) | Act::IssueAndLose(after) => tokio::time::sleep(after).await,
            Act::Refuse => tokio::time::sleep(Duration::from_millis(1)).await,
            _ => tokio::time::sleep(self.latency).await,
        }
        Sent {
            outcome: self.outcome(act, &permit.merchant_coupon_id().to_string(), began),
            connection: Some(()),
        }
    }
}
