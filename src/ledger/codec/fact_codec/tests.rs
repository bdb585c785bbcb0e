//! Whatever was written is read, and nothing that was not written makes a reader panic.

use proptest::prelude::*;

use super::*;
use crate::ledger::fact::{Answered, AudienceOrigin, Erasure, Excluded, Generation, ManualDecision, TermOwner};
use crate::ledger::platform_record::{
    BillContent, BillRecord, CountRecord, CouponsRecord, Evidence, Found, PlatformRecord, SpotRecord,
};
use crate::model::activity::{ActivityOrder, ActivityStep, AnswerNote, Source};
use crate::model::actor::{Act, ActKind, Actor};
use crate::model::clock::from_ms;
use crate::model::delivery::{Decision, Resolution, StateName};
use crate::model::identity::{ActivityId, CouponMetaId, OpenId};
use crate::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (1_780_000_000_000_i64..1_780_000_100_000).prop_map(from_ms),
        1 => any::<i64>().prop_map(from_ms),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    (0..100_000_u64).prop_map(Duration::from_millis)
}

fn key() -> impl Strategy<Value = DeliveryKey> {
    (prop_oneof![8 => 0..1000_u32, 1 => any::<u32>()], any::<u8>())
        .prop_map(|(recipient, ordinal)| DeliveryKey { recipient, ordinal })
}

fn code() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 28_001_000..28_001_009_i64, 1 => any::<i64>()]
}

fn coupon() -> impl Strategy<Value = Coupon> {
    let number = || prop::option::of(prop_oneof![8 => 0..3_i64, 1 => any::<i64>()]);
    let words = || prop::option::of(prop_oneof!["券?", ".{0,20}"]);
    (
        ("[0-9]{1,19}", words(), words()),
        (number(), number(), number(), number()),
        (number(), number(), number()),
    )
        .prop_map(|((coupon_id, merchant_meta_no, coupon_name), numbers, times)| Coupon {
            coupon_id,
            merchant_meta_no,
            coupon_name,
            coupon_status: numbers.0,
            discount_type: numbers.1,
            discount_amount: numbers.2,
            min_pay_amount: numbers.3,
            receive_time: times.0,
            valid_begin_time: times.1,
            valid_end_time: times.2,
        })
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        4 => (coupon().prop_map(Box::new), any::<bool>()).prop_map(|(coupon, replay)| Proof::Issued { coupon, replay }),
        1 => prop::sample::select(vec![
            Proof::Duplicate,
            Proof::Refused,
            Proof::Held,
            Proof::NotIssued(NotIssued::Throttled),
            Proof::NotIssued(NotIssued::Halt),
            Proof::Unknown(Unknown::SystemError),
            Proof::Unknown(Unknown::Unreadable),
            Proof::Unknown(Unknown::NoCoupon),
        ]),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let classes = (
        prop::sample::select(Class::ALL.to_vec()),
        prop::sample::select(vec![Classifier::Table, Classifier::Nobody]),
    );
    let answer = (code(), prop_oneof!["ok?", ".{0,2000}"], "[0-9A-F]{0,34}", classes).prop_map(
        |(code, message, log_id, (class, classifier))| Answer {
            code,
            message,
            log_id,
            class,
            classifier,
        },
    );
    let rest = (
        prop::option::of(any::<u16>()),
        prop::option::of(".{0,9}"),
        prop::option::of(duration()),
        duration(),
        time(),
    );
    (proof(), prop::option::of(answer), rest).prop_map(|(proof, answer, (status, detail, retry_after, latency, at))| {
        Outcome {
            proof,
            answer,
            status,
            detail,
            retry_after,
            latency,
            at,
        }
    })
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        Just(Decision::Issued),
        code().prop_map(|code| Decision::Refused { code }),
        code().prop_map(|code| Decision::Held { code }),
        (time(), prop::option::of(code())).prop_map(|(due, code)| Decision::NotIssued { due, code }),
        (time(), prop::option::of(code())).prop_map(|(due, code)| Decision::Unknown { due, code }),
    ]
}

