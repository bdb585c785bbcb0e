//! When a run is over, and how it ended.

use crate::douyin::Platform;
use crate::ledger::Store;
use crate::model::clock::Moment;
use crate::model::delivery::StateName;
use crate::model::event::{Ending, Halted};

use super::StopReason;
use super::dispatcher::Dispatcher;

impl<S: Store, P: Platform> Dispatcher<S, P> {
    /// Why the run is over, when nothing is in flight.
    pub(super) fn finished(&mut self) -> Option<StopReason> {
        if self.why.is_some() {
            return self.why.clone();
        }
        let capped = self.capped();
        if self.queue.is_exhausted(self.ledger.state(), capped) {
            return Some(if capped {
                StopReason::AtMost
            } else {
                StopReason::NothingLeft
            });
        }
        let max = self.plan.max_coupons;
        let full = !self.below_max_coupons(0) && !self.queue.has_doubt(self.ledger.state(), capped);
        full.then_some(StopReason::Halted(Halted::MaxCoupons { max }))
    }

    /// Whether this run has begun as many deliveries as it may.
    pub(super) fn capped(&self) -> bool {
        self.flight.deliveries >= self.plan.run.at_most
    }

    /// Whether so many new intents more leave room for another coupon.
    pub(super) fn below_max_coupons(&self, fresh: u64) -> bool {
        let ledger_state = self.ledger.state();
        let counts = ledger_state.counts();
        let known =
            counts.count(StateName::Issued) + counts.count(StateName::InDoubt) + counts.count(StateName::InFlight);
        let reopened = ledger_state.reopened_doubts() + ledger_state.reopened_held();
        known + reopened + fresh < self.plan.max_coupons
    }

    /// In a word, what becomes of the campaign.
    pub(super) fn ending(&self, why: &StopReason, at: Moment) -> Ending {
        let ledger_state = self.ledger.state();
        if ledger_state.counts().complete() {
            return Ending::Complete;
        }
        match why {
            StopReason::Interrupted
            | StopReason::Stopped(_)
            | StopReason::AtMost
            | StopReason::GaveUp
            | StopReason::NotStarted
            | StopReason::OutsideHours
            | StopReason::DayUsedUp
            | StopReason::BetweenWaves
            | StopReason::AppIdTaken(_) => Ending::Incomplete,
            StopReason::NothingLeft if self.queue.next_run_goes_on(ledger_state, self.known(at), at.age) => {
                Ending::Incomplete
            }
            StopReason::NothingLeft
            | StopReason::Halted(_)
            | StopReason::End
            | StopReason::NoWindow
            | StopReason::NoWave => Ending::NeedsPerson,
        }
    }
}
