//! When a run is over, and how it ended.

use crate::douyin::Platform;
use crate::event::{Ending, Halted};
use crate::ledger::Store;

use super::Why;
use super::dispatcher::{Dispatcher, Moment};

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Why the run is over, when nothing is in flight.
    pub(super) fn finished(&mut self) -> Option<Why> {
        if self.why.is_some() {
            return self.why.clone();
        }
        let capped = self.flight.deliveries >= self.plan.run.at_most;
        if self.queue.is_exhausted(self.ledger.book(), capped) {
            return Some(if capped { Why::AtMost } else { Why::NothingLeft });
        }
        let max = self.plan.max_coupons;
        (!self.below_max_coupons(0)).then_some(Why::Halted(Halted::MaxCoupons { max }))
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
            Why::NothingLeft if self.queue.next_run_goes_on(book, self.known(at)) => Ending::Incomplete,
            Why::NothingLeft | Why::Halted(_) | Why::End | Why::NoWindow => Ending::NeedsPerson,
        }
    }
}
