//! The ledger of a campaign: a log of facts, and the one fold that turns them into state.
//!
//! Nothing else decides what is owed. A batch of facts is durable before anything that depends on it happens, and only a
//! durable intent yields a [`Permit`]. The exception is a ledger without a store ([`Ledger::without_store`]), from which nothing
//! is sent.
//!
//! - The log: the `codec` encodes each `fact`, a `record` holds a batch in the hash chain, and a `group` holds many small
//!   records.
//! - The ledger state: the `ledger_state` has the recipients (`people` and their `names`) and their `deliveries`. A generation that is
//!   not closed yet is a `draft`, with the users that exclude lists have `kept_out`. An append that fails can `undo` what it
//!   folded. The `snapshot` is a snapshot. Each run states the `rules` of the fold. `present` is the ledger's current time.
//! - The files: the `place`, its `lock`, the `store` and its `head`. `files` opens them and notices when they are replaced.
//!   `memory` is a store without a disk.
//! - Readers: `reader`, `passing`, `repeats`, `verify`, `worth`.

mod campaign_ledger;
mod codec;
mod error;
mod fact;
pub mod files;
mod framing;
mod kept_out;
pub mod ledger_dir;
pub mod lock;
mod log;
mod recipients;
pub mod repeats;
mod replay;
mod rules;
mod snapshot;
mod state;
pub mod store;
pub mod verify;
pub mod witness;

pub use campaign_ledger::{Ledger, Permit};
pub use error::{LastGood, LedgerError};
pub use fact::{Answered, Excluded, Fact, FactView, Generation, ManualDecision};
pub use kept_out::{KeptOut, Sample, Sampler};
pub use log::head::{Head, Older};
pub use log::page::Page;
pub use log::record;
pub use log::record::RecordError;
pub use recipients::spill::Spill;
pub(crate) use recipients::{index, open_id_arena};
pub use rules::Rules;
pub use state::coupon_value;
pub use state::illegal_fact::IllegalFact;
pub use state::ledger_state::LedgerState;
pub use state::present::Present;
pub use state::waves::Wave;
pub use store::memory;
pub use store::{AppendError, NullStore, ReadPage, Reader, SledStore, Store, StoreError, WriteSnapshot};
