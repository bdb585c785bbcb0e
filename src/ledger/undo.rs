//! What it takes to take facts back that were folded and did not become durable.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::begun::Begun;
use super::book::Book;
use super::deliveries::Deliveries;
use super::draft::Draft;
use super::fact::Generation;
use super::kept_out::KeptOut;
use super::people::Presence;
use super::rules::Rules;
use super::waves::Wave;
use crate::delivery::{Away, Counts, DeliveryKey, Skipped, Standing};

/// The book as it was before a batch: what is small in full, what is large by its changes.
#[derive(Debug)]
pub(super) struct Undo {
    /// Until all of them are kept as they were, because a generation moves many.
    moved: Vec<(DeliveryKey, Standing)>,
    deliveries: Option<Deliveries>,
    went: Vec<(u32, Presence)>,
    draft: DraftBefore,
    generation: Before,
    /// Whom lists had kept out, where a generation has replaced that.
    kept_out: Option<Vec<KeptOut>>,
    small: Small,
}

/// The generation before.
#[derive(Debug)]
enum Before {
    /// It is the present one.
    Same,
    /// It was replaced.
    Other(Option<Generation>),
}

#[derive(Debug)]
struct Small {
    counts: Counts,
    skipped: BTreeMap<Skipped, u64>,
    activities: usize,
    newest: Timestamp,
    accepts_replays: bool,
    reopened_doubts: u64,
    reopened_held: u64,
    rules: Rules,
    begun: Begun,
    waves: Vec<Wave>,
    ordinals: u8,
    confirmed: u32,
    ever_owed: u32,
    all: u32,
}

#[derive(Debug)]
struct DraftBefore {
    away: [usize; Away::ALL.len()],
    returned: usize,
    kept_out: usize,
    /// The draft as it was when this batch closed or dropped it.
    taken: Option<Draft>,
}

impl Undo {
    fn of(book: &Book) -> Self {
        Self {
            moved: Vec::new(),
            deliveries: None,
            went: Vec::new(),
            draft: DraftBefore {
                away: Away::ALL.map(|why| book.draft.of(why).len()),
                returned: book.draft.returned.len(),
                kept_out: book.draft.kept_out.len(),
                taken: None,
            },
            generation: Before::Same,
            kept_out: None,
            small: Small {
                counts: book.deliveries.counts,
                skipped: book.deliveries.skipped.clone(),
                activities: book.activities.len(),
                newest: book.newest,
                accepts_replays: book.accepts_replays,
                reopened_doubts: book.reopened_doubts,
                reopened_held: book.reopened_held,
                rules: book.rules,
                begun: book.begun.clone(),
                waves: book.waves.clone(),
                ordinals: book.deliveries.ordinals(),
                confirmed: book.people.confirmed,
                ever_owed: book.people.ever_owed,
                all: book.people.all(),
            },
        }
    }

    pub(super) fn moved(&mut self, key: DeliveryKey, from: Standing) {
        if self.deliveries.is_none() {
            self.moved.push((key, from));
        }
    }

    pub(super) fn will_move_many(&mut self, deliveries: &Deliveries) {
        self.deliveries.get_or_insert_with(|| deliveries.clone());
    }

    /// Notes how somebody stood. Newcomers stand in no way before their generation is closed.
    pub(super) fn went(&mut self, recipient: u32, before: Presence) {
        if recipient < self.small.confirmed {
            self.went.push((recipient, before));
        }
    }

    pub(super) fn took_draft(&mut self, draft: Draft) {
        self.draft.taken.get_or_insert(draft);
    }

    pub(super) fn replaced(&mut self, generation: Option<Generation>) {
        if matches!(self.generation, Before::Same) {
            self.generation = Before::Other(generation);
        }
    }

    pub(super) fn replaced_kept_out(&mut self, kept_out: Vec<KeptOut>) {
        self.kept_out.get_or_insert(kept_out);
    }
}

/// A book with facts in it that are not durable yet. Dropped without [`Tentative::keep`] it takes them back: after an
/// error, and when nobody waited for the end.
pub(super) struct Tentative<'b>(&'b mut Book);

impl<'b> Tentative<'b> {
    pub(super) fn begin(book: &'b mut Book) -> Self {
        book.undo = Some(Undo::of(book));
        Self(book)
    }

    pub(super) const fn book(&mut self) -> &mut Book {
        self.0
    }

    /// The facts are durable.
    pub(super) fn keep(self) {
        self.0.undo = None;
    }
}

impl Drop for Tentative<'_> {
    fn drop(&mut self) {
        if let Some(undo) = self.0.undo.take() {
            take_back(self.0, undo);
        }
    }
}

/// Admissions of an unclosed generation that the batch dropped are the one thing that does not come back: nobody sees
/// them, and the ledger takes nothing more.
fn take_back(book: &mut Book, undo: Undo) {
    let Undo {
        moved,
        deliveries,
        went,
        draft,
        generation,
        kept_out,
        small,
    } = undo;
    if let Some(deliveries) = deliveries {
        book.deliveries = deliveries;
    }
    for (key, before) in moved.into_iter().rev() {
        let now = book.standing(key);
        book.deliveries.put(key, now, before);
    }
    for (recipient, before) in went.into_iter().rev() {
        if let Some(presence) = book.people.presence.get_mut(recipient as usize) {
            *presence = before;
        }
    }
    let newcomers = book.people.presence.get_mut(small.confirmed as usize..);
    newcomers.unwrap_or_default().fill(Presence::default());
    book.people.ever_owed = small.ever_owed;
    book.deliveries.dismiss(small.confirmed, small.ordinals);
    book.people.confirmed = small.confirmed;
    book.people.dismiss(small.all);
    book.deliveries.counts = small.counts;
    book.deliveries.skipped = small.skipped;
    if let Some(taken) = draft.taken {
        book.draft = taken;
    }
    for (drawn, length) in book.draft.away.iter_mut().zip(draft.away) {
        drawn.truncate(length);
    }
    book.draft.returned.truncate(draft.returned);
    book.draft.kept_out.truncate(draft.kept_out);
    if let Before::Other(generation) = generation {
        book.generation = generation;
    }
    if let Some(kept_out) = kept_out {
        book.kept_out = kept_out;
    }
    book.activities.truncate(small.activities);
    book.newest = small.newest;
    book.accepts_replays = small.accepts_replays;
    book.reopened_doubts = small.reopened_doubts;
    book.reopened_held = small.reopened_held;
    book.rules = small.rules;
    book.begun = small.begun;
    book.waves = small.waves;
}
