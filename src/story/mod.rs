//! What a ledger tells to whoever asks afterwards: where each delivery stands and how it came there, read from the facts.
//!
//! Nothing here decides anything. [`index`] goes over all facts once and remembers a few bytes of each delivery, so that
//! [`rows`] can show every delivery in one more pass without holding any of them; [`person`] gathers everything that
//! happened to one user.

pub mod index;
pub mod person;
pub mod row;
pub mod rows;
