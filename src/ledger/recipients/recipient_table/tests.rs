//! Recipients whose open_ids are in a spill file, compared with those in memory and with a list of texts.

use proptest::prelude::*;

use super::*;
use crate::ledger::codec::Codec;
use crate::ledger::recipients::open_id_arena::{DrainedIds, pack};
use crate::ledger::store::memory::MemoryStore;
use crate::ledger::{Fact, Ledger};
use crate::model::identity::{AppId, CampaignName, Identity, OpenId, PlatformName};

/// A step of a test.
#[derive(Clone, Debug)]
enum Step {
    Admit(Vec<String>),
    Dismiss(usize),
    Index,
    Snapshot,
}

fn open_id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..400_u64).prop_map(|n| {
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{:08x}-0590-40bc-a9f1-{:012x}", mixed >> 32, mixed & 0xffff_ffff)
        }),
        2 => "[0-9]{1,3}",
        1 => "[a-zA-Z_-]{1,2}",
        1 => "[!-~]{120,128}",
        1 => "[你好世界é]{1,40}",
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(open_id(), 1..80).prop_map(Step::Admit),
        2 => (0..120_usize).prop_map(Step::Dismiss),
        1 => Just(Step::Index),
        1 => Just(Step::Snapshot),
    ]
}

/// Admits an open_id like the log does. Returns whether it was new.
fn admit(recipients: &mut RecipientTable, open_id: &str) -> bool {
    let admitted = Fact::Admitted {
        recipients: vec![OpenId::parse(open_id).expect("an open_id")],
    };
    let bytes = Codec::default().encode(&[admitted]).expect("a fact");
    let admitted = Codec::default().decode(&bytes, |entry| match entry {
        Fact::Admitted {
            recipients: mut open_ids,
        } => open_ids.try_for_each(|open_id| recipients.admit(open_id)),
        other => panic!("{other:?}"),
    });
    admitted.expect("it can be read").is_ok()
}

fn find(recipients: &RecipientTable, open_id: &str) -> Option<u32> {
    let mut packed = Vec::new();
    pack(open_id, &mut packed);
    recipients.find(&packed)
}

fn written_and_read(recipients: &RecipientTable) -> RecipientTable {
    let mut bytes = Vec::new();
    recipients.write(&mut bytes).expect("it can be written");
    let spill = Arc::clone(recipients.open_ids.spill());
    RecipientTable::read(&mut &bytes[..], recipients.confirmed, spill).expect("it can be read")
}

fn drained(open_ids: OpenIdArena) -> Vec<String> {
    let mut drained: DrainedIds = open_ids.drain();
    std::iter::from_fn(|| drained.next(|_| true)).collect()
}

/// Checks all methods for all recipients.
fn check(recipients: &RecipientTable, expected: &[String]) {
    assert_eq!(recipients.len() as usize, expected.len());
    assert_eq!(recipients.presence.len(), expected.len());
    for (number, open_id) in (0..).zip(expected) {
        assert_eq!(&recipients.open_id(number), open_id);
        assert_eq!(find(recipients, open_id), Some(number), "{open_id}");
    }
    assert_eq!(find(recipients, "unknown"), None);
    assert_eq!(recipients.open_ids.open_id(recipients.len()), None);
    for first in [0, expected.len() / 3, expected.len()] {
        let mut cursor = recipients.open_ids.from(u32::try_from(first).expect("few"));
        let (mut texts, mut text) = (Vec::new(), String::new());
        while cursor.next_text(&mut text) {
            texts.push(text.clone());
        }
        assert_eq!(texts, &expected[first..]);
    }
    assert_eq!(drained(recipients.open_ids.clone()), expected);
    recipients.open_ids.spill().check().expect("nothing failed");
}

