//! Promises of convergence, against a real ledger over a store in memory.

mod clock;
mod memory;
mod property;
mod resolution;
mod who;

use super::*;
use crate::catalogue::Language;
use crate::ledger::{AudienceOrigin, Fact, ManualDecision};
use crate::model::clock::from_ms;
use crate::model::delivery::Away;
use crate::model::delivery::StateName;
use crate::model::delivery::{Decision, DeliveryKey, Resolution, State, Transition};
use crate::model::event::Rows;
use crate::model::event::UnusableKind;
use crate::model::identity::ActivityId;
use crate::model::money::Money;
use crate::model::outcome::Class;
use crate::plan::ExpiryRule;
use memory::{Apply, CODE, LISTS, Memory};
use std::time::Duration;

fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

#[test]
fn an_apply_that_finds_nothing_changed_adds_nothing() {
    let mut ledger = Memory::new();
    Apply::new(0..10).to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    ledger.send(key(1), Decision::Refused { code: CODE });
    ledger.send(key(2), Decision::Held { code: CODE });
    ledger.send(
        key(3),
        Decision::Unknown {
            due: from_ms(1),
            code: Some(CODE),
        },
    );
    let again = Apply::new((0..10).rev()).to(&mut ledger);
    let batches = again.changes.into_batches().collect::<Result<Vec<_>, _>>();
    let batches = batches.expect("everybody can be read");
    assert!(matches!(batches.as_slice(), [batch] if matches!(batch.as_slice(), [Fact::Closed(_)])));
    let bytes = postcard::to_stdvec(&batches).expect("facts are written");
    assert!(bytes.len() <= 1024, "{} bytes", bytes.len());
    assert!(again.accepted.is_empty() && again.needless.is_empty());
}

/// A machine without the lists goes on with what another machine has admitted, and says so. It does not go on with an audience that
/// it cannot know.
#[test]
fn an_audience_is_taken_over_from_the_ledger() {
    let mut ledger = Memory::new();
    let apply = Apply::new(0..10);
    assert_eq!(apply.take_over(&ledger).err(), Some(NotTakenOver::NothingAdmitted));
    apply.to(&mut ledger);
    assert_eq!(apply.take_over(&ledger).err(), Some(NotTakenOver::UnknownLists));
    let mut in_fleet = apply.clone();
    in_fleet.origin = Some(AudienceOrigin {
        at: from_ms(1_790_000_000_000),
        host: "sh-7".to_owned(),
        lists: LISTS,
    });
    let read = in_fleet.to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    ledger.reopen();

    let taken = in_fleet.take_over_to(&mut ledger).expect("it is in the ledger");
    let remarks: Vec<_> = taken.remarks().map(|remark| remark.to_string()).collect();
    insta::assert_snapshot!(remarks.join("\n"), @"this machine does not have the lists of users, so the run goes on with the audience that sh-7 admitted at 2026-09-21 22:13:20. users who joined or left the lists since then are not known");
    assert_eq!(
        taken.changes.generation.fingerprint,
        read.changes.generation.fingerprint
    );
    assert_eq!(taken.reading.taken_over.expect("it says from where").host, "sh-7");
    let later = in_fleet.take_over(&ledger).expect("and the next machine, too");
    assert_eq!(later.changes.origin, in_fleet.origin);

    let other = AdmittedAudience::new(ledger.state(), &apply.plan, &[8; 32]).expect_err("the file names another list");
    assert_eq!(other, NotTakenOver::OtherLists);
    let dated = in_fleet.with(|plan| plan.audience.lapse = ExpiryRule::After(Duration::from_mins(1)));
    assert_eq!(dated.take_over(&ledger).err(), Some(NotTakenOver::UnknownActivity));
}

/// A list that was removed from the file, and one with fewer users, are changes that a person accepts where the lists are read. An
/// audience that is taken over has the lists that it had.
#[test]
fn an_audience_that_is_taken_over_keeps_what_its_exclude_lists_did() {
    let mut ledger = Memory::new();
    let mut apply = Apply::new(0..100);
    apply.excluded = vec![("csv a.csv".to_owned(), (50..100).map(|n: u32| n.to_string()).collect())];
    apply.origin = Some(AudienceOrigin {
        at: from_ms(1_000),
        host: "sh-7".to_owned(),
        lists: LISTS,
    });
    let read = apply.to(&mut ledger);
    let taken = apply.take_over_to(&mut ledger).expect("it is in the ledger");
    assert!(taken.accepted.is_empty() && taken.changes.kept_out.is_empty());
    assert_eq!(taken.changes.generation.excluded, read.changes.generation.excluded);
    assert_eq!(taken.reading.excludes, read.reading.excludes);
    assert_eq!(taken.counts, read.counts);
    // The machine with the lists still notices that users have left one.
    apply.excluded[0].1.truncate(10);
    apply.decide(&ledger).expect_err("40 users left the list");
}

