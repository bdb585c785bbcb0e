//! The names of the campaign, the app and the activity.

use std::fmt::Display;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::identity::{ActivityId, AppId, CampaignName, CouponMetaId, NameError};

use super::activity::Activity;
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{KeyType, Nested, keys};
use super::look_alike;
use super::text::Text;
use super::value::{Value, quoted};

keys! {
    /// The names that a campaign goes by.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Names {
        /// The campaign's permanent identity, part of every merchant_coupon_id: lower-case letters of any script in NFC,
        /// digits and `-`, at most 64 bytes.
        campaign: CampaignName = CAMPAIGN, required "summer-2026";
        /// The title that people read.
        title: String = Text(&text::WantTitle), optional;
        /// The mini-app: letters, digits, `-` and `_`, at most 64 of them.
        app_id: AppId = APP_ID, required "ttec789ac573xxxxxx01";
        /// The activity that new coupons are of: digits, quoted or not.
        activity_id: ActivityId = ACTIVITY_ID, optional "\"7218071234565644204\"";
        /// The coupon template of the activity: digits, quoted or not. `activity` needs it, and `runner reconcile` to ask for the
        /// platform's count.
        coupon_meta_id: CouponMetaId = COUPON_META_ID, optional;
        /// In place of `activity_id`: the activity that the first apply creates.
        activity: Activity = Nested, optional "{stock: 100000}";
    }
    check |map, diagnostics| {
        let key = |name: &str| map.present().find(|(key, _)| *key == name).map(|(_, span)| span);
        let first = map.present().map(|(_, span)| span).min();
        match (key("activity_id"), key("activity")) {
            (Some(_), Some(declared)) => {
                let note = diagnostics.error(Code::Choice, declared, text::TwoActivities);
                note.help(text::TwoActivitiesHelp);
            }
            (None, Some(declared)) if key("coupon_meta_id").is_none() => {
                diagnostics.error(Code::MissingKey, declared, text::ActivityWithoutTemplate)
                    .help(text::ActivityWithoutTemplateHelp);
            }
            (None, None) => if let Some(first) = first {
                let path = "activity_id";
                diagnostics.error(Code::MissingKey, first, text::MissingKey { path: &path })
                    .label(text::MissingKeyLabel)
                    .help(text::MissingKeyHelp { key: &path, example: &"\"7218071234565644204\"" });
            },
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}

/// A name, quoted or not.
struct Name<T> {
    parse: fn(&str) -> Result<T, NameError>,
    /// Returns the name that was probably meant.
    nearest: fn(&str) -> Option<T>,
    wanted: &'static dyn Display,
    schema: fn() -> Schema,
}

const CAMPAIGN: Name<CampaignName> = Name {
    parse: CampaignName::parse,
    nearest: CampaignName::nearest,
    wanted: &text::WantCampaign,
    schema: || {
        let pattern = "^[\\p{L}\\p{N}\\p{M}-]+$";
        json_schema!({"type": ["string", "integer"], "pattern": pattern, "minLength": 1, "maxLength": 64})
    },
};
const APP_ID: Name<AppId> = Name {
    parse: AppId::parse,
    nearest: |_| None,
    wanted: &text::WantAppId,
    schema: || json_schema!({"type": ["string", "integer"], "pattern": "^[A-Za-z0-9_-]{1,64}$"}),
};
const ACTIVITY_ID: Name<ActivityId> = Name {
    parse: ActivityId::parse,
    nearest: |_| None,
    wanted: &text::WantActivityId,
    schema: || json_schema!({"type": ["string", "integer"], "pattern": "^[0-9]{1,32}$", "minimum": 0}),
};
const COUPON_META_ID: Name<CouponMetaId> = Name {
    parse: CouponMetaId::parse,
    nearest: |_| None,
    wanted: &text::WantCouponMetaId,
    schema: || json_schema!({"type": ["string", "integer"], "pattern": "^[0-9]{1,32}$", "minimum": 0}),
};

impl<T: Display> KeyType<T> for Name<T> {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        let written = &*value.scalar(self.wanted, diagnostics)?.text;
        let why = &match (self.parse)(written) {
            Ok(name) => {
                look_alike::warn(value, written, diagnostics);
                return Some(name);
            }
            Err(why) => why,
        };
        let help = (self.nearest)(written).map_or_else(
            || text::Write { wanted: self.wanted }.to_string(),
            |near| text::WriteValue { value: &near }.to_string(),
        );
        let message = text::CannotBeBecause {
            path: &value.path,
            value: &quoted(written),
            why,
        };
        value.refuse(Code::Name, message, help, diagnostics)
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        (self.schema)()
    }
}
