//! The folded state as bytes, so that opening a ledger need not read all that happened. Only a shortcut that may be thrown
//! away: one that is absent, altered, of another version, or of another ledger is passed over, and the log is read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::codec::{Codec, CodecState};
use crate::ledger::fact::Generation;
use crate::ledger::files::open_to_read;
use crate::ledger::kept_out::KeptOut;
use crate::ledger::log::record::{Chain, Link};
use crate::ledger::recipients::recipient_index::RecipientIndex;
use crate::ledger::recipients::spill::Spill;
use crate::ledger::rules::Rules;
use crate::ledger::state::daily_attempts::DailyAttempts;
use crate::ledger::state::deliveries::Deliveries;
use crate::ledger::state::ledger_state::LedgerState;
use crate::ledger::state::pending_generation::PendingGeneration;
use crate::ledger::state::waves::Wave;
use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped};
use crate::model::identity::{ActivityId, Identity};

/// What this program writes and reads: another one's may mean something else by the same bytes.
const WRITER: &[u8] = concat!("runner ", env!("CARGO_PKG_VERSION"), ", shortcut 5\n").as_bytes();

const DIGEST: usize = 32;
/// The shortcut's file beside the store.
pub(in crate::ledger) const FILE: &str = "shortcut";

/// What a shortcut says of itself.
#[derive(Debug)]
pub(in crate::ledger) struct SnapshotInfo {
    /// As of which batch it is.
    pub(in crate::ledger) sequence: u64,
    /// The hash of everything in it.
    pub(in crate::ledger) digest: [u8; DIGEST],
}

/// Looks at the shortcut of the ledger in `dir`; nothing when there is none that this program would use.
pub(in crate::ledger) fn read_info(dir: &Path, identity: &Identity) -> Option<SnapshotInfo> {
    let mut file = open_to_read(&dir.join(FILE)).ok()?;
    let mut from = Summed {
        inner: &mut file as &mut dyn Read,
        hash: Sha256::new(),
    };
    let rest = SnapshotHeader::read(&mut from, identity)?;
    // All that is behind it but the hash at the end passes by.
    let (mut end, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let read = from.inner.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        end.extend_from_slice(&buffer[..read]);
        let passed = end.len().saturating_sub(DIGEST);
        from.hash.update(&end[..passed]);
        end.drain(..passed);
    }
    let digest = <[u8; DIGEST]>::try_from(end).ok()?;
    (digest == *from.hash.finalize()).then_some(SnapshotInfo {
        sequence: rest.sequence,
        digest,
    })
}

/// A ledger's state as of one batch.
#[derive(Debug)]
pub(in crate::ledger) struct Snapshot {
    pub(in crate::ledger) state: LedgerState,
    pub(in crate::ledger) chain: Chain,
    pub(in crate::ledger) codec: Codec,
    pub(in crate::ledger) sequence: u64,
}

/// A folded state on its way to where it is written.
pub(in crate::ledger) struct LentSnapshot {
    snapshot: Option<Snapshot>,
    size: u64,
    back: ReturnedSnapshot,
}

/// Where it comes back to, with the number of bytes that were written of it.
#[derive(Clone, Default)]
pub(in crate::ledger) struct ReturnedSnapshot(Arc<Mutex<Option<(Snapshot, u64)>>>);

/// Lends a folded state to whoever writes it. It comes back when they are done, whether or not they did.
pub(in crate::ledger) fn lend_snapshot(snapshot: Snapshot) -> (LentSnapshot, ReturnedSnapshot) {
    let back = ReturnedSnapshot::default();
    let lent = LentSnapshot {
        snapshot: Some(snapshot),
        size: 0,
        back: back.clone(),
    };
    (lent, back)
}

impl LentSnapshot {
    pub(in crate::ledger) fn write(mut self, to: &mut dyn Write) -> io::Result<()> {
        let mut counted = Counted { inner: to, size: 0 };
        let written = self
            .snapshot
            .as_ref()
            .map_or(Ok(()), |snapshot| snapshot.write(&mut counted));
        self.size = counted.size;
        written
    }
}

impl Drop for LentSnapshot {
    fn drop(&mut self) {
        let mut back = self.back.0.lock().unwrap_or_else(PoisonError::into_inner);
        *back = self.snapshot.take().map(|snapshot| (snapshot, self.size));
    }
}

