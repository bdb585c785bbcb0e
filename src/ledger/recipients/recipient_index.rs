//! The recipients of a ledger in the order of admission: their open_ids, a table to find them by, which is made when somebody
//! is looked for, and how each stands as a whole.

use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use crate::ledger::codec::Packed;
use crate::ledger::recipients::index::Index;
use crate::ledger::recipients::open_id_arena::OpenIdArena;
use crate::ledger::recipients::spill::Spill;
use crate::ledger::snapshot::read_bytes;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::model::delivery::Away;

/// So many recipients are written at a time.
const WRITTEN_AT_ONCE: usize = 1 << 16;

/// How one recipient stands as a whole, in a byte: why they are away, and whether they were ever owed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct Presence(u8);

impl Presence {
    const EVER_OWED: u8 = 0x80;

    pub(in crate::ledger) fn away(self) -> Option<Away> {
        (self.0 & !Self::EVER_OWED).checked_sub(1).and_then(Away::numbered)
    }

    pub(in crate::ledger) const fn ever_owed(self) -> bool {
        self.0 & Self::EVER_OWED != 0
    }

    /// The same recipient, away for this or present; one who is present is owed from here on.
    #[must_use]
    pub(in crate::ledger) const fn moved(self, away: Option<Away>) -> Self {
        match away {
            Some(why) => Self(self.0 & Self::EVER_OWED | (why.number() + 1)),
            None => Self(Self::EVER_OWED),
        }
    }
}

/// All recipients ever admitted. Those behind `confirmed` belong to a generation that is not closed.
#[derive(Debug, Default)]
pub(in crate::ledger) struct RecipientIndex {
    names: OpenIdArena,
    index: OnceLock<Index>,
    /// How each one stands as a whole.
    pub(in crate::ledger) presence: Vec<Presence>,
    /// How many were ever owed something.
    pub(in crate::ledger) ever_owed: u32,
    /// How many belong to closed generations.
    pub(in crate::ledger) confirmed: u32,
    /// One who is being admitted.
    packed: Vec<u8>,
}

impl RecipientIndex {
    pub(in crate::ledger) fn new(spill: Arc<Spill>) -> Self {
        Self {
            names: OpenIdArena::new(spill),
            ..Self::default()
        }
    }

    pub(in crate::ledger) const fn all(&self) -> u32 {
        self.names.all()
    }

    pub(in crate::ledger) const fn names(&self) -> &OpenIdArena {
        &self.names
    }

    pub(in crate::ledger) fn open_id(&self, recipient: u32) -> String {
        self.names.open_id(recipient).unwrap_or_default()
    }

    pub(in crate::ledger) fn find(&self, packed: &[u8]) -> Option<u32> {
        let index = self.index.get_or_init(|| Index::new(&self.names).0);
        index.find(&self.names, packed)
    }

    pub(in crate::ledger) fn admit(&mut self, open_id: Packed<'_>) -> Result<(), IllegalFact> {
        if self.names.all() == u32::MAX {
            return Err(IllegalFact::TooMany);
        }
        let recipient = self.names.push_told(open_id);
        self.presence.push(Presence::default());
        if let Some(index) = self.index.get_mut() {
            self.packed.clear();
            open_id.pack_again(&mut self.packed);
            if !index.add(&self.names, recipient, &self.packed) {
                self.names.truncate(recipient);
                self.presence.pop();
                return Err(IllegalFact::AdmittedTwice);
            }
        }
        Ok(())
    }

    /// Makes the table, if there is none. Until then nobody who is admitted twice is noticed: a log is read several times
    /// faster when this is done once at its end.
    pub(in crate::ledger) fn index(&mut self) -> Result<(), IllegalFact> {
        if self.index.get().is_some() {
            return Ok(());
        }
        let (index, distinct) = Index::new(&self.names);
        let _ = self.index.set(index);
        if distinct {
            Ok(())
        } else {
            Err(IllegalFact::AdmittedTwice)
        }
    }

    /// Lets go of the table, until somebody is looked for.
    pub(in crate::ledger) fn forget_index(&mut self) {
        self.index = OnceLock::new();
    }

    /// Moves one recipient, and says how they stood.
    pub(in crate::ledger) fn put(&mut self, recipient: u32, away: Option<Away>) -> Option<Presence> {
        let slot = self.presence.get_mut(recipient as usize)?;
        let before = std::mem::replace(slot, slot.moved(away));
        self.ever_owed += u32::from(slot.ever_owed() && !before.ever_owed());
        Some(before)
    }

    /// Takes back the admission of all from `recipient` on.
    pub(in crate::ledger) fn dismiss(&mut self, recipient: u32) {
        if let Some(index) = self.index.get_mut() {
            for number in recipient..self.names.all() {
                index.remove(&self.names, number);
            }
        }
        self.names.truncate(recipient);
        self.presence.truncate(recipient as usize);
    }

    pub(in crate::ledger) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        self.names.write(to)?;
        to.write_all(&(self.presence.len() as u64).to_le_bytes())?;
        for some in self.presence.chunks(WRITTEN_AT_ONCE) {
            let bytes: Vec<u8> = some.iter().map(|presence| presence.0).collect();
            to.write_all(&bytes)?;
        }
        Ok(())
    }

    pub(in crate::ledger) fn read(from: &mut dyn Read, confirmed: u32, spill: Arc<Spill>) -> Option<Self> {
        let names = OpenIdArena::read(from, spill)?;
        let presence: Vec<Presence> = read_bytes(from)?.into_iter().map(Presence).collect();
        let ever_owed = presence.iter().filter(|presence| presence.ever_owed()).count();
        (presence.len() == names.all() as usize).then_some(Self {
            names,
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
