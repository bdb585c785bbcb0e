//! One durable batch as bytes: the version of the format, a link, and the facts.
//!
//! The link is a checksum and makes a hash chain: eight bytes of SHA-256 over the link of the batch before and this body. So a
//! batch that was altered, lost or moved is noticed.

use sha2::{Digest, Sha256};

use crate::catalogue::ledger;
use crate::model::identity::Identity;

/// The version that this program writes.
pub const VERSION: u8 = 1;

/// Eight bytes that depend on all batches so far.
pub type Link = [u8; 8];

const HEADER: usize = 1 + size_of::<Link>();

/// Why a batch cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A newer version wrote the batch.
    #[error("{}", ledger::NewerRecord { found, known: &VERSION })]
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
            Some(&found) if found > VERSION => return Err(RecordError::Newer { found }),
            _ => return Err(RecordError::Altered),
        }
        let expected = link(self.0, body);
        if header.get(1..) != Some(&expected[..]) {
            return Err(RecordError::Altered);
        }
        self.0 = expected;
        Ok(body)
    }
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
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update([VERSION])
        .chain_update(body)
        .finalize();
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
        fn any_flipped_bit_is_noticed(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut chain = Chain::default();
            let mut records: Vec<_> = bodies.iter().map(|body| chain.seal(body)).collect();
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
    fn a_newer_format_is_told_from_damage() {
        let mut record = Chain::default().seal(b"facts");
        record[0] = VERSION + 1;
        assert_eq!(
            Chain::default().open(&record),
            Err(RecordError::Newer { found: VERSION + 1 })
        );
    }
}
