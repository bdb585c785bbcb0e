//! The index of open_ids: a hash table of numbers in shards. It has no hash and no open_id, so each number takes about six
//! bytes. To grow, it is emptied and filled again from the open_ids in their order: that is faster than reading them one by
//! one, and needs no memory for a second table.

use std::hash::BuildHasher;
use std::thread;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

use crate::model::threads::cores;

use super::open_id_arena::OpenIdArena;

/// The numbers that fit into a shard before it grows by itself.
const SHARD: usize = (1 << 16) / 8 * 7;
/// The most numbers in a shard on average. Some shards have more than others, and none should grow by itself.
const FULL: usize = SHARD / 100 * 98;
/// A table with more shards than this grows by a quarter, a smaller one by half.
const MANY: usize = 1 << 8;

/// The index of the open_ids of an arena.
#[derive(Debug, Default)]
pub(crate) struct Index {
    shards: Vec<HashTable<u32>>,
    hasher: DefaultHashBuilder,
    len: usize,
}

/// A new index, and whether its open_ids are distinct.
pub(crate) struct Built {
    pub(crate) index: Index,
    pub(crate) is_distinct: bool,
}

impl Index {
    pub(crate) fn build(open_ids: &OpenIdArena) -> Built {
        let mut index = Self::default();
        index.clear_for(open_ids.len() as usize);
        let is_distinct = index.fill(open_ids, open_ids.len(), true);
        Built { index, is_distinct }
    }

    /// The number of a packed open_id.
    pub(crate) fn find(&self, open_ids: &OpenIdArena, packed: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(packed);
        let shard = self.shards.get(shard_of(hash, self.shards.len()))?;
        shard.find(hash, |known| open_ids.is(*known, packed)).copied()
    }

    /// Adds the last open_id. Returns whether it is new.
    pub(crate) fn add(&mut self, open_ids: &OpenIdArena, number: u32, packed: &[u8]) -> bool {
        if self.find(open_ids, packed).is_some() {
            return false;
        }
        self.add_new(open_ids, number, packed);
        true
    }

    /// Like [`Index::add`], for an open_id that is known to be new.
    pub(crate) fn add_new(&mut self, open_ids: &OpenIdArena, number: u32, packed: &[u8]) {
        if self.len >= self.shards.len() * FULL {
            let divisor = if self.shards.len() > MANY { 4 } else { 2 };
            self.clear_for(self.len + self.len / divisor + 1);
            self.fill(open_ids, number, false);
        }
        let hash = self.hasher.hash_one(packed);
        let nth = shard_of(hash, self.shards.len());
        if let Some(shard) = self.shards.get_mut(nth) {
            put(shard, &self.hasher, open_ids, (hash, number));
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, open_ids: &OpenIdArena, number: u32) {
        let hash = open_ids.with(number, |packed| self.hasher.hash_one(packed));
        let Some(hash) = hash else { return };
        let nth = shard_of(hash, self.shards.len());
        let shard = self.shards.get_mut(nth);
        if let Some(Ok(entry)) = shard.map(|shard| shard.find_entry(hash, |known| *known == number)) {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Removes all numbers, and makes room for `count`.
    fn clear_for(&mut self, count: usize) {
        self.shards.iter_mut().for_each(HashTable::clear);
        let shards = count.div_ceil(FULL).max(self.shards.len()).max(1);
        // The only shard of a small index grows by itself.
        let room = if shards == 1 { 0 } else { SHARD };
        if shards > 1 {
            for shard in &mut self.shards {
                shard.reserve(room, |_| 0);
            }
        }
        self.shards.resize_with(shards, || HashTable::with_capacity(room));
        self.len = 0;
    }

    /// Adds the numbers below `bound`, with several threads if there are many. If they are checked, returns whether they are
    /// distinct.
    fn fill(&mut self, open_ids: &OpenIdArena, bound: u32, checked: bool) -> bool {
        let Self { shards, hasher, len } = self;
        let hasher = &*hasher;
        let count = shards.len();
        let each = count.div_ceil(cores()).max(2);
        let fill = |(nth, some): (usize, &mut [HashTable<u32>])| {
            let mut distinct = true;
            let mut cursor = open_ids.from(0);
            while let Some((number, packed)) = cursor.next().filter(|(number, _)| *number < bound) {
                let hash = hasher.hash_one(packed);
                let at = shard_of(hash, count).checked_sub(nth * each);
                match at.and_then(|at| some.get_mut(at)) {
                    Some(shard) if checked => distinct &= put_checked(shard, hasher, open_ids, (hash, number, packed)),
                    Some(shard) => put(shard, hasher, open_ids, (hash, number)),
                    None => {}
                }
            }
            distinct
        };
        let distinct = if count <= each {
            fill((0, shards))
        } else {
            thread::scope(|scope| {
                let shares = shards.chunks_mut(each).enumerate();
                let threads: Vec<_> = shares.map(|some| scope.spawn(|| fill(some))).collect();
                threads.into_iter().all(|thread| thread.join().unwrap_or(false))
            })
        };
        *len = shards.iter().map(HashTable::len).sum();
        distinct
    }
}

fn put(shard: &mut HashTable<u32>, hasher: &DefaultHashBuilder, open_ids: &OpenIdArena, (hash, number): (u64, u32)) {
    shard.insert_unique(hash, number, |known| hash_of(hasher, open_ids, *known));
}

/// Like [`put`], if the open_id is not there yet. Returns whether it was not.
fn put_checked(
    shard: &mut HashTable<u32>,
    hasher: &DefaultHashBuilder,
    open_ids: &OpenIdArena,
    (hash, number, packed): (u64, u32, &[u8]),
) -> bool {
    let same = |known: &u32| open_ids.is(*known, packed);
    match shard.entry(hash, same, |known| hash_of(hasher, open_ids, *known)) {
        Entry::Occupied(_) => false,
        Entry::Vacant(vacant) => {
            vacant.insert(number);
            true
        }
    }
}

fn hash_of(hasher: &DefaultHashBuilder, open_ids: &OpenIdArena, number: u32) -> u64 {
    open_ids
        .with(number, |packed| hasher.hash_one(packed))
        .unwrap_or_default()
}

/// The shard of a hash, by bits that do not determine its place in the shard.
pub(super) fn shard_of(hash: u64, shards: usize) -> usize {
    let middle = hash >> 24 & 0xffff_ffff;
    usize::try_from((middle * shards as u64) >> 32).unwrap_or_default()
}
