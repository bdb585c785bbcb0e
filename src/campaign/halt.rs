//! The rules that halt a run, so that a mistake costs little.

use super::keys::{Nested, keys};
use super::number::IntegerRange;
use super::share::Share;

const MOST: u64 = 1_000_000;

keys! {
    /// The rules that stop a run.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Halt {
        /// Too many users refused by the built-in table of codes. When absent: over 50% of 200.
        refused: Guard = Nested, default Guard { over: 0.5, after: 200 };
        /// Too many deliveries held. When absent: over 20% of 500.
        held: Guard = Nested, default Guard { over: 0.2, after: 500 };
        /// How many answers in a row may have the same unlisted or held code.
        same_code: u32 = IntegerRange(1..=MOST), default 20;
    }
}

keys! {
    /// A share of the last answered deliveries that is too large.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Guard {
        /// The share; more than this stops the run.
        over: f64 = Share, required "50%";
        /// The number of deliveries that the share is of. With fewer, the rule does not apply.
        after: u32 = IntegerRange(1..=MOST), required "200";
    }
}
