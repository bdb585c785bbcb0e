//! What stands before a run: the stand-in of a rehearsal, the plan, the credentials, and the ledger's place and lock.

use std::error::Error as _;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::campaign::{Code, Diagnostic, Parsed};
use crate::douyin::token::Credentials;
use crate::ledger::Ledger;
use crate::ledger::lock::CampaignLock;
use crate::ledger::place::Place;
use crate::ledger::store::SledStore;
use crate::plan::{self, Plan, RunOptions};
use crate::sandbox;
use crate::secret::Secret;

use crate::cli::app_id::this_process;
use crate::cli::apply_args::ApplyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::{Context, validate};

/// Starts the stand-in inside this process, for a rehearsal that names none.
pub(super) async fn stand_in(args: &ApplyArgs) -> Result<Option<sandbox::Running>, Failure> {
    match args.sandbox {
        Some(None) => {
            let started = sandbox::start(sandbox::Settings::default()).await;
            let failed =
                |error| Failure::new(Exit::Error, "cannot start the stand-in of the platform").caused_by(&error);
            started.map(Some).map_err(failed)
        }
        _ => Ok(None),
    }
}

/// What the campaign means in this run.
pub(super) fn plan(args: &ApplyArgs, parsed: &Parsed, stand_in: Option<&sandbox::Running>) -> Result<Plan, Failure> {
    let named = args.sandbox.clone().flatten().map(|url| url.to_string());
    let options = RunOptions {
        at_most: args.at_most,
        no_wait: args.no_wait,
        sandbox: stand_in.map(|running| running.base_url().to_owned()).or(named),
    };
    plan::build(&parsed.campaign, options).map_err(|error| Failure::of(Exit::Input, &error))
}

/// The secrets, all of them at hand before anything else happens; none when one is missing, which has then been told. A
/// rehearsal needs none: the stand-in takes any.
pub(super) fn credentials(args: &ApplyArgs, context: &Context, parsed: &Parsed) -> Option<Credentials> {
    if args.sandbox.is_some() {
        let any = Secret::new("rehearsal");
        return Some(Credentials::Client {
            key: any.clone(),
            secret: any,
        });
    }
    let mistake = if let Some(written) = &parsed.campaign.credentials {
        let error = match Credentials::resolve(written) {
            Ok(credentials) => return Some(credentials),
            Err(error) => error,
        };
        let cause = error.source().map(ToString::to_string);
        let failure = Failure::from(error);
        let mistake = parsed.mistake("credentials", Code::Absent, failure.message, failure.help);
        Diagnostic { cause, ..mistake }
    } else {
        let help = "write `credentials: {client_key: {env: DOUYIN_CLIENT_KEY}, client_secret: {env: \
                    DOUYIN_CLIENT_SECRET}}`";
        let message = "`credentials` is missing; only a rehearsal (`--sandbox`) goes without".to_owned();
        parsed.mistake("credentials", Code::MissingKey, message, Some(help.to_owned()))
    };
    validate::tell(&[mistake], context);
    None
}

/// The command that goes on, as one would type it.
pub(super) fn again(args: &ApplyArgs, context: &Context, file: &Path) -> String {
    let mut command = format!("runner apply {}", quoted(&file.display().to_string()));
    match &args.sandbox {
        Some(None) => command.push_str(" --sandbox"),
        Some(Some(url)) => {
            let _ = write!(command, " --sandbox={url}");
        }
        None => {}
    }
    if let Some(root) = &context.state_dir {
        let _ = write!(command, " --state-dir {}", quoted(&root.display().to_string()));
    }
    command
}

/// Quotes a path for a shell, where that is needed.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// The ledger's place, and this process's lock on it.
pub(super) struct Home {
    place: Place,
    lock: CampaignLock,
}

impl Home {
    /// Takes the campaign's lock. A rehearsal that begins anew throws its ledger away.
    pub(super) fn take(args: &ApplyArgs, context: &Context, file: &Path, plan: &Plan) -> Result<Self, Failure> {
        let beside = || file.parent().map_or_else(PathBuf::new, Path::to_owned);
        let root = context.state_dir.clone().unwrap_or_else(beside);
        let place = Place::of(&root, &plan.identity);
        let lock = place.lock(&this_process(context.clock.now()))?;
        if args.fresh {
            place.discard(&lock)?;
        }
        Ok(Self { place, lock })
    }

    /// Where the ledger is.
    pub(super) fn dir(&self) -> &Path {
        self.place.dir()
    }

    /// Opens the ledger, if there is one.
    pub(super) async fn open(&self, plan: &Plan) -> Result<Option<Ledger<SledStore>>, Failure> {
        match self.place.open(&self.lock).await? {
            Some(store) => Ok(Some(Ledger::open(store, plan.identity.clone()).await?)),
            None => Ok(None),
        }
    }

    /// Begins a ledger where there is none.
    pub(super) async fn begin(&self, plan: &Plan, now: Timestamp) -> Result<Ledger<SledStore>, Failure> {
        let store = self.place.create(&self.lock, now).await?;
        Ok(Ledger::open(store, plan.identity.clone()).await?)
    }
}
