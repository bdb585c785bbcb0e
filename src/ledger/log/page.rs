//! A page of batches.

use std::ops::Range;

use super::head::Head;
use super::record::link_of;

const LENGTH: usize = size_of::<u32>();

/// Some batches in order, in one buffer: an allocation for each batch would take longer than reading it.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    /// The end of the blocks whose batches are in `records`.
    parsed: usize,
    records: Vec<(u64, Range<usize>)>,
}

impl Page {
    /// Adds a batch.
    pub fn push(&mut self, sequence: u64, record: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.parsed = self.bytes.len();
        self.records.push((sequence, begin..self.parsed));
    }

    /// The batches with their sequence numbers.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let record = |range: &Range<usize>| self.bytes.get(range.clone());
        self.records
            .iter()
            .filter_map(move |(sequence, range)| Some((*sequence, record(range)?)))
    }

    /// The last batch. `None` if the page is empty.
    #[must_use]
    pub fn last(&self) -> Option<Head> {
        let (sequence, range) = self.records.last()?;
        Some(Head {
            sequence: *sequence,
            link: link_of(self.bytes.get(range.clone())?),
        })
    }

    /// The size of all batches.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the page has no batch.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Adds a part of a block. Its batches are in the page after [`Page::parse_block`].
    pub(super) fn add_part(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// Finds the batches of the block whose parts were added. The first has the number `first`. Returns the number after the
    /// last. `None` if the block is not what was written.
    pub(super) fn parse_block(&mut self, first: u64) -> Option<u64> {
        let mut next = first;
        while self.parsed < self.bytes.len() {
            let begin = self.parsed + LENGTH;
            let length = self
                .bytes
                .get(self.parsed..begin)?
                .try_into()
                .map(u32::from_be_bytes)
                .ok()?;
            let end = begin.checked_add(usize::try_from(length).ok()?)?;
            if end > self.bytes.len() {
                return None;
            }
            self.records.push((next, begin..end));
            self.parsed = end;
            next += 1;
        }
        Some(next)
    }

    /// Removes the batches up to `sequence`.
    pub(super) fn remove_through(&mut self, sequence: u64) {
        self.records.retain(|(number, _)| *number > sequence);
    }

    /// Removes the batches after `sequence`.
    pub(in crate::ledger) fn remove_after(&mut self, sequence: u64) {
        self.records.retain(|(number, _)| *number <= sequence);
    }
}
