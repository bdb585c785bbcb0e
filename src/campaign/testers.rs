//! The testers: users who are sent to before everybody else.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::catalogue::approval as text;
use crate::model::identity::OpenId;

use super::audience_source::{OneSource, Source};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::tree::Kind;
use super::value::Value;

/// The most testers of a campaign. More are a mistake, such as the whole audience.
pub const MOST_TESTERS: usize = 1000;

/// The testers of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub enum Testers {
    /// These users.
    OpenIds(Vec<OpenId>),
    /// All users of a source.
    Source(Source),
}

/// A list of open_ids, or a source.
pub(super) struct ListOrSource;

impl KeyType<Testers> for ListOrSource {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Testers> {
        let Kind::List(entries) = value.kind() else {
            return OneSource.read(value, diagnostics).map(Testers::Source);
        };
        if entries.len() > MOST_TESTERS {
            let message = text::TooManyInFile {
                path: &value.path,
                most: MOST_TESTERS as u64,
            };
            return value.refuse(Code::Number, message, text::TooManyInFileHelp, diagnostics);
        }
        let open_ids = value.list(text::TestersHelp, diagnostics, |entry, diagnostics| {
            let scalar = entry.scalar(&text::TesterWanted, diagnostics)?;
            let open_id = OpenId::parse(&scalar.text).ok();
            open_id.or_else(|| {
                let message = text::NoTester { path: &entry.path };
                entry.refuse(Code::Contradiction, message, text::TestersHelp, diagnostics)
            })
        })?;
        Some(Testers::OpenIds(open_ids))
    }

    fn describe(&self) -> String {
        text::TestersDescription {
            most: MOST_TESTERS as u64,
        }
        .to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let source = generator.subschema_for::<Source>();
        let open_id = String::json_schema(generator);
        json_schema!({"anyOf": [{"type": "array", "items": open_id, "minItems": 1, "maxItems": MOST_TESTERS}, source]})
    }
}
