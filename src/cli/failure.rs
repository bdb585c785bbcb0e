//! Why a command failed, for people and programs: what was attempted, what caused the failure, and what to do.

pub mod activity;
mod errors;
pub mod probe;
mod service_client;

use std::error::Error;
use std::fmt;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::catalogue::failure as text;
use crate::model::problem::Problem;
use crate::model::shortage;
use crate::report::text::columns;

use super::exit::Exit;

/// Why a command failed. `errors` converts the errors of the other rooms and of commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What was attempted on what, in lower case, without a full stop.
    pub message: String,
    /// The campaign file, if several were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The causes, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The problem. Its code never changes, even if the message does.
    pub code: Problem,
    /// How the process ends.
    #[serde(skip)]
    pub exit: Exit,
    /// Whether the help names what the system lacks, which no other help may hide.
    #[serde(skip)]
    lacks: bool,
}

impl Failure {
    /// Creates a failure with only a message.
    #[must_use]
    pub fn new(problem: Problem, message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            file: None,
            causes: Vec::new(),
            help: None,
            code: problem,
            exit: problem.ends().into(),
            lacks: false,
        }
    }

    /// Creates a failure with the message of `error` and with its sources as causes.
    #[must_use]
    pub fn from_error(problem: Problem, error: &dyn Error) -> Self {
        let failure = Self::new(problem, error);
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// Adds `error` and its sources to the causes.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some errors repeat their source's text. Show it once.
            if self.causes.last().unwrap_or(&self.message) != &text {
                self.causes.push(text);
            }
            if let Some(help) = cause.downcast_ref().and_then(shortage::help) {
                self.help = Some(help);
                self.lacks = true;
            }
            next = cause.source();
        }
        self
    }

    /// Adds causes that are no errors.
    #[must_use]
    pub fn because(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }

    /// Adds the campaign file that failed.
    #[must_use]
    pub fn of_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_string_lossy().into_owned());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        if !self.lacks {
            self.help = Some(help.to_string());
        }
        self
    }

    /// Returns the failure as a JSON object of type `diagnostic`.
    #[must_use]
    pub const fn diagnostic(&self) -> Diagnostic<'_> {
        Diagnostic {
            r#type: "diagnostic",
            severity: "error",
            failure: self,
        }
    }
}

/// See [`Failure::diagnostic`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Diagnostic<'a> {
    r#type: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    failure: &'a Failure,
}

pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default().bold();
const QUIET: Style = Style::new().bold();

/// The form for people, on several lines. [`anstream`] strips the styles where the output does not support them.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = text::LabelError;
        write!(f, "{ERROR}{error}[{}]{ERROR:#}: ", self.code)?;
        if let Some(file) = &self.file {
            write!(f, "{}: ", crate::report::text::visible(file))?;
        }
        indented(f, &self.message, columns(&error.to_string()) + 2)?;
        for cause in &self.causes {
            let caused_by = text::LabelCausedBy;
            write!(f, "{QUIET}{caused_by}{QUIET:#}: ")?;
            indented(f, cause, columns(&caused_by.to_string()) + 2)?;
        }
        if let Some(help) = &self.help {
            let label = text::LabelHelp;
            write!(f, "{HELP}{label}{HELP:#}: ")?;
            indented(f, help, columns(&label.to_string()) + 2)?;
        }
        Ok(())
    }
}

/// Writes `text` with each line after the first indented, and with control characters made visible.
fn indented(f: &mut fmt::Formatter<'_>, text: &str, indent: usize) -> fmt::Result {
    for (at, line) in text.trim_end().lines().enumerate() {
        if at > 0 {
            write!(f, "{:indent$}", "")?;
        }
        writeln!(f, "{}", crate::report::text::visible(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::*;
    use crate::catalogue::{Language, cli};

    #[test]
    fn a_failure_is_told_from_what_was_attempted_to_what_helps() {
        let denied = std::io::Error::other("denied\x1b]0;you are root\x07");
        let told = Failure::new(Problem::OutputFile, "cannot write the report to report.html")
            .caused_by(&denied)
            .help("name a file in a directory that exists and that you may write to");
        insta::assert_snapshot!(strip_str(&told.to_string()).to_string());
        insta::assert_snapshot!(serde_json::to_string(&told.diagnostic()).unwrap());
    }

    #[test]
    fn a_failure_in_chinese_has_its_labels_in_chinese() {
        let text = Language::Chinese.scope(|| {
            let failure = Failure::new(Problem::OutputFile, cli::CannotWrite { path: &"a.csv" })
                .because(["one line\nand another".to_owned()])
                .help(cli::MakeRoomElsewhere);
            failure.of_file(Path::new("a.yaml")).to_string()
        });
        insta::assert_snapshot!(strip_str(&text).to_string());
    }

    #[test]
    fn a_shortage_of_the_system_is_named_whatever_failed() {
        let shortage = |code| {
            let error = std::io::Error::from_raw_os_error(code);
            let failure = Failure::new(Problem::Store, "cannot open the ledger").caused_by(&error);
            failure.help("restore it from a backup").help.unwrap()
        };
        assert!(shortage(24).contains("`ulimit -n 4096`"));
        assert!(shortage(23).contains("this machine has too many open files"));
        assert!(shortage(12).contains("no more memory"));
        assert_eq!(shortage(28), "restore it from a backup");
    }

    #[test]
    fn a_cause_that_repeats_what_was_said_is_left_out() {
        #[derive(Debug, thiserror::Error)]
        #[error("the disk is full")]
        struct Outer(#[from] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("the disk is full")]
        struct Inner;

        assert_eq!(
            Failure::from_error(Problem::System, &Outer(Inner)).causes,
            Vec::<String>::new()
        );
    }
}
