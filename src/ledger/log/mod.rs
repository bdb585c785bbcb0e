//! The log: batches of facts in a hash chain, and the head that names the last durable one.

pub(super) mod block;
pub(super) mod head;
pub(super) mod page;
pub mod record;
