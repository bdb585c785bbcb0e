//! Who comes and goes: what a generation says of recipients takes effect when it is closed, a turn that came too late at
//! once.

use serde::{Deserialize, Serialize};

use crate::ledger::kept_out::KeptOut;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::ledger::state::ledger_state::LedgerState;
use crate::model::delivery::Away;

/// What the generation that is being read has said so far. Newly admitted recipients already lie behind the confirmed
/// ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::ledger) struct PendingGeneration {
    /// Who went away, by the number of the reason.
    pub(in crate::ledger) away: [Vec<u32>; Away::ALL.len()],
    pub(in crate::ledger) returned: Vec<u32>,
    pub(in crate::ledger) kept_out: Vec<KeptOut>,
}

impl PendingGeneration {
    pub(in crate::ledger) fn recipients(&self, why: Away) -> &[u32] {
        &self.away[usize::from(why.number())]
    }

    fn names(&self, recipient: u32) -> bool {
        let mut all = self.away.iter().chain([&self.returned]);
        all.any(|drawn| drawn.binary_search(&recipient).is_ok())
    }
}

impl LedgerState {
    pub(in crate::ledger) fn drop_draft(&mut self) {
        self.people.dismiss(self.people.confirmed);
        self.take_draft();
    }

    pub(in crate::ledger) fn take_draft(&mut self) -> PendingGeneration {
        let draft = std::mem::take(&mut self.draft);
        if let Some(undo) = &mut self.undo {
            undo.took_draft(draft.clone());
        }
        draft
    }

    /// Notes who went away or returned: each once, in order, and only those who can have.
    pub(in crate::ledger) fn draw(&mut self, recipients: &[u32], away: Option<Away>) -> Result<(), IllegalFact> {
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
    pub(in crate::ledger) fn lapse(&mut self, recipient: u32) -> Result<(), IllegalFact> {
        if recipient >= self.people.confirmed || self.away(recipient).is_some() {
            return Err(IllegalFact::NotMoved { recipient });
        }
        self.put(recipient, Some(Away::Lapsed))?;
        self.reconcile(recipient, 1)
    }

    pub(in crate::ledger) fn put(&mut self, recipient: u32, away: Option<Away>) -> Result<(), IllegalFact> {
        let before = self.people.put(recipient, away);
        let before = before.ok_or(IllegalFact::NotMoved { recipient })?;
        if let Some(undo) = &mut self.undo {
            undo.went(recipient, before);
        }
        Ok(())
    }
}
