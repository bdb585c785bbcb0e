//! The statistics of a run, as a pure fold over its events. It has everything that reporters display.

mod ahead;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::delivery::Counts;
use crate::model::event::{Attempt, DrainReason, Ending, Event, EventKind, Halted, Phase, Reading};
use crate::model::identity::{ActivityId, AppId, CampaignName, PlatformName};
use crate::model::outcome::{Class, Classifier};

pub use ahead::Ahead;

/// The statistics of a run.
#[derive(Clone, Debug, Default)]
pub struct RunStats {
    /// The run's campaign and start; `None` before the run began.
    pub run: Option<Run>,
    /// The progress of reading the audience.
    pub audience: Audience,
    /// All deliveries by state.
    pub counts: Counts,
    /// The starts of attempts.
    pub sends: Sends,
    /// The ended attempts by code.
    pub codes: Codes,
    /// The present activity.
    pub doing: Doing,
    /// Why the run halted; `None` unless it did.
    pub halted: Option<Halted>,
    /// The result of the run; `None` before it ended.
    pub ended: Option<Ended>,
    /// The warnings in the order of arrival; at most [`RunStats::WARNINGS`].
    pub warnings: Vec<String>,
}

/// A run's campaign and start.
#[derive(Clone, Debug)]
pub struct Run {
    /// When it began.
    pub began: Instant,
    /// How long answering the question whether to go on took.
    pub asked: Duration,
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

/// The progress of reading the audience.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// The progress of reading rows; `None` before the first event about it.
    pub read: Option<Read>,
    /// The progress of writing new users to the ledger; `None` before that begins.
    pub admitting: Option<Admitting>,
    /// The result of the reading; `None` until the audience is admitted.
    pub reading: Option<Reading>,
}

/// The progress of reading rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// When it began.
    pub since: Instant,
    /// The rows read so far.
    pub rows: u64,
    /// The approximate number of rows; `None` when only reading them reveals it.
    pub of: Option<u64>,
}

/// The progress of writing new users to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitting {
    /// When it began.
    pub since: Instant,
    /// Users that are durable so far.
    pub users: u64,
    /// All new users.
    pub of: u64,
}

impl Audience {
    fn read(&mut self, rows: u64, of: Option<u64>, at: Instant) {
        let since = self.read.map_or(at, |read| read.since);
        self.read = Some(Read { since, rows, of });
    }

    fn admit(&mut self, users: u64, of: u64, at: Instant) {
        let since = self.admitting.map_or(at, |admitting| admitting.since);
        self.admitting = Some(Admitting { since, users, of });
    }
}

/// The starts of attempts. Times are in microseconds since the run's sending began.
#[derive(Clone, Debug)]
pub struct Sends {
    /// The number of starts.
    pub attempts: u64,
    /// The starts of the last second, and the most in any rolling second.
    pub second: Rolling,
    /// The starts of the last ten seconds.
    ten: Rolling,
    /// The first start after the last wait of more than ten seconds.
    first: Option<i64>,
    /// The last reported start, and when it was reported.
    last: Option<(i64, Instant)>,
    /// Whether the run has waited since then.
    waited: bool,
    /// The gaps between starts without a wait in between: their number and their sum.
    gaps: (u64, i64),
}

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

/// The present activity of a run.
#[derive(Clone, Debug, Default)]
pub struct Doing {
    /// Its phase; `None` before the first.
    pub phase: Option<Phase>,
    /// A pace below the plan's, and its expected end; `None` at the plan's pace.
    pub slowed: Option<(f64, Timestamp)>,
    /// Why it starts no further attempt; `None` while it may.
    pub drained: Option<DrainReason>,
    /// Whether it waits to read its ledger and audience.
    pub queued: bool,
    /// Whether a person has been asked whether to go on.
    pub asking: bool,
    /// The waves that have not ended.
    pub ahead: Ahead,
}

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The wall time of the end.
    pub at: Timestamp,
    /// The monotonic time of the end.
    pub instant: Instant,
    /// The kind of end.
    pub ending: Ending,
    /// The last counts before the end, if they have another sum than the final ones.
    pub miscounted: Option<Counts>,
}

