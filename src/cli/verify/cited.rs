//! What `runner verify` says of the log of the service, which has to have the approvals that runs cite.

use jiff::tz::TimeZone;

use crate::app::LoadedCampaign;
use crate::app::verify::certificate::ServiceLogVerdict;
use crate::catalogue::envelope as texts;
use crate::cli::failure::Failure;
use crate::ledger::Citations;
use crate::model::problem::Problem;
use crate::report::text::visible;
use crate::report::times::rfc3339;
use crate::service::cited_approvals::{CitationFault, WrongCitation, first_wrong};
use crate::service::error::ServiceError;
use crate::service::log_check::log_beside;

/// The approvals of a ledger, compared with the log of the service.
pub(super) enum ComparedApprovals {
    /// The log has each of them.
    Agree,
    /// The log does not have this one.
    Wrong(Box<WrongCitation>),
    /// There is no log.
    Absent,
    /// The log cannot be read.
    Unreadable(ServiceError),
}

/// Compares the approvals that runs cite with the log of the service. `None` if no run cites one.
pub(super) async fn compare(campaign: &LoadedCampaign, citations: &Citations) -> Option<ComparedApprovals> {
    if citations.all().is_empty() {
        return None;
    }
    Some(match log_beside(campaign).await {
        Ok(None) => ComparedApprovals::Absent,
        Ok(Some(log)) => match first_wrong(&log, &campaign.plan.identity, citations) {
            None => ComparedApprovals::Agree,
            Some(wrong) => ComparedApprovals::Wrong(Box::new(wrong)),
        },
        Err(error) => ComparedApprovals::Unreadable(error),
    })
}

/// The word of the certificate.
pub(super) fn verdict(compared: Option<&ComparedApprovals>) -> Option<ServiceLogVerdict> {
    compared.map(|compared| match compared {
        ComparedApprovals::Agree => ServiceLogVerdict::Agrees,
        ComparedApprovals::Wrong(_) => ServiceLogVerdict::Differs,
        ComparedApprovals::Absent => ServiceLogVerdict::Absent,
        ComparedApprovals::Unreadable(_) => ServiceLogVerdict::Unreadable,
    })
}

/// The line about the log.
pub(super) fn line(compared: &ComparedApprovals) -> String {
    match compared {
        ComparedApprovals::Agree => texts::CitedAgree.to_string(),
        ComparedApprovals::Wrong(_) => texts::CitedDiffer.to_string(),
        ComparedApprovals::Absent => texts::CitedAbsent.to_string(),
        ComparedApprovals::Unreadable(_) => texts::CitedUnreadable.to_string(),
    }
}

/// The failure of a ledger with a run whose approval the log does not have, or whose log cannot be read. `None` otherwise.
pub(super) fn failure(compared: ComparedApprovals, zone: &TimeZone) -> Option<Failure> {
    let wrong = match compared {
        ComparedApprovals::Agree | ComparedApprovals::Absent => return None,
        ComparedApprovals::Unreadable(error) => return Some(error.into()),
        ComparedApprovals::Wrong(wrong) => wrong,
    };
    let WrongCitation { citation, why } = *wrong;
    let first = texts::WrongCitationFirst {
        at: &rfc3339(citation.run, zone),
        record: citation.approval.sequence,
        why: &fault(&why),
    };
    let failure = Failure::new(Problem::WrongCitation, texts::WrongCitation);
    Some(failure.because([first.to_string()]).help(texts::WrongCitationHelp))
}

fn fault(why: &CitationFault) -> String {
    match why {
        CitationFault::Missing { records } => texts::CitationMissing { records: *records }.to_string(),
        CitationFault::OtherRecord => texts::CitationOtherRecord.to_string(),
        CitationFault::Newer => texts::CitationNewer.to_string(),
        CitationFault::NoApproval => texts::CitationNoApproval.to_string(),
        CitationFault::OtherCampaign { campaign, app_id } => texts::CitationOtherCampaign {
            campaign: &visible(campaign),
            app_id: &visible(app_id),
        }
        .to_string(),
        CitationFault::OtherApproval => texts::CitationOtherApproval.to_string(),
        CitationFault::NotGiven { by } => texts::CitationNotGiven { by: &visible(by) }.to_string(),
    }
}
