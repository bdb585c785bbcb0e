//! The JSON Schema of a campaign file, generated from the types that it is parsed into.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value as Json;

use super::coupons::{MOST, PER_USER};
use super::keys::Complete;
use super::{Audience, Halt, KEYS, Names, Pace, Platform, Retry, Schedule, VERSION};
use super::{codes, credentials, defaults, zone};

/// A campaign of the runner: one activity, one audience, one schedule.
#[derive(JsonSchema)]
#[schemars(rename = "Campaign", deny_unknown_fields, transform = Complete(KEYS))]
#[expect(dead_code, reason = "it lays the types out as the file does, for the schema")]
struct File {
    /// The version of this format.
    #[schemars(extend("minimum" = VERSION.least, "maximum" = VERSION.most))]
    version: u8,
    #[schemars(flatten)]
    names: Names,
    /// The IANA name of the zone of every time and day in this file.
    #[schemars(schema_with = "zone::schema", extend("default" = zone::USUAL))]
    timezone: Option<String>,
    /// How many coupons each user is owed; each has an id of its own.
    #[schemars(extend("minimum" = PER_USER.least, "maximum" = PER_USER.most, "default" = defaults::COUPONS_PER_USER))]
    coupons_per_user: Option<u8>,
    /// The most coupons that the campaign may give, over its whole life.
    #[schemars(extend("minimum" = MOST.least, "maximum" = MOST.most))]
    max_coupons: Option<u64>,
    #[schemars(with = "credentials::Written")]
    credentials: Option<()>,
    audience: Audience,
    schedule: Option<Schedule>,
    pace: Option<Pace>,
    retry: Option<Retry>,
    halt: Option<Halt>,
    /// What codes of the platform mean, before the built-in table.
    #[schemars(schema_with = "codes::schema")]
    codes: Option<()>,
    platform: Option<Platform>,
}

/// Returns the JSON Schema of a campaign file. It describes the shape of the file; only the parser checks rules that
/// need more than one value, such as an end after the start.
#[must_use]
pub fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12();
    settings.into_generator().into_root_schema_for::<File>().to_value()
}
