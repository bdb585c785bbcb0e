//! What went wrong, as a page shows it.

use std::error::Error;

use crate::app::AppError;
use crate::app::apply::load::UnusableFile;
use crate::campaign::Diagnostic;
use crate::catalogue::{Text, service as texts};
use crate::model::problem::Problem;
use crate::report::wording::excess_reason;

/// The most causes that are shown.
const MOST_CAUSES: usize = 10;

/// Returns the problem of an error.
pub type Classify = fn(AppError) -> Problem;

/// What went wrong, in every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code of the problem, which has a page. `None` if it has no code.
    pub code: Option<String>,
    /// What was attempted.
    pub message: Text,
    /// Why it failed, the nearest cause first.
    pub causes: Vec<Text>,
}

impl Fault {
    /// Describes an error.
    #[must_use]
    pub fn new(error: AppError, classify: Classify) -> Self {
        let mut causes: Vec<Text> = match &error {
            AppError::Refused(refusals) => refusals.iter().take(MOST_CAUSES).map(Text::new).collect(),
            AppError::CannotResolve(refusals) => refusals.iter().take(MOST_CAUSES).map(Text::new).collect(),
            AppError::OtherPlan { reviewed, now, .. } => reviewed.differences(now).iter().map(Text::new).collect(),
            AppError::OutsideApproval { excess } => vec![Text::from_fn(|| excess_reason(excess))],
            _ => Vec::new(),
        };
        let message = match &error {
            AppError::OtherPlan { .. } => Text::new(&texts::PlanChanged),
            error => Text::new(error),
        };
        let mut next = error.source();
        while let Some(cause) = next.filter(|_| causes.len() < MOST_CAUSES) {
            let text = Text::from_fn(|| cause.to_string());
            // Some errors repeat the text of their source.
            if causes.last().unwrap_or(&message) != &text {
                causes.push(text);
            }
            next = cause.source();
        }
        Self {
            message,
            causes,
            code: Some(classify(error).code().to_owned()),
        }
    }

    /// Describes why a file cannot be applied.
    #[must_use]
    pub fn of_unusable(unusable: UnusableFile, classify: Classify) -> Option<Self> {
        if let Some(error) = unusable.error {
            return Some(Self::new(error, classify));
        }
        (!unusable.mistakes.is_empty()).then(|| Self::of_mistakes(unusable.mistakes))
    }

    /// Describes the first of some mistakes in a file.
    #[must_use]
    pub fn of_mistakes(mistakes: Vec<Diagnostic>) -> Self {
        let Some(first) = mistakes.into_iter().next() else {
            return Self::of_text(Text::default());
        };
        Self {
            code: Some(first.code.as_str().to_owned()),
            message: Text::from(first.message),
            causes: first.cause.into_iter().chain(first.help).map(Text::from).collect(),
        }
    }

    /// Whether it is this problem.
    #[must_use]
    pub fn is_of(&self, problem: Problem) -> bool {
        self.code.as_deref() == Some(problem.code())
    }

    /// A text without a code.
    #[must_use]
    pub const fn of_text(message: Text) -> Self {
        Self {
            code: None,
            message,
            causes: Vec::new(),
        }
    }

    /// The message and the causes in English, in one line.
    #[must_use]
    pub fn english(&self) -> String {
        let causes = self.causes.iter().map(Text::english);
        let all: Vec<_> = std::iter::once(self.message.english()).chain(causes).collect();
        all.join(": ")
    }
}
