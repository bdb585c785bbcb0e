//! The texts of the ledger's errors, in both languages.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::app_id_lock::{AppIdLockError, Holder};
use super::attempted_action::Action;
use super::ledger_dir::LedgerDirError;
use super::lock::{LockError, Purpose};
use super::record::RecordError;
use super::state_directory::NotOwn;
use super::store::Damage;
use super::verify::VerifyError;
use super::{IllegalFact, LastGood, LedgerError, Older, StoreError};
use crate::catalogue::in_both_languages;
use crate::model::clock::from_ms;
use crate::model::delivery::{Counts, DeliveryKey, StateName};
use crate::model::event::Owner;

const KEY: DeliveryKey = DeliveryKey {
    recipient: 7,
    ordinal: 2,
};

fn path() -> PathBuf {
    Path::new("/srv/.runner/live/summer").to_owned()
}

fn place() -> String {
    "db.example:5432/coupons".to_owned()
}

fn full() -> io::Error {
    io::Error::from_raw_os_error(28)
}

fn texts<E: Display>(errors: &[E]) -> String {
    in_both_languages(errors.iter().map(|error| error as &dyn Display))
}

fn why() -> String {
    "Corruption".to_owned()
}

#[test]
fn the_errors_of_a_store_are_in_both_languages() {
    let done = Action::ALL.map(|action| StoreError::Io {
        action,
        path: path(),
        source: full(),
    });
    let actions = [
        Action::AppendTo,
        Action::Flush,
        Action::KeepSnapshot,
        Action::Open,
        Action::Read,
        Action::Use,
    ];
    let broken = actions.map(|action| StoreError::Broken {
        action,
        path: path(),
        why: why(),
    });
    let stalled = actions.map(|action| StoreError::Stalled {
        action,
        path: path(),
        seconds: 30,
    });
    let spilled = [Action::Create, Action::Read, Action::Write].map(|action| StoreError::Spill {
        action,
        dir: "/var/tmp".into(),
        source: full(),
    });
    let damaged = |at| StoreError::Damaged {
        path: path(),
        file: "db".into(),
        at,
        source: Box::new(StoreError::Planned),
    };
    let others = [
        StoreError::Gone {
            path: path(),
            replaced: true,
        },
        StoreError::Gone {
            path: path(),
            replaced: false,
        },
        StoreError::Closed {
            path: path(),
            durable: 41,
            why: why(),
        },
        StoreError::InUse { path: path() },
        StoreError::Lost {
            path: path(),
            last: 40,
            durable: 41,
        },
        StoreError::Parted {
            path: path(),
            sequence: 41,
        },
        StoreError::Headless { path: path() },
        damaged(None),
        damaged(Some(1_048_576)),
        StoreError::Summary {
            path: path(),
            files: vec!["conf".to_owned(), "snap.0000".to_owned()],
            source: Box::new(StoreError::Planned),
        },
        StoreError::Owner {
            path: path(),
            source: full(),
        },
        StoreError::Fenced { place: place() },
        StoreError::Overtaken {
            place: place(),
            sequence: 41,
        },
        StoreError::Forgotten {
            place: place(),
            last: 40,
            durable: 41,
        },
        StoreError::Planned,
    ];
    let database = [Action::AppendTo, Action::KeepSnapshot, Action::Read].map(|action| StoreError::Database {
        action,
        place: place(),
        source: Box::new(full()),
    });
    insta::assert_snapshot!(
        [done.as_slice(), &broken, &stalled, &spilled, &database, &others]
            .map(texts)
            .join("\n")
    );
}

#[test]
fn the_errors_of_a_ledger_are_in_both_languages() {
    let last = LastGood {
        sequence: 40,
        newest: from_ms(0),
    };
    let none = LastGood { sequence: 0, ..last };
    let ledger = [
        LedgerError::Unfinished {
            last,
            source: StoreError::Planned,
        },
        LedgerError::Record {
            sequence: 41,
            last: none,
            source: RecordError::Altered,
        },
        LedgerError::IllegalFact {
            sequence: 41,
            last,
            source: IllegalFact::TooMany,
        },
        LedgerError::Older(Older { known: 41, last: 40 }),
        LedgerError::Older(Older { known: 40, last: 41 }),
        LedgerError::GivenUp,
        LedgerError::Failed,
    ];
    let records = [
        RecordError::Newer { found: 9 },
        RecordError::Altered,
        RecordError::Senseless,
    ];
    let facts = [
        IllegalFact::Unknown {
            recipient: 7,
            ordinal: 2,
        },
        IllegalFact::AdmittedTwice,
        IllegalFact::WrongActivity,
        IllegalFact::OutOfTurn { key: KEY },
        IllegalFact::NotMoved { recipient: 7 },
        IllegalFact::Coupons { coupons: 0 },
        IllegalFact::Erasure,
        IllegalFact::NotReread,
        IllegalFact::NotThere {
            key: KEY,
            from: StateName::Held,
        },
        IllegalFact::TooMany,
    ];
    let verified = [
        VerifyError::Damaged {
            damage: Vec::new(),
            source: LedgerError::Failed,
        },
        VerifyError::Damaged {
            damage: vec![Damage {
                file: "db".into(),
                at: None,
            }],
            source: LedgerError::Failed,
        },
        VerifyError::Miscounted {
            kept: Box::new(Counts::default()),
            counted: Box::new(Counts::default()),
            last,
        },
        VerifyError::SnapshotCheck { sequence: 40, last },
    ];
    let all = [texts(&ledger), texts(&records), texts(&facts), texts(&verified)];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_errors_of_directories_and_locks_are_in_both_languages() {
    let theirs = "summer".to_owned();
    let ours = "autumn".to_owned();
    let directories = [
        LedgerDirError::NotOwn {
            path: path(),
            why: NotOwn::Writable { mode: 0o777 },
        },
        LedgerDirError::Network {
            path: path(),
            kind: "NFS",
        },
        LedgerDirError::Foreign {
            path: path(),
            what: "campaign",
            theirs: theirs.clone(),
            ours: ours.clone(),
            is_proven: true,
        },
        LedgerDirError::Altered {
            path: path(),
            what: "campaign",
            theirs,
            ours,
        },
        LedgerDirError::Newer { path: path(), found: 2 },
        LedgerDirError::Illegible {
            path: path(),
            why: why(),
        },
        LedgerDirError::Missing {
            path: path(),
            missing: "head",
        },
        LedgerDirError::Real { path: path() },
    ];
    let not_own = [Action::Create, Action::LookAt, Action::Open].map(|action| NotOwn::Io { action, source: full() });
    let owner = Owner {
        host: "till-3".to_owned(),
        pid: 4711,
        since: from_ms(0),
        command: "runner apply summer.yaml".to_owned(),
    };
    let locks = [
        LockError::taken_by(owner),
        LockError::Taken {
            owner: None,
            purpose: Purpose::Look,
        },
    ];
    let app_locks = [
        AppIdLockError::Taken(Holder::default()),
        AppIdLockError::Io {
            name: "runner-app-id-0".to_owned(),
            source: full(),
        },
    ];
    let all = [texts(&directories), texts(&not_own), texts(&locks), texts(&app_locks)];
    insta::assert_snapshot!(all.join("\n"));
}
