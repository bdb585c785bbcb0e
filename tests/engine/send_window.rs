//! Send windows: nothing starts outside a window, for any platform, clock and process.

use std::time::Duration;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use runner::engine::StopReason;
use runner::model::calendar::{Calendar, Days, Hours};
use runner::model::clock::{from_ms, later, until};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::outcome::Class;
use runner::plan::AsOf;
use runner::plan::forecast::{Obstacle, forecast};
use tokio::time::Instant;

use crate::bench::{BEGIN, Bench, load};
use crate::world::{Act, World};

const HOUR: i64 = 3_600_000;

/// A calendar of these windows on every day, in minutes on the clocks of Shanghai, except on the closed days. The bench
/// begins on Monday at 08:00 there.
pub fn hours(windows: &[(u16, u16)], closed: &[Date]) -> Calendar {
    let every = Days::range(Weekday::Monday, Weekday::Sunday);
    let hours: Vec<_> = windows
        .iter()
        .filter_map(|(from, until)| Hours::new(every, *from, *until))
        .collect();
    Calendar::new(TimeZone::get("Asia/Shanghai").unwrap(), &hours, closed)
}

fn outside(world: &World, calendar: &Calendar) -> Vec<jiff::Timestamp> {
    world.seen(|seen| seen.walls.iter().copied().filter(|at| !calendar.is_open(*at)).collect())
}

