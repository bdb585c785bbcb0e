//! Stores of batches. A store knows bytes, positions and flushes, and nothing of coupons.
//!
//! The head of `ledger/ledger_dir.rs` lists the files of the store on sled.

pub(super) mod contract;
pub(super) mod error;
pub mod memory;
pub(super) mod null;
mod sled;

pub use self::sled::{Condition, Damage, Reader, SledStore};
pub use contract::{AppendError, ReadPage, Store, WriteSnapshot};
pub use error::StoreError;
pub use null::NullStore;

#[cfg(test)]
use memory::MemoryStore;

#[cfg(test)]
mod tests;
