//! The platform is away at the end of a campaign, when few deliveries are left: their attempts are not used up.

use std::time::Duration;

use runner::engine::{RunOutcome, StopReason};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::outcome::Class;
use tokio::time::Instant;

use crate::bench::Bench;
use crate::world::{Act, World};

/// Applies a campaign of 108 users whose platform is away, by `act`, from the 100th request on.
async fn away(bench: &Bench, act: Act, seconds: u64) -> RunOutcome {
    let gone = std::sync::Mutex::new(None);
    let world = World::new(&bench.clock, 50, move |ask| {
        if ask.before < 100 {
            return Act::Issue;
        }
        let since = *gone.lock().unwrap().get_or_insert(ask.elapsed);
        if ask.elapsed < since + Duration::from_secs(seconds) {
            act
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(108, &world).await;
    assert!(world.most_coupons() <= 1 && world.seen(|seen| seen.crowded.is_empty()));
    ended
}

fn outages(bench: &Bench) -> usize {
    let shown = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Outage { .. },
            ..
        }) => Some(()),
        _ => None,
    });
    shown.len()
}

#[tokio::test(start_paused = true)]
async fn refused_connections_use_up_no_attempts() {
    for (attempts, per_second) in [(6, 98.0), (1, 98.0), (3, 1.0), (1, 0.2)] {
        let mut bench = Bench::new();
        bench.plan.retry.attempts = attempts;
        bench.plan.pace.per_second = per_second;
        let ended = away(&bench, Act::Refuse, 3_600).await;
        assert_eq!(ended.ending, Ending::Complete, "{attempts} attempts at {per_second}/s");
        assert!(outages(&bench) > 0);
    }
}

/// A single delivery also waits for the platform, and the run waits for as long as it may.
#[tokio::test(start_paused = true)]
async fn the_last_delivery_waits_until_the_run_gives_up() {
    let mut bench = Bench::new();
    bench.plan.retry.give_up = Duration::from_hours(2);
    let began = Instant::now();
    let world = World::new(&bench.clock, 50, |ask| match ask.before {
        0 => Act::Issue,
        _ => Act::Refuse,
    });
    let ended = bench.apply(2, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Incomplete, StopReason::GaveUp));
    assert_eq!(ended.counts.count(StateName::Deferred), 1);
    let took = began.elapsed();
    let expected = Duration::from_hours(2);
    assert!(
        (expected..expected + Duration::from_secs(3)).contains(&took),
        "counted from the first attempt that failed: {took:?}"
    );
    let sent = world.seen(|seen| seen.starts.len());
    assert!(sent < 75, "it probes every two minutes: {sent}");
}

/// While others are answered, a request that cannot be sent waits longer each time, and no outage begins.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_waits_longer_each_time() {
    let mut bench = Bench::new();
    bench.plan.pace.per_second = 20.0;
    let world = World::new(&bench.clock, 10, |ask| match (ask.open_id.as_str(), ask.nth) {
        ("u3", 1..=12) => Act::Refuse,
        _ => Act::Issue,
    });
    let ended = bench.apply(4_000, &world).await;
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(outages(&bench), 0);
    let starts = world.starts_to("u3");
    let whole = starts[12] - starts[0];
    assert!(whole > Duration::from_mins(1), "{whole:?}");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_use_up_no_attempts_when_several_deliveries_are_left() {
    for after in [1, 10] {
        for attempts in [6, 3] {
            let mut bench = Bench::new();
            bench.plan.retry.attempts = attempts;
            let ended = away(&bench, Act::Lose(Duration::from_secs(after)), 3_600).await;
            assert_eq!(
                ended.ending,
                Ending::Complete,
                "lost after {after} s, {attempts} attempts"
            );
            assert!(outages(&bench) > 0);
        }
    }
}

/// With one user it is impossible to know whether the platform is away.
#[tokio::test(start_paused = true)]
async fn one_user_whose_answers_are_lost_ends_by_its_attempts() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.open_id.as_str() {
        "u5" => Act::Lose(Duration::from_secs(10)),
        _ => Act::Issue,
    });
    let began = Instant::now();
    let ended = bench.apply(6, &world).await;
    assert_eq!(
        (ended.why, ended.counts.count(StateName::InDoubt)),
        (StopReason::NothingLeft, 1)
    );
    assert_eq!(world.starts_to("u5").len(), 6);
    assert!(began.elapsed() < Duration::from_mins(3));
}

#[tokio::test(start_paused = true)]
async fn users_for_whom_the_platform_is_unable_end_by_their_attempts() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.before {
        0..60 => Act::Issue,
        _ => Act::Say(28_001_005, Class::Retry),
    });
    let began = Instant::now();
    let ended = bench.apply(64, &world).await;
    assert_eq!(
        (ended.why, ended.counts.count(StateName::InDoubt)),
        (StopReason::NothingLeft, 4)
    );
    assert!(began.elapsed() < Duration::from_mins(3), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_was_not_sent_stays_one_of_those_that_at_most_allows() {
    for attempts in [1, 6] {
        let mut bench = Bench::new();
        bench.plan.run.at_most = 3;
        bench.plan.retry.attempts = attempts;
        let world = World::new(&bench.clock, 50, |ask| match ask.nth {
            1 => Act::Refuse,
            _ => Act::Issue,
        });
        let ended = bench.apply(10, &world).await;
        assert_eq!(
            (&ended.why, ended.counts.count(StateName::Issued)),
            (&StopReason::AtMost, 3)
        );
        assert_eq!(world.seen(|seen| seen.asked.len()), 3);
    }
}
