//! What the platform's records prove about deliveries. Pure.
//!
//! - A coupon among the user's coupons proves that it was issued. A missing one proves nothing: it may be used or expired.
//! - A bill proves something only if it has every coupon of its day that the ledger knows. Then a coupon in it was issued, and a
//!   coupon that is in no bill of its days was not, as far as the platform's count agrees.
//! - A count alone proves nothing about one delivery.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::douyin::records::UserCoupons;
use crate::ledger::Evidence;
use crate::model::delivery::{DeliveryKey, StateName};
use crate::model::mutants::mutant;
use crate::model::outcome::Coupon;

use super::bill::{BillRow, Flaw, is_changed_id, time};
use super::columns::Columns;
use super::known::{Account, Doubt, EarlierCount, Known, Window};

/// How many foreign coupons are listed.
pub const MOST_FOREIGN: usize = 1000;

/// Why a delivery is not settled by the platform's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user's coupons could not be asked for.
    NotAsked,
    /// The times of its attempts are unknown, so no coupon can be matched.
    Undated,
    /// The ledger knows no coupon of this activity, so the coupon's template cannot be recognised.
    UnknownTemplate,
    /// Several coupons may be the one.
    Several,
    /// A coupon may be the one, but its time, its template or its bill leave a doubt.
    Unclear,
    /// The coupon that was found is another delivery's.
    IdOfAnother,
    /// The bill of this day is not there yet, or cannot be asked for yet.
    NoBill(Date),
    /// The bill of this day lacks coupons that the ledger knows, or none of that day is known.
    BadBill(Date),
    /// The meaning of the bill's columns is not confirmed.
    NoColumns,
    /// No bill has it, and the campaign file names no template, so the count cannot be asked for.
    NoTemplate,
    /// No bill has it, and the platform's count is unknown or older than the bill.
    CountUnknown,
    /// No bill has it, and the platform counts more coupons than the ledger can explain without it.
    CountDisagrees,
    /// No bill has it. A person has to accept that.
    Absent,
    /// It is held, and no record shows its coupon.
    Held,
}

/// What a user's coupons prove about a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserVerdict {
    /// The coupon was issued.
    Found(Box<Coupon>),
    /// Nothing, because of this.
    Open(Why),
    /// Nothing: no coupon may be the one.
    None,
}

/// Whether a coupon of the user may be that of the doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    No,
    Maybe,
    Yes,
}

/// Combines what is known of the template, the time and the user.
fn matches(doubt: &Doubt, is_template: Option<bool>, received: Option<Timestamp>) -> Match {
    let is_in = |window: fn(&Doubt) -> Option<Window>| match (window(doubt), received) {
        (Some(window), Some(at)) => Some(window.contains(at)),
        _ => None,
    };
    let is_possible = is_in(|doubt| Some(doubt.times?.possible));
    let is_likely = is_in(|doubt| Some(doubt.times?.likely));
    match (is_template, is_possible) {
        (Some(false), _) | (_, Some(false)) => Match::No,
        (Some(true), Some(true)) if is_likely == Some(true) && !doubt.is_beside_unknown => Match::Yes,
        _ => Match::Maybe,
    }
}

fn received(coupon: &Coupon) -> Option<Timestamp> {
    let seconds = coupon.receive_time.filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

/// Decides what the unused coupons of its user prove about a delivery.
#[must_use]
pub fn judge_coupons(
    doubt: &Doubt,
    answer: &UserCoupons,
    known: Known<'_>,
    is_template: impl Fn(&str) -> Option<bool>,
) -> UserVerdict {
    let mut certain = Vec::new();
    let mut maybe = Vec::new();
    let mut knows_template = true;
    for found in answer.coupons.iter().filter(|found| !found.is_of_streamer) {
        let coupon = &found.coupon;
        if known.find(&coupon.coupon_id).is_some() {
            continue;
        }
        let of_template = coupon.merchant_meta_no.as_deref().and_then(&is_template);
        match matches(doubt, of_template, received(coupon)) {
            Match::No => {}
            Match::Yes => certain.push(coupon),
            Match::Maybe => {
                knows_template &= of_template.is_some();
                maybe.push(coupon);
            }
        }
    }
    match (certain.as_slice(), maybe.as_slice()) {
        ([], []) if answer.is_partly_unreadable => UserVerdict::Open(Why::Unclear),
        ([], []) => UserVerdict::None,
        ([one], []) if !answer.is_partly_unreadable => UserVerdict::Found(Box::new((*one).clone())),
        ([], [_]) if doubt.times.is_none() => UserVerdict::Open(Why::Undated),
        ([], [_]) if !knows_template => UserVerdict::Open(Why::UnknownTemplate),
        ([], [_]) | ([_], []) => UserVerdict::Open(Why::Unclear),
        _ => UserVerdict::Open(Why::Several),
    }
}

/// What the platform's count says about the doubts of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountVerdict {
    /// The platform did not say.
    Unknown,
    /// It counts fewer coupons than were confirmed: the count is late, or it is another activity.
    Behind,
    /// It counts what was confirmed: the doubts very probably issued nothing.
    NoneOfDoubts,
    /// It counts more, but not all of the doubts.
    SomeOfDoubts,
    /// It counts all that was confirmed and all doubts.
    AllOfDoubts,
    /// It counts more than all of these: something else gives coupons of this activity.
    More,
}

