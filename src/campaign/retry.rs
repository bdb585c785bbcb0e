//! The rules for retries and resends.

use std::time::Duration;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::duration::{DurationRange, written};
use super::keys::keys;
use super::number::IntegerRange;
use super::word::{Word, words};

/// The longest time that an attempt may take.
pub const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);

keys! {
    /// The rules for retries and resends.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Retry {
        /// Attempts of one delivery in one run.
        attempts: u32 = IntegerRange(1..=1000), default 6;
        /// The first delay between two attempts; it doubles from there, with full jitter.
        first_delay: Duration = DurationRange(MILLISECOND..=HOUR), default Duration::from_millis(500);
        /// The longest delay that doubling reaches.
        max_delay: Duration = DurationRange(MILLISECOND..=DAY), default Duration::from_mins(1);
        /// The time limit of one attempt.
        timeout: Duration = DurationRange(Duration::from_millis(10)..=LONGEST_TIMEOUT), default Duration::from_secs(10);
        /// What happens to a delivery whose outcome is unknown.
        in_doubt: InDoubt = Word, default InDoubt::Resend;
        /// How long after its first unknown outcome a delivery may be sent again. After that, a person decides.
        resend_within: Duration = DurationRange(SECOND..=YEAR), default DAY;
        /// How long an outage of the platform may last before the run ends.
        give_up: Duration = DurationRange(SECOND..=YEAR), default Duration::from_hours(12);
    }
    check |map, diagnostics| {
        let retry = Self { first_delay, max_delay, ..Self::default() };
        let first = &written(retry.first_delay());
        let most = &written(retry.max_delay());
        if retry.first_delay() > retry.max_delay()
            && let Some(value) = map.get("max_delay").or_else(|| map.get("first_delay"))
        {
            let message = text::RetryDelays { first, most };
            let note = diagnostics.error(Code::Contradiction, value.span(), message);
            note.help(text::RetryDelaysHelp { first });
        }
    }
}

words! {
    /// What happens to a delivery whose outcome is unknown.
    pub enum InDoubt {
        /// It is sent again with the same id.
        Resend = "resend",
        /// It waits for a person.
        Ask = "ask",
    }
}
