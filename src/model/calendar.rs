//! Send windows: hours of the week and closed days, by the clocks of a time zone.
//!
//! A moment is inside a window if the zone's clocks show a time inside it. So a window in a skipped hour is lost, and a
//! window in a repeated hour occurs twice. A window belongs to the day on which it begins, including its part after
//! midnight: it continues into a closed day, and it does not exist if it would begin on a closed day.

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::model::clock::{later, until};

/// The minutes of a day.
pub const DAY: u16 = 24 * 60;

/// The names of the days of the week, from Monday on.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// Returns the days from one day to another, both included, across Sunday if necessary: `sat-mon`.
    #[must_use]
    pub fn range(from: Weekday, to: Weekday) -> Self {
        let from = place(from);
        let to = place(to);
        let many = (to + 7 - from) % 7;
        (from..=from + many).fold(Self::default(), |days, day| days.and(Self(1 << (day % 7))))
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set has the day.
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.has(place(day))
    }

    const fn has(self, day: usize) -> bool {
        self.0 & (1 << (day % 7)) != 0
    }
}

fn place(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()
}

impl fmt::Display for Days {
    /// Writes the days in the form in which they are parsed, as ranges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (0..7).all(|day| self.has(day)) {
            return f.write_str("mon-sun");
        }
        let begins = (0..7).filter(|day| self.has(*day) && !self.has(day + 6));
        let mut apart = "";
        for first in begins {
            let many = (first..first + 7).take_while(|day| self.has(*day)).count();
            let last = DAYS[(first + many - 1) % 7];
            let first = DAYS[first];
            f.write_str(apart)?;
            match many {
                1 => f.write_str(first)?,
                2 => write!(f, "{first},{last}")?,
                _ => write!(f, "{first}-{last}")?,
            }
            apart = ",";
        }
        Ok(())
    }
}

/// A window that recurs on some days of the week: `mon-fri 10:00-21:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    days: Days,
    /// Minutes from the midnight at which the day begins. An `until` above [`DAY`] is after the next midnight.
    from: u16,
    until: u16,
}

impl Hours {
    /// Creates a window between two minutes of the day. An `until` before `from` is on the next day. `None` if a minute
    /// is out of range or the window is empty.
    #[must_use]
    pub const fn new(days: Days, from: u16, until: u16) -> Option<Self> {
        if from >= DAY || until > DAY || from == until {
            return None;
        }
        let until = if until < from { until + DAY } else { until };
        Some(Self { days, from, until })
    }
}

impl fmt::Display for Hours {
    /// Writes the window in the form in which it is parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = if self.until > DAY { self.until - DAY } else { self.until };
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{} {}-{}", self.days, clock(self.from), clock(until))
    }
}

/// An interval in which sending is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub opens: Timestamp,
    /// The first moment after it; [`Timestamp::MAX`] if it never ends.
    pub closes: Timestamp,
}

/// A calendar day in a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its first moment.
    pub begins: Timestamp,
    /// The first moment of the next day.
    pub ends: Timestamp,
}

impl Day {
    /// Returns the day that contains the moment.
    #[must_use]
    pub fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let date = zone.to_datetime(at).date();
        let midnight = |date: Date| zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible();
        let next = date.tomorrow().and_then(midnight);
        Self {
            begins: midnight(date).unwrap_or(Timestamp::MIN),
            ends: next.unwrap_or(Timestamp::MAX),
        }
    }

    /// Whether the day contains the moment.
    #[must_use]
    pub fn has(self, at: Timestamp) -> bool {
        self.begins <= at && at < self.ends
    }
}

/// The calendar of a campaign: when sending is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    /// The windows of the campaign file; empty if all hours are open.
    hours: Vec<Hours>,
    /// Sorted, without duplicates.
    closed: Vec<Date>,
    /// The windows that begin on each day of the week, in minutes from its midnight, sorted and disjoint.
    week: [Vec<(u16, u16)>; 7],
    /// Whether the windows cover the whole week.
    whole: bool,
}

impl Calendar {
    /// Creates a calendar that is always open.
    #[must_use]
    pub fn always() -> Self {
        Self::new(TimeZone::UTC, &[], &[])
    }

    /// Creates a calendar that is open in these hours, or at all hours if there are none, except on the closed days.
    #[must_use]
    pub fn new(zone: TimeZone, hours: &[Hours], closed: &[Date]) -> Self {
        let mut closed = closed.to_vec();
        closed.sort_unstable();
        closed.dedup();
        let week = std::array::from_fn(|day| {
            let said = hours.iter().filter(|hours| hours.days.has(day));
            let mut begin: Vec<_> = said.map(|hours| (hours.from, hours.until)).collect();
            if hours.is_empty() {
                begin.push((0, DAY));
            }
            merged(begin)
        });
        Self {
            zone,
            hours: hours.to_vec(),
            closed,
            whole: (0..7).all(|day| is_whole(&week, day)),
            week,
        }
    }

    /// Whether the calendar is always open.
    #[must_use]
    pub const fn is_always(&self) -> bool {
        self.whole && self.closed.is_empty()
    }

    /// Returns the time zone.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the windows of the campaign file; empty if all hours are open.
    #[must_use]
    pub fn hours(&self) -> &[Hours] {
        &self.hours
    }

    /// Returns the closed days, sorted.
    #[must_use]
    pub fn closed(&self) -> &[Date] {
        &self.closed
    }

    /// Returns the windows that begin on each day of the week, from Monday on, in minutes from its midnight, merged.
    #[must_use]
    pub const fn week(&self) -> &[Vec<(u16, u16)>; 7] {
        &self.week
    }

