//! Kills at every kind of moment: the run is dropped, unflushed facts are lost, and the next apply continues.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use runner::engine::EngineError;
use runner::model::delivery::StateName;
use runner::model::event::Ending;
use runner::plan::InDoubt;

use crate::bench::Bench;
use crate::world::{Act, World};

const USERS: u32 = 250;

/// Applies until the campaign ends by itself, and kills it after each of `kills` milliseconds.
async fn killed(bench: &Bench, world: &Arc<World>, kills: &[u64]) -> Ending {
    for kill in kills {
        let ledger = bench.admit(USERS, &[]).await;
        let run = bench.send(ledger, world);
        if let Ok(Ok(ended)) = tokio::time::timeout(Duration::from_millis(*kill), run).await
            && ended.ending == Ending::Complete
        {
            return ended.ending;
        }
    }
    // Faults may use up all attempts. Then the same command continues.
    loop {
        let ended = bench.apply(USERS, world).await;
        if ended.ending != Ending::Incomplete {
            return ended.ending;
        }
    }
}

fn faulty(bench: &Bench, seed: u32) -> Arc<World> {
    World::new(&bench.clock, 60, move |ask| {
        match (ask.before as u64)
            .wrapping_mul(2_654_435_761)
            .wrapping_add(u64::from(seed))
            % 20
        {
            0 => Act::IssueAndLose(Duration::from_secs(10)),
            1 => Act::Lose(Duration::from_secs(10)),
            2 => Act::Say(28_001_005, runner::model::outcome::Class::Retry),
            3 => Act::Refuse,
            _ => Act::Issue,
        }
    })
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn killed_at_any_moment_everyone_is_given_one(kills in prop::collection::vec(1_u64..4_000, 1..12), seed: u32) {
        run(async {
            let bench = Bench { seed: u64::from(seed), ..Bench::new() };
            let world = faulty(&bench, seed);
            let ending = killed(&bench, &world, &kills).await;
            assert_eq!((ending, world.given(), world.most_coupons()), (Ending::Complete, u64::from(USERS), 1));
            assert!(world.seen(|seen| seen.crowded.is_empty()), "two requests for one user at once");
            assert!(world.harshest_second() <= 98);
        });
    }

    #[test]
    fn with_ask_nobody_has_two_even_if_the_platform_ignores_ids(kills in prop::collection::vec(1_u64..4_000, 1..12)) {
        run(async {
            let mut bench = Bench::new();
            bench.plan.retry.in_doubt = InDoubt::Ask;
            let world = World::new(&bench.clock, 60, |_| Act::IssueAgain);
            killed(&bench, &world, &kills).await;
            assert_eq!(world.most_coupons(), 1);
            let ledger = bench.open().await;
            let counts = ledger.state().counts();
            assert_eq!(counts.count(StateName::Issued) + counts.count(StateName::InDoubt), u64::from(USERS));
            assert!(world.given() <= u64::from(USERS));
        });
    }
}

/// The null control: the same kills with a store that reports batches as durable too early. If that broke no promise, the
/// tests above would prove nothing.
#[test]
fn without_flushes_the_promise_breaks() {
    run(async {
        let mut bench = Bench::new();
        bench.plan.retry.in_doubt = InDoubt::Ask;
        let world = World::new(&bench.clock, 60, |_| Act::IssueAgain);
        let ledger = bench.admit(USERS, &[]).await;
        bench.store.forget(true);
        let _killed = tokio::time::timeout(Duration::from_secs(3), bench.send(ledger, &world)).await;
        bench.store.forget(false);
        bench.apply(USERS, &world).await;
        assert!(world.most_coupons() > 1, "a ledger that forgets must be caught");
    });
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_stops_sending_at_once() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 60, |_| Act::Issue);
    let ledger = bench.admit(USERS, &[]).await;
    bench.store.fail_after(60);
    let error = bench.send(ledger, &world).await.expect_err("the ledger failed");
    assert!(matches!(error, EngineError::Ledger(_)), "{error:?}");
    let starts = world.seen(|seen| seen.starts.len());
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(world.seen(|seen| seen.starts.len()), starts);

    bench.store.fail_after(u64::MAX);
    assert_eq!(bench.apply(USERS, &world).await.ending, Ending::Complete);
    assert_eq!((world.given(), world.most_coupons()), (u64::from(USERS), 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_that_the_platform_saw_is_unknown_to_the_ledger() {
    let bench = Bench::new();
    let world = faulty(&bench, 7);
    let ledger = bench.admit(USERS, &[]).await;
    let _killed = tokio::time::timeout(Duration::from_millis(2_500), bench.send(ledger, &world)).await;
    let ledger = bench.open().await;
    let counts = ledger.state().counts();
    let touched = u64::from(USERS) - counts.count(StateName::Pending);
    assert!(
        world.seen(|seen| seen.asked.len() as u64) <= touched,
        "every request had a durable intent"
    );
    assert!(
        world.given()
            <= counts.count(StateName::Issued) + counts.count(StateName::InDoubt) + counts.count(StateName::InFlight)
    );
}
