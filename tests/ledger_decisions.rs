//! The effect of a person's decision on the delivery, on the user's other coupons, and on the number of coupons that may
//! exist.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod ledger_common;

use std::future::Future;

use jiff::Timestamp;
use ledger_common::{began, check, closed, decided, ended, intent, key, open};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Evidence, Fact, Found, IllegalFact, Ledger, LedgerError};
use runner::model::activity::{ActivityOrder, ActivityStep, Source};
use runner::model::delivery::{Away, Decision, Resolution, Skipped, State, StateName};
use runner::model::identity::CouponMetaId;
use runner::model::outcome::Coupon;

const T: Timestamp = Timestamp::UNIX_EPOCH;
const OWED: Resolution = Resolution::Owed { may_double: false };
const MAY_DOUBLE: Resolution = Resolution::Owed { may_double: true };

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

struct Fixture {
    store: MemoryStore,
    ledger: Ledger<MemoryStore>,
}

impl Fixture {
    async fn new(recipients: u32, coupons: u8) -> Self {
        let store = MemoryStore::default();
        let mut ledger = Ledger::open(store.clone(), ledger_common::identity()).await.unwrap();
        let facts = vec![began(T), ledger_common::admitted(0..recipients), closed(T, coupons, 0)];
        ledger.append(facts).await.unwrap();
        Self { store, ledger }
    }

    async fn answered(&mut self, recipient: u32, ordinal: u8, verdict: Decision) {
        let key = key(recipient, ordinal);
        let facts = vec![intent(key, T), ended(key, verdict, T)];
        self.ledger.append(facts).await.unwrap();
    }

    async fn decide(&mut self, recipient: u32, ordinal: u8, to: Resolution) -> Result<(), LedgerError> {
        let fact = decided(self.ledger.state(), key(recipient, ordinal), to, T);
        self.ledger.append(vec![fact]).await.map(drop)
    }

    fn state(&self, recipient: u32, ordinal: u8) -> State {
        self.ledger.state().status(key(recipient, ordinal)).state
    }

    async fn reopened(&self) -> Ledger<MemoryStore> {
        Ledger::open(self.store.clone(), ledger_common::identity())
            .await
            .unwrap()
    }
}

const UNKNOWN: Decision = Decision::Unknown { due: T, code: None };

#[test]
fn a_refused_delivery_skips_the_later_ones_and_they_are_owed_when_it_is_reopened() {
    wait(async {
        let mut fixture = Fixture::new(1, 3).await;
        fixture.answered(0, 1, Decision::Held { code: 7 }).await;
        fixture.decide(0, 1, Resolution::Refused).await.unwrap();
        let skipped = State::Skipped(Skipped::EarlierRefused);
        assert_eq!((fixture.state(0, 2), fixture.state(0, 3)), (skipped, skipped));
        fixture.decide(0, 1, OWED).await.unwrap();
        for ordinal in 1..=3 {
            assert_eq!(fixture.state(0, ordinal), State::Pending);
        }
        check(fixture.ledger.state());
        assert_eq!(open(fixture.reopened().await.state()), open(fixture.ledger.state()));
    });
}

#[test]
fn the_delivery_of_a_user_that_left_is_skipped_when_it_is_reopened() {
    wait(async {
        let mut fixture = Fixture::new(1, 1).await;
        fixture.answered(0, 1, Decision::Refused { code: 7 }).await;
        let left = vec![
            Fact::Away {
                why: Away::Gone,
                recipients: vec![0],
            },
            closed(T, 1, 0),
        ];
        fixture.ledger.append(left).await.unwrap();
        fixture.decide(0, 1, OWED).await.unwrap();
        assert_eq!(fixture.state(0, 1), State::Skipped(Skipped::Gone));
        let back = vec![Fact::Returned { recipients: vec![0] }, closed(T, 1, 0)];
        fixture.ledger.append(back).await.unwrap();
        assert_eq!(fixture.state(0, 1), State::Pending);
    });
}

/// It comes back under the activity of its attempt, so that activity must not be released meanwhile.
#[test]
fn a_held_delivery_counts_as_held_while_its_user_is_skipped() {
    wait(async {
        let mut fixture = Fixture::new(2, 1).await;
        fixture.answered(0, 1, Decision::Held { code: 7 }).await;
        assert_eq!(fixture.ledger.state().held_while_skipped(), 0);
        let left = vec![
            Fact::Away {
                why: Away::Excluded,
                recipients: vec![0, 1],
            },
            closed(T, 1, 0),
        ];
        fixture.ledger.append(left).await.unwrap();
        assert_eq!(fixture.state(0, 1), State::Skipped(Skipped::Excluded));
        assert_eq!(fixture.ledger.state().held_while_skipped(), 1);
        assert_eq!(fixture.reopened().await.state().held_while_skipped(), 1);
    });
}

/// One coupon may exist for each, whatever happens afterwards and however many steps the reopening takes.
#[test]
fn each_reopened_doubt_counts_for_good() {
    wait(async {
        let mut fixture = Fixture::new(3, 1).await;
        for recipient in 0..2 {
            fixture.answered(recipient, 1, UNKNOWN).await;
        }
        fixture.answered(2, 1, Decision::Held { code: 7 }).await;
        fixture.decide(2, 1, MAY_DOUBLE).await.unwrap();
        assert_eq!(fixture.ledger.state().reopened_doubts(), 0, "it was no doubt");
        fixture.decide(0, 1, MAY_DOUBLE).await.unwrap();
        fixture.decide(1, 1, Resolution::Refused).await.unwrap();
        assert_eq!(fixture.ledger.state().reopened_doubts(), 1);
        let ledger_state = fixture.reopened().await;
        assert!(
            ledger_state.state().status(key(1, 1)).doubt.is_some(),
            "it is known to have been a doubt"
        );
        fixture.decide(1, 1, MAY_DOUBLE).await.unwrap();
        for recipient in 0..2 {
            fixture.answered(recipient, 1, Decision::Issued).await;
        }
        assert_eq!(fixture.ledger.state().reopened_doubts(), 2);
        assert_eq!(fixture.reopened().await.state().reopened_doubts(), 2);
    });
}

