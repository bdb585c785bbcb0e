//! Readers of outputs that take nothing: coupons are sent, the process ends, the ledger is free, and the first signal is
//! heard.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::fs::{CWD, Mode, OFlags, fcntl_getfl, fcntl_setfl, mkfifoat};

use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

fn named_pipe(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    path
}

fn fill(pipe: &mut (impl Write + AsFd)) {
    fcntl_setfl(&pipe, fcntl_getfl(&pipe).unwrap() | OFlags::NONBLOCK).unwrap();
    for size in [4096, 1] {
        while match pipe.write(&vec![b'\n'; size]) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        } {}
    }
    fcntl_setfl(&pipe, fcntl_getfl(&pipe).unwrap() - OFlags::NONBLOCK).unwrap();
}

/// A named pipe that is full, and whose reader takes nothing as long as the file lives.
fn full_named_pipe(dir: &Path, name: &str) -> (PathBuf, File) {
    let path = named_pipe(dir, name);
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nonblocking)
        .open(&path);
    let mut reader = open.unwrap();
    fill(&mut reader);
    (path, reader)
}

/// A pipe that is full, for a standard stream, and its reader.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    fill(&mut writer);
    (reader, writer)
}

#[test]
fn a_record_and_a_log_that_nobody_reads_delay_no_end() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 30);
    let (events, _events) = full_named_pipe(scene.dir.path(), "events");
    let (log, _log) = full_named_pipe(scene.dir.path(), "log");
    let flags = [
        "-v",
        "--events",
        events.to_str().unwrap(),
        "--log-file",
        log.to_str().unwrap(),
    ];
    let ran = scene.run(&flags).ends(0);
    assert_eq!(fake_platform.ids().len(), 30);
    let said = ran
        .err
        .lines()
        .find(|line| line.contains("events are missing"))
        .unwrap();
    let missing = said.strip_prefix("warning: ").unwrap().split(' ').next().unwrap();
    assert!(missing.parse::<u32>().unwrap() > 30, "{said}");
    assert!(said.contains(&format!("missing from {}: its reader takes nothing", events.display())));
    assert!(ran.err.contains("lines are missing from the log"), "{}", ran.err);
}

#[test]
fn standard_streams_that_nobody_reads_delay_no_end() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 0);
    let mut users = 0;
    for flags in [&["-vv"][..], &["-vv", "--output", "json"]] {
        for stuck in ["stdout", "stderr", "both"] {
            users += 10;
            scene.audience(0..users);
            let (_reader, full) = full_pipe();
            let mut run = scene.apply(flags);
            if stuck != "stderr" {
                run.stdout(full.try_clone().unwrap());
            }
            if stuck != "stdout" {
                run.stderr(full);
            }
            let ran = Ran::new(run.output().unwrap()).ends(0);
            assert_eq!(fake_platform.ids().len(), users);
            if stuck == "stdout" && flags.contains(&"json") {
                assert!(ran.err.contains("objects are missing from stdout"), "{}", ran.err);
            }
        }
    }
}

