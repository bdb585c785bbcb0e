//! Whole runs in virtual time: campaigns of hours in milliseconds, against a platform in memory and a store that loses
//! unflushed facts. A seed determines the whole history.

#![allow(clippy::large_futures, reason = "a test has one of them at a time")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod app_limiter;
mod approval;
mod bench;
mod clock;
mod crashes;
mod daily_limit;
mod envelope;
mod expiry;
mod gone;
mod held;
mod last_active;
mod limits;
mod prediction;
mod progress;
mod resolve;
mod run_commands;
mod send_window;
mod shared_users;
mod tail;
mod term;
mod waves;
mod waves_end;
mod world;

use std::time::Duration;

use runner::engine::StopReason;
use runner::ledger::{Fact, ManualDecision};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::{DeliveryKey, Resolution, StateName};
use runner::model::event::{Ending, EventKind, Halted, Phase, Waiting};
use runner::model::money::Money;
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand;

use bench::{BEGIN, Bench};
use world::{Act, World};

#[tokio::test(start_paused = true)]
async fn everyone_is_given_one_coupon_and_the_sum_is_right() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |ask| {
        if ask.open_id.ends_with('7') {
            Act::Say(28_001_045, Class::Refuse)
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(600, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Complete, StopReason::NothingLeft));
    assert_eq!(
        (
            ended.counts.count(StateName::Issued),
            ended.counts.count(StateName::Refused)
        ),
        (540, 60)
    );
    assert_eq!((world.given(), world.most_coupons()), (540, 1));
    assert_eq!(world.seen(|seen| seen.starts.len()), 600);

    let again = bench.apply(600, &world).await;
    assert_eq!((again.ending, again.counts), (Ending::Complete, ended.counts));
    assert_eq!(
        world.seen(|seen| seen.starts.len()),
        600,
        "an apply of what is complete sends nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_sent_again_with_the_same_id_and_nobody_has_two() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match (ask.before % 10, ask.nth) {
        (3, _) => Act::IssueAndLose(Duration::from_secs(10)),
        (5, _) => Act::Lose(Duration::from_secs(10)),
        (7, 1) => Act::Say(28_001_005, Class::Retry),
        _ => Act::Issue,
    });
    let ended = bench.apply(500, &world).await;
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!((world.given(), world.most_coupons()), (500, 1));
    assert!(
        world.seen(|seen| seen.crowded.is_empty()),
        "never two requests for one user at once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_leaves_the_doubt_and_a_person_decides() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.nth {
        1 => Act::IssueAndLose(Duration::from_secs(10)),
        _ => Act::Say(28_001_045, Class::Refuse),
    });
    let ended = bench.apply(3, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::InDoubt)),
        (Ending::NeedsPerson, 3)
    );
    assert_eq!(
        world.seen(|seen| seen.starts.len()),
        6,
        "after a refusal it is not sent again"
    );
}

#[tokio::test(start_paused = true)]
async fn with_ask_a_lost_answer_waits_for_a_person() {
    let mut bench = Bench::new();
    bench.plan.retry.in_doubt = runner::plan::InDoubt::Ask;
    let world = World::new(&bench.clock, 50, |ask| match ask.open_id.as_str() {
        "u3" => Act::IssueAndLose(Duration::from_secs(10)),
        "u5" => Act::Say(28_001_005, Class::Retry),
        _ => Act::Issue,
    });
    let ended = bench.apply(10, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::InDoubt)),
        (Ending::NeedsPerson, 2)
    );
    assert_eq!(world.seen(|seen| seen.starts.len()), 10);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_older_than_the_platform_remembers_ids_is_not_sent_again() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |_| Act::Lose(Duration::from_secs(10)));
    let ended = bench.apply(1, &world).await;
    assert_eq!(
        (ended.ending, world.seen(|seen| seen.starts.len())),
        (Ending::Incomplete, 6)
    );
    bench.clock.shift_ms(25 * 3_600_000);
    let ended = bench.apply(1, &world).await;
    assert_eq!(
        (ended.ending, world.seen(|seen| seen.starts.len())),
        (Ending::NeedsPerson, 6)
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_before_the_start_or_at_the_end() {
    let mut bench = Bench::new();
    let hour = Duration::from_hours(1);
    let start = later(from_ms(BEGIN), hour);
    bench.plan.schedule.start = start;
    bench.plan.schedule.end = later(start, Duration::from_secs(3));
    let began = tokio::time::Instant::now();
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = bench.apply(1_000, &world).await;
    assert_eq!((ended.ending, &ended.why), (Ending::NeedsPerson, &StopReason::End));
    let (first, last) = world.seen(|seen| (seen.starts[0] - began, *seen.starts.last().unwrap() - began));
    assert!(
        first >= hour && last < hour + Duration::from_secs(3),
        "{first:?} {last:?}"
    );
    let waits = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Start,
            until,
        }) => Some(*until),
        _ => None,
    });
    assert_eq!(waits, [Some(start)]);

    let late = bench.apply(1_000, &world).await;
    assert_eq!(late.ending, Ending::NeedsPerson);
}

