//! Promises about who is owed something: the excluded, the control group, who lapsed, and what of that could surprise.

use std::time::Duration;

use super::super::*;
use super::key;
use super::memory::{Apply, CODE, Memory};
use crate::clock::from_ms;
use crate::delivery::{Skipped, Step, Verdict};
use crate::ledger::Fact;
use crate::plan::TurnOrder;

#[test]
fn rows_that_do_not_say_when_are_unusable_where_it_matters() {
    let mut apply = Apply::of(["a", "b", "c", "a"]);
    apply.active = vec![
        Activity::Unknown,
        Activity::Unreadable("46172"),
        Activity::At(from_ms(500)),
        Activity::At(from_ms(0)),
    ];
    let mut book = Memory::new();
    let reading = apply.decide(&book).expect("nobody lapses").reading;
    assert_eq!(
        (reading.listed, reading.undated.count, reading.repeated.count),
        (3, 1, 1)
    );
    apply.plan.audience.lapse = Lapse::After(Duration::from_mins(1));
    apply.plan.audience.max_unusable = 0.5;
    let reading = apply.to(&mut book).reading;
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
        (reading.listed, book.open_ids()),
        (2, vec!["c".to_owned(), "a".to_owned()])
    );
}

/// A list of the excluded with so many people.
fn list(name: &str, people: u32) -> (String, Vec<String>) {
    (name.to_owned(), (0..people).map(|n| format!("x{n}")).collect())
}

#[test]
fn a_shrunken_list_of_the_excluded_is_not_let_in() {
    let mut book = Memory::new();
    let apply = |lists: Vec<(String, Vec<String>)>| Apply {
        excluded: lists,
        ..Apply::of(0..10)
    };
    apply(vec![list("csv a.csv", 100), list("csv b.csv", 9)]).to(&mut book);
    let kept = book.book().generation().expect("one was closed").excluded.clone();
    assert_eq!((kept[0].people, kept[1].people), (100, 9));

    apply(vec![list("csv a.csv", 90), list("csv b.csv", 9)])
        .decide(&book)
        .expect("10 % are not over 10 %");
    apply(vec![list("csv b.csv", 9), list("csv a.csv", 100)])
        .decide(&book)
        .expect("in another order");
    apply(vec![list("csv a-june.csv", 100), list("csv b.csv", 9)])
        .decide(&book)
        .expect("another name");
    let cut = apply(vec![list("csv a.csv", 89), list("csv b.csv", 9)]).refused(&book);
    let renamed = apply(vec![list("csv a-june.csv", 50), list("csv b.csv", 8)]).refused(&book);
    let gone = apply(vec![list("csv b.csv", 9)]).refused(&book);
    insta::assert_snapshot!([cut, renamed, gone].join("\n\n"));

    let accepted = apply(vec![list("csv b.csv", 9)]).accepting(&[Accept::SmallerExclude]);
    assert_eq!(accepted.to(&mut book).accepted, [Accept::SmallerExclude]);
    assert_eq!(
        book.book().generation().map(|last| last.accepted.clone()),
        Some(vec!["smaller_exclude".to_owned()])
    );
    let after = apply(vec![list("csv b.csv", 9)]).to(&mut book);
    assert!(
        after.accepted.is_empty(),
        "afterwards the command without the flag goes on"
    );
}

#[test]
fn a_list_of_which_rows_are_lost_is_not_let_in() {
    let book = Memory::new();
    let mut apply = Apply::of(0..3);
    let open_ids = (0..200).map(|n| if n < 3 { String::new() } else { n.to_string() });
    apply.excluded = vec![("csv a.csv".to_owned(), open_ids.collect())];
    let lost = apply.refused(&book);
    apply.excluded = vec![("csv a.csv".to_owned(), (0..3).map(|n| n.to_string()).collect())];
    let nobody = apply.refused(&book);
    insta::assert_snapshot!(format!("{lost}\n\n{nobody}"));
    apply.excluded[0].1 = (0..100)
        .map(|n| if n < 1 { String::new() } else { n.to_string() })
        .collect();
    let remarks: Vec<_> = apply
        .decide(&book)
        .expect("one row is no more than 1 %")
        .remarks()
        .collect();
    assert_eq!(
        remarks,
        ["rows of the list csv a.csv name nobody: 1 with an empty open_id (audience.csv:2)"]
    );
}

