//! A worker and its stores on a real server: the contract of a store, and what becomes of it when the connection, the worker or the
//! log is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use runner::fleet::postgres::StatementError;
use runner::fleet::{
    AppKey, Database, DatabaseError, DatabaseStore, DatabaseUrl, Member, Ownership, SchemaError, Timing,
};
use runner::ledger::ledger_dir::Manifest;
use runner::ledger::record::{Chain, link_of};
use runner::ledger::{AppendError, Fact, Head, Ledger, ReadPage, Store, StoreError};
use runner::model::clock::{from_ms, monotonic_now};
use runner::model::identity::{AppId, CampaignName, Identity, OpenId, PlatformName};
use sqlx::PgConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::fleet::{Fleet, blocked_by};
use super::servers::{close, kill_postgres, postgres, run_postgres};

fn identity(campaign: &str) -> Identity {
    Identity {
        campaign: CampaignName::parse(campaign).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

fn app() -> AppKey {
    AppKey::of_ledger(&identity("summer"))
}

/// The times of a fleet, but a statement does not take long before it is given up.
fn impatient() -> Timing {
    Timing {
        statement: Duration::from_millis(300),
        ..Timing::default()
    }
}

async fn member(fleet: &Fleet, timing: Timing) -> Member {
    let member = Member::start(&fleet.url, timing, "test".to_owned()).await.unwrap();
    member.want(BTreeSet::from([app()]));
    member
}

async fn own(member: &Member) -> Ownership {
    member.own(app()).await.unwrap()
}

async fn create(member: &Member, ownership: &Ownership, campaign: &str) -> DatabaseStore {
    let identity = identity(campaign);
    let manifest = Manifest::new(&identity, from_ms(0));
    member.create(&identity, &manifest, ownership).await.unwrap()
}

/// Opens the ledger again, as far as the last batch.
async fn open(member: &Member, ownership: &Ownership, campaign: &str) -> DatabaseStore {
    let entry = member.database().ledger(&identity(campaign)).await.unwrap().unwrap();
    member.open(&entry, ownership).unwrap()
}

/// Batches of different sizes, together more than a page.
fn records() -> Vec<Vec<u8>> {
    let mut chain = Chain::new(&identity("summer"));
    (0..1_200_usize).map(|n| chain.seal(&vec![7; n * 37 % 4_500])).collect()
}

fn head(records: &[Vec<u8>], sequence: usize) -> Head {
    let link = sequence.checked_sub(1).map(|at| link_of(&records[at]));
    Head {
        sequence: sequence as u64,
        link: link.unwrap_or_default(),
    }
}

/// All batches after `after`. `None` if the store does not have it.
async fn read(store: &mut impl Store, after: Head) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let mut read = Vec::new();
    let mut last = after;
    loop {
        match store.read(last).await? {
            ReadPage::Page(page) => {
                assert!(!page.is_empty());
                last = page.last().unwrap();
                read.extend(page.records().map(|(_, record)| record.to_vec()));
            }
            ReadPage::End => return Ok(Some(read)),
            ReadPage::Missing => return Ok(None),
        }
    }
}

async fn check(store: &mut impl Store, records: &[Vec<u8>]) {
    for first in [0, 1, 64, 1_023, 1_024, 1_025, records.len() - 1, records.len()] {
        let expected = records[first..].to_vec();
        let found = read(store, head(records, first)).await.unwrap();
        assert!(found == Some(expected), "after {first}");
    }
    let other = Head {
        link: [9; 8],
        ..head(records, 64)
    };
    assert_eq!(read(store, other).await.unwrap(), None, "another batch");
    let beyond = Head {
        sequence: records.len() as u64 + 1,
        ..other
    };
    assert_eq!(read(store, beyond).await.unwrap(), None, "after the end");
}

async fn append_all(store: &mut DatabaseStore, records: &[Vec<u8>]) {
    for record in records {
        store.append(record.clone()).await.unwrap();
    }
}

/// A worker with a ledger that has this many of the records. All records are returned.
async fn begun(fleet: &Fleet, batches: usize) -> (Member, Ownership, DatabaseStore, Vec<Vec<u8>>) {
    let member = member(fleet, Timing::default()).await;
    let ownership = own(&member).await;
    let mut store = create(&member, &ownership, "summer").await;
    let records = records();
    append_all(&mut store, &records[..batches]).await;
    (member, ownership, store, records)
}

async fn snapshot(store: &mut impl Store) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut snapshot = store.read_snapshot().await?;
    std::io::Read::read_to_end(&mut snapshot, &mut bytes).unwrap();
    Some(bytes)
}

