//! The remaining waves of a run: how much of what is owed may be sent now, and how much has to wait.

use jiff::Timestamp;

use crate::model::approval::WaveWait;
use crate::model::event::WaveLoad;

/// The waves that have not ended, in the order of sending; empty without waves.
#[derive(Clone, Debug, Default)]
pub struct RemainingWaves {
    waves: Vec<WaveLoad>,
    /// Whether the first of them has begun.
    begun: bool,
}

impl RemainingWaves {
    pub(super) fn new(waves: &[WaveLoad]) -> Self {
        Self {
            waves: waves.to_vec(),
            begun: false,
        }
    }

    pub(super) fn begin(&mut self, wave: Option<u32>) {
        let before = self.waves.iter().position(|load| load.wave == wave);
        self.waves.drain(..before.unwrap_or(0));
        self.begun = true;
    }

    /// Removes a wave that has ended; `until` is when the next one may begin, if it has to wait.
    pub(super) fn end(&mut self, wave: Option<u32>, until: Option<Timestamp>) {
        let ended = self.waves.iter().position(|load| load.wave == wave);
        self.waves.drain(..ended.map_or(0, |ended| ended + 1));
        self.begun = false;
        if let (Some(next), Some(until)) = (self.waves.first_mut(), until) {
            next.not_before = until;
        }
    }

    /// Whether no wave is left to run or to wait for.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.waves.is_empty()
    }

    /// Splits `owed` deliveries into those that may be sent now and the waves after them.
    #[must_use]
    pub fn left(&self, owed: u64) -> Vec<WaveLoad> {
        let (present, behind) = self.waves.split_at(usize::from(self.begun).min(self.waves.len()));
        let later: u64 = behind.iter().map(|load| load.to_send).sum();
        let present = WaveLoad {
            wave: present.first().and_then(|load| load.wave),
            to_send: owed.saturating_sub(later),
            not_before: Timestamp::MIN,
            wait: present.first().map_or(WaveWait::NONE, |load| load.wait),
        };
        [present].into_iter().chain(behind.iter().copied()).collect()
    }
}
