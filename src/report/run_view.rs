//! A run at one moment: its state, its rate, its predicted end, and the reason while nothing is sent. Pure: the present
//! time is an argument.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::approval;
use crate::model::calendar::Calendar;
use crate::model::clock::Moment;
use crate::model::delivery::StateName;
use crate::model::event::{DrainReason, Ending, Phase, Waiting};
use crate::model::run_command::Requester;
use crate::plan::forecast;

use super::run_stats::{AdmissionProgress, RunStats};
use super::text::visible;
use super::times::{ahead, clock_time, counted, duration, grouped, left_until, rate};
use super::wording::{app_lock_holder, drain_reason, last_failure, platform_message};

/// What reporters need to know of a campaign besides its events.
#[derive(Clone, Debug)]
pub struct CampaignInfo {
    /// The display name of the campaign among those of the process.
    pub name: String,
    /// The campaign's time zone, for displayed times.
    pub zone: TimeZone,
    /// The windows of its schedule.
    pub calendar: Calendar,
    /// The plan's pace in starts per second.
    pub per_second: f64,
    /// The command that continues after an interruption, ready to be typed.
    pub again: String,
}

/// The state of a run at one moment.
#[derive(Clone, Copy, Debug)]
pub struct RunView<'a> {
    /// The statistics of the run.
    pub stats: &'a RunStats,
    /// Its campaign.
    pub campaign: &'a CampaignInfo,
    /// The present time.
    pub now: Moment,
}

impl RunView<'_> {
    /// The state of the run, as a word of the JSON schema.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let stats = self.stats;
        match (&stats.ended, &stats.phase) {
            (Some(ended), _) => state_at_end(stats, ended.ending),
            (None, Some(Phase::Waiting { .. })) => "waiting",
            (None, Some(Phase::Paused { .. })) => "paused",
            (None, Some(Phase::Draining { .. })) => "draining",
            (None, Some(Phase::Sending)) => "sending",
            (None, None) if stats.is_queued => "waiting",
            (None, None | Some(Phase::Planning)) => "planning",
        }
    }

    /// Starts per second over the last ten seconds.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.stats.sends.rate(self.now.instant)
    }

    /// When the last owed delivery would be answered, with hours outside windows and waits after waves included: at the
    /// allowed pace, or at the measured rate when that is known to be lower. `None` while nothing is being sent, except
    /// during the wait for a wave.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let stats = self.stats;
        let owed = self.stats.counts.owed();
        let sending = match &stats.phase {
            Some(Phase::Sending) => true,
            Some(Phase::Waiting {
                why: Waiting::Wave { .. },
                ..
            }) if !stats.remaining_waves.is_over() => false,
            _ => return None,
        };
        if stats.ended.is_some() || owed == 0 {
            return None;
        }
        let allowed = stats
            .slowdown
            .map_or(self.campaign.per_second, |slowdown| slowdown.per_second);
        let left = stats.remaining_waves.left(owed);
        let (_, before) = left.split_last()?;
        // Nobody knows when a person approves.
        if before.iter().any(|wave| wave.wait.is_approval()) {
            return None;
        }
        let known = sending && stats.sends.known(self.now.instant) == Duration::from_secs(10);
        let pace = if known { allowed.min(self.rate()) } else { allowed };
        forecast::rest(&self.campaign.calendar, pace, &left, self.now.wall)
    }

    /// Why nothing is being sent, or why sending is slow; `None` when there is nothing to explain.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let stats = self.stats;
        match &stats.phase {
            None | Some(Phase::Planning) => (!self.is_admitted()).then(|| self.reading()),
            Some(Phase::Paused { by }) => Some(self.paused(by)),
            Some(Phase::Waiting { why, until }) => Some(self.waiting(why, *until)),
            Some(Phase::Draining { why }) => Some(self.draining(why)),
            Some(Phase::Sending) => stats.slowdown.map(|slowdown| {
                format!(
                    "the platform asks to slow down: {}, back to {} at {}",
                    rate(slowdown.per_second),
                    rate(self.campaign.per_second),
                    self.time(slowdown.until)
                )
            }),
        }
    }

    /// The time of day of `at`, with the date unless that is today's.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        clock_time(at, self.now.wall, &self.campaign.zone)
    }

    fn admitting(&self, admitting: &AdmissionProgress) -> String {
        let took = self.now.instant.saturating_duration_since(admitting.since);
        let text = format!(
            "letting the audience in: {} of {}",
            grouped(admitting.users),
            counted(admitting.of, "user", "users")
        );
        #[expect(clippy::cast_precision_loss, reason = "an estimate for showing")]
        let left = admitting.of.saturating_sub(admitting.users) as f64 / admitting.users.max(1) as f64;
        match Duration::try_from_secs_f64(took.as_secs_f64() * left) {
            // The first moments do not predict the rest.
            Ok(left) if took.as_secs() > 0 && admitting.users > 0 => format!("{text}, {} left", duration(left)),
            _ => text,
        }
    }

    fn reading(&self) -> String {
        if self.stats.is_queued {
            return "its turn to read its audience is ahead".to_owned();
        }
        if let Some(admitting) = &self.stats.audience.admitting {
            return self.admitting(admitting);
        }
        if self.stats.is_asking {
            return "asking on its terminal whether to go on".to_owned();
        }
        match self.stats.audience.read {
            Some(read) => {
                let took = self.now.instant.saturating_duration_since(read.since);
                reading_progress(read.rows, took, read.of)
            }
            None => reading_progress(0, Duration::ZERO, None),
        }
    }

    fn waiting(&self, why: &Waiting, until: Option<Timestamp>) -> String {
        let next = |verb: &str| match until {
            Some(at) => format!("{verb} {}", ahead(at, self.now.wall)),
            None => String::new(),
        };
        let joined = |what: String, next: String| {
            if next.is_empty() {
                what
            } else {
                format!("{what}, {next}")
            }
        };
        match why {
            Waiting::Start => match until {
                Some(at) => format!("starts {}, {}", self.time(at), ahead(at, self.now.wall)),
                None => "waiting for the start".to_owned(),
            },
            Waiting::Window => match until {
                Some(at) => format!("window opens {}, {}", self.time(at), ahead(at, self.now.wall)),
                None => "no window opens any more".to_owned(),
            },
            Waiting::Day { most } => joined(
                format!("the {} attempts of today (pace.per_day) are used up", grouped(*most)),
                next("goes on"),
            ),
            Waiting::Wave { done, next } => {
                let next = next.map_or_else(|| "everybody else".to_owned(), |next| format!("wave {next}"));
                match until.and_then(|at| left_until(at, self.now.wall)) {
                    Some(left) => format!("wave {done} done, {left} to {next}"),
                    None => format!("wave {done} done, {next} comes now"),
                }
            }
            Waiting::Approval { done } => approval::Waiting { done: (*done).into() }.to_string(),
            Waiting::AppId { holder } => {
                let since = holder.owner.as_ref().map(|owner| self.time(owner.since));
                app_lock_holder(holder, since.as_deref())
            }
            Waiting::Due => joined("nothing is due at the moment".to_owned(), next("next attempt")),
            Waiting::Outage { since } => {
                let since = format!("the platform is out of reach since {}", self.time(*since));
                joined(since + &last_failure(self.stats), next("next try"))
            }
            Waiting::Platform { code, message } => joined(
                format!("the platform asks to wait ({code}{})", platform_message(message)),
                next("next try"),
            ),
            Waiting::Token { since, why } => joined(
                format!(
                    "no access token since {}: {}",
                    self.time(*since),
                    visible(&why.to_string())
                ),
                next("next try"),
            ),
        }
    }

    fn paused(&self, by: &Requester) -> String {
        let paused = format!("paused by {}", visible(&by.to_string()));
        if self.is_admitted() {
            self.with_in_flight(paused)
        } else {
            format!("{paused}; {}", self.reading())
        }
    }

    fn draining(&self, why: &DrainReason) -> String {
        self.with_in_flight(format!("stopping: {}", drain_reason(why)))
    }

    fn with_in_flight(&self, why: String) -> String {
        match self.stats.counts.count(StateName::InFlight) {
            0 => why,
            n => format!("{why}; waiting for {} in flight", grouped(n)),
        }
    }

    /// Whether the audience is admitted, so that the counts are known.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.stats.audience.reading.is_some()
    }

    /// How many deliveries are done.
    #[must_use]
    pub const fn done(&self) -> u64 {
        let counts = &self.stats.counts;
        counts.settled() + counts.count(StateName::Skipped)
    }

    /// How many deliveries there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.stats.counts.audience()
    }
}

