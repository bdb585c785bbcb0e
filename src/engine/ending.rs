//! When a run is over, and how it ended.

use crate::clock::Moment;
use crate::delivery::StateName;
use crate::douyin::Platform;
use crate::event::{Ending, Halted};
use crate::ledger::Store;

use super::Why;
use super::dispatcher::Dispatcher;

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Why the run is over, when nothing is in flight.
    pub(super) fn finished(&mut self) -> Option<Why> {
        if self.why.is_some() {
            return self.why.clone();
        }
        let capped = self.capped();
        if self.queue.is_exhausted(self.ledger.book(), capped) {
            return Some(if capped { Why::AtMost } else { Why::NothingLeft });
        }
        let max = self.plan.max_coupons;
        let full = !self.below_max_coupons(0) && !self.queue.has_doubt(self.ledger.book(), capped);
        full.then_some(Why::Halted(Halted::MaxCoupons { max }))
    }

    /// Whether this run has begun as many deliveries as it may.
    pub(super) fn capped(&self) -> bool {
        self.flight.deliveries >= self.plan.run.at_most
    }

    /// Whether so many new intents more leave room for another coupon.
    pub(super) fn below_max_coupons(&self, fresh: u64) -> bool {
        let book = self.ledger.book();
        let counts = book.counts();
        let known = counts.of(StateName::Issued) + counts.of(StateName::InDoubt) + counts.of(StateName::InFlight);
        let reopened = book.reopened_doubts() + book.reopened_held();
        known + reopened + fresh < self.plan.max_coupons
    }

    /// In a word, what becomes of the campaign.
    pub(super) fn ending(&self, why: &Why, at: Moment) -> Ending {
        let book = self.ledger.book();
        if book.counts().complete() {
            return Ending::Complete;
        }
        match why {
            Why::Interrupted
            | Why::Stopped(_)
            | Why::AtMost
            | Why::GaveUp
            | Why::NotStarted
            | Why::OutsideHours
            | Why::DayUsedUp
            | Why::BetweenWaves
            | Why::AppIdTaken(_) => Ending::Incomplete,
            Why::NothingLeft if self.queue.next_run_goes_on(book, self.known(at), at.age) => Ending::Incomplete,
            Why::NothingLeft | Why::Halted(_) | Why::End | Why::NoWindow | Why::NoWave => Ending::NeedsPerson,
        }
    }
}
