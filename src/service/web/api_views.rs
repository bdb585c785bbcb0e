//! What programs see of the service beside its campaigns: what waits, plans, decisions, occurrences and the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::catalogue::{Language, service as texts};
use crate::report::render::json::PlanObject;
use crate::report::render::terminal::status::StatusRow;

use super::api::{FileName, unknown};
use super::api_responses::{Answer, ErrorObject};
use super::app::App;
use super::form_fields::Fields;
use crate::service::act::{Act, Who};
use crate::service::campaign_entry::{CampaignEntry, PlanState, Planned};
use crate::service::error::ActError;
use crate::service::pages::{has_text, inbox_items};
use crate::service::series::{file_of, occurrence_key};
use crate::service::state::NumberedRecord;

/// How many records an answer has, unless the request says otherwise.
const RECORDS: usize = 100;
/// The most records of an answer.
const MOST_RECORDS: usize = 1000;

/// Everything that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct InboxObject {
    /// `inbox`.
    r#type: String,
    /// What waits, in the order of the files.
    items: Vec<InboxItemObject>,
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct InboxItemObject {
    /// The name of the campaign's file. Absent if it is about the whole service.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// What it is, such as `approval`, `halted`, `held` or `broken`.
    kind: String,
    /// The same in words, in English.
    text: String,
}

/// The plan of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlanAnswer {
    /// `campaign_plan`.
    r#type: String,
    /// The name of its file.
    file: String,
    /// `ready`, `planning`, `failed` or `unplanned`.
    state: String,
    /// The object `plan`, as `runner plan --output json` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Json>,
    /// Why there is no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ErrorObject>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// The deliveries of a campaign that wait for a person.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DecisionsObject {
    /// `decisions`.
    r#type: String,
    /// The name of its file.
    file: String,
    /// Deliveries with one state and one last code.
    groups: Vec<GroupObject>,
    /// When the ledger was read. Absent without a ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// Deliveries with one state and one last code, which `resolve` decides on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GroupObject {
    /// `held` or `in_doubt`.
    state: String,
    /// Their last code. Absent if they had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    /// How many.
    count: u64,
    /// The first of them.
    first: Vec<WaitingObject>,
}

/// A delivery that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WaitingObject {
    /// The user.
    open_id: String,
    /// Which of the user's coupons.
    ordinal: u8,
    /// How many attempts were made.
    attempts: u32,
    /// What the platform said last.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    /// The platform's id of that exchange.
    #[serde(skip_serializing_if = "String::is_empty")]
    log_id: String,
}

/// The occurrences of a recurring campaign.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OccurrencesObject {
    /// `occurrences`.
    r#type: String,
    /// The name of its file.
    file: String,
    /// The occurrences that the service knows at present. Empty for a campaign that takes place once.
    occurrences: Vec<OccurrenceItem>,
    /// The dates of those that nobody began in time, since the last one that was begun.
    missed: Vec<String>,
}

/// An occurrence of a recurring campaign.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OccurrenceItem {
    /// Its date.
    date: String,
    /// `past`, `missed`, `due` or `coming`.
    state: String,
    /// When it begins.
    start: String,
    /// The name with which acts and other requests name it.
    file: String,
}

/// Records of the service log.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AuditObject {
    /// `audit`.
    r#type: String,
    /// The records, the oldest first.
    records: Vec<RecordObject>,
    /// The number of the last record of the log.
    last: u64,
    /// The last link of its hash chain.
    link: String,
}

/// A record of the service log.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RecordObject {
    /// Its number.
    sequence: u64,
    /// What it says, in the form of the log: `at`, `record`, and for an act `act`, `who`, `on` and `refused`.
    #[serde(flatten)]
    record: BTreeMap<String, Json>,
}

impl RecordObject {
    /// A record as programs see it.
    #[must_use]
    pub fn new(numbered: &NumberedRecord) -> Self {
        let record = match serde_json::to_value(&*numbered.record) {
            Ok(Json::Object(fields)) => fields.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        Self {
            sequence: numbered.sequence,
            record,
        }
    }
}

/// The status of every campaign that can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusesObject {
    /// `statuses`.
    r#type: String,
    /// The statuses, by the names of the files.
    pub statuses: Vec<StatusObject>,
}

