//! `runner plan` and `runner apply --dry-run`: show what an apply would do now. They send nothing, open no connection to
//! the platform, need no secret, and neither create a ledger nor add to one.

mod progress;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::CampaignFile;
use crate::app::campaign_files::Neighbours;
use crate::app::occurrences::{self, Choice, SingleCampaign};
use crate::app::plan::{self, PlanPreview, PlanRequest};
use crate::app::{CampaignRef, LoadedCampaign};
use crate::campaign::Parsed;
use crate::catalogue::{help, plan as texts};
use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::plan::{Fingerprint, RunOptions};
use crate::report::occurrences::SeriesView;
use crate::report::plan_view::{PlanView, PlannedCampaign};
use crate::report::render::json::{OccurrenceObject, PlanObject, PlanTotalObject, RequestObject};
use crate::report::render::terminal::occurrences::text as occurrences_text;
use crate::report::render::terminal::plan::{requests, text};
use crate::report::render::terminal::plan_total;
use crate::report::text::visible_path;

use super::apply_args::{ApplyArgs, changes};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::number::whole;
use super::occurrence_args::OccurrenceArgs;
use super::rehearsal::RehearsalArgs;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::typed::again;
use super::{load, signals};

use self::progress::Progress;

/// How many of the users who came or went in each way are named by default.
const SHOWN_USERS: usize = 3;

/// The arguments of `runner plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::PlanExamples.to_string())]
pub struct PlanArgs {
    #[arg(help = help::PlanPaths.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub occurrence: OccurrenceArgs,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    #[arg(help = help::PlanAccept.to_string())]
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes())]
    pub accept: Vec<Accept>,
    #[arg(help = help::PlanShowUsers.to_string())]
    #[arg(long, value_name = "N", default_value_t = SHOWN_USERS, value_parser = whole(0..=usize::MAX))]
    pub show_users: usize,
    #[arg(help = help::PlanOnline.to_string())]
    #[arg(long)]
    pub online: bool,
    #[arg(help = help::PlanDetailedExitcode.to_string())]
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What is planned, and how it is shown.
struct Plans {
    paths: Vec<PathBuf>,
    occurrence: OccurrenceArgs,
    rehearsal: RehearsalArgs,
    request: PlanRequest,
    /// Whether the run would leave instead of waiting.
    no_wait: bool,
    /// Whether this is a dry run, which shows the first requests.
    is_dry_run: bool,
    detailed_exitcode: bool,
}

/// Shows what applies would do.
pub fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let plans = Plans {
        paths: args.paths.clone(),
        occurrence: args.occurrence,
        rehearsal: args.rehearsal.clone(),
        request: PlanRequest {
            accept: args.accept.clone(),
            users: args.show_users,
            is_online: args.online,
            ..PlanRequest::default()
        },
        no_wait: false,
        is_dry_run: false,
        detailed_exitcode: args.detailed_exitcode,
    };
    let files = load::files(&plans.paths, context)?;
    block_on(plans.show_all(&files, context))?
}

/// Shows what this apply would do, with its first requests.
pub fn dry_run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let plans = Plans {
        paths: args.files.clone(),
        occurrence: args.occurrence,
        rehearsal: args.rehearsal.clone(),
        request: PlanRequest {
            accept: args.accept.clone(),
            at_most: args.at_most,
            fresh: args.fresh,
            expect: args.expect.clone(),
            requests: args.dry.show,
            users: SHOWN_USERS,
            is_online: false,
            every_language: false,
        },
        no_wait: args.no_wait,
        is_dry_run: true,
        detailed_exitcode: false,
    };
    let files = load::files(&plans.paths, context)?;
    block_on(plans.show_all(&files, context))?
}

/// A campaign that cannot be planned.
fn without_plan(file: &Path) -> PlannedCampaign {
    PlannedCampaign {
        name: visible_path(file),
        plan: None,
    }
}

/// Shows the total of several campaigns.
fn show_total(context: &Context, planned: &[PlannedCampaign], exit: Exit) -> Result<(), Failure> {
    match context.output {
        Output::Human => context.data(&format!("\n{}", plan_total::text(planned, stdout_width_or_any()))),
        Output::Json => {
            context.lines.write(&PlanTotalObject::new(planned, exit.code()));
            Ok(())
        }
    }
}

/// Shows the occurrences of a recurring campaign before the plan of one.
fn occurrences_shown(context: &Context, series: &SeriesView) -> Result<(), Failure> {
    match context.output {
        Output::Human => context.data(&format!("{}\n", occurrences_text(series, stdout_width_or_any()))),
        Output::Json => {
            for row in &series.rows {
                context.lines.write(&OccurrenceObject::new(series, row));
            }
            Ok(())
        }
    }
}