/// The progress of reading an audience after `took`: "reading the audience: 3,211,264 rows, 1,204,000/s, 6 s left".
/// There may be more rows than `expected`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and estimates for showing"
)]
pub fn reading_progress(rows: u64, took: Duration, expected: Option<u64>) -> String {
    if rows == 0 && took < Duration::from_secs(1) {
        return "reading the audience".to_owned();
    }
    if rows == 0 {
        // A query may run for minutes before its first row.
        return format!("reading the audience: no row yet, {} so far", duration(took));
    }
    let per_second = rows as f64 / took.as_secs_f64().max(0.1);
    let rate = grouped(per_second as u64);
    let mut text = format!("reading the audience: {}, {rate}/s", counted(rows, "row", "rows"));
    if let Some(left) = expected.and_then(|expected| expected.checked_sub(rows)) {
        let left = Duration::from_secs((left as f64 / per_second).ceil() as u64);
        let _ = write!(text, ", {} left", duration(left));
    }
    text
}

/// The state of a run that has ended, as a word of the JSON schema.
#[must_use]
pub fn state_at_end(stats: &RunStats, ending: Ending) -> &'static str {
    let past_end = matches!(
        stats.drain_reason,
        Some(DrainReason::End | DrainReason::NoWindow | DrainReason::NoWave)
    );
    match ending {
        Ending::Complete => "complete",
        Ending::NeedsPerson if stats.halted.is_some() => "halted",
        Ending::NeedsPerson if past_end => "ended",
        Ending::Incomplete | Ending::NeedsPerson => "incomplete",
    }
}
