//! One exclude list, as it was read.

use std::collections::BTreeMap;

use crate::model::event::{Rows, UnusableKind};

/// One exclude list, as it was read.
#[derive(Clone, Debug)]
pub(super) struct ExcludedUsers {
    pub(super) name: String,
    /// Whether the list is another campaign's ledger. Its open_ids are then certainly in the right form.
    pub(super) of_campaign: bool,
    pub(super) people: u64,
    pub(super) rows: u64,
    pub(super) hash: [u8; 32],
    pub(super) unusable: BTreeMap<UnusableKind, Rows>,
    /// The number of the first user who is on no earlier list. All users up to the next list's first are on this list.
    pub(super) first: u32,
    /// The users who are on an earlier list too, ascending.
    pub(super) on_earlier: Vec<u32>,
}

impl ExcludedUsers {
    /// A list of which nothing was read yet.
    pub(super) const fn new(name: String) -> Self {
        Self {
            name,
            of_campaign: false,
            people: 0,
            rows: 0,
            hash: [0; 32],
            unusable: BTreeMap::new(),
            first: 0,
            on_earlier: Vec::new(),
        }
    }
}
