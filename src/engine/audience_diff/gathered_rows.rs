//! The rows of an audience while they are read. Whom each names is found once all of them are there ([`Join`]): that is many times
//! faster than to look up each row as it comes.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use fixedbitset::{FixedBitSet, IntoOnes};
use jiff::Timestamp;

use crate::audience::{Activity, Row, Totals};
use crate::engine::send_order;
use crate::ledger::Spill;
use crate::ledger::open_id_arena::{Cursor, pack};
use crate::ledger::partitioned_ids::{PARTITIONS, PartitionReader, PartitionedIds, Partitioner};
use crate::model::clock::from_ms;
use crate::model::event::{Rows, UnusableKind};
use crate::model::identity::OpenId;
use crate::plan::{ExpiryRule, Plan};

use super::admitted_audience::AdmittedAudience;
use super::audience_rows::{AudienceRows, ResolvedRow};
use super::exclude_lists::Exclusion;
use super::join::{Filter, Join, JoinedPartition, Named};
use super::row_places::Places;

/// How many recipients of the ledger are compared with a row that does not name the next one.
const AHEAD: u32 = 8;
/// How many more rows may be compared with the next recipients in vain than with success. Then the source has another order.
const MOST_MISSES: u64 = 1 << 16;
/// The mark of a row that names one of the next recipients: no partition has it.
const NEXT_RECIPIENT: u8 = PARTITIONS;

/// The rows of an audience, gathered while they are read.
pub(super) struct GatheredRows<'b> {
    /// The users and counts, which do not have these rows yet.
    audience: AudienceRows<'b>,
    /// Whether it matters when a user was last active.
    is_dated: bool,
    partitioner: Partitioner,
    open_ids: PartitionedIds,
    /// Which hashes the rows in `open_ids` have.
    filter: Filter,
    /// For each usable row its partition, or [`NEXT_RECIPIENT`].
    partitions: Vec<u8>,
    places: Places,
    next_recipients: NextRecipients<'b>,
    /// The number of usable rows before the first tester. `None` until there is one.
    before_testers: Option<usize>,
    /// The packed form of the present row's open_id.
    packed: Vec<u8>,
}

/// The recipients of the ledger in order. Most sources name them in this order, and then no row must be looked up.
struct NextRecipients<'b> {
    cursor: Cursor<'b>,
    known: u32,
    /// Those that a row named at their turn. They are in the order of these rows.
    found: FixedBitSet,
    /// How many more rows may be compared in vain.
    misses_left: u64,
}

impl NextRecipients<'_> {
    fn find(&mut self, packed: &[u8]) -> Option<u32> {
        if self.misses_left == 0 {
            return None;
        }
        let found = self.cursor.skip_to(packed, AHEAD);
        let recipient = found.filter(|recipient| *recipient < self.known);
        if let Some(recipient) = recipient {
            self.misses_left += 1;
            self.found.insert(recipient as usize);
        } else {
            self.misses_left -= 1;
        }
        recipient
    }
}

impl<'b> GatheredRows<'b> {
    pub(super) fn new(excluded: Exclusion<'b>, plan: &Plan) -> Self {
        let ledger_state = excluded.state();
        let known = ledger_state.recipients();
        let is_dated = plan.audience.lapse != ExpiryRule::Never;
        Self {
            audience: AudienceRows::new(excluded, is_dated),
            is_dated,
            partitioner: Partitioner::default(),
            open_ids: PartitionedIds::new(ledger_state.spill(), 1, is_dated),
            filter: Filter::new(known),
            partitions: Vec::new(),
            places: Places::default(),
            next_recipients: NextRecipients {
                cursor: ledger_state.open_ids_from(0),
                known,
                found: FixedBitSet::with_capacity(known as usize),
                misses_left: MOST_MISSES,
            },
            before_testers: None,
            packed: Vec::new(),
        }
    }

    pub(super) const fn spill(&self) -> &Arc<Spill> {
        self.audience.ledger_state.spill()
    }

    /// The hash of the audience.
    pub(super) fn hash(&self, totals: &Totals) -> [u8; 32] {
        self.audience.hash(totals)
    }