/// A rolling window over start times, in microseconds of a monotonic clock. Several senders report at once, so times
/// may arrive slightly out of order.
#[derive(Clone, Debug)]
pub struct Rolling {
    span: i64,
    times: VecDeque<i64>,
    most: u64,
}

impl Rolling {
    /// A window of `span` microseconds, which excludes times `span` or more before its end.
    #[must_use]
    pub const fn new(span: i64) -> Self {
        Self {
            span,
            times: VecDeque::new(),
            most: 0,
        }
    }

    /// Adds a start at `at`. Starts older than the newest by twice the span are forgotten.
    pub fn add(&mut self, at: i64) {
        let place = self.times.partition_point(|time| *time <= at);
        self.times.insert(place, at);
        let newest = self.times.back().copied().unwrap_or(at);
        // Only windows that end at this start, or less than the span later, have become fuller.
        let ends = self.times.range(place..).take_while(|end| **end < at + self.span);
        let fullest = ends.map(|end| self.within(*end)).max().unwrap_or(0);
        self.most = self.most.max(fullest);
        while self.times.front().is_some_and(|first| first + 2 * self.span <= newest) {
            self.times.pop_front();
        }
    }

    /// The number of starts in the window that ends at `end`, inclusive.
    #[must_use]
    pub fn within(&self, end: i64) -> u64 {
        let before = self.times.partition_point(|time| time + self.span <= end);
        let until = self.times.partition_point(|time| *time <= end);
        until.saturating_sub(before) as u64
    }

    /// The most starts in any window.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }
}

const SECOND: i64 = 1_000_000;

impl Default for Sends {
    fn default() -> Self {
        Self {
            attempts: 0,
            second: Rolling::new(SECOND),
            ten: Rolling::new(10 * SECOND),
            first: None,
            last: None,
            waited: false,
            gaps: (0, 0),
        }
    }
}