/// The number of rows of a table.
async fn count(fleet: &mut Fleet, table: &str) -> i64 {
    let sql = format!("select count(*) from {}.{table}", fleet.schema);
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut fleet.admin)
        .await
        .unwrap()
}

async fn run(fleet: &mut Fleet, sql: &str) {
    let sql = format!("set search_path = {}; {sql}", fleet.schema);
    run_postgres(&mut fleet.admin, &sql).await;
}

async fn watcher() -> PgConnection {
    postgres().await.unwrap().1
}

#[tokio::test]
async fn a_store_in_a_database_reads_in_pages() {
    let Some(fleet) = Fleet::new().await else { return };
    let member = member(&fleet, Timing::default()).await;
    let ownership = own(&member).await;
    let mut store = create(&member, &ownership, "summer").await;
    let mut records = records();
    let last = records.pop().unwrap();
    append_all(&mut store, &records).await;
    check(&mut store, &records).await;
    // A reader that stops after a page does not block the next append.
    assert!(matches!(store.read(Head::default()).await, Ok(ReadPage::Page(_))));
    store.append(last.clone()).await.unwrap();
    records.push(last);
    assert_eq!(*store.heads().borrow(), head(&records, records.len()));
    let mut reader = member.database().reader(store.no());
    check(&mut reader, &records).await;
    let refused = reader.append(records[0].clone()).await;
    assert!(matches!(refused, Err(AppendError::Fenced(StoreError::Fenced { .. }))));
    store.close().await;
    let mut store = open(&member, &ownership, "summer").await;
    check(&mut store, &records).await;
    ownership.drained();
    member.stop().await;
    let refused = store.append(records[0].clone()).await;
    assert!(matches!(refused, Err(AppendError::Fenced(StoreError::Fenced { .. }))));
    assert!(matches!(store.fenced().await, StoreError::Fenced { .. }));
    fleet.end().await;
}

#[tokio::test]
async fn a_snapshot_of_several_parts_is_kept_and_may_vanish() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let member = member(&fleet, Timing::default()).await;
    let ownership = own(&member).await;
    let mut store = create(&member, &ownership, "summer").await;
    assert_eq!(snapshot(&mut store).await, None);
    let records = records();
    append_all(&mut store, &records[..3]).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for at in [2, 3] {
        let written = bytes.clone();
        let write = Box::new(move |to: &mut dyn std::io::Write| to.write_all(&written));
        store.write_snapshot(head(&records, at), write).await.unwrap();
        assert!(snapshot(&mut store).await.as_ref() == Some(&bytes), "as of {at}");
        assert_eq!(
            count(&mut fleet, "runner_snapshot_part").await,
            3,
            "earlier parts are removed"
        );
    }
    let failing = Box::new(|_: &mut dyn std::io::Write| Err(std::io::Error::other("planned")));
    assert!(store.write_snapshot(head(&records, 3), failing).await.is_err());
    let mut reader = member.database().reader(store.no());
    assert!(snapshot(&mut reader).await.as_ref() == Some(&bytes));
    run(&mut fleet, "delete from runner_snapshot").await;
    assert_eq!(snapshot(&mut store).await, None);
    run(&mut fleet, "update runner_worker set fenced = true").await;
    let write = Box::new(move |to: &mut dyn std::io::Write| to.write_all(&bytes));
    let refused = store.write_snapshot(head(&records, 3), write).await;
    assert!(matches!(refused, Err(StoreError::Fenced { .. })), "{refused:?}");
    assert_eq!(count(&mut fleet, "runner_snapshot").await, 0);
    fleet.end().await;
}

