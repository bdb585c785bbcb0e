//! The statements of a fleet on a real server: they work as the simulated database of the fleet's histories does.

use std::collections::BTreeMap;
use std::time::Duration;

use runner::fleet::postgres::files::{self, FileChange, FileRow};
use runner::fleet::postgres::{Connection, DatabaseUrl, Me, SchemaError, append, check, execute, init, read_log};
use runner::fleet::statement::{Answer, AppRow, LedgerNo, LogAnswer, LogRow, LogStatement, Statement, View, WorkerRow};
use runner::fleet::{AppKey, WorkerId};
use runner::ledger::Head;
use sqlx::PgConnection;

use super::servers::{close, kill_postgres, postgres, run_postgres, unique};

/// A schema of its own on the server, with the tables of a fleet.
pub(crate) struct Fleet {
    pub(crate) url: DatabaseUrl,
    /// The same as text.
    pub(crate) text: String,
    pub(crate) schema: String,
    pub(crate) admin: PgConnection,
}

impl Fleet {
    pub(crate) async fn new() -> Option<Self> {
        let (url, mut admin) = postgres().await?;
        let schema = unique("fleet");
        run_postgres(&mut admin, &format!("create schema {schema}")).await;
        let sign = if url.contains('?') { '&' } else { '?' };
        let text = format!("{url}{sign}options=-csearch_path%3D{schema}");
        let url = DatabaseUrl::parse(&text).unwrap();
        let fleet = Self {
            url,
            text,
            schema,
            admin,
        };
        let connection = fleet.connect().await;
        assert!(matches!(check(&connection).await, Err(SchemaError::Missing)));
        for _ in 0..2 {
            init(&connection).await.unwrap();
        }
        check(&connection).await.unwrap();
        Some(fleet)
    }

    async fn connect(&self) -> Connection {
        Connection::connect(&self.url, Duration::from_mins(1)).await.unwrap()
    }

    async fn worker(&self, id: u128) -> Worker {
        let worker = Worker {
            connection: self.connect().await,
            me: Me {
                id: WorkerId(id),
                host: "test".to_owned(),
                pid: 1,
            },
        };
        assert_eq!(worker.execute(Statement::Register).await, Answer::Done);
        worker
    }

    pub(crate) async fn admin_pid(&mut self) -> i32 {
        sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut self.admin)
            .await
            .unwrap()
    }

    pub(crate) async fn end(mut self) {
        run_postgres(&mut self.admin, &format!("drop schema {} cascade", self.schema)).await;
        close(self.admin).await;
    }
}

struct Worker {
    connection: Connection,
    me: Me,
}

impl Worker {
    async fn execute(&self, statement: Statement) -> Answer {
        execute(&self.connection, &self.me, &statement).await.unwrap().unwrap()
    }

