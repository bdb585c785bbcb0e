//! Moves a ledger between files and a database. The copy has the same batches, byte by byte. It is read again before anything finds
//! it, and then the original is put aside, so that only one of the two is ever continued.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::campaign::LoadedCampaign;
use crate::app::error::AppError;
use crate::app::locked_ledger::LockedLedger;
use crate::app::readonly_ledger;
use crate::app::shared_ownership::SharedOwnership;
use crate::app::witness::CampaignWitnesses;
use crate::fleet::DatabaseReader;
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::verify::verify_known;
use crate::ledger::witness::Witness;
use crate::ledger::{AppendError, Head, Ledger, LedgerError, ReadPage, Store};

/// Where a ledger is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From files into the database.
    ToDatabase,
    /// From the database into files.
    ToFiles,
}

/// A ledger that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The number of its batches.
    pub batches: u64,
    /// The number of its deliveries.
    pub deliveries: u64,
    /// Where it was.
    pub from: PathBuf,
    /// Where it is now.
    pub to: PathBuf,
    /// Where the files of the original are kept. `None` for those in the database.
    pub kept: Option<PathBuf>,
}

/// Moves the ledger of a campaign, whose database is in its environment.
pub async fn copy(in_database: &LoadedCampaign, direction: Direction) -> Result<Copied, AppError> {
    let copier = Copier {
        in_files: in_database.without_database(),
        in_database,
        locked: LockedLedger::take_to_write(in_database).await?,
    };
    let copied = match (copier.locked.ownership().cloned(), direction) {
        (None, _) => Err(readonly_ledger::no_ledger(in_database)),
        (Some(ownership), Direction::ToDatabase) => Box::pin(copier.to_database(&ownership)).await,
        (Some(ownership), Direction::ToFiles) => Box::pin(copier.to_files(&ownership)).await,
    };
    copier.locked.release().await;
    copied
}

struct Copier<'c> {
    in_files: LoadedCampaign,
    in_database: &'c LoadedCampaign,
    locked: LockedLedger,
}

impl Copier<'_> {
    async fn to_database(&self, ownership: &SharedOwnership) -> Result<Copied, AppError> {
        let identity = &self.in_database.plan.identity;
        let directory = self.in_files.ledger_dir();
        let no_ledger = || readonly_ledger::no_ledger(&self.in_files);
        let manifest = directory.look()?.ok_or_else(no_ledger)?;
        let witnesses = CampaignWitnesses::new(&self.in_files);
        let known = witnesses.of_ledger(&manifest.id).as_ref().map(Witness::head);
        let report = verify_known(&directory, self.locked.lock(), known)
            .await?
            .ok_or_else(no_ledger)?;
        if let Some(older) = report.older {
            return Err(LedgerError::Older(older).into());
        }
        let end = Head {
            sequence: report.last.sequence,
            link: report.link,
        };
        let database = ownership.database();
        match database.ledger(identity).await? {
            // An earlier copy was interrupted after it was whole.
            Some(entry) if entry.manifest.id == manifest.id => {
                self.check(database.reader(entry.no), end).await?;
            }
            Some(_) => return Err(ownership.has_ledger(identity)),
            None => {
                let mut from = directory.open(self.locked.lock()).await?.ok_or_else(no_ledger)?;
                let mut to = ownership.create_hidden(identity, &manifest).await?;
                move_batches(&mut from, &mut to).await?;
                from.close().await;
                self.check(database.reader(to.no()), end).await?;
                ownership.publish(to.no(), identity).await?;
            }
        }
        let kept = directory.retire(self.locked.lock())?;
        let now = self.in_database.environment.clock.now();
        CampaignWitnesses::new(self.in_database)
            .write(&manifest.id, end, now)
            .await;
        Ok(Copied {
            batches: end.sequence,
            deliveries: report.counts.audience(),
            from: self.in_files.ledger_location(),
            to: self.in_database.ledger_location(),
            kept: Some(kept),
        })
    }

    async fn to_files(&self, ownership: &SharedOwnership) -> Result<Copied, AppError> {
        let identity = &self.in_database.plan.identity;
        let directory = self.in_files.ledger_dir();
        let database = ownership.database();
        let entry = database.ledger(identity).await?;
        let entry = entry.ok_or_else(|| readonly_ledger::no_ledger(self.in_database))?;
        let known = CampaignWitnesses::new(self.in_database).of_ledger(&entry.manifest.id);
        let known = known.as_ref().map(Witness::head);
        let source = Ledger::open_known(database.reader(entry.no), identity.clone(), Arc::default(), known).await?;
        if let Some(older) = source.older() {
            return Err(LedgerError::Older(older).into());
        }
        let deliveries = source.state().counts().audience();
        let end = source.head();
        match directory.look()? {
            // An earlier copy was interrupted after it was whole.
            Some(Manifest { id, .. }) if id == entry.manifest.id => {}
            Some(_) => return Err(ownership.has_ledger(identity)),
            None => {
                let fill = async |store: &mut _| move_batches(&mut database.reader(entry.no), store).await;
                directory.import(self.locked.lock(), &entry.manifest, fill).await?;
            }
        }
        let report = verify_known(&directory, self.locked.lock(), Some(end)).await?;
        let report = report.ok_or_else(|| readonly_ledger::no_ledger(&self.in_files))?;
        if let Some(older) = report.older {
            return Err(LedgerError::Older(older).into());
        }
        ownership.retire(entry.no, identity).await?;
        let now = self.in_files.environment.clock.now();
        CampaignWitnesses::new(&self.in_files)
            .write(&entry.manifest.id, end, now)
            .await;
        Ok(Copied {
            batches: end.sequence,
            deliveries,
            from: self.in_database.ledger_location(),
            to: self.in_files.ledger_location(),
            kept: None,
        })
    }

    /// Reads a copy, and checks that it ends with this batch.
    async fn check(&self, reader: DatabaseReader, end: Head) -> Result<(), AppError> {
        let identity = self.in_database.plan.identity.clone();
        let copy = Ledger::open_known(reader, identity, Arc::default(), Some(end)).await?;
        match copy.older() {
            Some(older) => Err(LedgerError::Older(older).into()),
            None => Ok(()),
        }
    }
}

/// Appends all batches of one store to another, which is empty.
async fn move_batches(from: &mut impl Store, to: &mut impl Store) -> Result<(), AppError> {
    let failed = |error: AppendError| AppError::Ledger(error.into());
    let read_failed = |error| AppError::Ledger(LedgerError::Store(error));
    // A store takes nothing before it was read to its end.
    while let ReadPage::Page(_) = to.read(Head::default()).await.map_err(read_failed)? {}
    let mut after = Head::default();
    loop {
        let page = match from.read(after).await.map_err(read_failed)? {
            ReadPage::Page(page) => page,
            ReadPage::End | ReadPage::Missing => return Ok(()),
        };
        for (_, record) in page.records() {
            to.append(record.to_vec()).await.map_err(failed)?;
        }
        after = page.last().unwrap_or(after);
    }
}
