//! A term of a fleet: nothing starts before it or while another worker may own the app id, and it ends by a hand-over or is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use runner::engine::app_limiter::{AppLimiter, AppLock, HeldAppLock, Taking, TermState};
use runner::engine::{EngineError, RunOutcome, StopReason};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::StateName;
use runner::model::event::{DrainReason, Ending, EventKind, Phase, Waiting};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::bench::{BEGIN, Bench};
use crate::world::{Act, World};

/// The ownership of an app id by this process.
#[derive(Clone)]
struct Ownership {
    not_before: Instant,
    trusted_until: Arc<Mutex<Option<Instant>>>,
    state: watch::Sender<TermState>,
}

impl Ownership {
    fn new(wait: Duration) -> Self {
        Self {
            not_before: Instant::now() + wait,
            trusted_until: Arc::default(),
            state: watch::channel(TermState::Lasts).0,
        }
    }

    fn trust_until(&self, until: Option<Instant>) {
        *self.trusted_until.lock().unwrap() = until;
    }
}

impl AppLock for Ownership {
    fn take(&self) -> Taking<'_> {
        Box::pin(std::future::ready(Ok(HeldAppLock::new(()))))
    }

    fn is_trusted(&self) -> bool {
        self.trusted_until
            .lock()
            .unwrap()
            .is_none_or(|until| Instant::now() < until)
    }

    fn not_before(&self) -> Option<std::time::Instant> {
        Some(self.not_before.into_std())
    }

    fn term(&self) -> watch::Receiver<TermState> {
        self.state.subscribe()
    }
}

async fn send(bench: &Bench, owner: &Ownership, users: u32, world: &Arc<World>) -> Result<RunOutcome, EngineError> {
    let ledger = bench.admit(users, &[]).await;
    let limiter = AppLimiter::new(owner.clone());
    bench.send_in(&limiter, bench.send_order.clone(), ledger, world).await
}

fn waits(bench: &Bench) -> Vec<(Waiting, bool)> {
    bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting { why, until }) => Some((why.clone(), until.is_some())),
        _ => None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_waits_for_the_previous_one_and_says_so() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::from_secs(3));
    let ended = send(&bench, &owner, 200, &world).await.unwrap();
    assert_eq!(ended.ending, Ending::Complete);
    let first = world.seen(|seen| seen.starts[0]);
    let late = first.saturating_duration_since(owner.not_before);
    assert!(
        first >= owner.not_before && late < Duration::from_millis(200),
        "the first start is due at once then: {late:?}"
    );
    assert_eq!(waits(&bench)[0], (Waiting::PreviousOwner, true));
}

/// The previous owner may have started an attempt a second before `not_before`.
#[tokio::test(start_paused = true)]
async fn a_slow_campaign_keeps_its_distance_from_the_previous_owner() {
    let mut bench = Bench::new();
    bench.plan.pace.per_second = 0.25;
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::from_secs(3));
    send(&bench, &owner, 2, &world).await.unwrap();
    let first = world.seen(|seen| seen.starts[0]);
    assert!(
        first >= owner.not_before + Duration::from_secs(3),
        "{:?}",
        first - owner.not_before
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_takes_the_app_id_again_in_its_term_starts_at_once() {
    let mut bench = Bench::new();
    bench.plan.schedule.start = later(from_ms(BEGIN), Duration::from_mins(10));
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let began = Instant::now();
    let owner = Ownership::new(Duration::from_secs(3));
    send(&bench, &owner, 1, &world).await.unwrap();
    let first = world.seen(|seen| seen.starts[0]) - began;
    assert!(
        first < Duration::from_millis(600_200),
        "no other process had it: {first:?}"
    );
}

/// The lease ends while attempts wait for the pace, and nothing but the clock says so.
#[tokio::test(start_paused = true)]
async fn nothing_starts_while_the_lease_is_not_renewed() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::ZERO);
    let lost_at = Instant::now() + Duration::from_millis(3_005);
    let renewed_at = lost_at + Duration::from_secs(20);
    owner.trust_until(Some(lost_at));
    let renewing = owner.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(renewed_at).await;
        renewing.trust_until(None);
    });
    let appends = bench.store.clone();
    let appended = tokio::spawn(async move {
        tokio::time::sleep_until(lost_at + Duration::from_secs(1)).await;
        let before = appends.records();
        tokio::time::sleep_until(renewed_at - Duration::from_secs(1)).await;
        appends.records() - before
    });
    let ended = send(&bench, &owner, 300, &world).await.unwrap();
    assert_eq!(
        (ended.ending, world.given(), world.most_coupons()),
        (Ending::Complete, 300, 1)
    );
    let starts = world.seen(|seen| seen.starts.clone());
    assert!(starts.iter().any(|at| *at < lost_at) && starts.iter().any(|at| *at >= renewed_at));
    let untrusted: Vec<_> = starts.iter().filter(|at| (lost_at..renewed_at).contains(at)).collect();
    assert!(untrusted.is_empty(), "{untrusted:?}");
    assert_eq!(
        appended.await.unwrap(),
        0,
        "nothing is prepared and withdrawn again and again"
    );
    assert!(waits(&bench).contains(&(Waiting::Lease, false)));
}

