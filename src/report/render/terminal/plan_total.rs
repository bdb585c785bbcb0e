//! The total of several plans, as a table for people.

use std::fmt::Write as _;

use crate::catalogue::plan as texts;
use crate::report::plan_view::PlannedCampaign;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, Columns, visible, wrap};
use crate::report::times::{date_time, grouped};

use super::plan::to_send;
use super::styles::{BAD, FEASIBLE, PLAIN, STRONG};

const ALIGN: [Align; 4] = [Left, Right, Left, Left];
/// The least width of a campaign's name.
const LEAST_NAME: usize = 10;

/// Renders the total, with styles, in lines of at most `width` columns.
#[must_use]
pub fn text(all: &[PlannedCampaign], width: usize) -> String {
    let plans = || all.iter().filter_map(|planned| planned.plan.as_ref());
    let owed = plans().map(|plan| plan.deliveries.owed()).sum();
    let again = plans().map(|plan| plan.deliveries.resent).sum();
    let campaigns = all.len() as u64;
    let to_send = to_send(owed, again);
    let total = texts::Total {
        campaigns,
        to_send: &to_send,
    };
    let mut rows = vec![header()];
    rows.extend(all.iter().map(row));
    let table = Columns::new(ALIGN, &rows).fit(width, LEAST_NAME, usize::MAX);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let [name, to_send, until, verdict] = table.cells(row);
        let style = match at.checked_sub(1).and_then(|at| all.get(at)) {
            None => PLAIN,
            Some(planned) if planned.is_feasible() => FEASIBLE,
            Some(_) => BAD,
        };
        let verdict = verdict.trim_end();
        let _ = writeln!(text, "{name}  {to_send}  {until}  {style}{verdict}{style:#}");
    }
    let _ = writeln!(text, "\n{STRONG}{}{STRONG:#}", wrap(&total.to_string(), width, 0));
    text
}

fn header() -> [String; 4] {
    [
        texts::TotalName.to_string(),
        texts::CountToSend.to_string(),
        texts::TotalUntil.to_string(),
        texts::TotalVerdict.to_string(),
    ]
}

/// The campaign, how many coupons would be sent, when that would end on the clocks of its zone, and the verdict.
fn row(planned: &PlannedCampaign) -> [String; 4] {
    let name = visible(&planned.name).into_owned();
    let Some(plan) = &planned.plan else {
        return [name, String::new(), String::new(), texts::TotalNotPlanned.to_string()];
    };
    let until = plan.forecast.ends_at.map(|ends| date_time(ends, &plan.header.zone));
    let verdict = if planned.is_feasible() {
        texts::Feasible.to_string()
    } else {
        texts::NotFeasible.to_string()
    };
    [
        name,
        grouped(plan.deliveries.to_send()),
        until.unwrap_or_default(),
        verdict,
    ]
}
