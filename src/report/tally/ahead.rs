//! What lies ahead of a run with waves: how much of what is owed has its turn now, and what has to wait for that.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::WaveLoad;

/// The waves that have not ended, in the order of their turns; nothing of a campaign without waves.
#[derive(Clone, Debug, Default)]
pub struct Ahead {
    waves: Vec<WaveLoad>,
    /// Whether the first of them has its turn.
    begun: bool,
}

impl Ahead {
    pub(super) fn of(waves: &[WaveLoad]) -> Self {
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

    /// Takes in that a wave has ended, and when the next one may begin, where it has to wait.
    pub(super) fn end(&mut self, wave: Option<u32>, until: Option<Timestamp>) {
        let ended = self.waves.iter().position(|load| load.wave == wave);
        self.waves.drain(..ended.map_or(0, |ended| ended + 1));
        self.begun = false;
        if let (Some(next), Some(until)) = (self.waves.first_mut(), until) {
            next.not_before = until;
        }
    }

    /// Whether no wave has its turn, and none is waited for.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.waves.is_empty()
    }

    /// What is left of so many that are owed: what may be sent now, and what comes behind it.
    #[must_use]
    pub fn left(&self, owed: u64) -> Vec<WaveLoad> {
        let (present, behind) = self.waves.split_at(usize::from(self.begun).min(self.waves.len()));
        let later: u64 = behind.iter().map(|load| load.to_send).sum();
        let present = WaveLoad {
            wave: present.first().and_then(|load| load.wave),
            to_send: owed.saturating_sub(later),
            not_before: Timestamp::MIN,
            wait: present.first().map_or(Duration::ZERO, |load| load.wait),
        };
        [present].into_iter().chain(behind.iter().copied()).collect()
    }
}
