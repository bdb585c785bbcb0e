//! Several applies with edits, sends and crashes between them, against sets and vectors.

use crate::audience::Activity;
use crate::engine::send_order::SendOrder;
use crate::model::delivery::Away;
use crate::model::delivery::StateName;
use crate::model::outcome::Class;
use crate::plan::ExpiryRule;
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::memory::{Apply, CODE, LISTS, Memory};
use crate::ledger::{AudienceOrigin, Fact};
use crate::model::bucketing::{Bucketing, CONTROL_GROUP};
use crate::model::clock::from_ms;
use crate::model::delivery::{Decision, DeliveryKey, Skipped, State};
use crate::plan::TurnOrder;

/// Users are few, so that they meet in every way.
const USERS: u8 = 12;
/// `active_within`, in seconds.
const WITHIN: u32 = 10;

/// What happens between two applies, and what the next one finds.
#[derive(Clone, Debug)]
struct Turn {
    /// Rows: who, and when they were last active, which some do not say.
    rows: Vec<(u8, Option<u32>)>,
    excluded: Vec<Vec<u8>>,
    options: Options,
    class: Class,
    sends: Vec<(usize, u8)>,
    /// Whether the ledger belongs to a fleet.
    in_fleet: bool,
    /// Recipients whose turn comes too late.
    late: Vec<u8>,
    /// The process ends once, after this many batches of a pending generation.
    crash: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Options {
    limit: u64,
    coupons: u8,
    control_group: f64,
    expiring_first: bool,
    lapse: bool,
    now: u32,
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(u64::MAX), 0_u64..12],
        1_u8..=3,
        prop::sample::select(vec![0.0, 0.3, 0.6]),
        any::<bool>(),
        any::<bool>(),
        10_u32..30,
    )
        .prop_map(|(limit, coupons, control_group, expiring_first, lapse, now)| Options {
            limit,
            coupons,
            control_group,
            // Without a lapse nothing expires, and the campaign's file is refused.
            expiring_first: expiring_first && lapse,
            lapse,
            now,
        })
}

fn turn() -> impl Strategy<Value = Turn> {
    (
        prop::collection::vec((0..USERS, prop::option::weighted(0.9, 0_u32..30)), 0..20),
        prop::collection::vec(prop::collection::vec(0..USERS, 0..3), 0..3),
        options(),
        prop::sample::select(Class::ALL.to_vec()),
        prop::collection::vec((0_usize..40, 0_u8..5), 0..12),
        prop::collection::vec(0..USERS, 0..2),
        prop::option::weighted(0.3, 0_usize..4),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(rows, excluded, options, class, sends, late, crash, in_fleet)| Turn {
            rows,
            excluded,
            options,
            class,
            sends,
            in_fleet,
            late,
            crash,
        })
}

impl Turn {
    fn apply(&self) -> Apply {
        let said = self.options;
        let rows = self.rows.iter();
        let mut apply = Apply::new(rows.clone().map(|(user, _)| user)).accepting(&Accept::ALL);
        apply.active = rows
            .map(|(_, at)| at.map_or(Activity::Unknown, |at| Activity::At(from_ms(i64::from(at) * 1000))))
            .collect();
        let list = |(nth, users): (usize, &Vec<u8>)| (nth.to_string(), users.iter().map(u8::to_string).collect());
        apply.excluded = self.excluded.iter().enumerate().map(list).collect();
        apply.class = self.class;
        apply.now = from_ms(i64::from(said.now) * 1000);
        apply.plan.coupons_per_user = said.coupons;
        apply.origin = self.in_fleet.then(|| AudienceOrigin {
            at: apply.now,
            host: "a".to_owned(),
            lists: LISTS,
        });
        let audience = &mut apply.plan.audience;
        (audience.limit, audience.allow_empty, audience.max_unusable) = (said.limit, true, 1.0);
        audience.control_group = said.control_group;
        audience.order = if said.expiring_first {
            TurnOrder::ExpiringFirst
        } else {
            TurnOrder::AsListed
        };
        if said.lapse {
            audience.lapse = ExpiryRule::After(Duration::from_secs(WITHIN.into()));
        }
        apply
    }