impl ReturnedSnapshot {
    pub(in crate::ledger) fn take(&self) -> Option<(Snapshot, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is small, or seldom large.
#[derive(Serialize, Deserialize)]
struct SnapshotHeader {
    /// With what the chain of this ledger begins.
    whose: Link,
    sequence: u64,
    link: Link,
    codec_state: CodecState,
    confirmed: u32,
    common: Vec<DeliveryStatus>,
    particular: Vec<(DeliveryKey, DeliveryStatus)>,
    counts: Counts,
    skipped: BTreeMap<Skipped, u64>,
    ordinals: u8,
    ledger_state: StateHeader,
}

#[derive(Serialize, Deserialize)]
struct StateHeader {
    generation: Option<Generation>,
    activities: Vec<ActivityId>,
    draft: PendingGeneration,
    newest: Option<Timestamp>,
    accepts_replays: bool,
    reopened_doubts: u64,
    reopened_held: u64,
    rules: Rules,
    begun: DailyAttempts,
    waves: Vec<Wave>,
    kept_out: Vec<KeptOut>,
}

impl SnapshotHeader {
    fn read(from: &mut impl Read, identity: &Identity) -> Option<Self> {
        let mut writer = vec![0; WRITER.len()];
        from.read_exact(&mut writer).ok()?;
        if writer != WRITER {
            return None;
        }
        let rest: Self = postcard::from_bytes(&read_bytes(from)?).ok()?;
        (rest.whose == Chain::new(identity).link()).then_some(rest)
    }
}

impl Snapshot {
    pub(in crate::ledger) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        // Taken apart, so that whoever adds to the book has to add here.
        let LedgerState {
            identity,
            people,
            deliveries,
            generation,
            activities,
            draft,
            newest,
            accepts_replays,
            reopened_doubts,
            reopened_held,
            rules,
            begun,
            waves,
            kept_out,
            undo: _,
        } = &self.state;
        let Deliveries {
            rows,
            common,
            particular: _,
            counts,
            skipped,
        } = deliveries;
        let rest = SnapshotHeader {
            whose: Chain::new(identity).link(),
            sequence: self.sequence,
            link: self.chain.link(),
            codec_state: self.codec.codec_state(),
            confirmed: people.confirmed,
            common: common.clone(),
            particular: deliveries.particular().collect(),
            counts: *counts,
            skipped: skipped.clone(),
            ordinals: deliveries.ordinals(),
            ledger_state: StateHeader {
                generation: generation.clone(),
                activities: activities.clone(),
                draft: draft.clone(),
                // The smallest time there is stands for none, and cannot be written as text.
                newest: Some(*newest).filter(|newest| *newest != Timestamp::MIN),
                accepts_replays: *accepts_replays,
                reopened_doubts: *reopened_doubts,
                reopened_held: *reopened_held,
                rules: *rules,
                begun: begun.clone(),
                waves: waves.clone(),
                kept_out: kept_out.clone(),
            },
        };
        let rest = postcard::to_stdvec(&rest).map_err(io::Error::other)?;
        let mut to = Summed {
            inner: to,
            hash: Sha256::new(),
        };
        to.write_all(WRITER)?;
        write_bytes(&mut to, &rest)?;
        people.write(&mut to)?;
        for row in rows {
            write_bytes(&mut to, row)?;
        }
        let digest = to.hash.finalize();
        to.inner.write_all(&digest)
    }

    /// The hash that a shortcut of this would have at its end.
    pub(in crate::ledger) fn digest(&self) -> io::Result<[u8; DIGEST]> {
        let mut end = End::default();
        self.write(&mut end)?;
        Ok(end.0)
    }

    /// Nothing when these are not the bytes of a shortcut.
    pub(in crate::ledger) fn read(from: &mut dyn Read, identity: &Identity, spill: &Arc<Spill>) -> Option<Self> {
        let mut from = Summed {
            inner: from,
            hash: Sha256::new(),
        };
        let rest = SnapshotHeader::read(&mut from, identity)?;
        let people = RecipientIndex::read(&mut from, rest.confirmed, Arc::clone(spill))?;
        let rows = (0..rest.ordinals).map(|_| read_bytes(&mut from));
        let rows = rows.collect::<Option<_>>()?;
        let expected = from.hash.finalize();
        let mut digest = [0; DIGEST];
        from.inner.read_exact(&mut digest).ok()?;
        if digest[..] != expected[..] {
            return None;
        }
        let mut deliveries = Deliveries {
            rows,
            common: rest.common,
            counts: rest.counts,
            skipped: rest.skipped,
            ..Deliveries::default()
        };
        deliveries.particularise(rest.particular);
        let StateHeader {
            generation,
            activities,
            draft,
            newest,
            accepts_replays,
            reopened_doubts,
            reopened_held,
            rules,
            begun,
            waves,
            kept_out,
        } = rest.ledger_state;
        Some(Self {
            state: LedgerState {
                identity: identity.clone(),
                people,
                deliveries,
                generation,
                activities,
                draft,
                newest: newest.unwrap_or(Timestamp::MIN),
                accepts_replays,
                reopened_doubts,
                reopened_held,
                rules,
                begun,
                waves,
                kept_out,
                undo: None,
            },
            chain: Chain::at(rest.link),
            codec: Codec::having(rest.codec_state)?,
            sequence: rest.sequence,
        })
    }
}

/// Writes bytes behind their length.
pub(in crate::ledger) fn write_bytes(to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

/// Reads what [`write_bytes`] wrote.
pub(in crate::ledger) fn read_bytes(from: &mut dyn Read) -> Option<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::new();
    // A length that was altered may ask for more than there is.
    bytes.try_reserve_exact(usize::try_from(length).ok()?).ok()?;
    let read = from.take(length).read_to_end(&mut bytes).ok()?;
    (read as u64 == length).then_some(bytes)
}

/// Counts what passes.
struct Counted<'a> {
    inner: &'a mut dyn Write,
    size: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The last bytes that pass.
#[derive(Default)]
struct End([u8; DIGEST]);

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The hash is written at once.
        if let Ok(bytes) = bytes.try_into() {
            self.0 = bytes;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sums up what passes.
struct Summed<T> {
    inner: T,
    hash: Sha256,
}

impl Write for Summed<&mut dyn Write> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Read for Summed<&mut dyn Read> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
