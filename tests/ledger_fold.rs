//! Folding and appending over arbitrary histories: a reopened ledger has the same state, and a failed append leaves no
//! trace.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::time::Duration;

use jiff::Timestamp;
use ledger_common::turns::{live, owner_changed, reopened, turn, wait};
use ledger_common::{began, closed, ended, intent, key, open};
use proptest::prelude::*;
use runner::model::clock::{from_ms, later};

use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, IllegalFact, Ledger, LedgerError};
use runner::model::delivery::{Away, Decision, StateName};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_reopened_ledger_has_the_same_state(turns in prop::collection::vec(turn(), 1..60)) {
        wait(async {
            let (store, live) = live(&turns, &[]).await;
            assert_eq!(open(reopened(&store).await.state()), live);
        });
    }

    #[test]
    fn a_failed_append_leaves_no_trace(
        turns in prop::collection::vec(turn(), 1..40),
        failures in prop::collection::vec(prop::bool::weighted(0.3), 40),
    ) {
        wait(async {
            let (store, live) = live(&turns, &failures).await;
            assert_eq!(open(reopened(&store).await.state()), live);
        });
    }

    #[test]
    fn a_log_that_was_tampered_with_is_refused_where_it_was(
        turns in prop::collection::vec(turn(), 1..20),
        at: prop::sample::Index,
        byte: prop::sample::Index,
        bit in 0..8_u8,
        how in 0..4,
    ) {
        wait(async {
            let (store, _) = live(&turns, &[]).await;
            let mut first = 0;
            store.tamper(|records| {
                let which = at.index(records.len());
                first = which + 1;
                match how {
                    0 if which + 1 < records.len() => drop(records.remove(which)),
                    1 if which + 1 < records.len() => records.swap(which, which + 1),
                    2 => {
                        let twice = records[which].clone();
                        first += 1;
                        records.insert(which, twice);
                    }
                    _ => {
                        let byte = byte.index(records[which].len());
                        records[which][byte] ^= 1 << bit;
                    }
                }
            });
            match Ledger::open(store.clone(), ledger_common::identity()).await {
                Err(LedgerError::Record { sequence, last, .. }) => {
                    assert_eq!((sequence, last.sequence), (first as u64, first as u64 - 1));
                }
                Err(other) => panic!("{other:?}"),
                Ok(_) => panic!("it was taken"),
            }
        });
    }
}

const T: Timestamp = Timestamp::UNIX_EPOCH;

async fn begun(recipients: u32, coupons: u8) -> (MemoryStore, Ledger<MemoryStore>) {
    let store = MemoryStore::default();
    let mut ledger = reopened(&store).await;
    let facts = vec![began(T), ledger_common::admitted(0..recipients), closed(T, coupons, 0)];
    ledger.append(facts).await.unwrap();
    (store, ledger)
}

#[test]
fn an_unclosed_generation_is_dropped_by_the_next_run_and_by_the_next_process() {
    wait(async {
        let (store, mut ledger) = begun(2, 1).await;
        let before = open(ledger.state());
        let half = vec![
            ledger_common::admitted(2..5),
            Fact::Away {
                why: Away::ControlGroup,
                recipients: vec![0, 4],
            },
        ];
        ledger.append(half.clone()).await.unwrap();
        assert_eq!(open(ledger.state()), before, "nothing of it counts before it is closed");
        assert_eq!(ledger.state().find("user-3"), None);
        ledger.append(vec![began(T), closed(T, 1, 0)]).await.unwrap();
        assert_eq!((ledger.state().recipients(), ledger.state().away(0)), (2, None));

        ledger.append(half).await.unwrap();
        let mut ledger = reopened(&store).await;
        ledger
            .append(vec![began(T), ledger_common::admitted(4..6), closed(T, 1, 0)])
            .await
            .unwrap();
        assert_eq!(
            (ledger.state().recipients(), ledger.state().open_id(2)),
            (4, "user-4".to_owned())
        );
    });
}

