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

/// Distinct open_ids in the order of their first row.
#[derive(Default)]
pub(super) struct Newcomers {
    open_ids: Vec<OpenId>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Newcomers {
    /// Whether an open_id is among them.
    pub(super) fn contains(&self, open_id: &str) -> bool {
        let hash = self.hasher.hash_one(open_id);
        self.index.find(hash, |n| text(&self.open_ids, *n) == open_id).is_some()
    }

    /// Adds an open_id that is not among them; says whether there was a number left for it.
    pub(super) fn add(&mut self, open_id: OpenId) -> bool {
        let Ok(number) = u32::try_from(self.open_ids.len()) else {
            return false;
        };
        self.open_ids.push(open_id);
        let Self {
            open_ids,
            index,
            hasher,
        } = self;
        let hash = |n: &u32| hasher.hash_one(text(open_ids, *n));
        index.insert_unique(hash(&number), number, hash);
        true
    }

    pub(super) fn len(&self) -> u64 {
        self.open_ids.len() as u64
    }

    /// The first so many of them.
    pub(super) fn first(mut self, most: u64) -> Vec<OpenId> {
        self.open_ids.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        self.open_ids
    }
}

fn text(open_ids: &[OpenId], n: u32) -> &str {
    open_ids.get(n as usize).map_or("", OpenId::as_str)
}
