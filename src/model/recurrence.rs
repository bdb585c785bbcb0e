//! Recurring campaigns: on which days an occurrence begins, and which occurrence is due at a moment.
//!
//! An occurrence may send from its time on until the next occurrence by the rule begins. So two occurrences never send at the
//! same time, whatever is left of the first one.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::model::calendar::Days;

/// How long after its time an occurrence may begin without being late.
pub const PUNCTUAL: SignedDuration = SignedDuration::from_hours(1);

/// How many missed occurrences are named at most.
pub const MOST_MISSED: usize = 366;

/// The longest time without a day of a rule, in days: two months, without 31 in one of them.
const LONGEST_GAP: usize = 62;

/// The days of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every day.
    Daily,
    /// Some days of every week.
    Weekly(Days),
    /// Some days of every month.
    Monthly(MonthDays),
}

impl Rule {
    fn has(self, date: Date) -> bool {
        match self {
            Self::Daily => true,
            Self::Weekly(days) => days.contains(date.weekday()),
            Self::Monthly(days) => days.has(date),
        }
    }
}

/// A set of days of the month. A month without one of them has no occurrence for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthDays {
    /// One bit for each day, from 1 on.
    days: u32,
    last: bool,
}

impl MonthDays {
    /// The last day of each month, whatever its number.
    pub const LAST: Self = Self { days: 0, last: true };

    /// Returns the day with a number. `None` unless the number is from 1 to 31.
    #[must_use]
    pub const fn day(number: u8) -> Option<Self> {
        match number {
            1..=31 => Some(Self {
                days: 1 << number,
                last: false,
            }),
            _ => None,
        }
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            days: self.days | other.days,
            last: self.last || other.last,
        }
    }

    fn has(self, date: Date) -> bool {
        self.days & (1 << date.day()) != 0 || (self.last && date == date.last_of_month())
    }
}

/// What happens to an occurrence that nobody began in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedRule {
    /// It is never begun without a person.
    Skip,
    /// The latest one is begun late, as long as it may send.
    Once,
}

/// The rule of a recurring campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    /// The days.
    pub rule: Rule,
    /// The time of day, by the clocks of `zone`.
    pub at: Time,
    /// The time zone.
    pub zone: TimeZone,
    /// Days without an occurrence.
    pub closed: BTreeSet<Date>,
    /// No occurrence begins before; [`Timestamp::MIN`] without a limit.
    pub from: Timestamp,
    /// The last day on which an occurrence may begin. `None` without a limit.
    pub until: Option<Date>,
    /// No occurrence sends at this moment or later; [`Timestamp::MAX`] without a limit.
    pub end: Timestamp,
    /// What happens to a missed occurrence.
    pub missed: MissedRule,
}

/// One occurrence of a recurring campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The date that names it.
    pub date: Date,
    /// The first moment at which it may send.
    pub start: Timestamp,
    /// The first moment at which it no longer may; [`Timestamp::MAX`] if it never ends.
    pub end: Timestamp,
}

/// What a recurring campaign does at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agenda {
    /// The occurrence that begins or continues now.
    pub due: Option<Occurrence>,
    /// The occurrences that nobody began in time, oldest first.
    pub missed: Vec<Occurrence>,
    /// The next occurrence.
    pub next: Option<Occurrence>,
}

impl Recurrence {
    /// Returns the moment at which an occurrence on this date begins. A time that the zone's clocks skip is as much later as they
    /// skip; of a time that they repeat, the first one counts. `None` if the zone has no such day.
    fn moment(&self, date: Date) -> Option<Timestamp> {
        let moment = |time| {
            self.zone
                .to_ambiguous_timestamp(date.to_datetime(time))
                .compatible()
                .ok()
        };
        let day = self.zone.to_datetime(moment(Time::midnight())?).date();
        moment(self.at).filter(|_| day == date)
    }

    /// Returns the moment by the rule alone, without its first and last day. `None` if the rule does not have the date.
    fn moment_by_rule(&self, date: Date) -> Option<Timestamp> {
        if !self.rule.has(date) || self.closed.contains(&date) {
            return None;
        }
        self.moment(date)
    }

    /// How many days are looked at to find the next day of the rule.
    fn days_searched(&self) -> usize {
        LONGEST_GAP * (self.closed.len() + 2)
    }

