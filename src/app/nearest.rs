//! Finds the open_id that a person may have meant.

use crate::ledger::LedgerState;

/// Returns the known open_id that is most like `typed`: equal but for letter case, or a few characters different. `None` if
/// none is similar.
pub fn nearest(ledger_state: &LedgerState, typed: &str) -> Option<String> {
    const FURTHEST: usize = 3;
    /// Two similar open_ids share at least this many characters at one end.
    const SAME: usize = 4;
    let alike = |known: &str| {
        let a = typed.as_bytes();
        let b = known.as_bytes();
        let same_end = a.len() >= SAME
            && b.len() >= SAME
            && (a[..SAME].eq_ignore_ascii_case(&b[..SAME])
                || a[a.len() - SAME..].eq_ignore_ascii_case(&b[b.len() - SAME..]));
        (same_end || typed.eq_ignore_ascii_case(known)) && a.len().abs_diff(b.len()) <= FURTHEST
    };
    let lower = typed.to_lowercase();
    (0..ledger_state.recipients())
        .map(|recipient| ledger_state.open_id(recipient))
        .filter(|known| alike(known))
        .map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= FURTHEST && distance * 3 < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
