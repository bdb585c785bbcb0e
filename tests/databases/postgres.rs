//! A real PostgreSQL server.

use std::time::Duration;

use runner::audience::{AudienceError, Next, Reading, Responsible, Source};

use super::servers::{close, kill_postgres, postgres, postgres_runs, run_postgres, unique};
use super::{Url, all, lines, told, with_times};

#[tokio::test]
async fn every_type_of_column_is_read() {
    let Some((url, _)) = postgres().await else { return };
    let url = Url::new(&url);
    let ids = [
        "7218071234565644204::int8",
        "(-32768)::int2",
        "2147483647::int4",
        "7218071234565644204123456789::numeric",
        "12000000::numeric(20, 0)",
        "4294967295::oid",
        "'ba253642-0590-40bc-a1b2-93c4d5e6f708'::uuid",
        "'  用户 '",
        "'u1'::char(8)",
        "'u1'::varchar(8)",
        "'u1'::name",
        "'\\x7531'::bytea",
        "'\\xff'::bytea",
        "null::text",
        "1.5::numeric",
        "7218071234565644204::numeric(22, 2)",
        "''",
    ];
    let mut said = String::new();
    for id in ids {
        let source = Source::Postgres(url.ask(&format!("select {id} as open_id")));
        said += &format!("{id}\n  {}", lines(all(&source).await.unwrap().0));
    }
    let times = [
        "timestamptz '2026-05-30 12:00:00.25+08'",
        "timestamptz '2026-05-30 04:00:00+00'",
        "timestamp '2026-05-30 12:00:00'",
        "date '2026-05-30'",
        "extract(epoch from timestamptz '2026-05-30 12:00:00.25+08')",
        "1780113600",
        "1780113600250::int8",
        "1780113600.25::float8",
        "'2026-05-30 12:00:00'",
        "'soon'",
        "timestamptz 'infinity'",
        "date '-infinity'",
        "null::timestamptz",
        "(now() at time zone 'Asia/Shanghai' = now()::timestamp)::int",
        "current_setting('TimeZone')",
    ];
    for time in times {
        let source = Source::Postgres(with_times(url.ask(&format!("select 'u' as open_id, {time} as seen"))));
        said += &format!("{time}\n  {}", lines(all(&source).await.unwrap().0));
    }
    insta::assert_snapshot!(said);
}

/// Mistakes in the query, or in what the campaign file says about its result.
#[tokio::test]
async fn mistakes_are_reported() {
    let Some((url, _)) = postgres().await else { return };
    let url = Url::new(&url);
    let mut said = String::new();
    for sql in [
        "select open_id from members_that_are_not",
        "select opn_id from (values ('u')) as members (open_id)",
        "selekt open_id",
        "select 'u' as id, 'v' as openid",
        "select 'u' as open_id, 'v' as open_id, 'w' as open_id",
        "select true as open_id",
        "select 1.5::float8 as open_id",
        "select now() as open_id",
        "select array['u'] as open_id",
        "select 'u' as open_id; select 'v' as open_id",
        "commit",
        "",
        "select $1 as open_id",
        "select (1 / (n - 2))::text as open_id from generate_series(1, 3) as n",
        "set session characteristics as transaction read write",
    ] {
        let error = all(&Source::Postgres(url.ask(sql))).await.expect_err(sql);
        said += &format!("# {sql}\n{}\n", told(&error));
    }
    let no_time = with_times(url.ask("select 'u' as open_id, true as seen"));
    let error = all(&Source::Postgres(no_time)).await.unwrap_err();
    insta::assert_snapshot!(said + &told(&error));
}

#[tokio::test]
async fn no_rows_are_no_mistake_of_the_query() {
    let Some((url, _)) = postgres().await else { return };
    let asked = Url::new(&url);
    let source = Source::Postgres(asked.ask("select 'u' as open_id where false"));
    let (rows, totals) = all(&source).await.unwrap();
    assert_eq!((rows.len(), totals.rows, totals.shares.len()), (0, 0, 1));
}

/// Every way to write in a query is refused, and nothing is changed.
#[tokio::test]
async fn a_query_cannot_write() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let table = unique("table");
    let function = unique("function");
    run_postgres(
        &mut server,
        &format!(
            "create table {table} (open_id text); insert into {table} values ('u1');
             create sequence {table}_numbers;
             create function {function}() returns text language sql volatile as
             $$ insert into {table} values ('sneaked') returning open_id $$"
        ),
    )
    .await;
    let asked = Url::new(&url);
    let mut said = String::new();
    for sql in [
        format!("insert into {table} values ('u2') returning open_id"),
        format!("with gone as (delete from {table} returning open_id) select open_id from gone"),
        format!("update {table} set open_id = 'x' returning open_id"),
        format!("select {function}() as open_id"),
        format!("select nextval('{table}_numbers') as open_id"),
        format!("delete from {table}"),
        format!("drop table {table}"),
        format!("select set_config('transaction_read_only', 'off', false) as open_id, {function}()"),
        format!("select open_id from {table} for update"),
    ] {
        let error = all(&Source::Postgres(asked.ask(&sql))).await.expect_err(&sql);
        said += &format!("# {sql}\n{}\n", told(&error));
    }
    let kept: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select open_id from {table}")))
        .fetch_all(&mut server)
        .await
        .unwrap();
    assert_eq!(kept, ["u1"]);
    let drop = format!("drop function {function}; drop table {table}; drop sequence {table}_numbers");
    run_postgres(&mut server, &drop).await;
    close(server).await;
    insta::assert_snapshot!(said.replace(&table, "members").replace(&function, "sneak"));
}