    async fn append(&self, rows: &[LogRow]) -> Vec<(i64, u64)> {
        let statement = LogStatement::Append(rows.to_vec());
        match append(&self.connection, &self.me, &statement).await.unwrap() {
            LogAnswer::Appended { rows, replicated: true } => rows
                .into_iter()
                .map(|(ledger, sequence)| (ledger.0, sequence))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    async fn view(&self) -> View {
        match self.execute(Statement::Renew).await {
            Answer::Seen(view) => view,
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until a process on the server waits for this one, and returns it.
pub(crate) async fn blocked_by(connection: &mut PgConnection, pid: i32) -> i32 {
    loop {
        run_postgres(connection, "select pg_sleep(0.02)").await;
        let sql = "select pid from pg_stat_activity where $1 = any (pg_blocking_pids(pid))";
        let blocked = sqlx::query_scalar(sql)
            .bind(pid)
            .fetch_optional(&mut *connection)
            .await
            .unwrap();
        if let Some(blocked) = blocked {
            return blocked;
        }
    }
}

fn app() -> AppKey {
    AppKey {
        platform: "https://open.douyin.com".to_owned(),
        app: "tt1".to_owned(),
    }
}

fn head(sequence: u64, link: u8) -> Head {
    Head {
        sequence,
        link: if sequence == 0 { [0; 8] } else { [link; 8] },
    }
}

/// The batch with this number and link after the one with the link `before`.
fn row(ledger: i64, sequence: u64, before: u8, link: u8) -> LogRow {
    LogRow {
        ledger: LedgerNo(ledger),
        term: 1,
        before: head(sequence - 1, before),
        head: head(sequence, link),
        record: vec![link; 20],
    }
}

#[tokio::test]
async fn an_app_id_has_one_owner_until_that_is_fenced() {
    let Some(fleet) = Fleet::new().await else { return };
    let first = fleet.worker(1).await;
    let second = fleet.worker(2).await;
    let claim = |after| Statement::Claim { app: app(), after };
    assert_eq!(first.execute(claim(3)).await, Answer::NotDone, "it has had no owner");
    assert_eq!(first.execute(claim(0)).await, Answer::Claimed { term: 1 });
    assert_eq!(second.execute(claim(0)).await, Answer::NotDone);
    assert_eq!(second.execute(claim(1)).await, Answer::NotDone, "the owner is live");
    let worker = |beat, fenced| WorkerRow { beat, fenced };
    let view = second.view().await;
    let expected = View {
        workers: BTreeMap::from([(WorkerId(1), worker(0, false)), (WorkerId(2), worker(1, false))]),
        apps: BTreeMap::from([(
            app(),
            AppRow {
                owner: Some(WorkerId(1)),
                term: 1,
            },
        )]),
    };
    assert_eq!(view, expected);
    let fence = |beat| Statement::Fence { id: WorkerId(1), beat };
    assert_eq!(second.execute(fence(7)).await, Answer::NotDone, "it has renewed since");
    assert_eq!(second.execute(fence(0)).await, Answer::Done);
    assert_eq!(second.execute(fence(0)).await, Answer::NotDone);
    assert_eq!(first.execute(Statement::Renew).await, Answer::NotDone);
    assert_eq!(
        first.execute(claim(1)).await,
        Answer::NotDone,
        "a fenced worker owns nothing"
    );
    assert_eq!(second.execute(claim(1)).await, Answer::Claimed { term: 2 });
    let release = |term| Statement::Release { app: app(), term };
    assert_eq!(first.execute(release(1)).await, Answer::NotDone);
    assert_eq!(second.execute(release(1)).await, Answer::NotDone);
    assert_eq!(second.execute(release(2)).await, Answer::Done);
    assert_eq!(second.view().await.apps[&app()].owner, None);
    assert_eq!(second.execute(Statement::Leave).await, Answer::Done);
    assert_eq!(second.execute(Statement::Renew).await, Answer::NotDone);
    fleet.end().await;
}

#[tokio::test]
async fn a_batch_is_added_only_after_the_one_that_it_follows() {
    let Some(fleet) = Fleet::new().await else { return };
    let worker = fleet.worker(1).await;
    let other = fleet.worker(2).await;
    assert_eq!(
        worker.append(&[row(1, 1, 0, 11), row(2, 1, 0, 21)]).await,
        [(1, 1), (2, 1)]
    );
    assert_eq!(worker.append(&[row(1, 1, 0, 11)]).await, [], "it is there already");
    assert_eq!(worker.append(&[row(1, 3, 12, 13)]).await, [], "a gap");
    assert_eq!(worker.append(&[row(1, 2, 99, 12)]).await, [], "another predecessor");
    assert_eq!(worker.append(&[row(1, 2, 11, 12), row(2, 3, 0, 23)]).await, [(1, 2)]);
    let places = vec![(LedgerNo(1), 2), (LedgerNo(2), 3), (LedgerNo(3), 1)];
    let read_back = LogStatement::ReadBack(places);
    let expected = |fenced| LogAnswer::ReadBack {
        fenced,
        found: BTreeMap::from([((LedgerNo(1), 2), head(2, 12))]),
        last: BTreeMap::from([(LedgerNo(1), 2), (LedgerNo(2), 1), (LedgerNo(3), 0)]),
        replicated: true,
    };
    assert_eq!(
        append(&worker.connection, &worker.me, &read_back).await.unwrap(),
        expected(false)
    );
    let fence = Statement::Fence {
        id: WorkerId(1),
        beat: 0,
    };
    assert_eq!(other.execute(fence).await, Answer::Done);
    assert_eq!(
        worker.append(&[row(1, 3, 12, 13), row(9, 1, 0, 91)]).await,
        [],
        "it is fenced"
    );
    assert_eq!(
        append(&worker.connection, &worker.me, &read_back).await.unwrap(),
        expected(true)
    );
    let log = read_log(&other.connection, LedgerNo(1), 1, 10).await.unwrap();
    assert_eq!(log, [(1, vec![11; 20]), (2, vec![12; 20])]);
    let rest = read_log(&other.connection, LedgerNo(1), 2, 10).await.unwrap();
    assert_eq!(rest, log[1..]);
    fleet.end().await;
}

/// A fence waits for an append under way, and an append that waits for a fence adds nothing.
#[tokio::test]
async fn a_fence_and_an_append_of_one_worker_exclude_each_other() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let worker = fleet.worker(1).await;
    let other = fleet.worker(2).await;
    let schema = fleet.schema.clone();
    let admin = fleet.admin_pid().await;
    // An append that is not committed yet, as the server sees it.
    run_postgres(
        &mut fleet.admin,
        &format!(
            "begin; select 1 from {schema}.runner_worker where id = '\\x{:032x}' for key share",
            1
        ),
    )
    .await;
    let fence = other.execute(Statement::Fence {
        id: WorkerId(1),
        beat: 1,
    });
    let watch = async {
        let (_, mut watcher) = postgres().await.unwrap();
        blocked_by(&mut watcher, admin).await;
        // A heartbeat does not wait.
        worker.view().await;
        close(watcher).await;
        run_postgres(&mut fleet.admin, "commit").await;
    };
    worker.view().await;
    let (fenced, ()) = tokio::join!(fence, watch);
    assert_eq!(fenced, Answer::NotDone, "it renewed its lease meanwhile");
    // The other way: a fence that is not committed yet.
    let id = format!("'\\x{:032x}'", 1);
    let sql = format!(
        "begin; select 1 from {schema}.runner_worker where id = {id} for update;
         update {schema}.runner_worker set fenced = true where id = {id}"
    );
    run_postgres(&mut fleet.admin, &sql).await;
    let rows = [row(1, 1, 0, 11)];
    let append = worker.append(&rows);
    let watch = async {
        let (_, mut watcher) = postgres().await.unwrap();
        blocked_by(&mut watcher, admin).await;
        close(watcher).await;
        run_postgres(&mut fleet.admin, "commit").await;
    };
    let (appended, ()) = tokio::join!(append, watch);
    assert_eq!(appended, []);
    fleet.end().await;
}

#[tokio::test]
async fn a_connection_that_ends_leaves_the_result_unknown() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let worker = fleet.worker(1).await;
    let schema = fleet.schema.clone();
    run_postgres(
        &mut fleet.admin,
        &format!("begin; lock table {schema}.runner_log in exclusive mode"),
    )
    .await;
    let statement = LogStatement::Append(vec![row(1, 1, 0, 11)]);
    let append = append(&worker.connection, &worker.me, &statement);
    let admin = fleet.admin_pid().await;
    let end = async {
        let (_, mut watcher) = postgres().await.unwrap();
        let pid = blocked_by(&mut watcher, admin).await;
        kill_postgres(&mut watcher, pid).await;
        close(watcher).await;
    };
    let (appended, ()) = tokio::join!(append, end);
    assert!(appended.is_err());
    run_postgres(&mut fleet.admin, "rollback").await;
    fleet.end().await;
}

#[tokio::test]
async fn a_warning_of_the_server_means_that_a_standby_may_not_have_it() {
    let Some(fleet) = Fleet::new().await else { return };
    let connection = fleet.connect().await;
    let warns = "DO $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; END $$";
    assert!(!connection.query(warns, &[]).await.unwrap().replicated);
    assert!(connection.query("SELECT 1", &[]).await.unwrap().replicated);
    let notes = "DO $$ BEGIN RAISE NOTICE 'nothing of importance'; END $$";
    assert!(connection.query(notes, &[]).await.unwrap().replicated);
    fleet.end().await;
}

fn file(name: &str, campaign: &str, body: &str) -> FileRow {
    FileRow {
        name: name.to_owned(),
        app: "tt1".to_owned(),
        campaign: campaign.to_owned(),
        hash: body.as_bytes().to_vec(),
        body: body.as_bytes().to_vec(),
        origin: "/srv/campaigns/c.yaml".to_owned(),
        host: "here".to_owned(),
        by: "ann".to_owned(),
        at_ms: 0,
    }
}

/// Of two people who push the same file, only the one who has seen what is there replaces it.
#[tokio::test]
async fn a_file_is_replaced_and_removed_only_as_it_was_seen() {
    let Some(fleet) = Fleet::new().await else { return };
    let connection = fleet.connect().await;
    let write = async |file: FileRow, seen: Option<&str>| {
        files::write(&connection, &file, seen.map(str::as_bytes)).await.unwrap()
    };
    let first = || file("a.yaml", "spring", "one");
    assert_eq!(write(first(), None).await, FileChange::Done);
    assert_eq!(write(first(), None).await, FileChange::ChangedMeanwhile);
    let second = || file("a.yaml", "spring", "two");
    assert_eq!(write(second(), Some("one")).await, FileChange::Done);
    assert_eq!(write(second(), Some("one")).await, FileChange::ChangedMeanwhile);
    // A campaign has one file.
    let other = file("b.yaml", "spring", "one");
    assert_eq!(write(other, None).await, FileChange::OtherFileHasCampaign);
    let read = files::read(&connection).await.unwrap();
    let [found] = &read[..] else { panic!("{read:?}") };
    assert!(found.at_ms > 0);
    assert_eq!(
        FileRow {
            at_ms: 0,
            ..found.clone()
        },
        second()
    );
    let remove = async |seen: &str| files::remove(&connection, "a.yaml", seen.as_bytes()).await.unwrap();
    assert_eq!(remove("one").await, FileChange::ChangedMeanwhile);
    assert_eq!(remove("two").await, FileChange::Done);
    fleet.end().await;
}

/// Tables that an earlier version made go on to work, and the next `store init` adds what is missing.
#[tokio::test]
async fn tables_without_files_are_found_and_completed() {
    let Some(mut fleet) = Fleet::new().await else { return };
    let drop_table = format!("drop table {}.runner_file", fleet.schema);
    run_postgres(&mut fleet.admin, &drop_table).await;
    let connection = fleet.connect().await;
    check(&connection).await.unwrap();
    assert!(matches!(files::read(&connection).await, Err(SchemaError::WithoutFiles)));
    init(&connection).await.unwrap();
    assert!(files::read(&connection).await.unwrap().is_empty());
    fleet.end().await;
}
