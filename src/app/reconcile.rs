//! Compares a ledger with the platform's own records, and settles the deliveries in doubt that they prove. Sends no coupon.
//!
//! Every answer is a fact before anything is concluded from it, and every conclusion is a fact of its own, so a process that is
//! killed can be started again.

mod bill;
mod bills;
mod columns;
mod connect;
mod differences;
mod judgement;
mod known;
mod records;
mod spot;
mod summary;
mod use_case;
mod watch;

pub use bill::Flaw;
pub use bills::{BillFiles, BillState, KeptBill};
pub use connect::{Preview, client_and_pace, connect, connect_in_run, own_limiter, preview};
pub use differences::differences;
pub use judgement::{BillVerdict, COUNT_DELAY, CountVerdict, ForeignCoupon, MOST_FOREIGN, Why};
pub use known::Account;
pub use records::{NotAsked, PlatformRecords, Records};
pub use spot::{Misfit, SpotCheck};
pub use summary::{LastCount, last_counts};
pub use use_case::{
    AcceptedRecords, ActivityCount, BillOfDay, Compared, Comparison, OpenDelivery, Request, Settled, Step, UsersAsked,
    compare,
};
pub use watch::{Turn, is_over, next_comparison};