#[tokio::test]
async fn a_ledger_in_a_database_is_opened_again_by_another_worker() {
    let Some(fleet) = Fleet::new().await else { return };
    let first = member(&fleet, Timing::default()).await;
    let ownership = own(&first).await;
    assert_eq!(ownership.term(), 1);
    assert!(ownership.still_mine());
    let store = create(&first, &ownership, "summer").await;
    let mut ledger = Ledger::open(store, identity("summer")).await.unwrap();
    let recipients = ["u1", "u2"].map(|id| OpenId::parse(id).unwrap()).to_vec();
    ledger.append(vec![Fact::Admitted { recipients }]).await.unwrap();
    let manifest = Manifest::new(&identity("summer"), from_ms(0));
    let duplicate = first.create(&identity("summer"), &manifest, &ownership).await;
    assert!(
        matches!(duplicate, Err(DatabaseError::HasLedger { .. })),
        "{duplicate:?}"
    );
    let second = member(&fleet, Timing::default()).await;
    let waits = second.own(app());
    let hands_over = async {
        first.want(BTreeSet::new());
        ownership.hand_over_asked().await;
        assert!(!ownership.still_mine(), "nothing starts during a hand-over");
        ledger.close().await;
        ownership.drained();
    };
    let (owned, ()) = tokio::join!(waits, hands_over);
    let owned = owned.unwrap();
    assert_eq!(owned.term(), 2);
    let waits = owned.not_before().saturating_duration_since(monotonic_now());
    assert!(waits <= Duration::from_secs(1), "nothing was in flight: {waits:?}");
    let store = open(&second, &owned, "summer").await;
    let ledger = Ledger::open(store, identity("summer")).await.unwrap();
    assert_eq!(ledger.sequence(), 1);
    let workers = second.database().workers().await.unwrap();
    assert_eq!(workers.len(), 2);
    assert!(workers.iter().all(|worker| worker.host == "test"));
    let owners = second.database().owners().await.unwrap();
    assert_eq!(owners[0].worker, Some(second.id()));
    owned.drained();
    first.stop().await;
    second.stop().await;
    fleet.end().await;
}

/// Forwards connections to the server, as long as it is not cut. A cut connection stays open and is silent.
struct Network {
    port: u16,
    is_cut: watch::Sender<bool>,
}

