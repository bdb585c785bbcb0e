//! Finds other ledgers of a campaign, in the places where earlier runs or versions may have kept one.

use std::fs;
use std::path::Path;

use crate::ledger::ledger_dir::{LedgerDir, LedgerDirError, Manifest};
use crate::model::identity::{Identity, PlatformName};
use crate::plan::{self, RunOptions};

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::other_ledger::{OtherLedger, Reason};
use super::witness::CampaignWitnesses;

/// Looks for another ledger of a campaign that is applied for real. Returns `None` for a rehearsal, or if there is no other
/// ledger.
pub fn find(campaign: &LoadedCampaign) -> Result<Option<OtherLedger>, LedgerDirError> {
    let identity = &campaign.plan.identity;
    if identity.platform == PlatformName::FakePlatform {
        return Ok(None);
    }
    let own = campaign.ledger_dir();
    if campaign.database().is_some() {
        return in_files(campaign, &own);
    }
    let own_manifest = own.look()?;
    let roots = campaign.at.roots();
    let others = [
        (roots.beside_file, Reason::BesideFile),
        (roots.beside_link, Reason::BesideLink),
    ];
    for (root, reason) in others {
        let Some(place) = root.map(|root| LedgerDir::new(&root, identity)) else {
            continue;
        };
        if !same(own.dir(), place.dir()) && conflicts(&own, own_manifest.as_ref(), &place) {
            return Ok(Some(other(&own, own_manifest.is_some(), &place, reason)));
        }
    }
    if own_manifest.is_some() {
        return Ok(None);
    }
    let witnesses = CampaignWitnesses::new(campaign);
    if let Some(location) = witnesses.in_database() {
        return Ok(Some(OtherLedger {
            campaign: own.identity().campaign.clone(),
            dir: location,
            reason: Reason::InDatabase,
            own: own.dir().to_owned(),
            own_exists: false,
        }));
    }
    if let Some(place) = witnesses.moved() {
        return Ok(Some(other(&own, false, &place, Reason::LastRun)));
    }
    among_rehearsals(&own, &roots.own, identity)
}

/// Looks for a ledger in files of a campaign whose ledger belongs in a database.
fn in_files(campaign: &LoadedCampaign, own: &LedgerDir) -> Result<Option<OtherLedger>, LedgerDirError> {
    let roots = campaign.at.roots();
    let others = [roots.beside_file, roots.beside_link].into_iter().flatten();
    let places = others.map(|root| LedgerDir::new(&root, own.identity()));
    for place in std::iter::once(own.clone()).chain(places) {
        if place.look()?.is_some() {
            return Ok(Some(OtherLedger {
                campaign: own.identity().campaign.clone(),
                dir: place.dir().to_owned(),
                reason: Reason::InFiles,
                own: campaign.ledger_location(),
                own_exists: false,
            }));
        }
    }
    Ok(None)
}

/// Looks for another ledger of a campaign that is applied or rehearsed. Before a rehearsal, it looks for a ledger among the
/// rehearsals that may contain real deliveries.
pub fn find_before_apply(campaign: &LoadedCampaign) -> Result<Option<OtherLedger>, AppError> {
    if campaign.plan.identity.platform != PlatformName::FakePlatform {
        return Ok(find(campaign)?);
    }
    let real = plan::build(&campaign.parsed.campaign, RunOptions::default())?;
    let root = campaign.at.roots().own;
    Ok(among_rehearsals(
        &LedgerDir::new(&root, &real.identity),
        &root,
        &real.identity,
    )?)
}

/// Returns a ledger among the rehearsals that may contain real deliveries: earlier versions named every loopback address
/// `sandbox`. `None` if there is no such ledger.
fn among_rehearsals(own: &LedgerDir, root: &Path, identity: &Identity) -> Result<Option<OtherLedger>, LedgerDirError> {
    if !identity.platform.is_loopback() {
        return Ok(None);
    }
    let place = LedgerDir::new(
        root,
        &Identity {
            platform: PlatformName::FakePlatform,
            ..identity.clone()
        },
    );
    let may_be_real = match place.look() {
        Ok(Some(manifest)) => !manifest.rehearsal,
        Ok(None) => false,
        Err(error @ LedgerDirError::NotOwn { .. }) => return Err(error),
        // An unreadable manifest does not say whether the ledger is a rehearsal.
        Err(_) => true,
    };
    Ok(may_be_real.then(|| other(own, false, &place, Reason::AmongRehearsals)))
}

fn other(own: &LedgerDir, own_exists: bool, place: &LedgerDir, reason: Reason) -> OtherLedger {
    OtherLedger {
        campaign: own.identity().campaign.clone(),
        dir: place.dir().to_owned(),
        reason,
        own: own.dir().to_owned(),
        own_exists,
    }
}

/// Returns whether the ledger in `place` may contain something that the campaign's own ledger does not.
fn conflicts(own: &LedgerDir, own_manifest: Option<&Manifest>, place: &LedgerDir) -> bool {
    match place.look() {
        Ok(None) | Err(LedgerDirError::Foreign { .. }) => false,
        Ok(Some(manifest)) => match own_manifest {
            // A copy with no later batch contains nothing more.
            Some(own_manifest) if own_manifest.id == manifest.id => place.sequence() > own.sequence(),
            _ => true,
        },
        Err(_) => true,
    }
}

/// Returns whether two paths lead to the same directory.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}
