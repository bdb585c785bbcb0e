//! `runner trace`: shows everything that is known about one user, and what happens to their coupons next.

mod next_words;
mod objects;
mod text;

use crate::app::trace;
use clap::Args;

use super::busy::{Busy, READING};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::{load, terminal};

const EXAMPLES: &str = "\
Examples:
  runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708
      why somebody has no coupon, or which, and by which log_id to ask the platform
  runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708 --output json
      the same for a program: a `delivery` for each coupon, with its history and what is next";

/// The arguments of `runner trace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// The user
    #[arg(value_name = "OPEN_ID")]
    pub open_id: String,
}

/// Shows what is known about one user.
pub fn run(args: &TraceArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    block_on(async {
        let busy = Busy::new(READING, context);
        let trace = trace::trace(&campaign, &args.open_id).await?;
        drop(busy);
        match context.output {
            Output::Human => {
                let width = if context.terminal.stdout {
                    terminal::width()
                } else {
                    usize::MAX
                };
                context.data(&text::text(&trace, &campaign, width))?;
            }
            Output::Json => objects::write(&trace, &campaign, &context.lines),
        }
        Ok(Exit::Done)
    })?
}