/// The status of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusObject {
    /// The name of its file, with which acts name it.
    pub file: String,
    /// The same without the date of an occurrence.
    pub series: String,
    /// Its name.
    pub name: String,
    /// Its title; empty without one.
    pub title: String,
    /// The IANA name of its zone.
    pub timezone: String,
    /// Whether its ledger has changed since its last run.
    pub outdated: bool,
    /// The object `status`, as `runner status --output json` prints it, with its reason.
    pub status: Json,
}

type Shared = State<Arc<App>>;
type User = Extension<Who>;

fn show_entry(app: &App, who: &Who, file: &str, show: impl FnOnce(&CampaignEntry) -> Answer) -> Answer {
    app.with_view(who, None, |view| match view.state.entries.get(file) {
        Some(entry) => show(entry),
        None => unknown(),
    })
}

/// What waits for a person.
pub async fn inbox(State(app): Shared, Extension(who): User) -> Answer {
    app.with_view(&who, None, |view| {
        let items = Language::English.scope(|| inbox_items(view));
        let items = items.into_iter().map(|item| InboxItemObject {
            file: item.file,
            kind: item.kind.to_owned(),
            text: item.text,
        });
        let inbox = InboxObject {
            r#type: "inbox".to_owned(),
            items: items.collect(),
        };
        Answer::new(StatusCode::OK, &inbox)
    })
}

/// The plan of a campaign.
pub async fn plan(State(app): Shared, FileName(file): FileName, Extension(who): User) -> Answer {
    show_entry(&app, &who, &file, |entry| {
        let state = match &entry.plan {
            PlanState::Unplanned => "unplanned",
            PlanState::Planning => "planning",
            PlanState::Failed(_) => "failed",
            PlanState::Ready(_) => "ready",
        };
        let mut answer = PlanAnswer {
            r#type: "campaign_plan".to_owned(),
            file: entry.file.clone(),
            state: state.to_owned(),
            plan: None,
            problem: None,
            at: None,
        };
        match &entry.plan {
            PlanState::Unplanned | PlanState::Planning => {}
            PlanState::Failed(fault) => answer.problem = Some(ErrorObject::of_fault(fault)),
            PlanState::Ready(planned) => {
                answer.plan = plan_object(planned);
                answer.at = Some(planned.at.to_string());
            }
        }
        Answer::new(StatusCode::OK, &answer)
    })
}

/// The object `plan` in English, without the ids of users that changed.
fn plan_object(planned: &Planned) -> Option<Json> {
    let mut plan = Language::English
        .scope(|| serde_json::to_value(PlanObject::new(planned.view())))
        .ok()?;
    let changes = plan.get_mut("changes").and_then(Json::as_array_mut);
    for change in changes.into_iter().flatten().filter_map(Json::as_object_mut) {
        change.remove("users");
    }
    Some(plan)
}

/// The deliveries that wait for a person. Each look at the ids of users is recorded.
pub async fn decisions(State(app): Shared, FileName(file): FileName, Extension(who): User) -> Answer {
    let on = app.subject(&file);
    if let Err(error) = app.supervisor.perform(Act::SeeDeliveries { on }, who.clone()).await {
        return Answer::refusal(&error);
    }
    show_entry(&app, &who, &file, |entry| {
        let ledger = entry.ledger.as_ref();
        let groups = ledger
            .iter()
            .flat_map(|ledger| &ledger.groups)
            .map(|group| GroupObject {
                state: group.state.word().to_owned(),
                code: group.code,
                count: group.count,
                first: group
                    .first
                    .iter()
                    .map(|delivery| WaitingObject {
                        open_id: delivery.open_id.clone(),
                        ordinal: delivery.ordinal,
                        attempts: delivery.attempts,
                        message: delivery.last.message.clone(),
                        log_id: delivery.last.log_id.clone(),
                    })
                    .collect(),
            });
        let decisions = DecisionsObject {
            r#type: "decisions".to_owned(),
            file: entry.file.clone(),
            groups: groups.collect(),
            at: ledger.map(|ledger| ledger.at.to_string()),
        };
        Answer::new(StatusCode::OK, &decisions)
    })
}

