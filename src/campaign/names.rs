//! The names of the campaign, the app and the activity.

use std::fmt::Display;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::identity::{ActivityId, AppId, CampaignName, CouponMetaId, NameError};

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
        /// The campaign's permanent identity, part of every merchant_coupon_id: lower-case letters of any script in NFC,
        /// digits and `-`, at most 64 bytes.
        campaign: CampaignName = CAMPAIGN, required "summer-2026";
        /// The title that people read.
        title: String = Text(&text::WantTitle), optional;
        /// The mini-app: letters, digits, `-` and `_`, at most 64 of them.
        app_id: AppId = APP_ID, required "ttec789ac573xxxxxx01";
        /// The activity that new coupons are of: digits, quoted or not.
        activity_id: ActivityId = ACTIVITY_ID, required "\"7218071234565644204\"";
        /// The coupon template of the activity: digits, quoted or not. `runner reconcile` needs it to ask for the platform's count.
        coupon_meta_id: CouponMetaId = COUPON_META_ID, optional;
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
