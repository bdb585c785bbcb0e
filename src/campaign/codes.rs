//! The classes of platform codes that override the built-in table.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::outcome::Class;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::line_index::Span;
use super::number::is_plain;
use super::value::{Value, quoted};
use super::word::Word;

/// A mapping of the platform's codes to their classes.
pub(super) struct Codes;

impl KeyType<BTreeMap<i64, Class>> for Codes {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<BTreeMap<i64, Class>> {
        let mut codes: BTreeMap<i64, (Class, Span)> = BTreeMap::new();
        for (key, under) in value.entries(&[], diagnostics)? {
            let Some(name) = value.key(*key, diagnostics) else {
                continue;
            };
            let Some(code) = code(name) else {
                let message = text::NotACode { value: &quoted(name) };
                let note = diagnostics.error(Code::Number, key.span, message);
                note.help(text::NotACodeHelp);
                continue;
            };
            if code == 0 {
                let note = diagnostics.error(Code::Number, key.span, text::SuccessCode);
                note.help(text::SuccessCodeHelp);
                continue;
            }
            let Some(class) = Word.read(&value.under(name, *under), diagnostics) else {
                continue;
            };
            if let Some((_, first)) = codes.get(&code) {
                value.repeated(key.span, name, *first, diagnostics);
                continue;
            }
            codes.insert(code, (class, key.span));
        }
        Some(codes.into_iter().map(|(code, (class, _))| (code, class)).collect())
    }

    fn describe(&self) -> String {
        text::Codes.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let class = generator.subschema_for::<Class>();
        json_schema!({"type": "object", "patternProperties": {"^-?[1-9][0-9]*$": class}, "additionalProperties": false})
    }
}

/// Parses a code as the platform writes it: an integer in its shortest form.
fn code(text: &str) -> Option<i64> {
    is_plain(text.strip_prefix('-').unwrap_or(text)).then(|| text.parse().ok())?
}