impl Network {
    async fn new(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                tokio::spawn(forward(client_read, server_write, cut.clone()));
                tokio::spawn(forward(server_read, client_write, cut.clone()));
            }
        });
        Self { port, is_cut }
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if cut.wait_for(|is_cut| !*is_cut).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_worker_that_is_silent_is_fenced_and_its_store_takes_nothing_more() {
    let Some(fleet) = Fleet::new().await else { return };
    let quick = Timing {
        renew: Duration::from_millis(200),
        lease: Duration::from_secs(2),
        ..Timing::default()
    };
    let server = url::Url::parse(&fleet.text).unwrap();
    let network = Network::new(server.port().unwrap_or(5432)).await;
    let mut through = server.clone();
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(network.port)).unwrap();
    let through = DatabaseUrl::parse(through.as_str()).unwrap();
    let first = Member::start(&through, quick, "first".to_owned()).await.unwrap();
    first.want(BTreeSet::from([app()]));
    let ownership = own(&first).await;
    let mut store = create(&first, &ownership, "summer").await;
    let records = records();
    append_all(&mut store, &records[..2]).await;
    let second = member(&fleet, quick).await;
    network.is_cut.send_replace(true);
    let appends = store.append(records[2].clone());
    let takes_over = async {
        let owned = own(&second).await;
        assert!(!ownership.still_mine(), "two workers may send");
        let waits = owned.not_before().saturating_duration_since(monotonic_now());
        assert!(
            waits > Duration::from_secs(2),
            "requests of the silent worker may arrive: {waits:?}"
        );
        let mut store = open(&second, &owned, "summer").await;
        assert_eq!(
            read(&mut store, Head::default()).await.unwrap(),
            Some(records[..2].to_vec())
        );
        let mut other = records[2].clone();
        other[1] ^= 1;
        store.append(other).await.unwrap();
        network.is_cut.send_replace(false);
        owned
    };
    let (refused, owned) = tokio::join!(appends, takes_over);
    assert!(
        matches!(
            refused,
            Err(AppendError::Fenced(StoreError::Overtaken { sequence: 3, .. }))
        ),
        "{refused:?}"
    );
    ownership.lost().await;
    assert!(matches!(store.fenced().await, StoreError::Fenced { .. }));
    let refused = store.append(records[3].clone()).await;
    assert!(matches!(refused, Err(AppendError::Fenced(StoreError::Fenced { .. }))));
    assert!(first.own(app()).await.is_none(), "a fenced worker owns nothing");
    first.lost().await;
    first.stop().await;
    assert_eq!(owned.term(), 2);
    fleet.end().await;
}

/// Each ownership has a pace of its own, and together they must not start more than one of them may.
#[tokio::test]
async fn the_next_ownership_of_a_term_waits_for_the_last_starts_of_the_one_before() {
    let Some(fleet) = Fleet::new().await else { return };
    let member = member(&fleet, Timing::default()).await;
    let before = own(&member).await;
    let term = before.term();
    let given_up = monotonic_now();
    before.drained();
    let next = own(&member).await;
    assert_eq!(next.term(), term);
    assert!(next.not_before() >= given_up + Timing::default().window);
    next.drained();
    member.stop().await;
    fleet.end().await;
}

/// A run that ends in a defect drops its ownership. The process must end nevertheless.
#[tokio::test]
async fn a_worker_leaves_though_an_ownership_was_dropped() {
    let Some(fleet) = Fleet::new().await else { return };
    let (member, ownership, store, _) = begun(&fleet, 1).await;
    drop((ownership, store));
    member.stop().await;
    let owners = member.database().owners().await.unwrap();
    assert_eq!(
        owners[0].worker,
        Some(member.id()),
        "nobody knows whether it is drained"
    );
    fleet.end().await;
}

#[tokio::test]
async fn an_append_that_waits_for_a_fence_is_refused() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let (_member, _ownership, mut store, records) = begun(&fleet, 2).await;
    let admin = fleet.admin_pid().await;
    run(
        &mut fleet,
        "begin; select 1 from runner_worker for update; update runner_worker set fenced = true",
    )
    .await;
    let mut watcher = watcher().await;
    let fence = async {
        blocked_by(&mut watcher, admin).await;
        run(&mut fleet, "commit").await;
    };
    let (refused, ()) = tokio::join!(store.append(records[2].clone()), fence);
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    assert_eq!(count(&mut fleet, "runner_log").await, 2);
    close(watcher).await;
    fleet.end().await;
}

#[tokio::test]
async fn an_append_whose_connection_ends_is_read_back_and_is_there_once() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let (_member, _ownership, mut store, records) = begun(&fleet, 2).await;
    let admin = fleet.admin_pid().await;
    run(&mut fleet, "begin; lock table runner_log in exclusive mode").await;
    let mut watcher = watcher().await;
    let end = async {
        let appends = blocked_by(&mut watcher, admin).await;
        kill_postgres(&mut watcher, appends).await;
        run(&mut fleet, "rollback").await;
    };
    let (appended, ()) = tokio::join!(store.append(records[2].clone()), end);
    appended.unwrap();
    assert_eq!(
        read(&mut store, Head::default()).await.unwrap(),
        Some(records[..3].to_vec())
    );
    close(watcher).await;
    fleet.end().await;
}

