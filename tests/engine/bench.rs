//! The common base of all histories: a plan, an audience, a store that can be opened again, and a record of events.

use std::ops::Range;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use runner::audience::{Activity, Place, Row, Totals};
use runner::campaign;
use runner::engine::app_limiter::{AppLimiter, AppLock, HeldAppLock, NotTaken, Taking};
use runner::engine::audience_diff::{Accept, Admission, DiffBuilder, Refusal, Terms};
use runner::engine::send_order::SendOrder;
use runner::engine::{Apply, EngineError, ReplayLedger, Requests, RunOutcome};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Generation, Ledger, LedgerState, Permit};
use runner::model::actor::Actor;
use runner::model::approval::{ApprovalAnswer, ApprovalRequest};
use runner::model::clock::{Clock, from_ms};
use runner::model::event::{AppLockHolder, Event, EventKind, PlaceUnit};
use runner::model::identity::OpenId;
use runner::model::outcome::Class;
use runner::model::person_request::{PersonAnswer, PersonRequest};
use runner::model::resolve::{ResolveAnswer, ResolveRequest};
use runner::model::run_command::RunCommand;
use runner::plan::forecast::Load;
use runner::plan::{self, Plan, RunOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::world::World;

/// 2026-06-01T00:00:00Z.
pub const BEGIN: i64 = 1_780_272_000_000;

/// The plan of the smallest campaign file in a rehearsal.
pub fn plan() -> Plan {
    let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 71, \
                audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
    let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let sandbox = Some("http://127.0.0.1:1".to_owned());
    let options = RunOptions {
        sandbox,
        ..RunOptions::default()
    };
    plan::build(&parsed.campaign, options).unwrap()
}

/// An audience: its open_ids, and when each user was last active.
pub type Listed = Vec<(String, Activity<'static>)>;

/// The users with these numbers, without other data.
pub fn listed(users: Range<u32>) -> Listed {
    users.map(|user| (format!("u{user}"), Activity::Unknown)).collect()
}

/// Compares an audience with a ledger, as an apply does.
pub fn decide(
    bench: &Bench,
    ledger: &Ledger<MemoryStore>,
    listed: &Listed,
    accepted: &[Accept],
    class: &dyn Fn(i64) -> Class,
) -> Result<Admission, Vec<Refusal>> {
    let mut admission = DiffBuilder::new(ledger.state(), &bench.plan);
    for (number, (open_id, last_active)) in (2..).zip(listed) {
        admission.row(&Row {
            place: Place {
                within: "audience.csv",
                unit: PlaceUnit::Line,
                number,
            },
            open_id: Ok(open_id),
            last_active: *last_active,
        });
    }
    admission.decide(&Terms {
        plan: &bench.plan,
        totals: &Totals {
            rows: listed.len() as u64,
            ..Totals::default()
        },
        accepted,
        rehearsal: false,
        class,
        wall: bench.clock.now(),
    })
}

/// `to_send` deliveries that were never attempted, without waves, on a day without attempts.
pub fn load(to_send: u64) -> Load {
    Load {
        to_send,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: 0,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    }
}

/// The app lock, which other processes may have.
#[derive(Clone, Default)]
pub struct Turns {
    /// The time until which another process has the lock.
    pub taken: Arc<Mutex<Option<tokio::time::Instant>>>,
    held: Arc<Mutex<bool>>,
    /// How often the lock was asked for.
    pub asks: Arc<AtomicU32>,
    /// How long the holder lets a process wait that asks.
    pub silence: Duration,
}

impl Turns {
    pub fn is_held(&self) -> bool {
        *self.held.lock().unwrap()
    }

    /// Releases the lock of a process that was killed.
    pub fn release_killed(&self) {
        *self.held.lock().unwrap() = false;
    }
}

/// The lock while it is held.
struct HeldTurn(Turns);

impl Drop for HeldTurn {
    fn drop(&mut self) {
        *self.0.held.lock().unwrap() = false;
    }
}

impl AppLock for Turns {
    fn take(&self) -> Taking<'_> {
        Box::pin(async {
            self.asks.fetch_add(1, Ordering::SeqCst);
            let taken = *self.taken.lock().unwrap();
            if taken.is_some_and(|until| tokio::time::Instant::now() < until) {
                // A holder that is suspended does not answer, so the ask ends by its time limit.
                tokio::time::sleep(self.silence).await;
                return Err(NotTaken::By(AppLockHolder {
                    pid: Some(4711),
                    ..AppLockHolder::default()
                }));
            }
            let mut held = self.held.lock().unwrap();
            assert!(!*held, "another run of this process has the lock");
            *held = true;
            Ok(HeldAppLock::new(HeldTurn(self.clone())))
        })
    }
}

/// The ledger of a replay, as it was at the begin of the run.
struct Replay(Ledger<MemoryStore>);

impl ReplayLedger for Replay {
    fn state(&self) -> &LedgerState {
        self.0.state()
    }

    fn append(&mut self, facts: Vec<Fact>) -> Vec<Permit> {
        let append = pin!(self.0.append(facts));
        match append.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permits) => permits.expect("the facts follow from the state"),
            Poll::Pending => panic!("a store in memory never waits"),
        }
    }
}

