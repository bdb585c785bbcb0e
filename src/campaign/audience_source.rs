//! The sources of lists of users: a file, a query, or piped data.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::model::secret::SecretRef;

use super::credentials::{reference, reference_schema};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::value::{Mapping, Value};

const SOURCES: &[Key] = &[
    Key::optional("csv"),
    Key::optional("jsonl"),
    Key::optional("parquet"),
    Key::optional("postgres"),
    Key::optional("mysql"),
    Key::optional("sqlite"),
    Key::optional("stdin"),
];
const CSV: &[Key] = &[
    Key::required("path", "audience.csv"),
    Key::required("open_id", "open_id"),
    Key::optional("last_active"),
    Key::optional("encoding"),
    Key::optional("delimiter"),
];
const JSONL: &[Key] = &[
    Key::required("path", "audience.jsonl"),
    Key::required("open_id", "open_id"),
    Key::optional("last_active"),
];
const PARQUET: &[Key] = &[
    Key::required("path", "audience.parquet"),
    Key::required("open_id", "open_id"),
    Key::optional("last_active"),
];
const SERVER: &[Key] = &[
    Key::required("url", "{env: AUDIENCE_URL}"),
    Key::required("query", "select open_id from members"),
    Key::optional("open_id"),
    Key::optional("last_active"),
];
const SQLITE: &[Key] = &[
    Key::required("path", "members.db"),
    Key::required("query", "select open_id from members"),
    Key::optional("open_id"),
    Key::optional("last_active"),
];
const STDIN: &[Key] = &[
    Key::required("format", "csv"),
    Key::required("open_id", "open_id"),
    Key::optional("last_active"),
    Key::optional("encoding"),
    Key::optional("delimiter"),
];

/// The default column of the open_ids in a query's result.
pub const OPEN_ID: &str = "open_id";

/// A source of a list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// CSV files with a header line.
    Csv(Csv),
    /// Files of JSON objects, one a line.
    Jsonl(Jsonl),
    /// Parquet files.
    Parquet(Parquet),
    /// A query to a PostgreSQL server.
    Postgres(Server),
    /// A query to a MySQL or MariaDB server.
    Mysql(Server),
    /// A query to an SQLite database.
    Sqlite(Sqlite),
    /// Data that is piped into the program.
    Stdin(Stdin),
}

/// Where a list of users comes from: exactly one of the kinds.
#[derive(JsonSchema)]
#[schemars(
    rename = "Source",
    deny_unknown_fields,
    transform = Complete(SOURCES),
    extend("minProperties" = 1, "maxProperties" = 1)
)]
#[expect(
    dead_code,
    reason = "it describes the mapping to the schema; what is read is `Source`"
)]
pub(super) struct Written {
    csv: Option<Csv>,
    jsonl: Option<Jsonl>,
    parquet: Option<Parquet>,
    /// A query to a PostgreSQL server, in a read-only transaction.
    postgres: Option<Server>,
    /// A query to a MySQL or MariaDB server, in a read-only transaction.
    mysql: Option<Server>,
    sqlite: Option<Sqlite>,
    stdin: Option<Stdin>,
}

/// A path, or a pattern of paths: `*` matches any characters of a name, `?` one character, `[abc]` one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The base of a relative path: the campaign file's folder.
    pub folder: PathBuf,
    /// The path or pattern, as written.
    pub path: String,
}

impl From<&Path> for Files {
    fn from(path: &Path) -> Self {
        Self {
            folder: PathBuf::new(),
            path: path.display().to_string(),
        }
    }
}

