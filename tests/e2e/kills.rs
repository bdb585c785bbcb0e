//! Kills of the whole program by SIGKILL, at random moments.
//!
//! The moments come from a seed that is printed; `KILLS_SEED` sets it.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use runner::model::delivery::{DeliveryKey, StateName};

use crate::scene::{FakePlatform, Ran, Scene};

const USERS: usize = 400;
const KILLS: u32 = 20;

fn seed() -> u64 {
    let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let _ = writeln!(std::io::stderr(), "KILLS_SEED={seed}");
    seed
}

/// Kills a run after a random time. Some kills come in its first moments, when the ledger is opened and the audience
/// admitted.
fn kill(scene: &Scene, random: &mut fastrand::Rng, flags: &[&str]) -> bool {
    let mut run = scene.apply(flags).spawn().unwrap();
    let most = if random.u8(..4) == 0 { 80 } else { 1_800 };
    let left = wait_for(&mut run, Duration::from_millis(random.u64(1..most)));
    if left {
        run.kill().unwrap();
    }
    run.wait().unwrap();
    left
}

/// Returns whether the process still runs after `long`.
fn wait_for(run: &mut std::process::Child, long: Duration) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < long {
        if run.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    run.try_wait().unwrap().is_none()
}

/// Checks that the ledger knows every coupon of the fake platform, that no user has two, and that no id was sent more often
/// than the ledger intended.
fn verdict(scene: &Scene, fake_platform: &FakePlatform) -> Result<(), String> {
    let ids = fake_platform.ids();
    let intents = scene.intents();
    let states: HashMap<String, StateName> = scene
        .ledger(|ledger| {
            let ledger_state = ledger.state();
            assert_eq!(ledger_state.recount(), ledger_state.counts());
            let each = (0..ledger_state.recipients()).map(|recipient| DeliveryKey { recipient, ordinal: 1 });
            each.map(|key| {
                let id = ledger_state.merchant_coupon_id(key).unwrap().to_string();
                (id, ledger_state.status(key).state.name())
            })
            .collect()
        })
        .unwrap_or_default();
    for (id, (given, asked)) in ids {
        let intents = intents.get(&id).copied().unwrap_or_default();
        let state = states.get(&id).copied();
        let may_have = matches!(
            state,
            Some(StateName::Issued | StateName::InDoubt | StateName::InFlight)
        );
        if given > 1 {
            return Err(format!("{id} was given {given} coupons"));
        }
        if given > 0 && !may_have {
            return Err(format!("{id} was given a coupon and is {state:?}"));
        }
        if asked > intents {
            return Err(format!("{id}: {asked} requests, {intents} intents"));
        }
    }
    Ok(())
}

fn check_guarantees(scene: &Scene, fake_platform: &FakePlatform) {
    assert_eq!(verdict(scene, fake_platform), Ok(()));
}

#[test]
fn twenty_kills_and_nobody_has_two_and_nobody_is_forgotten() {
    let mut random = fastrand::Rng::with_seed(seed());
    let faults = [
        "--lose-answers",
        "3%",
        "--drop",
        "2%",
        "--busy",
        "3%",
        "--latency",
        "10ms..60ms",
        "--refuse",
        "0%",
    ];
    let fake_platform = FakePlatform::start(&faults);
    let scene = Scene::new(&fake_platform.url, USERS).with("retry: {timeout: 1s, first_delay: 50ms, max_delay: 500ms}");
    let mut kills = 0;
    let mut users = USERS;
    while kills < KILLS {
        if kill(&scene, &mut random, &[]) {
            kills += 1;
        } else {
            // The campaign completed before the kill: add users.
            users += 100;
            scene.audience(0..users);
        }
        check_guarantees(&scene, &fake_platform);
    }
    let mut ran = scene.run(&[]);
    while ran.code == Some(3) {
        ran = scene.run(&[]);
    }
    let ran = ran.ends(0);
    check_guarantees(&scene, &fake_platform);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.settled(), users as u64, "{}", ran.out);
    let ids = fake_platform.ids();
    let given: Vec<_> = ids.values().filter(|(given, _)| *given > 0).collect();
    assert_eq!(given.len() as u64, counts.count(StateName::Issued));
    assert!(
        given.iter().all(|(given, _)| *given == 1),
        "an id was given two coupons"
    );
    assert!(ran.most_in_a_second() <= 98);
    assert!(fake_platform.saw_the_quota_kept());
}