    /// Who is named by a row that can be used, in the order of the source, and when each was last active.
    fn named(&self) -> (Vec<String>, BTreeMap<String, u32>) {
        let (mut order, mut last) = (Vec::new(), BTreeMap::new());
        for (user, at) in &self.rows {
            let (user, at) = (user.to_string(), at.unwrap_or_default());
            if self.options.lapse
                && self
                    .rows
                    .iter()
                    .all(|(other, at)| other.to_string() != user || at.is_none())
            {
                continue;
            }
            if !order.contains(&user) {
                order.push(user.clone());
            }
            let last: &mut u32 = last.entry(user).or_default();
            *last = at.max(*last);
        }
        // A user whose first row does not say when is named by the first one that does.
        if self.options.lapse {
            let usable: Vec<_> = self.rows.iter().filter(|(_, at)| at.is_some()).collect();
            order.sort_by_key(|user| usable.iter().position(|(other, _)| other.to_string() == *user));
        }
        (order, last)
    }
}

/// What the guarantees say of one apply, computed from sets each time. Nothing here looks at what was decided.
#[derive(Default)]
struct Naive {
    /// Everybody admitted, in the order of admission.
    admitted: Vec<String>,
    ever_owed: BTreeSet<String>,
    /// Why each is away.
    away: BTreeMap<String, Away>,
    /// Those who have a turn, in order.
    turns: Vec<String>,
}

impl Naive {
    fn apply(&mut self, turn: &Turn, plan: &Plan) {
        let said = turn.options;
        let (named, last) = turn.named();
        let excluded: BTreeSet<String> = turn.excluded.iter().flatten().map(u8::to_string).collect();
        let draw = Bucketing::new(CONTROL_GROUP, &plan.identity.campaign, &plan.identity.app_id);
        let why = |user: &String| {
            if excluded.contains(user) {
                return Some(Away::Excluded);
            }
            if !named.contains(user) {
                return Some(Away::Gone);
            }
            if draw.within(said.control_group, user) {
                return Some(Away::ControlGroup);
            }
            (said.lapse && last[user] + WITHIN < said.now).then_some(Away::Lapsed)
        };
        self.away = self
            .admitted
            .iter()
            .filter_map(|user| Some((user.clone(), why(user)?)))
            .collect();
        let new: Vec<_> = named
            .iter()
            .filter(|user| !self.admitted.contains(user) && !excluded.contains(*user))
            .collect();
        let mut turns: Vec<_> = named.iter().filter(|user| why(user).is_none()).cloned().collect();
        if said.expiring_first {
            turns.sort_by_key(|user| last[user]);
        }
        let limit = usize::try_from(said.limit).unwrap_or(usize::MAX);
        let had: Vec<_> = self
            .admitted
            .iter()
            .filter(|user| self.ever_owed.contains(*user))
            .cloned()
            .collect();
        let first: Vec<_> = had.iter().take(limit).collect();
        let mut free = limit.saturating_sub(had.len());
        turns.retain(|user| {
            if had.contains(user) {
                return first.contains(&user);
            }
            let fits = free > 0;
            free -= usize::from(fits);
            fits
        });
        for user in &self.admitted {
            if why(user).is_none() && !turns.contains(user) {
                self.away.insert(user.clone(), Away::Limit);
            }
        }
        for user in new {
            match why(user) {
                Some(why) => drop(self.away.insert(user.clone(), why)),
                None if turns.contains(user) => {}
                None => continue,
            }
            self.admitted.push(user.clone());
        }
        self.ever_owed.extend(turns.iter().cloned());
        self.turns = turns;
    }

    /// Why a delivery that is neither settled nor in doubt is not owed.
    fn skipped(&self, ledger: &Memory, key: DeliveryKey, coupons: u8) -> Option<Skipped> {
        let refused = |ordinal| {
            let state = ledger.state().status(DeliveryKey { ordinal, ..key }).state;
            matches!(state, State::Refused { .. })
        };
        if let Some(away) = self.away.get(&self.admitted[key.recipient as usize]) {
            return Some(away.skipped());
        }
        if key.ordinal > coupons {
            return Some(Skipped::CouponsPerUser);
        }
        (1..key.ordinal).any(refused).then_some(Skipped::EarlierRefused)
    }

