//! Why a probe did not go on.

use crate::catalogue::probe as text;
use crate::model::activity::AnswerNote;
use crate::model::probe::{ProbeSubject, Step};

use super::journal::JournalError;

/// Why a probe did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The last probe is not over, and was about something else.
    #[error("{}", text::OtherUnfinished)]
    OtherUnfinished(Box<ProbeSubject>),
    /// A step got no clear answer. The same command goes on with it.
    #[error("{}", text::NoAnswer)]
    NoAnswer {
        /// The step.
        step: Step,
        /// What came last.
        note: AnswerNote,
    },
    /// No token can be had.
    #[error("{}", text::NotReady)]
    NotReady(String),
}
