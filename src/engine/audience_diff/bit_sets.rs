//! What [`FixedBitSet`] lacks: filling a set with several threads, and ranks.

use std::thread;

use fixedbitset::{Block, FixedBitSet};

use crate::model::threads::threads_for;

/// Bits in a block.
const BITS: usize = Block::BITS as usize;

/// Returns the numbers below `bound` that pass `test`. Large sets are filled by several threads.
pub(super) fn numbers_that(bound: u32, test: impl Fn(u32) -> bool + Sync) -> FixedBitSet {
    numbers_by(bound, |_| &test)
}

/// Like [`numbers_that`], with a test for each thread: `begin` returns the test for all numbers from the given one on, which are
/// asked for in ascending order.
pub(super) fn numbers_by<T: FnMut(u32) -> bool>(bound: u32, begin: impl Fn(u32) -> T + Sync) -> FixedBitSet {
    /// The fewest blocks for which a thread is worth its start.
    const LEAST: usize = 1 << 12;
    let mut numbers = FixedBitSet::with_capacity(bound as usize);
    let blocks = numbers.as_mut_slice();
    let share = blocks.len().div_ceil(threads_for(blocks.len(), LEAST)).max(1);
    let begin = &begin;
    thread::scope(|scope| {
        for (nth, blocks) in blocks.chunks_mut(share).enumerate() {
            let first = nth * share * BITS;
            let mut fill = move || {
                let mut numbers = (number(first)..bound).zip(0_usize..);
                let mut test = begin(number(first));
                numbers.by_ref().take(blocks.len() * BITS).for_each(|(number, at)| {
                    blocks[at / BITS] |= Block::from(test(number)) << (at % BITS);
                });
            };
            if first + share * BITS >= bound as usize && nth == 0 {
                fill();
            } else {
                scope.spawn(fill);
            }
        }
    });
    numbers
}

/// Returns a function that counts the members of a set below a number.
pub(super) fn ranks(set: &FixedBitSet) -> impl Fn(u32) -> u32 {
    let blocks = set.as_slice();
    let mut below = 0;
    let before = blocks.iter().map(|block| {
        below += block.count_ones();
        below - block.count_ones()
    });
    let before: Vec<u32> = before.collect();
    move |n| {
        let at = n as usize / BITS;
        let lower = (1 << (n as usize % BITS)) - 1;
        let in_block = blocks.get(at).map_or(0, |block| (block & lower).count_ones());
        before.get(at).map_or(below, |before| before + in_block)
    }
}

/// A number of users or hashes, of which there are at most `u32::MAX`.
pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_counts_the_members_below() {
        let numbers = numbers_that(1_000, |n| n % 7 < 2);
        let rank = ranks(&numbers);
        for n in 0..1_200 {
            assert_eq!(
                rank(n) as usize,
                (0..n).filter(|n| numbers.contains(*n as usize)).count()
            );
        }
    }

    #[test]
    fn threads_leave_no_number_out() {
        for bound in [0, 1, 63, 64, 65, 1_000_003] {
            let numbers = numbers_that(bound, |n| n % 3 == 1);
            assert_eq!(numbers.count_ones(..), (0..bound).filter(|n| n % 3 == 1).count());
            assert!((0..bound).all(|n| numbers.contains(n as usize) == (n % 3 == 1)));
        }
    }
}
