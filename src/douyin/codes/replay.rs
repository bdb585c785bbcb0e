//! Whether a coupon is older than its attempt, which shows that another ledger has sent it. Pure: times are arguments.
//!
//! The platform's clock writes `receive_time`, and the attempt began by this machine's clock. The `Date` of the answer corrects
//! one by the other, but a proxy, a cache or a broken server may write any `Date`. So a `Date` that differs from this machine's
//! clock needs support: a coupon that one of the two clocks shows as fresh is no replay.

use jiff::{SignedDuration, Timestamp};

/// A coupon that is older than its attempt by more than this was issued by an earlier attempt.
const REPLAY: SignedDuration = SignedDuration::from_secs(120);
/// A time that differs by more than this is taken for an invalid one.
const FAR: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Clocks that differ by at most this agree.
const AGREE: SignedDuration = SignedDuration::from_secs(60);

/// The moment at which an attempt began, by each clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// By this machine's wall clock.
    pub local: Timestamp,
    /// By the `Date` of its answer. `None` without a valid one.
    pub dated: Option<Timestamp>,
    /// By the `Date` of earlier answers and a monotonic clock. `None` without such an answer.
    pub expected: Option<Timestamp>,
}

impl Began {
    /// The clocks to trust.
    fn clocks(&self) -> [Option<Timestamp>; 2] {
        let is_local = |clock: Timestamp| clocks_agree(clock, self.local);
        match self.dated.or(self.expected) {
            None => [Some(self.local), None],
            Some(dated) if is_local(dated) => [Some(dated), None],
            // The earlier answers had this machine's time, so this one jumps.
            Some(_) if self.expected.is_some_and(is_local) => [Some(self.local), None],
            Some(dated) => [Some(self.local), Some(dated)],
        }
    }
}

/// Whether two clocks agree.
#[must_use]
pub fn clocks_agree(a: Timestamp, b: Timestamp) -> bool {
    a.duration_since(b).abs() <= AGREE
}

