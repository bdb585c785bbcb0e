//! Opens a campaign's ledger for commands that only read it. They add no fact and create no ledger.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::campaign::Parsed;
use crate::control::{ControlError, OwnerStore};
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::witness::Witness;
use crate::ledger::{BatchVisitor, Head, Ledger, LedgerError, SledStore, Store, StoreError};
use crate::model::problem::Problem;
use crate::plan::{self, Plan, RunOptions};

use super::failure::Failure;
use super::locked_ledger::{self, ASK_AGAIN, LockedLedger, again};
use super::rehearsal::RehearsalArgs;
use super::witness::{OlderLedger, Testimony};
use super::{Context, elsewhere};

/// A placeholder for the address of the built-in fake platform. Nothing is sent to it.
const NOWHERE: &str = "http://127.0.0.1";

/// Which campaign a command is about.
#[derive(Clone, Debug, Args)]
pub struct CampaignArgs {
    /// The campaign's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whether its rehearsal is meant.
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
}

/// The longest time between a process's lock and its first answer, or between its last answer and its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the process that applies the campaign may end while it serves its ledger.
const TRIES: u32 = 3;

/// The text that is shown while a ledger is read.
pub const READING: &str = "reading the ledger";

/// The store of a ledger that is only read: this process's own store, or one that the process that applies the campaign
/// serves.
#[derive(Debug)]
pub enum ReadonlyStore {
    /// No process applies the campaign. This process has the lock.
    Own {
        /// The store.
        store: SledStore,
        /// The lock.
        locked: LockedLedger,
    },
    /// The process that applies the campaign serves its store.
    Owner(OwnerStore),
}

impl Store for ReadonlyStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Own { store, .. } => store.append(record).await,
            Self::Owner(store) => store.append(record).await,
        }
    }

    async fn read(&mut self, each: &mut BatchVisitor<'_>) -> Result<(), StoreError> {
        match self {
            Self::Own { store, .. } => store.read(each).await,
            Self::Owner(store) => store.read(each).await,
        }
    }

    async fn read_behind(&mut self, known: Head, each: &mut BatchVisitor<'_>) -> Result<bool, StoreError> {
        match self {
            Self::Own { store, .. } => store.read_behind(known, each).await,
            Self::Owner(store) => store.read_behind(known, each).await,
        }
    }

    async fn snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Own { store, .. } => store.snapshot().await,
            Self::Owner(store) => store.snapshot().await,
        }
    }
}

/// A ledger at the moment it was opened, even while another process applies its campaign.
#[derive(Debug)]
pub struct ReadonlyLedger {
    /// The ledger's directory.
    pub dir: PathBuf,
    /// The ledger's manifest.
    pub manifest: Manifest,
    /// The ledger.
    pub ledger: Ledger<ReadonlyStore>,
    /// The ledger's witness, if there is one.
    pub witness: Option<Witness>,
    /// `None` unless the ledger is older than its witness.
    pub older: Option<OlderLedger>,
}

/// Builds the plan of a campaign for a command that sends nothing.
pub fn plan_of(parsed: &Parsed, rehearsal: &RehearsalArgs) -> Result<Plan, Failure> {
    let nowhere = || rehearsal.inside().then(|| NOWHERE.to_owned());
    let options = RunOptions {
        sandbox: rehearsal.url().or_else(nowhere),
        ..RunOptions::default()
    };
    plan::build(&parsed.campaign, options).map_err(|error| Failure::from_error(Problem::Plan, &error))
}

