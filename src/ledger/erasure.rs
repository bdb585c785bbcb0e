//! Erases the open_ids of a ledger that has ended. Ids, states and sums stay.
//!
//! The log is written again: each batch that has an open_id becomes one that keeps its link (see `log::record`) and has, for each
//! recipient, the ids of its coupons in place of the open_id. All other batches stay as they are. The last batch is new: who erased the
//! open_ids, and a digest of the batches that were written again.
//!
//! `Eraser` decides, without I/O. [`erase`] writes a new ledger beside the old one, compares both, and exchanges them in one step. A
//! kill leaves the old ledger or the new one, and what it leaves beside them is removed by the next try.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::campaign_ledger::{Ledger, OpenParts};
use super::codec::Codec;
use super::erased_batches::ErasedBatches;
use super::erased_recipients::ErasedRecipients;
use super::error::{LastGood, LedgerError};
use super::fact::{Erasure, Fact, FactView};
use super::kept_out_sample::{KeptOut, Sample};
use super::ledger_dir::{LedgerDir, LedgerDirError};
use super::lock::CampaignLock;
use super::log::head::Head;
use super::log::record::{Chain, RecordError};
use super::replay;
use super::state::illegal_fact::IllegalFact;
use super::state::ledger_state::LedgerState;
use super::store::{ReadPage, SledStore, Store};
use crate::model::actor::Actor;
use crate::model::clock::later;
use crate::model::delivery::DeliveryKey;
use crate::model::identity::{Identity, OpenId};
use crate::model::outcome::Outcome;
use jiff::Timestamp;

/// What a text has in place of an open_id that it named.
pub const ERASED_WORD: &str = "[erased]";
/// From this length on, an open_id is found within a longer word, too. A shorter one may be a part of it by chance.
const LONG_OPEN_ID: usize = 8;

/// Who erases, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRequest {
    /// The time.
    pub at: Timestamp,
    /// Who erases.
    pub by: Actor,
    /// How long the ledger has to be complete.
    pub older_than: Duration,
}

/// Whether the open_ids of a ledger can be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// They can.
    Due {
        /// The number of its recipients.
        recipients: u32,
    },
    /// They were erased.
    Erased {
        /// When.
        at: Timestamp,
    },
    /// The ledger is not complete: something is owed, in doubt or held.
    Incomplete,
    /// The ledger was changed too recently.
    Recent {
        /// When they can be erased, unless the ledger is changed again.
        due: Timestamp,
    },
    /// The ledger has no recipient.
    NoRecipients,
}

impl Eligibility {
    /// Whether the open_ids of a ledger can be erased `now`: it is complete, and its newest fact is at least so old.
    #[must_use]
    pub fn new(state: &LedgerState, older_than: Duration, now: Timestamp) -> Self {
        if let Some(at) = state.erased_at() {
            return Self::Erased { at };
        }
        if !state.is_complete() {
            return Self::Incomplete;
        }
        let due = later(state.newest(), older_than);
        match state.recipients() {
            0 => Self::NoRecipients,
            _ if due > now => Self::Recent { due },
            recipients => Self::Due { recipients },
        }
    }
}

/// Writes the batches of a ledger again, one by one, without its open_ids.
pub(super) struct Eraser<'s> {
    /// The ledger as of its end.
    state: &'s LedgerState,
    chain: Chain,
    /// Reads the old log.
    decoder: Codec,
    /// Writes the new one.
    encoder: Codec,
    /// Whether a batch of the old log means the same in the new one.
    is_in_step: bool,
    erased: ErasedBatches,
    last: LastGood,
}

impl<'s> Eraser<'s> {
    pub(super) fn new(state: &'s LedgerState) -> Self {
        Self {
            state,
            chain: Chain::new(state.identity()),
            decoder: Codec::default(),
            encoder: Codec::default(),
            is_in_step: true,
            erased: ErasedBatches::default(),
            last: LastGood {
                sequence: 0,
                newest: Timestamp::MIN,
            },
        }
    }

