//! Stores of batches. A store knows bytes, positions and flushes, and nothing of coupons.
//!
//! The files of the store on sled:
//!
//! ```text
//! head       the last durable batch
//! store/     sled's files
//! seal       the lengths and checksums of sled's files; missing while the store is open
//! aside/     a copy of sled's files, while they are checked
//! damaged/   sled's files as they were before a copy replaced them
//! shortcut   the snapshot
//! ```

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
