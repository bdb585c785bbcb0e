//! What a worker concludes from an append that was answered without a batch.

use std::collections::BTreeMap;

use runner::fleet::Appender;
use runner::fleet::appender::Appended;
use runner::fleet::statement::{LedgerNo, LogAnswer, LogRow, LogStatement};
use runner::ledger::Head;

/// What is read back for a batch whose place is empty.
fn read_back(before: Head) -> LogAnswer {
    LogAnswer::ReadBack {
        fenced: false,
        found: BTreeMap::from([((LedgerNo(1), before.sequence), before)]),
        last: BTreeMap::from([(LedgerNo(1), before.sequence)]),
        replicated: true,
    }
}

#[test]
fn a_batch_has_parted_only_if_another_one_is_before_it() {
    let before = Head {
        sequence: 1,
        link: [6; 8],
    };
    let head = Head {
        sequence: 2,
        link: [7; 8],
    };
    let row = LogRow {
        ledger: LedgerNo(1),
        term: 1,
        before,
        head,
        record: vec![7],
    };
    let none = LogAnswer::Appended {
        rows: Vec::new(),
        replicated: true,
    };
    let mut appender = Appender::default();
    let appends = appender.add(row);
    let reads = appender.answer(Some(none.clone()));
    let places = vec![(LedgerNo(1), 1), (LedgerNo(1), 2)];
    assert_eq!(reads.statement, Some(LogStatement::ReadBack(places)));
    // The worker was fenced when it appended, and a fail-over has undone the fence.
    assert_eq!(appender.answer(Some(read_back(before))), appends);
    appender.answer(Some(none));
    let other = Head { link: [5; 8], ..before };
    let effects = appender.answer(Some(read_back(other)));
    assert_eq!(effects.ended, [(LedgerNo(1), Appended::Parted)]);
}
