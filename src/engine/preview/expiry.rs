//! Which recipients of a run expire before their turn, in the planned order and in the other one. There may be millions of them, so
//! they are streamed. Only the times that the other order needs are collected.

use jiff::Timestamp;

use crate::engine::send_order::Dates;
use crate::engine::wave_members;
use crate::model::delivery::DeliveryKey;
use crate::plan::forecast::StartTimes;
use crate::plan::forecast::expiry::{Again, Comparison, ExpiryForecast, Turn};
use crate::plan::{Plan, TurnOrder};

/// The inputs of the forecast.
pub(super) struct Look<'l> {
    pub(super) plan: &'l Plan,
    /// Recipients in send order. `None` for the order of admission.
    pub(super) order: Option<&'l [u32]>,
    pub(super) starts: StartTimes<'l>,
    /// Whether a delivery was never attempted and has its turn in this run.
    pub(super) waits: &'l dyn Fn(DeliveryKey) -> bool,
    /// The wave of a recipient, from 0. The number of waves for a recipient in no wave.
    pub(super) wave_of: &'l dyn Fn(u32) -> usize,
}

impl Look<'_> {
    /// Compares both orders. `again` has the deliveries that are attempted again.
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

    /// A user with a coupon to come has all later ones to come.
    fn turn(&self, latest: Timestamp, (wave, ordinal): (usize, u8)) -> Turn {
        Turn {
            latest,
            wave: wave_members::number(self.plan, wave),
            last: ordinal == self.plan.coupons_per_user,
        }
    }

    /// The last activity of the users that wait for this coupon, in this order.
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
