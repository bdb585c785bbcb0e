//! Histories of one campaign that declares its activity: creations and releases whose answers are lost, stock that is used up, sends
//! in doubt, and comparisons with the platform's records, which may be late, missing or wrong. The ledger, the comparison of the
//! audience, the decisions about activities and outcomes and the comparisons are the program's. What is checked is kept apart: the
//! platform knows each coupon and each activity, and what became of each attempt.

mod platform;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use runner::app::activity::command::{ActivityView, order_of_more, step_of_answer};
use runner::app::activity::{Activities, ActivityError, BeforeSends, before_sends, is_release_due};
use runner::app::reconcile::{AcceptedRecords, BillFiles, Request, compare};
use runner::audience::{Activity, Place, Row, Totals};
use runner::campaign::{self, Bill, BillColumns};
use runner::douyin::codes::Codes;
use runner::engine::audience_diff::{Accept, Admission, DiffBuilder, Exclusion, Terms};
use runner::engine::decision::{Context, RunEffect, decide};
use runner::engine::delivery_forecast::{Next, next};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Evidence, Fact, Generation, Ledger, LedgerState, ManualDecision, Permit, PlatformRecord};
use runner::model::activity::{ActivityLog, ActivityOrder, DeclaredActivity, Release};
use runner::model::actor::Actor;
use runner::model::clock::{Clock, from_ms};
use runner::model::delivery::{
    ActivityNo, Away, Counts, Decision, DeliveryKey, DeliveryStatus, Resolution, State, StateName,
};
use runner::model::event::PlaceUnit;
use runner::model::identity::ActivityId;
use runner::model::outcome::{Answer, Class, Classifier, NotIssued, Outcome, Proof, Unknown};
use runner::plan::{self, InDoubt, Plan, RunOptions};
use tempfile::TempDir;

use crate::env::Violation;
use crate::scenario::MONDAY;
use crate::{env_var, search_seeds};
use platform::{
    Fate, ODD, Platform, REFUSED, REPEATED, Repeat, Reply, Shared, TIMEOUT, Traits, TrueCoupon, USED_UP, day_of, zone,
};

/// How many histories a plain `cargo test` runs.
const HISTORIES: u64 = 2_000;
const SECOND_MS: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND_MS;
const HOUR: i64 = 60 * MINUTE;
/// A run halts after this many held answers in a row.
const SAME_CODE: u32 = 3;
/// This many rounds without faults settle everything.
const ROUNDS: u32 = 12;

const ONE_COUPON: &str = "nobody has two coupons";
const SERVED: &str = "nobody is left out";
const TRUE: &str = "each settlement of a doubt is true";
const ACCEPTED: &str = "absence settles only if a person accepts it";
const COUNTED: &str = "an absence agrees with the count of its own activity";
const WHOLE: &str = "a bill that is not whole settles nothing";
const SECOND: &str = "no second activity without a person";
const DURABLE: &str = "no request about an activity without a durable intent";
const UNSETTLED: &str = "no activity is released while a delivery needs it";
const RELEASED: &str = "nothing is sent under a released activity";
const REOPENED: &str = "a ledger that is opened again says the same";
const SAID: &str = "the ledger says what happened";

type Checked<T = ()> = Result<T, Violation>;

fn violated<T>(guarantee: &'static str, details: impl Debug) -> Checked<T> {
    Err(Violation::new(guarantee, format!("{details:?}")))
}

/// How an operation is interrupted.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// It is not.
    None,
    /// The process is killed after this time.
    After(Duration),
    /// The disk fails after this many batches, with the last one written or not.
    Disk { batches: u64, is_written: bool },
}

/// How a part of an apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// The process was killed.
    Killed,
    /// The run halted.
    Halted,
}

struct User {
    open_id: String,
    is_listed: bool,
    is_excluded: bool,
}

/// All that a ledger says and that a person or a run acts on.
#[derive(Debug, PartialEq)]
struct Said {
    counts: Counts,
    statuses: Vec<DeliveryStatus>,
    away: Vec<Option<Away>>,
    activities: ActivityLog,
    generation: Option<Generation>,
    newest: Timestamp,
    held_while_skipped: u64,
    reopened: (u64, u64),
    accepts_replays: bool,
}

impl Said {
    fn new(state: &LedgerState) -> Self {
        let all = || 0..state.recipients();
        Self {
            counts: state.counts(),
            statuses: all().map(|recipient| state.status(key(recipient))).collect(),
            away: all().map(|recipient| state.away(recipient)).collect(),
            activities: state.activities_asked_for().clone(),
            generation: state.generation().cloned(),
            newest: state.newest(),
            held_while_skipped: state.held_while_skipped(),
            reopened: (state.reopened_doubts(), state.reopened_held()),
            accepts_replays: state.accepts_replays(),
        }
    }
}

/// The facts that settle deliveries, and what the ledger knew when each was written.
#[derive(Default)]
struct Settlements {
    /// The coupons that the ledger knows so far, by id.
    known: BTreeSet<String>,
    /// The bill of each day that was recorded last. `None` if the platform has none.
    bills: BTreeMap<Date, Option<[u8; 32]>>,
    /// The activity of the last attempt of each delivery.
    activities: BTreeMap<DeliveryKey, ActivityNo>,
    /// How many coupons of each activity are confirmed.
    confirmed: BTreeMap<u16, u64>,
    /// What the platform counts of each activity in this comparison.
    counts: BTreeMap<ActivityId, Option<u64>>,
}

const fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

fn minimal_plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let file = "{version: 1, campaign: summer, app_id: tt1, coupon_meta_id: '7218', \
                    activity: {stock: 5, name: tea, release: when_settled}, \
                    audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
        let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|it| panic!("{it:?}"));
        plan::build(&parsed.campaign, RunOptions::default()).unwrap()
    })
}

