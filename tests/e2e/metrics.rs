//! A run whose metrics are read, also by clients that hang.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;

use crate::scene::{FakePlatform, Ran, Scene, files};
use crate::two_processes::signal;

/// The address of the metrics, from the run's output.
fn address(run: &mut Child) -> String {
    let mut said = BufReader::new(run.stderr.as_mut().unwrap());
    let mut line = String::new();
    // The first line says that nobody is asked.
    while !line.starts_with("metrics at ") {
        line.clear();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "it never said where the metrics are"
        );
    }
    let rest = line
        .strip_prefix("metrics at http://")
        .unwrap_or_else(|| panic!("{line}"));
    rest.trim_end().strip_suffix("/metrics").unwrap().to_owned()
}

/// Reads the metrics once. `None` if nothing answers.
fn scrape(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, text) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.to_lowercase().contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    Some(text.to_owned())
}

/// The value of the series whose line starts with `series`.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(series));
    let line = line.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_run_is_seen_while_it_goes_on() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 200);
    let mut run = scene.apply(&["--metrics", "127.0.0.1:0"]).spawn().unwrap();
    let address = address(&mut run);
    let mut last = None;
    while let Some(text) = scrape(&address) {
        last = Some(text);
    }
    let ended = Ran::new(run.wait_with_output().unwrap()).ends(0);
    assert!(ended.out.contains("200 coupons = 200 issued"), "{}", ended.out);
    let text = last.unwrap();
    let started = value(&text, "runner_attempts_started_total{");
    assert!(started > 1.0, "the last scrape saw {started} starts");
    let counted: f64 = text
        .lines()
        .filter(|line| line.starts_with("runner_deliveries{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert!((counted - 200.0).abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "runner_ledger_flush_duration_seconds_count{") > 1.0);
    assert!(value(&text, "runner_token_age_seconds{") < 60.0);
    assert!(value(&text, "runner_audience_rows_read_total{") > 199.0);
    assert!((value(&text, "runner_pace_starts_per_second{kind=\"allowed\"") - 98.0).abs() < f64::EPSILON);
}

#[test]
fn scrapers_that_hang_hold_up_nobody() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 120);
    let mut run = scene
        .apply(&["--metrics", "127.0.0.1:0", "--metrics-linger", "0s"])
        .spawn()
        .unwrap();
    let address = address(&mut run);
    let mut hanging = Vec::new();
    for at in 0..80 {
        let mut stream = TcpStream::connect(&address).unwrap();
        // Some clients never finish their request, some never read the answer, and some send nothing.
        match at % 3 {
            0 => stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: ").unwrap(),
            1 => stream
                .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50).as_slice())
                .unwrap(),
            _ => {}
        }
        hanging.push(stream);
    }
    let ended = Ran::new(run.wait_with_output().unwrap()).ends(0);
    assert!(ended.out.contains("120 coupons = 120 issued"), "{}", ended.out);
    drop(hanging);
}

#[test]
fn a_port_in_use_is_reported_before_anything_is_created_or_sent() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 3);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let before = files(scene.dir.path());
    let ran = scene.run(&["--metrics", &address.to_string()]).ends(1);
    let said = ran.err.replace(&address.to_string(), "ADDRESS");
    insta::assert_snapshot!(said);
    assert_eq!(files(scene.dir.path()), before);
    assert_eq!(fake_platform.log(), Vec::<serde_json::Value>::new());
}

/// The endpoint ended so soon after a halt that no scrape saw it.
#[test]
fn a_halt_is_scraped_after_the_run_has_ended() {
    let fake_platform = FakePlatform::start(&["--refuse", "100%"]);
    let scene = Scene::new(&fake_platform.url, 200).with("halt: {refused: {over: 10%, after: 5}}");
    let mut run = scene
        .apply(&["--metrics", "127.0.0.1:0", "--metrics-linger", "1h"])
        .spawn()
        .unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut lines = Vec::new();
    // The line comes after the summary, when the run has ended.
    let address = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "{lines:?}");
        if let Some(rest) = line.strip_prefix("metrics stay at http://") {
            assert!(rest.contains("for 1 h"), "{rest}");
            break rest.split_once("/metrics").unwrap().0.to_owned();
        }
        lines.push(line);
    };
    let text = scrape(&address).unwrap();
    assert!((value(&text, "runner_halted{") - 1.0).abs() < f64::EPSILON);
    assert!((value(&text, "runner_phase{phase=\"ended\"") - 1.0).abs() < f64::EPSILON);
    // The ledger is free meanwhile.
    scene.without_secrets("verify", &[]).ends(0);
    signal(&run, "INT");
    assert_eq!(run.wait().unwrap().code(), Some(4));
}

#[test]
fn the_file_of_metrics_shows_the_end_of_the_run() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 20);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("summer.prom");
    scene.run(&["--metrics-file", path.to_str().unwrap()]).ends(0);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        (value(&text, "runner_deliveries{state=\"issued\"") - 20.0).abs() < f64::EPSILON,
        "{text}"
    );
    assert_eq!(files(directory.path()).len(), 1, "nothing else is left there");
    let other = directory.path().join("summer.txt");
    let refused = scene.run(&["--metrics-file", other.to_str().unwrap()]).ends(2);
    assert!(refused.err.contains("does not end in .prom"), "{}", refused.err);
}
