//! Selects the users that are owed a coupon, in send order: a pure function of one reading.

use std::time::Duration;

use fixedbitset::FixedBitSet;
use jiff::Timestamp;

use crate::model::bucketing::{Bucketing, CONTROL_GROUP};
use crate::model::delivery::Away;
use crate::model::threads::in_parts;
use crate::plan::{AsOf, ExpiryRule, Plan, TurnOrder};

use super::admission_terms::Terms;
use super::audience_rows::AudienceRows;
use super::bit_sets::{numbers_by, numbers_that, ranks};
use crate::engine::send_order;

/// The fewest users for which a further thread is worth its start.
const MIN_USERS_PER_THREAD: u32 = 1 << 16;

/// The decision on every user, by the numbers of [`AudienceRows`].
pub(super) struct Choice {
    /// Why each user is not owed anything; `None` for those that are.
    away: Vec<Option<Away>>,
    /// The newcomers that are admitted; `None` for all.
    pub(super) kept: Option<FixedBitSet>,
    /// The number of admitted newcomers.
    pub(super) admitted: u32,
    /// The number of users that the limit cuts.
    pub(super) cut: u64,
    /// The send order by the ledger's numbers; `None` for the order of rows.
    pub(super) order: Option<Vec<u32>>,
}

impl Choice {
    pub(super) fn new(rows: &AudienceRows<'_>, terms: &Terms<'_>) -> Self {
        let mut choice = Self {
            away: away(rows, terms),
            kept: None,
            admitted: rows.newcomers.len(),
            cut: 0,
            order: None,
        };
        let order = terms.plan.audience.order;
        choice.limit(rows, terms.plan.audience.limit, order);
        choice.order = choice.turns(rows, order);
        choice
    }

    pub(super) fn away(&self, user: u32) -> Option<Away> {
        self.away.get(user as usize).copied().flatten()
    }

    /// Whether a user is owed a coupon. The ledger knows `known` users.
    pub(super) fn is_owed(&self, user: u32, known: u32) -> bool {
        let kept = user.checked_sub(known).zip(self.kept.as_ref());
        self.away(user).is_none() && kept.is_none_or(|(newcomer, kept)| kept.contains(newcomer as usize))
    }

    /// The admitted newcomers: the ledger's future number, and why the newcomer is not owed anything.
    pub(super) fn newcomers<'c>(&'c self, rows: &AudienceRows<'_>) -> impl Iterator<Item = (u32, Option<Away>)> + 'c {
        let known = rows.ledger_state.recipients();
        let all = 0..rows.newcomers.len();
        let kept = all.filter(|newcomer| self.kept.as_ref().is_none_or(|kept| kept.contains(*newcomer as usize)));
        (known..).zip(kept.map(move |newcomer| self.away(known + newcomer)))
    }

    /// The testers of the campaign by the ledger's numbers, ascending.
    pub(super) fn testers(&self, rows: &AudienceRows<'_>) -> Vec<u32> {
        let known = rows.ledger_state.recipients();
        let rank = self.kept.as_ref().map(ranks);
        let number = |user: u32| {
            let Some(newcomer) = user.checked_sub(known) else {
                return Some(user);
            };
            let is_kept = self.kept.as_ref().is_none_or(|kept| kept.contains(newcomer as usize));
            let rank = rank.as_ref().map_or(newcomer, |rank| rank(newcomer));
            is_kept.then_some(known + rank)
        };
        rows.testers.users().iter().filter_map(|user| number(*user)).collect()
    }

