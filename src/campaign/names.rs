//! Who and what the campaign is for.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::model::identity::{ActivityId, AppId, CampaignName, NameError};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::value::{Mapping, Value, quoted};

/// The names that a campaign goes by.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Names {
    /// The campaign's identity for ever, part of every merchant_coupon_id: lower-case letters of any script in NFC,
    /// digits and `-`, at most 64 bytes.
    #[schemars(schema_with = "campaign_schema")]
    pub campaign: CampaignName,
    /// What people call it.
    pub title: Option<String>,
    /// The mini-app: letters, digits, `-` and `_`, at most 64 of them.
    #[schemars(schema_with = "app_schema")]
    pub app_id: AppId,
    /// The activity that new coupons are of: digits, quoted or not.
    #[schemars(schema_with = "activity_schema")]
    pub activity_id: ActivityId,
}

impl Names {
    pub(super) fn read(file: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let campaign = file.get("campaign").and_then(|value| campaign(value, diagnostics));
        let title = file
            .get("title")
            .and_then(|value| value.text("what people call the campaign", diagnostics));
        let app_id = file.get("app_id").and_then(|value| {
            let wanted = "the mini-app's id, such as `ttec789ac573xxxxxx01`";
            name(value, AppId::parse, wanted, diagnostics)
        });
        let activity_id = file.get("activity_id").and_then(|value| {
            let wanted = "the activity's digits, as `create_developer_activity` answered them";
            name(value, ActivityId::parse, wanted, diagnostics)
        });
        Some(Self {
            campaign: campaign?,
            title,
            app_id: app_id?,
            activity_id: activity_id?,
        })
    }
}

fn campaign(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<CampaignName> {
    let text = &*value.scalar("a name such as `summer-2026`", diagnostics)?.text;
    match CampaignName::parse(text) {
        Ok(name) => Some(name),
        Err(why) => {
            let near = CampaignName::nearest(text).map(|near| format!("`{near}`"));
            let wanted = near.unwrap_or_else(|| "a name such as `summer-2026`".into());
            refuse(value, text, &why, &wanted, diagnostics);
            None
        }
    }
}

fn name<T>(
    value: &Value<'_>,
    parse: fn(&str) -> Result<T, NameError>,
    wanted: &str,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let text = &*value.scalar(wanted, diagnostics)?.text;
    parse(text)
        .map_err(|why| refuse(value, text, &why, wanted, diagnostics))
        .ok()
}

fn refuse(value: &Value<'_>, text: &str, why: &NameError, wanted: &str, diagnostics: &mut Diagnostics) {
    let message = format!("`{}` cannot be {}: {why}", value.path, quoted(text));
    diagnostics
        .error(Code::Name, value.span(), message)
        .help(format!("write {wanted}"));
}

fn campaign_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer"], "pattern": "^[\\p{L}\\p{N}\\p{M}-]+$", "minLength": 1, "maxLength": 64})
}

fn app_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer"], "pattern": "^[A-Za-z0-9_-]{1,64}$"})
}

fn activity_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer"], "pattern": "^[0-9]{1,32}$", "minimum": 0})
}
