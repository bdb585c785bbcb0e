//! The occurrences of a recurring campaign, for people.

use std::fmt::Write as _;

use crate::catalogue::recurrence as texts;
use crate::report::occurrences::{OccurrenceRow, OccurrenceState, SeriesView};
use crate::report::text::{Align, Columns, wrap};

use super::simulation::with_weekday;

/// Shows the occurrences, one a line.
#[must_use]
pub fn text(view: &SeriesView, width: usize) -> String {
    let zone = &view.zone.iana_name().unwrap_or_default();
    let head = texts::Head {
        campaign: &view.campaign,
        zone,
    };
    let mut text = wrap(&head.to_string(), width, 0);
    text.push('\n');
    let rows: Vec<_> = view.rows.iter().map(|row| cells(view, row)).collect();
    let columns = Columns::new([Align::Left, Align::Left, Align::Left], rows.iter());
    for row in &rows {
        let line = columns.cells(row).join("  ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", line.trim_end());
    }
    if view.rows.is_empty() {
        let _ = writeln!(text, "  {}", texts::NoneLeft);
    }
    if view.older > 0 {
        let older = texts::Older { n: view.older as u64 };
        let _ = writeln!(text, "  {older}");
    }
    text
}

fn cells(view: &SeriesView, row: &OccurrenceRow) -> [String; 3] {
    let at = row.occurrence.start.to_zoned_datetime(view.zone.clone());
    let state = match row.state {
        OccurrenceState::Past => String::new(),
        OccurrenceState::Missed => texts::StateMissed.to_string(),
        OccurrenceState::Due => texts::StateDue.to_string(),
        OccurrenceState::Coming => texts::StateComing.to_string(),
    };
    let ledger = row.has_ledger.unwrap_or_default().then(|| texts::HasLedger.to_string());
    let planned = row.is_planned.then(|| texts::IsPlanned.to_string());
    let notes = [Some(state).filter(|state| !state.is_empty()), ledger, planned];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    [
        row.occurrence.date.to_string(),
        with_weekday(&at, "%m-%d %H:%M"),
        notes.join(&texts::Separator.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use jiff::civil::{Date, date};
    use jiff::tz::TimeZoneDatabase;

    use super::*;
    use crate::catalogue::Language;
    use crate::model::identity::{AppId, CampaignName};
    use crate::model::recurrence::Occurrence;

    fn view(name: &str) -> SeriesView {
        let zone = TimeZoneDatabase::bundled().get("Asia/Shanghai").unwrap();
        let at = |date: Date| zone.to_ambiguous_timestamp(date.at(10, 0, 0, 0)).compatible().unwrap();
        let states = [
            (18, OccurrenceState::Past, true, false),
            (25, OccurrenceState::Missed, false, false),
            (32, OccurrenceState::Due, true, true),
            (39, OccurrenceState::Coming, false, false),
            (46, OccurrenceState::Coming, false, false),
        ];
        let row = |(day, state, has_ledger, is_planned): (i8, _, _, _)| {
            let date = if day < 32 {
                date(2026, 5, day)
            } else {
                date(2026, 6, day - 31)
            };
            OccurrenceRow {
                occurrence: Occurrence {
                    date,
                    start: at(date),
                    end: at(date),
                },
                state,
                has_ledger: Some(has_ledger),
                is_planned,
            }
        };
        SeriesView {
            campaign: CampaignName::parse(name).unwrap(),
            app_id: AppId::parse("tt1").unwrap(),
            rows: states.map(row).to_vec(),
            older: 3,
            zone: zone.clone(),
        }
    }

    #[test]
    fn occurrences_are_shown_at_every_width() {
        let shown = || {
            let mut shown = String::new();
            for width in [60, 80, 120] {
                let _ = writeln!(shown, "{}", text(&view("weekly-tea"), width));
            }
            let none = SeriesView {
                rows: Vec::new(),
                older: 0,
                ..view("每周奶茶")
            };
            shown + &text(&none, 60)
        };
        insta::assert_snapshot!("english", shown());
        insta::assert_snapshot!("chinese", Language::Chinese.scope(shown));
    }
}
