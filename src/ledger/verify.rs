//! Verifies a ledger: reads all batches from a copy of its store, checks each checksum and each transition, and counts again.
//! Also finds ids that the answers to several deliveries have.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;
use std::{fmt, iter};

use sha2::{Digest, Sha256};

use super::citations::Citations;
use super::comparison_summary::ComparisonSummary;
use super::error::{LastGood, LedgerError};
use super::fact::RecordedErasure;
use super::ledger_dir::{LedgerDir, LedgerDirError};
use super::lock::CampaignLock;
use super::log::head::{Head, Older};
use super::log::record::{Link, RecordError};
use super::repeated_ids::{self, Repeats, Search};
use super::replay::{ExpectedBatch, Replay, read_batches};
use super::snapshot::{self, SnapshotInfo};
use super::state::ledger_state::LedgerState;
use super::state::run_approvals::{ApprovedAttempts, OutsideAttempt};
use super::state::waves::Wave;
use super::store::{Condition, Damage, SledStore, Store};
use crate::catalogue::ledger;
use crate::model::activity::ActivityLog;
use crate::model::delivery::{Counts, DeliveryKey, StateName};
use crate::model::envelope::RunApproval;
use crate::model::hexadecimal::hexadecimal;
use crate::model::identity::Identity;
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::threads::in_parts;

/// The recipients whose ids are worth a thread.
const RECIPIENTS_PER_THREAD: u32 = 1 << 13;
/// The bytes of lines that are hashed at once: a call for each line takes longer than hashing it.
const HASHED_AT_ONCE: usize = 1 << 15;

/// The result for a ledger without damage.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The last batch, and the newest time of all facts.
    pub last: LastGood,
    /// The link of the last batch, which depends on everything before it.
    pub link: Link,
    /// The number of facts, by kind.
    pub facts: BTreeMap<&'static str, u64>,
    /// The number of recipients that were ever admitted.
    pub recipients: u32,
    /// The number of deliveries in each state.
    pub counts: Counts,
    /// All settled deliveries, as one hash.
    pub settled: Settled,
    /// The fingerprint of the plan that was applied last. `None` before the first.
    pub fingerprint: Option<String>,
    /// The waves, with their approvals.
    pub waves: Vec<Wave>,
    /// The approvals of the service, and whether each attempt lay inside them.
    pub approved: Approved,
    /// The approvals, each with the first run that cites it.
    pub citations: Citations,
    /// The activities that the campaign has declared.
    pub activities: ActivityLog,
    /// Whether the snapshot agrees with the facts.
    pub snapshot: SnapshotCheck,
    /// Whether the store's files are as they were when it was closed. If they are not, the change is in an unused place, because
    /// all batches are good.
    pub condition: Condition,
    /// Set if the ledger lacks a batch that it is known to have had.
    pub older: Option<Older>,
    /// The ids that the answers to several deliveries have.
    pub repeats: Repeats,
    /// The comparisons with the platform's own records.
    pub records: ComparisonSummary,
    /// The erasure of the open_ids. `None` if the ledger has them.
    pub erasure: Option<RecordedErasure>,
}

/// The approvals of the service that runs went by, and whether each attempt lay inside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Each approval, once.
    pub approvals: Vec<RunApproval>,
    /// The attempts by their approvals.
    pub attempts: ApprovedAttempts,
    /// The first attempt outside, with the open_id of its user. `None` if there is none.
    pub first_outside: Option<(String, OutsideAttempt)>,
}

impl Approved {
    /// What a ledger state says.
    #[must_use]
    pub fn new(state: &LedgerState) -> Self {
        let attempts = state.approved_attempts();
        let with_user = |outside: OutsideAttempt| (state.open_id(outside.key.recipient), outside);
        Self {
            approvals: state.run_approvals().to_vec(),
            attempts,
            first_outside: attempts.first_outside.map(with_user),
        }
    }
}

/// All settled deliveries of a ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The number of deliveries.
    pub many: u64,
    /// SHA-256 over the sorted lines `merchant_coupon_id state`, like `sort` and `sha256sum` compute it from an export.
    pub sha256: [u8; 32],
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} settled, {}", self.many, hexadecimal(&self.sha256))
    }
}

/// Whether a snapshot agrees with the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotCheck {
    /// There is no snapshot that this program would use.
    None,
    /// It agrees.
    Agrees {
        /// The last batch in it.
        sequence: u64,
    },
    /// It differs.
    Differs {
        /// The last batch in it.
        sequence: u64,
    },
}

