//! Random histories. Each turn gets its meaning from the ledger state at that point.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Answered, AudienceOrigin, Evidence, Fact, Found, Ledger, LedgerError, TermOwner};
use runner::model::actor::{Act, ActKind, Actor};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, State, StateName, Transition};
use runner::model::envelope::{Envelope, RunApproval};
use runner::model::money::Money;
use runner::model::outcome::Coupon;

use super::{
    Open, accepting, began, began_by_first_rules, check, closed, closed_with_lists, ended, identity, intent, kept_out,
    key, open, open_id,
};

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(future)
}

/// One turn of a history, as numbers that the present ledger state gives a meaning.
#[derive(Clone, Debug)]
pub enum Turn {
    Generation {
        new: u8,
        moved: Vec<u8>,
        coupons: u8,
        activity: u8,
        /// The lists, and how many users some of them excluded.
        lists: u8,
        kept_out: Vec<(u8, u8)>,
        unclosed: bool,
        first_rules: bool,
        /// Whether a person accepted the clock.
        clock: bool,
    },
    Intent(u8),
    Ended(u8, u8),
    Withdrawn(u8),
    Reread(u8, u8),
    Lapsed(u8),
    Decided(u8, u8),
    /// A wave of this many percent ends, or a run halts in it.
    Wave(u8, bool),
    /// A person approves the wave of this many percent, if it has ended.
    Approved(u8),
    RunBegan,
    /// Another worker owns the app id, or with 0 the same one opens the ledger again.
    OwnerChanged(u8),
    /// A run goes by an approval of this many coupons.
    RunApproved(u8),
    /// The platform's records show the coupon of a delivery in doubt or held.
    Found(u8),
}

pub fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => (
            0..6_u8,
            prop::collection::vec(any::<u8>(), 0..4),
            1..4_u8,
            0..2_u8,
            0..8_u8,
            prop::collection::vec((0..3_u8, 0..20_u8), 0..3),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.3),
            prop::bool::weighted(0.3),
        ).prop_map(
            |(new, moved, coupons, activity, lists, kept_out, unclosed, first_rules, clock)| {
                Turn::Generation { new, moved, coupons, activity, lists, kept_out, unclosed, first_rules, clock }
            }
        ),
        6 => any::<u8>().prop_map(Turn::Intent),
        6 => (any::<u8>(), 0..8_u8).prop_map(|(which, how)| Turn::Ended(which, how)),
        1 => any::<u8>().prop_map(Turn::Withdrawn),
        2 => (any::<u8>(), 0..6_u8).prop_map(|(which, how)| Turn::Reread(which, how)),
        1 => any::<u8>().prop_map(Turn::Lapsed),
        2 => (any::<u8>(), 0..4_u8).prop_map(|(which, how)| Turn::Decided(which, how)),
        1 => (1..5_u8, any::<bool>()).prop_map(|(hundredths, ends)| Turn::Wave(hundredths, ends)),
        1 => (1..5_u8).prop_map(Turn::Approved),
        1 => Just(Turn::RunBegan),
        1 => (0..3_u8).prop_map(Turn::OwnerChanged),
        1 => (0..6_u8).prop_map(Turn::RunApproved),
        1 => any::<u8>().prop_map(Turn::Found),
    ]
}

/// A person approves a wave.
fn approved(share: f64, at: Timestamp) -> Fact {
    let by = Actor {
        name: "李娜".into(),
        user: "li".into(),
        host: "till-3".into(),
        command: "runner approve summer.yaml".into(),
    };
    let kind = ActKind::Approved { share };
    let act = Box::new(Act { by, kind });
    Fact::Acted { at, act }
}

/// The run goes by an approval of this many coupons.
pub fn run_approved(at: Timestamp, coupons: u64) -> Fact {
    Fact::RunApproved {
        at,
        approval: Box::new(RunApproval {
            sequence: 7,
            link: [7; 8],
            at,
            by: vec!["王芳".into(), "li".into()],
            fingerprint: "0a1b2c3d4e-5f60718293-first".into(),
            envelope: Envelope {
                coupons,
                worth: Some(Money::from_fen(1_000 * coupons)),
                coupon_value: Some(Money::from_fen(500)),
                per_user: 3,
                from: at,
                until: Some(later(at, Duration::from_mins(1))),
                audience: Some(8),
            },
            is_required: coupons > 3,
        }),
    }
}

/// A worker owns the app id for this term.
pub fn owner_changed(at: Timestamp, term: u64) -> Fact {
    Fact::OwnerChanged {
        at,
        timeout: Duration::from_secs(10),
        owner: Box::new(TermOwner {
            term,
            worker: format!("{term:032x}"),
            host: "till-3".into(),
        }),
    }
}

/// Some days before.
fn earlier(at: Timestamp) -> Timestamp {
    from_ms(at.as_millisecond() - 3 * 86_400_000)
}

pub fn pick<T>(from: &[T], which: u8) -> Option<&T> {
    from.get(usize::from(which) % from.len().max(1))
}

