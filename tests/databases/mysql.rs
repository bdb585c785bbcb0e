//! A real MySQL or MariaDB server.

use std::time::Duration;

use runner::audience::{AudienceError, Next, Reading, Responsible, Source};

use super::servers::{mysql, mysql_runs, run_mysql, unique};
use super::{Url, all, lines, told, with_times};

#[tokio::test]
async fn every_type_of_column_is_read() {
    let Some((url, mut server)) = mysql().await else { return };
    let asked = Url::new(&url);
    let table = unique("types");
    let create = format!(
        "create table {table} (
            tiny tinyint, small smallint unsigned, mid mediumint, whole int unsigned, big bigint, huge bigint unsigned,
            exact decimal(30, 0), part decimal(10, 2), round decimal(22, 2), fixed char(8), text varchar(20) character set gbk, raw varbinary(8),
            long_text mediumtext, word enum('u1', 'u2'), nothing varchar(8),
            moment timestamp(3) null, local datetime(6), day date, real_time double, zero datetime, unix bigint
        );
        set time_zone = '+00:00';
        set sql_mode = '';
        insert into {table} values (-128, 65535, -8388608, 4294967295, -9223372036854775808, 18446744073709551615,
            721807123456564420412345678901, 1.5, 7218071234565644204, 'u1', '用户', x'ff', ' u2 ', 'u2', null,
            '2026-05-30 04:00:00.25', '2026-05-30 12:00:00.25', '2026-05-30', 1780113600.25, '0000-00-00', 1780113600250)"
    );
    run_mysql(&mut server, &create).await;
    let mut said = String::new();
    for id in [
        "tiny",
        "small",
        "mid",
        "whole",
        "big",
        "huge",
        "exact",
        "part",
        "round",
        "fixed",
        "text",
        "raw",
        "long_text",
        "word",
        "nothing",
        "null",
        "'u' || 'v'",
        "''",
    ] {
        let source = Source::Mysql(asked.ask(&format!("select {id} as open_id from {table}")));
        said += &format!("{id}\n  {}", lines(all(&source).await.unwrap().0));
    }
    for time in [
        "moment",
        "local",
        "day",
        "real_time",
        "zero",
        "unix",
        "unix_timestamp(moment)",
        "text",
        "'2026-05-30 12:00:00'",
        "nothing",
        "@@session.time_zone",
    ] {
        let source = Source::Mysql(with_times(
            asked.ask(&format!("select 'u' as open_id, {time} as seen from {table}")),
        ));
        said += &format!("{time}\n  {}", lines(all(&source).await.unwrap().0));
    }
    run_mysql(&mut server, &format!("drop table {table}")).await;
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn mistakes_are_reported() {
    let Some((url, mut server)) = mysql().await else { return };
    let asked = Url::new(&url);
    let version: String = sqlx::query_scalar("select version()")
        .fetch_one(&mut server)
        .await
        .unwrap();
    let mut said = String::new();
    for sql in [
        "select open_id from members_that_are_not",
        "select opn_id from (select 'u' as open_id) as members",
        "selekt open_id",
        "select 'u' as id, 'v' as openid",
        "select 'u' as open_id, 'v' as open_id",
        "select 1.5e0 as open_id",
        "select cast('2026-05-30' as date) as open_id",
        "select 'u' as open_id; select 'v' as open_id",
        "set @x = 1",
        "",
        "select ? as open_id",
        "select 'u' as open_id into outfile '/tmp/runner-test-must-not-be'",
    ] {
        let error = all(&Source::Mysql(asked.ask(sql))).await.expect_err(sql);
        said += &format!("# {sql}\n{}\n", told(&error));
    }
    assert!(!std::path::Path::new("/tmp/runner-test-must-not-be").exists());
    // The servers use different wording.
    if version.contains("MariaDB") {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"Table '\w+\.", "Table 'DATABASE.");
        settings.bind(|| insta::assert_snapshot!(said));
    }
}

#[tokio::test]
async fn no_rows_are_no_mistake_of_the_query() {
    let Some((url, _)) = mysql().await else { return };
    let asked = Url::new(&url);
    let source = Source::Mysql(asked.ask("select 'u' as open_id from dual where false"));
    let (rows, totals) = all(&source).await.unwrap();
    assert_eq!((rows.len(), totals.rows, totals.shares.len()), (0, 0, 1));
}

