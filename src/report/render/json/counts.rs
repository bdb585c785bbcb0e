//! Parts of the JSON objects about runs: counts, codes, and why a run stopped.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::Language;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::Reading;
use crate::model::outcome::{Class, Classifier};
use crate::model::problem::Problem;
use crate::report::run_stats::{CodeCount, RunStats};
use crate::report::wording;

/// The counts of deliveries by state, and the counts of the last reading of the source.
#[derive(Debug, Serialize)]
pub struct CountsBody {
    audience: u64,
    #[serde(flatten)]
    states: BTreeMap<StateName, u64>,
    #[serde(flatten)]
    read: Option<ReadingCounts>,
}

#[derive(Debug, Default, Serialize)]
struct ReadingCounts {
    listed: u64,
    excluded: u64,
    control_group: u64,
    repeated: u64,
    unusable: u64,
}

impl CountsBody {
    /// The counts of a run.
    pub fn from_stats(stats: &RunStats) -> Self {
        Self::new(&stats.counts, stats.audience.reading.as_ref())
    }

    /// The counts of deliveries, and of the reading of their source.
    pub fn new(counts: &Counts, reading: Option<&Reading>) -> Self {
        Self {
            read: reading.map(|reading| ReadingCounts::default().and(reading)),
            ..Self::from_campaigns(counts, std::iter::empty())
        }
    }

    /// The sums over several campaigns.
    pub fn from_campaigns<'a>(counts: &Counts, readings: impl Iterator<Item = &'a Reading>) -> Self {
        Self {
            audience: counts.audience(),
            states: StateName::ALL.map(|state| (state, counts.count(state))).into(),
            read: Some(readings.fold(ReadingCounts::default(), ReadingCounts::and)),
        }
    }
}

impl ReadingCounts {
    fn and(self, reading: &Reading) -> Self {
        let unusable: u64 = reading.unusable.iter().map(|(_, rows)| rows.count).sum();
        Self {
            listed: self.listed + reading.listed,
            excluded: self.excluded + reading.excluded,
            control_group: self.control_group + reading.control_group,
            repeated: self.repeated + reading.repeated.count,
            unusable: self.unusable + unusable,
        }
    }
}

/// Why a run ended before its campaign was complete.
#[derive(Debug, Serialize)]
pub struct StopReasonBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl StopReasonBody {
    /// Why this run stopped; empty if it is complete or goes on.
    pub fn new(stats: &RunStats) -> Self {
        Self {
            why: Language::English.scope(|| wording::stop_reason(stats)),
            problem: wording::problem(stats),
        }
    }
}

/// The attempts with one code of the platform.
#[derive(Debug, Serialize)]
pub struct CodeBody<'a> {
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classifier: Option<Classifier>,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    log_id: &'a str,
    n: u64,
}

/// The attempts with a code, which are the platform's own answers.
pub fn codes(stats: &RunStats) -> Vec<CodeBody<'_>> {
    let coded = stats
        .codes
        .iter()
        .filter_map(|((code, _), count)| Some(CodeBody::new((*code)?, count)));
    coded.collect()
}

/// The attempts with codes beyond the table; `None` without any.
pub fn other_codes(stats: &RunStats) -> Option<u64> {
    Some(stats.other_codes).filter(|others| *others > 0)
}

impl<'a> CodeBody<'a> {
    fn new(code: i64, count: &'a CodeCount) -> Self {
        Self {
            code,
            class: count.class,
            classifier: count.classifier,
            message: &count.message,
            log_id: &count.log_id,
            n: count.count,
        }
    }
}

/// Rounds a rate to a tenth; more digits would be noise.
pub fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}
