//! Runs the asynchronous part of a command.

use crate::model::problem::Problem;

use super::failure::Failure;

/// Runs an asynchronous command on one thread for each core.
pub fn block_on<F: Future>(command: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Problem::System, "cannot start threads").caused_by(&error))?;
    let output = runtime.block_on(command);
    // Tasks that are still running, such as the signal listener, must not delay the exit.
    runtime.shutdown_background();
    Ok(output)
}
