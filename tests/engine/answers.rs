//! Answers that cannot belong to their delivery: the delivery is in doubt, nothing is counted twice, and the run halts.

use runner::engine::{RunOutcome, StopReason};
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::{Ending, EventKind, Halted};
use runner::model::outcome::Class;

use crate::bench::Bench;
use crate::world::{Act, Ask, World};

const REFUSED: i64 = 28_001_045;

fn number(ask: &Ask) -> u64 {
    ask.open_id[1..].parse().unwrap()
}

/// The text of the halt: which id, of which delivery.
fn mixed(ended: &RunOutcome) -> &str {
    match &ended.why {
        StopReason::Halted(Halted::MixedAnswers { id, .. }) => id,
        why => panic!("{why:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_coupon_for_two_deliveries_of_a_user_is_not_counted_twice() {
    let mut bench = Bench::new();
    bench.plan.coupons_per_user = 2;
    let world = World::new(&bench.clock, 50, |ask| Act::IssueNumbered(number(ask)));
    let ended = bench.apply(20, &world).await;
    assert!(mixed(&ended).starts_with("coupon_id "), "{:?}", ended.why);
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::NeedsPerson, 20)
    );
    assert!(ended.counts.count(StateName::InDoubt) > 0);
}

/// The coupons of a user are known for the whole campaign.
#[tokio::test(start_paused = true)]
async fn a_coupon_of_an_earlier_run_is_not_counted_twice() {
    let mut bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| Act::IssueNumbered(number(ask)));
    assert_eq!(bench.apply(5, &world).await.ending, Ending::Complete);
    bench.plan.coupons_per_user = 2;
    let ended = bench.apply(5, &world).await;
    mixed(&ended);
    assert_eq!(ended.counts.count(StateName::Issued), 5);
    let ledger = bench.open().await;
    let first = DeliveryKey {
        recipient: 0,
        ordinal: 2,
    };
    assert_eq!(ledger.state().status(first).state.name(), StateName::InDoubt);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_the_log_id_of_another_user_refuses_nobody() {
    let mut bench = Bench::new();
    bench.plan.pace.max_in_flight = 1;
    let world = World::new(&bench.clock, 50, |ask| match ask.open_id.as_str() {
        "u1" | "u3" => Act::SayLogged(REFUSED, Class::Refuse, "once"),
        _ => Act::Issue,
    });
    let ended = bench.apply(5, &world).await;
    assert_eq!(mixed(&ended), "log_id once");
    let counts = ended.counts;
    assert_eq!(
        (counts.count(StateName::Refused), counts.count(StateName::InDoubt)),
        (1, 1)
    );
    let told = bench.told(|kind| match kind {
        EventKind::AttemptEnded(attempt) if attempt.open_id.as_str() == "u3" => {
            Some((attempt.outcome.clone(), attempt.code, attempt.message.clone()))
        }
        _ => None,
    });
    let [(outcome, None, message)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(outcome, "unknown");
    insta::assert_snapshot!(
        message,
        @"the answer has the log_id once of another delivery, penfq605p9dmkxe9jj6t: HTTP 200, code 28001045, log_id once"
    );
}

/// A delivery in doubt is sent again with its own id, and settled by its own answer.
#[tokio::test(start_paused = true)]
async fn after_the_halt_the_same_command_goes_on() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.before {
        0 | 1 => Act::IssueNumbered(7),
        _ => Act::Issue,
    });
    mixed(&bench.apply(20, &world).await);
    let ended = bench.apply(20, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 20)
    );
    assert_eq!((world.given(), world.most_coupons()), (20, 1));
}

/// The platform may answer a repeated id with the whole answer of the first time.
#[tokio::test(start_paused = true)]
async fn a_repeated_success_of_the_same_delivery_settles_it() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.nth {
        1 => Act::SayLogged(28_001_005, Class::Retry, "twice"),
        _ => Act::IssueNumbered(7),
    });
    let ended = bench.apply(1, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 1)
    );
}

/// A repeated answer that is not a success does not belong to the new attempt, which may have issued.
#[tokio::test(start_paused = true)]
async fn any_other_answer_that_comes_again_leaves_its_attempt_in_doubt() {
    let bench = Bench::new();
    let world = World::new(&bench.clock, 50, |ask| match ask.nth {
        1 | 2 => Act::SayLogged(29_005_012, Class::Throttle, "twice"),
        _ => Act::Say(REFUSED, Class::Refuse),
    });
    let ended = bench.apply(1, &world).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::InDoubt)),
        (Ending::NeedsPerson, 1),
        "a refusal does not settle it: {:?}",
        ended.why
    );
}
