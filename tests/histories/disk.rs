//! The disk beyond the edge: it can stall, fail, and forgets at a kill what was not durable.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use runner::ledger::record::link_of;
use runner::ledger::{Each, Head, Store, StoreError, WriteShortcut};

use crate::edge::{self, Beyond};

/// A way to the disk: a run's, each of whose uses is a step, or the quiet one of whoever only looks.
pub struct Disk {
    beyond: Arc<Beyond>,
    campaign: usize,
    quiet: bool,
}

impl Disk {
    /// The disk of a campaign, for a run.
    pub fn of(beyond: &Arc<Beyond>, campaign: usize) -> Self {
        Self {
            beyond: Arc::clone(beyond),
            campaign,
            quiet: false,
        }
    }

    /// The disk of a campaign, for the judge: its calls are no steps of a run.
    pub fn quiet(beyond: &Arc<Beyond>, campaign: usize) -> Self {
        Self {
            beyond: Arc::clone(beyond),
            campaign,
            quiet: true,
        }
    }

    async fn pass(&self) {
        if !self.quiet {
            self.beyond.pass().await;
        }
    }

    fn records(&self) -> Vec<Vec<u8>> {
        self.with(|disk| disk.records.clone())
    }

    fn with<R>(&self, look: impl FnOnce(&mut edge::Disk) -> R) -> R {
        look(&mut self.beyond.state().disks[self.campaign])
    }
}

impl Store for Disk {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        self.pass().await;
        let beyond = &self.beyond;
        let (stall, late, fails) = {
            let disk = &mut beyond.state().disks[self.campaign];
            let fails = disk.fails.take();
            disk.failed |= fails.is_some();
            (Duration::from_millis(disk.stall), disk.told_late, fails)
        };
        if !late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if beyond.state().dead {
            std::future::pending::<()>().await;
        }
        let batches = {
            let disk = &mut beyond.state().disks[self.campaign];
            if fails != Some(false) && disk.gone.is_none_or(|gone| gone.written) {
                disk.records.push(record);
            }
            disk.records.len()
        };
        let of = || beyond.name_of(self.campaign);
        let away = beyond.state().disks[self.campaign].gone.is_some();
        beyond.say(|| match fails {
            _ if away => format!("{}an append to a ledger that is gone", of()),
            None => format!("{}batch {batches} is durable", of()),
            Some(true) => format!("{}the disk fails, though batch {batches} is durable", of()),
            Some(false) => format!("{}the disk fails", of()),
        });
        self.pass().await;
        if late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if fails.is_some() {
            Err(StoreError::Planned)
        } else if beyond.tell_gone(self.campaign) {
            Err(gone())
        } else {
            beyond.note_durable(self.campaign);
            Ok(())
        }
    }

    async fn gone(&mut self) -> StoreError {
        self.beyond.until_gone(self.campaign).await;
        self.pass().await;
        gone()
    }

    async fn read(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        self.pass().await;
        (1..)
            .zip(&self.records())
            .try_for_each(|(sequence, record)| each(sequence, record))
    }

    async fn read_behind(&mut self, known: Head, each: &mut Each<'_>) -> Result<bool, StoreError> {
        self.pass().await;
        let records = self.records();
        let last = known.sequence.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let has = last.and_then(|at| records.get(at));
        if has.is_none_or(|record| link_of(record) != known.link) {
            return Ok(false);
        }
        (1..)
            .zip(&records)
            .filter(|(sequence, _)| *sequence > known.sequence)
            .try_for_each(|(sequence, record)| each(sequence, record))?;
        Ok(true)
    }

    async fn shortcut(&mut self) -> Option<Box<dyn Read + Send>> {
        if self.quiet {
            return None;
        }
        let bytes = self.with(|disk| disk.shortcut.clone())?;
        Some(Box::new(Cursor::new(bytes)))
    }

    async fn keep_shortcut(&mut self, write: WriteShortcut) -> Result<(), StoreError> {
        self.pass().await;
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(|_: io::Error| StoreError::Planned)?;
        self.with(|disk| disk.shortcut = Some(bytes));
        self.pass().await;
        Ok(())
    }
}

fn gone() -> StoreError {
    StoreError::Gone {
        path: "ledger".into(),
        replaced: false,
    }
}