fn generation() -> impl Strategy<Value = Generation> {
    (
        time(),
        any::<u64>(),
        any::<[u8; 32]>(),
        "[0-9]{1,32}",
        any::<u8>(),
        prop::collection::vec("[a-z_]{1,9}", 0..3),
    )
        .prop_map(
            |(at, listed, source, activity_id, coupons_per_user, accepted)| Generation {
                at,
                listed,
                source,
                activity_id: ActivityId::parse(&activity_id).unwrap(),
                coupons_per_user,
                control_group: "5%".to_owned(),
                excluded: vec![Excluded {
                    list: "csv opted-out.csv".to_owned(),
                    people: listed,
                }],
                fingerprint: "f".repeat(64),
                accepted,
            },
        )
}

fn manual_decision() -> impl Strategy<Value = ManualDecision> {
    let to = prop::sample::select(vec![
        Resolution::Issued,
        Resolution::Refused,
        Resolution::Owed { may_double: false },
        Resolution::Owed { may_double: true },
    ]);
    let from = prop::sample::select(StateName::ALL.to_vec());
    (time(), ".{0,9}", ".{0,40}", from, to, "[ -~]{0,20}").prop_map(|(at, by, note, from, to, selection)| {
        ManualDecision {
            at,
            by,
            note,
            from,
            to,
            selection,
        }
    })
}

fn date(day: i32) -> jiff::civil::Date {
    jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(day)
}

fn platform_record() -> impl Strategy<Value = PlatformRecord> {
    let count = (prop::option::of(any::<u64>()), prop::option::of(any::<u64>()), ".{0,9}").prop_map(
        |(received, consumed, log_id)| {
            PlatformRecord::Count(CountRecord {
                coupon_meta_id: CouponMetaId::parse("72").unwrap(),
                activity_id: ActivityId::parse("7001").unwrap(),
                received,
                consumed,
                log_id,
            })
        },
    );
    let coupons =
        (key(), prop::collection::vec("[0-9]{1,19}", 0..4), ".{0,9}").prop_map(|(key, coupon_ids, log_id)| {
            PlatformRecord::Coupons(CouponsRecord {
                key,
                coupon_ids,
                log_id,
            })
        });
    let content = prop::option::of((any::<[u8; 32]>(), any::<u64>()));
    let bill = (0..4000_i32, content, ".{0,9}").prop_map(|(day, content, log_id)| {
        PlatformRecord::Bill(BillRecord {
            day: date(day),
            content: content.map(|(sha256, bytes)| BillContent { sha256, bytes }),
            log_id,
        })
    });
    let shown = prop::option::of(coupon());
    let spot = (key(), "[0-9]{1,19}", shown, ".{0,9}").prop_map(|(key, coupon_id, shown, log_id)| {
        PlatformRecord::Spot(SpotRecord {
            key,
            coupon_id,
            shown,
            log_id,
        })
    });
    prop_oneof![count, coupons, bill, spot]
}

