//! Waits for sled's threads, which have its file open and locked for some time after it was closed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::ledger::known_files::open_to_read;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

/// Waits until a file is not locked, for at most [`PATIENCE`]. Returns whether that is so. This process has the campaign's lock,
/// so only threads that are still closing the store can have the file locked, a process that is being started and has inherited
/// it for a moment, or a process whose last write to a failing disk has not ended.
pub(super) fn wait_unlocked(path: &Path) -> bool {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        let Ok(file) = open_to_read(path) else { return true };
        if file.try_lock().is_ok() {
            let _ = file.unlock();
            return true;
        }
        thread::park_timeout(PAUSE);
    }
    false
}
