//! A snapshot: the ledger state as bytes, so that opening a ledger need not replay the whole log. It can be deleted. One that is
//! missing, damaged, of another version or of another ledger is ignored, and the log is replayed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::codec::{Codec, CodecState};
use super::fact::{AudienceOrigin, Generation};
use super::framing::{read_bytes, write_bytes};
use super::kept_out_sample::KeptOut;
use super::log::record::{Chain, Link};
use super::recipients::recipient_table::RecipientTable;
use super::recipients::spill::Spill;
use super::replay::Replay;
use super::state::deliveries::Deliveries;
use super::state::ledger_state::LedgerState;
use super::state::pending_generation::PendingGeneration;
use super::state::totals::Totals;
use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped};
use crate::model::identity::{ActivityId, Identity};
use crate::model::merchant_coupon_id::MerchantCouponIds;

/// The version. A snapshot of another one is ignored, because its bytes may mean something else.
const WRITER: &[u8] = concat!("runner ", env!("CARGO_PKG_VERSION"), ", shortcut 13\n").as_bytes();

const DIGEST: usize = 32;

/// The position and the hash of a snapshot.
#[derive(Debug)]
pub(super) struct SnapshotInfo {
    /// The last batch in it.
    pub(super) sequence: u64,
    pub(super) digest: [u8; DIGEST],
}

#[derive(Serialize, Deserialize)]
struct SnapshotHeader {
    /// The start of the ledger's hash chain.
    origin: Link,
    sequence: u64,
    link: Link,
    codec_state: CodecState,
    confirmed: u32,
    common: Vec<DeliveryStatus>,
    rare: Vec<(DeliveryKey, DeliveryStatus)>,
    counts: Counts,
    skipped: BTreeMap<Skipped, u64>,
    ordinals: u8,
    state: StateHeader,
}

#[derive(Serialize, Deserialize)]
struct StateHeader {
    generation: Option<Generation>,
    activities: Vec<ActivityId>,
    pending: PendingGeneration,
    totals: Totals,
    kept_out: Vec<KeptOut>,
    testers: Vec<u32>,
    origin: Option<AudienceOrigin>,
    last_active: Vec<u32>,
}

impl SnapshotHeader {
    /// `None` for a snapshot of another version or of another ledger.
    fn read(from: &mut impl Read, identity: &Identity) -> Option<Self> {
        let mut writer = vec![0; WRITER.len()];
        from.read_exact(&mut writer).ok()?;
        if writer != WRITER {
            return None;
        }
        let header: Self = postcard::from_bytes(&read_bytes(from)?).ok()?;
        (header.origin == Chain::new(identity).link()).then_some(header)
    }
}

pub(super) fn write(replay: &Replay, to: &mut dyn Write) -> io::Result<()> {
    // Destructured, so that a new field is not forgotten here.
    let LedgerState {
        identity,
        coupon_ids: _,
        recipients,
        deliveries,
        generation,
        activities,
        pending,
        totals,
        kept_out,
        testers,
        origin,
        last_active,
        rollback: _,
        batch: _,
    } = &replay.state;
    let Deliveries {
        rows,
        common,
        rare: _,
        counts,
        skipped,
    } = deliveries;
    let header = SnapshotHeader {
        origin: Chain::new(identity).link(),
        sequence: replay.sequence,
        link: replay.chain.link(),
        codec_state: replay.codec.to_state(),
        confirmed: recipients.confirmed,
        common: common.clone(),
        rare: deliveries.rare().collect(),
        counts: *counts,
        skipped: skipped.clone(),
        ordinals: deliveries.ordinals(),
        state: StateHeader {
            generation: generation.clone(),
            activities: activities.clone(),
            pending: pending.clone(),
            totals: totals.clone(),
            kept_out: kept_out.clone(),
            testers: testers.clone(),
            origin: origin.clone(),
            last_active: last_active.clone(),
        },
    };
    let header = postcard::to_stdvec(&header).map_err(io::Error::other)?;
    let mut to = Hashing {
        inner: to,
        hash: Sha256::new(),
    };
    to.write_all(WRITER)?;
    write_bytes(&mut to, &header)?;
    recipients.write(&mut to)?;
    for row in rows {
        write_bytes(&mut to, row)?;
    }
    let digest = to.hash.finalize();
    to.inner.write_all(&digest)
}