/// Compares the platform's count with what there must be.
#[must_use]
pub const fn judge_count(account: Account, received: Option<u64>) -> CountVerdict {
    let Some(received) = received else {
        return CountVerdict::Unknown;
    };
    let all = account.certain + account.in_doubt + account.other;
    if received < account.certain {
        CountVerdict::Behind
    } else if received == account.certain {
        CountVerdict::NoneOfDoubts
    } else if received > all {
        CountVerdict::More
    } else if received == all && account.in_doubt > 0 {
        CountVerdict::AllOfDoubts
    } else {
        CountVerdict::SomeOfDoubts
    }
}

/// How long the platform's count may lack a coupon that was issued. No document says how late it is.
pub const COUNT_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// Whether a count has the coupons of all attempts before it: the last one is at least `delay` ago.
#[must_use]
pub fn is_settled(at: Timestamp, last_attempt: Option<Timestamp>, delay: SignedDuration) -> bool {
    last_attempt.is_none_or(|last| at.duration_since(last) >= delay)
}

/// Whether a count is the second in a row, at least `delay` after the first and after the last attempt.
#[must_use]
pub fn is_confirmed(
    received: Option<u64>,
    at: Timestamp,
    earlier: Option<EarlierCount>,
    last_attempt: Option<Timestamp>,
    delay: SignedDuration,
) -> bool {
    let earlier = earlier.filter(|earlier| earlier.received.is_some() && earlier.received == received);
    // The first count, too, must be later than the last attempt.
    earlier.is_some_and(|earlier| at.duration_since(earlier.at) >= delay && is_settled(earlier.at, last_attempt, delay))
}

/// What is known of the bill of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillVerdict {
    /// It has every coupon of the day that the ledger knows.
    Trusted,
    /// The ledger knows no coupon of that day, so it cannot be checked.
    Unchecked,
    /// It lacks coupons that the ledger knows.
    Lacks {
        /// How many.
        missing: u64,
        /// Of how many.
        known: u64,
    },
    /// It cannot be used.
    Flawed(Flaw),
}

/// A bill that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBill {
    /// The day.
    pub day: Date,
    /// Its rows. 0 if the platform has no data of that day.
    pub rows: u64,
    /// What is known of it.
    pub verdict: BillVerdict,
}

/// A coupon in a bill that the ledger does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCoupon {
    /// The coupon.
    pub coupon_id: String,
    /// The user.
    pub open_id: String,
    /// The bill.
    pub day: Date,
}

/// A row that may have the coupon of a doubt.
#[derive(Clone, Debug)]
struct Candidate {
    coupon: Coupon,
    day: Date,
    is_certain: bool,
}

/// Compares bills with a ledger, row by row.
pub struct BillJudge<'k> {
    known: Known<'k>,
    zone: &'k TimeZone,
    coupon_meta_id: Option<&'k str>,
    is_template: &'k dyn Fn(&Doubt, &str) -> Option<bool>,
    doubts: &'k [Doubt],
    /// The doubts of each user, by position.
    by_user: HashMap<String, Vec<usize>>,
    candidates: BTreeMap<usize, Vec<Candidate>>,
    bills: Vec<ReadBill>,
    /// Coupons of this campaign's activity or template that the ledger does not know.
    foreign: Vec<ForeignCoupon>,
    foreign_count: u64,
    /// The bill that is being read.
    columns: Option<Columns>,
    day: Date,
    missing: BTreeSet<DeliveryKey>,
    known_of_day: u64,
}

