//! The audience of a campaign file.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;

use super::audience_source::{Source, Written};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::{self, Bounds};
use super::exclude::{self, Exclude};
use super::keys::{Complete, Key};
use super::share;
use super::value::{Mapping, Value, Whole};

pub(super) const KEYS: &[Key] = &[
    Key::required("source", "{csv: {path: audience.csv, open_id: open_id}}"),
    Key::optional("exclude"),
    Key::optional("active_within"),
    Key::optional("order"),
    Key::optional("control_group"),
    Key::optional("limit"),
    Key::optional("allow_empty"),
    Key::optional("max_unusable"),
];
/// Recipients have 32-bit numbers, and the last number is reserved.
const LIMIT: Whole = Whole {
    least: 1,
    most: 4_294_967_294,
};
/// The platform gives coupons to users who were active in the last 7 days; no rule of it could mean more than a year.
const ACTIVE_WITHIN: Bounds = Bounds {
    least: Duration::from_mins(1),
    most: Duration::from_hours(366 * 24),
    usual: Duration::from_hours(7 * 24),
};
/// The share of unusable rows above which the file must be wrong.
pub const MAX_UNUSABLE: f64 = 0.01;

/// Who is to have a coupon.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Audience {
    /// Where the list of users comes from.
    #[schemars(with = "Written")]
    pub source: Source,
    /// Who is not to have one: lists of any kind of source, and the coupons of other campaigns.
    pub exclude: Option<Vec<Exclude>>,
    /// Whoever was last active longer ago than this by the moment their turn comes is skipped.
    #[schemars(schema_with = "duration::schema")]
    pub active_within: Option<Duration>,
    /// Whose turn comes first.
    #[schemars(extend("default" = "as_listed"))]
    pub order: Option<Order>,
    /// The share of the audience that is never sent to, drawn by a stable hash.
    #[schemars(schema_with = "share::schema")]
    pub control_group: Option<f64>,
    /// The first so many recipients ever owed, over the campaign's whole life.
    #[schemars(extend("minimum" = LIMIT.least, "maximum" = LIMIT.most))]
    pub limit: Option<u64>,
    /// Whether an empty audience is as good as any; otherwise it stops the run.
    #[schemars(extend("default" = false))]
    pub allow_empty: Option<bool>,
    /// The share of unusable rows, of those read, that stops the run when it is exceeded.
    #[schemars(schema_with = "share::schema", extend("default" = share::written(MAX_UNUSABLE)))]
    pub max_unusable: Option<f64>,
}

/// Whose turn comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Order {
    /// In the order of the source.
    AsListed,
    /// Who would fall out of `active_within` soonest.
    ExpiringFirst,
}

impl Order {
    const WORDS: [(&str, Self); 2] = [("as_listed", Self::AsListed), ("expiring_first", Self::ExpiringFirst)];
}

impl Audience {
    pub(super) fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let source = map
            .get("source")
            .and_then(|value| Source::read(value, folder, diagnostics));
        let exclude = map
            .get("exclude")
            .map(|value| Exclude::read_all(value, folder, diagnostics));
        let active_within = map
            .get("active_within")
            .and_then(|value| value.duration(ACTIVE_WITHIN, diagnostics));
        let order = map
            .get("order")
            .and_then(|value| value.word(&Order::WORDS, diagnostics));
        let control_group = map
            .get("control_group")
            .and_then(|value| control_group(value, diagnostics));
        let limit = map.get("limit").and_then(|value| value.whole(LIMIT, diagnostics));
        let allow_empty = map.get("allow_empty").and_then(|value| value.bool(diagnostics));
        let max_unusable = map.get("max_unusable").and_then(|value| value.share(diagnostics));
        activity(&map, source.as_ref(), order, diagnostics);
        if let (Some(value), Some(Some(read))) = (map.get("exclude"), &exclude) {
            exclude::one_stdin(source.as_ref(), value, read, diagnostics);
        }
        Some(Self {
            source: source?,
            exclude: match exclude {
                Some(exclude) => Some(exclude?),
                None => None,
            },
            active_within,
            order,
            control_group,
            limit,
            allow_empty,
            max_unusable,
        })
    }
}

/// The share that is never sent to. With all of them in it nobody is left.
fn control_group(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
    let share = value.share(diagnostics)?;
    if share >= 1.0 {
        let message = format!("`{}` is everybody: nobody would be sent to", value.path);
        let note = diagnostics.error(Code::IllegalFact, value.span(), message);
        note.help("write the share that is not to be sent to, such as `5%`");
        return None;
    }
    Some(share)
}

/// Who was active when can only be asked of a source that says it.
fn activity(map: &Mapping<'_>, source: Option<&Source>, order: Option<Order>, diagnostics: &mut Diagnostics) {
    let within = map.get("active_within");
    if let (Some(value), Some(source)) = (within, source)
        && source.last_active().is_none()
    {
        let message = format!("`{}` needs `last_active` in the source", value.path);
        let note = diagnostics.error(Code::IllegalFact, value.span(), message);
        note.help("name the column that says when a user was last active: `last_active: …` beside `open_id`");
    }
    if let (Some(value), Some(Order::ExpiringFirst), None) = (map.get("order"), order, within) {
        let message = format!("`{}` is `expiring_first`, and nothing expires", value.path);
        let note = diagnostics.error(Code::IllegalFact, value.span(), message);
        note.help("add `active_within: 7d`, and `last_active` in the source; or write `as_listed`");
    }
}
