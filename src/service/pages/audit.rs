//! Who did what: the records of the service log, the newest first.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use maud::html;
use serde::Serialize;

use crate::catalogue::service as texts;
use crate::report::render::html::page::{scrolling, theirs, time, with_code};
use crate::report::wording::envelope_text;

use crate::service::act::{Act, Door, Who};
use crate::service::record::{Entry, Record};
use crate::service::state::NumberedRecord;

use super::{Live, Page, View, links};

/// How many records are shown. The filter searches all that are kept.
const SHOWN: usize = 300;

/// Which records are shown: those with this text.
pub struct Filter<'a> {
    /// The text; empty for all.
    pub text: &'a str,
    /// The number of the last record, and the last link of the hash chain.
    pub head: &'a (u64, String),
}

/// Whether the row of a record has a text, in the language of the moment. Capital letters do not matter.
#[must_use]
pub fn has_text(record: &NumberedRecord, text: &str) -> bool {
    text.trim().is_empty() || Row::new(record, &TimeZone::system()).has(text)
}

/// The records with a text that the service keeps in memory, the oldest first, a JSON object in each line.
#[must_use]
pub fn export(view: &View<'_>, text: &str) -> String {
    let mut lines = String::new();
    for record in view.state.records.iter().filter(|record| has_text(record, text)) {
        let object = ExportedRecord {
            sequence: record.sequence,
            record: &record.record,
        };
        if let Ok(line) = serde_json::to_string(&object) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    lines
}

#[derive(Serialize)]
struct ExportedRecord<'a> {
    sequence: u64,
    #[serde(flatten)]
    record: &'a Record,
}

/// The page.
#[must_use]
pub fn page(view: &View<'_>, filter: &Filter<'_>) -> Page {
    let zone = TimeZone::system();
    let rows: Vec<Row> = view
        .state
        .records
        .iter()
        .rev()
        .map(|record| Row::new(record, &zone))
        .filter(|row| row.has(filter.text))
        .take(SHOWN)
        .collect();
    let (last, link) = filter.head;
    let table = html! {
        table.stack { thead { tr {
            th scope="col" { "#" } th scope="col" { (texts::ColumnTime) } th scope="col" { (texts::ColumnWho) }
            th scope="col" { (texts::ColumnWhat) } th scope="col" { (texts::ColumnResult) }
        } } tbody {
            @for row in &rows {
                tr {
                    td.number { (row.sequence) }
                    td { (row.time) }
                    td { (theirs(&row.who)) }
                    td.wide {
                        (theirs(&row.what))
                        @if let Some(file) = &row.file { " · " a href=(links::campaign(file)) { (theirs(file)) } }
                        @if !row.detail.is_empty() { div.quiet { (theirs(&row.detail)) } }
                    }
                    td { @if !row.result.is_empty() { span.label.(row.class) { (theirs(&row.result)) } } }
                }
            }
        } }
    };
    Page {
        title: texts::Audit.to_string(),
        live: Live {
            id: "page",
            content: html! { h1 { (texts::Audit) } },
        },
        rest: html! {
            p { (with_code(&texts::AuditText)) }
            p.quiet { (texts::LogHead { records: *last, link }) }
            form.filter method="get" action="/audit" {
                label for="filter" { (texts::FilterLabel) }
                input id="filter" type="search" name="text" value=(filter.text);
                button.plain type="submit" { (texts::FilterButton) }
            }
            p { a href=(links::audit_export(filter.text)) download="audit.jsonl" { (texts::AuditExport) } }
            @if rows.is_empty() { p.quiet { (texts::NoRecords) } } @else { (scrolling(&texts::Audit, &table)) }
        },
    }
}

/// A record as people read it.
pub struct Row {
    /// Its number.
    pub sequence: u64,
    /// Its time.
    pub time: String,
    /// The person or program, as shown.
    pub who: String,
    /// The act, as shown.
    pub what: String,
    /// The file of the campaign. `None` if it is about none.
    pub file: Option<String>,
    /// More about it.
    pub detail: String,
    /// How it ended.
    pub result: String,
    class: &'static str,
}

