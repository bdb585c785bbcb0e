//! `runner trace`: shows everything that is known about one user, and what happens to their coupons next.

use crate::app::trace;
use crate::catalogue::help;
use clap::Args;

use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::trace_text::text;
use super::{load, remote, terminal};

/// The arguments of `runner trace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::TraceExamples.to_string())]
pub struct TraceArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[arg(help = help::TraceOpenId.to_string())]
    #[arg(value_name = "OPEN_ID")]
    pub open_id: String,
}

/// Shows what is known about one user.
pub fn run(args: &TraceArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(service) = remote::service()? {
        let campaign = &args.campaign;
        let open_id = &args.open_id;
        return block_on(remote::trace(
            &service,
            &campaign.file,
            campaign.occurrence,
            open_id,
            context,
        ))?;
    }
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    block_on(async {
        let busy = Busy::new(&busy::reading(), context);
        let trace = Box::pin(trace::trace(&campaign, &args.open_id)).await?;
        drop(busy);
        match context.output {
            Output::Human => {
                let width = terminal::stdout_width_or_any();
                context.data(&text(&trace.words(&campaign), width))?;
            }
            Output::Json => {
                for line in trace::object_lines(&trace, &campaign) {
                    context.lines.line(&line);
                }
            }
        }
        Ok(Exit::Done)
    })?
}
