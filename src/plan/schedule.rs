//! When something may be sent.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::Calendar;

/// When something may be sent: not before the start, not at or after the end, and in between only in windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The start; the smallest time there is when the file names none.
    pub start: Timestamp,
    /// The end; the largest time there is when the file names none.
    pub end: Timestamp,
    /// The windows.
    pub hours: Calendar,
    /// Windows that are shown and not waited for: a rehearsal's. All hours where they are waited for.
    pub shown: Calendar,
    /// By whose calendar a day is a day.
    pub zone: TimeZone,
    /// Who has a turn before the others, in this order.
    pub waves: Vec<Wave>,
    /// Whether the waits behind waves and days are waited for; a rehearsal only shows them.
    pub waits: bool,
}

/// A share of the audience that has its turn before the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// The share that has had its turn with it, from 0 to 1; larger from wave to wave.
    pub share: f64,
    /// For how long nobody else's turn comes after its end.
    pub wait: Duration,
    /// More answers than this share, from 0 to 1, that are no coupon halt the run; with 1 none do.
    pub not_issued: f64,
}

impl Schedule {
    /// Whether something may start at `at`.
    #[must_use]
    pub fn allows(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end && self.hours.is_open(at)
    }

    /// The first moment at or after `at` at which something may start; none when there is none before the end.
    #[must_use]
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.opens(at.max(self.start)).filter(|opens| *opens < self.end)
    }

    /// The first moment at or after `now` at which somebody's turn can come; where nobody's does, `now` or the start.
    #[must_use]
    pub fn turns(&self, now: Timestamp) -> Timestamp {
        self.opens(now).unwrap_or_else(|| now.max(self.start))
    }
}
