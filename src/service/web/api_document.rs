//! The OpenAPI document of the requests of programs, made from the types of their objects.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::api::{
    ApproveBody, CampaignList, CampaignObject, DoneObject, FreezeBody, LONGEST_KEY, NoBody, RejectBody, ReplanBody,
    ResolveBody, WaveBody,
};
use super::api_person::{PersonBody, PersonObject};
use super::api_responses::ErrorObject;
use super::api_views::{AuditObject, DecisionsObject, InboxObject, OccurrencesObject, PlanAnswer, StatusesObject};

type SchemaOf = fn(&mut SchemaGenerator) -> Json;

/// What a request takes and answers.
pub struct Operation {
    method: &'static str,
    path: &'static str,
    /// What it does.
    summary: &'static str,
    answer: SchemaOf,
    /// Its body, and whether it needs one. `None` if it takes none.
    body: Option<(SchemaOf, bool)>,
    query: &'static [Parameter],
    /// Whether it acts once for each `Idempotency-Key`.
    has_key: bool,
}

/// A field of a query.
struct Parameter {
    name: &'static str,
    description: &'static str,
    is_number: bool,
}

const AUDIT: &[Parameter] = &[
    Parameter {
        name: "text",
        description: "Only records with this text.",
        is_number: false,
    },
    Parameter {
        name: "file",
        description: "Only records about the campaign of this file.",
        is_number: false,
    },
    Parameter {
        name: "after",
        description: "The first records after the one with this number. The last ones if it is absent.",
        is_number: true,
    },
    Parameter {
        name: "limit",
        description: "How many records at most, from 1 to 1000.",
        is_number: true,
    },
];

/// Every operation of the routes for programs.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let get = |path, summary, answer| Operation {
        method: "GET",
        path,
        summary,
        answer,
        body: None,
        query: &[],
        has_key: false,
    };
    let act = |path, summary, body: SchemaOf, is_required| Operation {
        method: "POST",
        path,
        summary,
        answer: reference::<CampaignObject>,
        body: Some((body, is_required)),
        query: &[],
        has_key: true,
    };
    vec![
        get(
            "/api/v1/inbox",
            "Shows what waits for a person.",
            reference::<InboxObject>,
        ),
        get(
            "/api/v1/status",
            "Shows the status of every campaign, as `runner status` does.",
            reference::<StatusesObject>,
        ),
        get("/api/v1/campaigns", "Shows every campaign.", reference::<CampaignList>),
        get(
            "/api/v1/campaigns/{file}",
            "Shows a campaign.",
            reference::<CampaignObject>,
        ),
        get(
            "/api/v1/campaigns/{file}/plan",
            "Shows the plan of a campaign.",
            reference::<PlanAnswer>,
        ),
        get(
            "/api/v1/campaigns/{file}/decisions",
            "Shows held and in-doubt deliveries, with the ids of users. Each look is recorded.",
            reference::<DecisionsObject>,
        ),
        get(
            "/api/v1/campaigns/{file}/occurrences",
            "Shows the occurrences of a recurring campaign.",
            reference::<OccurrencesObject>,
        ),
        Operation {
            query: AUDIT,
            ..get(
                "/api/v1/audit",
                "Shows records of the service log.",
                reference::<AuditObject>,
            )
        },
        Operation {
            method: "POST",
            body: Some((reference::<PersonBody>, true)),
            ..get(
                "/api/v1/person",
                "Shows everything that the campaigns of an app know of a user. Each look is recorded, without the id.",
                reference::<PersonObject>,
            )
        },
        act(
            "/api/v1/campaigns/{file}/replan",
            "Plans a campaign again.",
            reference::<ReplanBody>,
            false,
        ),
        act(
            "/api/v1/campaigns/{file}/approve",
            "Approves a plan: applies it, or gives one of the approvals that the policy asks for.",
            reference::<ApproveBody>,
            true,
        ),
        act(
            "/api/v1/campaigns/{file}/request",
            "Requests the approvals of a plan.",
            reference::<ApproveBody>,
            true,
        ),
        act(
            "/api/v1/campaigns/{file}/reject",
            "Rejects what was requested, or takes it back.",
            reference::<RejectBody>,
            true,
        ),
        act(
            "/api/v1/campaigns/{file}/pause",
            "Pauses a run.",
            reference::<NoBody>,
            false,
        ),
        act(
            "/api/v1/campaigns/{file}/resume",
            "Continues after a pause.",
            reference::<NoBody>,
            false,
        ),
        act(
            "/api/v1/campaigns/{file}/stop",
            "Stops a run.",
            reference::<NoBody>,
            false,
        ),
        act(
            "/api/v1/campaigns/{file}/compare",
            "Compares the ledger with the platform's own records.",
            reference::<NoBody>,
            false,
        ),
        act(
            "/api/v1/campaigns/{file}/wave",
            "Ends the wait after a wave.",
            reference::<WaveBody>,
            true,
        ),
        act(
            "/api/v1/campaigns/{file}/resolve",
            "Decides on a group of deliveries.",
            reference::<ResolveBody>,
            true,
        ),
        Operation {
            answer: reference::<DoneObject>,
            ..act("/api/v1/stop-all", "Stops every run.", reference::<NoBody>, false)
        },
        Operation {
            answer: reference::<DoneObject>,
            ..act(
                "/api/v1/freeze",
                "Sends nothing more until an admin ends that.",
                reference::<FreezeBody>,
                false,
            )
        },
        Operation {
            answer: reference::<DoneObject>,
            ..act("/api/v1/unfreeze", "Ends a freeze.", reference::<NoBody>, false)
        },
        get(
            "/api/v1/openapi.json",
            "Shows this document.",
            |_| json!({"type": "object"}),
        ),
    ]
}

