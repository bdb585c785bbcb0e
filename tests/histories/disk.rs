//! The disk beyond the edge: it can stall, fail, and forgets at a kill what was not durable.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use runner::ledger::record::link_of;
use runner::ledger::{Each, Head, Store, StoreError, WriteShortcut};

use crate::edge::Beyond;

/// A way to the disk: a run's, each of whose uses is a step, or the quiet one of whoever only looks.
pub struct Disk {
    beyond: Arc<Beyond>,
    quiet: bool,
}

impl Disk {
    /// That of a run.
    pub fn of(beyond: &Arc<Beyond>) -> Self {
        let beyond = Arc::clone(beyond);
        Self { beyond, quiet: false }
    }

    /// That of whoever looks at it beside the runs.
    pub fn quiet(beyond: &Arc<Beyond>) -> Self {
        let beyond = Arc::clone(beyond);
        Self { beyond, quiet: true }
    }

    async fn pass(&self) {
        if !self.quiet {
            self.beyond.pass().await;
        }
    }

    fn records(&self) -> Vec<Vec<u8>> {
        self.beyond.state().disk.records.clone()
    }
}

impl Store for Disk {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        self.pass().await;
        let beyond = &self.beyond;
        let (stall, late, fails) = {
            let mut state = beyond.state();
            let fails = state.disk.fails.take();
            state.disk.failed |= fails.is_some();
            (Duration::from_millis(state.disk.stall), state.disk.told_late, fails)
        };
        if !late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if beyond.state().dead {
            std::future::pending::<()>().await;
        }
        let batches = {
            let mut state = beyond.state();
            if fails != Some(false) {
                state.disk.records.push(record);
            }
            state.disk.records.len()
        };
        beyond.say(|| match fails {
            None => format!("batch {batches} is durable"),
            Some(true) => format!("the disk fails, though batch {batches} is durable"),
            Some(false) => "the disk fails".to_owned(),
        });
        self.pass().await;
        if late && !stall.is_zero() {
            tokio::time::sleep(stall).await;
        }
        if fails.is_some() {
            Err(StoreError::Planned)
        } else {
            Ok(())
        }
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
        let bytes = self.beyond.state().disk.shortcut.clone()?;
        Some(Box::new(Cursor::new(bytes)))
    }

    async fn keep_shortcut(&mut self, write: WriteShortcut) -> Result<(), StoreError> {
        self.pass().await;
        let mut bytes = Vec::new();
        write(&mut bytes).map_err(|_: io::Error| StoreError::Planned)?;
        self.beyond.state().disk.shortcut = Some(bytes);
        self.pass().await;
        Ok(())
    }
}