/// Reads what [`write()`] wrote. `None` for other bytes.
pub(super) fn read(from: &mut dyn Read, identity: &Identity, spill: &Arc<Spill>) -> Option<Replay> {
    let mut from = Hashing {
        inner: from,
        hash: Sha256::new(),
    };
    let header = SnapshotHeader::read(&mut from, identity)?;
    let recipients = RecipientTable::read(&mut from, header.confirmed, Arc::clone(spill))?;
    let rows = (0..header.ordinals).map(|_| read_bytes(&mut from));
    let rows = rows.collect::<Option<_>>()?;
    let expected = from.hash.finalize();
    let mut digest = [0; DIGEST];
    from.inner.read_exact(&mut digest).ok()?;
    if digest[..] != expected[..] {
        return None;
    }
    let deliveries = Deliveries {
        rows,
        common: header.common,
        rare: header.rare.into_iter().collect(),
        counts: header.counts,
        skipped: header.skipped,
    };
    let StateHeader {
        generation,
        activities,
        pending,
        totals,
        kept_out,
        testers,
        origin,
        last_active,
    } = header.state;
    Some(Replay {
        state: LedgerState {
            coupon_ids: MerchantCouponIds::new(&identity.campaign, &identity.app_id),
            identity: identity.clone(),
            recipients,
            deliveries,
            generation,
            activities,
            pending,
            totals,
            kept_out,
            testers,
            origin,
            last_active,
            rollback: None,
            batch: None,
        },
        chain: Chain::at(header.link),
        codec: Codec::from_state(header.codec_state)?,
        sequence: header.sequence,
        erased: None,
    })
}

/// Checks a snapshot's hash without building the state. `None` for a snapshot that [`read`] would not read.
pub(super) fn read_info(from: &mut dyn Read, identity: &Identity) -> Option<SnapshotInfo> {
    let mut from = Hashing {
        inner: from,
        hash: Sha256::new(),
    };
    let header = SnapshotHeader::read(&mut from, identity)?;
    let mut end = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.inner.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        end.extend_from_slice(&buffer[..read]);
        // The last bytes are the hash itself.
        let hashed = end.len().saturating_sub(DIGEST);
        from.hash.update(&end[..hashed]);
        end.drain(..hashed);
    }
    let digest = <[u8; DIGEST]>::try_from(end).ok()?;
    (digest == *from.hash.finalize()).then_some(SnapshotInfo {
        sequence: header.sequence,
        digest,
    })
}

/// The hash that a snapshot would have.
pub(super) fn digest(replay: &Replay) -> io::Result<[u8; DIGEST]> {
    let mut end = End::default();
    write(replay, &mut end)?;
    Ok(end.0)
}

/// The place to which a lent [`Replay`] comes back.
#[derive(Clone, Default)]
pub(super) struct Returned(Arc<Mutex<Option<Written>>>);

/// A replay that a store has written, or has failed to write.
pub(super) struct Written {
    pub(super) replay: Replay,
    /// The bytes that were written.
    pub(super) size: u64,
}

/// A [`Replay`] that a store writes, perhaps in another thread. It comes back when it is dropped.
pub(super) struct Lent {
    written: Option<Written>,
    back: Returned,
}

impl Returned {
    pub(super) fn lend(&self, replay: Replay) -> Lent {
        Lent {
            written: Some(Written { replay, size: 0 }),
            back: self.clone(),
        }
    }

    /// `None` while the store has the replay.
    pub(super) fn take(&self) -> Option<Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Lent {
    pub(super) fn write(mut self, to: &mut dyn Write) -> io::Result<()> {
        let Some(lent) = &mut self.written else { return Ok(()) };
        let mut counting = Counting { inner: to, size: 0 };
        let result = write(&lent.replay, &mut counting);
        lent.size = counting.size;
        result
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.back.0.lock().unwrap_or_else(PoisonError::into_inner) = self.written.take();
    }
}

/// Counts the bytes that are written.
struct Counting<'a> {
    inner: &'a mut dyn Write,
    size: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Keeps the last bytes that are written.
#[derive(Default)]
struct End([u8; DIGEST]);

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The hash is written in one piece.
        if let Ok(bytes) = bytes.try_into() {
            self.0 = bytes;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes the bytes that are written or read.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl Write for Hashing<&mut dyn Write> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Read for Hashing<&mut dyn Read> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
