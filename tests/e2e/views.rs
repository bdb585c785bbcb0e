//! Reading a ledger while another process applies its campaign: the owner serves a ledger of one moment.

use std::path::{Path, PathBuf};

use runner::app::readonly_ledger::{self, ReadonlyLedger};
use runner::app::{CampaignRef, Environment, LoadedCampaign};
use runner::ledger::Fact;
use runner::model::clock::Clock;
use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, Ran, Scene};
use crate::two_processes::{signal, until_it_says};

/// Opens the campaign's ledger like a command that only reads.
pub fn look<R>(file: &Path, show: impl AsyncFnOnce(Option<ReadonlyLedger>) -> R) -> R {
    let parsed = runner::campaign::load(file).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let environment = Environment::new(Clock::system());
    let campaign = LoadedCampaign::new(CampaignRef::new(file), parsed, environment).unwrap();
    runtime.block_on(async { show(readonly_ledger::open(&campaign).await.unwrap()).await })
}

#[test]
fn the_owner_shows_its_ledger_while_it_sends() {
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    // The path is longer than a socket address can hold.
    let deep: PathBuf = (0..4).map(|_| "夏日立减券".repeat(4)).collect();
    // A hundred looks take a while on a busy machine, and the run has to outlast them.
    let scene = Scene::new(&fake_platform.url, 2_000)
        .with("pace: {per_second: 20}")
        .below(&deep);
    let mut run = scene.apply(&[]).spawn().unwrap();
    until_it_says(&mut run, "ends ");
    let mut before = 0;
    for _ in 0..100 {
        look(&scene.file(), async |view| {
            let mut ledger = view.unwrap().ledger;
            let counts = ledger.state().counts();
            assert_eq!((counts.audience(), ledger.state().recount()), (2_000, counts));
            assert!(ledger.sequence() >= before, "a ledger never has less than before");
            before = ledger.sequence();
            // A second reading shows the same, whatever was sent in the meantime.
            let mut last = 0;
            let mut intents = 0;
            let count = |sequence, fact| {
                last = sequence;
                intents += u64::from(matches!(fact, Fact::Intent { .. }));
            };
            ledger.facts(count).await.unwrap();
            assert_eq!(last, before);
            assert!(intents >= counts.count(StateName::Issued));
            ledger.append(Vec::new()).await.unwrap_err();
        });
    }
    assert!(run.try_wait().unwrap().is_none(), "it was sending all the while");
    signal(&run, "INT");
    Ran::new(run.wait_with_output().unwrap()).ends(3);
    look(&scene.file(), async |view| {
        assert_eq!(view.unwrap().ledger.state().counts().count(StateName::InFlight), 0);
    });
    scene.run(&["--at-most", "1"]).ends(3);
}
