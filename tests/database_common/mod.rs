//! A database of its own for a test, on the server that the tests find. Without a server a test is skipped with a message; with
//! `RUNNER_TEST_DATABASES=required` it fails.

use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::park_timeout;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Decode, PgConnection, Postgres, Row as _, Type};

/// A database with the tables of a fleet.
pub struct TestDatabase {
    server: String,
    pub name: String,
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

pub async fn connect(url: &str) -> Option<PgConnection> {
    url.parse::<PgConnectOptions>().ok()?.connect().await.ok()
}

pub fn server() -> Option<String> {
    let usual = [
        "postgres://postgres@127.0.0.1:5432/postgres",
        "postgres://root@127.0.0.1:5432/postgres",
    ];
    let candidates = match std::env::var("RUNNER_TEST_POSTGRES") {
        Ok(url) => vec![url],
        Err(_) => usual.iter().map(ToString::to_string).collect(),
    };
    let found = candidates.into_iter().find(|url| block_on(connect(url)).is_some());
    if found.is_none() {
        let is_required = std::env::var_os("RUNNER_TEST_DATABASES").is_some_and(|said| said == "required");
        assert!(!is_required, "there is no PostgreSQL server");
        let _ = std::io::stderr().write_all(b"skipped a test of a database: there is no PostgreSQL server\n");
    }
    found
}

impl TestDatabase {
    /// `None` without a server.
    pub fn create() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            server: server()?,
            name: format!("runner_test_{}_{number}", std::process::id()),
        };
        database.execute(&format!("create database {}", database.name));
        let init = Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(["store", "init", "--accept", "single_copy"])
            .env("RUNNER_STORE", database.url())
            .output()
            .unwrap();
        assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        Some(database)
    }

    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// The address of the server, for a link to it.
    pub fn address(&self) -> String {
        let url = url::Url::parse(&self.server).unwrap();
        format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))
    }

    /// The URL of the database through a link at this address.
    pub fn url_at(&self, address: &str, port: u16) -> String {
        let mut url = url::Url::parse(&self.url()).unwrap();
        url.set_host(Some(address)).unwrap();
        url.set_port(Some(port)).unwrap();
        url.to_string()
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.value(sql)
    }

    /// The one value that a query returns.
    pub fn value<T>(&self, sql: &str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        block_on(async {
            let mut connection = connect(&self.url()).await.unwrap();
            let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            let row: PgRow = query.fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            row.get(0)
        })
    }

    /// Whether a batch, a snapshot or a command in the database has this text. A quotation mark is not allowed in it.
    pub fn has_text(&self, text: &str) -> bool {
        let text = format!("convert_to('{text}', 'utf8')");
        self.value(&format!(
            "select exists (select from runner_log where position({text} in body) > 0)
                 or exists (select from runner_snapshot_part where position({text} in body) > 0)
                 or exists (select from runner_command where position({text} in convert_to(command, 'utf8')) > 0)"
        ))
    }

    /// Executes a statement on the server.
    pub fn execute(&self, sql: &str) {
        execute_at(&self.server, sql);
    }
}

pub fn execute_at(url: &str, sql: &str) {
    block_on(async {
        let mut connection = connect(url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.execute(&format!("drop database if exists {} with (force)", self.name));
    }
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_400 {
        if holds() {
            return;
        }
        park_timeout(Duration::from_millis(50));
    }
    panic!("{what} did not come within two minutes");
}