    /// Whether `at` is inside a window.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.is_always() || self.shows_open(self.zone.to_datetime(at))
    }

    /// Returns the first moment after `at` at which the calendar opens or closes; `None` if it never does.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_always() {
            return None;
        }
        let open = self.is_open(at);
        let mut at = at;
        let mut known: Option<(DateTime, DateTime)> = None;
        loop {
            // Up to the next transition of the zone the offset is constant.
            let turn = self.zone.following(at).next().map(|turn| turn.timestamp());
            let offset = self.zone.to_offset(at);
            let shown = offset.to_datetime(at);
            // A change that the clocks have not shown yet is still valid after a transition.
            known = known.filter(|(since, change)| *since <= shown && shown < *change);
            known = known.or_else(|| Some((shown, self.shown_change(shown, open)?)));
            let change = known.and_then(|(_, change)| offset.to_timestamp(change).ok());
            match (change, turn) {
                (Some(change), turn) if turn.is_none_or(|turn| change < turn) => return Some(change),
                (None, Some(turn)) if turn.duration_since(at) > PUT_BACK => return None,
                (_, None) => return None,
                (_, Some(turn)) if self.is_open(turn) != open => return Some(turn),
                (_, Some(turn)) => at = turn,
            }
        }
    }

    /// Returns the first open moment at or after `at`; `None` if the calendar never opens again.
    #[must_use]
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) {
            Some(at)
        } else {
            self.next_change(at)
        }
    }

    /// Iterates over the windows from `at` on. If `at` is inside a window, the first one begins at `at`.
    pub fn windows(&self, at: Timestamp) -> impl Iterator<Item = Window> {
        let next = |at: Timestamp| {
            let opens = self.opens(at)?;
            let closes = self.next_change(opens).unwrap_or(Timestamp::MAX);
            Some(Window { opens, closes })
        };
        std::iter::successors(next(at), move |last| {
            (last.closes < Timestamp::MAX).then(|| next(last.closes)).flatten()
        })
    }

    /// Returns the moment at which `time` has passed inside windows since `at`; `None` if it is more than [`FAR`]
    /// windows ahead.
    #[must_use]
    pub fn after(&self, at: Timestamp, mut time: Duration) -> Option<Timestamp> {
        for window in self.windows(at).take(FAR) {
            let open = until(window.opens, window.closes).unwrap_or_default();
            if time <= open {
                return Some(later(window.opens, time));
            }
            time -= open;
        }
        None
    }

    /// Whether the local time is inside a window.
    fn shows_open(&self, shown: DateTime) -> bool {
        let minute = minute(shown);
        let today = self.begin_on(shown.date());
        if today.iter().any(|(from, until)| (*from..*until).contains(&minute)) {
            return true;
        }
        let before = shown.date().yesterday().map(|day| self.begin_on(day));
        before.is_ok_and(|windows| windows.iter().any(|(_, until)| minute + DAY < *until))
    }

    fn begin_on(&self, date: Date) -> &[(u16, u16)] {
        if self.closed.binary_search(&date).is_ok() {
            return &[];
        }
        &self.week[place(date.weekday())]
    }

    /// Returns the first local time after `shown` at which the calendar closes, if it is `open`, or opens; `None` if it
    /// never does. Transitions of the zone are ignored.
    fn shown_change(&self, shown: DateTime, open: bool) -> Option<DateTime> {
        let mut date = shown.date();
        // If the windows cover the whole week, changes occur only around closed days.
        let skips = self.whole && open;
        for _ in 0..=8 + 7 * self.closed.len() {
            if skips {
                let near = self
                    .closed
                    .partition_point(|day| *day < date.yesterday().unwrap_or(date));
                date = date.max(*self.closed.get(near)?);
            }
            let mut minutes: Vec<_> = self
                .begin_on(date)
                .iter()
                .flat_map(|(from, until)| [*from, *until])
                .collect();
            if let Ok(day) = date.yesterday() {
                minutes.extend(
                    self.begin_on(day)
                        .iter()
                        .filter_map(|(_, until)| until.checked_sub(DAY)),
                );
            }
            minutes.push(0);
            minutes.sort_unstable();
            let times = minutes
                .iter()
                .filter(|minute| **minute < DAY)
                .map(|minute| at_minute(date, *minute));
            let mut later = times.filter(|time| *time > shown);
            if let Some(change) = later.find(|time| self.shows_open(*time) != open) {
                return Some(change);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }
}

/// How many windows [`Calendar::after`] looks ahead: more than any campaign needs.
pub const FAR: usize = 20_000;
/// The largest jump back of any zone's clocks.
const PUT_BACK: SignedDuration = SignedDuration::from_hours(48);

fn minute(shown: DateTime) -> u16 {
    let part = |part: i8| u16::try_from(part).unwrap_or_default();
    part(shown.hour()) * 60 + part(shown.minute())
}

fn at_minute(date: Date, minute: u16) -> DateTime {
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    midnight.saturating_add(i64::from(minute).minutes())
}

/// Merges windows that touch or overlap, and sorts them.
fn merged(mut windows: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    windows.sort_unstable();
    let mut apart: Vec<(u16, u16)> = Vec::new();
    for (from, until) in windows {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => apart.push((from, until)),
        }
    }
    apart
}

/// Whether the windows of a day and of the day before cover it from midnight to midnight.
fn is_whole(week: &[Vec<(u16, u16)>; 7], day: usize) -> bool {
    let before = week[(day + 6) % 7].iter().filter(|(_, until)| *until > DAY);
    let windows = before
        .map(|(_, until)| (0, until - DAY))
        .chain(week[day].iter().copied());
    merged(windows.collect())
        .first()
        .is_some_and(|(from, until)| *from == 0 && *until >= DAY)
}

#[cfg(test)]
mod tests;
