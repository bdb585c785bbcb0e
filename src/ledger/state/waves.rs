//! What is known of waves, each by the share of the audience that has had its turn with it: a wave that a file names anew
//! is the one of the same share.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::fact::Answered;
use crate::ledger::state::ledger_state::LedgerState;

/// What is known of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// The share of the audience that has had its turn with it.
    pub share: f64,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// What was answered when a run last halted in it.
    pub halted: Answered,
}

impl Answered {
    /// What was answered since it was `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            not_issued: self.not_issued.saturating_sub(before.not_issued),
        }
    }
}

impl LedgerState {
    /// What is known of waves, by their shares.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    fn wave(&mut self, share: f64) -> Option<&mut Wave> {
        let place = self.waves.partition_point(|wave| wave.share < share);
        if self.waves.get(place).is_none_or(|wave| wave.share > share) {
            let halted = Answered::default();
            let ended = None;
            self.waves.insert(place, Wave { share, ended, halted });
        }
        self.waves.get_mut(place)
    }

    /// A wave has ended. The first end is the one that counts.
    pub(crate) fn wave_ended(&mut self, share: f64, at: Timestamp) {
        if let Some(wave) = self.wave(share) {
            wave.ended.get_or_insert(at);
        }
    }

    /// A run halted in a wave.
    pub(in crate::ledger) fn wave_halted(&mut self, share: f64, answered: Answered) {
        if let Some(wave) = self.wave(share) {
            wave.halted = answered;
        }
    }
}
