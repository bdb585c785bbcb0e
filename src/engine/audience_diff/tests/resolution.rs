//! Whom rows name, against the plain way: one row after the other, with maps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::gathered_rows::GatheredRows;
use super::super::*;
use super::memory::{Apply, Memory};
use crate::audience::{Activity, Place, Row, Totals};
use crate::ledger::Spill;
use crate::model::clock::from_ms;
use crate::model::event::{PlaceUnit, Rows, UnusableKind};
use crate::plan::ExpiryRule;

/// Users are few, so that they meet in every way.
const USERS: u32 = 24;

#[derive(Clone, Debug)]
struct Case {
    known: Vec<u32>,
    lists: Vec<Vec<u32>>,
    rows: Vec<SourceRow>,
    testers: Vec<u32>,
    dated: bool,
    /// The memory limit, and the open_ids in a piece.
    spill: (u64, u32),
}

#[derive(Clone, Debug)]
struct SourceRow {
    /// `None` if the row is unusable.
    user: Option<u32>,
    at: u32,
    /// How many lines lie between the row before and this one.
    blank_lines: u64,
    begins_file: bool,
}

/// The open_id of a user, in each form in which open_ids are packed.
fn open_id(user: u32) -> String {
    match user % 5 {
        0 => user.to_string(),
        1 => format!("{user:08x}-0000-4000-8000-0123456789ab"),
        2 => format!("user.{user}"),
        3 => format!("_{user}"),
        _ => format!("a{user:x}"),
    }
}

fn rows() -> impl Strategy<Value = Vec<SourceRow>> {
    let row = (
        prop::option::weighted(0.9, 0..USERS),
        0_u32..9,
        prop_oneof![4 => Just(0_u64), 1 => 1_u64..3],
        prop::bool::weighted(0.05),
    );
    let any_order = prop::collection::vec(row.clone(), 0..40);
    // Most sources name the known users in the order of their numbers.
    let in_order = any_order.clone().prop_map(|mut rows| {
        rows.sort_by_key(|(user, ..)| *user);
        rows
    });
    prop_oneof![any_order, in_order].prop_map(|rows| {
        let row = |(user, at, blank_lines, begins_file)| SourceRow {
            user,
            at,
            blank_lines,
            begins_file,
        };
        rows.into_iter().map(row).collect()
    })
}

fn case() -> impl Strategy<Value = Case> {
    let known = prop::collection::btree_set(0..USERS, 0..USERS as usize);
    let known = (known, any::<bool>()).prop_map(|(known, reversed)| {
        let mut known: Vec<_> = known.into_iter().collect();
        if reversed {
            known.reverse();
        }
        known
    });
    let spill = prop::sample::select(vec![(u64::MAX, 1 << 16), (0, 1), (0, 2), (7, 4), (40, 16)]);
    (
        known,
        prop::collection::vec(prop::collection::vec(0..USERS, 0..6), 0..3),
        rows(),
        prop::collection::vec(0..USERS, 0..4),
        any::<bool>(),
        spill,
    )
        .prop_map(|(known, lists, rows, testers, dated, spill)| Case {
            known,
            lists,
            rows,
            testers,
            dated,
            spill,
        })
}

/// What follows from the rows.
#[derive(Debug, Default, PartialEq)]
struct Resolved {
    listed: u64,
    repeated: Rows,
    unusable: BTreeMap<UnusableKind, Rows>,
    newcomers: Vec<String>,
    /// The users in the order of their first rows.
    order: Vec<u32>,
    /// When each of them was last active.
    last: Vec<u32>,
    testers: Vec<u32>,
    /// How many users a list excludes and the ledger does not know.
    strangers: u64,
    excluded: Vec<u32>,
}

impl Case {
    /// Each row with its place and its activity.
    fn rows(&self) -> impl Iterator<Item = (Place<'static>, &SourceRow)> {
        let mut files = ["a.csv", "b.csv"].into_iter().cycle();
        let mut place = Place {
            within: "a.csv",
            unit: PlaceUnit::Line,
            number: 1,
        };
        self.rows.iter().map(move |row| {
            if row.begins_file {
                place.within = files.next().expect("there is always another file");
                place.number = 1;
            }
            place.number += 1 + row.blank_lines;
            (place, row)
        })
    }

    fn apply(&self) -> Apply {
        let apply = Apply::new(self.known.iter().map(|user| open_id(*user)));
        let within = Duration::from_secs(5);
        apply.with(|plan| {
            plan.audience.allow_empty = true;
            if self.dated {
                plan.audience.lapse = ExpiryRule::After(within);
            }
        })
    }

