//! `runner store`: creates and checks the tables of a fleet's database, and moves ledgers into it and out of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::app::store::{self, Accepted, Copied, Direction, StoreReport};
use crate::app::{AppError, Environment, LoadedCampaign, occurrences};
use crate::catalogue::store as text;
use crate::fleet::ServerIdentity;
use crate::model::problem::Problem;
use crate::report::text::{visible, visible_path};
use crate::report::times::grouped;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::rehearsal::RehearsalArgs;
use super::runtime::block_on;

/// The arguments of `runner store`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string(), disable_help_subcommand = true)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

/// What is done with the database.
#[derive(Clone, Debug, Subcommand)]
enum StoreCommand {
    #[command(about = text::CommandInit.to_string())]
    Init(InitArgs),
    #[command(about = text::CommandCheck.to_string())]
    Check,
    #[command(about = text::CommandCopy.to_string())]
    Copy(CopyArgs),
}

/// The arguments of `runner store init`.
#[derive(Clone, Debug, Args)]
struct InitArgs {
    #[arg(help = text::InitAccept.to_string())]
    #[arg(long, value_name = "CHANGE", hide_possible_values = true)]
    accept: Vec<InitAccept>,
}

/// What can be accepted of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum InitAccept {
    /// It keeps one copy.
    SingleCopy,
    /// It may have lost facts.
    OlderLedger,
}

/// The arguments of `runner store copy`.
#[derive(Clone, Debug, Args)]
struct CopyArgs {
    #[arg(help = text::CopyFiles.to_string())]
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[arg(help = text::CopyTo.to_string())]
    #[arg(long, value_name = "database|files", hide_possible_values = true)]
    to: Target,
}

/// Where ledgers are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Into the database.
    Database,
    /// Into files.
    Files,
}

/// Runs a command on the database.
pub fn run(args: &StoreArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(url) = context.environment.database.clone() else {
        return Err(Failure::new(Problem::DatabaseUrl, text::NoUrl).help(text::UrlHelp));
    };
    match &args.command {
        StoreCommand::Init(args) => {
            let accepted = Accepted {
                single_copy: args.accept.contains(&InitAccept::SingleCopy),
                older_ledger: args.accept.contains(&InitAccept::OlderLedger),
            };
            let report = block_on(store::init(&url, accepted))??;
            show(
                &report,
                context,
                &text::Created {
                    place: &visible(&report.place),
                }
                .to_string(),
            )
        }
        StoreCommand::Check => {
            let report = block_on(store::check(&url))??;
            show(
                &report,
                context,
                &text::Fit {
                    place: &visible(&report.place),
                }
                .to_string(),
            )
        }
        StoreCommand::Copy(args) => copy(args, context),
    }
}

fn show(report: &StoreReport, context: &Context, first: &str) -> Result<Exit, Failure> {
    match context.output {
        Output::Json => context.lines.write(&StoreObject::new(report)),
        Output::Human => context.data(&screen(report, first))?,
    }
    if !report.server.has_standby {
        context.warn(&text::SingleCopy);
    }
    match (&report.server.identity, &report.server.recorded) {
        _ if report.server.is_doubted => context.warn(&text::Doubted),
        (None, _) => context.warn(&text::NoIdentity),
        (Some(_), None) => context.warn(&text::NotRecorded),
        (Some(_), Some(recorded)) if report.server.may_have_lost() => context.warn(&text::OtherServer { recorded }),
        (Some(_), Some(_)) => {}
    }
    Ok(Exit::Done)
}

/// What people are shown of a database.
fn screen(report: &StoreReport, first: &str) -> String {
    let mut lines = format!("{first}\n");
    let version = &visible(&report.server.version);
    let _ = writeln!(lines, "{}", text::Server { version });
    if let Some(identity) = &report.server.identity {
        let _ = writeln!(lines, "{}", text::Identity { identity });
    }
    let ledgers = report.ledgers as u64;
    let _ = writeln!(lines, "{}", text::Ledgers { n: ledgers });
    for worker in report.workers.iter().filter(|worker| !worker.fenced) {
        let owned = report.owners.iter().filter(|owner| owner.worker == Some(worker.id));
        let n = owned.count() as u64;
        let line = text::Worker {
            host: &visible(&worker.host),
            pid: &worker.pid,
            version: &visible(&worker.version),
            n,
        };
        let _ = writeln!(lines, "{line}");
    }
    lines
}

/// The JSON object `store`.
#[derive(Debug, Serialize)]
struct StoreObject<'r> {
    r#type: &'static str,
    database: &'r str,
    version: &'r str,
    standby: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityObject<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<IdentityObject<'r>>,
    doubted: bool,
    ledgers: usize,
    workers: Vec<WorkerObject<'r>>,
}

