//! Compares the audience as it is read now with the ledger: who is new, who is gone, what is due.
//!
//! Rows stream in and are gathered ([`DiffBuilder`]). Once all are there, `join` finds whom each names, which leaves a bit, or one
//! entry, for each user. The decision after that is pure: a [`Diff`] holds either all facts of a new generation, or every reason why
//! the apply is refused.

mod accept_word;
mod admission;
mod admission_terms;
mod admitted_audience;
mod audience_rows;
mod bit_sets;
mod diff;
mod diff_builder;
mod exclude_effects;
mod exclude_list;
mod exclude_lists;
mod gathered_rows;
mod generation_facts;
mod join;
mod new_open_ids;
mod owed_users;
mod read_source;
mod recipient_survey;
mod refusal;
mod row_places;
mod source_order;
mod testers;

pub use accept_word::{Accept, UnknownChange};
pub use admission::Admission;
pub use admission_terms::Terms;
pub use admitted_audience::{AdmittedAudience, NotTakenOver};
pub use diff::{Acceptance, Diff, Found};
pub use diff_builder::DiffBuilder;
pub use exclude_lists::Exclusion;
pub use generation_facts::Changes;
pub use new_open_ids::OpenIds;
pub use refusal::{CLOCK_HELP, Change, MaxCouponsSum, Refusal, owed_again};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
