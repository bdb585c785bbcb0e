//! Appends records to the service log, and keeps its witness.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::app::campaign_store::CampaignStore;
use crate::app::service_ownership::{OwnAddress, StoreFailure, local_address, publish_address};
use crate::catalogue::{Text, service as texts};
use crate::ledger::service_log::ServiceLog;
use crate::ledger::{Head, LedgerError};
use crate::model::hexadecimal::hexadecimal;
use crate::service::error::NotRecorded;
use crate::service::log_place::LogPlace;
use crate::service::record::{Entry, Record, VERSION};

use super::Supervisor;
use super::log_input::{LogInput, RECORD_TIMEOUT, Waiting};

/// How often the address of the pages is published in a fleet: the database may forget it.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);
/// How long a database has to be away before a message says so: a fail-over is over by then.
const LONG_AWAY: Duration = Duration::from_mins(2);

impl Supervisor {
    /// Writes the witness of the log after each record, until the service ends. A disk that stalls delays no act.
    pub(super) async fn write_witness(self: Arc<Self>, place: LogPlace) {
        let mut heads = self.heads.subscribe();
        loop {
            let durable = *heads.borrow_and_update();
            place.write(durable.head, self.now()).await;
            if durable.is_last || heads.changed().await.is_err() {
                return;
            }
        }
    }

    /// Makes a record durable. Returns its number. A record that a database takes late is durable all the same.
    pub async fn record(&self, entry: Entry) -> Result<u64, NotRecorded> {
        let (recorded, mut result) = oneshot::channel();
        self.send_record(entry, Some(recorded));
        let ended = || NotRecorded::Failed(LedgerError::Failed);
        if !self.settings.is_in_database() {
            return result.await.map_err(|_| ended())?.map_err(NotRecorded::Failed);
        }
        let result = if let Ok(result) = tokio::time::timeout(RECORD_TIMEOUT, &mut result).await {
            result.map_err(|_| ended())?
        } else {
            // From here on the task that appends knows that nobody waits.
            result.close();
            result.try_recv().map_err(|_| NotRecorded::Late)?
        };
        result.map_err(NotRecorded::Failed)
    }

    /// Makes a record durable, and returns without it while the database is away: it is durable once the database is back.
    pub async fn note(&self, entry: Entry) {
        if self.state().store_away.is_none() {
            // It has happened, recorded or not, and the pages say when the log cannot be written.
            let _ = self.record(entry).await;
            return;
        }
        self.send_record(entry, None);
    }

    fn send_record(&self, entry: Entry, recorded: Option<oneshot::Sender<Result<u64, LedgerError>>>) {
        let at = self.now();
        let version = VERSION;
        let record = Record { version, at, entry };
        let waiting = Box::new(Waiting { record, recorded });
        // The task that waits for the result has an error then.
        if let Err(error) = self.records.try_send(LogInput::Append(waiting)) {
            tracing::error!("a record is not in the service log: {error}");
        }
    }

    /// Appends records one after the other.
    pub(super) async fn append_records(
        supervisor: Weak<Self>,
        mut log: ServiceLog<CampaignStore>,
        mut inputs: mpsc::Receiver<LogInput>,
    ) {
        while let Some(LogInput::Append(next)) = inputs.recv().await {
            let appended = match serde_json::to_vec(&next.record) {
                Ok(body) => log.append(&body).await,
                Err(error) => {
                    tracing::error!("a record cannot be written as JSON: {error}");
                    Err(LedgerError::Failed)
                }
            };
            let Some(supervisor) = supervisor.upgrade() else { break };
            let is_executed_after = next.is_executed_after();
            let Waiting { record, recorded } = *next;
            supervisor.note_appended(record, &appended);
            let number = appended.map(|head| head.sequence);
            let of = number.as_ref().ok().copied();
            let is_late = recorded.is_some_and(|recorded| recorded.send(number).is_err());
            if let Some(of) = of.filter(|_| is_late && is_executed_after) {
                // The answer to the request said that nothing happened.
                let failed = Some(Text::new(&texts::RecordedLate).english().to_owned());
                supervisor.send_record(Entry::Result { of, failed }, None);
            }
        }
        Box::pin(log.close()).await;
    }

    fn note_appended(&self, record: Record, appended: &Result<Head, LedgerError>) {
        if let Ok(head) = appended {
            self.heads.send_modify(|durable| durable.head = *head);
        }
        let mut state = self.state();
        match appended {
            Ok(head) => state.add(*head, record),
            Err(error) => {
                tracing::error!("the service log cannot be written: {error}");
                if state.read_only.is_none() {
                    let why = Text::new(error);
                    self.announce_read_only(&why);
                    state.read_only = Some(why);
                }
            }
        }
    }

    /// The number of the last record, and the last link of the hash chain in hexadecimal digits.
    #[must_use]
    pub fn log_head(&self) -> (u64, String) {
        let head = self.heads.borrow().head;
        (head.sequence, hexadecimal(&head.link))
    }

    /// Shows whether the database with the log answers.
    pub(super) async fn follow_store(self: Arc<Self>, mut failure: StoreFailure) {
        let mut since: Option<Instant> = None;
        let mut is_announced = false;
        loop {
            let away = failure.borrow_and_update().clone();
            let was_away = {
                let mut state = self.state();
                let was_away = state.store_away.is_some();
                state.store_away = away.as_ref().map(Text::new);
                was_away
            };
            match (&away, was_away) {
                (Some(error), false) => tracing::warn!("the database of the service log does not answer: {error}"),
                (None, true) => self.plan_failed_again(),
                _ => {}
            }
            let now = self.moment().instant;
            since = away.as_ref().map(|_| since.unwrap_or(now));
            is_announced &= since.is_some();
            let until_announced = match since.filter(|_| !is_announced) {
                Some(since) => LONG_AWAY.saturating_sub(now - since),
                None => Duration::MAX,
            };
            match tokio::time::timeout(until_announced, failure.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    is_announced = true;
                    self.announce_read_only(&Text::new(&texts::DeniedStoreAway));
                }
            }
        }
    }

    /// Lets other services of the fleet see where the pages of this one are, until the service stops.
    pub async fn publish_address(&self, own: &OwnAddress) {
        let Some(worker) = self.settings.environment.worker.as_deref() else {
            return;
        };
        let mut stopping = self.stopping();
        let mut local = None;
        loop {
            // While the name of the database server does not resolve, the last address is still the right one.
            local = local_address(worker, own).await.or(local);
            if let Err(error) = publish_address(worker, own, local).await {
                tracing::debug!("cannot publish the address of the service: {error}");
            }
            tokio::select! {
                () = tokio::time::sleep(PUBLISH_EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }
}
