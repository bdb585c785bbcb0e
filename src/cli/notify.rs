//! `runner notify`: sends a test message to each channel of a campaign file, or of the file of a service.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::app::campaign_files::Neighbours;
use crate::app::{CampaignRef, notify};
use crate::campaign::Diagnostic;
use crate::catalogue::{cli, help, notify as text};
use crate::model::problem::Problem;
use crate::notify::channel::Channel;
use crate::notify::fault_text::{fault, remedy};
use crate::notify::test::TestOrigin;
use crate::notify::verdict::Verdict;
use crate::report::render::terminal::styles::{BAD, GOOD, HELP, WARN};
use crate::report::text::{columns, left, visible, visible_path, wrap};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::runtime::block_on;
use super::terminal;

/// The arguments of `runner notify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::NotifyExamples.to_string())]
pub struct NotifyArgs {
    #[arg(help = help::CampaignFile.to_string())]
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// What a file says about its channels.
struct Tested {
    origin: TestOrigin,
    channels: Result<Vec<Channel>, Vec<Diagnostic>>,
    /// The campaign and the app of a campaign file. `None` for the file of a service.
    names: Option<(String, String)>,
}

/// Reads a file. `None` if it has mistakes, after showing them.
fn read(args: &NotifyArgs, context: &Context) -> Result<Option<Tested>, Failure> {
    let file = load::file(&args.file, context)?;
    if let Some(server) = load::server_file(&file) {
        let parsed = match server {
            Ok(parsed) => parsed,
            Err(mistakes) => {
                load::show(&mistakes, context);
                return Ok(None);
            }
        };
        load::show(&parsed.warnings, context);
        let origin = notify::service_origin(file.path(), &parsed.content);
        return Ok(Some(Tested {
            origin: TestOrigin::Service(origin),
            channels: notify::service_channels(&parsed),
            names: None,
        }));
    }
    let Some(parsed) = load::usable(&file, context, &mut Neighbours::default()) else {
        return Ok(None);
    };
    let names = &parsed.campaign.names;
    let names = (names.campaign.to_string(), names.app_id.to_string());
    Ok(Some(Tested {
        origin: notify::test_origin(&CampaignRef::new(file), &parsed),
        channels: notify::channels(&parsed),
        names: Some(names),
    }))
}

/// Sends the test messages.
pub fn run(args: &NotifyArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(tested) = read(args, context)? else {
        return Ok(Exit::Input);
    };
    let channels = match tested.channels {
        Ok(channels) => channels,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(Exit::Input);
        }
    };
    if channels.is_empty() {
        let path = &visible_path(&args.file);
        return Err(Failure::new(Problem::NoChannel, cli::NoChannel { path }).help(cli::NoChannelHelp));
    }
    let labels = channels.iter().map(|channel| columns(&visible(&channel.label)));
    let widest = labels.max().unwrap_or_default();
    let mut exits = Vec::new();
    block_on(notify::test(
        &tested.origin,
        &channels,
        &context.environment.clock,
        |channel, verdict| {
            let shown = Shown::new(channel, verdict);
            exits.push(shown.exit);
            match context.output {
                Output::Json => context
                    .lines
                    .write(&TestObject::new(tested.names.as_ref(), channel, &shown)),
                Output::Human => context.say(&screen(channel, &shown, widest, terminal::stdout_width_or_any())),
            }
        },
    ))??;
    Ok(Exit::of_several(exits))
}

/// A verdict as it is shown.
struct Shown {
    word: &'static str,
    finding: String,
    help: Option<String>,
    exit: Exit,
}

impl Shown {
    fn new(channel: &Channel, verdict: &Verdict) -> Self {
        let of = |word, found, exit| Self {
            word,
            finding: fault(channel.kind, found),
            help: Some(remedy(found.kind)),
            exit,
        };
        match verdict {
            Verdict::Sent => Self {
                word: "sent",
                finding: cli::TestSent.to_string(),
                help: None,
                exit: Exit::Done,
            },
            Verdict::Throttled(_) => Self {
                word: "throttled",
                finding: text::Throttled.to_string(),
                help: Some(text::ThrottledHelp.to_string()),
                exit: Exit::Incomplete,
            },
            Verdict::Unknown(found) => of("unknown", found, Exit::Incomplete),
            Verdict::Unfit(found) | Verdict::Dead(found) => of("refused", found, Exit::NeedsPerson),
        }
    }
}

/// The lines of one channel.
fn screen(channel: &Channel, shown: &Shown, widest: usize, width: usize) -> String {
    let label = |word: &str| cli::TestVerdict { verdict: &word }.to_string();
    let verdicts = ["sent", "throttled", "unknown", "refused"].map(|word| columns(&label(word)));
    let verdicts = verdicts.into_iter().max().unwrap_or_default();
    let style = match shown.exit {
        Exit::Done => GOOD,
        Exit::Incomplete => WARN,
        _ => BAD,
    };
    // A long path leaves no room beside it.
    let is_beside = verdicts + widest + 4 + 30 <= width;
    let indent = if is_beside { verdicts + widest + 4 } else { verdicts + 2 };
    let between = if is_beside {
        "  ".to_owned()
    } else {
        format!("\n{}", " ".repeat(indent))
    };
    let name = left(&visible(&channel.label), if is_beside { widest } else { 0 });
    let verdict = left(&label(shown.word), verdicts);
    let finding = wrap(&visible(&shown.finding), width, indent);
    let mut lines = format!("{style}{verdict}{style:#}  {name}{between}{finding}\n");
    if let Some(help) = &shown.help {
        let help = cli::TestHelp { help: &visible(help) }.to_string();
        let spaces = " ".repeat(indent);
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{spaces}{HELP}{}{HELP:#}", wrap(&help, width, indent));
    }
    lines
}

/// The JSON object `notification`, in schema 1.0.
#[derive(Debug, Serialize)]
struct TestObject<'t> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_id: Option<&'t str>,
    channel: &'t str,
    result: &'static str,
    message: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'t str>,
}

impl<'t> TestObject<'t> {
    fn new(names: Option<&'t (String, String)>, channel: &'t Channel, shown: &'t Shown) -> Self {
        Self {
            r#type: "notification",
            campaign: names.map(|(campaign, _)| campaign.as_str()),
            app_id: names.map(|(_, app_id)| app_id.as_str()),
            channel: &channel.label,
            result: shown.word,
            message: &shown.finding,
            help: shown.help.as_deref(),
        }
    }
}