/// Returns the batch that a turn means. Empty if it means nothing at this point.
pub fn batch(ledger: &Ledger<MemoryStore>, turn: &Turn, at: Timestamp) -> Vec<Fact> {
    let ledger_state = ledger.state();
    let all: Vec<DeliveryKey> = (0..ledger_state.recipients())
        .flat_map(|recipient| (1..=ledger_state.ordinals()).map(move |ordinal| key(recipient, ordinal)))
        .collect();
    let in_state = |name: StateName| {
        all.iter()
            .copied()
            .filter(move |key| ledger_state.status(*key).state.name() == name)
    };
    let current = ledger_state.current_activity().unwrap_or(ActivityNo(0));
    match turn {
        Turn::Generation {
            new,
            moved,
            coupons,
            activity,
            lists,
            kept_out: kept,
            unclosed,
            first_rules,
            clock,
        } => {
            let first = ledger_state.recipients();
            let mut moved: Vec<u32> = moved.iter().map(|n| u32::from(*n)).filter(|n| *n < first).collect();
            moved.sort_unstable();
            moved.dedup();
            let (returned, mut left): (Vec<u32>, Vec<u32>) = moved
                .into_iter()
                .partition(|recipient| ledger_state.away(*recipient).is_some());
            // A new user may be away from the start, and a user who is away may be away for another reason.
            left.extend((first..first + u32::from(*new)).filter(|recipient| recipient % 4 == 0));
            let why = Away::ALL[usize::from(*new) % Away::ALL.len()];
            let (other, returned): (Vec<u32>, Vec<u32>) = returned
                .into_iter()
                .partition(|recipient| recipient % 2 == 0 && ledger_state.away(*recipient) != Some(why));
            left.extend(other);
            left.sort_unstable();
            let mut facts = vec![
                Fact::Admitted {
                    recipients: (first..first + u32::from(*new)).map(open_id).collect(),
                },
                Fact::Away { why, recipients: left },
                Fact::Returned { recipients: returned },
            ];
            let kept = kept
                .iter()
                .map(|(list, people)| kept_out(super::LISTS[usize::from(*list)], *people));
            facts.extend(kept);
            if new % 2 == 1 {
                facts.push(Fact::Testers {
                    recipients: vec![first],
                });
            }
            // A fleet has read the audience, or goes on with the one that it has admitted.
            let taken_over = ledger_state.origin().filter(|_| *coupons == 3);
            if *coupons == 2 {
                let host = "till-3".to_owned();
                let lists = [*lists; 32];
                facts.push(Fact::Origin(Box::new(AudienceOrigin { at, host, lists })));
                let seconds = (0..first + u32::from(*new)).collect();
                facts.push(Fact::LastActive { seconds });
            } else if let Some(origin) = taken_over {
                facts.push(Fact::Origin(Box::new(origin.clone())));
            }
            // The clock was wrong before.
            let at = if *clock { earlier(at) } else { at };
            if !unclosed {
                let closed = closed_with_lists(closed(at, *coupons, (*activity).into()), *lists);
                facts.push(if *clock { accepting(closed, "clock") } else { closed });
            }
            let begins = if *first_rules { began_by_first_rules } else { began };
            facts.insert(0, begins(at));
            facts
        }
        Turn::Intent(which) => {
            let due: Vec<_> = all
                .iter()
                .filter_map(|&key| {
                    let status = ledger_state.status(key);
                    let activity = status.doubt.map_or(current, |doubt| doubt.activity);
                    let before = DeliveryKey {
                        ordinal: key.ordinal - 1,
                        ..key
                    };
                    let in_turn = key.ordinal == 1 || ledger_state.status(before).state == State::Issued;
                    let takes = status.next(Transition::Intent { at, activity }).is_ok();
                    (in_turn && takes).then_some(Fact::Intent { key, at, activity })
                })
                .collect();
            pick(&due, *which).cloned().into_iter().collect()
        }
        Turn::Ended(which, how) => {
            let verdict = match how {
                0..=2 => Decision::Issued,
                3 => Decision::Refused { code: 28_001_045 },
                4 => Decision::Held { code: 7 },
                5 => Decision::NotIssued { due: at, code: Some(9) },
                6 => Decision::Unknown { due: at, code: Some(8) },
                _ => Decision::Unknown { due: at, code: None },
            };
            let under_way: Vec<_> = in_state(StateName::InFlight).collect();
            pick(&under_way, *which)
                .map(|key| ended(*key, verdict, at))
                .into_iter()
                .collect()
        }
        Turn::Withdrawn(which) => {
            let under_way: Vec<_> = in_state(StateName::InFlight).collect();
            pick(&under_way, *which)
                .map(|key| Fact::Withdrawn { key: *key })
                .into_iter()
                .collect()
        }
        Turn::Reread(which, how) => {
            let step = match how {
                0 => Transition::Owe,
                1 => Transition::RereadRefused,
                2 => Transition::RereadIssued,
                3 => Transition::RereadResend { due: at },
                4 => Transition::RereadUnknown { due: at },
                _ => Transition::OweUnderNewActivity,
            };
            let open: Vec<_> = in_state(StateName::Held).chain(in_state(StateName::InDoubt)).collect();
            let takes = |key: &&DeliveryKey| ledger_state.status(**key).next(step).is_ok();
            let taking: Vec<_> = open.iter().filter(takes).copied().collect();
            pick(&taking, *which)
                .map(|key| Fact::Reread { key: *key, step, at })
                .into_iter()
                .collect()
        }
        Turn::Lapsed(which) => {
            let in_flight = |recipient: &u32| in_state(StateName::InFlight).any(|key| key.recipient == *recipient);
            let present: Vec<_> = (0..ledger_state.recipients())
                .filter(|recipient| ledger_state.away(*recipient).is_none() && !in_flight(recipient))
                .collect();
            pick(&present, *which)
                .map(|&recipient| Fact::Lapsed { recipient, at })
                .into_iter()
                .collect()
        }
        Turn::Decided(which, how) => {
            let to = super::RESOLUTIONS[usize::from(*how)];
            let takes = |key: &&DeliveryKey| ledger_state.status(**key).can_become(to);
            let taking: Vec<_> = all.iter().filter(takes).copied().collect();
            let decided = pick(&taking, *which).map(|key| super::decided(ledger_state, *key, to, at));
            decided.into_iter().collect()
        }
        Turn::Wave(hundredths, ends) => {
            let share = f64::from(*hundredths) / 100.0;
            let answered = Answered {
                all: ledger_state.counts().audience(),
                not_issued: ledger_state.counts().count(StateName::Held),
            };
            vec![if *ends {
                Fact::WaveEnded { share, at }
            } else {
                Fact::WaveHalted { share, at, answered }
            }]
        }
        Turn::Approved(hundredths) => {
            let share = f64::from(*hundredths) / 100.0;
            let mut waves = ledger_state.waves().iter();
            let ended = waves.any(|wave| wave.share.total_cmp(&share).is_eq() && wave.ended.is_some());
            ended.then(|| approved(share, at)).into_iter().collect()
        }
        Turn::RunBegan => vec![began(at)],
        Turn::RunApproved(coupons) => vec![began(at), run_approved(at, u64::from(*coupons))],
        Turn::OwnerChanged(by) => {
            let before = ledger_state.owner().map_or(1, |owner| owner.term);
            vec![owner_changed(at, before + u64::from(*by))]
        }
        Turn::Found(which) => {
            let doubtful: Vec<_> = in_state(StateName::InDoubt).chain(in_state(StateName::Held)).collect();
            let found = pick(&doubtful, *which).map(|key| Found {
                key: *key,
                evidence: Evidence::Coupons,
                coupon: Coupon {
                    coupon_id: format!("found {key:?} {at}"),
                    discount_amount: Some(500),
                    ..Coupon::default()
                },
            });
            let found = found.map(Box::new);
            found.map(|found| Fact::Found { at, found }).into_iter().collect()
        }
    }
}

