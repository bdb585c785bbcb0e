//! `runner report`: writes one page about how a campaign went.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::app::report;
use crate::model::identity::{AppId, CampaignName};
use crate::model::problem::Problem;
use crate::report::render::html::report_page;

use super::busy::{Busy, READING};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::typed::again;
use super::{load, whole_file};

const EXAMPLES: &str = "\
Examples:
  runner report campaigns/summer.yaml -o report.html
      how the campaign went, as one page that needs nothing else
  runner report campaigns/summer.yaml --sandbox -o rehearsal.html
      the same of its rehearsal";

/// The arguments of `runner report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Where the page goes; what was there is replaced once it is whole
    #[arg(short, value_name = "PAGE", required = true)]
    pub out: PathBuf,
}

#[derive(Serialize)]
struct Object<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    file: String,
}

/// Writes the page.
pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    let names = &campaign.parsed.campaign.names;
    let report = block_on(async {
        let _busy = Busy::new(READING, context);
        report::report(&campaign, again("apply", &campaign.at)).await
    })??;
    let page = report_page(&report)
        .map_err(|error| Failure::new(Problem::OutputFile, "cannot draw the report's charts").caused_by(&error))?;
    whole_file::write(&args.out, whole_file::PRIVATE, page.as_bytes())?;
    let file = args.out.display().to_string();
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "report",
            campaign: &names.campaign,
            app_id: &names.app_id,
            file,
        }),
        Output::Human => context.talk(&format!("wrote {file}\n")),
    }
    Ok(Exit::Done)
}
