//! What it takes to take facts back that were folded and did not become durable.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ledger::fact::Generation;
use crate::ledger::kept_out::KeptOut;
use crate::ledger::recipients::recipient_index::Presence;
use crate::ledger::rules::Rules;
use crate::ledger::state::daily_attempts::DailyAttempts;
use crate::ledger::state::deliveries::Deliveries;
use crate::ledger::state::ledger_state::LedgerState;
use crate::ledger::state::pending_generation::PendingGeneration;
use crate::ledger::state::waves::Wave;
use crate::model::delivery::{Away, Counts, DeliveryKey, DeliveryStatus, Skipped};

/// The book as it was before a batch: what is small in full, what is large by its changes.
#[derive(Debug)]
pub(in crate::ledger) struct Rollback {
    /// Until all of them are kept as they were, because a generation moves many.
    moved: Vec<(DeliveryKey, DeliveryStatus)>,
    deliveries: Option<Deliveries>,
    went: Vec<(u32, Presence)>,
    draft: PendingGenerationBefore,
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
    begun: DailyAttempts,
    waves: Vec<Wave>,
    ordinals: u8,
    confirmed: u32,
    ever_owed: u32,
    all: u32,
}

#[derive(Debug)]
struct PendingGenerationBefore {
    away: [usize; Away::ALL.len()],
    returned: usize,
    kept_out: usize,
    /// The draft as it was when this batch closed or dropped it.
    taken: Option<PendingGeneration>,
}

impl Rollback {
    fn new(ledger_state: &LedgerState) -> Self {
        Self {
            moved: Vec::new(),
            deliveries: None,
            went: Vec::new(),
            draft: PendingGenerationBefore {
                away: Away::ALL.map(|why| ledger_state.draft.recipients(why).len()),
                returned: ledger_state.draft.returned.len(),
                kept_out: ledger_state.draft.kept_out.len(),
                taken: None,
            },
            generation: Before::Same,
            kept_out: None,
            small: Small {
                counts: ledger_state.deliveries.counts,
                skipped: ledger_state.deliveries.skipped.clone(),
                activities: ledger_state.activities.len(),
                newest: ledger_state.newest,
                accepts_replays: ledger_state.accepts_replays,
                reopened_doubts: ledger_state.reopened_doubts,
                reopened_held: ledger_state.reopened_held,
                rules: ledger_state.rules,
                begun: ledger_state.begun.clone(),
                waves: ledger_state.waves.clone(),
                ordinals: ledger_state.deliveries.ordinals(),
                confirmed: ledger_state.people.confirmed,
                ever_owed: ledger_state.people.ever_owed,
                all: ledger_state.people.all(),
            },
        }
    }

    pub(in crate::ledger) fn moved(&mut self, key: DeliveryKey, from: DeliveryStatus) {
        if self.deliveries.is_none() {
            self.moved.push((key, from));
        }
    }

    pub(in crate::ledger) fn will_move_many(&mut self, deliveries: &Deliveries) {
        self.deliveries.get_or_insert_with(|| deliveries.clone());
    }

    /// Notes how somebody stood. Newcomers stand in no way before their generation is closed.
    pub(in crate::ledger) fn went(&mut self, recipient: u32, before: Presence) {
        if recipient < self.small.confirmed {
            self.went.push((recipient, before));
        }
    }

    pub(in crate::ledger) fn took_draft(&mut self, draft: PendingGeneration) {
        self.draft.taken.get_or_insert(draft);
    }

    pub(in crate::ledger) fn replaced(&mut self, generation: Option<Generation>) {
        if matches!(self.generation, Before::Same) {
            self.generation = Before::Other(generation);
        }
    }

    pub(in crate::ledger) fn replaced_kept_out(&mut self, kept_out: Vec<KeptOut>) {
        self.kept_out.get_or_insert(kept_out);
    }
}

/// A book with facts in it that are not durable yet. Dropped without [`Tentative::keep`] it takes them back: after an
/// error, and when nobody waited for the end.
pub(in crate::ledger) struct Tentative<'b>(&'b mut LedgerState);

impl<'b> Tentative<'b> {
    pub(in crate::ledger) fn begin(ledger_state: &'b mut LedgerState) -> Self {
        ledger_state.undo = Some(Rollback::new(ledger_state));
        Self(ledger_state)
    }

    pub(in crate::ledger) const fn state(&mut self) -> &mut LedgerState {
        self.0
    }

    /// The facts are durable.
    pub(in crate::ledger) fn keep(self) {
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
fn take_back(ledger_state: &mut LedgerState, undo: Rollback) {
    let Rollback {
        moved,
        deliveries,
        went,
        draft,
        generation,
        kept_out,
        small,
    } = undo;
    if let Some(deliveries) = deliveries {
        ledger_state.deliveries = deliveries;
    }
    for (key, before) in moved.into_iter().rev() {
        let now = ledger_state.status(key);
        ledger_state.deliveries.put(key, now, before);
    }
    for (recipient, before) in went.into_iter().rev() {
        if let Some(presence) = ledger_state.people.presence.get_mut(recipient as usize) {
            *presence = before;
        }
    }
    let newcomers = ledger_state.people.presence.get_mut(small.confirmed as usize..);
    newcomers.unwrap_or_default().fill(Presence::default());
    ledger_state.people.ever_owed = small.ever_owed;
    ledger_state.deliveries.dismiss(small.confirmed, small.ordinals);
    ledger_state.people.confirmed = small.confirmed;
    ledger_state.people.dismiss(small.all);
    ledger_state.deliveries.counts = small.counts;
    ledger_state.deliveries.skipped = small.skipped;
    if let Some(taken) = draft.taken {
        ledger_state.draft = taken;
    }
    for (drawn, length) in ledger_state.draft.away.iter_mut().zip(draft.away) {
        drawn.truncate(length);
    }
    ledger_state.draft.returned.truncate(draft.returned);
    ledger_state.draft.kept_out.truncate(draft.kept_out);
    if let Before::Other(generation) = generation {
        ledger_state.generation = generation;
    }
    if let Some(kept_out) = kept_out {
        ledger_state.kept_out = kept_out;
    }
    ledger_state.activities.truncate(small.activities);
    ledger_state.newest = small.newest;
    ledger_state.accepts_replays = small.accepts_replays;
    ledger_state.reopened_doubts = small.reopened_doubts;
    ledger_state.reopened_held = small.reopened_held;
    ledger_state.rules = small.rules;
    ledger_state.begun = small.begun;
    ledger_state.waves = small.waves;
}
