//! Ledgers of earlier versions keep their meaning, and continue by the rules of the run that continues them.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::future::Future;

use jiff::Timestamp;
use ledger_common::{admitted, began, began_by_first_rules, closed, decided, ended, intent, key, open};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger, LedgerState};
use runner::model::clock::from_ms;
use runner::model::delivery::{Away, Decision, DeliveryKey, Resolution, State, StateName, Transition};

const T: Timestamp = Timestamp::UNIX_EPOCH;
const OWED: Resolution = Resolution::Owed { may_double: false };

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

async fn ledger(store: &MemoryStore) -> Ledger<MemoryStore> {
    Ledger::open(store.clone(), ledger_common::identity()).await.unwrap()
}

fn away(recipients: &[u32]) -> Fact {
    Fact::Away {
        why: Away::Gone,
        recipients: recipients.to_vec(),
    }
}

fn returned(recipients: &[u32]) -> Fact {
    Fact::Returned {
        recipients: recipients.to_vec(),
    }
}

/// A ledger of an earlier version whose first users are held.
async fn held_by_first_rules(store: &MemoryStore, users: u32) -> Ledger<MemoryStore> {
    let mut ledger = ledger(store).await;
    let begins = vec![began_by_first_rules(T), admitted(0..users), closed(T, 1, 0)];
    ledger.append(begins).await.unwrap();
    for recipient in 0..users {
        let key = key(recipient, 1);
        let at = from_ms(100 + i64::from(recipient));
        let held = vec![intent(key, at), ended(key, Decision::Held { code: 7 }, from_ms(200))];
        ledger.append(held).await.unwrap();
    }
    ledger
}

fn states<const N: usize>(ledger_state: &LedgerState) -> [StateName; N] {
    let mut recipient = 0;
    [(); N].map(|()| {
        recipient += 1;
        ledger_state.status(key(recipient - 1, 1)).state.name()
    })
}

#[test]
fn a_held_delivery_that_came_back_is_owed_in_an_earlier_run_and_held_in_this_one() {
    wait(async {
        let store = MemoryStore::default();
        let mut old = held_by_first_rules(&store, 2).await;
        let comes_and_goes = vec![began_by_first_rules(T), away(&[0, 1]), closed(T, 1, 0)];
        old.append(comes_and_goes).await.unwrap();
        let back = vec![began_by_first_rules(T), returned(&[0]), closed(T, 1, 1)];
        old.append(back).await.unwrap();
        assert_eq!(states(old.state()), [StateName::Pending, StateName::Skipped]);
        let again = Fact::Intent {
            key: key(0, 1),
            at: T,
            activity: old.state().current_activity().unwrap(),
        };
        old.append(vec![again, ended(key(0, 1), Decision::Issued, T)])
            .await
            .unwrap();

        let mut new = ledger(&store).await;
        assert_eq!(open(new.state()), open(old.state()));
        new.append(vec![began(T), returned(&[1]), closed(T, 1, 1)])
            .await
            .unwrap();
        assert_eq!(states(new.state()), [StateName::Issued, StateName::Held]);
        let held = new.state().status(key(1, 1)).held.unwrap();
        assert_eq!(
            (held.code, held.began, held.activity),
            (7, Some(from_ms(101)), ledger_common::FIRST)
        );
        assert_eq!(open(ledger(&store).await.state()), open(new.state()));
    });
}

#[test]
fn a_held_delivery_that_an_earlier_version_owed_again_is_owed_and_does_not_count() {
    wait(async {
        let store = MemoryStore::default();
        let mut old = held_by_first_rules(&store, 2).await;
        let reread = Fact::Reread {
            key: key(0, 1),
            step: Transition::Owe,
            at: T,
        };
        old.append(vec![began_by_first_rules(T), reread, closed(T, 1, 1)])
            .await
            .unwrap();
        let fact = decided(old.state(), key(1, 1), OWED, T);
        old.append(vec![fact]).await.unwrap();
        let mut new = ledger(&store).await;
        assert_eq!(states(new.state()), [StateName::Pending, StateName::Pending]);
        assert_eq!(new.state().reopened_held(), 0);
        new.append(vec![began(T), closed(T, 1, 1)]).await.unwrap();
        let activity = new.state().current_activity().unwrap();
        for recipient in 0..2 {
            let key = key(recipient, 1);
            let attempt = vec![Fact::Intent { key, at: T, activity }, ended(key, Decision::Issued, T)];
            new.append(attempt).await.unwrap();
        }
        assert_eq!(new.state().counts().count(StateName::Issued), 2);
    });
}

/// The log has the time and the activity of the attempt, whichever version wrote it.
#[test]
fn a_delivery_that_an_earlier_version_held_is_a_doubt_of_its_own_attempt() {
    wait(async {
        let store = MemoryStore::default();
        drop(held_by_first_rules(&store, 1).await);
        let mut new = ledger(&store).await;
        let reread = Fact::Reread {
            key: key(0, 1),
            step: Transition::RereadUnknown { due: from_ms(900) },
            at: from_ms(900),
        };
        new.append(vec![began(from_ms(800)), reread, closed(T, 1, 1)])
            .await
            .unwrap();
        let status = ledger(&store).await.state().status(key(0, 1));
        let doubt = status.doubt.unwrap();
        assert_eq!(status.state, State::InDoubt);
        assert_eq!(
            (doubt.since, doubt.activity, doubt.due, doubt.code),
            (Some(from_ms(100)), ledger_common::FIRST, from_ms(900), Some(7))
        );
    });
}

/// With or without a snapshot, the rules and the held deliveries are the same.
#[test]
fn a_snapshot_has_the_rules_and_the_held_deliveries() {
    wait(async {
        let store = MemoryStore::default();
        let mut before = held_by_first_rules(&store, 3).await;
        before
            .append(vec![began(T), away(&[0, 1]), closed(T, 1, 0)])
            .await
            .unwrap();
        let owed = Fact::Reread {
            key: key(2, 1),
            step: Transition::OweUnderNewActivity,
            at: T,
        };
        before.append(vec![owed]).await.unwrap();
        let expected = open(before.state());
        before.close().await;
        let mut kept = ledger(&store).await;
        assert_eq!(open(kept.state()), expected);
        assert_eq!(kept.state().reopened_held(), 1);
        kept.append(vec![returned(&[1]), closed(T, 1, 0)]).await.unwrap();
        let held: DeliveryKey = key(1, 1);
        assert_eq!(kept.state().status(held).state, State::Held { code: 7 });
    });
}
