//! `runner pause`, `runner resume` and `runner stop`: commands to the process that applies a campaign. If no process does,
//! the exit code is the one for a missing input.

use clap::Args;
use serde::Serialize;

use crate::app::run_command::{self, Received, Verb};
use crate::catalogue::help;
use crate::model::problem::Problem;
use crate::model::run_command::{Requester, RunCommand};
use crate::report::text::visible;

use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::runtime::block_on;
use super::typed::again;

/// The arguments of `runner pause`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::PauseExamples.to_string())]
pub struct PauseArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// The arguments of `runner resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ResumeExamples.to_string())]
pub struct ResumeArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// The arguments of `runner stop`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::StopExamples.to_string())]
pub struct StopArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// Pauses a run.
pub fn pause(args: &PauseArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Pause, &args.campaign, context)
}

/// Resumes a paused run.
pub fn resume(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Resume, &args.campaign, context)
}

/// Stops a run.
pub fn stop(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    send(Verb::Stop, &args.campaign, context)
}

fn send(verb: Verb, args: &CampaignArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(loaded) = load::campaign(args, context)? else {
        return Ok(Exit::Input);
    };
    let identity = &loaded.plan.identity;
    let campaign = identity.campaign.as_str();
    let Some(Received { pid, before }) = block_on(run_command::send(&loaded, verb))?? else {
        let apply = again("apply", &loaded.at);
        let help = match verb {
            Verb::Resume => format!("to go on after an interruption, `{apply}`"),
            Verb::Pause | Verb::Stop => other_campaign(args),
        };
        return Err(Failure::new(Problem::NothingRuns, format!("nothing applies {campaign} at present")).help(help));
    };
    let text = match (verb, &before) {
        (Verb::Pause, RunCommand::Go) => "paused: nothing more starts, and what is in flight is waited for".to_owned(),
        (Verb::Pause, RunCommand::Pause { by }) => format!("paused already, by {}", visible(&by.to_string())),
        (Verb::Resume, RunCommand::Pause { .. }) => "goes on".to_owned(),
        (Verb::Stop, RunCommand::Go | RunCommand::Pause { .. }) => "stops: what is in flight is waited for".to_owned(),
        (Verb::Stop, RunCommand::Stop { by }) => format!("stops already, {}", stopped_by(by.as_ref())),
        (Verb::Pause | Verb::Resume, RunCommand::Stop { by }) => {
            let message = format!("{campaign} is stopping already, {}", stopped_by(by.as_ref()));
            let apply = again("apply", &loaded.at);
            return Err(
                Failure::new(Problem::EndsAlready, message).help(format!("when it has ended, `{apply}` goes on"))
            );
        }
        (Verb::Resume, RunCommand::Go) => {
            let message = format!("{campaign} is not paused: process {pid} applies it");
            let apply = again("apply", &loaded.at);
            return Err(
                Failure::new(Problem::NotPaused, message).help(format!("to go on after an interruption, `{apply}`"))
            );
        }
    };
    let word = match verb {
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Stop => "stop",
    };
    match context.output {
        Output::Json => context.lines.write(&ReceivedObject {
            r#type: "order",
            campaign,
            app_id: identity.app_id.as_str(),
            order: word,
            pid,
        }),
        Output::Human => context.say(&format!("{campaign} {text} (pid {pid})\n")),
    }
    Ok(Exit::Done)
}

/// A command that was accepted, for programs.
#[derive(Serialize)]
struct ReceivedObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    order: &'static str,
    pid: u32,
}

fn stopped_by(by: Option<&Requester>) -> String {
    by.map_or_else(
        || "by a signal".to_owned(),
        |by| format!("by {}", visible(&by.to_string())),
    )
}

fn other_campaign(args: &CampaignArgs) -> String {
    if args.rehearsal.rehearsal().is_on() {
        "without --sandbox, the campaign itself is meant".to_owned()
    } else {
        "with --sandbox, its rehearsal is meant".to_owned()
    }
}
