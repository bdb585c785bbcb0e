//! A spot check: a random sample of the coupons that the ledger has as issued, as the platform shows them. Pure.
//!
//! No document says whether the platform shows used and expired coupons, nor with what `coupon_status`. So a coupon that is not
//! shown proves nothing, and a status is only counted.

use std::collections::{BTreeMap, BinaryHeap};

use crate::douyin::records::UserCoupons;
use crate::model::delivery::DeliveryKey;
use crate::model::outcome::Coupon;

use super::records::NotAsked;

/// How far two times of one coupon may be apart: a bill may have minutes only.
const SAME_TIME: u64 = 60;

/// A coupon that the ledger has as issued.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IssuedCoupon {
    /// Its delivery.
    pub key: DeliveryKey,
    /// Its id.
    pub coupon_id: String,
    /// The merchant's number of its template. `None` if the platform did not say.
    pub merchant_meta_no: Option<String>,
    /// When the user received it, in Unix seconds. `None` if the platform did not say.
    pub receive_time: Option<i64>,
}

/// Draws coupons at random: those with the smallest random numbers.
#[derive(Debug)]
pub struct Sample {
    most: usize,
    drawn: BinaryHeap<(u64, IssuedCoupon)>,
}

impl Sample {
    /// Draws at most `most` coupons.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            drawn: BinaryHeap::new(),
        }
    }

    /// Takes a coupon with its random number. The coupon is made only if it is drawn.
    pub fn take(&mut self, number: u64, coupon: impl FnOnce() -> IssuedCoupon) {
        let is_drawn = self.drawn.len() < self.most || self.drawn.peek().is_some_and(|(last, _)| number < *last);
        if self.most > 0 && is_drawn {
            self.drawn.push((number, coupon()));
            if self.drawn.len() > self.most {
                self.drawn.pop();
            }
        }
    }

    /// The coupons that were drawn, in the order of the ledger.
    #[must_use]
    pub fn into_coupons(self) -> Vec<IssuedCoupon> {
        let mut coupons: Vec<_> = self.drawn.into_iter().map(|(_, coupon)| coupon).collect();
        coupons.sort_unstable();
        coupons
    }
}

/// What does not fit between the ledger and the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The platform has another time of receipt.
    ReceiveTime,
    /// The platform has another template.
    Template,
    /// The platform says that a streamer gave it.
    Streamer,
}

/// What the platform shows of a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpotVerdict {
    /// The coupon as the ledger has it.
    Fits(Box<Coupon>),
    /// The coupon, with something else than the ledger has.
    Differs(Box<Coupon>, Misfit),
    /// Not this coupon. It may be used or expired.
    NotShown,
}

/// Compares a coupon of the ledger with the answer about it.
#[must_use]
pub fn judge_spot(issued: &IssuedCoupon, answer: &UserCoupons) -> SpotVerdict {
    let is_it = |coupon: &Coupon| coupon.coupon_id == issued.coupon_id;
    let Some(shown) = answer.coupons.iter().find(|shown| is_it(&shown.coupon)) else {
        return SpotVerdict::NotShown;
    };
    let coupon = Box::new(shown.coupon.clone());
    let times = issued.receive_time.zip(coupon.receive_time.filter(|time| *time > 0));
    let templates = issued.merchant_meta_no.as_ref().zip(coupon.merchant_meta_no.as_ref());
    if shown.is_of_streamer {
        SpotVerdict::Differs(coupon, Misfit::Streamer)
    } else if templates.is_some_and(|(ours, theirs)| ours != theirs) {
        SpotVerdict::Differs(coupon, Misfit::Template)
    } else if times.is_some_and(|(ours, theirs)| ours.abs_diff(theirs) > SAME_TIME) {
        SpotVerdict::Differs(coupon, Misfit::ReceiveTime)
    } else {
        SpotVerdict::Fits(coupon)
    }
}

