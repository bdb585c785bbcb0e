//! Finds ids that the platform gives once and that the answers to several deliveries have.
//!
//! The platform gives a new coupon_id to each coupon and a new log_id to each exchange. During a run the engine compares
//! an answer with the last ones only, so a search over the whole ledger is what proves that no coupon is counted twice.
//!
//! The search passes over the ledger once and keeps a hash of each id with its delivery, 16 bytes. Sorted, equal ids are
//! neighbours. If there are any, a second pass finds the text of those that are shown.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use crate::model::delivery::{Decision, DeliveryKey, DeliveryStatus, StateName};
use crate::model::merchant_coupon_id::MerchantCouponId;

use crate::ledger::codec::primitives::PackedText;
use crate::ledger::error::LedgerError;
use crate::ledger::fact::{Fact, FactView};
use crate::ledger::recipients::spill::{Spill, Spilled};
use crate::ledger::replay::read_facts;
use crate::ledger::state::ledger_state::LedgerState;
use crate::ledger::store::Store;

/// The number of repeated ids of a kind, and of deliveries of each, that are shown.
const SHOWN: usize = 5;

/// The ids that the answers to several deliveries have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Coupons that several deliveries count as theirs.
    pub coupon_ids: RepeatedIds,
    /// Exchanges whose answer several deliveries have.
    pub log_ids: RepeatedIds,
}

impl Repeats {
    /// Whether no id is repeated.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.coupon_ids.ids == 0 && self.log_ids.ids == 0
    }
}

/// The repeated ids of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepeatedIds {
    /// The number of ids.
    pub ids: u64,
    /// The number of deliveries that have them. A delivery with several of them counts for each.
    pub deliveries: u64,
    /// The first ids, in the order of their first deliveries.
    pub first: Vec<RepeatedId>,
}

/// One id that several deliveries have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedId {
    /// The id.
    pub id: String,
    /// The number of deliveries that have it.
    pub deliveries: u64,
    /// The first deliveries.
    pub first: Vec<DeliveryOfId>,
}

/// A delivery that has an id of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryOfId {
    /// The user.
    pub open_id: String,
    /// The ordinal.
    pub ordinal: u8,
    /// Its idempotency key.
    pub merchant_coupon_id: MerchantCouponId,
    /// Its state.
    pub state: StateName,
}

/// Eighty bits of a keyed hash. Among two hundred million ids, two are the same by chance with a probability of 2^-26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct IdHash(u128);

/// An answer to a delivery has an id. It is one number, because a comparison of numbers sorts several times faster than one of
/// fields. From its most significant bits on: the id (80 bits), the recipient (32), the ordinal (8), and the state that the
/// answer leads to if nothing else is known of the delivery (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mention(u128);

impl Mention {
    const BYTES: usize = size_of::<u128>();

    fn new(id: IdHash, key: DeliveryKey, leads_to: StateName) -> Self {
        Self(id.0 << 48 | u128::from(key.recipient) << 16 | u128::from(key.ordinal) << 8 | leads_to as u128)
    }

    const fn id(self) -> IdHash {
        IdHash(self.0 >> 48)
    }

    const fn key(self) -> DeliveryKey {
        let [.., a, b, c, d, ordinal, _] = self.0.to_be_bytes();
        DeliveryKey {
            recipient: u32::from_be_bytes([a, b, c, d]),
            ordinal,
        }
    }

    /// `None` for a number that [`Mention::new`] does not make.
    fn leads_to(self) -> Option<StateName> {
        let [.., state] = self.0.to_be_bytes();
        StateName::ALL.get(usize::from(state)).copied()
    }

    const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_le_bytes()
    }

    const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// Whether the delivery is in its present state because of this answer. A delivery that is in doubt, or that was
    /// settled by a person or by a later answer, no longer depends on it. One that is due again depends on all of its answers:
    /// each is taken to mean that nothing was issued.
    fn decides(self, status: &DeliveryStatus) -> bool {
        let undecided_before = status.doubt.is_none();
        match (self.leads_to(), status.state.name()) {
            // `issued` is never left, so a delivery has one such answer at most.
            (Some(StateName::Issued), StateName::Issued) => true,
            // A person's decision keeps what the delivery was held by.
            (Some(StateName::Refused | StateName::Held), StateName::Refused) => {
                undecided_before && status.held.is_none()
            }
            (Some(StateName::Held), StateName::Held) | (Some(StateName::Deferred), StateName::Deferred) => {
                undecided_before
            }
            _ => false,
        }
    }
}

