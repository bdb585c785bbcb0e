//! The schedule of a plan.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::approval::WaveWait;
use crate::model::calendar::Calendar;

/// When attempts may start: from the start on, before the end, and only inside windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The start; [`Timestamp::MIN`] without one.
    pub start: Timestamp,
    /// The end; [`Timestamp::MAX`] without one.
    pub end: Timestamp,
    /// The windows.
    pub hours: Calendar,
    /// The windows that a rehearsal shows and does not wait for; always open in a run that waits.
    pub shown: Calendar,
    /// The time zone that defines days.
    pub zone: TimeZone,
    /// The waves, in the order of sending.
    pub waves: Vec<Wave>,
    /// Whether the run waits after waves and for days; a rehearsal only shows these waits.
    pub waits: bool,
    /// Whether the run waits for approvals; a rehearsal and a simulation only show these waits.
    pub approvals: bool,
}

/// A share of the audience that is sent to before the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// The cumulative share up to and including this wave, from 0 to 1; grows from wave to wave. 0 for the testers, who come
    /// first and are members of no share.
    pub share: f64,
    /// The wait after the end of this wave.
    pub wait: WaveWait,
    /// The share of answers that issue no coupon, from 0 to 1; a larger one halts the run, so 1 never does.
    pub not_issued: f64,
}

impl Wave {
    /// The testers, before all shares of the audience.
    pub const TESTERS: Self = Self {
        share: 0.0,
        wait: WaveWait::Approval,
        not_issued: 1.0,
    };

    /// Whether these are the testers.
    #[must_use]
    pub fn is_testers(&self) -> bool {
        self.share <= 0.0
    }
}

impl Schedule {
    /// Whether testers come before all shares of the audience.
    #[must_use]
    pub fn has_testers(&self) -> bool {
        self.waves.first().is_some_and(Wave::is_testers)
    }

    /// The wait that the run keeps after a wave, by its place.
    #[must_use]
    pub fn wait_after(&self, wave: usize) -> WaveWait {
        let planned = self.waves.get(wave).map_or(WaveWait::NONE, |wave| wave.wait);
        let is_kept = match planned {
            WaveWait::For(_) => self.waits,
            WaveWait::Approval => self.approvals,
        };
        if is_kept { planned } else { WaveWait::NONE }
    }

    /// Whether attempts may start at `at`.
    #[must_use]
    pub fn allows(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end && self.hours.is_open(at)
    }

    /// The first moment at or after `at` at which attempts may start; `None` without one before the end.
    #[must_use]
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.opens(at.max(self.start)).filter(|opens| *opens < self.end)
    }

    /// The first moment at or after `now` at which an attempt may start; without one before the end, the later of `now`
    /// and the start.
    #[must_use]
    pub fn turns(&self, now: Timestamp) -> Timestamp {
        self.opens(now).unwrap_or_else(|| now.max(self.start))
    }
}
