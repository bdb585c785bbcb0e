//! The reasons to refuse an audience, and the changes since the last apply.

use std::fmt;

use super::accept_word::Accept;
use crate::catalogue::{Text, approval, engine, money};
use crate::model::event::{READABLE_TIMES, Rows, UnusableKind};
use crate::model::money::Money;
use crate::model::problem::Problem;

/// A change since the last apply that could surprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed, and the word that accepts it.
    pub what: Accept,
    /// The value at the last apply.
    pub from: Text,
    /// The value now.
    pub to: Text,
    /// The number of held deliveries that are owed again because of it.
    pub owed_again: u64,
}

/// The most coupons that a campaign can come to give, by their present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxCouponsSum {
    /// Issued so far.
    pub issued: u64,
    /// In doubt: may have been issued.
    pub in_doubt: u64,
    /// Held: may have been issued, or a person may make them owed again.
    pub held: u64,
    /// Skipped, and held before that.
    pub held_skipped: u64,
    /// Still to be sent, every coupon of every user.
    pub owed: u64,
    /// Doubts that a person reopened: each may have been issued in addition to its present state.
    pub reopened_doubts: u64,
    /// Held deliveries that were owed again, by a person or under another activity: likewise.
    pub reopened_held: u64,
}

impl MaxCouponsSum {
    /// The sum.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let settled_or_open = self.issued + self.in_doubt + self.held + self.held_skipped + self.owed;
        settled_or_open + self.reopened_doubts + self.reopened_held
    }
}

impl fmt::Display for MaxCouponsSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = engine::MaxCouponsSum {
            issued: self.issued,
            in_doubt: self.in_doubt,
            held: self.held,
            owed: self.owed,
        }
        .to_string();
        if self.held_skipped > 0 {
            let n = self.held_skipped;
            sum = engine::MaxCouponsHeldSkipped { sum: &sum, n }.to_string();
        }
        if self.reopened_doubts > 0 {
            let n = self.reopened_doubts;
            sum = engine::MaxCouponsReopenedDoubts { sum: &sum, n }.to_string();
        }
        if self.reopened_held > 0 {
            let n = self.reopened_held;
            sum = engine::MaxCouponsReopenedHeld { sum: &sum, n }.to_string();
        }
        f.write_str(&sum)
    }
}

/// A reason to refuse an audience. Nothing is added to the ledger.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A change that nobody has accepted.
    #[error("{}", .0)]
    Change(Change),
    /// The source names no user.
    #[error("{}", engine::EmptyAudience { rows: *rows })]
    Empty {
        /// How many rows it has.
        rows: u64,
    },
    /// No user of the source is left to send to.
    #[error("{}", engine::NobodyLeft { reasons: &reasons(*excluded, *lapsed, *control_group) })]
    NobodyLeft {
        /// How many of them are excluded.
        excluded: u64,
        /// How many of them were last active too long ago.
        lapsed: u64,
        /// How many of them are in the control group.
        control_group: u64,
    },
    /// Too many rows cannot be used.
    #[error(
        "{}",
        engine::UnusableRows {
            unusable: *unusable,
            rows: *rows,
            allowed: &percent(*allowed),
            kinds: &kinds(by_kind),
        }
    )]
    Unusable {
        /// How many.
        unusable: u64,
        /// Of how many.
        rows: u64,
        /// The share that is allowed.
        allowed: f64,
        /// Which, and where the first of them are.
        by_kind: Vec<(UnusableKind, Rows)>,
    },
    /// Too many rows of a list of the excluded cannot be used.
    #[error(
        "{}",
        engine::UnusableExclude {
            unusable: *unusable,
            rows: *rows,
            list,
            allowed: &percent(*allowed),
            kinds: &kinds(by_kind),
        }
    )]
    ExcludeUnusable {
        /// Which list.
        list: String,
        /// How many.
        unusable: u64,
        /// Of how many.
        rows: u64,
        /// The share that is allowed.
        allowed: f64,
        /// Which, and where the first of them are.
        by_kind: Vec<(UnusableKind, Rows)>,
    },
    /// The campaign could not be completed within `max_coupons`.
    #[error("{}", engine::OverMaxCoupons { needed: sum.total(), max: *max, sum })]
    OverMaxCoupons {
        /// What the file allows.
        max: u64,
        /// What it needs.
        sum: MaxCouponsSum,
    },
    /// The coupons could be worth more than `max_worth`.
    #[error("{}", money::OverMaxWorth {
        at_most, coupons: sum.total(), max, sum,
    })]
    OverMaxWorth {
        /// What the file allows.
        max: Money,
        /// What the coupons could be worth.
        at_most: Money,
        /// The coupons.
        sum: MaxCouponsSum,
    },
    /// More users than a ledger can number.
    #[error("{}", engine::TooManyUsers { most: u32::MAX.into() })]
    TooMany,
    /// More testers than a campaign can have.
    #[error("{}", approval::TooManyTesters { named: *named, most: *most })]
    TooManyTesters {
        /// How many the campaign names.
        named: u64,
        /// How many it may have.
        most: u64,
    },
    /// No tester can be sent to.
    #[error("{}", approval::NoTesters { named: *named })]
    NoTesters {
        /// How many the campaign names.
        named: u64,
    },
}

