//! Histories of creations: lost answers, faults of the platform, processes that die at any point and disks that fail. The fake
//! platform is the judge: it knows which activities it made.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::*;
use crate::douyin::activity::read_answer;
use crate::douyin::codes::{Codes, HttpResult, Reply, Timing};
use crate::fake_platform::{
    Ending, FakeActivity, FakePlatform, Fault, FaultSettings, Moment, RepeatedActivity, RuleSettings, Settings,
};
use crate::ledger::memory::MemoryStore;
use crate::model::identity::{AppId, CampaignName, CouponMetaId, PlatformName};
use crate::model::redactor::Redactor;
use crate::plan::InDoubt;

const TOKEN: &str = "clt.of-the-tests";

/// The fake platform without a socket.
struct Played {
    sandbox: Mutex<FakePlatform>,
    began: Instant,
    clock: Clock,
    timeout: Duration,
}

impl Played {
    fn new(settings: Settings, clock: Clock) -> Self {
        Self {
            sandbox: Mutex::new(FakePlatform::new(settings)),
            began: Instant::now(),
            clock,
            timeout: retry().timeout,
        }
    }

    fn made(&self) -> Vec<FakeActivity> {
        let sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        sandbox.activities().to_vec()
    }
}

impl ActivityPlatform for Played {
    type Ready = ();

    async fn ready(&self) -> Result<(), NotReady> {
        Ok(())
    }

    async fn request(&self, (): (), request: &ActivityRequest) -> ActivityAnswer {
        let now = Moment {
            since_start: self.began.elapsed(),
            wall: self.clock.now(),
        };
        let exchange = {
            let mut sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
            match request {
                ActivityRequest::Create(request) => sandbox.create_activity(request, Some(TOKEN), now),
                ActivityRequest::Delete(request) => sandbox.delete_activity(request, Some(TOKEN), now),
            }
        };
        tokio::time::sleep(exchange.delay).await;
        let result = match exchange.ending {
            Ending::Answer(answer) | Ending::Repeat(answer) => HttpResult::Answered(Reply {
                status: answer.status,
                body: answer.body.into_bytes(),
                ..Reply::default()
            }),
            Ending::CutBody(answer) => HttpResult::Cut {
                status: Some(answer.status),
                why: "cut".into(),
            },
            Ending::Cut => HttpResult::Cut {
                status: None,
                why: "cut".into(),
            },
            Ending::Hang => {
                tokio::time::sleep(self.timeout).await;
                HttpResult::TimedOut {
                    status: None,
                    within: self.timeout,
                }
            }
        };
        let timing = Timing {
            began: now.wall,
            at: self.clock.now(),
            latency: Duration::ZERO,
            expected: None,
        };
        read_answer(request, &result, &Codes::default(), &Redactor::default(), timing).0
    }
}

fn retry() -> Retry {
    Retry {
        attempts: 3,
        first_delay: Duration::from_millis(500),
        max_delay: Duration::from_mins(1),
        timeout: Duration::from_secs(10),
        in_doubt: InDoubt::Resend,
        resend_within: Duration::from_hours(24),
        give_up: Duration::from_hours(12),
    }
}

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

fn declared() -> DeclaredActivity {
    DeclaredActivity {
        coupon_meta_id: CouponMetaId::parse("72").unwrap(),
        stock: 100,
        name: "summer".into(),
        release: ReleaseRule::WhenSettled,
    }
}

fn settings(seed: u64, share: f64, repeated_activity: RepeatedActivity) -> Settings {
    Settings {
        seed,
        rules: RuleSettings {
            access_token: Some(TOKEN.into()),
            token_ttl: Duration::from_hours(10_000),
            repeated_activity,
            ..RuleSettings::default()
        },
        faults: FaultSettings {
            shares: Fault::ALL.map(|fault| (fault, share)).to_vec(),
            ..FaultSettings::default()
        },
        ..Settings::default()
    }
}

/// How a run ends that is not allowed to end by itself.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// It does not die.
    None,
    /// The process dies after this time.
    After(Duration),
    /// The disk fails after this many batches, with the last one written or not.
    Disk { batches: u64, is_written: bool },
}

