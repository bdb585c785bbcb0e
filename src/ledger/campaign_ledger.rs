//! A campaign's ledger, open for writing.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use crate::model::delivery::{ActivityNo, DeliveryKey};
use crate::model::identity::{ActivityId, Identity, OpenId};
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::mutants::{appended, mutant};

use super::codec::{Codec, Entry};
use super::error::{LastGood, LedgerError};
use super::fact::Fact;
use super::fact_view::FactView;
use super::log::head::{Head, Older};
use super::log::record::{Chain, Link, RecordError};
use super::recipients::spill::Spill;
use super::repeats::{Repeats, Search};
use super::snapshot::{self, Snapshot};
use super::state::illegal_fact::IllegalFact;
use super::state::ledger_state::LedgerState;
use super::state::rollback::Tentative;
use super::store::null::NullStore;
use super::store::{Store, StoreError};

/// One campaign's ledger, open for writing.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    pub(super) state: LedgerState,
    chain: Chain,
    writer: Codec,
    reader: Codec,
    sequence: u64,
    kept: SavedState,
    /// A batch that is folded, but not in the store yet.
    held_back: Option<Vec<u8>>,
    /// Set while the ledger lacks a batch that it had. Appends fail until a person accepts that.
    older: Option<Older>,
    failed: bool,
}

/// A batch that the ledger is known to have had, and the link found at its number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExpectedBatch {
    pub(super) known: Head,
    pub(super) found: Option<Link>,
}

impl ExpectedBatch {
    pub(super) const fn new(known: Option<Head>) -> Self {
        let known = match known {
            Some(known) => known,
            None => Head {
                sequence: 0,
                link: [0; 8],
            },
        };
        Self { known, found: None }
    }

    /// Notes the link of a batch if it has the number of the known one.
    pub(super) fn pass(&mut self, sequence: u64, chain: Chain) {
        if sequence == self.known.sequence {
            self.found = Some(chain.link());
        }
    }
}

/// The state of the snapshot.
#[derive(Debug)]
struct SavedState {
    /// The last batch in the snapshot. `None` without a snapshot.
    sequence: Option<u64>,
    /// Its size in bytes when it was written.
    size: u64,
    /// Bytes of batches since then.
    behind: u64,
    /// The snapshot is written again once `behind` reaches both this and `size`. So all snapshots together cost no more bytes
    /// than the batches.
    at_least: u64,
}

impl SavedState {
    const AT_LEAST: u64 = 32 * 1024 * 1024;

    const fn is_due(&self) -> bool {
        self.behind >= self.at_least && self.behind >= self.size
    }
}

impl<S: Store> Ledger<S> {
    /// Reads, checks and folds all facts. Appends nothing.
    ///
    /// # Errors
    /// When a batch cannot be read or contradicts the others. The store does not change.
    pub async fn open(store: S, identity: Identity) -> Result<Self, LedgerError> {
        Self::open_spilling(store, identity, Arc::default()).await
    }

