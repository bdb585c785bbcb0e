//! How fast the rows of a query arrive from PostgreSQL, from MySQL or MariaDB, and from SQLite, compared with a plain loop
//! of the driver over the same rows, and with the database's own client that discards them.
//!
//! The servers are those of the tests: at `RUNNER_TEST_POSTGRES` and `RUNNER_TEST_MYSQL`, else on loopback.

use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_core::Stream;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use runner::audience::{Columns, Query, Server, Source, SqliteSource};
use runner::model::secret::SecretRef;
use sqlx::{AssertSqlSafe, Connection, Database, Executor, IntoArguments, MySql, Postgres, Sqlite};
use tokio::runtime::Runtime;
use url::Url;

use super::{ROWS, best, our_read};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A query of a million rows: an open_id of 36 characters and a time.
struct Asked {
    name: &'static str,
    sql: String,
    source: Source,
    client: Command,
}

/// Measures every database that is available, and names those that are not.
pub fn run(dir: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let table = format!("runner_bench_{}", std::process::id());
    println!();
    postgres(&runtime, dir, &table)?;
    mysql(&runtime, dir, &table)?;
    sqlite(&runtime, dir, &table)
}

fn columns() -> Columns {
    Columns {
        open_id: "open_id".into(),
        last_active: Some("seen".into()),
        zone: TimeZone::UTC,
        present: Timestamp::MAX,
    }
}

fn server(dir: &Path, name: &str, url: &str, sql: &str) -> Result<Server> {
    let path = dir.join(name);
    std::fs::write(&path, url)?;
    Ok(Server {
        url: SecretRef::File(path),
        query: Query::new(sql, columns()),
    })
}

/// Connects to the first server that answers: at the URL in `variable`, else at one of the usual URLs. `None` when none
/// answers.
fn connect<D: Database>(runtime: &Runtime, variable: &str, usual: &[&str]) -> Option<(String, D::Connection)> {
    let named = std::env::var(variable).map(|url| vec![url]);
    let urls = named.unwrap_or_else(|_| usual.iter().map(ToString::to_string).collect());
    let found = urls.into_iter().find_map(|url| {
        let connection = runtime.block_on(D::Connection::connect(&url)).ok()?;
        Some((url, connection))
    });
    if found.is_none() {
        println!("no {} server on loopback, nor one named in {variable}", D::NAME);
    }
    found
}

fn postgres(runtime: &Runtime, dir: &Path, table: &str) -> Result<()> {
    let usual = [
        "postgres://postgres@127.0.0.1:5432/postgres",
        "postgres://root@127.0.0.1:5432/postgres",
    ];
    let Some((url, mut connection)) = connect::<Postgres>(runtime, "RUNNER_TEST_POSTGRES", &usual) else {
        return Ok(());
    };
    let rows = format!(
        "select 'user' || md5(n::text) as open_id, to_timestamp(1780000000 - n) as seen from generate_series(1, {ROWS}) as n"
    );
    let sql = format!("select open_id, seen from {table}");
    let mut client = Command::new("psql");
    client.args(["-X", "-q", "-c", &format!("copy ({sql}) to stdout"), &url]);
    let asked = Asked {
        name: "PostgreSQL",
        source: Source::Postgres(server(dir, "postgres", &url, &sql)?),
        sql,
        client,
    };
    measure::<Postgres>(
        runtime,
        &mut connection,
        asked,
        &format!("create table {table} as {rows}"),
        table,
    )
}

fn mysql(runtime: &Runtime, dir: &Path, table: &str) -> Result<()> {
    let usual = ["mysql://root@127.0.0.1:3306/test"];
    let Some((url, mut connection)) = connect::<MySql>(runtime, "RUNNER_TEST_MYSQL", &usual) else {
        return Ok(());
    };
    let rows = format!(
        "select concat('user', md5(n)) as open_id, from_unixtime(1780000000 - n) as seen from {}",
        million()
    );
    let sql = format!("select open_id, seen from {table}");
    let parts = Url::parse(&url)?;
    let mut client = Command::new("mariadb");
    client.env("MYSQL_PWD", parts.password().unwrap_or_default());
    client.args([
        "--quick",
        "-BN",
        "-u",
        parts.username(),
        "-h",
        parts.host_str().unwrap_or("127.0.0.1"),
    ]);
    client.args([
        "-P",
        &parts.port().unwrap_or(3306).to_string(),
        "-e",
        &sql,
        parts.path().trim_start_matches('/'),
    ]);
    let asked = Asked {
        name: "MySQL or MariaDB",
        source: Source::Mysql(server(dir, "mysql", &url, &sql)?),
        sql,
        client,
    };
    measure::<MySql>(
        runtime,
        &mut connection,
        asked,
        &format!("create table {table} as {rows}"),
        table,
    )
}

