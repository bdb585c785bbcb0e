//! Packed open_ids in partitions by their hash, each with a number. What is compared with each other is in one partition, and a
//! partition fits into the cache of a core: a table of all open_ids does not. Partitions are written and read in order. They are
//! in memory, or in a spill file once they exceed the memory limit.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::vec;

use hashbrown::DefaultHashBuilder;

use super::open_id_arena::{Bytes, length, load};
use super::open_id_index::shard_of;
use super::spill::{Spill, Spilled};
use crate::ledger::codec::primitives::skip;

/// The number of partitions. One byte numbers them, and its last value is free for rows that are in no partition.
pub(crate) const PARTITIONS: u8 = u8::MAX;

/// Hashes packed open_ids. Sets that are compared with each other share one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partitioner(DefaultHashBuilder);

impl Partitioner {
    pub(crate) fn hash(&self, packed: &[u8]) -> u64 {
        self.0.hash_one(packed)
    }

    /// The partition of the open_ids with a hash.
    pub(crate) fn partition(hash: u64) -> u8 {
        u8::try_from(shard_of(hash, usize::from(PARTITIONS))).unwrap_or_default()
    }
}

/// Packed open_ids in partitions, in the order in which they were added.
#[derive(Debug)]
pub(crate) struct PartitionedIds {
    spill: Arc<Spill>,
    /// The bytes that stay in memory.
    limit: u64,
    /// Whether each open_id has a number.
    is_numbered: bool,
    partitions: Vec<Partition>,
    /// The bytes of all open_ids.
    bytes: u64,
    output: Output,
}

/// Where full parts go.
#[derive(Debug)]
enum Output {
    Memory,
    /// The spill file, and its length.
    File(Arc<Spilled>, u64),
    /// The spill file could not be created or written. [`Spill::check`] says so, and no part is needed any more.
    Failed,
}

