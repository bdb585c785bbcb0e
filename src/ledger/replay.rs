//! Reads a log: checks its hash chain, decodes its facts and applies them.

use jiff::Timestamp;

use super::codec::Codec;
use super::erased_batches::ErasedBatches;
use super::error::{LastGood, LedgerError};
use super::fact::FactView;
use super::log::head::Head;
use super::log::record::{Chain, Link, RecordError};
use super::state::illegal_fact::IllegalFact;
use super::state::ledger_state::LedgerState;
use super::store::{ReadPage, Store, StoreError};
use crate::model::identity::Identity;

/// A ledger as of one batch.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) state: LedgerState,
    pub(super) chain: Chain,
    pub(super) codec: Codec,
    pub(super) sequence: u64,
    /// `None` if the batches so far were not read, but a snapshot.
    pub(super) erased: Option<Box<ErasedBatches>>,
}

impl Replay {
    /// A ledger before its first batch.
    pub(super) fn new(state: LedgerState) -> Self {
        Self {
            chain: Chain::new(&state.identity),
            state,
            codec: Codec::default(),
            sequence: 0,
            erased: Some(Box::default()),
        }
    }

    pub(super) const fn last(&self) -> LastGood {
        LastGood {
            sequence: self.sequence,
            newest: self.state.newest(),
        }
    }

    pub(super) const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            link: self.chain.link(),
        }
    }

    /// Checks the next batch and applies its facts. Each fact is passed to `observe` first.
    pub(super) fn apply(
        &mut self,
        sequence: u64,
        record: &[u8],
        mut observe: impl FnMut(&FactView<'_>),
    ) -> Result<(), LedgerError> {
        let last = self.last();
        let unreadable = |source| LedgerError::Record { sequence, last, source };
        let body = self.chain.open(record).map_err(unreadable)?;
        if let Some(erased) = &mut self.erased {
            erased.add(sequence, record);
        }
        self.state.start_batch();
        let erased = self.erased.as_deref();
        let applied = decode(&mut self.codec, last, body, |fact| {
            observe(&fact);
            check_erasure(erased, &fact)?;
            self.state.apply(fact)
        });
        self.state.spill().check()?;
        applied?;
        self.sequence = sequence;
        Ok(())
    }

    /// Checks that the log has its end: batches were erased only by an erasure that is recorded.
    pub(super) fn check_end(&self) -> Result<(), LedgerError> {
        let checked = self
            .erased
            .as_ref()
            .map_or(Ok(()), |erased| erased.check_end(&self.state));
        checked.map_err(|source| LedgerError::IllegalFact {
            sequence: self.sequence,
            last: self.last(),
            source,
        })
    }

    /// Builds the index of recipients, which finds recipients that were admitted twice.
    pub(super) fn build_index(&mut self) -> Result<(), LedgerError> {
        let indexed = self.state.build_index();
        self.state.spill().check()?;
        indexed.map_err(|source| LedgerError::IllegalFact {
            sequence: self.sequence,
            last: self.last(),
            source,
        })
    }
}

/// Checks the batches before the record of an erasure. `None` if they were not read.
fn check_erasure(erased: Option<&ErasedBatches>, fact: &FactView<'_>) -> Result<(), IllegalFact> {
    match (erased, fact) {
        (Some(erased), FactView::Erased { erasure, .. }) => erased.check(erasure),
        _ => Ok(()),
    }
}

/// Decodes the batch after `last`, and calls `each` with each fact.
pub(super) fn decode(
    codec: &mut Codec,
    last: LastGood,
    body: &[u8],
    each: impl FnMut(FactView<'_>) -> Result<(), IllegalFact>,
) -> Result<(), LedgerError> {
    let sequence = last.sequence + 1;
    let decoded = codec.decode(body, each).ok_or(LedgerError::Record {
        sequence,
        last,
        source: RecordError::Senseless,
    })?;
    decoded.map_err(|source| LedgerError::IllegalFact { sequence, last, source })
}

/// Reads the log without applying it, and calls `show` with the number of the batch and each fact. If `show` returns `None`,
/// for bytes that no encoder wrote, the reading ends with an error.
pub(super) async fn read_facts(
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
    let mut erased = ErasedBatches::default();
    let each = |sequence, record: &[u8]| {
        let mut read = || {
            let unreadable = |source| LedgerError::Record { sequence, last, source };
            let body = chain.open(record).map_err(unreadable)?;
            erased.add(sequence, record);
            decode(&mut codec, last, body, |fact| {
                check_erasure(Some(&erased), &fact)?;
                show(sequence, fact).ok_or(IllegalFact::NotReread)
            })
        };
        if broken.is_none() {
            broken = read().err();
            last.sequence = sequence;
        }
    };
    read_batches(store, Head::default(), each).await?;
    broken.map_or(Ok(()), Err)
}

/// Reads all batches after `after`, and calls `each` with the number and the bytes of each. Returns false if the store does not
/// have `after`, or cannot vouch for the batches before it.
pub(super) async fn read_batches(
    store: &mut impl Store,
    after: Head,
    mut each: impl FnMut(u64, &[u8]) + Send,
) -> Result<bool, StoreError> {
    let mut last = after;
    loop {
        let page = match store.read(last).await? {
            ReadPage::Page(page) => page,
            ReadPage::End => return Ok(true),
            ReadPage::Missing => return Ok(false),
        };
        page.records().for_each(|(sequence, record)| each(sequence, record));
        last = page.last().unwrap_or(last);
    }
}

/// A batch that the ledger is known to have had, and the link of the batch with its number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExpectedBatch {
    pub(super) known: Head,
    pub(super) found: Option<Link>,
}

impl ExpectedBatch {
    pub(super) fn new(known: Option<Head>) -> Self {
        Self {
            known: known.unwrap_or_default(),
            found: None,
        }
    }

    /// Notes the link of a batch if it has the number of the known one.
    pub(super) fn compare(&mut self, head: Head) {
        if head.sequence == self.known.sequence {
            self.found = Some(head.link);
        }
    }
}
