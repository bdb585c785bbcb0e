//! A ledger that goes on apart from its store, for whoever lives through what would be. What it is told is checked and
//! folded like any other facts, and kept by nobody.

use super::{BatchVisitor, Ledger, Store, StoreError};

/// A store that has nothing and keeps nothing. A permit of its ledger vouches for no durable intent, so it must not reach a
/// platform that gives real coupons.
#[derive(Clone, Copy, Debug)]
pub struct NullStore;

impl Store for NullStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        drop(record);
        Ok(())
    }

    async fn read(&mut self, _: &mut BatchVisitor<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<S: Store> Ledger<S> {
    /// Goes on from here by itself. The store is let go of as it is.
    #[must_use]
    pub fn without_store(self) -> Ledger<NullStore> {
        let mut without_store = Ledger {
            store: NullStore,
            state: self.state,
            chain: self.chain,
            writer: self.writer,
            reader: self.reader,
            sequence: self.sequence,
            kept: self.kept,
            held_back: self.held_back,
            // Nothing is meant, so nobody has to accept anything.
            older: None,
            failed: self.failed,
        };
        // There is no place for a shortcut.
        without_store.keep_after(u64::MAX);
        without_store
    }
}
