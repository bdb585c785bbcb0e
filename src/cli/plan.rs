//! `runner plan` and `runner apply --dry-run`: show what an apply would do now. They send nothing, open no connection to
//! the platform, need no secret, and neither create a ledger nor add to one.

mod progress;
mod propose;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::sync::watch;

use crate::campaign::Parsed;
use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::plan::Fingerprint;
use crate::report::plan_view::{PlanView, RequestNote};
use crate::report::render::json::{PlanObject, RequestObject};
use crate::report::render::terminal::plan::{requests, text};

use super::apply_args::{ApplyArgs, changes};
use super::exit::Exit;
use super::failure::Failure;
use super::rehearsal::RehearsalArgs;
use super::terminal::stdout_width_or_any;
use super::validate::Neighbours;
use super::{Context, Output, signals, validate};

const EXAMPLES: &str = "\
Examples:
  runner plan campaigns/summer.yaml
      how many would be sent, what has changed, when it would be done, and whether it can be
  runner plan campaigns --detailed-exitcode --output json
      the same of every campaign in a directory, for a program

It ends with 0, or with 4 when a person must look: a change that nobody accepted, an audience that is not let in, or a \
time that is too short. With --detailed-exitcode it ends with 3 when something would be sent, and with 4 also when \
nothing would and some are held or in doubt.";

/// The arguments of `runner plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// Campaign files, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Whether the rehearsal is meant.
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    /// Plan as if this change since the last apply were accepted; several, separated by commas
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes())]
    pub accept: Vec<Accept>,
    /// End with 0 when there is nothing to send, 3 when there is, 4 when a person must look
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What is planned, and how it is shown.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    paths: &'a [PathBuf],
    rehearsal: &'a RehearsalArgs,
    accept: &'a [Accept],
    /// The limit of attempts in the run.
    at_most: Option<u64>,
    /// Whether the run would leave instead of waiting.
    no_wait: bool,
    /// Whether the rehearsal would start with a new ledger.
    fresh: bool,
    expect: Option<&'a Fingerprint>,
    /// How many requests to show. `None` for a plan alone.
    show: Option<usize>,
    detailed: bool,
}

/// Shows what applies would do.
pub fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let wanted = Wanted {
        paths: &args.paths,
        rehearsal: &args.rehearsal,
        accept: &args.accept,
        at_most: None,
        no_wait: false,
        fresh: false,
        expect: None,
        show: None,
        detailed: args.detailed_exitcode,
    };
    super::wait(all(wanted, context))?
}

/// Shows what this apply would do, with its first requests.
pub fn dry_run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let wanted = Wanted {
        paths: &args.files,
        rehearsal: &args.rehearsal,
        accept: &args.accept,
        at_most: args.at_most,
        no_wait: args.no_wait,
        fresh: args.fresh,
        expect: args.expect.as_ref(),
        show: Some(args.dry.show),
        detailed: false,
    };
    super::wait(all(wanted, context))?
}

/// Plans every file. A file that cannot be planned does not stop the others.
async fn all(wanted: Wanted<'_>, context: &Context) -> Result<Exit, Failure> {
    let files = validate::files(wanted.paths)?;
    let stop =
        signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let mut exits = Vec::new();
    let mut neighbours = Neighbours::default();
    for file in &files {
        let Some(parsed) = validate::usable_among(file, context, &mut neighbours) else {
            exits.push(Exit::Input);
            continue;
        };
        match Box::pin(one(wanted, context, (file, &parsed), (&stop, !exits.is_empty()))).await {
            Ok(Some(exit)) => exits.push(exit),
            Ok(None) => {
                context.talk("interrupted: nothing was sent and nothing was changed\n");
                exits.push(Exit::Incomplete);
                break;
            }
            Err(failure) if files.len() == 1 => return Err(failure),
            Err(failure) => {
                exits.push(failure.exit);
                super::show(&failure.of_file(file), context);
            }
        }
    }
    Ok(Exit::of_several(exits))
}

/// Plans one file and shows it. Returns `None` if a signal interrupted it.
async fn one(
    wanted: Wanted<'_>,
    context: &Context,
    (file, parsed): (&Path, &Parsed),
    (stop, not_first): (&watch::Receiver<bool>, bool),
) -> Result<Option<Exit>, Failure> {
    let mut stop = stop.clone();
    let (proposal, first) = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return Ok(None),
        proposed = propose::propose(wanted, context, (file, parsed)) => proposed?,
    };
    if not_first && context.output == Output::Human {
        context.data("\n")?;
    }
    show(wanted, context, &proposal, &first)?;
    Ok(Some(exit(wanted, &proposal)))
}

fn show(wanted: Wanted<'_>, context: &Context, proposal: &PlanView, first: &[RequestNote]) -> Result<(), Failure> {
    match context.output {
        Output::Human => {
            let mut shown = text(proposal, stdout_width_or_any());
            if wanted.show.is_some() {
                let all = proposal.deliveries.to_send().min(wanted.at_most.unwrap_or(u64::MAX));
                shown.push_str(&requests(first, all));
                shown.push_str("\na dry run: nothing was sent and nothing was changed\n");
            }
            context.data(&shown)
        }
        Output::Json => {
            context.lines.write(&PlanObject::new(proposal));
            for request in first {
                context.lines.write(&RequestObject::new(&proposal.header, request));
            }
            Ok(())
        }
    }
}

fn exit(wanted: Wanted<'_>, proposal: &PlanView) -> Exit {
    let deliveries = &proposal.deliveries;
    if !proposal.reasons.is_empty() {
        Exit::NeedsPerson
    } else if wanted.detailed && deliveries.to_send() > 0 {
        Exit::Incomplete
    } else if wanted.detailed && deliveries.waits() {
        Exit::NeedsPerson
    } else {
        Exit::Done
    }
}