/// The most users of a run that is recorded and replayed.
const REPLAYED: u32 = 300;

type Asked = (PersonRequest, oneshot::Sender<PersonAnswer>);

/// A person who approves.
pub fn li() -> Actor {
    Actor {
        name: "li".into(),
        user: "li".into(),
        host: "till-3".into(),
        command: "runner approve summer.yaml".into(),
    }
}

/// The test bench of one campaign. Its runs with few users are recorded and replayed.
pub struct Bench {
    pub clock: Clock,
    pub plan: Plan,
    pub store: MemoryStore,
    pub turns: Turns,
    pub events: Arc<Mutex<Vec<Event>>>,
    pub commands: watch::Sender<RunCommand>,
    /// Where approvals and decisions for the present run go.
    pub requests: Mutex<mpsc::Sender<Asked>>,
    pub seed: u64,
    pub send_order: SendOrder,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            clock: Clock::simulated(from_ms(BEGIN)),
            plan: plan(),
            store: MemoryStore::default(),
            turns: Turns::default(),
            events: Arc::default(),
            commands: watch::channel(RunCommand::Go).0,
            requests: Mutex::new(mpsc::channel(8).0),
            seed: 1,
            send_order: SendOrder::default(),
        }
    }

    fn take_requests(&self) -> Requests {
        let (sender, requests) = mpsc::channel(8);
        *self.requests.lock().unwrap() = sender;
        requests
    }

    async fn ask(&self, request: PersonRequest) -> Option<PersonAnswer> {
        let (sender, answer) = oneshot::channel();
        self.requests.lock().unwrap().try_send((request, sender)).ok()?;
        answer.await.ok()
    }

    /// Approves a wave of the present run, or of the one that ended last. `None` if the run ends before the answer.
    pub async fn approve(&self, wave: Option<u32>) -> Option<ApprovalAnswer> {
        match self
            .ask(PersonRequest::Approve(ApprovalRequest { wave, by: li() }))
            .await?
        {
            PersonAnswer::Approval(answer) => Some(answer),
            PersonAnswer::Resolve(answer) => panic!("{answer:?}"),
        }
    }

    /// Decides about deliveries of the present run, or of the one that ended last. `None` if the run ends before the answer.
    pub async fn resolve(&self, request: ResolveRequest) -> Option<ResolveAnswer> {
        match self.ask(PersonRequest::Resolve(request)).await? {
            PersonAnswer::Resolve(answer) => Some(answer),
            PersonAnswer::Approval(answer) => panic!("{answer:?}"),
        }
    }

    pub async fn open(&self) -> Ledger<MemoryStore> {
        Ledger::open(self.store.clone(), self.plan.identity.clone())
            .await
            .expect("the ledger opens")
    }

    /// Admits users `u0` to `u<n-1>` and closes the generation, as every apply does before it sends.
    pub async fn admit(&self, users: u32, accepted: &[&str]) -> Ledger<MemoryStore> {
        let mut ledger = self.open().await;
        let at = self.clock.now();
        let new = ledger.state().recipients()..users;
        let recipients: Vec<_> = new.map(|n| OpenId::parse(&format!("u{n}")).unwrap()).collect();
        let generation = Generation {
            at,
            listed: u64::from(users),
            source: [0; 32],
            activity_id: self.plan.activity_id.clone(),
            coupons_per_user: self.plan.coupons_per_user,
            fingerprint: String::new(),
            control_group: "0%".to_owned(),
            excluded: Vec::new(),
            accepted: accepted.iter().map(|word| (*word).to_owned()).collect(),
        };
        let mut facts = vec![Fact::run_began(at, self.plan.retry.timeout)];
        facts.extend(recipients.chunks(Fact::CHUNK).map(|chunk| Fact::Admitted {
            recipients: chunk.to_vec(),
        }));
        facts.push(Fact::Closed(Box::new(generation)));
        ledger.append(facts).await.expect("the audience is admitted");
        ledger
    }

    pub async fn send(&self, ledger: Ledger<MemoryStore>, world: &Arc<World>) -> Result<RunOutcome, EngineError> {
        self.send_by(self.send_order.clone(), ledger, world).await
    }

    /// Like [`Self::send`], with another order of recipients.
    pub async fn send_by(
        &self,
        send_order: SendOrder,
        ledger: Ledger<MemoryStore>,
        world: &Arc<World>,
    ) -> Result<RunOutcome, EngineError> {
        self.turns.release_killed();
        self.send_in(&AppLimiter::new(self.turns.clone()), send_order, ledger, world)
            .await
    }

    /// Like [`Self::send_by`], with a limiter that others may share.
    pub async fn send_in(
        &self,
        limiter: &Arc<AppLimiter>,
        send_order: SendOrder,
        ledger: Ledger<MemoryStore>,
        world: &Arc<World>,
    ) -> Result<RunOutcome, EngineError> {
        Box::pin(self.run(limiter, send_order, ledger, world)).await
    }

    async fn run(
        &self,
        limiter: &Arc<AppLimiter>,
        send_order: SendOrder,
        ledger: Ledger<MemoryStore>,
        world: &Arc<World>,
    ) -> Result<RunOutcome, EngineError> {
        let few = ledger.state().recipients() <= REPLAYED;
        let replay = if few { Some(self.replay().await) } else { None };
        let events = Arc::clone(&self.events);
        let apply = Apply {
            plan: Arc::new(self.plan.clone()),
            ledger,
            platform: Arc::clone(world),
            send_order: send_order.clone(),
            limiter: Arc::clone(limiter),
            clock: self.clock.clone(),
            commands: self.commands.subscribe(),
            requests: self.take_requests(),
            emit: Arc::new(move |event| events.lock().unwrap().push(event)),
            seed: self.seed,
        };
        let ended = if let Some(mut replay) = replay {
            let (ended, recording) = Box::pin(apply.run_recorded()).await;
            let replayed = recording.replay(&self.plan, &mut replay, send_order);
            assert_eq!(replayed, Ok(()), "the same inputs give the same decisions");
            ended
        } else {
            Box::pin(apply.run()).await
        };
        let (ended, ledger) = ended?;
        assert_eq!(
            ledger.state().recount(),
            ended.counts,
            "counts that were kept are counts that are"
        );
        Ok(ended)
    }

    /// The ledger as it is now, for a replay.
    async fn replay(&self) -> Replay {
        let copy = MemoryStore::default();
        self.store
            .tamper(|records| copy.tamper(|copies| copies.clone_from(records)));
        let ledger = Ledger::open(copy, self.plan.identity.clone()).await;
        Replay(ledger.expect("the ledger opens"))
    }

    /// One whole apply, with a limiter that others may share.
    pub async fn apply_in(&self, limiter: &Arc<AppLimiter>, users: u32, world: &Arc<World>) -> RunOutcome {
        let ledger = self.admit(users, &[]).await;
        let sent = self.send_in(limiter, self.send_order.clone(), ledger, world).await;
        sent.expect("the run ends by itself")
    }

    pub async fn apply(&self, users: u32, world: &Arc<World>) -> RunOutcome {
        let ledger = self.admit(users, &[]).await;
        self.send(ledger, world).await.expect("the run ends by itself")
    }

    pub fn told<R>(&self, pick: impl Fn(&EventKind) -> Option<R>) -> Vec<R> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter_map(|event| pick(&event.kind))
            .collect()
    }
}
