//! The facts of a new generation, in batches.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use crate::ledger::{AudienceOrigin, Fact, Generation, KeptOut, StoreError};
use crate::model::delivery::{Away, DeliveryKey, Transition};

use super::new_open_ids::OpenIds;

/// Facts in one batch, and so in one flush: few enough that a batch is small, enough that a million newcomers need only some
/// hundred flushes.
const FACTS: usize = 8;

/// The facts of a new generation.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The new users, in the order of the source.
    pub admitted: OpenIds,
    /// Recipients that are not owed anything from now on, or for another reason than before; ascending, newcomers included.
    pub away: BTreeMap<Away, Vec<u32>>,
    /// Recipients that are owed again, ascending.
    pub returned: Vec<u32>,
    /// Deliveries whose last code has another class now, ascending.
    pub reread: Vec<(DeliveryKey, Transition)>,
    /// Those of them that were skipped and come back held with this generation, ascending.
    pub reread_returned: Vec<(DeliveryKey, Transition)>,
    /// The users that exclude lists have kept out, if the ledger does not know them yet.
    pub kept_out: Vec<KeptOut>,
    /// The testers. `None` if they stay the same.
    pub testers: Option<Vec<u32>>,
    /// Where the audience was read. `None` outside of a fleet.
    pub origin: Option<AudienceOrigin>,
    /// When the recipients were last active, newcomers included. `None` if the ledger knows it, or need not.
    pub last_active: Option<Arc<[u32]>>,
    /// Closes the generation.
    pub generation: Generation,
}

impl Changes {
    /// Keeps only the first `most` newcomers, for a preview. Keeps all of them if one of them is not owed anything, because the
    /// order needs them then.
    #[must_use]
    pub fn with_newcomers(mut self, known: u32, most: usize) -> Self {
        let are_away = self
            .away
            .values()
            .any(|away| away.last().is_some_and(|last| *last >= known));
        if !are_away {
            self.admitted.keep_first(most);
        }
        self
    }

    /// The facts in batches, to be appended in this order. They take effect with the last batch, which closes the generation.
    /// Rereads of deliveries that come back held follow it. A ledger that is opened without the last batch drops the rest.
    ///
    /// # Errors
    /// If open_ids could not be read back from the spill file. Nothing more must be appended then, and nothing has changed.
    pub fn into_batches(self) -> impl Iterator<Item = Result<Vec<Fact>, StoreError>> {
        self.batches_of(FACTS)
    }

    pub(super) fn batches_of(self, facts: usize) -> impl Iterator<Item = Result<Vec<Fact>, StoreError>> {
        let at = self.generation.at;
        let spill = self.admitted.spill();
        let admitted = chunks(self.admitted.drain()).map(|recipients| Fact::Admitted { recipients });
        let away = self
            .away
            .into_iter()
            .flat_map(|(why, recipients)| chunks(recipients).map(move |recipients| Fact::Away { why, recipients }));
        let returned = chunks(self.returned).map(|recipients| Fact::Returned { recipients });
        let kept_out = self.kept_out.into_iter().map(Fact::KeptOut);
        let testers = self.testers.map(|recipients| Fact::Testers { recipients });
        let origin = self.origin.map(|origin| Fact::Origin(Box::new(origin)));
        let last_active = self.last_active.into_iter().flat_map(|last_active| {
            let parts = 0..last_active.len().div_ceil(Fact::CHUNK);
            parts.map(move |nth| {
                let rest = &last_active[nth * Fact::CHUNK..];
                let seconds = rest[..rest.len().min(Fact::CHUNK)].to_vec();
                Fact::LastActive { seconds }
            })
        });
        let mut pending = admitted
            .chain(away)
            .chain(returned)
            .chain(kept_out)
            .chain(testers)
            .chain(origin)
            .chain(last_active)
            .peekable();
        let reread = move |(key, step)| Fact::Reread { key, step, at };
        let before = self.reread.into_iter().map(reread);
        let after = self.reread_returned.into_iter().map(reread);
        let closing = before.chain([Fact::Closed(Box::new(self.generation))]).chain(after);
        let mut closing = Some(closing);
        iter::from_fn(move || {
            let mut batch: Vec<_> = pending.by_ref().take(facts).collect();
            if pending.peek().is_none() {
                batch.extend(closing.take()?);
            }
            Some(batch)
        })
        // Checked after the batch is taken: a failed read looks like the end, and would close the generation.
        .map(move |batch| spill.check().map(|()| batch))
    }
}

fn chunks<T>(list: impl IntoIterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    let mut list = list.into_iter();
    iter::from_fn(move || {
        let chunk: Vec<_> = list.by_ref().take(Fact::CHUNK).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}
