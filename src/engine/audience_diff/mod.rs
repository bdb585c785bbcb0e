//! Compares the audience as it is read now with the ledger: who is new, who is gone, what is due.
//!
//! Rows stream in and leave a bit, or one entry, for each user ([`DiffBuilder`]). The decision after them is pure: a [`Diff`] holds
//! either all facts of a new generation, or every reason why the apply is refused.

mod accept;
mod admission;
mod admitted;
mod bits;
mod builder;
mod changes;
mod choice;
mod diff;
mod effects;
mod exclude_list;
mod exclusion;
mod new_open_ids;
mod read;
mod refusal;
mod rows;
mod sequence;
mod survey;
mod terms;
mod testers;

pub use accept::{Accept, UnknownChange};
pub use admission::Admission;
pub use admitted::{AdmittedAudience, NotTakenOver};
pub use builder::DiffBuilder;
pub use changes::Changes;
pub use diff::{Acceptance, Diff, Found};
pub use exclusion::Exclusion;
pub use new_open_ids::OpenIds;
pub use refusal::{CLOCK_HELP, Change, MaxCouponsSum, Refusal, owed_again};
pub use terms::Terms;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
