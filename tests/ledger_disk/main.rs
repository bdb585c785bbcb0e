//! The ledger on a real disk under faults: flipped bits, a killed process, a full disk. It must be found unchanged or be
//! refused. It must never contain less than was reported as durable.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod child;
#[path = "../ledger_common/mod.rs"]
mod common;
mod crashes;
mod damage;
mod doors;
mod erasure;
#[path = "../files_common/mod.rs"]
mod files;
mod full;
mod gone;
mod history;
mod mounted;
mod verify;

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::{CampaignLock, Purpose};
use runner::ledger::{Ledger, SledStore};
use runner::model::clock::from_ms;

use common::{identity, owner};

/// An error and its causes, as a person reads them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn place(root: &Path) -> LedgerDir {
    LedgerDir::new(root, &identity())
}

/// Opens or creates the ledger below `root`, as an apply does.
async fn open(root: &Path) -> Result<(Ledger<SledStore>, CampaignLock), String> {
    let place = place(root);
    let lock = place.lock(&owner(), Purpose::Apply).map_err(|error| chain(&error))?;
    let store = place.create(&lock, from_ms(0)).await.map_err(|error| chain(&error))?;
    let ledger = Ledger::open(store, identity()).await.map_err(|error| chain(&error))?;
    Ok((ledger, lock))
}