#[tokio::test]
async fn a_query_cannot_write() {
    let Some((url, mut server)) = mysql().await else { return };
    let table = unique("table");
    let function = unique("function");
    run_mysql(
        &mut server,
        &format!("create table {table} (open_id varchar(20)); insert into {table} values ('u1')"),
    )
    .await;
    let create = format!(
        "create function {function}() returns varchar(20) deterministic modifies sql data
         begin insert into {table} values ('sneaked'); return 'u'; end"
    );
    run_mysql(&mut server, &create).await;
    let asked = Url::new(&url);
    let mut said = String::new();
    for sql in [
        format!("insert into {table} values ('u2') returning open_id"),
        format!("delete from {table} returning open_id"),
        format!("select {function}() as open_id"),
        format!("delete from {table}"),
        format!("drop table {table}"),
        format!("truncate {table}"),
        "commit".to_owned(),
    ] {
        let error = all(&Source::Mysql(asked.ask(&sql))).await.expect_err(&sql);
        said += &format!("# {sql}\n{}\n", told(&error));
    }
    let kept: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select open_id from {table}")))
        .fetch_all(&mut server)
        .await
        .unwrap();
    run_mysql(&mut server, &format!("drop function {function}; drop table {table}")).await;
    assert_eq!(kept, ["u1"]);
    // MySQL has no `returning`, and different messages.
    let version: String = sqlx::query_scalar("select version()")
        .fetch_one(&mut server)
        .await
        .unwrap();
    if version.contains("MariaDB") {
        insta::assert_snapshot!(said.replace(&table, "members").replace(&function, "sneak"));
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_mid_query() {
    let Some((url, mut server)) = mysql().await else { return };
    let table = unique("digits");
    let mark = unique("mark");
    let create =
        format!("create table {table} (n int); insert into {table} values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)");
    run_mysql(&mut server, &create).await;
    let join = ["a", "b", "c", "d", "e", "f", "g"]
        .map(|name| format!("{table} as {name}"))
        .join(", ");
    let sql = format!("select /* {mark} */ a.n as open_id from {join}");
    let asked = Url::new(&url);
    let mut reading = Reading::begin(&Source::Mysql(asked.ask(&sql))).unwrap();
    assert!(matches!(reading.next().await, Ok(Next::Rows(_))));
    let id = mysql_runs(&mut server, &mark).await.expect("it waits for us");
    run_mysql(&mut server, &format!("kill connection {id}")).await;
    let error = loop {
        match reading.next().await {
            Ok(Next::Rows(_)) => {}
            Ok(Next::End(_)) => panic!("its end was cut off"),
            Err(error) => break error,
        }
    };
    run_mysql(&mut server, &format!("drop table {table}")).await;
    assert!(!error.is_input(), "{}", told(&error));
    assert!(error.to_string().contains("after row "), "{}", told(&error));
}

#[tokio::test]
async fn a_query_that_takes_too_long() {
    let Some((url, mut server)) = mysql().await else { return };
    let mark = unique("mark");
    let asked = Url::new(&url);
    let mut source = asked.ask(&format!(
        "select /* {mark} */ count(*) as open_id from information_schema.columns a, information_schema.columns b, \
         information_schema.columns c, information_schema.columns d"
    ));
    source.query.limits.statement = Duration::from_millis(500);
    let error = all(&Source::Mysql(source)).await.unwrap_err();
    assert!(
        matches!(&error, AudienceError::Database { blame: Responsible::Server(help), .. } if help.to_string().contains("faster")),
        "{}",
        told(&error)
    );
    assert_eq!(mysql_runs(&mut server, &mark).await, None);
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_shown() {
    let Some((url, mut server)) = mysql().await else { return };
    let user = format!("runner_test_{}", std::process::id());
    run_mysql(&mut server, &format!("create user '{user}'@'%' identified by 'right'")).await;
    let mut wrong = url::Url::parse(&url).unwrap();
    wrong.set_username(&user).unwrap();
    wrong.set_password(Some("canary-31415")).unwrap();
    let error = all(&Source::Mysql(Url::new(wrong.as_str()).ask("select 'u' as open_id")))
        .await
        .unwrap_err();
    run_mysql(&mut server, &format!("drop user '{user}'@'%'")).await;
    let told = told(&error).replace(&user, "USER");
    assert!(
        !told.contains("canary") && !format!("{error:?}").contains("canary"),
        "{told} {error:?}"
    );
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"'USER'@'[^']*'", "'USER'@'HOST'");
    settings.bind(|| insta::assert_snapshot!(told));
}

/// Only an attempt shows whether a server supports TLS.
#[tokio::test]
async fn tls_is_used_where_it_is_demanded_or_the_server_refused() {
    let Some((url, _)) = mysql().await else { return };
    let cipher = async |mode: &str| {
        let asked = Url::new(&format!("{url}?ssl-mode={mode}"));
        let mut source = asked.ask("show status like 'Ssl_cipher'");
        source.query.columns.open_id = "Value".to_owned();
        let (rows, _) = all(&Source::Mysql(source)).await?;
        Ok::<_, AudienceError>(rows[0].1.clone())
    };
    let none = Err(runner::model::event::UnusableKind::Empty);
    assert_eq!(cipher("disabled").await.unwrap(), none);
    if cipher("preferred").await.unwrap() == none {
        return insta::assert_snapshot!(told(&cipher("required").await.unwrap_err()));
    }
    assert_ne!(cipher("required").await.unwrap(), none);
    // No authority that is trusted here has signed the server's certificate.
    let error = cipher("verify_identity").await.unwrap_err();
    assert!(
        matches!(&error, AudienceError::Database { blame: Responsible::Server(help), .. } if help.to_string().contains("TLS")),
        "{}",
        told(&error)
    );
}

/// A value far longer than an open_id is from the wrong column, or broken.
#[tokio::test]
async fn an_open_id_of_two_megabytes_is_refused() {
    let Some((url, _)) = mysql().await else { return };
    let asked = Url::new(&url);
    let source = Source::Mysql(asked.ask("select 'u' as open_id union all select repeat('x', 2 << 20)"));
    let error = all(&source).await.unwrap_err();
    assert!(
        error.to_string().starts_with("row 2 of the query: "),
        "{}",
        told(&error)
    );
}