impl Output {
    fn keep(&mut self, spill: &Spill, bytes: Vec<u8>) -> Bytes {
        match self {
            Self::Memory => Bytes::Memory(bytes),
            Self::Failed => Bytes::Memory(Vec::new()),
            Self::File(file, end) => {
                let at = *end;
                if !spill.write(file, &bytes, at) {
                    *self = Self::Failed;
                    return Bytes::Memory(Vec::new());
                }
                let length = length(&bytes);
                *end += u64::from(length);
                Bytes::File {
                    file: Arc::clone(file),
                    at,
                    length,
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Partition {
    full: Vec<Bytes>,
    last: Vec<u8>,
    len: u32,
}

/// An open_id in a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedId<'b> {
    /// Where it begins.
    pub(crate) at: usize,
    pub(crate) packed: &'b [u8],
    /// 0 if the set has no numbers.
    pub(crate) number: u32,
}

impl PartitionedIds {
    /// An empty set. It moves to the spill file when it exceeds a share of the memory limit: 1 of `share`.
    pub(crate) fn new(spill: &Arc<Spill>, share: u64, is_numbered: bool) -> Self {
        Self {
            spill: Arc::clone(spill),
            limit: spill.limit() / share,
            is_numbered,
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            bytes: 0,
            output: Output::Memory,
        }
    }

    /// Adds an open_id.
    pub(crate) fn push(&mut self, partition: u8, packed: &[u8], number: u32) {
        // A part has as many bytes as a piece of an arena has open_ids.
        let size = self.spill.per_piece() as usize;
        let Some(into) = self.partitions.get_mut(usize::from(partition)) else {
            return;
        };
        if !into.last.is_empty() && into.last.len() + packed.len() + NUMBER > size {
            let full = std::mem::replace(&mut into.last, Vec::with_capacity(size));
            into.full.push(self.output.keep(&self.spill, full));
        }
        into.last.extend_from_slice(packed);
        if self.is_numbered {
            into.last.extend_from_slice(&number.to_le_bytes());
        }
        into.len += 1;
        self.bytes += (packed.len() + if self.is_numbered { NUMBER } else { 0 }) as u64;
        if self.bytes > self.limit && matches!(self.output, Output::Memory) {
            self.begin_to_spill();
        }
    }

    /// Moves all full parts to a spill file, and all later ones.
    fn begin_to_spill(&mut self) {
        self.output = match self.spill.create() {
            Some(file) => Output::File(Arc::new(file), 0),
            None => Output::Failed,
        };
        for part in self.partitions.iter_mut().flat_map(|partition| &mut partition.full) {
            if let Bytes::Memory(bytes) = part {
                *part = self.output.keep(&self.spill, std::mem::take(bytes));
            }
        }
    }

    pub(crate) fn len(&self, partition: u8) -> usize {
        self.partitions
            .get(usize::from(partition))
            .map_or(0, |partition| partition.len as usize)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.partitions.iter().all(|partition| partition.len == 0)
    }

    /// Appends the bytes of a partition to `bytes`. Returns whether they could be read.
    pub(crate) fn read_onto(&self, partition: u8, bytes: &mut Vec<u8>) -> bool {
        let Some(partition) = self.partitions.get(usize::from(partition)) else {
            return true;
        };
        for part in &partition.full {
            match part {
                Bytes::Memory(part) => bytes.extend_from_slice(part),
                Bytes::File { file, at, length } => {
                    let begin = bytes.len();
                    bytes.resize(begin + *length as usize, 0);
                    if !self.spill.read(file, &mut bytes[begin..], *at) {
                        return false;
                    }
                }
            }
        }
        bytes.extend_from_slice(&partition.last);
        true
    }

    /// The open_ids in bytes that [`Self::read_onto`] appended, from `at` on.
    pub(crate) fn entries<'b>(&self, bytes: &'b [u8], mut at: usize) -> impl Iterator<Item = PackedId<'b>> + use<'b> {
        let is_numbered = self.is_numbered;
        std::iter::from_fn(move || {
            let (packed, number) = entry(bytes.get(at..)?, is_numbered)?;
            let entry = PackedId { at, packed, number };
            at += packed.len() + if is_numbered { NUMBER } else { 0 };
            Some(entry)
        })
    }

    /// Readers of all partitions. They free the memory of what was read.
    pub(crate) fn into_readers(self) -> impl Iterator<Item = PartitionReader> {
        let Self {
            spill,
            is_numbered,
            partitions,
            ..
        } = self;
        partitions.into_iter().map(move |Partition { mut full, last, .. }| {
            full.push(Bytes::Memory(last));
            PartitionReader {
                spill: Arc::clone(&spill),
                is_numbered,
                parts: full.into_iter(),
                bytes: Vec::new(),
                at: 0,
            }
        })
    }
}

/// The bytes of a number.
const NUMBER: usize = 4;

/// The open_id at the start of `bytes`, and its number.
fn entry(bytes: &[u8], is_numbered: bool) -> Option<(&[u8], u32)> {
    let after = skip(bytes)?;
    let packed = bytes.get(..bytes.len() - after.len())?;
    let number = match after.first_chunk::<NUMBER>() {
        Some(number) if is_numbered => u32::from_le_bytes(*number),
        _ => 0,
    };
    Some((packed, number))
}

/// Reads the open_ids of one partition in order.
#[derive(Debug)]
pub(crate) struct PartitionReader {
    spill: Arc<Spill>,
    is_numbered: bool,
    parts: vec::IntoIter<Bytes>,
    bytes: Vec<u8>,
    at: usize,
}

impl PartitionReader {
    /// The next packed open_id and its number. `None` after the last, and if a part cannot be read: then [`Spill::check`] is an
    /// error.
    pub(crate) fn next(&mut self) -> Option<(&[u8], u32)> {
        while self.at >= self.bytes.len() {
            let mut part = self.parts.next()?;
            self.bytes = load(&self.spill, &mut part, std::mem::take(&mut self.bytes))?;
            self.at = 0;
        }
        let (packed, number) = entry(self.bytes.get(self.at..)?, self.is_numbered)?;
        self.at += packed.len() + if self.is_numbered { NUMBER } else { 0 };
        Some((packed, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::open_id_arena::pack;

    #[test]
    fn a_partition_has_its_open_ids_in_order_in_memory_and_in_a_file() {
        for (limit, per_piece) in [(u64::MAX, 1 << 16), (200, 64), (0, 1)] {
            for is_numbered in [false, true] {
                let spill = Arc::new(Spill::beyond(limit, per_piece, std::env::temp_dir()));
                let mut ids = PartitionedIds::new(&spill, 1, is_numbered);
                let partitioner = Partitioner::default();
                let mut expected = vec![Vec::new(); usize::from(PARTITIONS)];
                let mut packed = Vec::new();
                assert!(ids.is_empty());
                for n in 0..3_000_u32 {
                    pack(&format!("user-{n}"), &mut packed);
                    let partition = Partitioner::partition(partitioner.hash(&packed));
                    ids.push(partition, &packed, n);
                    expected[usize::from(partition)].push((packed.clone(), if is_numbered { n } else { 0 }));
                }
                for (partition, expected) in (0..PARTITIONS).zip(&expected) {
                    let mut bytes = vec![7];
                    assert!(ids.read_onto(partition, &mut bytes));
                    let entries = ids
                        .entries(&bytes, 1)
                        .map(|entry| (entry.packed.to_vec(), entry.number));
                    assert_eq!(entries.collect::<Vec<_>>(), *expected);
                    assert_eq!(ids.len(partition), expected.len());
                }
                for (mut reader, expected) in ids.into_readers().zip(expected) {
                    let mut read = Vec::new();
                    while let Some((packed, number)) = reader.next() {
                        read.push((packed.to_vec(), number));
                    }
                    assert_eq!(read, expected);
                }
                spill.check().expect("the file was read and written");
            }
        }
    }
}
