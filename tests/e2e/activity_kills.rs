//! Kills of an apply that creates its activity, by SIGKILL. The platform in this process knows how many activities it made.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use runner::fake_platform::{Fault, FaultSettings, RepeatedActivity, RuleSettings, Settings, start};
use runner::model::delivery::StateName;

use crate::scene::Scene;

const USERS: usize = 20;
const STOCK: u64 = 1_000;

fn seed() -> u64 {
    let seed = std::env::var("KILLS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let _ = writeln!(std::io::stderr(), "KILLS_SEED={seed}");
    seed
}

/// A campaign that declares its activity.
fn declare(scene: &Scene) {
    let file = fs::read_to_string(scene.file()).unwrap();
    let named = format!("activity_id: \"{}\"", scene.activity_id);
    let declared = format!("coupon_meta_id: \"7218\"\nactivity: {{stock: {STOCK}, release: when_settled}}");
    fs::write(scene.file(), file.replace(&named, &declared)).unwrap();
}

/// Kills a run after a time.
fn kill(scene: &Scene, after: Duration) {
    let mut run = scene.apply(&[]).spawn().unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < after && run.try_wait().unwrap().is_none() {
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let _ = run.kill();
    run.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_there_is_one_activity_and_nobody_has_two_coupons() {
    let mut random = fastrand::Rng::with_seed(seed());
    for round in 0..6 {
        let platform = start(Settings {
            seed: round,
            rules: RuleSettings {
                refuse: 0.0,
                repeated_activity: RepeatedActivity::Replay,
                ..RuleSettings::default()
            },
            faults: FaultSettings {
                latency: (Duration::from_millis(20), Duration::from_millis(120)),
                shares: vec![(Fault::LoseAnswer, 0.2), (Fault::Busy, 0.1)],
            },
            ..Settings::default()
        })
        .await
        .unwrap();
        let scene = Scene::new(platform.base_url(), USERS)
            .with("retry: {timeout: 1s, first_delay: 50ms, max_delay: 500ms, attempts: 20}");
        declare(&scene);
        for _ in 0..3 {
            kill(&scene, Duration::from_millis(random.u64(1..2_500)));
            let made = platform.look(|platform| platform.activities().len());
            assert!(made <= 1, "{made} activities after a kill");
        }
        let mut ran = scene.run(&[]);
        for _ in 0..5 {
            if ran.code == Some(3) {
                ran = scene.run(&[]);
            }
        }
        let ran = ran.ends(0);
        let made = platform.look(|platform| platform.activities().to_vec());
        assert_eq!(made.len(), 1, "{}", ran.out);
        // The ledger is read on a runtime of its own.
        let counts = tokio::task::block_in_place(|| scene.ledger(|ledger| ledger.state().counts()));
        let counts = counts.unwrap();
        assert_eq!(counts.count(StateName::Issued), USERS as u64, "{}", ran.out);
        assert!(
            made.iter()
                .all(|made| made.issued == USERS as u64 && made.stock == STOCK)
        );
        assert_eq!(platform.totals().ids_issued_twice, 0);
        platform.stop().await;
    }
}
