//! The users that the rows of an audience name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use crate::audience::Totals;
use crate::ledger::LedgerState;
use crate::ledger::open_id_arena::{OpenIdArena, pack};
use crate::model::delivery::Away;
use crate::model::event::{Rows, UnusableKind};

use super::admitted_audience::AdmittedAudience;
use super::exclude_lists::Exclusion;
use super::source_order::{LastActive, Sequence};
use super::testers::Testers;

/// The users that the rows name. A user has one number here: the ledger's number if the ledger knows the user, otherwise a number
/// after those, in the order of the source.
pub(super) struct AudienceRows<'b> {
    pub(super) ledger_state: &'b LedgerState,
    pub(super) excluded: Exclusion<'b>,
    /// The users of the ledger that a row names.
    pub(super) named: FixedBitSet,
    pub(super) newcomers: OpenIdArena,
    pub(super) sequence: Sequence,
    pub(super) last_active: LastActive,
    pub(super) counts: RowCounts,
    pub(super) testers: Testers,
}

/// The rows by what became of them.
#[derive(Default)]
pub(super) struct RowCounts {
    /// Distinct users.
    pub(super) listed: u64,
    pub(super) repeated: Rows,
    pub(super) unusable: BTreeMap<UnusableKind, Rows>,
    /// Rows whose time of last activity is unreadable and does not matter.
    pub(super) undated: Rows,
    /// Whether there are more users than a ledger can number.
    pub(super) too_many: bool,
}

/// A row, with what names its user.
#[derive(Clone, Copy)]
pub(super) enum ResolvedRow<'r> {
    Recipient { recipient: u32, last: u32 },
    Stranger { is_new: bool },
    Newcomer { packed: &'r [u8], last: u32 },
    NewcomerAgain,
}

/// The user of a row.
pub(super) struct NamedUser {
    /// `None` for one that a list excludes and the ledger does not know, and for a newcomer that is named again.
    pub(super) user: Option<u32>,
    /// Whether this is their first row.
    pub(super) is_new: bool,
}

impl<'b> AudienceRows<'b> {
    /// No users so far. They are `is_dated` if it matters when they were last active.
    pub(super) fn new(excluded: Exclusion<'b>, is_dated: bool) -> Self {
        let ledger_state = excluded.state();
        let recipients = ledger_state.recipients();
        Self {
            ledger_state,
            excluded,
            named: FixedBitSet::with_capacity(recipients as usize),
            newcomers: OpenIdArena::new(Arc::clone(ledger_state.spill())),
            sequence: Sequence::default(),
            last_active: LastActive::new(recipients, is_dated),
            counts: RowCounts::default(),
            testers: Testers::default(),
        }
    }

    /// Adds every user of the audience that the ledger has.
    pub(super) fn add_admitted(&mut self, admitted: &AdmittedAudience<'_>) {
        let ledger_state = self.ledger_state;
        for recipient in 0..ledger_state.recipients() {
            match ledger_state.away(recipient) {
                Some(Away::Gone) => continue,
                Some(Away::Excluded) => {
                    // The ledger does not say whether the source named the user.
                    self.excluded.add_known(recipient);
                    continue;
                }
                _ => {}
            }
            self.name_recipient(recipient);
            if let Some(last) = ledger_state.last_active().get(recipient as usize) {
                self.last_active.add(recipient, *last);
            }
        }
        for tester in ledger_state.testers() {
            self.testers.name(&ledger_state.open_id(*tester));
            self.testers.add(*tester);
        }
        self.counts.listed = admitted.generation.listed;
    }

    /// Adds the user of the next row.
    pub(super) fn name(&mut self, row: ResolvedRow<'_>) -> NamedUser {
        match row {
            ResolvedRow::Recipient { recipient, last } => {
                self.last_active.add(recipient, last);
                NamedUser {
                    user: Some(recipient),
                    is_new: self.name_recipient(recipient),
                }
            }
            ResolvedRow::Stranger { is_new } => NamedUser { user: None, is_new },
            ResolvedRow::Newcomer { packed, last } => NamedUser {
                user: self.name_newcomer(packed, last),
                is_new: true,
            },
            ResolvedRow::NewcomerAgain => NamedUser {
                user: None,
                is_new: false,
            },
        }
    }

    fn name_recipient(&mut self, recipient: u32) -> bool {
        let new = !self.named.contains(recipient as usize);
        if new {
            let known = self.ledger_state.recipients();
            let named_before = || {
                let recipients = (0..known).filter(|n| self.named.contains(*n as usize));
                recipients.chain(known..known + self.newcomers.len()).collect()
            };
            self.sequence.add(recipient, named_before);
            self.named.insert(recipient as usize);
        }
        new
    }

    /// `None` if no number is left.
    fn name_newcomer(&mut self, packed: &[u8], last: u32) -> Option<u32> {
        let known = self.ledger_state.recipients();
        let user = known.checked_add(self.newcomers.len()).filter(|all| *all < u32::MAX);
        let Some(user) = user else {
            self.counts.too_many = true;
            return None;
        };
        self.newcomers.push(packed);
        self.sequence.add(user, Vec::new);
        self.last_active.add(user, last);
        Some(user)
    }

    /// Adds the testers whom the last rows named, by their users. One without a user is searched for among the newcomers.
    pub(super) fn add_testers(&mut self, users: &[Option<u32>]) {
        let mut unknown = HashSet::new();
        for (open_id, user) in self.testers.named_last(users.len()).iter().zip(users) {
            if user.is_none() {
                let mut packed = Vec::new();
                pack(open_id, &mut packed);
                unknown.insert(packed);
            }
        }
        users.iter().flatten().for_each(|user| self.testers.add(*user));
        if unknown.is_empty() {
            return;
        }
        let mut newcomers = self.newcomers.from(0);
        while let Some((newcomer, packed)) = newcomers.next() {
            if unknown.contains(packed) {
                self.testers.add(self.ledger_state.recipients() + newcomer);
            }
        }
    }

    /// The hash of the audience: of the source, of the exclude lists and of the testers.
    pub(super) fn hash(&self, totals: &Totals) -> [u8; 32] {
        self.testers.hash(self.excluded.hash(totals.hash))
    }

    /// Whether a row names a recipient of the ledger.
    pub(super) fn names(&self, recipient: u32) -> bool {
        self.named.contains(recipient as usize)
    }

    pub(super) fn users(&self) -> u32 {
        self.ledger_state.recipients() + self.newcomers.len()
    }

    pub(super) fn unusable(&self) -> u64 {
        self.counts.unusable.values().map(|rows| rows.count).sum()
    }

    /// The open_ids of at most `most` users that the rows name, without excluded ones that the ledger does not know.
    pub(super) fn first_named(&self, most: usize) -> Vec<String> {
        let new = (0..self.newcomers.len()).map_while(|newcomer| self.newcomers.open_id(newcomer));
        let known = (0..self.ledger_state.recipients()).filter(|recipient| self.names(*recipient));
        let known = known.map(|recipient| self.ledger_state.open_id(recipient));
        new.chain(known).take(most).collect()
    }

    /// The number of users that the rows name and a list excludes.
    pub(super) fn named_excluded(&self) -> u64 {
        let excluded = |recipient: &u32| self.names(*recipient) && self.excluded.has_known(*recipient);
        (0..self.ledger_state.recipients()).filter(excluded).count() as u64 + self.excluded.strangers_named()
    }
}
