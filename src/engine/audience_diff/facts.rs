//! What the ledger is told of a generation, cut into batches.

use std::collections::BTreeMap;
use std::iter;

use crate::ledger::{Fact, Generation, KeptOut, StoreError};
use crate::model::delivery::{Away, DeliveryKey, Transition};

use super::gathered::OpenIds;

/// How many facts of a draft share one batch, and so one flush: few enough that a batch is small, many enough that a
/// million newcomers cost some hundred flushes.
const FACTS: usize = 8;

/// Everything that the ledger is to be told of one reading of the audience.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The users who are new, in the order of the source.
    pub admitted: OpenIds,
    /// Recipients who are not owed anything any more, or for another reason, newcomers included; ascending.
    pub away: BTreeMap<Away, Vec<u32>>,
    /// Recipients who are owed again, ascending.
    pub returned: Vec<u32>,
    /// Deliveries whose last code means something else by now, ascending.
    pub reread: Vec<(DeliveryKey, Transition)>,
    /// Those of them that were skipped and come back held with this generation, ascending.
    pub reread_returned: Vec<(DeliveryKey, Transition)>,
    /// Whom lists of the excluded have kept out, where the ledger does not know that yet.
    pub kept_out: Vec<KeptOut>,
    /// What closes the generation.
    pub generation: Generation,
}

impl Changes {
    /// The same with the first so many newcomers only, for whoever has no need of the others. Behind the `known` ones some
    /// of them may be away; then all are kept, for who comes first is not known without them.
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

    /// The facts, batch by batch, to be appended in this order. Until the last batch is durable nothing has changed: it
    /// closes the generation, and what was read again takes effect together with that; what comes back held, after it. A ledger that is opened without
    /// it is told of a run's beginning, and forgets the draft.
    ///
    /// # Errors
    /// When open_ids that were put aside could not be read back: the ledger is told nothing more then, and nothing has
    /// changed.
    pub fn into_batches(self) -> impl Iterator<Item = Result<Vec<Fact>, StoreError>> {
        self.batches_of(FACTS)
    }

    pub(super) fn batches_of(self, facts: usize) -> impl Iterator<Item = Result<Vec<Fact>, StoreError>> {
        let at = self.generation.at;
        let spill = self.admitted.spill();
        let admitted = chunks(self.admitted.told()).map(|recipients| Fact::Admitted { recipients });
        let away = self
            .away
            .into_iter()
            .flat_map(|(why, recipients)| chunks(recipients).map(move |recipients| Fact::Away { why, recipients }));
        let returned = chunks(self.returned).map(|recipients| Fact::Returned { recipients });
        let kept_out = self.kept_out.into_iter().map(Fact::KeptOut);
        let mut draft = admitted.chain(away).chain(returned).chain(kept_out).peekable();
        let reread = move |(key, step)| Fact::Reread { key, step, at };
        let before = self.reread.into_iter().map(reread);
        let after = self.reread_returned.into_iter().map(reread);
        let closing = before.chain([Fact::Closed(Box::new(self.generation))]).chain(after);
        let mut closing = Some(closing);
        iter::from_fn(move || {
            let mut batch: Vec<_> = draft.by_ref().take(facts).collect();
            if draft.peek().is_none() {
                batch.extend(closing.take()?);
            }
            Some(batch)
        })
        // Asked behind the batch, which closes the generation if nobody seems to be left.
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