#[derive(Debug, Serialize)]
struct IdentityObject<'r> {
    system: &'r str,
    timeline: i64,
}

impl<'r> IdentityObject<'r> {
    fn new(identity: &'r ServerIdentity) -> Self {
        Self {
            system: &identity.system,
            timeline: identity.timeline,
        }
    }
}

#[derive(Debug, Serialize)]
struct WorkerObject<'r> {
    id: String,
    host: &'r str,
    pid: u32,
    version: &'r str,
    fenced: bool,
    app_ids: Vec<&'r str>,
}

impl<'r> StoreObject<'r> {
    fn new(report: &'r StoreReport) -> Self {
        let workers = report.workers.iter().map(|worker| WorkerObject {
            id: worker.id.to_string(),
            host: &worker.host,
            pid: worker.pid,
            version: &worker.version,
            fenced: worker.fenced,
            app_ids: report
                .owners
                .iter()
                .filter(|owner| owner.worker == Some(worker.id))
                .map(|owner| &*owner.app.app)
                .collect(),
        });
        Self {
            r#type: "store",
            database: &report.place,
            version: &report.server.version,
            standby: report.server.has_standby,
            identity: report.server.identity.as_ref().map(IdentityObject::new),
            recorded: report.server.recorded.as_ref().map(IdentityObject::new),
            doubted: report.server.is_doubted,
            ledgers: report.ledgers,
            workers: workers.collect(),
        }
    }
}

fn copy(args: &CopyArgs, context: &Context) -> Result<Exit, Failure> {
    let direction = match args.to {
        Target::Database => Direction::ToDatabase,
        Target::Files => Direction::ToFiles,
    };
    let files = load::files(&args.files, context)?;
    block_on(async {
        let mut exits = Vec::new();
        for file in &files {
            let parsed = match file.load() {
                Ok(parsed) => parsed,
                Err(mistakes) => {
                    load::show(&mistakes, context);
                    exits.push(Exit::Input);
                    continue;
                }
            };
            let at = context.campaign(file, &RehearsalArgs::default());
            // Every occurrence of a recurring campaign is moved from where its ledger is.
            let source = Environment {
                database: context
                    .environment
                    .database
                    .clone()
                    .filter(|_| direction == Direction::ToFiles),
                ..context.environment.clone()
            };
            let all = match Box::pin(occurrences::resolve_all(at, parsed, &source)).await {
                Ok(all) => all,
                Err(error) => {
                    show_failure(error, file.path(), &mut exits, context);
                    continue;
                }
            };
            for single in all {
                let campaign = single.load(&context.environment)?;
                match Box::pin(store::copy(&campaign, direction)).await {
                    Ok(copied) => {
                        moved(&campaign, &copied, context)?;
                        exits.push(Exit::Done);
                    }
                    Err(error) => show_failure(error, file.path(), &mut exits, context),
                }
            }
        }
        Ok(Exit::of_several(exits))
    })?
}

fn show_failure(error: AppError, file: &Path, exits: &mut Vec<Exit>, context: &Context) {
    let failure = Failure::from(error).of_file(file);
    context.show(&failure);
    exits.push(failure.exit);
}

/// The JSON object `copied`.
#[derive(Debug, Serialize)]
struct CopiedObject<'c> {
    r#type: &'static str,
    campaign: &'c str,
    app_id: &'c str,
    batches: u64,
    deliveries: u64,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

fn moved(campaign: &LoadedCampaign, copied: &Copied, context: &Context) -> Result<(), Failure> {
    let identity = &campaign.plan.identity;
    match context.output {
        Output::Json => context.lines.write(&CopiedObject {
            r#type: "copied",
            campaign: identity.campaign.as_str(),
            app_id: identity.app_id.as_str(),
            batches: copied.batches,
            deliveries: copied.deliveries,
            from: copied.from.to_string_lossy().into_owned(),
            to: copied.to.to_string_lossy().into_owned(),
            kept: copied.kept.as_ref().map(|kept| kept.to_string_lossy().into_owned()),
        }),
        Output::Human => {
            let line = text::Moved {
                campaign: &identity.campaign,
                batches: &grouped(copied.batches),
                deliveries: &grouped(copied.deliveries),
                to: &visible_path(&copied.to),
            };
            let kept = match &copied.kept {
                Some(kept) => text::OriginalInFiles {
                    path: &visible_path(kept),
                }
                .to_string(),
                None => text::OriginalInDatabase.to_string(),
            };
            context.data(&format!("{line}\n{kept}\n"))?;
        }
    }
    Ok(())
}
