//! The statistics of a run, as a pure fold over its events. It has everything that reporters display.

mod remaining_waves;
mod send_stats;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::daily_attempts::DailyAttempts;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Attempt, DrainReason, Ending, Event, EventKind, Halted, Phase, Reading, Waiting};
use crate::model::identity::{ActivityId, AppId, CampaignName, PlatformName};
use crate::model::money::Valuation;
use crate::model::outcome::{Class, Classifier};

use super::latencies::Latencies;

pub use remaining_waves::RemainingWaves;
pub use send_stats::SendStats;

/// The statistics of a run.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// The run's campaign and start; `None` before the run began.
    pub run: Option<RunStart>,
    /// How long a person took to answer whether to go on.
    pub asked: Duration,
    /// The progress of reading the audience.
    pub audience: AudienceProgress,
    /// All deliveries by state.
    pub counts: Counts,
    /// What is known of the value of their coupons.
    pub valuation: Valuation,
    /// The stock of the activity that the campaign declares. `None` if its file names an activity.
    pub stock: Option<Stock>,
    /// The starts of attempts.
    pub sends: SendStats,
    /// The starts of attempts by time, as far back as the present day.
    pub by_day: DailyAttempts,
    /// The ended attempts by code.
    pub codes: Codes,
    /// How long the answers with a code took.
    pub latencies: Latencies,
    /// Why the last attempt has no code; `None` if it has one.
    pub unanswered: Option<String>,
    /// Attempts that ended with codes beyond [`MOST_CODES`].
    pub other_codes: u64,
    /// The present phase; `None` before the first.
    pub phase: Option<Phase>,
    /// A pace below the plan's; `None` at the plan's pace.
    pub slowdown: Option<Slowdown>,
    /// Why the run starts no further attempt; `None` while it may.
    pub drain_reason: Option<DrainReason>,
    /// Whether the run waits to read its ledger and audience.
    pub is_queued: bool,
    /// Whether a person has been asked whether to go on.
    pub is_asking: bool,
    /// The waves that have not ended.
    pub remaining_waves: RemainingWaves,
    /// Why the run halted; `None` unless it did.
    pub halted: Option<Halted>,
    /// The end of the run; `None` before it.
    pub ended: Option<RunEnd>,
    /// The warnings in the order of arrival; at most [`RunStats::WARNINGS`].
    pub warnings: Vec<String>,
}

/// A run's campaign and start.
#[derive(Clone, Debug)]
pub struct RunStart {
    /// When it began.
    pub began: Instant,
    /// The campaign.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity of new deliveries.
    pub activity_id: ActivityId,
    /// The platform.
    pub platform: PlatformName,
    /// The directory of the ledger.
    pub ledger: PathBuf,
    /// Whether it was new.
    pub new_ledger: bool,
}

/// A pace below the plan's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowdown {
    /// Starts per second.
    pub per_second: f64,
    /// Its expected end.
    pub until: Timestamp,
}

/// The progress of reading the audience.
#[derive(Clone, Debug, Default)]
pub struct AudienceProgress {
    /// The progress of reading rows; `None` before the first event about it.
    pub read: Option<ReadProgress>,
    /// The progress of writing new users to the ledger; `None` before that begins.
    pub admitting: Option<AdmissionProgress>,
    /// The result of the reading; `None` until the audience is admitted.
    pub reading: Option<Reading>,
}

/// The progress of reading rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadProgress {
    /// When it began.
    pub since: Instant,
    /// The rows read so far.
    pub rows: u64,
    /// The approximate number of rows; `None` when only reading them reveals it.
    pub of: Option<u64>,
}

/// The progress of writing new users to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionProgress {
    /// When it began.
    pub since: Instant,
    /// Users that are durable so far.
    pub users: u64,
    /// All new users.
    pub of: u64,
}

impl AudienceProgress {
    fn read(&mut self, rows: u64, of: Option<u64>, at: Instant) {
        let since = self.read.map_or(at, |read| read.since);
        self.read = Some(ReadProgress { since, rows, of });
    }

