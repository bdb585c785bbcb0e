//! The ownership of an app id, as the campaigns of the app id in this process share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::app_limiter::{AppLimiter, AppLock, HeldAppLock, Taking, TermState};
use crate::engine::earlier_requests::{EarlierRequest, earlier_requests};
use crate::fleet::postgres::StatementError;
use crate::fleet::{Database, DatabaseError, DatabaseStore, LedgerEntry, LedgerNo, Member, Ownership, Replacement};
use crate::ledger::ledger_dir::Manifest;
use crate::ledger::{Fact, Ledger, LedgerState, TermOwner};
use crate::model::clock::{Clock, monotonic_now};
use crate::model::identity::Identity;

use super::error::AppError;
use super::process::host;

/// The ownership of an app id for one term. The campaigns of the app id in this process share it.
#[derive(Debug)]
pub struct SharedOwnership {
    member: Member,
    ownership: Arc<Ownership>,
    limiter: Arc<AppLimiter>,
    uses: Mutex<Uses>,
    term: JoinHandle<()>,
}

/// The campaigns that use an ownership.
#[derive(Debug, Default)]
struct Uses {
    /// The number of campaigns that run or begin.
    count: usize,
    /// Whether a campaign has ended in a defect, so that its requests may be in flight.
    is_broken: bool,
    /// Whether the ownership was given up.
    is_over: bool,
}

impl SharedOwnership {
    pub(super) fn new(member: Member, ownership: Ownership) -> Self {
        let ownership = Arc::new(ownership);
        let (states, term) = watch::channel(TermState::Lasts);
        let owned = Arc::clone(&ownership);
        let follow = async move {
            tokio::select! {
                biased;
                () = lost(&owned) => {}
                () = owned.hand_over_asked() => {
                    states.send_replace(TermState::HandOver);
                    lost(&owned).await;
                }
            }
            states.send_replace(TermState::Lost);
            // The receivers take the end of the sender for an error, so the sender stays alive.
            std::future::pending::<()>().await;
        };
        let lock = TermLock {
            ownership: Arc::clone(&ownership),
            term,
        };
        Self {
            member,
            limiter: AppLimiter::new(lock),
            ownership,
            uses: Mutex::default(),
            term: tokio::spawn(follow),
        }
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the log of the service, and creates it if there is none.
    pub(super) async fn service_log(&self, now: Timestamp) -> Result<DatabaseStore, AppError> {
        Ok(self.member.service_log(&self.ownership, now).await?)
    }

    /// Waits until this worker is fenced.
    pub(super) async fn lost(&self) {
        self.ownership.lost().await;
    }

    /// Why the database does not answer this worker, as that changes. `None` while it answers.
    pub(super) fn failure(&self) -> watch::Receiver<Option<Arc<StatementError>>> {
        self.member.failure()
    }

    /// Returns the pace and the other limits that the campaigns of the app id share.
    #[must_use]
    pub fn limiter(&self) -> Arc<AppLimiter> {
        Arc::clone(&self.limiter)
    }

    /// Makes all campaigns pass over the users to whom a request of the previous owner may be on its way: those of attempts without
    /// an outcome in any ledger of the app id.
    pub(super) async fn pass_over(&self, timeout: Duration) -> Result<(), AppError> {
        if self.ownership.term() <= 1 {
            return Ok(());
        }
        let now = monotonic_now();
        let wall = Clock::system().now();
        let database = self.member.database();
        for entry in database.ledgers().await? {
            if entry.app() != *self.ownership.app() {
                continue;
            }
            let Some(identity) = entry.manifest.identity() else {
                continue;
            };
            let ledger = Ledger::open(database.reader(entry.no), identity).await?;
            for EarlierRequest { open_id, left } in earlier_requests(ledger.state(), timeout, wall) {
                self.limiter.pass_over([&*open_id], now + left);
            }
        }
        Ok(())
    }

    /// Returns the fact that this worker owns the app id, with the `retry.timeout` of the campaign. `None` if the ledger has it already,
    /// or has later terms of another fleet, from which it was moved.
    #[must_use]
    pub fn owner_changed(&self, ledger_state: &LedgerState, at: Timestamp, timeout: Duration) -> Option<Fact> {
        let term = self.ownership.term();
        if ledger_state.owner().is_some_and(|owner| owner.term >= term) {
            return None;
        }
        let owner = Box::new(TermOwner {
            term,
            worker: self.member.id().to_string(),
            host: host(),
        });
        Some(Fact::OwnerChanged { at, timeout, owner })
    }

    /// Returns the database.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.member.database()
    }

    /// Creates a ledger that no command finds until [`SharedOwnership::publish`].
    pub async fn create_hidden(&self, identity: &Identity, manifest: &Manifest) -> Result<DatabaseStore, AppError> {
        Ok(self.member.create_hidden(identity, manifest, &self.ownership).await?)
    }

