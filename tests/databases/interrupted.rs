//! A query of ten minutes, a person who looks at it, and ^C.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::servers::{postgres, postgres_runs, unique};

#[tokio::test]
async fn a_query_of_ten_minutes_shows_that_it_goes_on_and_ends_with_a_signal() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let mark = unique("mark");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slow.yaml");
    let text = format!(
        "version: 1\ncampaign: slow\napp_id: tt1\nactivity_id: 1\naudience:\n  source:\n    postgres:\n      \
         url: {{env: RUNNER_TEST_URL}}\n      query: select 'u' as open_id from pg_sleep(600) /* {mark} */\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["apply", "--sandbox"])
        .arg(&file)
        .env("RUNNER_TEST_URL", url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap());
    let mut lines = said.by_ref().lines().map(Result::unwrap);
    let progress = lines
        .find(|line| line.contains("no row yet"))
        .expect("it says that it goes on");
    assert!(progress.contains(" so far"), "{progress}");
    assert!(postgres_runs(&mut server, &mark).await.is_some());

    let pid = i32::try_from(process.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    let ended = process.wait().unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(ended.code(), Some(3), "{rest}");
    assert!(rest.contains("interrupted before anything was sent"), "{rest}");
    // The server notices that its client is gone.
    while postgres_runs(&mut server, &mark).await.is_some() {}
}
