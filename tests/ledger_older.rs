//! A ledger that lacks a batch that it is known to have had takes no fact before a person has accepted that.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::sync::Arc;

use ledger_common::turns::{batch, turn, wait};
use ledger_common::{began, identity};
use proptest::prelude::*;
use runner::ledger::memory::MemoryStore;
use runner::ledger::record::link_of;
use runner::ledger::{Fact, Head, Ledger, LedgerError, Older};
use runner::model::clock::from_ms;

const BEGIN: i64 = 1_780_000_000_000;

async fn open_known(store: &MemoryStore, known: Head) -> Ledger<MemoryStore> {
    Ledger::open_known(store.clone(), identity(), Arc::default(), Some(known))
        .await
        .unwrap()
}

/// The head after each batch of a store.
fn heads(store: &MemoryStore) -> Vec<Head> {
    let mut heads = Vec::new();
    store.tamper(|records| {
        let head = |(sequence, record): (u64, &Vec<u8>)| Head {
            sequence,
            link: link_of(record),
        };
        heads = (1..).zip(&*records).map(head).collect();
    });
    heads
}

fn next(ledger: &Ledger<MemoryStore>) -> Vec<Fact> {
    vec![began(ledger.state().newest())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// True for any coverage by the snapshot and for any known batch.
    #[test]
    fn a_ledger_is_older_exactly_if_it_lacks_a_batch_that_it_had(
        turns in prop::collection::vec(turn(), 2..20),
        closed_after in prop::option::of(0..20_usize),
        left: prop::sample::Index,
        known: prop::sample::Index,
        altered: bool,
    ) {
        wait(async {
            let store = MemoryStore::default();
            let mut ledger = Ledger::open(store.clone(), identity()).await.unwrap();
            let left = left.index(turns.len()) + 1;
            for (n, turn) in turns.iter().enumerate() {
                let at = from_ms(BEGIN + i64::try_from(n).unwrap() * 1000);
                let facts = batch(&ledger, turn, at);
                ledger.append(facts).await.unwrap();
                if closed_after == Some(n) && n < left {
                    ledger.close().await;
                    ledger = Ledger::open(store.clone(), identity()).await.unwrap();
                }
            }
            drop(ledger);
            let mut known = heads(&store)[known.index(turns.len())];
            store.tamper(|records| records.truncate(left));
            if altered {
                known.link[3] ^= 1;
            }
            let last = left as u64;
            let lacks = altered || known.sequence > last;
            let mut ledger = open_known(&store, known).await;
            let older = Older { known: known.sequence, last };
            assert_eq!(ledger.older(), lacks.then_some(older));
            let facts = next(&ledger);
            match ledger.append(facts.clone()).await {
                Err(LedgerError::Older(told)) => assert!(lacks && told == older),
                appended => assert!(!lacks && appended.is_ok()),
            }
            if lacks {
                assert_eq!(store.records(), last, "nothing was added");
                ledger.accept_older();
                ledger.append(facts).await.unwrap();
            }
            assert_eq!(store.records(), last + 1);
        });
    }
}

#[test]
fn the_first_facts_of_a_run_are_not_added_to_an_older_ledger_either() {
    wait(async {
        let store = MemoryStore::default();
        let known = Head {
            sequence: 3,
            link: [7; 8],
        };
        let mut ledger = open_known(&store, known).await;
        ledger.hold_back(&[began(from_ms(BEGIN))]).unwrap();
        let facts = next(&ledger);
        assert!(matches!(ledger.append(facts).await, Err(LedgerError::Older(_))));
        assert_eq!(store.records(), 0);
    });
}
