//! A simulation as it is shown: how a campaign would end, and its course by the hour.

pub mod hours;

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::run_stats::RunStats;

use hours::Hour;

/// A simulated campaign.
#[derive(Clone, Debug)]
pub struct SimulationView {
    /// The conditions of the simulation.
    pub settings: SimulationSettings,
    /// The statistics of the run, from the start of the simulation to its end.
    pub stats: RunStats,
    /// The course of the run by hour.
    pub hours: Vec<Hour>,
}

/// The conditions of a simulation.
#[derive(Clone, Debug)]
pub struct SimulationSettings {
    /// The time zone of displayed times.
    pub zone: TimeZone,
    /// The virtual time at which it began.
    pub from: Timestamp,
    /// The directory of the ledger that it continued; `None` without a ledger.
    pub ledger: Option<PathBuf>,
    /// The behaviour of the simulated platform, in words.
    pub world: Vec<String>,
    /// How many coupons the activity has left. `None` if they are without limit.
    pub stock: Option<u64>,
    /// The seed of the random generator.
    pub seed: u64,
}
