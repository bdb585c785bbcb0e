//! Decisions of persons during a run: it takes them once nothing is in flight, and goes on with what is owed then.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::StopReason;
use runner::ledger::Fact;
use runner::model::delivery::{Resolution, StateName};
use runner::model::event::{Ending, EventKind};
use runner::model::outcome::Class;
use runner::model::resolve::{Expected, ResolveAnswer, ResolveRefusal, ResolveRequest, Resolved, Selection, Which};
use runner::model::run_command::RunCommand;
use runner::plan::InDoubt;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::run_commands::requester;
use crate::waves::{bench as with_waves, wave, wave_of};
use crate::world::{Act, Ask, World};

const CODE: i64 = 990_000_001;

fn request(which: Which, to: Resolution) -> ResolveRequest {
    ResolveRequest {
        selection: Selection { which, code: None },
        to,
        note: "ticket 812".into(),
        typed: "--held".into(),
        by: "li@ops".into(),
        expect: None,
    }
}

fn held(to: Resolution) -> ResolveRequest {
    request(Which::All(StateName::Held), to)
}

const OWED: Resolution = Resolution::Owed { may_double: false };
const OWED_AGAIN: Resolution = Resolution::Owed { may_double: true };

fn count(answer: Option<ResolveAnswer>) -> u64 {
    match answer {
        Some(ResolveAnswer::Resolved(Resolved { count, .. })) => count,
        other => panic!("{other:?}"),
    }
}

/// Holds the first attempt of every tenth user.
fn holds_some(ask: &Ask) -> Act {
    if ask.open_id.ends_with('3') && ask.nth == 1 {
        Act::Say(CODE, Class::Hold)
    } else {
        Act::Issue
    }
}

