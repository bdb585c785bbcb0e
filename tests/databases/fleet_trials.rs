//! A worker while its database fails: a primary with a standby, of the test's own, is stopped, killed and promoted.
//!
//! `RUNNER_FLEET_TRIALS=20` repeats the fail-over at 20 moments.

use std::collections::BTreeSet;
use std::time::Duration;

use runner::fleet::{AppKey, Database, DatabaseStore, DatabaseUrl, Member, Ownership, Timing};
use runner::ledger::ledger_dir::Manifest;
use runner::ledger::record::Chain;
use runner::ledger::{AppendError, Head, ReadPage, Store, StoreError};
use runner::model::clock::from_ms;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use sqlx::PgConnection;

use super::clusters::Cluster;
use super::servers::{close, run_postgres};

/// A commit waits for any standby.
pub(crate) const SYNCHRONOUS: &[&str] = &["synchronous_standby_names=*"];

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

pub(crate) fn records(many: usize) -> Vec<Vec<u8>> {
    let mut chain = Chain::new(&identity());
    (0..many).map(|n| chain.seal(&vec![7; n * 37 % 2_500])).collect()
}

/// The times of a fleet, but a statement does not take long before it is given up.
pub(crate) fn impatient() -> Timing {
    Timing {
        statement: Duration::from_millis(500),
        ..Timing::default()
    }
}

pub(crate) fn url(clusters: &[&Cluster]) -> DatabaseUrl {
    let hosts = clusters.iter().map(|cluster| format!("127.0.0.1:{}", cluster.port));
    let hosts = hosts.collect::<Vec<_>>().join(",");
    DatabaseUrl::parse(&format!("postgres://postgres@{hosts}/postgres")).unwrap()
}

/// A worker that owns the app id, and the store of a new ledger.
pub(crate) async fn worker(url: &DatabaseUrl) -> (Member, Ownership, DatabaseStore) {
    Database::init(url).await.unwrap();
    let member = Member::start(url, impatient(), "first".to_owned()).await.unwrap();
    let app = AppKey::of_ledger(&identity());
    member.want(BTreeSet::from([app.clone()]));
    let ownership = member.own(app).await.unwrap();
    let manifest = Manifest::new(&identity(), from_ms(0));
    let store = member.create(&identity(), &manifest, &ownership).await.unwrap();
    (member, ownership, store)
}

async fn read_all(store: &mut impl Store) -> Vec<Vec<u8>> {
    let mut read = Vec::new();
    let mut last = Head::default();
    while let ReadPage::Page(page) = store.read(last).await.unwrap() {
        read.extend(page.records().map(|(_, record)| record.to_vec()));
        last = page.last().unwrap();
    }
    read
}

/// Waits until a query on the server counts at least `many`.
async fn counts(connection: &mut PgConnection, sql: &'static str, many: i64) {
    loop {
        run_postgres(connection, "select pg_sleep(0.02)").await;
        let counted: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        if counted >= many {
            return;
        }
    }
}

const BATCHES: &str = "select count(*) from runner_log";

pub(crate) async fn promote(standby: &Cluster) {
    let mut admin = standby.connect().await;
    run_postgres(&mut admin, "select pg_promote()").await;
    close(admin).await;
}

/// Kills the primary after this number of batches, and promotes the standby. The worker keeps its app id, and each batch that was
/// acknowledged is in the new primary once.
async fn fail_over(after: u64) {
    let Some(mut primary) = Cluster::primary(SYNCHRONOUS).await else {
        return;
    };
    let standby = primary.standby().await;
    let url = url(&[&primary, &standby]);
    let (member, ownership, mut store) = worker(&url).await;
    assert!(member.database().check_copies().is_ok());
    let waits = Member::start(&url, impatient(), "second".to_owned()).await.unwrap();
    waits.want(BTreeSet::from([ownership.app().clone()]));
    let records = records(300);
    let mut heads = store.heads();
    let appends = async {
        for record in &records {
            store.append(record.clone()).await.unwrap();
        }
    };
    let fails = async {
        heads.wait_for(|head| head.sequence >= after).await.unwrap();
        primary.kill();
        promote(&standby).await;
    };
    tokio::join!(appends, fails);
    assert_eq!(read_all(&mut store).await.len(), records.len());
    let mut reader = member.database().reader(store.no());
    assert!(read_all(&mut reader).await == records);
    let owners = member.database().owners().await.unwrap();
    assert_eq!(
        (owners[0].worker, owners[0].term),
        (Some(member.id()), 1),
        "an outage fences nobody"
    );
}

