//! The service for programs: what its pages show and do, as JSON. Each object is described by its type, from which the OpenAPI document
//! is made.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Extension, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::process::actor;
use crate::catalogue::{Language, service as texts};
use crate::model::delivery::StateName;

use super::api_responses::{Answer, Known};
use super::app::{App, PlanShown, note};
use crate::service::accounts::digest;
use crate::service::act::{Act, BulkDecision, DecidedState, Denied, PolicySituation, Subject, Undecided, Who};
use crate::service::campaign_entry::CampaignEntry;
use crate::service::pages::{View, state_note};

/// The longest `Idempotency-Key`.
pub const LONGEST_KEY: usize = 255;

/// A campaign of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CampaignObject {
    /// `campaign`.
    r#type: String,
    /// The name of its file, with which acts name it.
    file: String,
    /// Its name. Empty if the file cannot be used.
    campaign: String,
    /// Its app.
    app_id: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Its state, as `runner status --output json` names it, or `planning`, `needs_approval`, `denied` by a rule of the policy,
    /// `waits_for_decision`, `plan_failed`, `broken`, `vanished` or `idle`.
    state: String,
    /// Why it is in this state, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Deliveries by state. Empty before the ledger is known.
    counts: BTreeMap<String, u64>,
    /// The plan that an approval would be for.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanSummary>,
    /// The wave whose end waits for an approval, from 1; 0 for the testers.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_wave: Option<u32>,
    /// The process that applies it: that of the service, unless another one does.
    process: ProcessObject,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProcessObject {
    /// Its process id.
    pid: u32,
    /// The name of its machine.
    host: String,
}

/// A plan, as far as an approval needs it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlanSummary {
    /// The fingerprint that an approval names.
    fingerprint: String,
    /// How many coupons would be sent.
    to_send: u64,
    /// The changes that an approval must agree to.
    needs: Vec<String>,
    /// Whether it is for a rehearsal from the beginning.
    fresh: bool,
    /// When it was made.
    at: String,
    /// What the policy says of it. Absent without a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicySummary>,
}

/// What the policy of the service says of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PolicySummary {
    /// What holds it back: `nothing`, `approvals`, `wave` or `denied`.
    hold: String,
    /// The rules that it meets.
    rules: Vec<RuleSummary>,
    /// The approvals that it needs.
    needs: Vec<NeedSummary>,
    /// Who requested it. Absent without a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    /// Who has approved it.
    approved_by: Vec<String>,
}

/// A rule that a plan meets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RuleSummary {
    /// Its name.
    name: String,
    /// Each condition that is met, in English.
    why: Vec<String>,
    /// What it does besides asking for approvals: `none`, `denied`, or `wave_missing` if it asks for a wave that waits for an approval.
    effect: String,
}

/// Approvals that a plan needs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NeedSummary {
    /// How many.
    approvals: u8,
    /// The groups whose approvals count; empty if all count.
    from: Vec<String>,
    /// What asks for them: `default` for what every plan needs, `rule`, or `file` for the campaign file.
    asked_by: String,
    /// The rule that asks for them. Absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Whose approvals there are.
    given: Vec<String>,
}

/// All campaigns of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CampaignList {
    /// `campaigns`.
    r#type: String,
    /// The campaigns, by the names of their files.
    campaigns: Vec<CampaignObject>,
}

/// That an act was done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DoneObject {
    /// `done`.
    r#type: String,
}

/// What an approval is for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// The fingerprint of the plan.
    fingerprint: String,
    /// The changes that are agreed to.
    #[serde(default)]
    accept: Vec<String>,
    /// Whether a rehearsal begins from the beginning.
    #[serde(default)]
    fresh: bool,
}

/// What is rejected.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// The fingerprint of the plan that was requested.
    fingerprint: String,
    /// Why.
    #[serde(default)]
    note: String,
}

/// Why sends are frozen.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeBody {
    /// Why.
    #[serde(default)]
    note: String,
}

/// What is planned again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplanBody {
    /// Whether a rehearsal begins from the beginning.
    #[serde(default)]
    fresh: bool,
}

/// Which wave is approved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaveBody {
    /// The number of the wave that has ended, from 1; 0 for the testers.
    wave: u32,
}

/// A decision on a group of deliveries.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// Their state.
    state: Undecided,
    /// Their last code. Leave it out for those without one.
    code: Option<i64>,
    /// What they become.
    to: DecidedState,
    /// Whether it is accepted that a user may receive a second coupon.
    #[serde(default)]
    may_double: bool,
    /// How many there are. If there are more or fewer, nothing is decided.
    count: u64,
    /// Why, for the ledger.
    note: String,
}

