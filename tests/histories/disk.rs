//! The simulated disk: it can stall and fail, and a kill loses what is not durable.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use runner::ledger::record::link_of;
use runner::ledger::{AppendError, Head, Page, ReadPage, Store, StoreError, WriteSnapshot};

use crate::env::{self, Env};

/// The disk of one campaign. Each call is a step of the run, except on a quiet disk.
pub struct Disk {
    env: Arc<Env>,
    campaign: usize,
    quiet: bool,
    /// The last batch of the page that was read.
    read: Option<Head>,
}

impl Disk {
    pub fn new(env: &Arc<Env>, campaign: usize) -> Self {
        Self {
            env: Arc::clone(env),
            campaign,
            quiet: false,
            read: None,
        }
    }

    /// A disk for the checker, whose calls are not steps of a run.
    pub fn quiet(env: &Arc<Env>, campaign: usize) -> Self {
        Self {
            env: Arc::clone(env),
            campaign,
            quiet: true,
            read: None,
        }
    }

    async fn checkpoint(&self) {
        if !self.quiet {
            self.env.checkpoint().await;
        }
    }

    fn records(&self) -> Vec<Vec<u8>> {
        self.with(|disk| disk.records.clone())
    }

    fn with<R>(&self, look: impl FnOnce(&mut env::Disk) -> R) -> R {
        look(&mut self.env.state().disks[self.campaign])
    }
}

impl Store for Disk {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        self.checkpoint().await;
        let env = &self.env;
        let (stall, late, fails) = {
            let disk = &mut env.state().disks[self.campaign];
            let fails = disk.next_failure.take();
            disk.failed |= fails.is_some();
            (Duration::from_millis(disk.stall_ms), disk.after_write, fails)
        };
        if !late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if env.state().is_killed {
            std::future::pending::<()>().await;
        }
        if env.state().fleet.fenced_at.is_some() {
            env.log(|| {
                format!(
                    "{}an append of a worker that is fenced",
                    env.campaign_prefix(self.campaign)
                )
            });
            self.checkpoint().await;
            return Err(AppendError::Fenced(gone()));
        }
        let batches = {
            let disk = &mut env.state().disks[self.campaign];
            if fails != Some(false) && disk.removal.is_none_or(|gone| gone.durable) {
                disk.records.push(record);
            }
            disk.records.len()
        };
        let of = || env.campaign_prefix(self.campaign);
        let away = env.state().disks[self.campaign].removal.is_some();
        env.log(|| match fails {
            _ if away => format!("{}an append to a ledger that is gone", of()),
            None => format!("{}batch {batches} is durable", of()),
            Some(true) => format!("{}the disk fails, though batch {batches} is durable", of()),
            Some(false) => format!("{}the disk fails", of()),
        });
        self.checkpoint().await;
        if late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if fails.is_some() {
            Err(AppendError::Unknown(StoreError::Planned))
        } else if env.notice_removal(self.campaign) {
            Err(AppendError::Fenced(gone()))
        } else {
            env.note_durable(self.campaign);
            Ok(())
        }
    }

    async fn fenced(&mut self) -> StoreError {
        self.env.wait_removed(self.campaign).await;
        self.checkpoint().await;
        gone()
    }

    /// All batches are one page, so that reading them is one step of a run.
    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        if self.read.take() == Some(after) {
            return Ok(ReadPage::End);
        }
        self.checkpoint().await;
        let records = self.records();
        let first = usize::try_from(after.sequence).unwrap_or(usize::MAX);
        let before = first.checked_sub(1).map(|at| records.get(at));
        if before.is_some_and(|record| record.is_none_or(|record| link_of(record) != after.link)) {
            return Ok(ReadPage::Missing);
        }
        let mut page = Page::default();
        for (sequence, record) in (after.sequence + 1..).zip(&records[first..]) {
            page.push(sequence, record);
        }
        self.read = page.last();
        Ok(if page.is_empty() {
            ReadPage::End
        } else {
            ReadPage::Page(page)
        })
    }

    async fn read_snapshot(&mut self) -> Option<Box<dyn Read + Send>> {
        if self.quiet {
            return None;
        }
        let bytes = self.with(|disk| disk.snapshot.clone())?;
        Some(Box::new(Cursor::new(bytes)))
    }

    async fn write_snapshot(&mut self, _at: Head, write: WriteSnapshot) -> Result<(), StoreError> {
        self.checkpoint().await;
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(|_: io::Error| StoreError::Planned)?;
        self.with(|disk| disk.snapshot = Some(bytes));
        self.checkpoint().await;
        Ok(())
    }
}

fn gone() -> StoreError {
    StoreError::Gone {
        path: "ledger".into(),
        replaced: false,
    }
}
