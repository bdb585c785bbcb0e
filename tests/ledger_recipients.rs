//! Users who join and leave, and the effect on each of their coupons.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use ledger_common::{began, closed, ended, intent, key};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, IllegalFact, Ledger, LedgerError, Spill, StoreError};
use runner::model::delivery::{Away, Decision, Skipped, State, StateName};

const T: Timestamp = Timestamp::UNIX_EPOCH;

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

async fn begun(recipients: u32, coupons: u8) -> (MemoryStore, Ledger<MemoryStore>) {
    let store = MemoryStore::default();
    let mut ledger = Ledger::open(store.clone(), ledger_common::identity()).await.unwrap();
    let facts = vec![began(T), ledger_common::admitted(0..recipients), closed(T, coupons, 0)];
    ledger.append(facts).await.unwrap();
    (store, ledger)
}

#[test]
fn a_user_that_leaves_and_returns_is_skipped_and_owed_or_held_again_and_doubts_stay() {
    wait(async {
        let (_, mut ledger) = begun(4, 1).await;
        let unknown = Decision::Unknown { due: T, code: None };
        let attempts = |recipient, verdict| [intent(key(recipient, 1), T), ended(key(recipient, 1), verdict, T)];
        ledger.append(attempts(1, unknown).into()).await.unwrap();
        ledger.append(attempts(2, Decision::Issued).into()).await.unwrap();
        ledger
            .append(attempts(3, Decision::Held { code: 7 }).into())
            .await
            .unwrap();
        ledger
            .append(vec![
                Fact::Away {
                    why: Away::Gone,
                    recipients: vec![0, 1, 2, 3],
                },
                closed(T, 1, 0),
            ])
            .await
            .unwrap();
        let states = |ledger: &Ledger<MemoryStore>| {
            (0..4)
                .map(|n| ledger.state().status(key(n, 1)).state.name())
                .collect::<Vec<_>>()
        };
        let skipped = StateName::Skipped;
        assert_eq!(
            states(&ledger),
            [skipped, StateName::InDoubt, StateName::Issued, skipped]
        );
        assert_eq!(ledger.state().skipped().get(&Skipped::Gone), Some(&2));
        ledger
            .append(vec![Fact::Returned { recipients: vec![0, 3] }, closed(T, 1, 0)])
            .await
            .unwrap();
        assert_eq!(
            states(&ledger),
            [
                StateName::Pending,
                StateName::InDoubt,
                StateName::Issued,
                StateName::Held
            ]
        );
    });
}

#[test]
fn later_coupons_follow_the_number_of_coupons_and_the_earlier_ones() {
    wait(async {
        let (_, mut ledger) = begun(2, 1).await;
        ledger
            .append(vec![
                intent(key(0, 1), T),
                ended(key(0, 1), Decision::Refused { code: 5 }, T),
            ])
            .await
            .unwrap();
        ledger.append(vec![closed(T, 3, 0)]).await.unwrap();
        let state =
            |ledger: &Ledger<MemoryStore>, recipient, ordinal| ledger.state().status(key(recipient, ordinal)).state;
        assert_eq!(state(&ledger, 0, 3), State::Skipped(Skipped::EarlierRefused));
        assert_eq!(state(&ledger, 1, 3), State::Pending);
        ledger
            .append(vec![ledger_common::admitted(2..3), closed(T, 2, 0)])
            .await
            .unwrap();
        for recipient in 0..3 {
            assert_eq!(state(&ledger, recipient, 3), State::Skipped(Skipped::CouponsPerUser));
        }
        assert_eq!(ledger.state().counts().audience(), 9);
        let early = ledger.append(vec![intent(key(1, 2), T)]).await;
        assert!(
            matches!(
                early,
                Err(LedgerError::IllegalFact {
                    source: IllegalFact::OutOfTurn { .. },
                    ..
                })
            ),
            "{early:?}"
        );
    });
}

