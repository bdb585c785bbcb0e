//! The exclude lists: users who must not receive a coupon.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;

use super::audience_source::{OneSource, Source};
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{KeyType, Keys, keys};
use super::text::FilePath;
use super::value::Value;

/// One exclude list.
#[derive(Clone, Debug, PartialEq)]
pub enum Exclude {
    /// All users of a source.
    Source(Source),
    /// All users who have, or may have, a coupon of the campaign in this file.
    Campaign(PathBuf),
}

keys! {
    /// All users who have, or may have, a coupon of the campaign of this file.
    #[derive(Debug)]
    struct OtherCampaign {
        campaign: PathBuf = FilePath(&text::WantCampaignPath), required "spring-2026.yaml";
    }
}

/// A list of exclude lists.
pub(super) struct ExcludeLists;

impl KeyType<Vec<Exclude>> for ExcludeLists {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Exclude>> {
        value.list(text::ExcludeHelp, diagnostics, |entry, diagnostics| {
            if entry.find("campaign").is_none() {
                return OneSource.read(entry, diagnostics).map(Exclude::Source);
            }
            let other = OtherCampaign::read(entry, diagnostics)?;
            Some(Exclude::Campaign(other.campaign))
        })
    }

    fn describe(&self) -> String {
        text::Exclude.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Vec<Exclude>>()
    }
}

/// Reports a second list from stdin, the audience included: piped data can be read only once.
pub(super) fn check_stdin(source: Option<&Source>, lists: &Value<'_>, read: &[Exclude], diagnostics: &mut Diagnostics) {
    let is_stdin = |source: &Source| matches!(source, Source::Stdin(_));
    let lists_of_stdin = read
        .iter()
        .filter(|list| matches!(list, Exclude::Source(source) if is_stdin(source)));
    if lists_of_stdin.count() + usize::from(source.is_some_and(is_stdin)) > 1 {
        let message = text::SecondStdin { path: &lists.path };
        let note = diagnostics.error(Code::Contradiction, lists.mark(), message);
        note.help(text::SecondStdinHelp);
    }
}

/// The schema of one list: a source or another campaign.
impl JsonSchema for Exclude {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exclude".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let source = generator.subschema_for::<Source>();
        json_schema!({
            "description": "A list of users that get no coupon: a source, or another campaign.",
            "oneOf": [source, OtherCampaign::object(generator)]
        })
    }
}
