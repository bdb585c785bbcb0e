//! The erasure of open_ids over arbitrary histories: all else stays, and no later change of an erased batch goes unnoticed.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::time::Duration;

use jiff::Timestamp;
use ledger_common::turns::{Turn, live, reopened, turn, wait};
use ledger_common::{Open, began, check, identity, key, open, open_id, towards_the_end};
use proptest::prelude::*;
use runner::ledger::erasure::{ERASED_WORD, Eligibility, ErasureRequest, write_erased};
use runner::ledger::memory::MemoryStore;
use runner::ledger::record::{Chain, ERASED_VERSION, VERSION, is_erased, link_of};
use runner::ledger::{Fact, IllegalFact, Ledger, LedgerError, LedgerState, Sample};
use runner::model::actor::Actor;
use runner::model::clock::later;
use runner::model::merchant_coupon_id::MerchantCouponId;

fn request(at: Timestamp) -> ErasureRequest {
    ErasureRequest {
        at,
        by: Actor {
            name: "李娜".into(),
            user: "li".into(),
            host: "till-3".into(),
            command: "runner erase summer.yaml".into(),
        },
        older_than: Duration::from_hours(24),
    }
}

/// A ledger that went through these turns and was brought to its end.
async fn completed(turns: &[Turn]) -> Ledger<MemoryStore> {
    let (store, _) = live(turns, &[]).await;
    let mut ledger = reopened(&store).await;
    while !ledger.state().is_complete() {
        let facts = towards_the_end(ledger.state());
        assert!(!facts.is_empty(), "nothing is left, and it is not complete");
        ledger.append(facts).await.unwrap();
    }
    check(ledger.state());
    ledger
}

fn records(store: &MemoryStore) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    store.tamper(|records| all.clone_from(records));
    all
}

fn ids(state: &LedgerState) -> Vec<Option<MerchantCouponId>> {
    let keys = (0..state.recipients()).flat_map(|recipient| (1..=state.ordinals()).map(move |nth| key(recipient, nth)));
    keys.map(|key| state.merchant_coupon_id(key)).collect()
}

async fn facts(ledger: &mut Ledger<MemoryStore>) -> Vec<Fact> {
    let mut facts = Vec::new();
    ledger.facts(|_, fact| facts.push(fact)).await.unwrap();
    facts
}

/// An old ledger, and the store with its new version.
struct Erased {
    old: Ledger<MemoryStore>,
    store: MemoryStore,
    at: Timestamp,
}

async fn erased(turns: &[Turn]) -> Erased {
    let mut old = Box::pin(completed(turns)).await;
    let at = later(old.state().newest(), Duration::from_hours(24 * 400));
    let mut store = MemoryStore::default();
    write_erased(&mut old, &mut store, &request(at)).await.unwrap();
    Erased { old, store, at }
}

