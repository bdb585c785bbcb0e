//! Where open_ids go that memory is too dear for: a temporary file without a name, which is gone with the process however it
//! ends.
//!
//! It lies in the system's directory for temporary files and not beside the ledger: a plan of a campaign without a ledger
//! has open_ids as well, and whoever only looks at a ledger leaves nothing there and may not even write there. What lies in
//! it is read by position and not mapped, so that the kernel's cache serves it and gives the memory back to whoever needs
//! it more.
//!
//! Nothing that is folded or asked can be left half done because of a disk. So a failure is noted here, once, and whoever
//! is about to act on what was read asks for it first: a ledger appends nothing after one.

use std::env;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use crate::ledger::StoreError;

/// Fewer bytes than this stay in memory: ten million open_ids of 36 characters take 170 MB and are faster there.
const BEYOND: u64 = 256 << 20;
/// A megabyte of them goes at a time.
const TOGETHER: u32 = 1 << 16;
/// Where large temporary files belong: `/tmp` often is memory.
const LARGE: &str = "/var/tmp";
/// The variable that says where temporary files belong.
const VARIABLE: &str = "TMPDIR";

/// When open_ids leave the memory, and where to.
#[derive(Debug)]
pub struct Spill {
    beyond: u64,
    together: u32,
    /// The first of these in which a file can be made is taken.
    dirs: Vec<PathBuf>,
    failed: OnceLock<Failed>,
}

/// The first failure.
#[derive(Debug)]
struct Failed {
    what: &'static str,
    dir: PathBuf,
    kind: io::ErrorKind,
    code: Option<i32>,
}

/// A file that has no name.
#[derive(Debug)]
pub(in crate::ledger) struct Spilled {
    file: File,
    dir: PathBuf,
    last: Mutex<Shown>,
}

/// What was shown last.
#[derive(Debug, Default)]
struct Shown {
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
        let dirs = match env::var_os(VARIABLE) {
            Some(_) => vec![env::temp_dir()],
            None => vec![LARGE.into(), env::temp_dir()],
        };
        Self {
            beyond: BEYOND,
            together: TOGETHER,
            dirs,
            failed: OnceLock::new(),
        }
    }
}

impl Spill {
    /// Lets each list of open_ids keep so many bytes in memory, and go into a file in `dir` beyond that, `together` at a
    /// time, or the next power of two.
    #[must_use]
    pub fn beyond(bytes: u64, together: u32, dir: PathBuf) -> Self {
        Self {
            beyond: bytes,
            together: together.next_power_of_two(),
            dirs: vec![dir],
            failed: OnceLock::new(),
        }
    }

    /// Says whether everything that was put aside was written and read.
    ///
    /// # Errors
    /// When it was not: what was found since then, or not found, does not count.
    pub fn check(&self) -> Result<(), StoreError> {
        let Some(failed) = self.failed.get() else { return Ok(()) };
        Err(StoreError::Spill {
            what: failed.what,
            dir: failed.dir.clone(),
            source: failed
                .code
                .map_or_else(|| failed.kind.into(), io::Error::from_raw_os_error),
        })
    }

    pub(in crate::ledger) const fn bytes(&self) -> u64 {
        self.beyond
    }

    /// How many open_ids go together: a power of two.
    pub(in crate::ledger) const fn together(&self) -> u32 {
        self.together
    }

    pub(in crate::ledger) fn begin(&self) -> Option<Spilled> {
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
        self.fail("make", dir.clone(), &error);
        None
    }

    /// Writes; says whether that was done.
    pub(in crate::ledger) fn write(&self, to: &Spilled, bytes: &[u8], at: u64) -> bool {
        match to.file.write_all_at(bytes, at) {
            Ok(()) => true,
            Err(error) => {
                self.fail("write", to.dir.clone(), &error);
                false
            }
        }
    }

    /// Fills `bytes`; says whether that was done.
    pub(in crate::ledger) fn read(&self, from: &Spilled, bytes: &mut [u8], at: u64) -> bool {
        match from.file.read_exact_at(bytes, at) {
            Ok(()) => true,
            Err(error) => {
                self.fail("read", from.dir.clone(), &error);
                false
            }
        }
    }

    /// Shows some bytes, which never change. The last are kept: a source mostly names people in the order in which they were
    /// admitted, so the next one lies beside them.
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

    fn fail(&self, what: &'static str, dir: PathBuf, error: &io::Error) {
        let _ = self.failed.set(Failed {
            what,
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
        assert!(spill.begin().is_none(), "nothing is tried any more");
    }

    #[test]
    fn the_first_directory_that_takes_a_file_is_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut spill = Spill::beyond(0, 1, dir.path().join("none"));
        spill.dirs.push(dir.path().to_owned());
        let file = spill.begin().expect("a file");
        assert!(spill.write(&file, b"open_ids", 7));
        let mut bytes = [0; 4];
        assert!(spill.read(&file, &mut bytes, 11));
        assert_eq!(&bytes, b"_ids");
        spill.check().expect("nothing failed");
        spill.dirs.pop();
        assert!(spill.begin().is_none());
        assert!(told(&spill).starts_with("cannot make a temporary file in "));
    }
}
