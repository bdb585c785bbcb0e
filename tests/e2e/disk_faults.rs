//! A disk whose writes fail or never end: the run ends with an error and releases its locks, and the same command continues.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::signal;

/// Far more than any run here takes.
const LONGEST: Duration = Duration::from_mins(2);

/// The library with the faults. `None` where it cannot be built or loaded.
fn faults() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disk_faults.so");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/disk_faults.c"))
            .arg("-ldl")
            .stderr(Stdio::null());
        let is_built = cfg!(target_os = "linux") && compiler.status().is_ok_and(|status| status.success());
        is_built.then_some(library)
    });
    if built.is_none() {
        println!("skipped: this machine has no C compiler that builds a library with faults");
    }
    built.as_deref()
}

fn ends(mut run: Child) -> Ran {
    let began = Instant::now();
    while run.try_wait().unwrap().is_none() {
        if began.elapsed() > LONGEST {
            run.kill().unwrap();
            panic!("the run hangs: {:?}", Ran::new(run.wait_with_output().unwrap()));
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    Ran::new(run.wait_with_output().unwrap())
}

fn is_complete(scene: &Scene, fake_platform: &FakePlatform, users: usize) {
    scene.run(&[]).ends(0);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), users as u64);
    assert_eq!(fake_platform.ids().len(), users);
    assert!(fake_platform.ids().values().all(|(given, _)| *given == 1));
}

/// sled did not wake the thread that waited for a write which failed after a moment, so the run hung and no signal ended it.
#[test]
fn a_write_that_fails_while_a_flush_waits_for_it_ends_the_run() {
    let Some(faults) = faults() else { return };
    for at in ["5", "8", "11", "14"] {
        let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
        let scene = Scene::new(&fake_platform.url, 60).with("retry: {timeout: 1s}");
        let mut run = scene.apply(&[]);
        run.env("LD_PRELOAD", faults).env("FAULT_AT", at);
        let ran = ends(run.spawn().unwrap()).ends(1);
        assert!(
            ran.err.contains("Input/output error") && ran.err.contains("help"),
            "{}",
            ran.err
        );
        is_complete(&scene, &fake_platform, 60);
    }
}

#[test]
fn a_signal_ends_a_run_whose_disk_never_answers() {
    let Some(faults) = faults() else { return };
    // The ledger is being made, the audience is being admitted, the first intents are written.
    for at in ["1", "5", "8", "14"] {
        let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
        let scene = Scene::new(&fake_platform.url, 60).with("retry: {timeout: 1s}");
        let mark = scene.home.path().join("stalled");
        let mut run = scene.apply(&[]);
        run.env("LD_PRELOAD", faults)
            .env("FAULT_AT", at)
            .env("FAULT_STALLS", "1")
            .env("FAULT_MARK", &mark);
        let mut run = run.spawn().unwrap();
        while !mark.exists() {
            assert!(run.try_wait().unwrap().is_none(), "it ended before write {at}");
            thread::yield_now();
        }
        signal(&run, "TERM");
        let ran = ends(run).ends(1);
        assert!(ran.err.contains("the disk did not answer"), "{}", ran.err);
        is_complete(&scene, &fake_platform, 60);
    }
}
