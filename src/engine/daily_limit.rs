//! The limit by the day: so many attempts, whatever they are, between two midnights of the campaign's zone. It is derived
//! from the ledger's facts, so a restart knows what is left, and goes by the newest time of all facts, so a clock that is
//! set back begins no day anew.

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::douyin::Platform;
use crate::ledger::{LedgerState, Store};
use crate::model::calendar::Day;
use crate::model::clock::{Moment, until};
use crate::model::delivery::{DeliveryKey, State};
use crate::model::event::{EventKind, Waiting};
use crate::plan::Plan;

use super::StopReason;
use super::attempt::Latest;
use super::dispatcher::Dispatcher;

/// Counts the attempts of the present day.
#[derive(Debug)]
pub(super) struct DailyLimit {
    most: u64,
    zone: TimeZone,
    known: Option<Day>,
    /// The day that a rehearsal has come to, and how many attempts it had made before.
    shown: Option<(Day, u64)>,
}

impl DailyLimit {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            most: plan.pace.per_day,
            zone: plan.schedule.zone.clone(),
            known: None,
            shown: None,
        }
    }

    /// The day of `known`, the later of the wall clock and the newest time of the ledger; none where days do not matter.
    fn day(&mut self, known: Timestamp) -> Option<Day> {
        if self.most == u64::MAX {
            return None;
        }
        let day = self.known.filter(|day| day.has(known));
        let day = day.unwrap_or_else(|| Day::new(known, &self.zone));
        self.known = Some(day);
        Some(day)
    }

    /// How many more attempts may begin on the day of `known`.
    pub(super) fn left(&mut self, ledger_state: &LedgerState, known: Timestamp) -> u64 {
        let Some(day) = self.day(known) else {
            return u64::MAX;
        };
        self.most.saturating_sub(ledger_state.begun_since(day.begins))
    }

    /// The last moment at which an attempt may start whose intent was made at `intended`: it counts for that day.
    pub(super) fn latest(&mut self, intended: Timestamp) -> Option<Timestamp> {
        let last = |day: Day| Timestamp::from_nanosecond(day.ends.as_nanosecond() - 1).ok();
        self.day(intended).and_then(last)
    }
}

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// How many more attempts may begin today.
    pub(super) fn left_today(&mut self, at: Moment) -> u64 {
        if self.plan.schedule.waits {
            let known = self.known(at);
            self.limits.day.left(self.ledger.state(), known)
        } else {
            self.left_in_rehearsal(at)
        }
    }

    /// The same on the day that a rehearsal has come to. It says that it would wait for the next one, and goes on.
    fn left_in_rehearsal(&mut self, at: Moment) -> u64 {
        let (most, zone) = (self.plan.pace.per_day, self.plan.schedule.zone.clone());
        if most == u64::MAX {
            return most;
        }
        let (now, begun) = (
            self.send_window.present(at.wall),
            self.ledger.state().begun_since(Timestamp::MIN),
        );
        let today = Day::new(now, &zone);
        let shown = self.limits.day.shown.filter(|(day, _)| *day == today);
        let (_, before) = *self.limits.day.shown.insert(shown.unwrap_or((today, begun)));
        let left = most.saturating_sub(begun - before);
        if left > 0 || !self.may_send() {
            return left;
        }
        let wait = until(now, today.ends).unwrap_or_default();
        self.send_window.fast_forward(wait);
        self.limits.day.shown = Some((Day::new(today.ends, &zone), begun));
        let until = today.ends;
        self.emitter
            .emit(at.wall, EventKind::DayPassedOver { most, until, wait });
        most
    }

    /// What is waited for when today's attempts are used up and there is more to send.
    pub(super) fn waiting_for_tomorrow(&mut self, at: Moment) -> Option<(Waiting, Timestamp)> {
        let known = self.known(at);
        let most = self.plan.pace.per_day;
        let used_up = self.limits.day.left(self.ledger.state(), known) == 0;
        let waits = used_up && self.plan.schedule.waits && self.may_send();
        waits.then(|| (Waiting::Day { most }, Day::new(known, &self.plan.schedule.zone).ends))
    }

    /// When today's attempts, which are used up, are followed by tomorrow's.
    pub(super) fn tomorrow(&mut self, at: Moment) -> Option<Instant> {
        let (_, ends) = self.waiting_for_tomorrow(at)?;
        at.instant.checked_add(until(at.wall, ends)?)
    }

    /// The last moment at which a delivery whose intent is durable may start.
    pub(super) fn latest_start(&mut self, key: DeliveryKey) -> Latest {
        let status = self.ledger.state().status(key);
        let today = match status.state {
            State::Attempting { began, .. } if self.plan.schedule.waits => self.limits.day.latest(began),
            _ => None,
        };
        Latest {
            wall: [self.latest(key), today].into_iter().flatten().min(),
            age: self.queue.resend_until(key),
        }
    }

    /// Ends a run that would have to wait for tomorrow and was told not to.
    pub(super) fn leave_for_today(&mut self, at: Moment) {
        if self.plan.run.no_wait && self.flight.trips.is_empty() && self.waiting_for_tomorrow(at).is_some() {
            self.finish(StopReason::DayUsedUp);
        }
    }
}