type Shared = State<Arc<App>>;
type User = Extension<Who>;

fn object(view: &View<'_>, entry: &CampaignEntry) -> CampaignObject {
    let note = Language::English.scope(|| state_note(view, entry));
    let subject = entry.subject();
    let counts = entry.counts().map(|counts| {
        let states = StateName::ALL.into_iter();
        states
            .map(|state| (state.word().to_owned(), counts.count(state)))
            .collect()
    });
    let plan = entry.planned().map(|planned| PlanSummary {
        fingerprint: planned.preview.fingerprint.to_string(),
        to_send: planned.preview.view.deliveries.to_send(),
        needs: planned.needs(),
        fresh: planned.is_fresh,
        at: planned.at.to_string(),
        policy: view
            .state
            .policy(entry, view.config, view.now.wall)
            .map(|policy| Language::English.scope(|| summary(&policy))),
    });
    CampaignObject {
        r#type: "campaign".to_owned(),
        file: entry.file.clone(),
        campaign: subject.campaign,
        app_id: subject.app_id,
        title: entry
            .loaded
            .as_ref()
            .and_then(|loaded| loaded.parsed.campaign.names.title.clone()),
        state: note.state,
        why: note.why,
        counts: counts.unwrap_or_default(),
        plan,
        waiting_wave: entry.waiting_wave(),
        process: match entry.status_owner().filter(|_| entry.run.is_none()) {
            Some(owner) => ProcessObject {
                pid: owner.pid,
                host: owner.host.clone(),
            },
            None => ProcessObject {
                pid: std::process::id(),
                host: actor(None).host,
            },
        },
    }
}

/// The name of a campaign file in a path.
pub struct FileName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for FileName {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Answer> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(file)) => Ok(Self(file)),
            // It is not UTF-8.
            Err(_) => Err(unknown()),
        }
    }
}

fn summary(policy: &PolicySituation) -> PolicySummary {
    let verdict = &policy.verdict;
    let rules = verdict.met.iter().map(|rule| RuleSummary {
        name: rule.name.clone(),
        why: rule.why.iter().map(ToString::to_string).collect(),
        effect: rule.effect.word().to_owned(),
    });
    let needs = verdict.requirements.iter().map(|needed| NeedSummary {
        approvals: needed.approvals,
        from: needed.from.iter().map(ToString::to_string).collect(),
        asked_by: needed.asked_by.word().to_owned(),
        rule: needed.asked_by.rule().map(str::to_owned),
        given: needed.given.clone(),
    });
    let request = policy.request.clone();
    PolicySummary {
        hold: verdict.hold().word().to_owned(),
        rules: rules.collect(),
        needs: needs.collect(),
        requested_by: request.as_ref().map(|request| request.by.clone()),
        approved_by: request.map(|request| request.approved_by).unwrap_or_default(),
    }
}

/// The answer for a campaign that does not exist.
pub fn unknown() -> Answer {
    Answer::error(StatusCode::NOT_FOUND, &Denied::Unknown)
}

fn show(app: &App, who: &Who, file: &str) -> Answer {
    app.with_view(who, None, |view| match view.state.entries.get(file) {
        Some(entry) => Answer::new(StatusCode::OK, &object(view, entry)),
        None => unknown(),
    })
}

/// Answers with all campaigns.
pub async fn campaigns(State(app): Shared, Extension(who): User) -> Answer {
    app.with_view(&who, None, |view| {
        let campaigns = view.state.entries.values().map(|entry| object(view, entry));
        let list = CampaignList {
            r#type: "campaigns".to_owned(),
            campaigns: campaigns.collect(),
        };
        Answer::new(StatusCode::OK, &list)
    })
}

/// One campaign.
pub async fn campaign(State(app): Shared, FileName(file): FileName, Extension(who): User) -> Answer {
    show(&app, &who, &file)
}

