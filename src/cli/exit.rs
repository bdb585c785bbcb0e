//! The exit codes. They are a contract: scripts and schedulers depend on them.

use std::process::ExitCode;

use crate::model::event::Ending;
use crate::model::problem::Ends;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Complete: every delivery is settled or skipped and the sum is right. For other commands: done.
    Done = 0,
    /// An error of I/O, of the ledger or of another machine, or a bug.
    Error = 1,
    /// The command line, a campaign file or a file that it names is missing or malformed. Nothing was sent.
    Input = 2,
    /// Not complete. The same command continues.
    Incomplete = 3,
    /// Nothing more can happen without a person.
    NeedsPerson = 4,
    /// Another process applies this campaign, or sends for this app id.
    Taken = 5,
    /// Ended at once by a second SIGHUP; the state is safe.
    HungUp = 129,
    /// Ended at once by a second ^C; the state is safe.
    Interrupted = 130,
    /// Ended at once by a second SIGTERM; the state is safe.
    Terminated = 143,
}

impl Exit {
    /// Returns the most important of several exits, in the order of the list below.
    #[must_use]
    pub fn of_several(exits: impl IntoIterator<Item = Self>) -> Self {
        let order = [
            Self::Error,
            Self::Input,
            Self::NeedsPerson,
            Self::Taken,
            Self::Incomplete,
        ];
        let exits: Vec<_> = exits.into_iter().collect();
        let first = order.into_iter().find(|exit| exits.contains(exit));
        first.unwrap_or(Self::Done)
    }

    /// Returns the exit code as a number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Ends> for Exit {
    fn from(ends: Ends) -> Self {
        match ends {
            Ends::Error => Self::Error,
            Ends::Input => Self::Input,
            Ends::Later => Self::Incomplete,
            Ends::Person => Self::NeedsPerson,
            Ends::Taken => Self::Taken,
        }
    }
}

impl From<Ending> for Exit {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::Done,
            Ending::Incomplete => Self::Incomplete,
            Ending::NeedsPerson => Self::NeedsPerson,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_ends_the_one_that_matters_most_counts() {
        let order = [
            Exit::Error,
            Exit::Input,
            Exit::NeedsPerson,
            Exit::Taken,
            Exit::Incomplete,
            Exit::Done,
        ];
        for (at, exit) in order.into_iter().enumerate() {
            let mut rest = order[at..].to_vec();
            rest.reverse();
            assert_eq!(Exit::of_several(rest), exit);
        }
        assert_eq!(Exit::of_several([]), Exit::Done);
    }

    #[test]
    fn the_table_is_the_documented_one() {
        let all = [
            Exit::Done,
            Exit::Error,
            Exit::Input,
            Exit::Incomplete,
            Exit::NeedsPerson,
            Exit::Taken,
            Exit::HungUp,
            Exit::Interrupted,
            Exit::Terminated,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 129, 130, 143]);
        for ending in [Ending::Complete, Ending::Incomplete, Ending::NeedsPerson] {
            assert_eq!(Exit::from(ending).code(), ending.exit_code());
        }
    }
}