/// Why a ledger cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The ledger cannot be found or read.
    #[error(transparent)]
    LedgerDir(#[from] LedgerDirError),
    /// The ledger is damaged, or contradicts itself.
    #[error("{}", not_what_was_written(damage))]
    Damaged {
        /// The files of its store that were changed after it was closed, as far as that is known.
        damage: Vec<Damage>,
        /// The error.
        source: LedgerError,
    },
    /// The counts that are kept are not those of the deliveries.
    #[error("{}", ledger::Miscounted { kept: &format!("{kept:?}"), counted: &format!("{counted:?}"), last })]
    Miscounted {
        /// The counts that are kept.
        kept: Box<Counts>,
        /// Those that were counted again.
        counted: Box<Counts>,
        /// The last batch.
        last: LastGood,
    },
    /// The snapshot differs from the state that the facts add up to.
    #[error("{}", ledger::WrongSnapshot { sequence, last })]
    SnapshotCheck {
        /// The last batch in the snapshot.
        sequence: u64,
        /// The last batch, which is good.
        last: LastGood,
    },
}

fn not_what_was_written(damage: &[Damage]) -> String {
    let names: Vec<_> = damage
        .iter()
        .map(|damage| format!("`{}`", damage.file.display()))
        .collect();
    if names.is_empty() {
        return ledger::NotWhatWasWritten.to_string();
    }
    ledger::NotWhatWasWrittenFiles {
        files: &names.join(", "),
    }
    .to_string()
}

/// Verifies a ledger. `None` if there is none. Adds no fact. Reads a copy of the store; without room for one, a sealed
/// store itself.
///
/// # Errors
/// When a batch is not what was written, or contradicts those before it.
pub async fn verify(ledger_dir: &LedgerDir, lock: &CampaignLock) -> Result<Option<Report>, VerifyError> {
    verify_known(ledger_dir, lock, None).await
}

/// Like [`verify`], for a ledger that is known to have had the batch `known`.
///
/// # Errors
/// Like [`verify`].
pub async fn verify_known(
    ledger_dir: &LedgerDir,
    _lock: &CampaignLock,
    known: Option<Head>,
) -> Result<Option<Report>, VerifyError> {
    if ledger_dir.look()?.is_none() {
        return Ok(None);
    }
    let mut store = SledStore::open_copy(ledger_dir.dir())
        .await
        .map_err(|error| match error {
            error if !error.is_damage() => VerifyError::LedgerDir(error.into()),
            error => VerifyError::Damaged {
                damage: Vec::new(),
                source: error.into(),
            },
        })?;
    let condition = store.condition();
    let identity = ledger_dir.ledger_identity()?;
    let saved = match store.read_snapshot().await {
        Some(mut from) => snapshot::read_info(&mut from, &identity),
        None => None,
    };
    let mut verification = Verification::new(identity, saved, known);
    let mut search = Search::new(verification.replay.state.spill());
    let read = match verification.read(&mut store, &mut search).await {
        Ok(()) => repeated_ids::name(search, &mut store, &verification.replay.state).await,
        Err(error) => Err(error),
    };
    store.close().await;
    match read {
        Ok(repeats) => verification.report(condition, repeats).map(Some),
        Err(LedgerError::Store(error)) if !error.is_damage() => Err(VerifyError::LedgerDir(error.into())),
        Err(source) => {
            let damage = match condition {
                Condition::Damaged(damage) => damage,
                Condition::Sealed | Condition::Unsealed => Vec::new(),
            };
            Err(VerifyError::Damaged { damage, source })
        }
    }
}

