//! The order of recipients, who lapses before their turn, and who is not sent to any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use runner::douyin::NotReady;
use runner::engine::StopReason;
use runner::engine::send_order::SendOrder;
use runner::ledger::Fact;
use runner::model::clock::from_ms;
use runner::model::delivery::{Away, DeliveryKey, Skipped, StateName};
use runner::model::event::Ending;
use runner::model::outcome::Class;
use runner::model::run_command::RunCommand;
use runner::plan::AsOf;

use crate::bench::{BEGIN, Bench};
use crate::world::{Act, Ask, World};

/// A user who was last active `ago` seconds before the beginning, in seconds since the Unix epoch.
fn active(ago: i64) -> u32 {
    u32::try_from(BEGIN / 1000 - ago).unwrap()
}

const WITHIN: Duration = Duration::from_secs(100);

/// The users that were sent to, in order, and after how long.
type Asked = Arc<Mutex<Vec<(String, Duration)>>>;

/// A script that issues and records each user.
fn recording() -> (Asked, impl Fn(&Ask) -> Act) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    (asked, move |ask: &Ask| {
        seen.lock().unwrap().push((ask.open_id.clone(), ask.elapsed));
        Act::Issue
    })
}

#[tokio::test(start_paused = true)]
async fn turns_follow_the_roll_and_a_second_coupon_is_not_forgotten() {
    let mut bench = Bench::new();
    bench.plan.coupons_per_user = 2;
    bench.plan.pace.per_second = 2.0;
    bench.send_order = SendOrder::ordered(Some(vec![3, 0, 4, 1, 2]));
    let (asked, script) = recording();
    let world = World::new(&bench.clock, 700, script);
    let ended = bench.apply(5, &world).await;
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 10));
    let order: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|(open_id, _)| open_id.clone())
        .collect();
    assert_eq!(order[..5], ["u3", "u0", "u4", "u1", "u2"]);
    let mut second = order[5..].to_vec();
    second.sort();
    assert_eq!(second, ["u0", "u1", "u2", "u3", "u4"]);
}

#[tokio::test(start_paused = true)]
async fn who_lapses_before_the_turn_is_skipped_and_never_sent_to() {
    let mut bench = Bench::new();
    bench.plan.pace.per_second = 1.0;
    // One send a second: user n lapses n / 2 seconds after the beginning.
    let last = (0..40).map(|n| active(100 - n / 2)).collect();
    bench.send_order = SendOrder::default().with_expiry(last, WITHIN);
    let (asked, script) = recording();
    let world = World::new(&bench.clock, 50, script);
    let ended = bench.apply(40, &world).await;
    assert_eq!((ended.ending, &ended.why), (Ending::Complete, &StopReason::NothingLeft));
    let lapsed = ended.counts.count(StateName::Skipped);
    assert_eq!((ended.counts.count(StateName::Issued), lapsed), (19, 21));
    for (open_id, after) in asked.lock().unwrap().iter() {
        let user: u64 = open_id[1..].parse().unwrap();
        assert!(*after <= Duration::from_secs(user / 2), "{open_id} after {after:?}");
    }
    let ledger = bench.open().await;
    assert_eq!(ledger.state().skipped().get(&Skipped::Lapsed), Some(&21));
    assert_eq!(ledger.state().away(0), Some(Away::Lapsed), "the next apply knows it");
}

#[tokio::test(start_paused = true)]
async fn expiring_first_saves_those_who_would_lapse() {
    let given = |order: Option<Vec<u32>>| async {
        let mut bench = Bench::new();
        bench.plan.pace.per_second = 1.0;
        // The later a user is listed, the sooner they lapse.
        let last = (0..40).map(|n| active(60 + n)).collect();
        bench.send_order = SendOrder::ordered(order).with_expiry(last, WITHIN);
        let world = World::new(&bench.clock, 50, |_| Act::Issue);
        bench.apply(40, &world).await;
        world.given()
    };
    let listed = given(None).await;
    let expiring = given(Some((0..40).rev().collect())).await;
    assert_eq!((listed, expiring), (20, 40));
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_at_again_right_before_the_send() {
    let mut bench = Bench::new();
    bench.plan.pace.per_second = 0.5;
    // The second attempt is armed after the first one's start and waits two seconds for the pace. During that wait the wall
    // clock is put forward.
    bench.send_order = SendOrder::default().with_expiry(vec![active(0), active(50), active(0)], WITHIN);
    let (asked, script) = recording();
    let world = World::new(&bench.clock, 50, script);
    let forward = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        bench.clock.shift_ms(60_000);
    };
    let (ended, ()) = tokio::join!(bench.apply(3, &world), forward);
    assert_eq!(ended.counts.count(StateName::Skipped), 1);
    let order: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|(open_id, _)| open_id.clone())
        .collect();
    assert_eq!(order, ["u0", "u2"]);
    let mut ledger = bench.open().await;
    let mut armed = false;
    let look = |_, fact| armed |= matches!(fact, Fact::Intent { key, .. } if key.recipient == 1);
    ledger.facts(look).await.unwrap();
    assert!(armed, "it was about to be sent");
}

