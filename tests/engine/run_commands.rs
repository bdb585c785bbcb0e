//! A pause, its end, and a stop from another process, in every state of a run: each takes effect within a second, and
//! attempts in flight are waited for.

use std::sync::Arc;
use std::time::Duration;

use runner::douyin::NotReady;
use runner::engine::{EngineError, StopReason};
use runner::ledger::LedgerError;
use runner::model::clock::from_ms;
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::outcome::Class;
use runner::model::run_command::{Requester, RunCommand};
use tokio::time::{Instant, sleep};

use crate::bench::{BEGIN, Bench};
use crate::world::{Act, World};

const SECOND: Duration = Duration::from_secs(1);

pub fn requester() -> Requester {
    Requester {
        pid: 815,
        user: "ann".to_owned(),
        host: "till-3".to_owned(),
        name: None,
        command: String::new(),
    }
}

/// A run that is brought into one state.
struct Case {
    name: &'static str,
    bench: Bench,
    world: Arc<World>,
    users: u32,
    /// When the run is in that state, and how its phase shows it.
    after: Duration,
    phase: fn(&Phase) -> bool,
}

fn case(name: &'static str) -> Case {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    Case {
        name,
        bench,
        world,
        users: 40,
        after: Duration::from_secs(10),
        phase: |phase| *phase == Phase::Sending,
    }
}

fn waits(phase: &Phase, what: impl Fn(&Waiting) -> bool) -> bool {
    matches!(phase, Phase::Waiting { why, .. } if what(why))
}

/// Every case begins when it is called: virtual time continues from one to the next.
const CASES: [fn() -> Case; 8] = [
    sending,
    waiting_for_the_start,
    waiting_for_the_app_id,
    backing_off,
    throttled,
    in_an_outage,
    without_a_token,
    refreshing_a_token,
];

fn sending() -> Case {
    Case {
        users: 2_000,
        ..case("sending")
    }
}

fn waiting_for_the_start() -> Case {
    let mut case = case("waiting for the start");
    case.bench.plan.schedule.start = from_ms(BEGIN + 3_600_000);
    case.phase = |phase| waits(phase, |why| *why == Waiting::Start);
    case
}

fn waiting_for_the_app_id() -> Case {
    let mut case = case("waiting for the app id");
    *case.bench.turns.taken.lock().unwrap() = Some(Instant::now() + Duration::from_mins(5));
    case.bench.turns.silence = Duration::from_millis(900);
    case.phase = |phase| waits(phase, |why| matches!(why, Waiting::AppId { .. }));
    case
}

fn backing_off() -> Case {
    let mut case = case("backing off");
    case.bench.plan.retry.first_delay = Duration::from_hours(1);
    case.bench.plan.retry.max_delay = Duration::from_hours(1);
    case.world = World::new(&case.bench.clock, 50, |ask| match ask.nth {
        1 => Act::Say(28_001_005, Class::Retry),
        _ => Act::Issue,
    });
    case.users = 5;
    case.phase = |phase| waits(phase, |why| *why == Waiting::Due);
    case
}

fn throttled() -> Case {
    let mut case = case("throttled");
    case.world = World::new(&case.bench.clock, 50, |ask| match ask.before % 4 {
        1 if ask.before < 400 => Act::Say(10_009, Class::Throttle),
        _ => Act::Issue,
    });
    case.users = 2_000;
    case
}

fn in_an_outage() -> Case {
    let mut case = case("in an outage");
    case.world = World::new(&case.bench.clock, 50, |ask| {
        if ask.elapsed < Duration::from_mins(20) {
            Act::Refuse
        } else {
            Act::Issue
        }
    });
    case.after = Duration::from_mins(2);
    case.phase = |phase| waits(phase, |why| matches!(why, Waiting::Outage { .. }));
    case
}

fn without_a_token() -> Case {
    let mut case = case("without a token");
    let token = |elapsed| {
        if elapsed > Duration::from_mins(5) {
            return Ok(());
        }
        Err(NotReady::OutOfReach {
            why: "connection refused".into(),
            again: Instant::now() + Duration::from_secs(30),
        })
    };
    case.world = World::with_token(&case.bench.clock, 50, |_| Act::Issue, token);
    case.phase = |phase| waits(phase, |why| matches!(why, Waiting::Token { .. }));
    case
}

fn refreshing_a_token() -> Case {
    let case = case("refreshing a token");
    case.world.tokens_take(Duration::from_mins(2));
    case
}

impl Case {
    fn phase(&self) -> Phase {
        let phases = self.bench.told(|kind| match kind {
            EventKind::Phase(phase) => Some(phase.clone()),
            _ => None,
        });
        phases.last().unwrap().clone()
    }

    fn starts(&self) -> usize {
        self.world.seen(|seen| seen.starts.len())
    }

