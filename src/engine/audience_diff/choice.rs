//! Who of all that are known or named is owed something, and in which order: a pure function of one reading.

use jiff::Timestamp;

use crate::model::bucketing::{Bucketing, CONTROL_GROUP};
use crate::model::delivery::Away;
use crate::plan::{AsOf, ExpiryRule, Plan, TurnOrder};

use super::gathered::NumberSet;
use super::{DiffBuilder, Terms};
use crate::engine::send_order;

/// What was decided of everybody. Users go by one number here: those whom the ledger knows by theirs, and behind them the
/// newcomers in the order of the source.
pub(super) struct Choice {
    /// Why each one is not owed anything; none for those who are.
    away: Vec<Option<Away>>,
    /// The newcomers that are admitted; all of them when there is none.
    pub(super) kept: Option<NumberSet>,
    /// How many newcomers are admitted.
    pub(super) admitted: u32,
    /// How many the limit cuts.
    pub(super) cut: u64,
    /// The order of turns by the numbers that the ledger gives; none when that is the order of admission.
    pub(super) order: Option<Vec<u32>>,
}

impl Choice {
    pub(super) fn new(admission: &DiffBuilder<'_>, terms: &Terms<'_>) -> Self {
        let mut choice = Self {
            away: away(admission, terms),
            kept: None,
            admitted: admission.newcomers.len(),
            cut: 0,
            order: None,
        };
        let order = terms.plan.audience.order;
        choice.limit(admission, terms.plan.audience.limit, order);
        choice.order = choice.turns(admission, order);
        choice
    }

    /// Why a user is not owed anything.
    pub(super) fn away(&self, user: u32) -> Option<Away> {
        self.away.get(user as usize).copied().flatten()
    }

    /// Whether a user is owed something. The ledger knows `known` users.
    pub(super) fn is_owed(&self, user: u32, known: u32) -> bool {
        let kept = user.checked_sub(known).zip(self.kept.as_ref());
        self.away(user).is_none() && kept.is_none_or(|(newcomer, kept)| kept.contains(newcomer))
    }

    /// The newcomers that are admitted, each by the number that the ledger will give it, and why it is away.
    pub(super) fn newcomers<'c>(
        &'c self,
        admission: &DiffBuilder<'_>,
    ) -> impl Iterator<Item = (u32, Option<Away>)> + 'c {
        let known = admission.ledger_state.recipients();
        let all = 0..admission.newcomers.len();
        let kept = all.filter(|newcomer| self.kept.as_ref().is_none_or(|kept| kept.contains(*newcomer)));
        (known..).zip(kept.map(move |newcomer| self.away(known + newcomer)))
    }

    /// Cuts at the limit: a place once had is kept, the first of them before the others; what is left of the places goes
    /// to those who never had one, in the order of turns.
    fn limit(&mut self, admission: &DiffBuilder<'_>, limit: u64, order: TurnOrder) {
        let ledger_state = admission.ledger_state;
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
        let many = (0..self.users()).filter(without).count();
        if many as u64 > free {
            let mut waiting: Vec<u32> = admission.sequence.users(self.users()).filter(without).collect();
            if order == TurnOrder::ExpiringFirst {
                waiting.sort_by_key(|user| admission.activity.last(*user));
            }
            cut.extend(waiting.into_iter().skip(usize::try_from(free).unwrap_or(usize::MAX)));
        }
        self.cut = cut.len() as u64;
        let known = ledger_state.recipients();
        let mut dropped = NumberSet::below(admission.newcomers.len());
        for user in cut {
            match user.checked_sub(known) {
                Some(newcomer) => self.admitted -= u32::from(dropped.insert(newcomer)),
                None => self.away[user as usize] = Some(Away::Limit),
            }
        }
        if self.admitted < admission.newcomers.len() {
            let kept = |newcomer| !dropped.contains(newcomer);
            self.kept = Some(NumberSet::that(admission.newcomers.len(), kept));
        }
    }

    fn users(&self) -> u32 {
        u32::try_from(self.away.len()).unwrap_or(u32::MAX)
    }

    fn turns(&self, admission: &DiffBuilder<'_>, order: TurnOrder) -> Option<Vec<u32>> {
        let known = admission.ledger_state.recipients();
        let has_turn = |user: &u32| self.is_owed(*user, known);
        let by_source = || admission.sequence.users(self.users()).filter(has_turn);
        let mut turns: Vec<u32> = match order {
            TurnOrder::AsListed if admission.sequence.is_ascending() => return None,
            TurnOrder::AsListed => by_source().collect(),
            TurnOrder::ExpiringFirst => ordered(by_source, |user| admission.activity.last(user)),
        };
        if let Some(kept) = &self.kept {
            let rank = kept.ranks();
            for user in &mut turns {
                if let Some(newcomer) = user.checked_sub(known) {
                    *user = known + rank(newcomer);
                }
            }
        }
        Some(turns)
    }
}

