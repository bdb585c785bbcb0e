//! People whose open_ids leave the memory are held against those whose open_ids stay, and against a list of texts.

use proptest::prelude::*;

use super::*;
use crate::ledger::codec::Codec;
use crate::ledger::recipients::open_id_arena::{DrainedIds, pack};
use crate::ledger::store::memory::MemoryStore;
use crate::ledger::{Fact, Ledger};
use crate::model::identity::{AppId, CampaignName, Identity, OpenId, PlatformName};

/// What is done to people.
#[derive(Clone, Debug)]
enum Deed {
    Admit(Vec<String>),
    Dismiss(usize),
    Index,
    Shortcut,
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

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => prop::collection::vec(open_id(), 1..80).prop_map(Deed::Admit),
        2 => (0..120_usize).prop_map(Deed::Dismiss),
        1 => Just(Deed::Index),
        1 => Just(Deed::Shortcut),
    ]
}

/// Admits one as the ledger tells of them; says whether that was possible.
fn admit(people: &mut RecipientIndex, open_id: &str) -> bool {
    let recipients = vec![OpenId::parse(open_id).expect("an open_id")];
    let bytes = Codec::default()
        .encode(&[Fact::Admitted { recipients }])
        .expect("a fact");
    let admitted = Codec::default().decode(&bytes, |entry| match entry {
        Fact::Admitted { mut recipients } => recipients.try_for_each(|open_id| people.admit(open_id)),
        other => panic!("{other:?}"),
    });
    admitted.expect("it can be read").is_ok()
}

fn find(people: &RecipientIndex, open_id: &str) -> Option<u32> {
    let mut packed = Vec::new();
    pack(open_id, &mut packed);
    people.find(&packed)
}

fn by_shortcut(people: &RecipientIndex) -> RecipientIndex {
    let mut bytes = Vec::new();
    people.write(&mut bytes).expect("it can be written");
    let spill = Arc::clone(people.open_ids.spill());
    RecipientIndex::read(&mut &bytes[..], people.confirmed, spill).expect("it can be read")
}

fn told(names: OpenIdArena) -> Vec<String> {
    let mut told: DrainedIds = names.drain();
    std::iter::from_fn(|| told.next(|_| true)).collect()
}

/// Everything that can be asked, of everybody.
fn check(people: &RecipientIndex, expected: &[String]) {
    assert_eq!(people.len() as usize, expected.len());
    assert_eq!(people.presence.len(), expected.len());
    for (number, open_id) in (0..).zip(expected) {
        assert_eq!(&people.open_id(number), open_id);
        assert_eq!(find(people, open_id), Some(number), "{open_id}");
    }
    assert_eq!(find(people, "nobody has this"), None);
    assert_eq!(people.open_ids.open_id(people.len()), None);
    for first in [0, expected.len() / 3, expected.len()] {
        let mut cursor = people.open_ids.from(u32::try_from(first).expect("few"));
        let (mut texts, mut text) = (Vec::new(), String::new());
        while cursor.next_text(&mut text) {
            texts.push(text.clone());
        }
        assert_eq!(texts, &expected[first..]);
    }
    assert_eq!(told(people.open_ids.clone()), expected);
    people.open_ids.spill().check().expect("nothing failed");
}

proptest! {
    #[test]
    fn it_makes_no_difference_where_open_ids_lie(
        deeds in prop::collection::vec(deed(), 1..12),
        beyond in prop_oneof![Just(0), 0..3_000_u64],
        together in 0..7_u32,
    ) {
        let spill = Spill::beyond(beyond, 1 << together, std::env::temp_dir());
        let mut all = [RecipientIndex::default(), RecipientIndex::new(Arc::new(spill))];
        let mut expected: Vec<String> = Vec::new();
        for people in &mut all {
            people.build_index().expect("nobody is there twice");
        }
        for deed in deeds {
            for people in &mut all {
                let mut expected = expected.clone();
                match &deed {
                    Deed::Admit(open_ids) => for open_id in open_ids {
                        let new = !expected.contains(open_id);
                        prop_assert_eq!(admit(people, open_id), new, "{}", open_id);
                        expected.extend(new.then(|| open_id.clone()));
                    },
                    Deed::Dismiss(left) => {
                        people.truncate(u32::try_from(*left).expect("few"));
                        expected.truncate(*left);
                    }
                    Deed::Index => people.drop_index(),
                    Deed::Shortcut => *people = by_shortcut(people),
                }
                people.build_index().expect("all are distinct");
                check(people, &expected);
            }
            match deed {
                Deed::Admit(open_ids) => for open_id in open_ids {
                    if !expected.contains(&open_id) {
                        expected.push(open_id);
                    }
                },
                Deed::Dismiss(left) => expected.truncate(left),
                Deed::Index | Deed::Shortcut => {}
            }
        }
    }
}

/// Nobody is looked up in what is supposed; whoever is all the same is found.
#[tokio::test]
async fn who_is_supposed_to_come_fills_no_table() {
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
    let people = &ledger.state().recipients;
    assert!(people.index.get().is_none());
    assert_eq!(find(people, "u2"), Some(1));
}

#[test]
fn a_copy_leaves_the_file_of_the_first_alone() {
    let spill = Arc::new(Spill::beyond(0, 4, std::env::temp_dir()));
    let mut first = OpenIdArena::new(spill);
    let add = |names: &mut OpenIdArena, n: u32| {
        let mut packed = Vec::new();
        pack(&n.to_string(), &mut packed);
        names.push(&packed)
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
    assert_eq!(told(first), texts(&mut (0..40)));
    assert_eq!(told(second), texts(&mut (0..10).chain(50..90)));
}

/// So many that the table has several shards and grows, with open_ids in memory and in a file.
#[test]
fn a_table_that_grows_loses_nobody() {
    for beyond in [0, u64::MAX] {
        let mut people = RecipientIndex::new(Arc::new(Spill::beyond(beyond, 1 << 12, std::env::temp_dir())));
        people.build_index().expect("nobody");
        let (mut packed, all) = (Vec::new(), 300_000_u32);
        for n in 0..all {
            pack(&n.to_string(), &mut packed);
            let number = people.open_ids.push(&packed);
            let index = people.index.get_mut().expect("a table");
            assert!(index.add(&people.open_ids, number, &packed));
            assert!(!index.add(&people.open_ids, number, &packed));
        }
        for n in (0..all).step_by(101) {
            assert_eq!(find(&people, &n.to_string()), Some(n));
        }
        let again = Index::build(&people.open_ids);
        assert!(again.is_distinct);
        people.index = OnceLock::from(again.index);
        assert_eq!(find(&people, "299999"), Some(299_999));
        assert_eq!(find(&people, "300000"), None);
    }
}

#[test]
fn somebody_who_is_there_twice_is_noticed_among_many() {
    let mut names = OpenIdArena::default();
    let mut packed = Vec::new();
    for n in (0..200_000).chain([77]) {
        pack(&n.to_string(), &mut packed);
        names.push(&packed);
    }
    assert!(!Index::build(&names).is_distinct);
    names.truncate(200_000);
    assert!(Index::build(&names).is_distinct);
}
