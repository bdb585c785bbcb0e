//! Several campaigns of one app id in one process: they share one lock, one pace and one outage, and none waits for
//! another's reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use runner::engine::app_limiter::AppLimiter;
use runner::engine::{RunOutcome, StopReason};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Halted, Phase, Waiting};
use runner::model::identity::{ActivityId, CampaignName};
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::{BEGIN, Bench, Turns};
use crate::world::{Act, Ask, World};

/// Campaigns that send for one app id on one platform, and their common limiter.
pub struct Agency {
    pub limiter: Arc<AppLimiter>,
    pub turns: Turns,
    pub benches: Vec<Arc<Bench>>,
    pub world: Arc<World>,
}

impl Agency {
    pub fn new(campaigns: usize, latency: u64, script: impl Fn(&Ask) -> Act + Send + Sync + 'static) -> Self {
        Self::with_turns(Turns::default(), campaigns, latency, script)
    }

    fn with_turns(
        turns: Turns,
        campaigns: usize,
        latency: u64,
        script: impl Fn(&Ask) -> Act + Send + Sync + 'static,
    ) -> Self {
        let first = Bench::new();
        let clock = first.clock.clone();
        let bench = |n: usize| {
            let mut bench = Bench::new();
            bench.clock = clock.clone();
            bench.plan.identity.campaign = CampaignName::parse(&format!("campaign-{n}")).unwrap();
            bench.plan.activity_id = ActivityId::parse(&(100 + n).to_string()).unwrap();
            Arc::new(bench)
        };
        Self {
            limiter: AppLimiter::new(turns.clone()),
            turns,
            benches: (0..campaigns).map(bench).collect(),
            world: World::new(&clock, latency, script),
        }
    }

    /// Applies all of them at once. Returns how and when each ended.
    pub async fn apply(&self, users: &[u32]) -> Vec<(RunOutcome, Duration)> {
        let began = Instant::now();
        let mut runs = JoinSet::new();
        for (n, users) in users.iter().copied().enumerate() {
            let bench = Arc::clone(&self.benches[n]);
            let limiter = Arc::clone(&self.limiter);
            let world = Arc::clone(&self.world);
            runs.spawn(async move {
                let ended = Box::pin(bench.apply_in(&limiter, users, &world)).await;
                (n, ended, began.elapsed())
            });
        }
        let mut ended = runs.join_all().await;
        ended.sort_by_key(|(n, ..)| *n);
        ended.into_iter().map(|(_, ended, took)| (ended, took)).collect()
    }

    pub fn campaign(&mut self, n: usize) -> &mut Bench {
        Arc::get_mut(&mut self.benches[n]).expect("nothing runs yet")
    }
}

/// The campaign of a request, by its activity: each campaign has its own.
pub fn app_of(ask: &Ask) -> usize {
    ask.activity_id.parse::<usize>().unwrap() - 100
}

fn issued(ended: &RunOutcome) -> u64 {
    ended.counts.count(StateName::Issued)
}

#[tokio::test(start_paused = true)]
async fn together_they_keep_one_pace_and_share_it_evenly() {
    let agency = Agency::new(3, 60, |_| Act::Issue);
    let ended = agency.apply(&[600, 600, 600]).await;
    assert!(
        ended.iter().all(|(ended, _)| ended.ending == Ending::Complete),
        "{ended:?}"
    );
    assert_eq!(agency.world.most_coupons(), 1);
    let harshest = agency.world.harshest_second();
    assert!(harshest <= 98, "{harshest}");
    let took: Vec<_> = ended.iter().map(|(_, took)| took.as_secs_f64()).collect();
    let even = 1_800.0 / 98.0;
    assert!(
        took.iter().all(|took| (even - 1.0..even + 3.0).contains(took)),
        "{took:?}, evenly {even}"
    );
    assert!(!agency.turns.is_held(), "the last one lets go of the app id");
}

