//! What is owed and what is settled: a log of facts, and the one fold that turns facts into state.
//!
//! Nothing else decides what is owed. A batch of facts is durable before anything that depends on it happens, and only a
//! durable intent yields a [`Permit`].

mod book;
mod codec;
mod deliveries;
mod fact;
mod head;
pub mod lock;
pub mod memory;
mod people;
pub mod place;
pub mod record;
pub mod store;
mod undo;

use crate::delivery::{ActivityNo, DeliveryKey};
use crate::identity::{ActivityId, Identity, OpenId};
use crate::merchant_coupon_id::MerchantCouponId;

pub use book::{Book, Contradiction};
pub use fact::{Fact, Generation};
pub use record::RecordError;
pub use store::{SledStore, Store, StoreError};

use codec::Codec;
use record::Chain;
use undo::Tentative;

/// Why a ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A batch cannot be read.
    #[error("batch {sequence} of the ledger cannot be read; the last good one is batch {}", .sequence - 1)]
    Record {
        /// Its number, from 1.
        sequence: u64,
        /// Why.
        source: RecordError,
    },
    /// A fact contradicts those before it.
    #[error("batch {sequence} of the ledger contradicts what came before it; the last good one is batch {}", .sequence - 1)]
    Contradiction {
        /// Its number, from 1.
        sequence: u64,
        /// How.
        source: Contradiction,
    },
    /// An earlier batch failed in this process; what is durable is known only to whoever opens the ledger again.
    #[error("the ledger failed before and takes nothing more from this process")]
    Failed,
}

/// One campaign's ledger, open for writing.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    book: Book,
    chain: Chain,
    writer: Codec,
    reader: Codec,
    sequence: u64,
    failed: bool,
}

impl<S: Store> Ledger<S> {
    /// Reads all that happened, checks it and folds it. Adds nothing.
    ///
    /// # Errors
    /// When any batch cannot be read or contradicts the others. The store is as before.
    pub async fn open(mut store: S, identity: Identity) -> Result<Self, LedgerError> {
        let mut reading = Reading {
            chain: Chain::of(&identity),
            book: Book::new(identity),
            codec: Codec::default(),
            sequence: 0,
        };
        let mut broken = None;
        let mut each = |sequence, record: &[u8]| {
            if broken.is_none() {
                broken = reading.take(sequence, record).err();
            }
            Ok(())
        };
        let read = store.read(&mut each).await;
        // What is wrong with a batch says more than what the store thinks of its end.
        if let Some(error) = broken {
            return Err(error);
        }
        read?;
        let Reading {
            book,
            chain,
            codec,
            sequence,
        } = reading;
        Ok(Self {
            store,
            book,
            chain,
            writer: codec.clone(),
            reader: codec,
            sequence,
            failed: false,
        })
    }

    /// The folded state.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// How many batches there are.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Makes facts durable as one batch: all of them or none. Yields a permit for each intent among them, in order.
    ///
    /// # Errors
    /// When a fact contradicts those before it, or the store fails. The book is as before then, and the ledger takes
    /// nothing more: what is durable is known only to whoever opens it again. The same holds when the future is dropped.
    pub async fn append(&mut self, facts: Vec<Fact>) -> Result<Vec<Permit>, LedgerError> {
        if self.failed {
            return Err(LedgerError::Failed);
        }
        self.failed = true;
        let sequence = self.sequence + 1;
        let body = self.writer.encode(&facts).ok_or(LedgerError::Contradiction {
            sequence,
            source: Contradiction::NotReread,
        })?;
        drop(facts);
        // What is folded is what the next process will read, not what was said.
        let mut book = Tentative::begin(&mut self.book);
        let mut intents = Vec::new();
        let fold = |fact: Fact| {
            book.book().fold(&fact)?;
            if let Fact::Intent { key, activity, .. } = fact {
                intents.push((key, activity));
            }
            Ok(())
        };
        decode(&mut self.reader, sequence, &body, fold)?;
        self.store.append(self.chain.seal(&body)).await?;
        book.keep();
        self.sequence = sequence;
        self.failed = false;
        Ok(intents
            .into_iter()
            .filter_map(|(key, activity)| self.permit(key, activity))
            .collect())
    }

    fn permit(&self, key: DeliveryKey, activity: ActivityNo) -> Option<Permit> {
        Some(Permit {
            key,
            attempt: self.book.standing(key).attempts,
            open_id: OpenId::parse(self.book.open_id(key.recipient)).ok()?,
            activity_id: self.book.activity(activity)?.clone(),
            merchant_coupon_id: self.book.merchant_coupon_id(key)?,
        })
    }
}

/// A ledger that is being read.
struct Reading {
    book: Book,
    chain: Chain,
    codec: Codec,
    sequence: u64,
}

impl Reading {
    fn take(&mut self, sequence: u64, record: &[u8]) -> Result<(), LedgerError> {
        let body = self
            .chain
            .open(record)
            .map_err(|source| LedgerError::Record { sequence, source })?;
        decode(&mut self.codec, sequence, body, |fact| self.book.fold(&fact))?;
        self.sequence = sequence;
        Ok(())
    }
}

fn decode(
    codec: &mut Codec,
    sequence: u64,
    body: &[u8],
    fold: impl FnMut(Fact) -> Result<(), Contradiction>,
) -> Result<(), LedgerError> {
    let source = RecordError::Senseless;
    let folded = codec
        .decode(body, fold)
        .ok_or(LedgerError::Record { sequence, source })?;
    folded.map_err(|source| LedgerError::Contradiction { sequence, source })
}

/// Leave to make one attempt at one delivery. Only a durable intent yields it, and sending consumes it, so a send
/// without a durable intent does not compile.
#[derive(Debug)]
pub struct Permit {
    key: DeliveryKey,
    attempt: u32,
    open_id: OpenId,
    activity_id: ActivityId,
    merchant_coupon_id: MerchantCouponId,
}

impl Permit {
    /// Which delivery.
    #[must_use]
    pub const fn key(&self) -> DeliveryKey {
        self.key
    }

    /// Which attempt of it, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// To whom.
    #[must_use]
    pub const fn open_id(&self) -> &OpenId {
        &self.open_id
    }

    /// Of which activity.
    #[must_use]
    pub const fn activity_id(&self) -> &ActivityId {
        &self.activity_id
    }

    /// By which idempotency key.
    #[must_use]
    pub const fn merchant_coupon_id(&self) -> MerchantCouponId {
        self.merchant_coupon_id
    }
}
