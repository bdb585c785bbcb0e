//! Checks everything of a ledger: from its own files, or, while a process applies the campaign, from what that process
//! serves.

pub mod certificate;

use std::path::PathBuf;

use crate::ledger::ledger_dir::Manifest;
use crate::ledger::lock::Purpose;
use crate::ledger::repeated_ids::Repeats;
use crate::ledger::verify::{Approved, Settled, settled, verify_known};
use crate::ledger::witness::Witness;
use crate::ledger::{Citations, ComparisonSummary, Older, RecordedErasure, Wave};
use crate::model::activity::ActivityLog;
use crate::model::delivery::Counts;

use super::campaign::LoadedCampaign;
use super::environment::Notice;
use super::error::AppError;
use super::locked_ledger::LockedLedger;
use super::readonly_ledger::{self, ReadonlyLedger};
use super::witness::CampaignWitnesses;

/// The contents of a sound ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The ledger's directory.
    pub dir: PathBuf,
    /// The ledger's manifest.
    pub manifest: Manifest,
    /// The number of batches.
    pub batches: u64,
    /// The number of facts.
    pub facts: u64,
    /// The number of deliveries in each state.
    pub counts: Counts,
    /// The number and the checksum of the settled deliveries.
    pub settled: Settled,
    /// The fingerprint of the last applied plan. `None` before the first apply.
    pub fingerprint: Option<String>,
    /// The waves, with their approvals.
    pub waves: Vec<Wave>,
    /// The approvals of the service, and whether each attempt lay inside them.
    pub approved: Approved,
    /// The approvals, each with the first run that cites it.
    pub citations: Citations,
    /// The activities that the campaign has declared.
    pub activities: ActivityLog,
    /// The ledger's witness, if there is one.
    pub witness: Option<Witness>,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<Older>,
    /// The ids that occur in the answers to several deliveries.
    pub repeats: Repeats,
    /// The comparisons with the platform's own records.
    pub records: ComparisonSummary,
    /// The erasure of the open_ids. `None` if the ledger has them.
    pub erasure: Option<RecordedErasure>,
}

/// Checks the ledger of a campaign. While a process applies the campaign, it checks a view from that process: only the
/// owner may use the files.
pub async fn check(campaign: &LoadedCampaign) -> Result<Checked, AppError> {
    if campaign.database().is_some() {
        let view = readonly_ledger::open_existing(campaign).await?;
        campaign.environment.notify(Notice::ChecksLedger);
        return check_view(view).await;
    }
    let place = campaign.ledger_dir();
    let Some(manifest) = place.look()? else {
        return Err(readonly_ledger::no_ledger(campaign));
    };
    let Ok(locked) = LockedLedger::take_unless_applied(campaign, Purpose::Look).await? else {
        let view = readonly_ledger::open_existing(campaign).await?;
        campaign.environment.notify(Notice::ChecksLedger);
        return check_view(view).await;
    };
    campaign.environment.notify(Notice::ChecksLedger);
    let witness = CampaignWitnesses::new(campaign).of_ledger(&manifest.id);
    let known = witness.as_ref().map(Witness::head);
    let Some(report) = verify_known(&place, locked.lock(), known).await? else {
        return Err(readonly_ledger::no_ledger(campaign));
    };
    Ok(Checked {
        dir: place.dir().to_owned(),
        manifest,
        batches: report.last.sequence,
        facts: report.facts.values().sum(),
        counts: report.counts,
        settled: report.settled,
        fingerprint: report.fingerprint,
        waves: report.waves,
        approved: report.approved,
        citations: report.citations,
        activities: report.activities,
        witness,
        older: report.older,
        repeats: report.repeats,
        records: report.records,
        erasure: report.erasure,
    })
}

/// Checks a view from another process. Opening it has already checked every checksum and transition.
async fn check_view(mut view: ReadonlyLedger) -> Result<Checked, AppError> {
    let mut facts = 0_u64;
    let mut records = ComparisonSummary::default();
    let mut citations = Citations::default();
    view.ledger
        .facts(|_, fact| {
            facts += 1;
            records.add(&fact);
            citations.add(&fact);
        })
        .await?;
    let repeats = view.ledger.repeats().await?;
    let ledger_state = view.ledger.state();
    let counts = ledger_state.counts();
    let recount = ledger_state.recount();
    if counts != recount {
        return Err(AppError::Miscounted {
            kept: Box::new(counts),
            counted: Box::new(recount),
        });
    }
    Ok(Checked {
        dir: view.dir,
        manifest: view.manifest,
        batches: view.ledger.sequence(),
        facts,
        counts,
        settled: settled(ledger_state),
        fingerprint: ledger_state.generation().map(|last| last.fingerprint.clone()),
        waves: ledger_state.waves().to_vec(),
        approved: Approved::new(ledger_state),
        citations,
        activities: ledger_state.activities_asked_for().clone(),
        older: view.ledger.older(),
        witness: view.witness,
        repeats,
        records,
        erasure: ledger_state.erasure().cloned(),
    })
}