    /// Returns the occurrence on a date, even if the rule does not have it: the rule may have been another when it began. `None`
    /// if the zone has no such day.
    #[must_use]
    pub fn occurrence(&self, date: Date) -> Option<Occurrence> {
        let start = self.moment(date)?;
        let mut later = date.series(1.day()).skip(1).take(self.days_searched());
        let next = later.find_map(|date| self.moment_by_rule(date));
        Some(Occurrence {
            date,
            start,
            end: next.unwrap_or(Timestamp::MAX).min(self.end),
        })
    }

    /// Whether the rule has an occurrence on this date.
    #[must_use]
    pub fn has(&self, date: Date) -> bool {
        let is_in_time = |moment: Timestamp| self.from <= moment && moment < self.end;
        self.until.is_none_or(|until| date <= until) && self.moment_by_rule(date).is_some_and(is_in_time)
    }

    /// Iterates over the occurrences that begin after a moment.
    pub fn after(&self, now: Timestamp) -> impl Iterator<Item = Occurrence> {
        let mut from = Some(self.day_before(now.max(self.from)));
        std::iter::from_fn(move || {
            let dates = from?.series(1.day()).take(self.days_searched());
            let mut found = dates
                .filter(|date| self.has(*date))
                .filter_map(|date| self.occurrence(date));
            let next = found.find(|next| next.start > now)?;
            from = next.date.tomorrow().ok();
            Some(next)
        })
    }

    /// Iterates over the occurrences that have begun at a moment, latest first.
    pub fn begun_by(&self, now: Timestamp) -> impl Iterator<Item = Occurrence> {
        let today = self.zone.to_datetime(now.min(self.end)).date();
        let mut from = Some(self.until.map_or(today, |until| today.min(until)));
        std::iter::from_fn(move || {
            let dates = from?.series((-1).day()).take(self.days_searched());
            let mut found = dates
                .filter(|date| self.has(*date))
                .filter_map(|date| self.occurrence(date));
            let last = found.find(|last| last.start <= now)?;
            from = last.date.yesterday().ok();
            Some(last)
        })
    }

    /// Returns the day before the one that the clocks show. A time that they skip may belong to that day.
    fn day_before(&self, at: Timestamp) -> Date {
        let today = self.zone.to_datetime(at).date();
        today.yesterday().unwrap_or(today)
    }

    /// Decides what is due. `begun` are the dates of the occurrences that have a ledger. Only occurrences from `since` on count as
    /// missed.
    ///
    /// An occurrence that was begun is due until its end. One that was not is due for [`PUNCTUAL`], or with [`MissedRule::Once`]
    /// until its end. None is due before one that was begun, so a clock that is put back begins nothing again.
    #[must_use]
    pub fn agenda(&self, now: Timestamp, since: Timestamp, begun: &BTreeSet<Date>) -> Agenda {
        let latest = begun.last();
        let current = self.current(now, begun);
        let due = current.filter(|current| {
            let is_begun = begun.contains(&current.date);
            let is_punctual = now.duration_since(current.start) < PUNCTUAL;
            let may_be_late = self.missed == MissedRule::Once && current.start >= since;
            latest.is_none_or(|latest| *latest <= current.date) && (is_begun || is_punctual || may_be_late)
        });
        let past = self.begun_by(now).take_while(|past| past.start >= since);
        let is_missed = |past: &Occurrence| !begun.contains(&past.date) && Some(*past) != due;
        let mut missed: Vec<_> = past.filter(is_missed).take(MOST_MISSED).collect();
        missed.reverse();
        Agenda {
            due,
            missed,
            next: self.after(now).next(),
        }
    }

    /// Returns the occurrence that may send at a moment: the latest one that the rule has, or one that was begun by an earlier rule
    /// and has not ended.
    fn current(&self, now: Timestamp, begun: &BTreeSet<Date>) -> Option<Occurrence> {
        let earlier = begun.iter().rev().find_map(|date| self.occurrence(*date));
        let all = self.begun_by(now).next().into_iter().chain(earlier);
        let current = all.filter(|found| found.start <= now && now < found.end);
        current.max_by_key(|found| found.start)
    }
}

#[cfg(test)]
mod tests;
