//! The users who lapse before their turn are predicted: in both orders, and for any limit of the run.

use std::time::Duration;

use proptest::prelude::*;
use runner::audience::Activity;
use runner::engine::StopReason;
use runner::engine::audience_diff::Admission;
use runner::engine::preview::{Preview, foresee};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger};
use runner::model::approval::WaveWait;
use runner::model::clock::{from_ms, later, until};
use runner::model::delivery::{Skipped, StateName};
use runner::model::event::EventKind;
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand as Told;
use runner::plan::forecast::expiry::Comparison;
use runner::plan::forecast::{ANSWER, Forecast, forecast};
use runner::plan::{ExpiryRule, TurnOrder, Wave};

use crate::bench::{BEGIN, Bench, decide};
use crate::world::{Act, World};

const WITHIN: Duration = Duration::from_secs(1_000);
/// No start falls on a whole second, when users lapse.
const BESIDE_SECONDS: i64 = 500;

/// A campaign, and after how many seconds each of its users lapses, in the order of the source.
#[derive(Clone, Debug)]
struct Case {
    lapse_after: Vec<i64>,
    coupons: u8,
    /// Seconds from one start to the next.
    every: i64,
    end: Option<i64>,
    at_most: u64,
    /// Shares in hundredths, and waits in seconds.
    waves: Vec<(u8, u64)>,
}

fn case() -> impl Strategy<Value = Case> {
    let bounds = (
        prop_oneof![2 => Just(None), 1 => (1_i64..80).prop_map(Some)],
        prop_oneof![2 => Just(u64::MAX), 1 => 1_u64..30],
    );
    let waves = prop_oneof![
        1 => Just(Vec::new()),
        1 => prop::collection::btree_map(1_u8..100, 0_u64..30, 1..4).prop_map(|waves| waves.into_iter().collect())
    ];
    (
        prop::collection::vec(2_i64..90, 1..40),
        1_u8..3,
        1_i64..4,
        bounds,
        waves,
    )
        .prop_map(|(lapse_after, coupons, every, (end, at_most), waves)| Case {
            lapse_after,
            coupons,
            every,
            end,
            at_most,
            waves,
        })
}

impl Case {
    fn bench(&self, order: TurnOrder) -> Bench {
        let mut bench = Bench::new();
        bench.clock.shift_ms(BESIDE_SECONDS);
        let plan = &mut bench.plan;
        plan.audience.lapse = ExpiryRule::After(WITHIN);
        plan.audience.order = order;
        plan.coupons_per_user = self.coupons;
        plan.pace.per_second = 1.0 / f64::from(i32::try_from(self.every).unwrap());
        plan.run.at_most = self.at_most;
        plan.schedule.waits = true;
        let wave = |(share, wait): &(u8, u64)| Wave {
            share: f64::from(*share) / 100.0,
            wait: WaveWait::For(Duration::from_secs(*wait)),
            not_issued: 1.0,
        };
        plan.schedule.waves = self.waves.iter().map(wave).collect();
        if let Some(end) = self.end {
            plan.schedule.end = from_ms(BEGIN + end * 1_000);
        }
        bench
    }

    fn admission_of(&self, bench: &Bench, ledger: &Ledger<MemoryStore>) -> Admission {
        let active = |after| Activity::At(from_ms(BEGIN + after * 1_000) - WITHIN);
        let listed = (2..).zip(&self.lapse_after);
        let listed = listed
            .map(|(user, after)| (format!("u{user}"), active(after)))
            .collect();
        let decided = decide(bench, ledger, &listed, &[], &|_| Class::Hold);
        decided.expect("nothing has changed")
    }

    /// What a plan predicts at this moment: what would be sent, and which users lapse.
    async fn foretell(&self, bench: &Bench) -> (Preview, Comparison, Forecast) {
        let mut ledger = bench.open().await;
        let now = bench.clock.now();
        ledger.suppose(&[began(bench)]).unwrap();
        let admission = self.admission_of(bench, &ledger);
        let owed = admission.counts.owed();
        let preview = foresee(
            &bench.plan,
            &mut ledger,
            (admission.changes, admission.send_order),
            now,
            0,
        )
        .unwrap();
        let lapse = preview.lapse.clone().expect("users lapse");
        let load = preview.load(owed - preview.behind - lapse.planned().lapsed + preview.resent);
        (preview, lapse, forecast(&bench.plan, &load, now))
    }

