//! The audience of a campaign file.

use std::time::Duration;

use schemars::{Schema, SchemaGenerator};

use crate::catalogue::campaign as text;

use super::audience_source::{OneSource, Source};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::DurationRange;
use super::exclude::{self, Exclude, ExcludeLists};
use super::keys::{KeyType, keys};
use super::number::IntegerRange;
use super::share::Share;
use super::testers::{ListOrSource, Testers};
use super::value::{Mapping, Value};
use super::word::{Boolean, Word, words};

const MINUTE: Duration = Duration::from_mins(1);
/// The platform gives coupons to users who were active in the last 7 days; no rule of it could mean more than a year.
const YEAR: Duration = Duration::from_hours(366 * 24);
/// Recipients have 32-bit numbers, and the last number is reserved.
const MOST_RECIPIENTS: u64 = 4_294_967_294;

keys! {
    /// The users that get a coupon.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Audience {
        /// The source of the list of users.
        source: Source = OneSource, required "{csv: {path: audience.csv, open_id: open_id}}";
        /// Users who are sent to first, whether or not the source names them. Then the run waits for `runner approve`.
        testers: Testers = ListOrSource, optional;
        /// The users that get no coupon: lists of any kind of source, and users of other campaigns.
        exclude: Vec<Exclude> = ExcludeLists, optional;
        /// A user whose last activity is older than this at the time of the send is skipped.
        active_within: Duration = DurationRange(MINUTE..=YEAR), optional "7d";
        /// The order in which users are sent to.
        order: Order = Word, default Order::AsListed;
        /// The share of the audience that is never sent to, chosen by a stable hash.
        control_group: f64 = ControlGroup, optional;
        /// The most users that are ever owed a coupon, the first ones, over the campaign's whole life.
        limit: u64 = IntegerRange(1..=MOST_RECIPIENTS), optional;
        /// Whether a run with an empty audience is complete. If not, it stops with an error.
        allow_empty: bool = Boolean, default false;
        /// The largest share of unusable rows. A larger one stops the run.
        max_unusable: f64 = Share, default 0.01;
    }
    check |map, diagnostics| {
        check_activity(map, source.as_ref(), order, diagnostics);
        if let (Some(value), Some(lists)) = (map.get("exclude"), &exclude) {
            exclude::check_stdin(source.as_ref(), value, lists, diagnostics);
        }
    }
}

words! {
    /// The order in which users are sent to.
    pub enum Order {
        /// In the order of the source.
        AsListed = "as_listed",
        /// Users that fall out of `active_within` soonest go first.
        ExpiringFirst = "expiring_first",
    }
}

/// The share that is never sent to, below 100%.
struct ControlGroup;

impl KeyType<f64> for ControlGroup {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
        let share = Share.read(value, diagnostics)?;
        if share < 1.0 {
            return Some(share);
        }
        let message = text::ControlGroupAll { path: &value.path };
        value.refuse(Code::Contradiction, message, text::ControlGroupHelp, diagnostics)
    }

    fn describe(&self) -> String {
        text::ControlGroup.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        Share.schema(generator)
    }
}

/// Reports rules about the last activity that the source, or the absence of `active_within`, makes meaningless.
fn check_activity(map: &Mapping<'_>, source: Option<&Source>, order: Option<Order>, diagnostics: &mut Diagnostics) {
    let within = map.get("active_within");
    if let (Some(value), Some(source)) = (within, source)
        && source.last_active().is_none()
    {
        let message = text::ActivityWithoutColumn { path: &value.path };
        let note = diagnostics.error(Code::Contradiction, value.span(), message);
        note.help(text::ActivityWithoutColumnHelp);
    }
    if let (Some(value), Some(Order::ExpiringFirst), None) = (map.get("order"), order, within) {
        let message = text::OrderWithoutActivity { path: &value.path };
        let note = diagnostics.error(Code::Contradiction, value.span(), message);
        note.help(text::OrderWithoutActivityHelp);
    }
}
