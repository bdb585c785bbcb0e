//! How long answers took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The latencies of answers.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        // Microseconds, up to ten hours, to three digits.
        let all = Histogram::new_with_bounds(1, 36_000_000_000, 3);
        Self(all.expect("these bounds are what a histogram can have"))
    }
}

impl Latencies {
    /// Counts an answer.
    pub fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    /// The number of answers.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.0.len()
    }

    /// The time within which this share of the answers came.
    #[must_use]
    pub fn within(&self, share: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(share))
    }

    /// How many answers came within each of `bounds` and not within the one before; bounds ascend, in microseconds. The
    /// last count is of answers beyond the last bound.
    #[must_use]
    pub fn by_bounds(&self, bounds: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for step in self.0.iter_recorded() {
            let at = bounds.partition_point(|bound| *bound < step.value_iterated_to());
            counts[at] += step.count_since_last_iteration();
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_how_long_they_took() {
        let mut latencies = Latencies::default();
        for ms in [1, 5, 6, 400, 90_000] {
            latencies.add(Duration::from_millis(ms));
        }
        assert_eq!(latencies.by_bounds(&[5_500, 10_000, 1_000_000]), [2, 1, 1, 1]);
        assert_eq!((latencies.answers(), latencies.within(0.5).as_millis()), (5, 6));
    }
}
