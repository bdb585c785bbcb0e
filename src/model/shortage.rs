//! What the system may lack for a moment, whatever is attempted.

use std::io;

use rustix::io::Errno;

/// Returns what to do about a shortage of open files or memory. `None` for other errors.
#[must_use]
pub fn help(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::MFILE => {
            "this process may open no more files. raise the limit, for example with `ulimit -n 4096`; then the same command goes on"
        }
        Errno::NFILE => {
            "this machine has too many open files. end other programs or raise the system's limit; then the same command goes on"
        }
        Errno::NOMEM => {
            "this machine has no more memory for this process. end other programs; then the same command goes on"
        }
        _ => return None,
    })
}
