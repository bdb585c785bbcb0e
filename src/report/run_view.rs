//! A run at one moment: its state, its rate, its predicted end, and the reason while nothing is sent. Pure: the present
//! time is an argument.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::calendar::Calendar;
use crate::model::clock::Moment;
use crate::model::delivery::StateName;
use crate::model::event::{DrainReason, Ending, Phase, Waiting};
use crate::model::money::{Money, Worth};
use crate::model::run_state::{EndState, RunState};
use crate::plan::forecast;

use super::reason::Reason;
use super::run_stats::RunStats;
use super::times::clock_time;

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
    /// The state of the run.
    #[must_use]
    pub fn state(&self) -> RunState {
        let stats = self.stats;
        match (&stats.ended, &stats.phase) {
            (Some(ended), _) => RunState::Over(state_at_end(stats, ended.ending)),
            (None, Some(Phase::Waiting { .. })) => RunState::Waiting,
            (None, Some(Phase::Paused { .. })) => RunState::Paused,
            (None, Some(Phase::Draining { .. })) => RunState::Draining,
            (None, Some(Phase::Sending)) => RunState::Sending,
            (None, None) if stats.is_queued => RunState::Waiting,
            (None, None | Some(Phase::Planning)) => RunState::Planning,
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
    pub fn reason(&self) -> Option<Reason> {
        Reason::of_phase(self.stats, self.campaign.per_second, self.now.instant)
    }

    /// The text of [`RunView::reason`].
    #[must_use]
    pub fn why(&self) -> Option<String> {
        self.reason()
            .map(|reason| reason.text(self.now.wall, &self.campaign.zone))
    }

    /// The time of day of `at`, with the date unless that is today's.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        clock_time(at, self.now.wall, &self.campaign.zone)
    }

    /// Whether the audience is admitted, so that the counts are known.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.stats.audience.reading.is_some()
    }

    /// What the coupons are worth. `None` if the counts or all values are unknown.
    #[must_use]
    pub fn worth(&self) -> Option<Worth> {
        let known = self.stats.valuation.known_worth(&self.stats.counts);
        known.filter(|_| self.is_admitted())
    }

    /// What the issued coupons are worth. `None` if the value of one of them is unknown.
    #[must_use]
    pub fn spent(&self) -> Option<Money> {
        let valuation = &self.stats.valuation;
        let is_exact = valuation.price.is_some() || valuation.stated >= self.stats.counts.count(StateName::Issued);
        self.worth().filter(|_| is_exact).map(|worth| worth.issued)
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

/// The state of a run that has ended.
#[must_use]
pub fn state_at_end(stats: &RunStats, ending: Ending) -> EndState {
    let past_end = matches!(
        stats.drain_reason,
        Some(DrainReason::End | DrainReason::NoWindow | DrainReason::NoWave)
    );
    match ending {
        Ending::Complete => EndState::Complete,
        Ending::NeedsPerson if stats.halted.is_some() => EndState::Halted,
        Ending::NeedsPerson if past_end => EndState::Ended,
        Ending::Incomplete | Ending::NeedsPerson => EndState::Incomplete,
    }
}
