//! Promises about who is owed something: the excluded, the control group, who lapsed, and what of that could surprise.

use crate::audience::Activity;
use crate::model::delivery::Away;
use crate::model::delivery::StateName;
use crate::model::event::UnusableKind;
use crate::model::outcome::Class;
use crate::plan::ExpiryRule;
use std::ops::Range;
use std::time::Duration;

use super::super::*;
use super::key;
use super::memory::{Apply, CODE, Memory};
use crate::ledger::{Fact, Sample};
use crate::model::clock::from_ms;
use crate::model::delivery::{Decision, Skipped, Transition};
use crate::plan::TurnOrder;

#[test]
fn rows_that_do_not_say_when_are_unusable_where_it_matters() {
    let mut apply = Apply::new(["a", "b", "c", "a"]);
    apply.active = vec![
        Activity::Unknown,
        Activity::Unreadable("46172"),
        Activity::At(from_ms(500)),
        Activity::At(from_ms(0)),
    ];
    let mut ledger = Memory::new();
    let reading = apply.decide(&ledger).expect("nobody lapses").reading;
    assert_eq!(
        (reading.listed, reading.undated.count, reading.repeated.count),
        (3, 1, 1)
    );
    apply.plan.audience.lapse = ExpiryRule::After(Duration::from_mins(1));
    apply.plan.audience.max_unusable = 0.5;
    let reading = apply.to(&mut ledger).reading;
    let unusable: Vec<_> = reading
        .unusable
        .iter()
        .map(|(kind, rows)| (*kind, rows.count))
        .collect();
    assert_eq!(
        unusable,
        [(UnusableKind::NoLastActive, 1), (UnusableKind::UnreadableLastActive, 1)]
    );
    assert_eq!(
        (reading.listed, ledger.open_ids()),
        (2, vec!["c".to_owned(), "a".to_owned()])
    );
}

/// A list of these users of the audience.
fn list(name: &str, users: Range<u32>) -> (String, Vec<String>) {
    (name.to_owned(), users.map(|user| user.to_string()).collect())
}

/// A list of people of whom nobody is in the audience.
fn strangers(name: &str, people: u32) -> (String, Vec<String>) {
    (name.to_owned(), (0..people).map(|n| format!("x{n}")).collect())
}

/// An apply of 400 users with these lists.
fn with_lists<const N: usize>(excluded: [(String, Vec<String>); N]) -> Apply {
    Apply {
        excluded: excluded.into(),
        ..Apply::new(0..400)
    }
}

/// How many people the ledger knows a list to have kept out.
fn kept_out(ledger: &Memory, list: &str) -> Option<u64> {
    ledger.state().kept_out(list).map(Sample::people)
}