fn fact() -> impl Strategy<Value = Fact> {
    let numbers = || {
        prop::collection::vec((any::<u32>(), 0..9_u32), 0..9).prop_map(|runs| {
            runs.into_iter()
                .flat_map(|(first, many)| first..first.saturating_add(many))
                .collect()
        })
    };
    let open_ids = prop::collection::vec("[!-~]{1,40}".prop_map(|text| OpenId::parse(&text).unwrap()), 0..9);
    let step = prop_oneof![
        Just(Transition::Owe),
        Just(Transition::OweUnderNewActivity),
        Just(Transition::RereadRefused),
        Just(Transition::RereadIssued),
        time().prop_map(|due| Transition::RereadUnknown { due }),
        time().prop_map(|due| Transition::RereadResend { due })
    ];
    let rules = prop::sample::select(vec![Rules::V0, Rules::V1]);
    prop_oneof![
        1 => (time(), duration(), rules).prop_map(|(at, timeout, rules)| Fact::RunBegan { at, timeout, rules }),
        1 => open_ids.prop_map(|recipients| Fact::Admitted { recipients }),
        1 => (prop::sample::select(Away::ALL.to_vec()), numbers()).prop_map(|(why, recipients)| Fact::Away { why, recipients }),
        1 => (any::<u32>(), time()).prop_map(|(recipient, at)| Fact::Lapsed { recipient, at }),
        1 => numbers().prop_map(|recipients| Fact::Returned { recipients }),
        1 => generation().prop_map(|generation| Fact::Closed(Box::new(generation))),
        1 => (".{0,20}", prop::collection::btree_set(any::<u64>(), 0..9)).prop_map(|(list, hashes)| {
            let people = Sample::from_hashes(hashes.into_iter().collect()).unwrap();
            Fact::KeptOut(KeptOut { list, people })
        }),
        1 => (key(), time(), any::<u16>()).prop_map(|(key, at, no)| Fact::Intent { key, at, activity: ActivityNo(no) }),
        1 => key().prop_map(|key| Fact::Withdrawn { key }),
        4 => (key(), decision(), outcome().prop_map(Box::new))
            .prop_map(|(key, decision, outcome)| Fact::Ended { key, decision, outcome }),
        1 => (key(), step, time()).prop_map(|(key, step, at)| Fact::Reread { key, step, at }),
        1 => (prop::collection::vec(key(), 0..9), manual_decision().prop_map(Box::new))
            .prop_map(|(keys, decision)| Fact::Decided { keys, decision }),
        1 => (0.0..=1.0, time()).prop_map(|(share, at)| Fact::WaveEnded { share, at }),
        1 => (0.0..=1.0, time(), any::<u64>(), any::<u64>()).prop_map(|(share, at, all, not_issued)| {
            let answered = Answered { all, not_issued };
            Fact::WaveHalted { share, at, answered }
        }),
        1 => numbers().prop_map(|recipients| Fact::Testers { recipients }),
        1 => (time(), any::<String>(), any::<[u8; 32]>())
            .prop_map(|(at, host, lists)| Fact::Origin(Box::new(AudienceOrigin { at, host, lists }))),
        1 => prop::collection::vec(any::<u32>(), 0..9).prop_map(|seconds| Fact::LastActive { seconds }),
        1 => (0.0..=1.0, time(), any::<String>()).prop_map(|(share, at, name)| Fact::Acted {
            at,
            act: Box::new(Act { by: actor(&name), kind: ActKind::Approved { share } }),
        }),
        1 => (time(), duration(), any::<u64>(), any::<String>(), any::<String>()).prop_map(
            |(at, timeout, term, worker, host)| Fact::OwnerChanged {
                at,
                timeout,
                owner: Box::new(TermOwner { term, worker, host }),
            }
        ),
        1 => (time(), platform_record()).prop_map(|(at, record)| Fact::Recorded { at, record: Box::new(record) }),
        1 => (time(), key(), coupon(), prop::option::of(0..4000_i32)).prop_map(|(at, key, coupon, day)| Fact::Found {
            at,
            found: Box::new(Found {
                key,
                coupon,
                evidence: day.map_or(Evidence::Coupons, |day| Evidence::Bill(date(day))),
            }),
        }),
        1 => (time(), activity_step().prop_map(Box::new)).prop_map(|(at, step)| Fact::Activity { at, step }),
        1 => (1..=20_u8, prop::collection::vec(any::<[u8; 13]>(), 0..3)).prop_map(|(coupons, mut ids)| {
            for id in &mut ids {
                id[12] &= 0xf0;
            }
            let all = ids.iter().flat_map(|id| id.repeat(coupons.into()));
            let recipients = ErasedRecipients::from_bytes(coupons, &all.collect::<Vec<_>>());
            Fact::AdmittedErased(recipients.expect("ids"))
        }),
        1 => (time(), any::<String>(), duration(), any::<u32>(), any::<u64>(), any::<[u8; 32]>()).prop_map(
            |(at, name, older_than, recipients, batches, digest)| {
                let by = actor(&name);
                let erasure = Box::new(Erasure { by, older_than, recipients, batches, digest });
                Fact::Erased { at, erasure }
            }
        ),
    ]
}

