//! The totals of a source.

use crate::model::event::FileShare;

/// The totals of a source that was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of rows, unusable ones included; neither headers nor blank lines.
    pub rows: u64,
    /// The number of bytes, uncompressed.
    pub bytes: u64,
    /// The SHA-256 of the bytes, or of the rows for a source without bytes of its own. For several files, the hash of
    /// their hashes.
    pub hash: [u8; 32],
    /// The number of rows of each file, or of the query.
    pub shares: Vec<FileShare>,
}