    /// Opens a ledger that moves its open_ids out of memory as `spill` says.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn open_spilling(store: S, identity: Identity, spill: Arc<Spill>) -> Result<Self, LedgerError> {
        Self::open_known(store, identity, spill, None).await
    }

    /// Opens a ledger that is known to have had the batch `known`. If it lacks that batch, appends fail until
    /// [`Ledger::accept_older`].
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn open_known(
        mut store: S,
        identity: Identity,
        spill: Arc<Spill>,
        known: Option<Head>,
    ) -> Result<Self, LedgerError> {
        let mut sought = ExpectedBatch::new(known);
        let snapshot = by_shortcut(&mut store, &identity, &spill, &mut sought).await;
        let kept = snapshot.is_some();
        let folded = match snapshot {
            Some(folded) => folded,
            None => whole(&mut store, LedgerState::spilling(identity, spill), &mut sought).await?,
        };
        let before_shortcut = sought.known.sequence > 0 && sought.known.sequence < folded.sequence;
        if sought.found.is_none() && before_shortcut && store.read_behind(sought.known, &mut |_, _| Ok(())).await? {
            sought.found = Some(sought.known.link);
        }
        let older = sought.known.older(folded.sequence, sought.found);
        let Snapshot {
            state,
            chain,
            codec,
            sequence,
        } = folded;
        Ok(Self {
            store,
            state,
            chain,
            writer: codec.clone(),
            reader: codec,
            sequence,
            kept: SavedState {
                sequence: kept.then_some(sequence),
                size: 0,
                behind: 0,
                at_least: SavedState::AT_LEAST,
            },
            held_back: None,
            older,
            failed: false,
        })
    }

    /// Returns how the ledger is older than known, which makes appends fail. `None` if it has every batch that it is known to
    /// have had.
    #[must_use]
    pub const fn older(&self) -> Option<Older> {
        self.older
    }

    /// Records that a person accepts a ledger that lacks a batch which it is known to have had.
    pub const fn accept_older(&mut self) {
        self.older = None;
    }

    /// Closes the ledger and writes a snapshot, so that the next opening is fast. If the ledger is dropped instead, or this
    /// fails, nothing is lost.
    pub async fn close(mut self) {
        if !self.failed && self.held_back.is_none() && self.kept.sequence != Some(self.sequence) {
            self.keep().await;
        }
        self.store.close().await;
    }

    /// Writes a snapshot. The ledger state is moved out while it is written. If the future is dropped before the state is back,
    /// later appends fail.
    async fn keep(&mut self) {
        self.failed = true;
        let nobodys = LedgerState::new(self.state.identity.clone());
        let folded = Snapshot {
            state: std::mem::replace(&mut self.state, nobodys),
            chain: self.chain,
            codec: std::mem::take(&mut self.reader),
            sequence: self.sequence,
        };
        let (lent, back) = snapshot::lend_snapshot(folded);
        let kept = self.store.keep_shortcut(Box::new(move |to| lent.write(to))).await;
        let Some((folded, size)) = back.take() else { return };
        self.state = folded.state;
        self.reader = folded.codec;
        self.failed = false;
        self.kept.behind = 0;
        self.kept.size = size;
        match kept {
            Ok(()) => self.kept.sequence = Some(self.sequence),
            Err(error) => debug!(%error, "the ledger keeps no shortcut; opening it will take longer"),
        }
    }

    /// Sets how many bytes of batches must be appended before the snapshot is written again.
    pub const fn keep_after(&mut self, bytes: u64) {
        self.kept.at_least = bytes;
    }

    /// Returns the ledger state.
    #[must_use]
    pub const fn state(&self) -> &LedgerState {
        &self.state
    }

    /// Returns the store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Returns the number of batches.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Makes facts durable as one batch: all of them or none. Returns a permit for each intent among them, in order.
    ///
    /// # Errors
    /// When a fact contradicts those before it, or the store fails. The ledger state is then as before, and later appends fail:
    /// only opening the ledger again shows what is durable. The same holds when the future is dropped.
    pub async fn append(&mut self, facts: Vec<Fact>) -> Result<Vec<Permit>, LedgerError> {
        if self.failed {
            return Err(LedgerError::Failed);
        }
        if let Some(older) = self.older.filter(|_| !mutant!(OlderTaken)) {
            return Err(LedgerError::Older(older));
        }
        self.failed = true;
        if let Some(batch) = self.held_back.take() {
            self.store.append(self.chain.seal(&batch)).await?;
            self.sequence += 1;
            self.kept.behind += batch.len() as u64;
        }
        let sequence = self.sequence + 1;
        let last = LastGood {
            sequence: self.sequence,
            newest: self.state.newest(),
        };
        let body = self.writer.encode(&facts).ok_or(LedgerError::IllegalFact {
            sequence,
            last,
            source: IllegalFact::NotReread,
        })?;
        drop(facts);
        // The encoded bytes are folded, because the next process will read them and not `facts`.
        let mut ledger_state = Tentative::begin(&mut self.state);
        let mut intents = Vec::new();
        let fold = |entry: Entry<'_>| {
            if let Entry::Intent { key, activity, .. } = entry {
                intents.push((key, activity));
            }
            ledger_state.state().fold(entry)
        };
        let folded = decode(&mut self.reader, last, &body, fold);
        ledger_state.state().spill().check()?;
        folded?;
        for sealed in appended!(self.chain.seal(&body)) {
            match self.store.append(sealed).await {
                Err(StoreError::Gone { .. }) if mutant!(VanishUnnoticed) => {}
                appended => appended?,
            }
        }
        ledger_state.keep();
        self.sequence = sequence;
        self.failed = false;
        self.kept.behind += body.len() as u64;
        if self.kept.is_due() {
            self.keep().await;
        }
        let permits = intents.into_iter().map(|(key, activity)| self.permit(key, activity));
        permits.collect::<Option<_>>().ok_or(LedgerError::Failed)
    }

    /// Waits until the ledger was removed, renamed or replaced. Later appends fail. The future may be dropped and the method
    /// called again.
    pub async fn gone(&mut self) -> LedgerError {
        if mutant!(VanishUnnoticed) {
            std::future::pending::<()>().await;
        }
        let error = self.store.gone().await;
        self.failed = true;
        error.into()
    }

    /// Folds facts as if they had been appended, without the store, for a forecast. Returns no permit, and later appends fail.
    ///
    /// # Errors
    /// When a fact contradicts those before it.
    pub fn suppose(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        // A forecast finds no recipient by open_id, and to index millions of them takes long.
        if facts.iter().any(|fact| matches!(fact, Fact::Admitted { .. })) {
            self.state.people.forget_index();
        }
        self.fold(facts).map(drop)
    }

    /// Folds facts now, and makes them durable as a batch of their own before the next append. A run starts so: if it is refused
    /// before its first append, it leaves nothing in the log.
    ///
    /// # Errors
    /// When a fact contradicts those before it, or facts are held back already. Later appends fail then.
    pub fn hold_back(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        if self.failed || self.held_back.is_some() {
            self.failed = true;
            return Err(LedgerError::Failed);
        }
        self.held_back = Some(self.fold(facts)?);
        self.failed = false;
        Ok(())
    }

    /// Folds facts without the store, and returns their bytes.
    fn fold(&mut self, facts: &[Fact]) -> Result<Vec<u8>, LedgerError> {
        self.failed = true;
        let last = LastGood {
            sequence: self.sequence,
            newest: self.state.newest(),
        };
        let body = self.writer.encode(facts).ok_or(LedgerError::IllegalFact {
            sequence: self.sequence + 1,
            last,
            source: IllegalFact::NotReread,
        })?;
        let folded = decode(&mut self.reader, last, &body, |entry| self.state.fold(entry));
        self.state.spill().check()?;
        folded?;
        Ok(body)
    }

    /// Reads the log again, and calls `show` for every fact in order with the number of its batch.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn facts(&mut self, mut show: impl FnMut(u64, Fact) + Send) -> Result<(), LedgerError> {
        self.retell(|_, sequence, passing| {
            show(sequence, passing.fact()?);
            Some(())
        })
        .await
    }

    /// Works like [`Ledger::facts`], but decodes a fact only when `show` asks for it, and passes the present ledger state
    /// too. If `show` returns `None`, for bytes that are no fact, the reading ends with an error.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn retell(
        &mut self,
        mut show: impl FnMut(&LedgerState, u64, FactView<'_>) -> Option<()> + Send,
    ) -> Result<(), LedgerError> {
        let Self { store, state, .. } = self;
        let show = |sequence, passing: FactView<'_>| show(state, sequence, passing);
        read_again(store, &state.identity, show).await
    }

    /// Finds the ids that occur in the answers to several deliveries.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn repeats(&mut self) -> Result<Repeats, LedgerError> {
        let mut search = Search::new(self.state.spill());
        self.retell(|_, _, passing| {
            search.add(&passing);
            Some(())
        })
        .await?;
        name_repeats(search, &mut self.store, &self.state).await
    }

    fn permit(&self, key: DeliveryKey, activity: ActivityNo) -> Option<Permit> {
        let open_id = OpenId::parse(&self.state.open_id(key.recipient)).ok()?;
        Some(Permit {
            key,
            attempt: self.state.status(key).attempts,
            activity_id: self.state.activity(activity)?.clone(),
            merchant_coupon_id: self.state.merchant_coupon_id_of(&open_id, key.ordinal),
            open_id,
        })
    }
}

