//! Whether the database of a fleet is still the one that the witnesses know, before a worker starts in it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::fleet::{Database, DatabaseError, DatabaseUrl, Evidence};
use crate::ledger::witness::{Witness, Witnesses};
use crate::ledger::{ReadPage, Store as _};

/// How often, and how many times, a start looks whether a running worker has proven that nothing is missing.
const LOOK: Duration = Duration::from_secs(2);
const LOOKS: u32 = 5;

/// Checks that the database has not lost facts, as far as anybody can know. A server that was changed is no error while workers
/// run that prove it.
pub async fn check(url: &DatabaseUrl, witnesses: Option<&Witnesses>) -> Result<(), DatabaseError> {
    let mut looks = 0;
    loop {
        let database = Database::connect(url).await?;
        if !database.server().may_have_lost() {
            return Ok(());
        }
        let may_be_proven =
            !database.server().is_doubted && database.workers().await?.iter().any(|worker| !worker.fenced);
        if looks == LOOKS || !may_be_proven {
            let evidence = evidence(&database, &url.location(), witnesses).await?;
            return Err(database.other_server(evidence));
        }
        looks += 1;
        tokio::time::sleep(LOOK).await;
    }
}

/// Compares the witnesses of this machine with the ledgers. They can prove that something is missing, but not that nothing is:
/// another machine may have gone on since.
async fn evidence(
    database: &Database,
    location: &str,
    witnesses: Option<&Witnesses>,
) -> Result<Evidence, DatabaseError> {
    let Some(witnesses) = witnesses.cloned() else {
        return Ok(without_witness(database));
    };
    let place = format!("{location}/");
    let known = spawn_blocking(move || witnesses.of_place(&place))
        .await
        .unwrap_or_default();
    let ledgers = database.ledgers().await?;
    let ledgers: BTreeMap<_, _> = ledgers.iter().map(|entry| (&*entry.manifest.id, entry.no)).collect();
    for witness in &known {
        let is_there = match ledgers.get(&*witness.ledger) {
            None => false,
            Some(no) => match database.reader(*no).read(witness.head()).await {
                Ok(page) => !matches!(page, ReadPage::Missing),
                Err(error) => {
                    tracing::warn!("a ledger of a witness cannot be read: {error}");
                    return Ok(without_witness(database));
                }
            },
        };
        if !is_there {
            return Ok(missing(witness));
        }
    }
    Ok(match known.first() {
        Some(newest) if !database.server().is_doubted => Evidence::There {
            written: newest.written,
        },
        _ => without_witness(database),
    })
}

fn without_witness(database: &Database) -> Evidence {
    if database.server().is_doubted {
        Evidence::Worker
    } else {
        Evidence::Nothing
    }
}

fn missing(witness: &Witness) -> Evidence {
    Evidence::Missing {
        campaign: witness.campaign.clone(),
        app: witness.app_id.clone(),
        sequence: witness.sequence,
        written: witness.written,
    }
}
