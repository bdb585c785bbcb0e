//! `runner simulate`: runs a whole campaign on a virtual clock against the fake platform, with the same code as an apply.
//! It reads the ledger and continues it in memory. It opens no socket to the platform and needs no secret.

mod times;
mod world;

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::app::occurrences::Choice;
use crate::app::simulate::{self, SimulationRequest, SimulationResult};
use crate::app::{LoadedCampaign, Notice};
use crate::campaign::Campaign;
use crate::catalogue::{help, simulation as texts};
use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::report::feasibility::Reason;
use crate::report::render::html::simulation_page;
use crate::report::render::json::{HourObject, RefusedObject, SimulationObject};
use crate::report::render::terminal::simulation::{refused, text};
use crate::report::simulation::SimulationView;
use crate::report::text::visible_path;
use crate::report::times::date_time;

use super::apply_args::changes;
use super::busy::{self, Busy, BusyText};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::{load, signals, whole_file};

use self::world::WorldArgs;

/// The arguments of `runner simulate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::SimulateExamples.to_string())]
pub struct SimulateArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[arg(help = help::SimulateFrom.to_string())]
    #[arg(long, value_name = "TIME", value_parser = times::local)]
    pub from: Option<DateTime>,
    #[arg(help = help::SimulateAccept.to_string())]
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes())]
    pub accept: Vec<Accept>,
    #[arg(help = help::SimulateOut.to_string())]
    #[arg(short, value_name = "PAGE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub world: WorldArgs,
}

/// Simulates a campaign and shows the result.
pub fn run(args: &SimulateArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(mut campaign) = load::campaign_at(&args.campaign, Choice::DueOrNext, context)? else {
        return Ok(Exit::Input);
    };
    block_on(simulate(args, context, &mut campaign))?
}

async fn simulate(args: &SimulateArgs, context: &Context, campaign: &mut LoadedCampaign) -> Result<Exit, Failure> {
    let mut stop =
        signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let zone = campaign.parsed.campaign.timezone.clone();
    let from = match args.from {
        Some(at) => times::moment(at, &zone).ok_or_else(|| Failure::new(Problem::CommandLine, texts::FromBeyond))?,
        None => context.now(),
    };
    let request = SimulationRequest {
        from,
        accept: args.accept.clone(),
        world: args.world.world(&zone, from.max(campaign.plan.schedule.start))?,
        in_background: false,
    };
    let busy = Busy::new(&busy::reading(), context);
    campaign.environment = context.environment_with(show_progress(busy.text(), zone.clone()));
    let result = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {
            drop(busy);
            context.talk(&format!("{}\n", texts::Interrupted));
            return Ok(Exit::Incomplete);
        }
        result = Box::pin(simulate::simulate(campaign, &request)) => result?,
    };
    drop(busy);
    match result {
        SimulationResult::Refused(reasons) => show_refused(campaign, from, &reasons, context),
        SimulationResult::Ended { mut simulated, outcome } => {
            // The stock of a declared activity counts as if it were typed.
            let mut world = request.world.clone();
            world.settings.rules.stock = simulated.settings.stock;
            simulated.settings.world = world::words(&world, &zone);
            show(args, &simulated, context)?;
            Ok(outcome.ending.into())
        }
    }
}

fn show_progress(line: BusyText, zone: TimeZone) -> impl Fn(Notice<'_>) + Send + Sync {
    move |notice| match notice {
        Notice::ReadsAudience => line.say(texts::ReadingAudience.to_string()),
        Notice::Simulates { at, attempts } => {
            let at = date_time(at, &zone);
            line.say(texts::Simulating { at: &at, attempts }.to_string());
        }
        _ => {}
    }
}

fn show_refused(
    campaign: &LoadedCampaign,
    from: Timestamp,
    reasons: &[Reason],
    context: &Context,
) -> Result<Exit, Failure> {
    let Campaign { names, timezone, .. } = &campaign.parsed.campaign;
    match context.output {
        Output::Human => {
            let text = refused(&names.campaign, names.title.as_deref(), reasons, stdout_width_or_any());
            context.data(&text)?;
        }
        Output::Json => context.lines.write(&RefusedObject::new(
            (&names.campaign, &names.app_id),
            (from, timezone),
            reasons,
        )),
    }
    Ok(Exit::NeedsPerson)
}

fn show(args: &SimulateArgs, simulated: &SimulationView, context: &Context) -> Result<(), Failure> {
    match context.output {
        Output::Human => context.data(&text(simulated, stdout_width_or_any()))?,
        Output::Json => {
            HourObject::all(simulated).for_each(|hour| context.lines.write(&hour));
            if let Some(object) = SimulationObject::new(simulated) {
                context.lines.write(&object);
            }
        }
    }
    let Some(out) = &args.out else { return Ok(()) };
    let page = simulation_page(simulated)
        .map_err(|error| Failure::new(Problem::OutputFile, texts::CannotDraw).caused_by(&error))?;
    whole_file::write(out, whole_file::PRIVATE, page.as_bytes(), &context.console)?;
    let file = visible_path(out);
    context.talk(&format!("{}\n", texts::Wrote { file: &file }));
    Ok(())
}
