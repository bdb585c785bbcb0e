//! The place of the abstract socket on systems without one, where the lock consists of its files.

use std::io;
use std::time::Duration;

use crate::model::event::Owner;

use super::process::Process;

/// Nothing.
#[derive(Debug)]
pub(super) struct Listening;

impl Listening {
    #[expect(clippy::unnecessary_wraps, reason = "like the socket's")]
    pub(super) fn start(_name: &str, _line: String) -> io::Result<Option<Self>> {
        Ok(Some(Self))
    }
}

/// What is known of the process that listens.
#[expect(dead_code, reason = "like the socket's")]
pub(super) enum Asked {
    Nobody,
    Unreachable,
    Process {
        process: Process,
        answer: Option<Box<Owner>>,
    },
}

#[expect(clippy::unused_async, reason = "like the socket's")]
pub(super) async fn ask(_name: &str, _patience: Duration) -> Asked {
    Asked::Nobody
}
