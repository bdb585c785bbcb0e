//! What was attempted on a file or a store, in errors.

use std::fmt;

/// What was attempted on a file or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To append a batch.
    AppendTo,
    /// To copy a store, so that the copy can be opened.
    Copy,
    /// To create a file or a directory.
    Create,
    /// To exchange a ledger with its new version.
    Exchange,
    /// To flush.
    Flush,
    /// To write the snapshot of a store.
    KeepSnapshot,
    /// To lock a file.
    Lock,
    /// To read the metadata of a file.
    LookAt,
    /// To read the kind of a file system.
    LookAtFileSystem,
    /// To check whether a file exists.
    LookFor,
    /// To open a file, a directory or a store.
    Open,
    /// To read.
    Read,
    /// To remove.
    Remove,
    /// To rename a new directory to its final name.
    RenameIntoPlace,
    /// To make a file or a directory durable.
    Sync,
    /// To use a store.
    Use,
    /// To write.
    Write,
}

impl Action {
    /// Every action.
    #[cfg(test)]
    pub(super) const ALL: [Self; 17] = [
        Self::AppendTo,
        Self::Copy,
        Self::Create,
        Self::Exchange,
        Self::Flush,
        Self::KeepSnapshot,
        Self::Lock,
        Self::LookAt,
        Self::LookAtFileSystem,
        Self::LookFor,
        Self::Open,
        Self::Read,
        Self::Remove,
        Self::RenameIntoPlace,
        Self::Sync,
        Self::Use,
        Self::Write,
    ];

    /// The word that selects a text of the catalogue.
    const fn word(self) -> &'static str {
        match self {
            Self::AppendTo => "append-to",
            Self::Copy => "copy",
            Self::Create => "create",
            Self::Exchange => "exchange",
            Self::Flush => "flush",
            Self::KeepSnapshot => "keep-snapshot",
            Self::Lock => "lock",
            Self::LookAt => "look-at",
            Self::LookAtFileSystem => "look-at-file-system",
            Self::LookFor => "look-for",
            Self::Open => "open",
            Self::Read => "read",
            Self::Remove => "remove",
            Self::RenameIntoPlace => "rename-into-place",
            Self::Sync => "sync",
            Self::Use => "use",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
