//! The version of the schema of all JSON output.

use serde::Serialize;

/// The version of the schema of all JSON output. A minor version only adds to it.
pub const SCHEMA: &str = "1.0";

/// An object outside a stream, which therefore carries the version of the schema.
#[derive(Debug, Serialize)]
pub struct Versioned<T> {
    schema: &'static str,
    #[serde(flatten)]
    object: T,
}

impl<T> Versioned<T> {
    /// The object with the version of this program.
    pub const fn new(object: T) -> Self {
        let schema = SCHEMA;
        Self { schema, object }
    }
}
