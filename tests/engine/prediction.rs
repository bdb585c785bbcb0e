//! Predictions come true: an apply at the same moment does what a plan says, except for what the platform may change.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use runner::engine::audience_diff::{Accept, Admission};
use runner::engine::preview::{Preview, foresee};
use runner::engine::{RunOutcome, StopReason};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger};
use runner::model::approval::WaveWait;
use runner::model::clock::{from_ms, until};
use runner::model::delivery::{Counts, Skipped, StateName};
use runner::model::event::{EventKind, Reading};
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand;
use runner::plan::forecast::{ANSWER, Forecast, forecast};
use runner::plan::{Guard, InDoubt, Wave};
use runner::report::plan_view::PlannedDeliveries;

use crate::bench::{BEGIN, Bench, decide, listed, load};
use crate::world::{Act, World};

/// The code without a class.
const UNLISTED: i64 = 77;

/// One apply: the file, the source, and what happens between.
#[derive(Clone, Debug)]
struct Round {
    users: std::ops::Range<u32>,
    coupons: u8,
    activity: &'static str,
    ask: bool,
    class: Class,
    at_most: u64,
    /// The hours that pass before it. If negative, the clock is set back.
    hours: i64,
    /// How the run is interrupted, if it is.
    end: End,
    /// How the platform answers.
    platform: Platform,
    /// Shares in hundredths and waits in minutes.
    waves: Vec<(u8, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    /// Every user is issued a coupon.
    Gives,
    /// The answers vary with this seed.
    Moody(u64),
}

/// How a run is interrupted, after this many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByItself,
    /// It is ordered to stop.
    Stop(usize),
    /// The process is killed.
    Crash(usize),
}

fn round() -> impl Strategy<Value = Round> {
    let file = (
        1_u8..4,
        prop_oneof![4 => Just("71"), 1 => Just("72")],
        any::<bool>(),
        prop_oneof![Just(Class::Hold), Just(Class::Refuse), Just(Class::Retry)],
    );
    let run = (
        prop_oneof![4 => Just(u64::MAX), 1 => 1_u64..20],
        prop_oneof![8 => Just(0_i64), 2 => Just(1), 2 => Just(25), 1 => Just(-30), 1 => Just(-73)],
        prop_oneof![3 => Just(End::ByItself), 1 => (0_usize..30).prop_map(End::Stop), 1 => (1_usize..30).prop_map(End::Crash)],
        prop_oneof![Just(Platform::Gives), any::<u64>().prop_map(Platform::Moody)],
    );
    let waves = prop_oneof![
        3 => Just(Vec::new()),
        3 => prop::collection::btree_map(1_u8..100, 0_u64..100, 1..4).prop_map(|waves| waves.into_iter().collect())
    ];
    (0_u32..12, 1_u32..40, file, run, waves).prop_map(|(from, many, file, run, waves)| Round {
        waves,
        users: from..from + many,
        coupons: file.0,
        activity: file.1,
        ask: file.2,
        class: file.3,
        at_most: run.0,
        hours: run.1,
        end: run.2,
        platform: run.3,
    })
}

/// The answer of a varying platform: always the same for the same request and seed.
fn mood(seed: u64, open_id: &str, nth: u32) -> Act {
    let text = open_id.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = fastrand::Rng::with_seed(text ^ u64::from(nth));
    let long = Duration::from_secs(10);
    match random.u32(..20) {
        0 | 1 => Act::Say(28_001_045, Class::Refuse),
        2 | 3 => Act::Say(UNLISTED, Class::Hold),
        4 => Act::IssueAndLose(long),
        5 => Act::Lose(long),
        6 => Act::Say(28_001_005, Class::Retry),
        7 => Act::Refuse,
        8 => Act::Say(28_001_008, Class::Throttle),
        _ => Act::Issue,
    }
}

/// The prediction of a plan.
#[derive(Debug)]
struct Foretold {
    deliveries: PlannedDeliveries,
    preview: Preview,
    forecast: Forecast,
}