#[test]
fn another_control_group_takes_back_nothing_and_hides_nobody() {
    let mut book = Memory::new();
    let apply = |share| Apply::of(0..200).with(|plan| plan.audience.control_group = share);
    apply(0.0).to(&mut book);
    for n in 0..200 {
        let unknown = Verdict::Unknown {
            due: from_ms(1),
            code: None,
        };
        let end = [
            Verdict::Issued,
            Verdict::Refused { code: CODE },
            Verdict::Held { code: CODE },
            unknown,
        ];
        if let Some(verdict) = end.get(n as usize % 5) {
            book.send(key(n), *verdict);
        }
    }
    let before = book.book().counts();
    let larger = apply(0.5);
    insta::assert_snapshot!(larger.refused(&book), @"
    the control group is another share than at the last apply: 0% then, 50% now
      help: if this is meant, apply with `--accept control_group`
    ");
    let converged = larger.accepting(&[Accept::ControlGroup]).to(&mut book);
    let after = book.book().counts();
    for name in [
        StateName::Issued,
        StateName::Refused,
        StateName::Held,
        StateName::InDoubt,
    ] {
        assert_eq!(after.of(name), before.of(name), "{name}");
    }
    assert!((10..30).contains(&after.of(StateName::Skipped)), "{after:?}");
    assert!((80..120).contains(&converged.reading.control_group));
    apply(0.0).accepting(&[Accept::ControlGroup]).to(&mut book);
    assert_eq!(book.book().counts(), before, "and back");
}

#[test]
fn who_said_no_is_excluded_whatever_else_is_said_and_a_doubt_is_not_let_go() {
    let mut book = Memory::new();
    let apply = |named: &[&str], excluded: &[&str]| Apply {
        class: Class::Halt,
        excluded: vec![("no".to_owned(), excluded.iter().map(ToString::to_string).collect())],
        ..Apply::of(named)
    };
    apply(&["a", "b", "c", "d"], &[]).to(&mut book);
    let unknown = Verdict::Unknown {
        due: from_ms(1),
        code: None,
    };
    for n in [0, 1] {
        book.send(key(n), unknown);
        book.attempt(key(n), Verdict::Held { code: CODE });
    }
    book.send(key(2), Verdict::Held { code: CODE });
    let converged = apply(&["b", "d", "e"], &["a", "c", "e", "f"]).to(&mut book);
    let resend = Step::RereadResend { due: from_ms(1_000) };
    assert_eq!(converged.changes.reread, [(key(1), resend)], "not the one who said no");
    assert_eq!(
        converged.changes.away[&Away::Excluded],
        [0, 2],
        "gone as well, and excluded before that"
    );
    assert_eq!(book.book().skipped().get(&Skipped::Excluded), Some(&1), "the held one");
    assert_eq!((converged.reading.listed, converged.reading.excluded), (3, 1));
    assert_eq!(book.open_ids(), ["a", "b", "c", "d"], "e is not admitted");
}

#[test]
fn an_unchanged_source_adds_little_however_active_its_users_are() {
    let mut book = Memory::new();
    let apply = |active: i64| {
        let mut apply = Apply::of(0..5_000).with(|plan| {
            plan.audience.lapse = Lapse::After(Duration::from_hours(1));
            plan.audience.order = TurnOrder::ExpiringFirst;
            plan.audience.control_group = 0.05;
        });
        apply.active = (0..5_000).map(|n| Activity::At(from_ms(active + n * 7))).collect();
        apply.excluded = vec![list("csv opted-out.csv", 1_000), list("campaign spring", 1_000)];
        apply
    };
    apply(0).to(&mut book);
    let again = apply(500_000).to(&mut book);
    let batches = again.changes.into_batches().collect::<Result<Vec<_>, _>>();
    let batches = batches.expect("everybody can be read");
    assert!(matches!(batches.as_slice(), [batch] if matches!(batch.as_slice(), [Fact::Closed(_)])));
    let bytes = postcard::to_stdvec(&batches).expect("facts are written");
    assert!(bytes.len() <= 1024, "{} bytes", bytes.len());
}

/// An apply at a moment when everybody of the audience lapsed long ago.
fn all_lapsed(users: u32) -> Apply {
    let mut apply = Apply::of(0..users).with(|plan| plan.audience.lapse = Lapse::After(Duration::from_secs(1)));
    apply.active = (0..users).map(|_| Activity::At(from_ms(0))).collect();
    apply.now = from_ms(60_000);
    apply
}

#[test]
fn an_audience_of_which_nobody_is_left_is_as_good_as_empty() {
    let book = Memory::new();
    let mut excluded = Apply::of(0..3);
    excluded.excluded = vec![("csv a.csv".to_owned(), (0..9).map(|n| n.to_string()).collect())];
    let control_group = Apply::of(0..3).with(|plan| plan.audience.control_group = 1.0);
    let mut mixed = all_lapsed(40).with(|plan| plan.audience.control_group = 0.5);
    mixed.excluded.clone_from(&excluded.excluded);
    let mut told = Vec::new();
    for apply in [all_lapsed(1), excluded, control_group, mixed] {
        told.push(apply.refused(&book));
        let empty = apply.with(|plan| plan.audience.allow_empty = true);
        assert_eq!(empty.to(&mut Memory::new()).counts.owed(), 0, "nothing is sent");
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_campaign_that_has_reached_everybody_stays_complete_when_they_have_lapsed() {
    let mut book = Memory::new();
    Apply::of(0..5).to(&mut book);
    book.send(key(0), Verdict::Issued);
    book.send(key(1), Verdict::Refused { code: CODE });
    book.send(key(2), Verdict::Held { code: CODE });
    all_lapsed(5).decide(&book).expect_err("two are still owed a coupon");
    book.append(
        (3..5)
            .map(|recipient| Fact::Lapsed {
                recipient,
                at: from_ms(0),
            })
            .collect(),
    );
    for _ in 0..2 {
        assert_eq!(all_lapsed(5).to(&mut book).reading.lapsed, 5);
    }
    let mut excluded = Apply::of(0..5);
    excluded.excluded = vec![("csv a.csv".to_owned(), (0..5).map(|n| n.to_string()).collect())];
    excluded.to(&mut book);
}
