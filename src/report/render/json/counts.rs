//! Parts of the JSON objects about runs: counts, codes, and why a run stopped.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::Language;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Ending, Reading};
use crate::model::outcome::{Class, Classifier};
use crate::model::problem::Problem;
use crate::report::reason::stop_reason;
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
    /// Why the last attempt has no code.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl StopReasonBody {
    /// Why this run stopped; empty if it is complete or goes on.
    pub fn new(stats: &RunStats) -> Self {
        let is_incomplete = stats.ended.is_some_and(|ended| ended.ending != Ending::Complete);
        Self {
            why: Language::English.scope(|| stop_reason(stats)),
            problem: wording::problem(stats),
            cause: stats.unanswered.clone().filter(|_| is_incomplete),
        }
    }
}

/// The attempts with one code of the platform.
#[derive(Debug, Serialize)]
pub struct CodeBody<'a> {
    /// `None` for attempts without a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    /// What attempts without a code proved.
    #[serde(skip_serializing_if = "str::is_empty")]
    outcome: &'a str,
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

/// The attempts by code, those without a code last.
pub fn codes(stats: &RunStats) -> Vec<CodeBody<'_>> {
    let (bare, coded): (Vec<_>, Vec<_>) = stats.codes.iter().partition(|((code, _), _)| code.is_none());
    let all = coded.into_iter().chain(bare);
    all.map(|((code, outcome), count)| CodeBody::new(*code, outcome, count))
        .collect()
}

/// The attempts with codes beyond the table; `None` without any.
pub fn other_codes(stats: &RunStats) -> Option<u64> {
    Some(stats.other_codes).filter(|others| *others > 0)
}

impl<'a> CodeBody<'a> {
    fn new(code: Option<i64>, outcome: &'a str, count: &'a CodeCount) -> Self {
        Self {
            code,
            outcome,
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