#[tokio::test(start_paused = true)]
async fn with_no_wait_a_run_before_the_start_leaves() {
    let mut bench = Bench::new();
    bench.plan.schedule.start = later(from_ms(BEGIN), Duration::from_hours(1));
    bench.plan.run.no_wait = true;
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = bench.apply(10, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Incomplete, StopReason::NotStarted));
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_clock_in_a_run_delays_nobody_doubles_nothing_and_makes_no_doubt_old() {
    const HOUR: i64 = 3_600_000;
    for shift in [-24 * HOUR, -HOUR, HOUR, 24 * HOUR, 48 * HOUR] {
        let mut bench = Bench::new();
        bench.plan.retry.resend_within = Duration::from_mins(30);
        let clock = bench.clock.clone();
        let world = World::new(&bench.clock, 50, move |ask| {
            if ask.before % 200 == 199 {
                clock.shift_ms(shift);
            }
            if ask.nth == 1 && ask.before % 9 == 0 {
                Act::IssueAndLose(Duration::from_secs(10))
            } else {
                Act::Issue
            }
        });
        let began = tokio::time::Instant::now();
        let ended = bench.apply(500, &world).await;
        assert_eq!(
            (ended.ending, world.given(), world.most_coupons()),
            (Ending::Complete, 500, 1)
        );
        assert!(began.elapsed() < Duration::from_mins(2), "{:?}", began.elapsed());
        assert!(world.harshest_second() <= 98);
    }
}

