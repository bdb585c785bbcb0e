//! Finds which rows of an audience name the same user, and which users the ledger knows or an exclude list names: partition by
//! partition, with several threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use fixedbitset::FixedBitSet;
use hashbrown::hash_table::{Entry, HashTable};

use crate::ledger::LedgerState;
use crate::ledger::partitioned_ids::{PARTITIONS, PackedId, PartitionedIds, Partitioner};
use crate::model::threads::{in_parts, result, threads_for};

use super::bit_sets::number;
use super::new_open_ids::NewOpenIds;

/// The fewest open_ids for which a further thread is worth its start.
const MIN_IDS_PER_THREAD: u32 = 1 << 16;
/// The parts of the memory limit that the open_ids of the ledger, and those of the lists, may use: they are in memory already.
const MEMORY_SHARE: u64 = 4;

/// Whom a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A recipient of the ledger.
    Recipient,
    /// A user whom a list excludes and the ledger does not know, for the first time.
    Stranger,
    /// Such a user again.
    StrangerAgain,
    /// A user whom neither knows, for the first time.
    Newcomer,
    /// Such a user again.
    NewcomerAgain,
}

/// The rows of one partition.
#[derive(Debug, Default)]
pub(super) struct JoinedPartition {
    pub(super) newcomers: usize,
    pub(super) named: Vec<Named>,
    /// For each row that names one, the recipient.
    pub(super) recipients: Vec<u32>,
    /// The newcomers, by their positions, whose latest row is not their first one, with the number of the latest.
    pub(super) later: Vec<(u32, u32)>,
}

/// The users of exclude lists.
#[derive(Debug, Default)]
pub(super) struct JoinedPeople {
    /// Those that the rows name and the ledger does not know.
    pub(super) strangers: Vec<u32>,
    /// Those that the ledger knows, as recipients.
    pub(super) known: Vec<(u32, u32)>,
}

/// A Bloom filter with one hash of the open_ids that are looked for among the recipients. A recipient whose bit is not set is not
/// among them.
pub(super) struct Filter(FixedBitSet);

impl Filter {
    /// The most bits, as the exponent of a power of two: two megabytes, which fit into a cache.
    const MOST_LOG2_BITS: u32 = 24;

    pub(super) fn new(recipients: u32) -> Self {
        let bits = if recipients == 0 {
            0
        } else {
            // Eight for each recipient, so that few of many are taken for one that is looked for.
            1 << (recipients.ilog2() + 4).min(Self::MOST_LOG2_BITS)
        };
        Self(FixedBitSet::with_capacity(bits))
    }

    fn bit(&self, hash: u64) -> usize {
        usize::try_from(hash).unwrap_or_default() & self.0.len().wrapping_sub(1)
    }

    pub(super) fn add(&mut self, hash: u64) {
        let bit = self.bit(hash);
        if bit < self.0.len() {
            self.0.insert(bit);
        }
    }

    fn has(&self, hash: u64) -> bool {
        self.0.contains(self.bit(hash))
    }
}

/// The rows of an audience, and the open_ids with which they are compared.
pub(super) struct Join<'j> {
    partitioner: &'j Partitioner,
    rows: &'j PartitionedIds,
    recipients: Vec<PartitionedIds>,
    people: PartitionedIds,
}

impl<'j> Join<'j> {
    /// Partitions the users of the lists, and those recipients of the ledger that can be among the rows or on a list. `filter` has the
    /// rows.
    pub(super) fn new(
        partitioner: &'j Partitioner,
        rows: &'j PartitionedIds,
        mut filter: Filter,
        people: &NewOpenIds,
        ledger_state: &LedgerState,
    ) -> Self {
        let mut of_lists = PartitionedIds::new(ledger_state.spill(), MEMORY_SHARE, true);
        let mut open_ids = people.open_ids_from(0);
        while let Some((number, packed)) = open_ids.next() {
            let hash = partitioner.hash(packed);
            of_lists.push(Partitioner::partition(hash), packed, number);
            filter.add(hash);
        }
        let is_needed = !(rows.is_empty() && of_lists.is_empty());
        let known = if is_needed { ledger_state.recipients() } else { 0 };
        let parts = threads_for(known as usize, MIN_IDS_PER_THREAD as usize) as u64;
        let recipients = in_parts(known, MIN_IDS_PER_THREAD, |range| {
            let into = PartitionedIds::new(ledger_state.spill(), MEMORY_SHARE * parts, true);
            partition_recipients(into, range, partitioner, &filter, ledger_state)
        });
        Self {
            partitioner,
            rows,
            recipients,
            people: of_lists,
        }
    }