const fn leads_to(decision: &Decision) -> StateName {
    match decision {
        Decision::Issued => StateName::Issued,
        Decision::Refused { .. } => StateName::Refused,
        Decision::Held { .. } => StateName::Held,
        Decision::NotIssued { .. } => StateName::Deferred,
        Decision::Unknown { .. } => StateName::InDoubt,
    }
}

/// Hashes ids with a random key, so that ids with equal hashes cannot be chosen.
#[derive(Clone, Debug, Default)]
struct Hashes {
    keys: [RandomState; 2],
    /// Kept for its memory.
    packed: Vec<u8>,
}

impl Hashes {
    /// Hashes an id as it is packed: equal ids have equal bytes, about half as many as their text, and are not unpacked.
    fn hash(&mut self, id: PackedText<'_>) -> IdHash {
        self.packed.clear();
        id.pack_again(&mut self.packed);
        let [high, low] = &self.keys;
        let hash = |key: &RandomState| {
            let mut hasher = key.build_hasher();
            hasher.write(&self.packed);
            hasher.finish()
        };
        IdHash(u128::from(hash(high)) << 16 | u128::from(hash(low)) & 0xffff)
    }
}

/// The first pass: it takes in the ids of all answers.
#[derive(Debug)]
pub(in crate::ledger) struct Search {
    hashes: Hashes,
    coupon_ids: Mentions,
    log_ids: Mentions,
}

impl Search {
    pub(in crate::ledger) fn new(spill: &Arc<Spill>) -> Self {
        // The two together take half of what one list of open_ids may take: they are written and read in order, so a file is
        // nearly as fast.
        let most = usize::try_from(spill.limit()).unwrap_or(usize::MAX) / 4 / Mention::BYTES;
        Self {
            hashes: Hashes::default(),
            coupon_ids: Mentions::new(spill.clone(), most),
            log_ids: Mentions::new(spill.clone(), most),
        }
    }

    pub(in crate::ledger) fn add(&mut self, fact: &FactView<'_>) {
        let Some(answer) = fact.answer() else { return };
        let leads_to = leads_to(&answer.decision);
        if let Some(id) = answer.ids.coupon_id {
            let mention = Mention::new(self.hashes.hash(id), answer.key, leads_to);
            self.coupon_ids.push(mention);
        }
        if let Some(id) = answer.ids.log_id {
            let mention = Mention::new(self.hashes.hash(id), answer.key, leads_to);
            self.log_ids.push(mention);
        }
    }

    /// Finds what repeats in the ledger that `ledger_state` is folded from. The result counts only if the state's [`Spill`] has
    /// not failed.
    fn finish(self, ledger_state: &LedgerState) -> Found {
        Found {
            hashes: self.hashes,
            coupon_ids: Groups::new(self.coupon_ids.sorted(), ledger_state),
            log_ids: Groups::new(self.log_ids.sorted(), ledger_state),
        }
    }
}

/// Mentions to sort: the last ones in memory, earlier ones in a spill file in sorted runs.
#[derive(Debug)]
struct Mentions {
    spill: Arc<Spill>,
    most: usize,
    in_memory: Vec<Mention>,
    file: Option<Spilled>,
    /// The offsets of the runs in the file.
    runs: Vec<(u64, u64)>,
}

impl Mentions {
    /// The number of mentions that are written and read at a time.
    const CHUNK: usize = 1 << 14;

    fn new(spill: Arc<Spill>, most: usize) -> Self {
        Self {
            spill,
            most: most.max(1),
            in_memory: Vec::new(),
            file: None,
            runs: Vec::new(),
        }
    }

    fn push(&mut self, mention: Mention) {
        self.in_memory.push(mention);
        if self.in_memory.len() >= self.most {
            self.write_run();
        }
    }