    /// Applies the limit. Recipients that were owed before keep their places, the earliest first. The places that are left go to the
    /// others, in send order.
    fn limit(&mut self, rows: &AudienceRows<'_>, limit: u64, order: TurnOrder) {
        let ledger_state = rows.ledger_state;
        let mut places = 0;
        let mut cut = Vec::new();
        for recipient in (0..ledger_state.recipients()).filter(|recipient| ledger_state.was_ever_owed(*recipient)) {
            places += 1;
            if places > limit && self.away(recipient).is_none() {
                cut.push(recipient);
            }
        }
        let free = limit.saturating_sub(places);
        let without = |user: &u32| self.away(*user).is_none() && !ledger_state.was_ever_owed(*user);
        let is_over = || (0..self.users()).filter(without).count() as u64 > free;
        if u64::from(self.users()) > free && is_over() {
            let mut waiting: Vec<u32> = rows.sequence.users(self.users()).filter(without).collect();
            if order == TurnOrder::ExpiringFirst {
                waiting.sort_by_key(|user| rows.last_active.last(*user));
            }
            // Testers come first, so they have places first.
            waiting.sort_by_key(|user| !rows.testers.contains(*user));
            cut.extend(waiting.into_iter().skip(usize::try_from(free).unwrap_or(usize::MAX)));
        }
        self.cut = cut.len() as u64;
        let known = ledger_state.recipients();
        let mut dropped = FixedBitSet::with_capacity(rows.newcomers.len() as usize);
        for user in cut {
            match user.checked_sub(known) {
                Some(newcomer) => self.admitted -= u32::from(!dropped.put(newcomer as usize)),
                None => self.away[user as usize] = Some(Away::Limit),
            }
        }
        if self.admitted < rows.newcomers.len() {
            let is_kept = |newcomer| !dropped.contains(newcomer as usize);
            self.kept = Some(numbers_that(rows.newcomers.len(), is_kept));
        }
    }

    fn users(&self) -> u32 {
        u32::try_from(self.away.len()).unwrap_or(u32::MAX)
    }

    fn turns(&self, rows: &AudienceRows<'_>, order: TurnOrder) -> Option<Vec<u32>> {
        let known = rows.ledger_state.recipients();
        let has_turn = |user: &u32| self.is_owed(*user, known);
        let by_source = || rows.sequence.users(self.users()).filter(has_turn);
        let mut turns: Vec<u32> = match order {
            TurnOrder::AsListed if rows.sequence.is_ascending() => return None,
            TurnOrder::AsListed => by_source().collect(),
            TurnOrder::ExpiringFirst => ordered(by_source, |user| rows.last_active.last(user)),
        };
        if let Some(kept) = &self.kept {
            let rank = ranks(kept);
            for user in &mut turns {
                if let Some(newcomer) = user.checked_sub(known) {
                    *user = known + rank(newcomer);
                }
            }
        }
        Some(turns)
    }
}

/// Sorts users by their last activity, like a stable sort. Reads `users` several times and allocates little besides the result:
/// there may be a hundred million users.
fn ordered<U: Iterator<Item = u32>>(users: impl Fn() -> U, last: impl Fn(u32) -> u32) -> Vec<u32> {
    /// The largest number of buckets, as a power of two.
    const MOST_BUCKETS: u32 = 20;
    let mut begin = u32::MAX;
    let mut end = 0;
    let mut all = 0_u32;
    users().map(&last).for_each(|at| {
        begin = begin.min(at);
        end = end.max(at);
        all += 1;
    });
    let span = end.saturating_sub(begin);
    let buckets = all.checked_ilog2().unwrap_or_default().min(MOST_BUCKETS);
    let shift = (u32::BITS - span.leading_zeros()).saturating_sub(buckets);
    let bucket = |user| ((last(user) - begin) >> shift) as usize;
    // First the number of users in earlier buckets, then the end of the filled part of each bucket.
    let mut filled = vec![0_u32; (span >> shift) as usize + 2];
    users().for_each(|user| filled[bucket(user) + 1] += 1);
    let mut before = 0;
    for many in &mut filled {
        before += *many;
        *many = before;
    }
    let mut ordered = vec![0; all as usize];
    users().for_each(|user| {
        let place = &mut filled[bucket(user)];
        ordered[*place as usize] = user;
        *place += 1;
    });
    if shift > 0 {
        let mut from = 0;
        for to in filled {
            ordered[from..to as usize].sort_by_key(|user| last(*user));
            from = to as usize;
        }
    }
    ordered
}

