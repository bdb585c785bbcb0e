//! A campaign's ledger for commands that only look at it: nothing is added to it, and none is made where there is none.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::campaign::Parsed;
use crate::ledger::Ledger;
use crate::ledger::lock::Purpose;
use crate::ledger::place::Passport;
use crate::ledger::store::SledStore;
use crate::plan::{self, Plan, RunOptions};
use crate::problem::Problem;

use super::Context;
use super::failure::Failure;
use super::home::{self, Home, again};
use super::rehearsal::RehearsalArgs;

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

/// The store of a ledger that is looked at.
pub type ViewStore = SledStore;

/// A ledger as it stood when it was opened.
#[derive(Debug)]
pub struct View {
    /// Where it is.
    pub dir: PathBuf,
    /// Whose it is.
    pub passport: Passport,
    /// The facts and what they amount to.
    pub ledger: Ledger<ViewStore>,
    _home: Home,
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

/// Opens a campaign's ledger to look at it; nothing when there is none. Adds no fact and makes no directory.
pub async fn open(context: &Context, file: &Path, plan: &Plan) -> Result<Option<View>, Failure> {
    let place = home::place(context, file, plan);
    if place.look()?.is_none() {
        return Ok(None);
    }
    let home = Home::take(context, file, plan, Purpose::Look).await?;
    let (Some(passport), Some(ledger)) = (place.look()?, home.open(plan).await?) else {
        return Ok(None);
    };
    Ok(Some(View {
        dir: place.dir().to_owned(),
        passport,
        ledger,
        _home: home,
    }))
}

/// Opens a campaign's ledger to look at it, where a command makes no sense without one.
pub async fn opened(context: &Context, args: &CampaignArgs, plan: &Plan) -> Result<View, Failure> {
    let view = open(context, &args.file, plan).await?;
    view.ok_or_else(|| none_yet(context, args, plan))
}

fn none_yet(context: &Context, args: &CampaignArgs, plan: &Plan) -> Failure {
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