/// A million rows are read in order, and the reader stays at most a few batches ahead. When the connection then ends, the
/// error names the last row.
#[tokio::test]
async fn a_server_that_is_killed_in_mid_query() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let mark = unique("mark");
    let sql = format!("select n as open_id from generate_series(1, 100000000) as n /* {mark} */");
    let asked = Url::new(&url);
    let source = Source::Postgres(asked.ask(&sql));
    let mut reading = Reading::begin(&source).unwrap();
    let Next::Rows(first) = reading.next().await.unwrap() else {
        panic!("there are rows");
    };
    assert_eq!(first.rows().next().unwrap().open_id, Ok("1"));
    let pid = postgres_runs(&mut server, &mark).await.expect("it waits for us");
    kill_postgres(&mut server, pid).await;
    let error = loop {
        match reading.next().await {
            Ok(Next::Rows(_)) => {}
            Ok(Next::End(_)) => panic!("its end was cut off"),
            Err(error) => break error,
        }
    };
    assert!(!error.is_input(), "{}", told(&error));
    assert!(error.to_string().contains("after row "), "{}", told(&error));
}

#[tokio::test]
async fn a_query_that_takes_too_long() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let mark = unique("mark");
    let asked = Url::new(&url);
    let mut source = asked.ask(&format!("select 'u' as open_id from pg_sleep(600) /* {mark} */"));
    source.query.limits.statement = Duration::from_millis(200);
    let error = all(&Source::Postgres(source)).await.unwrap_err();
    insta::assert_snapshot!(told(&error));
    assert_eq!(postgres_runs(&mut server, &mark).await, None);
}

/// A value far longer than an open_id is from the wrong column, or broken.
#[tokio::test]
async fn an_open_id_of_two_megabytes_is_refused() {
    let Some((url, _)) = postgres().await else { return };
    let asked = Url::new(&url);
    let source = Source::Postgres(asked.ask("select 'u' as open_id union all select repeat('x', 2 << 20)"));
    let error = all(&source).await.unwrap_err();
    assert!(
        error.to_string().starts_with("row 2 of the query: "),
        "{}",
        told(&error)
    );
}

/// Dropping a reading ends its connection, and so its query, even before the first row.
#[tokio::test]
async fn a_reading_that_is_dropped_leaves_nothing_behind() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let mark = unique("mark");
    let asked = Url::new(&url);
    let source = asked.ask(&format!("select 'u' as open_id from pg_sleep(600) /* {mark} */"));
    let reading = Reading::begin(&Source::Postgres(source)).unwrap();
    while postgres_runs(&mut server, &mark).await.is_none() {}
    drop(reading);
    while postgres_runs(&mut server, &mark).await.is_some() {}
}

#[tokio::test]
async fn tls_is_used_where_it_is_demanded() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let on: String = sqlx::query_scalar("show ssl").fetch_one(&mut server).await.unwrap();
    if on != "on" {
        return;
    }
    let encrypted = "select 'tls-' || ssl::text as open_id from pg_stat_ssl where pid = pg_backend_pid()";
    for (mode, expected) in [("require", "tls-true"), ("disable", "tls-false")] {
        let asked = Url::new(&format!("{url}?sslmode={mode}"));
        let (rows, _) = all(&Source::Postgres(asked.ask(encrypted))).await.unwrap();
        assert_eq!(rows[0].1.as_deref(), Ok(expected), "{mode}");
    }
    // The server's certificate cannot be for this invented name.
    let asked = Url::new(&format!("{url}?sslmode=verify-full"));
    let error = all(&Source::Postgres(asked.ask(encrypted))).await.unwrap_err();
    assert!(
        matches!(&error, AudienceError::Database { blame: Responsible::Server(help), .. } if help.to_string().contains("TLS")),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_user_or_a_database_that_is_not_there() {
    let Some((url, _)) = postgres().await else { return };
    let mut said = String::new();
    let mut other = url::Url::parse(&url).unwrap();
    other.set_path("/no_such_database");
    let mut nobody = url::Url::parse(&url).unwrap();
    nobody.set_username("nobody_at_all").unwrap();
    nobody.set_password(Some("canary-31415")).unwrap();
    for url in [other, nobody] {
        let error = all(&Source::Postgres(Url::new(url.as_str()).ask("select 'u' as open_id")))
            .await
            .unwrap_err();
        assert!(error.is_input(), "{}", told(&error));
        said += &told(&error);
    }
    assert!(!said.contains("canary"), "{said}");
}
