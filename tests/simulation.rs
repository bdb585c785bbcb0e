//! Whole simulated campaigns: repeatable, with the faults that a client can meet, at the times that a plan predicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use runner::campaign;
use runner::engine::send_order::SendOrder;
use runner::engine::{RunOutcome, StopReason};
use runner::fake_platform::{Fault, FaultSettings, RuleSettings, Settings, StreamerPlan};
use runner::ledger::{Fact, Generation, Ledger, NullStore};
use runner::model::approval::WaveWait;
use runner::model::clock::{from_ms, later, until};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, Event, EventKind, Halted, Phase, Waiting};
use runner::model::identity::OpenId;
use runner::plan::forecast::{Load, WaveLoad, after_taking, forecast};
use runner::plan::{self, Plan, RunOptions};
use runner::simulation::{Outage, Outages, Simulation, World};

/// 2026-06-01T00:00:00Z, a Monday.
const BEGIN: i64 = 1_780_272_000_000;

fn plan(more: &str) -> Plan {
    let file = format!(
        "{{version: 1, campaign: summer, app_id: tt1, activity_id: 71, timezone: UTC, \
         audience: {{source: {{csv: {{path: a.csv, open_id: open_id}}}}}}{more}}}"
    );
    let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    plan::build(&parsed.campaign, RunOptions::default()).unwrap()
}

fn world(seed: u64, shares: &[(Fault, f64)]) -> World {
    let faults = FaultSettings {
        shares: shares.to_vec(),
        ..FaultSettings::default()
    };
    let settings = Settings {
        seed,
        faults,
        ..Settings::default()
    };
    let outages = Outages::default();
    World { settings, outages }
}

/// A ledger with `users` admitted users.
fn ledger(plan: &Plan, users: u32) -> Ledger<NullStore> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let ledger = Ledger::open(NullStore, plan.identity.clone()).await.unwrap();
        let mut ledger = ledger.without_store();
        let at = from_ms(BEGIN);
        let timeout = plan.retry.timeout;
        let recipients: Vec<_> = (0..users).map(|n| OpenId::parse(&format!("u{n}")).unwrap()).collect();
        let admitted = recipients.chunks(Fact::CHUNK).map(|chunk| Fact::Admitted {
            recipients: chunk.to_vec(),
        });
        let closed = Fact::Closed(Box::new(Generation {
            at,
            listed: u64::from(users),
            source: [0; 32],
            activity_id: plan.activity_id.clone(),
            coupons_per_user: plan.coupons_per_user,
            fingerprint: String::new(),
            control_group: "0%".to_owned(),
            excluded: Vec::new(),
            accepted: Vec::new(),
        }));
        let began = [Fact::run_began(at, timeout)];
        let facts = began.into_iter().chain(admitted).chain([closed]).collect();
        ledger.append(facts).await.unwrap();
        ledger
    })
}

struct Lived {
    ended: RunOutcome,
    events: Vec<Event>,
}

impl Lived {
    fn told<R>(&self, pick: impl Fn(Timestamp, &EventKind) -> Option<R>) -> Vec<R> {
        self.events
            .iter()
            .filter_map(|event| pick(event.at, &event.kind))
            .collect()
    }

    fn starts(&self) -> Vec<Timestamp> {
        self.told(|at, kind| matches!(kind, EventKind::AttemptBegan { .. }).then_some(at))
    }

    fn outcomes(&self, outcome: &str) -> usize {
        let of = |kind: &EventKind| matches!(kind, EventKind::AttemptEnded(attempt) if attempt.outcome == outcome);
        self.told(|_, kind| of(kind).then_some(())).len()
    }

    fn ends_at(&self) -> Timestamp {
        self.events.last().unwrap().at
    }
}

fn live(plan: &Plan, users: u32, world: World) -> Lived {
    let (_keep, cancel) = tokio::sync::oneshot::channel();
    live_until(cancel, plan, users, world)
}

