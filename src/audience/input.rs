//! Inputs of a source: files, plain or compressed, or stdin.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, Cursor, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::damage::Damage;
use super::error::AudienceError;
use super::neighbour;
use super::syntax_error::{Foreign, LOOK};
use crate::campaign::Files;

const STDIN: &str = "stdin";

/// The origin of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Files.
    Files(Files),
    /// Data that is piped into the program.
    Stdin,
}

/// A file with the name that its rows' places show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

/// Lists the files, sorted by path.
pub(super) fn list(files: &Files) -> Result<Vec<Named>, AudienceError> {
    let whole = files.folder.join(&files.path);
    // The name of an existing file may look like a pattern.
    if !files.path.contains(['*', '?', '[']) || whole.exists() {
        let name = last(&whole);
        return Ok(vec![Named { path: whole, name }]);
    }
    let paths = matches(files, &whole)?;
    let mut names: Vec<_> = paths.iter().map(|path| last(path)).collect();
    names.sort_unstable();
    let unique = names.windows(2).all(|pair| pair[0] != pair[1]);
    let name = |path: &Path| {
        let within = path.strip_prefix(&files.folder).unwrap_or(path);
        if unique {
            last(path)
        } else {
            within.display().to_string()
        }
    };
    let files = paths.into_iter().map(|path| Named {
        name: name(&path),
        path,
    });
    Ok(files.collect())
}

/// Whether this machine has the file, or a file of the pattern.
#[must_use]
pub fn are_here(files: &Files) -> bool {
    list(files).is_ok_and(|files| files.iter().any(|named| named.path.exists()))
}

fn matches(files: &Files, whole: &Path) -> Result<Vec<PathBuf>, AudienceError> {
    let folder = glob::Pattern::escape(&files.folder.to_string_lossy());
    let pattern = Path::new(&folder).join(&files.path);
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let found = glob::glob_with(&pattern.to_string_lossy(), options).map_err(|error| AudienceError::Pattern {
        path: whole.into(),
        why: error.msg,
    })?;
    let mut paths = Vec::new();
    for path in found {
        let unreadable = |error: glob::GlobError| AudienceError::Unreadable {
            path: error.path().into(),
            source: error.into(),
        };
        paths.push(path.map_err(unreadable)?);
    }
    paths.sort_unstable();
    if paths.is_empty() {
        return Err(AudienceError::NoMatch { path: whole.into() });
    }
    match neighbour::find(&files.path, &paths) {
        Some((path, what)) => Err(AudienceError::Neighbour {
            pattern: files.path.clone(),
            path: path.into(),
            what,
            narrower: neighbour::narrower(&files.path, &paths),
        }),
        None => Ok(paths),
    }
}

