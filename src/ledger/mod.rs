//! What is owed and what is settled: a log of facts, and the one fold that turns facts into state.
//!
//! Nothing else decides what is owed. A batch of facts is durable before anything that depends on it happens, and only a
//! durable intent yields a [`Permit`]; but for a ledger that lives [`apart`](Ledger::apart) from its store, where nothing is meant.
//!
//! - What happened: a `fact`, as bytes by the `codec`, in a `record` of the chain; many small ones of them in a `group`.
//! - What that amounts to: the `book`, of `people` (their `names`) and their `deliveries`; a generation that is not closed yet
//!   is a `draft`, which also says whom exclude lists have `kept_out`, and an append that may still fail can `undo` what it
//!   folded. The `shortcut` keeps a book. Which `rules` it is folded by, each run says. What time it is by a book is its
//!   `present`.
//! - Where it lies: the `place`, its `lock`, the `store` and its `head`; `files` opens and knows them; `memory` stands in for a
//!   disk.
//! - For those who look: `reader`, `passing`, `repeats`, `verify`, `worth`.

mod apart;
mod begun;
mod book;
mod codec;
mod contradiction;
mod deliveries;
mod draft;
mod error;
mod fact;
pub mod files;
mod group;
mod head;
mod kept_out;
pub mod lock;
pub mod memory;
pub(crate) mod names;
mod passing;
mod people;
pub mod place;
mod present;
mod quiet;
mod reader;
pub mod record;
pub mod repeats;
mod rules;
mod shortcut;
mod spill;
pub mod store;
mod undo;
pub mod verify;
mod waves;
pub mod witness;
pub mod worth;

use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use crate::delivery::{ActivityNo, DeliveryKey};
use crate::identity::{ActivityId, Identity, OpenId};
use crate::merchant_coupon_id::MerchantCouponId;
use crate::planted::{appended, planted};

pub use apart::NoStore;
pub use book::Book;
pub use contradiction::Contradiction;
pub use error::{LastGood, LedgerError};
pub use fact::{Answered, Decision, Excluded, Fact, Generation};
pub use head::{Head, Older};
pub use kept_out::{KeptOut, Sample, Sampler};
pub use passing::Passing;
pub use present::Present;
pub use reader::Reader;
pub use record::RecordError;
pub use rules::Rules;
pub use spill::Spill;
pub use store::{Each, SledStore, Store, StoreError, WriteShortcut};
pub use waves::Wave;

use codec::{Codec, Entry};
use record::{Chain, Link};
use repeats::{Repeats, Search};
use shortcut::Folded;
use undo::Tentative;

/// One campaign's ledger, open for writing.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    book: Book,
    chain: Chain,
    writer: Codec,
    reader: Codec,
    sequence: u64,
    kept: Kept,
    /// A batch that is folded and not in the store yet.
    held_back: Option<Vec<u8>>,
    /// Why it takes nothing before a person has accepted that.
    older: Option<Older>,
    failed: bool,
}

/// A batch that a ledger is known to have had, and the link that is found in its place.
#[derive(Clone, Copy, Debug, Default)]
struct Sought {
    known: Head,
    found: Option<Link>,
}

impl Sought {
    const fn new(known: Option<Head>) -> Self {
        let known = match known {
            Some(known) => known,
            None => Head {
                sequence: 0,
                link: [0; 8],
            },
        };
        Self { known, found: None }
    }

    /// Passes a batch on the way through the ledger.
    fn pass(&mut self, sequence: u64, chain: Chain) {
        if sequence == self.known.sequence {
            self.found = Some(chain.link());
        }
    }
}

/// What is known of the shortcut.
#[derive(Debug)]
struct Kept {
    /// Up to which batch there is one.
    sequence: Option<u64>,
    /// How many bytes it had when it was written.
    size: u64,
    /// How many bytes of batches there are since.
    behind: u64,
    /// It is not written anew before there are so many, and as many as it has itself: so all of them together cost no more
    /// than the batches.
    at_least: u64,
}

impl Kept {
    const AT_LEAST: u64 = 32 * 1024 * 1024;

