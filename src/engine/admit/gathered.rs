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

/// How many open_ids lie side by side in one piece of memory.
const TOGETHER: usize = 1 << 16;

/// Open_ids in the order of their first row, side by side in pieces of memory: a million of them one by one would take
/// half as much again. A piece is given back as soon as it has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIds(Vec<Piece>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    text: String,
    /// Where each one ends.
    ends: Vec<usize>,
}

impl Piece {
    fn text(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = begin.copied().unwrap_or_default()..self.ends.get(at).copied().unwrap_or_default();
        self.text.get(range).unwrap_or_default()
    }
}

impl OpenIds {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1) * TOGETHER;
        self.0.last().map_or(0, |last| full + last.ends.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text(&self, at: usize) -> &str {
        self.0.get(at / TOGETHER).map_or("", |piece| piece.text(at % TOGETHER))
    }

    fn push(&mut self, open_id: &str) {
        if self.len() == self.0.len() * TOGETHER {
            self.0.push(Piece::default());
        }
        if let Some(piece) = self.0.last_mut() {
            piece.text.push_str(open_id);
            piece.ends.push(piece.text.len());
        }
    }

    /// The first so many of them.
    pub(super) fn first(mut self, most: usize) -> Self {
        self.truncate(most);
        self
    }

    fn truncate(&mut self, most: usize) {
        self.0.truncate(most.div_ceil(TOGETHER));
        if let Some(last) = self.0.get_mut(most / TOGETHER) {
            last.ends.truncate(most % TOGETHER);
        }
    }
}

impl IntoIterator for OpenIds {
    type Item = OpenId;
    type IntoIter = Box<dyn Iterator<Item = OpenId> + Send>;

    fn into_iter(self) -> Self::IntoIter {
        let each = |piece: Piece| (0..piece.ends.len()).filter_map(move |at| OpenId::parse(piece.text(at)).ok());
        Box::new(self.0.into_iter().flat_map(each))
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

    pub(super) fn len(&self) -> u64 {
        self.open_ids.len() as u64
    }

    /// The first so many of them.
    pub(super) fn first(self, most: u64) -> OpenIds {
        self.open_ids.first(usize::try_from(most).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_no_seams() {
        for (all, most) in [
            (TOGETHER + 3, TOGETHER + 1),
            (TOGETHER + 3, TOGETHER),
            (2 * TOGETHER, 3),
            (5, 9),
        ] {
            let mut newcomers = Newcomers::default();
            for n in 0..all {
                assert!(!newcomers.contains(&n.to_string()) && newcomers.add(&n.to_string()));
            }
            assert!(newcomers.contains("0") && newcomers.contains(&(all - 1).to_string()));
            let kept = newcomers.first(most as u64);
            assert_eq!(kept.len(), all.min(most));
            let texts: Vec<_> = kept.into_iter().map(|open_id| open_id.to_string()).collect();
            let expected: Vec<_> = (0..all.min(most)).map(|n| n.to_string()).collect();
            assert_eq!(texts, expected);
        }
    }
}
