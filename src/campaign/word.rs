//! Values that are one of a few words.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::catalogue::campaign as text;
use crate::model::outcome::Class;
use crate::model::user::Role;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::description;
use super::keys::KeyType;
use super::value::{Value, as_written, nearest, quoted};

/// A type whose values are words in the file. [`words`] declares one.
pub(super) trait Words: Copy + PartialEq + 'static {
    fn words() -> Vec<(&'static str, Self)>;

    /// Returns other words that mean the same, which messages do not propose.
    fn aliases() -> Vec<(&'static str, Self)> {
        Vec::new()
    }
}

impl Words for Class {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|class| (class.word(), class)).to_vec()
    }
}

impl Words for Role {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|role| (role.word(), role)).to_vec()
    }
}

/// One of the words of a type.
pub(super) struct Word;

impl<T: Words + JsonSchema> KeyType<T> for Word {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        let known: Vec<_> = T::words().into_iter().chain(T::aliases()).collect();
        let words = &list::<T>();
        let wanted = text::OneOf { words };
        let scalar = value.scalar(&wanted, diagnostics)?;
        if let Some((_, meaning)) = known.iter().find(|(word, _)| *word == scalar.text) {
            return Some(*meaning);
        }
        let help = match nearest(&scalar.text, known.iter().map(|(word, _)| *word)) {
            Some(near) if T::aliases().iter().any(|(alias, _)| *alias == near) => {
                text::DidYouMean { value: &near }.to_string()
            }
            Some(near) => text::DidYouMeanOneOf { value: &near, words }.to_string(),
            None => text::Write { wanted: &wanted }.to_string(),
        };
        let message = text::CannotBe {
            path: &value.path,
            value: &quoted(&scalar.text),
        };
        value.refuse(Code::Word, message, help, diagnostics)
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
    words.join(&text::Separator.to_string())
}

/// A word in the schema: its description, the word, and other words that mean the same.
pub(super) type WordText = (&'static str, &'static str, &'static [&'static str]);

/// Returns the schema of a value that is one of a few words.
pub(super) fn words_schema(about: &str, words: &[WordText]) -> Schema {
    let words = words.iter().map(|(doc, word, aliases)| {
        if aliases.is_empty() {
            return json!({"description": description(doc), "type": "string", "const": word});
        }
        let all: Vec<_> = std::iter::once(word).chain(*aliases).collect();
        json!({"description": description(doc), "type": "string", "enum": all})
    });
    let words: Vec<_> = words.collect();
    json_schema!({"description": description(about), "oneOf": words})
}

/// Declares an enum with the word for each of its values, and after `|` other words that mean the same.
macro_rules! words {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $word:literal $(| $alias:literal)*,)* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $crate::campaign::word::Words for $name {
            fn words() -> Vec<(&'static str, Self)> {
                vec![$(($word, Self::$variant),)*]
            }

            fn aliases() -> Vec<(&'static str, Self)> {
                vec![$($(($alias, Self::$variant),)*)*]
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::campaign::word::words_schema(
                    concat!($($about, "\n"),*),
                    &[$((concat!($($doc, "\n"),*), $word, &[$($alias),*])),*],
                )
            }
        }
    };
}

pub(super) use words;

/// `true` or `false`.
pub(super) struct Boolean;

impl KeyType<bool> for Boolean {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<bool> {
        let scalar = value.scalar(&text::Boolean, diagnostics)?;
        match (scalar.plain, &*scalar.text) {
            (true, "true") => return Some(true),
            (true, "false") => return Some(false),
            _ => {}
        }
        let help = match &*scalar.text.to_ascii_lowercase() {
            "true" | "yes" | "on" | "y" | "1" => text::WriteValue { value: &true }.to_string(),
            "false" | "no" | "off" | "n" | "0" => text::WriteValue { value: &false }.to_string(),
            _ => text::Write { wanted: &text::Boolean }.to_string(),
        };
        let message = text::NotBoolean {
            path: &value.path,
            value: &as_written(scalar),
        };
        value.refuse(Code::WrongType, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Boolean.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }

    fn write(&self, value: &bool) -> Option<Json> {
        Some((*value).into())
    }
}
