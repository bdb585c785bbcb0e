//! Where batches lie. A store knows bytes, sequence numbers and flushes, and nothing of coupons.
//!
//! ```text
//! head       the last durable batch
//! store/     sled's files
//! seal       how they were when the store was closed; none while it is open
//! aside/     a copy of them, while it is found out whether they are whole
//! shortcut   whatever spares its reader the reading of all batches
//! ```

pub(super) mod contract;
pub(super) mod error;
pub mod memory;
pub(super) mod null;
mod sled;

pub use self::sled::{Condition, Damage, Reader, SledStore};
pub use contract::{BatchVisitor, Store, WriteSnapshot};
pub use error::StoreError;
pub use null::NullStore;
