//! A database that is not the one it was: a standby that was promoted, a restored copy, tables on another server. Workers that run
//! prove that nothing is missing, or say that something is.

use runner::fleet::{Database, DatabaseUrl, Member};
use sqlx::PgConnection;

use super::clusters::Cluster;
use super::fleet_trials::{SYNCHRONOUS, impatient, promote, records, url, worker};
use super::servers::{close, postgres, run_postgres, unique};
use runner::ledger::Store as _;

/// What the database says of itself: whether a worker may start, and whether one has found facts missing.
async fn may_have_lost(url: &DatabaseUrl) -> (bool, bool) {
    let database = Database::connect(url).await.unwrap();
    let server = database.server();
    assert!(server.identity.is_some() && server.recorded.is_some());
    (server.may_have_lost(), server.is_doubted)
}

/// Waits until a condition on the tables holds.
async fn until(connection: &mut PgConnection, sql: &'static str) {
    loop {
        run_postgres(connection, "select pg_sleep(0.05)").await;
        if sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap() {
            return;
        }
    }
}

#[tokio::test]
async fn a_fail_over_under_a_running_worker_asks_nobody() {
    let Some(mut primary) = Cluster::primary(SYNCHRONOUS).await else {
        return;
    };
    let standby = primary.standby().await;
    let url = url(&[&primary, &standby]);
    let (member, _ownership, mut store) = worker(&url).await;
    let records = records(4);
    store.append(records[0].clone()).await.unwrap();
    assert_eq!(may_have_lost(&url).await, (false, false));
    primary.kill();
    promote(&standby).await;
    // No checkpoint has followed the promotion yet.
    assert_eq!(may_have_lost(&url).await, (true, false));
    store.append(records[1].clone()).await.unwrap();
    let mut admin = standby.connect().await;
    until(&mut admin, "select timeline = 2 from runner_meta").await;
    assert_eq!(may_have_lost(&url).await, (false, false));
    close(admin).await;
    drop(member);
}

#[tokio::test]
async fn a_fail_over_without_a_running_worker_is_accepted_once_by_a_person() {
    let Some(mut primary) = Cluster::primary(SYNCHRONOUS).await else {
        return;
    };
    let standby = primary.standby().await;
    let url = url(&[&primary, &standby]);
    Database::init(&url).await.unwrap();
    primary.kill();
    promote(&standby).await;
    for _ in 0..2 {
        Database::init(&url).await.unwrap();
        assert_eq!(may_have_lost(&url).await, (true, false));
    }
    Database::accept_older_ledger(&url).await.unwrap();
    assert_eq!(may_have_lost(&url).await, (false, false));
}

#[tokio::test]
async fn a_running_worker_finds_that_a_standby_lacks_what_it_knows() {
    let Some(mut primary) = Cluster::primary(&[]).await else {
        return;
    };
    let mut standby = primary.standby().await;
    let url = url(&[&primary, &standby]);
    let (member, _ownership, mut store) = worker(&url).await;
    let records = records(4);
    store.append(records[0].clone()).await.unwrap();
    let mut copy = standby.connect().await;
    until(&mut copy, "select count(*) = 1 from runner_log").await;
    close(copy).await;
    standby.stop();
    store.append(records[1].clone()).await.unwrap();
    primary.kill();
    standby.start().await;
    promote(&standby).await;
    let mut admin = standby.connect().await;
    until(&mut admin, "select doubted from runner_meta").await;
    assert_eq!(may_have_lost(&url).await, (true, true));
    drop(member);
    Database::accept_older_ledger(&url).await.unwrap();
    assert_eq!(may_have_lost(&url).await, (false, false));
    close(admin).await;
}

/// A worker without ledgers knows its own renewals.
#[tokio::test]
async fn a_restored_copy_of_the_same_server_is_noticed_by_a_worker_that_waits() {
    let Some(mut server) = Cluster::primary(&[]).await else {
        return;
    };
    let url = url(&[&server]);
    Database::init(&url).await.unwrap();
    let member = Member::start(&url, impatient(), "waits".to_owned()).await.unwrap();
    let mut admin = server.connect().await;
    until(&mut admin, "select count(*) > 0 from runner_worker where beat > 0").await;
    let backup = server.backup().await;
    until(&mut admin, "select min(beat) > 20 from runner_worker").await;
    close(admin).await;
    server.kill();
    server.restore(&backup);
    server.start().await;
    assert_eq!(may_have_lost(&url).await, (false, false), "the identity is the same");
    let mut admin = server.connect().await;
    until(&mut admin, "select doubted from runner_meta").await;
    assert_eq!(may_have_lost(&url).await, (true, true));
    close(admin).await;
    drop(member);
}

#[tokio::test]
async fn a_backup_that_is_recovered_on_another_timeline_is_noticed() {
    let Some(mut server) = Cluster::primary(&[]).await else {
        return;
    };
    let url = url(&[&server]);
    Database::init(&url).await.unwrap();
    let backup = server.backup().await;
    server.kill();
    server.restore(&backup);
    server.recover_to_another_timeline();
    server.start().await;
    let mut admin = server.connect().await;
    until(&mut admin, "select not pg_is_in_recovery()").await;
    close(admin).await;
    assert_eq!(may_have_lost(&url).await, (true, false));
}

#[tokio::test]
async fn a_user_who_may_not_see_the_identity_works_without_it() {
    let Some((text, mut admin)) = postgres().await else {
        return;
    };
    let name = unique("identity");
    run_postgres(&mut admin, &format!("create database {name}")).await;
    let (server, _) = text.rsplit_once('/').unwrap();
    let url = DatabaseUrl::parse(&format!("{server}/{name}")).unwrap();
    Database::init(&url).await.unwrap();
    assert_eq!(may_have_lost(&url).await, (false, false));
    let mut inside = sqlx::ConnectOptions::connect(
        &format!("{server}/{name}")
            .parse::<sqlx::postgres::PgConnectOptions>()
            .unwrap(),
    )
    .await
    .unwrap();
    let user = unique("user");
    run_postgres(
        &mut inside,
        &format!(
            "create role {user} login; grant all on all tables in schema public to {user};
             revoke execute on function pg_control_system() from public; update runner_meta set timeline = 99"
        ),
    )
    .await;
    let mut limited = url::Url::parse(&format!("{server}/{name}")).unwrap();
    limited.set_username(&user).unwrap();
    let limited = DatabaseUrl::parse(limited.as_str()).unwrap();
    let database = Database::connect(&limited).await.unwrap();
    assert_eq!(database.server().identity, None);
    assert!(!database.server().may_have_lost());
    assert_eq!(may_have_lost(&url).await, (true, false));
    drop(database);
    close(inside).await;
    run_postgres(&mut admin, &format!("drop database {name} with (force)")).await;
    run_postgres(&mut admin, &format!("drop role {user}")).await;
    close(admin).await;
}