    fn expected(&self) -> Resolved {
        let mut expected = Resolved::default();
        let known: Vec<_> = self.known.iter().map(|user| open_id(*user)).collect();
        let is_listed = |user: &u32| self.lists.iter().any(|list| list.contains(user));
        let recipients = 0..u32::try_from(known.len()).expect("few");
        let excluded = recipients.filter(|recipient| is_listed(&self.known[*recipient as usize]));
        expected.excluded = excluded.collect();
        let mut users = known.clone();
        let mut named = BTreeMap::new();
        let mut strangers = BTreeSet::new();
        let testers = self.testers.iter().map(|user| (None, *user, u32::MAX));
        let mut usable = Vec::new();
        for (place, row) in self.rows() {
            match row.user {
                Some(user) => usable.push((Some(place), user, row.at)),
                None => expected.unusable.entry(UnusableKind::Empty).or_default().add(place),
            }
        }
        for (place, user, at) in usable.into_iter().chain(testers) {
            let at = if self.dated { at } else { 0 };
            let mut is_new = false;
            let number = users.iter().position(|known| *known == open_id(user));
            if number.is_none() && is_listed(&user) {
                is_new = strangers.insert(user);
            } else {
                let number = number.unwrap_or_else(|| {
                    users.push(open_id(user));
                    users.len() - 1
                });
                let number = u32::try_from(number).expect("few");
                let last = named.entry(number).or_insert_with(|| {
                    is_new = true;
                    expected.order.push(number);
                    at
                });
                *last = at.max(*last);
                if place.is_none() {
                    expected.testers.push(number);
                }
            }
            match place {
                _ if is_new => expected.listed += 1,
                Some(place) => expected.repeated.add(place),
                None => {}
            }
        }
        expected.testers.sort_unstable();
        expected.testers.dedup();
        expected.last = expected.order.iter().map(|user| named[user]).collect();
        expected.newcomers = users.split_off(known.len());
        expected.strangers = strangers.len() as u64;
        expected
    }

    fn resolved(&self) -> Resolved {
        let (limit, per_piece) = self.spill;
        let mut memory = Memory::spilling(Spill::beyond(limit, per_piece, std::env::temp_dir()));
        let mut first = self.apply();
        first.plan.audience.lapse = ExpiryRule::Never;
        first.to(&mut memory);
        let row = |place, open_id: Result<&str, UnusableKind>, at| {
            let last_active = Activity::At(from_ms(i64::from(at) * 1_000));
            let open_id = open_id.map(str::to_owned);
            (place, open_id, last_active)
        };
        let mut excluded = Exclusion::new(memory.state());
        for (nth, list) in self.lists.iter().enumerate() {
            excluded.campaign(nth.to_string(), list.iter().map(|user| open_id(*user)));
        }
        let mut gathered = GatheredRows::new(excluded, &self.apply().plan);
        for (place, SourceRow { user, at, .. }) in self.rows() {
            let text = user.map(open_id);
            let (place, open_id, last_active) = row(place, text.as_deref().ok_or(UnusableKind::Empty), *at);
            gathered.add(&Row {
                place,
                open_id: open_id.as_deref().map_err(|kind| *kind),
                last_active,
            });
        }
        for tester in &self.testers {
            gathered.add_tester(&open_id(*tester)).expect("it is usable");
        }
        let rows = gathered.resolve();
        memory.state().spill().check().expect("the file was read and written");
        let users = 0..rows.users();
        let is_named = |user: &u32| *user >= memory.state().recipients() || rows.names(*user);
        let order: Vec<_> = rows.sequence.users(users.end).filter(is_named).collect();
        Resolved {
            listed: rows.counts.listed,
            repeated: rows.counts.repeated.clone(),
            unusable: rows.counts.unusable.clone(),
            newcomers: (0..rows.newcomers.len())
                .filter_map(|newcomer| rows.newcomers.open_id(newcomer))
                .collect(),
            last: order.iter().map(|user| rows.last_active.last(*user)).collect(),
            order,
            testers: rows.testers.users().to_vec(),
            strangers: rows.excluded.strangers_named(),
            excluded: (0..memory.state().recipients())
                .filter(|recipient| rows.excluded.has_known(*recipient))
                .collect(),
        }
    }
}

proptest! {
    #[test]
    fn rows_name_the_same_users_as_one_by_one(case in case()) {
        prop_assert_eq!(case.resolved(), case.expected());
    }
}

#[test]
fn several_threads_resolve_many_rows_like_one_by_one() {
    let users = 300_000_u32;
    let known: Vec<_> = (0..users / 3).map(|user| open_id(user * 2)).collect();
    let mut memory = Memory::spilling(Spill::default());
    Apply::new(known).to(&mut memory);
    let mut gathered = GatheredRows::new(Exclusion::new(memory.state()), &Apply::new([""; 0]).plan);
    // A prime step, so that no user is named twice before all are.
    let named = (0..u64::from(users) + 4).map(|n| u32::try_from(n * 7_919 % u64::from(users)).expect("a user"));
    for (number, user) in (1..).zip(named.clone()) {
        gathered.add(&Row {
            place: Place {
                within: "a.csv",
                unit: PlaceUnit::Row,
                number,
            },
            open_id: Ok(&open_id(user)),
            last_active: Activity::Unknown,
        });
    }
    let rows = gathered.resolve();
    assert_eq!(rows.counts.listed, u64::from(users));
    assert_eq!(rows.counts.repeated.count, 4);
    let places: Vec<_> = rows.counts.repeated.first.iter().map(|place| place.number).collect();
    assert_eq!(places, [300_001, 300_002, 300_003, 300_004]);
    let is_new = |user: &u32| user % 2 == 1 || *user >= users / 3 * 2;
    let newcomers: Vec<_> = named.filter(is_new).take(200_000).map(open_id).collect();
    let found = (0..rows.newcomers.len()).filter_map(|newcomer| rows.newcomers.open_id(newcomer));
    assert!(found.eq(newcomers), "newcomers are in the order of their rows");
    assert_eq!(rows.named.count_ones(..), 100_000);
    assert_eq!(rows.hash(&Totals::default()), [0; 32]);
}