fn live_until(cancel: tokio::sync::oneshot::Receiver<()>, plan: &Plan, users: u32, world: World) -> Lived {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let heard = Arc::clone(&events);
    let simulation = Simulation {
        plan: Arc::new(plan.clone()),
        ledger: ledger(plan, users),
        send_order: SendOrder::default(),
        from: from_ms(BEGIN),
        horizon: HORIZON,
        world,
        emit: Arc::new(move |event| heard.lock().unwrap().push(event)),
        cancel,
    };
    let ended = simulation.run().unwrap();
    let events = std::mem::take(&mut *events.lock().unwrap());
    Lived { ended, events }
}

/// Removes what may differ between two equal runs: the time that the disk took.
fn history(lived: &Lived) -> Vec<Event> {
    let flushed = |event: &&Event| !matches!(event.kind, EventKind::Flushed { .. });
    lived.events.iter().filter(flushed).cloned().collect()
}

#[test]
fn a_simulation_that_nobody_waits_for_stops() {
    let (keep, cancel) = tokio::sync::oneshot::channel();
    drop(keep);
    let lived = live_until(cancel, &plan(""), 400, world(7, &[]));
    assert_eq!(lived.ended.ending, Ending::Incomplete);
    assert!(lived.outcomes("issued") < 400);
}

#[test]
fn one_seed_is_one_history() {
    // A repeated answer halts a run.
    let all = Fault::ALL.into_iter().filter(|fault| *fault != Fault::RepeatAnswer);
    let all: Vec<_> = all.map(|fault| (fault, 0.02)).collect();
    let again = |seed| live(&plan(""), 400, world(seed, &all));
    let first = again(7);
    let second = again(7);
    let other = again(8);
    assert_eq!(history(&first), history(&second));
    assert_ne!(history(&first), history(&other));
    assert!(first.starts().len() > 430, "{}", first.starts().len());
}

#[test]
fn in_an_outage_nobody_is_answered_and_what_was_under_way_is_in_doubt() {
    let mut world = world(1, &[]);
    let from = later(from_ms(BEGIN), Duration::from_secs(4));
    let long = Duration::from_hours(1);
    let until = later(from, long);
    world.outages = Outages::new(vec![Outage { from, until }]);
    let lived = live(&plan(""), 600, world);
    assert_eq!(lived.ended.ending, Ending::Complete);
    let answered = lived.told(|at, kind| match kind {
        EventKind::AttemptEnded(attempt) if attempt.code.is_some() => Some(at),
        _ => None,
    });
    assert!(
        !answered.iter().any(|at| from <= *at && *at < until),
        "nobody is answered"
    );
    let lost = lived.outcomes("unknown");
    assert!((1..=20).contains(&lost), "{lost} were under way");
    assert!(lived.outcomes("not_sent") > 0, "no connection was made");
    let waits = lived.told(|_, kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Outage { .. },
            ..
        }) => Some(()),
        _ => None,
    });
    assert!(!waits.is_empty());
}

#[test]
fn an_outage_that_lasts_too_long_ends_the_run_and_the_same_command_goes_on() {
    let mut world = world(1, &[]);
    let from = from_ms(BEGIN);
    let until = later(from_ms(BEGIN), Duration::from_hours(48));
    world.outages = Outages::new(vec![Outage { from, until }]);
    let lived = live(&plan(", retry: {give_up: 1h}"), 10, world);
    assert_eq!(
        (lived.ended.ending, lived.ended.why),
        (Ending::Incomplete, StopReason::GaveUp)
    );
}

