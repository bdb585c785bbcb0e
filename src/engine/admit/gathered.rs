//! Who was named so far: a bit for everybody whom the ledger knows, a list of everybody else.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::identity::OpenId;

/// Some of the numbers below a bound.
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    /// None of the numbers below `bound`.
    pub(super) fn below(bound: u32) -> Self {
        Self(vec![0; (bound as usize).div_ceil(64)])
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

    pub(super) fn contains(&self, n: u32) -> bool {
        self.0
            .get(n as usize / 64)
            .is_some_and(|word| word >> (n % 64) & 1 == 1)
    }
}

/// Open_ids side by side in one piece of memory, in the order of their first row: a million of them one by one would take
/// half as much again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIds {
    text: String,
    /// Where each one ends.
    ends: Vec<usize>,
}

impl OpenIds {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One of them, by its place from 0.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<OpenId> {
        OpenId::parse(self.text(at)).ok()
    }

    fn text(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = begin.copied().unwrap_or_default()..self.ends.get(at).copied().unwrap_or_default();
        self.text.get(range).unwrap_or_default()
    }

    fn push(&mut self, open_id: &str) {
        self.text.push_str(open_id);
        self.ends.push(self.text.len());
    }

    fn truncate(&mut self, most: usize) {
        self.ends.truncate(most);
        self.text.truncate(self.ends.last().copied().unwrap_or_default());
    }
}

/// Distinct open_ids, to be found again.
#[derive(Default)]
pub(super) struct Newcomers {
    open_ids: OpenIds,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Newcomers {
    /// Whether an open_id is among them.
    pub(super) fn contains(&self, open_id: &str) -> bool {
        let hash = self.hasher.hash_one(open_id);
        let same = |n: &u32| self.open_ids.text(*n as usize) == open_id;
        self.index.find(hash, same).is_some()
    }

    /// Adds an open_id that is not among them; says whether there was a number left for it.
    pub(super) fn add(&mut self, open_id: &str) -> bool {
        let Ok(number) = u32::try_from(self.open_ids.len()) else {
            return false;
        };
        self.open_ids.push(open_id);
        let Self {
            open_ids,
            index,
            hasher,
        } = self;
        let hash = |n: &u32| hasher.hash_one(open_ids.text(*n as usize));
        index.insert_unique(hash(&number), number, hash);
        true
    }

    pub(super) const fn len(&self) -> u64 {
        self.open_ids.len() as u64
    }

    /// The first so many of them.
    pub(super) fn first(mut self, most: u64) -> OpenIds {
        self.open_ids.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        self.open_ids
    }
}
