//! The core under arbitrary inputs, in any order and also those that a driver never gives.

use std::collections::HashSet;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::civil::Weekday;
use proptest::prelude::*;

use super::*;
use crate::campaign;
use crate::douyin::NotReady;
use crate::engine::limits::app_share::{AppShare, AppState, Report, Slowed, TermState};
use crate::engine::limits::circuit_breaker::{CircuitBreaker, Reach};
use crate::engine::limits::reservations::{Busy, User};
use crate::engine::mixed_up_answers::Whose;
use crate::engine::send_order::SendOrder;
use crate::ledger::memory::MemoryStore;
use crate::ledger::{Fact, Generation, Ledger, Permit};
use crate::model::approval::WaveWait;
use crate::model::calendar::{Calendar, Days, Hours};
use crate::model::clock::{Moment, from_ms, later};
use crate::model::delivery::{DeliveryKey, Resolution, StateName};
use crate::model::event::AppLockHolder;
use crate::model::identity::OpenId;
use crate::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};
use crate::model::person_request::{PersonAnswer, PersonRequest};
use crate::model::resolve::{Expected, ResolveRequest, Selection, Which};
use crate::model::run_command::{Requester, RunCommand};
use crate::plan::{self, Plan, RunOptions, Wave};

/// A Monday at nine in the morning in Shanghai.
const BEGIN: i64 = 1_780_275_600_000;
const USERS: u32 = 12;

/// Runs a future of a store in memory, which never waits.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}

/// What happens next to a run.
#[derive(Clone, Debug)]
enum Happening {
    /// What the run awaits.
    Awaited { late_ms: u32 },
    /// The nth attempt in flight ends, counted round.
    Ends { nth: usize, how: How },
    /// An attempt that does not exist ends.
    EndsUnknown { recipient: u32 },
    /// A command, which the next change carries.
    Command(RunCommand),
    /// A decision, which the next change carries.
    Resolve(ResolveRequest),
    /// The wall clock is corrected.
    Shift { ms: i32 },
    /// The app limiter changes.
    Limiter {
        sending: bool,
        outage: bool,
        slowed: bool,
        per_second: u8,
        busy: bool,
    },
    /// The term of this process goes on in another way. It never comes back once it is lost.
    Term {
        term: TermState,
        is_trusted: bool,
        waits_ms: u16,
    },
    /// An input that the run may not await.
    Unasked(Unasked),
}

#[derive(Clone, Copy, Debug)]
enum How {
    Issued,
    Refused,
    Held,
    Lost,
    NotSent,
    Throttled,
    AskedToWait,
    Halted,
    Cancelled,
    NoToken,
}

#[derive(Clone, Copy, Debug)]
enum Unasked {
    Begin,
    Flushed,
    LedgerFailed,
    AppLockTaken,
    AppLockTakenBy,
    Left,
}

fn happening() -> impl Strategy<Value = Happening> {
    let how = prop::sample::select(vec![
        How::Issued,
        How::Issued,
        How::Issued,
        How::Refused,
        How::Held,
        How::Lost,
        How::NotSent,
        How::Throttled,
        How::AskedToWait,
        How::Halted,
        How::Cancelled,
        How::NoToken,
    ]);
    let by = requester();
    let command = prop::sample::select(vec![
        RunCommand::Go,
        RunCommand::Go,
        RunCommand::Pause { by: by.clone() },
        RunCommand::Stop { by: Some(by) },
    ]);
    let unasked = prop::sample::select(vec![
        Unasked::Begin,
        Unasked::Flushed,
        Unasked::LedgerFailed,
        Unasked::AppLockTaken,
        Unasked::AppLockTakenBy,
        Unasked::Left,
    ]);
    let terms = [TermState::Lasts, TermState::Lasts, TermState::HandOver, TermState::Lost];
    let term = prop::sample::select(terms.to_vec());
    prop_oneof![
        40 => prop_oneof![3 => 0..300_u32, 1 => 0..20_000_000_u32].prop_map(|late_ms| Happening::Awaited { late_ms }),
        20 => (any::<usize>(), how).prop_map(|(nth, how)| Happening::Ends { nth, how }),
        1 => (0..USERS + 3).prop_map(|recipient| Happening::EndsUnknown { recipient }),
        2 => command.prop_map(Happening::Command),
        4 => resolve().prop_map(Happening::Resolve),
        2 => (-40_000_000..40_000_000_i32).prop_map(|ms| Happening::Shift { ms }),
        4 => (any::<[bool; 4]>(), 1..100_u8).prop_map(|([sending, outage, slowed, busy], per_second)| {
            Happening::Limiter { sending: sending || !busy, outage, slowed, per_second, busy }
        }),
        1 => unasked.prop_map(Happening::Unasked),
        1 => (term, any::<bool>(), 0..5_000_u16).prop_map(|(term, is_trusted, waits_ms)| {
            Happening::Term { term, is_trusted, waits_ms }
        }),
    ]
}

