//! What `apply` prints when campaigns end: each failure at once if there are several, and how all of them ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::AppError;
use crate::app::apply::RunResult;
use crate::app::apply::load::ReadyCampaign;
use crate::catalogue::run as texts;
use crate::cli::apply_args::ApplyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global_args::Output;
use crate::cli::terminal::stdout_width_or_any;
use crate::cli::typed::again_with;
use crate::engine::StopReason;
use crate::notify::notifier::RunNotices;
use crate::report::ended_campaign::EndedCampaign;
use crate::report::render::json::TotalObject;
use crate::report::render::terminal::summary::text;
use crate::report::reporter::Reporter;

use super::display::RunDisplay;

/// A campaign file that was not applied.
pub(super) struct Unusable {
    pub(super) file: PathBuf,
    /// `None` if its mistakes have been shown.
    pub(super) failure: Option<Failure>,
}

/// A run whose end is printed.
pub(super) struct PrintedRun {
    name: String,
    file: PathBuf,
    reporter: Arc<Reporter>,
    notices: Option<Arc<RunNotices>>,
}

impl PrintedRun {
    pub(super) fn new(campaign: &ReadyCampaign, reporter: &Arc<Reporter>, notices: Option<Arc<RunNotices>>) -> Self {
        Self {
            name: campaign.name.clone(),
            file: campaign.loaded.at.file.path().to_owned(),
            reporter: Arc::clone(reporter),
            notices,
        }
    }

    /// Notes the end of the run. Prints its failure if several campaigns were given.
    pub(super) fn end(&self, display: &RunDisplay, result: Result<RunResult, AppError>) -> Result<RunResult, Failure> {
        let result = result.map_err(Failure::from);
        if let (Some(notices), Err(failure)) = (&self.notices, &result)
            && failure.exit != Exit::Taken
        {
            notices.failed(failure.code, failure.exit.code());
        }
        self.reporter.ended(match &result {
            Ok(result) => result.broken(),
            Err(failure) => Some(failure.message.clone()),
        });
        if display.is_alone {
            return result;
        }
        result
            .map_err(|failure| failure.of_file(&self.file))
            .inspect_err(|failure| display.show_failure(failure))
    }

    /// Returns how the run ended, and its exit code.
    fn ended(&self, result: Result<RunResult, Failure>) -> (EndedCampaign, Exit) {
        let stats = self.reporter.stats();
        let mut ended = EndedCampaign {
            stats: stats.run.is_some().then_some(stats),
            name: self.name.clone(),
            state: self.reporter.state().word(),
            exit: 0,
            why: self.reporter.why(),
            summary: self.reporter.summary(stdout_width_or_any()),
        };
        let exit = match result {
            Ok(RunResult::Ended(outcome)) => match outcome.why {
                StopReason::AppIdTaken(_) => Exit::Taken,
                _ => outcome.ending.into(),
            },
            Ok(not_begun) => {
                ended.state = "not_begun";
                ended.why = not_begun.broken();
                ended.summary.clear();
                Exit::Incomplete
            }
            Err(failure) => {
                ended.state = match failure.exit {
                    Exit::Input => "unusable",
                    Exit::Taken => "taken",
                    Exit::NeedsPerson => "not_begun",
                    _ => "failed",
                };
                ended.why = Some(
                    texts::ErrorOf {
                        code: &failure.code,
                        message: &failure.message,
                    }
                    .to_string(),
                );
                ended.summary.clear();
                failure.exit
            }
        };
        ended.exit = exit.code();
        (ended, exit)
    }
}

/// Prints how all campaigns ended, and returns the exit of the process.
pub(super) fn print(
    args: &ApplyArgs,
    display: &RunDisplay,
    unusable: &[Unusable],
    runs: &[PrintedRun],
    mut results: Vec<Result<RunResult, Failure>>,
) -> Result<Exit, Failure> {
    if display.is_alone
        && let Some(Err(failure)) = results.pop_if(|result| result.is_err())
    {
        // The failure of an only campaign is the failure of the command.
        return Err(failure);
    }
    let context = &display.context;
    let files = unusable.iter().map(|Unusable { file, failure }| {
        let failure = failure.clone().map(|failure| failure.of_file(file));
        if let Some(failure) = &failure {
            context.show(failure);
        }
        unusable_file(file, failure.map_or(Exit::Input, |failure| failure.exit))
    });
    let runs = runs.iter().zip(results).map(|(run, result)| run.ended(result));
    let (ended, exits): (Vec<_>, Vec<_>) = files.chain(runs).unzip();
    let exit = Exit::of_several(exits);
    match context.output {
        Output::Json if display.is_alone => {}
        Output::Json => context.lines.write(&TotalObject::new(&ended, exit.code())),
        Output::Human => {
            let again = again_with(
                "apply",
                &args.rehearsal.rehearsal(),
                context.state_dir.as_deref(),
                context.store.as_ref(),
                &args.files,
            );
            context.say(&text(&ended, exit.code(), &again, stdout_width_or_any()));
        }
    }
    Ok(exit)
}

fn unusable_file(file: &Path, exit: Exit) -> (EndedCampaign, Exit) {
    let ended = EndedCampaign {
        name: file.to_string_lossy().into_owned(),
        state: "unusable",
        stats: None,
        exit: exit.code(),
        why: None,
        summary: String::new(),
    };
    (ended, exit)
}
