//! Who is to have a coupon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;

use super::diagnostic::Code;
use super::duration::{self, Bounds};
use super::exclude::Exclude;
use super::keys::{Complete, Key};
use super::notes::Notes;
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
pub(super) const SOURCES: &[Key] = &[
    Key::optional("csv"),
    Key::not_yet("jsonl"),
    Key::not_yet("parquet"),
    Key::not_yet("postgres"),
    Key::not_yet("mysql"),
    Key::not_yet("sqlite"),
    Key::not_yet("stdin"),
];
pub(super) const CSV: &[Key] = &[
    Key::required("path", "audience.csv"),
    Key::required("open_id", "open_id"),
    Key::optional("last_active"),
    Key::optional("encoding"),
    Key::optional("delimiter"),
];

/// Recipients are numbered with 32 bits; the last number is kept free.
const LIMIT: Whole = Whole {
    least: 1,
    most: 4_294_967_294,
};
/// The platform gives coupons to users of the last 7 days; a year is more than any rule of it could mean.
const ACTIVE_WITHIN: Bounds = Bounds {
    least: Duration::from_mins(1),
    most: Duration::from_hours(366 * 24),
    usual: Duration::from_hours(7 * 24),
};
/// The share of unusable rows at which something must be wrong with the file.
pub const MAX_UNUSABLE: f64 = 0.01;

/// Who is to have a coupon.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Audience {
    /// Where the list of users comes from.
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

/// Where the list of users comes from: exactly one of the kinds.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(SOURCES), extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Source {
    /// A CSV file with a header line.
    pub csv: Csv,
}

/// A CSV file with a header line.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(CSV))]
pub struct Csv {
    /// The file; a relative path begins at the campaign file's folder.
    #[schemars(with = "String", extend("minLength" = 1))]
    pub path: PathBuf,
    /// The column that holds the users' open_ids.
    #[schemars(extend("minLength" = 1))]
    pub open_id: String,
    /// The column that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
    /// How the file's characters are encoded; `utf-8` when absent.
    #[schemars(extend("default" = "utf-8"))]
    pub encoding: Option<Encoding>,
    /// What stands between two fields; told from the header line when absent.
    pub delimiter: Option<Delimiter>,
}

/// How a file's characters are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Encoding {
    /// Unicode, as almost everywhere.
    #[schemars(rename = "utf-8")]
    Utf8,
    /// The encoding of Chinese spreadsheets; it includes GBK and GB 2312.
    #[schemars(rename = "gb18030")]
    Gb18030,
}

impl Encoding {
    const WORDS: [(&str, Self); 2] = [("utf-8", Self::Utf8), ("gb18030", Self::Gb18030)];
}

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Delimiter {
    /// `,`
    #[schemars(rename = ",")]
    Comma,
    /// `;`
    #[schemars(rename = ";")]
    Semicolon,
    /// A tab.
    #[schemars(rename = "tab")]
    Tab,
}

impl Delimiter {
    const WORDS: [(&str, Self); 3] = [(",", Self::Comma), (";", Self::Semicolon), ("tab", Self::Tab)];

    /// The byte itself.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
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
    pub(super) fn read(value: &Value<'_>, folder: &Path, notes: &mut Notes) -> Option<Self> {
        let map = value.mapping(KEYS, notes)?;
        let source = map.get("source").and_then(|value| Source::read(value, folder, notes));
        let exclude = map.get("exclude").map(|value| Exclude::read_all(value, folder, notes));
        let active_within = map
            .get("active_within")
            .and_then(|value| value.duration(ACTIVE_WITHIN, notes));
        let order = map.get("order").and_then(|value| value.word(&Order::WORDS, notes));
        let control_group = map.get("control_group").and_then(|value| control_group(value, notes));
        let limit = map.get("limit").and_then(|value| value.whole(LIMIT, notes));
        let allow_empty = map.get("allow_empty").and_then(|value| value.bool(notes));
        let max_unusable = map.get("max_unusable").and_then(|value| value.share(notes));
        activity(&map, source.as_ref(), order, notes);
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
fn control_group(value: &Value<'_>, notes: &mut Notes) -> Option<f64> {
    let share = value.share(notes)?;
    if share >= 1.0 {
        let message = format!("`{}` is everybody: nobody would be sent to", value.path);
        let note = notes.error(Code::Contradiction, value.span(), message);
        note.help("write the share that is not to be sent to, such as `5%`");
        return None;
    }
    Some(share)
}

/// Who was active when can only be asked of a source that says it.
fn activity(map: &Mapping<'_>, source: Option<&Source>, order: Option<Order>, notes: &mut Notes) {
    let within = map.get("active_within");
    if let (Some(value), Some(source)) = (within, source)
        && source.last_active().is_none()
    {
        let message = format!("`{}` needs `last_active` in the source", value.path);
        let note = notes.error(Code::Contradiction, value.span(), message);
        note.help("name the column that says when a user was last active: `last_active: …` beside `open_id`");
    }
    if let (Some(value), Some(Order::ExpiringFirst), None) = (map.get("order"), order, within) {
        let message = format!("`{}` is `expiring_first`, and nothing expires", value.path);
        let note = notes.error(Code::Contradiction, value.span(), message);
        note.help("add `active_within: 7d`, and `last_active` in the source; or write `as_listed`");
    }
}

impl Source {
    /// What tells this source from the other lists of a file, wherever the file is: its kind, and its name.
    #[must_use]
    pub fn label(&self) -> String {
        let name = self.csv.path.file_name().unwrap_or_default();
        format!("csv {}", name.to_string_lossy())
    }

    /// The column that says when a user was last active, if it is named.
    #[must_use]
    pub fn last_active(&self) -> Option<&str> {
        self.csv.last_active.as_deref()
    }

    pub(super) fn read(value: &Value<'_>, folder: &Path, notes: &mut Notes) -> Option<Self> {
        let map = value.mapping(SOURCES, notes)?;
        let csv = map.get("csv").map(|value| Csv::read(value, folder, notes));
        let mut present = map.present();
        let first = present.next();
        if let Some((second, span)) = present.next() {
            let message = format!("`{}` names a second source, `{second}`", value.path);
            let note = notes.error(Code::Choice, span, message);
            note.help("an audience has exactly one source: keep one of them");
        } else if first.is_none() && value.entries(SOURCES, notes).is_some_and(<[_]>::is_empty) {
            let note = notes.error(Code::Choice, value.mark(), format!("`{}` names no source", value.path));
            note.help("write `csv: {path: audience.csv, open_id: open_id}`");
        }
        csv.flatten().map(|csv| Self { csv })
    }
}

impl Csv {
    fn read(value: &Value<'_>, folder: &Path, notes: &mut Notes) -> Option<Self> {
        let map = value.mapping(CSV, notes)?;
        let path = map
            .get("path")
            .and_then(|value| value.text("the path of the CSV file", notes));
        let open_id = map
            .get("open_id")
            .and_then(|value| value.text("the name of the column with the open_ids", notes));
        let last_active = map
            .get("last_active")
            .and_then(|value| value.text("the name of the column that says when a user was last active", notes));
        let encoding = map
            .get("encoding")
            .and_then(|value| value.word(&Encoding::WORDS, notes));
        let delimiter = map
            .get("delimiter")
            .and_then(|value| value.word(&Delimiter::WORDS, notes));
        Some(Self {
            path: folder.join(path?),
            open_id: open_id?,
            last_active,
            encoding,
            delimiter,
        })
    }
}
