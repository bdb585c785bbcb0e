//! What is needed to undo facts that were applied and did not become durable.

use std::collections::BTreeMap;

use super::deliveries::Deliveries;
use super::pending_generation::{PendingGeneration, PendingLengths};
use super::totals::Totals;
use crate::ledger::fact::{AudienceOrigin, Generation};
use crate::ledger::kept_out_sample::KeptOut;
use crate::ledger::recipients::recipient_table::Presence;
use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped};

/// The ledger state before a batch: small parts as a copy, large ones as the changes to them.
#[derive(Debug)]
pub(in crate::ledger) struct Rollback {
    pub(super) before: Before,
    pub(super) moved: Vec<(DeliveryKey, DeliveryStatus)>,
    pub(super) presence: Vec<(u32, Presence)>,
    /// The pending generation, once the batch closes or drops it.
    pub(super) pending: Option<PendingGeneration>,
    /// Set once the batch closes a generation.
    pub(super) closed: Option<BeforeClose>,
}

/// What the end of a generation replaces. It moves many deliveries, so all are copied.
#[derive(Debug)]
pub(in crate::ledger) struct BeforeClose {
    pub(super) deliveries: Deliveries,
    pub(super) generation: Option<Generation>,
    pub(super) kept_out: Vec<KeptOut>,
    pub(super) testers: Vec<u32>,
    pub(super) origin: Option<AudienceOrigin>,
    pub(super) last_active: Vec<u32>,
}

#[derive(Debug)]
pub(in crate::ledger) struct Before {
    pub(super) totals: Totals,
    pub(super) counts: Counts,
    pub(super) skipped: BTreeMap<Skipped, u64>,
    pub(super) ordinals: u8,
    pub(super) activities: usize,
    pub(super) pending: PendingLengths,
    pub(super) recipients: u32,
    pub(super) confirmed: u32,
    pub(super) ever_owed: u32,
}

impl Rollback {
    pub(super) const fn new(before: Before) -> Self {
        Self {
            before,
            moved: Vec::new(),
            presence: Vec::new(),
            pending: None,
            closed: None,
        }
    }

    pub(super) fn note_status(&mut self, key: DeliveryKey, before: DeliveryStatus) {
        if self.closed.is_none() {
            self.moved.push((key, before));
        }
    }

    /// Notes the presence of a recipient. A new recipient has none before its generation is closed.
    pub(super) fn note_presence(&mut self, recipient: u32, before: Presence) {
        if recipient < self.before.confirmed {
            self.presence.push((recipient, before));
        }
    }
}
