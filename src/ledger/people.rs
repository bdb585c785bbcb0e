//! The recipients of a ledger in the order of admission: their open_ids side by side in one piece of memory, and a table
//! to find them by.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::book::Contradiction;

/// All recipients ever admitted. Those behind `confirmed` belong to a generation that is not closed.
#[derive(Debug, Default)]
pub(super) struct People {
    text: Vec<u8>,
    /// Where each one's text ends.
    ends: Vec<u64>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Whether the last generation did not name them.
    pub(super) gone: Vec<bool>,
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

    pub(super) fn admit(&mut self, open_id: &str) -> Result<(), Contradiction> {
        if self.find(open_id).is_some() {
            return Err(Contradiction::AdmittedTwice);
        }
        let recipient = self.all();
        self.text.extend_from_slice(open_id.as_bytes());
        self.ends.push(self.text.len() as u64);
        self.gone.push(false);
        let Self {
            text,
            ends,
            table,
            hasher,
            ..
        } = self;
        let hash = |recipient: &u32| hasher.hash_one(text_of(text, ends, *recipient));
        table.insert_unique(hasher.hash_one(open_id), recipient, hash);
        Ok(())
    }

    pub(super) fn forget_unconfirmed(&mut self) {
        let confirmed = self.confirmed;
        self.table.retain(|recipient| *recipient < confirmed);
        self.ends.truncate(confirmed as usize);
        self.gone.truncate(confirmed as usize);
        let end = self.ends.last().copied().unwrap_or_default();
        self.text.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    }
}

fn text_of<'a>(text: &'a [u8], ends: &[u64], recipient: u32) -> &'a str {
    let at = recipient as usize;
    let begin = at
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or_default();
    let end = ends.get(at).copied().unwrap_or(begin);
    let range = usize::try_from(begin).unwrap_or_default()..usize::try_from(end).unwrap_or_default();
    text.get(range)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}
