//! The servers, and what a test creates on them.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection, PgConnection};
use sqlx::{mysql::MySqlConnectOptions, postgres::PgConnectOptions};

/// Prints that a test is skipped, bypassing the test harness, which hides the output of passing tests.
fn skip(server: &str, variable: &str) {
    assert!(
        std::env::var_os("RUNNER_TEST_DATABASES").is_none_or(|said| said != "required"),
        "there is no {server} server, and RUNNER_TEST_DATABASES=required: start one, and name it in {variable}"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("skipped {test}: there is no {server} server on loopback, nor one named in {variable}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn candidates(variable: &str, usual: &[&str]) -> Vec<String> {
    match std::env::var(variable) {
        Ok(url) => vec![url],
        Err(_) => usual.iter().map(ToString::to_string).collect(),
    }
}

/// A name that no other test uses.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "runner_test_{what}_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The PostgreSQL server's URL, and a connection with all rights. `None` without a server.
pub(crate) async fn postgres() -> Option<(String, PgConnection)> {
    let usual = [
        "postgres://postgres@127.0.0.1:5432/postgres",
        "postgres://root@127.0.0.1:5432/postgres",
    ];
    for url in candidates("RUNNER_TEST_POSTGRES", &usual) {
        let options: PgConnectOptions = url.parse().unwrap();
        if let Ok(connection) = options.connect().await {
            return Some((url, connection));
        }
    }
    skip("PostgreSQL", "RUNNER_TEST_POSTGRES");
    None
}

/// Like [`postgres`], for a MySQL or MariaDB server.
pub(crate) async fn mysql() -> Option<(String, MySqlConnection)> {
    for url in candidates("RUNNER_TEST_MYSQL", &["mysql://root@127.0.0.1:3306/test"]) {
        let options: MySqlConnectOptions = url.parse().unwrap();
        if let Ok(connection) = options.connect().await {
            return Some((url, connection));
        }
    }
    skip("MySQL or MariaDB", "RUNNER_TEST_MYSQL");
    None
}

pub(crate) async fn run_postgres(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

pub(crate) async fn run_mysql(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// Returns the process on the server that runs a query with `mark` in it. Waits on the server first. `None` if there is no
/// such process.
pub(crate) async fn postgres_runs(connection: &mut PgConnection, mark: &str) -> Option<i32> {
    run_postgres(connection, "select pg_sleep(0.05)").await;
    let sql = "select pid from pg_stat_activity where query like $1 and state = 'active' and pid <> pg_backend_pid()";
    let pid = sqlx::query_scalar(sql).bind(format!("%{mark}%"));
    pid.fetch_optional(connection).await.unwrap()
}

/// Like [`postgres_runs`], for the other server.
pub(crate) async fn mysql_runs(connection: &mut MySqlConnection, mark: &str) -> Option<i64> {
    run_mysql(connection, "select sleep(0.05)").await;
    let sql =
        "select cast(id as signed) from information_schema.processlist where info like ? and id <> connection_id()";
    let id = sqlx::query_scalar(sql).bind(format!("%{mark}%"));
    id.fetch_optional(connection).await.unwrap()
}

/// Ends a connection, as an administrator would.
pub(crate) async fn kill_postgres(connection: &mut PgConnection, pid: i32) {
    let killed: bool = sqlx::query_scalar("select pg_terminate_backend($1)")
        .bind(pid)
        .fetch_one(connection)
        .await
        .unwrap();
    assert!(killed);
}

/// Closes the administrator's connection at the end of a test.
pub(crate) async fn close(connection: PgConnection) {
    connection.close().await.unwrap();
}
