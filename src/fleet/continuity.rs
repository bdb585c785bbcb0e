//! A worker that runs while its database changes to another server proves that nothing is missing, or that something is.
//!
//! A server's log is one sequence. A worker that finds its last renewal finds everything that was committed before it, of all
//! workers, and each worker looks for the last batches of its own ledgers itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::database::Database;
use super::database_store::WorkerLink;
use super::error::DatabaseError;
use super::postgres::{Recording, ServerIdentity};
use super::statement::{View, WorkerId};

/// How often the identity of the server is read.
const EVERY: Duration = Duration::from_secs(2);

/// The task that compares the database with what this worker knows after a change of server.
pub struct Continuity {
    pub database: Database,
    pub link: Arc<WorkerLink>,
    pub views: watch::Receiver<Arc<View>>,
}

impl Continuity {
    /// Runs until it is aborted. Ends at once if the server does not show its identity.
    pub async fn run(mut self) {
        let Some(mut proven) = self.database.server().identity.clone() else {
            return;
        };
        let mut seen = self.views.borrow_and_update().clone();
        let mut next = Instant::now() + EVERY;
        let mut is_doubted = false;
        loop {
            let renewed = tokio::select! {
                view = next_view(&mut self.views) => view,
                () = sleep_until(next) => {
                    next = Instant::now() + EVERY;
                    match self.compare(&mut proven, &mut seen).await {
                        Ok(is_whole) => is_doubted |= !is_whole,
                        Err(error) => tracing::warn!("cannot compare the identity of the database's server: {error}"),
                    }
                    if is_doubted {
                        break;
                    }
                    continue;
                }
            };
            if went_back(&seen, &renewed, self.link.me.id) {
                break;
            }
            seen = renewed;
        }
        tracing::error!(
            "the database has forgotten what it acknowledged: no worker starts before a person accepts that"
        );
        while let Err(error) = self.database.doubt().await {
            tracing::warn!("cannot record that the database has forgotten facts: {error}");
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Whether everything that this worker knows is there, if the database is on another server than before.
    async fn compare(&mut self, proven: &mut ServerIdentity, seen: &mut Arc<View>) -> Result<bool, DatabaseError> {
        let Some(found) = self.database.identity().await?.filter(|found| found != proven) else {
            return Ok(true);
        };
        // A renewal that was sent before the change proves nothing.
        for _ in 0..2 {
            let renewed = next_view(&mut self.views).await;
            if went_back(seen, &renewed, self.link.me.id) {
                return Ok(false);
            }
            *seen = renewed;
        }
        if !self.link.has_every_batch().await? {
            return Ok(false);
        }
        self.database.record_as(&found, Recording::Proven).await?;
        tracing::info!("the database is on another server, {found}, and nothing is missing");
        *proven = found;
        Ok(true)
    }
}

/// Waits for the next renewal. Never ends once the worker is fenced: it learns nothing more.
async fn next_view(views: &mut watch::Receiver<Arc<View>>) -> Arc<View> {
    if views.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    views.borrow_and_update().clone()
}

/// Whether renewals that were seen are missing. Each renewal of this worker raises its own beat.
fn went_back(before: &View, now: &View, me: WorkerId) -> bool {
    before.workers.iter().any(|(id, before)| {
        let now = now.workers.get(id);
        now.is_some_and(|now| now.beat < before.beat || (*id == me && now.beat == before.beat))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::statement::WorkerRow;

    #[test]
    fn a_beat_that_was_seen_before_proves_that_renewals_are_missing() {
        let view = |beats: &[(u128, u64)]| View {
            workers: beats
                .iter()
                .map(|(id, beat)| {
                    let row = WorkerRow {
                        beat: *beat,
                        fenced: false,
                    };
                    (WorkerId(*id), row)
                })
                .collect(),
            ..View::default()
        };
        let before = view(&[(1, 7), (2, 30)]);
        let is_back = |now: &[(u128, u64)]| went_back(&before, &view(now), WorkerId(1));
        assert!(!is_back(&[(1, 8), (2, 30)]), "the other one is slow");
        assert!(!is_back(&[(1, 9)]), "the row of the other one was removed");
        assert!(is_back(&[(1, 7), (2, 31)]), "a renewal of this worker is missing");
        assert!(is_back(&[(1, 8), (2, 29)]), "a renewal of the other one is missing");
        assert!(!went_back(&View::default(), &before, WorkerId(1)));
    }
}
