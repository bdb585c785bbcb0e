//! Turns panics of sled into errors. They are not printed, and panics of other code are not touched.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::catalogue::ledger;
use crate::model::quiet_panic;

static SLED_PANICS: AtomicUsize = AtomicUsize::new(0);

/// How many of sled's own threads have panicked in this process. A call that waits for one of them never ends.
pub(super) fn sled_panics() -> usize {
    SLED_PANICS.load(Ordering::SeqCst)
}

/// Runs `work`. A panic is not printed; its text is the error.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> T + panic::UnwindSafe) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_sled = std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled-io"));
            if is_sled {
                SLED_PANICS.fetch_add(1, Ordering::SeqCst);
            } else {
                before(info);
            }
        }));
    });
    quiet_panic::catch_panic(work).map_err(|why| ledger::StoreDamaged { why: &why }.to_string())
}
