//! A campaign's ledger, open for writing.

use std::sync::Arc;

use tracing::debug;

use super::codec::Codec;
use super::error::{LastGood, LedgerError};
use super::fact::{Fact, FactView};
use super::log::head::{Head, Older};
use super::recipients::spill::Spill;
use super::repeated_ids::{self, Repeats, Search};
use super::replay::{self, ExpectedBatch, Replay, read_batches};
use super::snapshot::{self, Returned};
use super::state::illegal_fact::IllegalFact;
use super::state::ledger_state::LedgerState;
use super::state::tentative_batch::Tentative;
use super::store::null::NullStore;
use super::store::{AppendError, Store};
use crate::model::delivery::{ActivityNo, DeliveryKey};
use crate::model::identity::{ActivityId, Identity, OpenId};
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::mutants::{appended, mutant};

/// One campaign's ledger, open for writing.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    /// The state and the decoder.
    pub(super) replay: Replay,
    encoder: Codec,
    saved: SavedSnapshot,
    /// A batch that is applied, but not in the store yet.
    held_back: Option<Vec<u8>>,
    /// Set while the ledger lacks a batch that it had. Appends fail until a person accepts that.
    older: Option<Older>,
    failed: bool,
}

/// A ledger's store and its state.
pub(super) struct OpenParts<'l, S> {
    pub(super) store: &'l mut S,
    pub(super) state: &'l LedgerState,
}

/// The last snapshot, and when the next one is due.
#[derive(Debug)]
struct SavedSnapshot {
    /// The last batch in the snapshot. `None` without a snapshot.
    sequence: Option<u64>,
    /// Its size in bytes when it was written.
    size: u64,
    /// The bytes of the batches after it.
    appended: u64,
    /// A snapshot is due once `appended` reaches both this and `size`. So all snapshots together cost no more bytes than the
    /// batches.
    at_least: u64,
}

impl SavedSnapshot {
    const AT_LEAST: u64 = 32 * 1024 * 1024;

    const fn is_due(&self) -> bool {
        self.appended >= self.at_least && self.appended >= self.size
    }
}

impl<S: Store> Ledger<S> {
    /// Reads, checks and applies all facts. Appends nothing.
    ///
    /// # Errors
    /// When a batch cannot be read or contradicts the others. The store does not change.
    pub async fn open(store: S, identity: Identity) -> Result<Self, LedgerError> {
        Self::open_spilling(store, identity, Arc::default()).await
    }

    /// Opens a ledger that moves its open_ids out of memory as `spill` says.
    ///
    /// # Errors
    /// Like [`Ledger::open`].
    pub async fn open_spilling(store: S, identity: Identity, spill: Arc<Spill>) -> Result<Self, LedgerError> {
        Self::open_known(store, identity, spill, None).await
    }