    /// After a failure, which the `Spill` keeps, the mentions are lost.
    fn write_run(&mut self) {
        self.in_memory.sort_unstable();
        if self.file.is_none() {
            self.file = self.spill.create();
        }
        if let Some(file) = &self.file {
            let begin = self.runs.last().map_or(0, |(_, end)| *end);
            let mut end = begin;
            for some in self.in_memory.chunks(Self::CHUNK) {
                let bytes: Vec<u8> = some.iter().flat_map(|mention| mention.to_bytes()).collect();
                if !self.spill.write(file, &bytes, end) {
                    break;
                }
                end += bytes.len() as u64;
            }
            self.runs.push((begin, end));
        }
        self.in_memory.clear();
    }

    fn sorted(mut self) -> Sorted {
        self.in_memory.sort_unstable();
        let in_memory = std::mem::take(&mut self.in_memory).into_iter();
        let mut sorted = Sorted {
            runs: vec![Run {
                read: in_memory,
                left: (0, 0),
            }],
            next: BinaryHeap::new(),
            file: self.file,
            spill: self.spill,
        };
        for left in self.runs {
            let read = Vec::new().into_iter();
            sorted.runs.push(Run { read, left });
        }
        for run in 0..sorted.runs.len() {
            sorted.advance(run);
        }
        sorted
    }
}

/// A sorted run: the part that was read, and the offsets of the rest.
#[derive(Debug)]
struct Run {
    read: vec::IntoIter<Mention>,
    left: (u64, u64),
}

/// All mentions in order, merged from their runs.
#[derive(Debug)]
struct Sorted {
    runs: Vec<Run>,
    next: BinaryHeap<Reverse<(Mention, usize)>>,
    file: Option<Spilled>,
    spill: Arc<Spill>,
}

impl Sorted {
    /// Puts the next mention of a run into the heap.
    fn advance(&mut self, run: usize) {
        let Some(Run { read, left }) = self.runs.get_mut(run) else {
            return;
        };
        if read.len() == 0
            && left.0 < left.1
            && let Some(file) = &self.file
        {
            let most = (Mentions::CHUNK * Mention::BYTES) as u64;
            let end = left.1.min(left.0 + most);
            let mut bytes = vec![0; usize::try_from(end - left.0).unwrap_or_default()];
            // After a failure, which the `Spill` keeps, the run ends here.
            let more = if self.spill.read(file, &mut bytes, left.0) {
                let (chunks, _) = bytes.as_chunks();
                chunks.iter().map(|bytes| Mention::from_bytes(*bytes)).collect()
            } else {
                Vec::new()
            };
            *read = more.into_iter();
            left.0 = end;
        }
        if let Some(mention) = read.next() {
            self.next.push(Reverse((mention, run)));
        }
    }
}

impl Iterator for Sorted {
    type Item = Mention;

    fn next(&mut self) -> Option<Mention> {
        let Reverse((mention, run)) = self.next.pop()?;
        self.advance(run);
        Some(mention)
    }
}

/// Repeated ids of one kind, by their hashes.
#[derive(Debug, Default)]
struct Groups {
    ids: u64,
    deliveries: u64,
    /// The groups with the smallest first deliveries.
    first: BinaryHeap<Group>,
}

/// The deliveries that have one id, ordered by the first delivery.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    first: Vec<DeliveryKey>,
    id: IdHash,
    deliveries: u64,
}

impl Groups {
    fn new(mentions: Sorted, ledger_state: &LedgerState) -> Self {
        let mut groups = Self::default();
        let mut mentions = mentions.peekable();
        while let Some(group) = Group::next(&mut mentions, ledger_state) {
            groups.ids += 1;
            groups.deliveries += group.deliveries;
            groups.first.push(group);
            if groups.first.len() > SHOWN {
                groups.first.pop();
            }
        }
        groups
    }

    fn named(self, names: &HashMap<IdHash, String>, ledger_state: &LedgerState) -> RepeatedIds {
        let first = self.first.into_sorted_vec().into_iter();
        RepeatedIds {
            ids: self.ids,
            deliveries: self.deliveries,
            first: first.filter_map(|group| group.named(names, ledger_state)).collect(),
        }
    }
}