/// The occurrences of a recurring campaign.
pub async fn occurrences(State(app): Shared, FileName(file): FileName, Extension(who): User) -> Answer {
    show_entry(&app, &who, &file, |entry| {
        let schedule = entry.series.as_ref().map(|series| &series.schedule);
        let turns = schedule.iter().flat_map(|schedule| &schedule.turns);
        let missed = schedule.iter().flat_map(|schedule| &schedule.missed);
        let occurrences = OccurrencesObject {
            r#type: "occurrences".to_owned(),
            file: entry.file.clone(),
            occurrences: turns
                .map(|turn| OccurrenceItem {
                    date: turn.occurrence.date.to_string(),
                    state: turn.state.word().to_owned(),
                    start: turn.occurrence.start.to_string(),
                    file: occurrence_key(&entry.file, turn.occurrence.date),
                })
                .collect(),
            missed: missed.map(|missed| missed.date.to_string()).collect(),
        };
        Answer::new(StatusCode::OK, &occurrences)
    })
}

/// The records of the log that the service keeps in memory.
pub async fn audit(State(app): Shared, RawQuery(query): RawQuery, Extension(who): User) -> Answer {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let number = |name: &str| fields.get(name).map(str::parse::<u64>).transpose();
    let (Ok(after), Ok(limit)) = (number("after"), number("limit")) else {
        return Answer::error(StatusCode::BAD_REQUEST, &texts::BadForm);
    };
    let limit = limit.map_or(RECORDS, |limit| usize::try_from(limit).unwrap_or(MOST_RECORDS));
    let limit = limit.clamp(1, MOST_RECORDS);
    let (last, link) = app.supervisor.log_head();
    app.with_view(&who, None, |view| {
        let wanted = |record: &&NumberedRecord| Language::English.scope(|| is_wanted(record, &fields));
        let records = view.state.records.iter();
        let records: Vec<_> = if let Some(after) = after {
            let later = records.filter(|record| record.sequence > after);
            later.filter(wanted).take(limit).collect()
        } else {
            let mut newest: Vec<_> = records.rev().filter(wanted).take(limit).collect();
            newest.reverse();
            newest
        };
        let audit = AuditObject {
            r#type: "audit".to_owned(),
            records: records.into_iter().map(RecordObject::new).collect(),
            last,
            link,
        };
        Answer::new(StatusCode::OK, &audit)
    })
}

fn is_wanted(record: &NumberedRecord, fields: &Fields) -> bool {
    let of_file = |file| record.record.entry.on().is_some_and(|on| on.file == file);
    fields.get("file").is_none_or(of_file) && has_text(record, fields.get("text").unwrap_or_default())
}

/// The status of every campaign, as its run writes it.
pub async fn statuses(State(app): Shared, Extension(_who): User) -> Answer {
    let sources: Vec<_> = {
        let state = app.supervisor.state();
        let entries = state.entries.values();
        entries
            .filter_map(|entry| Some((entry.file.clone(), entry.status_source.clone()?)))
            .collect()
    };
    let mut statuses = Vec::new();
    let published = match app.supervisor.read_statuses_now().await {
        Ok(published) => published,
        Err(fault) => return Answer::refusal(&ActError::Failed(Arc::new(fault))),
    };
    for (file, source) in sources {
        let row = match published.row(&source).await {
            Ok(row) => Some(row),
            Err(error) => {
                tracing::debug!("the status of {file:?} cannot be read: {error}");
                None
            }
        };
        statuses.extend(row.and_then(|row| status_object(&file, &row)));
    }
    let answer = StatusesObject {
        r#type: "statuses".to_owned(),
        statuses,
    };
    Answer::new(StatusCode::OK, &answer)
}

fn status_object(file: &str, row: &StatusRow) -> Option<StatusObject> {
    let status = Language::English.scope(|| row.status.text()).ok()?;
    Some(StatusObject {
        file: file.to_owned(),
        series: file_of(file).to_owned(),
        name: row.name.clone(),
        title: row.title.clone(),
        timezone: row.zone.iana_name().unwrap_or("UTC").to_owned(),
        outdated: row.status.is_outdated,
        status: serde_json::from_str(&status).ok()?,
    })
}
