//! A ledger whose times are far ahead of the wall clock.

use crate::model::delivery::StateName;
use crate::model::outcome::Class;
use jiff::Timestamp;
use std::time::Duration;

use super::super::*;
use super::memory::{Apply, Memory};
use crate::ledger::Fact;
use crate::model::clock::{from_ms, later};
use crate::model::delivery::{Decision, DeliveryKey, Resolution, Transition};

const HOUR: i64 = 3_600_000;

fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

fn at(hours: i64) -> Timestamp {
    from_ms(hours * HOUR)
}

fn apply(hours: i64) -> Apply {
    let mut apply = Apply::new(["ann", "bob"]);
    apply.now = at(hours);
    apply
}

/// A ledger whose newest time is so late.
fn told(hours: i64) -> Memory {
    let mut ledger = Memory::new();
    apply(hours).to(&mut ledger);
    ledger
}

#[test]
fn a_clock_that_is_far_behind_the_ledger_is_asked_about() {
    let ledger = told(1_000);
    for (now, asked) in [(1_000, false), (952, false), (951, true), (5, true)] {
        let refusals = apply(now).decide(&ledger).err().unwrap_or_default();
        let told = |refusal: &Refusal| (refusal.to_string(), refusal.help().unwrap_or_default());
        let told: Vec<_> = refusals.iter().map(told).collect();
        assert_eq!(told.len(), usize::from(asked), "{now}: {told:?}");
        if now == 5 {
            insta::assert_debug_snapshot!(told);
        }
        let accepted = apply(now)
            .accepting(&[Accept::Clock])
            .decide(&ledger)
            .expect("it is admitted");
        assert_eq!(accepted.changes.generation.at, at(if asked { now } else { 1_000 }));
        assert_eq!(accepted.accepted, if asked { vec![Accept::Clock] } else { vec![] });
        assert_eq!(accepted.needless, if asked { vec![] } else { vec![Accept::Clock] });
    }
}

#[test]
fn a_rehearsal_takes_the_clock_as_it_is() {
    let mut ledger = told(1_000);
    let mut rehearsal = apply(5);
    rehearsal.rehearsal = true;
    assert_eq!(rehearsal.to(&mut ledger).changes.generation.accepted, ["clock"]);
    assert_eq!(ledger.state().newest(), at(5));
}

#[test]
fn what_was_accepted_holds_until_later_times_are_told() {
    let mut ledger = told(1_000);
    apply(5).accepting(&[Accept::Clock]).to(&mut ledger);
    assert_eq!(ledger.state().present(at(4)), at(5));
    assert_eq!(ledger.state().present(at(6)), at(6));
    assert!(apply(6).decide(&ledger).expect("it is admitted").accepted.is_empty());
    apply(1_000).to(&mut ledger);
    assert!(apply(7).decide(&ledger).is_err(), "it was wrong again");
}

/// By the clock of its attempt each of them is young.
#[test]
fn nothing_that_was_open_before_is_sent_again_by_the_machine() {
    let mut ledger = told(1_000);
    let due = at(1_000);
    ledger.send(key(0), Decision::Unknown { due, code: None });
    ledger.attempt(key(0), Decision::Refused { code: 7 });
    ledger.attempt(key(1), Decision::Held { code: 7 });
    for now in [5, 999] {
        let mut apply = apply(now);
        apply.class = Class::Retry;
        let Ok(admission) = apply.accepting(&[Accept::Clock]).decide(&ledger) else {
            panic!("it is admitted");
        };
        let steps: Vec<_> = admission.changes.reread.iter().map(|(_, step)| *step).collect();
        assert!(matches!(steps[..], [Transition::RereadUnknown { .. }]), "{steps:?}");
    }
    let mut apply = apply(5);
    apply.class = Class::Retry;
    apply.accepting(&[Accept::Clock]).to(&mut ledger);
    for recipient in [0, 1] {
        let doubt = ledger.state().status(key(recipient)).doubt.expect("it is in doubt");
        assert_eq!(doubt.resend_until(Duration::from_hours(24)), None);
    }
    let decided = Fact::Decided {
        keys: vec![key(0)],
        decision: Box::new(crate::ledger::ManualDecision {
            at: at(6),
            by: "li@ops".to_owned(),
            note: String::new(),
            from: StateName::InDoubt,
            to: Resolution::Owed { may_double: true },
            selection: "ann".to_owned(),
        }),
    };
    ledger.append(vec![decided]);
    ledger.send(key(0), Decision::Unknown { due, code: None });
    let doubt = ledger.state().status(key(0)).doubt.expect("it is in doubt");
    let until = later(from_ms(0), Duration::from_hours(24));
    assert_eq!(
        doubt.resend_until(Duration::from_hours(24)),
        Some(until),
        "a new one has a time"
    );
}
