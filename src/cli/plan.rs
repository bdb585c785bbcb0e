//! `runner plan` and `runner apply --dry-run`: show what an apply would do now. They send nothing, open no connection to
//! the platform, need no secret, and neither create a ledger nor add to one.

mod progress;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::campaign_files::{self, Neighbours};
use crate::app::plan::{self, PlanPreview, PlanRequest};
use crate::app::{CampaignRef, LoadedCampaign};
use crate::campaign::Parsed;
use crate::catalogue::help;
use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::plan::{Fingerprint, RunOptions};
use crate::report::plan_view::PlanView;
use crate::report::render::json::{PlanObject, RequestObject};
use crate::report::render::terminal::plan::{requests, text};

use super::apply_args::{ApplyArgs, changes};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::rehearsal::RehearsalArgs;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::typed::again;
use super::{load, signals};

use self::progress::Progress;

/// The arguments of `runner plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::PlanExamples.to_string())]
pub struct PlanArgs {
    #[arg(help = help::PlanPaths.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    #[arg(help = help::PlanAccept.to_string())]
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes())]
    pub accept: Vec<Accept>,
    #[arg(help = help::PlanDetailedExitcode.to_string())]
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// What is planned, and how it is shown.
struct Plans {
    paths: Vec<PathBuf>,
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
        rehearsal: args.rehearsal.clone(),
        request: PlanRequest {
            accept: args.accept.clone(),
            ..PlanRequest::default()
        },
        no_wait: false,
        is_dry_run: false,
        detailed_exitcode: args.detailed_exitcode,
    };
    block_on(plans.show_all(context))?
}

/// Shows what this apply would do, with its first requests.
pub fn dry_run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let plans = Plans {
        paths: args.files.clone(),
        rehearsal: args.rehearsal.clone(),
        request: PlanRequest {
            accept: args.accept.clone(),
            at_most: args.at_most,
            fresh: args.fresh,
            expect: args.expect.clone(),
            requests: args.dry.show,
        },
        no_wait: args.no_wait,
        is_dry_run: true,
        detailed_exitcode: false,
    };
    block_on(plans.show_all(context))?
}

impl Plans {
    /// Plans every file. A file that cannot be planned does not stop the others.
    async fn show_all(self, context: &Context) -> Result<Exit, Failure> {
        let files = campaign_files::files(&self.paths)?;
        let mut stop =
            signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
        let mut exits = Vec::new();
        let mut neighbours = Neighbours::default();
        for file in &files {
            let Some(parsed) = load::usable(file, context, &mut neighbours) else {
                exits.push(Exit::Input);
                continue;
            };
            let planned = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {
                    context.talk("interrupted: nothing was sent and nothing was changed\n");
                    exits.push(Exit::Incomplete);
                    break;
                }
                planned = self.plan(context, file, parsed) => planned,
            };
            let shown = planned.and_then(|preview| self.show(context, &preview, !exits.is_empty()));
            match shown {
                Ok(exit) => exits.push(exit),
                Err(failure) if files.len() == 1 => return Err(failure),
                Err(failure) => {
                    exits.push(failure.exit);
                    context.show(&failure.of_file(file));
                }
            }
        }
        Ok(Exit::of_several(exits))
    }

    /// Plans one file.
    async fn plan(&self, context: &Context, file: &Path, parsed: Parsed) -> Result<PlanPreview, Failure> {
        let at = context.campaign(file, &self.rehearsal);
        let progress = Progress::new(context, &parsed);
        let environment = context.environment_with(move |notice| progress.show(notice));
        let options = RunOptions {
            at_most: self.request.at_most,
            ..RunOptions::default()
        };
        let campaign = LoadedCampaign::with_options(at, parsed, environment, options)?;
        let mut preview = Box::pin(plan::plan(&campaign, &self.request)).await?;
        preview.view.apply = self.apply(&campaign.at, &preview.fingerprint);
        Ok(preview)
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
    fn show(&self, context: &Context, preview: &PlanPreview, is_another: bool) -> Result<Exit, Failure> {
        let view = &preview.view;
        if let Some(why) = preview.waits.filter(|_| self.no_wait) {
            context.talk(&format!("with --no-wait, an apply would leave now: {why}\n"));
        }
        if is_another && context.output == Output::Human {
            context.data("\n")?;
        }
        match context.output {
            Output::Human => {
                let mut shown = text(view, stdout_width_or_any());
                if self.is_dry_run {
                    let all = view.deliveries.to_send().min(self.request.at_most.unwrap_or(u64::MAX));
                    shown.push_str(&requests(&preview.requests, all));
                    shown.push_str("\na dry run: nothing was sent and nothing was changed\n");
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