#[test]
fn a_list_that_excludes_nobody_is_not_admitted_at_its_first_apply() {
    let mut ledger = Memory::new();
    let floats = ("csv a.csv".to_owned(), (0..2).map(|n| format!("{n}.0")).collect());
    let idle = with_lists([floats.clone(), list("csv b.csv", 0..3), list("csv none.csv", 0..0)]);
    let mut told = idle.refused(&ledger);
    let mut rehearsal = idle.clone();
    rehearsal.rehearsal = true;
    let rehearsed = rehearsal.decide(&ledger).expect("a rehearsal asks for nothing");
    told = format!(
        "{told}\n\n{}",
        rehearsed
            .remarks()
            .map(|remark| remark.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    );

    let accepted = idle.clone().accepting(&[Accept::IdleExclude]).to(&mut ledger);
    assert_eq!(accepted.accepted, [Accept::IdleExclude]);
    let shown = accepted.reading.excludes.iter();
    let shown: Vec<_> = shown
        .map(|list| (list.list.as_str(), list.people, list.excluded))
        .collect();
    assert_eq!(
        shown,
        [("csv a.csv", 2, 0), ("csv b.csv", 3, 3), ("csv none.csv", 0, 0)]
    );
    let after = idle.to(&mut ledger);
    assert!(
        after.accepted.is_empty(),
        "afterwards the command without the flag goes on"
    );

    let new = with_lists([floats, list("csv b.csv", 0..3), strangers("csv new.csv", 1)]);
    told = format!("{told}\n\n{}", new.refused(&ledger));
    insta::assert_snapshot!(told);

    let campaign = with_lists([list("csv b.csv", 0..3), strangers("campaign spring", 5)]);
    campaign
        .decide(&Memory::new())
        .expect("open_ids of a ledger are in the right form");
    let mut nobody = Apply::new([""; 0]).with(|plan| plan.audience.allow_empty = true);
    nobody.excluded = vec![strangers("csv a.csv", 5)];
    nobody.decide(&Memory::new()).expect("there is nobody to exclude");
}

#[test]
fn a_list_that_many_of_those_have_left_whom_it_kept_out_is_not_admitted() {
    let mut ledger = Memory::new();
    with_lists([list("csv a.csv", 0..200), list("csv b.csv", 200..220)]).to(&mut ledger);
    let a = |users| with_lists([list("csv a.csv", users), list("csv b.csv", 200..220)]);
    let b = |users| with_lists([list("csv a.csv", 0..200), list("csv b.csv", users)]);
    a(20..200).decide(&ledger).expect("10 % are not over 10 %");
    b(209..220).decide(&ledger).expect("9 people are fewer than 10");
    with_lists([list("csv b.csv", 200..220), list("csv a.csv", 0..200)])
        .decide(&ledger)
        .expect("in another order");
    with_lists([list("csv a-june.csv", 0..200), list("csv b.csv", 200..220)])
        .decide(&ledger)
        .expect("another name");
    with_lists([list("csv 1.csv", 0..90), list("csv 2.csv", 90..220)])
        .decide(&ledger)
        .expect("other lists have all of them");
    let mut longer = list("csv a.csv", 0..200);
    longer.1.extend(strangers("", 1_000).1);
    with_lists([longer.clone(), list("csv b.csv", 200..220)])
        .decide(&ledger)
        .expect("a longer list");

    let cut = a(21..200).refused(&ledger);
    let few = b(210..220).refused(&ledger);
    let swapped = with_lists([strangers("csv a.csv", 200), list("csv b.csv", 200..220)]).refused(&ledger);
    longer.1.drain(..100);
    let longer = with_lists([longer, list("csv b.csv", 200..220)]).refused(&ledger);
    let renamed = with_lists([list("csv a-june.csv", 100..200), list("csv b.csv", 200..220)]).refused(&ledger);
    let removed = with_lists([list("csv b.csv", 200..220)]).refused(&ledger);
    insta::assert_snapshot!([cut, few, swapped, longer, renamed, removed].join("\n\n"));

    let fewer = with_lists([list("csv a.csv", 100..200)]).accepting(&[Accept::SmallerExclude]);
    assert_eq!(fewer.to(&mut ledger).accepted, [Accept::SmallerExclude]);
    assert_eq!(
        (kept_out(&ledger, "csv a.csv"), kept_out(&ledger, "csv b.csv")),
        (Some(100), None)
    );
    let after = with_lists([list("csv a.csv", 100..200)]).to(&mut ledger);
    assert!(
        after.accepted.is_empty(),
        "afterwards the command without the flag goes on"
    );
}

#[test]
fn a_list_that_loses_a_few_people_at_every_apply_is_noticed() {
    let mut ledger = Memory::new();
    let a = |users| with_lists([list("csv a.csv", users)]);
    a(0..200).to(&mut ledger);
    a(9..200).to(&mut ledger);
    a(18..200).to(&mut ledger);
    a(21..200).decide(&ledger).expect_err("10.5 % have left by now");
    // What came to it meanwhile counts as well.
    a(18..300).to(&mut ledger);
    assert_eq!(kept_out(&ledger, "csv a.csv"), Some(300));
    a(30..300).to(&mut ledger);
    with_lists([list("csv renamed.csv", 30..300)]).to(&mut ledger);
    assert_eq!(
        (kept_out(&ledger, "csv a.csv"), kept_out(&ledger, "csv renamed.csv")),
        (None, Some(300))
    );
    a(31..300).decide(&ledger).expect_err("over 10 %, under whatever name");
    ledger.reopen();
    a(31..300).decide(&ledger).expect_err("the next process knows it too");
}

/// Of a list that keeps out more people than the ledger remembers a sample decides.
#[test]
fn a_large_list_is_guarded_by_a_sample() {
    let mut ledger = Memory::new();
    let users = 60_000;
    let apply = |excluded: Range<u32>| Apply {
        excluded: vec![list("csv a.csv", excluded)],
        ..Apply::new(0..users)
    };
    apply(0..50_000).to(&mut ledger);
    let known = kept_out(&ledger, "csv a.csv").expect("it is remembered");
    assert!(known.abs_diff(50_000) < 2_500, "{known}");
    apply(4_000..50_000).decide(&ledger).expect("8 % have left");
    let refused = apply(6_000..50_000).refused(&ledger);
    assert!(refused.contains("csv a.csv kept out about "), "{refused}");
    assert!(refused.contains(" would be sent to"), "{refused}");
    apply(0..55_000).to(&mut ledger);
    let again = apply(0..55_000).to(&mut ledger);
    assert!(again.changes.kept_out.is_empty(), "nothing is told twice");
}

/// A ledger of an older program knows how many people its lists had, and not who they were.
#[test]
fn a_ledger_that_does_not_remember_who_was_kept_out_is_guarded_by_counts() {
    let mut ledger = Memory::new();
    let a = |users| with_lists([list("csv a.csv", users)]);
    let Changes {
        mut generation,
        admitted,
        ..
    } = a(0..0).decide(&ledger).expect("it is admitted").changes;
    generation.excluded[0].people = 100;
    let recipients = admitted.drain().collect();
    ledger.append(vec![Fact::Admitted { recipients }, Fact::Closed(Box::new(generation))]);
    assert_eq!(kept_out(&ledger, "csv a.csv"), None);
    a(0..90).decide(&ledger).expect("10 % are not over 10 %");
    let cut = a(0..89).refused(&ledger);
    let renamed = with_lists([list("csv b.csv", 0..50)]).refused(&ledger);
    let removed = with_lists([]).refused(&ledger);
    insta::assert_snapshot!([cut, renamed, removed].join("\n\n"));
    a(0..100).to(&mut ledger);
    assert_eq!(
        kept_out(&ledger, "csv a.csv"),
        Some(100),
        "from here on it is known who"
    );
    let mut swapped = strangers("csv a.csv", 200);
    swapped.1.push("0".to_owned());
    with_lists([swapped]).decide(&ledger).expect_err("99 people have left");
}

/// Two lists of one name are two lists.
#[test]
fn lists_of_one_name_are_told_apart_and_their_people_counted_apart() {
    let mut ledger = Memory::new();
    let lists = [
        list("csv a.csv", 0..20),
        list("csv a.csv", 10..40),
        list("csv b.csv", 5..15),
    ];
    let reading = with_lists(lists).to(&mut ledger).reading;
    let shown = reading.excludes.iter();
    let shown: Vec<_> = shown
        .map(|list| (list.list.as_str(), list.people, list.excluded))
        .collect();
    assert_eq!(
        shown,
        [("csv a.csv", 20, 20), ("csv a.csv (2)", 30, 30), ("csv b.csv", 10, 10)]
    );
    assert_eq!(reading.excluded, 40);
    for (list, people) in [("csv a.csv", 20), ("csv a.csv (2)", 30), ("csv b.csv", 10)] {
        assert_eq!(kept_out(&ledger, list), Some(people), "{list}");
    }
}

#[test]
fn a_list_of_which_rows_are_lost_is_not_admitted() {
    let ledger = Memory::new();
    let mut apply = Apply::new(0..3);
    let open_ids = (0..200).map(|n| if n < 3 { String::new() } else { n.to_string() });
    apply.excluded = vec![("csv a.csv".to_owned(), open_ids.collect())];
    let lost = apply.refused(&ledger);
    apply.excluded = vec![("csv a.csv".to_owned(), (0..3).map(|n| n.to_string()).collect())];
    let nobody = apply.refused(&ledger);
    insta::assert_snapshot!(format!("{lost}\n\n{nobody}"));
    apply.excluded[0].1 = (0..100)
        .map(|n| if n < 1 { String::new() } else { n.to_string() })
        .collect();
    let remarks: Vec<_> = apply
        .decide(&ledger)
        .expect("one row is no more than 1 %")
        .remarks()
        .map(|remark| remark.to_string())
        .collect();
    assert_eq!(
        remarks,
        ["rows of the list csv a.csv name nobody: 1 with an empty open_id (audience.csv:2)"]
    );
}

#[test]
fn another_control_group_takes_back_nothing_and_hides_nobody() {
    let mut ledger = Memory::new();
    let apply = |share| Apply::new(0..200).with(|plan| plan.audience.control_group = share);
    apply(0.0).to(&mut ledger);
    for n in 0..200 {
        let unknown = Decision::Unknown {
            due: from_ms(1),
            code: None,
        };
        let end = [
            Decision::Issued,
            Decision::Refused { code: CODE },
            Decision::Held { code: CODE },
            unknown,
        ];
        if let Some(decision) = end.get(n as usize % 5) {
            ledger.send(key(n), *decision);
        }
    }
    let before = ledger.state().counts();
    let larger = apply(0.5);
    insta::assert_snapshot!(larger.refused(&ledger), @"
    the control group is another share than at the last apply: 0% then, 50% now
      help: if this is meant, apply with `--accept control_group`
    ");
    let admission = larger.accepting(&[Accept::ControlGroup]).to(&mut ledger);
    let after = ledger.state().counts();
    for name in [
        StateName::Issued,
        StateName::Refused,
        StateName::Held,
        StateName::InDoubt,
    ] {
        assert_eq!(after.count(name), before.count(name), "{name}");
    }
    assert!((10..30).contains(&after.count(StateName::Skipped)), "{after:?}");
    assert!((80..120).contains(&admission.reading.control_group));
    apply(0.0).accepting(&[Accept::ControlGroup]).to(&mut ledger);
    assert_eq!(ledger.state().counts(), before, "and back");
}

#[test]
fn who_said_no_is_excluded_whatever_else_is_said_and_a_doubt_is_not_let_go() {
    let mut ledger = Memory::new();
    let apply = |named: &[&str], excluded: &[&str]| Apply {
        class: Class::Halt,
        excluded: vec![("no".to_owned(), excluded.iter().map(ToString::to_string).collect())],
        ..Apply::new(named)
    };
    apply(&["a", "b", "c", "d"], &[]).to(&mut ledger);
    let unknown = Decision::Unknown {
        due: from_ms(1),
        code: None,
    };
    for n in [0, 1] {
        ledger.send(key(n), unknown);
        ledger.attempt(key(n), Decision::Held { code: CODE });
    }
    ledger.send(key(2), Decision::Held { code: CODE });
    let admission = apply(&["b", "d", "e"], &["a", "c", "e", "f"]).to(&mut ledger);
    let resend = Transition::RereadResend { due: from_ms(1_000) };
    assert_eq!(admission.changes.reread, [(key(1), resend)], "not the one who said no");
    assert_eq!(
        admission.changes.away[&Away::Excluded],
        [0, 2],
        "gone as well, and excluded before that"
    );
    assert_eq!(
        ledger.state().skipped().get(&Skipped::Excluded),
        Some(&1),
        "the held one"
    );
    assert_eq!((admission.reading.listed, admission.reading.excluded), (3, 1));
    assert_eq!(ledger.open_ids(), ["a", "b", "c", "d"], "e is not admitted");
}

#[test]
fn an_unchanged_source_adds_little_however_active_its_users_are() {
    let mut ledger = Memory::new();
    let apply = |active: i64| {
        let mut apply = Apply::new(0..5_000).with(|plan| {
            plan.audience.lapse = ExpiryRule::After(Duration::from_hours(1));
            plan.audience.order = TurnOrder::ExpiringFirst;
            plan.audience.control_group = 0.05;
        });
        apply.active = (0..5_000).map(|n| Activity::At(from_ms(active + n * 7))).collect();
        apply.excluded = vec![list("csv opted-out.csv", 0..1_000), list("campaign spring", 500..1_500)];
        apply
    };
    apply(0).to(&mut ledger);
    let again = apply(500_000).to(&mut ledger);
    let batches = again.changes.into_batches().collect::<Result<Vec<_>, _>>();
    let batches = batches.expect("everybody can be read");
    assert!(matches!(batches.as_slice(), [batch] if matches!(batch.as_slice(), [Fact::Closed(_)])));
    let bytes = postcard::to_stdvec(&batches).expect("facts are written");
    assert!(bytes.len() <= 1024, "{} bytes", bytes.len());
}

/// An apply at a moment when everybody of the audience lapsed long ago.
fn all_lapsed(users: u32) -> Apply {
    let mut apply = Apply::new(0..users).with(|plan| plan.audience.lapse = ExpiryRule::After(Duration::from_secs(1)));
    apply.active = (0..users).map(|_| Activity::At(from_ms(0))).collect();
    apply.now = from_ms(60_000);
    apply
}

#[test]
fn an_audience_of_which_nobody_is_left_is_as_good_as_empty() {
    let ledger = Memory::new();
    let mut excluded = Apply::new(0..3);
    excluded.excluded = vec![("csv a.csv".to_owned(), (0..9).map(|n| n.to_string()).collect())];
    let control_group = Apply::new(0..3).with(|plan| plan.audience.control_group = 1.0);
    let mut mixed = all_lapsed(40).with(|plan| plan.audience.control_group = 0.5);
    mixed.excluded.clone_from(&excluded.excluded);
    let mut told = Vec::new();
    for apply in [all_lapsed(1), excluded, control_group, mixed] {
        told.push(apply.refused(&ledger));
        let empty = apply.with(|plan| plan.audience.allow_empty = true);
        assert_eq!(empty.to(&mut Memory::new()).counts.owed(), 0, "nothing is sent");
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_campaign_that_has_reached_everybody_stays_complete_when_they_have_lapsed() {
    let mut ledger = Memory::new();
    Apply::new(0..5).to(&mut ledger);
    ledger.send(key(0), Decision::Issued);
    ledger.send(key(1), Decision::Refused { code: CODE });
    ledger.send(key(2), Decision::Held { code: CODE });
    all_lapsed(5).decide(&ledger).expect_err("two are still owed a coupon");
    ledger.append(
        (3..5)
            .map(|recipient| Fact::Lapsed {
                recipient,
                at: from_ms(0),
            })
            .collect(),
    );
    for _ in 0..2 {
        assert_eq!(all_lapsed(5).to(&mut ledger).reading.lapsed, 5);
    }
    let mut excluded = Apply::new(0..5);
    excluded.excluded = vec![("csv a.csv".to_owned(), (0..5).map(|n| n.to_string()).collect())];
    excluded.to(&mut ledger);
}
