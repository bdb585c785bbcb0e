//! A simulation as it is shown: how a campaign would end and when, and what it would look like hour by hour.

pub mod hours;
pub mod json;
mod screen;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tally::Tally;
use hours::Hour;

pub(super) use screen::{facts, quiet, verdict, waits};
pub use screen::{refused, text};

/// A campaign that was lived through.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// Of what it is.
    pub about: About,
    /// Its run, from the present of the simulation to its end.
    pub tally: Tally,
    /// What happened hour by hour.
    pub hours: Vec<Hour>,
}

/// Under which conditions a campaign was lived through.
#[derive(Clone, Debug)]
pub struct About {
    /// By which clocks times are shown.
    pub zone: TimeZone,
    /// The present at which it began.
    pub from: Timestamp,
    /// The directory of the ledger that it went on from; none where there is no ledger yet.
    pub ledger: Option<PathBuf>,
    /// What the stand-in was like, in words.
    pub world: Vec<String>,
    /// What decided about everything that is left to chance.
    pub seed: u64,
}

/// What is waited for, in a few words, by its word among [`crate::event::Waiting::WORDS`].
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
