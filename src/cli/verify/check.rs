//! Everything of a ledger that can be checked: by its own store where nobody applies the campaign, and otherwise by all that
//! the process shows that does.

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::home::{self, Home};
use crate::cli::view::{self, CampaignArgs, View};
use crate::cli::witness::Testimony;
use crate::delivery::Counts;
use crate::ledger::Older;
use crate::ledger::lock::Purpose;
use crate::ledger::place::Passport;
use crate::ledger::repeats::Repeats;
use crate::ledger::verify::{Settled, VerifyError, settled, verify_known};
use crate::ledger::witness::Witness;
use crate::plan::Plan;
use crate::problem::Problem;

/// What a ledger says that is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Where it is.
    pub dir: PathBuf,
    /// Whose it is.
    pub passport: Passport,
    /// How many batches there are.
    pub batches: u64,
    /// How many facts.
    pub facts: u64,
    /// Where all deliveries stand.
    pub counts: Counts,
    /// All that are issued or refused.
    pub settled: Settled,
    /// The fingerprint of the plan that was applied last.
    pub fingerprint: Option<String>,
    /// What its witness says.
    pub witness: Option<Witness>,
    /// Whether it is older than its witness.
    pub older: Option<Older>,
    /// The ids that the answers to several deliveries have.
    pub repeats: Repeats,
}

/// Checks the ledger of a campaign. While a process applies it, a view that it shows is checked instead of its files, which
/// are its to write.
pub async fn check(context: &Context, args: &CampaignArgs, plan: &Plan) -> Result<Checked, Failure> {
    let place = home::place(context, &args.file, plan);
    let Some(passport) = place.look()? else {
        return Err(view::none_yet(context, args, plan));
    };
    let Ok(home) = Home::take_unless_applied(context, &args.file, plan, Purpose::Look).await? else {
        let view = view::opened(context, args, plan).await?;
        let _busy = context.busy("checking every batch of the ledger");
        return shown(view).await;
    };
    let _busy = context.busy("checking every batch of the ledger");
    let witness = Testimony::new(context, &args.file, plan).of_ledger(&passport.id);
    let known = witness.as_ref().map(Witness::head);
    let Some(report) = verify_known(&place, home.lock(), known).await? else {
        return Err(view::none_yet(context, args, plan));
    };
    Ok(Checked {
        dir: place.dir().to_owned(),
        passport,
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

/// Checks what another process shows. Opening it has checked every checksum and transition once.
async fn shown(mut view: View) -> Result<Checked, Failure> {
    let mut facts = 0_u64;
    view.ledger.facts(|_, _| facts += 1).await?;
    let repeats = view.ledger.repeats().await?;
    let book = view.ledger.book();
    let (kept, counted) = (book.counts(), book.recount());
    if kept != counted {
        return Err(miscounted(&kept, &counted));
    }
    Ok(Checked {
        dir: view.dir,
        passport: view.passport,
        batches: view.ledger.sequence(),
        facts,
        counts: kept,
        settled: settled(book),
        fingerprint: book.generation().map(|last| last.fingerprint.clone()),
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
            VerifyError::Place(error) => error.into(),
            VerifyError::Damaged { .. } => Self::of(Problem::Unproven, &error).help(RESTORE),
            VerifyError::Miscounted { kept, counted, .. } => miscounted(&kept, &counted),
            VerifyError::Shortcut { .. } => Self::of(Problem::Unproven, &error).help(
                "its facts are sound. remove the file `shortcut` in the ledger's directory: it only spares the reading of \
                 them, and is made anew",
            ),
        }
    }
}
