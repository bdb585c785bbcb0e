//! `runner probe`: asks the platform what no document says, with one coupon for the person who asks.

mod objects;
mod screens;

use std::time::Duration;

use clap::Args;

use crate::app::apply::confirmation::Answer;
use crate::app::occurrences::Choice;
use crate::app::probe::Probe;
use crate::app::{LoadedCampaign, credentials};
use crate::catalogue::{app, probe as text};
use crate::model::identity::{CouponMetaId, OpenId};
use crate::model::probe::{ProbeLog, Step};
use crate::model::problem::Problem;
use crate::report::text::wrap_prose;

use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::failure::probe::answer;
use super::global_args::Output;
use super::load;
use super::question::ask_person;
use super::runtime::block_on;
use super::sandbox::time;
use super::terminal::{stderr_width_or_any, stdout_width_or_any};

/// The arguments of `runner probe`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string())]
pub struct ProbeArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
    #[arg(help = text::OptionOpenId.to_string())]
    #[arg(long, value_name = "OPEN_ID", value_parser = open_id, allow_hyphen_values = true)]
    open_id: OpenId,
    #[arg(help = text::OptionYes.to_string())]
    #[arg(long)]
    yes: bool,
    #[arg(help = text::OptionWait.to_string())]
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time)]
    wait: Duration,
    #[arg(help = text::OptionAgain.to_string())]
    #[arg(long)]
    again: bool,
}

fn open_id(typed: &str) -> Result<OpenId, String> {
    OpenId::parse(typed).map_err(|error| error.to_string())
}

/// Runs the command.
pub fn run(args: &ProbeArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign_at(&args.campaign, Choice::Only, context)? else {
        return Ok(Exit::Input);
    };
    let Some(coupon_meta_id) = campaign.parsed.campaign.names.coupon_meta_id.clone() else {
        return Err(Failure::new(Problem::ProbeInput, text::NoTemplate).help(text::NoTemplateHelp));
    };
    block_on(Box::pin(probe(args, &campaign, &coupon_meta_id, context)))?
}

async fn probe(
    args: &ProbeArgs,
    campaign: &LoadedCampaign,
    coupon_meta_id: &CouponMetaId,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut probe = Box::pin(Probe::open(campaign, args.wait)).await?;
    let done = Box::pin(go_on(args, campaign, coupon_meta_id, &mut probe, context)).await;
    let log = probe.last().cloned();
    let journal = probe.journal().path().to_owned();
    probe.release().await;
    match done? {
        Went::Over => {}
        Went::Declined => return Ok(Exit::Incomplete),
        Went::NoCredentials => return Ok(Exit::Input),
    }
    let Some(log) = log else { return Ok(Exit::Done) };
    match context.output {
        Output::Json => {
            for object in objects::objects(&log) {
                context.lines.write(&object);
            }
        }
        Output::Human => {
            let shown = screens::report(campaign, &log, &journal);
            context.data(&wrap_prose(&shown, stdout_width_or_any()))?;
        }
    }
    end(&log)
}

/// How far the command went.
enum Went {
    /// The probe is over.
    Over,
    /// A person did not agree to it.
    Declined,
    /// A secret is missing, which was shown.
    NoCredentials,
}

/// Makes the requests that are left.
async fn go_on(
    args: &ProbeArgs,
    campaign: &LoadedCampaign,
    coupon_meta_id: &CouponMetaId,
    probe: &mut Probe<'_>,
    context: &Context,
) -> Result<Went, Failure> {
    let subject = probe.subject(&args.open_id, coupon_meta_id);
    let is_new = probe.is_new(&subject)?;
    // What is known already costs nothing to show.
    let is_known = probe.last().is_some_and(|last| last.subject == subject);
    if is_new && is_known && !args.again {
        return Ok(Went::Over);
    }
    let credentials = match credentials::resolve(&campaign.parsed, &campaign.at.rehearsal) {
        Ok(credentials) => credentials,
        Err(mistake) => {
            load::show(&[*mistake], context);
            return Ok(Went::NoCredentials);
        }
    };
    let costs = screens::costs(&subject, !is_new);
    context.talk(&wrap_prose(&costs, stderr_width_or_any()));
    if !agreed(args, campaign, context)? {
        return Ok(Went::Declined);
    }
    probe
        .run(subject, credentials, &mut |progress| {
            let line = screens::progress(progress);
            context.talk(&wrap_prose(&line, stderr_width_or_any()));
        })
        .await?;
    Ok(Went::Over)
}

/// Whether the person agrees to the costs.
fn agreed(args: &ProbeArgs, campaign: &LoadedCampaign, context: &Context) -> Result<bool, Failure> {
    if args.yes || campaign.at.rehearsal.is_on() {
        return Ok(true);
    }
    if !context.terminal.can_ask {
        return Err(Failure::new(Problem::NeedsYes, text::NeedsYes).help(text::AddYes));
    }
    let question = format!("{} ", text::GoOn);
    let answer = ask_person(&context.console, &question, || false)
        .map_err(|error| Failure::new(Problem::Question, app::CannotAsk).caused_by(&error))?;
    if answer != Answer::Yes {
        context.talk(&format!("{}\n", text::NothingDone));
    }
    Ok(answer == Answer::Yes)
}

/// A probe without a coupon is a failure: what it was made for is unknown.
fn end(log: &ProbeLog) -> Result<Exit, Failure> {
    let refused = |step: Step| log.answer(step).map(|answered| answer(&answered.answer));
    let findings = log.findings();
    let (step, help) = match (findings.not_created, findings.not_sent) {
        (Some(_), _) => (Step::Create, text::RefusedCreateHelp.to_string()),
        (None, Some(_)) => (Step::Send, text::RefusedSendHelp.to_string()),
        (None, None) => return Ok(Exit::Done),
    };
    Err(Failure::new(Problem::ProbeRefused, text::Refused)
        .because(refused(step))
        .help(help))
}