#[tokio::test(start_paused = true)]
async fn retries_and_resends_too_start_only_inside_windows_and_never_on_a_closed_day() {
    let mut bench = Bench::new();
    bench.plan.schedule.hours = hours(&[(600, 601), (1_200, 1_201)], &[date(2026, 6, 2)]);
    bench.plan.pace.per_second = 10.0;
    bench.plan.retry.attempts = 40;
    bench.plan.retry.resend_within = Duration::from_hours(72);
    bench.plan.halt.refused.after = u32::MAX;
    let world = World::new(&bench.clock, 70, |ask| match (ask.before % 7, ask.nth) {
        (1, _) => Act::IssueAndLose(Duration::from_secs(10)),
        (2, 1) => Act::Say(28_001_005, Class::Retry),
        (3, 1) => Act::Say(28_001_008, Class::Throttle),
        (4, 1) => Act::Refuse,
        _ => Act::Issue,
    });
    let began = Instant::now();
    let ended = bench.apply(1_300, &world).await;
    assert_eq!(
        (ended.ending, world.given(), world.most_coupons()),
        (Ending::Complete, 1_300, 1)
    );
    assert_eq!(outside(&world, &bench.plan.schedule.hours), []);
    let days = began.elapsed().as_secs() / 86_400;
    assert!(
        days >= 1,
        "two windows of a minute are not enough, and Tuesday is closed"
    );
    let waits = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Window,
            until,
        }) => *until,
        _ => None,
    });
    let opens = |ms: i64| from_ms(BEGIN + ms);
    // Monday at ten and at eight, and then Wednesday.
    assert_eq!(waits[..3], [opens(2 * HOUR), opens(12 * HOUR), opens(50 * HOUR)]);
    let told = bench.told(|kind| match kind {
        EventKind::Window {
            open,
            until,
            skipped: None,
        } => Some((*open, *until)),
        _ => None,
    });
    assert_eq!(
        told[..3],
        [
            (false, Some(opens(2 * HOUR))),
            (true, Some(opens(2 * HOUR + 60_000))),
            (false, Some(opens(12 * HOUR)))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_a_window_what_is_armed_is_called_off_and_what_is_in_flight_ends() {
    let mut bench = Bench::new();
    bench.plan.schedule.hours = hours(&[(480, 481), (600, 660)], &[]);
    bench.plan.pace.per_second = 20.0;
    let turns = bench.turns.clone();
    let clock = bench.clock.clone();
    let world = World::new(&bench.clock, 5_000, |_| Act::Issue);
    let look = tokio::spawn(async move {
        // The last attempt in flight has its answer, and the next window is far away.
        clock.sleep_until(from_ms(BEGIN + 67_000)).await;
        turns.is_held()
    });
    let ended = bench.apply(1_500, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 1_500));
    assert_eq!(outside(&world, &bench.plan.schedule.hours), []);
    assert!(!look.await.unwrap(), "the app id is let go of");
    let events = bench.events.lock().unwrap();
    let mut counted = events
        .iter()
        .filter(|event| (BEGIN + 65_500..BEGIN + 2 * HOUR).contains(&event.at.as_millisecond()));
    assert!(
        !counted.any(|event| matches!(event.kind, EventKind::Counted { .. })),
        "nothing happens in between"
    );
    let before = events.iter().rev().filter(|event| event.at < from_ms(BEGIN + 66_000));
    let last = before.filter_map(|event| match &event.kind {
        EventKind::Counted { counts, .. } => Some(*counts),
        _ => None,
    });
    let counts = last.into_iter().next().unwrap();
    assert_eq!(
        (counts.count(StateName::InFlight), counts.count(StateName::InDoubt)),
        (0, 0)
    );
    assert!(counts.count(StateName::Issued) > 0, "what was in flight was issued");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_out_of_the_window_stops_the_sends_at_once() {
    for leap in [5 * HOUR, -5 * HOUR] {
        let mut bench = Bench::new();
        bench.clock.shift_ms(4 * HOUR);
        bench.plan.schedule.hours = hours(&[(600, 900)], &[]);
        bench.plan.retry.resend_within = Duration::from_hours(48);
        let clock = bench.clock.clone();
        let world = World::new(&bench.clock, 70, move |ask| {
            if ask.before == 150 {
                clock.shift_ms(leap);
            }
            Act::Issue
        });
        let ended = bench.apply(1_000, &world).await;
        assert_eq!(
            (ended.ending, world.given(), world.most_coupons()),
            (Ending::Complete, 1_000, 1)
        );
        let out = outside(&world, &bench.plan.schedule.hours);
        assert!(
            out.len() <= 1,
            "all but the one in whose request the clock leapt: {out:?}"
        );
    }
}

/// An attempt that waits for the pace reads the wall clock itself when its time has come: nothing else does between two
/// starts.
#[tokio::test(start_paused = true)]
async fn what_is_armed_looks_at_the_wall_right_before_it_leaves() {
    let mut bench = Bench::new();
    bench.clock.shift_ms(4 * HOUR);
    bench.plan.schedule.hours = hours(&[(600, 900)], &[]);
    bench.plan.pace.per_second = 0.05;
    let clock = bench.clock.clone();
    tokio::spawn(async move {
        // The second attempt has left twenty seconds after the first; the third is armed.
        tokio::time::sleep(Duration::from_secs(25)).await;
        clock.shift_ms(5 * HOUR);
    });
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let ended = bench.apply(5, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 5));
    assert_eq!(outside(&world, &bench.plan.schedule.hours), []);
}

/// The wait follows the wall clock, not the time that the process slept.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_window_ends_soon_after_the_clock_is_put_forward() {
    let mut bench = Bench::new();
    bench.plan.schedule.hours = hours(&[(600, 900)], &[]);
    let clock = bench.clock.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(10)).await;
        clock.shift_ms(2 * HOUR);
    });
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let began = Instant::now();
    assert_eq!(bench.apply(50, &world).await.ending, Ending::Complete);
    assert!(began.elapsed() < Duration::from_mins(11), "{:?}", began.elapsed());
    assert_eq!(outside(&world, &bench.plan.schedule.hours), []);
}

#[tokio::test(start_paused = true)]
async fn with_no_wait_a_run_outside_the_hours_leaves_and_one_with_nothing_to_send_says_so() {
    let mut bench = Bench::new();
    bench.plan.run.no_wait = true;
    bench.plan.schedule.hours = hours(&[(600, 660)], &[]);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = bench.apply(10, &world).await;
    assert_eq!(
        (ended.ending, ended.why),
        (Ending::Incomplete, StopReason::OutsideHours)
    );
    bench.clock.shift_ms(2 * HOUR);
    assert_eq!(bench.apply(10, &world).await.ending, Ending::Complete);
    bench.clock.shift_ms(2 * HOUR);
    let ended = bench.apply(10, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Complete, StopReason::NothingLeft));
    // Nine thousand attempts do not fit into the rest of the window.
    bench.clock.shift_ms(-2 * HOUR + 59 * 60_000);
    let ended = bench.apply(9_000, &world).await;
    assert_eq!(
        (ended.ending, ended.why),
        (Ending::Incomplete, StopReason::OutsideHours)
    );
}

