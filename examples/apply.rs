//! Applies a campaign from a program of one's own: a rehearsal against the built-in fake platform, with a ledger in a
//! temporary directory.
//!
//! `cargo run --example apply`

use std::error::Error;
use std::io::Write;

use runner::app::apply::load::{Prepared, ReadFile, prepare};
use runner::app::apply::{self, ApplyRequest, RunSetup, start_fake_platform};
use runner::app::{CampaignRef, Environment, Rehearsal};
use runner::campaign;
use runner::model::clock::Clock;
use runner::plan::RunOptions;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let at = CampaignRef {
        file: concat!(env!("CARGO_MANIFEST_DIR"), "/examples/minimal.yaml").into(),
        occurrence: None,
        rehearsal: Rehearsal::Inside,
        state_dir: Some(directory.path().to_owned()),
        store: None,
    };
    let parsed = at
        .file
        .load()
        .map_err(|mistakes| campaign::render_human(&mistakes, false))?;
    let fake_platform = start_fake_platform(&at.rehearsal).await?;
    let options = RunOptions {
        sandbox: fake_platform.as_ref().map(|running| running.base_url().to_owned()),
        ..RunOptions::default()
    };
    let file = ReadFile {
        at,
        parsed: Some(parsed),
    };
    let mut prepared = prepare(vec![file], &options, &Environment::new(Clock::system()));
    let Some(Prepared::Ready(campaign)) = prepared.pop() else {
        return Err("the campaign cannot be applied".into());
    };
    let setups = vec![RunSetup::unwatched(*campaign)?];
    for result in apply::apply(ApplyRequest::default(), setups, |_, result| result).await {
        writeln!(std::io::stdout(), "{:?}", result?)?;
    }
    Ok(())
}
