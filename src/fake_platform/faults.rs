//! The injected faults. Each depends on the id and its number of requests, never on time or order: the same flags give the
//! same faults, however the requests interleave.

use std::time::Duration;

use super::{draw, fraction};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The platform answers "system error", and may have issued.
    Busy,
    /// The platform answers "network error", and may have issued.
    NetworkError,
    /// The connection ends before the request is processed.
    Drop,
    /// The request is processed, and the connection ends without an answer.
    LoseAnswer,
    /// The request is processed, and the connection ends in the middle of the answer's body.
    CutBody,
    /// The request is processed, and the answer is unreadable.
    Garbage,
    /// A gateway answers 502 with an HTML page; the request may have been processed.
    BadGateway,
    /// No answer ever comes; the request may have been processed.
    Hang,
    /// The platform answers "too frequent" although it is not.
    Throttle,
    /// The request is processed, and answered by the connection's previous answer first, then by its own. The first request
    /// of a connection gets only its own answer.
    RepeatAnswer,
}

impl Fault {
    /// Every fault, in the order in which a draw is compared with the shares.
    pub const ALL: [Self; 10] = [
        Self::Busy,
        Self::NetworkError,
        Self::Drop,
        Self::LoseAnswer,
        Self::CutBody,
        Self::Garbage,
        Self::BadGateway,
        Self::Hang,
        Self::Throttle,
        Self::RepeatAnswer,
    ];

    /// Its name in flags and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NetworkError => "network-error",
            Self::Drop => "drop",
            Self::LoseAnswer => "lose-answers",
            Self::CutBody => "cut-body",
            Self::Garbage => "garbage",
            Self::BadGateway => "bad-gateway",
            Self::Hang => "hang",
            Self::Throttle => "throttle",
            Self::RepeatAnswer => "repeat-answers",
        }
    }
}

/// Whether a fault strikes before or after the request is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing was processed.
    Before,
    /// The request was processed.
    After,
}

/// A fault, and when it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What goes wrong.
    pub fault: Fault,
    /// Before or after the request is processed.
    pub when: When,
}

/// The shares of faults, and the latency of answers. Shares are from 0 to 1, of all requests.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultSettings {
    /// The shortest and the longest latency; the distribution is uniform.
    pub latency: (Duration, Duration),
    /// The share of each fault; a fault that is not listed never happens.
    pub shares: Vec<(Fault, f64)>,
}

impl Default for FaultSettings {
    /// A typical day: the latency of the internet, and no faults.
    fn default() -> Self {
        Self {
            latency: (Duration::from_millis(40), Duration::from_millis(100)),
            shares: Vec::new(),
        }
    }
}

/// Decides which faults happen.
#[derive(Clone, Debug)]
pub struct Faults {
    seed: u64,
    settings: FaultSettings,
}

impl Faults {
    /// Faults with these shares; the seed decides which requests they strike.
    #[must_use]
    pub fn new(seed: u64, settings: FaultSettings) -> Self {
        Self { seed, settings }
    }

    /// The fault of the `nth` request (from 1) of this id. `None` when nothing goes wrong.
    #[must_use]
    pub fn decide(&self, merchant_coupon_id: &str, nth: u32) -> Option<Strike> {
        if self.settings.shares.is_empty() {
            return None;
        }
        let nth = nth.to_string();
        let mut left = fraction(self.seed, "fault", &[merchant_coupon_id, &nth]);
        let fault = Fault::ALL.into_iter().find(|fault| {
            let share: f64 = self
                .settings
                .shares
                .iter()
                .filter(|(of, _)| of == fault)
                .map(|(_, share)| share)
                .sum();
            left -= share;
            left < 0.0
        })?;
        let coin = draw(self.seed, "when", &[merchant_coupon_id, &nth]) & 1 == 1;
        let when = match fault {
            Fault::LoseAnswer | Fault::CutBody | Fault::Garbage | Fault::RepeatAnswer => When::After,
            Fault::Busy | Fault::NetworkError | Fault::BadGateway | Fault::Hang if coin => When::After,
            _ => When::Before,
        };
        Some(Strike { fault, when })
    }

    /// The latency of the answer to the `nth` request of this id.
    #[must_use]
    pub fn latency(&self, merchant_coupon_id: &str, nth: u32) -> Duration {
        let (shortest, longest) = self.settings.latency;
        match longest.checked_sub(shortest) {
            None | Some(Duration::ZERO) => shortest,
            Some(spread) => {
                shortest + spread.mul_f64(fraction(self.seed, "latency", &[merchant_coupon_id, &nth.to_string()]))
            }
        }
    }

    /// A body that cannot be parsed as an answer of the platform, one of several kinds.
    #[must_use]
    pub fn garbage(&self, merchant_coupon_id: &str, nth: u32) -> &'static str {
        match draw(self.seed, "garbage", &[merchant_coupon_id, &nth.to_string()]) % 5 {
            0 => "",
            1 => "{\"err_no\":",
            2 => "{\"err_no\":0,\"err_msg\":\"\",\"data\":{}}",
            3 => "<html><body>ok</body></html>",
            _ => "{\"code\":0,\"result\":\"success\"}",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn all_at(share: f64) -> Faults {
        let shares = Fault::ALL.map(|fault| (fault, share)).to_vec();
        Faults::new(
            7,
            FaultSettings {
                shares,
                ..FaultSettings::default()
            },
        )
    }

    #[test]
    fn shares_are_kept_and_both_sides_are_struck() {
        let faults = all_at(0.05);
        let mut struck: HashMap<(Fault, bool), u32> = HashMap::new();
        for n in 0..20_000 {
            if let Some(strike) = faults.decide(&format!("id{n}"), 1) {
                *struck.entry((strike.fault, strike.when == When::After)).or_default() += 1;
            }
        }
        let count = |fault, after| struck.get(&(fault, after)).copied().unwrap_or_default();
        for fault in Fault::ALL {
            let before = count(fault, false);
            let after = count(fault, true);
            assert!((850..1150).contains(&(before + after)), "{fault:?}: {before} + {after}");
            let sides = match fault {
                Fault::Drop | Fault::Throttle => (true, false),
                Fault::LoseAnswer | Fault::CutBody | Fault::Garbage | Fault::RepeatAnswer => (false, true),
                _ => (true, true),
            };
            assert_eq!((before > 0, after > 0), sides, "{fault:?}");
        }
    }

    #[test]
    fn a_repeat_has_a_fate_of_its_own() {
        let faults = all_at(0.1);
        let fates = |nth| {
            let fate = |n| faults.decide(&format!("id{n}"), nth).map(|strike| strike.fault);
            (0..100).map(fate).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }

    #[test]
    fn latency_lies_between_its_ends() {
        let faults = all_at(0.0);
        let all: Vec<_> = (0..1000)
            .map(|n| faults.latency(&n.to_string(), 1).as_millis())
            .collect();
        assert!(all.iter().all(|ms| (40..=100).contains(ms)));
        assert!(all.iter().any(|ms| *ms < 45) && all.iter().any(|ms| *ms > 95));
    }
}
