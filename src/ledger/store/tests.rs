//! Each store reads back in pages what was appended, and says how an append ended.

use super::*;
use crate::ledger::log::head::Head;
use crate::ledger::log::record::{Chain, link_of};

/// Batches of different sizes, together more than a page.
fn records() -> Vec<Vec<u8>> {
    let mut chain = Chain::default();
    (0..200_usize).map(|n| chain.seal(&vec![7; n * 37 % 4_500])).collect()
}

fn head(records: &[Vec<u8>], sequence: usize) -> Head {
    let Some(at) = sequence.checked_sub(1) else {
        return Head::default();
    };
    Head {
        sequence: sequence as u64,
        link: link_of(&records[at]),
    }
}

/// All batches after `after`. `None` if the store does not have it.
async fn read(store: &mut impl Store, after: Head) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut read = Vec::new();
    let mut last = after;
    loop {
        match store.read(last).await.unwrap() {
            ReadPage::Page(page) => {
                assert!(!page.is_empty());
                last = page.last().unwrap();
                read.extend(page.records().map(|(sequence, record)| (sequence, record.to_vec())));
            }
            ReadPage::End => return Some(read),
            ReadPage::Missing => return None,
        }
    }
}

async fn check(store: &mut impl Store, records: &[Vec<u8>]) {
    for first in [0, 1, 63, 64, 65, 150, records.len() - 1, records.len()] {
        let expected = (1..).zip(records.to_vec()).skip(first).collect();
        assert_eq!(read(store, head(records, first)).await, Some(expected), "after {first}");
    }
    let other = Head {
        link: [9; 8],
        ..head(records, 64)
    };
    assert_eq!(read(store, other).await, None, "another batch");
    let beyond = Head {
        sequence: records.len() as u64 + 1,
        ..other
    };
    assert_eq!(read(store, beyond).await, None, "after the end");
}

#[tokio::test]
async fn a_store_in_memory_reads_in_pages() {
    let mut store = MemoryStore::default();
    let records = records();
    for record in &records {
        store.append(record.clone()).await.unwrap();
    }
    check(&mut store, &records).await;
    store.fail_after(0);
    assert!(matches!(store.append(Vec::new()).await, Err(AppendError::Unknown(_))));
    store.vanish();
    assert!(matches!(store.append(Vec::new()).await, Err(AppendError::Fenced(_))));
}

#[tokio::test]
async fn a_store_on_disk_reads_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = SledStore::create(dir.path()).await.unwrap();
    let mut records = records();
    let last = records.pop().unwrap();
    for record in &records {
        store.append(record.clone()).await.unwrap();
    }
    check(&mut store, &records).await;
    // A reader that stops after a page does not block the next append.
    assert!(matches!(store.read(Head::default()).await, Ok(ReadPage::Page(_))));
    store.append(last.clone()).await.unwrap();
    records.push(last);
    let reader = store.reader().await.unwrap();
    let mut after = 0;
    while after < 190 {
        let page = reader.read(after, 190).await.unwrap();
        for (sequence, record) in page.records() {
            after += 1;
            assert_eq!(
                (sequence, record),
                (after, &records[usize::try_from(after).unwrap() - 1][..])
            );
        }
    }
    assert_eq!(after, 190);
    drop(reader);
    store.close().await;
    let mut store = SledStore::open(dir.path()).await.unwrap();
    check(&mut store, &records).await;
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert!(matches!(store.append(Vec::new()).await, Err(AppendError::Fenced(_))));
}
