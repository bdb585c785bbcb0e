//! The descriptions of the JSON Schema, in the language of the moment. Their English is declared with the keys and words.

use serde_json::Value as Json;

use crate::catalogue::schema::Description;

/// Translates the descriptions of the part of a schema that belongs to the type `owner`, and of all types that it defines.
pub(super) fn translate(schema: &mut Json, owner: &str) {
    describe(schema, owner);
    translate_parts(schema, owner);
}

fn translate_parts(schema: &mut Json, owner: &str) {
    let Some(schema) = schema.as_object_mut() else { return };
    for (name, part) in schema
        .get_mut("$defs")
        .and_then(Json::as_object_mut)
        .into_iter()
        .flatten()
    {
        translate(part, name);
    }
    for (key, part) in schema
        .get_mut("properties")
        .and_then(Json::as_object_mut)
        .into_iter()
        .flatten()
    {
        describe(part, &format!("{owner}-{key}"));
        translate_parts(part, owner);
    }
    for part in schema
        .get_mut("oneOf")
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
    {
        let word = word(part).unwrap_or_else(|| "other".to_owned());
        describe(part, &format!("{owner}-{word}"));
        translate_parts(part, owner);
    }
    if let Some(part) = schema.get_mut("items") {
        translate_parts(part, owner);
    }
}

/// Returns the name of the word that a part of a schema allows; `None` for any other part.
fn word(part: &Json) -> Option<String> {
    let word = part.get("const").or_else(|| part.get("enum")?.get(0))?.as_str()?;
    Some(match word {
        "," => "comma".to_owned(),
        ";" => "semicolon".to_owned(),
        word => word.to_owned(),
    })
}

fn describe(part: &mut Json, key: &str) {
    if let Some(Json::String(description)) = part.get_mut("description") {
        *description = Description {
            key: &key,
            english: &*description,
        }
        .to_string();
    }
}
