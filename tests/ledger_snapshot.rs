//! The snapshot of the ledger state: a ledger is the same with it and without it, in every history.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use ledger_common::turns::{batch, live, reopened, turn, wait};
use ledger_common::{admitted, began, check, closed, identity, intent, key, open};
use proptest::prelude::*;
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Ledger, LedgerError};
use runner::model::clock::from_ms;

fn durable(store: &MemoryStore) -> Vec<Vec<u8>> {
    let mut durable = Vec::new();
    store.tamper(|records| durable.clone_from(records));
    durable
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A ledger opened from a snapshot has the same state as one that is replayed, and then writes the same bytes.
    #[test]
    fn a_snapshot_changes_nothing(
        turns in prop::collection::vec(turn(), 1..60),
        ends in prop::collection::vec(prop::option::weighted(0.3, any::<bool>()), 60),
        keep_after in prop::option::of(0..300_u64),
    ) {
        wait(async {
            let with = MemoryStore::default();
            let without = MemoryStore::default();
            let mut ledger = reopened(&with).await;
            let mut plain = reopened(&without).await;
            for (n, (turn, end)) in turns.iter().zip(&ends).enumerate() {
                let at = from_ms(1_780_000_000_000 + i64::try_from(n).unwrap() * 1000);
                let facts = batch(&plain, turn, at);
                if let Some(bytes) = keep_after {
                    ledger.keep_after(bytes);
                }
                ledger.append(facts.clone()).await.unwrap();
                plain.append(facts).await.unwrap();
                match end {
                    None => continue,
                    Some(true) => ledger.close().await,
                    Some(false) => drop(ledger),
                }
                ledger = reopened(&with).await;
                assert_eq!(open(ledger.state()), open(plain.state()));
                check(ledger.state());
            }
            assert_eq!(durable(&with), durable(&without));
        });
    }

    #[test]
    fn a_snapshot_that_was_altered_or_is_of_another_history_is_ignored(
        turns in prop::collection::vec(turn(), 2..30),
        at: prop::sample::Index,
        bit in 0..8_u8,
        how in 0..4,
    ) {
        wait(async {
            let (store, live_open) = live(&turns, &[]).await;
            reopened(&store).await.close().await;
            let (other, _) = live(&turns[1..], &[]).await;
            reopened(&other).await.close().await;
            let mut others = None;
            other.tamper_shortcut(|snapshot| others.clone_from(snapshot));
            store.tamper_shortcut(|snapshot| {
                let bytes = snapshot.as_mut().unwrap();
                let at = at.index(bytes.len());
                match how {
                    0 => bytes.truncate(at),
                    1 => *snapshot = others,
                    2 => bytes.insert(at, 7),
                    _ => bytes[at] ^= 1 << bit,
                }
            });
            assert_eq!(open(reopened(&store).await.state()), live_open);
        });
    }
}

/// Batches before the snapshot are not read. The store checks that they were not altered.
#[test]
fn only_the_batches_after_the_snapshot_are_read() {
    wait(async {
        let store = MemoryStore::default();
        let mut ledger = reopened(&store).await;
        let at = from_ms(1_780_000_000_000);
        ledger
            .append(vec![began(at), admitted(0..3), closed(at, 1, 0)])
            .await
            .unwrap();
        ledger.close().await;
        let mut ledger = reopened(&store).await;
        ledger.append(vec![intent(key(0, 1), at)]).await.unwrap();
        let before = open(ledger.state());
        drop(ledger);
        store.tamper(|records| records[0][10] ^= 1);
        assert_eq!(open(reopened(&store).await.state()), before);
        store.tamper(|records| records[1][10] ^= 1);
        let refused = Ledger::open(store.clone(), identity()).await;
        assert!(
            matches!(refused, Err(LedgerError::Record { sequence: 1, .. })),
            "what is behind it is"
        );
    });
}