#[tokio::test(start_paused = true)]
async fn a_window_that_opens_at_the_end_or_later_is_not_waited_for() {
    let mut bench = Bench::new();
    bench.plan.schedule.hours = hours(&[(600, 660)], &[]);
    bench.plan.schedule.end = from_ms(BEGIN + 2 * HOUR);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let began = Instant::now();
    let ended = bench.apply(10, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::NeedsPerson, StopReason::NoWindow));
    assert!(began.elapsed() < Duration::from_secs(1));
    let load = load(10);
    let foretold = forecast(&bench.plan, &load, bench.clock.now());
    assert_eq!(
        foretold.obstacle,
        Some(Obstacle::NoWindow {
            end: bench.plan.schedule.end
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_lies_outside_the_hours_is_one_wait() {
    let mut bench = Bench::new();
    bench.plan.schedule.start = from_ms(BEGIN + HOUR);
    bench.plan.schedule.hours = hours(&[(600, 660)], &[]);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    assert_eq!(bench.apply(10, &world).await.ending, Ending::Complete);
    bench.plan.schedule.start = from_ms(BEGIN + 27 * HOUR - HOUR / 2);
    assert_eq!(bench.apply(20, &world).await.ending, Ending::Complete);
    let waits = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting { why, until }) if *why != Waiting::Due => Some((why.word(), *until)),
        _ => None,
    });
    let at = |hours| Some(from_ms(BEGIN + hours));
    assert_eq!(waits, [("window", at(2 * HOUR)), ("start", at(27 * HOUR - HOUR / 2))]);
}

/// Hours without requests to the platform are not an outage.
#[tokio::test(start_paused = true)]
async fn closed_hours_count_against_nobody() {
    let mut bench = Bench::new();
    bench.plan.schedule.hours = hours(&[(480, 500), (1_200, 1_230)], &[]);
    bench.plan.retry.give_up = Duration::from_hours(1);
    let world = World::new(&bench.clock, 70, |ask| {
        if (600..40_000).contains(&ask.elapsed.as_secs()) {
            Act::Refuse
        } else {
            Act::Issue
        }
    });
    bench.plan.pace.per_second = 5.0;
    let ended = bench.apply(5_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 5_000));
    assert_eq!(outside(&world, &bench.plan.schedule.hours), []);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_shows_the_waits_without_waiting() {
    let mut bench = Bench::new();
    bench.plan.schedule.shown = hours(&[(600, 601)], &[date(2026, 6, 8)]);
    // The present is the schedule's start: the eighth of June, eight hours before that Monday ends.
    bench.plan.audience.as_of = AsOf::From(from_ms(BEGIN + 7 * 24 * HOUR + 8 * HOUR));
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let began = Instant::now();
    let ended = bench.apply(7_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 7_000));
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
    let told = bench.told(|kind| match kind {
        EventKind::Window { open, until, skipped } => Some((*open, *until, *skipped)),
        _ => None,
    });
    let opens = |day: i64| Some(from_ms(BEGIN + day * 24 * HOUR + 2 * HOUR));
    let first = Duration::from_hours(18);
    let second = Duration::from_mins(24 * 60 - 1);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], (false, opens(8), Some(first)));
    assert_eq!((told[1].0, told[1].1), (false, opens(9)));
    assert!(
        told[1]
            .2
            .is_some_and(|wait| second.abs_diff(wait) < Duration::from_secs(1)),
        "{told:?}"
    );
}

