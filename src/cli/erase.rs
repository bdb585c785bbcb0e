//! `runner erase`: erases the open_ids of campaigns that have ended.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::apply::confirmation::Answer;
use crate::app::campaign_files::Neighbours;
use crate::app::erase::{self, Eligibility};
use crate::app::{AppError, CampaignFile, LoadedCampaign, occurrences, readonly_ledger};
use crate::campaign::parse_duration;
use crate::catalogue::{app, erase as texts};
use crate::model::identity::Identity;
use crate::model::problem::Problem;
use crate::report::text::{Align, Columns, wrap_prose};
use crate::report::times::{date_time, rfc3339};

use super::by_args::ByArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::occurrence_args::OccurrenceArgs;
use super::question::ask_person;
use super::rehearsal::RehearsalArgs;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;

/// The arguments of `runner erase`.
#[derive(Clone, Debug, Args)]
#[command(after_help = texts::Examples.to_string())]
pub struct EraseArgs {
    #[arg(help = texts::Files.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    #[arg(help = texts::OlderThan.to_string())]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    older_than: Option<Duration>,
    #[arg(help = texts::DryRun.to_string())]
    #[arg(long)]
    dry_run: bool,
    #[arg(help = texts::Yes.to_string())]
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    occurrence: OccurrenceArgs,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
}

fn duration(typed: &str) -> Result<Duration, String> {
    parse_duration(typed).ok_or_else(|| texts::NotDuration.to_string())
}

/// Erases the open_ids of all named campaigns that have ended, after showing how many they are.
pub fn run(args: &EraseArgs, context: &Context) -> Result<Exit, Failure> {
    let files = load::files(&args.files, context)?;
    let is_alone = files.len() == 1;
    let mut neighbours = Neighbours::default();
    block_on(async {
        let mut exits = Vec::new();
        let mut ledgers = Vec::new();
        for file in &files {
            match Box::pin(find(file, args, context, &mut neighbours)).await {
                Ok(Some(found)) => ledgers.extend(found),
                Ok(None) => exits.push(Exit::Input),
                Err(failure) => exits.push(shown(failure, file, is_alone, context)?),
            }
        }
        let exit = Box::pin(erase_all(ledgers, args, context)).await?;
        exits.push(exit);
        Ok(Exit::of_several(exits))
    })?
}

/// Shows a failure of one of several files. That of the only one ends the command.
fn shown(failure: Failure, file: &CampaignFile, is_alone: bool, context: &Context) -> Result<Exit, Failure> {
    if is_alone {
        return Err(failure);
    }
    let failure = failure.of_file(file.path());
    context.show(&failure);
    Ok(failure.exit)
}

/// A ledger, and whether its open_ids can be erased.
struct FoundLedger {
    campaign: LoadedCampaign,
    eligibility: Eligibility,
}

/// Returns the ledgers of a campaign file: of a recurring campaign, those of all occurrences. `None` if the file cannot be used, after
/// showing why.
async fn find(
    file: &CampaignFile,
    args: &EraseArgs,
    context: &Context,
    neighbours: &mut Neighbours,
) -> Result<Option<Vec<FoundLedger>>, Failure> {
    let Some(parsed) = load::usable(file, context, neighbours) else {
        return Ok(None);
    };
    let at = args.occurrence.of(context.campaign(file, &args.rehearsal));
    let mut found = Vec::new();
    let mut lacks = None;
    for single in Box::pin(occurrences::resolve_all(at, parsed, &context.environment)).await? {
        let campaign = single.load(&context.environment)?;
        match erase::preview(&campaign, args.older_than()).await? {
            Some(eligibility) => found.push(FoundLedger { campaign, eligibility }),
            None => lacks = Some(campaign),
        }
    }
    match lacks.filter(|_| found.is_empty()) {
        Some(campaign) => Err(readonly_ledger::no_ledger(&campaign).into()),
        None => Ok(Some(found)),
    }
}

async fn erase_all(ledgers: Vec<FoundLedger>, args: &EraseArgs, context: &Context) -> Result<Exit, Failure> {
    let due = |ledger: &&FoundLedger| matches!(ledger.eligibility, Eligibility::Due { .. });
    let n = ledgers.iter().filter(due).count() as u64;
    if args.dry_run {
        let rows: Vec<_> = ledgers.iter().map(|ledger| row(ledger, Word::Due)).collect();
        show(&rows, context)?;
        return Ok(args.exit(&ledgers));
    }
    if n > 0 && !args.yes && !args.rehearsal.rehearsal().is_on() {
        let rows: Vec<_> = ledgers
            .iter()
            .filter(due)
            .map(|ledger| row(ledger, Word::Due))
            .collect();
        let about = question(&rows);
        if !context.terminal.can_ask {
            return Err(Failure::new(Problem::NeedsYes, texts::NeedsYes { n }).help(texts::NeedsYesHelp));
        }
        // There is nothing to shut down in order, so a signal ends the process.
        let answer = ask_person(&context.console, &about, || false)
            .map_err(|error| Failure::new(Problem::Question, app::CannotAsk).caused_by(&error))?;
        if answer != Answer::Yes {
            context.talk(&format!("{}\n", texts::NothingErased));
            return Ok(Exit::Incomplete);
        }
    }
    let is_alone = ledgers.len() == 1;
    let mut exits = vec![args.exit(&ledgers)];
    let mut rows = Vec::new();
    for mut ledger in ledgers {
        match Box::pin(erase_one(&ledger, args)).await {
            Ok(eligibility) => ledger.eligibility = eligibility,
            Err(error) => {
                let file = &ledger.campaign.at.file;
                exits.push(shown(error.into(), file, is_alone, context)?);
                continue;
            }
        }
        rows.push(row(&ledger, Word::Erased));
    }
    show(&rows, context)?;
    Ok(Exit::of_several(exits))
}