impl<S: Store> Ledger<S> {
    /// Goes on from here by itself. The store is let go of as it is.
    #[must_use]
    pub fn without_store(self) -> Ledger<NullStore> {
        let mut without_store = Ledger {
            store: NullStore,
            state: self.state,
            chain: self.chain,
            writer: self.writer,
            reader: self.reader,
            sequence: self.sequence,
            kept: self.kept,
            held_back: self.held_back,
            // Nothing is meant, so nobody has to accept anything.
            older: None,
            failed: self.failed,
        };
        // There is no place for a shortcut.
        without_store.keep_after(u64::MAX);
        without_store
    }
}

/// Finishes a search for repeated ids. If there are any, reads the log again to name them.
pub(super) async fn name_repeats(
    search: Search,
    store: &mut impl Store,
    ledger_state: &LedgerState,
) -> Result<Repeats, LedgerError> {
    let found = search.finish(ledger_state);
    ledger_state.spill().check()?;
    if found.is_empty() {
        return Ok(Repeats::default());
    }
    let mut naming = found.naming();
    read_again(store, &ledger_state.identity, |_, passing| {
        naming.add(&passing);
        Some(())
    })
    .await?;
    Ok(naming.finish(ledger_state))
}

/// Reads the log, and calls `show` for every fact in order with the number of its batch. If `show` returns `None`, the
/// reading ends with an error.
async fn read_again(
    store: &mut impl Store,
    identity: &Identity,
    mut show: impl FnMut(u64, FactView<'_>) -> Option<()> + Send,
) -> Result<(), LedgerError> {
    let mut codec = Codec::default();
    let mut chain = Chain::new(identity);
    let mut last = LastGood {
        sequence: 0,
        newest: Timestamp::MIN,
    };
    let mut broken = None;
    let mut each = |sequence, record: &[u8]| {
        let mut read = || {
            let unreadable = |source| LedgerError::Record { sequence, last, source };
            let body = chain.open(record).map_err(unreadable)?;
            decode(&mut codec, last, body, |entry| {
                show(sequence, FactView(entry)).ok_or(IllegalFact::NotReread)
            })
        };
        if broken.is_none() {
            broken = read().err();
            last.sequence = sequence;
        }
        Ok(())
    };
    store.read(&mut each).await?;
    broken.map_or(Ok(()), Err)
}

/// Reads and folds the whole log.
async fn whole(
    store: &mut impl Store,
    state: LedgerState,
    sought: &mut ExpectedBatch,
) -> Result<Snapshot, LedgerError> {
    let mut folded = Snapshot {
        chain: Chain::new(&state.identity),
        state,
        codec: Codec::default(),
        sequence: 0,
    };
    let mut broken = None;
    let mut each = |sequence, record: &[u8]| {
        if broken.is_none() {
            broken = folded.take(sequence, record).err();
            sought.pass(sequence, folded.chain);
        }
        Ok(())
    };
    let read = store.read(&mut each).await;
    let indexed = folded.state.index();
    folded.state.spill().check()?;
    // The error of a batch explains more than the store's error about its end.
    if let Some(error) = broken {
        return Err(error);
    }
    if let Err(source) = read {
        let last = folded.last();
        return Err(LedgerError::Unfinished { last, source });
    }
    indexed.map_err(|source| LedgerError::IllegalFact {
        sequence: folded.sequence,
        last: folded.last(),
        source,
    })?;
    Ok(folded)
}

/// Reads the snapshot and folds only the batches after it. `None` if there is no valid snapshot, or if a batch after it
/// is bad: then the whole log must be read.
async fn by_shortcut(
    store: &mut impl Store,
    identity: &Identity,
    spill: &Arc<Spill>,
    sought: &mut ExpectedBatch,
) -> Option<Snapshot> {
    let mut folded = Snapshot::read(&mut store.snapshot().await?, identity, spill)?;
    sought.pass(folded.sequence, folded.chain);
    let known = Head {
        sequence: folded.sequence,
        link: folded.chain.link(),
    };
    let mut broken = false;
    let mut each = |sequence, record: &[u8]| {
        broken = broken || folded.take(sequence, record).is_err();
        sought.pass(sequence, folded.chain);
        Ok(())
    };
    let read = store.read_behind(known, &mut each).await;
    (matches!(read, Ok(true)) && !broken).then_some(folded)
}

impl Snapshot {
    pub(super) const fn last(&self) -> LastGood {
        LastGood {
            sequence: self.sequence,
            newest: self.state.newest(),
        }
    }

    fn take(&mut self, sequence: u64, record: &[u8]) -> Result<(), LedgerError> {
        let last = self.last();
        let unreadable = |source| LedgerError::Record { sequence, last, source };
        let body = self.chain.open(record).map_err(unreadable)?;
        let taken = decode(&mut self.codec, last, body, |entry| self.state.fold(entry));
        self.state.spill().check()?;
        taken?;
        self.sequence = sequence;
        Ok(())
    }
}

/// Decodes and folds the batch after `last`.
pub(super) fn decode(
    codec: &mut Codec,
    last: LastGood,
    body: &[u8],
    fold: impl FnMut(Entry<'_>) -> Result<(), IllegalFact>,
) -> Result<(), LedgerError> {
    let sequence = last.sequence + 1;
    let folded = codec.decode(body, fold).ok_or(LedgerError::Record {
        sequence,
        last,
        source: RecordError::Senseless,
    })?;
    folded.map_err(|source| LedgerError::IllegalFact { sequence, last, source })
}

/// A permit for one attempt of one delivery. Only a durable intent yields it, and a send consumes it, so a send without a
/// durable intent does not compile.
#[derive(Debug)]
pub struct Permit {
    key: DeliveryKey,
    attempt: u32,
    open_id: OpenId,
    activity_id: ActivityId,
    merchant_coupon_id: MerchantCouponId,
}

impl Permit {
    /// Returns the delivery.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.key
    }

    /// Returns the number of the attempt, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the recipient's open_id.
    #[must_use]
    pub const fn open_id(&self) -> &OpenId {
        &self.open_id
    }

    /// Returns the activity.
    #[must_use]
    pub const fn activity_id(&self) -> &ActivityId {
        &self.activity_id
    }

    /// Returns the idempotency key.
    #[must_use]
    pub const fn merchant_coupon_id(&self) -> MerchantCouponId {
        self.merchant_coupon_id
    }
}
