//! The tally: what a run has done so far, as a pure fold over its events. Everything that a reporter shows is in it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{Counts, StateName};
use crate::event::{Attempt, Draining, Ending, Event, EventKind, Halted, Phase, Reading};
use crate::identity::{ActivityId, AppId, CampaignName, PlatformName};
use crate::outcome::{Class, Classifier};

/// What a run has done so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Whose run it is; none before it began.
    pub run: Option<Run>,
    /// The audience as far as it was read.
    pub audience: Audience,
    /// Where all deliveries stand.
    pub counts: Counts,
    /// The attempts' starts.
    pub sends: Sends,
    /// What the attempts' ends were, by code.
    pub codes: Codes,
    /// What it is doing.
    pub doing: Doing,
    /// Why it halted, once it did.
    pub halted: Option<Halted>,
    /// How it ended, once it did.
    pub ended: Option<Ended>,
    /// What a person should read, in the order of arrival; at most [`Tally::WARNINGS`].
    pub warnings: Vec<String>,
    /// Time that never goes back.
    pub steady: Steady,
}

/// Whose run it is.
#[derive(Clone, Debug)]
pub struct Run {
    /// When it began.
    pub began: Timestamp,
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
    /// Where the ledger is.
    pub ledger: PathBuf,
    /// Whether it was new.
    pub new_ledger: bool,
}

/// The audience as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// Rows read so far.
    pub rows: u64,
    /// What the source said; none until it is admitted.
    pub reading: Option<Reading>,
}

/// The starts of attempts.
#[derive(Clone, Debug)]
pub struct Sends {
    /// How many.
    pub attempts: u64,
    /// Those of the last second, and the most that any rolling second had.
    pub second: Rolling,
    /// Those of the last ten seconds.
    pub ten: Rolling,
    /// When the first was, in steady milliseconds.
    first: Option<i64>,
    /// When the last was, unless the run has stopped sending since.
    last: Option<i64>,
    /// The gaps between starts without a stop in between: how many, and how long together in milliseconds.
    gaps: (u64, i64),
}

/// What ends of attempts there were. One without a code is kept by its outcome's word.
pub type Codes = BTreeMap<(Option<i64>, String), CodeCount>;

/// One code, or one kind of end without a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeCount {
    /// How many attempts ended so.
    pub count: u64,
    /// What the code means here.
    pub class: Option<Class>,
    /// Who says so.
    pub classifier: Option<Classifier>,
    /// The first message that was not empty.
    pub message: String,
    /// The first log_id that was not empty.
    pub log_id: String,
}

/// What the run is doing.
#[derive(Clone, Debug, Default)]
pub struct Doing {
    /// Its phase; none before the first.
    pub phase: Option<Phase>,
    /// A pace below the plan's, and until when that is expected.
    pub slowed: Option<(f64, Timestamp)>,
    /// Why it started nothing more, once it did.
    pub drained: Option<Draining>,
}

/// How the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How.
    pub ending: Ending,
    /// What this tally had counted, where that is not what the ledger says. The ledger is right.
    pub miscounted: Option<Counts>,
}

/// Milliseconds that follow the wall forward and stand still while it is set back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    ms: i64,
    wall: Option<Timestamp>,
}

impl Steady {
    /// The reading at `wall`.
    #[must_use]
    pub fn at(&self, wall: Timestamp) -> i64 {
        let last = self.wall.unwrap_or(wall);
        self.ms + (wall.as_millisecond() - last.as_millisecond()).max(0)
    }

    fn move_to(&mut self, wall: Timestamp) -> i64 {
        *self = Self {
            ms: self.at(wall),
            wall: Some(wall),
        };
        self.ms
    }
}

/// A rolling window over times that never go back.
#[derive(Clone, Debug)]
pub struct Rolling {
    span: i64,
    times: VecDeque<i64>,
    most: u64,
}

impl Rolling {
    /// A window of `span` milliseconds: it holds what is less than `span` older than the newest.
    #[must_use]
    pub const fn new(span: i64) -> Self {
        Self {
            span,
            times: VecDeque::new(),
            most: 0,
        }
    }

    /// Adds one at `ms`.
    pub fn add(&mut self, ms: i64) {
        while self
            .times
            .front()
            .is_some_and(|first| first.saturating_add(self.span) <= ms)
        {
            self.times.pop_front();
        }
        self.times.push_back(ms);
        self.most = self.most.max(self.times.len() as u64);
    }

