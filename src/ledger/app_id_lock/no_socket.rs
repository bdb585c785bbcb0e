//! The place of the abstract socket on systems without one, where the lock consists of its files.

use std::io;
use std::time::Duration;

use super::process::Asked;

/// Nothing.
#[derive(Debug)]
pub(super) struct Listening;

impl Listening {
    #[expect(clippy::unnecessary_wraps, reason = "like the socket's")]
    pub(super) fn start(_name: &str, _line: String) -> io::Result<Option<Self>> {
        Ok(Some(Self))
    }
}

#[expect(clippy::unused_async, reason = "like the socket's")]
pub(super) async fn ask(_name: &str, _patience: Duration) -> Asked {
    Asked::Nobody
}
