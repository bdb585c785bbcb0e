//! The head: the number and the link of the last durable batch, in a file beside the store. It shows when a store has lost
//! its tail without an error.
//!
//! The file has two slots, which are written in turn: a write that is interrupted leaves the other slot intact.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::catalogue::ledger;
use crate::ledger::known_files::{self, KnownFiles};
use crate::ledger::log::record::Link;

const VERSION: u8 = 1;
/// The distance of the slots. They are in different pages, so no disk writes both at once.
const SLOT_DISTANCE: u64 = 4096;
const CHECKED: usize = 1 + size_of::<u64>() + size_of::<Link>();
const CHECKSUM: usize = 8;

/// The number and the link of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number; 0 before the first batch.
    pub sequence: u64,
    /// The link.
    pub link: Link,
}

/// A ledger lacks a batch that it is known to have had: it was restored from an older copy, or it is a copy to which other
/// batches were appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    /// The batch that it lacks.
    pub known: u64,
    /// The ledger's last batch.
    pub last: u64,
}

impl fmt::Display for Older {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, last } = self;
        if last < known {
            ledger::Older { last, known }.fmt(f)
        } else {
            ledger::OtherBatch { known }.fmt(f)
        }
    }
}

impl Head {
    /// Compares a ledger with this batch, which it is known to have had. `last` is its last batch, and `found` the link of the
    /// batch with this number. `None` if it has the batch.
    #[must_use]
    pub fn older(self, last: u64, found: Option<Link>) -> Option<Older> {
        let known = self.sequence;
        let has_it = known == 0 || (known <= last && found == Some(self.link));
        (!has_it).then_some(Older { known, last })
    }

    fn encode(self) -> [u8; CHECKED + CHECKSUM] {
        let mut bytes = [0; CHECKED + CHECKSUM];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[9..CHECKED].copy_from_slice(&self.link);
        let checksum = checksum(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&checksum);
        bytes
    }

    fn decode(bytes: [u8; CHECKED + CHECKSUM]) -> Option<Self> {
        let (checked, sum) = bytes.split_at(CHECKED);
        if sum != checksum(checked) || checked[0] != VERSION {
            return None;
        }
        Some(Self {
            sequence: u64::from_be_bytes(checked[1..9].try_into().ok()?),
            link: checked[9..].try_into().ok()?,
        })
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(bytes);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&digest[..CHECKSUM]);
    sum
}

/// The head's file.
#[derive(Debug)]
pub(in crate::ledger) struct HeadFile {
    path: PathBuf,
    file: File,
}

impl HeadFile {
    /// Creates the head of an empty store.
    pub(in crate::ledger) fn create(path: &Path) -> io::Result<Self> {
        let file = known_files::open(known_files::options().read(true).write(true).create_new(true), path)?;
        let head = Self {
            path: path.to_owned(),
            file,
        };
        head.write_at(Head::default(), 0)?;
        head.write_at(Head::default(), 1)?;
        head.file.sync_all()?;
        Ok(head)
    }

    /// Opens and reads an existing head. The head is `None` if neither slot is valid.
    pub(in crate::ledger) fn open(path: &Path) -> io::Result<(Self, Option<Head>)> {
        let file = match known_files::open(known_files::options().read(true).write(true), path) {
            // A ledger that this process may not write can be read.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
                ) =>
            {
                known_files::open_to_read(path)?
            }
            file => file?,
        };
        let head = Self {
            path: path.to_owned(),
            file,
        };
        let newest = newest(&head.file)?;
        Ok((head, newest))
    }

    /// Reads a head that another process may be writing. `None` if neither slot is valid.
    pub(in crate::ledger) fn read(path: &Path) -> io::Result<Option<Head>> {
        newest(&known_files::open_to_read(path)?)
    }

    /// Makes `head` durable.
    pub(in crate::ledger) fn write(&self, head: Head) -> io::Result<()> {
        self.write_at(head, head.sequence % 2)?;
        self.file.sync_data()
    }

    pub(in crate::ledger) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the file to those that make a ledger.
    pub(in crate::ledger) fn add_to(&self, known: &KnownFiles) -> io::Result<()> {
        known.add_open(&self.path, &self.file)
    }

    fn write_at(&self, head: Head, slot: u64) -> io::Result<()> {
        self.file.write_all_at(&head.encode(), slot * SLOT_DISTANCE)
    }
}

fn newest(file: &File) -> io::Result<Option<Head>> {
    let read_at = |slot| {
        let mut bytes = [0; CHECKED + CHECKSUM];
        match file.read_exact_at(&mut bytes, slot * SLOT_DISTANCE) {
            Ok(()) => Ok(Head::decode(bytes)),
            // A file that was cut off has one slot, or none.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    };
    let slots = [read_at(0)?, read_at(1)?];
    Ok(slots.into_iter().flatten().max_by_key(|head| head.sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sequence: u64) -> Head {
        Head { sequence, link: [7; 8] }
    }

    #[test]
    fn a_ledger_without_a_batch_that_it_had_is_older() {
        let same = Some([7; 8]);
        let other = Some([8; 8]);
        let older = |last, found| head(5).older(last, found).map(|older| older.to_string());
        assert_eq!((older(5, same), older(9, same)), (None, None));
        assert_eq!(
            Head::default().older(0, None),
            None,
            "before the first batch, none can be lost"
        );
        let ends = "the ledger ends at batch 4, and batch 5 of it was durable before";
        assert_eq!(older(4, None).as_deref(), Some(ends));
        let parted = "batch 5 of the ledger is another one than was durable before";
        assert_eq!(
            (older(5, other).as_deref(), older(9, None).as_deref()),
            (Some(parted), Some(parted))
        );
    }

    #[test]
    fn an_interrupted_write_leaves_the_head_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let file = HeadFile::create(&path).unwrap();
        for sequence in 1..=5 {
            file.write(head(sequence)).unwrap();
        }
        assert_eq!(HeadFile::open(&path).unwrap().1, Some(head(5)));
        file.file.write_all_at(&head(6).encode()[..11], 0).unwrap();
        assert_eq!(HeadFile::open(&path).unwrap().1, Some(head(5)));
        file.file.write_all_at(&[0xff], SLOT_DISTANCE + 3).unwrap();
        assert_eq!(HeadFile::open(&path).unwrap().1, None);
    }
}
