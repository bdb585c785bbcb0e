//! Values that are one of a few words.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::model::outcome::Class;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::value::{Value, as_written, nearest, quoted};

/// A type whose values are words in the file. [`words`] declares one.
pub(super) trait Words: Copy + PartialEq + 'static {
    fn words() -> Vec<(&'static str, Self)>;
}

impl Words for Class {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|class| (class.word(), class)).to_vec()
    }
}

/// One of the words of a type.
pub(super) struct Word;

impl<T: Words + JsonSchema> KeyType<T> for Word {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        let words = T::words();
        let list = list::<T>();
        let scalar = value.scalar(&format!("one of {list}"), diagnostics)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == scalar.text) {
            return Some(*meaning);
        }
        let near = nearest(&scalar.text, words.iter().map(|(word, _)| *word));
        let help = near.map_or_else(
            || format!("write one of {list}"),
            |near| format!("did you mean `{near}`? It is one of {list}"),
        );
        let what = format!("cannot be {}", quoted(&scalar.text));
        value.refuse(Code::Word, what, help, diagnostics)
    }

    fn describe(&self) -> String {
        list::<T>()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn write(&self, value: &T) -> Option<Json> {
        let word = T::words().into_iter().find(|(_, meaning)| meaning == value)?.0;
        Some(word.into())
    }
}

fn list<T: Words>() -> String {
    let words: Vec<_> = T::words().iter().map(|(word, _)| format!("`{word}`")).collect();
    words.join(", ")
}

/// Declares an enum with the word for each of its values.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
        pub enum $name { $($(#[$doc])* #[schemars(rename = $word)] $variant,)* }

        impl $crate::campaign::word::Words for $name {
            fn words() -> Vec<(&'static str, Self)> {
                vec![$(($word, Self::$variant),)*]
            }
        }
    };
}

pub(super) use words;

/// `true` or `false`.
pub(super) struct Boolean;

impl KeyType<bool> for Boolean {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<bool> {
        let scalar = value.scalar(&self.describe(), diagnostics)?;
        match (scalar.plain, &*scalar.text) {
            (true, "true") => return Some(true),
            (true, "false") => return Some(false),
            _ => {}
        }
        let help = match &*scalar.text.to_ascii_lowercase() {
            "true" | "yes" | "on" | "y" | "1" => "write `true`",
            "false" | "no" | "off" | "n" | "0" => "write `false`",
            _ => "write `true` or `false`",
        };
        let what = format!("is true or false, not {}", as_written(scalar));
        value.refuse(Code::WrongType, what, help, diagnostics)
    }

    fn describe(&self) -> String {
        "`true` or `false`".into()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }

    fn write(&self, value: &bool) -> Option<Json> {
        Some((*value).into())
    }
}
