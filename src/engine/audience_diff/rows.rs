//! The rows of an audience, gathered while they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use jiff::Timestamp;

use crate::audience::{Activity, Row};
use crate::ledger::LedgerState;
use crate::ledger::open_id_arena::pack;
use crate::model::clock::from_ms;
use crate::model::delivery::Away;
use crate::model::event::{Rows, UnusableKind};
use crate::model::identity::OpenId;
use crate::plan::{ExpiryRule, Plan};

use super::admitted::AdmittedAudience;
use super::exclusion::Exclusion;
use super::new_open_ids::NewOpenIds;
use super::sequence::{LastActive, Sequence};
use super::testers::Testers;

/// The users that the rows name. A user has one number here: the ledger's number if the ledger knows the user, otherwise a number
/// after those, in the order of the source.
pub(super) struct AudienceRows<'b> {
    pub(super) ledger_state: &'b LedgerState,
    pub(super) excluded: Exclusion<'b>,
    /// The users of the ledger that a row names.
    pub(super) named: FixedBitSet,
    pub(super) newcomers: NewOpenIds,
    pub(super) sequence: Sequence,
    pub(super) last_active: LastActive,
    pub(super) counts: RowCounts,
    pub(super) testers: Testers,
    /// Whether it matters when a user was last active.
    dated: bool,
    /// The packed form of the present row's open_id.
    packed: Vec<u8>,
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

impl<'b> AudienceRows<'b> {
    pub(super) fn new(excluded: Exclusion<'b>, plan: &Plan) -> Self {
        let ledger_state = excluded.state();
        let recipients = ledger_state.recipients();
        let dated = plan.audience.lapse != ExpiryRule::Never;
        Self {
            ledger_state,
            excluded,
            named: FixedBitSet::with_capacity(recipients as usize),
            newcomers: NewOpenIds::new(Arc::clone(ledger_state.spill())),
            sequence: Sequence::default(),
            last_active: LastActive::new(if dated { recipients } else { 0 }),
            counts: RowCounts::default(),
            testers: Testers::default(),
            dated,
            packed: Vec::new(),
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
            if let Some(last) = ledger_state
                .last_active()
                .get(recipient as usize)
                .filter(|_| self.dated)
            {
                self.last_active.add(recipient, from_ms(i64::from(*last) * 1000));
            }
        }
        for tester in ledger_state.testers() {
            self.testers.add(&ledger_state.open_id(*tester), Some(*tester));
        }
        self.counts.listed = admitted.generation.listed;
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        let added = self.usable(row).and_then(|(open_id, at)| self.add_user(open_id, at));
        match added {
            Ok(true) => self.counts.listed += 1,
            Ok(false) => self.counts.repeated.add(row.place),
            Err(kind) => {
                let rows = self.counts.unusable.entry(kind).or_default();
                match row.last_active {
                    Activity::Unreadable(value) if kind == UnusableKind::UnreadableLastActive => {
                        rows.add_value(row.place, value);
                    }
                    _ => rows.add(row.place),
                }
            }
        }
    }

    /// Adds a tester, after all rows of the audience. It need not be in the audience, and never expires.
    pub(super) fn add_tester(&mut self, open_id: &str) -> Result<(), UnusableKind> {
        let never = self.dated.then_some(from_ms(i64::from(u32::MAX) * 1000));
        if self.add_user(open_id, never)? {
            self.counts.listed += 1;
        }
        let user = self.number(open_id);
        self.testers.add(open_id, user);
        Ok(())
    }

    /// The number of a user that was added. `None` for one that a list excludes and the ledger does not know.
    fn number(&mut self, open_id: &str) -> Option<u32> {
        pack(open_id, &mut self.packed);
        let known = self.ledger_state.find_packed(&self.packed);
        known.or_else(|| Some(self.ledger_state.recipients() + self.newcomers.find(&self.packed)?))
    }

    /// Adds the row of a source of testers.
    pub(super) fn add_tester_row(&mut self, row: &Row<'_>) {
        let added = row.open_id.and_then(|open_id| self.add_tester(open_id));
        if let Err(kind) = added {
            self.counts.unusable.entry(kind).or_default().add(row.place);
        }
    }

    /// The user of a row, and when they were last active if that matters.
    fn usable<'r>(&mut self, row: &Row<'r>) -> Result<(&'r str, Option<Timestamp>), UnusableKind> {
        let open_id = row.open_id?;
        match row.last_active {
            Activity::At(at) => Ok((open_id, self.dated.then_some(at))),
            Activity::Unknown if self.dated => Err(UnusableKind::NoLastActive),
            Activity::Unreadable(_) if self.dated => Err(UnusableKind::UnreadableLastActive),
            Activity::Unreadable(value) => {
                self.counts.undated.add_value(row.place, value);
                Ok((open_id, None))
            }
            Activity::Unknown => Ok((open_id, None)),
        }
    }

    /// Adds a user. Returns whether this is their first row.
    fn add_user(&mut self, open_id: &str, at: Option<Timestamp>) -> Result<bool, UnusableKind> {
        pack(open_id, &mut self.packed);
        let added = if let Some(recipient) = self.ledger_state.find_packed(&self.packed) {
            Some((recipient, self.name_recipient(recipient)))
        } else if let Some(new) = self.excluded.name_stranger(&self.packed) {
            return Ok(new);
        } else {
            // A source checks what it yields. This holds even if one does not.
            OpenId::check(open_id).map_err(|_| UnusableKind::NotPrintable)?;
            self.name_newcomer()
        };
        let Some((user, new)) = added else {
            self.counts.too_many = true;
            return Ok(true);
        };
        if let Some(at) = at {
            self.last_active.add(user, at);
        }
        Ok(new)
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

    /// Adds the user of the packed open_id. `None` if no number is left.
    fn name_newcomer(&mut self) -> Option<(u32, bool)> {
        let known = self.ledger_state.recipients();
        known.checked_add(self.newcomers.len()).filter(|all| *all < u32::MAX)?;
        let (newcomer, new) = self.newcomers.add(&self.packed)?;
        if new {
            self.sequence.add(known + newcomer, Vec::new);
        }
        Some((known + newcomer, new))
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