    /// Adds every user of the audience that the ledger has.
    pub(super) fn add_admitted(&mut self, admitted: &AdmittedAudience<'_>) {
        self.audience.add_admitted(admitted);
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        let added = self.usable(row).and_then(|(open_id, at)| self.add_user(open_id, at));
        match added {
            Ok(()) => self.places.add(row.place),
            Err(kind) => {
                let rows = self.audience.counts.unusable.entry(kind).or_default();
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
        self.before_testers.get_or_insert(self.partitions.len());
        let never = self.is_dated.then_some(from_ms(i64::from(u32::MAX) * 1000));
        self.add_user(open_id, never)?;
        self.audience.testers.name(open_id);
        Ok(())
    }

    /// Adds the row of a source of testers.
    pub(super) fn add_tester_row(&mut self, row: &Row<'_>) {
        let added = row.open_id.and_then(|open_id| self.add_tester(open_id));
        if let Err(kind) = added {
            self.audience.counts.unusable.entry(kind).or_default().add(row.place);
        }
    }

    /// The user of a row, and when they were last active if that matters.
    fn usable<'r>(&mut self, row: &Row<'r>) -> Result<(&'r str, Option<Timestamp>), UnusableKind> {
        let open_id = row.open_id?;
        match row.last_active {
            Activity::At(at) => Ok((open_id, self.is_dated.then_some(at))),
            Activity::Unknown if self.is_dated => Err(UnusableKind::NoLastActive),
            Activity::Unreadable(_) if self.is_dated => Err(UnusableKind::UnreadableLastActive),
            Activity::Unreadable(value) => {
                self.audience.counts.undated.add_value(row.place, value);
                Ok((open_id, None))
            }
            Activity::Unknown => Ok((open_id, None)),
        }
    }

    fn add_user(&mut self, open_id: &str, at: Option<Timestamp>) -> Result<(), UnusableKind> {
        pack(open_id, &mut self.packed);
        let last = at.map_or(0, send_order::seconds);
        if let Some(recipient) = self.next_recipients.find(&self.packed) {
            self.audience.last_active.add(recipient, last);
            self.partitions.push(NEXT_RECIPIENT);
            return Ok(());
        }
        // A source checks what it yields. This holds even if one does not.
        OpenId::check(open_id).map_err(|_| UnusableKind::NotPrintable)?;
        let hash = self.partitioner.hash(&self.packed);
        let partition = Partitioner::partition(hash);
        self.filter.add(hash);
        self.open_ids.push(partition, &self.packed, last);
        self.partitions.push(partition);
        Ok(())
    }

    /// Finds whom each row names.
    pub(super) fn resolve(self) -> AudienceRows<'b> {
        let Self {
            mut audience,
            partitioner,
            open_ids,
            filter,
            partitions,
            places,
            next_recipients,
            before_testers,
            ..
        } = self;
        let people = audience.excluded.people();
        let (joined, of_lists) = Join::new(&partitioner, &open_ids, filter, people, audience.ledger_state).run();
        audience.excluded.join(&of_lists);
        drop(of_lists);
        audience
            .last_active
            .reserve(joined.iter().map(|joined| joined.newcomers).sum());
        let mut rows = RowsInOrder {
            next_recipients: next_recipients.found.into_ones(),
            partitions: open_ids
                .into_readers()
                .zip(joined)
                .map(|(open_ids, joined)| PartitionRows::new(open_ids, joined))
                .collect(),
        };
        let before_testers = before_testers.unwrap_or(partitions.len());
        let (of_audience, of_testers) = partitions.split_at(before_testers);
        let mut repeated = Vec::new();
        for (nth, partition) in (0..).zip(of_audience) {
            let Some(row) = rows.next(*partition) else { break };
            if audience.name(row).is_new {
                audience.counts.listed += 1;
            } else {
                audience.counts.repeated.count += 1;
                if repeated.len() < Rows::KEPT {
                    repeated.push(nth);
                }
            }
        }
        audience.counts.repeated.first = places.find(&repeated);
        let mut testers = Vec::new();
        for partition in of_testers {
            let Some(row) = rows.next(*partition) else { break };
            let named = audience.name(row);
            audience.counts.listed += u64::from(named.is_new);
            testers.push(named.user);
        }
        audience.add_testers(&testers);
        audience
    }
}

/// The rows in the order of the source.
struct RowsInOrder {
    next_recipients: IntoOnes,
    partitions: Vec<PartitionRows>,
}

impl RowsInOrder {
    /// The next row, which is in this partition. `None` if it could not be read.
    fn next(&mut self, partition: u8) -> Option<ResolvedRow<'_>> {
        if partition == NEXT_RECIPIENT {
            // When the user was last active is known already.
            let recipient = u32::try_from(self.next_recipients.next()?).ok()?;
            return Some(ResolvedRow::Recipient { recipient, last: 0 });
        }
        self.partitions.get_mut(usize::from(partition))?.next()
    }
}

/// The rows of one partition.
struct PartitionRows {
    open_ids: PartitionReader,
    named: vec::IntoIter<Named>,
    recipients: vec::IntoIter<u32>,
    later: Peekable<vec::IntoIter<(u32, u32)>>,
    newcomers: u32,
}

impl PartitionRows {
    fn new(open_ids: PartitionReader, joined: JoinedPartition) -> Self {
        Self {
            open_ids,
            named: joined.named.into_iter(),
            recipients: joined.recipients.into_iter(),
            later: joined.later.into_iter().peekable(),
            newcomers: 0,
        }
    }

    fn next(&mut self) -> Option<ResolvedRow<'_>> {
        let named = self.named.next()?;
        let (packed, last) = self.open_ids.next()?;
        let row = match named {
            Named::Recipient => ResolvedRow::Recipient {
                recipient: self.recipients.next()?,
                last,
            },
            Named::Stranger => ResolvedRow::Stranger { is_new: true },
            Named::StrangerAgain => ResolvedRow::Stranger { is_new: false },
            Named::NewcomerAgain => ResolvedRow::NewcomerAgain,
            Named::Newcomer => {
                let newcomer = self.newcomers;
                self.newcomers += 1;
                let later = self.later.next_if(|(later, _)| *later == newcomer);
                let last = later.map_or(last, |(_, last)| last);
                ResolvedRow::Newcomer { packed, last }
            }
        };
        Some(row)
    }
}
