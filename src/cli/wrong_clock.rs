//! Refuses to send if the ledger's times are far ahead of the wall clock. Then the clock was wrong in an earlier run, or is
//! wrong now.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::engine::audience_diff::{Accept, CLOCK_HELP};
use crate::ledger::LedgerState;
use crate::model::clock::until;
use crate::model::problem::Problem;
use crate::report::times::{duration, rfc3339};

use super::audience_reader::AudienceReader;
use super::failure::Failure;

/// Checks that an apply may use the wall clock.
///
/// # Errors
/// The ledger's times are too far ahead of it, and no person has accepted that.
pub fn check(reader: &AudienceReader<'_>, ledger_state: &LedgerState) -> Result<(), Failure> {
    let ahead = ledger_state.present_of_apply(reader.now).ahead;
    match ahead.filter(|_| !reader.rehearsal.on() && !reader.accepted.contains(&Accept::Clock)) {
        Some(newest) => Err(failure(newest, reader.now, &reader.parsed.campaign.timezone)),
        None => Ok(()),
    }
}

fn failure(newest: Timestamp, wall: Timestamp, zone: &TimeZone) -> Failure {
    let message = "the ledger's times are far ahead of this machine's clock; nothing was sent";
    let mut failure = Failure::new(Problem::WrongClock, message).help(CLOCK_HELP);
    failure.causes.push(format!(
        "its newest time is {}, and this machine's clock says {}, which is {} earlier",
        rfc3339(newest, zone),
        rfc3339(wall, zone),
        duration(until(wall, newest).unwrap_or_default()),
    ));
    failure
        .causes
        .push("one of its runs was made under a wrong clock, or this clock is wrong".to_owned());
    failure
}
