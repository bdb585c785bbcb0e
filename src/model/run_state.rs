//! What a run does at one moment, or how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run does, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It reads the ledger and the audience.
    Planning,
    /// It waits.
    Waiting,
    /// It sends.
    Sending,
    /// A person has paused it.
    Paused,
    /// It begins no further attempt, and waits for the answers under way.
    Draining,
    /// It is over.
    Over(EndState),
}

/// How a run ended. The service log has these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// Each delivery is settled, or is not owed.
    Complete,
    /// It stopped by itself, and a person has to look.
    Halted,
    /// The time of the campaign is over, and deliveries are left.
    Ended,
    /// Deliveries are left, and an apply goes on.
    Incomplete,
    /// It broke off with an error.
    Failed,
    /// Nobody continued it in time: the run of an occurrence.
    Missed,
    /// It did not begin before its approval expired.
    Lapsed,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Planning,
        Self::Waiting,
        Self::Sending,
        Self::Paused,
        Self::Draining,
        Self::Over(EndState::Complete),
        Self::Over(EndState::Halted),
        Self::Over(EndState::Ended),
        Self::Over(EndState::Incomplete),
        Self::Over(EndState::Failed),
        Self::Over(EndState::Missed),
        Self::Over(EndState::Lapsed),
    ];

    /// Its word in the JSON schema.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Over(end) => end.word(),
        }
    }

    /// The state with this word. `None` for any other word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl EndState {
    /// Its word in the JSON schema and in the service log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Halted => "halted",
            Self::Ended => "ended",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Missed => "missed",
            Self::Lapsed => "lapsed",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for EndState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_one_state_and_is_that_of_the_log() {
        for state in RunState::ALL {
            assert_eq!(RunState::of_word(state.word()), Some(state));
            if let RunState::Over(end) = state {
                assert_eq!(serde_json::to_value(end).unwrap(), state.word());
            }
        }
        assert_eq!(RunState::of_word("unknown"), None);
    }
}
