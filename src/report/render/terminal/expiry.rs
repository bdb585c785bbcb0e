//! The forecast of expired activity, for people.

use jiff::Timestamp;

use crate::catalogue::plan as texts;
use crate::model::clock::{from_ms, until};
use crate::plan::forecast::expiry::ExpiryForecast;
use crate::report::lists::joined;
use crate::report::plan_view::PlanView;
use crate::report::times::clock_time;

/// The maximum number of groups of hours to show.
const MOST: u64 = 6;
/// The possible lengths of a group in hours; longer groups are whole days.
const HOURS: [u64; 8] = [1, 2, 3, 4, 6, 8, 12, 24];
const HOUR_MS: u64 = 3_600_000;

/// How many users' activity expires and when, and the effect of the other order; empty if activity never expires.
pub(super) fn expiry(plan: &PlanView) -> Vec<String> {
    let Some(lapse) = &plan.lapse else {
        return Vec::new();
    };
    let planned = lapse.planned();
    let expiry = match (planned.users(), planned.lapsed) {
        (0, _) => texts::ExpiryNobody.to_string(),
        (users, coupons) if coupons > users => texts::ExpiryUsersCoupons { users, coupons }.to_string(),
        (users, _) => texts::ExpiryUsers { users }.to_string(),
    };
    let text = match (lapse.saved(), lapse.is_expiring_first()) {
        (0, _) => expiry,
        (n, true) => texts::ExpiryAsListed { expiry: &expiry, n }.to_string(),
        (n, false) => texts::ExpiryOrder { expiry: &expiry, n }.to_string(),
    };
    let mut before = plan.header.now;
    let mut when = Vec::new();
    for (end, n) in hours(planned).into_iter().filter(|(_, users)| *users > 0) {
        let at = clock_time(end, before, &plan.header.zone);
        when.push(if when.is_empty() {
            texts::ExpiryUntil { n, at: &at }.to_string()
        } else {
            texts::ExpiryMoreUntil { n, at: &at }.to_string()
        });
        before = end;
    }
    let when = joined(when);
    [text, when].into_iter().filter(|line| !line.is_empty()).collect()
}

/// How many users' activity expires in each group of hours, by the end of the group. Groups are consecutive and equally
/// long; the first begins with the first hour that has any.
fn hours(lapses: &ExpiryForecast) -> Vec<(Timestamp, u64)> {
    let (Some((first, _)), Some((last, _))) = (lapses.by_hour.first_key_value(), lapses.by_hour.last_key_value())
    else {
        return Vec::new();
    };
    let hour_of = |at| u64::try_from(until(*first, at).unwrap_or_default().as_millis()).unwrap_or(u64::MAX) / HOUR_MS;
    let all = hour_of(*last) + 1;
    let fits = |hours: &u64| all.div_ceil(*hours) <= MOST;
    let together = HOURS.into_iter().find(fits);
    let together = together.unwrap_or_else(|| all.div_ceil(MOST).div_ceil(24) * 24);
    let after = |hours: u64| from_ms(first.as_millisecond().saturating_add_unsigned(hours * HOUR_MS));
    let ends = (1..=all.div_ceil(together)).map(|nth| after(nth * together));
    let mut groups: Vec<_> = ends.map(|end| (end, 0)).collect();
    for (at, users) in &lapses.by_hour {
        let nth = usize::try_from(hour_of(*at) / together).unwrap_or(usize::MAX);
        if let Some((_, all)) = groups.get_mut(nth) {
            *all += users;
        }
    }
    groups
}
