//! The bills that were fetched, in the state directory. They name users, so only this user can read them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::ledger::BillContent;

/// The directory of the bills of one campaign.
#[derive(Clone, Debug)]
pub struct BillFiles {
    dir: PathBuf,
}

/// The bill of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillState {
    /// It is here.
    Kept(KeptBill),
    /// The platform has no data of that day.
    NoData,
    /// The platform is still making it.
    NotReady,
    /// It cannot be asked for before the day has ended.
    TooEarly,
    /// It cannot be asked for, or not downloaded: why.
    Failed(String),
}

/// A bill that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBill {
    /// Its file.
    pub path: PathBuf,
    /// Its content.
    pub content: BillContent,
}

impl BillFiles {
    /// The bills in this directory, which need not exist yet.
    #[must_use]
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn path(&self, day: Date, sha256: &[u8; 32]) -> PathBuf {
        let [a, b, c, d, ..] = sha256;
        self.dir.join(format!("{day}-{a:02x}{b:02x}{c:02x}{d:02x}.csv"))
    }

    /// Returns the bill that a fact names. `None` if it is not here, or is not what it was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(&self, day: Date, content: &BillContent) -> io::Result<Option<KeptBill>> {
        let path = self.path(day, &content.sha256);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut hash = Sha256::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => hash.update(piece.get(..read).unwrap_or_default()),
            }
        }
        let is_same = <[u8; 32]>::from(hash.finalize()) == content.sha256;
        Ok(is_same.then(|| KeptBill {
            path,
            content: content.clone(),
        }))
    }

    /// Begins to keep a bill.
    ///
    /// # Errors
    /// When the directory cannot be made, or the file not be created.
    pub fn begin(&self, day: Date) -> io::Result<NewBill> {
        if !self.dir.is_dir() {
            DirBuilder::new().mode(0o700).create(&self.dir)?;
        }
        self.remove_parts(day)?;
        let part = self.dir.join(format!("{day}.part-{}", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&part)?;
        Ok(NewBill { file, part, day })
    }

    /// Removes what a killed process left of a download. The campaign's lock is held, so no other process downloads.
    fn remove_parts(&self, day: Date) -> io::Result<()> {
        let prefix = format!("{day}.part-");
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Keeps a bill that was written to its end.
    ///
    /// # Errors
    /// When the file cannot be made durable.
    pub fn keep(&self, mut bill: NewBill, content: BillContent) -> io::Result<KeptBill> {
        bill.file.flush()?;
        bill.file.sync_all()?;
        let path = self.path(bill.day, &content.sha256);
        fs::rename(&bill.part, &path)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(KeptBill { path, content })
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A bill that is being downloaded. Its file is removed unless it is kept.
#[derive(Debug)]
pub struct NewBill {
    file: File,
    part: PathBuf,
    day: Date,
}

impl NewBill {
    /// Appends bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

impl Drop for NewBill {
    fn drop(&mut self) {
        // A bill that was kept has been renamed, so this removes only a partial one.
        let _ = fs::remove_file(&self.part);
    }
}