impl Group {
    /// The next id that several deliveries have, at least one of which is in its state because of the answer with this id.
    /// `None` after the last one.
    fn next(mentions: &mut Peekable<Sorted>, ledger_state: &LedgerState) -> Option<Self> {
        loop {
            let begin = mentions.next()?;
            if mentions.peek().is_none_or(|next| next.id() != begin.id()) {
                continue;
            }
            let mut last = begin;
            let mut decides = begin.decides(&ledger_state.status(begin.key()));
            let mut group = Self {
                first: vec![begin.key()],
                id: begin.id(),
                deliveries: 1,
            };
            while let Some(mention) = mentions.next_if(|mention| mention.id() == begin.id()) {
                decides |= mention.decides(&ledger_state.status(mention.key()));
                if mention.key() == last.key() {
                    continue;
                }
                last = mention;
                group.deliveries += 1;
                if group.first.len() < SHOWN {
                    group.first.push(mention.key());
                }
            }
            if group.deliveries > 1 && decides {
                return Some(group);
            }
        }
    }

    fn named(self, names: &HashMap<IdHash, String>, ledger_state: &LedgerState) -> Option<RepeatedId> {
        let delivery = |key: DeliveryKey| {
            Some(DeliveryOfId {
                merchant_coupon_id: ledger_state.merchant_coupon_id(key)?,
                open_id: ledger_state.open_id(key.recipient),
                ordinal: key.ordinal,
                state: ledger_state.state_name(key),
            })
        };
        Some(RepeatedId {
            id: names.get(&self.id)?.clone(),
            deliveries: self.deliveries,
            first: self.first.into_iter().filter_map(delivery).collect(),
        })
    }
}

/// Finishes a search. If it found repeated ids, reads the log again for their text.
///
/// # Errors
/// When the log cannot be read, or the search's spill file has failed.
pub(in crate::ledger) async fn name(
    search: Search,
    store: &mut impl Store,
    ledger_state: &LedgerState,
) -> Result<Repeats, LedgerError> {
    let found = search.finish(ledger_state);
    ledger_state.spill().check()?;
    if found.is_empty() {
        return Ok(Repeats::default());
    }
    let mut naming = found.naming();
    read_facts(store, &ledger_state.identity, |_, fact| {
        naming.add(&fact);
        Some(())
    })
    .await?;
    Ok(naming.finish(ledger_state))
}

/// The repeated ids by their hashes. A second pass finds their text.
#[derive(Debug)]
struct Found {
    hashes: Hashes,
    coupon_ids: Groups,
    log_ids: Groups,
}

impl Found {
    const fn is_empty(&self) -> bool {
        self.coupon_ids.ids == 0 && self.log_ids.ids == 0
    }

    /// Begins the second pass.
    fn naming(self) -> Naming {
        let shown = || self.coupon_ids.first.iter().chain(&self.log_ids.first);
        Naming {
            keys: shown().filter_map(|group| group.first.first().copied()).collect(),
            names: HashMap::new(),
            found: self,
        }
    }
}

/// The second pass: it finds the text of the ids that are shown.
#[derive(Debug)]
struct Naming {
    /// The first delivery of each id: few, so that most answers are not unpacked.
    keys: Vec<DeliveryKey>,
    names: HashMap<IdHash, String>,
    found: Found,
}

impl Naming {
    fn add(&mut self, fact: &FactView<'_>) {
        let key = match fact {
            Fact::Ended { key, .. } => *key,
            Fact::Found { found, .. } => found.key,
            _ => return,
        };
        if !self.keys.contains(&key) {
            return;
        }
        let Some(answer) = fact.answer() else { return };
        for id in [answer.ids.coupon_id, answer.ids.log_id].into_iter().flatten() {
            self.names.insert(self.found.hashes.hash(id), id.text());
        }
    }

    fn finish(self, ledger_state: &LedgerState) -> Repeats {
        let Found {
            coupon_ids, log_ids, ..
        } = self.found;
        Repeats {
            coupon_ids: coupon_ids.named(&self.names, ledger_state),
            log_ids: log_ids.named(&self.names, ledger_state),
        }
    }
}

#[cfg(test)]
mod tests;
