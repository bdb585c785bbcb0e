//! The users that an exclude list kept out: all of them if they are few, otherwise a sample.

use serde::{Deserialize, Serialize};

/// The users that one exclude list kept out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOut {
    /// The name of the list in the generation.
    pub list: String,
    /// The users.
    pub people: Sample,
}

/// The users of a set with the smallest hashes: all of a small set, and a fair sample of a large one.
///
/// Hashes are spread evenly, so the share of a sample that has a property is about the share of the set, with a standard
/// error of at most 0.8 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample(Vec<u64>);

impl Sample {
    /// The most users in a sample.
    pub const MOST: usize = 4096;

    /// The sample with these hashes. `None` unless they ascend and are at most [`Sample::MOST`].
    #[must_use]
    pub fn from_hashes(hashes: Vec<u64>) -> Option<Self> {
        let ascend = hashes.is_sorted_by(|a, b| a < b);
        (ascend && hashes.len() <= Self::MOST).then_some(Self(hashes))
    }

    /// The hashes, ascending.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.0
    }

    /// Whether it has all users of the set.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.0.len() < Self::MOST
    }

    /// Estimates the number of users of the set that `some` users of the sample represent.
    #[must_use]
    pub fn people_of(&self, some: usize) -> u64 {
        match self.0.last() {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate of less than 2^64 users"
            )]
            // The hashes of n users are about 2^64 / n apart.
            Some(last) if !self.is_whole() => (some as f64 * 2_f64.powi(64) / (*last as f64).max(1.0)).round() as u64,
            _ => some as u64,
        }
    }

    /// Estimates the number of users of the set.
    #[must_use]
    pub fn people(&self) -> u64 {
        self.people_of(self.0.len())
    }

    /// The sample of the union of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut sampler = Sampler::default();
        self.0.iter().chain(&other.0).for_each(|hash| sampler.add(*hash));
        sampler.sample()
    }
}

/// Draws a sample of users that come one by one.
#[derive(Debug)]
pub struct Sampler {
    hashes: Vec<u64>,
    /// Larger hashes cannot be in the sample.
    largest: u64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            hashes: Vec::new(),
            largest: u64::MAX,
        }
    }
}

impl Sampler {
    /// Adds a user by its hash. A user that is added again counts once.
    pub fn add(&mut self, hash: u64) {
        if hash > self.largest {
            return;
        }
        self.hashes.push(hash);
        if self.hashes.len() >= 2 * Sample::MOST {
            self.keep_smallest();
        }
    }

    fn keep_smallest(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.truncate(Sample::MOST);
        if self.hashes.len() == Sample::MOST {
            self.largest = self.hashes.last().copied().unwrap_or(u64::MAX);
        }
    }

    /// The sample of all users that were added.
    #[must_use]
    pub fn sample(mut self) -> Sample {
        self.keep_smallest();
        Sample(self.hashes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Random hashes, one for each user.
    fn hashes(seed: u64, people: u64) -> impl Iterator<Item = u64> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..people).map(move |_| rng.u64(..))
    }

    fn sample(hashes: impl IntoIterator<Item = u64>) -> Sample {
        let mut sampler = Sampler::default();
        hashes.into_iter().for_each(|hash| sampler.add(hash));
        sampler.sample()
    }

    #[test]
    fn a_small_set_is_kept_whole_and_a_large_one_is_estimated() {
        for people in [0, 1, 10, 4095] {
            assert_eq!(sample(hashes(people, people)).people(), people);
        }
        for people in [4096, 10_000, 1_000_000] {
            for seed in 0..10 {
                let sample = sample(hashes(seed, people));
                assert_eq!(sample.hashes().len(), Sample::MOST);
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let error = sample.people() as f64 / people as f64 - 1.0;
                assert!(error.abs() < 0.06, "{people}: {error}");
            }
        }
    }

    #[test]
    fn a_share_of_a_large_set_is_known_within_two_percent() {
        for seed in 0..20 {
            let mut rng = fastrand::Rng::with_seed(1000 + seed);
            let (left, stayed): (Vec<_>, Vec<_>) = hashes(seed, 200_000).partition(|_| rng.u8(0..10) == 0);
            let sample = sample(left.iter().chain(&stayed).copied());
            let left: BTreeSet<_> = left.into_iter().collect();
            let known = sample.hashes().iter().filter(|hash| left.contains(hash)).count();
            assert!((330..=490).contains(&known), "{known} of 4096, where it is a tenth");
        }
    }

    proptest! {
        #[test]
        fn a_union_is_the_sample_of_everybody(seed: u64, first in 0_u64..9_000, second in 0_u64..9_000, both in 0_u64..200) {
            let shared: Vec<_> = hashes(seed ^ 1, both).collect();
            let first: Vec<_> = hashes(seed, first).chain(shared.clone()).collect();
            let second: Vec<_> = hashes(seed ^ 2, second).chain(shared).collect();
            let together = sample(first.iter().chain(&second).copied());
            prop_assert_eq!(sample(first).union(&sample(second)), together.clone());
            let read_back = Sample::from_hashes(together.hashes().to_vec());
            prop_assert_eq!(read_back, Some(together));
        }
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        assert_eq!(Sample::from_hashes(vec![2, 1]), None);
        assert_eq!(Sample::from_hashes(vec![1, 1]), None);
        assert_eq!(Sample::from_hashes((0..=4096).collect()), None);
        assert!(Sample::from_hashes((0..4096).collect()).is_some());
    }
}