    fn in_flight(&self) -> u64 {
        let counts = self.bench.told(|kind| match kind {
            EventKind::Counted { counts, .. } => Some(*counts),
            _ => None,
        });
        counts.last().map_or(0, |counts| counts.count(StateName::InFlight))
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_everything_back_and_its_end_lets_it_go_on() {
    for begin in CASES {
        let case = begin();
        let name = case.name;
        let drive = async {
            sleep(case.after).await;
            assert!((case.phase)(&case.phase()), "{name}: {:?}", case.phase());
            case.bench.commands.send_replace(RunCommand::Pause { by: requester() });
            sleep(SECOND).await;
            assert_eq!(case.phase(), Phase::Paused { by: requester() }, "{name}");
            assert_eq!(case.in_flight(), 0, "{name}: what is armed is called off");
            assert!(!case.bench.turns.is_held(), "{name}: others may send for the app id");
            let before = case.starts();
            sleep(Duration::from_mins(10)).await;
            assert_eq!(case.starts(), before, "{name}");
            assert_eq!(case.phase(), Phase::Paused { by: requester() }, "{name}");
            case.world.tokens_take(Duration::ZERO);
            case.bench.commands.send_replace(RunCommand::Go);
            sleep(SECOND).await;
            assert!(!matches!(case.phase(), Phase::Paused { .. }), "{name}");
        };
        let (ended, ()) = tokio::join!(case.bench.apply(case.users, &case.world), drive);
        assert_eq!(
            (ended.ending, ended.why),
            (Ending::Complete, StopReason::NothingLeft),
            "{name}"
        );
        assert_eq!(
            (case.world.given(), case.world.most_coupons()),
            (u64::from(case.users), 1)
        );
        assert!(case.world.harshest_second() <= 98, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_by_another_process_ends_the_run_and_names_who_wanted_it() {
    for paused in [false, true] {
        for begin in CASES {
            let case = begin();
            let name = case.name;
            let drive = async {
                sleep(case.after).await;
                if paused {
                    case.bench.commands.send_replace(RunCommand::Pause { by: requester() });
                    sleep(Duration::from_mins(1)).await;
                }
                case.bench
                    .commands
                    .send_replace(RunCommand::Stop { by: Some(requester()) });
                Instant::now()
            };
            let run = async {
                let ended = case.bench.apply(case.users, &case.world).await;
                (ended, Instant::now())
            };
            let ((ended, at), told) = tokio::join!(run, drive);
            assert!(at - told <= SECOND, "{name}: it took {:?}", at - told);
            assert_eq!(
                (ended.ending, ended.why),
                (Ending::Incomplete, StopReason::Stopped(requester())),
                "{name}"
            );
            assert_eq!(ended.counts.count(StateName::InFlight), 0, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_when_a_pause_begins_lands_as_ever() {
    let bench = Bench::new();
    let commands = bench.commands.clone();
    let world = World::new(&bench.clock, 3_000, move |ask| {
        if ask.before == 150 {
            commands.send_replace(RunCommand::Pause { by: requester() });
        }
        Act::Issue
    });
    let drive = async {
        sleep(Duration::from_mins(1)).await;
        let issued = bench.told(|kind| match kind {
            EventKind::Counted { counts, .. } => Some(counts.count(StateName::Issued)),
            _ => None,
        });
        assert_eq!(issued.last(), Some(&151));
        bench.commands.send_replace(RunCommand::Go);
    };
    let (ended, ()) = tokio::join!(bench.apply(1_000, &world), drive);
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 1_000));
    assert_eq!(world.seen(|seen| seen.starts.len()), 1_000);
}

/// The end of the campaign applies during a pause too. The time of a pause is not an outage.
#[tokio::test(start_paused = true)]
async fn a_pause_ends_with_the_campaign_and_counts_against_nobody() {
    let mut bench = Bench::new();
    bench.plan.schedule.end = from_ms(BEGIN + 600_000);
    bench.commands.send_replace(RunCommand::Pause { by: requester() });
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = bench.apply(10, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::NeedsPerson, StopReason::End));
    assert_eq!(world.seen(|seen| seen.starts.len()), 0);

    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| {
        if ask.elapsed < Duration::from_mins(3) {
            Act::Refuse
        } else {
            Act::Issue
        }
    });
    let drive = async {
        sleep(Duration::from_mins(2)).await;
        bench.commands.send_replace(RunCommand::Pause { by: requester() });
        sleep(bench.plan.retry.give_up * 2).await;
        bench.commands.send_replace(RunCommand::Go);
    };
    let (ended, ()) = tokio::join!(bench.apply(60, &world), drive);
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 60));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_nothing_to_do_ends_also_while_it_is_paused() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    bench.apply(10, &world).await;
    bench.commands.send_replace(RunCommand::Pause { by: requester() });
    assert_eq!(bench.apply(10, &world).await.ending, Ending::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_run_whose_disk_does_not_answer_within_the_timeout() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ledger = bench.admit(40, &[]).await;
    bench.store.stall(Duration::from_secs(100_000));
    let commands = bench.commands.clone();
    let stop = async {
        sleep(10 * SECOND).await;
        commands.send_replace(RunCommand::Stop { by: None });
        Instant::now()
    };
    let (ended, stopped) = tokio::join!(bench.send(ledger, &world), stop);
    let given_up = matches!(ended, Err(EngineError::Ledger(LedgerError::GivenUp)));
    assert!(given_up, "it ended with {:?}", ended.map(|outcome| outcome.ending));
    assert_eq!(stopped.elapsed().as_secs(), bench.plan.retry.timeout.as_secs());
    assert_eq!(world.seen(|seen| seen.starts.len()), 0);
}
