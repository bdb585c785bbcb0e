//! The version of the file's format.

use schemars::{Schema, SchemaGenerator};

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::number::IntegerRange;
use super::value::{Value, as_written};

/// The version that this program reads.
pub(super) struct Version;

impl KeyType<u8> for Version {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<u8> {
        let scalar = value.scalar(&"`1`", diagnostics)?;
        if scalar.plain && scalar.text == "1" {
            return Some(1);
        }
        let message = text::Version {
            value: &as_written(scalar),
        };
        value.refuse(Code::Number, message, text::WriteValue { value: &1 }, diagnostics)
    }

    fn describe(&self) -> String {
        "`1`".into()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        KeyType::<u8>::schema(&IntegerRange(1..=1), generator)
    }
}