fn activity_step() -> impl Strategy<Value = ActivityStep> {
    let note = || {
        (any::<Option<i64>>(), any::<String>(), any::<String>()).prop_map(|(code, message, log_id)| AnswerNote {
            code,
            message,
            log_id,
        })
    };
    let order = (any::<u32>(), "[0-9]{1,32}", any::<u64>(), any::<String>()).prop_map(|(number, id, stock, name)| {
        let coupon_meta_id = CouponMetaId::parse(&id).expect("digits");
        ActivityOrder {
            number,
            coupon_meta_id,
            stock,
            name,
        }
    });
    let created = ("[0-9]{1,32}", any::<bool>(), any::<String>()).prop_map(|(id, is_person, text)| {
        let activity_id = ActivityId::parse(&id).expect("digits");
        let source = if is_person {
            Source::Person(text)
        } else {
            Source::Platform { log_id: text }
        };
        ActivityStep::Created { activity_id, source }
    });
    prop_oneof![
        order.prop_map(ActivityStep::Intended),
        note().prop_map(ActivityStep::NotCreated),
        note().prop_map(ActivityStep::Unknown),
        created,
        any::<String>().prop_map(ActivityStep::Dismissed),
        Just(ActivityStep::ReleaseIntended),
        note().prop_map(ActivityStep::NotReleased),
        note().prop_map(ActivityStep::ReleaseUnknown),
        any::<String>().prop_map(|log_id| ActivityStep::Released { log_id }),
    ]
}

fn actor(name: &str) -> Actor {
    Actor {
        name: name.to_owned(),
        user: "li".to_owned(),
        host: "till-3".to_owned(),
        command: "runner approve summer.yaml".to_owned(),
    }
}

fn batches() -> impl Strategy<Value = Vec<Vec<Fact>>> {
    prop::collection::vec(prop::collection::vec(fact(), 0..6), 1..8)
}

