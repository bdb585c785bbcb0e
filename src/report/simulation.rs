//! Rendering a simulation: how and when a campaign would end, and its course hour by hour.

pub mod hours;
pub mod json;
mod screen;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::run_stats::RunStats;
use hours::Hour;

pub(super) use screen::{facts, quiet, verdict, waits};
pub use screen::{refused, text};

/// A simulated campaign.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// The conditions of the simulation.
    pub about: About,
    /// The statistics of the run, from the start of the simulation to its end.
    pub stats: RunStats,
    /// The course of the run by hour.
    pub hours: Vec<Hour>,
}

/// The conditions of a simulation.
#[derive(Clone, Debug)]
pub struct About {
    /// The time zone of displayed times.
    pub zone: TimeZone,
    /// The virtual time at which it began.
    pub from: Timestamp,
    /// The directory of the ledger that it continued; `None` without a ledger.
    pub ledger: Option<PathBuf>,
    /// The behaviour of the simulated platform, in words.
    pub world: Vec<String>,
    /// The seed of the random generator.
    pub seed: u64,
}

/// What a run waits for, in a few words, by its word among [`crate::model::event::Waiting::WORDS`].
const fn waited_for(word: &str) -> &str {
    match word.as_bytes() {
        b"start" => "before schedule.start",
        b"window" => "outside schedule.hours",
        b"day" => "pace.per_day used up",
        b"wave" => "the wait behind a wave",
        b"app_id" => "another sender of the app id",
        b"due" => "retries not due yet",
        b"outage" => "platform out of reach",
        b"platform" => "the platform asks to wait",
        b"token" => "no access token",
        _ => word,
    }
}