/// The effect of each reason on a held delivery: a draw or the passing of time must not hide a person's question.
#[test]
fn a_held_delivery_is_skipped_only_for_a_reason_that_a_person_gave() {
    wait(async {
        for why in Away::ALL {
            let (_, mut ledger) = begun(2, 1).await;
            let held = [intent(key(0, 1), T), ended(key(0, 1), Decision::Held { code: 7 }, T)];
            ledger.append(held.into()).await.unwrap();
            let away = Fact::Away {
                why,
                recipients: vec![0, 1],
            };
            ledger.append(vec![away, closed(T, 1, 0)]).await.unwrap();
            let state = |recipient| ledger.state().status(key(recipient, 1)).state;
            let hidden = !matches!(why, Away::ControlGroup | Away::Lapsed);
            let skipped = State::Skipped(why.skipped());
            let expected = if hidden { skipped } else { State::Held { code: 7 } };
            assert_eq!((state(0), state(1)), (expected, skipped), "{why:?}");
        }
    });
}

#[test]
fn a_user_that_was_ever_owed_something_counts_in_the_limit() {
    wait(async {
        let (_, mut ledger) = begun(2, 1).await;
        let away = Fact::Away {
            why: Away::ControlGroup,
            recipients: vec![1, 2],
        };
        ledger
            .append(vec![ledger_common::admitted(2..4), away, closed(T, 1, 0)])
            .await
            .unwrap();
        let ledger_state = ledger.state();
        assert_eq!(
            [0, 1, 2, 3].map(|who| ledger_state.was_ever_owed(who)),
            [true, true, false, true]
        );
        assert_eq!(ledger_state.ever_owed(), 3);
        let back = vec![Fact::Returned { recipients: vec![2] }, closed(T, 1, 0)];
        ledger.append(back).await.unwrap();
        assert_eq!(ledger.state().ever_owed(), 4);
        let lapsed = Fact::Lapsed { recipient: 2, at: T };
        ledger.append(vec![lapsed.clone()]).await.unwrap();
        assert_eq!(
            (ledger.state().away(2), ledger.state().ever_owed()),
            (Some(Away::Lapsed), 4)
        );
        let twice = ledger.append(vec![lapsed]).await;
        let moved = matches!(
            twice,
            Err(LedgerError::IllegalFact {
                source: IllegalFact::NotMoved { recipient: 2 },
                ..
            })
        );
        assert!(moved, "{twice:?}");
    });
}

#[test]
fn no_recipient_goes_away_for_two_reasons() {
    wait(async {
        let (_, mut ledger) = begun(2, 1).await;
        let away = |why| Fact::Away {
            why,
            recipients: vec![0],
        };
        let twice = ledger.append(vec![away(Away::Gone), away(Away::Excluded)]).await;
        assert!(twice.is_err());
        assert_eq!(ledger.state().away(0), None);
    });
}

/// No fact becomes durable if its open_ids could not be stored.
#[test]
fn a_ledger_whose_spill_file_fails_takes_no_more_facts() {
    wait(async {
        let nowhere = std::env::temp_dir().join("runner, where nothing is");
        let spill = Arc::new(Spill::beyond(0, 1, nowhere));
        let store = MemoryStore::default();
        let opened = Ledger::open_spilling(store.clone(), ledger_common::identity(), Arc::clone(&spill)).await;
        let mut ledger = opened.unwrap();
        ledger
            .append(vec![began(T), ledger_common::admitted(0..1)])
            .await
            .unwrap();
        let refused = ledger
            .append(vec![ledger_common::admitted(1..3), closed(T, 1, 0)])
            .await;
        let by_spill = matches!(refused, Err(LedgerError::Store(StoreError::Spill { .. })));
        assert!(by_spill, "{refused:?}");
        assert_eq!((store.records(), ledger.state().recipients()), (1, 0));
        let more = ledger.append(vec![began(T)]).await;
        assert!(matches!(more, Err(LedgerError::Failed)), "{more:?}");

        // The spill file cannot be read back either.
        let (store, ledger) = begun(20, 1).await;
        drop(ledger);
        let opened = Ledger::open_spilling(store.clone(), ledger_common::identity(), spill).await;
        let by_spill = matches!(opened, Err(LedgerError::Store(StoreError::Spill { .. })));
        assert!(by_spill, "{opened:?}");
        Ledger::open(store, ledger_common::identity()).await.unwrap();
    });
}
