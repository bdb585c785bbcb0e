//! The ledger on a real disk, and what may be done to it: bits flipped in its files, its process killed at any moment, no
//! room left. Whatever happens, it is found as it was or refused; it is never smaller than what was promised.

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

use runner::clock::from_ms;
use runner::ledger::lock::{CampaignLock, Purpose};
use runner::ledger::place::Place;
use runner::ledger::{Ledger, SledStore};

use common::{identity, owner};

/// An error and its causes, as a person sees them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn place(root: &Path) -> Place {
    Place::of(root, &identity())
}

/// Opens or begins the ledger below `root`, as an apply does; or says why not.
async fn open(root: &Path) -> Result<(Ledger<SledStore>, CampaignLock), String> {
    let place = place(root);
    let lock = place.lock(&owner(), Purpose::Apply).map_err(|error| chain(&error))?;
    let store = place.create(&lock, from_ms(0)).await.map_err(|error| chain(&error))?;
    let ledger = Ledger::open(store, identity()).await.map_err(|error| chain(&error))?;
    Ok((ledger, lock))
}