/// Checking whether there is something to wait for does not begin it.
#[tokio::test(start_paused = true)]
async fn no_more_are_attempted_than_a_run_may_in_a_rehearsal_and_before_a_window() {
    let mut bench = Bench::new();
    bench.plan.run.at_most = 7;
    bench.plan.schedule.shown = hours(&[(600, 601)], &[]);
    let world = World::new(
        &bench.clock,
        70,
        |ask| if ask.nth == 1 { Act::Refuse } else { Act::Issue },
    );
    assert_eq!(bench.apply(100, &world).await.why, StopReason::AtMost);
    assert_eq!(world.given(), 7);

    let mut bench = Bench::new();
    (bench.plan.run.at_most, bench.plan.run.no_wait) = (7, true);
    bench.plan.schedule.hours = hours(&[(480, 481)], &[]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(100, &world).await.why, StopReason::AtMost);
    assert_eq!(world.given(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_forecast_reckons_with_windows() {
    for (windows, users) in [
        (&[(480, 481)][..], 3_000),
        (&[(600, 601), (620, 622)], 3_000),
        (&[(490, 491), (480, 489)], 9_000),
        (&[(480, 481)], 800),
    ] {
        let mut bench = Bench::new();
        bench.plan.pace.per_second = 15.0;
        bench.plan.schedule.hours = hours(windows, &[date(2026, 6, 2)]);
        let load = load(u64::from(users));
        let foretold = forecast(&bench.plan, &load, bench.clock.now());
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        assert_eq!(bench.apply(users, &world).await.ending, Ending::Complete);
        let ends = foretold.ends_at.unwrap();
        let ended = bench.clock.now();
        let off = until(ends, ended).or_else(|| until(ended, ends)).unwrap_or_default();
        assert!(
            off < Duration::from_secs(2),
            "{windows:?}: {ends} foretold, {ended} it was"
        );

        let mut short = Bench::new();
        short.plan.pace.per_second = 15.0;
        short.plan.schedule = bench.plan.schedule.clone();
        short.plan.schedule.end = later(ends, Duration::ZERO).min(from_ms(ended.as_millisecond() - 20_000));
        let foretold = forecast(&short.plan, &load, short.clock.now());
        let world = World::new(&short.clock, 70, |_| Act::Issue);
        let ended = short.apply(users, &world).await;
        let sent = world.seen(|seen| seen.starts.len() as u64);
        assert!(
            matches!(ended.why, StopReason::End | StopReason::NoWindow),
            "{:?}",
            ended.why
        );
        assert!(
            foretold.in_time.abs_diff(sent) <= 40,
            "{} foretold, {sent} sent",
            foretold.in_time
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn nothing_ever_starts_outside_a_window(
        windows in prop::collection::vec((0_u16..1_440, 1_u16..30), 1..4),
        users in 1_u32..400, latency in 1_u64..8_000,
        leaps in prop::collection::vec((0_usize..300, -7_200_000_i64..7_200_000), 0..3),
        seed in any::<u64>(),
    ) {
        let windows: Vec<_> = windows.iter().map(|(from, long)| (*from, (from + long) % 1_440)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            bench.seed = seed;
            bench.plan.schedule.hours = hours(&windows, &[date(2026, 6, 2)]);
            bench.plan.retry.attempts = 100;
            bench.plan.retry.resend_within = Duration::from_hours(24 * 365);
            let clock = bench.clock.clone();
            let leapt = leaps.len();
            let world = World::new(&bench.clock, latency, move |ask| {
                for (_, by) in leaps.iter().filter(|(before, _)| *before == ask.before) {
                    clock.shift_ms(*by);
                }
                match (seed.wrapping_add(ask.before as u64) % 9, ask.nth) {
                    (0, _) => Act::IssueAndLose(Duration::from_secs(10)),
                    (1, _) => Act::Refuse,
                    (2, 1) => Act::Say(28_001_008, Class::Throttle),
                    _ => Act::Issue,
                }
            });
            let ended = bench.apply(users, &world).await;
            assert_eq!((ended.ending, world.given(), world.most_coupons()), (Ending::Complete, u64::from(users), 1));
            let out = outside(&world, &bench.plan.schedule.hours);
            assert!(out.len() <= leapt, "{out:?}");
        });
    }
}
