//! Who is not to be sent to, whatever the source says: the lists of the campaign's file, read as sources are.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::audience::{AudienceError, Row, Source, Totals};
use crate::ledger::open_id_arena::pack;
use crate::ledger::{self, KeptOut, LedgerState};
use crate::model::bucketing::Bucketing;
use crate::model::event::{ExcludeList, Rows, UnusableKind};

use super::effects::{Effect, Effects, OnLists};
use super::gathered::{NewOpenIds, NumberSet};
use super::refusal::Refusal;
use super::{Accept, Change, over, take};

/// Everybody on any of the lists.
pub struct Exclusion<'b> {
    ledger_state: &'b LedgerState,
    /// Those of them whom the ledger knows.
    known: NumberSet,
    people: NewOpenIds,
    packed: Vec<u8>,
    /// The last list that named each of them.
    on: Vec<u16>,
    /// Those of them whom the ledger knows or the source names.
    in_audience: NumberSet,
    /// How many of them the source names and the ledger does not know.
    strangers_named: u64,
    lists: Vec<List>,
    too_many: bool,
}

/// One list, as it was read.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    /// Whether its people are those of a campaign, by its ledger: their open_ids have the form of an open_id.
    of_campaign: bool,
    pub(super) people: u64,
    rows: u64,
    hash: [u8; 32],
    unusable: BTreeMap<UnusableKind, Rows>,
    /// The first of its people who are on no earlier list. All people up to the next list's first are on this one.
    pub(super) first: u32,
    /// Those of its people who are on an earlier list too, ascending.
    pub(super) on_earlier: Vec<u32>,
}

