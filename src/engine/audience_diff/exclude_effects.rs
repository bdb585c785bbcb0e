//! The effects of exclude lists on an audience: how many users of each list are in it, which, and which users that a list kept out
//! before are on no list now.

use std::ops::Range;

use fixedbitset::FixedBitSet;

use crate::ledger::{Sample, Sampler};
use crate::model::bucketing::Bucketing;
use crate::model::threads::in_parts;

use super::exclude_list::ExcludedUsers;
use super::new_open_ids::NewOpenIds;

/// The fewest people for which a further thread is worth its cost.
const LEAST: u32 = 1 << 16;

/// The effects of all lists.
pub(super) struct Effects {
    pub(super) lists: Vec<ListEffect>,
    /// The hashes of all users that lists kept out before, ascending.
    remembered: Vec<u64>,
    /// The positions of those that are on a list now.
    still_on_a_list: FixedBitSet,
}

/// The effect of one list.
pub(super) struct ListEffect {
    /// How many of its users are in the audience.
    pub(super) excluded: u64,
    /// A sample of them.
    pub(super) kept_out: Sample,
}

/// The users on all lists.
pub(super) struct OnLists<'l> {
    pub(super) lists: &'l [ExcludedUsers],
    pub(super) people: &'l NewOpenIds,
    /// The users that are in the audience.
    pub(super) in_audience: &'l FixedBitSet,
    pub(super) draw: &'l Bucketing,
}

impl Effects {
    /// The effects that lists had when they were read last, as far as the ledger remembers whom each list kept out.
    pub(super) fn remembered<'s>(kept_out: impl Iterator<Item = Option<&'s Sample>>) -> Self {
        let effect = |kept_out: Option<&Sample>| {
            let kept_out = kept_out.cloned().unwrap_or_else(|| Sampler::default().sample());
            ListEffect {
                excluded: kept_out.people(),
                kept_out,
            }
        };
        Self {
            lists: kept_out.map(effect).collect(),
            remembered: Vec::new(),
            still_on_a_list: FixedBitSet::new(),
        }
    }

    /// The hashes of users that were kept out before and are on no list now.
    pub(super) fn left(&self, kept_out: &Sample) -> Vec<u64> {
        let is_on_a_list = |hash: &u64| {
            let place = self.remembered.binary_search(hash);
            place.is_ok_and(|place| self.still_on_a_list.contains(place))
        };
        let hashes = kept_out.hashes().iter().copied();
        hashes.filter(|hash| !is_on_a_list(hash)).collect()
    }
}

/// The effects of a range of users.
struct PartialEffects {
    excluded: Vec<u64>,
    kept_out: Vec<Sampler>,
    still_on_a_list: FixedBitSet,
}

impl OnLists<'_> {
    /// Computes the effects, with several threads if there are many users.
    pub(super) fn effects<'s>(&self, kept_out_before: impl Iterator<Item = &'s Sample>) -> Effects {
        let mut remembered: Vec<_> = kept_out_before.flat_map(Sample::hashes).copied().collect();
        remembered.sort_unstable();
        remembered.dedup();
        let parts = in_parts(self.people.len(), LEAST, |range| self.part(range, &remembered));
        let mut lists: Vec<_> = self.lists.iter().map(|_| (0, Sampler::default())).collect();
        let mut still_on_a_list = FixedBitSet::with_capacity(remembered.len());
        for part in parts {
            let of_lists = part.excluded.into_iter().zip(part.kept_out);
            for ((excluded, sampler), (more, sampled)) in lists.iter_mut().zip(of_lists) {
                *excluded += more;
                sampled.sample().hashes().iter().for_each(|hash| sampler.add(*hash));
            }
            still_on_a_list.union_with(&part.still_on_a_list);
        }
        let effect = |(excluded, sampler): (u64, Sampler)| ListEffect {
            excluded,
            kept_out: sampler.sample(),
        };
        Effects {
            lists: lists.into_iter().map(effect).collect(),
            remembered,
            still_on_a_list,
        }
    }

    fn part(&self, range: Range<u32>, remembered: &[u64]) -> PartialEffects {
        let mut part = PartialEffects {
            excluded: self.lists.iter().map(|_| 0).collect(),
            kept_out: self.lists.iter().map(|_| Sampler::default()).collect(),
            still_on_a_list: FixedBitSet::with_capacity(remembered.len()),
        };
        let mut memberships = Memberships::new(self.lists, range.start);
        let mut open_ids = self.people.open_ids_from(range.start);
        let mut open_id = String::new();
        for person in range {
            // The spill file notes a failed read. The whole reading is then refused.
            if !open_ids.next_text(&mut open_id) {
                break;
            }
            let is_in_audience = self.in_audience.contains(person as usize);
            if !is_in_audience && remembered.is_empty() {
                continue;
            }
            let hash = self.draw.number(&open_id);
            if let Ok(place) = remembered.binary_search(&hash) {
                part.still_on_a_list.insert(place);
            }
            if is_in_audience {
                memberships.each_list_of(person, |nth| {
                    part.excluded[nth] += 1;
                    part.kept_out[nth].add(hash);
                });
            }
        }
        part
    }
}

/// Finds the lists of users that are asked for in ascending order.
struct Memberships<'l> {
    lists: &'l [ExcludedUsers],
    /// For each list the users still to come that are on an earlier list too.
    on_earlier: Vec<&'l [u32]>,
}

impl<'l> Memberships<'l> {
    fn new(lists: &'l [ExcludedUsers], first: u32) -> Self {
        let from_first = |list: &'l ExcludedUsers| {
            let begin = list.on_earlier.partition_point(|person| *person < first);
            list.on_earlier.get(begin..).unwrap_or_default()
        };
        Self {
            lists,
            on_earlier: lists.iter().map(from_first).collect(),
        }
    }

    fn each_list_of(&mut self, person: u32, mut each: impl FnMut(usize)) {
        let begun = self.lists.partition_point(|list| list.first <= person);
        if let Some(first) = begun.checked_sub(1) {
            each(first);
        }
        for (nth, on_earlier) in self.on_earlier.iter_mut().enumerate() {
            while let Some((next, rest)) = on_earlier.split_first().filter(|(next, _)| **next <= person) {
                *on_earlier = rest;
                if *next == person {
                    each(nth);
                }
            }
        }
    }
}