/// Whether a coupon with this `receive_time`, in Unix seconds, was received well before its attempt began.
#[must_use]
pub fn is_replay(receive_time: Option<i64>, began: &Began) -> bool {
    let received = receive_time.filter(|seconds| *seconds != 0);
    let Some(received) = received.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
        return false;
    };
    let clocks = began.clocks().into_iter().flatten();
    let ages: Vec<SignedDuration> = clocks
        .map(|clock| clock.duration_since(received))
        .filter(|age| age.abs() <= FAR)
        .collect();
    let is_fresh = ages.iter().any(|age| age.abs() <= REPLAY);
    !is_fresh && ages.iter().any(|age| *age > REPLAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    const NOW: i64 = 1_780_000_000;

    /// All times are seconds after the true time at which the attempt began.
    fn judge(received: i64, local: i64, dated: Option<i64>, expected: Option<i64>) -> bool {
        let at = |offset: i64| Timestamp::from_second(NOW + offset).expect("a time of this century");
        let began = Began {
            local: at(local),
            dated: dated.map(at),
            expected: expected.map(at),
        };
        is_replay(Some(NOW + received), &began)
    }

    #[test]
    fn what_each_state_of_the_clocks_proves() {
        // Received, this machine's clock, the answer's Date, earlier answers; whether it is a replay.
        let table = [
            ("clocks agree: fresh", 0, 0, Some(0), None, false),
            ("clocks agree: old", -121, 0, Some(0), None, true),
            (
                "clocks agree: old, and so did earlier answers",
                -121,
                0,
                Some(0),
                Some(0),
                true,
            ),
            ("clocks nearly agree: fresh", 0, -50, Some(0), None, false),
            ("clocks nearly agree: old", -121, -50, Some(0), None, true),
            ("no Date: fresh", 0, 0, None, None, false),
            ("no Date: old", -121, 0, None, None, true),
            (
                "no Date, our clock wrong: fresh by earlier answers",
                0,
                HOUR,
                None,
                Some(0),
                false,
            ),
            ("no Date, our clock wrong: old", -2 * HOUR, HOUR, None, Some(0), true),
            ("a Date ahead once, at first: fresh", 0, 0, Some(3 * HOUR), None, false),
            ("a Date ahead once, later: fresh", 0, 0, Some(3 * HOUR), Some(0), false),
            ("a Date ahead once, at first: old", -HOUR, 0, Some(3 * HOUR), None, true),
            ("a Date ahead once, later: old", -HOUR, 0, Some(3 * HOUR), Some(0), true),
            (
                "a Date ahead always: fresh",
                0,
                0,
                Some(3 * HOUR),
                Some(3 * HOUR),
                false,
            ),
            (
                "a Date ahead always: old",
                -HOUR,
                0,
                Some(3 * HOUR),
                Some(3 * HOUR),
                true,
            ),
            (
                "a Date behind always: fresh",
                0,
                0,
                Some(-3 * HOUR),
                Some(-3 * HOUR),
                false,
            ),
            (
                "a Date behind always: old",
                -HOUR,
                0,
                Some(-3 * HOUR),
                Some(-3 * HOUR),
                true,
            ),
            (
                "a Date behind once, at first: old",
                -HOUR,
                0,
                Some(-3 * HOUR),
                None,
                true,
            ),
            ("our clock ahead: fresh", 0, HOUR, Some(0), None, false),
            ("our clock ahead: old", -121, HOUR, Some(0), Some(0), true),
            ("our clock behind: fresh", 0, -HOUR, Some(0), None, false),
            ("our clock behind: old", -30 * MINUTE, -HOUR, Some(0), Some(0), true),
            (
                "our clock behind: older than our clock",
                -2 * HOUR,
                -HOUR,
                Some(0),
                None,
                true,
            ),
            (
                "our clock steps back in the run: old",
                -HOUR,
                -3 * HOUR,
                Some(0),
                Some(0),
                true,
            ),
            (
                "our clock steps ahead in the run: fresh",
                0,
                3 * HOUR,
                Some(0),
                Some(0),
                false,
            ),
            ("our clock at 1970: fresh", 0, -NOW, Some(0), None, false),
            ("our clock at 1970: old", -HOUR, -NOW, Some(0), None, true),
            ("a Date at 1970: old", -HOUR, 0, Some(-NOW), None, true),
            (
                "a cached answer of a success, after others",
                -HOUR,
                0,
                Some(-HOUR),
                Some(0),
                true,
            ),
            (
                "a Date rewritten by each of two proxies: fresh",
                0,
                0,
                Some(2 * HOUR),
                Some(-2 * HOUR),
                false,
            ),
            (
                "a Date rewritten by each of two proxies: old",
                -HOUR,
                0,
                Some(2 * HOUR),
                Some(-2 * HOUR),
                true,
            ),
            ("received in everybody's future", HOUR, 0, Some(0), None, false),
            ("received over a year ago", -9_000 * HOUR, 0, Some(0), None, false),
        ];
        for (case, received, local, dated, expected, replay) in table {
            assert_eq!(judge(received, local, dated, expected), replay, "{case}");
        }
    }

    /// A replay that this machine's clock and the `Date` agree on is found in the first answer, whatever came before.
    #[test]
    fn clocks_that_agree_never_hide_a_replay() {
        for drift in [-60, -30, 0, 30, 60] {
            for age in [121, 600, HOUR, 24 * HOUR, 300 * 24 * HOUR] {
                for expected in [None, Some(0), Some(HOUR), Some(-HOUR)] {
                    assert!(judge(-age, drift, Some(0), expected), "{drift} {age} {expected:?}");
                }
            }
        }
    }

    #[test]
    fn no_time_is_no_replay() {
        let began = Began {
            local: Timestamp::from_second(NOW).expect("a time"),
            dated: None,
            expected: None,
        };
        for unknown in [None, Some(0), Some(i64::MAX), Some(i64::MIN)] {
            assert!(!is_replay(unknown, &began), "{unknown:?}");
        }
    }
}