impl Round {
    fn set(&self, bench: &mut Bench) {
        let plan = &mut bench.plan;
        plan.coupons_per_user = self.coupons;
        plan.activity_id = runner::model::identity::ActivityId::parse(self.activity).unwrap();
        plan.retry.in_doubt = if self.ask { InDoubt::Ask } else { InDoubt::Resend };
        plan.run.at_most = self.at_most;
        plan.codes = [(UNLISTED, self.class)].into();
        plan.schedule.waits = true;
        plan.schedule.waves = self
            .waves
            .iter()
            .map(|(share, minutes)| Wave {
                share: f64::from(*share) / 100.0,
                wait: WaveWait::For(Duration::from_mins(*minutes)),
                not_issued: 1.0,
            })
            .collect();
        let never = Guard {
            over: 1.0,
            after: u32::MAX,
        };
        (plan.halt.refused, plan.halt.held, plan.halt.same_code) = (never, never, u32::MAX);
        bench.clock.shift_ms(self.hours * 3_600_000);
    }

    /// Compares the audience with a ledger.
    fn admission_of(&self, bench: &Bench, ledger: &Ledger<MemoryStore>) -> Admission {
        let class = |code| if code == UNLISTED { self.class } else { Class::Hold };
        let decided = decide(bench, ledger, &listed(self.users.clone()), &Accept::ALL, &class);
        decided.expect("everything is accepted")
    }

    /// Predicts as `runner plan` does: nothing is written to the store.
    async fn foretell(&self, bench: &Bench) -> Foretold {
        let before = bench.store.records();
        let mut ledger = bench.open().await;
        let now = bench.clock.now();
        ledger.suppose(&[began(bench)]).unwrap();
        let admission = self.admission_of(bench, &ledger);
        let counts = admission.counts;
        let skipped = admission.skipped.clone();
        let reading = admission.reading.clone();
        let preview = foresee(
            &bench.plan,
            &mut ledger,
            (admission.changes, admission.send_order),
            now,
            3,
        )
        .unwrap();
        let deliveries = PlannedDeliveries {
            counts,
            skipped,
            reading,
            resent: preview.resent,
            behind: preview.behind,
            lapsing: 0,
            at_most: None,
        };
        let load = preview.load(deliveries.to_send());
        let forecast = forecast(&bench.plan, &load, now);
        assert!(
            ledger.append(vec![began(bench)]).await.is_err(),
            "it takes nothing more"
        );
        assert_eq!(bench.store.records(), before, "a plan adds nothing");
        Foretold {
            deliveries,
            preview,
            forecast,
        }
    }

    /// Applies, and compares the result with the prediction.
    async fn apply(&self, bench: &Bench, foretold: &Foretold) {
        let mut ledger = bench.open().await;
        ledger.append(vec![began(bench)]).await.unwrap();
        let admission = self.admission_of(bench, &ledger);
        let reading = admission.reading.clone();
        let send_order = admission.send_order;
        for batch in admission.changes.into_batches() {
            ledger.append(batch.unwrap()).await.unwrap();
        }
        admitted(foretold, ledger.state().counts(), ledger.state().skipped(), &reading);

        let commands = bench.commands.clone();
        let end = self.end;
        let platform = self.platform;
        let stop = move || drop(commands.send_replace(RunCommand::Stop { by: None }));
        if end == End::Stop(0) {
            stop();
        }
        let (gone, mut crash) = tokio::sync::watch::channel(false);
        let world = World::new(&bench.clock, 70, move |ask| {
            match end {
                End::Stop(after) if ask.before + 1 >= after => stop(),
                End::Crash(after) if ask.before + 1 >= after => drop(gone.send_replace(true)),
                _ => {}
            }
            match platform {
                Platform::Gives => Act::Issue,
                Platform::Moody(seed) => mood(seed, &ask.open_id, ask.nth),
            }
        });
        let ended = tokio::select! {
            biased;
            Ok(_) = crash.wait_for(|gone| *gone) => None,
            ended = bench.send_by(send_order, ledger, &world) => Some(ended.expect("it ends")),
        };
        let attempted = world.seen(|seen| seen.asked.len() as u64);
        assert!(
            attempted <= foretold.deliveries.to_send().min(self.at_most),
            "{attempted} attempted"
        );
        let Some(ended) = ended else { return };
        let skipped = bench.open().await.state().skipped().clone();
        self.sent(foretold, &world, &ended, &skipped);
        if self.platform == Platform::Gives && ended.why == StopReason::NothingLeft && self.waves.is_empty() {
            timely(bench, foretold);
        }
    }

