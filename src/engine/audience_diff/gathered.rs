//! Who was named so far: a bit for everybody whom the ledger knows, a packed list of everybody else.

use std::iter;
use std::sync::Arc;

use crate::ledger::Spill;
use crate::ledger::index::Index;
use crate::ledger::open_id_arena::{Cursor, OpenIdArena};
use crate::model::identity::OpenId;

/// Some of the numbers below a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberSet(Vec<u64>);

impl NumberSet {
    /// None of the numbers below `bound`.
    pub(super) fn below(bound: u32) -> Self {
        Self(vec![0; (bound as usize).div_ceil(64)])
    }

    /// Makes room for the numbers below `bound`.
    pub(super) fn make_room(&mut self, bound: u32) {
        let words = (bound as usize).div_ceil(64).max(self.0.len());
        self.0.resize(words, 0);
    }

    /// Adds a number; says whether it is new. One at or above the bound never is.
    pub(super) fn insert(&mut self, n: u32) -> bool {
        let bit = 1 << (n % 64);
        self.0.get_mut(n as usize / 64).is_some_and(|word| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }

    /// Adds the numbers of `others`, which has the same bound.
    pub(super) fn extend(&mut self, others: &Self) {
        self.0
            .iter_mut()
            .zip(&others.0)
            .for_each(|(word, other)| *word |= other);
    }

    pub(super) fn contains(&self, n: u32) -> bool {
        self.0
            .get(n as usize / 64)
            .is_some_and(|word| word >> (n % 64) & 1 == 1)
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many of them are below a number.
    pub(super) fn ranks(&self) -> impl Fn(u32) -> u32 {
        let mut below = 0;
        let before = self.0.iter().map(|word| {
            below += word.count_ones();
            below - word.count_ones()
        });
        let before: Vec<u32> = before.collect();
        move |n| {
            let at = n as usize / 64;
            let (word, before) = (self.0.get(at), before.get(at));
            let in_word = word.map_or(0, |word| (word & ((1 << (n % 64)) - 1)).count_ones());
            before.map_or(below, |before| before + in_word)
        }
    }

    /// All numbers below `bound` of which `test` says so, by several threads where there are many.
    pub(super) fn that(bound: u32, test: impl Fn(u32) -> bool + Sync) -> Self {
        Self::by(bound, |_| &test)
    }

    /// The same where each thread has a test of its own, which is asked of every number from the one on that it begins with.
    pub(super) fn by<T: FnMut(u32) -> bool>(bound: u32, begin: impl Fn(u32) -> T + Sync) -> Self {
        /// A thread is worth so many words.
        const LEAST: usize = 1 << 12;
        let mut numbers = Self::below(bound);
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let share = numbers.0.len().div_ceil(threads).max(LEAST);
        let begin = &begin;
        std::thread::scope(|scope| {
            for (nth, words) in numbers.0.chunks_mut(share).enumerate() {
                let mut fill = move || {
                    let mut test = begin(u32::try_from(nth * share * 64).unwrap_or(u32::MAX));
                    for (at, word) in words.iter_mut().enumerate() {
                        let first = u32::try_from((nth * share + at) * 64).unwrap_or(u32::MAX);
                        *word = (0..64)
                            .filter(|bit| first.checked_add(*bit).is_some_and(|n| n < bound && test(n)))
                            .fold(0, |word, bit| word | 1 << bit);
                    }
                };
                if nth == 0 && share * 64 >= bound as usize {
                    fill();
                } else {
                    scope.spawn(fill);
                }
            }
        });
        numbers
    }
}

/// Open_ids in the order of their first row, which are let go of as they are told.
#[derive(Clone, Debug, Default)]
pub struct OpenIds {
    names: OpenIdArena,
    /// Which of them count; all of them when there is none.
    kept: Option<NumberSet>,
}

impl OpenIds {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kept {
            Some(kept) => usize::try_from(kept.count()).unwrap_or(usize::MAX),
            None => self.names.all() as usize,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first so many of them, of those that are kept.
    pub(super) fn keep_first(&mut self, most: usize) {
        let all = self.names.all();
        let counts = |n: &u32| self.kept.as_ref().is_none_or(|kept| kept.contains(*n));
        let end = (0..all).filter(counts).nth(most);
        if let Some(end) = end {
            self.kept = Some(NumberSet::that(all, |n| n < end && counts(&n)));
        }
    }

    /// By what it is known whether all of them could be read.
    pub(super) fn spill(&self) -> Arc<Spill> {
        Arc::clone(self.names.spill())
    }

    /// All that count, in order, as far as they can be read.
    pub(super) fn told(self) -> impl Iterator<Item = OpenId> {
        let Self { names, kept } = self;
        let mut told = names.told();
        let counts = move |number| kept.as_ref().is_none_or(|kept| kept.contains(number));
        iter::from_fn(move || told.next(&counts)).filter_map(|open_id| OpenId::parse(&open_id).ok())
    }
}

/// Distinct open_ids, numbered from 0, to be found again. They are asked for as they are packed.
#[derive(Default)]
pub(super) struct NewOpenIds {
    names: OpenIdArena,
    index: Index,
}

impl NewOpenIds {
    pub(super) fn new(spill: Arc<Spill>) -> Self {
        Self {
            names: OpenIdArena::new(spill),
            index: Index::default(),
        }
    }

    /// The number of an open_id that is among them.
    pub(super) fn find(&self, packed: &[u8]) -> Option<u32> {
        self.index.find(&self.names, packed)
    }

    /// The number of an open_id, and whether it is new; none when there is no number left for it.
    pub(super) fn add(&mut self, packed: &[u8]) -> Option<(u32, bool)> {
        if let Some(number) = self.find(packed) {
            return Some((number, false));
        }
        if self.names.all() == u32::MAX {
            return None;
        }
        let number = self.names.push(packed);
        self.index.add_new(&self.names, number, packed);
        Some((number, true))
    }

    pub(super) const fn len(&self) -> u32 {
        self.names.all()
    }

    /// The open_id of a number, if it can be read.
    pub(super) fn open_id(&self, number: u32) -> Option<String> {
        self.names.open_id(number)
    }

    /// The open_ids from a number on, in order.
    pub(super) fn open_ids_from(&self, number: u32) -> Cursor<'_> {
        self.names.from(number)
    }

    /// Nobody is looked for any more: lets go of what that takes.
    pub(super) fn forget_index(&mut self) {
        self.index = Index::default();
    }

    /// Those of them that are kept; all where nothing is said.
    pub(super) fn keep(self, kept: Option<NumberSet>) -> OpenIds {
        OpenIds {
            names: self.names,
            kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::open_id_arena::pack;

    #[test]
    fn those_that_are_kept_are_told() {
        for all in [(1 << 16) + 3, 2 << 16, 5] {
            let mut people = NewOpenIds::default();
            let mut packed = Vec::new();
            for n in 0..all {
                pack(&n.to_string(), &mut packed);
                assert_eq!(people.find(&packed), None);
                assert_eq!(people.add(&packed), Some((n, true)));
                assert_eq!(people.add(&packed), Some((n, false)));
            }
            let even = NumberSet::that(people.len(), |n| n.is_multiple_of(2));
            let kept = people.keep(Some(even));
            assert_eq!(kept.len(), all.div_ceil(2) as usize);
            let texts: Vec<_> = kept.told().map(|open_id| open_id.to_string()).collect();
            let expected: Vec<_> = (0..all).step_by(2).map(|n| n.to_string()).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn ranks_count_those_before() {
        let numbers = NumberSet::that(1_000, |n| n % 7 < 2);
        let rank = numbers.ranks();
        for n in 0..1_200 {
            assert_eq!(rank(n) as usize, (0..n).filter(|n| numbers.contains(*n)).count());
        }
    }

    #[test]
    fn threads_leave_no_number_out() {
        for bound in [0, 1, 63, 64, 65, 1_000_003] {
            let numbers = NumberSet::that(bound, |n| n % 3 == 1);
            assert_eq!(numbers.count(), (0..bound).filter(|n| n % 3 == 1).count() as u64);
            assert!((0..bound).all(|n| numbers.contains(n) == (n % 3 == 1)));
        }
    }
}