/// The coupons of a spot check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpotCheck {
    /// How many the platform was asked for.
    pub asked: u64,
    /// How many it did not show.
    pub not_shown: u64,
    /// The others, by their `coupon_status`. `None` if the answer has none.
    pub statuses: BTreeMap<Option<i64>, u64>,
    /// Those that do not fit, by their ids.
    pub differ: Vec<(DeliveryKey, String, Misfit)>,
    /// The last failure.
    pub failed: Option<NotAsked>,
}

impl SpotCheck {
    /// Takes the verdict on a coupon.
    pub fn add(&mut self, issued: &IssuedCoupon, verdict: &SpotVerdict) {
        self.asked += 1;
        match verdict {
            SpotVerdict::NotShown => self.not_shown += 1,
            SpotVerdict::Fits(shown) | SpotVerdict::Differs(shown, _) => {
                *self.statuses.entry(shown.coupon_status).or_default() += 1;
            }
        }
        if let SpotVerdict::Differs(_, misfit) = verdict {
            self.differ.push((issued.key, issued.coupon_id.clone(), *misfit));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::douyin::records::UserCoupon;

    fn issued(recipient: u32) -> IssuedCoupon {
        IssuedCoupon {
            key: DeliveryKey { recipient, ordinal: 1 },
            coupon_id: format!("73{recipient}"),
            merchant_meta_no: Some("m".to_owned()),
            receive_time: Some(1_780_000_000),
        }
    }

    fn shown(change: impl FnOnce(&mut UserCoupon)) -> UserCoupons {
        let mut coupon = UserCoupon {
            coupon: Coupon {
                coupon_id: "737".to_owned(),
                merchant_meta_no: Some("m".to_owned()),
                receive_time: Some(1_780_000_000),
                coupon_status: Some(10),
                ..Coupon::default()
            },
            is_of_streamer: false,
        };
        change(&mut coupon);
        UserCoupons {
            coupons: vec![coupon],
            is_partly_unreadable: false,
        }
    }

    #[test]
    fn a_coupon_fits_if_nothing_that_both_say_differs() {
        let misfit = |change: fn(&mut UserCoupon)| match judge_spot(&issued(7), &shown(change)) {
            SpotVerdict::Fits(_) => None,
            SpotVerdict::Differs(_, misfit) => Some(misfit),
            SpotVerdict::NotShown => panic!("it is shown"),
        };
        assert_eq!(misfit(|_| {}), None);
        assert_eq!(misfit(|shown| shown.coupon.coupon_status = Some(20)), None);
        assert_eq!(misfit(|shown| shown.coupon.receive_time = None), None);
        assert_eq!(misfit(|shown| shown.coupon.receive_time = Some(1_780_000_060)), None);
        assert_eq!(
            misfit(|shown| shown.coupon.receive_time = Some(1_780_000_061)),
            Some(Misfit::ReceiveTime)
        );
        assert_eq!(
            misfit(|shown| shown.coupon.merchant_meta_no = Some("n".to_owned())),
            Some(Misfit::Template)
        );
        assert_eq!(misfit(|shown| shown.is_of_streamer = true), Some(Misfit::Streamer));
        assert_eq!(judge_spot(&issued(8), &shown(|_| {})), SpotVerdict::NotShown);
    }

    proptest! {
        #[test]
        fn the_smallest_numbers_are_drawn(numbers in prop::collection::vec(any::<u64>(), 0..30), most in 0..9_usize) {
            let mut sample = Sample::new(most);
            for (at, number) in (0..).zip(&numbers) {
                sample.take(*number, || issued(at));
            }
            let drawn: Vec<u32> = sample.into_coupons().iter().map(|coupon| coupon.key.recipient).collect();
            let number = |at: &u32| numbers.get(*at as usize).copied().unwrap_or_default();
            let largest = drawn.iter().map(number).max();
            let smaller = numbers.iter().filter(|number| largest.is_some_and(|largest| **number < largest)).count();
            prop_assert_eq!(drawn.len(), most.min(numbers.len()));
            prop_assert!(smaller <= drawn.len());
            prop_assert!(drawn.is_sorted());
        }
    }
}
