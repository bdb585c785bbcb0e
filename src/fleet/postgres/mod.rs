//! The database of a fleet on PostgreSQL: its tables, the connection, and each statement as one round trip. Nothing here decides.

mod connection;
mod schema;
mod statements;

pub use connection::{ConnectError, Connection, DatabaseUrl, Rows, StatementError};
pub use schema::{SchemaError, Server, check, init};
pub use statements::{Me, append, execute, read_log};
