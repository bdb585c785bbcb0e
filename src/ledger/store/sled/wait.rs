//! Waiting for sled's threads, which have its file open and locked for some time after it was closed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::ledger::files::open_to_read;

/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

/// Waits until nobody has a file locked any more, but not for ever; says whether that is so. For a file of a ledger whose
/// campaign's lock this process has: then only threads that are still closing it can have it, or a process that is just
/// being started and has inherited it for a moment.
pub(super) fn wait_unlocked_blocking(path: &Path) -> bool {
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
