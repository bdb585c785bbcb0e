//! Several machines on one database: which worker may send for which app id.
//!
//! A worker is one process. It renews its lease on the whole of its work every few seconds, and claims its share of the app ids.
//! Workers that are silent are fenced by others: from then on the database takes nothing more from them, in no ledger. A new owner
//! waits until no request of the previous one can be on its way.
//!
//! A worker renews and reads in one statement. Its write is on the standby only once everything is that it read, so a worker never
//! acts on what a fail-over can take back.
//!
//! All of that is decided without I/O: [`Worker`] and [`Appender`] take inputs and a time, and return statements for the
//! database. Time is that of one machine since it was started, suspended time included, so it is compared only with itself.
//!
//! A restored backup or a fail-over is another identity of the server. Running workers prove that nothing is missing; without one, a
//! person decides before a worker starts.
//!
//! [`Database`] is what every command reads. [`Member`] is this process as a worker: its tasks run the two state machines over
//! connections of their own, an [`Ownership`] is an app id that it owns, and a [`DatabaseStore`] the store of a ledger that it
//! appends to.

mod append_queue;
pub mod appender;
mod boot_clock;
mod continuity;
mod database;
mod database_store;
mod error;
pub mod lease;
mod lease_task;
mod log_reader;
mod member;
mod ownership;
pub mod postgres;
pub mod share;
pub mod silence;
mod snapshot_parts;
pub mod statement;
pub mod worker;

pub use appender::Appender;
pub use boot_clock::boot_now;
pub use database::{Database, Examination, LedgerEntry, SERVICE_LOG};
pub use database_store::DatabaseStore;
pub use error::{DatabaseAction, DatabaseError, Evidence};
pub use log_reader::DatabaseReader;
pub use member::{Member, NoticeRows};
pub use ownership::Ownership;
pub use postgres::files::{FileChange, FileRow};
pub use postgres::{DatabaseUrl, Replacement, SchemaError, Server, ServerIdentity};
pub use statement::{AppKey, LedgerNo, WorkerId};
pub use worker::Worker;

use std::time::Duration;

/// The times of a fleet. They are the same for all workers of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a worker renews its lease and reads who else works.
    pub renew: Duration,
    /// How long a renewal lasts.
    pub lease: Duration,
    /// How many parts in a thousand two clocks may differ in their speed.
    pub drift: u32,
    /// The longest time between the last check of an attempt and its arrival at the platform.
    pub delay: Duration,
    /// The time over which the platform counts requests.
    pub window: Duration,
    /// The longest time that a statement may take.
    pub statement: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            renew: Duration::from_secs(1),
            lease: Duration::from_secs(6),
            drift: 10,
            delay: Duration::from_secs(2),
            window: Duration::from_secs(1),
            statement: Duration::from_secs(2),
        }
    }
}

impl Timing {
    /// How long a worker trusts a renewal, on a clock that may be slow.
    #[must_use]
    pub fn trust(&self) -> Duration {
        self.lease * (1_000 - self.drift) / 1_000
    }

    /// How long a worker has to be silent before another one fences it, on a clock that may be fast.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.lease * (1_000 + self.drift) / 1_000
    }
}
