//! The limits of a run. Each limit has one file and owns its state: it changes by `observe` or by the limit's own
//! methods, and nothing else writes it.
//!
//! [`Limit`] lists what a limit is asked. The allowances of all limits combine to the strictest one. A reservation is released by
//! `release`; counts such as the day's attempts need none, because they are computed from the ledger. `app_share`, `circuit_breaker`
//! and `reservations` are shared by the runs of an app id, and each has a limit that asks it.

pub mod app_lock_limit;
pub mod app_share;
pub mod circuit_breaker;
mod coupon_limit;
pub mod daily_limit;
pub mod envelope_limit;
pub mod expiry;
pub mod halt_policy;
pub mod limit;
pub mod outage_limit;
pub mod platform_wait;
pub mod reservations;
pub mod send_window;
pub mod slow_start;
pub mod token_wait;
mod user_limit;
pub mod waves;

use std::time::{Duration, Instant};

use crate::ledger::LedgerState;
use crate::model::clock::Moment;
use crate::model::event::Halted;
use crate::plan::Plan;

use super::queue::Queue;
use super::send_order::SendOrder;

use app_lock_limit::AppLockLimit;
use app_share::{AppShare, AppState};
use coupon_limit::CouponLimit;
use daily_limit::DailyLimit;
use envelope_limit::EnvelopeLimit;
use expiry::Expiry;
use halt_policy::HaltPolicy;
use limit::{Allowance, Candidate, Limit, Reserved, RunEvent, View, Wait};
use outage_limit::Outage;
use platform_wait::PlatformWait;
use reservations::User;
use send_window::SendWindow;
use slow_start::SlowStart;
use token_wait::TokenWait;
use user_limit::UserLimit;
use waves::Waves;

/// All limits of one run.
#[derive(Debug)]
pub struct Limits {
    pub window: SendWindow,
    pub app_lock: AppLockLimit,
    pub outage: Outage,
    pub token: TokenWait,
    pub platform: PlatformWait,
    pub daily_limit: DailyLimit,
    pub waves: Waves,
    pub slow_start: SlowStart,
    pub halt_policy: HaltPolicy,
    pub expiry: Expiry,
    pub coupons: CouponLimit,
    pub envelope: EnvelopeLimit,
    pub users: UserLimit,
}

impl Limits {
    /// The limits of a run that begins at `now`.
    pub fn new(plan: &Plan, state: &LedgerState, queue: &Queue, send_order: SendOrder, now: Moment) -> Self {
        Self {
            window: SendWindow::new(plan, now.wall),
            app_lock: AppLockLimit::default(),
            outage: Outage::default(),
            token: TokenWait::default(),
            platform: PlatformWait::default(),
            daily_limit: DailyLimit::new(plan),
            waves: Waves::new(plan, state, queue, now),
            slow_start: SlowStart::new(plan.pace.max_in_flight),
            halt_policy: HaltPolicy::new(&plan.halt),
            expiry: Expiry::new(send_order, plan.audience.as_of, now.wall),
            coupons: CouponLimit,
            envelope: EnvelopeLimit,
            users: UserLimit,
        }
    }

    /// The limits, in the order in which messages name what a run waits for.
    fn all(&mut self) -> [&mut dyn Limit; 13] {
        [
            &mut self.window,
            &mut self.app_lock,
            &mut self.outage,
            &mut self.token,
            &mut self.platform,
            &mut self.daily_limit,
            &mut self.waves,
            &mut self.slow_start,
            &mut self.halt_policy,
            &mut self.expiry,
            &mut self.coupons,
            &mut self.envelope,
            // The only one that has to release what it reserved, so it is asked last: all limits reserve, or none does.
            &mut self.users,
        ]
    }

    /// What may start now.
    pub fn allowance(&mut self, view: &View<'_>) -> Allowance {
        let all = self.all().into_iter();
        all.fold(Allowance::FREE, |allowance, limit| allowance.and(limit.allowance(view)))
    }

    /// Why no attempt that may add a coupon starts, after `fresh` new intents of the batch. `None` if there is room for one more.
    pub fn exhausted(&mut self, view: &View<'_>, fresh: u64) -> Option<Halted> {
        self.all().into_iter().find_map(|limit| limit.exhausted(view, fresh))
    }

    /// Reserves what an attempt of this delivery needs from all limits, or from none.
    pub fn reserve(&mut self, candidate: Candidate, view: &View<'_>, app: &mut dyn AppShare) -> Reserved {
        let all = self.all().into_iter();
        let mut answers = all.map(|limit| limit.reserve(candidate, view, app));
        answers.find(|answer| *answer != Reserved::Yes).unwrap_or(Reserved::Yes)
    }

    /// Ends the reservations of an attempt that is over.
    pub fn release(&mut self, user: User, rest: Duration, now: Instant, app: &mut dyn AppShare) {
        for limit in self.all() {
            limit.release(user, rest, now, app);
        }
    }

    /// Passes an event to all limits. Returns why the run halts, if it does.
    pub fn observe(&mut self, event: &RunEvent<'_>, now: Moment) -> Option<Halted> {
        let all = self.all().into_iter();
        all.fold(None, |halted, limit| halted.or(limit.observe(event, now)))
    }

    /// When time alone changes what a limit says.
    pub fn changes_at(&mut self, view: &View<'_>) -> impl Iterator<Item = Instant> {
        self.all().map(|limit| limit.changes_at(view)).into_iter().flatten()
    }

    /// What the limits make the run wait for, the first reason first.
    pub fn waiting(&mut self, view: &View<'_>) -> impl Iterator<Item = Wait> {
        self.all().map(|limit| limit.waiting(view)).into_iter().flatten()
    }

    /// Since when the platform or its tokens have been out of reach. `None` when both answer.
    pub fn out_of_reach_since(&self, app: &AppState) -> Option<Instant> {
        let outage = app.outage.map(|open| open.since);
        [outage, self.token.since()].into_iter().flatten().min()
    }
}
