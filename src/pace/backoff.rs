//! The wait before an attempt is repeated: exponential, with full jitter from a seeded source.

use std::time::Duration;

/// The longest `Retry-After` of the platform that is respected.
pub const MOST_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The delay before the attempt that follows `failed` failed ones (from 1): between 0 and `first` doubled `failed - 1`
/// times, but at most `most`. `random` is in 0..1 and comes from the run's seed.
#[must_use]
pub fn delay(failed: u32, first: Duration, most: Duration, random: f64) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1).min(31)));
    doubled.min(most).mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_delay_doubles_up_to_its_most() {
        let whole = |failed| delay(failed, Duration::from_millis(500), Duration::from_mins(1), 1.0);
        assert_eq!(whole(1), Duration::from_millis(500));
        assert_eq!(whole(2), Duration::from_secs(1));
        assert_eq!(whole(5), Duration::from_secs(8));
        assert_eq!(whole(8), Duration::from_mins(1));
        assert_eq!(whole(u32::MAX), Duration::from_mins(1));
    }

    proptest! {
        #[test]
        fn jitter_takes_the_whole_range_and_no_more(
            failed in 0_u32..100, first in 1_u64..10_000, most in 1_u64..100_000, random in 0.0_f64..1.0,
        ) {
            let first = Duration::from_millis(first);
            let most = Duration::from_millis(most);
            let waited = delay(failed, first, most, random);
            prop_assert!(waited <= most);
            prop_assert_eq!(delay(failed, first, most, 0.0), Duration::ZERO);
            prop_assert!(waited <= delay(failed.saturating_add(1), first, most, random));
        }
    }
}
