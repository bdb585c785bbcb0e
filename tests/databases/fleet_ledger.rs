//! A ledger over a store in a database is the ledger over a store in memory: the same state and the same bytes, with snapshots and
//! without, in random histories.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use runner::fleet::{AppKey, DatabaseStore, Member, Ownership, Timing};
use runner::ledger::ledger_dir::Manifest;
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Head, Ledger, ReadPage, Store as _};
use runner::model::clock::from_ms;

use super::fleet::Fleet;
use super::ledger_common::turns::{batch, reopened, turn};
use super::ledger_common::{check, identity, open};
use super::servers::run_postgres;

async fn store(member: &Member, ownership: &Ownership) -> DatabaseStore {
    let entry = member.database().ledger(&identity()).await.unwrap().unwrap();
    member.open(&entry, ownership).unwrap()
}

async fn records(mut store: DatabaseStore) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut last = Head::default();
    while let ReadPage::Page(page) = store.read(last).await.unwrap() {
        records.extend(page.records().map(|(_, record)| record.to_vec()));
        last = page.last().unwrap();
    }
    records
}

#[tokio::test]
async fn a_ledger_in_a_database_is_the_one_in_memory() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let member = Member::start(&fleet.url, Timing::default(), "test".to_owned())
        .await
        .unwrap();
    let app = AppKey::of_ledger(&identity());
    member.want(BTreeSet::from([app.clone()]));
    let ownership = member.own(app).await.unwrap();
    let mut random = TestRunner::deterministic();
    let histories = (prop::collection::vec((turn(), 0..4_u8), 1..40), 0..300_u64);
    for _ in 0..16 {
        let (turns, keep_after) = histories.new_tree(&mut random).unwrap().current();
        let sql = format!("delete from {}.runner_ledger", fleet.schema);
        run_postgres(&mut fleet.admin, &sql).await;
        let manifest = Manifest::new(&identity(), from_ms(0));
        let created = member.create(&identity(), &manifest, &ownership).await.unwrap();
        let mut ledger = Ledger::open(created, identity()).await.unwrap();
        let memory = MemoryStore::default();
        let mut plain = reopened(&memory).await;
        for (n, (turn, end)) in (0_i64..).zip(&turns) {
            let facts = batch(&plain, turn, from_ms(1_780_000_000_000 + n * 1000));
            ledger.keep_after(keep_after);
            ledger.append(facts.clone()).await.unwrap();
            plain.append(facts).await.unwrap();
            match end {
                0 => ledger.close().await,
                1 => drop(ledger),
                _ => continue,
            }
            ledger = Ledger::open(store(&member, &ownership).await, identity())
                .await
                .unwrap();
            assert_eq!(open(ledger.state()), open(plain.state()));
            check(ledger.state());
        }
        let mut expected = Vec::new();
        memory.tamper(|records| expected.clone_from(records));
        assert!(records(store(&member, &ownership).await).await == expected);
    }
    ownership.drained();
    member.stop().await;
    fleet.end().await;
}
