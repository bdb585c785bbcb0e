//! What `runner verify` says of the approvals of the service.

use jiff::tz::TimeZone;

use crate::catalogue::envelope as texts;
use crate::cli::failure::Failure;
use crate::ledger::OutsideAttempt;
use crate::ledger::verify::Approved;
use crate::model::problem::Problem;
use crate::report::text::visible;
use crate::report::times::rfc3339;
use crate::report::wording::{envelope_text, excess_reason};

/// The lines about approvals, each with its label. Empty for a campaign that the service never applied.
pub(super) fn lines(approved: &Approved, zone: &TimeZone) -> Vec<(String, String)> {
    let mut lines: Vec<_> = approved
        .approvals
        .iter()
        .map(|approval| {
            let by = approval.by.join(", ");
            let said = texts::VerifyApproval {
                record: approval.sequence,
                by: &visible(&by),
                at: &rfc3339(approval.at, zone),
                envelope: &envelope_text(&approval.envelope, zone),
            };
            (texts::VerifyLabel.to_string(), said.to_string())
        })
        .collect();
    if !approved.approvals.is_empty() {
        let said = texts::VerifyAttempts {
            free: approved.attempts.free,
            outside: approved.attempts.outside,
        };
        lines.push((String::new(), said.to_string()));
    }
    lines
}

/// The failure of a ledger with an attempt outside each approved envelope. `None` if there is none.
pub(super) fn failure(approved: &Approved, zone: &TimeZone) -> Option<Failure> {
    let (open_id, OutsideAttempt { key, at, why }) = approved.first_outside.as_ref()?;
    let why = why.map_or_else(|| texts::NoApproval.to_string(), |excess| excess_reason(&excess));
    let message = texts::Outside {
        outside: approved.attempts.outside,
    };
    let first = texts::FirstOutside {
        open_id: &visible(open_id),
        ordinal: u64::from(key.ordinal),
        at: &rfc3339(*at, zone),
        why: &why,
    };
    let failure = Failure::new(Problem::OutsideApproval, message);
    Some(failure.because([first.to_string()]).help(texts::OutsideHelp))
}
