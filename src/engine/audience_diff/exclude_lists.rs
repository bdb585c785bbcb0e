//! The users that exclude lists name. A list is read like a source.

use std::iter;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use sha2::{Digest, Sha256};

use crate::audience::{AudienceError, Row, Source, Totals};
use crate::catalogue::{Text, engine};
use crate::ledger::open_id_arena::pack;
use crate::ledger::{self, KeptOut, LedgerState};
use crate::model::bucketing::Bucketing;
use crate::model::event::ExcludeList;

use super::accept_word::Accept;
use super::exclude_effects::{Effects, ListEffect, OnLists};
use super::exclude_list::ExcludedUsers;
use super::join::JoinedPeople;
use super::new_open_ids::NewOpenIds;
use super::read_source::{is_over, read_all};
use super::refusal::{Change, Refusal, kinds};

/// The users on any exclude list.
pub struct Exclusion<'b> {
    ledger_state: &'b LedgerState,
    /// The recipients of the ledger among them.
    known: FixedBitSet,
    people: NewOpenIds,
    packed: Vec<u8>,
    /// For each user the last list that named them.
    last_list: Vec<u16>,
    /// The users that the ledger knows or the source names.
    in_audience: FixedBitSet,
    /// The number of users that the source names and the ledger does not know.
    strangers_named: u64,
    lists: Vec<ExcludedUsers>,
    too_many: bool,
    /// Whether the lists are those of the ledger and were not read.
    is_admitted: bool,
}

impl<'b> Exclusion<'b> {
    /// Excludes nobody.
    #[must_use]
    pub fn new(ledger_state: &'b LedgerState) -> Self {
        Self {
            ledger_state,
            known: FixedBitSet::with_capacity(ledger_state.recipients() as usize),
            people: NewOpenIds::new(Arc::clone(ledger_state.spill())),
            packed: Vec::new(),
            last_list: Vec::new(),
            in_audience: FixedBitSet::new(),
            strangers_named: 0,
            lists: Vec::new(),
            too_many: false,
            is_admitted: false,
        }
    }

    /// Excludes the users that the lists of the last generation excluded, once each is added by [`Self::add_known`].
    pub(super) fn admitted(ledger_state: &'b LedgerState) -> Self {
        let mut exclusion = Self::new(ledger_state);
        for before in exclusion.before() {
            exclusion.lists.push(ExcludedUsers {
                people: before.people,
                rows: before.people,
                ..ExcludedUsers::new(before.list.clone())
            });
        }
        exclusion.is_admitted = true;
        exclusion
    }

    /// Adds the users of a list. Calls `progress` now and then with the number of rows so far. `name` distinguishes the list from
    /// the campaign's other lists, now and at the next apply.
    ///
    /// # Errors
    /// If the list cannot be read to its end. The audience must not be admitted then: a truncated list would send to users who
    /// said no.
    pub async fn read(
        &mut self,
        name: String,
        source: &Source,
        mut progress: impl FnMut(u64),
    ) -> Result<(), AudienceError> {
        self.begin(name);
        let mut rows = 0;
        let totals = read_all(source, self.ledger_state.spill(), |batch| {
            batch.rows().for_each(|row| self.row(&row));
            rows += batch.len() as u64;
            progress(rows);
        })
        .await?;
        // Without a header, a list of nobody looks like one that was never written.
        if let (Source::Jsonl(_), 0) = (source, totals.bytes) {
            let name = totals.shares.first().map_or("", |file| &file.name);
            return Err(AudienceError::no_line(name));
        }
        self.end(&totals);
        Ok(())
    }

