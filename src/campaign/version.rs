//! The version of the file's format.

use schemars::{Schema, SchemaGenerator};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::number::IntegerRange;
use super::value::{Value, as_written};

/// The version that this program reads.
pub(super) struct Version;

impl KeyType<u8> for Version {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<u8> {
        let scalar = value.scalar("`1`", diagnostics)?;
        if scalar.plain && scalar.text == "1" {
            return Some(1);
        }
        let message = format!("`version` is {}; this runner reads version 1", as_written(scalar));
        diagnostics.error(Code::Number, value.span(), message).help("write `1`");
        None
    }

    fn describe(&self) -> String {
        "`1`".into()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        KeyType::<u8>::schema(&IntegerRange(1..=1), generator)
    }
}
