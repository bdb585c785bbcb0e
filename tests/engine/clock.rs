//! A run under a wrong clock, and what follows when the clock is right again.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::audience_diff::{Accept, Refusal};
use runner::engine::preview::{Preview, foresee};
use runner::engine::{RunOutcome, StopReason};
use runner::ledger::Fact;
use runner::model::approval::WaveWait;
use runner::model::clock::later;
use runner::model::delivery::StateName;
use runner::model::event::Ending;
use runner::model::outcome::Class;
use runner::plan::Wave;

use crate::bench::{Bench, decide, listed};
use crate::world::{Act, World};

const HOUR: i64 = 3_600_000;
/// How far the clock was ahead.
const AHEAD: i64 = 73 * HOUR;
const LONG: Duration = Duration::from_secs(10);

fn began(bench: &Bench) -> Fact {
    Fact::run_began(bench.clock.now(), bench.plan.retry.timeout)
}

/// One whole apply. Returns the refusals if the audience is not admitted.
async fn apply(bench: &Bench, world: &Arc<World>, users: u32, accepted: &[Accept]) -> Result<RunOutcome, Vec<Refusal>> {
    let mut ledger = bench.open().await;
    ledger.hold_back(&[began(bench)]).unwrap();
    let admission = decide(bench, &ledger, &listed(0..users), accepted, &|_| Class::Hold)?;
    for batch in admission.changes.into_batches() {
        ledger.append(batch.unwrap()).await.unwrap();
    }
    Ok(bench.send(ledger, world).await.expect("it ends by itself"))
}

/// What a plan says about an apply with these acceptances.
async fn foretell(bench: &Bench, users: u32, accepted: &[Accept]) -> Preview {
    let mut ledger = bench.open().await;
    ledger.suppose(&[began(bench)]).unwrap();
    let admission = decide(bench, &ledger, &listed(0..users), accepted, &|_| Class::Hold).expect("it is admitted");
    let changes = (admission.changes, admission.send_order);
    foresee(&bench.plan, &mut ledger, changes, bench.clock.now(), 100).unwrap()
}

fn is_of_clock(refused: &Result<RunOutcome, Vec<Refusal>>) -> bool {
    let Err(refusals) = refused else { return false };
    matches!(&refusals[..], [Refusal::Change(change)] if change.what == Accept::Clock)
}

/// The answers for users below 3 are lost as long as the clock is wrong.
fn loses(bench: &Bench) -> Arc<World> {
    World::new(&bench.clock, 50, |ask| match ask.open_id.as_str() {
        "u0" | "u1" | "u2" => Act::IssueAndLose(LONG),
        _ => Act::Issue,
    })
}

fn sent(world: &World) -> usize {
    world.seen(|seen| seen.starts.len())
}