#[test]
fn an_answer_that_comes_later_than_the_client_waits_is_lost() {
    let mut slow = world(1, &[]);
    let time = Duration::from_millis(10_001);
    slow.settings.faults.latency = (time, time);
    let lived = live(&plan(""), 3, slow.clone());
    assert_eq!(
        (lived.outcomes("issued"), lived.ended.counts.count(StateName::InDoubt)),
        (0, 3)
    );
    slow.settings.faults.latency.0 = Duration::from_secs(10);
    slow.settings.faults.latency.1 = Duration::from_secs(10);
    let lived = live(&plan(""), 3, slow);
    assert_eq!(lived.outcomes("issued"), 3);
}

/// Any fault of the connection leaves a doubt, and the next attempt with the same id settles it.
#[test]
fn faults_on_the_way_are_doubts_and_settle() {
    for fault in [Fault::Drop, Fault::LoseAnswer, Fault::CutBody, Fault::Hang] {
        let lived = live(&plan(""), 100, world(3, &[(fault, 0.3)]));
        assert!(lived.outcomes("unknown") > 10, "{fault:?}");
        let counts = lived.ended.counts;
        let settled = counts.count(StateName::Issued) + counts.count(StateName::Refused);
        assert_eq!(settled + counts.count(StateName::InDoubt), 100, "{fault:?}");
        assert!(settled > 95, "{fault:?}: {counts:?}");
    }
}

#[test]
fn who_is_not_active_is_held_and_a_guard_halts() {
    let mut world = world(1, &[]);
    world.settings.rules.inactive = 0.5;
    let lived = live(&plan(", halt: {held: {over: 20%, after: 100}}"), 2_000, world);
    assert!(
        matches!(lived.ended.why, StopReason::Halted(_)),
        "{:?}",
        lived.ended.why
    );
    assert_eq!(lived.ended.ending, Ending::NeedsPerson);
    assert!(lived.starts().len() < 400, "{}", lived.starts().len());
}

#[test]
fn beside_another_sender_it_takes_longer() {
    let alone = live(&plan(""), 3_000, world(1, &[]));
    let mut world = world(1, &[]);
    world.settings.rules.foreign_load = 60;
    let beside = live(&plan(""), 3_000, world);
    assert_eq!(beside.ended.ending, Ending::Complete);
    let took = |lived: &Lived| until(from_ms(BEGIN), lived.ends_at()).unwrap();
    assert!(
        took(&beside) > took(&alone) * 2,
        "{:?} and {:?}",
        took(&beside),
        took(&alone)
    );
}

#[test]
fn a_token_is_renewed_as_often_as_it_ends() {
    let mut world = world(1, &[]);
    world.settings.rules = RuleSettings {
        token_ttl: Duration::from_mins(10),
        ..world.settings.rules
    };
    let lived = live(&plan(", pace: {per_second: 1}"), 3_000, world);
    assert_eq!(lived.ended.ending, Ending::Complete);
    let tokens = lived.told(|_, kind| matches!(kind, EventKind::TokenFetched { .. }).then_some(()));
    assert!((5..=15).contains(&tokens.len()), "{}", tokens.len());
}

/// The first send starts a second after the app lock is taken, and a token may expire within that second.
#[test]
fn a_token_that_ends_while_its_send_waits_is_replaced_and_not_sent() {
    let mut world = world(1, &[]);
    world.settings.rules.token_ttl = Duration::from_secs(1);
    let lived = live(&plan(""), 300, world);
    assert_eq!(lived.ended.ending, Ending::Complete, "{:?}", lived.ended.why);
    assert_eq!(lived.outcomes("token"), 0);
}

#[test]
fn an_answer_that_comes_again_halts_the_run() {
    let lived = live(&plan(""), 3_000, world(1, &[(Fault::RepeatAnswer, 0.01)]));
    assert!(
        matches!(lived.ended.why, StopReason::Halted(Halted::MixedAnswers { .. })),
        "{:?}",
        lived.ended.why
    );
    assert!(lived.ended.counts.count(StateName::InDoubt) > 0);
    assert_eq!(lived.ended.ending, Ending::NeedsPerson);
}