    fn check(&self, ledger: &Memory, coupons: u8) {
        assert_eq!(ledger.open_ids(), self.admitted);
        for (recipient, user) in (0..).zip(&self.admitted) {
            assert_eq!(ledger.state().away(recipient), self.away.get(user).copied(), "{user}");
            assert_eq!(
                ledger.state().was_ever_owed(recipient),
                self.ever_owed.contains(user),
                "{user}"
            );
        }
        for key in ledger.all() {
            let why = self.skipped(ledger, key, coupons);
            match ledger.state().status(key).state {
                State::Pending | State::Deferred { .. } => assert_eq!(why, None, "{key:?}"),
                State::Held { .. } => assert!(why.is_none_or(|why| !why.takes_held()), "{key:?}: {why:?}"),
                State::Skipped(because) => assert_eq!(why, Some(because), "{key:?}"),
                State::Attempting { .. } | State::InDoubt | State::Issued | State::Refused { .. } => {}
            }
        }
    }
}

fn decision(kind: u8) -> Decision {
    match kind {
        0 => Decision::Issued,
        1 => Decision::Refused { code: CODE },
        2 => Decision::Held { code: CODE },
        3 => Decision::NotIssued {
            due: from_ms(1),
            code: None,
        },
        _ => Decision::Unknown {
            due: from_ms(1),
            code: Some(CODE),
        },
    }
}

/// The users in the order in which a run takes them.
fn turns(ledger: &Memory, send_order: &SendOrder) -> Vec<String> {
    let by_admission = (0..ledger.state().recipients()).filter(|recipient| ledger.state().away(*recipient).is_none());
    let order = send_order
        .order()
        .map_or_else(|| by_admission.collect(), <[u32]>::to_vec);
    order
        .iter()
        .map(|recipient| ledger.state().open_id(*recipient))
        .collect()
}

/// An audience that was taken over has the turns of the one that was read: in the order of admission, or of their expiry.
fn check_turns(ledger: &Memory, taken: &SendOrder, read: &SendOrder, options: Options) {
    let mut of_taken = turns(ledger, taken);
    let mut of_read = turns(ledger, read);
    let expiry = |user: &String| ledger.state().find(user).and_then(|recipient| read.lapses(recipient));
    if options.expiring_first {
        assert!(of_taken.is_sorted_by_key(&expiry));
    }
    of_taken.sort();
    of_read.sort();
    assert_eq!(of_taken, of_read);
    for user in &of_read {
        let recipient = ledger.state().find(user).expect("it was admitted");
        assert_eq!(taken.lapses(recipient), read.lapses(recipient));
    }
}

/// The deliveries that are held, or were when they were skipped.
fn held(ledger: &Memory) -> Vec<DeliveryKey> {
    let all = ledger.all().map(|key| (key, ledger.state().status(key)));
    let held = all.filter(|(_, status)| status.held.is_some() && !matches!(status.state, State::Refused { .. }));
    held.map(|(key, _)| key).collect()
}

/// What a held delivery may become by a file that gives its code this class.
fn may_become(class: Class) -> StateName {
    match class {
        Class::Issued => StateName::Issued,
        Class::Refuse => StateName::Refused,
        Class::Hold => StateName::Held,
        Class::Retry => StateName::InDoubt,
        Class::Throttle | Class::Token | Class::Wait | Class::Halt => StateName::Pending,
    }
}

