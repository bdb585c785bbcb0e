//! The persons who may use a service.

use std::collections::HashMap;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::campaign::credentials::Reference;
use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::key::{Key, KeyKind};
use crate::campaign::keys::{KeyType, Keys, keys};
use crate::campaign::line_index::Span;
use crate::campaign::notify::conceal_unknown;
use crate::campaign::tree::Kind;
use crate::campaign::value::Value;
use crate::campaign::word::Word;
use crate::catalogue::server_file as text;
use crate::model::secret::SecretRef;
use crate::model::user::{Role, UserName};

use super::members::Name;

keys! {
    /// A person who may use the service.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct User {
        /// The name, with which the person signs in and which the log has.
        name: UserName = Name, required "li";
        /// A reference to the hash of the password. `runner serve --hash-password` makes one.
        password: SecretRef = Reference, optional "{file: secrets/li.hash}";
        /// What the person may do.
        roles: Vec<Role> = Roles, required "[viewer]";
    }
}

/// A list of roles.
pub(super) struct Roles;

impl KeyType<Vec<Role>> for Roles {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Role>> {
        let roles = value.list(text::RolesHelp, diagnostics, |entry, diagnostics| {
            Word.read(entry, diagnostics)
        })?;
        if roles.is_empty() {
            let message = text::NoRole { path: &value.path };
            return value.refuse(Code::NoValue, message, text::RolesHelp, diagnostics);
        }
        Some(roles)
    }

    fn describe(&self) -> String {
        let roles = KeyType::<Role>::describe(&Word);
        text::Roles { roles: &roles }.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Role>(), "minItems": 1})
    }
}

/// A list of users.
pub(super) struct Users;

impl KeyType<Vec<User>> for Users {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<User>> {
        let mut names: HashMap<UserName, Span> = HashMap::new();
        value.list(text::UsersHelp, diagnostics, |entry, diagnostics| {
            // The value of a key that is misspelt may be a password.
            conceal_unknown(entry, &User::keys(), diagnostics);
            let user = User::read(entry, diagnostics)?;
            if let Some(first) = names.get(&user.name) {
                report_repeated(entry, &user.name, *first, diagnostics);
            }
            names.entry(user.name.clone()).or_insert_with(|| entry.mark());
            Some(user)
        })
    }

    fn describe(&self) -> String {
        text::Users.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<User>()})
    }

    fn keys(&self) -> Vec<Key> {
        User::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

/// Reports a name that an entry before has.
pub(super) fn report_repeated(entry: &Value<'_>, name: &UserName, first: Span, diagnostics: &mut Diagnostics) {
    let at = entry.find("name").map_or(entry.mark(), |name| name.mark());
    let line = diagnostics.line(first);
    let message = text::RepeatedName {
        path: &entry.path,
        name,
    };
    diagnostics
        .error(Code::RepeatedKey, at, message)
        .help(text::RepeatedNameHelp { line: &line });
}

/// Reports users who cannot sign in.
pub(super) fn check_passwords(users: &[User], value: &Value<'_>, diagnostics: &mut Diagnostics) {
    let Kind::List(entries) = value.kind() else {
        return;
    };
    for (at, (user, entry)) in users.iter().zip(entries).enumerate() {
        if user.password.is_none() {
            let entry = value.under(&at.to_string(), *entry);
            let at = entry.find("name").map_or(entry.mark(), |name| name.mark());
            let message = text::NoPassword { name: &user.name };
            diagnostics
                .error(Code::MissingKey, at, message)
                .help(text::NoPasswordHelp { name: &user.name });
        }
    }
}
