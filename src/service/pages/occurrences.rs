//! The occurrences of a recurring campaign, on the page of its file.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::catalogue::{recurrence as recurrence_texts, run, service as texts};
use crate::model::recurrence::Occurrence;
use crate::report::occurrences::OccurrenceState;
use crate::report::render::html::page::scrolling;
use crate::report::times::date_time;

use crate::service::campaign_entry::CampaignEntry;
use crate::service::series::{SeriesEntry, occurrence_key};

use super::campaigns::state_label;
use super::{View, links};

/// How many occurrences that are to come are shown.
const COMING: usize = 4;
/// How many missed ones are shown.
const MISSED: usize = 5;

/// The table of the occurrences.
pub fn section(view: &View<'_>, entry: &CampaignEntry, series: &SeriesEntry) -> Markup {
    let Some(known) = &series.series else { return html! {} };
    let recurrence = known.recurrence();
    let zone = &recurrence.zone;
    let coming = recurrence.after(view.now.wall).take(COMING);
    let missed = series.schedule.missed.iter().rev().take(MISSED).copied();
    let mut rows: BTreeMap<_, (Occurrence, OccurrenceState)> = BTreeMap::new();
    rows.extend(coming.map(|coming| (coming.date, (coming, OccurrenceState::Coming))));
    rows.extend(missed.map(|missed| (missed.date, (missed, OccurrenceState::Missed))));
    let turns = series.schedule.turns.iter();
    rows.extend(turns.map(|turn| (turn.occurrence.date, (turn.occurrence, turn.state))));
    let table = html! {
        table {
            thead { tr {
                th scope="col" { (texts::ColumnOccurrence) } th scope="col" { (texts::ColumnBegins) }
                th scope="col" { (run::ColumnState) }
            } }
            tbody { @for (date, (occurrence, state)) in rows.iter().rev() {
                @let own = view.state.entries.get(&occurrence_key(&entry.file, *date));
                tr {
                    th scope="row" {
                        @if let Some(own) = own { a href=(links::campaign(&own.file)) { (date) } } @else { (date) }
                    }
                    td { (date_time(occurrence.start, zone)) }
                    td {
                        @match own {
                            Some(own) => (state_label(view, own)),
                            None => span.label.(class(*state)) { (word(*state)) },
                        }
                    }
                }
            } }
        }
    };
    html! {
        section {
            h2 { (texts::Occurrences) }
            p { (texts::OccurrencesText) }
            (scrolling(&texts::Occurrences, &table))
        }
    }
}

const fn class(state: OccurrenceState) -> &'static str {
    match state {
        OccurrenceState::Missed => "warn",
        OccurrenceState::Past | OccurrenceState::Due | OccurrenceState::Coming => "plain",
    }
}

fn word(state: OccurrenceState) -> String {
    match state {
        OccurrenceState::Past => texts::OccurrencePast.to_string(),
        OccurrenceState::Missed => recurrence_texts::StateMissed.to_string(),
        OccurrenceState::Due => recurrence_texts::StateDue.to_string(),
        OccurrenceState::Coming => recurrence_texts::StateComing.to_string(),
    }
}
