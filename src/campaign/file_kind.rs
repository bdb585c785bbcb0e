//! The kinds of files that this room reads.

/// What a file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A campaign.
    Campaign,
    /// A service.
    Server,
}

impl FileKind {
    /// Returns the word with which messages select the name of the kind.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Server => "server",
        }
    }
}
