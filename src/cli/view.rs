//! A campaign's ledger for commands that only look at it: nothing is added to it, and none is made where there is none.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::campaign::Parsed;
use crate::control::{ControlError, OwnerStore};
use crate::ledger::lock::{LockError, Purpose};
use crate::ledger::place::Passport;
use crate::ledger::witness::Witness;
use crate::ledger::{Each, Head, Ledger, LedgerError, SledStore, Store, StoreError};
use crate::plan::{self, Plan, RunOptions};
use crate::problem::Problem;

use super::failure::Failure;
use super::home::{self, ASK_AGAIN, Home, again};
use super::rehearsal::RehearsalArgs;
use super::witness::{OlderLedger, Testimony};
use super::{Context, elsewhere};

/// An address in whose place the rehearsal's stand-in would be. Nothing is sent there.
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

/// How long a process that applies the campaign may take from its lock to its answers, or from its last answer to its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a process that applies the campaign may end in the middle of showing its ledger.
const TRIES: u32 = 3;

/// What is shown while a ledger is read.
pub const READING: &str = "reading the ledger";

/// The store of a ledger that is looked at: this process's own hand on it, or what the process that applies the campaign
/// shows of its own.
#[derive(Debug)]
pub enum ViewStore {
    /// Nobody applies the campaign; this process has its lock.
    Own {
        /// The store.
        store: SledStore,
        /// The lock.
        home: Home,
    },
    /// The owner shows it.
    Owner(OwnerStore),
}

impl Store for ViewStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Own { store, .. } => store.append(record).await,
            Self::Owner(store) => store.append(record).await,
        }
    }

    async fn read(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        match self {
            Self::Own { store, .. } => store.read(each).await,
            Self::Owner(store) => store.read(each).await,
        }
    }

    async fn read_behind(&mut self, known: Head, each: &mut Each<'_>) -> Result<bool, StoreError> {
        match self {
            Self::Own { store, .. } => store.read_behind(known, each).await,
            Self::Owner(store) => store.read_behind(known, each).await,
        }
    }

    async fn shortcut(&mut self) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Own { store, .. } => store.shortcut().await,
            Self::Owner(store) => store.shortcut().await,
        }
    }
}

/// A ledger as it stood when it was opened, also while another process applies its campaign.
#[derive(Debug)]
pub struct View {
    /// Where it is.
    pub dir: PathBuf,
    /// Whose it is.
    pub passport: Passport,
    /// The facts and what they amount to.
    pub ledger: Ledger<ViewStore>,
    /// What its witness says.
    pub witness: Option<Witness>,
    /// That it is older than its witness.
    pub older: Option<OlderLedger>,
}

/// What a campaign's file means for a command that sends nothing.
pub fn plan_of(parsed: &Parsed, rehearsal: &RehearsalArgs) -> Result<Plan, Failure> {
    let nowhere = || rehearsal.inside().then(|| NOWHERE.to_owned());
    let options = RunOptions {
        sandbox: rehearsal.url().or_else(nowhere),
        ..RunOptions::default()
    };
    plan::build(&parsed.campaign, options).map_err(|error| Failure::of(Problem::Plan, &error))
}

/// Opens a campaign's ledger to look at it; nothing when there is none. Adds no fact and makes no directory. A process
/// that applies the campaign is asked for it.
pub async fn open(context: &Context, file: &Path, plan: &Plan) -> Result<Option<View>, Failure> {
    let place = home::place(context, file, plan);
    let testimony = Testimony::new(context, file, plan);
    let mut tries = 0;
    loop {
        // Read before the ledger: while another process sends, the ledger is never behind what was written before.
        let id = place.look()?.map(|passport| passport.id);
        let witness = id.and_then(|id| testimony.of_ledger(&id));
        let known = witness.as_ref().map(Witness::head);
        let Some(store) = store(context, file, plan).await? else {
            return Ok(None);
        };
        tries += 1;
        let opened = Ledger::open_known(store, place.ledger_identity()?, Arc::default(), known).await;
        let ledger = match opened {
            // Its run ended while it showed the ledger, which can now be had without it.
            Err(LedgerError::Unfinished {
                source: StoreError::Owner { .. },
                ..
            }) if tries < TRIES => continue,
            opened => opened?,
        };
        return Ok(place.look()?.map(|passport| View {
            dir: place.dir().to_owned(),
            passport,
            older: OlderLedger::of_ledger(witness.as_ref(), ledger.older(), ledger.book()),
            witness,
            ledger,
        }));
    }
}

async fn store(context: &Context, file: &Path, plan: &Plan) -> Result<Option<ViewStore>, Failure> {
    let place = home::place(context, file, plan);
    let mut waited = Duration::ZERO;
    while place.look()?.is_some() {
        let taken = match Home::take_unless_applied(context, file, plan, Purpose::Look).await? {
            Ok(home) => {
                let store = home.store().await?;
                return Ok(store.map(|store| ViewStore::Own { store, home }));
            }
            Err(taken) => taken,
        };
        match OwnerStore::ask(&place.socket()).await {
            Ok(store) => return Ok(store.map(ViewStore::Owner)),
            // It is just beginning, or just ending.
            Err(ControlError::Nobody { .. }) if waited < PATIENCE => {
                tokio::time::sleep(ASK_AGAIN).await;
                waited += ASK_AGAIN;
            }
            Err(error) => return Err(unanswered(&error, &taken)),
        }
    }
    Ok(None)
}

/// The process that applies a campaign did not do what was asked of it.
pub(super) fn unanswered(error: &ControlError, owner: &LockError) -> Failure {
    let help = match error {
        ControlError::Newer { .. } => "use the program that applies the campaign, or wait until it is done",
        ControlError::Nobody { .. } | ControlError::Io { .. } | ControlError::Unclear { .. } => {
            "wait until that process is done, or stop it there with ^C; its state is safe"
        }
        ControlError::Refused { .. } => "run the same command again",
    };
    let mut failure = Failure::of(Problem::OwnerUnclear, error).help(help);
    failure.causes.push(owner.to_string());
    failure
}

/// Opens a campaign's ledger to look at it, where a command makes no sense without one.
pub async fn opened(context: &Context, args: &CampaignArgs, plan: &Plan) -> Result<View, Failure> {
    let _busy = context.busy(READING);
    let view = open(context, &args.file, plan).await?;
    view.ok_or_else(|| none_yet(context, args, plan))
}

/// Why a command that needs a ledger cannot go on without one.
pub(super) fn none_yet(context: &Context, args: &CampaignArgs, plan: &Plan) -> Failure {
    match elsewhere::find(context, &args.file, plan) {
        Ok(None) => {}
        Ok(Some(other)) => return other.failure(),
        Err(failure) => return failure,
    }
    let place = home::place(context, &args.file, plan);
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
