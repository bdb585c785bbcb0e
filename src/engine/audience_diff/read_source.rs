//! Reads a source to its end.

use crate::audience::{AudienceError, Batch, Next, Reading, Source, Totals};
use crate::ledger::Spill;

/// Reads the whole of `source`. Stops with an error once the spill file fails: then there is no room for further open_ids.
pub(super) async fn read_all(
    source: &Source,
    spill: &Spill,
    mut each: impl FnMut(&Batch),
) -> Result<Totals, AudienceError> {
    let mut reading = Reading::begin(source)?;
    loop {
        let next = reading.next().await?;
        if spill.check().is_err() {
            return Err(AudienceError::BrokenOff);
        }
        match next {
            Next::Rows(batch) => each(&batch),
            Next::End(totals) => return Ok(totals),
        }
    }
}

/// Whether `part` of `whole` is more than the share.
#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
pub(super) fn is_over(part: u64, whole: u64, share: f64) -> bool {
    part as f64 > whole as f64 * share
}
