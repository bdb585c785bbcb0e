//! What is owed and what is settled: a log of facts, and the one fold that turns facts into state.
//!
//! Nothing else decides what is owed. A batch of facts is durable before anything that depends on it happens, and only a
//! durable intent yields a [`Permit`].

mod book;
mod deliveries;
mod fact;
mod head;
pub mod lock;
pub mod memory;
mod people;
pub mod place;
pub mod record;
pub mod store;

use crate::delivery::DeliveryKey;
use crate::identity::{ActivityId, Identity, OpenId};
use crate::merchant_coupon_id::MerchantCouponId;

pub use book::{Book, Contradiction};
pub use fact::{Fact, Generation};
pub use record::RecordError;
pub use store::{SledStore, Store, StoreError};

use record::Chain;

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
    sequence: u64,
    failed: bool,
}

impl<S: Store> Ledger<S> {
    /// Reads all that happened, checks it and folds it. Adds nothing.
    ///
    /// # Errors
    /// When any batch cannot be read or contradicts the others. The store is as before.
    pub async fn open(mut store: S, identity: Identity) -> Result<Self, LedgerError> {
        let (mut book, mut chain, mut last) = (Book::new(identity), Chain::default(), 0);
        let mut broken = None;
        let mut each = |sequence, bytes: &[u8]| {
            if broken.is_none() {
                match fold(&mut book, &mut chain, sequence, bytes) {
                    Ok(()) => last = sequence,
                    Err(error) => broken = Some(error),
                }
            }
            Ok(())
        };
        store.read(&mut each).await?;
        match broken {
            Some(error) => Err(error),
            None => Ok(Self {
                store,
                book,
                chain,
                sequence: last,
                failed: false,
            }),
        }
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
    /// When a fact contradicts those before it, or the store fails. The ledger takes nothing more then: what is durable
    /// is known only to whoever opens it again.
    pub async fn append(&mut self, facts: Vec<Fact>) -> Result<Vec<Permit>, LedgerError> {
        if self.failed {
            return Err(LedgerError::Failed);
        }
        self.failed = true;
        let sequence = self.sequence + 1;
        for fact in &facts {
            self.book
                .fold(fact)
                .map_err(|source| LedgerError::Contradiction { sequence, source })?;
        }
        let body = postcard::to_stdvec(&facts).map_err(|_| LedgerError::Record {
            sequence,
            source: RecordError::Senseless,
        })?;
        self.store.append(self.chain.seal(&body)).await?;
        self.sequence = sequence;
        self.failed = false;
        Ok(facts.iter().filter_map(|fact| self.permit(fact)).collect())
    }

    fn permit(&self, fact: &Fact) -> Option<Permit> {
        let Fact::Intent { key, activity, .. } = fact else {
            return None;
        };
        Some(Permit {
            key: *key,
            attempt: self.book.standing(*key).attempts,
            open_id: OpenId::parse(self.book.open_id(key.recipient)).ok()?,
            activity_id: self.book.activity(*activity)?.clone(),
            merchant_coupon_id: self.book.merchant_coupon_id(*key)?,
        })
    }
}

fn fold(book: &mut Book, chain: &mut Chain, sequence: u64, bytes: &[u8]) -> Result<(), LedgerError> {
    let record = |source| LedgerError::Record { sequence, source };
    let body = chain.open(bytes).map_err(record)?;
    let facts: Vec<Fact> = postcard::from_bytes(body).map_err(|_| record(RecordError::Senseless))?;
    let contradiction = |source| LedgerError::Contradiction { sequence, source };
    facts.iter().try_for_each(|fact| book.fold(fact)).map_err(contradiction)
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
