//! The texts of refusals and changes, in both languages.

use std::fmt::Display;

use super::refusal::{Change, MaxCouponsSum, Refusal, owed_again};
use super::{Accept, CLOCK_HELP};
use crate::catalogue::{Text, in_both_languages};
use crate::model::event::{PlaceUnit, RowPlace, Rows, UnusableKind};

fn texts<E: Display>(errors: &[E]) -> String {
    in_both_languages(errors.iter().map(|error| error as &dyn Display))
}

const KINDS: [UnusableKind; 23] = [
    UnusableKind::Empty,
    UnusableKind::TooLong,
    UnusableKind::NotPrintable,
    UnusableKind::WrongFields,
    UnusableKind::NotText,
    UnusableKind::Missing,
    UnusableKind::WrongType,
    UnusableKind::NoValue,
    UnusableKind::SpreadsheetError,
    UnusableKind::Formula,
    UnusableKind::Apostrophe,
    UnusableKind::Fraction,
    UnusableKind::Exponent,
    UnusableKind::FullWidth,
    UnusableKind::Header,
    UnusableKind::Boolean,
    UnusableKind::Date,
    UnusableKind::Grouped,
    UnusableKind::Quoted,
    UnusableKind::Masked,
    UnusableKind::Total,
    UnusableKind::NoLastActive,
    UnusableKind::UnreadableLastActive,
];

fn rows(count: u64, places: u64) -> Rows {
    let place = |number| RowPlace {
        within: "summer.csv".to_owned(),
        unit: PlaceUnit::Line,
        number,
        value: None,
    };
    Rows {
        count,
        first: (2..2 + places).map(place).collect(),
    }
}

#[test]
fn refusals_are_in_both_languages() {
    let sum = MaxCouponsSum {
        issued: 1_000,
        in_doubt: 2,
        held: 3,
        held_skipped: 0,
        owed: 4,
        reopened_doubts: 0,
        reopened_held: 0,
    };
    let by_kind: Vec<_> = KINDS.into_iter().map(|kind| (kind, rows(1, 1))).collect();
    let refusals = [
        Refusal::Empty { rows: 1_200 },
        Refusal::NobodyLeft {
            excluded: 1,
            lapsed: 2,
            control_group: 3,
        },
        Refusal::NobodyLeft {
            excluded: 2,
            lapsed: 0,
            control_group: 1,
        },
        Refusal::Unusable {
            unusable: 23,
            rows: 2_300,
            allowed: 0.07,
            by_kind,
        },
        Refusal::ExcludeUnusable {
            list: "csv opted-out.csv".to_owned(),
            unusable: 7,
            rows: 9,
            allowed: 0.01,
            by_kind: vec![(UnusableKind::Empty, rows(7, 5)), (UnusableKind::NotText, rows(1, 1))],
        },
        Refusal::OverMaxCoupons { max: 1_000, sum },
        Refusal::OverMaxCoupons {
            max: 1_000,
            sum: MaxCouponsSum {
                held_skipped: 5,
                reopened_doubts: 6,
                reopened_held: 7,
                ..sum
            },
        },
        Refusal::TooMany,
    ];
    let helps: Vec<_> = refusals
        .iter()
        .map(|refusal| Text::from_fn(|| refusal.help().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!([texts(&refusals), texts(&helps)].join("\n"));
}

#[test]
fn changes_are_in_both_languages() {
    let changes = Accept::ALL.map(|what| Change {
        what,
        from: "A".into(),
        to: "B".into(),
        owed_again: 0,
    });
    let [activity, ..] = &changes;
    let held = [1, 2_000].map(|owed_again| Change {
        owed_again,
        ..activity.clone()
    });
    let helps = Accept::ALL.map(|what| {
        let change = Change {
            what,
            ..activity.clone()
        };
        Text::from_fn(|| Refusal::Change(change.clone()).help().unwrap_or_default())
    });
    let owed: Vec<_> = [0, 1, 2].into_iter().filter_map(owed_again).collect();
    let unknown = "everything".parse::<Accept>().unwrap_err();
    let all = [
        texts(&changes),
        texts(&held),
        texts(&helps),
        texts(&owed),
        texts(&[CLOCK_HELP]),
        texts(&[unknown]),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
