//! The limits of a run: the pace, the slow start, throttles, outages, tokens and guards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runner::douyin::NotReady;
use runner::douyin::wire::SendRequest;
use runner::engine::StopReason;
use runner::fake_platform::{self, RuleSettings, Rules, code};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Halted, Phase, Waiting};
use runner::model::identity::ActivityId;
use runner::model::outcome::Class;
use tokio::time::Instant;

use crate::bench::Bench;
use crate::world::{Act, Passed, World};

#[tokio::test(start_paused = true)]
async fn the_pace_is_kept_and_reached() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    bench.apply(3_000, &world).await;
    assert!(world.harshest_second() <= 98, "{}", world.harshest_second());
    let took = world.seen(|seen| (seen.starts[2_999] - seen.starts[1_000]).as_secs_f64());
    assert!(1_999.0 / took >= 98.0 * 0.99, "{} per second", 1_999.0 / took);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stalls_lets_no_burst_through() {
    for stall in [5, 500, 1_500] {
        let bench = Bench::new();
        bench.store.stall(Duration::from_millis(stall));
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        let ended = bench.apply(400, &world).await;
        assert_eq!(ended.ending, Ending::Complete);
        assert!(
            world.harshest_second() <= 98,
            "{} at {stall} ms",
            world.harshest_second()
        );
    }
}

/// For three seconds of every six no connect completes, and then all complete together.
#[tokio::test(start_paused = true)]
async fn connects_that_stall_and_complete_together_let_no_burst_through() {
    for in_flight in [64, 512] {
        let mut bench = Bench::new();
        bench.plan.pace.max_in_flight = in_flight;
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        world.connects(|elapsed| {
            let into =
                Duration::from_millis(elapsed.subsec_millis().into()) + Duration::from_secs(elapsed.as_secs() % 6);
            (
                Duration::from_secs(6).saturating_sub(into).min(Duration::from_secs(3)),
                true,
            )
        });
        let ended = bench.apply(1_500, &world).await;
        assert_eq!((ended.ending, world.given()), (Ending::Complete, 1_500));
        assert!(
            world.harshest_second() <= 98,
            "{} with {in_flight}",
            world.harshest_second()
        );
        let most = world.seen(|seen| seen.most_connecting);
        assert!(
            (2..=usize::from(in_flight).min(98)).contains(&most),
            "{most} with {in_flight}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_reached_although_every_request_needs_a_new_connection() {
    for takes in [50, 400] {
        let bench = Bench::new();
        let world = World::new(&bench.clock, 70, |_| Act::Issue);
        world.connects(move |_| (Duration::from_millis(takes), true));
        bench.apply(3_000, &world).await;
        assert!(world.harshest_second() <= 98, "{}", world.harshest_second());
        let took = world.seen(|seen| (seen.starts[2_999] - seen.starts[1_000]).as_secs_f64());
        assert!(
            1_999.0 / took >= 98.0 * 0.99,
            "{} per second at {takes} ms",
            1_999.0 / took
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_a_connection_is_not_sent_and_uses_up_no_start() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let connects = AtomicU64::new(0);
    world.connects(move |_| {
        let nth = connects.fetch_add(1, Ordering::Relaxed);
        (Duration::from_millis(5), nth % 4 != 3)
    });
    let ended = bench.apply(2_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 2_000));
    let began = bench.told(|kind| matches!(kind, EventKind::AttemptBegan { .. }).then_some(()));
    let unsent = bench.told(|kind| match kind {
        EventKind::AttemptEnded(attempt) if !attempt.started => Some(attempt.outcome.clone()),
        _ => None,
    });
    assert_eq!(began.len(), 2_000, "only what is sent is a start");
    assert!(
        unsent.len() > 500 && unsent.iter().all(|outcome| outcome == "not_sent"),
        "{unsent:?}"
    );
    let took = world.seen(|seen| (seen.starts[1_500] - seen.starts[500]).as_secs_f64());
    assert!(1_000.0 / took >= 98.0 * 0.99, "{} per second", 1_000.0 / took);
}

#[tokio::test(start_paused = true)]
async fn retries_and_resends_are_paced_like_everything_else() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 5, |ask| match (ask.nth, ask.before % 3) {
        (1, 0) => Act::Say(28_001_005, Class::Retry),
        (1, 1) => Act::Say(28_001_003, Class::Token),
        _ => Act::Issue,
    });
    let ended = bench.apply(1_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 1_000));
    assert!(world.harshest_second() <= 98);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_activity_costs_twenty_sends_all_held() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |_| Act::Say(29_009_999, Class::Hold));
    let ended = bench.apply(5_000, &world).await;
    assert!(
        matches!(
            &ended.why,
            StopReason::Halted(Halted::SameCode {
                code: 29_009_999,
                n: 20,
                ..
            })
        ),
        "{:?}",
        ended.why
    );
    assert_eq!(
        (
            ended.counts.count(StateName::Held),
            world.seen(|seen| seen.starts.len())
        ),
        (20, 20)
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_address_halts_at_the_first_send_which_is_in_doubt() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |_| Act::NotFound(Passed::No));
    let ended = bench.apply(50, &world).await;
    assert!(
        matches!(&ended.why, StopReason::Halted(Halted::Http { .. })),
        "{:?}",
        ended.why
    );
    assert_eq!(ended.ending, Ending::NeedsPerson);
    assert_eq!((ended.counts.owed(), ended.counts.count(StateName::InDoubt)), (49, 1));
    assert_eq!(world.seen(|seen| seen.starts.len()), 1);
}