impl Sends {
    pub(super) fn begin(&mut self, since: Duration, now: Instant) {
        let at = i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 4);
        self.attempts += 1;
        if self.waited && self.last.is_some_and(|(last, _)| last + 10 * SECOND <= at) {
            self.first = None;
        }
        self.second.add(at);
        self.ten.add(at);
        self.first.get_or_insert(at);
        if let Some((last, _)) = self.last
            && !self.waited
        {
            self.gaps = (self.gaps.0 + 1, self.gaps.1 + (at - last).max(0));
        }
        self.waited = false;
        self.last = Some((self.last.map_or(at, |(last, _)| last.max(at)), now));
    }

    /// The present time on the scale of the starts.
    fn at(&self, now: Instant) -> i64 {
        self.last.map_or(0, |(last, told)| {
            let since = now.saturating_duration_since(told);
            last + i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 4)
        })
    }

    /// The time before `now` for which starts are known: up to ten seconds, and not before a longer wait.
    #[must_use]
    pub fn known(&self, now: Instant) -> Duration {
        let known = self.first.map_or(0, |first| self.at(now) - first).clamp(0, 10 * SECOND);
        Duration::from_micros(known.unsigned_abs())
    }

    /// Starts per second over the last ten seconds before `now`, or since the first start after a longer wait if that
    /// is later.
    #[must_use]
    pub fn rate(&self, now: Instant) -> f64 {
        per_second(
            self.ten.within(self.at(now)),
            self.known(now).max(Duration::from_secs(1)),
        )
    }

    /// Starts per second over the time between starts, without waits, and at most the maximum of any second. `None`
    /// with fewer than two starts.
    #[must_use]
    pub fn reached(&self) -> Option<f64> {
        let (gaps, time) = self.gaps;
        let rate = per_second(gaps, Duration::from_micros(time.unsigned_abs()));
        // Short bursts with waits in between would add up to more.
        let most = per_second(self.second.most(), Duration::from_secs(1));
        (time > 0).then(|| rate.min(most))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for showing; far below 2^52")]
fn per_second(n: u64, time: Duration) -> f64 {
    n as f64 / time.as_secs_f64()
}

impl RunStats {
    /// The maximum number of warnings to keep.
    pub const WARNINGS: usize = 100;

    /// Adds one event, which arrived at `now`.
    pub fn fold(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            EventKind::Queued => self.doing.queued = true,
            EventKind::RunBegan {
                campaign,
                title,
                app_id,
                activity_id,
                platform,
                ledger,
                new_ledger,
            } => {
                self.doing.queued = false;
                self.run = Some(Run {
                    began: now,
                    asked: Duration::ZERO,
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
            EventKind::Admitted { reading, counts } => {
                self.audience.reading = Some(reading.as_ref().clone());
                self.counts = *counts;
            }
            EventKind::Asking => self.doing.asking = true,
            EventKind::Asked { waited } => {
                self.doing.asking = false;
                if let Some(run) = &mut self.run {
                    run.asked += *waited;
                }
            }
            EventKind::Phase(phase) => self.enter(phase),
            EventKind::Counted { counts } => self.counts = *counts,
            EventKind::AttemptBegan { since_run_began } => self.sends.begin(*since_run_began, now),
            EventKind::AttemptEnded(attempt) => count(&mut self.codes, attempt),
            EventKind::PaceChanged { per_second, until } => {
                self.doing.slowed = until.map(|until| (*per_second, until));
            }
            EventKind::WavesAhead { waves } => self.doing.ahead = Ahead::new(waves),
            EventKind::Wave { wave, ended: false, .. } => self.doing.ahead.begin(*wave),
            EventKind::Wave {
                wave, until, skipped, ..
            } => self.doing.ahead.end(*wave, until.filter(|_| skipped.is_none())),
            EventKind::AttemptUnrecorded(_)
            | EventKind::DayPassedOver { .. }
            | EventKind::Window { .. }
            | EventKind::TokenFetched { .. }
            | EventKind::Flushed { .. } => {}
            EventKind::Warning { message } => {
                if self.warnings.len() < Self::WARNINGS {
                    self.warnings.push(message.clone());
                }
            }
            EventKind::Halted(halted) => {
                self.halted.get_or_insert_with(|| halted.clone());
            }
            EventKind::RunEnded { ending, counts } => {
                self.ended = Some(Ended {
                    at: event.at,
                    instant: now,
                    ending: *ending,
                    miscounted: (self.counts.audience() != counts.audience()).then_some(self.counts),
                });
                self.counts = *counts;
            }
        }
    }

    fn enter(&mut self, phase: &Phase) {
        match phase {
            Phase::Planning | Phase::Sending => {}
            // The gap to the next start is a wait, which does not count for the rate.
            Phase::Waiting { .. } | Phase::Paused { .. } => self.sends.waited = true,
            Phase::Draining { why } => {
                self.doing.drained.get_or_insert_with(|| why.clone());
            }
        }
        self.doing.phase = Some(phase.clone());
    }

    /// The time from the run's start to its end, or to `now`, without the time that a person took to answer.
    #[must_use]
    pub fn took(&self, now: Instant) -> Duration {
        let end = self.ended.map_or(now, |ended| ended.instant);
        let took = |run: &Run| end.saturating_duration_since(run.began).saturating_sub(run.asked);
        self.run.as_ref().map(took).unwrap_or_default()
    }
}

fn count(codes: &mut Codes, attempt: &Attempt) {
    let word = if attempt.code.is_some() { "" } else { &attempt.outcome };
    let entry = codes.entry((attempt.code, word.to_owned())).or_default();
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

#[cfg(test)]
mod tests;