/// The platform forgets ids while a laptop sleeps.
#[tokio::test(start_paused = true)]
async fn a_doubt_grows_old_while_the_machine_is_suspended() {
    for (suspended_for, resent) in [(Duration::from_mins(20), true), (Duration::from_mins(40), false)] {
        let mut bench = Bench::new();
        bench.plan.retry.resend_within = Duration::from_mins(30);
        let clock = bench.clock.clone();
        let world = World::new(&bench.clock, 50, move |ask| {
            if ask.nth > 1 {
                return Act::Issue;
            }
            clock.suspend_ms(u32::try_from(suspended_for.as_millis()).unwrap());
            Act::IssueAndLose(Duration::from_secs(10))
        });
        let ended = bench.apply(1, &world).await;
        let expected = if resent {
            (Ending::Complete, 2)
        } else {
            (Ending::NeedsPerson, 1)
        };
        assert_eq!((ended.ending, world.seen(|seen| seen.starts.len())), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_between_two_runs_delays_nobody() {
    let mut bench = Bench::new();
    bench.plan.retry.attempts = 1;
    // Throttles of two users do not slow the app id, so each uses up its attempt.
    let world = World::new(&bench.clock, 50, |ask| match ask.nth {
        1 => Act::Say(29_005_012, Class::Throttle),
        _ => Act::Issue,
    });
    assert_eq!(bench.apply(2, &world).await.ending, Ending::Incomplete);
    bench.clock.shift_ms(-3_600_000);
    let began = tokio::time::Instant::now();
    assert_eq!(bench.apply(2, &world).await.ending, Ending::Complete);
    assert!(began.elapsed() <= Duration::from_secs(65), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn several_coupons_go_one_after_the_other_and_a_refusal_ends_them() {
    let mut bench = Bench::new();
    bench.plan.coupons_per_user = 3;
    let world = World::new(&bench.clock, 50, |ask| {
        if ask.open_id == "u4" {
            Act::Say(28_001_046, Class::Refuse)
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(50, &world).await;
    assert_eq!(ended.ending, Ending::Complete);
    let counts = ended.counts;
    assert_eq!(
        (
            counts.count(StateName::Issued),
            counts.count(StateName::Refused),
            counts.count(StateName::Skipped)
        ),
        (147, 1, 2)
    );
    assert!(world.seen(|seen| seen.crowded.is_empty()));
    assert_eq!(world.most_coupons(), 1);

    bench.plan.coupons_per_user = 4;
    let more = bench.apply(50, &world).await;
    assert_eq!(
        (more.ending, more.counts.count(StateName::Issued)),
        (Ending::Complete, 196)
    );
}

#[tokio::test(start_paused = true)]
async fn at_most_limits_deliveries_and_not_their_retries() {
    let mut bench = Bench::new();
    bench.plan.run.at_most = 7;
    let world = World::new(
        &bench.clock,
        50,
        |ask| if ask.nth < 3 { Act::Refuse } else { Act::Issue },
    );
    let ended = bench.apply(20, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Incomplete, StopReason::AtMost));
    assert_eq!(
        (
            ended.counts.count(StateName::Issued),
            world.seen(|seen| seen.asked.len())
        ),
        (7, 7)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_calls_off_what_is_armed_and_waits_for_what_is_in_flight() {
    let bench = Bench::new();
    let commands = bench.commands.clone();
    let world = World::new(&bench.clock, 3_000, move |ask| {
        if ask.before == 150 {
            commands.send_replace(RunCommand::Stop { by: None });
        }
        Act::Issue
    });
    let ended = bench.apply(1_000, &world).await;
    assert_eq!(
        (ended.ending, &ended.why),
        (Ending::Incomplete, &StopReason::Interrupted)
    );
    assert_eq!(
        (
            world.seen(|seen| seen.starts.len()),
            ended.counts.count(StateName::Issued)
        ),
        (151, 151)
    );
    assert_eq!(
        ended.counts.count(StateName::InDoubt) + ended.counts.count(StateName::InFlight),
        0
    );
    bench.commands.send_replace(RunCommand::Go);
    assert_eq!(bench.apply(1_000, &world).await.ending, Ending::Complete);
    assert_eq!((world.given(), world.most_coupons()), (1_000, 1));
}

#[tokio::test(start_paused = true)]
async fn another_process_that_has_the_app_id_is_waited_for_and_then_a_second_more() {
    let bench = Bench::new();
    let began = tokio::time::Instant::now();
    *bench.turns.taken.lock().unwrap() = Some(began + Duration::from_secs(90));
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    assert_eq!(bench.apply(5, &world).await.ending, Ending::Complete);
    let first = world.seen(|seen| seen.starts[0] - began);
    assert!((91..=93).contains(&first.as_secs()), "{first:?}");

    let mut bench = Bench::new();
    *bench.turns.taken.lock().unwrap() = Some(tokio::time::Instant::now() + Duration::from_secs(90));
    bench.plan.run.no_wait = true;
    assert!(matches!(bench.apply(5, &world).await.why, StopReason::AppIdTaken(holder) if holder.pid == Some(4711)));
}

#[tokio::test(start_paused = true)]
async fn another_ledger_is_noticed_at_its_first_trace_and_accepted_by_a_person() {
    for (act, issued, held) in [(Act::Replay, 1, 0), (Act::Duplicate, 0, 1)] {
        let bench = Bench::new();
        let world = World::new(&bench.clock, 50, move |_| act);
        let ended = bench.apply(5, &world).await;
        assert!(
            matches!(&ended.why, StopReason::Halted(Halted::AnotherLedger { .. })),
            "{:?}",
            ended.why
        );
        assert_eq!(
            (
                ended.counts.count(StateName::Issued),
                ended.counts.count(StateName::Held)
            ),
            (issued, held)
        );
        let ledger = bench.admit(5, &["replays"]).await;
        let ended = bench.send(ledger, &world).await.expect("it ends");
        assert_eq!(ended.counts.count(StateName::Issued), 5 - held);
    }
}

#[tokio::test(start_paused = true)]
async fn max_coupons_is_never_passed() {
    let mut bench = Bench::new();
    bench.plan.max_coupons = 10;
    let world = World::new(&bench.clock, 50, |ask| {
        if ask.nth == 1 && ask.before % 3 == 0 {
            Act::IssueAndLose(Duration::from_secs(10))
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(30, &world).await;
    assert_eq!(
        (ended.ending, world.given(), world.most_coupons()),
        (Ending::NeedsPerson, 10, 1)
    );
    assert_eq!(
        ended.counts.count(StateName::Issued),
        10,
        "a doubt has its place already, and is resent"
    );
    assert_eq!(ended.why, StopReason::Halted(Halted::MaxCoupons { max: 10 }));
}

/// At the limit only the doubts are attempted, even if the run may begin no further delivery.
#[tokio::test(start_paused = true)]
async fn max_coupons_holds_up_no_resend() {
    for at_most in [u64::MAX, 10] {
        let mut bench = Bench::new();
        (bench.plan.max_coupons, bench.plan.run.at_most) = (10, at_most);
        let world = World::new(&bench.clock, 50, |ask| {
            if ask.nth == 1 {
                Act::IssueAndLose(Duration::from_secs(10))
            } else {
                Act::Issue
            }
        });
        let ended = bench.apply(10, &world).await;
        assert_eq!(
            (ended.ending, ended.counts.count(StateName::Issued)),
            (Ending::Complete, 10)
        );
        assert_eq!(world.seen(|seen| seen.starts.len()), 20);
    }
}

/// Runs a campaign of 30 users with `max_worth` of 50 yuan against a platform that states `stated` fen.
async fn apply_with_max_worth(coupon_value: Option<u64>, stated: i64) -> (u64, StopReason) {
    let mut bench = Bench::new();
    bench.plan.coupon_value = coupon_value.map(Money::from_fen);
    bench.plan.max_worth = Some(Money::from_fen(5_000));
    let world = World::new(&bench.clock, 50, |ask| {
        if ask.nth == 1 && ask.before % 3 == 1 {
            Act::IssueAndLose(Duration::from_secs(10))
        } else {
            Act::Issue
        }
    });
    world.states_value(stated);
    let ended = bench.apply(30, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::NeedsPerson, world.given()),
        "a doubt has its place already, and is resent"
    );
    (world.given(), ended.why)
}

fn max_worth_reached(each: Option<u64>) -> StopReason {
    StopReason::Halted(Halted::MaxWorth {
        max: Money::from_fen(5_000),
        each: each.map(Money::from_fen),
    })
}

#[tokio::test(start_paused = true)]
async fn max_worth_is_never_passed() {
    let by_file = apply_with_max_worth(Some(500), -1).await;
    assert_eq!(by_file, (10, max_worth_reached(Some(500))));
    let by_both = apply_with_max_worth(Some(700), 700).await;
    assert_eq!(by_both, (7, max_worth_reached(Some(700))));
}

#[tokio::test(start_paused = true)]
async fn the_first_coupon_shows_the_value_for_max_worth() {
    assert_eq!(apply_with_max_worth(None, 600).await, (8, max_worth_reached(Some(600))));
    assert_eq!(
        apply_with_max_worth(None, -1).await,
        (1, max_worth_reached(None)),
        "a limit that cannot be kept stops the run"
    );
}

#[tokio::test(start_paused = true)]
async fn the_value_that_the_platform_states_counts_for_max_worth() {
    assert_eq!(
        apply_with_max_worth(Some(1_000), 400).await,
        (12, max_worth_reached(Some(400)))
    );
}

/// A coupon that may exist beside the one that is sent again counts in the limit.
#[tokio::test(start_paused = true)]
async fn what_a_person_reopened_counts_before_each_send() {
    let mut bench = Bench::new();
    bench.plan.retry.in_doubt = runner::plan::InDoubt::Ask;
    let world = World::new(&bench.clock, 50, |ask| match ask.before {
        0 => Act::IssueAndLose(Duration::from_secs(10)),
        _ => Act::IssueAgain,
    });
    bench.apply(1, &world).await;
    let mut ledger = bench.open().await;
    let decision = ManualDecision {
        at: bench.clock.now(),
        by: "li@ops".into(),
        note: "better two than none".into(),
        from: StateName::InDoubt,
        to: Resolution::Owed { may_double: true },
        selection: "u0".into(),
    };
    let keys = vec![DeliveryKey {
        recipient: 0,
        ordinal: 1,
    }];
    let decision = Box::new(decision);
    ledger.append(vec![Fact::Decided { keys, decision }]).await.unwrap();
    bench.plan.max_coupons = 4;
    let ended = bench.apply(30, &world).await;
    assert_eq!(
        (
            ended.counts.count(StateName::Issued),
            world.seen(|seen| seen.starts.len())
        ),
        (3, 4),
        "the first of four may exist twice"
    );
    assert_eq!(ended.why, StopReason::Halted(Halted::MaxCoupons { max: 4 }));
}

#[tokio::test(start_paused = true)]
async fn stock_used_up_then_a_new_activity_settles_old_doubts_only_under_the_old_one() {
    let mut bench = Bench::new();
    let stock = |activity: &str, ask: &world::Ask| {
        if ask.activity_id == activity {
            Act::Say(29_005_086, Class::Halt)
        } else {
            Act::Issue
        }
    };
    let world = World::new(&bench.clock, 50, |ask| match ask.before {
        0..20 => Act::Issue,
        20..25 => Act::Lose(Duration::from_secs(10)),
        _ => Act::Say(29_005_086, Class::Halt),
    });
    let ended = bench.apply(100, &world).await;
    assert!(
        matches!(&ended.why, StopReason::Halted(Halted::Code { code: 29_005_086, .. })),
        "{:?}",
        ended.why
    );
    let doubts = ended.counts.count(StateName::InDoubt);
    assert!(doubts > 0);

    bench.plan.activity_id = runner::model::identity::ActivityId::parse("72").unwrap();
    let new = World::new(&bench.clock, 50, move |ask| stock("71", ask));
    let ended = bench.apply(100, &new).await;
    assert_eq!(
        (ended.ending, &ended.why),
        (Ending::NeedsPerson, &StopReason::NothingLeft)
    );
    assert_eq!(
        ended.counts.count(StateName::InDoubt),
        doubts,
        "they stay in doubt, and nothing halts"
    );
    assert_eq!(ended.counts.count(StateName::Issued), 100 - doubts);
    assert!(
        new.seen(|seen| seen.activities.values().all(|under| under.len() == 1)),
        "a resend goes under its own activity"
    );
}