#[test]
fn an_attempt_that_a_dead_process_left_is_in_doubt_and_due_a_timeout_later() {
    wait(async {
        let (store, mut ledger) = begun(1, 1).await;
        ledger.append(vec![intent(key(0, 1), from_ms(5))]).await.unwrap();
        drop(ledger);
        let mut ledger = reopened(&store).await;
        assert_eq!(
            ledger.state().counts().count(StateName::InFlight),
            1,
            "opening changes nothing"
        );
        ledger.append(vec![began(from_ms(99))]).await.unwrap();
        let doubt = ledger.state().status(key(0, 1)).doubt.unwrap();
        assert_eq!(
            (doubt.since, doubt.due),
            (Some(from_ms(5)), from_ms(10_099)),
            "it may have started just before"
        );
    });
}

#[test]
fn an_attempt_that_the_previous_owner_left_is_in_doubt_and_its_generation_is_dropped() {
    wait(async {
        let (store, mut ledger) = begun(1, 1).await;
        let left = vec![intent(key(0, 1), from_ms(5)), ledger_common::admitted(1..3)];
        ledger.append(left).await.unwrap();
        assert_eq!(ledger.state().owner(), None, "no fleet has written it");
        ledger.append(vec![owner_changed(from_ms(99), 7)]).await.unwrap();
        let doubt = ledger.state().status(key(0, 1)).doubt.unwrap();
        assert_eq!((doubt.since, doubt.due), (Some(from_ms(5)), from_ms(10_099)));
        ledger.append(vec![closed(from_ms(100), 1, 0)]).await.unwrap();
        assert_eq!(ledger.state().recipients(), 1);
        ledger.close().await;
        let ledger = reopened(&store).await;
        let owner = ledger.state().owner().map(|owner| (owner.term, owner.host.clone()));
        assert_eq!(owner, Some((7, "till-3".to_owned())));
    });
}

