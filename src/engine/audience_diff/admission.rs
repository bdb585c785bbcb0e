//! An audience that may be admitted.

use std::collections::BTreeMap;

use crate::catalogue::{Text, engine};
use crate::engine::send_order::SendOrder;
use crate::model::delivery::{Counts, Skipped};
use crate::model::event::Reading;

use super::accept_word::Accept;
use super::generation_facts::Changes;

/// An audience that may be admitted: the facts for the ledger, and what a person may read about them.
#[derive(Debug)]
pub struct Admission {
    /// The facts for the ledger.
    pub changes: Changes,
    /// The order in which the run takes recipients, and when each one's activity expires.
    pub send_order: SendOrder,
    /// What the source contains.
    pub reading: Reading,
    /// The counts of deliveries after these facts.
    pub counts: Counts,
    /// The skipped deliveries among them, by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// The accepted changes, in the order of the documentation.
    pub accepted: Vec<Accept>,
    /// Acceptances of changes that did not happen. They have no effect, and are remarked on.
    pub needless: Vec<Accept>,
    /// Held deliveries that are owed again because the activity changed.
    pub owed_under_new_activity: u64,
    /// Further remarks.
    pub noted: Vec<Text>,
}

impl Admission {
    /// Remarks for a person that stop nothing.
    pub fn remarks(&self) -> impl Iterator<Item = Text> {
        let needless = self.needless.iter();
        let needless = needless.map(|change| Text::new(&engine::AcceptNotNeeded { change }));
        needless.chain(self.noted.iter().cloned())
    }
}