    /// Opens a ledger that is known to have had the batch `known`. If it lacks that batch, appends fail until
    /// [`Ledger::accept_older`].
    ///
    /// # Errors
    /// Like [`Ledger::open`].
    pub async fn open_known(
        mut store: S,
        identity: Identity,
        spill: Arc<Spill>,
        known: Option<Head>,
    ) -> Result<Self, LedgerError> {
        let mut expected = ExpectedBatch::new(known);
        let from_snapshot = replay_from_snapshot(&mut store, &identity, &spill, &mut expected).await;
        let has_snapshot = from_snapshot.is_some();
        let replay = match from_snapshot {
            Some(replay) => replay,
            None => replay_all(&mut store, LedgerState::spilling(identity, spill), &mut expected).await?,
        };
        let is_before_snapshot = expected.known.sequence > 0 && expected.known.sequence < replay.sequence;
        if expected.found.is_none() && is_before_snapshot && read_batches(&mut store, expected.known, |_, _| {}).await?
        {
            expected.found = Some(expected.known.link);
        }
        Ok(Self {
            store,
            encoder: replay.codec.clone(),
            saved: SavedSnapshot {
                sequence: has_snapshot.then_some(replay.sequence),
                size: 0,
                appended: 0,
                at_least: SavedSnapshot::AT_LEAST,
            },
            held_back: None,
            older: expected.known.older(replay.sequence, expected.found),
            failed: false,
            replay,
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
        if !self.failed && self.held_back.is_none() && self.saved.sequence != Some(self.replay.sequence) {
            self.write_snapshot().await;
        }
        self.store.close().await;
    }

    /// Writes a snapshot. The ledger state is moved out while it is written. If the future is dropped before the state is back,
    /// later appends fail.
    async fn write_snapshot(&mut self) {
        self.failed = true;
        let at = self.replay.head();
        let placeholder = Replay::new(LedgerState::new(self.replay.state.identity.clone()));
        let returned = Returned::default();
        let lent = returned.lend(std::mem::replace(&mut self.replay, placeholder));
        let result = self.store.write_snapshot(at, Box::new(move |to| lent.write(to))).await;
        let Some(snapshot::Written { replay, size }) = returned.take() else {
            return;
        };
        self.replay = replay;
        self.failed = false;
        self.saved.appended = 0;
        self.saved.size = size;
        match result {
            Ok(()) => self.saved.sequence = Some(self.replay.sequence),
            Err(error) => debug!(%error, "the ledger keeps no shortcut; opening it will take longer"),
        }
    }

    /// Sets how many bytes of batches must be appended before the snapshot is written again.
    pub const fn keep_after(&mut self, bytes: u64) {
        self.saved.at_least = bytes;
    }

    /// Returns the ledger state.
    #[must_use]
    pub const fn state(&self) -> &LedgerState {
        &self.replay.state
    }

    /// Returns the store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Returns the store of a ledger that is only read, for example to release its files. Later appends fail.
    pub const fn store_of_reader(&mut self) -> &mut S {
        self.failed = true;
        &mut self.store
    }

    /// Returns the store, from which batches are read, together with the ledger state. Later appends fail.
    pub(super) const fn parts(&mut self) -> OpenParts<'_, S> {
        self.failed = true;
        OpenParts {
            store: &mut self.store,
            state: &self.replay.state,
        }
    }

    /// Returns the last batch.
    #[must_use]
    pub fn head(&self) -> Head {
        self.replay.head()
    }

    /// Returns the number of batches.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.replay.sequence
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
            self.store.append(self.replay.chain.seal(&batch)).await?;
            self.replay.sequence += 1;
            self.saved.appended += batch.len() as u64;
        }
        let body = self.encode(&facts)?;
        drop(facts);
        let Replay {
            state,
            chain,
            codec,
            sequence,
            erased: _,
        } = &mut self.replay;
        let last = LastGood {
            sequence: *sequence,
            newest: state.newest(),
        };
        // The encoded bytes are applied, because the next process will read them and not `facts`.
        let mut tentative = Tentative::begin(state);
        let mut intents = Vec::new();
        let apply = |fact: FactView<'_>| {
            if let Fact::Intent { key, activity, .. } = fact {
                intents.push((key, activity));
            }
            tentative.state().apply(fact)
        };
        let applied = replay::decode(codec, last, &body, apply);
        tentative.state().spill().check()?;
        applied?;
        for record in appended!(chain.seal(&body)) {
            match self.store.append(record).await {
                Err(AppendError::Fenced(_)) if mutant!(VanishUnnoticed) => {}
                appended => appended?,
            }
        }
        tentative.commit();
        *sequence += 1;
        self.failed = false;
        self.saved.appended += body.len() as u64;
        if self.saved.is_due() {
            self.write_snapshot().await;
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
        let error = self.store.fenced().await;
        self.failed = true;
        error.into()
    }

    /// Applies facts as if they had been appended, without the store, for a forecast. Returns no permit, and later appends fail.
    ///
    /// # Errors
    /// When a fact contradicts those before it.
    pub fn suppose(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        // A forecast finds no recipient by open_id, and to index millions of them takes long.
        if facts.iter().any(|fact| matches!(fact, Fact::Admitted { .. })) {
            self.replay.state.drop_index();
        }
        self.apply(facts).map(drop)
    }

    /// Applies facts now, and makes them durable as a batch of their own before the next append. A run starts so: if it is refused
    /// before its first append, it leaves nothing in the log.
    ///
    /// # Errors
    /// When a fact contradicts those before it, or facts are held back already. Later appends fail then.
    pub fn hold_back(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        if self.failed || self.held_back.is_some() {
            self.failed = true;
            return Err(LedgerError::Failed);
        }
        self.held_back = Some(self.apply(facts)?);
        self.failed = false;
        Ok(())
    }

    /// Applies facts without the store, and returns their bytes.
    fn apply(&mut self, facts: &[Fact]) -> Result<Vec<u8>, LedgerError> {
        self.failed = true;
        let body = self.encode(facts)?;
        let last = self.replay.last();
        let Replay { state, codec, .. } = &mut self.replay;
        state.start_batch();
        let applied = replay::decode(codec, last, &body, |fact| state.apply(fact));
        state.spill().check()?;
        applied?;
        Ok(body)
    }

    fn encode(&mut self, facts: &[Fact]) -> Result<Vec<u8>, LedgerError> {
        self.encoder.encode(facts).ok_or(LedgerError::IllegalFact {
            sequence: self.replay.sequence + 1,
            last: self.replay.last(),
            source: IllegalFact::NotReread,
        })
    }

    /// Reads the log again, and calls `show` with the number of the batch and each fact, in order.
    ///
    /// # Errors
    /// Like [`Ledger::open`].
    pub async fn facts(&mut self, mut show: impl FnMut(u64, Fact) + Send) -> Result<(), LedgerError> {
        self.fact_views(|_, sequence, fact| {
            show(sequence, fact.decode()?);
            Some(())
        })
        .await
    }

    /// Like [`Ledger::facts`], without decoding all of each fact, and with the present ledger state. If `show` returns `None`,
    /// for bytes that no encoder wrote, the reading ends with an error.
    ///
    /// # Errors
    /// Like [`Ledger::open`].
    pub async fn fact_views(
        &mut self,
        mut show: impl FnMut(&LedgerState, u64, FactView<'_>) -> Option<()> + Send,
    ) -> Result<(), LedgerError> {
        let Self { store, replay, .. } = self;
        let state = &replay.state;
        let show = |sequence, fact: FactView<'_>| show(state, sequence, fact);
        replay::read_facts(store, &state.identity, show).await
    }

    /// Finds the ids that occur in the answers to several deliveries.
    ///
    /// # Errors
    /// Like [`Ledger::open`].
    pub async fn repeats(&mut self) -> Result<Repeats, LedgerError> {
        let mut search = Search::new(self.replay.state.spill());
        self.fact_views(|_, _, fact| {
            search.add(&fact);
            Some(())
        })
        .await?;
        repeated_ids::name(search, &mut self.store, &self.replay.state).await
    }

    fn permit(&self, key: DeliveryKey, activity: ActivityNo) -> Option<Permit> {
        let state = &self.replay.state;
        let open_id = OpenId::parse(&state.open_id(key.recipient)).ok()?;
        Some(Permit {
            key,
            attempt: state.status(key).attempts,
            activity_id: state.activity(activity)?.clone(),
            merchant_coupon_id: state.derive_coupon_id(&open_id, key.ordinal),
            open_id,
        })
    }

    /// Separates the ledger from its store, which stays as it is. Facts are checked and applied from here on, and not kept.
    #[must_use]
    pub fn without_store(self) -> Ledger<NullStore> {
        let mut without_store = Ledger {
            store: NullStore,
            replay: self.replay,
            encoder: self.encoder,
            saved: self.saved,
            held_back: self.held_back,
            // Nothing is sent, so there is nothing to accept.
            older: None,
            failed: self.failed,
        };
        // There is no place for a snapshot.
        without_store.keep_after(u64::MAX);
        without_store
    }
}