/// One run up to its death: what an apply does about the activity, and a release if that is due.
async fn run(store: &MemoryStore, platform: &Played, clock: &Clock, death: Death) -> Option<NextStep> {
    store.mend();
    if let Death::Disk { batches, is_written } = death {
        let most = store.records() + batches;
        if is_written {
            store.fail_written_after(most);
        } else {
            store.fail_after(most);
        }
    }
    let life = async {
        let mut ledger = Ledger::open(store.clone(), identity()).await.ok()?;
        let began = Fact::run_began(clock.now(), retry().timeout);
        ledger.append(vec![began]).await.ok()?;
        let next = next_step(ledger.state().activities_asked_for(), &declared());
        let mut activities = Activities {
            ledger: &mut ledger,
            platform,
            retry: &retry(),
            clock,
        };
        match &next {
            NextStep::Create(order) => {
                activities.create(order).await.ok()?;
            }
            NextStep::Send(_) | NextStep::Released(_) => {
                activities.release().await.ok()?;
            }
        }
        Some(next)
    };
    match death {
        Death::After(time) => tokio::time::timeout(time, life).await.ok().flatten(),
        Death::None | Death::Disk { .. } => life.await,
    }
}

async fn log_of(store: &MemoryStore) -> ActivityLog {
    store.mend();
    let ledger = Ledger::open(store.clone(), identity())
        .await
        .expect("each batch is good");
    ledger.state().activities_asked_for().clone()
}

/// What has to hold at any time, whatever happened: at most one activity was made, the ledger names no other one, and an activity
/// that the ledger says is open was not deleted.
fn judge(log: &ActivityLog, made: &[FakeActivity], seed: u64) {
    assert!(made.len() <= 1, "seed {seed}: {made:?}");
    for created in log.created() {
        let truth = made
            .iter()
            .find(|made| made.activity_id == created.activity_id.as_str());
        let truth = truth.unwrap_or_else(|| panic!("seed {seed}: the ledger names an activity that nobody made"));
        assert_eq!(truth.stock, created.order.stock, "seed {seed}");
        assert!(
            !(created.is_open() && truth.is_deleted),
            "seed {seed}: it would be sent under"
        );
        assert!(created.release != Release::Done || truth.is_deleted, "seed {seed}");
    }
    if let (Some(made), None) = (made.first(), log.newest()) {
        let open = log
            .open()
            .unwrap_or_else(|| panic!("seed {seed}: {made:?} is forgotten"));
        assert!(open.may_exist(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_there_is_one_activity_and_the_ledger_knows_it() {
    let mut released = 0;
    for seed in 0..250 {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let share = [0.0, 0.02, 0.07][random.usize(0..3)];
        let platform = Played::new(settings(seed, share, RepeatedActivity::Replay), clock.clone());
        let store = MemoryStore::default();
        let mut runs = 0;
        while !matches!(log_of(&store).await.newest(), Some(newest) if newest.release == Release::Done) {
            store.stall(Duration::from_millis(random.u64(0..50)));
            let death = match random.u8(0..4) {
                0 => Death::After(Duration::from_millis(random.u64(0..25_000))),
                1 => Death::Disk {
                    batches: random.u64(0..6),
                    is_written: random.bool(),
                },
                _ => Death::None,
            };
            run(&store, &platform, &clock, death).await;
            judge(&log_of(&store).await, &platform.made(), seed);
            runs += 1;
            // A deletion whose answer was lost is repeated, and this platform answers that the activity is gone.
            if runs > 40 {
                break;
            }
        }
        let log = log_of(&store).await;
        assert!(log.newest().is_some(), "seed {seed}: never created in {runs} runs");
        released += u32::from(log.newest().is_some_and(|newest| newest.release == Release::Done));
    }
    assert!(released > 120, "{released} of 250 were released");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_calls_a_repeat_a_duplicate_leaves_the_question_to_a_person() {
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let platform = Played::new(settings(seed, 0.05, RepeatedActivity::Duplicate), clock.clone());
        let store = MemoryStore::default();
        for _ in 0..6 {
            let death = if random.bool() {
                Death::After(Duration::from_millis(random.u64(0..15_000)))
            } else {
                Death::None
            };
            if log_of(&store).await.newest().is_none() {
                run(&store, &platform, &clock, death).await;
            }
            judge(&log_of(&store).await, &platform.made(), seed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_begins_after_the_lost_request_is_over() {
    let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
    let platform = Played::new(settings(1, 0.0, RepeatedActivity::Replay), clock.clone());
    let store = MemoryStore::default();
    // The process dies while its request is on its way.
    run(&store, &platform, &clock, Death::After(Duration::from_millis(20))).await;
    let open = log_of(&store).await.open().cloned().expect("it was asked for");
    assert!(open.is_attempting);
    let began = Instant::now();
    assert!(run(&store, &platform, &clock, Death::None).await.is_some());
    assert!(began.elapsed() > Duration::from_secs(9), "{:?}", began.elapsed());
    judge(&log_of(&store).await, &platform.made(), 1);
}
