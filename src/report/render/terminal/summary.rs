//! The end of the campaigns of a process: the summary of one, or a table of several with what to do next.

use std::fmt::Write as _;

use crate::catalogue::run as texts;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::Ending;
use crate::report::ended_campaign::EndedCampaign;
use crate::report::run_stats::sum_counts;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, visible, wrap};
use crate::report::times::grouped;

use super::styles::{PLAIN, STRONG, of_count, of_run};
use super::table::{TableRow, table as lines};

const ALIGN: [Align; 9] = [Left, Left, Right, Right, Right, Right, Right, Right, Right];

/// The end of all campaigns for people, in lines of at most `width` columns. `exit` is the exit code of the process,
/// and `again` the command that continues.
#[must_use]
pub fn text(all: &[EndedCampaign], exit: u8, again: &str, width: usize) -> String {
    match all {
        [one] => one.summary.clone(),
        _ => several(all, exit, again, width),
    }
}

fn several(all: &[EndedCampaign], exit: u8, again: &str, width: usize) -> String {
    let mut text = table(all, exit, width);
    let (long, short): (Vec<_>, Vec<_>) = all.iter().partition(|ended| needs_person(ended));
    for ended in long {
        let _ = writeln!(text, "\n{}", ended.summary.trim_matches('\n'));
    }
    text.push('\n');
    let short: Vec<_> = short.into_iter().filter_map(|ended| detail(ended, width)).collect();
    for detail in &short {
        let _ = writeln!(text, "{detail}");
    }
    if !short.is_empty() {
        text.push('\n');
    }
    if all.iter().all(|ended| ended.exit == 0) {
        let _ = writeln!(text, "{}", wrap(&texts::NothingLeftOfAll.to_string(), width, 0));
    } else {
        let _ = writeln!(text, "{}\n  {again}", texts::ContinueAll);
    }
    text
}

/// Whether the summary of this campaign is shown.
fn needs_person(ended: &EndedCampaign) -> bool {
    ended.exit == Ending::NeedsPerson.exit_code() && !ended.summary.is_empty()
}

/// Why a campaign is not complete; `None` if it is.
fn detail(ended: &EndedCampaign, width: usize) -> Option<String> {
    let why = texts::DetailOf {
        name: &visible(&ended.name),
        why: &ended.why.as_ref()?.trim_matches('\n'),
    };
    Some(wrap(&why.to_string(), width, 0))
}

fn table(all: &[EndedCampaign], exit: u8, width: usize) -> String {
    let header = [
        texts::ColumnCampaign.to_string(),
        texts::ColumnState.to_string(),
        texts::ColumnCoupons.to_string(),
        texts::ColumnIssued.to_string(),
        texts::ColumnRefused.to_string(),
        texts::ColumnInDoubt.to_string(),
        texts::ColumnHeld.to_string(),
        texts::ColumnOwed.to_string(),
        texts::ColumnExit.to_string(),
    ];
    let mut rows: Vec<_> = all
        .iter()
        .map(|ended| row(&ended.name, ended.state, ended.counts(), ended.exit))
        .collect();
    let name = texts::Campaigns { n: all.len() as u64 }.to_string();
    let total = sum_counts(all.iter().filter_map(EndedCampaign::counts));
    let mut total = row(&name, "", Some(total), exit);
    total.styles = [STRONG; 9];
    rows.push(total);
    format!("\n{}", lines(header, ALIGN, &rows, width))
}

fn row(name: &str, state: &str, counts: Option<Counts>, exit: u8) -> TableRow<9> {
    let n = |count: fn(&Counts) -> u64| {
        counts
            .as_ref()
            .map_or_else(String::new, |counts| grouped(count(counts)))
    };
    let style = |state| counts.map_or(PLAIN, |counts| of_count(state, counts.count(state)));
    let mut row = TableRow::new([
        visible(name).into_owned(),
        texts::State { state: &state }.to_string(),
        n(Counts::audience),
        n(|counts| counts.count(StateName::Issued)),
        n(|counts| counts.count(StateName::Refused)),
        n(|counts| counts.count(StateName::InDoubt)),
        n(|counts| counts.count(StateName::Held)),
        n(Counts::owed),
        exit.to_string(),
    ]);
    row.styles = [
        PLAIN,
        of_run(state),
        PLAIN,
        style(StateName::Issued),
        style(StateName::Refused),
        style(StateName::InDoubt),
        style(StateName::Held),
        PLAIN,
        PLAIN,
    ];
    row
}

#[cfg(test)]
mod tests;
