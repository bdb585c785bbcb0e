//! Tests of the table of transitions: every state with every event, and random histories.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::model::clock::from_ms;

const ACTIVITY: ActivityNo = ActivityNo(0);

fn held() -> Held {
    Held {
        code: 7,
        began: Some(from_ms(4)),
        activity: ActivityNo(2),
    }
}

fn doubt(stuck: bool, code: Option<i64>) -> Doubt {
    Doubt {
        unknown_attempts: 1,
        since: Some(from_ms(1)),
        activity: ACTIVITY,
        due: from_ms(2),
        code,
        stuck,
    }
}

fn states() -> Vec<(&'static str, DeliveryStatus)> {
    let at = |state, doubt| DeliveryStatus {
        state,
        attempts: 3,
        doubt,
        held: None,
        reopened: false,
    };
    let after_held = |state| DeliveryStatus {
        held: Some(held()),
        ..at(state, None)
    };
    let attempting = State::Attempting {
        began: from_ms(5),
        activity: ACTIVITY,
        was_due: None,
    };
    vec![
        ("pending", at(State::Pending, None)),
        ("attempting", at(attempting, None)),
        ("attempting, in doubt", at(attempting, Some(doubt(false, None)))),
        ("deferred", at(State::Deferred { until: from_ms(9) }, None)),
        ("in doubt, no answer", at(State::InDoubt, Some(doubt(false, None)))),
        (
            "in doubt, refused since",
            at(State::InDoubt, Some(doubt(true, Some(7)))),
        ),
        ("held", after_held(State::Held { code: 7 })),
        ("issued", at(State::Issued, None)),
        ("refused", at(State::Refused { code: 7 }, None)),
        (
            "refused by a person",
            at(State::Refused { code: 7 }, Some(doubt(true, Some(7)))),
        ),
        ("refused, held before", after_held(State::Refused { code: 7 })),
        ("skipped", at(State::Skipped(Skipped::Gone), None)),
        ("skipped, held before", after_held(State::Skipped(Skipped::Gone))),
    ]
}

fn steps() -> Vec<(&'static str, Transition)> {
    let due = from_ms(20);
    vec![
        (
            "intent",
            Transition::Intent {
                at: from_ms(10),
                activity: ACTIVITY,
            },
        ),
        (
            "intent, other activity",
            Transition::Intent {
                at: from_ms(10),
                activity: ActivityNo(1),
            },
        ),
        ("withdrawn", Transition::Withdrawn),
        ("ended: issued", Transition::Ended(Decision::Issued)),
        ("ended: refused", Transition::Ended(Decision::Refused { code: 8 })),
        ("ended: held", Transition::Ended(Decision::Held { code: 8 })),
        (
            "ended: not issued",
            Transition::Ended(Decision::NotIssued { due, code: None }),
        ),
        (
            "ended: unknown",
            Transition::Ended(Decision::Unknown { due, code: None }),
        ),
        ("interrupted", Transition::Interrupted { due }),
        ("skip", Transition::Skip(Skipped::Gone)),
        ("owe", Transition::Owe),
        ("owe, new activity", Transition::OweUnderNewActivity),
        ("return", Transition::Return),
        ("reread: refused", Transition::RereadRefused),
        ("reread: issued", Transition::RereadIssued),
        ("reread: unknown", Transition::RereadUnknown { due }),
        ("reread: resend", Transition::RereadResend { due }),
        ("resolved: issued", Transition::Resolved(Resolution::Issued)),
        ("resolved: refused", Transition::Resolved(Resolution::Refused)),
        (
            "resolved: owed",
            Transition::Resolved(Resolution::Owed { may_double: false }),
        ),
        (
            "resolved: may double",
            Transition::Resolved(Resolution::Owed { may_double: true }),
        ),
        ("undate", Transition::Undate),
    ]
}

#[test]
fn every_state_with_every_step() {
    let mut table = String::new();
    for (from, delivery_status) in states() {
        for (word, transition) in steps() {
            let to = delivery_status.next(transition).map_or_else(
                |_| "-".to_owned(),
                |next| {
                    let doubt = next.doubt.map_or(String::new(), |d| {
                        format!(
                            ", {} unknown{}{}",
                            d.unknown_attempts,
                            if d.stuck { ", stuck" } else { "" },
                            if d.since.is_none() { ", undated" } else { "" }
                        )
                    });
                    let undated = next.held.is_some_and(|held| held.began.is_none());
                    let held = if undated {
                        ", undated"
                    } else if next.held.is_some() && next.state.name() != StateName::Held {
                        ", after held"
                    } else {
                        ""
                    };
                    format!("{}{doubt}{held}", next.state.name())
                },
            );
            let _ = writeln!(table, "{from:<24} {word:<24} {to}");
        }
        table.push('\n');
    }
    insta::assert_snapshot!("transitions", table);
}