impl<'k> BillJudge<'k> {
    /// Prepares the comparison. `is_template` says whether a doubt's activity has the template with a number of the merchant.
    #[must_use]
    pub fn new(
        known: Known<'k>,
        doubts: &'k [Doubt],
        zone: &'k TimeZone,
        coupon_meta_id: Option<&'k str>,
        is_template: &'k dyn Fn(&Doubt, &str) -> Option<bool>,
    ) -> Self {
        let mut by_user: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, doubt) in doubts.iter().enumerate() {
            by_user
                .entry(known.state().open_id(doubt.key.recipient))
                .or_default()
                .push(at);
        }
        Self {
            known,
            zone,
            coupon_meta_id,
            is_template,
            doubts,
            by_user,
            candidates: BTreeMap::new(),
            bills: Vec::new(),
            foreign: Vec::new(),
            foreign_count: 0,
            columns: None,
            day: Date::default(),
            missing: BTreeSet::new(),
            known_of_day: 0,
        }
    }

    /// Begins the bill of a day. `must_have` are the coupons of that day that the ledger knows.
    pub fn begin(&mut self, day: Date, must_have: impl Iterator<Item = DeliveryKey>) {
        self.day = day;
        self.columns = None;
        self.missing = must_have.collect();
        self.known_of_day = self.missing.len() as u64;
    }

    /// Sets the positions of the columns.
    pub fn set_columns(&mut self, columns: Columns) {
        self.columns = Some(columns);
    }

    /// Takes a row.
    ///
    /// # Errors
    /// When an id cannot be read back exactly.
    pub fn take(&mut self, row: &BillRow<'_>) -> Result<(), Flaw> {
        let Some(columns) = self.columns else { return Ok(()) };
        let coupon_id = row.cell(columns.coupon_id);
        let open_id = row.cell(columns.open_id);
        if let Some(changed) = [&coupon_id, &open_id].into_iter().find(|cell| is_changed_id(cell)) {
            return Err(Flaw::ChangedId {
                row: row.number,
                cell: changed.chars().take(40).collect(),
            });
        }
        if coupon_id.is_empty() {
            return Ok(());
        }
        if let Some(coupon) = self.known.find(&coupon_id) {
            self.missing.remove(&coupon.key);
            return Ok(());
        }
        let Some(of_user) = self.by_user.get(&*open_id) else {
            self.take_foreign(row, columns, &coupon_id, &open_id);
            return Ok(());
        };
        for at in of_user.clone() {
            let Some(doubt) = self.doubts.get(at) else { continue };
            let received = columns
                .receive_time
                .and_then(|column| time(&row.cell(column), self.zone));
            let is_template = self.is_of_template(row, columns, doubt);
            let matched = matches(doubt, is_template, received);
            if matched == Match::No {
                continue;
            }
            let number = columns.merchant_meta_no.map(|column| row.cell(column).into_owned());
            let coupon = Coupon {
                coupon_id: coupon_id.clone().into_owned(),
                merchant_meta_no: number.filter(|number| !number.is_empty()),
                receive_time: received.map(Timestamp::as_second),
                ..Coupon::default()
            };
            self.candidates.entry(at).or_default().push(Candidate {
                coupon,
                day: self.day,
                is_certain: matched == Match::Yes && !row.may_be_cut,
            });
        }
        Ok(())
    }

    /// Whether the coupon of a row is of the activity and the template of a doubt. `None` if no column says so.
    fn is_of_template(&self, row: &BillRow<'_>, columns: Columns, doubt: &Doubt) -> Option<bool> {
        let activity = self.known.state().activity(doubt.activity);
        let by_activity = columns
            .activity_id
            .zip(activity)
            .map(|(column, activity)| row.cell(column) == activity.as_str());
        let by_meta = columns
            .coupon_meta_id
            .zip(self.coupon_meta_id)
            .map(|(column, meta)| row.cell(column) == meta);
        let by_number = columns
            .merchant_meta_no
            .and_then(|column| (self.is_template)(doubt, &row.cell(column)));
        [by_activity, by_meta, by_number]
            .into_iter()
            .flatten()
            .reduce(|all, one| all && one)
    }

    /// Notes a coupon of this campaign's activity or template that the ledger does not know.
    fn take_foreign(&mut self, row: &BillRow<'_>, columns: Columns, coupon_id: &str, open_id: &str) {
        let current = self.known.state().generation().map(|last| last.activity_id.as_str());
        let by_activity = columns
            .activity_id
            .zip(current)
            .map(|(column, activity)| row.cell(column) == activity);
        let by_meta = columns
            .coupon_meta_id
            .zip(self.coupon_meta_id)
            .map(|(column, meta)| row.cell(column) == meta);
        if by_activity.or(by_meta) != Some(true) {
            return;
        }
        self.foreign_count += 1;
        if self.foreign.len() < MOST_FOREIGN {
            self.foreign.push(ForeignCoupon {
                coupon_id: coupon_id.to_owned(),
                open_id: open_id.to_owned(),
                day: self.day,
            });
        }
    }

    /// Ends a bill.
    pub fn end(&mut self, read: Result<u64, Flaw>) {
        let missing = self.missing.len() as u64;
        let known = self.known_of_day;
        let verdict = match &read {
            Err(flaw) => BillVerdict::Flawed(flaw.clone()),
            Ok(_) if missing > 0 && missing < known && mutant!(TruncatedBillTrusted) => BillVerdict::Trusted,
            Ok(_) if missing > 0 && missing == known && mutant!(OtherAppBillTrusted) => BillVerdict::Trusted,
            Ok(_) if missing > 0 => BillVerdict::Lacks { missing, known },
            Ok(_) if known == 0 => BillVerdict::Unchecked,
            Ok(_) => BillVerdict::Trusted,
        };
        self.bills.push(ReadBill {
            day: self.day,
            rows: read.unwrap_or_default(),
            verdict,
        });
    }

    /// Decides about each doubt.
    #[must_use]
    pub fn finish(self) -> JudgedBills {
        let verdict_of: BTreeMap<Date, &BillVerdict> =
            self.bills.iter().map(|bill| (bill.day, &bill.verdict)).collect();
        let is_trusted = |day: &Date| verdict_of.get(day) == Some(&&BillVerdict::Trusted);
        let is_usable = |day: &Date| is_trusted(day) || verdict_of.get(day) == Some(&&BillVerdict::Unchecked);
        let mut found = Vec::new();
        let mut open = BTreeMap::new();
        for (at, doubt) in self.doubts.iter().enumerate() {
            let candidates = self.candidates.get(&at).map_or(&[][..], Vec::as_slice);
            let why = match candidates {
                [one] if one.is_certain && is_trusted(&one.day) => {
                    found.push((doubt.key, one.coupon.clone(), Evidence::Bill(one.day)));
                    continue;
                }
                [one] if one.is_certain => Why::BadBill(one.day),
                [_] => Why::Unclear,
                [_, _, ..] => Why::Several,
                [] => match doubt.times {
                    None => Why::Undated,
                    Some(times) => {
                        let likely: Vec<Date> = times.likely.days(self.zone).collect();
                        let next = |days: &[Date]| days.last().and_then(|last| last.tomorrow().ok());
                        let mut possible: Vec<Date> = times.possible.days(self.zone).collect();
                        possible.extend(next(&possible));
                        let absent = possible.iter().find(|day| !verdict_of.contains_key(*day));
                        let bad = likely
                            .iter()
                            .find(|day| !is_trusted(day))
                            .or_else(|| possible.iter().find(|day| !is_usable(day)));
                        match (absent, bad) {
                            (Some(day), _) => Why::NoBill(*day),
                            (None, Some(day)) => Why::BadBill(*day),
                            (None, None) => Why::Absent,
                        }
                    }
                },
            };
            open.insert(doubt.key, why);
        }
        JudgedBills {
            bills: self.bills,
            found,
            open,
            foreign: self.foreign,
            foreign_count: self.foreign_count,
        }
    }
}

