//! Which other workers are silent. Only what was read without a gap counts: a database that is away says nothing of a worker.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Timing;
use super::statement::{View, WorkerId};
use crate::model::mutants::mutant;

/// The least number of readings in which a silent worker's beat was the same.
const READINGS: u32 = 6;

/// What was read of another worker since its beat changed.
#[derive(Clone, Copy, Debug)]
struct Unchanged {
    beat: u64,
    since: Duration,
    readings: u32,
}

/// What was read of the other workers.
#[derive(Clone, Debug, Default)]
pub struct Silence {
    workers: BTreeMap<WorkerId, Unchanged>,
}

impl Silence {
    /// Adds a reading whose request was sent at `sent`, and which was answered at `now`. Returns the workers that are silent, with
    /// their beats.
    pub fn read(
        &mut self,
        view: &View,
        me: WorkerId,
        timing: &Timing,
        sent: Duration,
        now: Duration,
    ) -> Vec<(WorkerId, u64)> {
        let others = view.workers.iter().filter(|(id, row)| **id != me && !row.fenced);
        let mut workers = BTreeMap::new();
        let mut silent = Vec::new();
        for (id, row) in others {
            let mut unchanged = match self.workers.get(id) {
                Some(before) if before.beat == row.beat => *before,
                // The beat was read after the worker raised it, and the answer took until now.
                _ => Unchanged {
                    beat: row.beat,
                    since: now,
                    readings: 0,
                },
            };
            unchanged.readings += 1;
            let is_read_often = unchanged.readings >= READINGS || mutant!(OutageAsSilence);
            if is_read_often && sent.saturating_sub(unchanged.since) >= timing.silence() {
                silent.push((*id, row.beat));
            }
            workers.insert(*id, unchanged);
        }
        self.workers = workers;
        silent
    }

    /// Forgets all readings after a failed one: the database was away, not the workers.
    pub fn fail(&mut self) {
        if !mutant!(OutageAsSilence) {
            self.workers.clear();
        }
    }
}
