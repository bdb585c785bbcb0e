//! A ledger that is removed during a run: nothing more starts, attempts in flight end and are reported, and the run fails.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::EngineError;
use runner::ledger::{LedgerError, StoreError};
use runner::model::event::EventKind;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::world::{Act, World};

fn is_gone(error: &EngineError) -> bool {
    matches!(error, EngineError::Ledger(LedgerError::Store(StoreError::Gone { .. })))
}

/// Applies to users whose ledger is removed after this time. Returns how many sends had started by then.
async fn vanishing(bench: &Bench, world: &Arc<World>, after: Duration) -> usize {
    let ledger = bench.admit(2_000, &[]).await;
    let vanishes = async {
        sleep(after).await;
        bench.store.vanish();
        world.seen(|seen| seen.starts.len())
    };
    let (ended, started) = tokio::join!(bench.send(ledger, world), vanishes);
    let error = ended.expect_err("it fails");
    assert!(is_gone(&error), "{error:?}");
    started
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_after_the_ledger_is_gone_and_attempts_in_flight_are_reported() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 700, |_| Act::Issue);
    let started = vanishing(&bench, &world, Duration::from_secs(9)).await;
    let in_all = world.seen(|seen| seen.starts.len());
    // Permits of the flush before may still start until the check: no more than are armed at once.
    assert!(
        started > 300 && in_all <= started + 25,
        "{started} before, {in_all} in all"
    );
    let told = |recorded| {
        bench.told(|kind| match kind {
            EventKind::AttemptEnded(attempt) if recorded => Some(attempt.open_id.clone()),
            EventKind::AttemptUnrecorded(attempt) if !recorded => Some(attempt.open_id.clone()),
            _ => None,
        })
    };
    let recorded = told(true).len();
    let unrecorded = told(false).len();
    assert_eq!(recorded + unrecorded, in_all, "every answer is told once");
    assert!(unrecorded > 1, "{unrecorded}");
    assert_eq!(world.given(), in_all as u64);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_waits_notices_it_as_well() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    *bench.turns.taken.lock().unwrap() = Some(Instant::now() + Duration::from_hours(10));
    let began = Instant::now();
    let started = vanishing(&bench, &world, Duration::from_mins(7)).await;
    assert_eq!((started, world.seen(|seen| seen.starts.len())), (0, 0));
    assert!(began.elapsed() < Duration::from_mins(8), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn attempts_in_flight_are_reported_when_the_disk_fails_as_well() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 700, |_| Act::Issue);
    let ledger = bench.admit(2_000, &[]).await;
    bench.store.fail_after(bench.store.records() + 200);
    bench.send(ledger, &world).await.expect_err("the disk fails");
    let in_all = world.seen(|seen| seen.starts.len());
    let told =
        bench.told(|kind| matches!(kind, EventKind::AttemptEnded(_) | EventKind::AttemptUnrecorded(_)).then_some(()));
    assert_eq!(told.len(), in_all);
}
