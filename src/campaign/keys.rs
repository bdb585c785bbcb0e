//! Declares the keys of a mapping. The parser, the schema, the defaults and the check of `docs/campaign-file.md` follow
//! from one declaration.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};

use crate::catalogue::campaign as text;

use super::diagnostics::Diagnostics;
use super::key::{Key, KeyKind, description};
use super::value::{Mapping, Value};

/// How the value of a key is written: parsed, described in words, and described by a JSON Schema.
pub(super) trait KeyType<T> {
    /// Parses a value; `None` after reporting any other value.
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T>;

    /// Returns what the value is, in words: "a share from `0%` to `100%`".
    fn describe(&self) -> String {
        text::ValueText.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;

    /// Returns the value as it is written in a file; `None` if it is never a default, or no user needs to see it.
    fn write(&self, _: &T) -> Option<Json> {
        None
    }

    /// Returns the keys of a mapping, or of the mappings of a list.
    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    /// What kind of value it is, for the table of all keys.
    fn kind(&self) -> KeyKind {
        KeyKind::Single
    }
}

/// A mapping with declared keys.
pub(super) trait Keys: Sized {
    const DESCRIPTION: &'static str;

    fn keys() -> Vec<Key>;

    /// Returns the required keys as they are written in a file.
    fn write(&self) -> Json;

    /// Reads the values; `None` after reporting a mistake in a value that is needed.
    fn read_keys(map: &Mapping<'_>, diagnostics: &mut Diagnostics) -> Option<Self>;

    fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(&Self::keys(), diagnostics)?;
        Self::read_keys(&map, diagnostics)
    }

    /// Returns the schema of the mapping.
    fn object(generator: &mut SchemaGenerator) -> Schema {
        let keys = Self::keys();
        let properties = keys
            .iter()
            .map(|key| (key.name.to_owned(), key.property(generator).to_value()));
        let properties: Map<_, _> = properties.collect();
        let mut schema = json_schema!({"type": "object", "properties": properties, "additionalProperties": false});
        let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        if !Self::DESCRIPTION.is_empty() {
            schema.insert("description".into(), description(Self::DESCRIPTION).into());
        }
        schema
    }
}

/// A mapping that is a type of its own in the schema.
pub(super) struct Nested;

impl<T: Keys + JsonSchema> KeyType<T> for Nested {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        T::read(value, diagnostics)
    }