/// A decision about all deliveries in a state, or about one user.
fn resolve() -> impl Strategy<Value = ResolveRequest> {
    let states = [StateName::Held, StateName::InDoubt, StateName::Refused];
    let which = prop_oneof![
        2 => prop::sample::select(states.to_vec()).prop_map(Which::All),
        1 => (0..USERS + 1).prop_map(|user| Which::Users { open_ids: vec![format!("u{user}")], ordinal: None }),
    ];
    let to = prop::sample::select(vec![
        Resolution::Issued,
        Resolution::Refused,
        Resolution::Owed { may_double: true },
        Resolution::Owed { may_double: true },
        Resolution::Owed { may_double: false },
    ]);
    let expect = prop::option::weighted(0.2, (0..3_u64).prop_map(Expected::Count));
    (which, to, expect).prop_map(|(which, to, expect)| ResolveRequest {
        selection: Selection { which, code: None },
        to,
        note: "ticket 812".into(),
        typed: String::new(),
        by: "somebody@here".into(),
        expect,
    })
}

fn requester() -> Requester {
    Requester {
        pid: 1,
        user: "somebody".into(),
        host: "here".into(),
        name: None,
        command: String::new(),
    }
}

fn holder() -> AppLockHolder {
    AppLockHolder {
        pid: Some(4711),
        ..AppLockHolder::default()
    }
}

/// A campaign with windows, waves and a daily limit, or without.
#[derive(Clone, Copy, Debug)]
struct Options {
    hours: bool,
    waves: bool,
    per_day: Option<u64>,
    no_wait: bool,
    max_in_flight: u16,
    coupons: u8,
}

fn options() -> impl Strategy<Value = Options> {
    (any::<[bool; 4]>(), 1..6_u16, 1..3_u8).prop_map(|([hours, waves, per_day, no_wait], max_in_flight, coupons)| {
        Options {
            hours,
            waves,
            per_day: per_day.then_some(5),
            no_wait,
            max_in_flight,
            coupons,
        }
    })
}

