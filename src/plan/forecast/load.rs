//! The work that a forecast is for.

use jiff::Timestamp;

use crate::model::event::WaveLoad;

/// The work of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Deliveries to attempt, doubts that are sent again included.
    pub to_send: u64,
    /// When the first of them is due; [`Timestamp::MIN`] when one is due at once.
    pub first_due: Timestamp,
    /// When the last of the deliveries that were attempted before is due; [`Timestamp::MIN`] without any.
    pub last_due: Timestamp,
    /// How many attempts began on the present day.
    pub begun_today: u64,
    /// The waves in the order of sending, with the users who are in no wave at the end; empty without waves.
    pub waves: Vec<WaveLoad>,
    /// The waves, by number, whose deliveries all expire before their turn. The run acquires the app lock for them.
    pub expired_waves: Vec<Option<u32>>,
}

impl Load {
    /// Returns the load of the first `n` attempts.
    #[must_use]
    pub fn first(&self, n: u64) -> Self {
        let mut left = n;
        let waves = self.waves.iter().map(|wave| {
            let to_send = wave.to_send.min(left);
            left -= to_send;
            WaveLoad { to_send, ..*wave }
        });
        Self {
            waves: waves.collect(),
            to_send: self.to_send.min(n),
            ..self.clone()
        }
    }
}

/// The forecast of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaveTurns {
    /// The number of the wave, from 1; `None` for the users who are in no wave.
    pub wave: Option<u32>,
    /// Deliveries to attempt.
    pub to_send: u64,
    /// When its first attempt would start, at the earliest if it needs an approval; `None` beyond the calendar.
    pub begins: Option<Timestamp>,
    /// The wave before it that has to be approved first, by number; 0 for the testers. `None` if none has to.
    pub approval: Option<u32>,
}
