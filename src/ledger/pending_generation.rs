//! Who comes and goes: what a generation says of recipients takes effect when it is closed, a turn that came too late at
//! once.

use serde::{Deserialize, Serialize};

use super::illegal_fact::IllegalFact;
use super::kept_out::KeptOut;
use super::ledger_state::LedgerState;
use crate::model::delivery::Away;

/// What the generation that is being read has said so far. Newly admitted recipients already lie behind the confirmed
/// ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PendingGeneration {
    /// Who went away, by the number of the reason.
    pub(super) away: [Vec<u32>; Away::ALL.len()],
    pub(super) returned: Vec<u32>,
    pub(super) kept_out: Vec<KeptOut>,
}

impl PendingGeneration {
    pub(super) fn recipients(&self, why: Away) -> &[u32] {
        &self.away[usize::from(why.number())]
    }

    fn names(&self, recipient: u32) -> bool {
        let mut all = self.away.iter().chain([&self.returned]);
        all.any(|drawn| drawn.binary_search(&recipient).is_ok())
    }
}

impl LedgerState {
    pub(super) fn drop_draft(&mut self) {
        self.people.dismiss(self.people.confirmed);
        self.take_draft();
    }

    pub(super) fn take_draft(&mut self) -> PendingGeneration {
        let draft = std::mem::take(&mut self.draft);
        if let Some(undo) = &mut self.undo {
            undo.took_draft(draft.clone());
        }
        draft
    }

    /// Notes who went away or returned: each once, in order, and only those who can have.
    pub(super) fn draw(&mut self, recipients: &[u32], away: Option<Away>) -> Result<(), IllegalFact> {
        for &recipient in recipients {
            let (known, now) = (recipient < self.people.confirmed, self.away(recipient));
            let can = if away.is_some() {
                recipient < self.people.all() && now != away
            } else {
                known && now.is_some()
            };
            let in_order = self.drawn(away).last().is_none_or(|last| *last < recipient);
            if !can || !in_order || self.draft.names(recipient) {
                return Err(IllegalFact::NotMoved { recipient });
            }
            self.drawn(away).push(recipient);
        }
        Ok(())
    }

    fn drawn(&mut self, away: Option<Away>) -> &mut Vec<u32> {
        match away {
            Some(why) => &mut self.draft.away[usize::from(why.number())],
            None => &mut self.draft.returned,
        }
    }

    /// A recipient's turn came too late; it takes effect at once.
    pub(super) fn lapse(&mut self, recipient: u32) -> Result<(), IllegalFact> {
        if recipient >= self.people.confirmed || self.away(recipient).is_some() {
            return Err(IllegalFact::NotMoved { recipient });
        }
        self.put(recipient, Some(Away::Lapsed))?;
        self.reconcile(recipient, 1)
    }

    pub(super) fn put(&mut self, recipient: u32, away: Option<Away>) -> Result<(), IllegalFact> {
        let before = self.people.put(recipient, away);
        let before = before.ok_or(IllegalFact::NotMoved { recipient })?;
        if let Some(undo) = &mut self.undo {
            undo.went(recipient, before);
        }
        Ok(())
    }
}
