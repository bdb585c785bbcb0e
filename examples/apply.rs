//! Applies a campaign from a program of one's own: a rehearsal against the built-in stand-in, with a ledger in memory.
//!
//! `cargo run --example apply`

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use runner::audience::Source;
use runner::clock::Clock;
use runner::douyin::client::{Config, HttpPlatform};
use runner::douyin::codes::Codes;
use runner::douyin::token::{Credentials, Tokens};
use runner::engine::Apply;
use runner::engine::admit::{Admission, Terms};
use runner::engine::lane::{Alone, Lane};
use runner::event::{Emit, Event};
use runner::ledger::Ledger;
use runner::ledger::memory::MemoryStore;
use runner::order::Order;
use runner::plan::RunOptions;
use runner::secret::Secret;
use runner::{campaign, plan, sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/minimal.yaml"));
    let campaign = campaign::load(file)
        .map_err(|mistakes| campaign::render_human(&mistakes, false))?
        .campaign;
    let stand_in = sandbox::start(sandbox::Settings::default()).await?;
    let sandbox = Some(stand_in.base_url().to_owned());
    let plan = Arc::new(plan::build(
        &campaign,
        RunOptions {
            sandbox,
            ..RunOptions::default()
        },
    )?);
    let (clock, emit): (_, Arc<dyn Emit>) = (Clock::system(), Arc::new(|_: Event| {}));

    let mut ledger = Ledger::open(MemoryStore::default(), plan.identity.clone()).await?;
    let mut admission = Admission::new(ledger.book(), &plan);
    let source = Source::of(&campaign.audience.source, &campaign.timezone, clock.now());
    let totals = admission.read(&source, |_| {}).await?;
    let codes = Codes::new(plan.codes.clone());
    let class = |code| codes.classify(code).0;
    let terms = Terms {
        plan: &plan,
        totals: &totals,
        accepted: &[],
        rehearsal: true,
        class: &class,
        wall: clock.now(),
    };
    let converged = admission.decide(&terms).map_err(|refusals| format!("{refusals:?}"))?;
    let roll = converged.roll;
    for batch in converged.changes.into_batches() {
        ledger.append(batch?).await?;
    }

    let any = Secret::new("rehearsal");
    let credentials = Credentials::Client {
        key: any.clone(),
        secret: any,
    };
    let platform = HttpPlatform::new(Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        tokens: Tokens::new(credentials, clock.clone()),
        codes: codes.clone(),
        timeout: plan.retry.timeout,
        clock: clock.clone(),
        emit: Arc::clone(&emit),
    })?;
    let (_keep, orders) = tokio::sync::watch::channel(Order::Go);
    let run = Apply {
        plan,
        ledger,
        platform: Arc::new(platform),
        roll,
        lane: Lane::new(Alone),
        clock,
        orders,
        emit,
        seed: 1,
    };
    let (ended, _ledger) = Box::pin(run.run()).await?;
    writeln!(std::io::stdout(), "{:?}: {:?}", ended.ending, ended.counts)?;
    stand_in.stop().await;
    Ok(())
}
