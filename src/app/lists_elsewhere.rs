//! Lists of users that are on another machine.

use std::path::PathBuf;

use crate::catalogue::push as text;
use crate::engine::audience_diff::NotTakenOver;

use super::process::host;

/// A list of users that this machine does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingList {
    /// The key of its file, such as `audience.source.csv.path`.
    pub key: String,
    /// The path or the pattern.
    pub path: PathBuf,
}

/// The lists of a campaign that this machine lacks, and why it cannot go on without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListsElsewhere {
    /// The first list.
    pub first: MissingList,
    /// The number of the other lists.
    pub others: usize,
    /// The machine that the campaign file was pushed from. `None` for a file of this machine.
    pub pushed_from: Option<String>,
    /// The machine that admitted the last audience. `None` if none did, or if it is not known.
    pub admitted_by: Option<String>,
    /// Why the audience in the ledger is not taken over.
    pub why: NotTakenOver,
}

impl ListsElsewhere {
    /// Says which list is missing, and where.
    #[must_use]
    pub fn message(&self) -> String {
        let path = &self.first.path.display();
        let host = &host();
        let key = &self.first.key;
        match self.others {
            0 => text::ListElsewhere { key, path, host }.to_string(),
            others => text::ListsElsewhere {
                key,
                path,
                host,
                others: others as u64,
            }
            .to_string(),
        }
    }

    /// Says why the audience in the ledger is not taken over.
    #[must_use]
    pub fn reason(&self) -> String {
        match (self.why, &self.admitted_by) {
            (NotTakenOver::NothingAdmitted, _) => text::NothingAdmitted.to_string(),
            (NotTakenOver::OtherLists, Some(host)) => text::OtherLists { host }.to_string(),
            (NotTakenOver::UnknownActivity, Some(host)) => text::UnknownActivity { host }.to_string(),
            _ => text::UnknownLists.to_string(),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.pushed_from {
            Some(host) => text::AdmitElsewhere { host }.to_string(),
            None => text::AdmitWhereListsAre.to_string(),
        }
    }
}
