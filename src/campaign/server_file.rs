//! The file of a service, `server.yaml`: where the service listens, and who may use it. It is parsed and explained like a campaign file,
//! and each key is declared once.

mod listen;
mod members;
mod policy;
mod proxy;
mod retain;
mod store;
mod tls;
mod tokens;
mod users;

pub use listen::{ListenMistake, Origin};
pub use policy::{BaseNeed, Budget, Freeze, Need, Period, Policy, Rule, When};
pub use proxy::ProxyAuth;
pub use store::Store;
pub use tls::Tls;
pub use tokens::{Token, TokenHash};
pub use users::User;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use crate::model::user::UserName;

use self::listen::{ListenAddress, PublicOrigin};
use self::members::Groups;
use self::policy::Approvers;
use self::tokens::Tokens;
use self::users::Users;
use super::diagnostic::Diagnostic;
use super::diagnostics::Diagnostics;
use super::duration::DurationRange;
use super::file_kind::FileKind;
use super::keys::{Keys, Nested, keys};
use super::load::{MOST_BYTES, ParsedFile, parse_file, read_file};
use super::notify::{Channel, Channels};
use super::root::{self, KeyRow, rows};
use super::schema_texts;
use super::tree::{self, Kind};
use super::version::Version;
use super::zone::{self, Zone};

keys! {
    /// A service of the runner: where it listens, and who may use it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ServerFile as "Service" {
        /// The version of this format.
        version: u8 = Version, required "1";
        /// The address that the service listens on. One that other machines reach needs users, and a `url` with https.
        listen: SocketAddr = ListenAddress, default listen::default();
        /// The address under which browsers and programs reach the service, such as that of a proxy before it.
        url: Origin = PublicOrigin, optional "https://coupons.example.com";
        tls: Tls = Nested, optional;
        /// The IANA name of the zone of every day and month in this file.
        timezone: TimeZone = Zone, filled zone::default();
        /// The persons who may use the service. Without any, it has one user: the one whose process it is.
        users: Vec<User> = Users, filled Vec::new();
        /// Groups of users, each with its name and a list of users.
        groups: BTreeMap<UserName, Vec<UserName>> = Groups, filled BTreeMap::new();
        /// The programs that may use the service.
        tokens: Vec<Token> = Tokens, filled Vec::new();
        proxy_auth: ProxyAuth = Nested, optional;
        store: Store = Nested, optional;
        policy: Policy = Nested, optional;
        /// How long a ledger keeps its open_ids after it is complete. Without it, they stay.
        retain: Duration = DurationRange(retain::LEAST..=retain::MOST), optional "400d";
        /// The channels that receive messages about every campaign, and about the service itself.
        notify: Vec<Channel> = Channels, filled Vec::new();
    }
    check |map, diagnostics| {
        if let (Some(users), Some(value), None) = (&users, map.get("users"), map.get("proxy_auth")) {
            users::check_passwords(users, value, diagnostics);
        }
        // Users that cannot be parsed are reported, and may be the members.
        let are_users_known = map.get("users").is_some() == users.is_some();
        if let (true, Some(value)) = (are_users_known, map.get("groups")) {
            let names: Vec<_> = users.iter().flatten().map(|user| &user.name).collect();
            members::check(&names, value, diagnostics);
        }
        let are_groups_known = map.get("groups").is_some() == groups.is_some();
        if let (true, Some(policy), Some(value)) = (are_users_known && are_groups_known, &policy, map.get("policy")) {
            let no_groups = BTreeMap::new();
            let approvers = Approvers {
                users: users.as_deref().unwrap_or_default(),
                groups: groups.as_ref().unwrap_or(&no_groups),
            };
            approvers.check(policy, value, diagnostics);
        }
        if let (Some(tokens), Some(value)) = (&tokens, map.get("tokens")) {
            tokens::check_names(users.as_deref().unwrap_or_default(), tokens, value, diagnostics);
        }
        if let (Some(_), Some(url), Some(value)) = (&tls, &url, map.get("url")) {
            tls::check(url, value, diagnostics);
        }
        let is_readable = are_users_known
            && map.get("url").is_some() == url.is_some();
        if let (true, Some(address), Some(value)) = (is_readable, listen, map.get("listen")) {
            let has_users = users.as_ref().is_some_and(|users| !users.is_empty());
            listen::check(address, url.as_ref(), has_users, value, diagnostics);
        }
    }
}

