//! `runner report`: writes one page about how a campaign went.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::app::report;
use crate::catalogue::{help, page as texts};
use crate::model::identity::{AppId, CampaignName};
use crate::model::problem::Problem;
use crate::report::render::html::report_page;
use crate::report::render::json::WorthBody;
use crate::report::text::visible_path;

use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::typed::again;
use super::{load, whole_file};

/// The arguments of `runner report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ReportExamples.to_string())]
pub struct ReportArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[arg(help = help::ReportOut.to_string())]
    #[arg(short, value_name = "PAGE", required = true)]
    pub out: PathBuf,
}

#[derive(Serialize)]
struct Object<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth: Option<WorthBody>,
}

/// Writes the page.
pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    let command = again("apply", &campaign.at);
    let report = block_on(async {
        let _busy = Busy::new(&busy::reading(), context);
        Box::pin(report::report(campaign, command)).await
    })??;
    let page =
        report_page(&report).map_err(|error| Failure::new(Problem::OutputFile, texts::CannotDraw).caused_by(&error))?;
    whole_file::write(&args.out, whole_file::PRIVATE, page.as_bytes(), &context.console)?;
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "report",
            campaign: &report.header.campaign,
            app_id: &report.header.app_id,
            file: args.out.to_string_lossy().into_owned(),
            worth: WorthBody::new(&report.valuation, &report.counts),
        }),
        Output::Human => {
            let file = visible_path(&args.out);
            context.talk(&format!("{}\n", texts::Wrote { file: &file }));
        }
    }
    Ok(Exit::Done)
}
