//! How a run ended, and why.

use crate::model::delivery::Counts;
use crate::model::event::{AppLockHolder, DrainReason, Ending, Halted};
use crate::model::run_command::Requester;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    /// The result.
    pub ending: Ending,
    /// Why nothing more was started.
    pub why: StopReason,
    /// All deliveries by state.
    pub counts: Counts,
}

/// Why a run starts no further attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum StopReason {
    /// Nothing is left that may be sent in this run without a person.
    NothingLeft,
    /// A signal interrupted it.
    Interrupted,
    /// Another process stopped it.
    Stopped(Requester),
    /// The halt policy, a code or a limit halted it.
    Halted(Halted),
    /// `schedule.end` is past.
    End,
    /// `--at-most` is reached.
    AtMost,
    /// The platform was out of reach for longer than `retry.give_up`.
    GaveUp,
    /// It would have to wait for the start, and `--no-wait` is set.
    NotStarted,
    /// It would have to wait for a window, and `--no-wait` is set.
    OutsideHours,
    /// No window opens before `schedule.end`.
    NoWindow,
    /// It would have to wait for the next day, and `--no-wait` is set.
    DayUsedUp,
    /// It would have to wait for a wave, and `--no-wait` is set.
    BetweenWaves,
    /// The next wave needs an approval, and `--no-wait` is set. It has the number of the wave that has ended; 0 for the
    /// testers.
    NotApproved(u32),
    /// The next wave cannot begin before `schedule.end`.
    NoWave,
    /// Another process sends for the app id, and `--no-wait` is set.
    AppIdTaken(AppLockHolder),
    /// The app id is handed over to another worker of the fleet, which goes on.
    HandedOver,
}

impl StopReason {
    /// The reason as reporters receive it.
    pub(super) fn draining(&self) -> DrainReason {
        match self {
            Self::NothingLeft => DrainReason::NothingLeft,
            Self::Interrupted => DrainReason::Interrupted,
            Self::Stopped(by) => DrainReason::Stopped { by: by.clone() },
            Self::NotStarted => DrainReason::NotStarted,
            Self::OutsideHours => DrainReason::OutsideHours,
            Self::NoWindow => DrainReason::NoWindow,
            Self::DayUsedUp => DrainReason::DayUsedUp,
            Self::BetweenWaves => DrainReason::BetweenWaves,
            Self::NotApproved(done) => DrainReason::NotApproved { done: *done },
            Self::NoWave => DrainReason::NoWave,
            Self::AppIdTaken(holder) => DrainReason::AppIdTaken { holder: holder.clone() },
            Self::HandedOver => DrainReason::HandedOver,
            Self::Halted(_) => DrainReason::Halted,
            Self::End => DrainReason::End,
            Self::AtMost => DrainReason::AtMost,
            Self::GaveUp => DrainReason::GaveUp,
        }
    }

    /// The result of a run that stopped for this reason and whose campaign is not complete. `goes_on`: the same command would
    /// continue later without a person.
    pub(super) const fn ending(&self, goes_on: bool) -> Ending {
        match self {
            Self::Interrupted
            | Self::Stopped(_)
            | Self::AtMost
            | Self::GaveUp
            | Self::NotStarted
            | Self::OutsideHours
            | Self::DayUsedUp
            | Self::BetweenWaves
            | Self::NotApproved(_)
            | Self::AppIdTaken(_)
            | Self::HandedOver => Ending::Incomplete,
            Self::NothingLeft if goes_on => Ending::Incomplete,
            Self::NothingLeft | Self::Halted(_) | Self::End | Self::NoWindow | Self::NoWave => Ending::NeedsPerson,
        }
    }
}