    fn admit(&mut self, users: u64, of: u64, at: Instant) {
        let since = self.admitting.map_or(at, |admitting| admitting.since);
        self.admitting = Some(AdmissionProgress { since, users, of });
    }
}

/// The maximum number of distinct codes in a table. The platform may answer each attempt with another code.
pub const MOST_CODES: usize = 200;

/// The ended attempts by code; without a code, by the word of the outcome.
pub type Codes = BTreeMap<(Option<i64>, String), CodeCount>;

/// The attempts with one code, or with one outcome without a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeCount {
    /// The number of attempts.
    pub count: u64,
    /// The class of the code.
    pub class: Option<Class>,
    /// The source of that class.
    pub classifier: Option<Classifier>,
    /// The first message that was not empty.
    pub message: String,
    /// The first log_id that was not empty.
    pub log_id: String,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// The wall time of the end.
    pub at: Timestamp,
    /// The monotonic time of the end.
    pub instant: Instant,
    /// The kind of end.
    pub ending: Ending,
    /// The last counts before the end, if they have another sum than the final ones.
    pub miscounted: Option<Counts>,
}

/// The stock of a declared activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    /// How many coupons the activity may give.
    pub stock: u64,
    /// How many issued coupons are of other activities.
    elsewhere: u64,
}

impl Stock {
    /// How many coupons are left if each delivery without a known outcome has taken one.
    #[must_use]
    pub fn left(&self, counts: &Counts) -> u64 {
        let issued = counts.count(StateName::Issued).saturating_sub(self.elsewhere);
        self.stock.saturating_sub(issued + counts.unknown())
    }
}

impl RunStats {
    /// The maximum number of warnings to keep.
    pub const WARNINGS: usize = 100;

