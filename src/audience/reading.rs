//! Reads a source on a thread of its own, a few batches ahead of the consumer.
//!
//! Files and databases block, and must not delay the rest of the program; a slow consumer must not let rows pile up. A
//! thread with a bounded queue solves both. To cancel, the consumer drops the reading: the source finds a closed queue
//! at its next batch, and a query that has no row yet waits for that too.

use tokio::sync::mpsc::{Receiver, channel};

use super::batch::Batch;
use super::error::AudienceError;
use super::row_sink::{Message, RowSink};
use super::source::Source;
use super::totals::Totals;

/// How many batches a source reads ahead.
const AHEAD: usize = 4;

/// A source that is being read.
#[derive(Debug)]
pub struct Reading {
    batches: Receiver<Message>,
}

/// The next part of a reading.
#[derive(Debug)]
pub enum Next {
    /// More rows.
    Rows(Batch),
    /// The end: all rows were read.
    End(Totals),
}

impl Reading {
    /// Starts to read `source`.
    ///
    /// # Errors
    /// If the system provides no thread.
    pub fn begin(source: &Source) -> Result<Self, AudienceError> {
        let (sender, batches) = channel(AHEAD);
        let source = source.clone();
        let read = move || {
            let mut out = RowSink::new(sender);
            let read = source.read_rows(&mut out).map(|()| out.finish());
            // This fails if the reading was dropped, and then no result is needed.
            let _ = out.batches.blocking_send(Message::End(read));
        };
        let thread = std::thread::Builder::new().name("audience".to_owned());
        thread
            .spawn(read)
            .map_err(|source| AudienceError::NoThread { source })?;
        Ok(Self { batches })
    }

    /// Returns the next rows, or the end. It is cancel-safe.
    ///
    /// Rows are valid only after the end was returned: an error may be in the last line, and whether the source changed
    /// is known only then.
    ///
    /// # Errors
    /// If the source cannot be read to its end, is malformed, or changed while it was read.
    pub async fn next(&mut self) -> Result<Next, AudienceError> {
        match self.batches.recv().await {
            Some(Message::Batch(batch)) => Ok(Next::Rows(batch)),
            Some(Message::End(read)) => read.map(Next::End),
            None => Err(AudienceError::Broken),
        }
    }
}

/// Reads `source` to its end and calls `on_rows` for each batch, in the order of the source. It suits callers that do
/// nothing else at the same time; a run uses [`Reading`].
///
/// The batches are valid only if this returns `Ok`; see [`Reading::next`].
///
/// # Errors
/// If the source cannot be read to its end, is malformed, or changed while it was read.
pub async fn read(source: &Source, mut on_rows: impl FnMut(&Batch)) -> Result<Totals, AudienceError> {
    let mut reading = Reading::begin(source)?;
    loop {
        match reading.next().await? {
            Next::Rows(batch) => on_rows(&batch),
            Next::End(totals) => return Ok(totals),
        }
    }
}