/// Reads and applies the whole log.
async fn replay_all(
    store: &mut impl Store,
    state: LedgerState,
    expected: &mut ExpectedBatch,
) -> Result<Replay, LedgerError> {
    let mut replay = Replay::new(state);
    let mut broken = None;
    let each = |sequence, record: &[u8]| {
        if broken.is_none() {
            broken = replay.apply(sequence, record, |_| {}).err();
            expected.compare(Head {
                sequence,
                link: replay.chain.link(),
            });
        }
    };
    let read = read_batches(store, Head::default(), each).await;
    let indexed = replay.build_index();
    replay.state.spill().check()?;
    // The error of a batch explains more than the store's error about its end.
    if let Some(error) = broken {
        return Err(error);
    }
    let last = replay.last();
    read.map_err(|source| LedgerError::of_read(last, source))?;
    indexed?;
    replay.check_end()?;
    Ok(replay)
}

/// Reads the snapshot and applies only the batches after it. `None` if there is no valid snapshot, or if a batch after it is
/// bad: then the whole log must be read.
async fn replay_from_snapshot(
    store: &mut impl Store,
    identity: &Identity,
    spill: &Arc<Spill>,
    expected: &mut ExpectedBatch,
) -> Option<Replay> {
    let mut replay = snapshot::read(&mut store.read_snapshot().await?, identity, spill)?;
    let known = replay.head();
    expected.compare(known);
    let mut is_broken = false;
    let each = |sequence, record: &[u8]| {
        is_broken = is_broken || replay.apply(sequence, record, |_| {}).is_err();
        expected.compare(Head {
            sequence,
            link: replay.chain.link(),
        });
    };
    let read = read_batches(store, known, each).await;
    (matches!(read, Ok(true)) && !is_broken).then_some(replay)
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