/// Opens a campaign's ledger to read it. Returns `None` if there is no ledger. Adds no fact and creates no directory. If a
/// process applies the campaign, that process serves its ledger.
pub async fn open(context: &Context, file: &Path, plan: &Plan) -> Result<Option<ReadonlyLedger>, Failure> {
    let place = locked_ledger::ledger_dir(context, file, plan);
    let testimony = Testimony::new(context, file, plan);
    let mut tries = 0;
    loop {
        // Read before the ledger: another process may send at the same time, and its ledger must not be older than this
        // witness.
        let id = place.look()?.map(|manifest| manifest.id);
        let witness = id.and_then(|id| testimony.of_ledger(&id));
        let known = witness.as_ref().map(Witness::head);
        let Some(store) = store(context, file, plan).await? else {
            return Ok(None);
        };
        tries += 1;
        let opened = Ledger::open_known(store, place.ledger_identity()?, Arc::default(), known).await;
        let ledger = match opened {
            // The run ended while it served the ledger, so the ledger's files can be opened now.
            Err(LedgerError::Unfinished {
                source: StoreError::Owner { .. },
                ..
            }) if tries < TRIES => continue,
            opened => opened?,
        };
        return Ok(place.look()?.map(|manifest| ReadonlyLedger {
            dir: place.dir().to_owned(),
            manifest,
            older: OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.state()),
            witness,
            ledger,
        }));
    }
}

async fn store(context: &Context, file: &Path, plan: &Plan) -> Result<Option<ReadonlyStore>, Failure> {
    let place = locked_ledger::ledger_dir(context, file, plan);
    let mut waited = Duration::ZERO;
    while place.look()?.is_some() {
        let taken = match LockedLedger::take_unless_applied(context, file, plan, Purpose::Look).await? {
            Ok(locked) => {
                let store = locked.store().await?;
                return Ok(store.map(|store| ReadonlyStore::Own { store, locked }));
            }
            Err(taken) => taken,
        };
        match OwnerStore::ask(&place.socket()).await {
            Ok(store) => return Ok(store.map(ReadonlyStore::Owner)),
            // That process is just starting or ending.
            Err(ControlError::Nobody { .. }) if waited < PATIENCE => {
                tokio::time::sleep(ASK_AGAIN).await;
                waited += ASK_AGAIN;
            }
            Err(error) => return Err(unanswered(&error, &taken)),
        }
    }
    Ok(None)
}

/// Returns the failure for a process that applies a campaign and did not answer as expected.
pub(super) fn unanswered(error: &ControlError, owner: &LockError) -> Failure {
    let help = match error {
        ControlError::Newer { .. } => "use the program that applies the campaign, or wait until it is done",
        ControlError::Nobody { .. } | ControlError::Io { .. } | ControlError::Unclear { .. } => {
            "wait until that process is done, or stop it there with ^C; its state is safe"
        }
        ControlError::Refused { .. } => "run the same command again",
    };
    let mut failure = Failure::from_error(Problem::OwnerUnclear, error).help(help);
    failure.causes.push(owner.to_string());
    failure
}

/// Opens a campaign's ledger to read it, for a command that needs one.
pub async fn opened(context: &Context, args: &CampaignArgs, plan: &Plan) -> Result<ReadonlyLedger, Failure> {
    let _busy = context.busy(READING);
    let view = open(context, &args.file, plan).await?;
    view.ok_or_else(|| none_yet(context, args, plan))
}

/// Returns why a command that needs a ledger cannot continue without one.
pub(super) fn none_yet(context: &Context, args: &CampaignArgs, plan: &Plan) -> Failure {
    match elsewhere::find(context, &args.file, plan) {
        Ok(None) => {}
        Ok(Some(other)) => return other.failure(),
        Err(failure) => return failure,
    }
    let place = locked_ledger::ledger_dir(context, &args.file, plan);
    let message = format!(
        "there is no ledger of {} yet at {}",
        plan.identity.campaign,
        place.dir().display()
    );
    let begin = again("apply", &args.rehearsal, context, &args.file);
    let other = if args.rehearsal.on() {
        "without --sandbox, the campaign itself is meant"
    } else {
        "with --sandbox, its rehearsal is meant"
    };
    Failure::new(Problem::NoLedger, message).help(format!("`{begin}` begins one; {other}"))
}
