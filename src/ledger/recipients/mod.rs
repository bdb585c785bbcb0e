//! The recipients of a ledger: their open_ids, the index to find them by, and the spill file.

pub(crate) mod open_id_arena;
pub(crate) mod open_id_index;
pub(crate) mod partitioned_ids;
pub(super) mod recipient_table;
pub(super) mod spill;
