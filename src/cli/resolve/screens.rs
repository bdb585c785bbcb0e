//! What is shown before and after a decision.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use serde::Serialize;

use crate::catalogue::{Grouped, resolve};
use crate::ledger::LedgerState;
use crate::model::delivery::{Resolution, StateName};
use crate::model::identity::CampaignName;
use crate::model::resolve::{Resolved, ResolvedDelivery};
use crate::plan::Plan;
use crate::report::text::{Align, Columns, cut, visible, visible_path};
use crate::report::wording::skip_reason;

use crate::app::resolve::{Decided, Preview};
use crate::cli::question::labelled;
use crate::engine::resolution::Selected;

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
pub(super) fn question(decision: &DecisionNote<'_>, preview: &Preview) -> String {
    let selected = preview.selected();
    let ledger_state = preview.ledger_state();
    let n = selected.len() as u64;
    let to: &dyn Display = &decided(decision.to);
    let mut text = format!("{}\n", resolve::AboutToResolve { n, to });
    text.push_str(&labelled([
        (resolve::ChosenBy.to_string(), visible(decision.selection).into_owned()),
        (resolve::Note.to_string(), visible(decision.note).into_owned()),
        (resolve::Campaign.to_string(), decision.campaign.to_string()),
        (resolve::Ledger.to_string(), visible_path(preview.ledger_location())),
    ]));
    text.push_str(&sums(selected.iter().map(|it| (it.from, it.code))));
    let row = |it: &Selected| Row {
        open_id: ledger_state.open_id(it.key.recipient),
        ordinal: it.key.ordinal,
        from: it.from,
        becomes: becomes(decision.to, it, ledger_state),
    };
    text.push_str(&list(selected.iter().map(row), n));
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
pub(super) fn done(decision: &DecisionNote<'_>, decided: &Decided, again: &str) -> String {
    let Resolved { count, deliveries } = &decided.resolved;
    let n = *count;
    let to = &self::decided(decision.to);
    let mut text = format!("{}\n", resolve::Resolved { n, to });
    text.push_str(&sums(deliveries.iter().map(|it| (it.from, it.code))));
    let row = |it: &ResolvedDelivery| Row {
        open_id: it.open_id.clone(),
        ordinal: it.ordinal,
        from: it.from,
        becomes: now(it),
    };
    text.push_str(&list(deliveries.iter().map(row), n));
    match &decided.pid {
        Some(pid) => {
            let _ = writeln!(text, "\n{}", resolve::RunGoesOn { pid });
        }
        None if deliveries.iter().any(|it| it.state == StateName::Pending) => {
            let _ = writeln!(text, "\n{}\n  {again}", resolve::SendOwed);
        }
        None => {}
    }
    text
}

/// Returns what deliveries become by a decision.
fn decided(to: Resolution) -> String {
    resolve::Decision { to: &to.word() }.to_string()
}

/// Returns how many deliveries there are of each state and code.
fn sums(deliveries: impl Iterator<Item = (StateName, Option<i64>)>) -> String {
    let mut sums: BTreeMap<(StateName, Option<i64>), u64> = BTreeMap::new();
    for from in deliveries {
        *sums.entry(from).or_default() += 1;
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

/// A line of the list.
struct Row {
    open_id: String,
    ordinal: u8,
    from: StateName,
    becomes: String,
}

/// Lists the first of `count` deliveries, one a line, each with what it becomes.
fn list(deliveries: impl Iterator<Item = Row>, count: u64) -> String {
    let listed: Vec<Row> = deliveries.take(MOST_LISTED).collect();
    let cells = |row: &Row| {
        let ordinal = &row.ordinal;
        [
            cut(&visible(&row.open_id), OPEN_ID).into_owned(),
            resolve::CouponNumber { ordinal }.to_string(),
            row.from.to_string(),
        ]
    };
    let rows: Vec<_> = listed.iter().map(cells).collect();
    let table = Columns::new([Align::Left; 3], &rows);
    let mut text = String::new();
    for (row, cells) in listed.iter().zip(&rows) {
        let _ = writeln!(text, "  {} -> {}", table.cells(cells).join("  "), row.becomes);
    }
    let more = count.saturating_sub(listed.len() as u64);
    if more > 0 {
        let n = &Grouped(more);
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

/// Returns what a delivery is after the decision.
fn now(delivery: &ResolvedDelivery) -> String {
    match (delivery.state, delivery.skipped) {
        (StateName::Pending, _) => decided(Resolution::Owed { may_double: false }),
        (_, Some(why)) => resolve::SkippedWhy { why: &skip_reason(why) }.to_string(),
        (state, None) => state.to_string(),
    }
}

/// A delivery that was resolved, for programs.
#[derive(Serialize)]
pub(super) struct DecidedObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    open_id: &'a str,
    ordinal: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_coupon_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    from: &'static str,
    to: &'static str,
    state: &'static str,
}

/// Returns one object for each delivery: its earlier state, the decision and its state after that.
pub(super) fn objects<'a>(resolved: &'a Resolved, plan: &'a Plan, to: Resolution) -> Vec<DecidedObject<'a>> {
    let object = |it: &'a ResolvedDelivery| DecidedObject {
        r#type: "resolved",
        campaign: plan.identity.campaign.as_str(),
        app_id: plan.identity.app_id.as_str(),
        open_id: &it.open_id,
        ordinal: it.ordinal,
        merchant_coupon_id: it.merchant_coupon_id.as_deref(),
        code: it.code,
        from: it.from.word(),
        to: to.word(),
        state: it.state.word(),
    };
    resolved.deliveries.iter().map(object).collect()
}
