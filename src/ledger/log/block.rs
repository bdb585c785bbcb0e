//! Blocks: many small batches under one key. Most batches have a hundred bytes. With a key for each, half of the store and most
//! of the time to read it would be the store's own.

use std::num::TryFromIntError;

use super::head::Head;
use super::page::Page;
use super::record::{Chain, Link, link_of};

/// The size from which on a new block begins. Each append writes its block again, so larger blocks make larger appends.
const BLOCK: usize = 1024;
/// The longest value. sled stores a page of over 128 KiB in a file of its own, which it never syncs, and about 20 values share
/// a page.
const PART: usize = 4 * 1024;
/// The size of a page of batches.
const PAGE: usize = 256 * 1024;

/// The block to which batches are appended.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Block {
    first: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// Adds the next batch, in a new block if this one is full.
    pub(in crate::ledger) fn add(&mut self, sequence: u64, record: &[u8]) -> Result<(), TryFromIntError> {
        if self.bytes.is_empty() || self.bytes.len() + record.len() > BLOCK {
            self.first = sequence;
            self.bytes.clear();
        }
        self.bytes
            .extend_from_slice(&u32::try_from(record.len())?.to_be_bytes());
        self.bytes.extend_from_slice(record);
        Ok(())
    }

    /// The values to write, with their keys.
    pub(in crate::ledger) fn parts(&self) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
        (0..)
            .zip(self.bytes.chunks(PART))
            .map(|(part, bytes)| (key(self.first, part), bytes))
    }
}

/// Reads blocks into pages.
#[derive(Debug, Default)]
pub(in crate::ledger) struct BlockReader {
    page: Page,
    /// The last batch in the page.
    read: u64,
    /// The last batch of the pages that were taken.
    pub(in crate::ledger) last: Head,
    /// The link of the batch that the store's head names.
    pub(in crate::ledger) at_head: Option<Link>,
    check: Option<Check>,
}

/// How a block was read.
pub(in crate::ledger) enum BlockRead {
    Whole,
    /// The block is not what was written.
    Damaged,
    /// There is no further block.
    None,
}

/// Checks the batches up to `known`, which are not returned.
#[derive(Debug)]
struct Check {
    known: Head,
    /// `None` before the first batch.
    chain: Option<Chain>,
    is_valid: bool,
}

impl Check {
    /// The store does not know the start of the chain, so the first batch is not checked. Each later one must follow the one
    /// before.
    fn take(&mut self, sequence: u64, record: &[u8]) {
        let link = link_of(record);
        match &mut self.chain {
            None => self.chain = Some(Chain::at(link)),
            Some(chain) => self.is_valid &= chain.open(record).is_ok(),
        }
        self.is_valid &= sequence != self.known.sequence || link == self.known.link;
    }
}

impl BlockReader {
    /// Reads from the block on that begins with batch `first`.
    pub(in crate::ledger) fn from_block(first: u64) -> Self {
        Self {
            read: first.saturating_sub(1),
            ..Self::default()
        }
    }

    /// Reads from the first batch on, checks each and returns only those after `known`.
    pub(in crate::ledger) fn checking(known: Head) -> Self {
        let check = Check {
            known,
            chain: None,
            is_valid: true,
        };
        Self {
            check: Some(check),
            ..Self::default()
        }
    }

    /// Whether all checks succeeded.
    pub(in crate::ledger) fn is_valid(&self) -> bool {
        self.check
            .as_ref()
            .is_none_or(|check| check.is_valid && check.known.sequence <= self.last.sequence)
    }

    /// Skips the batches up to `known`. Returns false if the page does not have it.
    pub(in crate::ledger) fn skip_through(&mut self, known: Head, head: u64) -> bool {
        let is_known = |(sequence, record)| sequence == known.sequence && link_of(record) == known.link;
        if !self.page.records().any(is_known) {
            return false;
        }
        self.page.remove_through(known.sequence);
        self.last = known;
        self.at_head = (known.sequence == head).then_some(known.link);
        true
    }

    pub(in crate::ledger) const fn is_full(&self) -> bool {
        self.page.len() >= PAGE
    }

    /// Reads the next block by the keys of its parts.
    pub(in crate::ledger) fn read_block<V: AsRef<[u8]>, E>(
        &mut self,
        get: impl Fn(&[u8]) -> Result<Option<V>, E>,
    ) -> Result<BlockRead, E> {
        let first = self.read + 1;
        // Asked for one by one: sled frees pages only after a number of requests, and an iteration over all makes too few.
        for part in 0.. {
            let Some(bytes) = get(&key(first, part))? else {
                if part == 0 {
                    return Ok(BlockRead::None);
                }
                break;
            };
            self.page.add_part(bytes.as_ref());
            if bytes.as_ref().len() < PART {
                break;
            }
        }
        let Some(next) = self.page.parse_block(first) else {
            return Ok(BlockRead::Damaged);
        };
        self.read = next - 1;
        Ok(BlockRead::Whole)
    }

    /// Takes the page, and notes its links.
    pub(in crate::ledger) fn take(&mut self, head: u64) -> Page {
        let mut page = std::mem::take(&mut self.page);
        for (sequence, record) in page.records() {
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
            page.remove_through(check.known.sequence);
        }
        self.page.reserve(PAGE + PART);
        page
    }
}

/// The key of a part of the block that begins with batch `sequence`. The first part's key has no part number.
pub(in crate::ledger) fn key(sequence: u64, part: u32) -> Vec<u8> {
    let mut key = sequence.to_be_bytes().to_vec();
    if part > 0 {
        key.extend_from_slice(&part.to_be_bytes());
    }
    key
}

/// The number of the first batch of the block with this key.
pub(in crate::ledger) fn first_of(key: &[u8]) -> Option<u64> {
    key.first_chunk().map(|first| u64::from_be_bytes(*first))
}
