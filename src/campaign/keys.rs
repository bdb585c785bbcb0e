//! The keys that a mapping of the file may have: one table for the reader and the schema, so that they cannot drift.

use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value as Json, json};

/// One key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) need: Need,
}

/// Whether a key has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It must; with what to write when it is not.
    Required(&'static str),
    Optional,
}

impl Key {
    pub(super) const fn required(name: &'static str, example: &'static str) -> Self {
        let need = Need::Required(example);
        Self { name, need }
    }

    pub(super) const fn optional(name: &'static str) -> Self {
        let need = Need::Optional;
        Self { name, need }
    }
}

/// Completes the schema that is derived from a type with what the table of its keys knows: which are required.
#[derive(Clone, Copy)]
pub(super) struct Complete(pub(super) &'static [Key]);

impl Transform for Complete {
    fn transform(&mut self, schema: &mut Schema) {
        let object = schema.ensure_object();
        let required: Vec<&str> = self.names(|need| matches!(need, Need::Required(_)));
        if required.is_empty() {
            object.remove("required");
        } else {
            object.insert("required".into(), json!(required));
        }
        let properties = object.entry("properties").or_insert_with(|| Json::Object(Map::new()));
        let Json::Object(properties) = properties else { return };
        for property in properties.values_mut() {
            never_null(property);
        }
    }
}

impl Complete {
    fn names(self, wanted: impl Fn(Need) -> bool) -> Vec<&'static str> {
        let keys = self.0.iter().filter(|key| wanted(key.need));
        keys.map(|key| key.name).collect()
    }
}

/// A key may be left out, but what is written must have a value: the null that an `Option` brings is taken away.
fn never_null(schema: &mut Json) {
    let Json::Object(object) = schema else { return };
    if let Some(Json::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Json::Array(mut forms)) = object.remove("anyOf") {
        forms.retain(|form| form.get("type").is_none_or(|one| one != "null"));
        match (forms.pop(), forms.is_empty()) {
            (Some(Json::Object(only)), true) => object.extend(only),
            (Some(last), _) => {
                forms.push(last);
                object.insert("anyOf".into(), Json::Array(forms));
            }
            (None, _) => {}
        }
    }
}