    /// Joins all partitions. One that cannot be read is empty: then the spill file has failed, and the reading is refused.
    pub(super) fn run(&self) -> (Vec<JoinedPartition>, JoinedPeople) {
        let all = (0..PARTITIONS).map(|partition| self.rows.len(partition)).sum::<usize>();
        let threads = threads_for(all, MIN_IDS_PER_THREAD as usize);
        let next = AtomicU8::new(0);
        let work = || {
            let mut joined = Vec::new();
            let mut people = JoinedPeople::default();
            let mut tables = Tables::default();
            let mut bytes = Vec::new();
            let take = || {
                next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |nth| {
                    (nth < PARTITIONS).then(|| nth + 1)
                })
            };
            while let Ok(partition) = take() {
                bytes.clear();
                let one = self.partition(partition, &mut bytes, &mut tables, &mut people);
                joined.push((partition, one.unwrap_or_default()));
            }
            (joined, people)
        };
        let shares: Vec<_> = if threads == 1 {
            vec![work()]
        } else {
            thread::scope(|scope| {
                let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
                threads.into_iter().map(result).collect()
            })
        };
        let mut partitions = Vec::new();
        let mut people = JoinedPeople::default();
        for (mut joined, mut more) in shares {
            partitions.append(&mut joined);
            people.strangers.append(&mut more.strangers);
            people.known.append(&mut more.known);
        }
        partitions.sort_unstable_by_key(|(partition, _)| *partition);
        (partitions.into_iter().map(|(_, joined)| joined).collect(), people)
    }

    /// Joins one partition, whose open_ids are read into `bytes`. `None` if it cannot be read: then the spill file has failed.
    fn partition(
        &self,
        partition: u8,
        bytes: &mut Vec<u8>,
        tables: &mut Tables,
        people: &mut JoinedPeople,
    ) -> Option<JoinedPartition> {
        let of_lists = self.people.len(partition);
        let rows = self.rows.len(partition);
        if rows == 0 && of_lists == 0 {
            return Some(JoinedPartition::default());
        }
        tables.clear();
        let begins = self.read(partition, bytes)?;
        let (of_recipients, [of_people, of_rows]) = begins.split_last_chunk()?;
        let recipients = self.recipients.iter().map(|recipients| recipients.len(partition));
        let recipients = recipients.sum::<usize>();
        // There is room for all, so no table grows and no open_id is hashed again.
        tables.users.reserve(recipients + of_lists + rows, |_| 0);
        let mut joining = PartitionJoin {
            partitioner: self.partitioner,
            bytes,
            tables,
        };
        for (open_ids, begin) in self.recipients.iter().zip(of_recipients) {
            joining.add_recipients(open_ids.entries(bytes, *begin).take(open_ids.len(partition)));
        }
        joining.join_people(self.people.entries(bytes, *of_people).take(of_lists), people);
        let entries = self.rows.entries(bytes, *of_rows).take(rows);
        Some(joining.join_rows(entries, recipients, rows, &mut people.strangers))
    }

    /// Reads the open_ids of a partition: those of the ledger, of the lists and of the rows. Returns where each part begins. `None` if
    /// the spill file has failed.
    fn read(&self, partition: u8, bytes: &mut Vec<u8>) -> Option<Vec<usize>> {
        let parts = self.recipients.iter().chain([&self.people, self.rows]);
        let begin = |open_ids: &PartitionedIds| {
            let begin = bytes.len();
            open_ids.read_onto(partition, bytes).then_some(begin)
        };
        parts.map(begin).collect()
    }
}

/// The join of one partition.
struct PartitionJoin<'p> {
    partitioner: &'p Partitioner,
    /// The open_ids of the ledger, of the lists and of the rows.
    bytes: &'p [u8],
    tables: &'p mut Tables,
}

