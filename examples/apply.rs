//! Applies a campaign from a program of one's own: a rehearsal against the built-in fake platform, with a ledger in a
//! temporary directory.
//!
//! `cargo run --example apply`

use std::error::Error;
use std::io::Write;

use runner::app::apply::apply_unwatched;
use runner::app::{CampaignRef, Environment, Rehearsal};
use runner::model::clock::Clock;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let campaign = CampaignRef {
        rehearsal: Rehearsal::Inside,
        state_dir: Some(directory.path().to_owned()),
        ..CampaignRef::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/minimal.yaml"))
    };
    let result = apply_unwatched(campaign, &Environment::new(Clock::system())).await?;
    writeln!(std::io::stdout(), "{result:?}")?;
    Ok(())
}
