//! The groups of users, and the names of users, groups and tokens.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::keys::KeyType;
use crate::campaign::line_index::Span;
use crate::campaign::look_alike;
use crate::campaign::tree::Kind;
use crate::campaign::value::{Value, nearest, quoted};
use crate::catalogue::{campaign as shared, server_file as text};
use crate::model::user::UserName;

/// The name of a user, a group or a token.
pub(super) struct Name;

impl KeyType<UserName> for Name {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<UserName> {
        let wanted = &text::WantName;
        let written = &*value.scalar(wanted, diagnostics)?.text;
        match UserName::parse(written) {
            Ok(name) => {
                look_alike::warn(value, written, diagnostics);
                Some(name)
            }
            Err(why) => {
                let message = shared::CannotBeBecause {
                    path: &value.path,
                    value: &quoted(written),
                    why: &why,
                };
                value.refuse(Code::Name, message, shared::Write { wanted }, diagnostics)
            }
        }
    }

    fn describe(&self) -> String {
        text::Name.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "minLength": 1, "maxLength": 64})
    }
}

/// A mapping of the names of groups to lists of users.
pub(super) struct Groups;

impl KeyType<BTreeMap<UserName, Vec<UserName>>> for Groups {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<BTreeMap<UserName, Vec<UserName>>> {
        let Kind::Map(entries) = value.kind() else {
            let message = shared::NotAMapping {
                path: &value.path,
                kind: &if value.as_scalar().is_some() { "value" } else { "list" },
            };
            return value.refuse(Code::WrongType, message, text::GroupsHelp, diagnostics);
        };
        let mut groups: BTreeMap<UserName, (Vec<UserName>, Span)> = BTreeMap::new();
        let mut is_good = true;
        for (key, under) in entries {
            let Some(written) = value.key(*key, diagnostics) else {
                is_good = false;
                continue;
            };
            let name = Name.read(&value.under(written, *key), diagnostics);
            let list = value.under(written, *under);
            let members = list.list(text::GroupsHelp, diagnostics, |entry, diagnostics| {
                Name.read(entry, diagnostics)
            });
            let (Some(name), Some(members)) = (name, members) else {
                is_good = false;
                continue;
            };
            if members.is_empty() {
                let message = text::NoMember { path: &list.path };
                diagnostics
                    .error(Code::NoValue, list.mark(), message)
                    .help(text::GroupsHelp);
            }
            if let Some((_, first)) = groups.get(&name) {
                value.repeated(key.span, written, *first, diagnostics);
                continue;
            }
            groups.insert(name, (members, key.span));
        }
        is_good.then(|| groups.into_iter().map(|(name, (members, _))| (name, members)).collect())
    }

    fn describe(&self) -> String {
        text::Groups.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let member = json_schema!({"type": ["string", "integer"]});
        json_schema!({"type": "object", "additionalProperties": {"type": "array", "items": member, "minItems": 1}})
    }
}

/// Reports the members of groups that are not users.
pub(super) fn check(users: &[&UserName], groups: &Value<'_>, diagnostics: &mut Diagnostics) {
    let Kind::Map(entries) = groups.kind() else { return };
    for (key, under) in entries {
        let Kind::Scalar(name) = groups.under("", *key).kind() else {
            continue;
        };
        let list = groups.under(&name.text, *under);
        let Kind::List(members) = list.kind() else { continue };
        for (at, member) in members.iter().enumerate() {
            let member = list.under(&at.to_string(), *member);
            let Some(scalar) = member.as_scalar() else { continue };
            let is_user = users.iter().any(|user| user.as_str() == scalar.text);
            if !is_user && UserName::parse(&scalar.text).is_ok() {
                let message = text::UnknownMember {
                    path: &list.path,
                    name: &quoted(&scalar.text),
                };
                let names = users.iter().map(|user| user.as_str());
                let help = match nearest(&scalar.text, names) {
                    Some(near) => shared::DidYouMean { value: &near }.to_string(),
                    None => text::UnknownMemberHelp.to_string(),
                };
                diagnostics
                    .error(Code::Contradiction, member.mark(), message)
                    .help(help);
            }
        }
    }
}
