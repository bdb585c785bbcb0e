//! The search is held against one that keeps every id as text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ledger::codec::primitives::pack_onto;
use crate::ledger::store::memory::MemoryStore;
use crate::ledger::{Fact, Generation, Ledger, ManualDecision};
use crate::model::delivery::StateName::{Deferred, Held, InDoubt, Issued, Refused};
use crate::model::delivery::{ActivityNo, Resolution};
use crate::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use crate::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

const USERS: u32 = 8;
const AT: Timestamp = Timestamp::UNIX_EPOCH;
const CODE: i64 = 7;

/// An answer: what it proves, and its ids.
#[derive(Clone, Debug)]
struct Said {
    leads_to: StateName,
    coupon_id: u8,
    log_id: u8,
}

fn key(recipient: u32, ordinal: u8) -> DeliveryKey {
    DeliveryKey { recipient, ordinal }
}

fn said(leads_to: StateName, coupon_id: u8, log_id: u8) -> Said {
    Said {
        leads_to,
        coupon_id,
        log_id,
    }
}

/// An attempt and its answer. A log_id of 0 means that it has no log_id.
fn attempt(key: DeliveryKey, said: &Said) -> [Fact; 2] {
    let code = Some(CODE);
    let (decision, proof) = match said.leads_to {
        Issued => {
            let coupon = Box::new(Coupon {
                coupon_id: said.coupon_id.to_string(),
                ..Coupon::default()
            });
            (Decision::Issued, Proof::Issued { coupon, replay: false })
        }
        Refused => (Decision::Refused { code: CODE }, Proof::Refused),
        Held => (Decision::Held { code: CODE }, Proof::Held),
        Deferred => (
            Decision::NotIssued { due: AT, code },
            Proof::NotIssued(NotIssued::Throttled),
        ),
        _ => (
            Decision::Unknown { due: AT, code },
            Proof::Unknown(Unknown::SystemError),
        ),
    };
    let log_id = match said.log_id {
        0 => String::new(),
        id => id.to_string(),
    };
    let answer = Answer {
        code: CODE,
        message: String::new(),
        log_id,
        class: Class::Issued,
        classifier: Classifier::Table,
    };
    let outcome = Box::new(Outcome {
        proof,
        answer: Some(answer),
        status: Some(200),
        detail: None,
        retry_after: None,
        latency: Duration::ZERO,
        at: AT,
    });
    let activity = ActivityNo(0);
    [
        Fact::Intent { key, at: AT, activity },
        Fact::Ended { key, decision, outcome },
    ]
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// A ledger in which these answers were given, with a spill that keeps `in_memory` bytes in memory.
fn ledger(answers: &[(DeliveryKey, Said)], in_memory: u64) -> Ledger<MemoryStore> {
    let identity = Identity {
        campaign: CampaignName::parse("summer").expect("a name"),
        app_id: AppId::parse("tt1").expect("an app id"),
        platform: PlatformName::FakePlatform,
    };
    let recipients = (0..USERS).map(|n| OpenId::parse(&format!("u{n}")).expect("an open_id"));
    let mut facts = vec![
        Fact::run_began(AT, Duration::from_secs(10)),
        Fact::Admitted {
            recipients: recipients.collect(),
        },
        Fact::Closed(Box::new(Generation {
            at: AT,
            listed: USERS.into(),
            source: [7; 32],
            activity_id: ActivityId::parse("7001").expect("an activity"),
            coupons_per_user: 2,
            control_group: "0%".to_owned(),
            excluded: Vec::new(),
            fingerprint: String::new(),
            accepted: Vec::new(),
        })),
    ];
    facts.extend(answers.iter().flat_map(|(key, said)| attempt(*key, said)));
    wait(async {
        let spill = Arc::new(Spill::beyond(in_memory, 1 << 16, std::env::temp_dir()));
        let opened = Ledger::open_spilling(MemoryStore::default(), identity, spill).await;
        let mut ledger = opened.expect("an empty one");
        ledger.append(facts).await.expect("facts");
        ledger
    })
}

fn repeats(ledger: &mut Ledger<MemoryStore>) -> Repeats {
    wait(ledger.repeats()).expect("it can be read")
}

/// Each id that is shown, with how many deliveries have it.
fn shown(repeated: &RepeatedIds) -> Vec<(&str, u64)> {
    let shown = |id: &RepeatedId| id.deliveries;
    repeated.first.iter().map(|id| (id.id.as_str(), shown(id))).collect()
}

fn repeats_of(answers: &[(DeliveryKey, Said)]) -> Repeats {
    repeats(&mut ledger(answers, u64::MAX))
}

#[test]
fn ids_of_their_own_do_not_repeat() {
    let answers = [
        (key(0, 1), said(Deferred, 0, 1)),
        (key(0, 1), said(Issued, 1, 2)),
        (key(0, 2), said(Issued, 2, 3)),
        (key(1, 1), said(Refused, 0, 4)),
        (key(2, 1), said(Issued, 4, 0)),
        (key(3, 1), said(Issued, 5, 0)),
    ];
    assert!(repeats_of(&answers).is_empty());
}

#[test]
fn a_coupon_of_two_users_is_found_with_its_deliveries() {
    let found = repeats_of(&[
        (key(5, 1), said(Issued, 9, 1)),
        (key(2, 1), said(Issued, 9, 2)),
        (key(3, 1), said(Issued, 8, 3)),
    ]);
    assert_eq!(shown(&found.coupon_ids), [("9", 2)]);
    assert_eq!((found.coupon_ids.ids, found.coupon_ids.deliveries), (1, 2));
    assert_eq!(found.log_ids, RepeatedIds::default());
    let deliveries: Vec<_> = found.coupon_ids.first[0]
        .first
        .iter()
        .map(|delivery| (delivery.open_id.as_str(), delivery.ordinal, delivery.state))
        .collect();
    assert_eq!(deliveries, [("u2", 1, Issued), ("u5", 1, Issued)]);
}

#[test]
fn a_coupon_of_two_deliveries_of_one_user_is_found() {
    let found = repeats_of(&[(key(0, 1), said(Issued, 9, 1)), (key(0, 2), said(Issued, 9, 2))]);
    assert_eq!(shown(&found.coupon_ids), [("9", 2)]);
    let ordinals: Vec<_> = found.coupon_ids.first[0].first.iter().map(|it| it.ordinal).collect();
    assert_eq!(ordinals, [1, 2]);
}

#[test]
fn a_log_id_is_found_whatever_its_answers_said() {
    for (one, other) in [
        (Issued, Issued),
        (Issued, Refused),
        (Held, InDoubt),
        (Deferred, Deferred),
    ] {
        let found = repeats_of(&[(key(0, 1), said(one, 1, 9)), (key(1, 1), said(other, 2, 9))]);
        assert_eq!(shown(&found.log_ids), [("9", 2)], "{one} and {other}");
        assert_eq!(found.coupon_ids.ids, 0);
    }
}

#[test]
fn a_coupon_id_that_is_a_log_id_too_is_no_repeat() {
    assert!(repeats_of(&[(key(0, 1), said(Issued, 9, 1)), (key(1, 1), said(Issued, 2, 9))]).is_empty());
}

#[test]
fn an_id_that_no_longer_decides_anything_does_not_count() {
    let both_in_doubt = [(key(0, 1), said(InDoubt, 0, 9)), (key(1, 1), said(InDoubt, 0, 9))];
    assert!(repeats_of(&both_in_doubt).is_empty());
    let settled_since = [
        (key(0, 1), said(InDoubt, 0, 9)),
        (key(0, 1), said(Issued, 1, 1)),
        (key(1, 1), said(Deferred, 0, 9)),
        (key(1, 1), said(Refused, 0, 2)),
        (key(2, 1), said(InDoubt, 0, 3)),
        (key(2, 1), said(Refused, 0, 9)),
    ];
    assert!(
        repeats_of(&settled_since).is_empty(),
        "the refusal of a doubt settles nothing"
    );
    let issued_by_it = [settled_since.as_slice(), &[(key(3, 1), said(Issued, 3, 9))]].concat();
    assert_eq!(shown(&repeats_of(&issued_by_it).log_ids), [("9", 4)]);
}

#[test]
fn a_persons_decision_ends_it_and_a_code_that_was_read_again_does_not() {
    let answers = [(key(0, 1), said(Held, 0, 9)), (key(1, 1), said(Deferred, 0, 9))];
    let after = |fact| {
        let settled = (key(1, 1), said(Issued, 1, 1));
        let mut ledger = ledger(&[answers.as_slice(), &[settled]].concat(), u64::MAX);
        wait(ledger.append(vec![fact])).expect("a fact");
        repeats(&mut ledger).log_ids.ids
    };
    let decided = |to| Fact::Decided {
        keys: vec![key(0, 1)],
        decision: Box::new(ManualDecision {
            at: AT,
            by: String::new(),
            note: String::new(),
            from: Held,
            to,
            selection: String::new(),
        }),
    };
    assert_eq!(after(Fact::run_began(AT, Duration::ZERO)), 1);
    assert_eq!(after(decided(Resolution::Refused)), 0);
    assert_eq!(after(decided(Resolution::Owed { may_double: false })), 0);
    let reread = Fact::Reread {
        key: key(0, 1),
        step: crate::model::delivery::Transition::RereadRefused,
        at: AT,
    };
    assert_eq!(after(reread), 1);
}

#[test]
fn the_first_are_shown_and_all_are_counted() {
    let same = |n| (key(n, 1), said(Issued, 9, u8::try_from(n).expect("a few") + 1));
    let found = repeats_of(&(0..USERS).map(same).collect::<Vec<_>>());
    assert_eq!(shown(&found.coupon_ids), [("9", USERS.into())]);
    assert_eq!(found.coupon_ids.first[0].first.len(), SHOWN);

    // Each user has a coupon twice, and so there are more ids than are shown.
    let id = |recipient| u8::try_from(10 * (USERS - recipient)).expect("a few");
    let twice = (0..USERS).flat_map(|n| [1, 2].map(|ordinal| (key(n, ordinal), said(Issued, id(n), id(n) + ordinal))));
    let found = repeats_of(&twice.collect::<Vec<_>>());
    assert_eq!((found.coupon_ids.ids, found.coupon_ids.deliveries), (8, 16));
    assert_eq!(
        shown(&found.coupon_ids),
        [("80", 2), ("70", 2), ("60", 2), ("50", 2), ("40", 2)],
        "in the order of the deliveries"
    );
}

#[test]
fn a_temporary_file_that_fails_is_an_error() {
    let mut ledger = ledger(&[(key(0, 1), said(Issued, 1, 1))], u64::MAX);
    ledger.replay.state.recipients = crate::ledger::recipients::recipient_table::RecipientTable::new(Arc::new(
        Spill::beyond(0, 1, "/nowhere".into()),
    ));
    let error = wait(ledger.repeats()).expect_err("it has no room");
    assert!(error.to_string().contains("a temporary file in /nowhere"), "{error}");
}

/// A user's answers, without one that settles nothing before others.
fn user() -> impl Strategy<Value = Vec<(u8, Said)>> {
    let id = || 0..12_u8;
    let last = prop::sample::select(vec![Issued, Issued, Refused, Held, Deferred, InDoubt]);
    (
        prop::option::of(id()),
        last,
        id(),
        id(),
        prop::option::of((1..12_u8, 1..12_u8)),
    )
        .prop_map(|(first, last, coupon_id, log_id, second)| {
            let mut answers = Vec::new();
            answers.extend(first.map(|log_id| (1, said(Deferred, 0, log_id))));
            answers.push((1, said(last, coupon_id, log_id)));
            if last == Issued {
                answers.extend(second.map(|(coupon_id, log_id)| (2, said(Issued, coupon_id, log_id))));
            }
            answers
        })
}

/// How many ids of one kind repeat, and how many deliveries have them.
fn naive(mentions: Vec<(u8, DeliveryKey, bool)>) -> (u64, u64) {
    let mut by_id: BTreeMap<u8, (BTreeSet<DeliveryKey>, bool)> = BTreeMap::new();
    for (id, key, decides) in mentions {
        let entry = by_id.entry(id).or_default();
        entry.0.insert(key);
        entry.1 |= decides;
    }
    let repeated = by_id.values().filter(|(keys, decides)| keys.len() > 1 && *decides);
    repeated.fold((0, 0), |(ids, deliveries), (keys, _)| {
        (ids + 1, deliveries + keys.len() as u64)
    })
}

proptest! {
    #[test]
    fn what_is_found_is_what_repeats_however_little_fits_into_memory(
        users in prop::collection::vec(user(), USERS as usize),
        in_memory in prop::sample::select(vec![0, 96, 1024, u64::MAX]),
    ) {
        let mut answers = Vec::new();
        let mut coupons = Vec::new();
        let mut logs = Vec::new();
        for (recipient, user) in (0..).zip(users) {
            for (at, (ordinal, said)) in user.iter().enumerate() {
                let key = key(recipient, *ordinal);
                let later = user.get(at + 1).filter(|(next, _)| next == ordinal);
                // Each attempt of a delivery that is due again is taken to have issued nothing.
                let stays = later.is_none_or(|(_, later)| later.leads_to == Deferred && said.leads_to == Deferred);
                let decides = stays && said.leads_to != InDoubt;
                if said.leads_to == Issued {
                    coupons.push((said.coupon_id, key, decides));
                }
                if said.log_id > 0 {
                    logs.push((said.log_id, key, decides));
                }
                answers.push((key, said.clone()));
            }
        }
        let found = repeats(&mut ledger(&answers, in_memory));
        prop_assert_eq!((found.coupon_ids.ids, found.coupon_ids.deliveries), naive(coupons));
        prop_assert_eq!((found.log_ids.ids, found.log_ids.deliveries), naive(logs));
        for repeated in [&found.coupon_ids, &found.log_ids] {
            prop_assert_eq!(repeated.first.len() as u64, repeated.ids.min(SHOWN as u64));
        }
    }
}

#[test]
fn a_mention_is_read_as_it_was_written() {
    let id = IdHash((1 << 80) - 4);
    let key = key(0x0102_0304, 20);
    let mention = Mention::from_bytes(Mention::new(id, key, Held).to_bytes());
    assert_eq!((mention.id(), mention.key(), mention.leads_to()), (id, key, Some(Held)));
}

#[test]
fn mentions_are_in_the_order_of_their_ids_and_then_of_their_deliveries() {
    let mention = |id, recipient, ordinal| Mention::new(IdHash(id), key(recipient, ordinal), Issued);
    let ascending = [
        mention(0, u32::MAX, 20),
        mention(1, 0, 2),
        mention(1, 1, 1),
        mention(1, 1, 2),
        mention(1 << 79, 0, 1),
    ];
    assert!(ascending.is_sorted());
}

#[test]
fn an_id_has_one_hash_however_it_is_packed() {
    let mut hashes = Hashes::default();
    for id in [
        "7218071234565644204",
        "20230602141441E708D3A77C64701C88EB",
        "ba253642-0590-40bc-a9f1-0123456789ab",
        "Cv4PoJXaTPn63rNu",
        "编号 7",
    ] {
        let mut packed = Vec::new();
        pack_onto(id, &mut packed);
        let packed = PackedText::from_packed(&packed).expect("a packed text");
        assert_eq!(hashes.hash(packed), hashes.hash(PackedText::from_plain(id)), "{id}");
        assert_ne!(hashes.hash(packed), Hashes::default().hash(packed), "the key is random");
    }
}
