//! The recipients of a ledger in the order of admission: their open_ids side by side in one piece of memory, and a table
//! to find them by.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

use super::book::Contradiction;
use super::codec::Packed;
use crate::delivery::Away;

/// How one recipient stands as a whole, in a byte: why they are away, and whether they were ever owed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence(u8);

impl Presence {
    const EVER_OWED: u8 = 0x80;

    pub(super) fn away(self) -> Option<Away> {
        (self.0 & !Self::EVER_OWED).checked_sub(1).and_then(Away::numbered)
    }

    pub(super) const fn ever_owed(self) -> bool {
        self.0 & Self::EVER_OWED != 0
    }

    /// The same recipient, away for this or present; one who is present is owed from here on.
    #[must_use]
    pub(super) const fn moved(self, away: Option<Away>) -> Self {
        match away {
            Some(why) => Self(self.0 & Self::EVER_OWED | (why.number() + 1)),
            None => Self(Self::EVER_OWED),
        }
    }
}

/// All recipients ever admitted. Those behind `confirmed` belong to a generation that is not closed.
#[derive(Debug, Default)]
pub(super) struct People {
    text: String,
    /// Where each one's text ends.
    ends: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    indexed: bool,
    /// How each one stands as a whole.
    pub(super) presence: Vec<Presence>,
    /// How many were ever owed something.
    pub(super) ever_owed: u32,
    /// How many belong to closed generations.
    pub(super) confirmed: u32,
}

impl People {
    pub(super) fn all(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn open_id(&self, recipient: u32) -> &str {
        text_of(&self.text, &self.ends, recipient)
    }

    pub(super) fn find(&self, open_id: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(open_id);
        self.table
            .find(hash, |recipient| self.open_id(*recipient) == open_id)
            .copied()
    }

    pub(super) fn admit(&mut self, open_id: Packed<'_>) -> Result<(), Contradiction> {
        let recipient = u32::try_from(self.ends.len()).map_err(|_| Contradiction::TooMany)?;
        let before = self.text.len();
        open_id.unpack(&mut self.text);
        self.ends.push(self.text.len() as u64);
        self.presence.push(Presence::default());
        if self.indexed && !self.index_one(recipient) {
            self.text.truncate(before);
            self.ends.pop();
            self.presence.pop();
            return Err(Contradiction::AdmittedTwice);
        }
        Ok(())
    }

    /// Makes the table. Until then nobody is found, and nobody who is admitted twice is noticed: a log is read several
    /// times faster when this is done once at its end.
    pub(super) fn index(&mut self) -> Result<(), Contradiction> {
        self.indexed = true;
        self.table = HashTable::with_capacity(self.ends.len());
        if (0..self.all()).all(|recipient| self.index_one(recipient)) {
            Ok(())
        } else {
            Err(Contradiction::AdmittedTwice)
        }
    }

    /// Adds one to the table; says whether they are new.
    fn index_one(&mut self, recipient: u32) -> bool {
        let Self {
            text,
            ends,
            table,
            hasher,
            ..
        } = self;
        let open_id = text_of(text, ends, recipient);
        let same = |known: &u32| text_of(text, ends, *known) == open_id;
        let hash = |known: &u32| hasher.hash_one(text_of(text, ends, *known));
        match table.entry(hasher.hash_one(open_id), same, hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(recipient);
                true
            }
        }
    }

    /// Moves one recipient, and says how they stood.
    pub(super) fn put(&mut self, recipient: u32, away: Option<Away>) -> Option<Presence> {
        let slot = self.presence.get_mut(recipient as usize)?;
        let before = std::mem::replace(slot, slot.moved(away));
        self.ever_owed += u32::from(slot.ever_owed() && !before.ever_owed());
        Some(before)
    }

    /// Takes back the admission of all from `recipient` on.
    pub(super) fn dismiss(&mut self, recipient: u32) {
        let Self {
            text,
            ends,
            table,
            hasher,
            ..
        } = self;
        for number in recipient..u32::try_from(ends.len()).unwrap_or(u32::MAX) {
            let hash = hasher.hash_one(text_of(text, ends, number));
            if let Ok(place) = table.find_entry(hash, |known| *known == number) {
                place.remove();
            }
        }
        self.ends.truncate(recipient as usize);
        self.presence.truncate(recipient as usize);
        let end = self.ends.last().copied().unwrap_or_default();
        self.text.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    }
}

fn text_of<'a>(text: &'a str, ends: &[u64], recipient: u32) -> &'a str {
    let at = recipient as usize;
    let begin = at
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or_default();
    let end = ends.get(at).copied().unwrap_or(begin);
    let range = usize::try_from(begin).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
    text.get(range).unwrap_or_default()
}