#[test]
fn a_named_pipe_without_a_reader_is_refused() {
    let scene = Scene::new("http://127.0.0.1:9", 10);
    scene.run(&["--sandbox", "--at-most", "1"]).ends(3);
    let pipe = named_pipe(scene.dir.path(), "pipe");
    let pipe = pipe.to_str().unwrap();
    for (verb, flags, code) in [
        ("apply", ["--events", pipe], 2),
        ("apply", ["--log-file", pipe], 2),
        ("export", ["-o", pipe], 2),
        ("report", ["-o", pipe], 2),
        ("verify", ["--certificate", pipe], 2),
    ] {
        let flags = [&flags[..], &["--sandbox"]].concat();
        let ran = Ran::new(scene.command(verb, &flags).output().unwrap()).ends(code);
        assert!(
            ran.err.contains("caused by: nobody reads this named pipe"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("start its reader first"), "{}", ran.err);
    }
}

/// Waits until the process is the last that took the lock.
fn until_it_locked(scene: &Scene, process: &Child) {
    let lock = scene.place().dir().with_extension("lock");
    let pid = format!("\"pid\":{},", process.id());
    while !fs::read_to_string(&lock).unwrap_or_default().contains(&pid) {
        std::thread::yield_now();
    }
}

/// The commands print more than a pipe takes, or to a pipe that is full. The apply would wait for ever for one that keeps
/// the ledger.
#[test]
fn a_command_whose_reader_is_stuck_keeps_no_apply_waiting() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 20);
    scene.run(&["--at-most", "1"]).ends(3);
    let (pipe, _keep) = full_named_pipe(scene.dir.path(), "pipe");
    let pipe = pipe.to_str().unwrap();
    let resolve = ["user-000000", "--as", "refused", "--note", "ticket 812"];
    for (verb, flags, takes_the_lock) in [
        ("export", &[][..], true),
        ("export", &["--output", "json"], true),
        ("export", &["-o", pipe], true),
        ("trace", &["user-000003"], true),
        ("trace", &["user-000003", "--output", "json"], true),
        ("plan", &[], true),
        ("report", &["-o", pipe], true),
        ("verify", &[], true),
        ("status", &[], false),
        ("resolve", &resolve, true),
    ] {
        let (_reader, full) = full_pipe();
        let mut command = scene.command(verb, flags);
        command.stdout(full.try_clone().unwrap()).stderr(full);
        let mut stuck = command.spawn().unwrap();
        if takes_the_lock {
            until_it_locked(&scene, &stuck);
        }
        scene.run(&["--at-most", "1"]).ends(3);
        // Some print nothing on stdout, and end.
        let _ = stuck.kill();
        stuck.wait().unwrap();
    }
}

/// The audience of the plan comes from its stdin, and nobody writes there.
#[test]
fn a_plan_whose_audience_never_comes_keeps_no_apply_waiting() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 0);
    let file = fs::read_to_string(scene.file()).unwrap();
    let piped = file.replace("csv: {path: audience.csv, ", "stdin: {format: csv, ");
    fs::write(scene.file(), piped).unwrap();
    let apply = |users: &str, code| {
        let mut run = scene.apply(&["--at-most", "1"]).stdin(Stdio::piped()).spawn().unwrap();
        run.stdin.take().unwrap().write_all(users.as_bytes()).unwrap();
        Ran::new(run.wait_with_output().unwrap()).ends(code);
    };
    apply("open_id\nu1\nu2\nu3\n", 3);
    let mut plan = scene.command("plan", &[]);
    let mut plan = plan.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    until_it_locked(&scene, &plan);
    apply("open_id\nu1\nu2\nu3\n", 3);
    plan.kill().unwrap();
    plan.wait().unwrap();
}

/// The reader takes the first byte, so the rows are being delivered when the signal comes.
#[test]
fn an_export_whose_reader_is_stuck_hears_the_first_signal() {
    let scene = Scene::new("http://127.0.0.1:9", 3_000);
    scene.run(&["--sandbox", "--at-most", "1"]).ends(3);
    let pipe = named_pipe(scene.dir.path(), "pipe");
    for to_file in [false, true] {
        let mut command = scene.command("export", &["--sandbox"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        if to_file {
            command.arg("-o").arg(&pipe);
        }
        let mut export = command.spawn().unwrap();
        let mut reader: Box<dyn Read> = if to_file {
            Box::new(File::open(&pipe).unwrap())
        } else {
            Box::new(export.stdout.take().unwrap())
        };
        reader.read_exact(&mut [0]).unwrap();
        signal(&export, "TERM");
        assert_eq!(export.wait().unwrap().code(), Some(3));
    }
}

#[test]
fn a_run_whose_outputs_are_stuck_hears_the_first_signal() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = Scene::new(&fake_platform.url, 10).with("schedule: {start: 2099-01-01T10:00}");
    let (events, _events) = full_named_pipe(scene.dir.path(), "events");
    let (_reader, full) = full_pipe();
    let mut run = scene.apply(&["-vv", "--output", "json", "--events", events.to_str().unwrap()]);
    let run = run.stdout(full.try_clone().unwrap()).stderr(full).spawn().unwrap();
    scene.until(|status| status["state"] == "waiting");
    signal(&run, "TERM");
    Ran::new(run.wait_with_output().unwrap()).ends(3);
}