    fn describe(&self) -> String {
        text::ValueKeys.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn write(&self, value: &T) -> Option<Json> {
        // A mapping without required keys has its defaults one by one.
        Some(value.write()).filter(|keys| keys.as_object().is_some_and(|keys| !keys.is_empty()))
    }

    fn keys(&self) -> Vec<Key> {
        T::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::Section
    }
}

/// Declares a struct and the keys that it is read from, one line for each key:
///
/// ```text
/// /// What the key means; it is the description in the schema.
/// field as "key": Type = how_it_is_written, required "an example";
/// ```
///
/// `as "key"` is needed only if the key has another name than the field. `how_it_is_written` is a [`KeyType`]. In place
/// of `required`, there is one of these:
///
/// - `optional`, with an example if messages need one: the field is an `Option`.
/// - `default VALUE`: the field is an `Option`, and a method of the same name returns the value or the default.
/// - `filled VALUE`: the field has this value if the file does not have the key.
/// - `group`: the type's own keys are keys of this mapping.
///
/// A block after `check |map, diagnostics|` compares values with each other. In it, each field is a variable with the
/// value in an `Option`; it is `None` if the key is absent or its value is wrong and reported.
macro_rules! keys {
    (
        $(#[doc = $about:literal])*
        #[derive($($derive:ident),*)]
        $visibility:vis struct $name:ident $(as $title:literal)? {
            $(
                $(#[doc = $doc:literal])*
                $field:ident $(as $key:literal)?: $type:ty = $key_type:expr, $kind:ident $($value:expr)?;
            )*
        }
        $(check |$map:ident, $diagnostics:ident| $check:block)?
    ) => {
        $(#[doc = $about])*
        #[derive($($derive),*)]
        $visibility struct $name {
            $(
                #[doc = concat!($($doc, "\n",)* "\n\nThe key `", keys!(@name $field $($key)?), "`.")]
                pub $field: keys!(@type $kind $type),
            )*
        }

        impl $crate::campaign::keys::Keys for $name {
            const DESCRIPTION: &'static str = concat!($($about, "\n"),*);

            fn keys() -> Vec<$crate::campaign::key::Key> {
                [$(keys!(@key $kind [$($value)?] keys!(@name $field $($key)?), concat!($($doc, "\n"),*), $type, $key_type)),*]
                    .concat()
            }

            fn write(&self) -> serde_json::Value {
                let keys: Vec<Option<(&str, serde_json::Value)>> =
                    vec![$(keys!(@write self, $kind keys!(@name $field $($key)?), $field, $type, $key_type)),*];
                keys.into_iter().flatten().collect()
            }

            fn read_keys(
                map: &$crate::campaign::value::Mapping<'_>,
                diagnostics: &mut $crate::campaign::diagnostics::Diagnostics,
            ) -> Option<Self> {
                $(let $field = keys!(@read map, diagnostics, $kind keys!(@name $field $($key)?), $type, $key_type);)*
                $({
                    let $map = map;
                    let $diagnostics = &mut *diagnostics;
                    $check
                })?
                Some(Self { $($field: keys!(@build $field, $kind [$($value)?]),)* })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                keys!(@name $name $($title)?).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <Self as $crate::campaign::keys::Keys>::object(generator)
            }
        }

        impl $name {
            $(keys! { @method $kind [$($value)?] $field, $type })*
        }
    };

    (@name $name:ident) => { stringify!($name) };
    (@name $name:ident $other:literal) => { $other };

    (@type optional $type:ty) => { Option<$type> };
    (@type default $type:ty) => { Option<$type> };
    (@type $kind:ident $type:ty) => { $type };

    (@key group [] $name:expr, $doc:expr, $type:ty, $key_type:expr) => {
        <$type as $crate::campaign::keys::Keys>::keys()
    };
    (@key $kind:ident [$($value:expr)?] $name:expr, $doc:expr, $type:ty, $key_type:expr) => {
        vec![$crate::campaign::key::Key {
            name: $name,
            description: $doc,
            required: matches!(stringify!($kind), "required"),
            example: keys!(@example $kind $($value)?),
            default: || keys!(@default $kind [$($value)?] $type, $key_type),
            schema: |generator| $crate::campaign::keys::KeyType::<$type>::schema(&$key_type, generator),
            describe: || $crate::campaign::keys::KeyType::<$type>::describe(&$key_type),
            keys: || $crate::campaign::keys::KeyType::<$type>::keys(&$key_type),
            kind: || $crate::campaign::keys::KeyType::<$type>::kind(&$key_type),
        }]
    };

    (@example required $example:expr) => { Some($example) };
    (@example optional $example:expr) => { Some($example) };
    (@example $kind:ident $($value:expr)?) => { None };

    (@default required [$($value:expr)?] $type:ty, $key_type:expr) => { None };
    (@default optional [$($value:expr)?] $type:ty, $key_type:expr) => { None };
    (@default $kind:ident [$value:expr] $type:ty, $key_type:expr) => {
        $crate::campaign::keys::KeyType::<$type>::write(&$key_type, &$value)
    };

    (@read $map:ident, $diagnostics:ident, group $name:expr, $type:ty, $key_type:expr) => {
        <$type as $crate::campaign::keys::Keys>::read_keys($map, $diagnostics)
    };
    (@read $map:ident, $diagnostics:ident, $kind:ident $name:expr, $type:ty, $key_type:expr) => {
        $map.get($name).and_then(|value| {
            $crate::campaign::keys::KeyType::<$type>::read(&$key_type, value, $diagnostics)
        })
    };

    (@write $self:ident, required $name:expr, $field:ident, $type:ty, $key_type:expr) => {
        $crate::campaign::keys::KeyType::<$type>::write(&$key_type, &$self.$field).map(|value| ($name, value))
    };
    (@write $self:ident, $kind:ident $name:expr, $field:ident, $type:ty, $key_type:expr) => { None };

    (@build $field:ident, required [$($value:expr)?]) => { $field? };
    (@build $field:ident, group []) => { $field? };
    (@build $field:ident, filled [$value:expr]) => { $field.unwrap_or_else(|| $value) };
    (@build $field:ident, $kind:ident [$($value:expr)?]) => { $field };

    (@method default [$value:expr] $field:ident, $type:ty) => {
        #[doc = concat!("Returns [`Self::", stringify!($field), "`], or its default if the file does not have the key.")]
        #[must_use]
        pub fn $field(&self) -> $type {
            self.$field.clone().unwrap_or_else(|| $value)
        }
    };
    (@method $kind:ident [$($value:expr)?] $field:ident, $type:ty) => {};
}

pub(super) use keys;
