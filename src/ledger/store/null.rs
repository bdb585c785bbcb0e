//! A store that keeps nothing.

use super::contract::{AppendError, ReadPage, Store};
use super::error::StoreError;
use crate::ledger::log::head::Head;

/// A store that keeps nothing. A permit of its ledger proves no durable intent, so it must not reach a platform that gives real
/// coupons.
#[derive(Clone, Copy, Debug)]
pub struct NullStore;

impl Store for NullStore {
    async fn append(&mut self, record: Vec<u8>) -> Result<(), AppendError> {
        drop(record);
        Ok(())
    }

    async fn read(&mut self, after: Head) -> Result<ReadPage, StoreError> {
        Ok(if after == Head::default() {
            ReadPage::End
        } else {
            ReadPage::Missing
        })
    }
}
