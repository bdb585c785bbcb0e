//! What exclude lists do to an audience: how many of each list's people are in it, who they are, and who of those whom
//! lists kept out before is on no list any more.

use std::ops::Range;
use std::thread;

use crate::ledger::{Sample, Sampler};
use crate::model::bucketing::Bucketing;

use super::excluded::List;
use super::gathered::{NewOpenIds, NumberSet};

/// The fewest people for which a further thread is worth its cost.
const LEAST: u32 = 1 << 16;

/// What the lists do.
pub(super) struct Effects {
    /// List by list.
    pub(super) lists: Vec<Effect>,
    /// The hashes of all whom lists kept out before, ascending.
    remembered: Vec<u64>,
    /// Which of these are on a list now.
    still_on_a_list: NumberSet,
}

/// What one list does.
pub(super) struct Effect {
    /// How many of its people are in the audience.
    pub(super) excluded: u64,
    /// Who they are.
    pub(super) kept_out: Sample,
}

/// Everybody on the lists.
pub(super) struct OnLists<'l> {
    pub(super) lists: &'l [List],
    pub(super) people: &'l NewOpenIds,
    /// Those of them who are in the audience.
    pub(super) in_audience: &'l NumberSet,
    pub(super) draw: &'l Bucketing,
}

impl Effects {
    /// The hashes of those who were kept out before and are on no list now.
    pub(super) fn left(&self, kept_out: &Sample) -> Vec<u64> {
        let is_on_a_list = |hash: &u64| {
            let place = self.remembered.binary_search(hash);
            place.is_ok_and(|place| self.still_on_a_list.contains(number(place)))
        };
        let hashes = kept_out.hashes().iter().copied();
        hashes.filter(|hash| !is_on_a_list(hash)).collect()
    }
}

/// What some of the people add to the effects.
struct Part {
    excluded: Vec<u64>,
    kept_out: Vec<Sampler>,
    still_on_a_list: NumberSet,
}

impl OnLists<'_> {
    /// Looks at everybody, by several threads where there are many.
    pub(super) fn effects<'s>(&self, kept_out_before: impl Iterator<Item = &'s Sample>) -> Effects {
        let mut remembered: Vec<_> = kept_out_before.flat_map(Sample::hashes).copied().collect();
        remembered.sort_unstable();
        remembered.dedup();
        let threads = thread::available_parallelism().map_or(1, Into::into);
        let threads = u32::try_from(threads).unwrap_or(1);
        let all = self.people.len();
        let share = all.div_ceil(threads).max(LEAST);
        let starts = (0..all).step_by(share as usize);
        let known = &remembered[..];
        let parts: Vec<_> = thread::scope(|scope| {
            let parts: Vec<_> = starts
                .map(|start| scope.spawn(move || self.part(start..all.min(start.saturating_add(share)), known)))
                .collect();
            parts.into_iter().filter_map(|part| part.join().ok()).collect()
        });
        let mut lists: Vec<_> = self.lists.iter().map(|_| (0, Sampler::default())).collect();
        let mut still_on_a_list = NumberSet::below(number(remembered.len()));
        for part in parts {
            let of_lists = part.excluded.into_iter().zip(part.kept_out);
            for ((excluded, sampler), (more, sampled)) in lists.iter_mut().zip(of_lists) {
                *excluded += more;
                sampled.sample().hashes().iter().for_each(|hash| sampler.add(*hash));
            }
            still_on_a_list.extend(&part.still_on_a_list);
        }
        let effect = |(excluded, sampler): (u64, Sampler)| Effect {
            excluded,
            kept_out: sampler.sample(),
        };
        Effects {
            lists: lists.into_iter().map(effect).collect(),
            remembered,
            still_on_a_list,
        }
    }

    fn part(&self, range: Range<u32>, remembered: &[u64]) -> Part {
        let mut part = Part {
            excluded: self.lists.iter().map(|_| 0).collect(),
            kept_out: self.lists.iter().map(|_| Sampler::default()).collect(),
            still_on_a_list: NumberSet::below(number(remembered.len())),
        };
        let mut memberships = Memberships::new(self.lists, range.start);
        let mut open_ids = self.people.open_ids_from(range.start);
        let mut open_id = String::new();
        for person in range {
            // Open_ids that were put aside and cannot be read are noticed by the `Spill`: then nothing counts.
            if !open_ids.next_text(&mut open_id) {
                break;
            }
            let is_in_audience = self.in_audience.contains(person);
            if !is_in_audience && remembered.is_empty() {
                continue;
            }
            let hash = self.draw.number(&open_id);
            if let Ok(place) = remembered.binary_search(&hash) {
                part.still_on_a_list.insert(number(place));
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

/// On which lists people are, who are asked about in ascending order.
struct Memberships<'l> {
    lists: &'l [List],
    /// Of each list the people who are on an earlier one too and were not asked about yet.
    on_earlier: Vec<&'l [u32]>,
}

impl<'l> Memberships<'l> {
    fn new(lists: &'l [List], first: u32) -> Self {
        let behind = |list: &'l List| {
            let begin = list.on_earlier.partition_point(|person| *person < first);
            list.on_earlier.get(begin..).unwrap_or_default()
        };
        Self {
            lists,
            on_earlier: lists.iter().map(behind).collect(),
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

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
