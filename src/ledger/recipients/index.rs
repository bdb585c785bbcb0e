//! By what an open_id is found again: a table of numbers in shards. It keeps no hash and no open_id, so each number takes
//! some six bytes. To grow, it is emptied and filled anew from the open_ids in their order: that is faster than asking for
//! each of them where it lies, and the table never takes the memory of two.

use std::hash::BuildHasher;
use std::num::NonZero;
use std::thread;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

use super::open_id_arena::OpenIdArena;

/// So many numbers fit into a shard before it grows by itself.
const SHARD: usize = (1 << 16) / 8 * 7;
/// As full may shards be on average: some have more than others, and none of them is to grow by itself.
const FULL: usize = SHARD / 100 * 98;
/// A table with more shards than this grows by a quarter, a smaller one by half.
const MANY: usize = 1 << 8;

/// The table of some names: of all numbers below a bound.
#[derive(Debug, Default)]
pub(crate) struct Index {
    shards: Vec<HashTable<u32>>,
    hasher: DefaultHashBuilder,
    all: usize,
}

impl Index {
    /// The table of some names, and whether they are distinct.
    pub(crate) fn new(names: &OpenIdArena) -> (Self, bool) {
        let mut index = Self::default();
        index.make_room(names.all() as usize);
        let distinct = index.fill(names, names.all(), true);
        (index, distinct)
    }

    /// The number of a packed open_id.
    pub(crate) fn find(&self, names: &OpenIdArena, packed: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(packed);
        let shard = self.shards.get(shard_of(hash, self.shards.len()))?;
        shard.find(hash, |known| names.is(*known, packed)).copied()
    }

    /// Adds the last of the names, and says whether it is new.
    pub(crate) fn add(&mut self, names: &OpenIdArena, number: u32, packed: &[u8]) -> bool {
        if self.find(names, packed).is_some() {
            return false;
        }
        self.add_new(names, number, packed);
        true
    }

    /// The same of one that is known to be new.
    pub(crate) fn add_new(&mut self, names: &OpenIdArena, number: u32, packed: &[u8]) {
        if self.all >= self.shards.len() * FULL {
            let more = if self.shards.len() > MANY { 4 } else { 2 };
            self.make_room(self.all + self.all / more + 1);
            self.fill(names, number, false);
        }
        let hash = self.hasher.hash_one(packed);
        let nth = shard_of(hash, self.shards.len());
        if let Some(shard) = self.shards.get_mut(nth) {
            put(shard, &self.hasher, names, (hash, number));
            self.all += 1;
        }
    }

    pub(crate) fn remove(&mut self, names: &OpenIdArena, number: u32) {
        let hash = names.with(number, |packed| self.hasher.hash_one(packed));
        let Some(hash) = hash else { return };
        let nth = shard_of(hash, self.shards.len());
        let shard = self.shards.get_mut(nth);
        if let Some(Ok(place)) = shard.map(|shard| shard.find_entry(hash, |known| *known == number)) {
            place.remove();
            self.all -= 1;
        }
    }

    /// Empties it, and has shards for so many numbers.
    fn make_room(&mut self, many: usize) {
        self.shards.iter_mut().for_each(HashTable::clear);
        let shards = many.div_ceil(FULL).max(self.shards.len()).max(1);
        // The only one of a small table grows as it has to.
        let room = if shards == 1 { 0 } else { SHARD };
        if shards > 1 {
            for shard in &mut self.shards {
                shard.reserve(room, |_| 0);
            }
        }
        self.shards.resize_with(shards, || HashTable::with_capacity(room));
        self.all = 0;
    }

    /// Puts in the numbers below `bound`, by several threads where there are many. Says whether they are distinct, where
    /// that is to be checked.
    fn fill(&mut self, names: &OpenIdArena, bound: u32, checked: bool) -> bool {
        let Self { shards, hasher, all } = self;
        let (many, hasher) = (shards.len(), &*hasher);
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let each = many.div_ceil(threads).max(2);
        let fill = |(nth, some): (usize, &mut [HashTable<u32>])| {
            let (mut distinct, mut cursor) = (true, names.from(0));
            while let Some((number, packed)) = cursor.next().filter(|(number, _)| *number < bound) {
                let hash = hasher.hash_one(packed);
                let at = shard_of(hash, many).checked_sub(nth * each);
                match at.and_then(|at| some.get_mut(at)) {
                    Some(shard) if checked => distinct &= put_checked(shard, hasher, names, (hash, number, packed)),
                    Some(shard) => put(shard, hasher, names, (hash, number)),
                    None => {}
                }
            }
            distinct
        };
        let distinct = if many <= each {
            fill((0, shards))
        } else {
            thread::scope(|scope| {
                let shares = shards.chunks_mut(each).enumerate();
                let threads: Vec<_> = shares.map(|some| scope.spawn(|| fill(some))).collect();
                threads.into_iter().all(|thread| thread.join().unwrap_or(false))
            })
        };
        *all = shards.iter().map(HashTable::len).sum();
        distinct
    }
}

fn put(shard: &mut HashTable<u32>, hasher: &DefaultHashBuilder, names: &OpenIdArena, (hash, number): (u64, u32)) {
    shard.insert_unique(hash, number, |known| hash_of(hasher, names, *known));
}

/// The same where it is not there yet; says whether it was not.
fn put_checked(
    shard: &mut HashTable<u32>,
    hasher: &DefaultHashBuilder,
    names: &OpenIdArena,
    (hash, number, packed): (u64, u32, &[u8]),
) -> bool {
    let same = |known: &u32| names.is(*known, packed);
    match shard.entry(hash, same, |known| hash_of(hasher, names, *known)) {
        Entry::Occupied(_) => false,
        Entry::Vacant(place) => {
            place.insert(number);
            true
        }
    }
}

fn hash_of(hasher: &DefaultHashBuilder, names: &OpenIdArena, number: u32) -> u64 {
    names.with(number, |packed| hasher.hash_one(packed)).unwrap_or_default()
}

/// In which of so many shards a hash is, by bits that say nothing of its place within the shard.
fn shard_of(hash: u64, shards: usize) -> usize {
    let middle = hash >> 24 & 0xffff_ffff;
    usize::try_from((middle * shards as u64) >> 32).unwrap_or_default()
}
