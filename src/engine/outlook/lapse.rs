//! Who of those that a run would attempt will have lapsed before their turn, in the order that is planned and in the other
//! one. Millions may wait, so they are asked one by one and never gathered but for the seconds that the other order needs.

use jiff::Timestamp;

use crate::delivery::DeliveryKey;
use crate::engine::roll::{Dates, Roll};
use crate::plan::forecast::Starts;
use crate::plan::forecast::lapse::{Again, Comparison, Lapses, Turn};
use crate::plan::{Order, Plan};

/// What a forecast goes by.
#[derive(Clone, Copy)]
pub(super) struct Look<'l> {
    pub(super) plan: &'l Plan,
    pub(super) roll: &'l Roll,
    pub(super) now: Timestamp,
    /// When the first delivery is due.
    pub(super) first_due: Timestamp,
    /// Whether a delivery was never attempted and has its turn in this run. Newcomers who are all alike may be unknown to
    /// whoever tells it.
    pub(super) waits: &'l dyn Fn(DeliveryKey) -> bool,
}

impl Look<'_> {
    /// Compares both orders, where somebody lapses at all. `again` says what is attempted once more: when it is due, and
    /// whether it is in doubt.
    pub(super) fn compare(&self, again: Vec<(Timestamp, DeliveryKey, bool)>) -> Option<Comparison> {
        let dates = Dates::of(self.roll, self.plan.audience.as_of, self.now)?;
        let starts = Starts::of(self.plan, self.first_due, self.now);
        let start = |nth, due| starts.within(nth, due);
        let again = self.again(&dates, again);
        let ordinals = 1..=self.plan.coupons_per_user;
        let order = self.plan.audience.order;
        let listed = self.roll.order().filter(|_| order == Order::AsListed);
        let by_list = ordinals.clone().flat_map(|ordinal| {
            let users = users(listed, dates.recipients());
            let waiting = users.filter(move |user| self.waits(*user, ordinal));
            waiting.map(move |user| self.turn(dates.latest(dates.last(user)), ordinal))
        });
        let as_listed = Lapses::of(&again, by_list, start);
        let by_expiry = ordinals.flat_map(|ordinal| {
            let latest = self.sorted(&dates, ordinal).into_iter();
            latest.map(move |last| self.turn(dates.latest(last), ordinal))
        });
        Some(Comparison {
            order,
            as_listed,
            expiring_first: Lapses::of(&again, by_expiry, start),
        })
    }

    fn again(&self, dates: &Dates<'_>, mut again: Vec<(Timestamp, DeliveryKey, bool)>) -> Vec<Again> {
        again.sort_unstable();
        let turn = |key: DeliveryKey| self.turn(dates.latest(dates.last(key.recipient)), key.ordinal);
        again
            .into_iter()
            .map(|(due, key, doubtful)| Again {
                due,
                turn: (!doubtful).then(|| turn(key)),
            })
            .collect()
    }

    fn waits(&self, recipient: u32, ordinal: u8) -> bool {
        (self.waits)(DeliveryKey { recipient, ordinal })
    }

    /// Whoever waits for one coupon waits for all of theirs behind it.
    const fn turn(&self, latest: Timestamp, ordinal: u8) -> Turn {
        Turn {
            latest,
            last: ordinal == self.plan.coupons_per_user,
        }
    }

    /// When everybody was last active who waits for this coupon, ascending.
    fn sorted(&self, dates: &Dates<'_>, ordinal: u8) -> Vec<u32> {
        let waiting = (0..dates.recipients()).filter(|user| self.waits(*user, ordinal));
        let mut last = Vec::with_capacity(dates.recipients() as usize);
        last.extend(waiting.map(|user| dates.last(user)));
        last.sort_unstable();
        last
    }
}

/// Everybody in the order of their turns: in this one, or in that of admission.
fn users(order: Option<&[u32]>, all: u32) -> impl Iterator<Item = u32> {
    let admission = if order.is_some() { 0..0 } else { 0..all };
    order.into_iter().flatten().copied().chain(admission)
}