fn no_user_is_crowded(world: &World) {
    assert_eq!(world.seen(|seen| seen.crowded.clone()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_again_is_sent_by_the_same_run() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, holds_some);
    let (ended, answers) = tokio::join!(bench.apply(300, &world), async {
        sleep(Duration::from_secs(2)).await;
        let first = count(bench.resolve(held(OWED)).await);
        sleep(Duration::from_millis(500)).await;
        (first, count(bench.resolve(held(OWED)).await))
    });
    assert!(answers.0 > 2 && answers.1 > 0, "{answers:?}");
    assert!(world.seen(|seen| seen.coupons.values().all(|coupons| *coupons <= 1)));
    assert_eq!(
        ended.counts.count(StateName::Issued),
        300 - ended.counts.count(StateName::Held)
    );
    let resolved = bench.told(|kind| match kind {
        EventKind::Resolved { deliveries, to, by } => Some((*deliveries, *to, by.clone())),
        _ => None,
    });
    let by = "li@ops".to_owned();
    assert_eq!(resolved, [(answers.0, OWED, by.clone()), (answers.1, OWED, by)]);
    no_user_is_crowded(&world);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_in_flight_when_a_decision_is_taken() {
    let bench = Bench::new();
    // One request takes long, and the others go on until the decision comes.
    let world = World::new(&bench.clock, 70, |ask| match (&*ask.open_id, ask.nth) {
        ("u3", 1) => Act::Say(CODE, Class::Hold),
        ("u40", 1) => Act::IssueAndLose(Duration::from_secs(8)),
        _ => Act::Issue,
    });
    let took = |world: &Arc<World>| world.seen(|seen| seen.starts.len());
    let (ended, (before, after)) = tokio::join!(bench.apply(900, &world), async {
        sleep(Duration::from_secs(3)).await;
        let before = took(&world);
        let answer = bench.resolve(held(Resolution::Issued)).await;
        assert_eq!(count(answer), 1);
        (before, took(&world))
    });
    assert!(after <= before + 2, "{before} attempts before, {after} at the answer");
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(world.given(), 899, "u3 has its coupon by the decision");
    let mut ledger = bench.open().await;
    let mut under_way = std::collections::BTreeSet::new();
    let check = |_, fact| match fact {
        Fact::Intent { key, .. } => drop(under_way.insert(key)),
        Fact::Ended { key, .. } | Fact::Withdrawn { key } => drop(under_way.remove(&key)),
        Fact::Decided { .. } => assert!(under_way.is_empty(), "{under_way:?}"),
        _ => {}
    };
    ledger.facts(check).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_a_person_settles_is_never_sent_again() {
    let mut bench = Bench::new();
    bench.plan.retry.timeout = Duration::from_secs(2);
    let world = World::new(&bench.clock, 70, |ask| match (&*ask.open_id, ask.nth) {
        ("u3" | "u4", 1) => Act::Lose(Duration::from_secs(2)),
        _ => Act::Issue,
    });
    let which = Which::Users {
        open_ids: vec!["u3".into()],
        ordinal: None,
    };
    let (ended, answer) = tokio::join!(bench.apply(600, &world), async {
        sleep(Duration::from_millis(2500)).await;
        bench.resolve(request(which, Resolution::Refused)).await
    });
    assert_eq!(count(answer), 1);
    assert_eq!(ended.ending, Ending::Complete);
    let asked = |user: &str| world.seen(|seen| seen.users.iter().filter(|it| *it == user).count());
    assert_eq!((asked("u3"), asked("u4")), (1, 2), "the other doubt is resent as ever");
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_is_owed_again_waits_until_its_request_is_over() {
    let mut bench = Bench::new();
    bench.plan.retry.in_doubt = InDoubt::Ask;
    bench.plan.retry.timeout = Duration::from_secs(30);
    let world = World::new(&bench.clock, 70, |ask| match (&*ask.open_id, ask.before) {
        ("u3", 0..100) => Act::IssueAndLose(Duration::from_secs(1)),
        // The platform honours the id: the coupon is older than this attempt, and no other ledger has sent it.
        ("u3", _) => Act::Replay,
        _ => Act::Issue,
    });
    let (ended, decided) = tokio::join!(bench.apply(600, &world), async {
        sleep(Duration::from_secs(3)).await;
        let which = Which::All(StateName::InDoubt);
        let refused = bench.resolve(request(which.clone(), OWED)).await;
        let may_double = ResolveRefusal::MayDouble {
            open_id: "u3".into(),
            ordinal: 1,
            from: StateName::InDoubt,
        };
        let refusals = vec![may_double];
        assert_eq!(refused, Some(ResolveAnswer::Refused { refusals }));
        count(bench.resolve(request(which, OWED_AGAIN)).await)
    });
    assert_eq!(ended.ending, Ending::Complete);
    let starts = world.seen(|seen| {
        let of_user = seen.users.iter().zip(&seen.starts).filter(|(user, _)| *user == "u3");
        of_user.map(|(_, start)| *start).collect::<Vec<_>>()
    });
    assert_eq!((decided, starts.len()), (1, 2));
    let apart = starts[1] - starts[0];
    assert!(apart >= Duration::from_secs(30), "{apart:?}");
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_taken_in_a_pause() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, holds_some);
    let (ended, ()) = tokio::join!(bench.apply(300, &world), async {
        sleep(Duration::from_secs(2)).await;
        bench.commands.send_replace(RunCommand::Pause { by: requester() });
        sleep(Duration::from_hours(1)).await;
        let before = world.seen(|seen| seen.starts.len());
        assert!(count(bench.resolve(held(OWED)).await) > 2);
        sleep(Duration::from_hours(1)).await;
        assert_eq!(world.seen(|seen| seen.starts.len()), before, "it is paused");
        bench.commands.send_replace(RunCommand::Go);
    });
    assert_eq!(
        ended.counts.count(StateName::Issued),
        300 - ended.counts.count(StateName::Held)
    );
    assert!(world.seen(|seen| seen.coupons.values().all(|coupons| *coupons <= 1)));
}

/// The wave has ended and the next one waits: who is owed again belongs to a wave that was released.
#[tokio::test(start_paused = true)]
async fn what_is_owed_again_goes_with_its_wave() {
    let mut bench = with_waves(&[wave(0.1, 60), wave(0.4, 60)]);
    bench.plan.coupons_per_user = 2;
    let world = World::new(&bench.clock, 70, holds_some);
    let (ended, answered) = tokio::join!(bench.apply(200, &world), async {
        sleep(Duration::from_mins(30)).await;
        let first = count(bench.resolve(held(OWED)).await);
        sleep(Duration::from_mins(10)).await;
        let sent = world.seen(|seen| seen.users.clone());
        let number = |user: &String| user[1..].parse().unwrap();
        assert!(sent.iter().all(|user| wave_of(&bench, number(user)) == 0), "{sent:?}");
        sleep(Duration::from_mins(55)).await;
        let second = count(bench.resolve(held(Resolution::Refused)).await);
        (first, second)
    });
    assert!(answered.0 > 0 && answered.1 > 0, "{answered:?}");
    let counts = ended.counts;
    let refused = counts.count(StateName::Refused);
    let skipped = counts.count(StateName::Skipped);
    assert_eq!(refused, answered.1);
    assert!(
        skipped > 0 && skipped <= refused,
        "a second coupon after a refused one: {skipped}"
    );
    assert_eq!(counts.count(StateName::Issued), world.given());
    assert!(world.seen(|seen| seen.coupons.values().all(|coupons| *coupons <= 1)));
}

#[tokio::test(start_paused = true)]
async fn a_selection_that_has_changed_decides_nothing() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, holds_some);
    let (ended, ()) = tokio::join!(bench.apply(300, &world), async {
        sleep(Duration::from_secs(2)).await;
        for expect in [Expected::Count(1), Expected::Digest("00".into())] {
            let expected = ResolveRequest {
                expect: Some(expect),
                ..held(Resolution::Issued)
            };
            let answer = bench.resolve(expected).await;
            assert!(
                matches!(answer, Some(ResolveAnswer::Changed { now: 2.. })),
                "{answer:?}"
            );
        }
        let nothing = request(Which::All(StateName::Refused), Resolution::Issued);
        assert_eq!(count(bench.resolve(nothing).await), 0);
    });
    assert_eq!(ended.counts.count(StateName::Held), 30);
    assert_eq!(world.given(), 270);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stops_takes_the_decision_first_and_sends_nothing_more() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, holds_some);
    let (ended, answer) = tokio::join!(bench.apply(300, &world), async {
        sleep(Duration::from_secs(2)).await;
        let stop = RunCommand::Stop { by: Some(requester()) };
        bench.commands.send_replace(stop);
        bench.resolve(held(OWED)).await
    });
    assert!(matches!(ended.why, StopReason::Stopped(_)));
    assert!(count(answer) > 2);
    assert_eq!(ended.counts.count(StateName::Held), 0);
    assert_eq!(bench.resolve(held(OWED)).await, None, "it has ended");
    bench.commands.send_replace(RunCommand::Go);
    let ended = bench.apply(300, &world).await;
    assert_eq!(
        ended.counts.count(StateName::Issued),
        300 - ended.counts.count(StateName::Held)
    );
}
