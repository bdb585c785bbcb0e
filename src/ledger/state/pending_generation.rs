//! The generation that is being read. Its changes take effect when it is closed.

use serde::{Deserialize, Serialize};

use crate::ledger::fact::AudienceOrigin;
use crate::ledger::kept_out_sample::KeptOut;
use crate::ledger::recipients::recipient_table::RecipientTable;
use crate::ledger::state::illegal_fact::IllegalFact;
use crate::model::delivery::Away;

/// The changes so far. New recipients are in the [`RecipientTable`] already, after the confirmed ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::ledger) struct PendingGeneration {
    /// Recipients that are owed nothing, by the number of the reason.
    pub(super) away: [Vec<u32>; Away::ALL.len()],
    pub(super) returned: Vec<u32>,
    pub(super) kept_out: Vec<KeptOut>,
    /// `None` if the testers stay the same.
    pub(super) testers: Option<Vec<u32>>,
    /// `None` outside of a fleet.
    pub(super) origin: Option<AudienceOrigin>,
    /// By recipient, in seconds since the Unix epoch.
    pub(super) last_active: Vec<u32>,
}

/// The lengths of the lists of a [`PendingGeneration`].
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingLengths {
    away: [usize; Away::ALL.len()],
    returned: usize,
    kept_out: usize,
    has_testers: bool,
    has_origin: bool,
    last_active: usize,
}

impl PendingGeneration {
    /// Adds recipients that went away or, without a reason, returned.
    ///
    /// # Errors
    /// When a recipient cannot have gone or returned, is named twice, or is out of order.
    pub(super) fn add(
        &mut self,
        recipients: &[u32],
        away: Option<Away>,
        index: &RecipientTable,
    ) -> Result<(), IllegalFact> {
        for &recipient in recipients {
            let now = index.away(recipient);
            let is_possible = if away.is_some() {
                recipient < index.len() && now != away
            } else {
                recipient < index.confirmed && now.is_some()
            };
            let is_in_order = self.list(away).last().is_none_or(|last| *last < recipient);
            if !is_possible || !is_in_order || self.contains(recipient) {
                return Err(IllegalFact::NotMoved { recipient });
            }
            self.list(away).push(recipient);
        }
        Ok(())
    }

    /// Sets the testers, once in a generation.
    ///
    /// # Errors
    /// When the generation has testers, or one of them was never admitted or is out of order.
    pub(super) fn set_testers(&mut self, recipients: Vec<u32>, index: &RecipientTable) -> Result<(), IllegalFact> {
        let is_ascending = recipients.is_sorted_by(|before, after| before < after);
        let is_known = recipients.last().is_none_or(|last| *last < index.len());
        if !is_ascending || !is_known || self.testers.is_some() {
            return Err(IllegalFact::Testers);
        }
        self.testers = Some(recipients);
        Ok(())
    }

    /// Sets where the audience was read, once in a generation.
    ///
    /// # Errors
    /// When the generation has an origin.
    pub(super) fn set_origin(&mut self, origin: AudienceOrigin) -> Result<(), IllegalFact> {
        match self.origin.replace(origin) {
            None => Ok(()),
            Some(_) => Err(IllegalFact::Origin),
        }
    }

    /// Adds when the next recipients were last active.
    ///
    /// # Errors
    /// When fewer recipients were admitted.
    pub(super) fn add_last_active(&mut self, seconds: &[u32], index: &RecipientTable) -> Result<(), IllegalFact> {
        if self.last_active.len() + seconds.len() > index.len() as usize {
            return Err(IllegalFact::Origin);
        }
        self.last_active.extend_from_slice(seconds);
        Ok(())
    }

    pub(super) fn lengths(&self) -> PendingLengths {
        PendingLengths {
            away: self.away.each_ref().map(Vec::len),
            returned: self.returned.len(),
            kept_out: self.kept_out.len(),
            has_testers: self.testers.is_some(),
            has_origin: self.origin.is_some(),
            last_active: self.last_active.len(),
        }
    }

    pub(super) fn truncate(&mut self, lengths: PendingLengths) {
        for (list, length) in self.away.iter_mut().zip(lengths.away) {
            list.truncate(length);
        }
        self.returned.truncate(lengths.returned);
        self.kept_out.truncate(lengths.kept_out);
        if !lengths.has_testers {
            self.testers = None;
        }
        if !lengths.has_origin {
            self.origin = None;
        }
        self.last_active.truncate(lengths.last_active);
    }

    fn contains(&self, recipient: u32) -> bool {
        let mut lists = self.away.iter().chain([&self.returned]);
        lists.any(|list| list.binary_search(&recipient).is_ok())
    }

    fn list(&mut self, away: Option<Away>) -> &mut Vec<u32> {
        match away {
            Some(why) => &mut self.away[usize::from(why.number())],
            None => &mut self.returned,
        }
    }
}