#[test]
fn people_come_and_go_and_come_back() {
    let mut ledger = Memory::new();
    Apply::new(["a", "b", "c", "d"]).to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    ledger.send(
        key(1),
        Decision::Unknown {
            due: from_ms(1),
            code: None,
        },
    );
    ledger.send(key(2), Decision::Held { code: CODE });
    let gone = Apply::new(["e"]).to(&mut ledger);
    assert_eq!(
        (gone.changes.away[&Away::Gone].as_slice(), gone.changes.admitted.len()),
        (&[0, 1, 2, 3][..], 1)
    );
    let states: Vec<_> = ledger
        .all()
        .map(|key| ledger.state().status(key).state.name())
        .collect();
    let (issued, doubt, skipped, pending) = (
        StateName::Issued,
        StateName::InDoubt,
        StateName::Skipped,
        StateName::Pending,
    );
    assert_eq!(
        states,
        [issued, doubt, skipped, skipped, pending],
        "a coupon is kept, a doubt stays, the rest is skipped"
    );
    let back = Apply::new(["d", "c", "a", "b", "e"]).to(&mut ledger);
    assert_eq!(back.changes.returned, [0, 1, 2, 3]);
    let held_again = ledger.state().status(key(2)).state;
    assert_eq!(
        held_again,
        State::Held { code: CODE },
        "nobody has decided about its code"
    );
    assert_eq!(ledger.state().counts().count(pending), 2);
}

#[test]
fn rows_are_counted_once_and_by_kind() {
    let mut apply = Apply::new(["a", "b", "a", "a"]);
    apply.rows.push(Err(UnusableKind::Empty));
    apply.plan.audience.max_unusable = 0.2;
    let mut ledger = Memory::new();
    for listed in [2, 2] {
        let reading = apply.to(&mut ledger).reading;
        assert_eq!(reading.listed, listed);
        let lines = |rows: &Rows| rows.first.iter().map(|place| place.number).collect::<Vec<_>>();
        assert_eq!((reading.repeated.count, lines(&reading.repeated)), (2, vec![4, 5]));
        let [(UnusableKind::Empty, empty)] = reading.unusable.as_slice() else {
            panic!("{:?}", reading.unusable);
        };
        assert_eq!((empty.count, lines(empty)), (1, vec![6]));
    }
}

#[test]
fn the_limit_holds_over_the_whole_life() {
    let mut ledger = Memory::new();
    let limited = |open_ids: &[&str], limit| {
        let mut apply = Apply::new(open_ids);
        apply.plan.audience.limit = limit;
        apply
    };
    assert_eq!(limited(&["a", "b", "c", "c", "d"], 2).to(&mut ledger).reading.cut, 2);
    assert_eq!(ledger.open_ids(), ["a", "b"]);
    limited(&["c", "b"], 2).to(&mut ledger);
    assert_eq!(ledger.open_ids(), ["a", "b"], "who is gone has had a place");
    limited(&["c", "b"], 3).to(&mut ledger);
    assert_eq!(ledger.open_ids(), ["a", "b", "c"]);
    let lowered = limited(&["a", "b", "c"], 1).to(&mut ledger);
    assert_eq!(
        (lowered.changes.away[&Away::Limit].as_slice(), lowered.reading.cut),
        (&[1, 2][..], 2),
        "a lower limit owes fewer"
    );
}

#[test]
fn a_lower_limit_is_no_truncated_export() {
    let mut ledger = Memory::new();
    Apply::new(0..1_000).to(&mut ledger);
    let mut lowered = Apply::new(0..1_000);
    lowered.plan.audience.limit = 500;
    assert_eq!(lowered.to(&mut ledger).changes.away[&Away::Limit].len(), 500);
}

