//! The store on sled, and what protects against sled's faults.

mod blocking;
mod catch_panic;
mod presence_watch;
mod reader;
mod scratch_copy;
mod seal;
mod sled_db;
mod sled_store;
mod store_files;
mod wait_limit;
mod wait_unlocked;

pub use reader::Reader;
pub use seal::Damage;
pub use sled_store::SledStore;
pub use store_files::Condition;
