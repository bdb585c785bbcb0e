//! The database of a fleet on PostgreSQL: its tables, the connection, and each statement as one round trip. Nothing here decides.

mod channel;
pub mod commands;
mod connection;
mod erasure;
mod examination;
pub mod files;
mod identity;
mod ledgers;
mod notices;
mod schema;
mod statements;
pub mod statuses;

pub use channel::{Acquired, Channel};
pub use connection::{ConnectError, Connection, DatabaseUrl, Rows, StatementError};
pub use erasure::{Replacement, has_leftovers, remove_leftovers, replace_log};
pub use examination::{Findings, StandbyState, clock, examine};
pub use identity::{Recording, ServerIdentity, doubt, identity, record_identity};
pub use ledgers::{
    LedgerRow, Owner, SnapshotRow, Worker, create_ledger, find_ledger, keep_snapshot, ledgers, owners, read_page,
    read_snapshot, read_snapshot_part, rename_ledger, workers, write_snapshot_part,
};
pub use notices::{NoticeLines, NoticePart, add_notice_line, left_notice_lines, remove_notice_lines};
pub use schema::{SchemaError, Server, accept_single_copy, check, init};
pub use statements::{Me, append, execute, read_log};