impl<'b> Exclusion<'b> {
    /// Nobody.
    #[must_use]
    pub fn new(ledger_state: &'b LedgerState) -> Self {
        Self {
            ledger_state,
            known: NumberSet::below(ledger_state.recipients()),
            people: NewOpenIds::new(Arc::clone(ledger_state.spill())),
            packed: Vec::new(),
            on: Vec::new(),
            in_audience: NumberSet::default(),
            strangers_named: 0,
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
        let totals = take(source, self.ledger_state.spill(), |batch| {
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
        if let Some(list) = self.lists.last_mut() {
            list.of_campaign = true;
        }
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
    #[expect(clippy::needless_pass_by_value, reason = "callers make a name for this alone")]
    pub fn begin(&mut self, name: String) {
        // What is remembered of a list goes by its name.
        let names = (2..).map(|nth| format!("{name} ({nth})"));
        let is_taken = |name: &String| self.lists.iter().any(|list| list.name == *name);
        let name = iter::once(name.clone()).chain(names).find(|name| !is_taken(name));
        self.lists.push(List {
            name: name.unwrap_or_default(),
            of_campaign: false,
            people: 0,
            rows: 0,
            hash: [0; 32],
            unusable: BTreeMap::new(),
            first: self.people.len(),
            on_earlier: Vec::new(),
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
            list.rows = totals.rows;
            list.hash = totals.hash;
            list.on_earlier.sort_unstable();
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
            self.in_audience.make_room(self.people.len());
            if let Some(known) = self.ledger_state.find_packed(&self.packed) {
                self.known.insert(known);
                self.in_audience.insert(number);
            }
        }
        if let (Some(on), Some(list)) = (self.on.get_mut(number as usize), self.lists.last_mut())
            && std::mem::replace(on, nth) != nth
        {
            list.people += 1;
            if !new {
                list.on_earlier.push(number);
            }
        }
    }

    pub(super) const fn state(&self) -> &'b LedgerState {
        self.ledger_state
    }

    /// Whether one whom the ledger knows is on a list.
    pub(super) fn has_known(&self, recipient: u32) -> bool {
        self.known.contains(recipient)
    }

    /// Takes a user whom the source names and the ledger does not know. If they are on a list, it says whether they are
    /// named for the first time; otherwise it returns `None`.
    pub(super) fn name_stranger(&mut self, packed: &[u8]) -> Option<bool> {
        let number = self.people.find(packed)?;
        let new = self.in_audience.insert(number);
        self.strangers_named += u64::from(new);
        Some(new)
    }

    /// How many people on the lists the source names and the ledger does not know.
    pub(super) const fn strangers_named(&self) -> u64 {
        self.strangers_named
    }

    /// What the lists do to the audience, once all of it has been named.
    pub(super) fn effects(&self, draw: &Bucketing) -> Effects {
        let remembered = self
            .before()
            .iter()
            .filter_map(|before| self.ledger_state.kept_out(&before.list));
        let on_lists = OnLists {
            lists: &self.lists,
            people: &self.people,
            in_audience: &self.in_audience,
            draw,
        };
        on_lists.effects(remembered)
    }

    /// The lists of the last generation.
    fn before(&self) -> &'b [ledger::Excluded] {
        self.ledger_state
            .generation()
            .map_or(&[][..], |before| &before.excluded)
    }

    /// Frees what finding people on the lists takes. Nobody is looked for any more.
    pub(super) fn forget_people(&mut self) {
        self.people = NewOpenIds::default();
        self.on = Vec::new();
        self.in_audience = NumberSet::default();
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

    /// Every list with what it does to the audience.
    pub(super) fn shown(&self, effects: &Effects) -> Vec<ExcludeList> {
        let shown = |(list, effect): (&List, &Effect)| ExcludeList {
            list: list.name.clone(),
            people: list.people,
            excluded: effect.excluded,
        };
        self.lists.iter().zip(&effects.lists).map(shown).collect()
    }

    /// Lists that have people and exclude nobody, at their first apply. `audience` has some open_ids of the audience.
    ///
    /// The people of another campaign's ledger are in the right form, so that nobody of them is in the audience is no sign
    /// of a mistake.
    pub(super) fn idle(&self, effects: &Effects, audience: &[String]) -> Vec<Change> {
        let is_new = |list: &List| self.before().iter().all(|before| before.list != list.name);
        let idle = self.lists.iter().zip(&effects.lists).filter(|(list, effect)| {
            effect.excluded == 0 && list.people > 0 && !list.of_campaign && is_new(list) && !audience.is_empty()
        });
        let change = |(list, _): (&List, &Effect)| {
            let of_list = list.on_earlier.iter().copied().chain(list.first..);
            let of_list: Vec<_> = of_list
                .take(2)
                .map_while(|number| self.people.open_id(number))
                .collect();
            Change {
                what: Accept::IdleExclude,
                from: format!(
                    "{} with {}, such as {}",
                    list.name,
                    people(list.people),
                    quoted(&of_list)
                ),
                to: format!("nobody in the audience, which has {}", quoted(audience)),
                owed_again: 0,
            }
        };
        idle.map(change).collect()
    }

    /// Lists of the last generation that many of the people have left whom they kept out.
    pub(super) fn departures(&self, effects: &Effects) -> Vec<Departure> {
        let pairs = self.pairs().into_iter();
        let departures = pairs.filter_map(|(before, now)| {
            let Some(sample) = self.ledger_state.kept_out(&before.list) else {
                // The program that closed that generation did not remember whom its lists kept out.
                return self.shrunk(before, now).map(|change| Departure {
                    now,
                    left: Vec::new(),
                    change,
                });
            };
            let left = effects.left(sample);
            let many = sample.people_of(left.len());
            let is_much = left.len() * 10 > sample.hashes().len() && many >= FEWEST_LEFT;
            is_much.then(|| {
                let about = if sample.is_whole() { "" } else { "about " };
                let are = if many == 1 { "is" } else { "are" };
                Departure {
                    now,
                    left,
                    change: Change {
                        what: Accept::SmallerExclude,
                        from: format!("{} kept out {about}{}", before.list, people(sample.people())),
                        to: format!("{about}{many} of them {are} on no list"),
                        owed_again: 0,
                    },
                }
            })
        });
        departures.collect()
    }

    /// A list that has over 10 % fewer people than before.
    fn shrunk(&self, before: &ledger::Excluded, now: Option<usize>) -> Option<Change> {
        let list = now.and_then(|nth| self.lists.get(nth));
        let many = list.map_or(0, |list| list.people);
        (before.people.saturating_sub(many) * 10 > before.people).then(|| Change {
            what: Accept::SmallerExclude,
            from: format!("{} with {}", before.list, people(before.people)),
            to: list.map_or_else(|| "none".to_owned(), |list| format!("{} with {many}", list.name)),
            owed_again: 0,
        })
    }

    /// Each list of the last generation with what it is now. A list without one of its name is held against those that are
    /// new, in the order of the file: it was renamed.
    fn pairs(&self) -> Vec<(&'b ledger::Excluded, Option<usize>)> {
        let mut left: Vec<_> = (0..self.lists.len()).collect();
        let mut take = |fits: &dyn Fn(&List) -> bool| {
            let place = left.iter().position(|nth| self.lists.get(*nth).is_some_and(fits))?;
            Some(left.remove(place))
        };
        let before = self.before();
        let of_same_name = |before: &ledger::Excluded| take(&|list| list.name == before.list);
        let same: Vec<_> = before.iter().map(of_same_name).collect();
        let pairs = before.iter().zip(same);
        pairs
            .map(|(before, same)| (before, same.or_else(|| take(&|_| true))))
            .collect()
    }

    /// Whom each list keeps out, where the ledger does not know that yet: everybody whom it has kept out so far, or from now
    /// on if more people left it than an apply allows without an acceptance.
    pub(super) fn kept_out(&self, effects: &Effects, departures: &[Departure]) -> Vec<KeptOut> {
        let pairs = self.pairs();
        let lists = self.lists.iter().zip(&effects.lists).enumerate();
        let kept_out = lists.filter_map(|(nth, (list, effect))| {
            let begins_again = departures.iter().any(|departure| departure.now == Some(nth));
            let before = pairs.iter().find(|(_, now)| *now == Some(nth) && !begins_again);
            let before = before.and_then(|(before, _)| self.ledger_state.kept_out(&before.list));
            let people = before.map_or_else(|| effect.kept_out.clone(), |before| before.union(&effect.kept_out));
            let is_known = self.ledger_state.kept_out(&list.name) == Some(&people);
            (!is_known).then(|| KeptOut {
                list: list.name.clone(),
                people,
            })
        });
        kept_out.collect()
    }
}

/// Fewer people who left a list never stop an apply.
const FEWEST_LEFT: u64 = 10;

/// A list of the last generation that many people have left.
pub(super) struct Departure {
    /// Which of the present lists it is.
    now: Option<usize>,
    /// The hashes of those who left, of all or of a sample.
    pub(super) left: Vec<u64>,
    pub(super) change: Change,
}

impl Departure {
    /// The change, where these are some of those who would be sent to now.
    pub(super) fn change_with(self, open_ids: &[String]) -> Change {
        let Self { mut change, .. } = self;
        if !open_ids.is_empty() {
            change.to.push_str("; for example, ");
            change.to.push_str(&open_ids.join(", "));
            change.to.push_str(" would be sent to");
        }
        change
    }
}

fn people(many: u64) -> String {
    match many {
        1 => "1 person".to_owned(),
        many => format!("{many} people"),
    }
}

fn quoted(open_ids: &[String]) -> String {
    let quoted: Vec<_> = open_ids.iter().map(|open_id| format!("{open_id:?}")).collect();
    quoted.join(" and ")
}