/// A route, for the document: its method, its path, and which roles may use it.
pub type Described = (&'static str, &'static str, String);

/// Returns the OpenAPI document of these routes.
#[must_use]
pub fn document(routes: &[Described]) -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let error = content(&mut generator, reference::<ErrorObject>);
    let mut paths: Map<String, Json> = Map::new();
    for operation in operations() {
        let found = routes
            .iter()
            .find(|(method, path, _)| (*method, *path) == operation.route());
        let Some((method, path, roles)) = found else { continue };
        let written = operation.write(&mut generator, &error, roles);
        let entry = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        entry[method.to_lowercase()] = written;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "runner serve", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    })
}

impl Operation {
    fn write(&self, generator: &mut SchemaGenerator, error: &Json, roles: &str) -> Json {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        let mut parameters = Vec::new();
        if self.path.contains("{file}") {
            parameters.push(
                json!({"name": "file", "in": "path", "required": true, "schema": {"type": "string"},
                "description": "The name of the campaign file in the directory; for an occurrence, `NAME@DATE`."}),
            );
        }
        for field in self.query {
            let schema = if field.is_number {
                json!({"type": "integer", "minimum": 0})
            } else {
                json!({"type": "string"})
            };
            parameters.push(
                json!({"name": field.name, "in": "query", "required": false, "schema": schema,
                "description": field.description}),
            );
        }
        if self.has_key {
            parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
                "description": "The same key with the same request has the same answer for 24 hours, and acts once."}));
        }
        let mut written = json!({
            "operationId": format!("{}_{}", self.method.to_lowercase(), last.trim_matches(['{', '}']).replace(['-', '.'], "_")),
            "summary": self.summary,
            "description": format!("Roles: {roles}."),
            "parameters": parameters,
            "responses": {
                "200": {"description": "Done.", "content": content(generator, self.answer)},
                "default": {"description": "Not done.", "content": error},
            },
        });
        if let Some((body, is_required)) = self.body {
            written["requestBody"] = json!({"required": is_required, "content": content(generator, body)});
        }
        written
    }

    /// Its method and its path.
    #[must_use]
    pub const fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Json {
    generator.subschema_for::<T>().to_value()
}

fn content(generator: &mut SchemaGenerator, schema: SchemaOf) -> Json {
    json!({"application/json": {"schema": schema(generator)}})
}
