//! Waves, each by the share of the audience that has had its turn by its end. So a wave whose name changes in the campaign
//! file stays the same wave.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::fact::Answered;
use crate::model::actor::Actor;

use super::illegal_fact::IllegalFact;

/// What is known of a wave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// The share of the audience that has had its turn by its end.
    pub share: f64,
    /// When it ended. `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// The answers until a run last halted in it.
    pub halted: Answered,
    /// The approval that ended the wait after it. `None` without one.
    pub approved: Option<Approval>,
}

/// A person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The time.
    pub at: Timestamp,
    /// The person.
    pub by: Actor,
}

/// The waves of a ledger, by their shares.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::ledger) struct Waves(Vec<Wave>);

impl Waves {
    pub(super) fn as_slice(&self) -> &[Wave] {
        &self.0
    }

    /// Notes that a wave ended. Its first end counts.
    pub(super) fn end(&mut self, share: f64, at: Timestamp) {
        if let Some(wave) = self.wave(share) {
            wave.ended.get_or_insert(at);
        }
    }

    /// Notes that a run halted in a wave.
    pub(super) fn halt(&mut self, share: f64, answered: Answered) {
        if let Some(wave) = self.wave(share) {
            wave.halted = answered;
        }
    }

    /// Notes the approval of a wave that has ended. The first one counts.
    pub(super) fn approve(&mut self, share: f64, approval: Approval) -> Result<(), IllegalFact> {
        let mut waves = self.0.iter_mut();
        let wave = waves.find(|wave| wave.share.total_cmp(&share).is_eq() && wave.ended.is_some());
        let wave = wave.ok_or(IllegalFact::NotEnded)?;
        wave.approved.get_or_insert(approval);
        Ok(())
    }

    /// Moves ends after `at` to `at`.
    pub(super) fn clamp(&mut self, at: Timestamp) {
        for wave in &mut self.0 {
            wave.ended = wave.ended.map(|ended| ended.min(at));
        }
    }

    fn wave(&mut self, share: f64) -> Option<&mut Wave> {
        let at = self.0.partition_point(|wave| wave.share < share);
        if self.0.get(at).is_none_or(|wave| wave.share > share) {
            let wave = Wave {
                share,
                ended: None,
                halted: Answered::default(),
                approved: None,
            };
            self.0.insert(at, wave);
        }
        self.0.get_mut(at)
    }
}
