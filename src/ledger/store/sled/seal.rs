//! The seal of a store that was closed in order: the length of each of its files, and a checksum of each mebibyte.
//!
//! A store whose files match its seal is known to be intact without being opened. Any other store is read first. So the seal
//! need not be durable, and can be deleted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::known_files::{Directory, open_to_read};
use crate::ledger::log::head::Head;
use crate::model::threads::cores;

const FILE: &str = "seal";
const VERSION: u8 = 1;
/// The bytes of one checksum: few enough to say where damage is, enough to keep the seal small.
const PIECE: u64 = 1024 * 1024;
/// The bytes that are read at a time. They are still in the processor's cache when they are hashed.
const AT_ONCE: usize = 128 * 1024;
/// More threads than this wait for memory.
const MOST_THREADS: usize = 4;
const CHECKSUM: usize = 32;

/// A file of a store that was changed after the store was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, by its path in the store.
    pub file: PathBuf,
    /// The offset of the mebibyte with the first difference. `None` if the file is missing or new.
    pub at: Option<u64>,
}

/// The files of a store when it was closed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    sequence: u64,
    link: [u8; 8],
    files: Vec<Sealed>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    name: PathBuf,
    length: u64,
    pieces: Vec<u32>,
}

impl Seal {
    /// Reads the files of `store`, whose last batch is `head`.
    pub(super) fn new(store: &Path, head: Head) -> io::Result<Self> {
        let mut names = Vec::new();
        list(store, Path::new(""), &mut names)?;
        names.sort();
        Ok(Self {
            sequence: head.sequence,
            link: head.link,
            files: names
                .into_iter()
                .map(|name| Sealed::new(store, name))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn write(&self, dir: &Directory) -> io::Result<()> {
        let mut bytes = vec![VERSION];
        bytes.extend(postcard::to_stdvec(self).map_err(io::Error::other)?);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        dir.replace(FILE, |to| to.write_all(&bytes))
    }

    /// Reads the seal of the store in `dir`. `None` if there is no valid one.
    pub(super) fn read(dir: &Directory) -> Option<Self> {
        let mut bytes = Vec::new();
        dir.read(FILE).ok()?.read_to_end(&mut bytes).ok()?;
        let (checked, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        if *sum != *Sha256::digest(checked) {
            return None;
        }
        let (version, seal) = checked.split_first()?;
        (*version == VERSION).then(|| postcard::from_bytes(seal).ok())?
    }

    /// Removes the seal before the store is written.
    pub(super) fn remove(dir: &Directory) {
        // If it stays, it does not match the store after a write.
        let _ = dir.remove(FILE);
    }

    /// The last batch of the sealed store.
    pub(super) const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            link: self.link,
        }
    }

    /// Compares the files of `store` with the seal.
    pub(super) fn damage(&self, store: &Path) -> io::Result<Vec<Damage>> {
        let now = Self::new(store, self.head())?;
        let find = |files: &[Sealed], name: &Path| files.iter().position(|file| file.name == name);
        let mut damage = Vec::new();
        for was in &self.files {
            let at = match find(&now.files, &was.name).map(|at| &now.files[at]) {
                Some(is) if is == was => continue,
                Some(is) => Some(was.first_difference(is)),
                None => None,
            };
            damage.push(Damage {
                file: was.name.clone(),
                at,
            });
        }
        let more = now
            .files
            .into_iter()
            .filter(|file| find(&self.files, &file.name).is_none());
        damage.extend(more.map(|file| Damage {
            file: file.name,
            at: None,
        }));
        Ok(damage)
    }
}

impl Sealed {
    fn new(store: &Path, name: PathBuf) -> io::Result<Self> {
        let file = open_to_read(&store.join(&name))?;
        let length = file.metadata()?.len();
        let count = usize::try_from(length.div_ceil(PIECE)).map_err(io::Error::other)?;
        let threads = cores().min(MOST_THREADS).min(count);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut pieces = Vec::new();
            let mut buffer = vec![0; AT_ONCE];
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return Ok::<_, io::Error>(pieces);
                }
                pieces.push((at, checksum(&file, at as u64 * PIECE, length, &mut buffer)?));
            }
        };
        let done = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut done = vec![work()];
            done.extend(others.into_iter().filter_map(|other| other.join().ok()));
            done
        });
        let mut pieces = vec![0; count];
        let mut summed = 0;
        for (at, sum) in done.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            pieces[at] = sum;
            summed += 1;
        }
        if summed < count {
            return Err(io::Error::other("a thread panicked"));
        }
        Ok(Self { name, length, pieces })
    }

    /// The offset of the first difference.
    fn first_difference(&self, now: &Self) -> u64 {
        let differs = self.pieces.iter().zip(&now.pieces).position(|(was, is)| was != is);
        differs.map_or(self.length.min(now.length), |at| at as u64 * PIECE)
    }
}

fn checksum(file: &File, from: u64, length: u64, buffer: &mut [u8]) -> io::Result<u32> {
    let end = length.min(from + PIECE);
    let mut at = from;
    let mut sum = crc32fast::Hasher::new();
    while at < end {
        let some = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..some];
        file.read_exact_at(bytes, at)?;
        sum.update(bytes);
        at += some as u64;
    }
    Ok(sum.finalize())
}

fn list(store: &Path, below: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(store.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(store, &name, names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
