//! The recipients of a ledger in the order of admission: their open_ids side by side in one piece of memory, as the ledger
//! packs them, and a table to find them by, which is made when somebody is looked for.

use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::sync::OnceLock;

use hashbrown::DefaultHashBuilder;
use hashbrown::hash_table::{Entry, HashTable};

use super::book::Contradiction;
use super::codec::{Packed, pack, skip, unpack};
use super::shortcut::{read_bytes, write_bytes};
use crate::delivery::Away;

/// So many open_ids lie behind one mark; from there on they are counted off.
const BETWEEN_MARKS: u32 = 16;

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
    names: Names,
    index: OnceLock<Index>,
    /// How each one stands as a whole.
    pub(super) presence: Vec<Presence>,
    /// How many were ever owed something.
    pub(super) ever_owed: u32,
    /// How many belong to closed generations.
    pub(super) confirmed: u32,
}

/// Packed open_ids, one behind another.
#[derive(Debug, Default)]
struct Names {
    packed: Vec<u8>,
    /// Where every [`BETWEEN_MARKS`]th begins.
    marks: Vec<u64>,
    all: u32,
}

#[derive(Debug, Default)]
struct Index {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl People {
    pub(super) const fn all(&self) -> u32 {
        self.names.all
    }

    pub(super) fn open_id(&self, recipient: u32) -> String {
        self.names.get(recipient).map(unpack).unwrap_or_default()
    }

    pub(super) fn find(&self, open_id: &str) -> Option<u32> {
        let index = self.index.get_or_init(|| Index::of(&self.names).0);
        let packed = pack(open_id);
        let same = |recipient: &u32| self.names.get(*recipient) == Some(&packed);
        index.table.find(index.hasher.hash_one(&packed[..]), same).copied()
    }

    pub(super) fn admit(&mut self, open_id: Packed<'_>) -> Result<(), Contradiction> {
        if self.names.all == u32::MAX {
            return Err(Contradiction::TooMany);
        }
        let recipient = self.names.push(open_id);
        self.presence.push(Presence::default());
        let new = self
            .index
            .get_mut()
            .is_none_or(|index| index.add(&self.names, recipient));
        if !new {
            self.names.truncate(recipient);
            self.presence.pop();
            return Err(Contradiction::AdmittedTwice);
        }
        Ok(())
    }

    /// Makes the table, if there is none. Until then nobody who is admitted twice is noticed: a log is read several times
    /// faster when this is done once at its end.
    pub(super) fn index(&mut self) -> Result<(), Contradiction> {
        if self.index.get().is_some() {
            return Ok(());
        }
        let (index, distinct) = Index::of(&self.names);
        let _ = self.index.set(index);
        if distinct {
            Ok(())
        } else {
            Err(Contradiction::AdmittedTwice)
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
        if let Some(index) = self.index.get_mut() {
            for number in recipient..self.names.all {
                index.remove(&self.names, number);
            }
        }
        self.names.truncate(recipient);
        self.presence.truncate(recipient as usize);
    }

    pub(super) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let marks: Vec<u8> = self.names.marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
        let presence: Vec<u8> = self.presence.iter().map(|presence| presence.0).collect();
        write_bytes(to, &self.names.packed)?;
        write_bytes(to, &marks)?;
        write_bytes(to, &presence)
    }

    pub(super) fn read(from: &mut dyn Read, confirmed: u32) -> Option<Self> {
        let packed = read_bytes(from)?;
        let marks = read_bytes(from)?;
        let presence: Vec<Presence> = read_bytes(from)?.into_iter().map(Presence).collect();
        let marks = marks.as_chunks().0.iter().map(|mark| u64::from_le_bytes(*mark));
        let names = Names {
            packed,
            marks: marks.collect(),
            all: u32::try_from(presence.len()).ok()?,
        };
        let ever_owed = presence.iter().filter(|presence| presence.ever_owed()).count();
        Some(Self {
            names,
            index: OnceLock::new(),
            ever_owed: u32::try_from(ever_owed).ok()?,
            presence,
            confirmed,
        })
    }
}

impl Names {
    /// The packed open_id of a recipient.
    fn get(&self, recipient: u32) -> Option<&[u8]> {
        let from = self.from(recipient)?;
        from.get(..from.len() - skip(from)?.len())
    }

    /// The packed open_ids from a recipient's on.
    fn from(&self, recipient: u32) -> Option<&[u8]> {
        if recipient >= self.all {
            return None;
        }
        let mark = *self.marks.get((recipient / BETWEEN_MARKS) as usize)?;
        let mut from = self.packed.get(usize::try_from(mark).ok()?..)?;
        for _ in 0..recipient % BETWEEN_MARKS {
            from = skip(from)?;
        }
        Some(from)
    }

    fn push(&mut self, open_id: Packed<'_>) -> u32 {
        let recipient = self.all;
        if recipient.is_multiple_of(BETWEEN_MARKS) {
            self.marks.push(self.packed.len() as u64);
        }
        open_id.pack_again(&mut self.packed);
        self.all += 1;
        recipient
    }

    fn truncate(&mut self, all: u32) {
        if let Some(from) = self.from(all) {
            let left = self.packed.len() - from.len();
            self.packed.truncate(left);
            self.marks.truncate(all.div_ceil(BETWEEN_MARKS) as usize);
            self.all = all;
        }
    }

    /// All of them, with their numbers.
    fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut from = &self.packed[..];
        (0..self.all).map_while(move |recipient| {
            let rest = skip(from)?;
            let packed = &from[..from.len() - rest.len()];
            from = rest;
            Some((recipient, packed))
        })
    }
}

impl Index {
    /// The table of some names, and whether they are distinct.
    fn of(names: &Names) -> (Self, bool) {
        let mut index = Self {
            table: HashTable::with_capacity(names.all as usize),
            hasher: DefaultHashBuilder::default(),
        };
        let distinct = names
            .iter()
            .all(|(recipient, packed)| index.add_packed(names, recipient, packed));
        (index, distinct)
    }

    /// Adds one; says whether they are new.
    fn add(&mut self, names: &Names, recipient: u32) -> bool {
        names
            .get(recipient)
            .is_some_and(|packed| self.add_packed(names, recipient, packed))
    }

    fn add_packed(&mut self, names: &Names, recipient: u32, packed: &[u8]) -> bool {
        let Self { table, hasher } = self;
        let same = |known: &u32| names.get(*known) == Some(packed);
        let hash = |known: &u32| hasher.hash_one(names.get(*known).unwrap_or_default());
        match table.entry(hasher.hash_one(packed), same, hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(recipient);
                true
            }
        }
    }

    fn remove(&mut self, names: &Names, recipient: u32) {
        let hash = self.hasher.hash_one(names.get(recipient).unwrap_or_default());
        if let Ok(place) = self.table.find_entry(hash, |known| *known == recipient) {
            place.remove();
        }
    }
}
