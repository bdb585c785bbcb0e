//! Whether a use case is about the campaign itself or about its rehearsal.

use url::Url;

/// Whether a campaign is rehearsed, and against which fake platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rehearsal {
    /// The campaign itself.
    #[default]
    No,
    /// A rehearsal with a fake platform inside the process that applies the campaign. It ends with that process.
    Inside,
    /// A rehearsal with a fake platform that runs already, at this address.
    At(Url),
}

impl Rehearsal {
    /// Whether this is a rehearsal.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !matches!(self, Self::No)
    }

    /// Whether the fake platform ends with the process that applies the campaign.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        matches!(self, Self::Inside)
    }

    /// Returns the address of a fake platform that runs already. `None` without one.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match self {
            Self::At(url) => Some(url.to_string()),
            Self::No | Self::Inside => None,
        }
    }
}