    /// Returns the next batch without open_ids. It is the same batch if it has none.
    ///
    /// # Errors
    /// When the record is not the next one, or cannot be read.
    pub(super) fn next(&mut self, record: &[u8]) -> Result<Vec<u8>, LedgerError> {
        let last = self.last;
        let sequence = last.sequence + 1;
        let unreadable = |source| LedgerError::Record { sequence, last, source };
        let mut before = self.chain;
        let body = self.chain.open(record).map_err(unreadable)?;
        let mut facts = Vec::new();
        let mut is_changed = false;
        let state = self.state;
        let mut is_senseless = false;
        replay::decode(&mut self.decoder, last, body, |fact| {
            match erase_fact(state, fact) {
                Some(ErasedFact { fact, is_other }) => {
                    is_changed |= is_other;
                    facts.push(fact);
                }
                None => is_senseless = true,
            }
            Ok(())
        })?;
        if is_senseless {
            return Err(unreadable(RecordError::Senseless));
        }
        let new_body = self.encoder.encode(&facts);
        let new_body = new_body.ok_or_else(|| unreadable(RecordError::Senseless))?;
        self.last.sequence = sequence;
        if !is_changed && self.is_in_step {
            return Ok(record.to_vec());
        }
        self.is_in_step = self.encoder.is_in_step_with(&self.decoder);
        let new = before.seal_erased(self.chain.link(), &new_body);
        self.erased.add(sequence, &new);
        Ok(new)
    }

    /// Returns the last batch: the record of the erasure.
    ///
    /// # Errors
    /// When the record cannot be encoded.
    pub(super) fn end(mut self, request: &ErasureRequest) -> Result<Vec<u8>, LedgerError> {
        let erasure = Erasure {
            by: request.by.clone(),
            older_than: request.older_than,
            recipients: self.state.recipients(),
            batches: self.erased.count(),
            digest: self.erased.digest(),
        };
        let fact = Fact::Erased {
            at: request.at,
            erasure: Box::new(erasure),
        };
        let body = self.encoder.encode(&[fact]).ok_or(LedgerError::Failed)?;
        Ok(self.chain.seal(&body))
    }
}

struct ErasedFact {
    fact: Fact,
    /// Whether it differs from the fact in the log.
    is_other: bool,
}

/// Removes the open_ids of a fact. `None` for bytes that no encoder wrote.
fn erase_fact(state: &LedgerState, fact: FactView<'_>) -> Option<ErasedFact> {
    let fact = fact.decode()?;
    let mut is_other = false;
    let fact = match fact {
        Fact::Admitted { recipients } => {
            is_other = true;
            let coupons = state.ordinals();
            let mut erased = ErasedRecipients::new(coupons);
            for open_id in recipients {
                erased.push((1..=coupons).map(|ordinal| state.derive_coupon_id(&open_id, ordinal)));
            }
            Fact::AdmittedErased(erased)
        }
        // Only the next apply would need them, and there is none.
        Fact::KeptOut(KeptOut { list, people }) => {
            is_other = people != Sample::default();
            let people = Sample::default();
            Fact::KeptOut(KeptOut { list, people })
        }
        Fact::Ended {
            key,
            decision,
            mut outcome,
        } => {
            is_other = erase_outcome(state, key, &mut outcome);
            Fact::Ended { key, decision, outcome }
        }
        Fact::Decided { keys, mut decision } => {
            let open_ids: BTreeSet<_> = keys.iter().map(|key| state.open_id(key.recipient)).collect();
            for text in [&mut decision.note, &mut decision.selection] {
                is_other |= erase_text(state, &open_ids, text);
            }
            Fact::Decided { keys, decision }
        }
        fact => fact,
    };
    Some(ErasedFact { fact, is_other })
}

/// Removes open_ids from what the platform wrote. Returns whether there were any.
fn erase_outcome(state: &LedgerState, key: DeliveryKey, outcome: &mut Outcome) -> bool {
    let message = outcome.answer.as_mut().map(|answer| &mut answer.message);
    let texts = message.into_iter().chain(outcome.detail.as_mut());
    let open_ids = BTreeSet::from([state.open_id(key.recipient)]);
    // Each text has to be changed, so no early end.
    texts.fold(false, |is_other, text| erase_text(state, &open_ids, text) | is_other)
}

/// Removes from a text the open_ids of the users that it is about, and each word that is the open_id of another user of the ledger.
/// Returns whether there were any.
fn erase_text(state: &LedgerState, about: &BTreeSet<String>, text: &mut String) -> bool {
    let mut new = text.clone();
    for open_id in about.iter().filter(|open_id| open_id.len() >= LONG_OPEN_ID) {
        if new.contains(open_id.as_str()) {
            new = new.replace(open_id.as_str(), ERASED_WORD);
        }
    }
    let is_open_id = |word: &str| OpenId::check(word) == Ok(word) && state.find(word).is_some();
    // An open_id may have any character that is not white space, and most have only those of the second kind of word.
    new = replace_words(&new, |c| !c.is_whitespace(), is_open_id);
    new = replace_words(&new, |c| c.is_alphanumeric() || c == '_' || c == '-', is_open_id);
    let is_other = new != *text;
    *text = new;
    is_other
}

