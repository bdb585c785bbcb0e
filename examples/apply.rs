//! Applies a campaign from a program of one's own: a rehearsal against the built-in fake platform, with a ledger in memory.
//!
//! `cargo run --example apply`

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use runner::audience::Source;
use runner::douyin::client::{Config, HttpPlatform};
use runner::douyin::codes::Codes;
use runner::douyin::token::{Credentials, Tokens};
use runner::engine::Apply;
use runner::engine::app_limiter::{Alone, AppLimiter};
use runner::engine::audience_diff::{DiffBuilder, Terms};
use runner::ledger::Ledger;
use runner::ledger::memory::MemoryStore;
use runner::model::clock::Clock;
use runner::model::event::{Emit, Event};
use runner::model::run_command::RunCommand;
use runner::model::secret::Secret;
use runner::plan::RunOptions;
use runner::{campaign, fake_platform, plan};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/minimal.yaml"));
    let campaign = campaign::load(file)
        .map_err(|mistakes| campaign::render_human(&mistakes, false))?
        .campaign;
    let fake_platform = fake_platform::start(fake_platform::Settings::default()).await?;
    let sandbox = Some(fake_platform.base_url().to_owned());
    let plan = Arc::new(plan::build(
        &campaign,
        RunOptions {
            sandbox,
            ..RunOptions::default()
        },
    )?);
    let (clock, emit): (_, Arc<dyn Emit>) = (Clock::system(), Arc::new(|_: Event| {}));

    let mut ledger = Ledger::open(MemoryStore::default(), plan.identity.clone()).await?;
    let mut admission = DiffBuilder::new(ledger.state(), &plan);
    let source = Source::new(&campaign.audience.source, &campaign.timezone, clock.now());
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
    let admission = admission.decide(&terms).map_err(|refusals| format!("{refusals:?}"))?;
    let send_order = admission.send_order;
    for batch in admission.changes.into_batches() {
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
    let (_keep, commands) = tokio::sync::watch::channel(RunCommand::Go);
    let run = Apply {
        plan,
        ledger,
        platform: Arc::new(platform),
        send_order,
        limiter: AppLimiter::new(Alone),
        clock,
        commands,
        emit,
        seed: 1,
    };
    let (ended, _ledger) = Box::pin(run.run()).await?;
    writeln!(std::io::stdout(), "{:?}: {:?}", ended.ending, ended.counts)?;
    fake_platform.stop().await;
    Ok(())
}