impl PartitionJoin<'_> {
    /// Adds recipients of the ledger, each of whom is another user.
    fn add_recipients<'e>(&mut self, entries: impl Iterator<Item = PackedId<'e>>) {
        let Tables {
            users, places, numbers, ..
        } = &mut *self.tables;
        for entry in entries {
            users.insert_unique(self.partitioner.hash(entry.packed), number(places.len()), |_| 0);
            places.push(number(entry.at));
            numbers.push(entry.number);
        }
    }

    /// Looks up the users of the lists, who are all different, and adds those whom the ledger does not know.
    fn join_people<'e>(&mut self, entries: impl Iterator<Item = PackedId<'e>>, people: &mut JoinedPeople) {
        let Tables {
            users, places, numbers, ..
        } = &mut *self.tables;
        for entry in entries {
            let same = |user: &u32| is_at(self.bytes, places, *user, entry.packed);
            match users.entry(self.partitioner.hash(entry.packed), same, |_| 0) {
                Entry::Occupied(recipient) => people.known.push((entry.number, numbers[*recipient.get() as usize])),
                Entry::Vacant(vacant) => {
                    vacant.insert(number(places.len()));
                    places.push(number(entry.at));
                    numbers.push(entry.number);
                }
            }
        }
    }

    /// Looks up the users of `rows` rows, and adds the newcomers. The first `recipients` users are those of the ledger.
    fn join_rows<'e>(
        self,
        entries: impl Iterator<Item = PackedId<'e>>,
        recipients: usize,
        rows: usize,
        strangers: &mut Vec<u32>,
    ) -> JoinedPartition {
        let Tables {
            users,
            places,
            numbers,
            latest,
            with_later_row,
        } = self.tables;
        let first_newcomer = places.len();
        let mut named_strangers = FixedBitSet::with_capacity(first_newcomer - recipients);
        let mut joined = JoinedPartition {
            named: Vec::with_capacity(rows),
            ..JoinedPartition::default()
        };
        for entry in entries {
            let same = |user: &u32| is_at(self.bytes, places, *user, entry.packed);
            let named = match users.entry(self.partitioner.hash(entry.packed), same, |_| 0) {
                Entry::Occupied(user) => {
                    let user = *user.get() as usize;
                    if user < recipients {
                        joined.recipients.push(numbers[user]);
                        Named::Recipient
                    } else if let Some(newcomer) = user.checked_sub(first_newcomer) {
                        let latest = &mut latest[newcomer];
                        if entry.number > *latest {
                            *latest = entry.number;
                            with_later_row.push(number(newcomer));
                        }
                        Named::NewcomerAgain
                    } else if named_strangers.put(user - recipients) {
                        Named::StrangerAgain
                    } else {
                        strangers.push(numbers[user]);
                        Named::Stranger
                    }
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(number(places.len()));
                    places.push(number(entry.at));
                    latest.push(entry.number);
                    Named::Newcomer
                }
            };
            joined.named.push(named);
        }
        joined.newcomers = latest.len();
        with_later_row.sort_unstable();
        with_later_row.dedup();
        joined.later = with_later_row
            .iter()
            .map(|newcomer| (*newcomer, latest[*newcomer as usize]))
            .collect();
        joined
    }
}

/// What a thread needs for a partition, kept for the next one.
#[derive(Default)]
struct Tables {
    /// Distinct users: recipients, then users of lists, then newcomers.
    users: HashTable<u32>,
    /// Where the open_id of each user is in the bytes.
    places: Vec<u32>,
    /// The numbers of the recipients and of the users of lists.
    numbers: Vec<u32>,
    /// The highest number of a row of each newcomer.
    latest: Vec<u32>,
    /// The newcomers for which that is not the first row.
    with_later_row: Vec<u32>,
}

impl Tables {
    fn clear(&mut self) {
        self.users.clear();
        self.places.clear();
        self.numbers.clear();
        self.latest.clear();
        self.with_later_row.clear();
    }
}

/// Whether a user has an open_id. No packed open_id is the start of another one.
fn is_at(bytes: &[u8], places: &[u32], user: u32, packed: &[u8]) -> bool {
    let place = places.get(user as usize).map_or(usize::MAX, |place| *place as usize);
    bytes.get(place..).is_some_and(|from| from.starts_with(packed))
}

fn partition_recipients(
    mut recipients: PartitionedIds,
    range: Range<u32>,
    partitioner: &Partitioner,
    filter: &Filter,
    ledger_state: &LedgerState,
) -> PartitionedIds {
    let mut open_ids = ledger_state.open_ids_from(range.start);
    while let Some((recipient, packed)) = open_ids.next().filter(|(recipient, _)| *recipient < range.end) {
        let hash = partitioner.hash(packed);
        if filter.has(hash) {
            recipients.push(Partitioner::partition(hash), packed, recipient);
        }
    }
    recipients
}