impl Row {
    /// Writes a record in the language of the moment.
    #[must_use]
    pub fn new(numbered: &NumberedRecord, zone: &TimeZone) -> Self {
        let NumberedRecord { sequence, record } = numbered;
        let mut row = Self {
            sequence: *sequence,
            time: time(record.at, zone),
            who: String::new(),
            what: String::new(),
            file: None,
            detail: String::new(),
            result: String::new(),
            class: "plain",
        };
        match &record.entry {
            Entry::ServiceBegan { host, pid, user } => {
                row.what = texts::ServiceBegan.to_string();
                row.who = format!("{user}@{host}");
                row.detail = format!("pid {pid}");
            }
            Entry::RecordsLost { first, known } => {
                row.what = texts::RecordsLost { first, known }.to_string();
                row.class = "bad";
            }
            Entry::ServiceEnded => row.what = texts::ServiceEnded.to_string(),
            Entry::SignedIn { who } => {
                row.what = texts::SignedIn.to_string();
                row.who = name(who);
            }
            Entry::SignInRefused { user, from } => {
                row.what = texts::SignInRefused.to_string();
                row.who = format!("{user} ({from})");
                row.class = "bad";
                row.result = texts::WrongPassword.to_string();
            }
            Entry::SignedOut { who } => {
                row.what = texts::SignedOut.to_string();
                row.who = name(who);
            }
            Entry::Act { who, act, refused } => {
                row.who = name(who);
                row.what = act.kind().to_string();
                // An erasure may be of a ledger whose file is gone.
                row.file = act.on().map(|on| on.file.clone()).filter(|file| !file.is_empty());
                row.detail = detail(act, zone);
                if let Some(why) = refused {
                    row.result = texts::Refused { why }.to_string();
                    row.class = "bad";
                }
            }
            Entry::SeriesFound { on } => {
                row.what = texts::SeriesFound.to_string();
                row.file = Some(on.file.clone());
            }
            Entry::OccurrenceMissed { on } => {
                row.what = texts::OccurrenceMissed.to_string();
                row.file = Some(on.file.clone());
                row.class = "bad";
            }
            Entry::Lapsed { on, of } => {
                row.what = texts::LapsedRecord { of }.to_string();
                row.file = Some(on.file.clone());
            }
            Entry::Result { of, failed } => {
                row.what = texts::ResultOf { of: &of }.to_string();
                if let Some(why) = failed {
                    row.result = texts::Failed { why }.to_string();
                    row.class = "bad";
                } else {
                    row.result = texts::Done.to_string();
                    row.class = "good";
                }
            }
            Entry::RunEnded { on, state, why, .. } => {
                row.what = texts::RunEnded.to_string();
                row.file = Some(on.file.clone());
                row.result = texts::State { state }.to_string();
                row.detail = why.clone().unwrap_or_default();
            }
        }
        row
    }

    fn has(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let all = [&self.who, &self.what, &self.detail, &self.result];
        let file = self.file.as_deref().unwrap_or_default();
        text.is_empty()
            || file.to_lowercase().contains(&text)
            || all.iter().any(|part| part.to_lowercase().contains(&text))
    }
}

fn name(who: &Who) -> String {
    match who.door {
        Door::Web | Door::Api => format!("{} ({})", who.name, who.from),
        Door::Terminal => texts::WhoTerminal {
            name: &who.name,
            command: &who.from,
        }
        .to_string(),
        Door::Scheduler => texts::WhoService.to_string(),
    }
}

/// What else an act says.
fn detail(act: &Act, zone: &TimeZone) -> String {
    match act {
        Act::Approve {
            fingerprint,
            accept,
            envelope,
            ..
        }
        | Act::Apply {
            fingerprint,
            accept,
            envelope,
            ..
        } => {
            let mut detail = fingerprint.clone();
            if let Act::Apply { by, .. } = act {
                let by = if by.is_empty() {
                    texts::ApprovedByNobody.to_string()
                } else {
                    texts::ApprovedBy { by: &by.join(", ") }.to_string()
                };
                let _ = write!(detail, "; {by}");
            }
            if !accept.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(detail, " --accept {}", accept.join(","));
            }
            if let Some(envelope) = envelope {
                let _ = write!(detail, "; {}", envelope_text(envelope, zone));
            }
            detail
        }
        Act::Request {
            fingerprint, accept, ..
        }
        | Act::GiveApproval {
            fingerprint, accept, ..
        } => {
            let mut detail = fingerprint.clone();
            if !accept.is_empty() {
                let _ = write!(detail, " --accept {}", accept.join(","));
            }
            detail
        }
        Act::Reject { fingerprint, note, .. } if note.is_empty() => fingerprint.clone(),
        Act::Reject { fingerprint, note, .. } => format!("{fingerprint}: {note}"),
        Act::Freeze { note } => note.clone(),
        Act::ApproveWave { wave, .. } => texts::WaveDetail { wave }.to_string(),
        Act::Resolve { decision, .. } => texts::DecisionDetail {
            n: decision.count,
            state: &decision.state.map_or("?", |state| state.state().word()),
            code: &decision.code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
            to: &decision.to.map_or("?", |to| to.word()),
            note: &decision.note,
        }
        .to_string(),
        Act::Erase { on, platform, retain } => texts::EraseDetail {
            campaign: &on.campaign,
            app: &on.app_id,
            platform,
            retain,
        }
        .to_string(),
        Act::SeePerson { app_id, person } => format!("{app_id} {person}"),
        Act::See
        | Act::SeeDeliveries { .. }
        | Act::Compare { .. }
        | Act::Plan { .. }
        | Act::Pause { .. }
        | Act::Resume { .. }
        | Act::Stop { .. }
        | Act::StopAll
        | Act::Unfreeze => String::new(),
    }
}
