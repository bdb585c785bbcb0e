//! The daily limit counts every attempt, by the days of the campaign's zone, for any process and clock.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use runner::engine::StopReason;
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::outcome::Class;
use runner::plan::AsOf;
use runner::plan::forecast::forecast;

use crate::bench::{Bench, load};
use crate::world::{Act, World};

/// A bench at Monday, 08:00 in Shanghai, whose campaign may begin `per_day` attempts a day.
fn bench(per_day: u64) -> Bench {
    let mut bench = Bench::new();
    bench.plan.pace.per_day = per_day;
    bench.plan.schedule.waits = true;
    bench.plan.audience.as_of = AsOf::Wall;
    bench
}

/// How many requests the platform received on each day of Shanghai.
fn days(world: &World) -> Vec<usize> {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let mut days = BTreeMap::new();
    for at in world.seen(|seen| seen.walls.clone()) {
        *days.entry(zone.to_datetime(at).date()).or_default() += 1;
    }
    days.into_values().collect()
}

#[tokio::test(start_paused = true)]
async fn no_day_has_more_attempts_than_it_may_and_the_forecast_knows_it() {
    let bench = bench(100);
    let world = World::new(&bench.clock, 70, |ask| match ask.before {
        3 => Act::Say(28_001_005, Class::Retry),
        _ => Act::Issue,
    });
    let load = load(251);
    let foretold = forecast(&bench.plan, &load, bench.clock.now());
    let ended = bench.apply(250, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 250));
    assert_eq!(days(&world), [100, 100, 51], "the retry counts");
    let ends = foretold.ends_at.unwrap().duration_until(bench.clock.now());
    assert!(
        ends.as_secs().abs() <= 2,
        "{foretold:?}, and it was {}",
        bench.clock.now()
    );
    let waits = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Day { most: 100 },
            until,
        }) => until.map(|until| until.to_string()),
        _ => None,
    });
    assert_eq!(waits, ["2026-06-01T16:00:00Z", "2026-06-02T16:00:00Z"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_began_today_counts_and_no_wait_leaves() {
    let mut bench = bench(100);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let ledger = bench.admit(250, &[]).await;
    let _killed = tokio::time::timeout(Duration::from_secs(2), bench.send(ledger, &world)).await;
    let before = world.given();
    assert!((30..100).contains(&before), "{before} before the kill");
    bench.plan.run.no_wait = true;
    let ended = bench.apply(250, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Incomplete, StopReason::DayUsedUp));
    let seen = world.seen(|seen| seen.walls.len());
    assert!(seen <= 100, "{seen}");
    bench.clock.shift_ms(24 * 3_600_000);
    assert_eq!(bench.apply(250, &world).await.why, StopReason::DayUsedUp);
    assert_eq!(days(&world)[1], 100, "another day, another hundred");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_restart_a_day() {
    let mut bench = bench(100);
    bench.plan.run.no_wait = true;
    bench.clock.shift_ms(17 * 3_600_000);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(40, &world).await.ending, Ending::Complete);
    bench.clock.shift_ms(-9 * 3_600_000);
    let ended = bench.apply(250, &world).await;
    assert_eq!((ended.why, world.given()), (StopReason::DayUsedUp, 100));
    bench.clock.shift_ms(60_000);
    assert_eq!(bench.apply(250, &world).await.why, StopReason::DayUsedUp);
    assert_eq!(world.given(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_is_armed_at_midnight_is_called_off_and_counts_for_the_day_on_which_it_starts() {
    let mut bench = bench(60);
    bench.plan.pace.per_second = 10.0;
    // Three seconds before midnight in Shanghai.
    bench.clock.shift_ms(16 * 3_600_000 - 3_000);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let ended = bench.apply(80, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 80));
    let days = days(&world);
    assert_eq!((days.len(), days[0] + days[1]), (2, 80));
    assert!((15..=30).contains(&days[0]) && days[1] <= 60, "{days:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_shows_the_wait_for_the_next_day_and_goes_on() {
    let mut bench = bench(100);
    bench.plan.schedule.waits = false;
    let began = tokio::time::Instant::now();
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(250, &world).await.ending, Ending::Complete);
    assert!(began.elapsed() < Duration::from_mins(1));
    let passed = bench.told(|kind| match kind {
        EventKind::DayPassedOver { most, until, .. } => Some((*most, until.to_string())),
        _ => None,
    });
    let midnights = ["2026-06-01T16:00:00Z", "2026-06-02T16:00:00Z"].map(|at| (100, at.to_owned()));
    assert_eq!(passed, midnights);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_of_last_week_does_not_count_for_this_one() {
    let mut bench = bench(100);
    bench.plan.schedule.waits = false;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(60, &world).await.ending, Ending::Complete);
    bench.clock.shift_ms(7 * 24 * 3_600_000);
    assert_eq!(bench.apply(150, &world).await.ending, Ending::Complete);
    let passed = bench.told(|kind| matches!(kind, EventKind::DayPassedOver { .. }).then_some(()));
    assert_eq!((world.given(), passed.len()), (150, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn killed_at_any_moment_no_day_has_more_than_it_may(
        kills in prop::collection::vec(1_u64..3_000, 1..6),
        per_day in 20_u64..120,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(per_day);
            bench.plan.retry.resend_within = Duration::from_hours(1_000);
            let world = World::new(&bench.clock, 70, |ask| match ask.before % 9 {
                2 => Act::Say(28_001_005, Class::Retry),
                5 => Act::Refuse,
                _ => Act::Issue,
            });
            for kill in kills {
                let ledger = bench.admit(150, &[]).await;
                let _killed = tokio::time::timeout(Duration::from_millis(kill), bench.send(ledger, &world)).await;
            }
            while bench.apply(150, &world).await.ending == Ending::Incomplete {}
            assert_eq!((world.given(), world.most_coupons()), (150, 1));
            let days = days(&world);
            assert!(days.iter().all(|day| *day as u64 <= per_day), "{days:?}");
        });
    }
}
