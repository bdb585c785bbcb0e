//! The predicted end of a run is shown during the run: through its waves and their waits, and through windows.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;
use runner::model::approval::WaveWait;
use runner::model::clock::{Moment, from_ms, until};
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::plan::Wave;
use runner::report::run_stats::RunStats;
use runner::report::run_view::{CampaignInfo, RunView};

use crate::bench::{BEGIN, Bench};
use crate::send_window::hours;
use crate::world::{Act, World};

/// The end that the run's events show, at each of them during sending or the wait for a wave.
fn shown(bench: &Bench) -> Vec<(Timestamp, Option<Timestamp>)> {
    let campaign = CampaignInfo {
        name: "summer".into(),
        zone: bench.plan.schedule.zone.clone(),
        calendar: bench.plan.schedule.hours.clone(),
        per_second: bench.plan.pace.per_second,
        again: String::new(),
    };
    let mut stats = RunStats::default();
    let mut shown = Vec::new();
    let from = from_ms(BEGIN);
    let began = Instant::now();
    for event in bench.events.lock().unwrap().iter() {
        let now = Moment::awake(event.at, began + until(from, event.at).unwrap_or_default());
        stats.fold(event, now.instant);
        let goes_on = match &stats.phase {
            Some(Phase::Sending) => true,
            Some(Phase::Waiting { why, .. }) => matches!(why, Waiting::Wave { .. }),
            _ => false,
        };
        if goes_on && matches!(event.kind, EventKind::Counted { .. }) && stats.counts.owed() > 0 {
            let stats = &stats;
            let campaign = &campaign;
            shown.push((event.at, RunView { stats, campaign, now }.ends_at()));
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_end_that_is_shown_is_the_end(
        shares in prop::collection::btree_set(1_u32..100, 0..4), waits in prop::collection::vec(0_u64..200, 3),
        users in 20_u32..1_500, windows in any::<bool>(), seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            bench.seed = seed;
            bench.plan.schedule.waits = true;
            bench.plan.schedule.waves = shares.iter().zip(&waits).map(|(share, wait)| Wave {
                share: f64::from(*share) / 100.0,
                wait: WaveWait::For(Duration::from_mins(*wait)),
                not_issued: 1.0,
            }).collect();
            if windows {
                bench.plan.schedule.hours = hours(&[(480, 500), (530, 550), (900, 960)], &[]);
            }
            let world = World::new(&bench.clock, 70, |_| Act::Issue);
            assert_eq!(bench.apply(users, &world).await.ending, Ending::Complete);
            let ended = bench.clock.now();
            let shown = shown(&bench);
            assert!(!shown.is_empty());
            for (at, ends) in shown {
                let ends = ends.expect("it is shown");
                let off = until(ends, ended).or_else(|| until(ended, ends)).unwrap_or_default();
                assert!(off < Duration::from_secs(3), "{ends} shown at {at}, {ended} it was");
            }
        });
    }
}