/// A held code may hide a coupon, so a reopened delivery counts in one step as in two.
#[test]
fn each_reopened_held_delivery_counts_for_good() {
    wait(async {
        let mut fixture = Fixture::new(3, 1).await;
        for recipient in 0..3 {
            fixture.answered(recipient, 1, Decision::Held { code: 7 }).await;
        }
        fixture.decide(0, 1, OWED).await.unwrap();
        fixture.decide(1, 1, Resolution::Refused).await.unwrap();
        assert_eq!(fixture.ledger.state().reopened_held(), 1);
        fixture.ledger = fixture.reopened().await;
        fixture.decide(1, 1, OWED).await.unwrap();
        fixture.decide(2, 1, Resolution::Issued).await.unwrap();
        fixture.answered(0, 1, Decision::Refused { code: 8 }).await;
        fixture.decide(0, 1, OWED).await.unwrap();
        assert_eq!(
            fixture.ledger.state().reopened_held(),
            2,
            "the platform's own refusal is no coupon"
        );
        assert_eq!(open(fixture.reopened().await.state()), open(fixture.ledger.state()));
    });
}

async fn refuses(fixture: &mut Fixture, recipient: u32, to: Resolution) {
    let before = open(fixture.ledger.state());
    let refused = fixture.decide(recipient, 1, to).await.unwrap_err();
    assert!(
        matches!(
            refused,
            LedgerError::IllegalFact {
                source: IllegalFact::NoSuchTransition { .. },
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(open(fixture.ledger.state()), before);
    fixture.ledger = fixture.reopened().await;
}

#[test]
fn a_decision_that_a_person_cannot_make_is_refused() {
    wait(async {
        let mut fixture = Fixture::new(4, 1).await;
        fixture.answered(0, 1, Decision::Issued).await;
        fixture.answered(1, 1, UNKNOWN).await;
        fixture.ledger.append(vec![intent(key(2, 1), T)]).await.unwrap();
        for to in ledger_common::RESOLUTIONS {
            refuses(&mut fixture, 0, to).await;
            refuses(&mut fixture, 2, to).await;
            refuses(&mut fixture, 3, to).await;
        }
        refuses(&mut fixture, 1, OWED).await;
        fixture.decide(1, 1, Resolution::Refused).await.unwrap();
        refuses(&mut fixture, 1, OWED).await;
        assert_eq!(fixture.ledger.state().counts().count(StateName::Refused), 1);
    });
}

#[test]
fn a_decision_about_an_earlier_state_is_refused() {
    wait(async {
        let mut fixture = Fixture::new(1, 1).await;
        fixture.answered(0, 1, Decision::Held { code: 7 }).await;
        let fact = decided(fixture.ledger.state(), key(0, 1), OWED, T);
        fixture.decide(0, 1, Resolution::Refused).await.unwrap();
        let late = fixture.ledger.append(vec![fact]).await.unwrap_err();
        assert!(
            matches!(
                late,
                LedgerError::IllegalFact {
                    source: IllegalFact::NotThere {
                        from: StateName::Held,
                        ..
                    },
                    ..
                }
            ),
            "{late:?}"
        );
    });
}

#[test]
fn every_coupon_that_is_known_to_be_issued_counts_in_the_activity_it_was_sent_under() {
    wait(async {
        let mut fixture = Fixture::new(5, 1).await;
        let activity_id = fixture.ledger.state().generation().unwrap().activity_id.clone();
        let order = ActivityOrder {
            number: 1,
            coupon_meta_id: CouponMetaId::parse("72").unwrap(),
            stock: 10,
            name: "summer".to_owned(),
        };
        let created = ActivityStep::Created {
            activity_id: activity_id.clone(),
            source: Source::Platform { log_id: String::new() },
        };
        for step in [ActivityStep::Intended(order), created] {
            let step = Box::new(step);
            fixture
                .ledger
                .append(vec![Fact::Activity { at: T, step }])
                .await
                .unwrap();
        }
        let lost = Decision::Unknown { due: T, code: None };
        fixture.answered(0, 1, Decision::Issued).await;
        fixture.answered(1, 1, lost).await;
        fixture.answered(2, 1, lost).await;
        fixture.answered(3, 1, Decision::Held { code: 7 }).await;
        fixture.answered(4, 1, lost).await;
        let found = Found {
            key: key(1, 1),
            evidence: Evidence::Coupons,
            coupon: Coupon {
                coupon_id: "7300".to_owned(),
                ..Coupon::default()
            },
        };
        let found = Box::new(found);
        fixture.ledger.append(vec![Fact::Found { at: T, found }]).await.unwrap();
        fixture.decide(2, 1, Resolution::Issued).await.unwrap();
        fixture.decide(3, 1, Resolution::Issued).await.unwrap();
        let issued = |ledger: &Ledger<MemoryStore>| {
            let newest = ledger.state().activities_asked_for().newest();
            newest.map(|newest| (newest.activity_id.clone(), newest.issued))
        };
        assert_eq!(issued(&fixture.ledger), Some((activity_id, 4)));
        assert_eq!(issued(&fixture.reopened().await), issued(&fixture.ledger));
    });
}