#[test]
fn what_could_surprise_is_asked_for() {
    let mut ledger = Memory::new();
    Apply::new(0..1_000).to(&mut ledger);
    for n in 0..300 {
        ledger.send(key(n), Decision::Issued);
    }
    let surprise = Apply::new(700..1_000).with(|plan| {
        plan.activity_id = ActivityId::parse("7300").expect("an activity's id");
        plan.coupons_per_user = 2;
        plan.max_coupons = 500;
    });
    let mut spoilt = Apply::new([""; 0]);
    spoilt.rows = vec![Err(UnusableKind::WrongFields), Err(UnusableKind::NotText)];
    let mut told = format!("{}\n\n{}\n", surprise.refused(&ledger), spoilt.refused(&ledger));
    spoilt.rows.extend((0..9).map(|_| Err(UnusableKind::TooLong)));
    spoilt.rows.extend((300..1_000).map(|n| Ok(n.to_string())));
    told = format!("{told}\n{}", spoilt.refused(&ledger));
    insta::assert_snapshot!(told);

    let accepted = [Accept::SmallerAudience, Accept::CouponsPerUser, Accept::ActivityId];
    let within = surprise.with(|plan| plan.max_coupons = 900);
    let mut rehearsal = within.clone();
    rehearsal.rehearsal = true;
    rehearsal.decide(&ledger).expect("a rehearsal asks for nothing");
    let admission = within.clone().accepting(&accepted).to(&mut ledger);
    assert_eq!(
        admission.accepted,
        [Accept::ActivityId, Accept::CouponsPerUser, Accept::SmallerAudience]
    );
    within.to(&mut ledger);
}

#[test]
fn an_acceptance_that_is_not_needed_is_a_remark() {
    let mut ledger = Memory::new();
    let admission = Apply::new(0..3).accepting(&Accept::ALL).to(&mut ledger);
    assert_eq!(
        admission.accepted,
        [Accept::Replays],
        "this one is a fact of the ledger from here on"
    );
    let remarks: Vec<_> = admission.remarks().map(|remark| remark.to_string()).collect();
    assert_eq!(remarks.len(), Accept::ALL.len() - 1);
    assert_eq!(
        remarks[0],
        "`--accept activity_id` was not needed: nothing of that kind has changed"
    );
    assert_eq!(
        Apply::new(0..3).accepting(&[Accept::Replays]).to(&mut ledger).needless,
        [Accept::Replays]
    );
    assert!(
        Accept::ALL
            .into_iter()
            .all(|change| change.word().parse() == Ok(change))
    );
    assert!("activity".parse::<Accept>().is_err());
}

#[test]
fn few_people_gone_are_no_surprise() {
    let mut ledger = Memory::new();
    Apply::new(0..1_000).to(&mut ledger);
    for n in 0..10 {
        ledger.send(key(n), Decision::Issued);
    }
    Apply::new(99..1_000).decide(&ledger).expect("89 are fewer than 100");
    Apply::new(109..1_000).decide(&ledger).expect("99 are fewer than 100");
    Apply::new(110..1_000)
        .decide(&ledger)
        .expect_err("100 of 990 are over 10 %");
    let mut large = Memory::new();
    Apply::new(0..2_000).to(&mut large);
    Apply::new(200..2_000)
        .decide(&large)
        .expect("200 of 2000 are not over 10 %");
    Apply::new(201..2_000).decide(&large).expect_err("201 of 2000 are");
}

#[test]
fn another_activity_is_free_while_nothing_was_sent_and_owes_the_held_again() {
    let mut ledger = Memory::new();
    Apply::new(["a", "b", "c"]).to(&mut ledger);
    ledger.send(key(0), Decision::Held { code: CODE });
    ledger.send(key(1), Decision::Refused { code: CODE });
    let other = |to: &str| {
        let id = ActivityId::parse(to).expect("an activity's id");
        Apply::new(["a", "b", "c"]).with(|plan| plan.activity_id = id)
    };
    let admission = other("7300").to(&mut ledger);
    assert_eq!(admission.changes.reread, [(key(0), Transition::OweUnderNewActivity)]);
    assert_eq!(admission.owed_under_new_activity, 1);
    assert_eq!(ledger.state().reopened_held(), 1, "it may have been issued");
    ledger.send(
        key(2),
        Decision::Unknown {
            due: from_ms(1),
            code: None,
        },
    );
    other("7400").decide(&ledger).expect_err("a doubt may be a coupon");
}

