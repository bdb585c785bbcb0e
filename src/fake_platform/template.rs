//! The coupon templates of the sandbox.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::COUPON_NAME;

/// There is no such template.
pub(super) const NO_TEMPLATE: i64 = 29_005_013;

/// The coupon templates. Each has the same settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateSettings {
    /// How many coupons activities may take from each; unlimited if `None`.
    pub stock: Option<u64>,
    /// How long after the start users can receive no coupon yet.
    pub begins: Duration,
    /// How long after the start they can receive none any more. Never if `None`.
    pub ends: Option<Duration>,
    /// Whether there is no template at all.
    pub is_missing: bool,
}

impl TemplateSettings {
    /// Whether users can receive coupons.
    pub(super) fn is_open(self, at: Duration) -> bool {
        at >= self.begins && self.ends.is_none_or(|ends| at < ends)
    }

    /// The template that a query names. `at` is the time since the start, and `wall` the present.
    pub(super) fn described(self, query: &Value, at: Duration, wall: Timestamp) -> Value {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        // The difference is rounded once: rounded apart, the times may be a second later than the start.
        let started = wall.saturating_sub(at).map_or(0, Timestamp::as_second);
        let mut described = json!({
            "coupon_meta_id": query.get("coupon_meta_id"),
            "coupon_name": COUPON_NAME,
            "receive_begin_time": started.saturating_add(seconds(self.begins)),
            "status": 2,
        });
        if let Some(stock) = self.stock {
            described["stock_number"] = json!(stock);
        }
        if let Some(ends) = self.ends {
            described["receive_end_time"] = json!(started.saturating_add(seconds(ends)));
        }
        described
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_can_receive_coupons_from_the_start() {
        let start = Timestamp::from_millisecond(1_780_000_000_600).unwrap();
        for ms in [0, 300, 399, 400, 500, 900, 999, 1_000, 1_500] {
            let at = Duration::from_millis(ms);
            let described = TemplateSettings::default().described(&json!({}), at, start + at);
            assert_eq!(described["receive_begin_time"], 1_780_000_000, "after {ms} ms");
        }
    }
}
