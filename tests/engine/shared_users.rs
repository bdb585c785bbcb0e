//! Campaigns of one app id with common users: never two requests for one user at once, and no user is forgotten.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::{EngineError, StopReason};
use runner::model::delivery::StateName;
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::run_command::RunCommand;
use tokio::time::Instant;

use crate::app_limiter::{Agency, app_of};
use crate::waves::wave;
use crate::world::{Act, World};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that requests to each user are at least `apart` from each other, across all campaigns.
fn assert_apart(world: &World, users: u32, apart: Duration) {
    for user in 0..users {
        let starts = world.starts_to(&format!("u{user}"));
        for pair in starts.windows(2) {
            assert!(pair[1] - pair[0] >= apart, "u{user}: {:?}", pair[1] - pair[0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn campaigns_with_the_same_users_never_send_to_one_user_at_once() {
    let agency = Agency::new(4, 300, |ask| match ask.before % 11 {
        3 => Act::IssueAndLose(TIMEOUT),
        5 => Act::Refuse,
        _ => Act::Issue,
    });
    let ended = agency.apply(&[150; 4]).await;
    assert!(
        ended.iter().all(|(ended, _)| ended.ending == Ending::Complete),
        "{ended:?}"
    );
    assert_eq!((agency.world.given(), agency.world.most_coupons()), (600, 1));
    let crowded = agency.world.seen(|seen| seen.crowded.clone());
    assert!(crowded.is_empty(), "{crowded:?}");
    assert!(agency.world.harshest_second() <= 98);
}

/// Skipping a reserved user costs no start while others are left.
#[tokio::test(start_paused = true)]
async fn the_pace_is_reached_with_the_same_users_too() {
    let agency = Agency::new(3, 200, |_| Act::Issue);
    let ended = agency.apply(&[600; 3]).await;
    let last = ended.iter().map(|(_, took)| took.as_secs_f64()).fold(0.0, f64::max);
    assert!(last < 1_800.0 / 98.0 + 4.0, "{last}");
    assert!(agency.world.seen(|seen| seen.crowded.is_empty()));
}

/// A campaign with nothing else to do continues as soon as the user is free.
#[tokio::test(start_paused = true)]
async fn a_campaign_that_waits_for_a_user_goes_on_when_the_attempt_is_over() {
    let agency = Agency::new(3, 4_000, |_| Act::Issue);
    let ended = agency.apply(&[1; 3]).await;
    assert!(ended.iter().all(|(ended, _)| ended.ending == Ending::Complete));
    let starts = agency.world.starts_to("u0");
    assert_apart(&agency.world, 1, Duration::from_secs(4));
    let all = starts[2] - starts[0];
    assert!(all < Duration::from_millis(8_200), "{all:?}");
    // They say what they wait for: of three campaigns, two had to wait.
    let waits_for_user = |kind: &EventKind| match kind {
        EventKind::Phase(Phase::Waiting { why: Waiting::User, .. }) => Some(()),
        _ => None,
    };
    let waited = agency
        .benches
        .iter()
        .filter(|bench| !bench.told(waits_for_user).is_empty());
    assert_eq!(waited.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_no_campaign_sends_to_the_user_within_the_timeout() {
    let agency = Agency::new(2, 50, |ask| match (app_of(ask), ask.nth) {
        // The connection ends after a second, so the request may be at the platform for nine seconds more.
        (0, 1) => Act::IssueAndLose(Duration::from_secs(1)),
        _ => Act::Issue,
    });
    let ended = agency.apply(&[20; 2]).await;
    assert!(ended.iter().all(|(ended, _)| ended.ending == Ending::Complete));
    for user in 0..20 {
        let starts = agency.world.starts_to(&format!("u{user}"));
        let lost = agency.world.seen(|seen| {
            let mut order = seen.users.iter().zip(&seen.order).zip(&seen.starts);
            let first = order.find(|((to, (_, activity)), _)| *to == &format!("u{user}") && activity == "100");
            *first.unwrap().1
        });
        let next = starts.iter().find(|start| **start > lost).copied().unwrap();
        let campaign_1_was_first = starts[0] < lost;
        assert!(
            next - lost >= TIMEOUT || campaign_1_was_first && starts.len() == 2,
            "u{user}: {:?}",
            next - lost
        );
    }
}

/// A campaign whose ledger fails waits for its attempts in flight. A lost request may be at the platform for longer.
#[tokio::test(start_paused = true)]
async fn a_campaign_that_fails_leaves_its_users_to_others_when_their_requests_are_over() {
    let agency = Agency::new(2, 3_000, |ask| match (app_of(ask), ask.open_id.as_str()) {
        (0, "u2") => Act::Lose(Duration::from_secs(1)),
        _ => Act::Issue,
    });
    let failing = Arc::clone(&agency.benches[0]);
    let store = failing.store.clone();
    let limiter = Arc::clone(&agency.limiter);
    let world = Arc::clone(&agency.world);
    let ledger = failing.admit(3, &[]).await;
    let failed = tokio::spawn(async move {
        failing
            .send_in(&limiter, failing.send_order.clone(), ledger, &world)
            .await
    });
    // u0 is answered after four seconds; then u1 and u2 are in flight, and the lost answer of u2 cannot be stored.
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    store.fail_after(0);
    assert_eq!(agency.world.starts_to("u1").len(), 1);
    let ended = agency.benches[1].apply_in(&agency.limiter, 3, &agency.world).await;
    assert!(matches!(failed.await.unwrap(), Err(EngineError::Ledger(_))));
    assert_eq!(ended.ending, Ending::Complete);
    for (user, apart) in [("u1", Duration::from_secs(3)), ("u2", TIMEOUT)] {
        let starts = agency.world.starts_to(user);
        assert!(starts[1] - starts[0] >= apart, "{user}: {:?}", starts[1] - starts[0]);
    }
    assert!(agency.world.seen(|seen| seen.crowded.is_empty()));
}

/// Only the campaign whose ledger has it knows a killed process's doubt.
#[tokio::test(start_paused = true)]
async fn what_a_killed_process_left_in_flight_keeps_other_campaigns_away() {
    let mut agency = Agency::new(2, 3_000, |_| Act::Issue);
    agency.campaign(1).plan.schedule.start = runner::model::clock::later(
        runner::model::clock::from_ms(crate::bench::BEGIN),
        Duration::from_millis(1_500),
    );
    let killed = agency.benches[0].apply_in(&agency.limiter, 1, &agency.world);
    let _killed = tokio::time::timeout(Duration::from_millis(1_400), killed).await;
    assert_eq!(agency.world.starts_to("u0").len(), 1);
    agency.turns.release_killed();
    let next = Agency {
        limiter: runner::engine::app_limiter::AppLimiter::new(agency.turns.clone()),
        ..agency
    };
    let restarted = Instant::now();
    let ended = next.apply(&[1, 1]).await;
    assert!(ended.iter().all(|(ended, _)| ended.ending == Ending::Complete));
    let starts = next.world.starts_to("u0");
    assert!(starts[1] - restarted >= TIMEOUT, "{:?}", starts[1] - restarted);
    assert!(next.world.seen(|seen| seen.crowded.is_empty()));
}

/// Another process does not know of a lost answer, so it gets the app lock only after that request is over.
#[tokio::test(start_paused = true)]
async fn the_app_id_is_kept_until_no_lost_request_can_be_at_the_platform() {
    let mut agency = Agency::new(1, 50, |ask| match ask.before {
        0 => Act::Issue,
        _ => Act::Lose(Duration::from_secs(1)),
    });
    agency.campaign(0).plan.retry.attempts = 1;
    let turns = agency.turns.clone();
    let world = Arc::clone(&agency.world);
    let watched = tokio::spawn(async move {
        while !turns.is_held() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while turns.is_held() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Instant::now() - *world.seen(|seen| seen.starts.clone()).last().unwrap()
    });
    let ended = agency.apply(&[2]).await;
    assert_eq!(ended[0].0.counts.count(StateName::InDoubt), 1);
    let kept = watched.await.unwrap();
    assert!(
        (TIMEOUT..TIMEOUT + Duration::from_secs(1)).contains(&kept),
        "{kept:?} after the last start"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wave_does_not_end_while_its_users_are_passed_over() {
    let mut agency = Agency::new(2, 2_000, |_| Act::Issue);
    agency.campaign(1).plan.schedule.waves = vec![wave(0.5, 1)];
    agency.campaign(1).plan.schedule.waits = true;
    let ended = agency.apply(&[40, 40]).await;
    assert!(ended.iter().all(|(ended, _)| ended.ending == Ending::Complete));
    assert!(agency.world.seen(|seen| seen.crowded.is_empty()));
    let bench = &agency.benches[1];
    let in_wave = (0..40).filter(|user| crate::waves::wave_of(bench, *user) == 0).count() as u64;
    let issued_at_end = std::sync::Mutex::new(0);
    let at_end = bench.told(|kind| match kind {
        EventKind::Counted { counts, .. } => {
            *issued_at_end.lock().unwrap() = counts.count(StateName::Issued);
            None
        }
        EventKind::Wave { ended: true, .. } => Some(*issued_at_end.lock().unwrap()),
        _ => None,
    });
    assert_eq!(at_end, [in_wave], "all of it and nobody else");
}

#[tokio::test(start_paused = true)]
async fn at_most_counts_those_that_were_sent_and_not_those_that_were_passed_over() {
    let mut agency = Agency::new(2, 1_000, |_| Act::Issue);
    agency.campaign(1).plan.run.at_most = 7;
    let ended = agency.apply(&[30, 30]).await;
    assert_eq!(
        (&ended[1].0.why, ended[1].0.counts.count(StateName::Issued)),
        (&StopReason::AtMost, 7)
    );
    assert_eq!(ended[0].0.ending, Ending::Complete);
    assert!(agency.world.seen(|seen| seen.crowded.is_empty()));
}

/// A paused run reserves nothing that another run waits for.
#[tokio::test(start_paused = true)]
async fn a_pause_frees_the_users_of_what_was_prepared() {
    let agency = Agency::new(2, 50, |_| Act::Issue);
    let paused = Arc::clone(&agency.benches[0]);
    tokio::spawn(async move {
        // The first second passes before anything starts, and one intent is prepared.
        tokio::time::sleep(Duration::from_millis(500)).await;
        paused.commands.send_replace(RunCommand::Pause {
            by: crate::run_commands::requester(),
        });
        tokio::time::sleep(Duration::from_mins(5)).await;
        paused.commands.send_replace(RunCommand::Go);
    });
    let ended = agency.apply(&[20, 20]).await;
    let took = ended[1].1;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(ended.iter().all(|(ended, _)| ended.ending == Ending::Complete));
}
