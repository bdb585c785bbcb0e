//! The witnesses of a campaign's ledgers, outside of the state directory. An apply reads them before it sends, and writes
//! one while it sends and when it ends. Commands that only read a ledger never write one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::engine::audience_diff::{Accept, Change};
use crate::ledger::ledger_dir::LedgerDir;
use crate::ledger::witness::{Subject, Witness, Witnesses};
use crate::ledger::{Head, LedgerState, Older};
use crate::model::clock::Clock;
use crate::model::identity::{Identity, PlatformName};
use crate::model::problem::Problem;
use crate::plan::Plan;

use super::failure::Failure;
use super::{Context, locked_ledger};

/// How often a run that sends writes its witness.
const EVERY: Duration = Duration::from_secs(3);
/// How long the end of a run waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// The witnesses of one campaign.
#[derive(Clone, Debug)]
pub struct Testimony {
    /// `None` for a rehearsal, which needs no witness, and if the user has no directory for witnesses.
    witnesses: Option<Witnesses>,
    identity: Identity,
    /// The real path of the campaign file.
    file: PathBuf,
    /// The real path where its ledger belongs.
    directory: PathBuf,
}

impl Testimony {
    /// Finds the witnesses of the campaign of a file.
    #[must_use]
    pub fn new(context: &Context, file: &Path, plan: &Plan) -> Self {
        let is_rehearsal = plan.identity.platform == PlatformName::FakePlatform;
        Self {
            witnesses: context.witnesses.clone().filter(|_| !is_rehearsal),
            identity: plan.identity.clone(),
            file: real(file),
            directory: real(locked_ledger::ledger_dir(context, file, plan).dir()),
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

/// A ledger that is older than its witness, or is missing although a witness names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderLedger {
    witness: Witness,
    /// The ledger's last batch. `None` if there is no ledger.
    last: Option<u64>,
    why: String,
    /// Whether the ledger says that a person accepted this.
    is_accepted: bool,
}

impl OlderLedger {
    /// Compares a ledger with its witness. Returns `None` unless the ledger is older.
    pub fn of_ledger(witness: Option<&Witness>, older: Option<Older>, ledger_state: &LedgerState) -> Option<Self> {
        let witness = witness?;
        let older = older?;
        let accepted = ledger_state.generation().is_some_and(|last| {
            last.at >= witness.written && last.accepted.iter().any(|word| word == Accept::OlderLedger.word())
        });
        Some(Self {
            witness: witness.clone(),
            last: Some(older.last),
            why: older.to_string(),
            is_accepted: accepted,
        })
    }

    /// Creates it for a ledger that a witness names and that is missing.
    #[must_use]
    pub fn lost(witness: Witness) -> Self {
        Self {
            why: format!(
                "there is no ledger, and batch {} of one was durable before",
                witness.sequence
            ),
            witness,
            last: None,
            is_accepted: false,
        }
    }

    /// Whether a person accepted it in an earlier run that could not write its witness.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Returns the witness.
    #[must_use]
    pub const fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Returns the change that a person must accept.
    #[must_use]
    pub fn change(&self) -> Change {
        let Witness { sequence, written, .. } = &self.witness;
        Change {
            what: Accept::OlderLedger,
            from: format!("batch {sequence} on {written}"),
            to: self
                .last
                .map_or_else(|| "no ledger".to_owned(), |last| format!("batch {last}")),
            owed_again: 0,
        }
    }

    /// Returns why nothing is sent, and what to do.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let Witness {
            sequence,
            written,
            directory,
            ..
        } = &self.witness;
        let message = match self.last {
            Some(_) => "the ledger is older than its witness; nothing was sent",
            None => "the ledger that this campaign had is gone; nothing was sent",
        };
        let mut failure = Failure::new(Problem::OlderLedger, message).help(HELP);
        failure.causes.push(self.why.clone());
        failure
            .causes
            .push(format!("its witness of {written} saw batch {sequence} in {directory}"));
        failure
    }
}

/// Returns the changes that a person has accepted, in this command or in an earlier one.
///
/// # Errors
/// The ledger is older than its witness, and no person has accepted that.
pub fn accepted(given: &[Accept], older: Option<&OlderLedger>) -> Result<Vec<Accept>, Failure> {
    match older {
        Some(older) if !older.is_accepted() && !given.contains(&Accept::OlderLedger) => Err(older.failure()),
        older => Ok(with_accepted(given, older)),
    }
}

/// Like [`accepted`], for a plan: it shows an older ledger instead of failing.
#[must_use]
pub fn with_accepted(given: &[Accept], older: Option<&OlderLedger>) -> Vec<Accept> {
    let mut accepted = given.to_vec();
    if older.is_some_and(OlderLedger::is_accepted) && !accepted.contains(&Accept::OlderLedger) {
        accepted.push(Accept::OlderLedger);
    }
    accepted
}

pub(super) const HELP: &str = "restore the newest ledger there is: users whom it does not know are sent to again. if there is none, apply with \
                    `--accept older_ledger`";

/// Returns the real path of something that may not exist: the real path of the part that exists, and the rest as given.
pub(super) fn real(path: &Path) -> PathBuf {
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
