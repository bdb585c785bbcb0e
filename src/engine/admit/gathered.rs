//! Who was named so far: a bit for everybody whom the ledger knows, one piece of text for everybody else.

use std::hash::BuildHasher;

use hashbrown::hash_table::{Entry, HashTable};

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

/// Distinct open_ids in the order of their first row. A million of 36 characters take some 55 MB.
#[derive(Default)]
pub(super) struct Newcomers {
    text: String,
    ends: Vec<usize>,
    index: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl Newcomers {
    /// Adds an open_id; says whether it is new, or nothing when there is no number left for it.
    pub(super) fn insert(&mut self, open_id: &str) -> Option<bool> {
        let Self {
            text,
            ends,
            index,
            hasher,
        } = self;
        let hash = hasher.hash_one(open_id);
        let same = |n: &u32| nth(text, ends, *n) == open_id;
        match index.entry(hash, same, |n| hasher.hash_one(nth(text, ends, *n))) {
            Entry::Occupied(_) => Some(false),
            Entry::Vacant(place) => {
                place.insert(u32::try_from(ends.len()).ok()?);
                text.push_str(open_id);
                ends.push(text.len());
                Some(true)
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Forgets how to look them up, and keeps the first `most`.
    pub(super) fn first(self, most: u64) -> Admitted {
        let mut ends = self.ends;
        ends.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Admitted { text: self.text, ends }
    }
}

fn nth<'t>(text: &'t str, ends: &[usize], n: u32) -> &'t str {
    let n = n as usize;
    let start = n
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    ends.get(n).and_then(|end| text.get(start..*end)).unwrap_or_default()
}

/// The open_ids that are let in, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    text: String,
    ends: Vec<usize>,
}

impl Admitted {
    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let open_id = self.text.get(start..end).unwrap_or_default();
            start = end;
            open_id
        })
    }
}