#[test]
fn another_activity_says_how_many_held_deliveries_it_owes_again() {
    let mut ledger = Memory::new();
    Apply::new(0..4).to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    ledger.send(key(1), Decision::Held { code: CODE });
    ledger.send(key(2), Decision::Held { code: CODE });
    let id = ActivityId::parse("7300").expect("an activity's id");
    let other = Apply::new(0..4).with(|plan| (plan.activity_id, plan.max_coupons) = (id, 5));
    insta::assert_snapshot!(other.refused(&ledger), @"
    the activity is another one than at the last apply: 7218 then, 7300 now; 2 held deliveries are owed again under it: each may have been issued, and counts in max_coupons as if issued
      help: if this is meant, apply with `--accept activity_id`
    the campaign needs up to 6 coupons and `max_coupons` is 5: 1 issued + 0 in doubt + 0 held + 3 owed + 2 that were held when they were owed again
      help: raise `max_coupons`, or lower `limit` under `audience` or `coupons_per_user`
    ");
}

/// It has to be read again in the same apply: the next one may be the one that sends it.
#[test]
fn a_held_delivery_that_comes_back_is_read_again_by_the_file_as_it_is_now() {
    for (class, step, then) in [
        (Class::Hold, None, StateName::Held),
        (Class::Refuse, Some(Transition::RereadRefused), StateName::Refused),
        (Class::Throttle, Some(Transition::Owe), StateName::Pending),
        (
            Class::Retry,
            Some(Transition::RereadUnknown { due: from_ms(1_000) }),
            StateName::InDoubt,
        ),
    ] {
        let mut ledger = Memory::new();
        Apply::new(["a", "b"]).to(&mut ledger);
        ledger.send(key(0), Decision::Held { code: CODE });
        Apply::new(["b"]).to(&mut ledger);
        let back = Apply {
            class,
            ..Apply::new(["a", "b"])
        };
        let admission = back.to(&mut ledger);
        assert!(admission.changes.reread.is_empty());
        let expected: Vec<_> = step.map(|step| (key(0), step)).into_iter().collect();
        assert_eq!(admission.changes.reread_returned, expected);
        assert_eq!(ledger.state().status(key(0)).state.name(), then, "{class:?}");
    }
}

#[test]
fn a_held_delivery_that_is_skipped_keeps_its_place_in_max_coupons() {
    let mut ledger = Memory::new();
    let max = |named: &[&str], max| Apply::new(named).with(|plan| plan.max_coupons = max);
    max(&["a", "b"], 2).to(&mut ledger);
    ledger.send(key(0), Decision::Held { code: CODE });
    max(&["b"], 2).to(&mut ledger);
    let refused = max(&["b", "c"], 2)
        .decide(&ledger)
        .expect_err("a may have the first one");
    assert!(
        refused[0]
            .to_string()
            .ends_with("2 owed + 1 that were held when they were skipped"),
        "{refused:?}"
    );
    max(&["b", "c"], 3).to(&mut ledger);
}

#[test]
fn codes_are_read_again_whoever_is_named() {
    let mut ledger = Memory::new();
    Apply::new(["a", "b", "c"]).to(&mut ledger);
    ledger.send(key(0), Decision::Held { code: CODE });
    ledger.send(key(1), Decision::Held { code: CODE });
    let read_as = |class, named: &[&str]| Apply {
        class,
        ..Apply::new(named)
    };
    let reread = |class| {
        let admission = read_as(class, &["a"])
            .decide(&ledger)
            .expect("the audience is admitted");
        admission.changes.reread
    };
    assert_eq!(
        reread(Class::Throttle),
        [(key(0), Transition::Owe)],
        "who is gone is not owed again"
    );
    let unknown = Transition::RereadUnknown { due: from_ms(1_000) };
    assert_eq!(reread(Class::Retry), [(key(0), unknown)], "and is skipped before that");
    let admission = read_as(Class::Refuse, &["a"]).to(&mut ledger);
    assert_eq!(
        admission.changes.reread,
        [(key(0), Transition::RereadRefused), (key(1), Transition::RereadRefused)]
    );
}

#[test]
fn a_doubt_is_let_go_again_whether_the_user_is_named_or_not() {
    let mut ledger = Memory::new();
    let apply = |named: &[&str], coupons| Apply {
        class: Class::Halt,
        accepted: vec![Accept::SmallerAudience],
        ..Apply::new(named).with(|plan| plan.coupons_per_user = coupons)
    };
    apply(&["a", "b"], 2).to(&mut ledger);
    ledger.send(key(1), Decision::Issued);
    let later = DeliveryKey { ordinal: 2, ..key(1) };
    for key in [key(0), later] {
        ledger.send(
            key,
            Decision::Unknown {
                due: from_ms(1),
                code: None,
            },
        );
        ledger.attempt(key, Decision::Held { code: CODE });
    }
    let admission = apply(&["b"], 1).to(&mut ledger);
    assert_eq!(
        admission.changes.reread,
        [(key(0), Transition::RereadResend { due: from_ms(1_000) })],
        "but not above `coupons_per_user`"
    );
}

#[test]
fn the_sum_of_max_coupons_counts_every_coupon_still_possible() {
    let mut ledger = Memory::new();
    let apply = |max, coupons| {
        Apply::new(["a", "b", "c"]).with(|plan| {
            plan.coupons_per_user = coupons;
            plan.max_coupons = max;
        })
    };
    apply(6, 2).to(&mut ledger);
    ledger.send(key(0), Decision::Refused { code: CODE });
    apply(3, 2).decide(&ledger).expect_err("two users are owed two each");
    apply(4, 2).to(&mut ledger);
    ledger.send(key(1), Decision::Held { code: CODE });
    ledger.send(
        key(2),
        Decision::Unknown {
            due: from_ms(1),
            code: None,
        },
    );
    apply(3, 2)
        .decide(&ledger)
        .expect_err("what is held or in doubt may be a coupon yet");
    apply(2, 1).to(&mut ledger);
}

#[test]
fn the_worth_of_every_coupon_still_possible_is_compared_with_max_worth() {
    let mut ledger = Memory::new();
    let apply = |fen, value: Option<u64>| {
        Apply::new(["a", "b", "c"]).with(|plan| {
            plan.coupon_value = value.map(Money::from_fen);
            plan.max_worth = Some(Money::from_fen(fen));
        })
    };
    let refused = apply(2_999, Some(1_000))
        .decide(&ledger)
        .expect_err("three coupons are worth 30 yuan");
    let texts = [Language::English, Language::Chinese]
        .map(|language| language.scope(|| format!("{}\n{}", refused[0], refused[0].help().unwrap_or_default())));
    insta::assert_snapshot!(texts.join("\n\n"));
    apply(2_999, None)
        .decide(&ledger)
        .expect("the first coupon shows the value");
    apply(3_000, Some(1_000)).to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    apply(2_999, Some(1_000))
        .decide(&ledger)
        .expect_err("an issued coupon counts too");
    // The platform states 10 yuan for this activity, and says nothing of another one.
    ledger.attempt_issued(key(1), 1_000);
    let other = ActivityId::parse("7300").unwrap();
    let under_other = apply(3_000, Some(2_000)).with(|plan| plan.activity_id = other);
    let refused = under_other.decide(&ledger).expect_err("the file's value counts for it");
    assert!(
        refused
            .iter()
            .any(|refusal| matches!(refusal, Refusal::OverMaxWorth { .. })),
        "{refused:?}"
    );
}

/// The coupon that may exist beside the one that is sent again counts as well.
#[test]
fn a_doubt_that_a_person_reopened_counts_twice() {
    let mut ledger = Memory::new();
    Apply::new(["a"]).to(&mut ledger);
    let unknown = Decision::Unknown {
        due: from_ms(1),
        code: None,
    };
    ledger.send(key(0), unknown);
    let decision = ManualDecision {
        at: from_ms(2),
        by: "li@ops".to_owned(),
        note: "better two than none".to_owned(),
        from: StateName::InDoubt,
        to: Resolution::Owed { may_double: true },
        selection: "a".to_owned(),
    };
    ledger.append(vec![Fact::Decided {
        keys: vec![key(0)],
        decision: Box::new(decision),
    }]);
    let max = |max| Apply::new(["a"]).with(|plan| plan.max_coupons = max);
    let refused = max(1).decide(&ledger).expect_err("two coupons may come to exist");
    assert!(
        refused[0]
            .to_string()
            .ends_with("1 owed + 1 that were in doubt when they were reopened"),
        "{refused:?}"
    );
    max(2).to(&mut ledger);
}
