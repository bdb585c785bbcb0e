//! Packed sets of open_ids that the ledger does not know.

use std::iter;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use crate::ledger::Spill;
use crate::ledger::open_id_arena::{Cursor, OpenIdArena};
use crate::ledger::open_id_index::Index;
use crate::model::identity::OpenId;

use super::bit_sets::numbers_that;

/// Open_ids in the order of their first row. Reading them frees their memory.
#[derive(Clone, Debug, Default)]
pub struct OpenIds {
    arena: OpenIdArena,
    /// The numbers of those that count; `None` if all do.
    kept: Option<FixedBitSet>,
}

impl OpenIds {
    /// Those with these numbers; all of them if `kept` is `None`.
    pub(super) const fn new(arena: OpenIdArena, kept: Option<FixedBitSet>) -> Self {
        Self { arena, kept }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kept {
            Some(kept) => kept.count_ones(..),
            None => self.arena.len() as usize,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The open_id at this place among those that count. `None` if there is none, or it cannot be read.
    #[must_use]
    pub fn nth(&self, place: usize) -> Option<String> {
        let number = match &self.kept {
            Some(kept) => kept.ones().nth(place)?,
            None => place,
        };
        let number = u32::try_from(number).ok().filter(|number| *number < self.arena.len())?;
        self.arena.open_id(number)
    }

    /// Keeps at most the first `most` of those that count.
    pub(super) fn keep_first(&mut self, most: usize) {
        let all = self.arena.len();
        let counts = |n: &u32| self.kept.as_ref().is_none_or(|kept| kept.contains(*n as usize));
        if let Some(end) = (0..all).filter(counts).nth(most) {
            self.kept = Some(numbers_that(all, |n| n < end && counts(&n)));
        }
    }

    /// The spill file, which notes whether all of them could be read.
    pub(super) fn spill(&self) -> Arc<Spill> {
        Arc::clone(self.arena.spill())
    }

    /// All that count, in order, as far as they can be read.
    pub(super) fn drain(self) -> impl Iterator<Item = OpenId> {
        let Self { arena, kept } = self;
        let mut drained = arena.drain();
        let counts = move |n| kept.as_ref().is_none_or(|kept| kept.contains(n as usize));
        iter::from_fn(move || drained.next(&counts)).filter_map(|open_id| OpenId::parse(&open_id).ok())
    }
}

/// Distinct open_ids, numbered from 0, with an index by their packed form.
#[derive(Default)]
pub(super) struct NewOpenIds {
    arena: OpenIdArena,
    index: Index,
}

impl NewOpenIds {
    pub(super) fn new(spill: Arc<Spill>) -> Self {
        Self {
            arena: OpenIdArena::new(spill),
            index: Index::default(),
        }
    }

    fn find(&self, packed: &[u8]) -> Option<u32> {
        self.index.find(&self.arena, packed)
    }

    /// The number of an open_id, and whether it is new. `None` if no number is left for it.
    pub(super) fn add(&mut self, packed: &[u8]) -> Option<(u32, bool)> {
        if let Some(number) = self.find(packed) {
            return Some((number, false));
        }
        if self.arena.len() == u32::MAX {
            return None;
        }
        let number = self.arena.push(packed);
        self.index.add_new(&self.arena, number, packed);
        Some((number, true))
    }

    pub(super) const fn len(&self) -> u32 {
        self.arena.len()
    }

    /// `None` if it cannot be read back from the spill file.
    pub(super) fn open_id(&self, number: u32) -> Option<String> {
        self.arena.open_id(number)
    }

    /// The open_ids from a number on, in order.
    pub(super) fn open_ids_from(&self, number: u32) -> Cursor<'_> {
        self.arena.from(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::open_id_arena::pack;

    #[test]
    fn exactly_those_that_are_kept_are_drained() {
        for all in [(1 << 16) + 3, 2 << 16, 5] {
            let mut people = NewOpenIds::default();
            let mut packed = Vec::new();
            for n in 0..all {
                pack(&n.to_string(), &mut packed);
                assert_eq!(people.find(&packed), None);
                assert_eq!(people.add(&packed), Some((n, true)));
                assert_eq!(people.add(&packed), Some((n, false)));
            }
            let even = numbers_that(people.len(), |n| n.is_multiple_of(2));
            let kept = OpenIds::new(people.arena, Some(even));
            assert_eq!(kept.nth(1).as_deref(), Some("2"));
            assert_eq!(kept.nth(kept.len()), None);
            assert_eq!(kept.len(), all.div_ceil(2) as usize);
            let texts: Vec<_> = kept.drain().map(|open_id| open_id.to_string()).collect();
            let expected: Vec<_> = (0..all).step_by(2).map(|n| n.to_string()).collect();
            assert_eq!(texts, expected);
        }
    }
}
