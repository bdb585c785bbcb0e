//! The exclude lists: users who must not receive a coupon.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::audience_source::{Source, Written};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::Key;
use super::tree::Kind;
use super::value::Value;

/// The keys of an entry that names another campaign.
pub(super) const OTHER: &[Key] = &[Key::required("campaign", "spring-2026.yaml")];

/// One exclude list.
#[derive(Clone, Debug, PartialEq)]
pub enum Exclude {
    /// All users of a source.
    Source(Source),
    /// All users who have, or may have, a coupon of the campaign in this file.
    Campaign(PathBuf),
}

impl Exclude {
    /// Reads all exclude lists; `None` after reporting a mistake.
    pub(super) fn read_all(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Vec<Self>> {
        let wanted = "write each list on a line of its own, such as `- csv: {path: opted-out.csv, open_id: open_id}`";
        let entries = value.list(wanted, diagnostics)?;
        // Every entry is parsed, so that all mistakes are reported at once.
        let read: Vec<_> = entries
            .iter()
            .map(|entry| Self::read(entry, folder, diagnostics))
            .collect();
        read.into_iter().collect()
    }

    fn read(value: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Self> {
        if !names_campaign(value, diagnostics) {
            return Source::read(value, folder, diagnostics).map(Self::Source);
        }
        let map = value.mapping(OTHER, diagnostics)?;
        let path = map.get("campaign")?.text("the other campaign's file", diagnostics)?;
        Some(Self::Campaign(folder.join(path)))
    }
}

fn names_campaign(value: &Value<'_>, diagnostics: &mut Diagnostics) -> bool {
    let Kind::Map(entries) = value.kind() else { return false };
    let mut keys = entries.iter().filter_map(|(key, _)| value.key(*key, diagnostics));
    keys.any(|key| key == "campaign")
}

impl Source {
    /// Returns a label that distinguishes this source from the other lists of a file, independent of folders: its kind
    /// and its file name.
    #[must_use]
    pub fn label(&self) -> String {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        match self {
            Self::Csv(csv) => format!("csv {}", last(&csv.path.path)),
            Self::Jsonl(jsonl) => format!("jsonl {}", last(&jsonl.path.path)),
            Self::Parquet(parquet) => format!("parquet {}", last(&parquet.path.path)),
            Self::Postgres(_) => "postgres query".to_owned(),
            Self::Mysql(_) => "mysql query".to_owned(),
            Self::Sqlite(sqlite) => format!("sqlite {}", last(&sqlite.path.to_string_lossy())),
            Self::Stdin(_) => "stdin".to_owned(),
        }
    }

    /// Returns the column of the last activity; `None` if the source does not name one.
    #[must_use]
    pub fn last_active(&self) -> Option<&str> {
        let named = match self {
            Self::Csv(csv) => &csv.last_active,
            Self::Jsonl(jsonl) => &jsonl.last_active,
            Self::Parquet(parquet) => &parquet.last_active,
            Self::Postgres(server) | Self::Mysql(server) => &server.last_active,
            Self::Sqlite(sqlite) => &sqlite.last_active,
            Self::Stdin(stdin) => &stdin.last_active,
        };
        named.as_deref()
    }
}

/// Reports a second list from stdin, the audience included: piped data can be read only once.
pub(super) fn one_stdin(source: Option<&Source>, lists: &Value<'_>, read: &[Exclude], diagnostics: &mut Diagnostics) {
    let is_stdin = |source: &Source| matches!(source, Source::Stdin(_));
    let lists_of_stdin = read
        .iter()
        .filter(|list| matches!(list, Exclude::Source(source) if is_stdin(source)));
    if lists_of_stdin.count() + usize::from(source.is_some_and(is_stdin)) > 1 {
        let message = format!("`{}` reads what is piped in a second time", lists.path);
        let note = diagnostics.error(Code::IllegalFact, lists.mark(), message);
        note.help("put all lists but one into files");
    }
}

/// The schema of one list: a source or another campaign.
impl JsonSchema for Exclude {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exclude".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let source = generator.subschema_for::<Written>();
        json_schema!({
            "description": "One list of people who are not to be sent to: a source, or another campaign.",
            "oneOf": [
                source,
                {
                    "description": "Everybody who has, or may have, a coupon of the campaign of this file.",
                    "type": "object",
                    "properties": {"campaign": {"type": "string", "minLength": 1}},
                    "required": ["campaign"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
