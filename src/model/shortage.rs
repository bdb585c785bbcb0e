//! What the system may lack for a moment, whatever is attempted.

use std::io;

use rustix::io::Errno;

use crate::catalogue::model;

/// Returns what to do about a shortage of open files or memory. `None` for other errors.
#[must_use]
pub fn help(error: &io::Error) -> Option<String> {
    Some(match Errno::from_io_error(error)? {
        Errno::MFILE => model::ShortageFilesOfProcess.to_string(),
        Errno::NFILE => model::ShortageFilesOfMachine.to_string(),
        Errno::NOMEM => model::ShortageMemory.to_string(),
        _ => return None,
    })
}
