//! One durable batch as bytes: the version of the format, a link, and the facts.
//!
//! The link is a checksum and makes a hash chain: eight bytes of SHA-256 over the link of the batch before and this body. So a
//! batch that was altered, lost or moved is noticed.
//!
//! A batch whose open_ids were erased keeps its link, because heads, witnesses, certificates and other logs name it. Its body is
//! another one, so it has a checksum of its own, over the link before, the kept link and the new body.

use sha2::{Digest, Sha256};

use crate::catalogue::ledger;
use crate::model::identity::Identity;

/// The version of an ordinary batch.
pub const VERSION: u8 = 1;

/// The version of a batch whose open_ids were erased. Versions of the program before erasures refuse it as newer.
pub const ERASED_VERSION: u8 = 2;

/// Eight bytes that depend on all batches so far.
pub type Link = [u8; 8];

const HEADER: usize = 1 + size_of::<Link>();
const CHECKSUM: usize = size_of::<Link>();

/// Why a batch cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A newer version wrote the batch.
    #[error("{}", ledger::NewerRecord { found, known: &ERASED_VERSION })]
    Newer {
        /// The format of the batch.
        found: u8,
    },
    /// The batch is not what was written: a bit was flipped, or it belongs to another place.
    #[error("{}", ledger::AlteredRecord)]
    Altered,
    /// The checksum is right, but the facts cannot be decoded: a defect of the version that wrote it.
    #[error("{}", ledger::SenselessRecord)]
    Senseless,
}

/// A position in the hash chain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain(Link);

impl Chain {
    /// The start of the chain of one campaign's ledger. Batches of another ledger do not follow it.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let Identity {
            campaign,
            app_id,
            platform,
        } = identity;
        Self::of_origin(&[campaign.as_str(), app_id.as_str(), &platform.to_string()].join("\n"))
    }

    /// The start of a chain that is named `origin`.
    pub(in crate::ledger) fn of_origin(origin: &str) -> Self {
        Self(link(Link::default(), origin.as_bytes()))
    }

    /// The position after the batch with this link.
    pub(in crate::ledger) const fn at(link: Link) -> Self {
        Self(link)
    }

    /// The link of the last batch.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.0
    }

    /// Makes `body` the next batch.
    pub fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        self.0 = link(self.0, body);
        let mut record = Vec::with_capacity(HEADER + body.len());
        record.push(VERSION);
        record.extend_from_slice(&self.0);
        record.extend_from_slice(body);
        record
    }

    /// Checks that `record` is the next batch, and returns its body.
    ///
    /// # Errors
    /// When `record` is not the next batch.
    pub fn open<'a>(&mut self, record: &'a [u8]) -> Result<&'a [u8], RecordError> {
        let (header, body) = record.split_at_checked(HEADER).ok_or(RecordError::Altered)?;
        match header.first() {
            Some(&VERSION) => {}
            Some(&ERASED_VERSION) => return self.open_erased(link_of(record), body),
            Some(&found) if found > ERASED_VERSION => return Err(RecordError::Newer { found }),
            _ => return Err(RecordError::Altered),
        }
        let expected = link(self.0, body);
        if header.get(1..) != Some(&expected[..]) {
            return Err(RecordError::Altered);
        }
        self.0 = expected;
        Ok(body)
    }

    fn open_erased<'a>(&mut self, kept: Link, rest: &'a [u8]) -> Result<&'a [u8], RecordError> {
        let (found, body) = rest.split_at_checked(CHECKSUM).ok_or(RecordError::Altered)?;
        if found != erased_checksum(self.0, kept, body) {
            return Err(RecordError::Altered);
        }
        self.0 = kept;
        Ok(body)
    }

    /// Makes `body` the next batch in place of the one with the link `kept`, whose open_ids are erased.
    pub fn seal_erased(&mut self, kept: Link, body: &[u8]) -> Vec<u8> {
        let checksum = erased_checksum(self.0, kept, body);
        self.0 = kept;
        let mut record = Vec::with_capacity(HEADER + CHECKSUM + body.len());
        record.push(ERASED_VERSION);
        record.extend_from_slice(&kept);
        record.extend_from_slice(&checksum);
        record.extend_from_slice(body);
        record
    }
}

/// Whether the open_ids of a record were erased.
#[must_use]
pub fn is_erased(record: &[u8]) -> bool {
    record.first() == Some(&ERASED_VERSION)
}

/// The link in a record. It is not checked.
#[must_use]
pub fn link_of(record: &[u8]) -> Link {
    record
        .get(1..HEADER)
        .and_then(|link| Link::try_from(link).ok())
        .unwrap_or_default()
}

fn link(before: Link, body: &[u8]) -> Link {
    let hash = Sha256::new().chain_update(before).chain_update([VERSION]);
    first_bytes(hash.chain_update(body))
}

fn erased_checksum(before: Link, kept: Link, body: &[u8]) -> Link {
    let hash = Sha256::new().chain_update(before).chain_update([ERASED_VERSION]);
    first_bytes(hash.chain_update(kept).chain_update(body))
}

fn first_bytes(hash: Sha256) -> Link {
    let digest = hash.finalize();
    let mut link = Link::default();
    link.copy_from_slice(&digest[..size_of::<Link>()]);
    link
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(bodies in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 1..8), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut chain = Chain::default();
            let mut records: Vec<_> = bodies.iter().map(|(is_erased, body)| {
                if *is_erased { chain.seal_erased([7; 8], body) } else { chain.seal(body) }
            }).collect();
            let bodies: Vec<_> = bodies.into_iter().map(|(_, body)| body).collect();
            let read = |records: &[Vec<u8>]| {
                let mut chain = Chain::default();
                records.iter().map(|record| chain.open(record).map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()
            };
            prop_assert_eq!(read(&records), Ok(bodies));
            let which = at.index(records.len());
            let byte = at.index(records[which].len());
            records[which][byte] ^= 1_u8 << bit;
            prop_assert!(read(&records).is_err());
        }
    }

    #[test]
    fn an_erased_batch_keeps_its_link() {
        let mut chain = Chain::default();
        let first = chain.seal(b"first");
        let second = chain.seal(b"with open_ids");
        let third = chain.seal(b"third");
        let erased = Chain::at(link_of(&first)).seal_erased(link_of(&second), b"without");
        assert_eq!(link_of(&erased), link_of(&second));
        assert!(is_erased(&erased) && !is_erased(&second));
        assert!(
            erased[0] > VERSION,
            "versions before erasures call it newer, and not damaged"
        );
        let mut chain = Chain::default();
        assert_eq!(chain.open(&first), Ok(&b"first"[..]));
        assert_eq!(chain.open(&erased), Ok(&b"without"[..]));
        assert_eq!(chain.open(&third), Ok(&b"third"[..]));
        let mut elsewhere = Chain::default();
        assert_eq!(elsewhere.open(&erased), Err(RecordError::Altered));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut record = Chain::default().seal(b"facts");
        record[0] = ERASED_VERSION + 1;
        assert_eq!(
            Chain::default().open(&record),
            Err(RecordError::Newer {
                found: ERASED_VERSION + 1
            })
        );
    }
}