    fn sent(&self, foretold: &Foretold, world: &World, ended: &RunOutcome, skipped: &BTreeMap<Skipped, u64>) {
        let deliveries = &foretold.deliveries;
        let attempted = world.seen(|seen| seen.asked.len() as u64);
        let of = |skipped: &BTreeMap<Skipped, u64>, why| skipped.get(&why).copied().unwrap_or_default();
        if ended.why == StopReason::NothingLeft {
            let behind = ended.counts.count(StateName::Pending) - deliveries.behind;
            let refused = of(skipped, Skipped::EarlierRefused) - of(&deliveries.skipped, Skipped::EarlierRefused);
            assert_eq!(
                attempted + behind + refused,
                deliveries.to_send(),
                "each that was foretold was attempted, or its user's last was not"
            );
        }
        assert_eq!(ended.counts.audience(), deliveries.counts.audience());
        for why in [Skipped::Gone, Skipped::CouponsPerUser] {
            assert_eq!(of(skipped, why), of(&deliveries.skipped, why));
        }
        assert!(ended.counts.count(StateName::Held) >= deliveries.counts.count(StateName::Held));
        assert!(ended.counts.count(StateName::InDoubt) >= foretold.preview.waiting);

        let first: Vec<_> = foretold
            .preview
            .first
            .iter()
            .map(|due| (due.merchant_coupon_id.to_string(), due.activity_id.to_string()))
            .collect();
        let order = world.seen(|seen| seen.order.clone());
        // Whether and when a user's next coupon is sent depends on the platform's answer.
        let certain = self.platform == Platform::Gives && self.coupons == 1;
        let compared = if certain { 3 } else { 1 };
        let compared = compared.min(order.len()).min(first.len());
        assert_eq!(
            order[..compared],
            first[..compared],
            "the first requests are those that were shown"
        );
    }
}

/// The prediction of a first apply with `users` users, on the bench in its present state.
pub async fn foretold(bench: &Bench, users: u32) -> (Preview, Forecast) {
    let round = Round {
        users: 0..users,
        coupons: 1,
        activity: "71",
        ask: false,
        class: Class::Hold,
        at_most: u64::MAX,
        hours: 0,
        end: End::ByItself,
        platform: Platform::Gives,
        waves: Vec::new(),
    };
    let foretold = round.foretell(bench).await;
    (foretold.preview, foretold.forecast)
}

/// Checks that the run's end was predicted to a second or two.
fn timely(bench: &Bench, foretold: &Foretold) {
    let ends = bench
        .events
        .lock()
        .unwrap()
        .iter()
        .rev()
        .find_map(|event| match event.kind {
            EventKind::RunEnded { .. } => Some(event.at),
            _ => None,
        });
    let (Some(ended), Some(foretold)) = (ends, foretold.forecast.ends_at) else {
        return;
    };
    let off = until(foretold, ended)
        .or_else(|| until(ended, foretold))
        .unwrap_or_default();
    assert!(off <= ANSWER * 10, "{foretold} foretold, {ended} it was");
}

fn admitted(foretold: &Foretold, counts: Counts, skipped: &BTreeMap<Skipped, u64>, reading: &Reading) {
    let deliveries = &foretold.deliveries;
    assert_eq!((deliveries.counts, &deliveries.skipped), (counts, skipped));
    assert_eq!(&deliveries.reading, reading);
    let doubts = foretold.preview.resent + foretold.preview.waiting;
    assert_eq!(doubts, counts.count(StateName::InDoubt));
}

fn began(bench: &Bench) -> Fact {
    Fact::run_began(bench.clock.now(), bench.plan.retry.timeout)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_a_plan_says_is_what_an_apply_does(rounds in prop::collection::vec(round(), 1..5), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new();
            bench.seed = seed;
            for round in rounds {
                round.set(&mut bench);
                let foretold = round.foretell(&bench).await;
                round.apply(&bench, &foretold).await;
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_forecast_too_early_comes_after_as_many_sends_as_forecast() {
    for (seconds, users) in [(5, 900), (5, 300), (1, 40), (60, 5_000)] {
        let mut bench = Bench::new();
        bench.plan.schedule.end = from_ms(BEGIN + seconds * 1_000);
        let load = load(u64::from(users));
        let foretold = forecast(&bench.plan, &load, bench.clock.now());
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        let ended = bench.apply(users, &world).await;
        let sent = world.seen(|seen| seen.starts.len() as u64);
        assert_eq!(
            foretold.obstacle.is_some(),
            ended.why == StopReason::End,
            "{foretold:?}"
        );
        assert!(
            foretold.in_time.abs_diff(sent) <= 10,
            "{} foretold, {sent} sent",
            foretold.in_time
        );
    }
}
