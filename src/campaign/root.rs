//! A campaign as its file describes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use crate::catalogue::campaign as text;
use crate::model::activity::{DeclaredActivity, MOST_NAME};
use crate::model::outcome::Class;
use crate::model::recurrence::{Occurrence, Recurrence};

use super::approval::Approval;
use super::audience::Audience;
use super::bill::Bill;
use super::codes::Codes;
use super::coupons::Coupons;
use super::credentials::{Credentials, OneForm};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::halt::Halt;
use super::key::{Key, KeyKind};
use super::keys::{Keys, Nested, keys};
use super::names::Names;
use super::notify::{Channel, Channels};
use super::pace::Pace;
use super::platform::Platform;
use super::repeat::Repeat;
use super::retry::Retry;
use super::schedule::Schedule;
use super::schema_texts;
use super::value::Value;
use super::version::Version;
use super::zone::{self, Zone};

keys! {
    /// A campaign of the runner: one activity, one audience, one schedule.
    #[derive(Debug)]
    struct File as "Campaign" {
        /// The version of this format.
        version: u8 = Version, required "1";
        campaign: Campaign = Nested, group;
    }
}

keys! {
    /// A campaign as its file describes it. A value that the file leaves out is `None`, and a method returns its default.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Campaign {
        names: Names = Nested, group;
        /// The IANA name of the zone of every time and day in this file.
        timezone: TimeZone = Zone, filled zone::default();
        coupons: Coupons = Nested, group;
        credentials: Credentials = OneForm, optional;
        audience: Audience = Nested, required "{source: {csv: {path: audience.csv, open_id: open_id}}}";
        schedule: Schedule = Nested, filled Schedule::default();
        repeat: Repeat = Nested, optional;
        pace: Pace = Nested, filled Pace::default();
        retry: Retry = Nested, filled Retry::default();
        halt: Halt = Nested, filled Halt::default();
        /// What codes of the platform mean, before the built-in table.
        codes: BTreeMap<i64, Class> = Codes, filled BTreeMap::new();
        platform: Platform = Nested, filled Platform::default();
        /// What a service needs before it sends the campaign, in addition to its policy.
        approval: Approval = Nested, optional;
        /// How `runner reconcile` reads the platform's daily bills.
        bill: Bill = Nested, filled Bill::default();
        /// The bots and servers that receive messages about a run.
        notify: Vec<Channel> = Channels, filled Vec::new();
    }
    check |map, diagnostics| {
        let declared = names.as_ref().and_then(|names| names.activity.as_ref());
        if declared.is_some_and(|activity| activity.stock.is_none())
            && map.get("max_coupons").is_none()
            && let Some(value) = map.get("activity").filter(|value| !value.has_key("stock"))
        {
            let note = diagnostics.error(Code::MissingKey, value.span(), text::ActivityWithoutStock);
            note.help(text::ActivityWithoutStockHelp);
        }
        // A value that cannot be parsed is already reported, and contradicts nothing.
        let readable = map.get("timezone").is_some() == timezone.is_some()
            && map.get("schedule").is_some() == schedule.is_some();
        if let (true, Some(repeat), Some(value)) = (readable, &repeat, map.get("repeat")) {
            let schedule = schedule.clone().unwrap_or_default();
            let zone = timezone.clone().unwrap_or_else(zone::default);
            repeat.check_any(value, &repeat.recurrence(&schedule, &zone), diagnostics);
        }
    }
}

impl Campaign {
    /// Returns the rule of a recurring campaign. `None` if it takes place once.
    #[must_use]
    pub fn recurrence(&self) -> Option<Recurrence> {
        let repeat = self.repeat.as_ref()?;
        Some(repeat.recurrence(&self.schedule, &self.timezone))
    }

    /// Returns the activity that the file declares. `None` if it names one that exists.
    #[must_use]
    pub fn declared_activity(&self) -> Option<DeclaredActivity> {
        let activity = self.names.activity.as_ref()?;
        let name = activity.name.as_ref().or(self.names.title.as_ref());
        let name = name.map_or(self.names.campaign.as_str(), String::as_str);
        Some(DeclaredActivity {
            coupon_meta_id: self.names.coupon_meta_id.clone()?,
            stock: activity.stock.or(self.coupons.most)?,
            name: name.chars().take(MOST_NAME).collect(),
            release: activity.release().rule(),
        })
    }

    /// Returns one occurrence of a recurring campaign: a campaign of its own, with its own name, start and end.
    #[must_use]
    pub fn at_occurrence(&self, occurrence: &Occurrence) -> Self {
        let mut campaign = self.clone();
        campaign.names.campaign = self.names.campaign.occurrence(occurrence.date);
        campaign.schedule.start = Some(occurrence.start);
        campaign.schedule.end = Some(occurrence.end).filter(|end| *end < Timestamp::MAX);
        campaign.repeat = None;
        campaign
    }
}

/// The name of the file's own keys among the descriptions of the schema.
const ROOT: &str = "Campaign";

/// Reads the campaign from the root of a file; `None` after reporting a mistake.
pub(super) fn read(root: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Campaign> {
    match File::read(root, diagnostics)? {
        File { version: 1, campaign } => Some(campaign),
        File { .. } => None,
    }
}

/// Returns the JSON Schema of a campaign file. It describes the shape of the file; only the parser checks rules that
/// need more than one value, such as an end after the start. Its descriptions are in the language of the moment.
#[must_use]
pub fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<File>().to_value();
    // Exactly one of both, which the declaration of the keys cannot say.
    schema["oneOf"] = json!([{"required": ["activity_id"]}, {"required": ["activity", "coupon_meta_id"]}]);
    schema_texts::translate(&mut schema, ROOT);
    schema
}

/// Whether a campaign file may have this key.
pub(super) fn has_key(name: &str) -> bool {
    File::keys().iter().any(|key| key.name == name)
}

/// A key in the table of all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The keys down to it, separated by dots; `[]` after the key of a list.
    pub path: String,
    /// What its value is, in words.
    pub value: String,
    /// Whether the file must have it, where the mapping that it belongs to is present.
    pub required: bool,
    /// The default, as a file would have it; `None` if the absence has a meaning of its own.
    pub default: Option<String>,
}

/// Returns all keys of a campaign file that have a value of their own. `docs/campaign-file.md` is compared with them.
#[must_use]
pub fn key_table() -> Vec<KeyRow> {
    rows(&File::keys())
}

/// Returns a row for each of these keys, and for those under them.
pub(super) fn rows(keys: &[Key]) -> Vec<KeyRow> {
    let mut rows = Vec::new();
    add_rows("", keys, &mut rows);
    rows
}

fn add_rows(prefix: &str, keys: &[Key], rows: &mut Vec<KeyRow>) {
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        let kind = (key.kind)();
        let separator = if kind == KeyKind::List { "[]." } else { "." };
        let prefix = format!("{path}{separator}");
        let default = key.default_text();
        if kind != KeyKind::Section || default.is_some() {
            rows.push(KeyRow {
                path,
                value: (key.describe)(),
                required: key.required,
                default,
            });
        }
        add_rows(&prefix, &(key.keys)(), rows);
    }
}