/// What stays of a state without open_ids.
fn without_open_ids(state: Open, at: Timestamp) -> Open {
    let people = state.people.into_iter().map(|(_, away)| (String::new(), away));
    let emptied = |sample: Option<Sample>| sample.map(|_| Sample::default());
    Open {
        people: people.collect(),
        kept_out: state.kept_out.into_iter().map(emptied).collect(),
        newest: at,
        begun: [state.begun[0], 0],
        ..state
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn all_but_the_open_ids_stays(turns in prop::collection::vec(turn(), 1..50)) {
        wait(async {
            let Erased { mut old, store, at } = Box::pin(erased(&turns)).await;
            let mut new = reopened(&store).await;
            let mut now = open(new.state());
            now.begun[1] = 0;
            assert_eq!(now, without_open_ids(open(old.state()), at));
            assert_eq!(ids(new.state()), ids(old.state()));
            assert_eq!(new.state().recount(), new.state().counts());
            for recipient in 0..old.state().recipients() {
                assert_eq!(new.state().find(&old.state().open_id(recipient)), Some(recipient));
            }
            assert_eq!(new.state().find("user-10000"), None);
            assert_eq!(new.state().erased_at(), Some(at));
            let old_records = records(old.store());
            let new_records = records(&store);
            let links = |records: &[Vec<u8>]| records.iter().map(|record| link_of(record)).collect::<Vec<_>>();
            assert_eq!(links(&new_records)[..old_records.len()], links(&old_records), "the links stay");
            assert_eq!(new_records.len(), old_records.len() + 1);
            let written_again = new_records.iter().filter(|record| is_erased(record)).count();
            assert_eq!(new.state().erasure().unwrap().erasure.batches, written_again as u64);
            let unchanged = old_records.iter().zip(&new_records).filter(|(old, new)| old == new).count();
            assert_eq!(unchanged + written_again, old_records.len());
            let old_facts = facts(&mut old).await;
            let new_facts = facts(&mut new).await;
            assert_eq!(new_facts.len(), old_facts.len() + 1);
            for (old, new) in old_facts.iter().zip(&new_facts) {
                match (old, new) {
                    (Fact::Admitted { recipients }, Fact::AdmittedErased(erased)) => {
                        assert_eq!(recipients.len(), erased.len());
                    }
                    (Fact::KeptOut(old), Fact::KeptOut(new)) => assert_eq!((&old.list, new.people.people()), (&new.list, 0)),
                    (Fact::Decided { keys, decision }, Fact::Decided { keys: new_keys, decision: erased }) => {
                        assert_eq!((keys, &decision.note), (new_keys, &erased.note));
                        assert_eq!(erased.selection, ERASED_WORD);
                    }
                    (Fact::Ended { .. }, Fact::Ended { .. }) if old != new => {
                        let text = format!("{new:?}");
                        assert!(text.contains(ERASED_WORD) && !text.contains("user-"), "{text}");
                    }
                    (old, new) => assert_eq!(old, new),
                }
            }
        });
    }

    #[test]
    fn a_change_of_any_batch_is_found(
        turns in prop::collection::vec(turn(), 1..20),
        at: prop::sample::Index,
        byte: prop::sample::Index,
        bit in 0..8_u8,
        is_removed in prop::bool::weighted(0.1),
    ) {
        wait(async {
            let Erased { store, .. } = Box::pin(erased(&turns)).await;
            store.tamper(|records| {
                // The last batch has a head, which a store on disk compares.
                let which = at.index(records.len() - 1);
                if is_removed {
                    records.remove(which);
                } else {
                    let byte = byte.index(records[which].len());
                    records[which][byte] ^= 1 << bit;
                }
            });
            assert!(Ledger::open(store, identity()).await.is_err());
        });
    }

    /// A person who changes an erased batch can compute its checksum again, but not the digest in the chain.
    #[test]
    fn an_erased_batch_that_is_sealed_again_is_found(turns in prop::collection::vec(turn(), 1..20), at: prop::sample::Index) {
        wait(async {
            let Erased { store, .. } = Box::pin(erased(&turns)).await;
            store.tamper(|records| {
                let erased: Vec<_> = (0..records.len()).filter(|nth| is_erased(&records[*nth])).collect();
                let which = erased[at.index(erased.len())];
                let mut chain = Chain::new(&identity());
                for record in &records[..which] {
                    chain.open(record).unwrap();
                }
                let mut body = chain.clone().open(&records[which]).unwrap().to_vec();
                // The last byte of the first id, or of whatever else the batch begins with.
                let last = body.len() - 1;
                body[last] ^= 0x10;
                records[which] = chain.seal_erased(link_of(&records[which]), &body);
            });
            assert!(Ledger::open(store, identity()).await.is_err());
        });
    }

    #[test]
    fn a_batch_that_another_one_replaced_as_erased_is_found(turns in prop::collection::vec(turn(), 1..20), at: prop::sample::Index) {
        wait(async {
            let Erased { store, .. } = Box::pin(erased(&turns)).await;
            store.tamper(|records| {
                let kept: Vec<_> = (0..records.len()).filter(|nth| !is_erased(&records[*nth])).collect();
                let which = kept[at.index(kept.len())];
                let mut chain = Chain::new(&identity());
                for record in &records[..which] {
                    chain.open(record).unwrap();
                }
                let body = chain.clone().open(&records[which]).unwrap().to_vec();
                records[which] = chain.seal_erased(link_of(&records[which]), &body);
            });
            assert!(Ledger::open(store, identity()).await.is_err());
        });
    }
}

const FEW: [Turn; 1] = [Turn::RunBegan];

#[test]
fn an_erased_ledger_takes_nothing_more() {
    wait(async {
        let Erased { store, at, .. } = Box::pin(erased(&FEW)).await;
        let refused = |error| {
            let is_it = matches!(
                error,
                LedgerError::IllegalFact {
                    source: IllegalFact::Erasure,
                    ..
                }
            );
            assert!(is_it, "{error:?}");
        };
        refused(reopened(&store).await.append(vec![began(at)]).await.unwrap_err());
        refused(reopened(&store).await.suppose(&[began(at)]).unwrap_err());
        let recipients = vec![open_id(900)];
        let admitted = Fact::Admitted { recipients };
        refused(reopened(&store).await.append(vec![admitted]).await.unwrap_err());
    });
}

#[test]
fn a_log_without_its_record_of_the_erasure_is_refused() {
    wait(async {
        let Erased { store, .. } = Box::pin(erased(&FEW)).await;
        store.tamper(|records| drop(records.pop()));
        assert!(Ledger::open(store, identity()).await.is_err());
    });
}

#[test]
fn a_snapshot_of_an_erased_ledger_says_the_same() {
    wait(async {
        let Erased { store, .. } = Box::pin(erased(&FEW)).await;
        let ledger = reopened(&store).await;
        let before = open(ledger.state());
        let ids_before = ids(ledger.state());
        ledger.close().await;
        let mut has_snapshot = false;
        store.tamper_shortcut(|snapshot| has_snapshot = snapshot.is_some());
        assert!(has_snapshot);
        let again = reopened(&store).await;
        assert_eq!(open(again.state()), before);
        assert_eq!(ids(again.state()), ids_before);
        assert_eq!(again.state().find("user-3"), Some(3));
    });
}

#[test]
fn versions_before_erasures_call_an_erased_batch_newer() {
    wait(async {
        let Erased { store, .. } = Box::pin(erased(&FEW)).await;
        let records = records(&store);
        let first = records.iter().find(|record| is_erased(record)).unwrap();
        // They compare the first byte with the one version that they know.
        assert_eq!((VERSION, first[0]), (1, ERASED_VERSION));
    });
}

#[test]
fn only_a_ledger_that_has_been_complete_for_so_long_is_erased() {
    let day = Duration::from_hours(24);
    wait(async {
        let (store, _) = live(&FEW, &[]).await;
        let mut ledger = reopened(&store).await;
        let late = |state: &LedgerState| later(state.newest(), day * 1000);
        assert_eq!(
            Eligibility::new(ledger.state(), day, late(ledger.state())),
            Eligibility::Incomplete,
            "without a generation"
        );
        while !ledger.state().is_complete() {
            assert_eq!(
                Eligibility::new(ledger.state(), day, late(ledger.state())),
                Eligibility::Incomplete
            );
            let facts = towards_the_end(ledger.state());
            ledger.append(facts).await.unwrap();
        }
        let newest = ledger.state().newest();
        let due = later(newest, day);
        let before = later(newest, day.checked_sub(Duration::from_millis(1)).unwrap());
        assert_eq!(
            Eligibility::new(ledger.state(), day, before),
            Eligibility::Recent { due }
        );
        let recipients = ledger.state().recipients();
        assert_eq!(
            Eligibility::new(ledger.state(), day, due),
            Eligibility::Due { recipients }
        );
        let mut store = MemoryStore::default();
        write_erased(&mut ledger, &mut store, &request(due)).await.unwrap();
        let erased = reopened(&store).await;
        assert_eq!(
            Eligibility::new(erased.state(), day, late(erased.state())),
            Eligibility::Erased { at: due }
        );
    });
}
