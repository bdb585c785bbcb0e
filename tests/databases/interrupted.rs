//! A query of ten minutes, a person who watches it, and ^C.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::servers::{mysql, mysql_runs, postgres, postgres_runs, run_mysql, unique};

/// A run that waits for a query's first row.
struct Waiting {
    _folder: tempfile::TempDir,
    process: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Waiting {
    fn start(source: &str, url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("url"), url).unwrap();
        let file = folder.path().join("slow.yaml");
        let text =
            format!("version: 1\ncampaign: slow\napp_id: tt1\nactivity_id: 1\naudience:\n  source:\n    {source}\n");
        std::fs::write(&file, text).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(["apply", "--sandbox"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        Self {
            _folder: folder,
            process,
            said,
        }
    }

    /// Waits until the output says that the run continues although there are no rows yet.
    fn says_that_it_goes_on(&mut self) {
        let mut lines = self.said.by_ref().lines().map(Result::unwrap);
        let progress = lines
            .find(|line| line.contains("no row yet"))
            .expect("it says that it goes on");
        assert!(progress.contains(" after "), "{progress}");
    }

    fn breaks_off(mut self) {
        let pid = i32::try_from(self.process.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
        let ended = self.process.wait().unwrap();
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        assert_eq!(ended.code(), Some(3), "{rest}");
        assert!(rest.contains("interrupted before anything was sent"), "{rest}");
    }
}

#[tokio::test]
async fn a_query_of_ten_minutes_shows_that_it_goes_on_and_ends_with_a_signal() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let mark = unique("mark");
    let query = format!("select 'u' as open_id from pg_sleep(600) /* {mark} */");
    let source = format!("postgres: {{url: {{file: url}}, query: \"{query}\"}}");
    let mut waiting = Waiting::start(&source, &url);
    waiting.says_that_it_goes_on();
    assert!(postgres_runs(&mut server, &mark).await.is_some());
    waiting.breaks_off();
    // The server notices that its client has closed.
    while postgres_runs(&mut server, &mark).await.is_some() {}
}

#[tokio::test]
async fn so_does_one_of_the_other_server() {
    let Some((url, mut server)) = mysql().await else { return };
    let mark = unique("mark");
    let source = format!("mysql: {{url: {{file: url}}, query: \"select sleep(600) as open_id /* {mark} */\"}}");
    let mut waiting = Waiting::start(&source, &url);
    waiting.says_that_it_goes_on();
    let id = mysql_runs(&mut server, &mark).await.expect("it runs");
    waiting.breaks_off();
    // This server may not check its client before it has a row for it.
    run_mysql(&mut server, &format!("kill connection {id}")).await;
}

#[tokio::test]
async fn so_does_one_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("members.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut made = options.connect().await.unwrap();
    sqlx::raw_sql("create table members (open_id)")
        .execute(&mut made)
        .await
        .unwrap();
    made.close().await.unwrap();
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as open_id from n";
    let source = format!("sqlite: {{path: {}, query: \"{endless}\"}}", path.display());
    let mut waiting = Waiting::start(&source, "");
    waiting.says_that_it_goes_on();
    waiting.breaks_off();
}
