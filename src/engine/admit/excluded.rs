//! Who is not to be sent to, whatever the source says: the lists of the campaign's file, read as sources are.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::audience::{AudienceError, Row, Source, Totals};
use crate::event::{Rows, UnusableKind};
use crate::ledger::names::pack;
use crate::ledger::{self, Book};

use super::gathered::{Numbers, People};
use super::refusal::Refusal;
use super::{Accept, Change, over, take};

/// Everybody on any of the lists.
pub struct Exclusion<'b> {
    book: &'b Book,
    /// Those of them whom the ledger knows.
    known: Numbers,
    people: People,
    packed: Vec<u8>,
    /// The last list that named each of them.
    on: Vec<u16>,
    lists: Vec<List>,
    too_many: bool,
}

/// One list, as it was read.
#[derive(Clone, Debug)]
struct List {
    name: String,
    people: u64,
    rows: u64,
    hash: [u8; 32],
    unusable: BTreeMap<UnusableKind, Rows>,
}

impl<'b> Exclusion<'b> {
    /// Nobody.
    #[must_use]
    pub fn new(book: &'b Book) -> Self {
        Self {
            book,
            known: Numbers::below(book.recipients()),
            people: People::new(Arc::clone(book.spill())),
            packed: Vec::new(),
            on: Vec::new(),
            lists: Vec::new(),
            too_many: false,
        }
    }

    /// Takes everybody whom a list names, and says now and then how many rows there were so far. `name` tells it from
    /// the campaign's other lists, now and at the next apply.
    ///
    /// # Errors
    /// When the list cannot be read to its end: then the audience cannot be let in, for one that is cut off would send to
    /// people who said no.
    pub async fn read(
        &mut self,
        name: String,
        source: &Source,
        mut progress: impl FnMut(u64),
    ) -> Result<(), AudienceError> {
        self.begin(name);
        let mut rows = 0;
        let totals = take(source, self.book.spill(), |batch| {
            batch.rows().for_each(|row| self.row(&row));
            rows += batch.len() as u64;
            progress(rows);
        })
        .await?;
        // A format without a header has nothing in it that tells a list of nobody from one that was never written.
        if let (Source::Jsonl(_), 0) = (source, totals.bytes) {
            let name = totals.shares.first().map_or("", |file| &file.name);
            return Err(AudienceError::no_line(name));
        }
        self.end(&totals);
        Ok(())
    }

    /// Takes everybody of another campaign who has, or may have, a coupon of it.
    pub fn campaign(&mut self, name: String, open_ids: impl Iterator<Item = String>) {
        self.begin(name);
        let mut totals = Totals::default();
        let mut hash = Sha256::new();
        for open_id in open_ids {
            totals.rows += 1;
            hash.update(&open_id);
            hash.update([0]);
            self.add(&open_id);
        }
        totals.hash = hash.finalize().into();
        self.end(&totals);
    }

    /// Begins a list.
    pub fn begin(&mut self, name: String) {
        self.lists.push(List {
            name,
            people: 0,
            rows: 0,
            hash: [0; 32],
            unusable: BTreeMap::new(),
        });
    }

    /// Takes one row of the list that was begun last.
    pub fn row(&mut self, row: &Row<'_>) {
        match row.open_id {
            Ok(open_id) => self.add(open_id),
            Err(kind) => {
                if let Some(list) = self.lists.last_mut() {
                    list.unusable.entry(kind).or_default().add(row.place);
                }
            }
        }
    }

    /// Ends the list: this was all of it.
    pub fn end(&mut self, totals: &Totals) {
        if let Some(list) = self.lists.last_mut() {
            (list.rows, list.hash) = (totals.rows, totals.hash);
        }
    }

    fn add(&mut self, open_id: &str) {
        let nth = u16::try_from(self.lists.len()).unwrap_or(u16::MAX);
        pack(open_id, &mut self.packed);
        let Some((number, new)) = self.people.add(&self.packed) else {
            self.too_many = true;
            return;
        };
        if new {
            self.on.push(0);
            if let Some(known) = self.book.find_packed(&self.packed) {
                self.known.insert(known);
            }
        }
        if let (Some(on), Some(list)) = (self.on.get_mut(number as usize), self.lists.last_mut())
            && std::mem::replace(on, nth) != nth
        {
            list.people += 1;
        }
    }

