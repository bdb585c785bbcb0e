//! Who is to have a coupon.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;

use super::diagnostic::Code;
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
    // Nothing in this version reads it, and a key that is read by nothing would be ignored in silence.
    Key::not_yet("last_active"),
    Key::optional("encoding"),
    Key::optional("delimiter"),
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

impl Source {
    fn read(value: &Value<'_>, folder: &Path, notes: &mut Notes) -> Option<Self> {
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
        let encoding = map
            .get("encoding")
            .and_then(|value| value.word(&Encoding::WORDS, notes));
        let delimiter = map
            .get("delimiter")
            .and_then(|value| value.word(&Delimiter::WORDS, notes));
        Some(Self {
            path: folder.join(path?),
            open_id: open_id?,
            encoding,
            delimiter,
        })
    }
}
