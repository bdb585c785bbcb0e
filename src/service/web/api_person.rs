//! What all campaigns of an app know of one user, for programs. The id is in the body: an address would stay in the logs of proxies.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::app::trace::{Trace, TraceWords, object_lines};
use crate::catalogue::service as texts;

use super::api::{read_body, unknown};
use super::api_responses::{Answer, ErrorObject};
use super::app::App;
use super::guard::language;
use crate::service::act::{Act, Who};
use crate::service::person::{Searched, pseudonym, search};

/// Which user is looked up, and where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// The user.
    open_id: String,
    /// The app whose campaigns are searched. Either this or `file` is needed.
    app_id: Option<String>,
    /// The name of the file of the only campaign that is searched.
    file: Option<String>,
}

/// What campaigns know of a user.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PersonObject {
    /// `person`.
    r#type: String,
    /// The app.
    app_id: String,
    /// The user.
    open_id: String,
    /// How the log of the service names the user.
    person: String,
    /// The campaigns that were searched.
    campaigns: Vec<PersonCampaign>,
}

/// What a campaign knows of a user.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PersonCampaign {
    /// The name of its file.
    file: String,
    /// Its name.
    campaign: String,
    /// The objects `recipient` and `delivery`, as `runner trace --output json` prints them. Empty if the campaign does not know the user.
    objects: Vec<Json>,
    /// The same in words, in the language of `Accept-Language`. Absent if the campaign does not know the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<TraceWords>,
    /// Why its ledger cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ErrorObject>,
}

impl PersonCampaign {
    fn new(searched: &Searched) -> Self {
        Self {
            file: searched.file.clone(),
            campaign: searched.loaded.plan.identity.campaign.to_string(),
            objects: Vec::new(),
            words: None,
            problem: None,
        }
    }

    fn add(&mut self, trace: &Trace, searched: &Searched) {
        let lines = object_lines(trace, &searched.loaded);
        let objects = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        self.objects = objects.collect();
        self.words = Some(trace.words(&searched.loaded));
    }
}

/// Looks a user up. Each look is recorded.
pub async fn person(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body: PersonBody = match read_body(&headers, &body) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let open_id = body.open_id.trim();
    let app_id = match (&body.app_id, &body.file) {
        (Some(app_id), None) => app_id.clone(),
        (None, Some(file)) => app.subject(file).app_id,
        (Some(_), Some(_)) | (None, None) => return Answer::error(StatusCode::BAD_REQUEST, &texts::AppOrFile),
    };
    let name = pseudonym(&app_id, open_id);
    let act = Act::SeePerson {
        app_id: app_id.clone(),
        person: name.clone(),
    };
    if let Err(error) = app.supervisor.perform(act, who).await {
        return Answer::refusal(&error);
    }
    let mut campaigns = app.supervisor.state().campaigns_of(&app_id);
    if let Some(file) = &body.file {
        campaigns.retain(|searched| searched.file == *file);
        if campaigns.is_empty() {
            return unknown();
        }
    }
    let classify = app.supervisor.classify();
    let searched = Box::pin(search(app_id, open_id.to_owned(), campaigns, classify)).await;
    let campaigns = searched.found.iter().map(|(searched, found)| {
        let mut campaign = PersonCampaign::new(searched);
        match found {
            Ok(Some(trace)) => language(&headers).scope(|| campaign.add(trace, searched)),
            Ok(None) => {}
            Err(fault) => campaign.problem = Some(ErrorObject::of_fault(fault)),
        }
        campaign
    });
    let person = PersonObject {
        r#type: "person".to_owned(),
        campaigns: campaigns.collect(),
        app_id: searched.app_id,
        open_id: searched.open_id,
        person: name,
    };
    Answer::new(StatusCode::OK, &person)
}
