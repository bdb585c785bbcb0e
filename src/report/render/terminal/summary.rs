//! The end of the campaigns of a process: the summary of one, or a table of several with what to do next.

use std::fmt::Write as _;

use crate::model::delivery::{Counts, StateName};
use crate::model::event::Ending;
use crate::report::ended_campaign::EndedCampaign;
use crate::report::run_stats::sum_counts;
use crate::report::text::Align::{Left, Right};
use crate::report::text::{Align, Columns, visible};
use crate::report::times::{counted, grouped};

const HEADER: [&str; 9] = [
    "campaign", "state", "coupons", "issued", "refused", "in doubt", "held", "owed", "exit",
];
const ALIGN: [Align; 9] = [Left, Left, Right, Right, Right, Right, Right, Right, Right];
/// The least width of a campaign's name.
const LEAST_NAME: usize = 12;

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
    let details: Vec<_> = all.iter().filter_map(detail).collect();
    let (long, short): (Vec<_>, Vec<_>) = details.iter().partition(|detail| detail.contains('\n'));
    for detail in long {
        let _ = writeln!(text, "\n{detail}");
    }
    text.push('\n');
    for detail in &short {
        let _ = writeln!(text, "{detail}");
    }
    if !short.is_empty() {
        text.push('\n');
    }
    if all.iter().all(|ended| ended.exit == 0) {
        text.push_str("nothing is left to do: every delivery of every campaign is settled\n");
    } else {
        let _ = writeln!(text, "to go on with all that are not complete:\n  {again}");
    }
    text
}

/// The summary of a campaign that needs a person; of any other, why it is not complete.
fn detail(ended: &EndedCampaign) -> Option<String> {
    if ended.exit == Ending::NeedsPerson.exit_code() && !ended.summary.is_empty() {
        return Some(ended.summary.trim_matches('\n').to_owned());
    }
    let why = ended.why.as_ref()?;
    Some(format!("{}: {}", ended.name, why.trim_matches('\n')))
}

fn table(all: &[EndedCampaign], exit: u8, width: usize) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(
        all.iter()
            .map(|ended| row(&ended.name, ended.state, ended.counts(), ended.exit)),
    );
    let name = counted(all.len() as u64, "campaign", "campaigns");
    let total = sum_counts(all.iter().filter_map(EndedCampaign::counts));
    rows.push(row(&name, "", Some(total), exit));
    let table = Columns::new(ALIGN, &rows).fit(width, LEAST_NAME, usize::MAX);
    let mut text = "\n".to_owned();
    for row in &rows {
        let _ = writeln!(text, "{}", table.line(row));
    }
    text
}

fn row(name: &str, state: &str, counts: Option<Counts>, exit: u8) -> [String; 9] {
    let n = |count: fn(&Counts) -> u64| {
        counts
            .as_ref()
            .map_or_else(String::new, |counts| grouped(count(counts)))
    };
    [
        visible(name).into_owned(),
        state.to_owned(),
        n(Counts::audience),
        n(|counts| counts.count(StateName::Issued)),
        n(|counts| counts.count(StateName::Refused)),
        n(|counts| counts.count(StateName::InDoubt)),
        n(|counts| counts.count(StateName::Held)),
        n(Counts::owed),
        exit.to_string(),
    ]
}

#[cfg(test)]
mod tests;