/// A file that says nothing but its version.
impl Default for ServerFile {
    fn default() -> Self {
        Self {
            version: 1,
            listen: None,
            url: None,
            tls: None,
            timezone: zone::default(),
            users: Vec::new(),
            groups: BTreeMap::new(),
            tokens: Vec::new(),
            proxy_auth: None,
            store: None,
            policy: None,
            retain: None,
            notify: Vec::new(),
        }
    }
}

impl ServerFile {
    /// Checks an address in place of that of the file.
    ///
    /// # Errors
    /// When the service must not listen there.
    pub fn check_listen(&self, address: SocketAddr) -> Result<(), ListenMistake> {
        ListenMistake::find(address, self.url.as_ref(), !self.users.is_empty()).map_or(Ok(()), Err)
    }
}

/// The name of the file's own keys among the descriptions of the schema.
const ROOT: &str = "Service";

/// Reads and parses the file at `path`.
///
/// # Errors
/// Like [`parse`]; also if the file cannot be read.
pub fn load(path: &Path) -> Result<ParsedFile<ServerFile>, Vec<Diagnostic>> {
    parse(path, &read(path)?)
}

/// Parses the bytes of a file. `file` is its name for messages; relative paths in it begin at its folder. Files that it
/// names are not read.
///
/// # Errors
/// All mistakes and warnings, sorted by place.
pub fn parse(file: &Path, bytes: &[u8]) -> Result<ParsedFile<ServerFile>, Vec<Diagnostic>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    parse_file(file, folder, bytes, FileKind::Server, ServerFile::read)
}

/// Reads the bytes of the file at `path`, at most one more than [`super::MOST_BYTES`].
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Vec<Diagnostic>> {
    read_file(path, FileKind::Server)
}

/// Whether the bytes are the file of a service rather than a campaign file: it has a key that only such a file has, or is named
/// `server.yaml`, and no `campaign`. A file that cannot be parsed is one if its name says so.
#[must_use]
pub fn is_server_file(path: &Path, bytes: &[u8]) -> bool {
    let is_named = matches!(
        path.file_name().and_then(|name| name.to_str()),
        Some("server.yaml" | "server.yml")
    );
    let Some(names) = root_keys(bytes) else { return is_named };
    let own = ServerFile::keys();
    let is_own = |name: &String| own.iter().any(|key| key.name == name) && !root::has_key(name);
    !names.iter().any(|name| name == "campaign") && (is_named || names.iter().any(is_own))
}

/// Returns the names at the root of a file. `None` if it is not a mapping.
fn root_keys(bytes: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() as u64 <= MOST_BYTES)?;
    let tree = tree::parse(text, &mut Diagnostics::new(text, FileKind::Server))?;
    let Kind::Map(entries) = tree.kind(tree.root()) else {
        return None;
    };
    let names = entries.iter().filter_map(|(key, _)| match tree.kind(*key) {
        Kind::Scalar(scalar) => Some(scalar.text.to_string()),
        Kind::List(_) | Kind::Map(_) => None,
    });
    Some(names.collect())
}

/// Returns the JSON Schema of the file, with descriptions in the language of the moment.
#[must_use]
pub fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<ServerFile>()
        .to_value();
    schema_texts::translate(&mut schema, ROOT);
    schema
}

/// Returns all keys of the file that have a value of their own. `docs/service.md` is compared with them.
#[must_use]
pub fn key_table() -> Vec<KeyRow> {
    rows(&ServerFile::keys())
}
