//! What `runner status` says after a decision: what the last run left is told anew, with the counts of now.

use crate::control::status_file;
use crate::delivery::Counts;
use crate::plan::Plan;
use crate::report::status::Status;

use crate::cli::home::Home;

/// Replaces what the last run left. It is a courtesy: where that fails the decision stands, and `runner status` says that
/// the ledger was added to since.
pub(super) fn tell(home: &Home, plan: &Plan, counts: &Counts, at: String, why: String) {
    let (path, identity) = (home.status(), &plan.identity);
    let left = status_file::read(&path).ok().flatten();
    let status = match left.as_deref().map(Status::parse) {
        Some(Ok(status)) => status,
        None => Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), "idle", ""),
        // A newer program's is left to it.
        Some(Err(_)) => return,
    };
    let text = status.resolved(counts, at, why).text();
    let written = text
        .map_err(Into::into)
        .and_then(|text| status_file::write(&path, &text));
    if let Err(error) = written {
        tracing::warn!("cannot write status.json: {error}; `runner status` shows an older state");
    }
}
