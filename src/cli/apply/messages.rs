//! What `apply` prints when campaigns end: each failure at once if there are several, and how all of them ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global_args::Output;
use crate::cli::terminal::stdout_width_or_any;
use crate::cli::typed::again_with;
use crate::report::ended_campaign::EndedCampaign;
use crate::report::render::json::TotalObject;
use crate::report::render::terminal::summary::text;
use crate::report::reporter::Reporter;

use super::campaign_run::Done;
use super::{Common, End};

/// Notes the end of a run. Prints its failure if several campaigns were given.
pub(super) fn end(common: &Common, reporter: &Reporter, done: &Result<Done, Failure>) {
    let broken = match done {
        Ok(done) => done.broken.clone(),
        Err(failure) => Some(failure.message.clone()),
    };
    reporter.ended(broken);
    if let (Err(failure), false) = (done, common.alone) {
        fail(common, failure);
    }
}

fn fail(common: &Common, failure: &Failure) {
    match common.context.output {
        Output::Json => common.context.lines.write(&failure.diagnostic()),
        Output::Human => common.display.print(failure.to_string()),
    }
}

/// Prints how all campaigns ended, and returns the exit of the process.
pub(super) fn print(
    common: &Common,
    unusable: &[(PathBuf, Option<Failure>)],
    mut ends: Vec<End>,
    reporters: &[Arc<Reporter>],
) -> Result<Exit, Failure> {
    if common.alone
        && let Some(failed) = ends.pop_if(|end| end.done.is_err())
    {
        // The failure of an only campaign is the failure of the command.
        return failed.done.map(|done| done.exit);
    }
    let files = unusable
        .iter()
        .map(|(file, failure)| unusable_file(common, file, failure.as_ref()));
    let runs = ends
        .into_iter()
        .zip(reporters)
        .map(|(end, reporter)| ended_run(end, reporter));
    let (ended, exits): (Vec<_>, Vec<_>) = files.chain(runs).unzip();
    let exit = Exit::of_several(exits);
    let context = &common.context;
    match context.output {
        Output::Json if common.alone => {}
        Output::Json => context.lines.write(&TotalObject::new(&ended, exit.code())),
        Output::Human => {
            let again = again_with(
                "apply",
                &common.args.rehearsal.rehearsal(),
                context.state_dir.as_deref(),
                &common.args.files,
            );
            context.say(&text(&ended, exit.code(), &again, stdout_width_or_any()));
        }
    }
    Ok(exit)
}

fn unusable_file(common: &Common, file: &Path, failure: Option<&Failure>) -> (EndedCampaign, Exit) {
    let failure = failure.map(|failure| failure.clone().of_file(file));
    if let Some(failure) = &failure {
        common.context.show(failure);
    }
    let exit = failure.map_or(Exit::Input, |failure| failure.exit);
    let ended = EndedCampaign {
        name: file.display().to_string(),
        state: "unusable",
        stats: None,
        exit: exit.code(),
        why: None,
        summary: String::new(),
    };
    (ended, exit)
}

fn ended_run(end: End, reporter: &Reporter) -> (EndedCampaign, Exit) {
    let stats = reporter.stats();
    let mut ended = EndedCampaign {
        stats: stats.run.is_some().then_some(stats),
        name: end.name,
        state: reporter.state(),
        exit: 0,
        why: reporter.why(),
        summary: reporter.summary(),
    };
    let exit = match end.done {
        Ok(Done { exit, broken: None }) => exit,
        Ok(Done { exit, broken }) => {
            ended.state = "not begun";
            ended.why = broken;
            ended.summary.clear();
            exit
        }
        Err(failure) => {
            ended.state = match failure.exit {
                Exit::Input => "unusable",
                Exit::Taken => "taken",
                Exit::NeedsPerson => "not begun",
                _ => "failed",
            };
            ended.why = Some(format!("error[{}]: {}", failure.code, failure.message));
            ended.summary.clear();
            failure.exit
        }
    };
    ended.exit = exit.code();
    (ended, exit)
}
