//! Checks everything of a ledger: from its own files, or, while a process applies the campaign, from what that process
//! serves.

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::locked_ledger::{self, LockedLedger};
use crate::cli::readonly_ledger::{self, CampaignArgs, ReadonlyLedger};
use crate::cli::witness::Testimony;
use crate::ledger::Older;
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::lock::Purpose;
use crate::ledger::repeats::Repeats;
use crate::ledger::verify::{Settled, VerifyError, settled, verify_known};
use crate::ledger::witness::Witness;
use crate::model::delivery::Counts;
use crate::model::problem::Problem;
use crate::plan::Plan;

/// The contents of a sound ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The ledger's witness, if there is one.
    pub witness: Option<Witness>,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<Older>,
    /// The ids that occur in the answers to several deliveries.
    pub repeats: Repeats,
}

/// Checks the ledger of a campaign. While a process applies the campaign, it checks a view from that process: only the
/// owner may use the files.
pub async fn check(context: &Context, args: &CampaignArgs, plan: &Plan) -> Result<Checked, Failure> {
    let place = locked_ledger::ledger_dir(context, &args.file, plan);
    let Some(manifest) = place.look()? else {
        return Err(readonly_ledger::none_yet(context, args, plan));
    };
    let Ok(locked) = LockedLedger::take_unless_applied(context, &args.file, plan, Purpose::Look).await? else {
        let view = readonly_ledger::opened(context, args, plan).await?;
        let _busy = context.busy("checking every batch of the ledger");
        return shown(view).await;
    };
    let _busy = context.busy("checking every batch of the ledger");
    let witness = Testimony::new(context, &args.file, plan).of_ledger(&manifest.id);
    let known = witness.as_ref().map(Witness::head);
    let Some(report) = verify_known(&place, locked.lock(), known).await? else {
        return Err(readonly_ledger::none_yet(context, args, plan));
    };
    Ok(Checked {
        dir: place.dir().to_owned(),
        manifest,
        batches: report.last.sequence,
        facts: report.facts.values().sum(),
        counts: report.counts,
        settled: report.settled,
        fingerprint: report.fingerprint,
        witness,
        older: report.older,
        repeats: report.repeats,
    })
}

/// Checks a view from another process. Opening it has already checked every checksum and transition.
async fn shown(mut view: ReadonlyLedger) -> Result<Checked, Failure> {
    let mut facts = 0_u64;
    view.ledger.facts(|_, _| facts += 1).await?;
    let repeats = view.ledger.repeats().await?;
    let ledger_state = view.ledger.state();
    let kept = ledger_state.counts();
    let counted = ledger_state.recount();
    if kept != counted {
        return Err(miscounted(&kept, &counted));
    }
    Ok(Checked {
        dir: view.dir,
        manifest: view.manifest,
        batches: view.ledger.sequence(),
        facts,
        counts: kept,
        settled: settled(ledger_state),
        fingerprint: ledger_state.generation().map(|last| last.fingerprint.clone()),
        older: view.ledger.older(),
        witness: view.witness,
        repeats,
    })
}

fn miscounted(kept: &Counts, counted: &Counts) -> Failure {
    let message = "the ledger's sum is not right, though each of its facts is: a defect of this program";
    let mut failure = Failure::new(Problem::Sum, message).help("please report this");
    failure
        .causes
        .push(format!("counted on the way {kept:?}, counted anew {counted:?}"));
    failure
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        const RESTORE: &str = "nothing was changed. restore the ledger's whole directory from a backup";
        match error {
            VerifyError::LedgerDir(error) => error.into(),
            VerifyError::Damaged { .. } => Self::from_error(Problem::Unproven, &error).help(RESTORE),
            VerifyError::Miscounted { kept, counted, .. } => miscounted(&kept, &counted),
            VerifyError::SnapshotCheck { .. } => Self::from_error(Problem::Unproven, &error).help(
                "its facts are sound. remove the file `shortcut` in the ledger's directory: it only spares the reading of \
                 them, and is made anew",
            ),
        }
    }
}