    /// Adds the users who have, or may have, a coupon of another campaign.
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
        // The ledger identifies a list by its name.
        let names = (2..).map(|nth| format!("{name} ({nth})"));
        let is_taken = |name: &String| self.lists.iter().any(|list| list.name == *name);
        let name = iter::once(name.clone()).chain(names).find(|name| !is_taken(name));
        self.lists.push(ExcludedUsers {
            first: self.people.len(),
            ..ExcludedUsers::new(name.unwrap_or_default())
        });
    }

    /// Adds one row of the list that was begun last.
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

    /// Ends the list that was begun last.
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
            self.last_list.push(0);
        }
        if let (Some(last_list), Some(list)) = (self.last_list.get_mut(number as usize), self.lists.last_mut())
            && std::mem::replace(last_list, nth) != nth
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

    /// Whether a recipient of the ledger is on a list.
    pub(super) fn has_known(&self, recipient: u32) -> bool {
        self.known.contains(recipient as usize)
    }

    /// Adds a recipient of the ledger that is on a list.
    pub(super) fn add_known(&mut self, recipient: u32) {
        self.known.insert(recipient as usize);
    }

    /// The users on all lists.
    pub(super) const fn people(&self) -> &NewOpenIds {
        &self.people
    }

    /// Notes which users the ledger knows, and which others the source names.
    pub(super) fn join(&mut self, people: &JoinedPeople) {
        self.in_audience.grow(self.people.len() as usize);
        for (person, recipient) in &people.known {
            self.known.insert(*recipient as usize);
            self.in_audience.insert(*person as usize);
        }
        people
            .strangers
            .iter()
            .for_each(|person| self.in_audience.insert(*person as usize));
        self.strangers_named = people.strangers.len() as u64;
    }

    pub(super) const fn strangers_named(&self) -> u64 {
        self.strangers_named
    }

    /// The effects on the audience, after all of its rows were added.
    pub(super) fn effects(&self, draw: &Bucketing) -> Effects {
        if self.is_admitted {
            let samples = self.lists.iter().map(|list| self.ledger_state.kept_out(&list.name));
            return Effects::remembered(samples);
        }
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

    /// Frees the memory for finding users on the lists.
    pub(super) fn forget_people(&mut self) {
        self.people = NewOpenIds::default();
        self.last_list = Vec::new();
        self.in_audience = FixedBitSet::new();
    }

    /// The lists, as the ledger keeps them.
    pub(super) fn to_facts(&self) -> Vec<ledger::Excluded> {
        let lists = self.lists.iter().map(|list| ledger::Excluded {
            list: list.name.clone(),
            people: list.people,
        });
        lists.collect()
    }

    /// The hash of a source and of all lists.
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

    /// Refuses lists with too many unusable rows: each may be a user who said no.
    pub(super) fn refusals(&self, allowed: f64) -> impl Iterator<Item = Refusal> {
        let refusal = move |list: &ExcludedUsers| {
            let unusable = list.unusable.values().map(|rows| rows.count).sum();
            is_over(unusable, list.rows, allowed).then(|| Refusal::ExcludeUnusable {
                list: list.name.clone(),
                unusable,
                rows: list.rows,
                allowed,
                by_kind: list.unusable.clone().into_iter().collect(),
            })
        };
        let too_many = self.too_many.then_some(Refusal::TooMany);
        self.lists.iter().filter_map(refusal).chain(too_many)
    }

    /// Remarks about unusable rows.
    pub(super) fn remarks(&self) -> impl Iterator<Item = Text> {
        self.lists.iter().filter(|list| !list.unusable.is_empty()).map(|list| {
            let kinds: Vec<_> = list.unusable.clone().into_iter().collect();
            Text::from_fn(|| {
                engine::ListNamesNobody {
                    list: &list.name,
                    kinds: &self::kinds(&kinds),
                }
                .to_string()
            })
        })
    }

    /// Each list with its effect, for people.
    pub(super) fn shown(&self, effects: &Effects) -> Vec<ExcludeList> {
        let lists = self.lists.iter().zip(&effects.lists);
        let shown = lists.map(|(list, effect)| ExcludeList {
            list: list.name.clone(),
            people: list.people,
            excluded: effect.excluded,
        });
        shown.collect()
    }

    /// New lists with users that exclude nobody. `audience` has some open_ids of the audience.
    ///
    /// A list from another campaign's ledger has open_ids in the right form, so it is no mistake if none is in the audience.
    pub(super) fn idle(&self, effects: &Effects, audience: &[String]) -> Vec<Change> {
        let is_new = |list: &ExcludedUsers| self.before().iter().all(|before| before.list != list.name);
        let idle = self.lists.iter().zip(&effects.lists).filter(|(list, effect)| {
            effect.excluded == 0 && list.people > 0 && !list.of_campaign && is_new(list) && !audience.is_empty()
        });
        let change = |(list, _): (&ExcludedUsers, &ListEffect)| {
            let of_list = list.on_earlier.iter().copied().chain(list.first..);
            let of_list: Vec<_> = of_list
                .take(2)
                .map_while(|number| self.people.open_id(number))
                .collect();
            Change {
                what: Accept::IdleExclude,
                from: Text::from_fn(|| {
                    engine::IdleFrom {
                        list: &list.name,
                        people: list.people,
                        examples: &quoted(&of_list),
                    }
                    .to_string()
                }),
                to: Text::from_fn(|| {
                    engine::IdleTo {
                        examples: &quoted(audience),
                    }
                    .to_string()
                }),
                owed_again: 0,
            }
        };
        idle.map(change).collect()
    }

    /// The lists of the last generation that many of their kept-out users have left.
    pub(super) fn departures(&self, effects: &Effects) -> Vec<Departure> {
        if self.is_admitted {
            return Vec::new();
        }
        let pairs = self.pairs().into_iter();
        let departures = pairs.filter_map(|(before, now)| {
            let Some(sample) = self.ledger_state.kept_out(&before.list) else {
                // An earlier version wrote that generation without its kept-out users.
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
                let people = sample.people();
                let list = &before.list;
                let (from, to) = if sample.is_whole() {
                    (
                        Text::new(&engine::LeftFrom { people, list }),
                        Text::new(&engine::LeftTo { left: many }),
                    )
                } else {
                    (
                        Text::new(&engine::LeftFromAbout { people, list }),
                        Text::new(&engine::LeftToAbout { left: many }),
                    )
                };
                Departure {
                    now,
                    left,
                    change: Change {
                        what: Accept::SmallerExclude,
                        from,
                        to,
                        owed_again: 0,
                    },
                }
            })
        });
        departures.collect()
    }

    /// The change of a list that has over 10 % fewer users than before.
    fn shrunk(&self, before: &ledger::Excluded, now: Option<usize>) -> Option<Change> {
        let list = now.and_then(|nth| self.lists.get(nth));
        let many = list.map_or(0, |list| list.people);
        (before.people.saturating_sub(many) * 10 > before.people).then(|| Change {
            what: Accept::SmallerExclude,
            from: Text::new(&engine::ShrunkFrom {
                list: &before.list,
                people: before.people,
            }),
            to: match list {
                Some(list) => Text::new(&engine::ShrunkTo {
                    list: &list.name,
                    people: many,
                }),
                None => Text::new(&engine::ShrunkToNone),
            },
            owed_again: 0,
        })
    }

    /// Each list of the last generation with its present position. A list whose name is gone counts as renamed: it is compared
    /// with the new lists, in the order of the file.
    fn pairs(&self) -> Vec<(&'b ledger::Excluded, Option<usize>)> {
        let mut left: Vec<_> = (0..self.lists.len()).collect();
        let mut take = |fits: &dyn Fn(&ExcludedUsers) -> bool| {
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

    /// The users that each list has kept out so far, if the ledger does not know them yet. If more users left a list than is
    /// allowed without an acceptance, only the present ones.
    pub(super) fn kept_out(&self, effects: &Effects, departures: &[Departure]) -> Vec<KeptOut> {
        if self.is_admitted {
            return Vec::new();
        }
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

/// Fewer users that left a list never stop an apply.
const FEWEST_LEFT: u64 = 10;

/// A list of the last generation that many users have left.
pub(super) struct Departure {
    /// The position among the present lists.
    now: Option<usize>,
    /// The hashes of the users that left, or of a sample of them.
    pub(super) left: Vec<u64>,
    pub(super) change: Change,
}

impl Departure {
    /// The change, with examples of users that would be sent to now.
    pub(super) fn change_with(self, open_ids: &[String]) -> Change {
        let Self { mut change, .. } = self;
        if !open_ids.is_empty() {
            change.to = Text::new(&engine::LeftToWith {
                to: &change.to,
                open_ids: &open_ids.join(", "),
            });
        }
        change
    }
}

fn quoted(open_ids: &[String]) -> String {
    let quoted = open_ids.iter().map(|open_id| format!("{open_id:?}"));
    let all = quoted.reduce(|first, second| {
        engine::ExamplesAnd {
            first: &first,
            second: &second,
        }
        .to_string()
    });
    all.unwrap_or_default()
}
