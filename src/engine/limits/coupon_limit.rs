//! `max_coupons` and `max_worth`: what the campaign file allows over the whole life of the campaign.

use crate::model::event::Halted;
use crate::model::mutants::mutant;

use super::limit::{Limit, View};

/// Leaves no room for another coupon once one of them is reached.
#[derive(Debug)]
pub struct CouponLimit;

impl Limit for CouponLimit {
    fn exhausted(&mut self, view: &View<'_>, fresh: u64) -> Option<Halted> {
        let plan = view.plan;
        let mut usage = view.state.usage(&plan.activity_id, plan.coupon_value);
        let max = plan.max_coupons;
        if usage.coupons + fresh >= max {
            return Some(Halted::MaxCoupons { max });
        }
        let max = plan.max_worth?;
        if mutant!(DoubtsWorthNothing) {
            let valuation = view.state.valuation(&plan.activity_id, plan.coupon_value);
            usage.worth = valuation.worth(&view.state.counts()).issued;
        }
        let each = usage.each;
        (!usage.has_room(max, fresh)).then_some(Halted::MaxWorth { max, each })
    }
}