/// A transaction has the worker's row for a long time. Statements are given up meanwhile, and are executed later.
#[tokio::test]
async fn an_append_without_an_answer_is_tried_again_and_is_there_once() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let member = member(&fleet, impatient()).await;
    let ownership = own(&member).await;
    let mut store = create(&member, &ownership, "summer").await;
    let records = records();
    append_all(&mut store, &records[..2]).await;
    run(&mut fleet, "begin; lock table runner_log in exclusive mode").await;
    let mut watcher = watcher().await;
    let wait = async {
        let sql = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%runner_log%'";
        loop {
            let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut watcher).await.unwrap();
            if waiting >= 2 {
                break;
            }
        }
        run(&mut fleet, "rollback").await;
    };
    let (appended, ()) = tokio::join!(store.append(records[2].clone()), wait);
    appended.unwrap();
    append_all(&mut store, &records[3..6]).await;
    assert_eq!(
        read(&mut store, Head::default()).await.unwrap(),
        Some(records[..6].to_vec())
    );
    close(watcher).await;
    fleet.end().await;
}

#[tokio::test]
async fn a_log_that_was_shortened_is_an_error_that_names_the_last_batch() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let (member, ownership, mut store, records) = begun(&fleet, 5).await;
    let write = Box::new(|to: &mut dyn std::io::Write| to.write_all(b"snapshot"));
    store.write_snapshot(head(&records, 5), write).await.unwrap();
    run(&mut fleet, "delete from runner_log where seq > 3").await;
    let is_forgotten = |error: &StoreError| {
        matches!(
            error,
            StoreError::Forgotten {
                last: 3,
                durable: 5,
                ..
            }
        )
    };
    let refused = store.append(records[5].clone()).await;
    assert!(
        matches!(&refused, Err(AppendError::Failed(error)) if is_forgotten(error)),
        "{refused:?}"
    );
    // The same worker opens it again, and so does another that finds a snapshot.
    let mut again = open(&member, &ownership, "summer").await;
    let refused = read(&mut again, Head::default()).await.unwrap_err();
    assert!(is_forgotten(&refused), "{refused:?}");
    let mut reader = member.database().reader(store.no());
    snapshot(&mut reader).await.unwrap();
    let refused = read(&mut reader, Head::default()).await.unwrap_err();
    assert!(is_forgotten(&refused), "{refused:?}");
    run(&mut fleet, "delete from runner_log where seq = 2").await;
    let refused = read(&mut reader, Head::default()).await.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Forgotten {
                last: 1,
                durable: 3,
                ..
            }
        ),
        "{refused:?}"
    );
    fleet.end().await;
}

#[tokio::test]
async fn a_server_that_is_not_fit_is_refused() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let is_fit = Database::connect(&fleet.url).await.unwrap();
    assert!(matches!(is_fit.check_copies(), Err(DatabaseError::SingleCopy { .. })));
    run(&mut fleet, "update runner_meta set format = 9").await;
    let refused = Database::connect(&fleet.url).await.unwrap_err();
    assert!(
        matches!(
            refused,
            DatabaseError::Unfit {
                source: SchemaError::Format { found: 9 },
                ..
            }
        ),
        "{refused:?}"
    );
    run(&mut fleet, "drop table runner_meta").await;
    let refused = Database::connect(&fleet.url).await.unwrap_err();
    assert!(
        matches!(
            refused,
            DatabaseError::Unfit {
                source: SchemaError::Missing,
                ..
            }
        ),
        "{refused:?}"
    );
    let url = DatabaseUrl::parse("postgres://u:hunter2@127.0.0.1:1/x").unwrap();
    let refused = Database::connect(&url).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            DatabaseError::Failed {
                source: StatementError::NotConnected(_),
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
    fleet.end().await;
}