    /// Admits the audience and applies it. Returns the stop reason, how many users were sent to, and how many lapsed.
    async fn apply(&self, bench: &Bench, world: &std::sync::Arc<World>) -> (StopReason, u64, u64) {
        let mut ledger = bench.open().await;
        ledger.append(vec![began(bench)]).await.unwrap();
        let admission = self.admission_of(bench, &ledger);
        for batch in admission.changes.into_batches() {
            ledger.append(batch.unwrap()).await.unwrap();
        }
        let before = world.seen(|seen| seen.starts.len());
        let ended = bench
            .send_by(admission.send_order, ledger, world)
            .await
            .expect("it ends");
        let skipped = bench.open().await.state().skipped().clone();
        let lapsed = skipped.get(&Skipped::Lapsed).copied().unwrap_or_default();
        let sent = world.seen(|seen| seen.starts.len()) - before;
        (ended.why, sent as u64, lapsed)
    }

    async fn comes_true(&self) {
        for order in [TurnOrder::AsListed, TurnOrder::ExpiringFirst] {
            let bench = self.bench(order);
            let (_, lapse, forecast) = self.foretell(&bench).await;
            let world = World::new(&bench.clock, 70, |_| Act::Issue);
            let (why, sent, lapsed) = self.apply(&bench, &world).await;
            let all = self.lapse_after.len() as u64 * u64::from(self.coupons);
            let planned = lapse.planned();
            assert_eq!(sent, planned.in_time, "{order:?}: {lapse:?} {why:?}");
            assert_eq!(planned.in_time + planned.lapsed + planned.unreached, all);
            assert_eq!(forecast.in_time, sent, "{forecast:?}");
            if why == StopReason::NothingLeft {
                assert_eq!((lapsed, planned.unreached), (planned.lapsed, 0));
                assert_eq!(forecast.obstacle, None);
                timely(&bench, &forecast, sent);
            }
        }
    }
}

fn began(bench: &Bench) -> Fact {
    Fact::run_began(bench.clock.now(), bench.plan.retry.timeout)
}

/// Checks that the last answer came at the predicted time.
fn timely(bench: &Bench, forecast: &Forecast, sent: u64) {
    let answers = bench.events.lock().unwrap();
    let last = answers
        .iter()
        .rev()
        .find(|event| matches!(event.kind, EventKind::AttemptEnded(_)));
    let (Some(last), Some(foretold)) = (last, forecast.ends_at) else {
        assert_eq!(sent, 0, "{forecast:?}");
        return;
    };
    let off = until(foretold, last.at)
        .or_else(|| until(last.at, foretold))
        .unwrap_or_default();
    assert!(off <= ANSWER * 10, "{foretold} foretold, {} it was", last.at);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_user_who_is_forecast_to_lapse_before_their_turn_does(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(case.comes_true());
    }
}

/// Deliveries from an earlier run go first: a doubt in any case, and a deferred attempt if it is in time.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_takes_its_starts_before_the_others() {
    let case = Case {
        lapse_after: vec![9, 9, 70, 25, 25, 25, 25, 25, 90, 90],
        coupons: 1,
        every: 1,
        end: None,
        at_most: u64::MAX,
        waves: Vec::new(),
    };
    let mut bench = case.bench(TurnOrder::AsListed);
    bench.plan.retry.attempts = 1;
    bench.plan.retry.max_delay = Duration::from_secs(10);
    bench.plan.retry.first_delay = Duration::from_secs(10);
    let commands = bench.commands.clone();
    let world = World::new(&bench.clock, 70, move |ask| {
        if ask.before == 2 {
            commands.send_replace(Told::Stop { by: None });
        }
        match (ask.open_id.as_str(), ask.nth) {
            ("u2", 1) => Act::IssueAndLose(Duration::from_secs(10)),
            ("u3" | "u4", 1) => Act::Refuse,
            _ => Act::Issue,
        }
    });
    let (why, sent, _) = case.apply(&bench, &world).await;
    assert_eq!((why, sent), (StopReason::Interrupted, 3));
    bench.commands.send_replace(Told::Go);

    // By now the first two have lapsed. The attempted one of them is in doubt.
    let wait = until(bench.clock.now(), later(from_ms(BEGIN), Duration::from_secs(20))).unwrap();
    tokio::time::sleep(wait + Duration::from_millis(500)).await;
    let (preview, lapse, forecast) = case.foretell(&bench).await;
    assert_eq!(preview.resent, 1);
    let listed = &lapse.as_listed;
    let (_, sent, lapsed) = case.apply(&bench, &world).await;
    assert_eq!((sent, lapsed), (listed.in_time, listed.lapsed + 1), "{lapse:?}");
    assert_eq!(
        (listed.in_time, listed.lapsed),
        (6, 2),
        "two have their turn before they lapse, behind the earlier two"
    );
    timely(&bench, &forecast, sent);
    let ledger = bench.open().await;
    assert_eq!(ledger.state().counts().count(StateName::InDoubt), 0);
}