#[tokio::test(start_paused = true)]
async fn what_one_does_not_use_the_others_have() {
    let agency = Agency::new(2, 60, |_| Act::Issue);
    let ended = agency.apply(&[98, 980]).await;
    let took = ended[1].1.as_secs_f64();
    assert!(
        (11.0..14.0).contains(&took),
        "1,078 at 98 a second take 11 s and the start: {took}"
    );

    // A campaign with few attempts in flight and slow answers uses little.
    let mut agency = Agency::new(2, 1_000, |_| Act::Issue);
    agency.campaign(0).plan.pace.max_in_flight = 2;
    agency.campaign(1).plan.pace.max_in_flight = 128;
    let ended = agency.apply(&[60, 2_000]).await;
    let took = ended[1].1.as_secs_f64();
    assert!(took < 2_000.0 / 94.0 + 9.0, "{took}");
}

#[tokio::test(start_paused = true)]
async fn the_slowest_of_those_that_send_sets_the_pace_and_only_while_it_sends() {
    let mut agency = Agency::new(2, 60, |_| Act::Issue);
    agency.campaign(0).plan.pace.per_second = 10.0;
    let ended = agency.apply(&[50, 980]).await;
    let starts = agency.world.seen(|seen| seen.starts.clone());
    let slow_until = ended[0].1;
    let first = starts[0];
    let slow = starts
        .iter()
        .filter(|at| **at - first + Duration::from_secs(2) < slow_until)
        .count();
    assert!(slow <= 110, "ten a second for both together: {slow} in {slow_until:?}");
    assert!((9.0..14.0).contains(&slow_until.as_secs_f64()), "{slow_until:?}");
    let left = (980.0 - 50.0) / 98.0;
    let rest = ended[1].1.as_secs_f64() - slow_until.as_secs_f64();
    assert!((left - 1.0..left + 3.0).contains(&rest), "{rest}, {left}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_campaign_that_shares_the_app_lock_keeps_its_distance_from_the_previous_process() {
    for slow in [0, 1] {
        let mut agency = Agency::new(2, 60, |_| Act::Issue);
        agency.campaign(slow).plan.pace.per_second = 0.4;
        let began = Instant::now();
        agency.apply(&[2, 2]).await;
        let first = agency.world.seen(|seen| seen.starts[0]) - began;
        assert!(first >= Duration::from_millis(2_500), "{first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_a_halt_or_a_pause_of_one_stops_no_other() {
    let mut agency = Agency::new(4, 60, |ask| match app_of(ask) {
        0 if ask.elapsed < Duration::from_mins(30) => Act::Say(990_000_004, Class::Wait),
        1 => Act::Say(29_005_086, Class::Halt),
        _ => Act::Issue,
    });
    agency.campaign(2).commands.send_replace(RunCommand::Pause {
        by: crate::run_commands::requester(),
    });
    let resume = Arc::clone(&agency.benches[2]);
    let resumed = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_mins(10)).await;
        resume.commands.send_replace(RunCommand::Go);
    });
    let ended = agency.apply(&[200, 200, 200, 980]).await;
    resumed.await.unwrap();
    let endings: Vec<_> = ended.iter().map(|(ended, _)| ended.ending).collect();
    let done = Ending::Complete;
    assert_eq!(endings, [done, Ending::NeedsPerson, done, done]);
    assert!(matches!(ended[1].0.why, StopReason::Halted(Halted::Code { .. })));
    let took: Vec<_> = ended.iter().map(|(_, took)| took.as_secs()).collect();
    assert!(took[3] <= 14, "nobody waited for the others: {took:?}");
    assert!(
        (600..610).contains(&took[2]) && (1_800..2_500).contains(&took[0]),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_everybodys_and_one_probes_for_all() {
    let gone = Duration::from_secs(4)..Duration::from_mins(30);
    let probes = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&probes);
    let lost = gone.clone();
    let agency = Agency::new(5, 60, move |ask| {
        if lost.contains(&ask.elapsed) {
            counted.fetch_add(1, Ordering::SeqCst);
            Act::Say(28_001_005, Class::Retry)
        } else {
            Act::Issue
        }
    });
    let ended = agency.apply(&[400; 5]).await;
    assert!(
        ended.iter().all(|(ended, _)| ended.ending == Ending::Complete),
        "{ended:?}"
    );
    assert_eq!((agency.world.given(), agency.world.most_coupons()), (2_000, 1));
    // Until the outage is noticed, 26 attempts and those in flight; then single probes 5, 10, 20, 40, 80, 120 s apart.
    let lost = probes.load(Ordering::SeqCst);
    assert!((30..70).contains(&lost), "{lost}");
    for bench in &agency.benches {
        let waits = bench.told(|kind| match kind {
            EventKind::Phase(Phase::Waiting {
                why: Waiting::Outage { .. },
                ..
            }) => Some(()),
            _ => None,
        });
        assert!(!waits.is_empty(), "each says what it waits for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_of_one_slows_all_and_all_report_it() {
    // Another sender takes half of what the platform allows.
    let window = std::sync::Mutex::new(Vec::new());
    let agency = Agency::new(4, 60, move |ask| {
        let mut accept = window.lock().unwrap();
        accept.retain(|at: &Duration| ask.elapsed.saturating_sub(*at) < Duration::from_secs(1));
        if accept.len() >= 50 {
            return Act::Say(29_005_012, Class::Throttle);
        }
        accept.push(ask.elapsed);
        Act::Issue
    });
    let ended = agency.apply(&[500; 4]).await;
    assert!(
        ended.iter().all(|(ended, _)| ended.ending == Ending::Complete),
        "{ended:?}"
    );
    let asked = agency.world.seen(|seen| seen.starts.len());
    let took = ended[0].1.as_secs_f64();
    let refused = asked - 2_000;
    assert!(refused * 100 <= asked * 4, "{refused} of {asked} refused in {took} s");
    for bench in &agency.benches {
        let slowed = bench.told(|kind| matches!(kind, EventKind::PaceChanged { until: Some(_), .. }).then_some(()));
        assert!(!slowed.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_is_waited_for_by_all_and_the_second_after_it_is_everybodys() {
    let agency = Agency::new(3, 60, |_| Act::Issue);
    let began = Instant::now();
    *agency.turns.taken.lock().unwrap() = Some(began + Duration::from_secs(90));
    let ended = agency.apply(&[50; 3]).await;
    assert!(ended.iter().all(|(ended, _)| issued(ended) == 50));
    let first = agency.world.seen(|seen| seen.starts[0] - began);
    assert!((91..=93).contains(&first.as_secs()), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_later_campaign_does_not_wait_for_the_second_of_an_earlier_one() {
    let mut agency = Agency::new(2, 60, |_| Act::Issue);
    agency.campaign(1).plan.schedule.start = later(from_ms(BEGIN), Duration::from_secs(10));
    let ended = agency.apply(&[1_960, 98]).await;
    let took = ended[1].1.as_secs_f64();
    // From the tenth second on, half of the starts belong to this process.
    assert!((11.9..13.9).contains(&took), "{took}");
    assert!(agency.world.harshest_second() <= 98);
}

/// A process that is suspended while it has the lock answers nobody, so each ask takes until its time limit. Campaigns that
/// wait for the same lock used to ask one after the other, each for as long.
#[tokio::test(start_paused = true)]
async fn campaigns_that_wait_for_the_app_lock_share_one_ask() {
    let mut turns = Turns::default();
    let suspended = Duration::from_mins(1);
    *turns.taken.lock().unwrap() = Some(Instant::now() + suspended);
    turns.silence = Duration::from_secs(1);
    let agency = Agency::with_turns(turns, 8, 60, |_| Act::Issue);
    let ended = agency.apply(&[10; 8]).await;
    assert!(
        ended.iter().all(|(ended, _)| ended.ending == Ending::Complete),
        "{ended:?}"
    );
    let asks = agency.turns.asks.load(Ordering::SeqCst);
    assert!(
        (30..=62).contains(&asks),
        "{asks} asks in a minute, each of a second and a second after the last"
    );
    let longest = ended.iter().map(|(_, took)| *took).max().unwrap();
    assert!(longest < suspended + Duration::from_secs(10), "{longest:?}");
}
