//! Batches in groups. Most are a hundred bytes; each under a key of its own, half of the store and most of the time to read
//! it would be the store's own.

use std::num::TryFromIntError;
use std::ops::Range;

use crate::ledger::log::head::Head;
use crate::ledger::log::record::{Chain, Link, link_of};

/// Batches lie together up to here. Each append writes its group anew, so a larger one makes appends larger.
const GROUP: usize = 1024;
/// No value is longer. sled keeps a page of over 128 KiB in a file of its own, which it never syncs, and some 20 values lie
/// together in a page.
pub(in crate::ledger) const MOST_IN_ONE: usize = 4 * 1024;
/// How many bytes are handed from the reading thread at a time.
const READ_AT_ONCE: usize = 256 * 1024;
const LENGTH: usize = size_of::<u32>();

/// The batches that lie under one key, the last of which is being written.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Block {
    first: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// Adds the next batch.
    pub(in crate::ledger) fn add(&mut self, sequence: u64, record: &[u8]) -> Result<(), TryFromIntError> {
        if self.bytes.is_empty() || self.bytes.len() + record.len() > GROUP {
            self.first = sequence;
            self.bytes.clear();
        }
        self.bytes
            .extend_from_slice(&u32::try_from(record.len())?.to_be_bytes());
        self.bytes.extend_from_slice(record);
        Ok(())
    }

    /// What is to be written, under which keys.
    pub(in crate::ledger) fn parts(&self) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
        (0..)
            .zip(self.bytes.chunks(MOST_IN_ONE))
            .map(|(part, bytes)| (key(self.first, part), bytes))
    }
}

/// How far a store is read.
#[derive(Debug, Default)]
pub(in crate::ledger) struct BlockReader {
    segment: Segment,
    closed: u64,
    /// The last batch that was taken.
    pub(in crate::ledger) last: Head,
    /// The link of the batch that the head names.
    pub(in crate::ledger) at_head: Option<Link>,
    check: Option<Check>,
}

/// What is checked by a reading that does not show everything.
#[derive(Debug)]
struct Check {
    /// Up to this batch nothing is shown.
    known: Head,
    /// From the first batch on; nothing before that.
    chain: Option<Chain>,
    fits: bool,
}

impl Check {
    /// What the first batch is linked to is not the store's to know. Every later one fits the one before.
    fn take(&mut self, sequence: u64, record: &[u8]) {
        let link = link_of(record);
        match &mut self.chain {
            None => self.chain = Some(Chain::at(link)),
            Some(chain) => self.fits &= chain.open(record).is_ok(),
        }
        self.fits &= sequence != self.known.sequence || link == self.known.link;
    }
}

impl BlockReader {
    /// From the group on that begins with batch `first`.
    pub(in crate::ledger) fn of_group(first: u64) -> Self {
        Self {
            closed: first.saturating_sub(1),
            ..Self::default()
        }
    }

    /// From the first batch on, each checked and only those behind `known` shown.
    pub(in crate::ledger) fn checking(known: Head) -> Self {
        let check = Check {
            known,
            chain: None,
            fits: true,
        };
        Self {
            check: Some(check),
            ..Self::default()
        }
    }

    /// Whether everything that was to be checked is as it has to be.
    pub(in crate::ledger) fn fits(&self) -> bool {
        self.check
            .as_ref()
            .is_none_or(|check| check.fits && check.known.sequence <= self.last.sequence)
    }

    /// The number with which the next group begins.
    pub(in crate::ledger) const fn next(&self) -> u64 {
        self.closed + 1
    }

    /// Whether what was read so far has this very batch; passes over it and what is before it.
    pub(in crate::ledger) fn passes(&mut self, known: Head, head: u64) -> bool {
        let is_it = |(sequence, record)| sequence == known.sequence && link_of(record) == known.link;
        if !self.segment.records().any(is_it) {
            return false;
        }
        self.segment.records.retain(|(sequence, _)| *sequence > known.sequence);
        self.last = known;
        self.at_head = (known.sequence == head).then_some(known.link);
        true
    }

    pub(in crate::ledger) fn add(&mut self, part: &[u8]) {
        self.segment.bytes.extend_from_slice(part);
    }

    pub(in crate::ledger) const fn is_full(&self) -> bool {
        self.segment.bytes.len() >= READ_AT_ONCE
    }

    /// Ends the group that is being read. Says with which number the next one begins.
    pub(in crate::ledger) fn close_group(&mut self) -> Option<u64> {
        self.closed = self.segment.close_group(self.closed + 1)? - 1;
        Some(self.closed + 1)
    }

    /// Takes what was read, and notes its links.
    pub(in crate::ledger) fn take(&mut self, head: u64) -> Segment {
        let mut segment = std::mem::take(&mut self.segment);
        for (sequence, record) in segment.records() {
            let link = link_of(record);
            self.last = Head { sequence, link };
            if sequence == head {
                self.at_head = Some(link);
            }
            if let Some(check) = &mut self.check {
                check.take(sequence, record);
            }
        }
        if let Some(check) = &self.check {
            segment.records.retain(|(sequence, _)| *sequence > check.known.sequence);
        }
        self.segment.bytes.reserve(READ_AT_ONCE + MOST_IN_ONE);
        segment
    }
}

/// Some groups of batches, one behind another: an allocation for each batch would take longer than reading it.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Segment {
    bytes: Vec<u8>,
    /// Where the group begins that is being read.
    group: usize,
    records: Vec<(u64, Range<usize>)>,
}

impl Segment {
    /// The group is whole: finds its batches, the first of which has the number `first`. Says which number comes next;
    /// nothing when the group is not what was written.
    fn close_group(&mut self, first: u64) -> Option<u64> {
        let mut next = first;
        while self.group < self.bytes.len() {
            let begin = self.group + LENGTH;
            let length = self
                .bytes
                .get(self.group..begin)?
                .try_into()
                .map(u32::from_be_bytes)
                .ok()?;
            let end = begin.checked_add(usize::try_from(length).ok()?)?;
            if end > self.bytes.len() {
                return None;
            }
            self.records.push((next, begin..end));
            self.group = end;
            next += 1;
        }
        Some(next)
    }

    pub(in crate::ledger) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let record = |range: &Range<usize>| self.bytes.get(range.clone());
        self.records
            .iter()
            .filter_map(move |(sequence, range)| Some((*sequence, record(range)?)))
    }
}

/// The key of a group that begins with batch `sequence`; a part beyond the first has its number behind it.
pub(in crate::ledger) fn key(sequence: u64, part: u32) -> Vec<u8> {
    let mut key = sequence.to_be_bytes().to_vec();
    if part > 0 {
        key.extend_from_slice(&part.to_be_bytes());
    }
    key
}

/// The number of the batch with which the group under this key begins.
pub(in crate::ledger) fn first_of(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|first| u64::from_be_bytes(*first))
}
