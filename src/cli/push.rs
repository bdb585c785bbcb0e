//! `runner push`: keeps campaign files in the database of a fleet, lists and removes them.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use jiff::tz::TimeZone;
use serde::Serialize;
use similar::TextDiff;

use crate::app::apply::confirmation::Answer;
use crate::app::campaign_file::PUSHED;
use crate::app::campaign_files::{self, Neighbours};
use crate::app::push::{self, Difference, FileToPush};
use crate::app::pushed_files::{PushedFile, PushedFiles};
use crate::app::{AppError, CampaignFile, Rehearsal};
use crate::campaign::{self, Parsed};
use crate::catalogue::{app, push as text};
use crate::fleet::DatabaseUrl;
use crate::model::problem::Problem;
use crate::report::text::{visible, visible_path};
use crate::report::times::{date_time, rfc3339};

use super::by_args::ByArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::typed::again_with;
use super::{load, question};

/// How many unchanged lines are shown around a change.
const AROUND: usize = 2;

/// The arguments of `runner push`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string())]
#[command(group = ArgGroup::new("what").required(true).args(["files", "list", "show", "remove"]))]
pub struct PushArgs {
    #[arg(help = text::Files.to_string())]
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    #[arg(help = text::Name.to_string())]
    #[arg(long, value_name = "NAME", requires = "files", value_parser = name)]
    name: Option<String>,
    #[arg(help = text::List.to_string())]
    #[arg(long)]
    list: bool,
    #[arg(help = text::Show.to_string())]
    #[arg(long, value_name = "NAME")]
    show: Option<String>,
    #[arg(help = text::Remove.to_string())]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    remove: Vec<String>,
    #[arg(help = text::Yes.to_string())]
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    by: ByArgs,
}

/// Parses the name that a file gets. It must be possible to type it after `pushed:`, and to see it.
fn name(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.contains('/') || typed.chars().any(char::is_control) {
        return Err(text::NameRule.to_string());
    }
    Ok(typed.to_owned())
}

/// Pushes campaign files, lists or removes them.
pub fn run(args: &PushArgs, context: &Context) -> Result<Exit, Failure> {
    let pushed = load::pushed(context)?;
    let Some(url) = context.environment.database.clone() else {
        return Ok(Exit::Input);
    };
    if args.list {
        return list(&pushed, context);
    }
    if let Some(name) = &args.show {
        let file = find(name, &pushed)?;
        context.data(&String::from_utf8_lossy(&file.body))?;
        return Ok(Exit::Done);
    }
    if !args.remove.is_empty() {
        return remove(&args.remove, &pushed, &url, context);
    }
    let files = campaign_files::files_at(&args.files)?;
    if args.name.is_some() && files.len() != 1 {
        return Err(Failure::new(Problem::CommandLine, text::NameOfOne));
    }
    let mut neighbours = Neighbours::default();
    let mut exits = Vec::new();
    for path in &files {
        let exit = one(path, args, &pushed, &url, context, &mut neighbours).unwrap_or_else(|failure| {
            let failure = if files.len() > 1 {
                failure.of_file(path)
            } else {
                failure
            };
            context.show(&failure);
            failure.exit
        });
        exits.push(exit);
    }
    Ok(Exit::of_several(exits))
}

/// Returns the pushed file that is named with or without `pushed:`.
fn find<'p>(name: &str, pushed: &'p PushedFiles) -> Result<&'p PushedFile, Failure> {
    let name = CampaignFile::pushed_name(Path::new(name)).unwrap_or(name);
    let found = pushed.get(name);
    Ok(found.ok_or_else(|| campaign_files::not_pushed(name, pushed))?)
}