fn columns() -> BillColumns {
    BillColumns {
        coupon_id: "coupon_id".to_owned(),
        open_id: "open_id".to_owned(),
        receive_time: Some("receive_time".to_owned()),
        activity_id: Some("activity_id".to_owned()),
        merchant_meta_no: Some("merchant_meta_no".to_owned()),
        ..BillColumns::default()
    }
}

fn person() -> Actor {
    Actor {
        name: "li".to_owned(),
        user: "li".to_owned(),
        host: "till-3".to_owned(),
        command: "runner reconcile summer.yaml".to_owned(),
    }
}

struct History {
    rng: fastrand::Rng,
    clock: Clock,
    plan: Plan,
    declared: DeclaredActivity,
    store: MemoryStore,
    ledger: Ledger<MemoryStore>,
    platform: Shared,
    users: Vec<User>,
    columns: Option<BillColumns>,
    /// Whether a person may accept the platform's count, which is at most an hour late.
    accepts_count: bool,
    /// Whether something else gives coupons of the campaign's activity.
    is_shared: bool,
    is_calm: bool,
    bills: Option<TempDir>,
    /// How many doubts the platform's records have settled.
    settled: u64,
    trail: Vec<String>,
}

impl Settlements {
    /// Notes a coupon of the last attempt of a delivery.
    fn confirm(&mut self, key: DeliveryKey) {
        if let Some(activity) = self.activities.get(&key) {
            *self.confirmed.entry(activity.0).or_default() += 1;
        }
    }
}

