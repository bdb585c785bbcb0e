//! Who was named so far: a bit for everybody whom the ledger knows, a packed list of everybody else.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::identity::OpenId;

use super::packed;

/// Some of the numbers below a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// All numbers below `bound` of which `test` says so, by several threads where there are many.
    pub(super) fn that(bound: u32, test: impl Fn(u32) -> bool + Sync) -> Self {
        /// A thread is worth so many words.
        const LEAST: usize = 1 << 12;
        let mut numbers = Self::below(bound);
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let share = numbers.0.len().div_ceil(threads).max(LEAST);
        let test = &test;
        std::thread::scope(|scope| {
            for (nth, words) in numbers.0.chunks_mut(share).enumerate() {
                let mut fill = move || {
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

/// How many open_ids lie side by side in one piece of memory.
const TOGETHER: usize = 1 << 16;

/// Open_ids in the order of their first row, packed, side by side in pieces of memory: a million of them one by one would
/// take several times as much. A piece is given back as soon as it has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenIds {
    pieces: Vec<Piece>,
    /// Which of them count; all of them when there is none.
    kept: Option<Numbers>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    bytes: Vec<u8>,
    /// Where each one ends.
    ends: Vec<u32>,
}

impl Piece {
    fn packed(&self, at: usize) -> &[u8] {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(at).copied().unwrap_or_default();
        let range = begin.copied().unwrap_or_default() as usize..end as usize;
        self.bytes.get(range).unwrap_or_default()
    }
}

impl OpenIds {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kept {
            Some(kept) => usize::try_from(kept.count()).unwrap_or(usize::MAX),
            None => self.all(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first so many of them, of those that are kept.
    pub(super) fn keep_first(&mut self, most: usize) {
        let all = u32::try_from(self.all()).unwrap_or(u32::MAX);
        let counts = |n: &u32| self.kept.as_ref().is_none_or(|kept| kept.contains(*n));
        let end = (0..all).filter(counts).nth(most);
        if let Some(end) = end {
            self.kept = Some(Numbers::that(all, |n| n < end && counts(&n)));
        }
    }

    fn all(&self) -> usize {
        let full = self.pieces.len().saturating_sub(1) * TOGETHER;
        self.pieces.last().map_or(0, |last| full + last.ends.len())
    }

    fn packed(&self, at: usize) -> &[u8] {
        let piece = self.pieces.get(at / TOGETHER);
        piece.map_or(&[][..], |piece| piece.packed(at % TOGETHER))
    }

    fn push(&mut self, packed: &[u8]) {
        if self.all() == self.pieces.len() * TOGETHER {
            self.pieces.push(Piece::default());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.bytes.extend_from_slice(packed);
            piece.ends.push(u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX));
            // Every piece grows by doubling, and the last one is full when the next begins.
            if piece.ends.len() == TOGETHER {
                piece.bytes.shrink_to_fit();
            }
        }
    }
}

impl IntoIterator for OpenIds {
    type Item = OpenId;
    type IntoIter = Box<dyn Iterator<Item = OpenId> + Send>;

    fn into_iter(self) -> Self::IntoIter {
        let Self { pieces, kept } = self;
        let kept = std::sync::Arc::new(kept);
        Box::new((0..).zip(pieces).flat_map(move |(nth, piece)| {
            let kept = std::sync::Arc::clone(&kept);
            (0..piece.ends.len()).filter_map(move |at| {
                let number = u32::try_from(nth * TOGETHER + at).unwrap_or(u32::MAX);
                if kept.as_ref().as_ref().is_some_and(|kept| !kept.contains(number)) {
                    return None;
                }
                OpenId::parse(&packed::unpack(piece.packed(at))).ok()
            })
        }))
    }
}

/// Distinct open_ids, numbered from 0, to be found again.
#[derive(Default)]
pub(super) struct People {
    open_ids: OpenIds,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    packed: Vec<u8>,
}

impl People {
    /// The number of an open_id that is among them.
    pub(super) fn find(&mut self, open_id: &str) -> Option<u32> {
        if self.index.is_empty() {
            return None;
        }
        packed::pack(open_id, &mut self.packed);
        let hash = self.hasher.hash_one(self.packed.as_slice());
        let same = |n: &u32| self.open_ids.packed(*n as usize) == self.packed;
        self.index.find(hash, same).copied()
    }

    /// The number of an open_id, and whether it is new; none when there is no number left for it.
    pub(super) fn add(&mut self, open_id: &str) -> Option<(u32, bool)> {
        if let Some(number) = self.find(open_id) {
            return Some((number, false));
        }
        let number = u32::try_from(self.open_ids.all()).ok()?;
        packed::pack(open_id, &mut self.packed);
        self.open_ids.push(&self.packed);
        let Self {
            open_ids,
            index,
            hasher,
            packed,
        } = self;
        let hash = |n: &u32| hasher.hash_one(open_ids.packed(*n as usize));
        index.insert_unique(hasher.hash_one(packed.as_slice()), number, hash);
        Some((number, true))
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.open_ids.all()).unwrap_or(u32::MAX)
    }

    /// An open_id by its number.
    pub(super) fn open_id(&self, number: u32) -> String {
        packed::unpack(self.open_ids.packed(number as usize))
    }

    /// Those of them that are kept; all where nothing is said.
    pub(super) fn keep(mut self, kept: Option<Numbers>) -> OpenIds {
        self.open_ids.kept = kept;
        self.open_ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_no_seams() {
        for all in [TOGETHER + 3, 2 * TOGETHER, 5] {
            let mut people = People::default();
            for n in 0..all {
                let number = u32::try_from(n).expect("a small number");
                assert_eq!(people.find(&n.to_string()), None);
                assert_eq!(people.add(&n.to_string()), Some((number, true)));
                assert_eq!(people.add(&n.to_string()), Some((number, false)));
            }
            assert_eq!(people.find("0"), Some(0));
            assert_eq!(people.open_id(people.len() - 1), (all - 1).to_string());
            let even = Numbers::that(people.len(), |n| n.is_multiple_of(2));
            let kept = people.keep(Some(even));
            assert_eq!(kept.len(), all.div_ceil(2));
            let texts: Vec<_> = kept.into_iter().map(|open_id| open_id.to_string()).collect();
            let expected: Vec<_> = (0..all).step_by(2).map(|n| n.to_string()).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn threads_leave_no_number_out() {
        for bound in [0, 1, 63, 64, 65, 1_000_003] {
            let numbers = Numbers::that(bound, |n| n % 3 == 1);
            assert_eq!(numbers.count(), (0..bound).filter(|n| n % 3 == 1).count() as u64);
            assert!((0..bound).all(|n| numbers.contains(n) == (n % 3 == 1)));
        }
    }
}
