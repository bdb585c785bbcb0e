//! What is shown before and after a decision.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use serde::Serialize;

use crate::catalogue::{Grouped, resolve};
use crate::ledger::LedgerState;
use crate::model::delivery::{Resolution, State, StateName};
use crate::model::identity::CampaignName;
use crate::plan::Plan;
use crate::report::text::{Align, Columns, cut, visible, visible_path};
use crate::report::wording::skip_reason;

use crate::app::resolve::Resolving;
use crate::app::resolve::selection::Selected;
use crate::cli::question::labelled;

/// More deliveries are counted and not listed.
const MOST_LISTED: usize = 20;
/// The widest that an open_id may be in the list.
const OPEN_ID: usize = 40;

/// A decision, before or after it was made.
pub(super) struct DecisionNote<'a> {
    pub(super) campaign: &'a CampaignName,
    pub(super) selection: &'a str,
    pub(super) note: &'a str,
    pub(super) to: Resolution,
}

/// Returns the question before a decision.
pub(super) fn question(decision: &DecisionNote<'_>, resolving: &Resolving<'_>) -> String {
    let selected = resolving.selected();
    let ledger_state = resolving.ledger_state();
    let n = selected.len() as u64;
    let to: &dyn Display = &decided(decision.to);
    let mut text = format!("{}\n", resolve::AboutToResolve { n, to });
    text.push_str(&labelled([
        (resolve::ChosenBy.to_string(), visible(decision.selection).into_owned()),
        (resolve::Note.to_string(), visible(decision.note).into_owned()),
        (resolve::Campaign.to_string(), decision.campaign.to_string()),
        (resolve::Ledger.to_string(), visible_path(resolving.ledger_location())),
    ]));
    text.push_str(&sums(selected));
    text.push_str(&list(selected, ledger_state, |selected| {
        becomes(decision.to, selected, ledger_state)
    }));
    text.push('\n');
    if selected
        .iter()
        .any(|it| ledger_state.status(it.key).reopens_doubt(decision.to))
    {
        let _ = writeln!(text, "{}", resolve::MayBecomeSecond);
    }
    let reopens_held = selected
        .iter()
        .any(|it| ledger_state.status(it.key).reopens_held(decision.to));
    if reopens_held && ledger_state.counts_reopened_held() {
        let _ = writeln!(text, "{}", resolve::HeldMayBeIssued);
    }
    let campaign: &dyn Display = decision.campaign;
    text + &resolve::GoOn { n, campaign, to }.to_string()
}

/// Returns what was done and what follows.
pub(super) fn done(decision: &DecisionNote<'_>, resolving: &Resolving<'_>, again: &str) -> String {
    let selected = resolving.selected();
    let ledger_state = resolving.ledger_state();
    let n = selected.len() as u64;
    let to = &decided(decision.to);
    let mut text = format!("{}\n", resolve::Resolved { n, to });
    text.push_str(&sums(selected));
    text.push_str(&list(selected, ledger_state, |selected| now(ledger_state, selected)));
    let sends = selected
        .iter()
        .any(|it| ledger_state.status(it.key).state == State::Pending);
    if sends {
        let _ = writeln!(text, "\n{}\n  {again}", resolve::SendOwed);
    }
    text
}

/// Returns what deliveries become by a decision.
fn decided(to: Resolution) -> String {
    resolve::Decision { to: &to.word() }.to_string()
}

/// Returns how many deliveries there are of each state and code.
fn sums(selected: &[Selected]) -> String {
    let mut sums: BTreeMap<(StateName, Option<i64>), u64> = BTreeMap::new();
    for it in selected {
        *sums.entry((it.from, it.code)).or_default() += 1;
    }
    let line = |((state, code), n): ((StateName, Option<i64>), u64)| {
        let n: &dyn Display = &Grouped(n);
        let state: &dyn Display = &state;
        match &code {
            Some(code) => format!("  {}\n", resolve::SumOfCode { n, state, code }),
            None => format!("  {}\n", resolve::SumOfState { n, state }),
        }
    };
    let sums: String = sums.into_iter().map(line).collect();
    format!("\n{sums}\n")
}

/// Lists the first deliveries, one a line, each with what it becomes.
fn list(selected: &[Selected], ledger_state: &LedgerState, becomes: impl Fn(&Selected) -> String) -> String {
    let listed = selected.get(..MOST_LISTED).unwrap_or(selected);
    let row = |it: &Selected| {
        let ordinal = &it.key.ordinal;
        [
            cut(&visible(&ledger_state.open_id(it.key.recipient)), OPEN_ID).into_owned(),
            resolve::CouponNumber { ordinal }.to_string(),
            it.from.to_string(),
        ]
    };
    let rows: Vec<_> = listed.iter().map(row).collect();
    let table = Columns::new([Align::Left; 3], &rows);
    let mut text = String::new();
    for (it, row) in listed.iter().zip(&rows) {
        let _ = writeln!(text, "  {} -> {}", table.cells(row).join("  "), becomes(it));
    }
    if selected.len() > listed.len() {
        let n = &Grouped((selected.len() - listed.len()) as u64);
        let _ = writeln!(text, "  {}", resolve::MoreCoupons { n });
    }
    text
}

/// Returns what a delivery will become. If it is owed but its user is not in the audience, it is skipped at once.
fn becomes(to: Resolution, selected: &Selected, ledger_state: &LedgerState) -> String {
    let left_out =
        ledger_state.away(selected.key.recipient).is_some() || selected.key.ordinal > ledger_state.coupons_per_user();
    match to {
        Resolution::Owed { .. } if left_out => resolve::SkippedByAudience.to_string(),
        to => decided(to),
    }
}

/// Returns what a delivery is now.
fn now(ledger_state: &LedgerState, selected: &Selected) -> String {
    match ledger_state.status(selected.key).state {
        State::Pending => decided(Resolution::Owed { may_double: false }),
        State::Skipped(why) => resolve::SkippedWhy { why: &skip_reason(why) }.to_string(),
        other => other.name().to_string(),
    }
}

/// A delivery that was resolved, for programs.
#[derive(Serialize)]
pub(super) struct Resolved<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    open_id: String,
    ordinal: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_coupon_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    from: &'static str,
    to: &'static str,
    state: &'static str,
}

/// Returns one object for each delivery: its earlier state, the decision and its present state.
pub(super) fn objects<'p>(resolving: &Resolving<'_>, plan: &'p Plan, to: Resolution) -> Vec<Resolved<'p>> {
    let selected = resolving.selected();
    let ledger_state = resolving.ledger_state();
    let object = |it: &Selected| Resolved {
        r#type: "resolved",
        campaign: plan.identity.campaign.as_str(),
        app_id: plan.identity.app_id.as_str(),
        open_id: ledger_state.open_id(it.key.recipient),
        ordinal: it.key.ordinal,
        merchant_coupon_id: ledger_state.merchant_coupon_id(it.key).map(|id| id.to_string()),
        code: it.code,
        from: it.from.word(),
        to: to.word(),
        state: ledger_state.status(it.key).state.name().word(),
    };
    selected.iter().map(object).collect()
}
