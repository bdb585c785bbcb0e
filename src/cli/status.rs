//! `runner status`: shows the status of campaigns, even while another process applies them. It reads that process's
//! `status.json`, asks the kernel whether the process still exists, and never opens a ledger.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::app::occurrences;
use crate::app::status::{CampaignStatus, StatusReader};
use crate::catalogue::{help, status as texts};
use crate::report::render::terminal::status::table;
use crate::report::text::visible_path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::occurrence_args::OccurrenceArgs;
use super::rehearsal::RehearsalArgs;
use super::remote::{self, Files};
use super::runtime::block_on;
use super::watch::Screen;
use super::{load, terminal};

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_millis(500);

/// The arguments of `runner status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::StatusExamples.to_string())]
pub struct StatusArgs {
    #[arg(help = help::StatusPaths.to_string())]
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub occurrence: OccurrenceArgs,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    #[arg(help = help::StatusWatch.to_string())]
    #[arg(short, long)]
    pub watch: bool,
}

/// Shows the status of campaigns.
pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(service) = remote::service()? {
        let files = Files {
            paths: &args.paths,
            occurrence: args.occurrence,
        };
        return block_on(remote::status(&service, &files, args.watch, context))?;
    }
    let Some(campaigns) = campaigns(args, context)? else {
        return Ok(Exit::Input);
    };
    if args.watch {
        return block_on(watch(&campaigns, context))?;
    }
    let rows = block_on(async { StatusReader::connect(&campaigns).await?.rows().await })??;
    match context.output {
        Output::Json => rows
            .iter()
            .for_each(|row| context.lines.write(&row.status.for_programs())),
        Output::Human => context.data(&table(&rows, context.now(), terminal::stdout_width()))?,
    }
    Ok(Exit::Done)
}

async fn watch(campaigns: &[CampaignStatus], context: &Context) -> Result<Exit, Failure> {
    let mut screen = Screen::new(context);
    let reader = StatusReader::connect(campaigns).await?;
    loop {
        let rows = reader.rows().await?;
        let over = rows.iter().all(|row| row.status.owner.is_none());
        screen.show(&rows, context.now(), over)?;
        if over || screen.closed() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns the campaigns to show. `None` if a named file cannot be used, after reporting why.
fn campaigns(args: &StatusArgs, context: &Context) -> Result<Option<Vec<CampaignStatus>>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut campaigns = Vec::new();
    for file in load::files_below(paths, context)? {
        let named = paths.iter().any(|path| path == file.path());
        match file.load() {
            Ok(parsed) => {
                let is_recurring = parsed.campaign.repeat.is_some();
                let at = context.campaign(&file, &args.rehearsal);
                // In a directory, the option is about the recurring campaigns.
                let at = if named || is_recurring {
                    args.occurrence.of(at)
                } else {
                    at
                };
                let all = block_on(occurrences::resolve_all(at, parsed, &context.environment))?;
                for single in all? {
                    campaigns.push(CampaignStatus::new(single.load(&context.environment)?));
                }
            }
            Err(mistakes) if named => {
                load::show(&mistakes, context);
                return Ok(None);
            }
            // A directory may contain other files too.
            Err(_) => {
                let file = visible_path(file.path());
                context.talk(&format!("{}\n", texts::LeftOut { file: &file }));
            }
        }
    }
    Ok(Some(campaigns))
}