fn sqlite(runtime: &Runtime, dir: &Path, table: &str) -> Result<()> {
    let path = dir.join("members.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = runtime.block_on(<Sqlite as Database>::Connection::connect(&url))?;
    let rows = format!(
        "select lower(hex(randomblob(18))) as open_id, 1780000000 - n as seen from {}",
        million()
    );
    let sql = format!("select open_id, seen from {table}");
    let mut client = Command::new("sqlite3");
    client.arg("-readonly").arg(&path).arg(&sql);
    let asked = Asked {
        name: "SQLite",
        source: Source::Sqlite(SqliteSource {
            query: Query::new(&sql, columns()),
            path,
        }),
        sql,
        client,
    };
    measure::<Sqlite>(
        runtime,
        &mut connection,
        asked,
        &format!("create table {table} as {rows}"),
        table,
    )
}

/// A query for the numbers below a million that every dialect accepts.
fn million() -> String {
    let digits = (1..10).fold("select 0 as d".to_owned(), |all, digit| {
        format!("{all} union all select {digit}")
    });
    let mut sum = "0".to_owned();
    let mut from = Vec::new();
    for place in 0..6 {
        sum = format!("{sum} + d{place}.d * {}", 10_u32.pow(place));
        from.push(format!("({digits}) as d{place}"));
    }
    format!("(select {sum} as n from {}) as numbers", from.join(", "))
}

/// Creates the table, measures, and drops it.
fn measure<D: Database>(
    runtime: &Runtime,
    connection: &mut D::Connection,
    mut asked: Asked,
    make: &str,
    table: &str,
) -> Result<()>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    D::Arguments: IntoArguments<D>,
{
    runtime.block_on(connection.execute(sqlx::raw_sql(AssertSqlSafe(make.to_owned()))))?;
    let measured = (|| {
        let ours = best(|| runtime.block_on(our_read(&asked.source)))?;
        let driver = best(|| runtime.block_on(driver_loop::<D>(connection, &asked.sql)))?;
        let client = best(|| to_nowhere(&mut asked.client));
        Result::Ok((ours, driver, client))
    })();
    let drop = format!("drop table {table}");
    runtime.block_on(connection.execute(sqlx::raw_sql(AssertSqlSafe(drop))))?;
    let (ours, driver, client) = measured?;
    let seconds = ours.as_secs_f64();
    let beside = |other: Duration| other.as_secs_f64() / seconds;
    let program = asked.client.get_program().display();
    let client = match client {
        Ok(client) => format!("{:.2} of {program}'s", beside(client)),
        Err(error) => format!("{program} was not to be had: {error}"),
    };
    println!(
        "{:32} {:>6.2} M rows/s   {:.2} of a plain loop's speed of its driver, {client}",
        asked.name,
        f64::from(ROWS) / seconds / 1e6,
        beside(driver),
    );
    Ok(())
}

async fn driver_loop<D: Database>(connection: &mut D::Connection, sql: &str) -> Result<u64>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    D::Arguments: IntoArguments<D>,
{
    let mut rows = sqlx::query::<D>(AssertSqlSafe(sql.to_owned())).fetch(connection);
    let mut count = 0;
    while let Some(row) = std::future::poll_fn(|context| Pin::new(&mut rows).poll_next(context)).await {
        row?;
        count += 1;
    }
    Ok(count)
}

/// Runs the client, which writes all rows to `/dev/null`.
fn to_nowhere(client: &mut Command) -> Result<u64> {
    let status = client.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() {
        return Ok(ROWS.into());
    }
    Err(status.to_string().into())
}