#[tokio::test]
async fn a_standby_that_is_promoted_has_every_acknowledged_batch() {
    let trials = std::env::var("RUNNER_FLEET_TRIALS")
        .ok()
        .and_then(|many| many.parse().ok());
    for trial in 0..trials.unwrap_or(1_u64) {
        fail_over(20 + trial * 37 % 250).await;
    }
}

/// The server gives up waiting for its standby, and says so with a warning: the batch may be lost in a fail-over.
#[tokio::test]
async fn a_batch_that_the_standby_may_not_have_is_not_durable_before_it_has() {
    let Some(primary) = Cluster::primary(SYNCHRONOUS).await else {
        return;
    };
    let mut standby = primary.standby().await;
    let (_member, _ownership, mut store) = worker(&url(&[&primary])).await;
    let records = records(3);
    store.append(records[0].clone()).await.unwrap();
    standby.stop();
    let mut admin = primary.connect().await;
    let given_up = async {
        let waits =
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query like '%INTO runner_log%'";
        counts(&mut admin, waits, 1).await;
        let cancel = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and query like '%INTO runner_log%'";
        run_postgres(&mut admin, cancel).await;
        // It is visible on the primary now.
        counts(&mut admin, BATCHES, 2).await;
        let reads_back =
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query like '%checked%'";
        counts(&mut admin, reads_back, 1).await;
    };
    {
        let mut append = std::pin::pin!(store.append(records[1].clone()));
        tokio::select! {
            appended = &mut append => panic!("it is not on the standby: {appended:?}"),
            () = given_up => {}
        }
        let (appended, ()) = tokio::join!(append, standby.start());
        appended.unwrap();
    }
    store.append(records[2].clone()).await.unwrap();
    assert!(read_all(&mut store).await == records);
    close(admin).await;
}

/// An asynchronous standby is promoted, which lacks batches that were acknowledged: their coupons may have been sent.
#[tokio::test]
async fn a_database_that_has_forgotten_batches_takes_no_more() {
    let Some(mut primary) = Cluster::primary(&[]).await else {
        return;
    };
    let mut standby = primary.standby().await;
    let (member, ownership, mut store) = worker(&url(&[&primary, &standby])).await;
    assert!(member.database().check_copies().is_err());
    let records = records(9);
    for record in &records[..5] {
        store.append(record.clone()).await.unwrap();
    }
    let mut copy = standby.connect().await;
    counts(&mut copy, BATCHES, 5).await;
    close(copy).await;
    standby.stop();
    for record in &records[5..8] {
        store.append(record.clone()).await.unwrap();
    }
    primary.kill();
    standby.start().await;
    promote(&standby).await;
    let refused = store.append(records[8].clone()).await;
    let is_it = |error: &StoreError| {
        matches!(
            error,
            StoreError::Forgotten {
                last: 5,
                durable: 8,
                ..
            }
        )
    };
    assert!(
        matches!(&refused, Err(AppendError::Failed(error)) if is_it(error)),
        "{refused:?}"
    );
    let entry = member.database().ledger(&identity()).await.unwrap().unwrap();
    let mut again = member.open(&entry, &ownership).unwrap();
    let page = again.read(Head::default()).await.unwrap();
    let ReadPage::Page(page) = page else { panic!("{page:?}") };
    let refused = again.read(page.last().unwrap()).await.unwrap_err();
    assert!(is_it(&refused), "{refused:?}");
}

