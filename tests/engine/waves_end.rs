//! Waves and the schedule's end: a run does not wait for a wave that cannot begin before the end.

use std::time::Duration;

use jiff::Timestamp;
use runner::engine::StopReason;
use runner::model::calendar::Calendar;
use runner::model::clock::from_ms;
use runner::model::event::Ending;
use runner::plan::forecast::Obstacle;

use crate::bench::BEGIN;
use crate::prediction;
use crate::send_window::hours;
use crate::waves::{MINUTE, bench, wave, wave_of};
use crate::world::{Act, World};

/// A run does not wait for a wave that would begin at the end or after it, also by the remaining windows. The plan says the
/// same.
#[tokio::test(start_paused = true)]
async fn a_wait_that_reaches_the_end_is_not_waited_for() {
    // The wait is over an hour and some milliseconds after the beginning, which is at 08:00 by the windows' clocks.
    for (end, hours, reached) in [
        (30, Calendar::always(), false),
        (60, Calendar::always(), false),
        (61, Calendar::always(), true),
        (300, hours(&[(480, 540)], &[]), false),
        (300, hours(&[(480, 542)], &[]), true),
    ] {
        let mut bench = bench(&[wave(0.2, 60)]);
        bench.plan.schedule.end = from_ms(BEGIN + end * MINUTE);
        bench.plan.schedule.hours = hours;
        let (preview, foretold) = prediction::foretold(&bench, 200).await;
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        let began = tokio::time::Instant::now();
        let ended = bench.apply(200, &world).await;
        assert_eq!(foretold.in_time, world.given());
        assert_eq!(foretold.obstacle.is_none(), reached, "{foretold:?}");
        if reached {
            assert_eq!(ended.ending, Ending::Complete);
            continue;
        }
        assert_eq!((ended.ending, ended.why), (Ending::NeedsPerson, StopReason::NoWave));
        assert!(began.elapsed() < Duration::from_mins(1), "it ends at once");
        assert_eq!(preview.waves[0].to_send, world.given(), "the first has had its turn");
        let Some(Obstacle::TooShort { pace, waits, .. }) = foretold.obstacle else {
            panic!("{foretold:?}")
        };
        let hopeless = pace.is_none_or(|pace| end > 30 && pace > 300);
        assert!(waits && hopeless, "no pace makes the wait shorter: {pace:?}");
        // The next run says so too, and a run with more time continues.
        assert_eq!(bench.apply(200, &world).await.why, StopReason::NoWave);
        bench.plan.schedule.end = Timestamp::MAX;
        assert_eq!(bench.apply(200, &world).await.ending, Ending::Complete);
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_ends_a_run_is_said_where_the_wait_reaches_the_end_too() {
    let mut bench = bench(&[wave(0.2, 60)]);
    bench.plan.schedule.end = from_ms(BEGIN + 30 * MINUTE);
    let of_first = (0..200).filter(|user| wave_of(&bench, *user) == 0).count() as u64;
    bench.plan.run.at_most = of_first;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(200, &world).await.why, StopReason::AtMost);
    // A late user of the wave is sent to during the wait, whatever comes after the wait.
    bench.plan.run.at_most = u64::MAX;
    let late = (200..250).filter(|user| wave_of(&bench, *user) == 0).count() as u64;
    assert!(late > 0);
    assert_eq!(bench.apply(250, &world).await.why, StopReason::NoWave);
    assert_eq!(world.given(), of_first + late);
}
