//! The history of deliveries, read from the facts of a ledger.
//!
//! Nothing here decides anything. [`index`] reads all facts once and keeps a few bytes for each delivery, so that
//! [`rows`] can stream every delivery in one more pass; [`recipient`] collects the history of one user.

pub mod index;
pub mod recipient;
pub mod row;
pub mod rows;