#[tokio::test(start_paused = true)]
async fn a_hand_over_ends_the_run_when_every_outcome_is_recorded() {
    let bench = Bench::new();
    let owner = Ownership::new(Duration::from_secs(1));
    let asks = owner.state.clone();
    let world = World::new(&bench.clock, 3_000, move |ask| {
        if ask.before == 150 {
            asks.send_replace(TermState::HandOver);
        }
        Act::Issue
    });
    let ended = send(&bench, &owner, 1_000, &world).await.unwrap();
    assert_eq!(
        (ended.ending, &ended.why),
        (Ending::Incomplete, &StopReason::HandedOver)
    );
    let counts = ended.counts;
    assert_eq!((counts.count(StateName::Issued), world.given()), (151, 151));
    assert_eq!(counts.count(StateName::InDoubt) + counts.count(StateName::InFlight), 0);
    let drains = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Draining { why }) => Some(why.clone()),
        _ => None,
    });
    assert_eq!(drains, [DrainReason::HandedOver]);

    let next = Ownership::new(Duration::from_secs(1));
    let ended = send(&bench, &next, 1_000, &world).await.unwrap();
    assert_eq!(
        (ended.ending, world.given(), world.most_coupons()),
        (Ending::Complete, 1_000, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_waits_is_handed_over_at_once() {
    let mut bench = Bench::new();
    bench.plan.schedule.start = later(from_ms(BEGIN), Duration::from_hours(10));
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::from_secs(1));
    let asks = owner.state.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(100)).await;
        asks.send_replace(TermState::HandOver);
    });
    let began = Instant::now();
    let ended = send(&bench, &owner, 10, &world).await.unwrap();
    assert_eq!((&ended.why, began.elapsed().as_secs()), (&StopReason::HandedOver, 100));
}

/// The next owner waits for a second only, so a hand-over waits until no lost request can be at the platform.
#[tokio::test(start_paused = true)]
async fn a_hand_over_waits_for_lost_requests() {
    let bench = Bench::new();
    let owner = Ownership::new(Duration::from_secs(1));
    let asks = owner.state.clone();
    let world = World::new(&bench.clock, 50, move |_| {
        asks.send_replace(TermState::HandOver);
        Act::Lose(Duration::from_secs(1))
    });
    let ended = send(&bench, &owner, 1, &world).await.unwrap();
    assert_eq!(
        (&ended.why, ended.counts.count(StateName::InDoubt)),
        (&StopReason::HandedOver, 1)
    );
    let kept = world.seen(|seen| seen.starts[0]).elapsed();
    assert!(kept >= bench.plan.retry.timeout, "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_term_ends_the_run_and_the_answers_in_flight_are_reported() {
    let bench = Bench::new();
    let owner = Ownership::new(Duration::from_secs(1));
    let lost = owner.clone();
    let world = World::new(&bench.clock, 700, move |ask| {
        if ask.before == 150 {
            lost.trust_until(Some(Instant::now()));
            lost.state.send_replace(TermState::Lost);
        }
        Act::Issue
    });
    let ledger = bench.admit(1_000, &[]).await;
    let limiter = AppLimiter::new(owner.clone());
    let ended = bench.send_in(&limiter, bench.send_order.clone(), ledger, &world).await;
    assert!(matches!(ended, Err(EngineError::TermLost)), "{ended:?}");
    assert_eq!(world.seen(|seen| seen.starts.len()), 151);
    let recorded = bench.told(|kind| matches!(kind, EventKind::AttemptEnded(_)).then_some(()));
    let unrecorded = bench.told(|kind| matches!(kind, EventKind::AttemptUnrecorded(_)).then_some(()));
    assert_eq!(recorded.len() + unrecorded.len(), 151, "every answer is reported once");
    assert!(!unrecorded.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_waits_ends_when_its_term_is_lost() {
    let mut bench = Bench::new();
    bench.plan.schedule.start = later(from_ms(BEGIN), Duration::from_hours(10));
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::from_secs(1));
    let state = owner.state.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(100)).await;
        state.send_replace(TermState::Lost);
    });
    let began = Instant::now();
    let ended = send(&bench, &owner, 10, &world).await;
    assert!(matches!(ended, Err(EngineError::TermLost)), "{ended:?}");
    assert_eq!(began.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn users_with_a_request_of_the_previous_owner_are_passed_over() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let owner = Ownership::new(Duration::from_secs(1));
    let limiter = AppLimiter::new(owner.clone());
    let until = Instant::now() + Duration::from_secs(10);
    limiter.pass_over(["u3", "u700"], until.into_std());
    let ledger = bench.admit(5, &[]).await;
    let ended = bench.send_in(&limiter, bench.send_order.clone(), ledger, &world).await;
    assert_eq!(ended.unwrap().ending, Ending::Complete);
    for user in 0..5 {
        let starts = world.starts_to(&format!("u{user}"));
        assert_eq!((starts.len(), starts[0] >= until), (1, user == 3), "u{user}");
    }
}
