//! `runner pause`, `runner resume` and `runner stop`: commands to the processes that apply campaigns. If no process does, the
//! exit code is the one for a missing input.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use crate::app::run_command::{self, Received, Verb};
use crate::app::{CampaignRef, occurrences, running};
use crate::catalogue::{control_command as text, help};
use crate::fleet::DatabaseUrl;
use crate::ledger::ledger_dir::LedgerDir;
use crate::model::problem::Problem;
use crate::model::run_command::RunCommand;
use crate::report::text::visible;
use crate::report::wording;

use super::answer_objects::ReceivedObject;
use super::by_args::ByArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::occurrence_args::OccurrenceArgs;
use super::rehearsal::RehearsalArgs;
use super::remote::{self, Files};
use super::runtime::block_on;
use super::typed::again;

/// The arguments of `runner pause`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::PauseExamples.to_string())]
pub struct PauseArgs {
    #[command(flatten)]
    which: WhichRuns,
}

/// The arguments of `runner resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ResumeExamples.to_string())]
pub struct ResumeArgs {
    #[command(flatten)]
    which: WhichRuns,
}

/// The arguments of `runner stop`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::StopExamples.to_string())]
pub struct StopArgs {
    #[command(flatten)]
    which: WhichRuns,
}

/// Which runs receive a command.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["paths", "all"]))]
pub struct WhichRuns {
    #[arg(help = help::RunsPaths.to_string())]
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    #[arg(help = help::RunsAll.to_string())]
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub occurrence: OccurrenceArgs,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

/// Pauses runs.
pub fn pause(args: &PauseArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Pause, &args.which, context)
}

/// Resumes paused runs.
pub fn resume(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Resume, &args.which, context)
}

/// Stops runs.
pub fn stop(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Stop, &args.which, context)
}

/// A campaign whose run receives the command, if it has one.
struct Target {
    place: LedgerDir,
    /// The database with the ledger. `None` if it is in files.
    database: Option<DatabaseUrl>,
    /// The campaign, to show the next command. `None` for `--all`.
    at: Option<CampaignRef>,
    /// Whether its file was named, and not a directory: then it is a failure that the command does not apply to it.
    is_named: bool,
}

fn send(verb: Verb, args: &WhichRuns, context: &Context) -> Result<Exit, Failure> {
    if let Some(service) = remote::service()? {
        let files = Files {
            paths: &args.paths,
            occurrence: args.occurrence,
        };
        return block_on(remote::command(&service, verb, &files, args.all, context))?;
    }
    let (targets, mut exits) = targets(args, context)?;
    let is_alone = args.paths.len() == 1 && targets.len() == 1;
    block_on(async {
        for target in &targets {
            match send_one(verb, target, args, context).await {
                Ok(Some(exit)) => exits.push(exit),
                Ok(None) => {}
                Err(failure) if is_alone => return Err(failure),
                Err(failure) => {
                    let failure = match &target.at {
                        Some(at) => failure.of_file(at.file.path()),
                        None => failure,
                    };
                    context.show(&failure);
                    exits.push(failure.exit);
                }
            }
        }
        if exits.is_empty() {
            let failure = match verb {
                Verb::Resume => Failure::new(Problem::NotPaused, text::NonePaused),
                Verb::Pause | Verb::Stop => Failure::new(Problem::NothingRuns, text::NoneRuns),
            };
            return Err(failure.help(other_campaigns(args)));
        }
        Ok(Exit::of_several(exits))
    })?
}

/// Returns the campaigns that the arguments name, and an exit for each file that cannot be used, after showing why.
fn targets(args: &WhichRuns, context: &Context) -> Result<(Vec<Target>, Vec<Exit>), Failure> {
    if args.all {
        let is_rehearsal = args.rehearsal.rehearsal().is_on();
        let database = context.environment.database.clone().filter(|_| !is_rehearsal);
        let places = match &database {
            Some(url) => block_on(running::in_database(url))??,
            None => running::find(context.state_dir.as_deref(), Path::new("."), is_rehearsal)?,
        };
        let target = |place| Target {
            place,
            database: database.clone(),
            at: None,
            is_named: false,
        };
        return Ok((places.into_iter().map(target).collect(), Vec::new()));
    }
    let mut targets = Vec::new();
    let mut exits = Vec::new();
    for file in load::files(&args.paths, context)? {
        match file.load() {
            Ok(parsed) => {
                let at = args.occurrence.of(context.campaign(&file, &args.rehearsal));
                let all = block_on(occurrences::resolve_locked(at, parsed, &context.environment))??;
                let is_single = all.len() == 1;
                for single in all {
                    let loaded = single.load(&context.environment)?;
                    targets.push(Target {
                        place: loaded.ledger_dir(),
                        database: loaded.database().cloned(),
                        at: Some(loaded.at),
                        is_named: is_single && args.paths.iter().any(|path| path == file.path()),
                    });
                }
            }
            Err(mistakes) => {
                load::show(&mistakes, context);
                exits.push(Exit::Input);
            }
        }
    }
    Ok((targets, exits))
}

