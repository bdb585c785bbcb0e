//! Who is to have a coupon.

use std::path::Path;

use schemars::JsonSchema;

use super::audience_source::{Source, Written};
use super::keys::{Complete, Key};
use super::notes::Notes;
use super::share;
use super::value::{Value, Whole};

pub(super) const KEYS: &[Key] = &[
    Key::required("source", "{csv: {path: audience.csv, open_id: open_id}}"),
    Key::not_yet("exclude"),
    Key::not_yet("active_within"),
    Key::not_yet("order"),
    Key::not_yet("control_group"),
    Key::optional("limit"),
    Key::optional("allow_empty"),
    Key::optional("max_unusable"),
];
/// Recipients are numbered with 32 bits; the last number is kept free.
const LIMIT: Whole = Whole {
    least: 1,
    most: 4_294_967_294,
};
/// The share of unusable rows at which something must be wrong with the file.
pub const MAX_UNUSABLE: f64 = 0.01;

/// Who is to have a coupon.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Audience {
    /// Where the list of users comes from.
    #[schemars(with = "Written")]
    pub source: Source,
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

impl Audience {
    pub(super) fn read(value: &Value<'_>, folder: &Path, notes: &mut Notes) -> Option<Self> {
        let map = value.mapping(KEYS, notes)?;
        let source = map.get("source").and_then(|value| Source::read(value, folder, notes));
        let limit = map.get("limit").and_then(|value| value.whole(LIMIT, notes));
        let allow_empty = map.get("allow_empty").and_then(|value| value.bool(notes));
        let max_unusable = map.get("max_unusable").and_then(|value| value.share(notes));
        Some(Self {
            source: source?,
            limit,
            allow_empty,
            max_unusable,
        })
    }
}
