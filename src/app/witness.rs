//! The witnesses of a campaign's ledgers, outside of the state directory. An apply reads them before it sends, and writes
//! one while it sends and when it ends. Use cases that only read a ledger never write one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::fleet::DatabaseUrl;
use crate::ledger::Head;
use crate::ledger::ledger_dir::LedgerDir;
use crate::ledger::witness::{Subject, Witness, Witnesses};
use crate::model::clock::Clock;
use crate::model::identity::{Identity, PlatformName};

use super::campaign::LoadedCampaign;

/// How often a run that sends writes its witness.
const EVERY: Duration = Duration::from_secs(3);
/// How long the end of a run waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// The witnesses of one campaign.
#[derive(Clone, Debug)]
pub struct CampaignWitnesses {
    /// `None` for a rehearsal, which needs no witness, and if the user has no directory for witnesses.
    witnesses: Option<Witnesses>,
    identity: Identity,
    /// The real path of the campaign file.
    file: PathBuf,
    /// Where its ledger belongs: a real path, or a place in a database.
    directory: PathBuf,
}

impl CampaignWitnesses {
    /// Finds the witnesses of a campaign.
    #[must_use]
    pub fn new(campaign: &LoadedCampaign) -> Self {
        let identity = &campaign.plan.identity;
        let is_rehearsal = identity.platform == PlatformName::FakePlatform;
        Self {
            witnesses: campaign.environment.witnesses.clone().filter(|_| !is_rehearsal),
            identity: identity.clone(),
            file: real(campaign.at.file.path()),
            directory: real(&campaign.ledger_location()),
        }
    }

    /// Whether a witness is needed but cannot be written.
    pub fn is_impossible(&self) -> bool {
        let is_rehearsal = self.identity.platform == PlatformName::FakePlatform;
        !is_rehearsal && !self.witnesses.as_ref().is_some_and(Witnesses::is_writable)
    }

    /// Returns the witness of a ledger. `None` if it does not exist or cannot be read.
    #[must_use]
    pub fn of_ledger(&self, id: &str) -> Option<Witness> {
        let witnesses = self.witnesses.as_ref()?;
        witnesses.read(&self.identity, id).unwrap_or_else(|error| {
            let directory = witnesses.directory().display();
            tracing::warn!("cannot read the ledger's witness in {directory}: {error}; it proves nothing");
            None
        })
    }

    /// Returns the witness of an earlier ledger of this campaign file or in this place, for a campaign without a ledger.
    /// `None` if there is no such witness.
    #[must_use]
    pub fn of_lost(&self) -> Option<Witness> {
        self.all().find(|witness| self.is_here(witness))
    }

    /// Returns the place of an earlier ledger of this campaign file that still exists elsewhere. `None` if there is no such
    /// ledger.
    pub(super) fn moved(&self) -> Option<LedgerDir> {
        self.all()
            .filter(|witness| witness.file == self.file.to_string_lossy())
            .find_map(|witness| {
                let directory = Path::new(&witness.directory);
                let place = LedgerDir::new(directory.ancestors().nth(4)?, &self.identity);
                let is_it = place.dir() == directory && directory != self.directory;
                let manifest = place.look().ok().flatten().filter(|_| is_it)?;
                (manifest.id == witness.ledger).then_some(place)
            })
    }

    /// Returns the place in a database of an earlier ledger of this campaign file. `None` if there is no such witness.
    pub(super) fn in_database(&self) -> Option<PathBuf> {
        let of_file = self.all().find(|witness| witness.file == self.file.to_string_lossy())?;
        DatabaseUrl::is_location(&of_file.directory).then(|| PathBuf::from(of_file.directory))
    }

    /// Returns the newest witness of a ledger of the same campaign, app and platform from another campaign file. `None` if
    /// there is no such witness.
    #[must_use]
    pub fn of_another_file(&self) -> Option<Witness> {
        self.all().find(|witness| !self.is_here(witness))
    }

    fn all(&self) -> impl Iterator<Item = Witness> {
        let witnesses = self.witnesses.iter();
        witnesses.flat_map(|witnesses| witnesses.of_campaign(&self.identity))
    }

    fn is_here(&self, witness: &Witness) -> bool {
        witness.file == self.file.to_string_lossy() || witness.directory == self.directory.to_string_lossy()
    }

    /// Writes the witness once. A failure is only logged: a run does not depend on its witness.
    pub async fn write(&self, id: &str, head: Head, now: Timestamp) {
        let Some(writer) = self.writer(id) else { return };
        let wrote = spawn_blocking(move || writer.write(head, now));
        if tokio::time::timeout(PATIENCE, wrote).await.is_err() {
            tracing::warn!("the disk of the ledger's witness stalls; it is not written");
        }
    }

    /// Starts a task that writes the witness every few seconds while the ledger grows.
    #[must_use]
    pub fn keep(&self, id: &str, heads: watch::Receiver<Head>, clock: &Clock) -> WitnessKeeper {
        let (end, ended) = oneshot::channel();
        let task = self
            .writer(id)
            .map(|writer| tokio::spawn(keep(writer, heads, clock.clone(), ended)));
        WitnessKeeper { end, task }
    }

    fn writer(&self, id: &str) -> Option<Writer> {
        // The directories exist now, so their real paths may have changed.
        Some(Writer {
            witnesses: self.witnesses.clone()?,
            subject: Subject {
                identity: self.identity.clone(),
                ledger: id.to_owned(),
                file: real(&self.file),
                directory: real(&self.directory),
            },
        })
    }
}

/// Writes the witness of one ledger.
#[derive(Clone, Debug)]
struct Writer {
    witnesses: Witnesses,
    subject: Subject,
}

impl Writer {
    fn write(&self, head: Head, now: Timestamp) {
        let witness = self.subject.witness(head, now);
        if let Err(error) = self.witnesses.write(&self.subject.identity, &witness) {
            let directory = self.witnesses.directory().display();
            tracing::info!("cannot write the ledger's witness in {directory}: {error}");
        }
    }
}

/// Keeps a witness up to date while a run sends.
#[derive(Debug)]
pub struct WitnessKeeper {
    end: oneshot::Sender<()>,
    task: Option<JoinHandle<()>>,
}

impl WitnessKeeper {
    /// Writes the last head and ends the task.
    pub async fn finish(self) {
        let Some(task) = self.task else { return };
        // The receiver is gone only if the task panicked, and then there is nothing to wait for.
        let _ = self.end.send(());
        if tokio::time::timeout(PATIENCE, task).await.is_err() {
            tracing::warn!("the disk of the ledger's witness stalls; it may be behind");
        }
    }
}

async fn keep(writer: Writer, mut heads: watch::Receiver<Head>, clock: Clock, mut ended: oneshot::Receiver<()>) {
    let mut is_over = false;
    let mut written = None;
    loop {
        let head = *heads.borrow_and_update();
        if written != Some(head) {
            let writer = writer.clone();
            let now = clock.now();
            let _ = spawn_blocking(move || writer.write(head, now)).await;
            written = Some(head);
        }
        if is_over {
            return;
        }
        let changed = async {
            tokio::time::sleep(EVERY).await;
            if heads.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = &mut ended => is_over = true,
            () = changed => {}
        }
    }
}

/// Returns the real path of something that may not exist: the real path of the part that exists, and the rest as given. A location
/// in a database stays as it is.
fn real(path: &Path) -> PathBuf {
    if DatabaseUrl::is_location(&path.to_string_lossy()) {
        return path.to_owned();
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(above), absolute.strip_prefix(above)) {
            // Joining an empty path would add a slash.
            return if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    absolute
}