#[test]
fn a_term_never_goes_down_and_belongs_to_one_worker() {
    wait(async {
        let other = |term| {
            let mut fact = owner_changed(T, term);
            if let Fact::OwnerChanged { owner, .. } = &mut fact {
                owner.worker = "another".to_owned();
            }
            fact
        };
        for (fact, is_legal) in [
            (owner_changed(T, 6), false),
            (owner_changed(T, 7), true),
            (other(7), false),
            (other(8), true),
        ] {
            let (_, mut ledger) = begun(1, 1).await;
            ledger.append(vec![owner_changed(T, 7)]).await.unwrap();
            match ledger.append(vec![fact.clone()]).await {
                Ok(_) => assert!(is_legal, "{fact:?}"),
                Err(LedgerError::IllegalFact {
                    source: IllegalFact::Term { before: 7, .. },
                    ..
                }) => assert!(!is_legal, "{fact:?}"),
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}

#[test]
fn a_batch_that_is_durable_though_its_append_failed_is_there_for_the_next_process() {
    wait(async {
        let (store, mut ledger) = begun(1, 1).await;
        store.fail_written_after(store.records());
        assert!(ledger.append(vec![intent(key(0, 1), T)]).await.is_err());
        assert_eq!(
            ledger.state().counts().count(StateName::InFlight),
            0,
            "nothing is claimed"
        );
        store.mend();
        assert_eq!(reopened(&store).await.state().counts().count(StateName::InFlight), 1);
    });
}

#[test]
fn an_append_that_is_dropped_leaves_the_state_as_it_was_and_ends_the_ledger() {
    wait(async {
        let (store, mut ledger) = begun(1, 1).await;
        store.stall(Duration::from_secs(5));
        let given_up = tokio::time::timeout(Duration::from_secs(1), ledger.append(vec![intent(key(0, 1), T)])).await;
        assert!(given_up.is_err());
        assert_eq!(ledger.state().counts().count(StateName::InFlight), 0);
        assert!(matches!(ledger.append(vec![began(T)]).await, Err(LedgerError::Failed)));
    });
}

#[test]
fn a_ledger_that_is_put_under_another_name_is_refused() {
    wait(async {
        let (store, _) = begun(1, 1).await;
        let mut other = ledger_common::identity();
        other.campaign = runner::model::identity::CampaignName::parse("winter").unwrap();
        let refused = Ledger::open(store, other).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "batch 1 of the ledger cannot be read; nothing before it is sound"
        );
    });
}

#[test]
fn all_facts_can_be_read_again() {
    wait(async {
        let (store, mut ledger) = begun(3, 1).await;
        let at = |ms: i64| from_ms(1_780_000_000_000 + ms);
        let doubt = Decision::Unknown {
            due: at(900),
            code: Some(8),
        };
        let batches = [
            vec![intent(key(0, 1), at(1)), intent(key(1, 1), at(2))],
            vec![
                ended(key(0, 1), Decision::Issued, at(60)),
                ended(key(1, 1), doubt, at(70)),
                intent(key(2, 1), at(80)),
            ],
            vec![Fact::Withdrawn { key: key(2, 1) }],
        ];
        for facts in &batches {
            ledger.append(facts.clone()).await.unwrap();
        }
        let mut read = Vec::new();
        reopened(&store)
            .await
            .facts(|batch, fact| read.push((batch, fact)))
            .await
            .unwrap();
        let told: Vec<_> = (2..)
            .zip(&batches)
            .flat_map(|(batch, facts)| facts.iter().map(move |fact| (batch, fact.clone())))
            .collect();
        assert_eq!(read.split_off(3), told);
    });
}

#[test]
fn supposed_facts_are_applied_and_never_stored() {
    wait(async {
        let (store, mut ledger) = begun(3, 1).await;
        let kept = store.records();
        ledger.suppose(&[intent(key(0, 1), T)]).unwrap();
        assert_eq!(ledger.state().counts().count(StateName::InFlight), 1);
        assert!(matches!(ledger.append(vec![began(T)]).await, Err(LedgerError::Failed)));
        assert_eq!(store.records(), kept);
        let counts = reopened(&store).await.state().counts();
        assert_eq!(counts.count(StateName::Pending), 3);
    });
}

/// The first facts of a run are folded at once, and become durable before the next facts or not at all.
#[test]
fn facts_held_back_are_stored_with_the_next_ones_or_not_at_all() {
    let at = |seconds| later(T, Duration::from_secs(seconds));
    wait(async {
        let (store, mut ledger) = begun(3, 1).await;
        ledger.append(vec![intent(key(0, 1), T)]).await.unwrap();
        let kept = store.records();
        ledger.hold_back(&[began(at(60))]).unwrap();
        assert_eq!(ledger.state().counts().count(StateName::InDoubt), 1);
        assert_eq!(store.records(), kept);
        // The snapshot does not have it either.
        ledger.close().await;
        let mut ledger = reopened(&store).await;
        assert_eq!(ledger.state().counts().count(StateName::InFlight), 1);

        ledger.hold_back(&[began(at(61))]).unwrap();
        let permits = ledger.append(vec![intent(key(1, 1), at(62))]).await.unwrap();
        assert_eq!((permits.len(), ledger.sequence()), (1, kept + 2));
        let told = ledger.state().counts();
        let mut ledger = reopened(&store).await;
        assert_eq!(ledger.state().counts(), told);
        let mut facts = Vec::new();
        ledger.facts(|batch, fact| facts.push((batch, fact))).await.unwrap();
        let last = facts.split_off(facts.len() - 2);
        assert_eq!(last, [(kept + 1, began(at(61))), (kept + 2, intent(key(1, 1), at(62)))]);

        ledger.hold_back(&[began(at(63))]).unwrap();
        assert!(matches!(ledger.hold_back(&[began(at(63))]), Err(LedgerError::Failed)));
        assert!(matches!(
            ledger.append(vec![began(at(64))]).await,
            Err(LedgerError::Failed)
        ));
    });
}
