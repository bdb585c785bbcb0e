//! The reasons to refuse an audience, and the changes since the last apply.

use std::fmt;

use super::accept::Accept;
use crate::catalogue::money;
use crate::model::event::{READABLE_TIMES, Rows, UnusableKind};
use crate::model::money::Money;
use crate::model::problem::Problem;

/// A change since the last apply that could surprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed, and the word that accepts it.
    pub what: Accept,
    /// The value at the last apply.
    pub from: String,
    /// The value now.
    pub to: String,
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
        write!(
            f,
            "{} issued + {} in doubt + {} held + {} owed",
            self.issued, self.in_doubt, self.held, self.owed
        )?;
        let more = [
            (self.held_skipped, "that were held when they were skipped"),
            (self.reopened_doubts, "that were in doubt when they were reopened"),
            (self.reopened_held, "that were held when they were owed again"),
        ];
        more.iter()
            .filter(|(n, _)| *n > 0)
            .try_for_each(|(n, what)| write!(f, " + {n} {what}"))
    }
}

/// A reason to refuse an audience. Nothing is added to the ledger.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A change that nobody has accepted.
    #[error("{}", .0.text())]
    Change(Change),
    /// The source names no user.
    #[error("the audience is empty: none of its {rows} rows names a user")]
    Empty {
        /// How many rows it has.
        rows: u64,
    },
    /// No user of the source is left to send to.
    #[error("nobody in the audience is left to send to: {}", reasons(*excluded, *lapsed, *control_group))]
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
        "{unusable} of the audience's {rows} rows cannot be used, which is more than `max_unusable` allows ({}): {}",
        percent(*allowed), kinds(by_kind)
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
        "{unusable} of the {rows} rows of the excluded list {list} cannot be used, which is more than `max_unusable` \
         allows ({}), and each may be somebody who said no: {}",
        percent(*allowed), kinds(by_kind)
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
    #[error(
        "the campaign needs up to {} coupons and `max_coupons` is {max}: \
         {sum}",
        sum.total()
    )]
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
    #[error(
        "the audience names more than {} users, which is more than a ledger can number",
        u32::MAX
    )]
    TooMany,
}

impl Refusal {
    /// What a person can do. `None` if there is nothing.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Change(change) if change.what == Accept::Clock => Some(CLOCK_HELP.to_owned()),
            Self::Change(change) => Some(format!("if this is meant, apply with `--accept {}`", change.what)),
            Self::Empty { .. } => Some("if this is meant, write `allow_empty: true` under `audience`".into()),
            Self::NobodyLeft { .. } => Some(
                "check the exclude lists, the column of `last_active` and this machine's clock; if this is meant, write \
                 `allow_empty: true` under `audience`"
                    .into(),
            ),
            Self::Unusable { by_kind, .. } => Some(with_advice(
                "repair the source, or raise `max_unusable` under `audience`; no unusable row is ever sent",
                by_kind,
            )),
            Self::ExcludeUnusable { by_kind, .. } => Some(with_advice(
                "repair the list: nobody is sent to as long as it is not whole",
                by_kind,
            )),
            Self::OverMaxCoupons { .. } => {
                Some("raise `max_coupons`, or lower `limit` under `audience` or `coupons_per_user`".into())
            }
            Self::OverMaxWorth { .. } => Some(money::OverMaxWorthHelp.to_string()),
            Self::TooMany => None,
        }
    }
}

/// Adds to a help what the kinds of unusable rows suggest.
fn with_advice(help: &str, by_kind: &[(UnusableKind, Rows)]) -> String {
    let mut help = help.to_owned();
    for (kind, _) in by_kind {
        match kind {
            UnusableKind::UnreadableLastActive => {
                help.push_str("; a last_active is ");
                help.push_str(READABLE_TIMES);
            }
            UnusableKind::NotText => help.push_str("; for a CSV file in GBK write `encoding: gb18030` beside its path"),
            _ => {}
        }
    }
    help
}

/// What a person can do if a ledger's times are far ahead of the wall clock.
pub const CLOCK_HELP: &str = "if this machine's clock is wrong, set it and run the same command. if it is right, apply with \
                              `--accept clock`: what is in doubt then waits for a person, because nobody knows for how long it \
                              is";

/// The effect of another activity on held deliveries. `None` if there are none.
#[must_use]
pub fn owed_again(held: u64) -> Option<String> {
    let (held_are, each) = match held {
        0 => return None,
        1 => ("1 held delivery is".to_owned(), "it"),
        n => (format!("{n} held deliveries are"), "each"),
    };
    Some(format!(
        "{held_are} owed again under it: {each} may have been issued, and counts in max_coupons as if issued"
    ))
}