proptest! {
    #[test]
    fn open_ids_in_a_spill_file_make_no_difference(
        steps in prop::collection::vec(step(), 1..12),
        beyond in prop_oneof![Just(0), 0..3_000_u64],
        together in 0..7_u32,
    ) {
        let spill = Spill::beyond(beyond, 1 << together, std::env::temp_dir());
        let mut all = [RecipientTable::default(), RecipientTable::new(Arc::new(spill))];
        let mut expected: Vec<String> = Vec::new();
        for recipients in &mut all {
            recipients.build_index().expect("all are distinct");
        }
        for step in steps {
            for recipients in &mut all {
                let mut expected = expected.clone();
                match &step {
                    Step::Admit(open_ids) => for open_id in open_ids {
                        let new = !expected.contains(open_id);
                        prop_assert_eq!(admit(recipients, open_id), new, "{}", open_id);
                        expected.extend(new.then(|| open_id.clone()));
                    },
                    Step::Dismiss(left) => {
                        recipients.truncate(u32::try_from(*left).expect("few"));
                        expected.truncate(*left);
                    }
                    Step::Index => recipients.drop_index(),
                    Step::Snapshot => *recipients = written_and_read(recipients),
                }
                recipients.build_index().expect("all are distinct");
                check(recipients, &expected);
            }
            match step {
                Step::Admit(open_ids) => for open_id in open_ids {
                    if !expected.contains(&open_id) {
                        expected.push(open_id);
                    }
                },
                Step::Dismiss(left) => expected.truncate(left),
                Step::Index | Step::Snapshot => {}
            }
        }
    }
}

/// A forecast looks up no recipient, so supposed admissions build no index. A recipient that is looked up all the same is found.
#[tokio::test]
async fn supposed_admissions_build_no_index() {
    let identity = Identity {
        platform: PlatformName::FakePlatform,
        app_id: AppId::parse("tt1").expect("an app_id"),
        campaign: CampaignName::parse("summer").expect("a name"),
    };
    let mut ledger = Ledger::open(MemoryStore::default(), identity).await.expect("it opens");
    assert_eq!(find(&ledger.state().recipients, "u1"), None);
    let recipients = ["u1", "u2"].map(|open_id| OpenId::parse(open_id).expect("an open_id"));
    let admitted = Fact::Admitted {
        recipients: recipients.to_vec(),
    };
    ledger.suppose(&[admitted]).expect("it may be supposed");
    let recipients = &ledger.state().recipients;
    assert!(recipients.index.get().is_none());
    assert_eq!(find(recipients, "u2"), Some(1));
}

#[test]
fn a_copy_leaves_the_file_of_the_first_alone() {
    let spill = Arc::new(Spill::beyond(0, 4, std::env::temp_dir()));
    let mut first = OpenIdArena::new(spill);
    let add = |open_ids: &mut OpenIdArena, n: u32| {
        let mut packed = Vec::new();
        pack(&n.to_string(), &mut packed);
        open_ids.push(&packed)
    };
    for n in 0..10 {
        add(&mut first, n);
    }
    let mut second = first.clone();
    for n in 10..40 {
        add(&mut first, n);
    }
    for n in 50..90 {
        add(&mut second, n);
    }
    let texts = |numbers: &mut dyn Iterator<Item = u32>| numbers.map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(drained(first), texts(&mut (0..40)));
    assert_eq!(drained(second), texts(&mut (0..10).chain(50..90)));
}

/// Enough open_ids for an index with several shards that grows, in memory and in a file.
#[test]
fn an_index_that_grows_loses_no_recipient() {
    for beyond in [0, u64::MAX] {
        let mut recipients = RecipientTable::new(Arc::new(Spill::beyond(beyond, 1 << 12, std::env::temp_dir())));
        recipients.build_index().expect("it is empty");
        let (mut packed, all) = (Vec::new(), 300_000_u32);
        for n in 0..all {
            pack(&n.to_string(), &mut packed);
            let number = recipients.open_ids.push(&packed);
            let index = recipients.index.get_mut().expect("an index");
            assert!(index.add(&recipients.open_ids, number, &packed));
            assert!(!index.add(&recipients.open_ids, number, &packed));
        }
        for n in (0..all).step_by(101) {
            assert_eq!(find(&recipients, &n.to_string()), Some(n));
        }
        let again = Index::build(&recipients.open_ids);
        assert!(again.is_distinct);
        recipients.index = OnceLock::from(again.index);
        assert_eq!(find(&recipients, "299999"), Some(299_999));
        assert_eq!(find(&recipients, "300000"), None);
    }
}

#[test]
fn a_recipient_that_is_there_twice_is_noticed_among_many() {
    let mut open_ids = OpenIdArena::default();
    let mut packed = Vec::new();
    for n in (0..200_000).chain([77]) {
        pack(&n.to_string(), &mut packed);
        open_ids.push(&packed);
    }
    assert!(!Index::build(&open_ids).is_distinct);
    open_ids.truncate(200_000);
    assert!(Index::build(&open_ids).is_distinct);
}
