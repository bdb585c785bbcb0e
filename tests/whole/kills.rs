//! Kills at random moments, of the whole program, by SIGKILL.
//!
//! The moments come from a seed that is printed; `KILLS_SEED` sets it.

use std::io::Write as _;
use std::time::Duration;

use runner::delivery::{DeliveryKey, StateName};

use crate::scene::{Ran, Scene, StandIn};

const USERS: usize = 400;
const KILLS: u32 = 20;

fn seed() -> u64 {
    let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let _ = writeln!(std::io::stderr(), "KILLS_SEED={seed}");
    seed
}

/// Kills a run after a random while: some within its first moments, when the ledger is opened and the audience admitted.
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

/// Whether the process is still there after so long.
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

/// What the stand-in gave is known to the ledger, nobody was given two, and no id was asked for more often than the ledger
/// intended.
fn verdict(scene: &Scene, stand_in: &StandIn) -> Result<(), String> {
    let ids = stand_in.ids();
    let known = scene.ledger(|ledger| {
        let book = ledger.book();
        assert_eq!(book.recount(), book.counts());
        (0..book.recipients()).try_for_each(|recipient| {
            let key = DeliveryKey { recipient, ordinal: 1 };
            let standing = book.standing(key);
            let id = book.merchant_coupon_id(key).unwrap().to_string();
            let (given, asked) = ids.get(&id).copied().unwrap_or_default();
            let state = standing.state.name();
            let may_have = matches!(state, StateName::Issued | StateName::InDoubt | StateName::InFlight);
            let settled = matches!(state, StateName::Issued | StateName::Refused);
            if given > 1 {
                return Err(format!("{id} was given {given} coupons"));
            }
            if given > 0 && !may_have {
                return Err(format!("{id} was given a coupon and is {state}"));
            }
            if !settled && asked > standing.attempts {
                return Err(format!("{id}: {asked} requests, {} intents", standing.attempts));
            }
            Ok(())
        })
    });
    match known {
        Some(verdict) => verdict,
        None if ids.is_empty() => Ok(()),
        None => Err("requests without a ledger".to_owned()),
    }
}

fn judge(scene: &Scene, stand_in: &StandIn) {
    assert_eq!(verdict(scene, stand_in), Ok(()));
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
    let stand_in = StandIn::start(&faults);
    let scene = Scene::new(&stand_in.url, USERS).with("retry: {timeout: 1s, first_delay: 50ms, max_delay: 500ms}");
    let mut kills = 0;
    for _ in 0..KILLS {
        kills += u32::from(kill(&scene, &mut random, &[]));
        judge(&scene, &stand_in);
    }
    assert!(
        kills >= 8,
        "the campaign was complete before it was killed often enough"
    );
    let mut ran = scene.run(&[]);
    while ran.code == Some(3) {
        ran = scene.run(&[]);
    }
    let ran = ran.ends(0);
    judge(&scene, &stand_in);
    let counts = scene.ledger(|ledger| ledger.book().counts()).unwrap();
    assert_eq!(counts.settled(), USERS as u64, "{}", ran.out);
    let ids = stand_in.ids();
    let given: Vec<_> = ids.values().filter(|(given, _)| *given > 0).collect();
    assert_eq!(given.len() as u64, counts.of(StateName::Issued));
    assert!(
        given.iter().all(|(given, _)| *given == 1),
        "an id was given two coupons"
    );
    assert!(stand_in.harshest_second() <= 100);
}

#[test]
fn a_kill_costs_no_more_resends_than_were_in_flight() {
    let mut random = fastrand::Rng::with_seed(seed());
    let stand_in = StandIn::start(&["--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&stand_in.url, USERS).with("retry: {timeout: 1s}");
    let mut in_flight = 0;
    for _ in 0..5 {
        kill(&scene, &mut random, &[]);
        let counts = scene.ledger(|ledger| ledger.book().counts()).unwrap_or_default();
        in_flight += counts.of(StateName::InFlight);
    }
    scene.run(&[]).ends(0);
    let requests: u64 = stand_in.ids().values().map(|(_, asked)| u64::from(*asked)).sum();
    let resends = requests - USERS as u64;
    assert!(
        resends <= in_flight,
        "{resends} resends, {in_flight} in flight when killed"
    );
}

#[test]
fn with_ask_and_a_platform_that_ignores_ids_nobody_has_two() {
    let mut random = fastrand::Rng::with_seed(seed());
    let stand_in = StandIn::start(&["--repeat", "ignore", "--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&stand_in.url, USERS).with("retry: {in_doubt: ask, timeout: 1s}");
    for _ in 0..6 {
        kill(&scene, &mut random, &[]);
        judge(&scene, &stand_in);
    }
    let ran = scene.run(&[]);
    assert!(matches!(ran.code, Some(0 | 4)), "{ran:?}");
    let counts = scene.ledger(|ledger| ledger.book().counts()).unwrap();
    assert_eq!(
        counts.of(StateName::Issued) + counts.of(StateName::InDoubt),
        USERS as u64
    );
    assert!(stand_in.ids().values().all(|(given, _)| *given <= 1));
}

#[test]
fn a_rehearsal_that_is_killed_is_completed_by_the_same_command() {
    let mut random = fastrand::Rng::with_seed(seed());
    let scene = Scene::new("https://open.douyin.com", 150);
    for _ in 0..3 {
        kill(&scene, &mut random, &["--sandbox"]);
    }
    let ran: Ran = scene.run(&["--sandbox"]).ends(0);
    assert!(ran.out.contains("150 coupons = "), "{}", ran.out);
}

/// The null control: the same kills with a ledger that does not flush. If nobody had two then, the tests above would prove
/// nothing.
#[cfg(feature = "faults")]
#[test]
fn null_control_a_ledger_that_does_not_flush_is_caught() {
    let mut random = fastrand::Rng::with_seed(seed());
    let stand_in = StandIn::start(&["--repeat", "ignore", "--refuse", "0%", "--latency", "10ms..60ms"]);
    let scene = Scene::new(&stand_in.url, USERS).with("retry: {in_doubt: ask, timeout: 1s}");
    scene.run(&["--at-most", "1"]).ends(3);
    let caught = (0..KILLS).any(|_| {
        let mut run = scene.apply(&[]).env("RUNNER_FAULT_NEVER_FLUSH", "1").spawn().unwrap();
        if wait_for(&mut run, Duration::from_millis(random.u64(1_500..2_500))) {
            run.kill().unwrap();
        }
        run.wait().unwrap();
        stand_in.ids().values().any(|(given, _)| *given > 1)
    });
    assert!(
        caught,
        "{KILLS} kills of a ledger that does not flush, and the judge saw nothing"
    );
}
