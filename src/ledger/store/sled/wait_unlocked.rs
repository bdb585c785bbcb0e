//! Waits for sled's threads, which have its file open and locked for some time after it was closed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::ledger::known_files::open_to_read;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

/// Waits until a file is not locked, for at most [`PATIENCE`]. This process has the campaign's lock, so only threads that are
/// still closing the store can have the file locked, or a process that is being started and has inherited it for a moment.
pub(super) fn wait_unlocked(path: &Path) {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        let Ok(file) = open_to_read(path) else { return };
        if file.try_lock().is_ok() {
            let _ = file.unlock();
            return;
        }
        thread::park_timeout(PAUSE);
    }
}