/// The number of facts, by kind. Most facts are of few kinds, which occur early, so a list is faster than a map.
#[derive(Default)]
struct FactCounts(Vec<(&'static str, u64)>);

impl FactCounts {
    fn add(&mut self, kind: &'static str) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.0.push((kind, 1)),
        }
    }
}

/// A ledger that is being verified.
struct Verification {
    replay: Replay,
    facts: FactCounts,
    records: ComparisonSummary,
    citations: Citations,
    saved: Option<SnapshotInfo>,
    snapshot: SnapshotCheck,
    expected: ExpectedBatch,
}

impl Verification {
    fn new(identity: Identity, saved: Option<SnapshotInfo>, known: Option<Head>) -> Self {
        Self {
            replay: Replay::new(LedgerState::new(identity)),
            facts: FactCounts::default(),
            records: ComparisonSummary::default(),
            citations: Citations::default(),
            saved,
            snapshot: SnapshotCheck::None,
            expected: ExpectedBatch::new(known),
        }
    }

    async fn read(&mut self, store: &mut SledStore, search: &mut Search) -> Result<(), LedgerError> {
        let mut broken = None;
        let each = |sequence, record: &[u8]| {
            if broken.is_none() {
                broken = self.take(sequence, record, search).err();
            }
        };
        let read = read_batches(store, Head::default(), each).await;
        if let Some(error) = broken {
            return Err(error);
        }
        let last = self.replay.last();
        read.map_err(|source| LedgerError::of_read(last, source))?;
        self.replay.check_end()?;
        self.replay.build_index()
    }

    fn take(&mut self, sequence: u64, record: &[u8], search: &mut Search) -> Result<(), LedgerError> {
        let last = self.replay.last();
        let mut is_senseless = false;
        self.replay.apply(sequence, record, |fact| {
            self.facts.add(fact.kind());
            is_senseless |= !fact.can_be_decoded();
            search.add(fact);
            self.records.add(fact);
            self.citations.add(fact);
        })?;
        if is_senseless {
            let source = RecordError::Senseless;
            return Err(LedgerError::Record { sequence, last, source });
        }
        self.expected.compare(self.replay.head());
        if let Some(saved) = self.saved.as_ref().filter(|saved| saved.sequence == sequence) {
            self.snapshot = if snapshot::digest(&self.replay).is_ok_and(|digest| digest == saved.digest) {
                SnapshotCheck::Agrees { sequence }
            } else {
                SnapshotCheck::Differs { sequence }
            };
        }
        Ok(())
    }

    fn report(self, condition: Condition, repeats: Repeats) -> Result<Report, VerifyError> {
        let state = &self.replay.state;
        let last = self.replay.last();
        let kept = state.counts();
        let counted = state.recount();
        if kept != counted {
            return Err(VerifyError::Miscounted {
                kept: kept.into(),
                counted: counted.into(),
                last,
            });
        }
        if let SnapshotCheck::Differs { sequence } = self.snapshot {
            return Err(VerifyError::SnapshotCheck { sequence, last });
        }
        Ok(Report {
            last,
            link: self.replay.chain.link(),
            facts: self.facts.0.into_iter().collect(),
            recipients: state.recipients(),
            counts: kept,
            settled: settled(state),
            fingerprint: state.generation().map(|last| last.fingerprint.clone()),
            waves: state.waves().to_vec(),
            approved: Approved::new(state),
            citations: self.citations,
            activities: state.activities_asked_for().clone(),
            snapshot: self.snapshot,
            condition,
            older: self.expected.known.older(last.sequence, self.expected.found),
            repeats,
            records: self.records,
            erasure: state.erasure().cloned(),
        })
    }
}

/// The settled deliveries of a ledger state.
#[must_use]
pub fn settled(ledger_state: &LedgerState) -> Settled {
    let parts = in_parts(ledger_state.recipients(), RECIPIENTS_PER_THREAD, |part| {
        settled_of(ledger_state, part)
    });
    let many = parts.iter().map(|part| part.len() as u64).sum();
    let mut hash = Sha256::new();
    let mut lines = Vec::new();
    for (id, state) in merged(parts) {
        lines.extend_from_slice(id.as_str().as_bytes());
        lines.push(b' ');
        lines.extend_from_slice(state.word().as_bytes());
        lines.push(b'\n');
        if lines.len() >= HASHED_AT_ONCE {
            hash.update(&lines);
            lines.clear();
        }
    }
    hash.update(&lines);
    let sha256 = hash.finalize().into();
    Settled { many, sha256 }
}

/// The items of sorted parts, in order. It needs no memory for a second copy of them.
fn merged<T: Ord>(parts: Vec<Vec<T>>) -> impl Iterator<Item = T> {
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    let first = parts.iter_mut().enumerate();
    let mut next: BinaryHeap<_> = first
        .filter_map(|(at, part)| Some(Reverse((part.next()?, at))))
        .collect();
    iter::from_fn(move || {
        let mut top = next.peek_mut()?;
        let at = top.0.1;
        Some(match parts.get_mut(at).and_then(Iterator::next) {
            Some(item) => std::mem::replace(&mut top.0.0, item),
            None => PeekMut::pop(top).0.0,
        })
    })
}

/// The settled deliveries of some recipients, in the order of their ids.
fn settled_of(ledger_state: &LedgerState, recipients: Range<u32>) -> Vec<(MerchantCouponId, StateName)> {
    let mut settled = Vec::new();
    for recipient in recipients {
        for ordinal in 1..=ledger_state.ordinals() {
            let key = DeliveryKey { recipient, ordinal };
            let state = ledger_state.state_name(key);
            if let StateName::Issued | StateName::Refused = state {
                settled.extend(ledger_state.merchant_coupon_id(key).map(|id| (id, state)));
            }
        }
    }
    settled.sort_unstable();
    settled
}