/// What bills prove.
#[derive(Clone, Debug, Default)]
pub struct JudgedBills {
    /// The bills, by day.
    pub bills: Vec<ReadBill>,
    /// The coupons that were found.
    pub found: Vec<(DeliveryKey, Coupon, Evidence)>,
    /// What is open, and why.
    pub open: BTreeMap<DeliveryKey, Why>,
    /// The first coupons that the ledger does not know.
    pub foreign: Vec<ForeignCoupon>,
    /// How many there are.
    pub foreign_count: u64,
}

/// Whether a delivery that no bill has was not issued, as far as the count of its activity agrees. A count that may lack a confirmed
/// coupon has the same number if it has the doubt's coupon in its place, so it must be settled.
#[must_use]
pub const fn judge_absent(state: StateName, count: CountVerdict, is_settled: bool) -> Why {
    match (state, count) {
        (StateName::Held, _) => Why::Held,
        (_, CountVerdict::NoneOfDoubts) if is_settled => Why::Absent,
        (_, CountVerdict::NoneOfDoubts | CountVerdict::Unknown | CountVerdict::Behind) => Why::CountUnknown,
        (_, CountVerdict::SomeOfDoubts | CountVerdict::AllOfDoubts | CountVerdict::More) => Why::CountDisagrees,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_may_be_late_does_not_show_that_a_doubt_issued_nothing() {
        let at = Timestamp::from_second(1_780_000_000).unwrap();
        let judged = |since_last_attempt: Option<i64>| {
            let last = since_last_attempt.map(|minutes| at - SignedDuration::from_mins(minutes));
            let is_settled = is_settled(at, last, COUNT_DELAY);
            judge_absent(StateName::InDoubt, CountVerdict::NoneOfDoubts, is_settled)
        };
        assert_eq!(judged(None), Why::Absent);
        assert_eq!(judged(Some(60)), Why::Absent);
        assert_eq!(judged(Some(59)), Why::CountUnknown);
        assert_eq!(judged(Some(-5)), Why::CountUnknown, "the clock was put back");
    }
}
