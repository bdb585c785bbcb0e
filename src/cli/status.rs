//! `runner status`: shows the status of campaigns, even while another process applies them. It reads that process's
//! `status.json`, asks the kernel whether the process still exists, and never opens a ledger.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;

use crate::campaign::{self, Parsed};
use crate::control::status_file;
use crate::ledger::ledger_dir::LedgerDir;
use crate::model::event::Owner;
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::render::json::{Status, StatusOwner};
use crate::report::render::terminal::status::{StatusRow, table};
use crate::report::text::visible;

use super::exit::Exit;
use super::failure::Failure;
use super::rehearsal::RehearsalArgs;
use super::watch::Screen;
use super::{Context, Output, elsewhere, locked_ledger, readonly_ledger, terminal, validate};

const EXAMPLES: &str = "\
Examples:
  runner status campaigns
      where every campaign in a directory stands
  runner status campaigns/summer.yaml --watch
      the same for one campaign, over and over until its run ends

It ends with 0, whatever the campaigns' state; with 2 when a file named here cannot be used.";

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_millis(500);

/// The arguments of `runner status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Campaign files, or directories of them; the current directory when none is named
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Whether rehearsals are meant.
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    /// Look again and again until no run goes on any more
    #[arg(short, long)]
    pub watch: bool,
}

/// Shows the status of campaigns.
pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaigns) = campaigns(args, context)? else {
        return Ok(Exit::Input);
    };
    if args.watch {
        return super::wait(watch(&campaigns, context))?;
    }
    let rows = rows(&campaigns)?;
    match context.output {
        Output::Json => rows.iter().for_each(|row| context.lines.write(&row.status)),
        Output::Human => context.data(&table(&rows, context.clock.now(), terminal::stdout_width()))?,
    }
    Ok(Exit::Done)
}

async fn watch(campaigns: &[Campaign], context: &Context) -> Result<Exit, Failure> {
    let mut screen = Screen::new(context);
    loop {
        let rows = rows(campaigns)?;
        let over = rows.iter().all(|row| row.status.owner.is_none());
        screen.show(&rows, context.clock.now(), over)?;
        if over || screen.closed() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// One campaign to show.
struct Campaign {
    name: String,
    plan: Plan,
    place: LedgerDir,
    zone: TimeZone,
    /// The message for a campaign without a ledger.
    no_ledger: String,
}

/// Returns the campaigns to show. `None` if a named file cannot be used, after reporting why.
fn campaigns(args: &StatusArgs, context: &Context) -> Result<Option<Vec<Campaign>>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut campaigns = Vec::new();
    for file in validate::files(paths)? {
        let named = paths.contains(&file);
        match campaign::load(&file) {
            Ok(parsed) => campaigns.push(campaign(args, context, &file, &parsed)?),
            Err(mistakes) if named => {
                validate::tell(&mistakes, context);
                return Ok(None);
            }
            // A directory may contain other files too.
            Err(_) => {
                let file = visible(&file.display().to_string()).into_owned();
                context.talk(&format!(
                    "{file} is left out; `runner validate {file}` says what is wrong with it\n"
                ));
            }
        }
    }
    Ok(Some(campaigns))
}

fn campaign(args: &StatusArgs, context: &Context, file: &Path, parsed: &Parsed) -> Result<Campaign, Failure> {
    let plan = readonly_ledger::plan_of(parsed, &args.rehearsal)?;
    let names = &parsed.campaign.names;
    let title = names.title.as_deref().map(|title| format!(" {title}"));
    // A broken ledger is reported by its own error.
    let other = elsewhere::find(context, file, &plan).unwrap_or_default();
    Ok(Campaign {
        no_ledger: other.map_or_else(
            || "no ledger yet".to_owned(),
            |other| format!("no ledger here; {other}"),
        ),
        name: format!("{}{}", names.campaign, title.unwrap_or_default()),
        place: locked_ledger::ledger_dir(context, file, &plan),
        plan,
        zone: parsed.campaign.timezone.clone(),
    })
}

fn rows(campaigns: &[Campaign]) -> Result<Vec<StatusRow>, Failure> {
    let row = |campaign: &Campaign| {
        Ok(StatusRow {
            name: campaign.name.clone(),
            status: status(campaign)?,
            zone: campaign.zone.clone(),
        })
    };
    campaigns.iter().map(row).collect()
}

fn status(campaign: &Campaign) -> Result<Status, Failure> {
    loop {
        let written = read(campaign)?;
        let Some(owner) = campaign.place.applier()? else {
            // The process may have ended and written its end between the two reads.
            let again = read(campaign)?;
            if again == written {
                return unowned(campaign, again);
            }
            continue;
        };
        return Ok(owned(campaign, written, &owner));
    }
}

/// Reads `status.json`. Returns `None` if the file does not exist. An unreadable file is an error.
fn read(campaign: &Campaign) -> Result<Option<Status>, Failure> {
    let path = campaign.place.status();
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Problem::StatusFile, format!("cannot read {}", path.display()))
            .caused_by(error)
            .help("use the program that applies the campaign; the file can also be removed, it is only a courtesy")
    };
    match status_file::read(&path).map_err(|error| failed(&error))? {
        Some(text) => Ok(Some(Status::parse(&text).map_err(|error| failed(&error))?)),
        None => Ok(None),
    }
}

/// Returns the status of a campaign that no process applies: what the last run left.
fn unowned(campaign: &Campaign, written: Option<Status>) -> Result<Status, Failure> {
    let there = campaign.place.look()?.is_some();
    Ok(match written {
        Some(status) if there && status.owner.is_some() => status.interrupted(),
        Some(status) if there && campaign.was_added_to() => status.outdated(),
        Some(status) if there => status,
        None if there => campaign.unknown("idle", "there is a ledger, and nobody has said how it stands"),
        Some(_) => campaign.unknown("idle", "the ledger is gone, though a run has written to it"),
        None => campaign.unknown("idle", &campaign.no_ledger),
    })
}

/// Returns the status of a campaign that `owner` applies. The file may still be an earlier run's.
fn owned(campaign: &Campaign, written: Option<Status>, owner: &Owner) -> Status {
    let this = StatusOwner::new(owner, &campaign.zone);
    match written {
        Some(status) if status.owner.as_ref() == Some(&this) => status,
        // The process has written its end and is exiting.
        Some(status) if status.owner.is_none() && status.at.as_deref().is_some_and(|at| at >= &*this.since) => status,
        written => {
            let mut status = campaign.unknown("planning", "opening the ledger");
            status.counts = written.map(|status| status.counts).unwrap_or_default();
            status.owner = Some(this);
            status
        }
    }
}

impl Campaign {
    /// Returns whether facts were added after the last run wrote its status, for example by a person's decision.
    fn was_added_to(&self) -> bool {
        let written = status_file::written(&self.place.status());
        self.place
            .appended()
            .zip(written)
            .is_some_and(|(appended, written)| appended > written)
    }

    fn unknown(&self, state: &str, why: &str) -> Status {
        let identity = &self.plan.identity;
        Status::unknown(identity.campaign.as_str(), identity.app_id.as_str(), state, why)
    }
}
