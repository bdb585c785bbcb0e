//! The database of a fleet on PostgreSQL: its tables, the connection, and each statement as one round trip. Nothing here decides.

mod channel;
mod connection;
mod ledgers;
mod schema;
mod statements;

pub use channel::{Acquired, Channel};
pub use connection::{ConnectError, Connection, DatabaseUrl, Rows, StatementError};
pub use ledgers::{
    LedgerRow, Owner, SnapshotRow, Worker, create_ledger, find_ledger, keep_snapshot, ledgers, owners, read_page,
    read_snapshot, read_snapshot_part, workers, write_snapshot_part,
};
pub use schema::{SchemaError, Server, check, init};
pub use statements::{Me, append, execute, read_log};