impl Change {
    pub(super) fn text(&self) -> String {
        let Self {
            what,
            from,
            to,
            owed_again,
        } = self;
        match what {
            Accept::ActivityId => {
                let held = self::owed_again(*owed_again).map_or_else(String::new, |held| format!("; {held}"));
                format!("the activity is another one than at the last apply: {from} then, {to} now{held}")
            }
            Accept::CouponsPerUser => {
                format!("each user is owed more coupons than at the last apply: {from} then, {to} now")
            }
            Accept::SmallerAudience => format!(
                "many of the users who are still owed a coupon are gone from the source, as from a truncated export: \
             {from} then, {to} of them now"
            ),
            Accept::ControlGroup => {
                format!("the control group is another share than at the last apply: {from} then, {to} now")
            }
            Accept::SmallerExclude => format!(
                "people have left an exclude list, as when it is cut off or replaced by another file: {from}; now {to}"
            ),
            Accept::IdleExclude => {
                format!(
                    "the exclude list {from}, excludes {to}; one in another form or of another column looks like this"
                )
            }
            Accept::Clock => format!(
                "the ledger has times up to {from}, and this machine's clock says {to}: one of its runs was made under a wrong \
                 clock, or this clock is wrong ({})",
                Problem::WrongClock
            ),
            Accept::OlderLedger => {
                format!("the ledger is older than its witness, which saw {from}: there is {to} now")
            }
            Accept::Replays => {
                format!("`{what}` is otherwise than at the last apply: {from} then, {to} now")
            }
        }
    }
}

fn reasons(excluded: u64, lapsed: u64, control_group: u64) -> String {
    let reasons = [
        (excluded, "is excluded", "are excluded"),
        (lapsed, "was last active too long ago", "were last active too long ago"),
        (control_group, "is in the control group", "are in the control group"),
    ];
    let reasons = reasons.into_iter().filter(|(n, ..)| *n > 0);
    let reasons: Vec<_> = reasons
        .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
        .collect();
    reasons.join(", ")
}

fn percent(share: f64) -> String {
    // Two decimals are enough for people, and hide that 0.07 is no binary fraction.
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

pub(super) fn kinds(by_kind: &[(UnusableKind, Rows)]) -> String {
    let kinds = by_kind.iter().map(|(kind, rows)| {
        let places: Vec<_> = rows.first.iter().map(ToString::to_string).collect();
        let more = if rows.count > places.len() as u64 { ", …" } else { "" };
        format!("{} {} ({}{more})", rows.count, words(*kind), places.join(", "))
    });
    kinds.collect::<Vec<_>>().join("; ")
}

const fn words(kind: UnusableKind) -> &'static str {
    match kind {
        UnusableKind::Empty => "with an empty open_id",
        UnusableKind::TooLong => "with an open_id of over 128 characters",
        UnusableKind::NotPrintable => "with an open_id that has spaces or unprintable characters",
        UnusableKind::WrongFields => "with more or fewer fields than the header",
        UnusableKind::NotText => "with an open_id that is not text in the source's encoding",
        UnusableKind::Missing => "without an open_id",
        UnusableKind::NoLastActive => "without a last_active",
        UnusableKind::UnreadableLastActive => "with a last_active that is no time from 2016 to tomorrow",
        UnusableKind::WrongType => "with an open_id that is neither text nor a whole number",
        UnusableKind::NoValue => "with a word or a sign for no value as open_id, such as NULL or -",
        UnusableKind::SpreadsheetError => "with an error of a spreadsheet as open_id, such as #REF!",
        UnusableKind::Formula => "with a formula of a spreadsheet as open_id, =\"…\"",
        UnusableKind::Apostrophe => "with an open_id that begins with an apostrophe",
        UnusableKind::Fraction => "with a number that ends in .0 as open_id",
        UnusableKind::Exponent => "with a number with lost digits as open_id, such as 7.21E+18",
        UnusableKind::FullWidth => "with full-width characters in the open_id",
        UnusableKind::Header => "with the header again",
        UnusableKind::Boolean => "with TRUE or FALSE as open_id",
        UnusableKind::Date => "with a date as open_id",
        UnusableKind::Grouped => "with separators of thousands in the open_id, such as 7,218,071",
        UnusableKind::Quoted => "with an open_id in quotes",
        UnusableKind::Masked => "with an open_id that is covered in part or cut off, such as Cv4P****3rNu",
        UnusableKind::Total => "with a label of a sum as open_id, such as 合计",
    }
}