impl Refusal {
    /// What a person can do. `None` if there is nothing.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Change(change) if change.what == Accept::Clock => Some(CLOCK_HELP.to_string()),
            Self::Change(change) => Some(engine::AcceptHelp { change: &change.what }.to_string()),
            Self::Empty { .. } => Some(engine::EmptyAudienceHelp.to_string()),
            Self::NobodyLeft { .. } => Some(engine::NobodyLeftHelp.to_string()),
            Self::Unusable { by_kind, .. } => Some(with_advice(engine::UnusableRowsHelp.to_string(), by_kind)),
            Self::ExcludeUnusable { by_kind, .. } => {
                Some(with_advice(engine::UnusableExcludeHelp.to_string(), by_kind))
            }
            Self::OverMaxWorth { .. } => Some(money::OverMaxWorthHelp.to_string()),
            Self::OverMaxCoupons { .. } => Some(engine::OverMaxCouponsHelp.to_string()),
            Self::TooMany => None,
            Self::TooManyTesters { .. } => Some(approval::TooManyTestersHelp.to_string()),
            Self::NoTesters { .. } => Some(approval::NoTestersHelp.to_string()),
        }
    }
}

/// Adds to a help what the kinds of unusable rows suggest.
fn with_advice(help: String, by_kind: &[(UnusableKind, Rows)]) -> String {
    by_kind.iter().fold(help, |help, (kind, _)| match kind {
        UnusableKind::UnreadableLastActive => engine::LastActiveHelp {
            help: &help,
            times: &READABLE_TIMES,
        }
        .to_string(),
        UnusableKind::NotText => engine::EncodingHelp { help: &help }.to_string(),
        _ => help,
    })
}

/// What a person can do if a ledger's times are far ahead of the wall clock.
pub const CLOCK_HELP: engine::ClockHelp = engine::ClockHelp;

/// The effect of another activity on held deliveries. `None` if there are none.
#[must_use]
pub fn owed_again(held: u64) -> Option<engine::OwedAgain> {
    (held > 0).then_some(engine::OwedAgain { held })
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, from, to, .. } = self;
        match what {
            Accept::ActivityId => match owed_again(self.owed_again) {
                Some(held) => engine::ChangeActivityIdHeld { from, to, held: &held }.fmt(f),
                None => engine::ChangeActivityId { from, to }.fmt(f),
            },
            Accept::CouponsPerUser => engine::ChangeCouponsPerUser { from, to }.fmt(f),
            Accept::SmallerAudience => engine::ChangeSmallerAudience { from, to }.fmt(f),
            Accept::ControlGroup => engine::ChangeControlGroup { from, to }.fmt(f),
            Accept::SmallerExclude => engine::ChangeSmallerExclude { from, to }.fmt(f),
            Accept::IdleExclude => engine::ChangeIdleExclude { from, to }.fmt(f),
            Accept::Clock => engine::ChangeClock {
                from,
                to,
                problem: &Problem::WrongClock,
            }
            .fmt(f),
            Accept::OlderLedger => engine::ChangeOlderLedger { from, to }.fmt(f),
            Accept::Replays => engine::ChangeOther { change: what, from, to }.fmt(f),
        }
    }
}

fn reasons(excluded: u64, lapsed: u64, control_group: u64) -> String {
    let reasons = [
        (excluded, engine::NobodyLeftExcluded { n: excluded }.to_string()),
        (lapsed, engine::NobodyLeftLapsed { n: lapsed }.to_string()),
        (
            control_group,
            engine::NobodyLeftControlGroup { n: control_group }.to_string(),
        ),
    ];
    let reasons = reasons.into_iter().filter(|(n, _)| *n > 0);
    let all = reasons.map(|(_, reason)| reason).reduce(|first, second| {
        engine::PlacesAnd {
            first: &first,
            second: &second,
        }
        .to_string()
    });
    all.unwrap_or_default()
}

fn percent(share: f64) -> String {
    // Two decimals are enough for people, and hide that 0.07 is no binary fraction.
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

pub(super) fn kinds(by_kind: &[(UnusableKind, Rows)]) -> String {
    let kinds = by_kind.iter().map(|(kind, rows)| {
        engine::UnusableKind {
            rows: rows.count,
            kind: &selector(*kind),
            places: &places(rows),
        }
        .to_string()
    });
    let all = kinds.reduce(|first, second| {
        engine::KindsAnd {
            first: &first,
            second: &second,
        }
        .to_string()
    });
    all.unwrap_or_default()
}

fn places(rows: &Rows) -> String {
    let places = rows.first.iter().map(ToString::to_string).reduce(|first, second| {
        engine::PlacesAnd {
            first: &first,
            second: &second,
        }
        .to_string()
    });
    let places = places.unwrap_or_default();
    if rows.count > rows.first.len() as u64 {
        engine::PlacesMore { places: &places }.to_string()
    } else {
        places
    }
}

/// The word that selects a text of the catalogue.
const fn selector(kind: UnusableKind) -> &'static str {
    match kind {
        UnusableKind::Empty => "empty",
        UnusableKind::TooLong => "too-long",
        UnusableKind::NotPrintable => "not-printable",
        UnusableKind::WrongFields => "wrong-fields",
        UnusableKind::NotText => "not-text",
        UnusableKind::Missing => "missing",
        UnusableKind::NoLastActive => "no-last-active",
        UnusableKind::UnreadableLastActive => "unreadable-last-active",
        UnusableKind::WrongType => "wrong-type",
        UnusableKind::NoValue => "no-value",
        UnusableKind::SpreadsheetError => "spreadsheet-error",
        UnusableKind::Formula => "formula",
        UnusableKind::Apostrophe => "apostrophe",
        UnusableKind::Fraction => "fraction",
        UnusableKind::Exponent => "exponent",
        UnusableKind::FullWidth => "full-width",
        UnusableKind::Header => "header",
        UnusableKind::Boolean => "boolean",
        UnusableKind::Date => "date",
        UnusableKind::Grouped => "grouped",
        UnusableKind::Quoted => "quoted",
        UnusableKind::Masked => "masked",
        UnusableKind::Total => "total",
    }
}