    /// Adds one event, which arrived at `now`.
    pub fn fold(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            EventKind::Queued => self.is_queued = true,
            EventKind::RunBegan {
                campaign,
                title,
                app_id,
                activity_id,
                platform,
                ledger,
                new_ledger,
            } => {
                self.is_queued = false;
                self.run = Some(RunStart {
                    began: now,
                    campaign: campaign.clone(),
                    title: title.clone(),
                    app_id: app_id.clone(),
                    activity_id: activity_id.clone(),
                    platform: platform.clone(),
                    ledger: ledger.clone(),
                    new_ledger: *new_ledger,
                });
            }
            EventKind::AudienceRead { rows, of } => self.audience.read(*rows, *of, now),
            EventKind::Admitting { users, of } => self.audience.admit(*users, *of, now),
            EventKind::Admitted {
                reading,
                counts,
                valuation,
            } => {
                self.audience.reading = Some(reading.as_ref().clone());
                self.counts = *counts;
                self.valuation = *valuation;
            }
            EventKind::Asking => self.is_asking = true,
            EventKind::Asked { waited } => {
                self.is_asking = false;
                self.asked += *waited;
            }
            EventKind::Phase(phase) => self.enter(phase),
            EventKind::Counted { counts, valuation } => {
                self.counts = *counts;
                self.valuation = *valuation;
            }
            EventKind::AttemptBegan { since_run_began } => {
                self.sends.begin(*since_run_began, now);
                self.by_day.add(event.at);
            }
            EventKind::AttemptEnded(attempt) => {
                self.count(attempt);
                if attempt.code.is_some() {
                    self.latencies
                        .add(Duration::try_from_secs_f64(attempt.latency).unwrap_or_default());
                }
                let unanswered = attempt.code.is_none() && !attempt.message.is_empty();
                self.unanswered = unanswered.then(|| attempt.message.clone());
            }
            EventKind::PaceChanged { per_second, until } => {
                self.slowdown = until.map(|until| Slowdown {
                    per_second: *per_second,
                    until,
                });
            }
            EventKind::WavesAhead { waves } => self.remaining_waves = RemainingWaves::new(waves),
            EventKind::Wave { wave, ended: false, .. } => self.remaining_waves.begin(*wave),
            EventKind::Wave {
                wave, until, skipped, ..
            } => self.remaining_waves.end(*wave, until.filter(|_| skipped.is_none())),
            EventKind::ActivityCreated { activity_id, .. } => {
                if let Some(run) = &mut self.run {
                    run.activity_id.clone_from(activity_id);
                }
            }
            EventKind::ActivityStock { stock, elsewhere } => {
                self.stock = Some(Stock {
                    stock: *stock,
                    elsewhere: *elsewhere,
                });
            }
            EventKind::AttemptUnrecorded(_)
            | EventKind::ActivityReleased { .. }
            | EventKind::DayPassedOver { .. }
            | EventKind::Approved { .. }
            | EventKind::Resolved { .. }
            | EventKind::Window { .. }
            | EventKind::TokenFetched { .. }
            | EventKind::Flushed { .. } => {}
            EventKind::Warning { message } => {
                if self.warnings.len() < Self::WARNINGS {
                    self.warnings.push(message.to_string());
                }
            }
            EventKind::Halted(halted) => {
                self.halted.get_or_insert_with(|| halted.clone());
            }
            EventKind::RunEnded { ending, counts } => {
                self.ended = Some(RunEnd {
                    at: event.at,
                    instant: now,
                    ending: *ending,
                    miscounted: (self.counts.audience() != counts.audience()).then_some(self.counts),
                });
                self.counts = *counts;
            }
        }
    }

    fn count(&mut self, attempt: &Attempt) {
        let word = if attempt.code.is_some() { "" } else { &attempt.outcome };
        let Some(entry) = code_entry(&mut self.codes, attempt.code, word) else {
            self.other_codes += 1;
            return;
        };
        entry.count += 1;
        entry.class = entry.class.or(attempt.class);
        entry.classifier = entry.classifier.or(attempt.classifier);
        for (kept, told) in [
            (&mut entry.message, &attempt.message),
            (&mut entry.log_id, &attempt.log_id),
        ] {
            if kept.is_empty() {
                kept.clone_from(told);
            }
        }
    }

    fn enter(&mut self, phase: &Phase) {
        match phase {
            // While nothing is due, sending is allowed.
            Phase::Planning
            | Phase::Sending
            | Phase::Waiting {
                why: Waiting::Due | Waiting::User,
                ..
            } => {}
            Phase::Waiting { .. } | Phase::Paused { .. } => self.sends.wait(),
            Phase::Draining { why } => {
                self.drain_reason.get_or_insert_with(|| why.clone());
            }
        }
        self.phase = Some(phase.clone());
    }

    /// The time from the run's start to its end, or to `now`, without the time that a person took to answer.
    #[must_use]
    pub fn took(&self, now: Instant) -> Duration {
        let end = self.ended.map_or(now, |ended| ended.instant);
        let took = |run: &RunStart| end.saturating_duration_since(run.began).saturating_sub(self.asked);
        self.run.as_ref().map(took).unwrap_or_default()
    }
}

/// The deliveries of several campaigns by state.
#[must_use]
pub fn sum_counts(all: impl IntoIterator<Item = Counts>) -> Counts {
    let mut sum = Counts::default();
    for counts in all {
        for state in StateName::ALL {
            sum.add(state, counts.count(state));
        }
    }
    sum
}

/// Returns the entry of a code, or of an outcome without one. `None` for a new code when the table is full; the few
/// outcomes without a code always have an entry.
pub(super) fn code_entry<'c>(codes: &'c mut Codes, code: Option<i64>, word: &str) -> Option<&'c mut CodeCount> {
    let key = (code, word.to_owned());
    if code.is_some() && codes.len() >= MOST_CODES && !codes.contains_key(&key) {
        return None;
    }
    Some(codes.entry(key).or_default())
}

#[cfg(test)]
mod tests;