/// Erases the open_ids of a ledger if they can be erased, and removes what another erasure has left.
async fn erase_one(
    FoundLedger { campaign, eligibility }: &FoundLedger,
    args: &EraseArgs,
) -> Result<Eligibility, AppError> {
    let is_due = match eligibility {
        Eligibility::Due { .. } => true,
        Eligibility::Erased { .. } => erase::has_leftovers(campaign).await?,
        Eligibility::Incomplete | Eligibility::Recent { .. } | Eligibility::NoRecipients => false,
    };
    if !is_due {
        return Ok(*eligibility);
    }
    Box::pin(erase::erase(campaign, args.older_than(), args.by.actor())).await
}

impl EraseArgs {
    fn older_than(&self) -> Duration {
        self.older_than.unwrap_or_default()
    }

    /// A campaign that was named to be erased and has not ended is not done. With `--older-than`, it is left for a later day.
    fn exit(&self, ledgers: &[FoundLedger]) -> Exit {
        let is_left = |ledger: &FoundLedger| ledger.eligibility == Eligibility::Incomplete;
        if self.older_than.is_none() && ledgers.iter().any(is_left) {
            return Exit::Incomplete;
        }
        Exit::Done
    }
}

/// Returns the question: what is about to be erased.
fn question(due: &[Row]) -> String {
    let users = due.iter().filter_map(|row| row.object.users).sum();
    let n = due.len() as u64;
    let mut text = format!("{}\n", texts::AboutToErase { n, users });
    text.push_str(&table(due));
    let _ = writeln!(text, "{}", texts::CannotBeUndone);
    text + &texts::GoOn { n }.to_string()
}

/// Whether open_ids that can be erased have been.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Due,
    Erased,
}

/// What became of one ledger.
struct Row {
    object: ErasureObject,
    text: String,
}

/// What became of one ledger, for programs.
#[derive(Serialize)]
struct ErasureObject {
    r#type: &'static str,
    campaign: String,
    app_id: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
}

fn row(ledger: &FoundLedger, word: Word) -> Row {
    let zone = &ledger.campaign.parsed.campaign.timezone;
    described(&ledger.campaign.plan.identity, ledger.eligibility, word, zone)
}

fn described(identity: &Identity, eligibility: Eligibility, word: Word, zone: &TimeZone) -> Row {
    let mut object = ErasureObject {
        r#type: "erasure",
        campaign: identity.campaign.to_string(),
        app_id: identity.app_id.to_string(),
        result: "erased",
        users: None,
        at: None,
        due: None,
    };
    let text = match eligibility {
        Eligibility::Due { recipients } => {
            let users = u64::from(recipients);
            object.users = Some(users);
            if word == Word::Due {
                object.result = "due";
                texts::Due { users }.to_string()
            } else {
                texts::Erased { users }.to_string()
            }
        }
        Eligibility::Erased { at } => {
            object.result = "already_erased";
            object.at = Some(rfc3339(at, zone));
            texts::AlreadyErased {
                at: &date_time(at, zone),
            }
            .to_string()
        }
        Eligibility::Incomplete => {
            object.result = "incomplete";
            texts::Incomplete.to_string()
        }
        Eligibility::Recent { due } => {
            object.result = "recent";
            object.due = Some(rfc3339(due, zone));
            texts::Recent {
                due: &date_time(due, zone),
            }
            .to_string()
        }
        Eligibility::NoRecipients => {
            object.result = "no_users";
            texts::NoUsers.to_string()
        }
    };
    Row { object, text }
}

fn show(rows: &[Row], context: &Context) -> Result<(), Failure> {
    match context.output {
        Output::Json => rows.iter().for_each(|row| context.lines.write(&row.object)),
        Output::Human => context.data(&wrap_prose(&table(rows), stdout_width_or_any()))?,
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let cells: Vec<_> = rows.iter().map(|row| [row.object.campaign.clone()]).collect();
    let columns = Columns::new([Align::Left], &cells);
    let mut text = String::new();
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = writeln!(text, "  {}  {}", columns.cells(cells).join("  "), row.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::catalogue::Language;
    use crate::model::identity::{AppId, CampaignName, PlatformName};

    fn rows(word: Word) -> Vec<Row> {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let all = [
            ("summer-2025", Eligibility::Due { recipients: 12_000 }),
            ("奶茶", Eligibility::Due { recipients: 1 }),
            ("spring", Eligibility::Erased { at }),
            ("autumn", Eligibility::Incomplete),
            ("winter", Eligibility::Recent { due: at }),
            ("empty", Eligibility::NoRecipients),
        ];
        let row = |(name, eligibility)| {
            let identity = Identity {
                campaign: CampaignName::parse(name).unwrap(),
                app_id: AppId::parse("tt1").unwrap(),
                platform: PlatformName::FakePlatform,
            };
            described(&identity, eligibility, word, &zone)
        };
        all.map(row).into()
    }

    fn shown() -> String {
        let due = rows(Word::Due);
        [
            question(&due[..2]),
            question(&due[..1]),
            table(&due),
            table(&rows(Word::Erased)),
        ]
        .join("\n\n")
    }

    #[test]
    fn what_is_erased_is_shown_in_english() {
        insta::assert_snapshot!(shown());
    }

    #[test]
    fn what_is_erased_is_shown_in_chinese() {
        insta::assert_snapshot!(Language::Chinese.scope(shown));
    }

    #[test]
    fn what_is_erased_is_shown_to_programs() {
        let objects = rows(Word::Erased);
        let lines: Vec<_> = objects
            .iter()
            .map(|row| serde_json::to_string(&row.object).unwrap())
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
