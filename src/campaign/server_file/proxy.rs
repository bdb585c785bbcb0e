//! A proxy that signs users in before their requests reach the service.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::campaign::credentials::Reference;
use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::keys::{KeyType, keys};
use crate::campaign::value::{Value, quoted};
use crate::catalogue::{campaign as shared, server_file as text};
use crate::model::secret::SecretRef;

keys! {
    /// A proxy that signs users in and names them in a header. It proves itself by a secret in another header, and must remove both
    /// headers from the requests that it receives.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ProxyAuth {
        /// The header with the name of the user.
        header: String = Header, required "X-Auth-User";
        /// A reference to the secret with which the proxy proves itself.
        secret: SecretRef = Reference, required "{env: PROXY_SECRET}";
        /// The header with that secret.
        secret_header: String = Header, default "x-proxy-secret".to_owned();
    }
}

/// Headers that mean something else.
const TAKEN: [&str; 7] = [
    "authorization",
    "cookie",
    "host",
    "origin",
    "content-length",
    "transfer-encoding",
    "x-forwarded-for",
];

/// The name of a header, in lower case.
struct Header;

impl KeyType<String> for Header {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
        let written = value.text(&text::WantHeader, diagnostics)?;
        let name = written.to_ascii_lowercase();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.bytes().all(is_allowed) && !TAKEN.contains(&name.as_str()) {
            return Some(name);
        }
        let message = shared::CannotBe {
            path: &value.path,
            value: &quoted(&written),
        };
        let help = shared::Write {
            wanted: &text::WantHeader,
        };
        value.refuse(Code::Name, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Header.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})
    }

    fn write(&self, name: &String) -> Option<Json> {
        Some(name.as_str().into())
    }
}