    pub(super) const fn book(&self) -> &'b Book {
        self.book
    }

    /// Whether one whom the ledger knows is on a list.
    pub(super) fn has_known(&self, recipient: u32) -> bool {
        self.known.contains(recipient)
    }

    /// The number of an open_id among all on the lists, if it is on one.
    pub(super) fn find(&self, packed: &[u8]) -> Option<u32> {
        self.people.find(packed)
    }

    /// Nobody is looked for any more: lets go of who is on the lists, beyond what was counted.
    pub(super) fn forget_people(&mut self) {
        self.people = People::default();
        self.on = Vec::new();
    }

    /// How many people are on the lists.
    pub(super) fn len(&self) -> u32 {
        self.people.len()
    }

    /// The lists, as the ledger keeps them.
    pub(super) fn told(&self) -> Vec<ledger::Excluded> {
        let told = |list: &List| ledger::Excluded {
            list: list.name.clone(),
            people: list.people,
        };
        self.lists.iter().map(told).collect()
    }

    /// One hash of a source and of all lists: what tells this audience from another.
    pub(super) fn hash(&self, source: [u8; 32]) -> [u8; 32] {
        if self.lists.is_empty() {
            return source;
        }
        let mut hash = Sha256::new();
        hash.update(source);
        for list in &self.lists {
            hash.update((list.name.len() as u64).to_be_bytes());
            hash.update(&list.name);
            hash.update(list.hash);
        }
        hash.finalize().into()
    }

    /// Lists that cannot be relied on: too many of their rows name nobody, and each may be somebody who said no.
    pub(super) fn flaws(&self, allowed: f64) -> impl Iterator<Item = Refusal> {
        let flaw = move |list: &List| {
            let unusable = list.unusable.values().map(|rows| rows.count).sum();
            over(unusable, list.rows, allowed).then(|| Refusal::ExcludeUnusable {
                list: list.name.clone(),
                unusable,
                rows: list.rows,
                allowed,
                by_kind: list.unusable.clone().into_iter().collect(),
            })
        };
        let too_many = self.too_many.then_some(Refusal::TooMany);
        self.lists.iter().filter_map(flaw).chain(too_many)
    }

    /// Rows that name nobody, in words, where they are few enough to go on.
    pub(super) fn remarks(&self) -> impl Iterator<Item = String> {
        self.lists.iter().filter(|list| !list.unusable.is_empty()).map(|list| {
            let kinds: Vec<_> = list.unusable.clone().into_iter().collect();
            format!(
                "rows of the list {} name nobody: {}",
                list.name,
                super::refusal::kinds(&kinds)
            )
        })
    }

    /// Lists that have over 10 % fewer people than at the last apply: a cut-off one would let people in who said no.
    pub(super) fn shrunk(&self, before: &[ledger::Excluded]) -> Vec<Change> {
        let mut now: Vec<_> = self.lists.iter().map(Some).collect();
        let mut take = |fits: &dyn Fn(&List) -> bool| now.iter_mut().find(|list| list.is_some_and(fits))?.take();
        let same: Vec<_> = before.iter().map(|then| take(&|list| list.name == then.list)).collect();
        // One that was renamed is held against those that are new, in the order of the file.
        let pairs = before
            .iter()
            .zip(same)
            .map(|(then, same)| (then, same.or_else(|| take(&|_| true))));
        let shrunk = pairs.filter_map(|(then, list)| {
            let people = list.map_or(0, |list| list.people);
            (then.people.saturating_sub(people) * 10 > then.people).then(|| Change {
                what: Accept::SmallerExclude,
                from: format!("{} with {} people", then.list, then.people),
                to: list.map_or_else(|| "none".to_owned(), |list| format!("{} with {people}", list.name)),
            })
        });
        shrunk.collect()
    }
}