impl Plans {
    /// Plans every file. A file that cannot be planned does not stop the others.
    async fn show_all(self, files: &[CampaignFile], context: &Context) -> Result<Exit, Failure> {
        let mut stop =
            signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
        let mut exits = Vec::new();
        let mut planned_campaigns = Vec::new();
        let mut neighbours = Neighbours::default();
        for file in files {
            let parsed = load::usable(file, context, &mut neighbours);
            let Some(parsed) = parsed else {
                exits.push(Exit::Input);
                planned_campaigns.push(without_plan(file.path()));
                continue;
            };
            load::tell_of_lists_here(file, &parsed, context);
            let planned = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {
                    context.talk(&format!("{}\n", texts::Interrupted));
                    exits.push(Exit::Incomplete);
                    break;
                }
                planned = self.plan(context, file, parsed) => planned,
            };
            let shown = planned.and_then(|(preview, series)| {
                let exit = self.show(context, &preview, series.as_ref(), !exits.is_empty())?;
                Ok((exit, preview.view))
            });
            match shown {
                Ok((exit, view)) => {
                    exits.push(exit);
                    planned_campaigns.push(PlannedCampaign {
                        name: view.header.campaign.to_string(),
                        plan: Some(view),
                    });
                }
                Err(failure) if files.len() == 1 => return Err(failure),
                Err(failure) => {
                    exits.push(failure.exit);
                    context.show(&failure.of_file(file.path()));
                    planned_campaigns.push(without_plan(file.path()));
                }
            }
        }
        let exit = Exit::of_several(exits);
        if planned_campaigns.len() > 1 {
            show_total(context, &planned_campaigns, exit)?;
        }
        Ok(exit)
    }

    /// Plans one file: of a recurring campaign the occurrence that is due or named, else the next one.
    async fn plan(
        &self,
        context: &Context,
        file: &CampaignFile,
        parsed: Parsed,
    ) -> Result<(PlanPreview, Option<SeriesView>), Failure> {
        let at = self.occurrence.of(context.campaign(file, &self.rehearsal));
        let choice = if self.is_dry_run {
            Choice::Due
        } else {
            Choice::DueOrNext
        };
        let resolved = Box::pin(occurrences::resolve(at, parsed, &context.environment, choice)).await?;
        let (SingleCampaign { at, parsed }, series) = resolved;
        let series = series.map(|series| series.view(at.occurrence));
        let progress = Progress::new(context, &parsed);
        let environment = context.environment_with(move |notice| progress.show(notice));
        let options = RunOptions {
            at_most: self.request.at_most,
            ..RunOptions::default()
        };
        let campaign = LoadedCampaign::with_options(at, parsed, environment, options)?;
        let mut preview = Box::pin(plan::plan(&campaign, &self.request)).await?;
        preview.view.apply = self.apply(&campaign.at, &preview.fingerprint);
        Ok((preview, series))
    }

    /// Returns the command that applies exactly this plan.
    fn apply(&self, at: &CampaignRef, fingerprint: &Fingerprint) -> String {
        let mut command = again("apply", at);
        if self.request.fresh {
            command.push_str(" --fresh");
        }
        for accept in &self.request.accept {
            let _ = write!(command, " --accept {accept}");
        }
        if let Some(most) = self.request.at_most {
            let _ = write!(command, " --at-most {most}");
        }
        format!("{command} --expect {fingerprint}")
    }

    /// Shows a plan. Returns the exit code that it has alone.
    fn show(
        &self,
        context: &Context,
        preview: &PlanPreview,
        series: Option<&SeriesView>,
        is_another: bool,
    ) -> Result<Exit, Failure> {
        let view = &preview.view;
        if let Some(why) = preview.waits.filter(|_| self.no_wait) {
            context.talk(&format!("{}\n", texts::WouldLeave { why: &why }));
        }
        if is_another && context.output == Output::Human {
            context.data("\n")?;
        }
        if let Some(series) = series {
            occurrences_shown(context, series)?;
        }
        match context.output {
            Output::Human => {
                let mut shown = text(view, stdout_width_or_any());
                if self.is_dry_run {
                    shown.push_str(&requests(&preview.requests, view.deliveries.in_this_run()));
                    let _ = writeln!(shown, "\n{}", texts::DryRun);
                }
                context.data(&shown)?;
            }
            Output::Json => {
                context.lines.write(&PlanObject::new(view));
                for request in &preview.requests {
                    context.lines.write(&RequestObject::new(&view.header, request));
                }
            }
        }
        Ok(self.exit(view))
    }

    fn exit(&self, view: &PlanView) -> Exit {
        let deliveries = &view.deliveries;
        if !view.reasons.is_empty() {
            Exit::NeedsPerson
        } else if self.detailed_exitcode && deliveries.to_send() > 0 {
            Exit::Incomplete
        } else if self.detailed_exitcode && deliveries.waits() {
            Exit::NeedsPerson
        } else {
            Exit::Done
        }
    }
}
