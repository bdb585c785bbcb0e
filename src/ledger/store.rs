//! Where batches lie. A store knows bytes, sequence numbers and flushes, and nothing of coupons.

use std::future::Future;

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was told to, by a test.
    #[error("the store failed as planned")]
    Planned,
}

/// An append-only log of batches, numbered from 1, with one writer.
pub trait Store: Send + 'static {
    /// Appends one batch at the next number. `Ok` means that it is durable: it survives a kill and a loss of power.
    fn append(&mut self, record: Vec<u8>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Shows every batch in order.
    ///
    /// # Errors
    /// When the store cannot be read, or is known to have been longer.
    fn read(
        &mut self,
        each: &mut (dyn FnMut(u64, &[u8]) -> Result<(), StoreError> + Send),
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
