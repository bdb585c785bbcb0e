//! What `apply` prints when campaigns end: a summary for one campaign; for several, each failure at once and a table at the
//! end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Output;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::locked_ledger::again_with;
use crate::cli::terminal::stdout_width_or_any;
use crate::report::reporter::Reporter;
use crate::report::summary_table::{EndedRun, Total, text};

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
        Output::Human => common.display.say(failure.to_string()),
    }
}

/// Prints how all campaigns ended, and returns the exit of the process.
pub(super) fn print(
    common: &Common,
    unusable: &[(PathBuf, Option<Failure>)],
    ends: Vec<End>,
    reporters: &[Arc<Reporter>],
) -> Result<Exit, Failure> {
    if common.alone {
        return ends
            .into_iter()
            .next()
            .map_or(Ok(Exit::Error), |end| alone(common, end, reporters));
    }
    let files = unusable
        .iter()
        .map(|(file, failure)| of_file(common, file, failure.as_ref()));
    let runs = ends
        .into_iter()
        .zip(reporters)
        .map(|(end, reporter)| of_run(end, reporter));
    let (ended, exits): (Vec<_>, Vec<_>) = files.chain(runs).unzip();
    let exit = Exit::of_several(exits);
    let context = &common.context;
    match context.output {
        Output::Json => context.lines.write(&Total::new(&ended, exit.code())),
        Output::Human => {
            let again = again_with("apply", &common.args.rehearsal, context, &common.args.files);
            context.say(&text(&ended, exit.code(), &again, stdout_width_or_any()));
        }
    }
    Ok(exit)
}

fn alone(common: &Common, end: End, reporters: &[Arc<Reporter>]) -> Result<Exit, Failure> {
    let done = end.done?;
    if let (None, Output::Human, [reporter]) = (done.broken, common.context.output, reporters) {
        common.context.say(&reporter.summary());
    }
    Ok(done.exit)
}

fn of_file(common: &Common, file: &Path, failure: Option<&Failure>) -> (EndedRun, Exit) {
    let failure = failure.map(|failure| failure.clone().of_file(file));
    if let Some(failure) = &failure {
        super::super::show(failure, &common.context);
    }
    let exit = failure.map_or(Exit::Input, |failure| failure.exit);
    let ended = EndedRun {
        name: file.display().to_string(),
        state: "unusable",
        stats: None,
        exit: exit.code(),
        detail: None,
    };
    (ended, exit)
}

fn of_run(end: End, reporter: &Reporter) -> (EndedRun, Exit) {
    let stats = reporter.stats();
    let said = |what: &str| Some(format!("{}: {what}", end.name));
    let (exit, state, detail) = match &end.done {
        Ok(done) => {
            let detail = match (&done.broken, done.exit) {
                (Some(why), _) => said(why),
                (None, Exit::NeedsPerson) => Some(reporter.summary()),
                (None, _) => reporter.why().as_deref().and_then(said),
            };
            let state = if done.broken.is_some() {
                "not begun"
            } else {
                reporter.state()
            };
            (done.exit, state, detail)
        }
        Err(failure) => {
            let state = match failure.exit {
                Exit::Input => "unusable",
                Exit::Taken => "taken",
                Exit::NeedsPerson => "not begun",
                _ => "failed",
            };
            (
                failure.exit,
                state,
                said(&format!("error[{}]: {}", failure.code, failure.message)),
            )
        }
    };
    let ended = EndedRun {
        stats: stats.run.is_some().then_some(stats),
        name: end.name,
        state,
        exit: exit.code(),
        detail,
    };
    (ended, exit)
}