/// The code decides, for any HTTP status.
#[tokio::test(start_paused = true)]
async fn a_success_without_a_coupon_is_in_doubt_and_no_wrong_address() {
    let bench = Bench::new();
    let world = World::new(
        &bench.clock,
        70,
        |ask| if ask.nth == 1 { Act::NoCoupon } else { Act::Issue },
    );
    let ended = bench.apply(50, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 50)
    );
    assert_eq!((world.most_coupons(), world.seen(|seen| seen.starts.len())), (1, 100));
}

/// A gateway that forwards requests and rejects the answers. Deliveries of the halted run are sent again with the same id
/// under the same activity, although the file names another one by then.
#[tokio::test(start_paused = true)]
async fn what_a_wrong_address_left_in_doubt_is_resent_under_its_own_activity() {
    let mut bench = Bench::new();
    let world = World::new(&bench.clock, 70, |ask| {
        if (20..25).contains(&ask.before) {
            Act::NotFound(Passed::On)
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(60, &world).await;
    assert!(
        matches!(&ended.why, StopReason::Halted(Halted::Http { .. })),
        "{:?}",
        ended.why
    );
    let in_doubt = ended.counts.count(StateName::InDoubt);
    assert!(in_doubt >= 3, "{in_doubt} are in doubt");
    assert_eq!(
        ended.counts.count(StateName::Deferred),
        0,
        "no answer proved that nothing was issued"
    );

    bench.plan.activity_id = ActivityId::parse("72").unwrap();
    let ended = bench.apply(60, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 60)
    );
    assert_eq!((world.most_coupons(), world.given()), (1, 60));
    let two_activities = world.seen(|seen| seen.activities.values().filter(|of| of.len() > 1).count());
    assert_eq!(two_activities, 0);
}

#[tokio::test(start_paused = true)]
async fn a_halt_code_starts_nothing_more_than_what_is_in_flight() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 1_000, |ask| {
        if ask.before == 300 {
            Act::Say(28_003_017, Class::Halt)
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(1_000, &world).await;
    assert!(matches!(
        &ended.why,
        StopReason::Halted(Halted::Code { code: 28_003_017, .. })
    ));
    let starts = world.seen(|seen| seen.starts.len()) as u64;
    assert!(starts <= 301 + 64, "{starts}");
    assert_eq!(ended.counts.count(StateName::Issued), starts - 1);
}

/// The platform's own quota, of which another sender of the app id takes 40 in every second.
fn beside_another_sender(bench: &Bench) -> Arc<World> {
    let rules = Rules::new(
        1,
        RuleSettings {
            foreign_load: 40,
            access_token: Some("clt.given".to_owned()),
            refuse: 0.0,
            ..RuleSettings::default()
        },
    );
    let rules = Mutex::new(rules);
    let clock = bench.clock.clone();
    World::new(&bench.clock, 70, move |ask| {
        let request = SendRequest {
            app_id: "tt1".to_owned(),
            open_id: ask.open_id.clone(),
            activity_id: ask.activity_id.clone(),
            merchant_coupon_id: ask.open_id.clone(),
        };
        let now = fake_platform::Moment {
            since_start: ask.elapsed,
            wall: clock.now(),
        };
        match rules.lock().unwrap().send(&request, Some("clt.given"), now).code {
            code::TOO_FREQUENT => Act::Say(code::TOO_FREQUENT, Class::Throttle),
            _ => Act::Issue,
        }
    })
}

#[tokio::test(start_paused = true)]
async fn beside_another_sender_nearly_all_that_is_left_is_used_and_little_is_refused() {
    let bench = Bench::new();
    let world = beside_another_sender(&bench);
    let began = Instant::now();
    let ended = bench.apply(12_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 12_000));
    let per_second = 12_000.0 / began.elapsed().as_secs_f64();
    assert!(per_second >= 60.0 * 0.9, "{per_second} of 60 in a second");
    let sent = world.seen(|seen| seen.starts.len());
    assert!(
        (sent - 12_000) * 100 <= sent * 2,
        "{} of {sent} were refused",
        sent - 12_000
    );
}

#[tokio::test(start_paused = true)]
async fn one_throttled_user_slows_nobody_and_three_halve_the_pace_until_it_recovers() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 20, |ask| match ask.elapsed.as_millis() {
        4_000..4_060 => Act::Say(29_005_012, Class::Throttle),
        _ => Act::Issue,
    });
    let ended = bench.apply(3_000, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 3_000));
    let paces = bench.told(|kind| match kind {
        EventKind::PaceChanged { per_second, until } => Some((per_second.round(), until.is_some())),
        _ => None,
    });
    assert_eq!(paces.first(), Some(&(49.0, true)));
    assert_eq!(paces.last(), Some(&(98.0, false)));
    let in_slow_second = world.seen(|seen| {
        let begin = seen.starts[0] + Duration::from_millis(4_500);
        seen.starts
            .iter()
            .filter(|at| (begin..begin + Duration::from_secs(1)).contains(at))
            .count()
    });
    assert!((45..=50).contains(&in_slow_second), "{in_slow_second}");
}

