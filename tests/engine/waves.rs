//! Waves: shares of the audience that are sent to before the rest, in every kind of history.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use runner::engine::{RunOutcome, StopReason};
use runner::ledger::Answered;
use runner::model::approval::WaveWait;
use runner::model::bucketing::{Bucketing, WAVE};
use runner::model::clock::{later, until};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Halted, Phase, Waiting};
use runner::model::merchant_coupon_id::MerchantCouponId;
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand;
use runner::plan::Wave;

use crate::bench::Bench;
use crate::prediction;
use crate::world::{Act, World};

pub const MINUTE: i64 = 60_000;

pub fn wave(share: f64, minutes: u64) -> Wave {
    Wave {
        share,
        wait: WaveWait::For(Duration::from_mins(minutes)),
        not_issued: 1.0,
    }
}

pub fn bench(waves: &[Wave]) -> Bench {
    let mut bench = Bench::new();
    bench.plan.schedule.waves = waves.to_vec();
    bench.plan.schedule.waits = true;
    bench.plan.schedule.approvals = true;
    bench
}

/// The wave of a user, from 0, by the hash alone.
pub fn wave_of(bench: &Bench, user: u32) -> usize {
    let identity = &bench.plan.identity;
    let draw = Bucketing::new(WAVE, &identity.campaign, &identity.app_id);
    let waves = &bench.plan.schedule.waves;
    let within = |wave: &Wave| draw.within(wave.share, &format!("u{user}"));
    waves.iter().position(within).unwrap_or(waves.len())
}

/// For each wave, how many of its users were sent to, and when the first and the last send was.
fn turns(bench: &Bench, world: &World, users: u32) -> Vec<Option<(usize, Timestamp, Timestamp)>> {
    let mut first = HashMap::new();
    world.seen(|seen| {
        for ((id, _), at) in seen.order.iter().zip(&seen.walls) {
            first.entry(id.clone()).or_insert(*at);
        }
    });
    let mut turns = vec![None; bench.plan.schedule.waves.len() + 1];
    for user in 0..users {
        let identity = &bench.plan.identity;
        let open_id = runner::model::identity::OpenId::parse(&format!("u{user}")).unwrap();
        let id = MerchantCouponId::derive(&identity.campaign, &identity.app_id, &open_id, 1).to_string();
        if let Some(at) = first.get(&id).copied() {
            let (many, from, to) = turns[wave_of(bench, user)].unwrap_or((0, at, at));
            turns[wave_of(bench, user)] = Some((many + 1, from.min(at), to.max(at)));
        }
    }
    turns
}

/// Checks that each wave's first send comes the full wait after the last send of the wave before.
fn kept(bench: &Bench, world: &World, users: u32) {
    let turns = turns(bench, world, users);
    let waves: Vec<_> = turns
        .iter()
        .enumerate()
        .filter_map(|(wave, turns)| Some((wave, (*turns)?)))
        .collect();
    for pair in waves.windows(2) {
        let [(wave, (.., last)), (_, (_, first, _))] = pair else {
            continue;
        };
        let wait = bench.plan.schedule.waves[*wave].wait.least();
        assert!(later(*last, wait) <= *first, "wave {wave}: {last} and then {first}");
    }
}

fn ends(bench: &Bench) -> Vec<(Option<u32>, Timestamp)> {
    let events = bench.events.lock().unwrap();
    let ends = events.iter().filter_map(|event| match event.kind {
        EventKind::Wave { wave, ended: true, .. } => Some((wave, event.at)),
        _ => None,
    });
    ends.collect()
}

