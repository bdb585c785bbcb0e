//! Envelopes: a run sends no coupon outside the approval that it goes by, and the ledger names one that was sent nevertheless.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::StopReason;
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger};
use runner::model::clock::later;
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::envelope::{Envelope, Excess, RunApproval};
use runner::model::event::{Ending, Halted};
use runner::model::money::Money;

use crate::bench::Bench;
use crate::world::{Act, World};

/// The bounds for a campaign of any size, which a test makes narrower.
fn wide(bench: &Bench) -> Envelope {
    Envelope {
        coupons: 1_000,
        worth: None,
        coupon_value: None,
        per_user: 1,
        from: bench.clock.now(),
        until: None,
        audience: None,
    }
}

async fn approved(bench: &Bench, users: u32, envelope: Envelope) -> Ledger<MemoryStore> {
    let mut ledger = bench.admit(users, &[]).await;
    let fact = Fact::RunApproved {
        at: bench.clock.now(),
        approval: Box::new(RunApproval {
            sequence: 17,
            link: [7; 8],
            at: bench.clock.now(),
            by: vec!["wang".to_owned()],
            fingerprint: "0a1b2c3d4e-5f60718293-first".to_owned(),
            envelope,
            is_required: true,
        }),
    };
    ledger.append(vec![fact]).await.unwrap();
    ledger
}

async fn outside(bench: &Bench) -> u64 {
    bench.open().await.state().approved_attempts().outside
}

/// Every third answer is lost, and its delivery is resent.
fn world(bench: &Bench) -> Arc<World> {
    World::new(&bench.clock, 50, |ask| {
        if ask.nth == 1 && ask.before % 3 == 1 {
            Act::IssueAndLose(Duration::from_secs(10))
        } else {
            Act::Issue
        }
    })
}

#[tokio::test(start_paused = true)]
async fn no_more_coupons_are_sent_than_were_approved() {
    let bench = Bench::new();
    let world = world(&bench);
    let envelope = Envelope {
        coupons: 10,
        ..wide(&bench)
    };
    let ledger = approved(&bench, 30, envelope).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    let excess = Excess::Coupons { max: 10 };
    assert_eq!(ended.why, StopReason::Halted(Halted::Envelope { excess }));
    assert_eq!(
        (ended.ending, world.given(), ended.counts.count(StateName::Issued)),
        (Ending::NeedsPerson, 10, 10),
        "a doubt has its place already, and is resent"
    );
    // Wider bounds continue.
    let ledger = approved(&bench, 30, wide(&bench)).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    assert_eq!((ended.ending, world.given()), (Ending::Complete, 30));
    assert_eq!(outside(&bench).await, 0);
    assert_eq!(bench.open().await.state().run_approvals().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_approved_worth_counts_what_the_platform_states() {
    let bench = Bench::new();
    let world = world(&bench);
    world.states_value(700);
    let envelope = Envelope {
        worth: Some(Money::from_fen(5_000)),
        coupon_value: Some(Money::from_fen(700)),
        ..wide(&bench)
    };
    let ledger = approved(&bench, 30, envelope).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    let excess = Excess::Worth {
        max: Money::from_fen(5_000),
        each: Some(Money::from_fen(700)),
    };
    assert_eq!(ended.why, StopReason::Halted(Halted::Envelope { excess }));
    assert_eq!((world.given(), outside(&bench).await), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_new_starts_after_the_approval_has_ended() {
    let bench = Bench::new();
    let world = world(&bench);
    let until = later(bench.clock.now(), Duration::from_secs(3));
    let envelope = Envelope {
        until: Some(until),
        ..wide(&bench)
    };
    let ledger = approved(&bench, 500, envelope).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    let excess = Excess::Late { until };
    assert_eq!(ended.why, StopReason::Halted(Halted::Envelope { excess }));
    let given = world.given();
    assert!(given > 0 && given < 500, "{given}");
    assert_eq!(ended.counts.count(StateName::Issued), given, "each doubt was resent");
    assert_eq!(outside(&bench).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_larger_audience_or_more_coupons_for_each_user_send_nothing() {
    let mut bench = Bench::new();
    let world = world(&bench);
    let envelope = Envelope {
        audience: Some(10),
        ..wide(&bench)
    };
    let ledger = approved(&bench, 11, envelope).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    let excess = Excess::Audience { max: 10, listed: 11 };
    assert_eq!(ended.why, StopReason::Halted(Halted::Envelope { excess }));
    bench.plan.coupons_per_user = 2;
    let ledger = approved(&bench, 11, wide(&bench)).await;
    let ended = bench.send(ledger, &world).await.unwrap();
    let excess = Excess::PerUser { max: 1 };
    assert_eq!(ended.why, StopReason::Halted(Halted::Envelope { excess }));
    assert_eq!(world.given(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_names_the_first_attempt_outside_its_approvals() {
    let bench = Bench::new();
    let envelope = Envelope {
        coupons: 1,
        ..wide(&bench)
    };
    let mut ledger = approved(&bench, 4, envelope).await;
    let at = bench.clock.now();
    let activity = ledger.state().current_activity().unwrap();
    let intent = |recipient| Fact::Intent {
        key: DeliveryKey { recipient, ordinal: 1 },
        at,
        activity,
    };
    ledger.append(vec![intent(2), intent(1)]).await.unwrap();
    let named = |ledger: &Ledger<MemoryStore>| {
        let attempts = ledger.state().approved_attempts();
        let first = attempts.first_outside.map(|first| (first.key.recipient, first.why));
        (attempts.inside, attempts.outside, first)
    };
    let second = Some((1, Some(Excess::Coupons { max: 1 })));
    assert_eq!(named(&ledger), (1, 1, second));
    // A run without an approval, though the ledger needs one.
    ledger.append(vec![Fact::run_began(at, Duration::ZERO)]).await.unwrap();
    ledger.append(vec![intent(3)]).await.unwrap();
    assert!(ledger.state().needs_run_approval());
    assert_eq!(named(&bench.open().await), (1, 2, second));
}