/// The statements that are given up wait on the server, each in a process of its own. There are few of them however long it takes.
#[tokio::test]
async fn a_transaction_that_holds_the_log_delays_a_worker_and_uses_up_no_connections() {
    let Some(server) = Cluster::primary(&[]).await else {
        return;
    };
    let (_member, _ownership, mut store) = worker(&url(&[&server])).await;
    let records = records(40);
    store.append(records[0].clone()).await.unwrap();
    let mut admin = server.connect().await;
    let mut watcher = server.connect().await;
    run_postgres(&mut admin, "begin; lock table runner_log in share mode").await;
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    let holds = async {
        counts(&mut watcher, waiting, 4).await;
        // Several times as long as a statement may take.
        run_postgres(&mut watcher, "select pg_sleep(4)").await;
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut watcher).await.unwrap();
        assert_eq!(waiting, 4, "they use up the connections of the server");
        run_postgres(&mut admin, "rollback").await;
    };
    let appends = async {
        for record in &records[1..] {
            store.append(record.clone()).await.unwrap();
        }
    };
    tokio::join!(appends, holds);
    assert!(read_all(&mut store).await == records);
    close(admin).await;
    close(watcher).await;
}

/// What was acknowledged is there, and the worker goes on when there is room again, also if the server has stopped meanwhile.
#[tokio::test]
async fn a_disk_that_is_full_loses_no_batch() {
    let Some(mut server) = Cluster::on_small_disk(160, &["max_wal_size=32MB", "min_wal_size=32MB"]).await else {
        return;
    };
    let (_member, _ownership, mut store) = worker(&url(&[&server])).await;
    let records = records(600);
    let mut heads = store.heads();
    let stalls = async {
        heads.wait_for(|head| head.sequence >= 50).await.unwrap();
        server.fill_disk(0);
        // A slow machine only makes the trial easier.
        while let Ok(changed) = tokio::time::timeout(Duration::from_millis(700), heads.changed()).await {
            changed.unwrap();
        }
        assert!(heads.borrow().sequence < 600, "the disk was not full");
        server.empty_disk();
        if server.has_ended() {
            server.start().await;
        }
    };
    let appends = async {
        for record in &records {
            store.append(record.clone()).await.unwrap();
        }
    };
    tokio::join!(appends, stalls);
    assert!(read_all(&mut store).await == records);
}

/// A worker reaches the server that takes writes, whichever address is first, by IPv6 and by IPv4.
#[tokio::test]
async fn several_addresses_lead_to_the_server_that_takes_writes() {
    let Some(mut primary) = Cluster::primary(SYNCHRONOUS).await else {
        return;
    };
    let standby = primary.standby().await;
    let [first, second] = [&standby, &primary].map(|cluster| cluster.port);
    let nowhere = 1;
    let url = format!("postgres://postgres@[::1]:{nowhere},[::1]:{first},127.0.0.1:{second}/postgres");
    let (_member, _ownership, mut store) = worker(&DatabaseUrl::parse(&url).unwrap()).await;
    let records = records(3);
    store.append(records[0].clone()).await.unwrap();
    primary.kill();
    promote(&standby).await;
    store.append(records[1].clone()).await.unwrap();
    assert!(read_all(&mut store).await == records[..2]);
}

#[tokio::test]
async fn a_server_that_stops_answers_later_or_is_started_again_loses_nothing() {
    let Some(mut server) = Cluster::primary(&[]).await else {
        return;
    };
    let (member, _ownership, mut store) = worker(&url(&[&server])).await;
    let records = records(60);
    for record in &records[..20] {
        store.append(record.clone()).await.unwrap();
    }
    server.suspend(true);
    let mut failure = member.failure();
    let goes_on = async {
        failure.wait_for(Option::is_some).await.unwrap();
        server.suspend(false);
    };
    let (appended, ()) = tokio::join!(store.append(records[20].clone()), goes_on);
    appended.unwrap();
    for record in &records[21..40] {
        store.append(record.clone()).await.unwrap();
    }
    server.stop();
    let (appended, ()) = tokio::join!(store.append(records[40].clone()), server.start());
    appended.unwrap();
    for record in &records[41..] {
        store.append(record.clone()).await.unwrap();
    }
    assert!(read_all(&mut store).await == records);
}