impl History {
    async fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x7265_636f_7264);
        let clock = Clock::simulated(from_ms(MONDAY + rng.i64(0..48) * HOUR));
        let repeat = [Repeat::Replays, Repeat::Duplicate, Repeat::Ignores][rng.usize(0..3)];
        // What the platform does is unknown in one of four: then nobody relies on it.
        let asks_person = repeat == Repeat::Ignores || rng.u8(0..4) == 0;
        let is_shared = rng.u8(0..5) == 0;
        let lag = [0, 10 * MINUTE, 55 * MINUTE, 5 * HOUR][rng.usize(0..4)];
        let traits = Traits {
            repeat,
            refuses_repeated_creation: rng.u8(0..3) == 0,
            count_lag_ms: lag,
            skew_ms: rng.i64(-50..=50) * SECOND_MS,
        };
        let mut plan = minimal_plan().clone();
        plan.retry.timeout = TIMEOUT;
        plan.retry.attempts = 3;
        plan.retry.resend_within = Duration::from_hours(24);
        if asks_person {
            plan.retry.in_doubt = InDoubt::Ask;
        }
        plan.max_coupons = u64::MAX;
        plan.codes.insert(REFUSED, Class::Refuse);
        if rng.bool() {
            plan.codes.insert(USED_UP, Class::Halt);
        }
        if repeat == Repeat::Duplicate && rng.bool() {
            plan.codes.insert(REPEATED, Class::Issued);
        }
        let mut declared = plan.activity.clone().unwrap();
        declared.stock = rng.u64(1..8);
        plan.activity = Some(declared.clone());
        let store = MemoryStore::default();
        let own = fastrand::Rng::with_seed(rng.u64(..));
        let platform = Platform::new(own, clock.clone(), traits);
        let platform = Shared::new(platform, store.clone(), plan.identity.clone());
        let first = platform.key(1);
        platform.lock().asked_for.insert(first);
        let users = (0..rng.u32(3..9)).map(|user| User {
            open_id: format!("user-{user}"),
            is_listed: rng.u8(0..6) > 0,
            is_excluded: false,
        });
        let users = users.collect();
        let ledger = Ledger::open(store.clone(), plan.identity.clone()).await.unwrap();
        Self {
            accepts_count: lag < HOUR && !is_shared && rng.bool(),
            columns: (rng.u8(0..5) > 0).then(columns),
            is_shared,
            rng,
            clock,
            plan,
            declared,
            store,
            ledger,
            platform,
            users,
            is_calm: false,
            bills: None,
            settled: 0,
            trail: Vec::new(),
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn note(&mut self, what: impl Debug) {
        let at = zone().to_datetime(self.clock.now());
        self.trail.push(format!("{at} {what:?}"));
    }

    /// Whether something of a kind happens, once in `of` times. Never while the history is driven to its end.
    fn chance(&mut self, of: u32) -> bool {
        !self.is_calm && self.rng.u32(0..of) == 0
    }

    fn death(&mut self) -> Death {
        if self.is_calm {
            return Death::None;
        }
        match self.rng.u8(0..8) {
            0 => Death::After(Duration::from_millis(self.rng.u64(0..25_000))),
            1 => Death::Disk {
                batches: self.rng.u64(0..8),
                is_written: self.rng.bool(),
            },
            _ => Death::None,
        }
    }

    async fn pass(&self, ms: i64) {
        tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
    }

    /// Makes the disk fail as a death says.
    fn prepare(&self, death: Death) {
        match death {
            Death::None => {}
            Death::After(_) => self.store.stall(Duration::from_millis(20)),
            Death::Disk { batches, is_written } => {
                let most = self.store.records() + batches;
                if is_written {
                    self.store.fail_written_after(most);
                } else {
                    self.store.fail_after(most);
                }
            }
        }
    }

    /// Opens the ledger again after an operation that was interrupted. Only the disk says how far it came.
    async fn recover(&mut self) {
        self.store.mend();
        self.store.stall(Duration::ZERO);
        self.ledger = Ledger::open(self.store.clone(), self.plan.identity.clone())
            .await
            .unwrap();
    }

    /// The process is killed between two steps, and another one opens the ledger, sometimes with a snapshot.
    async fn kill(&mut self) -> Checked {
        self.note("the process is killed");
        let before = Said::new(self.ledger.state());
        if self.rng.u8(0..4) == 0 {
            let opened = Ledger::open(self.store.clone(), self.plan.identity.clone())
                .await
                .unwrap();
            std::mem::replace(&mut self.ledger, opened).close().await;
        }
        self.recover().await;
        let after = Said::new(self.ledger.state());
        if before == after {
            Ok(())
        } else {
            violated(REOPENED, (before, after))
        }
    }

    async fn append(&mut self, facts: Vec<Fact>) -> Checked<Vec<Permit>> {
        match self.ledger.append(facts).await {
            Ok(permits) => Ok(permits),
            Err(error) => violated(SAID, error),
        }
    }

    async fn begin_run(&mut self) -> Checked {
        let began = Fact::run_began(self.clock.now(), TIMEOUT);
        self.append(vec![began]).await.map(drop)
    }

    /// Compares the audience with the ledger.
    fn admit(&self, accepts_activity: bool) -> Result<Admission, String> {
        let place = |number| Place {
            within: "audience.csv",
            unit: PlaceUnit::Line,
            number,
        };
        let row = |number, open_id| Row {
            place: place(number),
            open_id: Ok(open_id),
            last_active: Activity::Unknown,
        };
        let state = self.ledger.state();
        let mut excluded = Exclusion::new(state);
        excluded.begin("said-no".to_owned());
        let mut rows = 0;
        for user in self.users.iter().filter(|user| user.is_excluded) {
            rows += 1;
            excluded.row(&row(rows + 1, user.open_id.as_str()));
        }
        excluded.end(&Totals {
            rows,
            ..Totals::default()
        });
        let mut admission = DiffBuilder::excluding(excluded, &self.plan);
        let mut rows = 0;
        for user in self.users.iter().filter(|user| user.is_listed) {
            rows += 1;
            admission.row(&row(rows + 1, user.open_id.as_str()));
        }
        let totals = Totals {
            rows,
            ..Totals::default()
        };
        let is_accepted = |change: &Accept| match change {
            Accept::Replays => false,
            Accept::ActivityId => accepts_activity,
            _ => true,
        };
        let accepted: Vec<_> = Accept::ALL.into_iter().filter(is_accepted).collect();
        let codes = Codes::new(self.plan.codes.clone());
        let decided = admission.decide(&Terms {
            plan: &self.plan,
            totals: &totals,
            accepted: &accepted,
            rehearsal: false,
            class: &|code| codes.classify(code).0,
            wall: self.clock.now(),
        });
        decided.map_err(|why| why.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    /// An apply, from its start to its end or to a kill.
    async fn apply(&mut self, accepts_activity: bool) -> Checked {
        self.note("an apply begins");
        self.begin_run().await?;
        let admission = match self.admit(accepts_activity) {
            Ok(admission) => admission,
            Err(why) => {
                self.note(why);
                return Ok(());
            }
        };
        let counts = &admission.counts;
        let to_send = counts.owed() + counts.count(StateName::InDoubt);
        let log = self.ledger.state().activities_asked_for();
        let activity_id = match before_sends(log, &self.declared, to_send) {
            Ok(BeforeSends::GoOn(activity_id)) => activity_id,
            Ok(BeforeSends::Create(order)) => {
                if self.create(&order).await? == End::Killed {
                    return Ok(());
                }
                match self.ledger.state().activities_asked_for().newest() {
                    Some(newest) => newest.activity_id.clone(),
                    None => return Ok(()),
                }
            }
            Err(error) => {
                self.note(error);
                return Ok(());
            }
        };
        let mut changes = admission.changes;
        let before = self
            .ledger
            .state()
            .generation()
            .map(|before| before.activity_id.clone());
        let is_new = before.is_some_and(|before| before != activity_id && !before.is_not_created());
        changes.generation.activity_id = activity_id.clone();
        for batch in changes.into_batches() {
            if self.chance(20) {
                return self.kill().await;
            }
            self.append(batch.unwrap()).await?;
        }
        self.note_rereads(is_new);
        self.check()?;
        let plan = self.plan.with_activity(activity_id);
        match self.send_all(&plan).await? {
            End::Done | End::Halted if is_release_due(&self.declared, self.ledger.state()) => self.release().await,
            End::Done | End::Halted | End::Killed => Ok(()),
        }
    }

    /// An admission has classified held deliveries again: those whose code proves that nothing was issued are owed, and under
    /// another activity all are, because a person accepted the risk.
    fn note_rereads(&mut self, is_new: bool) {
        let codes = Codes::new(self.plan.codes.clone());
        let state = self.ledger.state();
        let mut platform = self.platform.lock();
        for (open_id, delivery) in &mut platform.deliveries {
            let Fate::Held(code) = delivery.fate else { continue };
            let is_here = state.find(open_id).is_some_and(|number| state.away(number).is_none());
            let class = codes.classify(code).0;
            if is_here && class == Class::Halt {
                delivery.fate = Fate::Owed;
            } else if is_here && is_new && class == Class::Hold {
                delivery.fate = Fate::Owed;
                delivery.is_risk_accepted = true;
            }
        }
    }

    /// Sends to each user that an apply may send to now.
    async fn send_all(&mut self, plan: &Plan) -> Checked<End> {
        let mut held = 0;
        for recipient in 0..self.ledger.state().recipients() {
            if self.chance(25) {
                self.kill().await?;
                return Ok(End::Killed);
            }
            for _ in 0..plan.retry.attempts {
                let now = self.clock.now();
                let state = self.ledger.state();
                let Next::Sent { at, .. } = next(state, plan, key(recipient), state.present_of_apply(now)) else {
                    break;
                };
                let wait = at.as_millisecond() - now.as_millisecond();
                if wait > MINUTE {
                    break;
                }
                self.pass(wait.max(0)).await;
                let end = self.attempt(plan, recipient).await?;
                self.check()?;
                if end != End::Done {
                    return Ok(end);
                }
            }
            let is_held = self.ledger.state().status(key(recipient)).state.name() == StateName::Held;
            held = if is_held { held + 1 } else { 0 };
            if held == SAME_CODE && !self.is_calm {
                return Ok(End::Halted);
            }
            let pause = self.rng.i64(10..2 * SECOND_MS);
            self.pass(pause).await;
        }
        Ok(End::Done)
    }

    async fn attempt(&mut self, plan: &Plan, recipient: u32) -> Checked<End> {
        let key = key(recipient);
        let state = self.ledger.state();
        let status = state.status(key);
        let current = state.current_activity().unwrap();
        let doubt = status.doubt.filter(|_| status.state == State::InDoubt);
        let activity = doubt.map_or(current, |doubt| doubt.activity);
        let accepts_replays = state.accepts_replays();
        let began = self.clock.now();
        let intent = Fact::Intent {
            key,
            at: began,
            activity,
        };
        let permit = self.append(vec![intent]).await?.pop().unwrap();
        let open_id = permit.open_id().to_string();
        let delivery = permit.merchant_coupon_id().to_string();
        let activity_id = permit.activity_id().to_string();
        let drawn = if self.is_calm { 99 } else { self.rng.u32(0..48) };
        let lost = |history: &Self, ended: i64| {
            let mut platform = history.platform.lock();
            let truth = platform.deliveries.entry(open_id.clone()).or_default();
            if truth.fate != Fate::InDoubt {
                truth.doubt.0 = began.as_millisecond();
            }
            truth.doubt.1 = ended;
            truth.fate = Fate::InDoubt;
            truth.activity_id.clone_from(&activity_id);
        };
        if drawn == 0 {
            self.note(("killed before the request", &open_id));
            lost(self, self.now());
            self.kill().await?;
            return Ok(End::Killed);
        }
        if drawn == 1 {
            self.platform.lock().refused.insert(open_id.clone());
        }
        let is_late = (2..10).contains(&drawn);
        let until = if is_late { MINUTE } else { SECOND_MS };
        let arrived = self.now() + self.rng.i64(20..until);
        let arrives = !matches!(drawn, 10..=15);
        let reply = arrives.then(|| self.platform.lock().send(&open_id, &activity_id, &delivery, arrived));
        self.note(("sent", &open_id, &activity_id, drawn, &reply));
        self.violation()?;
        if drawn == 16 || drawn == 17 {
            let after = self.rng.i64(0..20 * SECOND_MS);
            self.pass(after).await;
            lost(self, self.now());
            self.kill().await?;
            return Ok(End::Killed);
        }
        let is_odd = drawn == 18 || drawn == 19;
        let is_lost = !arrives || is_late;
        let takes = match (is_lost, self.rng.bool()) {
            (true, true) => 10 * SECOND_MS,
            _ => self.rng.i64(20..900),
        };
        self.pass(takes).await;
        let reply = if is_odd { Some(Reply::Code(ODD)) } else { reply };
        let (proof, answer) = match reply.filter(|_| !is_lost) {
            None => (Proof::Unknown(Unknown::TimedOut), None),
            Some(Reply::Coupon(coupon)) => {
                let received = coupon.receive_time.unwrap_or_default();
                let replay = received < began.as_second() - 120;
                (Proof::Issued { coupon, replay }, Some((0, Class::Issued)))
            }
            Some(Reply::Code(code)) => {
                let class = Codes::new(plan.codes.clone()).classify(code).0;
                let proof = match class {
                    Class::Issued => Proof::Duplicate,
                    Class::Refuse => Proof::Refused,
                    Class::Halt => Proof::NotIssued(NotIssued::Halt),
                    _ => Proof::Held,
                };
                (proof, Some((code, class)))
            }
        };
        let ended = self.clock.now();
        self.note_answer(&open_id, &activity_id, answer);
        if answer.is_none() {
            lost(self, ended.as_millisecond());
        }
        let log_id = format!("log-{}", self.rng.u64(..));
        let outcome = Outcome {
            proof,
            answer: answer.map(|(code, class)| Answer {
                code,
                message: String::new(),
                log_id,
                class,
                classifier: Classifier::Table,
            }),
            status: answer.map(|_| 200),
            detail: None,
            retry_after: None,
            latency: Duration::from_millis(takes.unsigned_abs()),
            at: ended,
        };
        let context = Context {
            open_id: permit.open_id().clone(),
            merchant_coupon_id: delivery,
            doubt,
            reopened: status.reopened,
            former_activity: activity != current,
            accepts_replays,
            wrong_address: false,
            timeout: TIMEOUT,
            delay: Duration::from_millis(500),
        };
        let consequence = decide(&outcome, &context);
        let decision = consequence.decision;
        let outcome = Box::new(outcome);
        self.append(vec![Fact::Ended { key, decision, outcome }]).await?;
        Ok(match consequence.effect {
            RunEffect::Halt(why) => {
                self.note(why);
                End::Halted
            }
            _ => End::Done,
        })
    }

    /// An answer arrived. It settles a delivery in doubt only if it confirms a coupon.
    fn note_answer(&self, open_id: &str, activity_id: &str, answer: Option<(i64, Class)>) {
        let Some((code, class)) = answer else { return };
        let mut platform = self.platform.lock();
        let truth = platform.deliveries.entry(open_id.to_owned()).or_default();
        truth.fate = match (truth.fate, class) {
            (Fate::InDoubt, Class::Issued) => Fate::Issued,
            (Fate::InDoubt, _) => Fate::InDoubt,
            (_, Class::Issued) if code == 0 => Fate::Issued,
            (_, Class::Refuse) => Fate::Refused,
            (_, Class::Halt) => Fate::Owed,
            _ => {
                activity_id.clone_into(&mut truth.activity_id);
                Fate::Held(code)
            }
        };
    }

    /// Does something about the activities, until it ends or is interrupted.
    async fn act<T>(
        &mut self,
        act: impl AsyncFnOnce(Activities<'_, MemoryStore, Shared>) -> Result<T, ActivityError>,
    ) -> Checked<Option<T>> {
        let death = self.death();
        self.prepare(death);
        let activities = Activities {
            ledger: &mut self.ledger,
            platform: &self.platform,
            retry: &self.plan.retry,
            clock: &self.clock,
        };
        let done = act(activities);
        let done = match death {
            Death::After(time) => tokio::time::timeout(time, done).await.ok(),
            Death::None | Death::Disk { .. } => Some(done.await),
        };
        let is_interrupted = match &done {
            None | Some(Err(ActivityError::Ledger(_))) => true,
            Some(_) => !matches!(death, Death::None),
        };
        if is_interrupted {
            self.trail.push(format!("interrupted: {death:?}"));
            self.recover().await;
        }
        self.violation()?;
        match done {
            Some(Ok(done)) => Ok(Some(done)),
            Some(Err(error)) => {
                self.note(error);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    async fn create(&mut self, order: &ActivityOrder) -> Checked<End> {
        self.note(("create", order.number, order.stock));
        let created = self.act(async |mut activities| activities.create(order).await).await?;
        let end = if created.is_some() { End::Done } else { End::Killed };
        self.note(created);
        Ok(end)
    }

    async fn release(&mut self) -> Checked {
        let released = self.act(async |mut activities| activities.release().await).await?;
        self.note(("release", released));
        Ok(())
    }

    /// A person asks for more stock.
    async fn add(&mut self, stock: u64) -> Checked {
        let view = ActivityView::new(Some(self.declared.clone()), self.ledger.state());
        let order = match order_of_more(&view, stock) {
            Err(ActivityError::Open { order }) => order_of_more(&view, order.stock),
            order => order,
        };
        match order {
            Ok(order) => {
                let key = self.platform.key(order.number);
                self.platform.lock().asked_for.insert(key);
                self.create(&order).await.map(drop)
            }
            Err(error) => {
                self.note(error);
                Ok(())
            }
        }
    }

    /// A person looks at the platform's console, and says whether the activity of the open request is there.
    async fn say_what_exists(&mut self) -> Checked {
        let log = self.ledger.state().activities_asked_for();
        let Some(open) = log.open() else { return Ok(()) };
        let key = self.platform.key(open.order.number);
        let made = {
            let platform = self.platform.lock();
            let made = platform.activities.iter().find(|made| made.key == key);
            made.map(|made| made.activity_id.clone())
        };
        match step_of_answer(log, made, "li@till-3") {
            Ok(step) => {
                self.note(&step);
                let at = self.clock.now();
                let step = Box::new(step);
                self.append(vec![Fact::Activity { at, step }]).await.map(drop)
            }
            Err(error) => violated(SAID, error),
        }
    }

    /// A person asks the users that are in doubt or held for some time, and decides as it is.
    async fn decide_by_hand(&mut self) -> Checked {
        let now = self.now();
        for recipient in 0..self.ledger.state().recipients() {
            let state = self.ledger.state();
            let from = state.status(key(recipient)).state.name();
            let open_id = state.open_id(recipient);
            let delivery = state.merchant_coupon_id(key(recipient)).unwrap().to_string();
            let (is_over, has_coupon) = {
                let platform = self.platform.lock();
                let truth = platform.deliveries.get(&open_id).cloned().unwrap_or_default();
                (
                    truth.doubt.1 + 5 * MINUTE < now,
                    platform.coupons_of(&delivery).next().is_some(),
                )
            };
            if !is_over || !matches!(from, StateName::InDoubt | StateName::Held) {
                continue;
            }
            let to = if has_coupon {
                Resolution::Issued
            } else {
                Resolution::Owed { may_double: true }
            };
            self.note(("decided by hand", &open_id, to));
            let decision = ManualDecision {
                at: self.clock.now(),
                by: "li@till-3".to_owned(),
                note: "asked the user".to_owned(),
                from,
                to,
                selection: open_id.clone(),
            };
            let keys = vec![key(recipient)];
            let decision = Box::new(decision);
            self.append(vec![Fact::Decided { keys, decision }]).await?;
            let fate = if has_coupon { Fate::Issued } else { Fate::Owed };
            if let Some(truth) = self.platform.lock().deliveries.get_mut(&open_id) {
                truth.fate = fate;
            }
        }
        Ok(())
    }

    /// Compares the ledger with the platform's records.
    async fn compare(&mut self, accepted: AcceptedRecords) -> Checked {
        self.note(("compare", accepted));
        if self.ledger.state().counts().count(StateName::InFlight) > 0 {
            self.begin_run().await?;
        }
        if self.bills.is_none() {
            let memory = Path::new("/dev/shm");
            let place = if memory.is_dir() {
                memory.to_owned()
            } else {
                std::env::temp_dir()
            };
            self.bills = Some(tempfile::tempdir_in(place).unwrap());
        }
        let files = BillFiles::new(self.bills.as_ref().unwrap().path().join("bills"));
        let death = self.death();
        let before = self.ledger.sequence();
        let request = Request {
            coupon_meta_id: (!self.chance(8)).then(|| self.declared.coupon_meta_id.clone()),
            bill: Bill {
                timezone: zone(),
                columns: self.columns.clone(),
            },
            timeout: TIMEOUT,
            accepted,
            sample: self.rng.usize(0..3),
            by: person(),
            is_rehearsal: false,
            clock: self.clock.clone(),
        };
        self.prepare(death);
        let mut ignored = |_| {};
        let comparing = compare(&mut self.ledger, &self.platform, &files, &request, &mut ignored);
        let compared = match death {
            Death::After(time) => tokio::time::timeout(time, comparing).await.ok(),
            Death::None | Death::Disk { .. } => Some(comparing.await),
        };
        if !matches!(death, Death::None) {
            self.trail.push(format!("interrupted: {death:?}"));
            self.recover().await;
        }
        match compared {
            Some(Ok(compared)) => {
                let open: Vec<_> = compared
                    .open
                    .iter()
                    .map(|open| (open.key.recipient, &open.why))
                    .collect();
                let shown = (
                    &compared.settled,
                    &compared.accepted,
                    open,
                    &compared.counts,
                    &compared.bills,
                );
                self.trail.push(format!("{shown:?}"));
                if self.columns.is_none() {
                    self.columns = compared.proposal;
                }
            }
            Some(Err(error)) if matches!(death, Death::None) => return violated(SAID, error),
            _ => {}
        }
        self.check_settlements(before, accepted).await?;
        self.check()
    }

    /// Each settlement since a batch is true, and was accepted where a person has to.
    async fn check_settlements(&mut self, before: u64, accepted: AcceptedRecords) -> Checked {
        let mut facts = Vec::new();
        self.ledger
            .facts(|sequence, fact| facts.push((sequence, fact)))
            .await
            .unwrap();
        let mut settlements = Settlements::default();
        for (sequence, fact) in facts {
            let is_new = sequence > before;
            match fact {
                Fact::Intent { key, activity, .. } => {
                    settlements.activities.insert(key, activity);
                }
                Fact::Ended { key, decision, outcome } => {
                    if decision == Decision::Issued {
                        settlements.confirm(key);
                    }
                    if let Proof::Issued { coupon, .. } = outcome.proof {
                        settlements.known.insert(coupon.coupon_id);
                    }
                }
                Fact::Recorded { record, .. } => match *record {
                    PlatformRecord::Bill(bill) => {
                        let sha256 = bill.content.map(|content| content.sha256);
                        settlements.bills.insert(bill.day, sha256);
                    }
                    PlatformRecord::Count(count) if is_new => {
                        settlements.counts.insert(count.activity_id, count.received);
                    }
                    _ => {}
                },
                Fact::Found { found, .. } => {
                    if is_new {
                        self.check_found(found.key, &found.coupon.coupon_id, found.evidence, &settlements)?;
                    }
                    settlements.confirm(found.key);
                    settlements.known.insert(found.coupon.coupon_id);
                }
                Fact::Decided { keys, decision } if is_new => {
                    let by_bill = decision.selection.ends_with("bill");
                    let is_accepted = if by_bill { accepted.bill } else { accepted.count };
                    if !is_accepted {
                        return violated(ACCEPTED, decision);
                    }
                    for key in keys {
                        self.check_accepted(key, decision.to, by_bill, &settlements)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The open_id and the id of a delivery.
    fn named(&self, key: DeliveryKey) -> (String, String) {
        let state = self.ledger.state();
        let delivery = state.merchant_coupon_id(key).unwrap().to_string();
        (state.open_id(key.recipient), delivery)
    }

    fn settle(&mut self, open_id: &str, fate: Fate) {
        self.settled += 1;
        if let Some(truth) = self.platform.lock().deliveries.get_mut(open_id) {
            truth.fate = fate;
        }
    }

    fn check_found(&mut self, key: DeliveryKey, coupon_id: &str, evidence: Evidence, known: &Settlements) -> Checked {
        let (open_id, delivery) = self.named(key);
        let is_true = {
            let platform = self.platform.lock();
            let mut coupons = platform.coupons_of(&delivery);
            coupons.any(|coupon| coupon.coupon_id == coupon_id)
        };
        if !is_true {
            return violated(TRUE, (&open_id, "has not", coupon_id));
        }
        if let Evidence::Bill(day) = evidence {
            self.check_bill(day, known)?;
        }
        self.settle(&open_id, Fate::Issued);
        Ok(())
    }

    fn check_accepted(&mut self, key: DeliveryKey, to: Resolution, by_bill: bool, known: &Settlements) -> Checked {
        let (open_id, delivery) = self.named(key);
        let truth = self
            .platform
            .lock()
            .deliveries
            .get(&open_id)
            .cloned()
            .unwrap_or_default();
        let is_issued = {
            let platform = self.platform.lock();
            let mut coupons = platform.coupons_of(&delivery);
            coupons.any(|coupon| coupon.activity_id == truth.activity_id)
        };
        if is_issued != (to == Resolution::Issued) || truth.fate != Fate::InDoubt {
            return violated(TRUE, (&open_id, to, truth));
        }
        let count = known.counts.iter().find(|(id, _)| id.as_str() == truth.activity_id);
        let count = count.and_then(|(_, received)| *received);
        let confirmed = known
            .activities
            .get(&key)
            .and_then(|activity| known.confirmed.get(&activity.0));
        if !is_issued && count != Some(confirmed.copied().unwrap_or_default()) {
            return violated(COUNTED, (&open_id, count, confirmed, truth));
        }
        if by_bill {
            let (from, until) = truth.doubt;
            let days = day_of(from).series(jiff::Span::new().days(1));
            for day in days.take_while(|day| *day <= day_of(until)) {
                self.check_bill(day, known)?;
            }
        }
        let fate = if is_issued { Fate::Issued } else { Fate::Owed };
        self.settle(&open_id, fate);
        Ok(())
    }

    /// The bill of a day is here, and lacks no coupon that the ledger knows.
    fn check_bill(&self, day: Date, known: &Settlements) -> Checked {
        let Some(sha256) = known.bills.get(&day) else {
            return violated(WHOLE, ("no bill of", day));
        };
        let platform = self.platform.lock();
        let must_have = platform.of_day(day).into_iter().filter(|coupon: &&TrueCoupon| {
            known.known.contains(&coupon.coupon_id) && platform.is_far_from_midnight(coupon)
        });
        let is_in =
            |coupon: &&TrueCoupon| sha256.is_some_and(|sha256| platform.in_bill(&sha256).contains(&coupon.coupon_id));
        let missing: Vec<_> = must_have.filter(|coupon| !is_in(coupon)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            violated(WHOLE, (day, missing))
        }
    }

    fn violation(&self) -> Checked {
        self.platform.lock().violation.clone().map_or(Ok(()), Err)
    }

    /// What holds at any time.
    fn check(&self) -> Checked {
        self.violation()?;
        let state = self.ledger.state();
        let platform = self.platform.lock();
        for recipient in 0..state.recipients() {
            let open_id = state.open_id(recipient);
            let delivery = state.merchant_coupon_id(key(recipient)).unwrap().to_string();
            let truth = platform.deliveries.get(&open_id).cloned().unwrap_or_default();
            let coupons = platform.coupons_of(&delivery).count();
            if coupons > 1 && !truth.is_risk_accepted {
                return violated(ONE_COUPON, (open_id, coupons));
            }
            let name = state.status(key(recipient)).state.name();
            let away = state.away(recipient);
            let is_right = match truth.fate {
                Fate::Owed if away.is_some() => name == StateName::Skipped,
                Fate::Owed => matches!(name, StateName::Pending | StateName::Deferred),
                Fate::InDoubt => matches!(name, StateName::InDoubt | StateName::InFlight),
                Fate::Held(_) if away.is_some_and(|away| away.skipped().takes_held()) => name == StateName::Skipped,
                Fate::Held(_) => name == StateName::Held,
                Fate::Issued => name == StateName::Issued,
                Fate::Refused => name == StateName::Refused,
            };
            if !is_right {
                return violated(SAID, (open_id, name, away, truth));
            }
        }
        for created in state.activities_asked_for().created() {
            let made = platform
                .activities
                .iter()
                .find(|made| made.activity_id == created.activity_id);
            let is_made = made.is_some_and(|made| made.key == self.platform.key(created.order.number));
            if !is_made {
                return violated(SAID, created);
            }
        }
        Ok(())
    }

    async fn step(&mut self) -> Checked {
        let user = self.rng.usize(0..self.users.len());
        let hours = self.rng.i64(1..30);
        match self.rng.u8(0..32) {
            0..=3 => {
                let minutes = self.rng.i64(1..120);
                self.pass(minutes * MINUTE).await;
            }
            4..=8 => self.pass(hours * HOUR).await,
            9 => self.pass(3 * hours * HOUR).await,
            10..=16 => {
                let accepts = self.rng.u8(0..4) > 0;
                self.apply(accepts).await?;
            }
            17..=20 => {
                let accepted = AcceptedRecords {
                    bill: self.rng.bool(),
                    count: self.accepts_count && self.rng.bool(),
                };
                self.compare(accepted).await?;
            }
            22 => self.users[user].is_listed = !self.users[user].is_listed,
            23 => self.users[user].is_excluded = !self.users[user].is_excluded,
            24 => self.platform.lock().give_other(&self.users[user].open_id),
            25 => self.platform.lock().use_one(),
            21 | 26 => {
                let stock = self.rng.u64(1..8);
                self.note(("a person asks for more", stock));
                self.add(stock).await?;
            }
            27 => self.say_what_exists().await?,
            28 => self.release().await?,
            29 if self.rng.bool() => self.decide_by_hand().await?,
            30 if self.is_shared => self.platform.lock().give_stranger(),
            31 if self.rng.bool() => {
                // The file says by now what the code means.
                self.plan.codes.insert(USED_UP, Class::Halt);
            }
            _ => {}
        }
        if self.chance(6) {
            self.kill().await?;
        }
        self.check()
    }

    /// Drives the history to its end: each request is answered, each record is right, and a person helps.
    async fn finish(&mut self) -> Checked {
        self.note("no more faults");
        self.is_calm = true;
        {
            let mut platform = self.platform.lock();
            platform.is_calm = true;
            // A delivery that was held when its user left needs the activity until the user is back.
            for user in &mut self.users {
                let truth = platform.deliveries.get(&user.open_id);
                if truth.is_some_and(|truth| matches!(truth.fate, Fate::Held(_))) {
                    user.is_listed = true;
                    user.is_excluded = false;
                }
            }
        }
        if self.users.iter().all(|user| !user.is_listed || user.is_excluded) {
            // An audience without users is refused.
            self.users[0].is_listed = true;
            self.users[0].is_excluded = false;
        }
        let accepted = AcceptedRecords {
            bill: true,
            count: false,
        };
        for round in 0..ROUNDS {
            self.say_what_exists().await?;
            self.apply(true).await?;
            let state = self.ledger.state();
            let is_complete =
                state.generation().is_some() && state.counts().complete() && state.held_while_skipped() == 0;
            if is_complete && self.are_all_served() {
                return Ok(());
            }
            self.pass(72 * HOUR).await;
            self.compare(accepted).await?;
            if round > 0 {
                self.decide_by_hand().await?;
            }
            let state = self.ledger.state();
            let counts = state.counts();
            let newest = state.activities_asked_for().newest();
            let is_released = newest.is_some_and(|newest| !newest.is_open());
            if is_released || counts.owed() > 0 || counts.count(StateName::Held) > 0 {
                let stock = self.users.len() as u64 * 2;
                self.add(stock).await?;
            }
        }
        let state = self.ledger.state();
        violated(SERVED, (state.counts(), state.activities_asked_for().newest()))
    }

    /// Whether each user of the audience has the coupon or was refused, and the activity was released.
    fn are_all_served(&self) -> bool {
        let platform = self.platform.lock();
        let state = self.ledger.state();
        let mut owed = self.users.iter().filter(|user| user.is_listed && !user.is_excluded);
        let all = owed.all(|user| {
            let Some(recipient) = state.find(&user.open_id) else {
                return false;
            };
            let delivery = state.merchant_coupon_id(key(recipient)).unwrap().to_string();
            match platform.deliveries.get(&user.open_id).map(|truth| truth.fate) {
                Some(Fate::Issued) => platform.coupons_of(&delivery).next().is_some(),
                Some(Fate::Refused) => platform.refused.contains(&user.open_id),
                _ => false,
            }
        });
        let newest = state.activities_asked_for().newest();
        all && newest.is_none_or(|newest| newest.release != Release::None)
    }
}

/// Runs a history. Returns how many doubts the platform's records settled and what happened, or what is violated.
fn run(seed: u64) -> Result<(u64, Vec<String>), (Violation, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut history = History::new(seed).await;
        let steps = history.rng.u32(8..34);
        for _ in 0..steps {
            if let Err(violation) = Box::pin(history.step()).await {
                return Err((violation, history.trail));
            }
        }
        match Box::pin(history.finish()).await {
            Ok(()) => Ok((history.settled, history.trail)),
            Err(violation) => Err((violation, history.trail)),
        }
    })
}

/// Fails with what happened in a history.
fn fail(seed: u64, violation: &Violation, trail: &[String]) -> ! {
    let trail = trail.join("\n");
    panic!("history {seed} of records violates a guarantee: {violation:?}\n{trail}")
}

#[test]
fn no_history_of_activities_and_records_violates_a_guarantee() {
    if let Some(seed) = env_var("RUNNER_HISTORY") {
        match run(seed) {
            Ok((_, trail)) => println!("{}", trail.join("\n")),
            Err((violation, trail)) => fail(seed, &violation, &trail),
        }
        return;
    }
    let count = env_var("RUNNER_HISTORIES").unwrap_or(HISTORIES);
    let began = Instant::now();
    let with_settled = AtomicU64::new(0);
    let violated = |seed| match run(seed) {
        Ok((settled, _)) => {
            with_settled.fetch_add(u64::from(settled > 0), Ordering::SeqCst);
            None
        }
        Err(violated) => Some(violated),
    };
    let search = search_seeds(count, || {}, violated);
    let took = began.elapsed().as_secs_f64();
    let with_settled = with_settled.into_inner();
    println!(
        "{} histories of records in {took:.1} s, {with_settled} with a doubt that records settled",
        search.ran
    );
    if let Some((seed, (violation, trail))) = search.first {
        fail(seed, &violation, &trail);
    }
    assert!(
        with_settled > count / 5,
        "only {with_settled} histories settled a doubt"
    );
}

#[cfg(debug_assertions)]
mod mutants {
    use runner::model::mutants::{Mutant, enable};

    use super::{ACCEPTED, COUNTED, HISTORIES, RELEASED, SECOND, UNSETTLED, WHOLE, run};
    use crate::search_seeds;

    /// Finds a history in which a mutant violates this guarantee.
    fn found(mutant: Mutant, guarantee: &str) {
        let violation = |seed| {
            run(seed)
                .err()
                .filter(|(violation, _)| violation.guarantee == guarantee)
        };
        let search = search_seeds(HISTORIES, || enable(Some(mutant)), violation);
        let Some((first, (violation, _))) = search.first else {
            panic!("none of {HISTORIES} histories found {mutant:?}");
        };
        println!("history {first} of records found {mutant:?}: {}", violation.details);
    }

    #[test]
    fn a_release_that_ignores_a_doubt_is_found() {
        found(Mutant::ReleaseIgnoresDoubt, UNSETTLED);
    }

    #[test]
    fn a_release_that_ignores_a_held_delivery_is_found() {
        found(Mutant::ReleaseIgnoresHeld, UNSETTLED);
    }

    #[test]
    fn a_send_under_a_released_activity_is_found() {
        found(Mutant::SentAfterRelease, RELEASED);
    }

    #[test]
    fn a_lost_creation_that_is_followed_by_another_one_is_found() {
        found(Mutant::LostCreatedAgain, SECOND);
    }

    #[test]
    fn a_truncated_bill_that_counts_as_complete_is_found() {
        found(Mutant::TruncatedBillTrusted, WHOLE);
    }

    #[test]
    fn a_bill_of_another_app_that_counts_as_complete_is_found() {
        found(Mutant::OtherAppBillTrusted, WHOLE);
    }

    #[test]
    fn an_absence_that_settles_without_a_person_is_found() {
        found(Mutant::AbsenceSettles, ACCEPTED);
    }

    #[test]
    fn a_count_of_another_activity_that_is_compared_is_found() {
        found(Mutant::OtherActivityCounted, COUNTED);
    }
}