/// CSV files with a header line, as they are or compressed with gzip or zstd.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(CSV))]
pub struct Csv {
    /// The file, or a pattern such as `part-*.csv`; a relative path begins at the campaign file's folder.
    #[schemars(schema_with = "text_schema")]
    pub path: Files,
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

/// Files of JSON objects, one a line, as they are or compressed with gzip or zstd.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(JSONL))]
pub struct Jsonl {
    /// The file, or a pattern such as `members-*.jsonl.gz`; a relative path begins at the campaign file's folder.
    #[schemars(schema_with = "text_schema")]
    pub path: Files,
    /// The key that holds the users' open_ids; points lead into objects: `user.open_id`.
    #[schemars(extend("minLength" = 1))]
    pub open_id: String,
    /// The key that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
}

/// Parquet files.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(PARQUET))]
pub struct Parquet {
    /// The file, or a pattern such as `part-*.parquet`; a relative path begins at the campaign file's folder.
    #[schemars(schema_with = "text_schema")]
    pub path: Files,
    /// The column that holds the users' open_ids; points lead into groups: `user.open_id`.
    #[schemars(extend("minLength" = 1))]
    pub open_id: String,
    /// The column that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
}

/// A query to a server.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(SERVER))]
pub struct Server {
    /// Where the server's URL, which has a password in it, is to be found.
    #[schemars(schema_with = "reference_schema")]
    pub url: SecretRef,
    /// One statement that only reads.
    #[schemars(extend("minLength" = 1))]
    pub query: String,
    /// The column of the result that holds the users' open_ids; `open_id` when absent.
    #[schemars(extend("minLength" = 1, "default" = OPEN_ID))]
    pub open_id: Option<String>,
    /// The column of the result that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
}

/// A query to an SQLite database, which is opened for reading only.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(SQLITE))]
pub struct Sqlite {
    /// The database's file; a relative path begins at the campaign file's folder.
    #[schemars(with = "String", extend("minLength" = 1))]
    pub path: PathBuf,
    /// One statement that only reads.
    #[schemars(extend("minLength" = 1))]
    pub query: String,
    /// The column of the result that holds the users' open_ids; `open_id` when absent.
    #[schemars(extend("minLength" = 1, "default" = OPEN_ID))]
    pub open_id: Option<String>,
    /// The column of the result that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
}

/// What is piped into the program, as it is or compressed with gzip or zstd. It has to be piped in again by each apply.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(STDIN))]
pub struct Stdin {
    /// What it is.
    pub format: Format,
    /// The column, or the key, that holds the users' open_ids.
    #[schemars(extend("minLength" = 1))]
    pub open_id: String,
    /// The column, or the key, that says when a user was last active.
    #[schemars(extend("minLength" = 1))]
    pub last_active: Option<String>,
    /// Of CSV: how its characters are encoded; `utf-8` when absent.
    #[schemars(extend("default" = "utf-8"))]
    pub encoding: Option<Encoding>,
    /// Of CSV: what stands between two fields; told from the header line when absent.
    pub delimiter: Option<Delimiter>,
}

/// What is piped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum Format {
    /// CSV with a header line.
    #[schemars(rename = "csv")]
    Csv,
    /// JSON objects, one a line.
    #[schemars(rename = "jsonl")]
    Jsonl,
}

impl Format {
    const WORDS: [(&str, Self); 2] = [("csv", Self::Csv), ("jsonl", Self::Jsonl)];
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

    /// Returns the delimiter as a byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

impl Source {
    pub(super) fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        if value.single().is_some_and(|scalar| scalar.text.contains("://")) {
            // A URL in place of the source usually contains a password.
            value.conceal(diagnostics);
        }
        let map = value.mapping(SOURCES, diagnostics)?;
        let mut read = None;
        // All entries are parsed, so that all mistakes are reported, though only one is allowed.
        for (kind, _) in map.present() {
            let under = map.get(kind)?;
            read = read.or(Some(Self::new(kind, under, folder, diagnostics)));
        }
        let mut present = map.present();
        let first = present.next();
        if let Some((second, span)) = present.next() {
            let message = format!("`{}` names a second source, `{second}`", value.path);
            let note = diagnostics.error(Code::Choice, span, message);
            note.help("an audience has exactly one source: keep one of them");
        } else if first.is_none() && value.entries(SOURCES, diagnostics).is_some_and(<[_]>::is_empty) {
            let note = diagnostics.error(Code::Choice, value.mark(), format!("`{}` names no source", value.path));
            note.help("write `csv: {path: audience.csv, open_id: open_id}`");
        }
        read.flatten()
    }

    fn new(kind: &str, value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        match kind {
            "csv" => Csv::read(value, folder, diagnostics).map(Self::Csv),
            "jsonl" => Jsonl::read(value, folder, diagnostics).map(Self::Jsonl),
            "parquet" => Parquet::read(value, folder, diagnostics).map(Self::Parquet),
            "postgres" => Server::read(value, folder, diagnostics).map(Self::Postgres),
            "mysql" => Server::read(value, folder, diagnostics).map(Self::Mysql),
            "sqlite" => Sqlite::read(value, folder, diagnostics).map(Self::Sqlite),
            _ => Stdin::read(value, diagnostics).map(Self::Stdin),
        }
    }
}

