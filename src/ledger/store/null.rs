//! A ledger that goes on apart from its store, for whoever lives through what would be. What it is told is checked and
//! folded like any other facts, and kept by nobody.

use super::contract::{BatchVisitor, Store};
use super::error::StoreError;

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