/// Replaces each longest run of the characters of words that `is_open_id` accepts.
fn replace_words(text: &str, is_of_word: impl Fn(char) -> bool, is_open_id: impl Fn(&str) -> bool) -> String {
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        new.push_str(if !word.is_empty() && is_open_id(word) {
            ERASED_WORD
        } else {
            word
        });
        let length = after.find(&is_of_word).unwrap_or(after.len());
        let (between, after) = after.split_at(length);
        new.push_str(between);
        rest = after;
    }
    new
}

/// Why open_ids cannot be erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The ledger's directory or its store cannot be used.
    #[error(transparent)]
    LedgerDir(#[from] LedgerDirError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What became of the open_ids of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EraseOutcome {
    /// Whether they could be erased, before it was tried.
    pub eligibility: Eligibility,
    /// The last batch of the new ledger. `None` if nothing was erased.
    pub head: Option<Head>,
}

/// Erases the open_ids of a ledger in files, if they can be erased, and removes what an interrupted erasure has left. `known` is a
/// batch that the ledger is known to have had. `None` if there is no ledger.
///
/// # Errors
/// When the ledger cannot be read or written. It is unchanged then, or its open_ids are erased.
pub async fn erase(
    place: &LedgerDir,
    lock: &CampaignLock,
    known: Option<Head>,
    request: &ErasureRequest,
) -> Result<Option<EraseOutcome>, EraseError> {
    let Some(store) = place.open(lock).await? else {
        return Ok(None);
    };
    let identity = place.ledger_identity()?;
    let opening = Ledger::open_known(store, identity.clone(), Arc::default(), known);
    let mut ledger = Box::pin(opening).await?;
    if let Some(older) = ledger.older() {
        return Err(LedgerError::Older(older).into());
    }
    let eligibility = Eligibility::new(ledger.state(), request.older_than, request.at);
    let head = if matches!(eligibility, Eligibility::Due { .. }) {
        let new = place.begin_erasure(lock)?;
        let mut to = SledStore::create(&new).await.map_err(LedgerDirError::Store)?;
        Box::pin(write_erased(&mut ledger, &mut to, request)).await?;
        to.close().await;
        let head = Box::pin(check_files(&new, identity, ledger.state())).await?;
        ledger.close().await;
        place.exchange(lock, &new)?;
        Some(head)
    } else {
        ledger.close().await;
        None
    };
    if head.is_some() || matches!(eligibility, Eligibility::Erased { .. }) {
        let id = place.look()?.map(|manifest| manifest.id).unwrap_or_default();
        place.remove_leftovers(lock, &id)?;
    }
    Ok(Some(EraseOutcome { eligibility, head }))
}

/// Writes the batches of a ledger to an empty store, without open_ids, and the record of the erasure. The ledger takes nothing more.
///
/// # Errors
/// When the ledger cannot be read, or the store cannot be written.
pub async fn write_erased(
    ledger: &mut Ledger<impl Store>,
    to: &mut impl Store,
    request: &ErasureRequest,
) -> Result<(), LedgerError> {
    // A store takes nothing before it was read to its end.
    while let ReadPage::Page(_) = to.read(Head::default()).await? {}
    let OpenParts { store, state } = ledger.parts();
    let mut eraser = Eraser::new(state);
    let mut after = Head::default();
    while let ReadPage::Page(page) = store.read(after).await? {
        for (_, record) in page.records() {
            to.append(eraser.next(record)?).await?;
        }
        after = page.last().unwrap_or(after);
    }
    to.append(eraser.end(request)?).await?;
    Ok(())
}

/// Reads the new ledger in `dir` from its first batch, and checks that it says the same as the old one. Returns its last batch.
async fn check_files(dir: &Path, identity: Identity, old: &LedgerState) -> Result<Head, EraseError> {
    let store = SledStore::open(dir).await.map_err(LedgerDirError::Store)?;
    let new = Ledger::open(store, identity).await?;
    check_erased(&new, old)?;
    let head = new.head();
    // Its snapshot is written here, and is exchanged with the rest.
    new.close().await;
    Ok(head)
}

/// Checks that a new ledger says the same as the old one, but for open_ids.
///
/// # Errors
/// When it does not.
pub fn check_erased(new: &Ledger<impl Store>, old: &LedgerState) -> Result<(), LedgerError> {
    if new.state().is_same_but_for_open_ids(old) {
        return Ok(());
    }
    let sequence = new.head().sequence;
    let last = LastGood {
        sequence: sequence.saturating_sub(1),
        newest: old.newest(),
    };
    Err(LedgerError::IllegalFact {
        sequence,
        last,
        source: IllegalFact::Erasure,
    })
}