    /// How many are in the window that ends at `ms`.
    #[must_use]
    pub fn within(&self, ms: i64) -> u64 {
        let gone = self.times.partition_point(|time| time.saturating_add(self.span) <= ms);
        (self.times.len() - gone) as u64
    }

    /// The most that any window had.
    #[must_use]
    pub const fn most(&self) -> u64 {
        self.most
    }
}

impl Default for Sends {
    fn default() -> Self {
        Self {
            attempts: 0,
            second: Rolling::new(1_000),
            ten: Rolling::new(10_000),
            first: None,
            last: None,
            gaps: (0, 0),
        }
    }
}

impl Sends {
    fn begin(&mut self, ms: i64) {
        self.attempts += 1;
        self.second.add(ms);
        self.ten.add(ms);
        self.first.get_or_insert(ms);
        if let Some(last) = self.last.replace(ms) {
            self.gaps = (self.gaps.0 + 1, self.gaps.1 + ms - last);
        }
    }

    /// Starts per second over the last ten seconds before `ms`, or since the first start when that is later.
    #[must_use]
    pub fn rate(&self, ms: i64) -> f64 {
        let since = self.first.map_or(0, |first| ms - first).clamp(1_000, 10_000);
        per_second(self.ten.within(ms), since)
    }

    /// For how many milliseconds before `ms` starts are known, up to ten seconds.
    #[must_use]
    pub fn known(&self, ms: i64) -> i64 {
        self.first.map_or(0, |first| ms - first).clamp(0, 10_000)
    }

    /// Starts per second over all the time between starts, waits left out; none with fewer than two.
    #[must_use]
    pub fn reached(&self) -> Option<f64> {
        (self.gaps.1 > 0).then(|| per_second(self.gaps.0, self.gaps.1))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate for showing; both numbers are far below 2^52"
)]
fn per_second(n: u64, ms: i64) -> f64 {
    n as f64 * 1_000.0 / ms as f64
}

impl Tally {
    /// The most warnings that are kept.
    pub const WARNINGS: usize = 100;

    /// Takes in one event.
    pub fn fold(&mut self, event: &Event) {
        let ms = self.steady.move_to(event.at);
        match &event.kind {
            EventKind::RunBegan {
                campaign,
                title,
                app_id,
                activity_id,
                platform,
                ledger,
                new_ledger,
            } => {
                self.run = Some(Run {
                    began: event.at,
                    campaign: campaign.clone(),
                    title: title.clone(),
                    app_id: app_id.clone(),
                    activity_id: activity_id.clone(),
                    platform: platform.clone(),
                    ledger: ledger.clone(),
                    new_ledger: *new_ledger,
                });
            }
            EventKind::AudienceRead { rows } => self.audience.rows = *rows,
            EventKind::Admitted { reading, counts } => {
                self.audience.reading = Some(reading.clone());
                self.counts = *counts;
            }
            EventKind::Phase(phase) => self.enter(phase),
            EventKind::Moved { from, to } => self.shift(*from, *to),
            EventKind::AttemptBegan => self.sends.begin(ms),
            EventKind::AttemptEnded(attempt) => count(&mut self.codes, attempt),
            EventKind::PaceChanged { per_second, until } => {
                self.doing.slowed = until.map(|until| (*per_second, until));
            }
            EventKind::TokenFetched { .. } => {}
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
                    ending: *ending,
                    miscounted: (self.counts != *counts).then_some(self.counts),
                });
                self.counts = *counts;
            }
        }
    }

    fn enter(&mut self, phase: &Phase) {
        match phase {
            Phase::Sending => {}
            // The gap to the next start is a wait, and says nothing of the rate.
            Phase::Waiting { .. } => self.sends.last = None,
            Phase::Draining { why } => {
                self.doing.drained.get_or_insert(*why);
            }
        }
        self.doing.phase = Some(phase.clone());
    }

    /// A move out of a state in which nothing was counted is left out; the end of the run then tells of the difference.
    fn shift(&mut self, from: StateName, to: StateName) {
        if self.counts.of(from) > 0 {
            self.counts.shift(from, to);
        }
    }

    /// From the run's beginning to its end, or to `now`.
    #[must_use]
    pub fn took(&self, now: Timestamp) -> Duration {
        let end = self.ended.map_or(now, |ended| ended.at);
        self.run
            .as_ref()
            .and_then(|run| crate::clock::until(run.began, end))
            .unwrap_or_default()
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