/// Sends the command to one run. Returns `None` if it does not apply to a campaign that was not named itself.
async fn send_one(verb: Verb, target: &Target, args: &WhichRuns, context: &Context) -> Result<Option<Exit>, Failure> {
    let campaign = &target.place.identity().campaign;
    let go_on = target.at.as_ref().map(|at| again("apply", at));
    let go_on = go_on.as_ref().map(|command| text::GoOnAfterInterruption { command });
    let database = match &target.database {
        Some(url) => Some(context.environment.connect(url).await?),
        None => None,
    };
    let sent = run_command::send(&target.place, database.as_ref(), verb, args.by.name()).await?;
    let Some(Received { pid, host, before }) = sent else {
        if !target.is_named {
            return Ok(None);
        }
        let failure = Failure::new(Problem::NothingRuns, text::NotRunning { campaign });
        return Err(match (verb, go_on) {
            (Verb::Resume, Some(help)) => failure.help(help),
            _ => failure.help(other_campaigns(args)),
        });
    };
    let number = pid;
    let pid = match &host {
        Some(host) => text::OnMachine {
            pid: &pid,
            host: &visible(host),
        }
        .to_string(),
        None => pid.to_string(),
    };
    let done = match (verb, &before) {
        (Verb::Pause, RunCommand::Go | RunCommand::Resume { .. }) => text::Paused { campaign, pid: &pid }.to_string(),
        (Verb::Pause, RunCommand::Pause { by }) => text::PausedAlready {
            campaign,
            pid: &pid,
            by: &wording::requester(by),
        }
        .to_string(),
        (Verb::Resume, RunCommand::Pause { .. }) => text::Resumed { campaign, pid: &pid }.to_string(),
        (Verb::Stop, RunCommand::Go | RunCommand::Resume { .. } | RunCommand::Pause { .. }) => {
            text::Stops { campaign, pid: &pid }.to_string()
        }
        (Verb::Stop, RunCommand::Stop { .. } | RunCommand::Interrupt { .. }) => text::StopsAlready {
            campaign,
            pid: &pid,
            by: &stopped_by(&before),
        }
        .to_string(),
        (Verb::Pause | Verb::Resume, RunCommand::Stop { .. } | RunCommand::Interrupt { .. }) => {
            let by = &stopped_by(&before);
            let failure = Failure::new(Problem::EndsAlready, text::IsStopping { campaign, by });
            return Err(match &target.at {
                Some(at) => failure.help(text::GoOnAfterEnd {
                    command: &again("apply", at),
                }),
                None => failure,
            });
        }
        (Verb::Resume, RunCommand::Go | RunCommand::Resume { .. }) => {
            if !target.is_named {
                return Ok(None);
            }
            let failure = Failure::new(Problem::NotPaused, text::NotPaused { campaign, pid: &pid });
            return Err(match go_on {
                Some(help) => failure.help(help),
                None => failure,
            });
        }
    };
    match context.output {
        Output::Json => context.lines.write(&ReceivedObject {
            r#type: "order",
            campaign: campaign.as_str(),
            app_id: target.place.identity().app_id.as_str(),
            order: match verb {
                Verb::Pause => "pause",
                Verb::Resume => "resume",
                Verb::Stop => "stop",
            },
            pid: number,
            host: host.as_deref(),
        }),
        Output::Human => context.say(&format!("{done}\n")),
    }
    Ok(Some(Exit::Done))
}

fn stopped_by(before: &RunCommand) -> String {
    before
        .stopped_by()
        .map_or_else(|| text::BySignal.to_string(), wording::requester)
}

/// Returns which campaigns may be meant instead.
fn other_campaigns(args: &WhichRuns) -> String {
    if args.rehearsal.rehearsal().is_on() {
        text::WithoutSandbox.to_string()
    } else {
        text::WithSandbox.to_string()
    }
}
