//! What `apply` prints when campaigns end: a summary for one campaign; for several, each failure at once and a table at the
//! end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Output;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::home::again_with;
use crate::cli::terminal::stdout_width_or_any;
use crate::report::hub::Hub;
use crate::report::roundup::{Ended, Total, text};

use super::one::Done;
use super::{Common, End};

/// Notes the end of a run. Prints its failure if several campaigns were given.
pub(super) fn end(common: &Common, hub: &Hub, done: &Result<Done, Failure>) {
    let broken = match done {
        Ok(done) => done.broken.clone(),
        Err(failure) => Some(failure.message.clone()),
    };
    hub.ended(broken);
    if let (Err(failure), false) = (done, common.alone) {
        fail(common, failure);
    }
}

fn fail(common: &Common, failure: &Failure) {
    match common.context.output {
        Output::Json => common.context.lines.write(&failure.diagnostic()),
        Output::Human => common.reporter.say(failure.to_string()),
    }
}

/// Prints how all campaigns ended, and returns the exit of the process.
pub(super) fn tell(
    common: &Common,
    unusable: &[(PathBuf, Option<Failure>)],
    ends: Vec<End>,
    hubs: &[Arc<Hub>],
) -> Result<Exit, Failure> {
    if common.alone {
        return ends
            .into_iter()
            .next()
            .map_or(Ok(Exit::Error), |end| alone(common, end, hubs));
    }
    let files = unusable
        .iter()
        .map(|(file, failure)| of_file(common, file, failure.as_ref()));
    let runs = ends.into_iter().zip(hubs).map(|(end, hub)| of_run(end, hub));
    let (ended, exits): (Vec<_>, Vec<_>) = files.chain(runs).unzip();
    let exit = Exit::of_several(exits);
    let context = &common.context;
    match context.output {
        Output::Json => context.lines.write(&Total::of(&ended, exit.code())),
        Output::Human => {
            let again = again_with("apply", &common.args.rehearsal, context, &common.args.files);
            context.say(&text(&ended, exit.code(), &again, stdout_width_or_any()));
        }
    }
    Ok(exit)
}

fn alone(common: &Common, end: End, hubs: &[Arc<Hub>]) -> Result<Exit, Failure> {
    let done = end.done?;
    if let (None, Output::Human, [hub]) = (done.broken, common.context.output, hubs) {
        common.context.say(&hub.summary());
    }
    Ok(done.exit)
}

fn of_file(common: &Common, file: &Path, failure: Option<&Failure>) -> (Ended, Exit) {
    let failure = failure.map(|failure| failure.clone().of_file(file));
    if let Some(failure) = &failure {
        super::super::show(failure, &common.context);
    }
    let exit = failure.map_or(Exit::Input, |failure| failure.exit);
    let ended = Ended {
        name: file.display().to_string(),
        state: "unusable",
        tally: None,
        exit: exit.code(),
        detail: None,
    };
    (ended, exit)
}

fn of_run(end: End, hub: &Hub) -> (Ended, Exit) {
    let tally = hub.tally();
    let said = |what: &str| Some(format!("{}: {what}", end.name));
    let (exit, state, detail) = match &end.done {
        Ok(done) => {
            let detail = match (&done.broken, done.exit) {
                (Some(why), _) => said(why),
                (None, Exit::NeedsPerson) => Some(hub.summary()),
                (None, _) => hub.why().as_deref().and_then(said),
            };
            let state = if done.broken.is_some() {
                "not begun"
            } else {
                hub.state()
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
    let ended = Ended {
        tally: tally.run.is_some().then_some(tally),
        name: end.name,
        state,
        exit: exit.code(),
        detail,
    };
    (ended, exit)
}
