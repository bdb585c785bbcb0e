//! The recipients of a ledger in the order of admission: their open_ids, an index of these, and each recipient's presence.

use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use super::open_id_arena::{OpenIdArena, pack};
use super::open_id_index::Index;
use super::spill::Spill;
use crate::ledger::codec::primitives::{PackedText, pack_onto};
use crate::ledger::framing::read_bytes;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::model::delivery::Away;

/// The number of recipients that are written at a time.
const CHUNK: usize = 1 << 16;

/// Why a recipient is away, and whether it was ever owed something, in one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Presence(u8);

impl Presence {
    const EVER_OWED: u8 = 0x80;

    fn away(self) -> Option<Away> {
        (self.0 & !Self::EVER_OWED).checked_sub(1).and_then(Away::numbered)
    }

    const fn was_ever_owed(self) -> bool {
        self.0 & Self::EVER_OWED != 0
    }

    /// A recipient that is not away is owed something from here on.
    #[must_use]
    const fn moved(self, away: Option<Away>) -> Self {
        match away {
            Some(why) => Self(self.0 & Self::EVER_OWED | (why.number() + 1)),
            None => Self(Self::EVER_OWED),
        }
    }
}

/// All recipients that were ever admitted. Those from `confirmed` on belong to a generation that is not closed.
#[derive(Debug, Default)]
pub(in crate::ledger) struct RecipientTable {
    open_ids: OpenIdArena,
    /// Built when it is first needed.
    index: OnceLock<Index>,
    presence: Vec<Presence>,
    /// The number of recipients that were ever owed something.
    pub(in crate::ledger) ever_owed: u32,
    /// The number of recipients of closed generations.
    pub(in crate::ledger) confirmed: u32,
    /// A buffer for the open_id that is admitted.
    packed: Vec<u8>,
}

impl RecipientTable {
    pub(in crate::ledger) fn new(spill: Arc<Spill>) -> Self {
        Self {
            open_ids: OpenIdArena::new(spill),
            ..Self::default()
        }
    }

    pub(in crate::ledger) const fn len(&self) -> u32 {
        self.open_ids.len()
    }

    pub(in crate::ledger) const fn open_ids(&self) -> &OpenIdArena {
        &self.open_ids
    }

    pub(in crate::ledger) fn open_id(&self, recipient: u32) -> String {
        self.open_ids.open_id(recipient).unwrap_or_default()
    }

    pub(in crate::ledger) fn find(&self, packed: &[u8]) -> Option<u32> {
        let index = self.index.get_or_init(|| Index::build(&self.open_ids).index);
        index.find(&self.open_ids, packed)
    }

    pub(in crate::ledger) fn away(&self, recipient: u32) -> Option<Away> {
        self.presence.get(recipient as usize)?.away()
    }

    pub(in crate::ledger) fn was_ever_owed(&self, recipient: u32) -> bool {
        let presence = self.presence.get(recipient as usize);
        presence.is_some_and(|presence| presence.was_ever_owed())
    }

    pub(in crate::ledger) fn admit(&mut self, open_id: PackedText<'_>) -> Result<(), IllegalFact> {
        self.check_room()?;
        let recipient = self.open_ids.push_repacked(open_id);
        self.add_to_index(recipient, |packed| open_id.pack_again(packed))
    }

    /// Admits a recipient by what is left of it, in place of its open_id.
    pub(in crate::ledger) fn admit_erased(&mut self, key: &str) -> Result<(), IllegalFact> {
        self.check_room()?;
        pack(key, &mut self.packed);
        let recipient = self.open_ids.push(&self.packed);
        self.add_to_index(recipient, |packed| pack_onto(key, packed))
    }

    const fn check_room(&self) -> Result<(), IllegalFact> {
        if self.open_ids.len() == u32::MAX {
            return Err(IllegalFact::TooMany);
        }
        Ok(())
    }

    fn add_to_index(&mut self, recipient: u32, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), IllegalFact> {
        self.presence.push(Presence::default());
        if let Some(index) = self.index.get_mut() {
            self.packed.clear();
            put(&mut self.packed);
            if !index.add(&self.open_ids, recipient, &self.packed) {
                self.open_ids.truncate(recipient);
                self.presence.pop();
                return Err(IllegalFact::AdmittedTwice);
            }
        }
        Ok(())
    }

    /// Builds the index if there is none. Without it, a recipient that is admitted twice goes unnoticed: a log is read several
    /// times faster when the index is built once at its end.
    pub(in crate::ledger) fn build_index(&mut self) -> Result<(), IllegalFact> {
        if self.index.get().is_some() {
            return Ok(());
        }
        let built = Index::build(&self.open_ids);
        let _ = self.index.set(built.index);
        if built.is_distinct {
            Ok(())
        } else {
            Err(IllegalFact::AdmittedTwice)
        }
    }

    /// Drops the index until a recipient is looked up.
    pub(in crate::ledger) fn drop_index(&mut self) {
        self.index = OnceLock::new();
    }

    /// All recipients belong to closed generations from here on. New ones that are not away are owed something.
    pub(in crate::ledger) fn confirm_all(&mut self) {
        let known = self.confirmed;
        self.confirmed = self.len();
        for recipient in known..self.confirmed {
            if self.away(recipient).is_none() {
                self.set_away(recipient, None);
            }
        }
    }

    /// Sets why a recipient is away, and returns its presence before. `None` if there is no such recipient.
    pub(in crate::ledger) fn set_away(&mut self, recipient: u32, away: Option<Away>) -> Option<Presence> {
        let slot = self.presence.get_mut(recipient as usize)?;
        let before = std::mem::replace(slot, slot.moved(away));
        self.ever_owed += u32::from(slot.was_ever_owed() && !before.was_ever_owed());
        Some(before)
    }

    /// Undoes calls of [`RecipientTable::set_away`], newest last. Recipients from `confirmed` on were new.
    pub(in crate::ledger) fn restore_presence(&mut self, before: Vec<(u32, Presence)>, confirmed: u32) {
        for (recipient, presence) in before.into_iter().rev() {
            if let Some(slot) = self.presence.get_mut(recipient as usize) {
                *slot = presence;
            }
        }
        let new = self.presence.get_mut(confirmed as usize..);
        new.unwrap_or_default().fill(Presence::default());
    }

    /// Undoes the admissions from `recipient` on.
    pub(in crate::ledger) fn truncate(&mut self, recipient: u32) {
        if let Some(index) = self.index.get_mut() {
            for number in recipient..self.open_ids.len() {
                index.remove(&self.open_ids, number);
            }
        }
        self.open_ids.truncate(recipient);
        self.presence.truncate(recipient as usize);
    }

    pub(in crate::ledger) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.open_ids.write(to)?;
        to.write_all(&(self.presence.len() as u64).to_le_bytes())?;
        for some in self.presence.chunks(CHUNK) {
            let bytes: Vec<u8> = some.iter().map(|presence| presence.0).collect();
            to.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Reads what [`RecipientTable::write`] wrote. `None` for other bytes.
    pub(in crate::ledger) fn read(from: &mut dyn Read, confirmed: u32, spill: Arc<Spill>) -> Option<Self> {
        let open_ids = OpenIdArena::read(from, spill)?;
        let presence: Vec<Presence> = read_bytes(from)?.into_iter().map(Presence).collect();
        let ever_owed = presence.iter().filter(|presence| presence.was_ever_owed()).count();
        (presence.len() == open_ids.len() as usize).then_some(Self {
            open_ids,
            index: OnceLock::new(),
            ever_owed: u32::try_from(ever_owed).ok()?,
            presence,
            confirmed,
            packed: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