/// Pushes one file.
fn one(
    path: &Path,
    args: &PushArgs,
    pushed: &PushedFiles,
    url: &DatabaseUrl,
    context: &Context,
    neighbours: &mut Neighbours,
) -> Result<Exit, Failure> {
    if load::usable(&path.into(), context, neighbours).is_none() {
        return Ok(Exit::Input);
    }
    let body = match campaign::read(path) {
        Ok(body) => body,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(Exit::Input);
        }
    };
    // The file may have been saved since it was checked.
    let Ok(parsed) = campaign::parse(path, &body).map_err(|mistakes| load::show(&mistakes, context)) else {
        return Ok(Exit::Input);
    };
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let file = FileToPush {
        name: args.name.clone().or(own).unwrap_or_default(),
        names: parsed.campaign.names.clone(),
        body,
        origin: push::origin(path)?,
    };
    let by = args.by.actor();
    let difference = file.compare(pushed, &by.host)?;
    let seen = match difference {
        Difference::New => None,
        Difference::Unchanged => {
            done(
                &file,
                "unchanged",
                context,
                &text::Unchanged {
                    name: &visible(&file.name),
                },
            );
            return Ok(Exit::Done);
        }
        Difference::Changed(before) => {
            if context.output == Output::Human {
                context.console.print(&changes(before, &file, &by.host));
            }
            if !args.yes && !agreed(before, &parsed, context)? {
                let name = &visible(&file.name);
                context.talk(&format!("{}\n", text::Declined { name }));
                return Ok(Exit::Incomplete);
            }
            Some(before)
        }
    };
    block_on(file.push(url, seen, &by))??;
    let name = &visible(&file.name);
    let campaign = &file.names.campaign;
    let app = &file.names.app_id;
    match seen {
        None => {
            let typed = PathBuf::from(format!("{PUSHED}{}", file.name));
            let command = again_with("apply", &Rehearsal::No, None, context.store.as_ref(), &[typed]);
            let added = text::Added { name, campaign, app };
            done(&file, "new", context, &format!("{added}\n  {command}"));
        }
        Some(_) => done(&file, "replaced", context, &text::Replaced { name, campaign, app }),
    }
    load::tell_of_sources(name, &parsed, context);
    Ok(Exit::Done)
}

/// Asks whether a changed file is pushed.
fn agreed(before: &PushedFile, parsed: &Parsed, context: &Context) -> Result<bool, Failure> {
    let name = &visible(&before.name);
    if !context.terminal.can_ask {
        return Err(Failure::new(Problem::PushNeedsYes, text::NeedsYes { name }).help(text::NeedsYesHelp));
    }
    let question = text::Question {
        name,
        by: &visible(&before.by),
        at: &date_time(before.at, &parsed.campaign.timezone),
    };
    // There is nothing to shut down in order, so a signal ends the process.
    question::ask_person(&context.console, &question.to_string(), || false)
        .map(|answer| answer == Answer::Yes)
        .map_err(|error| Failure::new(Problem::Question, app::CannotAsk).caused_by(&error))
}

/// Returns the lines that a push changes.
fn changes(before: &PushedFile, file: &FileToPush, host: &str) -> String {
    let mut shown = String::new();
    if before.origin != file.origin || before.host != host {
        let moved = text::Moved {
            host: &visible(&before.host),
            origin: &visible_path(&before.origin),
        };
        shown = format!("{}: {moved}\n", visible(&file.name));
    }
    let old = String::from_utf8_lossy(&before.body);
    let new = String::from_utf8_lossy(&file.body);
    let diff = TextDiff::from_lines(&*old, &*new);
    let lines = diff.unified_diff().context_radius(AROUND).to_string();
    for line in lines.lines() {
        shown.push_str(&visible(line));
        shown.push('\n');
    }
    shown
}

/// The JSON object `pushed`: a file that was pushed, or is listed.
#[derive(Debug, Serialize)]
struct PushedObject<'f> {
    r#type: &'static str,
    name: &'f str,
    campaign: &'f str,
    app_id: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

