//! The ledger of a campaign: a log of facts, and the state that they add up to.
//!
//! Nothing else decides what is owed. A batch of facts is durable before anything that depends on it happens, and only a
//! durable intent yields a [`Permit`]. The exception is a ledger without a store ([`Ledger::without_store`]), from which nothing
//! is sent.
//!
//! - `campaign_ledger` is a ledger that is open for writing. `replay` reads a log, and `snapshot` spares most of that.
//! - `fact` has the facts, `codec` their bytes, `log` the batches in the hash chain. `fact_rules` has the
//!   versions of the rules for applying facts; each run names its own.
//! - `state` applies facts, and can roll back those of a batch that did not become durable. `recipients` has the open_ids.
//! - `store` has the contract of a store and the stores; only `store/sled` knows sled.
//! - `ledger_dir` finds and creates the files of a ledger. `state_directory` keeps other users out of them. `known_files` notices
//!   when they are replaced, and `witness` when they are older than they were.
//! - `lock` is the lock of a campaign, and `app_id_lock` that of an app id.
//! - `erasure` removes the open_ids of a ledger that has ended; `erased_recipients` has what is left of them.
//! - `verify` proves a ledger, and `repeated_ids` finds ids that several deliveries have.

pub mod app_id_lock;
mod attempted_action;
mod campaign_ledger;
mod citations;
mod codec;
mod comparison_summary;
mod erased_batches;
mod erased_recipients;
pub mod erasure;
mod error;
mod fact;
mod fact_rules;
mod framing;
mod kept_out_sample;
pub mod known_files;
pub mod ledger_dir;
pub mod lock;
mod log;
mod platform_record;
mod recipients;
pub mod repeated_ids;
mod replay;
pub mod service_log;
mod snapshot;
mod state;
pub mod state_directory;
pub mod store;
pub mod verify;
pub mod witness;

pub use attempted_action::Action;
pub use campaign_ledger::{Ledger, Permit};
pub use citations::{Citation, Citations};
pub use comparison_summary::ComparisonSummary;
pub use erased_recipients::ErasedRecipients;
pub use error::{LastGood, LedgerError};
pub use fact::{
    Answered, AudienceOrigin, Erasure, Excluded, Fact, FactView, Generation, ManualDecision, RecordedErasure, TermOwner,
};
pub use fact_rules::Rules;
pub use kept_out_sample::{KeptOut, Sample, Sampler};
pub use log::head::{Head, Older};
pub use log::page::Page;
pub use log::record;
pub use log::record::RecordError;
pub use platform_record::{
    BillContent, BillRecord, CountRecord, CouponsRecord, Evidence, Found, PlatformRecord, SpotRecord,
};
pub use recipients::spill::{Spill, temporary_directories};
pub(crate) use recipients::{open_id_arena, open_id_index, partitioned_ids};
pub use state::illegal_fact::IllegalFact;
pub use state::ledger_state::LedgerState;
pub use state::present_time::Present;
pub use state::run_approvals::{ApprovedAttempts, OutsideAttempt};
pub use state::waves::{Approval, Wave};
pub use store::memory;
pub use store::{AppendError, NullStore, ReadPage, Reader, SledStore, Store, StoreError, WriteSnapshot};

#[cfg(test)]
mod texts;
