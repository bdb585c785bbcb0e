//! Whether a person's approval has an effect: a pure function of the plan, the ledger state and the present.

use jiff::Timestamp;

use crate::ledger::{Fact, LedgerState};
use crate::model::actor::{Act, ActKind, Actor};
use crate::model::approval::{ApprovalAnswer, WaveWait};
use crate::model::clock::until;
use crate::plan::Plan;

use super::wave_members::{EndedWave, ended, last_ended, number, place};

/// A wave that an approval lets end its wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Approvable {
    /// Its number, from 1; 0 for the testers.
    pub wave: u32,
    /// Its share in the ledger.
    share: f64,
}

impl Approvable {
    /// The fact of the approval.
    #[must_use]
    pub fn fact(&self, by: Actor, at: Timestamp) -> Fact {
        let kind = ActKind::Approved { share: self.share };
        Fact::Acted {
            at,
            act: Box::new(Act { by, kind }),
        }
    }
}

/// Finds the wave that an approval is for: this one, or the one that ended last.
///
/// # Errors
/// When the approval has no effect: why.
pub fn check(
    plan: &Plan,
    ledger_state: &LedgerState,
    wave: Option<u32>,
    now: Timestamp,
) -> Result<Approvable, ApprovalAnswer> {
    let last = last_ended(plan, ledger_state);
    let ended = match wave {
        None => last.ok_or(ApprovalAnswer::NothingWaits)?,
        Some(wave) => {
            let place = place(plan, wave).ok_or(ApprovalAnswer::NoSuchWave { wave })?;
            ended(plan, ledger_state, place).ok_or(ApprovalAnswer::NotEnded { wave })?
        }
    };
    let wave = number(plan, ended.place).unwrap_or_default();
    if let Some(approval) = ended.approved {
        return Err(ApprovalAnswer::Already {
            wave,
            at: approval.at,
            by: approval.by.clone(),
        });
    }
    let is_last = last.is_some_and(|last| last.place == ended.place);
    if is_last && waits(&ended, plan, now) {
        let share = ended.share;
        Ok(Approvable { wave, share })
    } else {
        Err(ApprovalAnswer::NothingWaits)
    }
}

/// Whether a run waits after this wave, which is the last one that has ended.
fn waits(ended: &EndedWave<'_>, plan: &Plan, now: Timestamp) -> bool {
    match ended.wait(plan) {
        WaveWait::For(wait) => until(ended.at, now).unwrap_or_default() < wait,
        WaveWait::Approval => true,
    }
}
