//! What an approval of a plan allows.

use jiff::Timestamp;

use crate::app::plan::PlanPreview;
use crate::model::envelope::Envelope;
use crate::model::identity::PlatformName;
use crate::plan::Plan;

/// The envelope of an approval that is given at `now`: what the plan needs, and nothing more.
#[must_use]
pub fn envelope(preview: &PlanPreview, plan: &Plan, now: Timestamp) -> Envelope {
    let usage = &preview.usage;
    let coupons = usage.coupons + usage.held + preview.owed;
    // The sandbox states values of its own.
    let is_real = plan.identity.platform != PlatformName::FakePlatform;
    let each = usage.each.filter(|_| is_real);
    let worth = each.map(|each| usage.worth + each.times(preview.owed));
    Envelope {
        // `max_coupons` does not count held deliveries.
        coupons: coupons.min(plan.max_coupons.saturating_add(usage.held)),
        worth: [worth, plan.max_worth].into_iter().flatten().min().filter(|_| is_real),
        coupon_value: plan.coupon_value,
        per_user: plan.coupons_per_user,
        from: now,
        until: Some(plan.schedule.end).filter(|end| *end < Timestamp::MAX),
        audience: None,
    }
}