#[test]
fn a_kill_costs_no_more_resends_than_were_in_flight() {
    let mut random = fastrand::Rng::with_seed(seed());
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&fake_platform.url, USERS).with("retry: {timeout: 1s}");
    let mut in_flight = 0;
    for _ in 0..5 {
        kill(&scene, &mut random, &[]);
        let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap_or_default();
        in_flight += counts.count(StateName::InFlight);
    }
    scene.run(&[]).ends(0);
    let requests: u64 = fake_platform.ids().values().map(|(_, asked)| u64::from(*asked)).sum();
    let resends = requests - USERS as u64;
    assert!(
        resends <= in_flight,
        "{resends} resends, {in_flight} in flight when killed"
    );
}

#[test]
fn with_ask_and_a_platform_that_ignores_ids_nobody_has_two() {
    let mut random = fastrand::Rng::with_seed(seed());
    let fake_platform = FakePlatform::start(&["--repeat", "ignore", "--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&fake_platform.url, USERS).with("retry: {in_doubt: ask, timeout: 1s}");
    for _ in 0..6 {
        kill(&scene, &mut random, &[]);
        check_guarantees(&scene, &fake_platform);
    }
    let ran = scene.run(&[]);
    assert!(matches!(ran.code, Some(0 | 4)), "{ran:?}");
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(
        counts.count(StateName::Issued) + counts.count(StateName::InDoubt),
        USERS as u64
    );
    assert!(fake_platform.ids().values().all(|(given, _)| *given <= 1));
}

/// The built-in rehearsal, killed while it sends at full pace with refusals.
#[test]
fn a_rehearsal_that_is_killed_is_completed_by_the_same_command() {
    let mut random = fastrand::Rng::with_seed(seed());
    let scene = Scene::new("https://open.douyin.com", 600);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("campaigns/audience/summer.csv");
    fs::copy(shipped, scene.dir.path().join("audience.csv")).unwrap();
    for most in [80, 2_500, 4_500] {
        let mut run = scene.apply(&["--sandbox"]).spawn().unwrap();
        wait_for(&mut run, Duration::from_millis(random.u64(most / 2..most)));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let ran: Ran = scene.run(&["--sandbox"]).ends(0);
    assert!(ran.out.contains("600 coupons = 587 issued + 13 refused"), "{}", ran.out);
}

/// The null control: the same kills and checks with a ledger that does not flush. If they found nothing, the tests above
/// would prove nothing.
#[cfg(debug_assertions)]
#[test]
fn null_control_a_ledger_that_does_not_flush_is_caught() {
    let mut random = fastrand::Rng::with_seed(seed());
    let fake_platform = FakePlatform::start(&["--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&fake_platform.url, USERS).with("retry: {timeout: 1s}");
    scene.run(&["--at-most", "1"]).ends(3);
    let caught = (0..KILLS).find_map(|_| {
        let mut run = scene.apply(&[]).env("RUNNER_FAULT_NEVER_FLUSH", "1").spawn().unwrap();
        if wait_for(&mut run, Duration::from_millis(random.u64(1_500..2_500))) {
            run.kill().unwrap();
        }
        run.wait().unwrap();
        verdict(&scene, &fake_platform).err()
    });
    assert!(
        caught.is_some(),
        "{KILLS} kills of a ledger that does not flush, and no check failed"
    );
}