#[tokio::test(start_paused = true)]
async fn a_user_who_lapses_after_a_deferred_attempt_is_skipped_and_a_doubt_is_resent() {
    let mut bench = Bench::new();
    bench.plan.retry.first_delay = Duration::from_secs(20);
    bench.plan.retry.max_delay = Duration::from_secs(20);
    bench.send_order = SendOrder::default().with_expiry(vec![active(95), active(95)], WITHIN);
    let world = World::new(&bench.clock, 50, |ask| match (ask.open_id.as_str(), ask.nth) {
        ("u0", 1) => Act::Refuse,
        ("u1", 1) => Act::IssueAndLose(Duration::from_secs(10)),
        _ => Act::Issue,
    });
    let ended = bench.apply(2, &world).await;
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(
        (
            ended.counts.count(StateName::Issued),
            ended.counts.count(StateName::Skipped)
        ),
        (1, 1)
    );
    assert_eq!(
        (world.given(), world.most_coupons()),
        (1, 1),
        "the doubt is learnt of, whoever lapsed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_goes_by_the_start_of_the_schedule() {
    let mut bench = Bench::new();
    // By the wall clock every user lapsed long ago; by the start, which is a thousand seconds earlier, none has.
    bench.plan.audience.as_of = AsOf::From(from_ms(BEGIN - 1_000_000));
    bench.send_order = SendOrder::default().with_expiry(vec![active(1_050); 50], WITHIN);
    let world = World::new(&bench.clock, 50, |_| Act::Issue);
    let ended = bench.apply(50, &world).await;
    assert_eq!(ended.counts.count(StateName::Issued), 50);
}

#[tokio::test(start_paused = true)]
async fn who_is_excluded_by_now_is_not_sent_to_again_and_a_person_decides() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.open_id.as_str() {
        "u0" => Act::Lose(Duration::from_secs(10)),
        "u1" => Act::Say(7, Class::Hold),
        _ => Act::Issue,
    });
    let stop = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        bench.commands.send_replace(RunCommand::Stop { by: None });
    };
    let ledger = bench.admit(3, &[]).await;
    let (ended, ()) = tokio::join!(bench.send(ledger, &world), stop);
    assert_eq!(ended.unwrap().counts.count(StateName::InDoubt), 1);
    bench.commands.send_replace(RunCommand::Go);
    let asked = world.seen(|seen| seen.starts.len());

    let mut ledger = bench.open().await;
    let generation = ledger.state().generation().cloned().unwrap();
    let away = Fact::Away {
        why: Away::Excluded,
        recipients: vec![0, 1, 2],
    };
    let began = Fact::run_began(bench.clock.now(), Duration::from_secs(10));
    ledger
        .append(vec![began, away, Fact::Closed(Box::new(generation))])
        .await
        .unwrap();
    let state = |recipient| {
        let key = DeliveryKey { recipient, ordinal: 1 };
        ledger.state().status(key).state.name()
    };
    assert_eq!(
        [0, 1, 2].map(state),
        [StateName::InDoubt, StateName::Skipped, StateName::Issued]
    );
    let ended = bench.send(ledger, &world).await.unwrap();
    assert_eq!(
        (ended.ending, ended.why),
        (Ending::NeedsPerson, StopReason::NothingLeft)
    );
    assert_eq!(world.seen(|seen| seen.starts.len()), asked);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_late_makes_nobody_who_lapsed_a_recipient() {
    let mut bench = Bench::new();
    bench.send_order = SendOrder::default().with_expiry(vec![active(70); 5], WITHIN);
    let world = World::with_token(
        &bench.clock,
        50,
        |_| Act::Issue,
        |since| {
            if since < Duration::from_mins(1) {
                let why = "no answer".to_owned();
                let again = tokio::time::Instant::now() + Duration::from_secs(5);
                return Err(NotReady::OutOfReach { why: why.into(), again });
            }
            Ok(())
        },
    );
    let ended = bench.apply(5, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Skipped), world.given()),
        (Ending::Complete, 5, 0)
    );
}
