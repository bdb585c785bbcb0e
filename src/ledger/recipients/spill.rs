//! Spill files: temporary files without a name for open_ids that exceed the memory limit. They are gone when the process ends.
//!
//! A spill file is in the directory for temporary files and not beside the ledger: a plan without a ledger needs one too, and
//! a command that only reads a ledger leaves nothing beside it. It is read by position and not mapped, which would need
//! unsafe code.
//!
//! Applying a fact and looking up a recipient cannot fail because of a disk. So the first failure is noted here, and the code
//! that is about to act on the result calls [`Spill::check`] first: a ledger appends nothing after a failure.

use std::env;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use crate::ledger::StoreError;
use crate::ledger::attempted_action::Action;

/// The memory limit. Ten million open_ids of 36 characters take 170 MB, and memory is faster.
const LIMIT: u64 = 256 << 20;
/// About a megabyte is written at a time.
const PER_PIECE: u32 = 1 << 16;
/// The directory for large temporary files. `/tmp` often is memory.
const LARGE: &str = "/var/tmp";
const VARIABLE: &str = "TMPDIR";

/// The directories for large temporary files, the best first.
#[must_use]
pub fn temporary_directories() -> Vec<PathBuf> {
    match env::var_os(VARIABLE) {
        Some(_) => vec![env::temp_dir()],
        None => vec![LARGE.into(), env::temp_dir()],
    }
}

/// When open_ids move out of memory, and where to. It notes the first failure.
#[derive(Debug)]
pub struct Spill {
    limit: u64,
    per_piece: u32,
    /// The first directory in which a file can be created is used.
    dirs: Vec<PathBuf>,
    failed: OnceLock<Failed>,
}

#[derive(Debug)]
struct Failed {
    action: Action,
    dir: PathBuf,
    kind: io::ErrorKind,
    code: Option<i32>,
}

/// A spill file.
#[derive(Debug)]
pub(in crate::ledger) struct Spilled {
    file: File,
    dir: PathBuf,
    last: Mutex<LastRead>,
}

#[derive(Debug, Default)]
struct LastRead {
    at: Option<u64>,
    bytes: Vec<u8>,
}

impl Spilled {
    fn new(file: File, dir: PathBuf) -> Self {
        let last = Mutex::default();
        Self { file, dir, last }
    }
}

impl Default for Spill {
    fn default() -> Self {
        let dirs = temporary_directories();
        Self {
            limit: LIMIT,
            per_piece: PER_PIECE,
            dirs,
            failed: OnceLock::new(),
        }
    }
}

impl Spill {
    /// Each list of open_ids stays in memory up to `limit` bytes, and moves to a file in `dir` beyond that, `per_piece` open_ids
    /// at a time, rounded up to a power of two.
    #[must_use]
    pub fn beyond(limit: u64, per_piece: u32, dir: PathBuf) -> Self {
        Self {
            limit,
            per_piece: per_piece.next_power_of_two(),
            dirs: vec![dir],
            failed: OnceLock::new(),
        }
    }

    /// Checks that all reads and writes succeeded.
    ///
    /// # Errors
    /// The first failure. Results since then do not count.
    pub fn check(&self) -> Result<(), StoreError> {
        let Some(failed) = self.failed.get() else { return Ok(()) };
        Err(StoreError::Spill {
            action: failed.action,
            dir: failed.dir.clone(),
            source: failed
                .code
                .map_or_else(|| failed.kind.into(), io::Error::from_raw_os_error),
        })
    }

    pub(in crate::ledger) const fn limit(&self) -> u64 {
        self.limit
    }

    /// The number of open_ids that are written at a time: a power of two.
    pub(in crate::ledger) const fn per_piece(&self) -> u32 {
        self.per_piece
    }

    pub(in crate::ledger) fn create(&self) -> Option<Spilled> {
        if self.failed.get().is_some() {
            return None;
        }
        let mut refused = None;
        for dir in &self.dirs {
            match tempfile::tempfile_in(dir) {
                Ok(file) => return Some(Spilled::new(file, dir.clone())),
                Err(error) => refused = Some((dir, error)),
            }
        }
        let (dir, error) = refused?;
        self.fail(Action::Create, dir.clone(), &error);
        None
    }

    /// Returns whether it succeeded.
    pub(in crate::ledger) fn write(&self, to: &Spilled, bytes: &[u8], at: u64) -> bool {
        match to.file.write_all_at(bytes, at) {
            Ok(()) => true,
            Err(error) => {
                self.fail(Action::Write, to.dir.clone(), &error);
                false
            }
        }
    }

    /// Fills `bytes`. Returns whether it succeeded.
    pub(in crate::ledger) fn read(&self, from: &Spilled, bytes: &mut [u8], at: u64) -> bool {
        match from.file.read_exact_at(bytes, at) {
            Ok(()) => true,
            Err(error) => {
                self.fail(Action::Read, from.dir.clone(), &error);
                false
            }
        }
    }

    /// Calls `show` with some bytes, which never change. The last bytes are cached: a source mostly names users in the order of
    /// their admission, so the next one is close by.
    pub(in crate::ledger) fn show<R>(
        &self,
        from: &Spilled,
        at: u64,
        length: usize,
        show: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let Ok(mut last) = from.last.try_lock() else {
            let mut bytes = vec![0; length];
            return self.read(from, &mut bytes, at).then(|| show(&bytes));
        };
        let last = &mut *last;
        if last.at != Some(at) || last.bytes.len() != length {
            last.at = None;
            last.bytes.resize(length, 0);
            if !self.read(from, &mut last.bytes, at) {
                return None;
            }
            last.at = Some(at);
        }
        Some(show(&last.bytes))
    }

    fn fail(&self, action: Action, dir: PathBuf, error: &io::Error) {
        let _ = self.failed.set(Failed {
            action,
            dir,
            kind: error.kind(),
            code: error.raw_os_error(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn told(spill: &Spill) -> String {
        let error = spill.check().expect_err("it failed");
        let cause = error.source().expect("the system said why");
        format!("{error}: {cause}")
    }

    #[test]
    fn a_disk_that_is_full_or_damaged_is_told_of_once() {
        let spill = Spill::beyond(0, 1, "/tmp".into());
        spill.check().expect("nothing was done");
        let full = File::options().write(true).open("/dev/full").expect("it is there");
        let full = Spilled::new(full, "/tmp".into());
        assert!(!spill.write(&full, b"open_ids", 0));
        let expected = "cannot write a temporary file in /tmp, for what is too much for the memory: \
                        No space left on device (os error 28)";
        assert_eq!(told(&spill), expected);
        assert!(!spill.read(&full, &mut [0], 0), "it is open for writing only");
        assert_eq!(told(&spill), expected, "what came first says why");
        assert!(spill.create().is_none(), "nothing is tried any more");
    }

    #[test]
    fn the_first_directory_that_takes_a_file_is_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut spill = Spill::beyond(0, 1, dir.path().join("none"));
        spill.dirs.push(dir.path().to_owned());
        let file = spill.create().expect("a file");
        assert!(spill.write(&file, b"open_ids", 7));
        let mut bytes = [0; 4];
        assert!(spill.read(&file, &mut bytes, 11));
        assert_eq!(&bytes, b"_ids");
        spill.check().expect("nothing failed");
        spill.dirs.pop();
        assert!(spill.create().is_none());
        assert!(told(&spill).starts_with("cannot create a temporary file in "));
    }
}