fn settled(ledger: &Memory) -> Vec<(DeliveryKey, State)> {
    let all = ledger.all().map(|key| (key, ledger.state().status(key).state));
    all.filter(|(_, state)| matches!(state, State::Issued | State::Refused { .. } | State::InDoubt))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Several applies with edits, sends and crashes between them end where sets and vectors say.
    #[test]
    fn applies_converge_to_what_the_source_names(all in prop::collection::vec(turn(), 1..6)) {
        let mut ledger = Memory::new();
        let mut naive = Naive::default();
        let mut latest = 0;
        for mut turn in all {
            // A clock that was set back does not restart a day.
            latest = turn.options.now.max(latest);
            turn.options.now = latest;
            let apply = turn.apply();
            if let Some(durable) = turn.crash {
                // The process ends before the last batch: the ledger that is opened again is as it was.
                let before = ledger.image();
                let batches: Vec<_> = apply.decide(&ledger).expect("the audience is admitted").changes.batches_of(1).collect::<Result<_, _>>().expect("everybody can be read");
                for batch in batches.into_iter().rev().skip(1).rev().take(durable) {
                    ledger.append(batch);
                }
                ledger.reopen();
                prop_assert_eq!(ledger.image(), before);
            }
            let held_before = held(&ledger);
            let before = settled(&ledger);
            let admission = apply.to(&mut ledger);
            naive.apply(&turn, &apply.plan);
            naive.check(&ledger, turn.options.coupons);
            prop_assert_eq!(&turns(&ledger, &admission.send_order), &naive.turns);
            for (key, state) in before {
                let now = ledger.state().status(key).state;
                prop_assert!(now == state || state == State::InDoubt && now == State::Issued, "{:?}", key);
            }
            for key in held_before {
                let now = ledger.state().status(key).state.name();
                let possible = [StateName::Held, StateName::Skipped, may_become(turn.class)];
                prop_assert!(possible.contains(&now), "{:?} is {} by {:?}", key, now, turn.class);
            }
            let (named, last) = turn.named();
            let reading = &admission.reading;
            prop_assert_eq!(reading.listed, named.len() as u64);
            let excluded = named.iter().filter(|user| turn.excluded.iter().flatten().any(|other| other.to_string() == **user));
            prop_assert_eq!(reading.excluded, excluded.count() as u64);
            for (why, read) in [(Away::ControlGroup, reading.control_group), (Away::Lapsed, reading.lapsed)] {
                prop_assert_eq!(read, naive.away.values().filter(|away| **away == why).count() as u64);
            }
            if turn.options.lapse {
                for recipient in (0..ledger.state().recipients()).filter(|recipient| ledger.state().away(*recipient).is_none()) {
                    let last = last[&ledger.state().open_id(recipient)] + WITHIN;
                    prop_assert_eq!(admission.send_order.lapses(recipient), Some(from_ms(i64::from(last) * 1000)));
                }
            }
            let again = apply.to(&mut ledger);
            let facts: Vec<_> = again.changes.into_batches().flatten().flatten().collect();
            let is_new = |fact: &Fact| !matches!(fact, Fact::Origin(_) | Fact::LastActive { .. });
            let new: Vec<_> = facts.iter().filter(|fact| is_new(fact)).collect();
            prop_assert!(matches!(new.as_slice(), [Fact::Closed(_)]), "{:?}", facts);
            let taken = apply.take_over_to(&mut ledger);
            prop_assert_eq!(taken.as_ref().err(), (!turn.in_fleet).then_some(&NotTakenOver::UnknownLists));
            if let Ok(taken) = taken {
                let facts: Vec<_> = taken.changes.into_batches().flatten().flatten().collect();
                prop_assert!(matches!(facts.as_slice(), [Fact::Origin(_), Fact::Closed(_)]), "{:?}", facts);
                naive.check(&ledger, turn.options.coupons);
                check_turns(&ledger, &taken.send_order, &admission.send_order, turn.options);
            }
            let keys: Vec<_> = ledger.all().collect();
            for (place, kind) in turn.sends {
                if let Some(key) = keys.get(place) {
                    ledger.send(*key, decision(kind));
                }
            }
            for user in turn.late {
                let recipient = ledger.state().find(&user.to_string());
                if let Some(recipient) = recipient.filter(|recipient| ledger.state().away(*recipient).is_none()) {
                    ledger.append(vec![Fact::Lapsed { recipient, at: apply.now }]);
                }
            }
            // Whatever happened since: going on with the audience decides what reading the same rows again decides.
            if let Ok(taken) = apply.take_over(&ledger) {
                let read = apply.decide(&ledger).expect("the audience is admitted");
                prop_assert_eq!(taken.counts, read.counts);
                prop_assert_eq!(&taken.skipped, &read.skipped);
                prop_assert_eq!(&taken.changes.away, &read.changes.away);
                prop_assert_eq!(&taken.changes.returned, &read.changes.returned);
                prop_assert_eq!(&taken.changes.reread, &read.changes.reread);
                prop_assert_eq!(&taken.changes.reread_returned, &read.changes.reread_returned);
                prop_assert_eq!(&taken.changes.generation.excluded, &read.changes.generation.excluded);
                prop_assert_eq!(taken.reading.listed, read.reading.listed);
                // The turns are those after the changes, which are not appended here.
                if read.changes.away.is_empty() && read.changes.returned.is_empty() {
                    check_turns(&ledger, &taken.send_order, &read.send_order, turn.options);
                }
            }
        }
    }
}