/// Whether a program may send this `Idempotency-Key`.
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_KEY && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Performs an act once for each `Idempotency-Key`, and answers with its campaign.
async fn perform(app: &App, who: Who, uri: &Uri, headers: &HeaderMap, body: &Bytes, act: Act) -> Answer {
    let key = match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if is_key(key) => Some(key.to_owned()),
        Some(_) => return Answer::error(StatusCode::BAD_REQUEST, &texts::BadIdempotencyKey),
    };
    let name = who.name.clone();
    if let Some(key) = &key {
        let request = digest(&format!("{}\n{}", uri.path(), String::from_utf8_lossy(body)));
        let known = {
            let mut answers = app.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.begin(&name, key, request, Instant::now())
        };
        match known {
            Known::New => {}
            Known::Answered(answer) => return answer,
            Known::Executed => return Answer::error(StatusCode::CONFLICT, &texts::RequestExecuted),
            Known::Other => return Answer::error(StatusCode::UNPROCESSABLE_ENTITY, &texts::OtherRequestWithKey),
        }
    }
    let file = act.on().map(|on| on.file.clone());
    let answer = match (app.supervisor.perform(act, who.clone()).await, file) {
        (Err(error), _) => Answer::refusal(&error),
        (Ok(()), Some(file)) => show(app, &who, &file),
        (Ok(()), None) => Answer::new(
            StatusCode::OK,
            &DoneObject {
                r#type: "done".to_owned(),
            },
        ),
    };
    if let Some(key) = &key {
        let mut answers = app.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.end(&name, key, answer.clone());
    }
    answer
}

/// Reads the object of a body. An empty body is an empty object.
///
/// # Errors
/// The answer to a body that cannot be used.
pub fn read_body<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, Answer> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !body.is_empty() && !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &texts::NotJson));
    }
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    // serde reads a JSON list as the fields of a struct in their order.
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err(Answer::error(StatusCode::BAD_REQUEST, &texts::NotAnObject));
    }
    serde_json::from_slice(text).map_err(|error| Answer::error(StatusCode::BAD_REQUEST, &error))
}

/// Makes the handler of an act that has a body of this type.
macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident($body:ty) = |$app:ident, $on:ident, $read:ident| $act:expr;)*) => {
        $(
            $(#[$doc])*
            pub async fn $name(
                State(app): Shared,
                FileName(file): FileName,
                Extension(who): User,
                uri: Uri,
                headers: HeaderMap,
                body: Bytes,
            ) -> Answer {
                let $read: $body = match read_body(&headers, &body) {
                    Ok(read) => read,
                    Err(answer) => return answer,
                };
                let $app: &App = &app;
                let $on: Subject = $app.subject(&file);
                perform($app, who, &uri, &headers, &body, $act).await
            }
        )*
    };
}

/// No object.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

acts! {
    /// Plans a campaign again.
    replan(ReplanBody) = |_app, on, body| Act::Plan { on, fresh: body.fresh };
    /// Approves a plan and applies it.
    approve(ApproveBody) = |app, on, body| app.approval(on, PlanShown {
        fingerprint: body.fingerprint,
        accept: body.accept,
        fresh: body.fresh,
    });
    /// Requests the approvals of a plan.
    request(ApproveBody) = |_app, on, body| Act::Request {
        on,
        fingerprint: body.fingerprint,
        accept: body.accept,
        fresh: body.fresh,
    };
    /// Rejects what was requested, or takes it back.
    reject(RejectBody) = |_app, on, body| Act::Reject {
        on,
        fingerprint: body.fingerprint,
        note: note(&body.note),
    };
    /// Pauses a run.
    pause(NoBody) = |_app, on, _body| Act::Pause { on };
    /// Continues after a pause.
    resume(NoBody) = |_app, on, _body| Act::Resume { on };
    /// Stops a run.
    stop(NoBody) = |_app, on, _body| Act::Stop { on };
    /// Compares the ledger with the platform's own records.
    compare(NoBody) = |_app, on, _body| Act::Compare { on };
    /// Ends the wait after a wave.
    wave(WaveBody) = |_app, on, body| Act::ApproveWave { on, wave: body.wave };
    /// Decides on a group of deliveries.
    resolve(ResolveBody) = |_app, on, body| Act::Resolve {
        on,
        decision: BulkDecision {
            state: Some(body.state),
            code: body.code,
            to: Some(body.to),
            may_double: body.may_double,
            count: body.count,
            note: note(&body.note),
        },
    };
}

/// Stops every run.
pub async fn stop_all(State(app): Shared, Extension(who): User, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    if let Err(answer) = read_body::<NoBody>(&headers, &body) {
        return answer;
    }
    perform(&app, who, &uri, &headers, &body, Act::StopAll).await
}

/// Sends nothing more until a person ends that.
pub async fn freeze(State(app): Shared, Extension(who): User, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    let read: FreezeBody = match read_body(&headers, &body) {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let act = Act::Freeze { note: note(&read.note) };
    perform(&app, who, &uri, &headers, &body, act).await
}

/// Ends a freeze that a person began.
pub async fn unfreeze(State(app): Shared, Extension(who): User, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    if let Err(answer) = read_body::<NoBody>(&headers, &body) {
        return answer;
    }
    perform(&app, who, &uri, &headers, &body, Act::Unfreeze).await
}
