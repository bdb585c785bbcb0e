//! Refuses to send if the ledger's times are far ahead of the wall clock. Then the clock was wrong in an earlier run, or is
//! wrong now.

use crate::engine::audience_diff::Accept;
use crate::ledger::LedgerState;

use super::audience_reader::AudienceReader;
use super::error::AppError;

/// Checks that an apply may use the wall clock.
///
/// # Errors
/// The ledger's times are too far ahead of it, and no person has accepted that.
pub fn check(reader: &AudienceReader<'_>, ledger_state: &LedgerState) -> Result<(), AppError> {
    let ahead = ledger_state.present_of_apply(reader.now).ahead;
    match ahead.filter(|_| !reader.campaign.at.rehearsal.is_on() && !reader.accepted.contains(&Accept::Clock)) {
        Some(newest) => Err(AppError::WrongClock {
            newest,
            wall: reader.now,
            zone: reader.campaign.parsed.campaign.timezone.clone(),
        }),
        None => Ok(()),
    }
}
