//! The names of the campaign, the app and the activity.

use std::fmt::Display;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::model::identity::{ActivityId, AppId, CampaignName, NameError};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{KeyType, keys};
use super::look_alike;
use super::text::Text;
use super::value::{Value, quoted};

keys! {
    /// The names that a campaign goes by.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Names {
        /// The campaign's identity for ever, part of every merchant_coupon_id: lower-case letters of any script in NFC,
        /// digits and `-`, at most 64 bytes.
        campaign: CampaignName = CAMPAIGN, required "summer-2026";
        /// What people call it.
        title: String = Text("what people call the campaign"), optional;
        /// The mini-app: letters, digits, `-` and `_`, at most 64 of them.
        app_id: AppId = APP_ID, required "ttec789ac573xxxxxx01";
        /// The activity that new coupons are of: digits, quoted or not.
        activity_id: ActivityId = ACTIVITY_ID, required "\"7218071234565644204\"";
    }
}

/// A name, quoted or not.
struct Name<T> {
    parse: fn(&str) -> Result<T, NameError>,
    /// Returns the name that was probably meant.
    nearest: fn(&str) -> Option<T>,
    wanted: &'static str,
    schema: fn() -> Schema,
}

const CAMPAIGN: Name<CampaignName> = Name {
    parse: CampaignName::parse,
    nearest: CampaignName::nearest,
    wanted: "a name such as `summer-2026`",
    schema: || {
        let pattern = "^[\\p{L}\\p{N}\\p{M}-]+$";
        json_schema!({"type": ["string", "integer"], "pattern": pattern, "minLength": 1, "maxLength": 64})
    },
};
const APP_ID: Name<AppId> = Name {
    parse: AppId::parse,
    nearest: |_| None,
    wanted: "the mini-app's id, such as `ttec789ac573xxxxxx01`",
    schema: || json_schema!({"type": ["string", "integer"], "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
};
const ACTIVITY_ID: Name<ActivityId> = Name {
    parse: ActivityId::parse,
    nearest: |_| None,
    wanted: "the activity's digits, as `create_developer_activity` answered them",
    schema: || json_schema!({"type": ["string", "integer"], "pattern": "^[0-9]{1,32}$", "minimum": 0}),
};

impl<T: Display> KeyType<T> for Name<T> {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        let text = &*value.scalar(self.wanted, diagnostics)?.text;
        let why = match (self.parse)(text) {
            Ok(name) => {
                look_alike::warn(value, text, diagnostics);
                return Some(name);
            }
            Err(why) => why,
        };
        let near = (self.nearest)(text);
        let help = near.map_or_else(|| format!("write {}", self.wanted), |near| format!("write `{near}`"));
        value.refuse(
            Code::Name,
            format!("cannot be {}: {why}", quoted(text)),
            help,
            diagnostics,
        )
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        (self.schema)()
    }
}
