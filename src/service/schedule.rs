//! Which occurrences of a recurring campaign the service plans and shows, and which may begin. Pure: the time is an argument.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::model::recurrence::{Occurrence, Recurrence};
use crate::report::occurrences::OccurrenceState;

/// How long before its time an occurrence is planned, so that a person can approve it in time.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(12);
/// How many of the occurrences that were begun are shown.
const BEGUN_SHOWN: usize = 3;

/// What a schedule depends on besides the time.
#[derive(Clone, Copy, Debug)]
pub struct SeriesFacts<'a> {
    /// The rule.
    pub recurrence: &'a Recurrence,
    /// The occurrences with a ledger, and those that are applied at this moment.
    pub begun: &'a BTreeSet<Date>,
    /// The occurrences that were approved and have not ended.
    pub charged: &'a BTreeSet<Date>,
    /// When the service first read the file.
    pub found: Timestamp,
    /// Whether they are rehearsed. A rehearsal does not wait for its time.
    pub is_rehearsal: bool,
}

/// An occurrence, and what it is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The occurrence.
    pub occurrence: Occurrence,
    /// Whether it is past, missed, due or coming.
    pub state: OccurrenceState,
}

/// What the service makes of a recurring campaign at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The occurrences that are planned or shown, by date.
    pub turns: Vec<Turn>,
    /// The occurrences since the service knows the file that nobody began in time, by date.
    pub missed: Vec<Occurrence>,
    /// How many of them are later than every occurrence that was begun.
    pub missed_in_a_row: usize,
    /// The next occurrence. `None` after the last one.
    pub next: Option<Occurrence>,
}

impl SeriesFacts<'_> {
    /// Decides what is planned and what may begin.
    ///
    /// [`Recurrence::agenda`] says what is due. An occurrence that was begun stays due until its end, also if the next one was
    /// approved ahead of its time.
    #[must_use]
    pub fn schedule(&self, now: Timestamp) -> Schedule {
        let begun = |date: &Date| self.recurrence.occurrence(*date);
        let first = self.begun.first().and_then(begun);
        let since = first.map_or(self.found, |first| first.start.min(self.found));
        let agenda = self.recurrence.agenda(now, since, self.begun);
        let has_begun = |occurrence: &Occurrence| occurrence.start <= now;
        let latest = self.begun.iter().rev().filter_map(begun).find(has_begun);
        let continues = latest.filter(|latest| now < latest.end);
        let missed: Vec<_> = agenda
            .missed
            .into_iter()
            .filter(|missed| !self.is_rehearsal && missed.start >= self.found)
            .collect();
        let is_later = |missed: &&Occurrence| latest.is_none_or(|latest| latest.date < missed.date);
        let missed_in_a_row = missed.iter().filter(is_later).count();
        let is_near = |next: &Occurrence| next.start.duration_since(now) <= AHEAD;
        let is_idle = agenda.due.is_none() && continues.is_none();
        let planned_ahead = agenda
            .next
            .filter(|next| is_near(next) || (self.is_rehearsal && is_idle));
        let dates: BTreeSet<Date> = [agenda.due, continues, planned_ahead]
            .into_iter()
            .flatten()
            .chain(missed.last().copied().filter(|last| is_later(&last)))
            .map(|occurrence| occurrence.date)
            .chain(self.charged.iter().copied())
            .chain(self.begun.iter().rev().take(BEGUN_SHOWN).copied())
            .collect();
        let turn = |date: Date| {
            let occurrence = self.recurrence.occurrence(date)?;
            let state = if occurrence.start > now {
                OccurrenceState::Coming
            } else if Some(occurrence) == agenda.due || Some(occurrence) == continues {
                OccurrenceState::Due
            } else if self.begun.contains(&date) {
                OccurrenceState::Past
            } else {
                OccurrenceState::Missed
            };
            Some(Turn { occurrence, state })
        };
        Schedule {
            turns: dates.into_iter().filter_map(turn).collect(),
            missed,
            missed_in_a_row,
            next: agenda.next,
        }
    }
}

impl Turn {
    /// Whether it may begin, or go on.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        matches!(self.state, OccurrenceState::Due | OccurrenceState::Coming)
    }
}

#[cfg(test)]
mod tests;