/// An outage of twenty minutes that begins after some seconds, in the form of `act`.
async fn outage(act: Act) {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, move |ask| match ask.elapsed.as_secs() {
        5..1_205 => act,
        _ => Act::Issue,
    });
    let began = Instant::now();
    let ended = bench.apply(2_000, &world).await;
    assert_eq!(ended.ending, Ending::Complete, "{act:?}: it ends by itself");
    assert_eq!((world.given(), world.most_coupons()), (2_000, 1));
    assert!(
        began.elapsed() < Duration::from_mins(26),
        "{act:?}: {:?}",
        began.elapsed()
    );
    let most_in_doubt = bench.told(|kind| match kind {
        EventKind::Counted { counts, .. } => Some(counts.count(StateName::InDoubt) + counts.count(StateName::InFlight)),
        _ => None,
    });
    let probes = 20;
    assert!(most_in_doubt.into_iter().max() <= Some(50 + 64 + probes), "{act:?}");
    let shown = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Outage { .. },
            until,
        }) => *until,
        _ => None,
    });
    assert!(!shown.is_empty(), "{act:?}: it is shown, with its next probe");
    assert!(world.harshest_second() <= 98);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_502s_ends_by_itself() {
    outage(Act::Say(28_001_005, Class::Retry)).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_hanging_connections_ends_by_itself() {
    outage(Act::Lose(Duration::from_secs(10))).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_refused_connections_ends_by_itself() {
    outage(Act::Refuse).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_allowed_and_an_outage_calls_off_what_is_armed() {
    let mut bench = Bench::new();
    bench.plan.pace.max_in_flight = 8;
    bench.plan.retry.attempts = 1;
    bench.plan.retry.give_up = Duration::from_secs(4);
    let world = World::new(&bench.clock, 70, |ask| match ask.elapsed.as_secs() {
        0..5 => Act::Issue,
        _ => Act::Lose(Duration::from_secs(10)),
    });
    let began = Instant::now();
    bench.apply(2_000, &world).await;
    assert_eq!(world.seen(|seen| seen.most_under_way), 8);
    let lost = world.seen(|seen| {
        let late = |start: &&Instant| **start >= began + Duration::from_secs(5);
        seen.starts.iter().filter(late).count()
    });
    assert!(
        lost <= 26 + 8,
        "an outage is noticed by 26, beside which 8 are under way: {lost}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_from_the_first_send_on_is_survived_too() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |ask| {
        if ask.elapsed.as_secs() < 600 {
            Act::Refuse
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(200, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 200));
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_lasts_too_long_ends_the_run_and_the_next_one_goes_on() {
    let mut bench = Bench::new();
    bench.plan.retry.give_up = Duration::from_hours(1);
    let world = World::new(&bench.clock, 70, |ask| {
        if ask.elapsed.as_secs() < 5_000 {
            Act::Refuse
        } else {
            Act::Issue
        }
    });
    let ended = bench.apply(200, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::Incomplete, StopReason::GaveUp));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.apply(200, &world).await.ending, Ending::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_streamers_plan_is_waited_out_with_a_probe_every_ten_minutes() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 70, |ask| match ask.elapsed.as_secs() {
        3..3_600 => Act::Say(990_000_004, Class::Wait),
        _ => Act::Issue,
    });
    let ended = bench.apply(500, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 500));
    let asked = world.seen(|seen| seen.starts.len());
    assert!(asked <= 500 + 64 + 6, "{asked}");
    let shown = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Platform { code, .. },
            ..
        }) => Some(*code),
        _ => None,
    });
    assert!(shown.contains(&990_000_004));
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_refused_stop_before_the_first_send() {
    let bench = Bench::new();
    let refused = |_| Err(NotReady::Refused { why: "10003".into() });
    let world = World::with_token(&bench.clock, 70, |_| Act::Issue, refused);
    let ended = bench.apply(50, &world).await;
    assert!(
        matches!(&ended.why, StopReason::Halted(Halted::Credentials { .. })),
        "{:?}",
        ended.why
    );
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Pending)),
        (Ending::NeedsPerson, 50)
    );
    assert_eq!(world.seen(|seen| seen.starts.len()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_had_for_a_while_is_waited_for() {
    let bench = Bench::new();
    let token = |elapsed: Duration| match elapsed.as_secs() {
        3..300 => Err(NotReady::OutOfReach {
            why: "busy".into(),
            again: Instant::now() + Duration::from_secs(20),
        }),
        _ => Ok(()),
    };
    let world = World::with_token(&bench.clock, 70, |_| Act::Issue, token);
    let ended = bench.apply(900, &world).await;
    assert_eq!(
        (ended.ending, world.given(), world.most_coupons()),
        (Ending::Complete, 900, 1)
    );
    let shown = bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Token { why, .. },
            ..
        }) => Some(why.clone()),
        _ => None,
    });
    assert!(shown.iter().any(|why| why.english() == "busy"));
}