/// Users by when they were last active; those of one second stay in their order. It goes over them a few times and keeps
/// little beside what it yields: there may be a hundred million.
fn ordered<U: Iterator<Item = u32>>(users: impl Fn() -> U, last: impl Fn(u32) -> u32) -> Vec<u32> {
    /// So many drawers at most, as a power of two.
    const DRAWERS: u32 = 20;
    let (mut begin, mut end, mut all) = (u32::MAX, 0, 0_u32);
    for at in users().map(&last) {
        (begin, end, all) = (begin.min(at), end.max(at), all + 1);
    }
    let span = end.saturating_sub(begin);
    let drawers = all.checked_ilog2().unwrap_or_default().min(DRAWERS);
    let shift = (u32::BITS - span.leading_zeros()).saturating_sub(drawers);
    let drawer = |user| ((last(user) - begin) >> shift) as usize;
    // How many are in the drawers before each one, then how far each one is filled.
    let mut filled = vec![0_u32; (span >> shift) as usize + 2];
    users().for_each(|user| filled[drawer(user) + 1] += 1);
    let mut before = 0;
    for many in &mut filled {
        before += *many;
        *many = before;
    }
    let mut ordered = vec![0; all as usize];
    for user in users() {
        let place = &mut filled[drawer(user)];
        ordered[*place as usize] = user;
        *place += 1;
    }
    if shift > 0 {
        let mut from = 0;
        for to in filled {
            ordered[from..to as usize].sort_by_key(|user| last(*user));
            from = to as usize;
        }
    }
    ordered
}

/// Why each user is not owed anything, the limit aside: excluded before all else, so that nobody who said no is sent to for
/// another reason; the control group before the lapsed, so that it is a share of everybody.
fn away(admission: &DiffBuilder<'_>, terms: &Terms<'_>) -> Vec<Option<Away>> {
    let (ledger_state, plan) = (admission.ledger_state, terms.plan);
    let known = ledger_state.recipients();
    let users = known + admission.newcomers.len();
    let gone = |user: u32| user < known && !admission.named.contains(user);
    let control_group = control_group(admission, plan, users);
    let present = present(plan, terms.present(ledger_state).now);
    let lapsed = |user| match plan.audience.lapse {
        ExpiryRule::Never => false,
        ExpiryRule::After(within) => send_order::lapses(admission.activity.last(user), within) < present,
    };
    let why = |user| {
        if user < known && admission.excluded.has_known(user) {
            Some(Away::Excluded)
        } else if gone(user) {
            Some(Away::Gone)
        } else if control_group.contains(user) {
            Some(Away::ControlGroup)
        } else {
            lapsed(user).then_some(Away::Lapsed)
        }
    };
    (0..users).map(why).collect()
}

fn control_group(admission: &DiffBuilder<'_>, plan: &Plan, users: u32) -> NumberSet {
    let share = plan.audience.control_group;
    if share == 0.0 {
        return NumberSet::default();
    }
    let known = admission.ledger_state.recipients();
    let draw = Bucketing::new(CONTROL_GROUP, &plan.identity.campaign, &plan.identity.app_id);
    NumberSet::by(users, |first| {
        let mut known_ids = admission.ledger_state.open_ids_from(first);
        let mut new_ids = admission.newcomers.open_ids_from(first.saturating_sub(known));
        let (mut open_id, draw) = (String::new(), &draw);
        move |user| {
            let open_ids = if user < known { &mut known_ids } else { &mut new_ids };
            open_ids.next_text(&mut open_id) && draw.within(share, &open_id)
        }
    })
}

/// The moment by which it is decided who has lapsed: nobody's turn comes before the schedule's start, or outside its windows.
fn present(plan: &Plan, now: Timestamp) -> Timestamp {
    match plan.audience.as_of {
        AsOf::Wall => plan.schedule.turns(now),
        AsOf::From(start) => start,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ordered;

    fn last() -> impl Strategy<Value = u32> {
        prop_oneof![0..5_u32, 1_780_000_000..1_780_000_999_u32, any::<u32>()]
    }

    proptest! {
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