impl<'f> PushedObject<'f> {
    fn listed(file: &'f PushedFile) -> Self {
        Self {
            r#type: "pushed",
            name: &file.name,
            campaign: &file.campaign,
            app_id: &file.app,
            change: None,
            by: Some(&file.by),
            host: Some(&file.host),
            origin: Some(file.origin.to_string_lossy().into_owned()),
            at: Some(rfc3339(file.at, &zone(file))),
        }
    }
}

fn done(file: &FileToPush, change: &'static str, context: &Context, shown: &dyn std::fmt::Display) {
    match context.output {
        Output::Json => context.lines.write(&PushedObject {
            r#type: "pushed",
            name: &file.name,
            campaign: file.names.campaign.as_str(),
            app_id: file.names.app_id.as_str(),
            change: Some(change),
            by: None,
            host: None,
            origin: None,
            at: None,
        }),
        Output::Human => context.say(&format!("{shown}\n")),
    }
}

/// Returns the time zone of a pushed file. A file of a newer version may not be readable.
fn zone(file: &PushedFile) -> TimeZone {
    let parsed = campaign::parse_in(Path::new(&file.name), file.directory(), &file.body);
    parsed.map_or(TimeZone::UTC, |parsed| parsed.campaign.timezone)
}

fn list(pushed: &PushedFiles, context: &Context) -> Result<Exit, Failure> {
    if pushed.all().is_empty() {
        context.talk(&format!("{}\n", text::NoFiles));
    }
    for file in pushed.all() {
        match context.output {
            Output::Json => context.lines.write(&PushedObject::listed(file)),
            Output::Human => {
                let line = text::Listed {
                    campaign: &visible(&file.campaign),
                    app: &visible(&file.app),
                    by: &visible(&file.by),
                    at: &date_time(file.at, &zone(file)),
                    host: &visible(&file.host),
                    origin: &visible_path(&file.origin),
                };
                context.data(&format!("{}\n  {line}\n", visible(&file.name)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn remove(names: &[String], pushed: &PushedFiles, url: &DatabaseUrl, context: &Context) -> Result<Exit, Failure> {
    let files = names.iter().map(|name| find(name, pushed));
    let files: Vec<_> = files.collect::<Result<_, _>>()?;
    for file in files {
        block_on(push::remove(url, file))?.map_err(|error: AppError| Failure::from(error))?;
        match context.output {
            Output::Json => context.lines.write(&PushedObject {
                change: Some("removed"),
                ..PushedObject::listed(file)
            }),
            Output::Human => context.say(&format!(
                "{}\n",
                text::Removed {
                    name: &visible(&file.name),
                    campaign: &visible(&file.campaign),
                }
            )),
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn the_changes_of_a_file_are_shown_in_both_languages() {
        let body = |pace: &str| {
            format!(
                "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: 1\naudience:\n  source: {{csv: {{path: a.csv, open_id: u}}}}\npace:\n  per_second: {pace}\n"
            )
        };
        let parsed = campaign::parse(Path::new("c.yaml"), body("98").as_bytes());
        let file = FileToPush {
            name: "summer.yaml".to_owned(),
            names: parsed.map_or_else(
                |_| unreachable!("the file has no mistake"),
                |parsed| parsed.campaign.names,
            ),
            body: body("98").into(),
            origin: "/srv/campaigns/summer.yaml".into(),
        };
        let before = PushedFile {
            name: "summer.yaml".to_owned(),
            app: "tt1".to_owned(),
            campaign: "summer".to_owned(),
            // A file that somebody else has pushed is shown with its escapes.
            body: body("50   # \u{1b}[31mslow").into(),
            hash: Vec::new(),
            origin: "/home/ann/summer.yaml".into(),
            host: "till-4".to_owned(),
            by: "ann".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let shown = Language::ALL.map(|language| language.scope(|| changes(&before, &file, "till-5")));
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_name_can_be_typed() {
        assert_eq!(name(" summer.yaml ").as_deref(), Ok("summer.yaml"));
        for wrong in ["", "  ", "north/summer.yaml", "a\u{7}"] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