#[tokio::test(start_paused = true)]
async fn a_run_under_a_wrong_clock_stops_the_next_one_until_a_person_accepts_the_clock() {
    let mut bench = Bench::new();
    bench.plan.retry.attempts = 1;
    bench.clock.shift_ms(AHEAD);
    let wrong = loses(&bench);
    let ended = apply(&bench, &wrong, 6, &[]).await.unwrap();
    assert_eq!(ended.counts.count(StateName::InDoubt), 3);
    bench.clock.shift_ms(-AHEAD);

    let before = bench.store.records();
    let right = World::new(&bench.clock, 50, |_| Act::Issue);
    assert!(is_of_clock(&apply(&bench, &right, 9, &[]).await));
    assert_eq!(
        (bench.store.records(), sent(&right)),
        (before, 0),
        "nothing is sent or added"
    );

    let preview = foretell(&bench, 9, &[Accept::Clock]).await;
    assert_eq!((preview.resent, preview.waiting), (0, 3));
    let first: Vec<_> = preview.first.iter().map(|due| due.open_id.to_string()).collect();
    assert_eq!(first, ["u6", "u7", "u8"]);

    let ended = apply(&bench, &right, 9, &[Accept::Clock]).await.unwrap();
    assert_eq!(
        (ended.ending, &ended.why),
        (Ending::NeedsPerson, &StopReason::NothingLeft)
    );
    assert_eq!(right.seen(|seen| seen.users.clone()), first, "the plan said so");
    assert_eq!(
        ended.counts.count(StateName::InDoubt),
        3,
        "nobody knows how old they are"
    );

    // The ledger knows it now, and time goes on.
    for hours in [1, 30, 60, 73, 90] {
        let again = apply(&bench, &right, 9, &[]).await.unwrap();
        assert_eq!(
            (again.ending, sent(&right)),
            (Ending::NeedsPerson, 3),
            "after {hours} hours"
        );
        let preview = foretell(&bench, 9, &[]).await;
        assert_eq!((preview.resent, preview.waiting), (0, 3));
        bench.clock.shift_ms(hours * HOUR);
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_of_after_the_acceptance_is_sent_again() {
    let bench = Bench::new();
    bench.clock.shift_ms(AHEAD);
    let world = World::new(&bench.clock, 50, |ask| match (ask.open_id.as_str(), ask.nth) {
        ("u5", 1) => Act::IssueAndLose(LONG),
        _ => Act::Issue,
    });
    apply(&bench, &world, 3, &[]).await.unwrap();
    bench.clock.shift_ms(-AHEAD);
    let ended = apply(&bench, &world, 9, &[Accept::Clock]).await.unwrap();
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!((world.starts_to("u5").len(), world.most_coupons()), (2, 1));

    bench.clock.shift_ms(AHEAD);
    apply(&bench, &world, 10, &[]).await.unwrap();
    bench.clock.shift_ms(-AHEAD);
    assert!(is_of_clock(&apply(&bench, &world, 11, &[]).await), "it was wrong again");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_by_two_days_stops_nobody() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    apply(&bench, &world, 3, &[]).await.unwrap();
    bench.clock.shift_ms(-48 * HOUR);
    assert_eq!(apply(&bench, &world, 6, &[]).await.unwrap().ending, Ending::Complete);
    bench.clock.shift_ms(-HOUR);
    assert!(is_of_clock(&apply(&bench, &world, 9, &[]).await));
}

/// The true time of those attempts is unknown, so they count as today's: no day exceeds its limit.
#[tokio::test(start_paused = true)]
async fn attempts_of_a_wrong_day_count_today_and_not_for_ever() {
    let mut bench = Bench::new();
    bench.plan.schedule.waits = true;
    (bench.plan.pace.per_day, bench.plan.run.no_wait) = (3, true);
    bench.clock.shift_ms(AHEAD);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    apply(&bench, &world, 9, &[]).await.unwrap();
    assert_eq!(sent(&world), 3);
    bench.clock.shift_ms(-AHEAD);
    assert_eq!(foretell(&bench, 9, &[Accept::Clock]).await.begun_today, 3);
    let ended = apply(&bench, &world, 9, &[Accept::Clock]).await.unwrap();
    assert_eq!((ended.why, sent(&world)), (StopReason::DayUsedUp, 3));
    for sent_by_then in [6, 9] {
        bench.clock.shift_ms(24 * HOUR);
        assert_eq!(foretell(&bench, 9, &[]).await.begun_today, 0);
        apply(&bench, &world, 9, &[]).await.unwrap();
        assert_eq!(sent(&world), sent_by_then);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wave_that_ended_under_a_wrong_clock_ends_when_the_clock_is_accepted() {
    const WAIT: Duration = Duration::from_mins(30);
    let mut bench = Bench::new();
    bench.plan.schedule.waits = true;
    bench.plan.schedule.waves = vec![Wave {
        share: 0.5,
        wait: WaveWait::For(WAIT),
        not_issued: 1.0,
    }];
    bench.plan.run.no_wait = true;
    bench.clock.shift_ms(AHEAD);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = apply(&bench, &world, 20, &[]).await.unwrap();
    assert_eq!(ended.why, StopReason::BetweenWaves);
    bench.clock.shift_ms(-AHEAD);
    let now = bench.clock.now();
    let preview = foretell(&bench, 20, &[Accept::Clock]).await;
    let rest = preview
        .waves
        .iter()
        .find(|load| load.wave.is_none())
        .expect("the others");
    assert_eq!(rest.not_before, later(now, WAIT));
    bench.plan.run.no_wait = false;
    assert_eq!(
        apply(&bench, &world, 20, &[Accept::Clock]).await.unwrap().ending,
        Ending::Complete
    );
    let first = world.seen(|seen| {
        seen.walls
            .iter()
            .filter(|at| **at < later(now, LONG * 6 * 40))
            .min()
            .copied()
    });
    assert!(first.is_some_and(|first| first >= later(now, WAIT)), "{first:?}");
}