fn decoded(codec: &mut Codec, bytes: &[u8]) -> Option<Vec<Fact>> {
    let mut facts = Vec::new();
    codec
        .decode(bytes, |fact| {
            let can_be_decoded = fact.can_be_decoded();
            let fact = fact.decode();
            assert_eq!(can_be_decoded, fact.is_some());
            facts.push(fact);
            Ok::<_, ()>(())
        })
        .and_then(|_| facts.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(batches in batches()) {
        let (mut writer, mut reader) = (Codec::default(), Codec::default());
        for facts in batches {
            let bytes = writer.encode(&facts).unwrap();
            prop_assert_eq!(decoded(&mut reader, &bytes), Some(facts));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(batches in batches(), at: prop::sample::Index, flip: u8, random: Vec<u8>) {
        let mut writer = Codec::default();
        let mut bytes: Vec<u8> = batches.iter().filter_map(|facts| writer.encode(facts)).flatten().collect();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let _ = decoded(&mut Codec::default(), &bytes);
            bytes.truncate(at);
        }
        bytes.extend(random);
        let _ = decoded(&mut Codec::default(), &bytes);
    }
}

#[test]
fn a_list_that_is_too_long_for_one_fact_is_several() {
    let recipients: Vec<u32> = (5..u32::try_from(MOST_NUMBERS).unwrap() + 9).collect();
    let bytes = Codec::default()
        .encode(&[Fact::Away {
            why: Away::Limit,
            recipients: recipients.clone(),
        }])
        .unwrap();
    let facts = decoded(&mut Codec::default(), &bytes).unwrap();
    let numbers = facts.into_iter().flat_map(|fact| match fact {
        Fact::Away { recipients, .. } => recipients,
        other => panic!("{other:?}"),
    });
    assert_eq!(numbers.collect::<Vec<_>>(), recipients);
    assert!(bytes.len() < 20, "{} bytes", bytes.len());
}

#[test]
fn a_step_that_no_reading_takes_is_not_written() {
    let key = DeliveryKey {
        recipient: 0,
        ordinal: 1,
    };
    let fact = Fact::Reread {
        key,
        step: Transition::Withdrawn,
        at: from_ms(0),
    };
    assert_eq!(Codec::default().encode(&[fact]), None);
}

fn issued() -> Outcome {
    Outcome {
        proof: Proof::Issued {
            coupon: Box::new(Coupon {
                coupon_id: "7218071234565644204".to_owned(),
                coupon_name: Some("券".to_owned()),
                receive_time: Some(1_780_000_000),
                ..Coupon::default()
            }),
            replay: false,
        },
        answer: Some(Answer {
            code: 0,
            message: "success".to_owned(),
            log_id: "20230602141441E708D3A77C64701C88EB".to_owned(),
            class: Class::Issued,
            classifier: Classifier::Table,
        }),
        status: Some(200),
        detail: None,
        retry_after: None,
        latency: Duration::from_millis(57),
        at: from_ms(1_780_000_000_100),
    }
}

fn one_of_each() -> Vec<Fact> {
    let key = DeliveryKey {
        recipient: 3,
        ordinal: 1,
    };
    vec![
        Fact::RunBegan {
            at: from_ms(1_780_000_000_000),
            timeout: Duration::from_secs(10),
            rules: Rules::V0,
        },
        Fact::Admitted {
            recipients: vec![OpenId::parse("ba253642-0590-40bc-a9f1-0123456789ab").unwrap()],
        },
        Fact::Away {
            why: Away::Lapsed,
            recipients: vec![1, 2, 7],
        },
        Fact::Closed(Box::new(Generation {
            at: from_ms(1_780_000_000_001),
            listed: 5,
            source: [7; 32],
            activity_id: ActivityId::parse("0071").unwrap(),
            coupons_per_user: 1,
            fingerprint: "f1".to_owned(),
            control_group: "0.5%".to_owned(),
            excluded: vec![Excluded {
                list: "csv opted-out.csv".to_owned(),
                people: 12_000,
            }],
            accepted: vec!["replays".to_owned()],
        })),
        Fact::Intent {
            key,
            at: from_ms(1_780_000_000_040),
            activity: ActivityNo(0),
        },
        Fact::Ended {
            key,
            decision: Decision::Issued,
            outcome: Box::new(issued()),
        },
        Fact::Lapsed {
            recipient: 7,
            at: from_ms(1_780_000_000_120),
        },
        Fact::Reread {
            key,
            step: Transition::RereadResend {
                due: from_ms(1_780_000_000_200),
            },
            at: from_ms(1_780_000_000_150),
        },
        Fact::Decided {
            keys: vec![key, DeliveryKey { recipient: 9, ..key }],
            decision: Box::new(ManualDecision {
                at: from_ms(1_780_000_000_300),
                by: "li@ops".to_owned(),
                note: "券".to_owned(),
                from: StateName::Held,
                to: Resolution::Owed { may_double: false },
                selection: "--held".to_owned(),
            }),
        },
    ]
}

/// And an act.
fn of_acts() -> Vec<Fact> {
    vec![Fact::Acted {
        at: from_ms(1_780_000_000_600),
        act: Box::new(Act {
            by: actor("李娜"),
            kind: ActKind::Approved { share: 0.01 },
        }),
    }]
}

/// And of each of waves.
fn of_waves() -> Vec<Fact> {
    vec![
        Fact::WaveEnded {
            share: 0.01,
            at: from_ms(1_780_000_000_400),
        },
        Fact::WaveHalted {
            share: 0.1,
            at: from_ms(1_780_000_000_500),
            answered: Answered {
                all: 200,
                not_issued: 61,
            },
        },
    ]
}

fn of_lists() -> Vec<Fact> {
    vec![Fact::KeptOut(KeptOut {
        list: "csv 退订.csv".to_owned(),
        people: Sample::from_hashes(vec![1, 0x0102_0304_0506_0708]).unwrap(),
    })]
}

#[test]
fn what_is_no_sample_is_not_read() {
    let read = |hashes: &[u64]| {
        let mut writer = Writer::default();
        writer.byte(KEPT_OUT);
        writer.text("csv a.csv");
        writer.bytes(&hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<_>>());
        decoded(&mut Codec::default(), &writer.0)
    };
    assert!(read(&[1, 2]).is_some());
    assert_eq!(read(&[2, 1]), None);
    assert_eq!(read(&(0..=4096).collect::<Vec<_>>()), None);
}

/// And of each that came with the second version of the rules.
fn of_second_rules() -> Vec<Fact> {
    let reread = |recipient, step| Fact::Reread {
        key: DeliveryKey { recipient, ordinal: 1 },
        step,
        at: from_ms(1_780_000_000_700),
    };
    let due = from_ms(1_780_000_000_710);
    vec![
        Fact::RunBegan {
            at: from_ms(1_780_000_000_600),
            timeout: Duration::from_secs(10),
            rules: Rules::V1,
        },
        reread(10, Transition::RereadUnknown { due }),
        reread(11, Transition::OweUnderNewActivity),
    ]
}

/// A newer program's facts may mean something that this one does not know.
#[test]
fn a_run_by_unknown_rules_is_not_read() {
    let known = Codec::default()
        .encode(&[Fact::run_began(from_ms(1), Duration::from_secs(10))])
        .unwrap();
    let mut unknown = known.clone();
    unknown[0] += 0x10;
    let reads = |bytes: &[u8]| Codec::default().decode(bytes, |_| Ok::<_, ()>(())).is_some();
    assert!(reads(&known) && !reads(&unknown));
}

/// The format, as it lies on disks: whoever changes these bytes needs a new version and must go on reading this one.
#[test]
fn the_format_stays_what_it_is() {
    let facts = [one_of_each(), of_waves(), of_lists(), of_second_rules(), of_acts()].concat();
    let lines: Vec<String> = facts
        .iter()
        .scan(Codec::default(), |codec, fact| codec.encode(std::slice::from_ref(fact)))
        .map(|bytes| {
            bytes
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    0080a0a484ce67904e
    010180ba253642059040bca9f10123456789ab
    320202020801
    046618323032362d30352d32385432303a32363a34302e3030315a05070707070707070707070707070707070707070707070707070707070707070704303037310104302e35250111637376206f707465642d6f75742e637376e05d02663101077265706c617973
    15065000
    1706002200000001000103e588b80000000001000001000773756363657373000001c801000078397f2220230602141441e708d3a77c64701c88eb33ac1fc07b8bbd2b6400
    0a0828
    18073c0364
    09021006100c2c16323032362d30352d32385432303a32363a34302e335a066c69406f707303e588b8040200062d2d68656c64
    0bfba8b8bd94dc9ec23ff403
    0c9ab3e6cc99b3e6dc3fc801c8013d
    0d0e63737620e98080e8aea22e6373761001000000000000000807060504030201
    10c801904e
    180ec8010414
    18020005
    0ec7013506e69d8ee5a89c026c690674696c6c2d331a72756e6e657220617070726f76652073756d6d65722e79616d6c007b14ae47e17a843f
    ");
}