pub async fn reopened(store: &MemoryStore) -> Ledger<MemoryStore> {
    Ledger::open(store.clone(), identity()).await.unwrap()
}

pub async fn live(turns: &[Turn], failures: &[bool]) -> (MemoryStore, Open) {
    let store = MemoryStore::default();
    let mut ledger = reopened(&store).await;
    for (n, turn) in turns.iter().enumerate() {
        let at = from_ms(1_780_000_000_000 + i64::try_from(n).unwrap() * 1000);
        let mut facts = batch(&ledger, turn, at);
        if failures.get(n).copied().unwrap_or_default() {
            // The turn fails first, by its last fact or by the disk. The failure must leave no trace.
            let before = open(ledger.state());
            let by_disk = n % 2 == 0;
            let mut failing = facts.clone();
            if by_disk {
                store.fail_after(store.records());
            } else {
                // A fact that every ledger state rejects.
                failing.push(intent(key(u32::MAX, 1), at));
            }
            assert!(ledger.append(failing).await.is_err());
            assert_eq!(
                open(ledger.state()),
                before,
                "the failed {turn:?} left something behind"
            );
            assert!(matches!(ledger.append(vec![began(at)]).await, Err(LedgerError::Failed)));
            store.mend();
            ledger = reopened(&store).await;
            // The comparison leaves out what a generation that is not closed has staged.
            assert_eq!(open(ledger.state()), before);
            facts = batch(&ledger, turn, at);
        }
        let intents = facts.iter().filter(|fact| matches!(fact, Fact::Intent { .. })).count();
        let permits = ledger
            .append(facts)
            .await
            .unwrap_or_else(|error| panic!("{turn:?}: {error:?}"));
        assert_eq!(permits.len(), intents);
        for permit in permits {
            assert_eq!(
                permit.open_id().as_str(),
                ledger.state().open_id(permit.key().recipient)
            );
            assert_eq!(permit.attempt(), ledger.state().status(permit.key()).attempts);
            assert_eq!(
                ledger.state().merchant_coupon_id(permit.key()),
                Some(permit.merchant_coupon_id())
            );
        }
        check(ledger.state());
    }
    let live = open(ledger.state());
    (store, live)
}