fn any_step() -> impl Strategy<Value = Transition> {
    prop::sample::select(
        steps()
            .into_iter()
            .map(|(_, transition)| transition)
            .collect::<Vec<_>>(),
    )
}

/// Any event except a person's decision.
fn undecided() -> impl Strategy<Value = Transition> {
    any_step().prop_filter("a person decides", |transition| {
        !matches!(transition, Transition::Resolved(_))
    })
}

/// Applies the events from the initial status, and ignores those that the table does not have.
fn history(steps: &[Transition]) -> Vec<DeliveryStatus> {
    let mut delivery_status = DeliveryStatus::PENDING;
    let mut all = vec![delivery_status];
    for transition in steps {
        if let Ok(next) = delivery_status.next(*transition) {
            delivery_status = next;
            all.push(delivery_status);
        }
    }
    all
}

proptest! {
    #[test]
    fn issued_is_never_left(steps in prop::collection::vec(any_step(), 0..60)) {
        let all = history(&steps);
        if let Some(first) = all.iter().position(|s| s.state == State::Issued) {
            prop_assert_eq!(first, all.len() - 1);
        }
    }

    #[test]
    fn doubt_sticks_until_the_coupon_is_confirmed(steps in prop::collection::vec(undecided(), 0..60)) {
        let mut unknown = 0;
        for delivery_status in history(&steps) {
            let now = delivery_status.doubt.map_or(0, |d| d.unknown_attempts);
            prop_assert!(now >= unknown, "doubt was forgotten");
            unknown = now;
            if unknown > 0 {
                prop_assert!(matches!(
                    delivery_status.state.name(),
                    StateName::InDoubt | StateName::InFlight | StateName::Issued
                ));
            }
        }
    }

    /// A held delivery becomes owed again only by a class that proves that nothing was issued, by a person, or by
    /// another activity. In every other case the time and the activity of its attempt are kept.
    #[test]
    fn a_held_delivery_is_not_owed_again_by_chance(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut delivery_status = DeliveryStatus::PENDING;
        let mut held = None;
        for transition in steps {
            let Ok(next) = delivery_status.next(transition) else { continue };
            if let State::Attempting { began, activity, .. } = delivery_status.state
                && let State::Held { code } = next.state
            {
                held = Some(Held { code, began: Some(began), activity });
            }
            if transition == Transition::Undate {
                held = held.map(|held| Held { began: None, ..held });
            }
            if let Some(of) = held {
                match next.state {
                    State::Held { .. } | State::Skipped(_) => prop_assert_eq!(next.held, held),
                    State::InDoubt => {
                        let doubt = next.doubt.expect("a doubt");
                        prop_assert_eq!((doubt.since, doubt.activity, doubt.code), (of.began, of.activity, Some(of.code)));
                        held = None;
                    }
                    State::Pending => {
                        prop_assert!(matches!(
                            transition,
                            Transition::Owe | Transition::OweUnderNewActivity | Transition::Resolved(Resolution::Owed { .. })
                        ), "{:?}", transition);
                        prop_assert_eq!(next.held, None);
                        held = None;
                    }
                    State::Issued => held = None,
                    State::Refused { .. } if next.held.is_none() => held = None,
                    _ => {}
                }
            }
            prop_assert!(next.state.name() != StateName::Held || next.held.is_some(), "held without its attempt");
            delivery_status = next;
        }
    }

    /// After any number of decisions, a coupon that may exist becomes owed again only if a person accepted a second
    /// one.
    #[test]
    fn a_doubt_is_owed_again_only_by_who_accepts_a_second_coupon(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut delivery_status = DeliveryStatus::PENDING;
        let mut may_exist = false;
        for transition in steps {
            let Ok(next) = delivery_status.next(transition) else { continue };
            may_exist |= next.doubt.is_some();
            if may_exist && next.state == State::Pending {
                prop_assert_eq!(transition, Transition::Resolved(Resolution::Owed { may_double: true }));
                may_exist = false;
            }
            delivery_status = next;
        }
    }

    #[test]
    fn counts_move_one_at_a_time(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut counts = Counts::default();
        counts.add(StateName::Pending, 1);
        for pair in history(&steps).windows(2) {
            counts.shift(pair[0].state.name(), pair[1].state.name());
            prop_assert_eq!(counts.audience(), 1);
            prop_assert_eq!(counts.count(pair[1].state.name()), 1);
        }
    }
}
