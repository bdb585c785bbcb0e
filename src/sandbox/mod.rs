//! The platform's stand-in: its rules, the faults that it can be told to have, and a log of all that it did.
//!
//! [`Sandbox`] is a pure state machine: a request, a token and a moment in, an [`Exchange`] out. The server puts it
//! behind real HTTP; a simulation calls it in memory. It was written from the platform's documents and knows nothing of
//! the rest of this program but the words and the messages on the wire, so that a mistake there is not repeated here.

mod faults;
mod rules;
mod tokens;

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use faults::{Fault, FaultSettings, Faults, Strike, When};
pub use rules::{Effect, Repeat, Reply, RuleSettings, Rules, StreamerPlan, code};
pub use tokens::{TokenKind, WRONG};

/// A point in time, as the stand-in is told it: it reads no clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the stand-in began, by a clock that is never corrected. Rates and lives go by it.
    pub since_start: Duration,
    /// What the wall says. Only what is told to the client goes by it.
    pub wall: Timestamp,
}

/// A stable draw: 64 bits of SHA-256 over the seed, what is drawn, and whom it concerns. It depends on nothing else, so
/// neither order nor time changes it.
fn draw(seed: u64, what: &str, whom: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for field in std::iter::once(&what).chain(whom) {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(8)
        .fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}

/// A draw as a fraction of 0 to 1 (exclusive).
fn fraction(seed: u64, what: &str, whom: &[&str]) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits of a draw are plenty, and they fit exactly"
    )]
    let bits = (draw(seed, what, whom) >> 11) as f64;
    bits / 9_007_199_254_740_992.0
}
