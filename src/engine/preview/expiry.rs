//! Who of those that a run would attempt will have lapsed before their turn, in the order that is planned and in the other
//! one. Millions may wait, so they are asked one by one and never gathered but for the seconds that the other order needs.

use jiff::Timestamp;

use crate::engine::cohorts;
use crate::engine::send_order::Dates;
use crate::model::delivery::DeliveryKey;
use crate::plan::forecast::StartTimes;
use crate::plan::forecast::expiry::{Again, Comparison, ExpiryForecast, Turn};
use crate::plan::{Plan, TurnOrder};

/// What a forecast goes by.
pub(super) struct Look<'l> {
    pub(super) plan: &'l Plan,
    /// The recipients in the order of their turns; none when that is the order of admission.
    pub(super) order: Option<&'l [u32]>,
    pub(super) starts: StartTimes<'l>,
    /// Whether a delivery was never attempted and has its turn in this run. Newcomers who are all alike may be unknown to
    /// whoever tells it.
    pub(super) waits: &'l dyn Fn(DeliveryKey) -> bool,
    /// Which wave a recipient belongs to, by number from 0. A recipient without a wave is after all of them.
    pub(super) wave_of: &'l dyn Fn(u32) -> usize,
}

impl Look<'_> {
    /// Compares both orders. `again` says what is attempted once more: when it is due, and whether it is in doubt.
    pub(super) fn compare(&self, dates: &Dates<'_>, again: Vec<(Timestamp, DeliveryKey, bool)>) -> Comparison {
        let order = self.plan.audience.order;
        let again = self.again(dates, again);
        let lapses = |by: TurnOrder| {
            let waves = 0..=self.plan.schedule.waves.len();
            let rounds = waves.flat_map(|wave| (1..=self.plan.coupons_per_user).map(move |ordinal| (wave, ordinal)));
            let turns = rounds.flat_map(|(wave, ordinal)| {
                let last = self.last_active(by, dates, (wave, ordinal));
                last.map(move |last| self.turn(dates.latest(last), (wave, ordinal)))
            });
            ExpiryForecast::new(&again, turns, self.starts.clone())
        };
        Comparison {
            order,
            as_listed: lapses(TurnOrder::AsListed),
            expiring_first: lapses(TurnOrder::ExpiringFirst),
        }
    }

    fn again(&self, dates: &Dates<'_>, mut again: Vec<(Timestamp, DeliveryKey, bool)>) -> Vec<Again> {
        again.sort_unstable();
        let turn = |key: DeliveryKey| {
            let latest = dates.latest(dates.last(key.recipient));
            self.turn(latest, ((self.wave_of)(key.recipient), key.ordinal))
        };
        again
            .into_iter()
            .map(|(due, key, doubtful)| Again {
                due,
                turn: (!doubtful).then(|| turn(key)),
            })
            .collect()
    }

    /// A user who waits for one coupon waits for all later ones too.
    fn turn(&self, latest: Timestamp, (wave, ordinal): (usize, u8)) -> Turn {
        Turn {
            latest,
            wave: cohorts::number(self.plan, wave),
            last: ordinal == self.plan.coupons_per_user,
        }
    }

    /// When those were last active who wait for this coupon, in this order.
    fn last_active<'a>(
        &'a self,
        by: TurnOrder,
        dates: &'a Dates<'_>,
        (wave, ordinal): (usize, u8),
    ) -> Box<dyn Iterator<Item = u32> + 'a> {
        let waits = move |recipient: &u32| {
            let key = DeliveryKey {
                recipient: *recipient,
                ordinal,
            };
            (self.wave_of)(*recipient) == wave && (self.waits)(key)
        };
        let planned = by == self.plan.audience.order;
        if let Some(order) = self.order.filter(|_| planned) {
            return Box::new(order.iter().copied().filter(waits).map(|user| dates.last(user)));
        }
        let waiting = (0..dates.recipients()).filter(waits);
        let last_active = waiting.map(|user| dates.last(user));
        match by {
            TurnOrder::AsListed => Box::new(last_active),
            TurnOrder::ExpiringFirst => {
                let mut sorted = Vec::with_capacity(dates.recipients() as usize);
                sorted.extend(last_active);
                sorted.sort_unstable();
                Box::new(sorted.into_iter())
            }
        }
    }
}
