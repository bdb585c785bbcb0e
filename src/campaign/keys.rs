//! The keys of each mapping: one table for the parser and the schema, so that they cannot differ.

use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value as Json, json};

#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) need: Need,
}

/// Whether a key is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Required, with an example value for the message when it is missing.
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

/// Adds the required keys to a schema that is derived from a type.
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

/// Removes the null that an `Option` brings: a key may be left out, but a written key needs a value.
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