    const fn is_due(&self) -> bool {
        self.behind >= self.at_least && self.behind >= self.size
    }
}

impl<S: Store> Ledger<S> {
    /// Reads all that happened, checks it and folds it. Adds nothing.
    ///
    /// # Errors
    /// When any batch cannot be read or contradicts the others. The store is as before.
    pub async fn open(store: S, identity: Identity) -> Result<Self, LedgerError> {
        Self::open_spilling(store, identity, Arc::default()).await
    }

    /// The same of one whose open_ids leave the memory so.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn open_spilling(store: S, identity: Identity, spill: Arc<Spill>) -> Result<Self, LedgerError> {
        Self::open_known(store, identity, spill, None).await
    }

    /// The same of one that is known to have had this batch. Without it, it takes nothing before [`Ledger::accept_older`].
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn open_known(
        mut store: S,
        identity: Identity,
        spill: Arc<Spill>,
        known: Option<Head>,
    ) -> Result<Self, LedgerError> {
        let mut sought = Sought::new(known);
        let shortcut = by_shortcut(&mut store, &identity, &spill, &mut sought).await;
        let kept = shortcut.is_some();
        let folded = match shortcut {
            Some(folded) => folded,
            None => whole(&mut store, Book::spilling(identity, spill), &mut sought).await?,
        };
        let before_shortcut = sought.known.sequence > 0 && sought.known.sequence < folded.sequence;
        if sought.found.is_none() && before_shortcut && store.read_behind(sought.known, &mut |_, _| Ok(())).await? {
            sought.found = Some(sought.known.link);
        }
        let older = sought.known.older(folded.sequence, sought.found);
        let Folded {
            book,
            chain,
            codec,
            sequence,
        } = folded;
        Ok(Self {
            store,
            book,
            chain,
            writer: codec.clone(),
            reader: codec,
            sequence,
            kept: Kept {
                sequence: kept.then_some(sequence),
                size: 0,
                behind: 0,
                at_least: Kept::AT_LEAST,
            },
            held_back: None,
            older,
            failed: false,
        })
    }

    /// Why it takes nothing: it does not have a batch that it is known to have had.
    #[must_use]
    pub const fn older(&self) -> Option<Older> {
        self.older
    }

    /// Goes on with a ledger that does not have a batch which it is known to have had: a person has accepted that.
    pub const fn accept_older(&mut self) {
        self.older = None;
    }

    /// Lets go of the ledger, and leaves behind what lets it be opened soon. It loses nothing if it is dropped instead, or
    /// if this fails; opening it takes longer then.
    pub async fn close(mut self) {
        if !self.failed && self.held_back.is_none() && self.kept.sequence != Some(self.sequence) {
            self.keep().await;
        }
        self.store.close().await;
    }

    /// Keeps a shortcut as of now. The folded state is lent for as long as it is being written; where it does not come
    /// back, because nobody waited for it, the ledger takes nothing more.
    async fn keep(&mut self) {
        self.failed = true;
        let nobodys = Book::new(self.book.identity.clone());
        let folded = Folded {
            book: std::mem::replace(&mut self.book, nobodys),
            chain: self.chain,
            codec: std::mem::take(&mut self.reader),
            sequence: self.sequence,
        };
        let (lent, back) = shortcut::lend(folded);
        let kept = self.store.keep_shortcut(Box::new(move |to| lent.write(to))).await;
        let Some((folded, size)) = back.take() else { return };
        self.book = folded.book;
        self.reader = folded.codec;
        self.failed = false;
        self.kept.behind = 0;
        self.kept.size = size;
        match kept {
            Ok(()) => self.kept.sequence = Some(self.sequence),
            Err(error) => debug!(%error, "the ledger keeps no shortcut; opening it will take longer"),
        }
    }

    /// Sets how many bytes of batches have to come in at least before the shortcut is written anew.
    pub const fn keep_after(&mut self, bytes: u64) {
        self.kept.at_least = bytes;
    }

    /// The folded state.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Where it is kept.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
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
        if let Some(older) = self.older.filter(|_| !planted!(OlderTaken)) {
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
            newest: self.book.newest(),
        };
        let body = self.writer.encode(&facts).ok_or(LedgerError::Contradiction {
            sequence,
            last,
            source: Contradiction::NotReread,
        })?;
        drop(facts);
        // What is folded is what the next process will read, not what was said.
        let mut book = Tentative::begin(&mut self.book);
        let mut intents = Vec::new();
        let fold = |entry: Entry<'_>| {
            if let Entry::Intent { key, activity, .. } = entry {
                intents.push((key, activity));
            }
            book.book().fold(entry)
        };
        let folded = decode(&mut self.reader, last, &body, fold);
        book.book().spill().check()?;
        folded?;
        for sealed in appended!(self.chain.seal(&body)) {
            match self.store.append(sealed).await {
                Err(StoreError::Gone { .. }) if planted!(VanishUnnoticed) => {}
                appended => appended?,
            }
        }
        book.keep();
        self.sequence = sequence;
        self.failed = false;
        self.kept.behind += body.len() as u64;
        if self.kept.is_due() {
            self.keep().await;
        }
        let permits = intents.into_iter().map(|(key, activity)| self.permit(key, activity));
        permits.collect::<Option<_>>().ok_or(LedgerError::Failed)
    }

    /// Waits until the ledger was removed, renamed or replaced. It takes nothing more then. It may be dropped and called again.
    pub async fn gone(&mut self) -> LedgerError {
        if planted!(VanishUnnoticed) {
            std::future::pending::<()>().await;
        }
        let error = self.store.gone().await;
        self.failed = true;
        error.into()
    }

    /// Folds facts as if they had been appended, and tells the store nothing of them: what would be, for whoever foretells
    /// it. It yields no permit, and the ledger takes nothing that is meant any more.
    ///
    /// # Errors
    /// When a fact contradicts those before it.
    pub fn suppose(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        // Whoever foretells looks nobody up any more: for millions the table would be filled in vain.
        if facts.iter().any(|fact| matches!(fact, Fact::Admitted { .. })) {
            self.book.people.forget_index();
        }
        self.fold(facts).map(drop)
    }

    /// Folds facts now, and makes them durable as a batch of their own before whatever is appended next: what a run begins
    /// with, so that one that is refused before it has anything to add adds nothing.
    ///
    /// # Errors
    /// When a fact contradicts those before it, or facts are held back already. The ledger takes nothing more then.
    pub fn hold_back(&mut self, facts: &[Fact]) -> Result<(), LedgerError> {
        if self.failed || self.held_back.is_some() {
            self.failed = true;
            return Err(LedgerError::Failed);
        }
        self.held_back = Some(self.fold(facts)?);
        self.failed = false;
        Ok(())
    }

    /// Folds facts that the store is not told of.
    fn fold(&mut self, facts: &[Fact]) -> Result<Vec<u8>, LedgerError> {
        self.failed = true;
        let last = LastGood {
            sequence: self.sequence,
            newest: self.book.newest(),
        };
        let body = self.writer.encode(facts).ok_or(LedgerError::Contradiction {
            sequence: self.sequence + 1,
            last,
            source: Contradiction::NotReread,
        })?;
        let folded = decode(&mut self.reader, last, &body, |entry| self.book.fold(entry));
        self.book.spill().check()?;
        folded?;
        Ok(body)
    }

    /// Reads all that happened again, and shows every fact in order with the number of its batch.
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

    /// As [`Ledger::facts`], for whoever needs few of them whole, and beside each the book of all of them: not as it was
    /// then, but as it is now. What `show` finds to be no fact ends it.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn retell(
        &mut self,
        mut show: impl FnMut(&Book, u64, Passing<'_>) -> Option<()> + Send,
    ) -> Result<(), LedgerError> {
        let Self { store, book, .. } = self;
        let show = |sequence, passing: Passing<'_>| show(book, sequence, passing);
        read_again(store, &book.identity, show).await
    }

    /// Finds the ids that the answers to several deliveries have.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub async fn repeats(&mut self) -> Result<Repeats, LedgerError> {
        let mut search = Search::new(self.book.spill());
        self.retell(|_, _, passing| {
            search.add(&passing);
            Some(())
        })
        .await?;
        name_repeats(search, &mut self.store, &self.book).await
    }

    fn permit(&self, key: DeliveryKey, activity: ActivityNo) -> Option<Permit> {
        let open_id = OpenId::parse(&self.book.open_id(key.recipient)).ok()?;
        Some(Permit {
            key,
            attempt: self.book.standing(key).attempts,
            activity_id: self.book.activity(activity)?.clone(),
            merchant_coupon_id: self.book.merchant_coupon_id_of(&open_id, key.ordinal),
            open_id,
        })
    }
}

