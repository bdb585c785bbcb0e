//! What an approval in the service allows a campaign to send, and whether another coupon is inside it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::{Counts, StateName};
use super::money::{Money, Valuation};

/// What an approval allows: the engine holds each new send against it. A resend of a doubt adds no coupon, so it is not held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The most coupons that the campaign may give over its whole life.
    pub coupons: u64,
    /// The most that they may be worth. `None` without a limit.
    pub worth: Option<Money>,
    /// The value of a coupon by the campaign file that was approved. `None` if it does not say it.
    pub coupon_value: Option<Money>,
    /// The most coupons for each user.
    pub per_user: u8,
    /// The first moment at which a send may begin.
    pub from: Timestamp,
    /// No send begins at this moment or later. `None` without an end.
    pub until: Option<Timestamp>,
    /// The most users that the source may name. `None` if the audience must be exactly the approved one.
    pub audience: Option<u64>,
}

/// An approval of the service log, as the ledger of the campaign cites it for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunApproval {
    /// The number of its record in the service log.
    pub sequence: u64,
    /// The link of that record in the hash chain of the service log.
    pub link: [u8; 8],
    /// When it was given.
    pub at: Timestamp,
    /// The users who approved.
    pub by: Vec<String>,
    /// The fingerprint of the plan that they were shown.
    pub fingerprint: String,
    /// What they allowed.
    pub envelope: Envelope,
    /// Whether later runs need an approval, too: the service has a policy.
    pub is_required: bool,
}

/// What a campaign has used up so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The coupons that are issued, in doubt or in flight, and those that may exist because a delivery was reopened.
    pub coupons: u64,
    /// The held deliveries. Each may hide a coupon.
    pub held: u64,
    /// What they are all worth, as far as that is known.
    pub worth: Money,
    /// The value of one more coupon. `None` if nobody has stated it.
    pub each: Option<Money>,
    /// The number of issued coupons whose value the platform stated.
    pub stated: u64,
    /// The coupons that each user is owed.
    pub per_user: u8,
    /// The users that the source names.
    pub listed: u64,
}

impl Usage {
    /// What deliveries in these states have used up. `per_user` and `listed` are those of the generation.
    #[must_use]
    pub fn new(counts: &Counts, valuation: &Valuation, per_user: u8, listed: u64) -> Self {
        let sent = [StateName::Issued, StateName::InDoubt, StateName::InFlight];
        let sent: u64 = sent.into_iter().map(|state| counts.count(state)).sum();
        Self {
            coupons: sent + valuation.reopened,
            held: counts.count(StateName::Held),
            worth: valuation.worth(counts).committed(),
            each: valuation.price.map(|price| price.each),
            stated: valuation.stated,
            per_user,
            listed,
        }
    }

    /// Whether one more coupon after `fresh` new intents keeps the worth at `max` or below. If nobody has stated a value, one coupon is
    /// at risk: the next answer shows it.
    #[must_use]
    pub fn has_room(&self, max: Money, fresh: u64) -> bool {
        match self.each {
            Some(each) => self.worth + each.times(fresh + 1) <= max,
            None => self.coupons + self.held + fresh <= self.stated && self.worth < max,
        }
    }
}

/// Why a new coupon would be outside an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// It would be one coupon too many.
    Coupons {
        /// The most that was approved.
        max: u64,
    },
    /// All coupons would be worth too much.
    Worth {
        /// The most that was approved.
        max: Money,
        /// The value of one coupon. `None` if nobody has stated it.
        each: Option<Money>,
    },
    /// Each user is owed too many coupons.
    PerUser {
        /// The most that was approved.
        max: u8,
    },
    /// The approval does not hold yet.
    Early {
        /// From when it holds.
        from: Timestamp,
    },
    /// The approval has ended.
    Late {
        /// Until when it held.
        until: Timestamp,
    },
    /// The source names too many users.
    Audience {
        /// The most that was approved.
        max: u64,
        /// How many it names.
        listed: u64,
    },
}

impl Envelope {
    /// Whether one more coupon may be sent at `at`, after `fresh` new intents that `usage` does not count yet.
    ///
    /// # Errors
    /// Why it would be outside.
    pub fn check(&self, usage: &Usage, fresh: u64, at: Timestamp) -> Result<(), Excess> {
        if at < self.from {
            return Err(Excess::Early { from: self.from });
        }
        if let Some(until) = self.until.filter(|until| at >= *until) {
            return Err(Excess::Late { until });
        }
        if let Some(max) = self.audience.filter(|max| usage.listed > *max) {
            let listed = usage.listed;
            return Err(Excess::Audience { max, listed });
        }
        if usage.per_user > self.per_user {
            return Err(Excess::PerUser { max: self.per_user });
        }
        if usage.coupons + usage.held + fresh >= self.coupons {
            return Err(Excess::Coupons { max: self.coupons });
        }
        match self.worth.filter(|max| !usage.has_room(*max, fresh)) {
            Some(max) => Err(Excess::Worth { max, each: usage.each }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    fn envelope() -> Envelope {
        Envelope {
            coupons: 10,
            worth: Some(Money::from_fen(5_000)),
            coupon_value: Some(Money::from_fen(500)),
            per_user: 1,
            from: from_ms(100),
            until: Some(from_ms(200)),
            audience: Some(12),
        }
    }

    fn usage() -> Usage {
        Usage {
            coupons: 3,
            held: 1,
            worth: Money::from_fen(2_000),
            each: Some(Money::from_fen(500)),
            stated: 3,
            per_user: 1,
            listed: 12,
        }
    }

    #[test]
    fn each_bound_holds_to_the_last_coupon() {
        let check = |usage: Usage, fresh, at| envelope().check(&usage, fresh, from_ms(at));
        assert_eq!(check(usage(), 5, 100), Ok(()));
        assert_eq!(check(usage(), 5, 199), Ok(()));
        assert_eq!(check(usage(), 0, 99), Err(Excess::Early { from: from_ms(100) }));
        assert_eq!(check(usage(), 0, 200), Err(Excess::Late { until: from_ms(200) }));
        assert_eq!(check(usage(), 6, 100), Err(Excess::Coupons { max: 10 }));
        let dear = Usage {
            each: Some(Money::from_fen(501)),
            ..usage()
        };
        let too_much = Excess::Worth {
            max: Money::from_fen(5_000),
            each: dear.each,
        };
        assert_eq!(check(dear, 4, 100), Ok(()));
        assert_eq!(check(dear, 5, 100), Err(too_much));
        let many = Usage { listed: 13, ..usage() };
        assert_eq!(check(many, 0, 100), Err(Excess::Audience { max: 12, listed: 13 }));
        let twice = Usage { per_user: 2, ..usage() };
        assert_eq!(check(twice, 0, 100), Err(Excess::PerUser { max: 1 }));
    }

    #[test]
    fn one_coupon_of_unknown_value_is_at_risk_at_a_time() {
        let unknown = |coupons, stated| {
            let usage = Usage {
                coupons,
                held: 0,
                stated,
                each: None,
                worth: Money::default(),
                ..usage()
            };
            envelope().check(&usage, 0, from_ms(100)).is_ok()
        };
        assert!(unknown(0, 0));
        assert!(!unknown(1, 0));
    }
}
