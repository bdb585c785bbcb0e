//! Runs the asynchronous part of a command.

use std::fs::File;
use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::process::allow_many_files;
use crate::catalogue::cli;
use crate::model::problem::Problem;

use super::failure::Failure;

/// SIGXFSZ, which a write beyond the limit of `ulimit -f` raises.
const FILE_SIZE: i32 = Signal::XFSZ.as_raw();

/// Lets a write beyond the limit on the size of files fail, instead of ending the process without a message.
fn catch_file_size_signal() {
    // The handler stays after the listener is dropped.
    if let Err(error) = signal(SignalKind::from_raw(FILE_SIZE)) {
        tracing::info!("a write beyond the limit on the size of files ends this process: {error}");
    }
}

/// Checks that as many files can be opened as the executor needs. It panics if it cannot open those for signals.
fn check_open_files() -> io::Result<()> {
    let files = [(); 8].map(|()| File::open("/dev/null"));
    files.into_iter().try_for_each(|file| file.map(drop))
}

/// Runs an asynchronous command on one thread for each core.
pub fn block_on<F: Future>(command: F) -> Result<F::Output, Failure> {
    let failed = |error: io::Error| Failure::new(Problem::System, cli::CannotStartThreads).caused_by(&error);
    allow_many_files();
    check_open_files().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let output = runtime.block_on(async {
        catch_file_size_signal();
        command.await
    });
    // Tasks that are still running, such as the signal listener, must not delay the exit.
    runtime.shutdown_background();
    Ok(output)
}