/// Why each user is not owed anything, without the limit. Exclusion comes first, so that a user who said no is never sent to for
/// another reason. The control group comes before expiry, so that it is a share of all users.
fn away(rows: &AudienceRows<'_>, terms: &Terms<'_>) -> Vec<Option<Away>> {
    let ledger_state = rows.ledger_state;
    let plan = terms.plan;
    let known = ledger_state.recipients();
    let users = rows.users();
    let gone = |user: u32| user < known && !rows.names(user);
    let control_group = control_group(rows, plan, users);
    let present = present(plan, terms.present(ledger_state).now);
    let earliest = match plan.audience.lapse {
        ExpiryRule::Never => 0,
        ExpiryRule::After(within) => earliest_in_time(within, present),
    };
    let lapsed = |user| u64::from(rows.last_active.last(user)) < earliest;
    let why = |user: u32| {
        if user < known && rows.excluded.has_known(user) {
            Some(Away::Excluded)
        } else if gone(user) {
            Some(Away::Gone)
        } else if control_group.contains(user as usize) && !rows.testers.contains(user) {
            Some(Away::ControlGroup)
        } else {
            lapsed(user).then_some(Away::Lapsed)
        }
    };
    in_parts(users, MIN_USERS_PER_THREAD, |part| part.map(why).collect::<Vec<_>>()).concat()
}

/// The earliest last activity, in seconds, with which a user has not expired. There are far more users than steps of this search.
fn earliest_in_time(within: Duration, present: Timestamp) -> u64 {
    let mut begin = 0;
    let mut end = u64::from(u32::MAX) + 1;
    while begin < end {
        let middle = u64::midpoint(begin, end);
        let last = u32::try_from(middle).unwrap_or(u32::MAX);
        if send_order::lapses(last, within) < present {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    begin
}

fn control_group(rows: &AudienceRows<'_>, plan: &Plan, users: u32) -> FixedBitSet {
    let share = plan.audience.control_group;
    if share == 0.0 {
        return FixedBitSet::new();
    }
    let known = rows.ledger_state.recipients();
    let draw = Bucketing::new(CONTROL_GROUP, &plan.identity.campaign, &plan.identity.app_id);
    numbers_by(users, |first| {
        let mut known_ids = rows.ledger_state.open_ids_from(first);
        let mut new_ids = rows.newcomers.from(first.saturating_sub(known));
        let mut open_id = String::new();
        let draw = &draw;
        move |user| {
            let open_ids = if user < known { &mut known_ids } else { &mut new_ids };
            open_ids.next_text(&mut open_id) && draw.within(share, &open_id)
        }
    })
}

/// The moment that decides whose activity has expired: no send comes before the schedule's start or outside its windows.
fn present(plan: &Plan, now: Timestamp) -> Timestamp {
    match plan.audience.as_of {
        AsOf::Wall => plan.schedule.turns(now),
        AsOf::From(start) => start,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{earliest_in_time, ordered};
    use crate::engine::send_order::lapses;
    use crate::model::clock::from_ms;

    fn last() -> impl Strategy<Value = u32> {
        prop_oneof![0..5_u32, 1_780_000_000..1_780_000_999_u32, any::<u32>()]
    }

    proptest! {
        #[test]
        fn a_user_has_expired_exactly_before_the_earliest_last_activity(
            within in 0..4_000_000_000_u64,
            present_ms in 0..8_000_000_000_000_i64,
        ) {
            let within = Duration::from_secs(within);
            let present = from_ms(present_ms);
            let earliest = earliest_in_time(within, present);
            if let Ok(last) = u32::try_from(earliest) {
                prop_assert!(lapses(last, within) >= present);
            }
            if let Some(before) = earliest.checked_sub(1) {
                prop_assert!(lapses(u32::try_from(before).expect("it is a time"), within) < present);
            }
        }

        #[test]
        fn users_are_ordered_as_a_stable_sort_orders_them(last in prop::collection::vec(last(), 0..300), odd: bool) {
            let users = || (0..).take(last.len()).filter(|user| !odd || user % 2 == 1).map(|user| user ^ 5);
            let last = |user: u32| last.get(user as usize).copied().unwrap_or(7);
            let mut sorted: Vec<u32> = users().collect();
            sorted.sort_by_key(|user| last(*user));
            prop_assert_eq!(ordered(users, last), sorted);
        }
    }
}