/// Ends a search for repeated ids: reads a ledger again if there are any, to name them.
async fn name_repeats(search: Search, store: &mut impl Store, book: &Book) -> Result<Repeats, LedgerError> {
    let found = search.finish(book);
    book.spill().check()?;
    if found.is_empty() {
        return Ok(Repeats::default());
    }
    let mut naming = found.naming();
    read_again(store, &book.identity, |_, passing| {
        naming.add(&passing);
        Some(())
    })
    .await?;
    Ok(naming.finish(book))
}

/// Reads all that happened, and shows every fact in order with the number of its batch. What `show` finds to be no fact ends
/// it.
async fn read_again(
    store: &mut impl Store,
    identity: &Identity,
    mut show: impl FnMut(u64, Passing<'_>) -> Option<()> + Send,
) -> Result<(), LedgerError> {
    let mut codec = Codec::default();
    let mut chain = Chain::of(identity);
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
                show(sequence, Passing(entry)).ok_or(Contradiction::NotReread)
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

/// Reads and folds all that happened.
async fn whole(store: &mut impl Store, book: Book, sought: &mut Sought) -> Result<Folded, LedgerError> {
    let mut folded = Folded {
        chain: Chain::of(&book.identity),
        book,
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
    let indexed = folded.book.index();
    folded.book.spill().check()?;
    // What is wrong with a batch says more than what the store thinks of its end.
    if let Some(error) = broken {
        return Err(error);
    }
    if let Err(source) = read {
        let last = folded.last();
        return Err(LedgerError::Unfinished { last, source });
    }
    indexed.map_err(|source| LedgerError::Contradiction {
        sequence: folded.sequence,
        last: folded.last(),
        source,
    })?;
    Ok(folded)
}

/// Begins with the folded state that was kept, and reads only what is behind it. Nothing when that is not to be had, or when
/// anything is wrong with it: then everything is to be read.
async fn by_shortcut(
    store: &mut impl Store,
    identity: &Identity,
    spill: &Arc<Spill>,
    sought: &mut Sought,
) -> Option<Folded> {
    let mut folded = Folded::read(&mut store.shortcut().await?, identity, spill)?;
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

impl Folded {
    const fn last(&self) -> LastGood {
        LastGood {
            sequence: self.sequence,
            newest: self.book.newest(),
        }
    }

    fn take(&mut self, sequence: u64, record: &[u8]) -> Result<(), LedgerError> {
        let last = self.last();
        let unreadable = |source| LedgerError::Record { sequence, last, source };
        let body = self.chain.open(record).map_err(unreadable)?;
        let taken = decode(&mut self.codec, last, body, |entry| self.book.fold(entry));
        self.book.spill().check()?;
        taken?;
        self.sequence = sequence;
        Ok(())
    }
}

/// Decodes and folds the batch that comes after `last`.
fn decode(
    codec: &mut Codec,
    last: LastGood,
    body: &[u8],
    fold: impl FnMut(Entry<'_>) -> Result<(), Contradiction>,
) -> Result<(), LedgerError> {
    let sequence = last.sequence + 1;
    let folded = codec.decode(body, fold).ok_or(LedgerError::Record {
        sequence,
        last,
        source: RecordError::Senseless,
    })?;
    folded.map_err(|source| LedgerError::Contradiction { sequence, last, source })
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