impl Csv {
    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(CSV, diagnostics)?;
        let path = files(&map, folder, "the path of the CSV file", diagnostics);
        let open_id = text(&map, "open_id", "the name of the column with the open_ids", diagnostics);
        let last_active = last_active(&map, diagnostics);
        let encoding = encoding(&map, diagnostics);
        let delimiter = delimiter(&map, diagnostics);
        Some(Self {
            path: path?,
            open_id: open_id?,
            last_active,
            encoding,
            delimiter,
        })
    }
}

impl Jsonl {
    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(JSONL, diagnostics)?;
        let path = files(&map, folder, "the path of the file of JSON lines", diagnostics);
        let open_id = text(
            &map,
            "open_id",
            "the key of the open_ids, such as `user.open_id`",
            diagnostics,
        );
        let last_active = last_active(&map, diagnostics);
        Some(Self {
            path: path?,
            open_id: open_id?,
            last_active,
        })
    }
}

impl Parquet {
    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(PARQUET, diagnostics)?;
        let path = files(&map, folder, "the path of the Parquet file", diagnostics);
        let open_id = text(&map, "open_id", "the name of the column with the open_ids", diagnostics);
        let last_active = last_active(&map, diagnostics);
        Some(Self {
            path: path?,
            open_id: open_id?,
            last_active,
        })
    }
}

impl Server {
    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        if value.single().is_some() {
            // A URL in place of the mapping contains a password.
            value.conceal(diagnostics);
        }
        let map = value.mapping(SERVER, diagnostics)?;
        let url = map.get("url").and_then(|value| reference(value, folder, diagnostics));
        let query = query(&map, diagnostics);
        let open_id = text(
            &map,
            "open_id",
            "the name of the result's column with the open_ids",
            diagnostics,
        );
        let last_active = last_active(&map, diagnostics);
        Some(Self {
            url: url?,
            query: query?,
            open_id,
            last_active,
        })
    }
}

impl Sqlite {
    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(SQLITE, diagnostics)?;
        let path = text(&map, "path", "the path of the database's file", diagnostics);
        let query = query(&map, diagnostics);
        let open_id = text(
            &map,
            "open_id",
            "the name of the result's column with the open_ids",
            diagnostics,
        );
        let last_active = last_active(&map, diagnostics);
        Some(Self {
            path: folder.join(path?),
            query: query?,
            open_id,
            last_active,
        })
    }
}

impl Stdin {
    fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(STDIN, diagnostics)?;
        let format = map
            .get("format")
            .and_then(|value| value.word(&Format::WORDS, diagnostics));
        let open_id = text(
            &map,
            "open_id",
            "the name of the column or key with the open_ids",
            diagnostics,
        );
        let last_active = last_active(&map, diagnostics);
        let encoding = encoding(&map, diagnostics);
        let delimiter = delimiter(&map, diagnostics);
        for name in ["encoding", "delimiter"] {
            if let (Some(Format::Jsonl), Some(value)) = (format, map.get(name)) {
                let message = format!("`{}` means nothing for JSON lines", value.path);
                let note = diagnostics.error(Code::IllegalFact, value.mark(), message);
                note.help("leave it out: JSON is UTF-8 and has no delimiter");
            }
        }
        Some(Self {
            format: format?,
            open_id: open_id?,
            last_active,
            encoding,
            delimiter,
        })
    }
}

fn files(map: &Mapping<'_>, folder: &Path, wanted: &str, diagnostics: &mut Diagnostics) -> Option<Files> {
    let path = text(map, "path", wanted, diagnostics)?;
    let folder = folder.to_owned();
    Some(Files { folder, path })
}

fn text(map: &Mapping<'_>, key: &str, wanted: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    map.get(key).and_then(|value| value.text(wanted, diagnostics))
}

fn last_active(map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    let wanted = "the name of the column that says when a user was last active";
    text(map, "last_active", wanted, diagnostics)
}

fn query(map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    text(
        map,
        "query",
        "a query, such as `select open_id from members`",
        diagnostics,
    )
}

fn encoding(map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<Encoding> {
    map.get("encoding")
        .and_then(|value| value.word(&Encoding::WORDS, diagnostics))
}

fn delimiter(map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<Delimiter> {
    map.get("delimiter")
        .and_then(|value| value.word(&Delimiter::WORDS, diagnostics))
}

fn text_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1})
}