#[tokio::test(start_paused = true)]
async fn each_wave_has_its_turn_and_its_wait_and_then_come_the_others() {
    let bench = bench(&[wave(0.05, 30), wave(0.3, 60)]);
    let world = World::new(&bench.clock, 70, |ask| match (ask.before % 11, ask.nth) {
        (3, _) => Act::IssueAndLose(Duration::from_secs(10)),
        (5, 1) => Act::Refuse,
        (7, 1) => Act::Say(28_001_045, Class::Refuse),
        _ => Act::Issue,
    });
    let ended = bench.apply(1_000, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, world.given())
    );
    kept(&bench, &world, 1_000);
    let many: Vec<_> = turns(&bench, &world, 1_000)
        .iter()
        .map(|turns| turns.map_or(0, |turns| turns.0))
        .collect();
    assert_eq!(many.iter().sum::<usize>(), 1_000);
    assert!((20..90).contains(&many[0]) && (200..300).contains(&many[1]), "{many:?}");
    let waits = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Wave { done, next },
            ..
        }) => Some((*done, *next)),
        _ => None,
    });
    assert_eq!(waits, [(1, Some(2)), (2, None)]);
    assert_eq!(
        ends(&bench).iter().map(|(wave, _)| *wave).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
    let begins = bench.told(|kind| match kind {
        EventKind::Wave { wave, ended: false, .. } => Some(*wave),
        _ => None,
    });
    assert_eq!(begins, [Some(1), Some(2), None]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_only_the_rest_and_who_came_late_to_a_wave_goes_at_once() {
    let bench = bench(&[wave(0.2, 60)]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let killed = tokio::time::timeout(Duration::from_mins(20), bench.apply(500, &world)).await;
    assert!(killed.is_err(), "it waits");
    let (_, end) = ends(&bench)[0];
    let before = world.seen(|seen| seen.starts.len());
    // The audience doubles: the new users of the first wave do not wait.
    let began = bench.clock.now();
    assert_eq!(bench.apply(1_000, &world).await.ending, Ending::Complete);
    let walls = world.seen(|seen| seen.walls[before..].to_vec());
    let late = (500..1_000).filter(|user| wave_of(&bench, *user) == 0).count();
    assert!(late > 50);
    assert!(
        walls[..late]
            .iter()
            .all(|at| *at < later(began, Duration::from_secs(30))),
        "the late ones go at once"
    );
    let rest = later(end, Duration::from_hours(1));
    assert!(
        walls[late..].iter().all(|at| *at >= rest),
        "the others wait for the rest"
    );
    assert!(walls[late] < later(rest, Duration::from_secs(3)), "and no longer");
    assert_eq!(ends(&bench).len(), 1, "a wave ends once");
}

#[tokio::test(start_paused = true)]
async fn an_empty_wave_is_skipped_and_a_last_wave_is_not_waited_for() {
    let nobody = bench(&[wave(1e-9, 60), wave(2e-9, 60)]);
    let world = World::new(&nobody.clock, 70, |_| Act::Issue);
    let began = nobody.clock.now();
    assert_eq!(nobody.apply(100, &world).await.ending, Ending::Complete);
    assert!(until(began, nobody.clock.now()).unwrap() < Duration::from_mins(1));
    assert_eq!(ends(&nobody), []);

    let all = bench(&[wave(1.0, 60)]);
    let world = World::new(&all.clock, 70, |_| Act::Issue);
    let began = all.clock.now();
    assert_eq!(all.apply(100, &world).await.ending, Ending::Complete);
    assert!(until(began, all.clock.now()).unwrap() < Duration::from_mins(1));
    assert_eq!(ends(&all).len(), 1, "its end is kept all the same");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_used_up_its_attempts_holds_its_wave_no_longer() {
    let mut bench = bench(&[wave(0.2, 10)]);
    bench.plan.retry.attempts = 3;
    let stubborn = (0..200).find(|user| wave_of(&bench, *user) == 0).unwrap();
    let world = World::new(&bench.clock, 70, move |ask| {
        if ask.open_id == format!("u{stubborn}") {
            Act::Say(28_001_005, Class::Retry)
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(200, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Incomplete, 199));
    kept(&bench, &world, 200);
    assert_eq!(ends(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_no_wait_a_run_leaves_at_the_end_of_a_wave_and_the_next_goes_on() {
    let mut bench = bench(&[wave(0.2, 30)]);
    bench.plan.run.no_wait = true;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let ended = bench.apply(200, &world).await;
    assert_eq!(
        (ended.ending, ended.why),
        (Ending::Incomplete, StopReason::BetweenWaves)
    );
    let first = world.given();
    let of_first = (0..200).filter(|user| wave_of(&bench, *user) == 0).count() as u64;
    assert_eq!(first, of_first);
    let ended = bench.apply(200, &world).await;
    assert_eq!(
        (ended.why, world.given()),
        (StopReason::BetweenWaves, first),
        "nothing more before the wait is over"
    );
    bench.clock.shift_ms(30 * MINUTE);
    assert_eq!(bench.apply(200, &world).await.ending, Ending::Complete);
    kept(&bench, &world, 200);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_shows_the_waits_after_waves_without_waiting() {
    let mut bench = bench(&[wave(0.2, 30), wave(0.5, 600)]);
    bench.plan.schedule.waits = false;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let began = bench.clock.now();
    assert_eq!(bench.apply(300, &world).await.ending, Ending::Complete);
    assert!(until(began, bench.clock.now()).unwrap() < Duration::from_mins(1));
    let skipped = bench.told(|kind| match kind {
        EventKind::Wave { wave, skipped, .. } => Some((*wave, (*skipped)?)),
        _ => None,
    });
    assert_eq!(
        skipped,
        [(Some(1), Duration::from_mins(30)), (Some(2), Duration::from_hours(10))]
    );
    let turns = turns(&bench, &world, 300);
    let order: Vec<_> = turns.iter().flatten().map(|(_, first, last)| (*first, *last)).collect();
    assert!(
        order.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "they go one after the other all the same"
    );
}

/// Within a run, a change of the wall clock does not change the length of the wait.
#[tokio::test(start_paused = true)]
async fn a_wait_between_waves_allows_a_corrected_clock() {
    for shift in [-600 * MINUTE, 10 * MINUTE] {
        let bench = bench(&[wave(0.2, 60)]);
        let clock = bench.clock.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_mins(20)).await;
            clock.shift_ms(shift);
        });
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        let began = tokio::time::Instant::now();
        assert_eq!(bench.apply(200, &world).await.ending, Ending::Complete);
        assert_eq!(began.elapsed().as_secs() / 60, 60, "{shift}");
    }
}

/// A platform that refuses the first `first` requests.
fn refusing(bench: &Bench, first: usize) -> std::sync::Arc<World> {
    World::new(&bench.clock, 70, move |ask| {
        if ask.before < first {
            Act::Say(28_001_045, Class::Refuse)
        } else {
            Act::Issue
        }
    })
}

fn judged(share: f64, halt: f64) -> Bench {
    let mut bench = bench(&[Wave {
        not_issued: halt,
        ..wave(share, 30)
    }]);
    bench.plan.halt.refused.after = u32::MAX;
    bench.plan.pace.max_in_flight = 1;
    bench
}

fn halted(ended: &RunOutcome) -> Option<(u64, u64)> {
    match ended.why {
        StopReason::Halted(Halted::Wave {
            wave: 1,
            not_issued,
            of,
        }) => Some((not_issued, of)),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_wave_halts_at_the_first_answer_that_requires_it_and_not_before() {
    // Of a large wave two hundred users are judged: 30 % of them are 60, and one more refusal halts the run, whatever the
    // later results are.
    let bench = judged(0.5, 0.3);
    let ended = bench.apply(2_000, &refusing(&bench, 61)).await;
    assert_eq!((ended.ending, halted(&ended)), (Ending::NeedsPerson, Some((61, 61))));
    let bench = judged(0.5, 0.3);
    let ended = bench.apply(2_000, &refusing(&bench, 60)).await;
    assert_eq!((ended.ending, halted(&ended)), (Ending::Complete, None));

    // A smaller wave is judged by its own size.
    let bench = judged(0.1, 0.3);
    let size = (0..300).filter(|user| wave_of(&bench, *user) == 0).count();
    assert!(size < 200);
    let most = size * 3 / 10;
    let ended = bench.apply(300, &refusing(&bench, most)).await;
    assert_eq!((ended.ending, halted(&ended)), (Ending::Complete, None));
    let bench = judged(0.1, 0.3);
    let ended = bench.apply(300, &refusing(&bench, most + 1)).await;
    let over = Some((most as u64 + 1, most as u64 + 1));
    assert_eq!((ended.ending, halted(&ended)), (Ending::NeedsPerson, over));
    assert_eq!(ends(&bench), [], "it has not ended");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_counts_on_and_after_a_halt_the_next_counts_its_own() {
    let bench = judged(0.5, 0.3);
    let commands = bench.commands.clone();
    let world = World::new(&bench.clock, 70, move |ask| {
        if ask.before + 1 == 40 {
            commands.send_replace(RunCommand::Stop { by: None });
        }
        Act::Say(28_001_045, Class::Refuse)
    });
    assert_eq!(bench.apply(2_000, &world).await.why, StopReason::Interrupted);
    bench.commands.send_replace(RunCommand::Go);
    let ended = bench.apply(2_000, &refusing(&bench, 21)).await;
    assert_eq!(halted(&ended), Some((61, 61)), "forty before and twenty-one by now");
    let ledger = bench.open().await;
    let known = Answered {
        all: 61,
        not_issued: 61,
    };
    assert_eq!(
        ledger
            .state()
            .waves()
            .iter()
            .map(|wave| wave.halted)
            .collect::<Vec<_>>(),
        [known]
    );

    let ended = bench.apply(2_000, &refusing(&bench, 60)).await;
    assert_eq!((ended.ending, halted(&ended)), (Ending::Complete, None));
    let bench = judged(0.5, 0.3);
    bench.apply(2_000, &refusing(&bench, 61)).await;
    let ended = bench.apply(2_000, &refusing(&bench, 61)).await;
    assert_eq!(halted(&ended), Some((61, 61)));
}

/// A wave is identified by its share: it stays ended when other waves are edited around it.
#[tokio::test(start_paused = true)]
async fn waves_may_be_edited_between_two_applies() {
    let first = [wave(0.2, 30)];
    for (edited, begins) in [
        // A changed wait counts from the same end.
        (&[wave(0.2, 90)][..], 90),
        // A smaller share before it is covered by the ended wave.
        (&[wave(0.1, 500), wave(0.2, 45)], 45),
        (&[wave(0.1, 40)], 40),
        // A larger share is another wave: it is sent to at once.
        (&[wave(0.4, 45)], 0),
        (&[], 0),
    ] {
        let mut bench = bench(&first);
        bench.plan.run.no_wait = true;
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        assert_eq!(bench.apply(300, &world).await.why, StopReason::BetweenWaves);
        let (_, end) = ends(&bench)[0];
        bench.plan.run.no_wait = false;
        bench.plan.schedule.waves = edited.to_vec();
        let before = world.given();
        assert_eq!(bench.apply(300, &world).await.ending, Ending::Complete);
        let next = world.seen(|seen| seen.walls[usize::try_from(before).unwrap()]);
        let wait = until(end, next).unwrap();
        let expected = Duration::from_mins(begins);
        assert!(
            (expected..expected + Duration::from_secs(5)).contains(&wait),
            "{edited:?}: {wait:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_forecast_reckons_with_waves_and_the_first_requests_are_of_the_first() {
    let waves = [wave(0.1, 30), wave(0.4, 0), wave(0.7, 90)];
    let mut bench = bench(&waves);
    bench.plan.pace.per_second = 20.0;
    let (preview, foretold) = prediction::foretold(&bench, 1_000).await;
    assert_eq!(preview.waves.iter().map(|wave| wave.to_send).sum::<u64>(), 1_000);
    for due in &preview.first {
        assert_eq!(wave_of(&bench, due.key.recipient), 0);
    }
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(1_000, &world).await.ending, Ending::Complete);
    let seconds = |a: Timestamp, b: Timestamp| until(a, b).or_else(|| until(b, a)).unwrap_or_default().as_secs();
    assert!(seconds(foretold.ends_at.unwrap(), bench.clock.now()) < 3);
    let turns: Vec<_> = turns(&bench, &world, 1_000).into_iter().flatten().collect();
    assert_eq!(foretold.waves.len(), 4);
    for (foretold, (many, first, _)) in foretold.waves.iter().zip(turns) {
        assert_eq!(foretold.to_send, many as u64);
        assert!(seconds(foretold.begins.unwrap(), first) < 3, "{foretold:?} {first}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// After any number of kills and added users, no user of a wave is sent to before the wait after the wave before is
    /// over, and every user is sent to.
    #[test]
    fn waves_are_kept_through_kills_and_newcomers(
        shares in prop::collection::btree_set(1_u32..100, 1..4), waits in prop::collection::vec(1_u64..200, 3),
        kills in prop::collection::vec((1_u64..20_000, 0_u32..150), 0..4), seed in any::<u64>(),
    ) {
        let waves: Vec<_> = shares.iter().zip(&waits).map(|(share, wait)| wave(f64::from(*share) / 100.0, *wait)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(&waves);
            bench.seed = seed;
            bench.plan.retry.attempts = 100;
            bench.plan.retry.resend_within = Duration::from_hours(24 * 365);
            let world = World::new(&bench.clock, 200, move |ask| {
                match (seed.wrapping_add(ask.before as u64) % 9, ask.nth) {
                    (0, _) => Act::IssueAndLose(Duration::from_secs(10)),
                    (1, _) => Act::Refuse,
                    _ => Act::Issue,
                }
            });
            let mut users = 100;
            for (seconds, more) in kills {
                let _ = tokio::time::timeout(Duration::from_secs(seconds), bench.apply(users, &world)).await;
                users += more;
            }
            assert_eq!(bench.apply(users, &world).await.ending, Ending::Complete);
            assert_eq!((world.given(), world.most_coupons()), (u64::from(users), 1));
            // The first users were sent to in waves. Of the added users, those of an ended wave were sent to at once.
            kept(&bench, &world, 100);
            let ends: Vec<_> = ends(&bench).into_iter().map(|(wave, _)| wave).collect();
            assert!(ends.is_sorted() && ends.windows(2).all(|pair| pair[0] != pair[1]), "{ends:?}");
        });
    }
}
