//! How a long computation is shared among threads.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread::{self, ScopedJoinHandle};

/// How many threads can compute at a time. The system looks through several files for it, so it is asked once.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

pub(crate) fn cores() -> usize {
    *CORES
}

/// How many threads to start for this many items. A thread is worth its start for `least` of them.
pub(crate) fn threads_for(items: usize, least: usize) -> usize {
    (items / least).clamp(1, cores())
}

/// Computes something of each part of the numbers below `bound`, each part with at least `least` numbers in a thread of its own.
/// The parts are in order.
pub(crate) fn in_parts<T: Send>(bound: u32, least: u32, compute: impl Fn(Range<u32>) -> T + Sync) -> Vec<T> {
    let threads = u32::try_from(threads_for(bound as usize, least as usize)).unwrap_or(1);
    if threads == 1 {
        return vec![compute(0..bound)];
    }
    let share = bound.div_ceil(threads);
    let compute = &compute;
    thread::scope(|scope| {
        let parts: Vec<_> = (0..bound)
            .step_by(share as usize)
            .map(|begin| begin..bound.min(begin.saturating_add(share)))
            .map(|part| scope.spawn(move || compute(part)))
            .collect();
        parts.into_iter().map(result).collect()
    })
}

/// The result of a thread. Nothing may be missing, so its panic goes on here.
pub(crate) fn result<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_order_and_leave_no_number_out() {
        for bound in [0, 1, 9, 10, 1_000, 1_003] {
            let numbers: Vec<u32> = in_parts(bound, 10, Iterator::collect::<Vec<_>>).concat();
            assert_eq!(numbers, (0..bound).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_thread_has_enough_to_do() {
        assert_eq!(threads_for(0, 10), 1);
        assert_eq!(threads_for(19, 10), 1);
        assert_eq!(threads_for(1_000_000, 1), cores());
    }
}