/// How long a run is followed here.
const HORIZON: Duration = Duration::from_hours(20 * 24);

#[test]
fn a_run_without_an_end_is_followed_no_further_than_to_the_horizon() {
    let mut world = world(1, &[]);
    world.settings.rules.streamer_plan = StreamerPlan::Always;
    let lived = live(&plan(", codes: {990000004: wait}"), 3, world);
    assert_eq!(
        (lived.ended.ending, lived.ended.why),
        (Ending::Incomplete, StopReason::Interrupted)
    );
    let long = until(from_ms(BEGIN), lived.events.last().unwrap().at).unwrap();
    assert!((HORIZON..HORIZON + Duration::from_mins(1)).contains(&long), "{long:?}");
}

fn load(to_send: u64) -> Load {
    Load {
        to_send,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: 0,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    }
}

/// How far the predicted end and the simulated end may differ: half a percent of the time between, plus five seconds.
fn agree(plan: &Plan, load: &Load, lived: &Lived) {
    let now = from_ms(BEGIN);
    let foretold = forecast(plan, load, now).ends_at.unwrap();
    let took = until(now, foretold).unwrap();
    let without_store = until(foretold, lived.ends_at()).or(until(lived.ends_at(), foretold));
    let without_store = without_store.unwrap_or_default();
    assert!(
        without_store <= took / 200 + Duration::from_secs(5),
        "{foretold} foretold, {} lived through",
        lived.ends_at()
    );
}

#[test]
fn without_faults_it_ends_when_a_plan_says() {
    let plan = plan("");
    let lived = live(&plan, 2_000, world(1, &[]));
    agree(&plan, &load(2_000), &lived);
    let first = until(from_ms(BEGIN), lived.starts()[0]).unwrap();
    let taking = after_taking(plan.pace.per_second);
    assert!(
        (taking..taking * 2).contains(&first),
        "{first:?} behind the app id's turn"
    );
}

#[test]
fn a_week_with_hours_and_a_limit_by_the_day_ends_when_a_plan_says() {
    let plan = plan(
        ", pace: {per_second: 2, per_day: 700}, \
         schedule: {start: '2026-06-01T09:30', hours: ['mon-sat 10:00-10:05', 'mon-sat 18:00-18:02'], closed: [2026-06-03]}",
    );
    let lived = live(&plan, 3_000, world(1, &[]));
    assert_eq!(lived.ended.ending, Ending::Complete);
    agree(&plan, &load(3_000), &lived);
    let open = |at: &Timestamp| plan.schedule.allows(*at);
    assert!(lived.starts().iter().all(open), "nothing starts outside the hours");
    let days = until(from_ms(BEGIN), lived.ends_at()).unwrap().as_secs() / 86_400;
    assert!((4..=7).contains(&days), "{days} days");
}

#[test]
fn waves_are_waited_for_as_a_plan_says() {
    let plan = plan(", schedule: {hours: ['mon-fri 08:00-20:00'], waves: [{share: 10%, wait: 30h}]}");
    let lived = live(&plan, 1_000, world(1, &[]));
    assert_eq!(lived.ended.ending, Ending::Complete);
    let over = lived.told(|at, kind| matches!(kind, EventKind::Wave { ended: true, .. }).then_some(at))[0];
    let starts = lived.starts();
    let first = starts.iter().filter(|at| **at <= over).count() as u64;
    let next = starts.iter().find(|at| **at > over).unwrap();
    assert!(until(over, *next).unwrap() >= Duration::from_hours(30));
    let wave = |wave, to_send, wait| WaveLoad {
        wave,
        to_send,
        not_before: Timestamp::MIN,
        wait: WaveWait::For(wait),
    };
    let waves = vec![
        wave(Some(1), first, Duration::from_hours(30)),
        wave(None, 1_000 - first, Duration::ZERO),
    ];
    agree(&plan, &Load { waves, ..load(1_000) }, &lived);
}