fn last(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// An open regular file.
pub(super) struct Regular {
    pub(super) path: PathBuf,
    pub(super) file: File,
    before: Metadata,
}

impl Regular {
    /// Opens a regular file. Other kinds are refused: a pipe would wait for its writer, and the next apply could not
    /// read it again.
    pub(super) fn open(path: &Path) -> Result<Self, AudienceError> {
        let unreadable = |source| AudienceError::Unreadable {
            path: path.into(),
            source,
        };
        let kind = std::fs::metadata(path).map_err(unreadable)?.file_type();
        if !kind.is_file() {
            return Err(AudienceError::NotAFile {
                path: path.into(),
                is_directory: kind.is_dir(),
            });
        }
        let file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        Ok(Self {
            path: path.into(),
            file,
            before,
        })
    }

    /// Refuses a file whose first bytes belong to another kind than `wanted`.
    pub(super) fn is_none_but(&self, wanted: Foreign, start: &[u8]) -> Result<(), AudienceError> {
        match Foreign::in_place_of_table(start).filter(|what| *what != wanted) {
            Some(what) => Err(AudienceError::Foreign {
                path: self.path.clone(),
                what,
            }),
            None => Ok(()),
        }
    }

    /// Returns the length at the time of opening.
    pub(super) fn len(&self) -> u64 {
        self.before.len()
    }

    /// Checks that the path still names the file that was opened, with the same length and modification time.
    pub(super) fn stood_still(&self) -> Result<(), AudienceError> {
        stood_still(&self.path, &self.before)
    }
}

fn stood_still(path: &Path, before: &Metadata) -> Result<(), AudienceError> {
    let mark = |of: &Metadata| (of.dev(), of.ino(), of.len(), of.mtime(), of.mtime_nsec());
    if std::fs::metadata(path).is_ok_and(|now| mark(&now) == mark(before)) {
        return Ok(());
    }
    Err(AudienceError::Changed { path: path.into() })
}

/// Decompressed text.
pub(super) struct Text {
    pub(super) path: PathBuf,
    /// The name that places show.
    pub(super) name: String,
    bytes: Box<dyn Read>,
    /// The file's metadata at opening, and how many of its bytes were read; `None` for stdin.
    file: Option<(Metadata, Rc<Cell<u64>>)>,
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl Input {
    /// Calls `show` with each text, in order.
    pub(super) fn each(
        &self,
        mut show: impl FnMut(&mut Text) -> Result<(), AudienceError>,
    ) -> Result<(), AudienceError> {
        let files = match self {
            Self::Files(files) => list(files)?,
            Self::Stdin => return show(&mut Text::stdin()?),
        };
        for file in files {
            let mut text = Text::file(&file)?;
            show(&mut text)?;
            text.stood_still()?;
        }
        Ok(())
    }
}

impl Text {
    fn file(named: &Named) -> Result<Self, AudienceError> {
        let Regular { path, file, before } = Regular::open(&named.path)?;
        let count = Rc::new(Cell::new(0));
        let counted = Counted {
            inner: file,
            count: Rc::clone(&count),
        };
        let mut text = Self::open(path, Box::new(counted))?;
        text.name.clone_from(&named.name);
        text.file = Some((before, count));
        Ok(text)
    }

    fn stdin() -> Result<Self, AudienceError> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(AudienceError::Terminal);
        }
        Self::open(STDIN.into(), Box::new(stdin))
    }

    /// Decompresses, and refuses a file that is not text.
    fn open(path: PathBuf, bytes: Box<dyn Read>) -> Result<Self, AudienceError> {
        let (start, bytes) = look(bytes).map_err(|error| AudienceError::new(&path, error))?;
        let bytes: Box<dyn Read> = match start.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(Inflated {
                inner: flate2::read::MultiGzDecoder::new(bytes),
                how: "gzip",
            }),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let inner = zstd::Decoder::new(bytes).map_err(|error| AudienceError::new(&path, error))?;
                Box::new(Inflated { inner, how: "zstd" })
            }
            _ => return Self::plain(path, &start, bytes),
        };
        let (start, bytes) = look(bytes).map_err(|error| AudienceError::new(&path, error))?;
        Self::plain(path, &start, bytes)
    }

    fn plain(path: PathBuf, start: &[u8], bytes: Box<dyn Read>) -> Result<Self, AudienceError> {
        if let Some(what) = Foreign::new(start) {
            return Err(AudienceError::Foreign { path, what });
        }
        Ok(Self {
            path,
            name: STDIN.to_owned(),
            bytes,
            file: None,
        })
    }

    /// Checks that the file was read completely and did not change.
    fn stood_still(&self) -> Result<(), AudienceError> {
        match &self.file {
            Some((before, count)) if count.get() == before.len() => stood_still(&self.path, before),
            Some(_) => Err(AudienceError::Changed {
                path: self.path.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Reads the first bytes, and returns a reader that yields them again.
fn look(mut bytes: Box<dyn Read>) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut start = Vec::new();
    Read::by_ref(&mut bytes).take(LOOK as u64).read_to_end(&mut start)?;
    let again = Box::new(Cursor::new(start.clone()).chain(bytes));
    Ok((start, again))
}

/// Counts the bytes that are read from a file.
struct Counted {
    inner: File,
    count: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// A decompressor that reports damaged data apart from I/O errors.
struct Inflated<R> {
    inner: R,
    how: &'static str,
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            // A system error has a number; an error of the decoder has none.
            if error.raw_os_error().is_some() {
                return error;
            }
            let cut = error.kind() == io::ErrorKind::UnexpectedEof;
            io::Error::other(Damage { how: self.how, cut })
        })
    }
}