fn plan(options: Options) -> Plan {
    let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 7218, \
                audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
    let parsed =
        campaign::parse(std::path::Path::new("a.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let mut plan = plan::build(&parsed.campaign, RunOptions::default()).unwrap();
    plan.pace.max_in_flight = options.max_in_flight;
    plan.coupons_per_user = options.coupons;
    plan.run.no_wait = options.no_wait;
    plan.pace.per_day = options.per_day.unwrap_or(u64::MAX);
    if options.hours {
        let days = Days::range(Weekday::Monday, Weekday::Sunday);
        let hours = Hours::new(days, 9 * 60, 18 * 60).unwrap();
        plan.schedule.hours = Calendar::new(plan.schedule.zone.clone(), &[hours], &[]);
    }
    if options.waves {
        plan.schedule.waves = vec![Wave {
            share: 0.4,
            wait: WaveWait::For(Duration::from_mins(30)),
            not_issued: 0.5,
        }];
    }
    plan
}

fn ledger(plan: &Plan) -> Ledger<MemoryStore> {
    let at = from_ms(BEGIN);
    let recipients = (0..USERS).map(|n| OpenId::parse(&format!("u{n}")).unwrap()).collect();
    let generation = Generation {
        at,
        listed: u64::from(USERS),
        source: [0; 32],
        activity_id: plan.activity_id.clone(),
        coupons_per_user: plan.coupons_per_user,
        fingerprint: String::new(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    };
    let facts = vec![
        Fact::run_began(at, plan.retry.timeout),
        Fact::Admitted { recipients },
        Fact::Closed(Box::new(generation)),
    ];
    let mut ledger = now_or_never(Ledger::open(MemoryStore::default(), plan.identity.clone())).unwrap();
    now_or_never(ledger.append(facts)).unwrap();
    ledger
}

/// An app limiter whose state is arbitrary.
struct ArbitraryLimiter {
    state: AppState,
    busy: bool,
}

impl AppShare for ArbitraryLimiter {
    fn state(&mut self, now: Instant) -> AppState {
        self.state.next_start = self.state.next_start.max(now);
        self.state
    }

    fn reserve(&mut self, _user: User, now: Instant) -> Result<(), Busy> {
        if self.busy {
            return Err(Busy::Until(now + Duration::from_secs(1)));
        }
        Ok(())
    }

    fn report(&mut self, _report: Report, _now: Instant) {}
}

fn outage(now: Instant) -> AppState {
    let mut breaker = CircuitBreaker::default();
    for recipient in [0, 1, 2, 0] {
        let attempted = crate::engine::limits::circuit_breaker::SeatedDelivery {
            seat: 1,
            key: DeliveryKey { recipient, ordinal: 1 },
        };
        breaker.ended(attempted, Reach::Lost, now, now);
    }
    let open = breaker.open().expect("the platform is out of reach");
    AppState {
        outage: Some(open),
        next_probe: Some(open.next_probe),
        ..AppState::unread(now)
    }
}

/// The run, and what a driver knows of it.
struct Bench {
    plan: Plan,
    options: Options,
    ledger: Ledger<MemoryStore>,
    app: ArbitraryLimiter,
    run: Run,
    now: Moment,
    /// The attempts that were started and have not ended.
    started: Vec<Permit>,
    /// The permits of the flush that the present step receives.
    permitted: HashSet<DeliveryKey>,
    finished: Vec<Done>,
    requests: Vec<Asked>,
    /// The decisions that have no answer.
    unanswered: HashSet<u64>,
    command: RunCommand,
    /// The last command to the run.
    told: RunCommand,
    awaits: Option<Awaits>,
    number: u64,
}

impl Bench {
    fn new(options: Options) -> Self {
        let plan = plan(options);
        let ledger = ledger(&plan);
        let now = Moment::awake(from_ms(BEGIN), Instant::now());
        let run = Run::new(&plan, ledger.state(), SendOrder::default(), now, 1);
        let mut bench = Self {
            plan,
            options,
            ledger,
            app: ArbitraryLimiter {
                state: AppState {
                    per_second: 50.0,
                    is_trusted: true,
                    ..AppState::unread(now.instant)
                },
                busy: false,
            },
            run,
            now,
            started: Vec::new(),
            permitted: HashSet::new(),
            finished: Vec::new(),
            requests: Vec::new(),
            unanswered: HashSet::new(),
            command: RunCommand::Go,
            told: RunCommand::Go,
            awaits: None,
            number: 0,
        };
        bench.step(Input::Begin);
        bench
    }

    fn advance(&mut self, by: Duration) {
        self.now = Moment {
            wall: later(self.now.wall, by),
            instant: self.now.instant + by,
            age: self.now.age + by,
        };
    }

    fn step(&mut self, input: Input) {
        let decisions = self.run.step(
            input,
            Outside {
                now: self.now,
                plan: &self.plan,
                state: self.ledger.state(),
                app: &mut self.app,
            },
        );
        for action in decisions.actions {
            match action {
                Action::Start { permit, .. } => {
                    assert!(self.permitted.remove(&permit.key()), "a start without its permit");
                    self.started.push(permit);
                }
                Action::Answer { id, answer } => {
                    assert!(matches!(answer, PersonAnswer::Resolve(_)));
                    assert!(self.unanswered.remove(&id), "an answer to nothing");
                }
                _ => {}
            }
        }
        if let Awaits::Leave = decisions.awaits {
            assert_eq!(
                self.unanswered.len(),
                self.requests.len(),
                "a run answers what it took before it ends"
            );
        }
        if let Awaits::Flush(facts) = &decisions.awaits {
            self.check_intents(facts);
        }
        if !matches!(decisions.awaits, Awaits::Nothing) || self.awaits.is_none() {
            self.awaits = Some(decisions.awaits);
        }
    }

    /// No intent in a pause, outside the window or beyond what may be in flight.
    fn check_intents(&self, facts: &[Fact]) {
        let intents = facts.iter().filter(|fact| matches!(fact, Fact::Intent { .. })).count();
        let decided = facts.iter().any(|fact| matches!(fact, Fact::Decided { .. }));
        assert!(
            !decided || (intents == 0 && self.started.is_empty()),
            "a decision beside an attempt"
        );
        if intents == 0 {
            return;
        }
        assert_eq!(
            self.unanswered.len(),
            self.requests.len(),
            "an intent while a decision waits"
        );
        assert!(self.plan.schedule.allows(self.now.wall), "an intent outside the window");
        assert_eq!(self.told, RunCommand::Go, "an intent in a pause or after a stop");
        let app = &self.app.state;
        assert!(app.sending, "an intent without the app lock");
        assert!(
            app.is_trusted && app.term == TermState::Lasts,
            "an intent although another process may own the app id"
        );
        assert!(
            app.not_before.is_none_or(|first| first <= self.now.instant),
            "an intent during the wait for the previous owner"
        );
        // Beside those in flight, as many as that less one are prepared and wait for a free slot.
        let most = usize::from(self.options.max_in_flight) * 2 - 1;
        let in_flight = self.started.len() + intents;
        assert!(in_flight <= most, "{in_flight} attempts have an intent, and {most} may");
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Awaited { late_ms } => self.awaited(Duration::from_millis((*late_ms).into())),
            Happening::Ends { nth, how } => self.end(*nth, *how),
            Happening::EndsUnknown { recipient } => self.finished.push(Done::CalledOff {
                key: DeliveryKey {
                    recipient: *recipient,
                    ordinal: 9,
                },
                why: None,
            }),
            Happening::Command(command) => {
                if !self.command.stops() {
                    self.command = command.clone();
                }
            }
            Happening::Resolve(request) => {
                self.number += 1;
                let id = self.number;
                self.unanswered.insert(id);
                self.requests.push(Asked {
                    id,
                    request: PersonRequest::Resolve(request.clone()),
                });
            }
            Happening::Shift { ms } => {
                self.now.wall = from_ms(self.now.wall.as_millisecond() + i64::from(*ms));
            }
            Happening::Limiter {
                sending,
                outage: out,
                slowed,
                per_second,
                busy,
            } => {
                let now = self.now.instant;
                let base = if *out { outage(now) } else { AppState::unread(now) };
                self.app.busy = *busy;
                let AppState {
                    term,
                    is_trusted,
                    not_before,
                    ..
                } = self.app.state;
                self.app.state = AppState {
                    term,
                    is_trusted,
                    not_before,
                    sending: *sending,
                    per_second: f64::from(*per_second),
                    slowed: slowed.then(|| Slowed {
                        lasts: Duration::from_secs(5),
                        next_step: now + Duration::from_secs(5),
                    }),
                    ..base
                };
            }
            Happening::Term {
                term,
                is_trusted,
                waits_ms,
            } => {
                let state = &mut self.app.state;
                if state.term != TermState::Lost {
                    state.term = *term;
                }
                state.is_trusted = *is_trusted;
                state.not_before = Some(self.now.instant + Duration::from_millis((*waits_ms).into()));
            }
            Happening::Unasked(unasked) => {
                let input = match unasked {
                    Unasked::Begin => Input::Begin,
                    Unasked::Flushed if matches!(self.awaits, Some(Awaits::Flush(_))) => return,
                    Unasked::Flushed => Input::Flushed(Vec::new()),
                    Unasked::LedgerFailed => Input::LedgerFailed,
                    Unasked::AppLockTaken => Input::AppLockTaken,
                    Unasked::AppLockTakenBy => Input::AppLockTakenBy(holder()),
                    Unasked::Left => Input::Left,
                };
                self.step(input);
            }
        }
    }

    /// Gives the run what it awaits.
    fn awaited(&mut self, late: Duration) {
        match self.awaits.take() {
            Some(Awaits::Flush(facts)) => {
                self.advance(late);
                let permits = now_or_never(self.ledger.append(facts)).expect("the facts follow from the state");
                self.permitted = permits.iter().map(Permit::key).collect();
                self.step(Input::Flushed(permits));
            }
            Some(Awaits::AppLock) => {
                let taken = !self.number.is_multiple_of(3);
                self.number += 1;
                self.app.state.sending |= taken;
                self.step(if taken {
                    Input::AppLockTaken
                } else {
                    Input::AppLockTakenBy(holder())
                });
            }
            Some(Awaits::Leave) => self.step(Input::Left),
            Some(Awaits::End(outcome)) => self.awaits = Some(Awaits::End(outcome)),
            _ => {
                self.advance(late);
                self.told = self.command.clone();
                let changes = Changes {
                    finished: std::mem::take(&mut self.finished),
                    prepared: 0,
                    connecting: 0,
                    command: self.command.clone(),
                    freed: Vec::new(),
                    requests: std::mem::take(&mut self.requests),
                };
                self.step(Input::Changed(changes));
            }
        }
    }

    fn end(&mut self, nth: usize, how: How) {
        if self.started.is_empty() {
            return;
        }
        let permit = self.started.swap_remove(nth % self.started.len());
        let key = permit.key();
        self.number += 1;
        let done = match how {
            How::Cancelled => Done::CalledOff { key, why: None },
            How::NoToken => Done::CalledOff {
                key,
                why: Some(NotReady::OutOfReach {
                    why: "busy".into(),
                    again: (self.now.instant + Duration::from_secs(9)).into(),
                }),
            },
            how => Done::Ended {
                key,
                attempted: Attempted {
                    open_id: permit.open_id().clone(),
                    merchant_coupon_id: permit.merchant_coupon_id(),
                    attempt: permit.attempt(),
                    started: true,
                },
                outcome: Box::new(self.outcome(how)),
                whose: Whose::ThisAttempt,
                ended: self.now.instant,
            },
        };
        self.finished.push(done);
    }

    fn outcome(&self, how: How) -> Outcome {
        let (proof, class) = match how {
            How::Refused => (Proof::Refused, Some(Class::Refuse)),
            How::Held => (Proof::Held, Some(Class::Hold)),
            How::Lost => (Proof::Unknown(Unknown::TimedOut), None),
            How::NotSent => (Proof::NotIssued(NotIssued::NotSent), None),
            How::Throttled => (Proof::NotIssued(NotIssued::Throttled), Some(Class::Throttle)),
            How::AskedToWait => (Proof::NotIssued(NotIssued::Wait), Some(Class::Wait)),
            How::Halted => (Proof::NotIssued(NotIssued::Halt), Some(Class::Halt)),
            _ => {
                let coupon = Box::new(Coupon {
                    coupon_id: self.number.to_string(),
                    ..Coupon::default()
                });
                (Proof::Issued { coupon, replay: false }, Some(Class::Issued))
            }
        };
        Outcome {
            proof,
            answer: class.map(|class| Answer {
                code: 7,
                message: String::new(),
                log_id: self.number.to_string(),
                class,
                classifier: Classifier::Table,
            }),
            status: Some(200),
            detail: None,
            retry_after: None,
            latency: Duration::from_millis(20),
            at: self.now.wall,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The core never panics; a decision is taken while nothing is in flight; each start has a permit of the flush before it; and intents keep to the window, the command, the
    /// app lock and `max_in_flight`.
    #[test]
    fn whatever_happens_the_core_keeps_to_its_limits(
        options in options(),
        happenings in prop::collection::vec(happening(), 1..160),
    ) {
        let mut bench = Bench::new(options);
        for happening in &happenings {
            bench.happen(happening);
        }
    }
}