    /// Makes a hidden ledger that of its campaign.
    pub async fn publish(&self, no: LedgerNo, identity: &Identity) -> Result<(), AppError> {
        Ok(self.member.publish(no, identity).await?)
    }

    /// Hides a ledger that was moved elsewhere.
    pub async fn retire(&self, no: LedgerNo, identity: &Identity) -> Result<(), AppError> {
        Ok(self.member.retire(no, identity).await?)
    }

    /// Returns the error of a campaign that has another ledger already.
    #[must_use]
    pub fn has_ledger(&self, identity: &Identity) -> AppError {
        let place = self.member.database().place().to_owned();
        let campaign = identity.campaign.to_string();
        DatabaseError::HasLedger { place, campaign }.into()
    }

    /// Puts the log of a hidden ledger in the place of that of a ledger.
    pub async fn replace_log(&self, identity: &Identity, replacement: Replacement) -> Result<(), AppError> {
        Ok(self.member.replace_log(identity, replacement).await?)
    }

    /// Removes what has open_ids beside a ledger without any.
    pub async fn remove_leftovers(&self, identity: &Identity, manifest: &Manifest) -> Result<(), AppError> {
        Ok(self.member.remove_leftovers(identity, manifest).await?)
    }

    /// Opens a ledger of the app id.
    pub fn open_entry(&self, entry: &LedgerEntry) -> Result<DatabaseStore, AppError> {
        Ok(self.member.open(entry, &self.ownership)?)
    }

    /// Opens the ledger of a campaign. Returns its store and its id, or `None` if there is no ledger.
    pub async fn open(&self, identity: &Identity) -> Result<Option<(DatabaseStore, String)>, AppError> {
        let Some(entry) = self.member.database().ledger(identity).await? else {
            return Ok(None);
        };
        Ok(Some((self.open_entry(&entry)?, entry.manifest.id)))
    }

    /// Creates the ledger of a campaign. Returns its store and its id.
    pub async fn create(&self, identity: &Identity, now: Timestamp) -> Result<(DatabaseStore, String), AppError> {
        let manifest = Manifest::new(identity, now);
        let store = self.member.create(identity, &manifest, &self.ownership).await?;
        Ok((store, manifest.id))
    }
}

impl Drop for SharedOwnership {
    fn drop(&mut self) {
        self.term.abort();
    }
}

/// A campaign's use of a [`SharedOwnership`]. The last one that ends gives up the app id.
#[derive(Debug)]
pub struct OwnershipUse {
    ownership: Arc<SharedOwnership>,
    /// Whether it has ended in order. It ends in a defect otherwise.
    is_ended: bool,
}

impl OwnershipUse {
    /// Begins to use an ownership. Returns `None` if the term is over, or is to be handed over.
    pub(super) fn begin(ownership: Arc<SharedOwnership>) -> Option<Self> {
        {
            let mut uses = ownership.uses();
            if uses.is_over || !ownership.ownership.still_mine() {
                return None;
            }
            uses.count += 1;
        }
        Some(Self {
            ownership,
            is_ended: false,
        })
    }

    /// Returns the ownership.
    #[must_use]
    pub const fn ownership(&self) -> &Arc<SharedOwnership> {
        &self.ownership
    }

    /// Ends the use: the campaign has no request in flight, and has recorded every outcome that it can.
    pub fn end(mut self) {
        self.is_ended = true;
    }
}

impl Drop for OwnershipUse {
    fn drop(&mut self) {
        let mut uses = self.ownership.uses();
        uses.count = uses.count.saturating_sub(1);
        uses.is_broken |= !self.is_ended;
        if uses.count == 0 && !uses.is_broken {
            uses.is_over = true;
            self.ownership.ownership.drained();
        }
    }
}

/// The term of an ownership as the app lock of its limiter.
#[derive(Debug)]
struct TermLock {
    ownership: Arc<Ownership>,
    term: watch::Receiver<TermState>,
}

impl AppLock for TermLock {
    fn take(&self) -> Taking<'_> {
        // The app id is this worker's for the whole term.
        Box::pin(std::future::ready(Ok(HeldAppLock::new(()))))
    }

    fn is_trusted(&self) -> bool {
        !checks_trust() || self.ownership.still_mine()
    }

    fn not_before(&self) -> Option<Instant> {
        Some(self.ownership.not_before())
    }

    fn term(&self) -> watch::Receiver<TermState> {
        self.term.clone()
    }
}

/// Waits until the term is lost.
async fn lost(ownership: &Ownership) {
    if checks_trust() {
        ownership.lost().await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Whether a worker checks that it still owns an app id. False only in the test that must fail without.
#[cfg(not(debug_assertions))]
const fn checks_trust() -> bool {
    true
}

#[cfg(debug_assertions)]
fn checks_trust() -> bool {
    std::env::var_os("RUNNER_FAULT_TRUST_UNCHECKED").is_none()
}
