//! What a ledger says that the platform's records are compared with: its doubts, the coupons that it knows, and how many coupons
//! of each activity there must be.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::{BillContent, Fact, Ledger, LedgerError, LedgerState, PlatformRecord, Store};
use crate::model::clock::later;
use crate::model::delivery::{ActivityNo, Decision, DeliveryKey, Resolution, State, StateName, Transition};
use crate::model::identity::ActivityId;
use crate::model::outcome::{Coupon, Proof};

use super::spot::{IssuedCoupon, Sample};

/// How far the platform's clock may be from this machine's, and how long the platform may take for a request that it has.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(120);
/// How long an attempt that a killed process left may have waited for the pace and for a connection.
const PREPARED: SignedDuration = SignedDuration::from_secs(60);
/// A coupon this close to midnight may be in the bill of either day.
const MIDNIGHT: SignedDuration = SignedDuration::from_mins(5);

/// How long before and after the doubts coupons are read: a bill of the day after is asked for, too.
const AROUND: Duration = Duration::from_hours(72);
/// The most days of bills for one delivery.
const MOST_DAYS: usize = 62;

/// A period of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Window {
    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// The days that it touches.
    pub fn days(&self, zone: &TimeZone) -> impl Iterator<Item = Date> + use<> {
        let first = date(self.from, zone);
        let last = date(self.to, zone);
        first
            .series(jiff::Span::new().days(1))
            .take_while(move |day| *day <= last)
    }
}

/// The day of a moment.
#[must_use]
pub fn date(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// A delivery that the platform's records can settle: in doubt, or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The delivery.
    pub key: DeliveryKey,
    /// In doubt or held.
    pub state: StateName,
    /// The activity of its last attempt with an unknown outcome.
    pub activity: ActivityNo,
    /// When its coupon was received, if it was. `None` if the times of its attempts are unknown.
    pub times: Option<Times>,
    /// Whether another delivery of the same user was issued, or may have been, and its coupon is not known. A coupon of that user
    /// may be of either.
    pub is_beside_unknown: bool,
}

/// When a coupon was received, if it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// By what is known of the attempts.
    pub likely: Window,
    /// At all. It is longer than the likely time if a process was killed during an attempt.
    pub possible: Window,
}

/// How many coupons of an activity there must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Those that the platform confirmed.
    pub certain: u64,
    /// Deliveries in doubt.
    pub in_doubt: u64,
    /// Deliveries that may have a coupon and are not in doubt: held, resolved by a person, owed again.
    pub other: u64,
}

/// A coupon that the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownCoupon {
    /// Its delivery.
    pub key: DeliveryKey,
    /// The activity that it was sent under.
    pub activity: ActivityNo,
    /// When the user received it, in Unix seconds. `None` if the platform did not say.
    pub received: Option<i64>,
}

/// An earlier count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierCount {
    /// When it was asked for.
    pub at: Timestamp,
    /// The count. `None` if the platform gave none.
    pub received: Option<u64>,
}

/// What a ledger says.
#[derive(Debug)]
pub struct Facts {
    /// The deliveries that the platform's records can settle, in the order of the ledger.
    pub doubts: Vec<Doubt>,
    /// What there must be of each activity.
    pub accounts: BTreeMap<u16, Account>,
    /// When the last attempt under each activity began or ended.
    pub last_attempts: HashMap<u16, Timestamp>,
    /// The last count of each activity.
    pub counts: HashMap<ActivityId, EarlierCount>,
    /// The last bill of each day.
    pub bills: HashMap<Date, BillContent>,
    coupons: HashMap<u64, KnownCoupon>,
    hashes: RandomState,
    /// The merchant's numbers of the template of each activity.
    templates: HashMap<u16, BTreeSet<String>>,
    /// Some of the coupons that the ledger has as issued, in the order of the ledger.
    pub sample: Vec<IssuedCoupon>,
}

/// The coupons that a ledger knows, with its state.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    facts: &'k Facts,
    state: &'k LedgerState,
}

impl<'k> Known<'k> {
    /// Combines what the facts say with the state of the same ledger.
    #[must_use]
    pub const fn new(facts: &'k Facts, state: &'k LedgerState) -> Self {
        Self { facts, state }
    }

    /// The coupon with this id. `None` if the ledger does not know it.
    #[must_use]
    pub fn find(&self, coupon_id: &str) -> Option<KnownCoupon> {
        self.facts.find(coupon_id)
    }

    /// The user of a coupon.
    #[must_use]
    pub fn open_id(&self, coupon: KnownCoupon) -> String {
        self.state.open_id(coupon.key.recipient)
    }

    /// The activity of a coupon.
    #[must_use]
    pub fn activity(&self, coupon: KnownCoupon) -> Option<&'k str> {
        self.state.activity(coupon.activity).map(ActivityId::as_str)
    }

    /// Whether the activity has the template with this number of the merchant.
    #[must_use]
    pub fn is_template(&self, activity: ActivityNo, merchant_meta_no: &str) -> bool {
        self.facts.is_template(activity, merchant_meta_no) == Some(true)
    }

    /// The state of the ledger.
    #[must_use]
    pub const fn state(&self) -> &'k LedgerState {
        self.state
    }
}

impl Facts {
    /// The coupon with this id. `None` if the ledger does not know it, or it was received on none of the days in question.
    #[must_use]
    pub fn find(&self, coupon_id: &str) -> Option<KnownCoupon> {
        self.coupons.get(&self.hashes.hash_one(coupon_id)).copied()
    }

    /// Whether the activity has the template with this number of the merchant. `None` if the ledger knows no number of it.
    #[must_use]
    pub fn is_template(&self, activity: ActivityNo, merchant_meta_no: &str) -> Option<bool> {
        let templates = self.templates.get(&activity.0)?;
        Some(templates.contains(merchant_meta_no))
    }

    /// The coupons that the ledger knows and that the bill of a day must have.
    pub fn of_day<'f>(&'f self, day: Date, zone: &'f TimeZone) -> impl Iterator<Item = KnownCoupon> + use<'f> {
        let is_of_day = move |coupon: &&KnownCoupon| {
            let received = coupon.received.and_then(|seconds| Timestamp::from_second(seconds).ok());
            received.is_some_and(|at| {
                let is_on_day = |at: Option<Timestamp>| at.is_some_and(|at| date(at, zone) == day);
                is_on_day(at.checked_sub(MIDNIGHT).ok()) && is_on_day(at.checked_add(MIDNIGHT).ok())
            })
        };
        self.coupons.values().filter(is_of_day).copied()
    }

    /// The days whose bills may have the coupons of the doubts: those of their possible times, and the day after.
    #[must_use]
    pub fn days(&self, zone: &TimeZone) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for times in self.doubts.iter().filter_map(|doubt| doubt.times) {
            let mut of_doubt: Vec<Date> = times.possible.days(zone).take(MOST_DAYS + 1).collect();
            if of_doubt.len() > MOST_DAYS {
                of_doubt = times.likely.days(zone).take(MOST_DAYS).collect();
            }
            let after = of_doubt.last().and_then(|last| last.tomorrow().ok());
            days.extend(of_doubt.into_iter().chain(after));
        }
        days
    }

    /// Takes a coupon that was found.
    pub fn add(&mut self, key: DeliveryKey, activity: ActivityNo, coupon: &Coupon) {
        let known = KnownCoupon {
            key,
            activity,
            received: coupon.receive_time.filter(|time| *time > 0),
        };
        self.coupons.insert(self.hashes.hash_one(&coupon.coupon_id), known);
        let was_in_doubt = |doubt: &Doubt| doubt.key == key && doubt.state == StateName::InDoubt;
        let was_in_doubt = self.doubts.iter().any(was_in_doubt);
        self.doubts.retain(|doubt| doubt.key != key);
        let account = self.accounts.entry(activity.0).or_default();
        account.certain += 1;
        let moved = if was_in_doubt {
            &mut account.in_doubt
        } else {
            &mut account.other
        };
        *moved = moved.saturating_sub(1);
    }

    /// Reads what a ledger says, with `sample` issued coupons drawn at random. Nothing of it is in flight. An attempt takes `timeout`
    /// at most.
    ///
    /// # Errors
    /// As [`Ledger::facts`].
    pub async fn read<S: Store>(ledger: &mut Ledger<S>, timeout: Duration, sample: usize) -> Result<Self, LedgerError> {
        let mut pass = FirstPass::new(ledger.state(), timeout);
        ledger
            .fact_views(|_, _, fact| {
                match fact {
                    Fact::Admitted { .. } => {}
                    Fact::Ended {
                        key,
                        decision,
                        ref outcome,
                    } => {
                        let has_coupon = fact.coupon().is_some();
                        pass.ended(key, decision, outcome.at(), has_coupon);
                    }
                    fact => pass.take(&fact.decode()?),
                }
                Some(())
            })
            .await?;
        let mut facts = pass.finish(ledger.state());
        facts.read_coupons(ledger, Sample::new(sample)).await?;
        Ok(facts)
    }

    /// Reads the coupons that were received about the time of the doubts, and draws the sample.
    async fn read_coupons<S: Store>(&mut self, ledger: &mut Ledger<S>, mut sample: Sample) -> Result<(), LedgerError> {
        let possible = self.doubts.iter().filter_map(|doubt| Some(doubt.times?.possible));
        let period = possible.reduce(|all, one| Window {
            from: all.from.min(one.from),
            to: all.to.max(one.to),
        });
        let from = period.and_then(|period| period.from.checked_sub(AROUND).ok());
        let to = period.map(|period| later(period.to, AROUND));
        let is_about = |seconds: Option<i64>| match (seconds.and_then(|it| Timestamp::from_second(it).ok()), from, to) {
            (Some(at), Some(from), Some(to)) => (from..=to).contains(&at),
            _ => true,
        };
        let Self {
            coupons,
            hashes,
            templates,
            ..
        } = self;
        let mut activities: HashMap<DeliveryKey, ActivityNo> = HashMap::new();
        let mut add = |key: DeliveryKey, activity: ActivityNo, coupon: &Coupon| {
            let number = coupon.merchant_meta_no.clone();
            templates.entry(activity.0).or_default().extend(number);
            let received = coupon.receive_time.filter(|time| *time > 0);
            // The hasher has a random key, so the hashes draw a random sample.
            let hash = hashes.hash_one(&coupon.coupon_id);
            sample.take(hash, || IssuedCoupon {
                key,
                coupon_id: coupon.coupon_id.clone(),
                merchant_meta_no: coupon.merchant_meta_no.clone(),
                receive_time: received,
            });
            if is_about(received) {
                let known = KnownCoupon {
                    key,
                    activity,
                    received,
                };
                coupons.insert(hash, known);
            }
        };
        ledger
            .fact_views(|_, _, fact| {
                match fact {
                    Fact::Intent { key, activity, .. } => {
                        activities.insert(key, activity);
                    }
                    Fact::Ended {
                        key,
                        decision: Decision::Issued,
                        outcome,
                    } => {
                        if let (Some(activity), Proof::Issued { coupon, .. }) =
                            (activities.remove(&key), outcome.decode()?.proof)
                        {
                            add(key, activity, &coupon);
                        }
                    }
                    // A delivery that ends without a coupon has another attempt, or none is known of it.
                    Fact::Found { found, .. } => {
                        if let Some(activity) = activities.remove(&found.key) {
                            add(found.key, activity, &found.coupon);
                        }
                    }
                    _ => {}
                }
                Some(())
            })
            .await?;
        templates.retain(|_, numbers| !numbers.is_empty());
        self.sample = sample.into_coupons();
        Ok(())
    }
}

/// Which of these coupons the whole ledger knows, with their deliveries.
///
/// # Errors
/// As [`Ledger::facts`].
pub async fn owners<S: Store>(
    ledger: &mut Ledger<S>,
    coupon_ids: &HashSet<String>,
) -> Result<HashMap<String, DeliveryKey>, LedgerError> {
    let mut owners = HashMap::new();
    if coupon_ids.is_empty() {
        return Ok(owners);
    }
    ledger
        .fact_views(|_, _, fact| {
            if let Some((key, coupon_id)) = fact.coupon()
                && coupon_ids.contains(&coupon_id)
            {
                owners.insert(coupon_id, key);
            }
            Some(())
        })
        .await?;
    Ok(owners)
}

/// The attempts of a doubt.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    /// When its first attempt with an unknown outcome began.
    since: Timestamp,
    likely_until: Timestamp,
    possible_until: Timestamp,
}

/// The first pass over the facts.
struct FirstPass {
    timeout: Duration,
    under_way: HashMap<DeliveryKey, (Timestamp, ActivityNo)>,
    /// The deliveries that may have a coupon that the platform has not confirmed, with the activity of the attempt.
    uncertain: HashMap<DeliveryKey, ActivityNo>,
    attempts: HashMap<DeliveryKey, Attempts>,
    accounts: BTreeMap<u16, Account>,
    last_attempts: HashMap<u16, Timestamp>,
    counts: HashMap<ActivityId, EarlierCount>,
    bills: HashMap<Date, BillContent>,
    /// The users of doubts.
    users: HashSet<u32>,
    /// The deliveries of those users whose coupon is known.
    with_coupon: HashSet<DeliveryKey>,
    /// The deliveries of those users that a person owed again although they may have been issued.
    reopened: HashSet<DeliveryKey>,
}

impl FirstPass {
    fn new(state: &LedgerState, timeout: Duration) -> Self {
        let mut attempts = HashMap::new();
        let mut users = HashSet::new();
        for (key, status) in state.unsettled() {
            let since = match status.state {
                State::InDoubt => status.doubt.and_then(|doubt| doubt.since),
                State::Held { .. } => status.held.and_then(|held| held.began),
                _ => continue,
            };
            users.insert(key.recipient);
            if let Some(since) = since {
                let begun = Attempts {
                    since,
                    likely_until: since,
                    possible_until: since,
                };
                attempts.insert(key, begun);
            }
        }
        Self {
            timeout,
            under_way: HashMap::new(),
            uncertain: HashMap::new(),
            attempts,
            accounts: BTreeMap::new(),
            last_attempts: HashMap::new(),
            counts: HashMap::new(),
            bills: HashMap::new(),
            users,
            with_coupon: HashSet::new(),
            reopened: HashSet::new(),
        }
    }

    fn account(&mut self, activity: ActivityNo) -> &mut Account {
        self.accounts.entry(activity.0).or_default()
    }

    fn attempted(&mut self, activity: ActivityNo, at: Timestamp) {
        let last = self.last_attempts.entry(activity.0).or_insert(at);
        *last = at.max(*last);
    }

    /// An attempt of a doubt ended, or was left, at these times.
    fn reached(&mut self, key: DeliveryKey, began: Timestamp, likely: Timestamp, possible: Timestamp) {
        let timeout = self.timeout;
        if let Some(attempts) = self.attempts.get_mut(&key)
            && began.as_millisecond() >= attempts.since.as_millisecond()
        {
            attempts.likely_until = attempts.likely_until.max(later(likely, timeout));
            attempts.possible_until = attempts.possible_until.max(later(possible, timeout));
        }
    }

    fn ended(&mut self, key: DeliveryKey, decision: Decision, at: Timestamp, has_coupon: bool) {
        let Some((began, activity)) = self.under_way.remove(&key) else {
            return;
        };
        self.attempted(activity, at);
        self.reached(key, began, at, at);
        match decision {
            Decision::Issued => {
                self.uncertain.remove(&key);
                self.account(activity).certain += 1;
                if has_coupon && self.users.contains(&key.recipient) {
                    self.with_coupon.insert(key);
                }
            }
            Decision::Unknown { .. } | Decision::Held { .. } => {
                self.uncertain.insert(key, activity);
            }
            Decision::Refused { .. } | Decision::NotIssued { .. } => {}
        }
    }

    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::RunBegan { at, .. } | Fact::OwnerChanged { at, .. } => {
                for (key, (began, activity)) in std::mem::take(&mut self.under_way) {
                    self.uncertain.insert(key, activity);
                    self.attempted(activity, began);
                    let likely = began.checked_add(PREPARED).unwrap_or(*at);
                    self.reached(key, began, likely, *at);
                }
            }
            Fact::Intent { key, at, activity } => {
                self.under_way.insert(*key, (*at, *activity));
            }
            Fact::Withdrawn { key } => {
                self.under_way.remove(key);
            }
            Fact::Reread { key, step, .. } => match step {
                Transition::RereadIssued => self.resolved_by_hand(*key),
                Transition::OweUnderNewActivity => self.reopened(*key),
                Transition::Owe | Transition::RereadRefused => {
                    self.uncertain.remove(key);
                }
                _ => {}
            },
            Fact::Decided { keys, decision } => {
                for key in keys {
                    match decision.to {
                        Resolution::Issued => self.resolved_by_hand(*key),
                        Resolution::Owed { .. } => self.reopened(*key),
                        Resolution::Refused => {}
                    }
                }
            }
            Fact::Found { found, .. } => {
                if let Some(activity) = self.uncertain.remove(&found.key) {
                    self.account(activity).certain += 1;
                }
                if self.users.contains(&found.key.recipient) {
                    self.with_coupon.insert(found.key);
                }
            }
            Fact::Recorded { at, record } => match &**record {
                PlatformRecord::Count(count) => {
                    let earlier = EarlierCount {
                        at: *at,
                        received: count.received,
                    };
                    self.counts.insert(count.activity_id.clone(), earlier);
                }
                PlatformRecord::Bill(bill) => match &bill.content {
                    Some(content) => {
                        self.bills.insert(bill.day, content.clone());
                    }
                    None => {
                        self.bills.remove(&bill.day);
                    }
                },
                PlatformRecord::Coupons(_) | PlatformRecord::Spot(_) => {}
            },
            _ => {}
        }
    }

    fn resolved_by_hand(&mut self, key: DeliveryKey) {
        if let Some(activity) = self.uncertain.remove(&key) {
            self.account(activity).other += 1;
        }
    }

    fn reopened(&mut self, key: DeliveryKey) {
        if let Some(activity) = self.uncertain.remove(&key) {
            self.account(activity).other += 1;
            if self.users.contains(&key.recipient) {
                self.reopened.insert(key);
            }
        }
    }

    fn finish(mut self, state: &LedgerState) -> Facts {
        for (key, activity) in std::mem::take(&mut self.uncertain) {
            match state.status(key).state {
                State::InDoubt => self.account(activity).in_doubt += 1,
                _ => self.account(activity).other += 1,
            }
        }
        let mut doubts: Vec<_> = state
            .unsettled()
            .filter_map(|(key, status)| {
                let activity = match status.state {
                    State::InDoubt => status.doubt?.activity,
                    State::Held { .. } => status.held?.activity,
                    _ => return None,
                };
                let is_unknown = |ordinal: &u8| {
                    let other = DeliveryKey {
                        ordinal: *ordinal,
                        ..key
                    };
                    let status = state.status(other);
                    let may_be_issued = match status.state {
                        State::Issued => true,
                        State::Refused { .. } => status.doubt.is_some() || status.held.is_some(),
                        _ => self.reopened.contains(&other),
                    };
                    *ordinal != key.ordinal && may_be_issued && !self.with_coupon.contains(&other)
                };
                Some(Doubt {
                    key,
                    state: status.state.name(),
                    activity,
                    times: self.attempts.get(&key).and_then(Attempts::times),
                    is_beside_unknown: (1..=state.ordinals()).any(|ordinal| is_unknown(&ordinal)),
                })
            })
            .collect();
        doubts.sort_unstable_by_key(|doubt| doubt.key);
        Facts {
            doubts,
            accounts: self.accounts,
            last_attempts: self.last_attempts,
            counts: self.counts,
            bills: self.bills,
            coupons: HashMap::new(),
            hashes: RandomState::new(),
            templates: HashMap::new(),
            sample: Vec::new(),
        }
    }
}

impl Attempts {
    /// When the coupon was received, if it was. `None` beyond the times that exist.
    fn times(&self) -> Option<Times> {
        let from = self.since.checked_sub(TOLERANCE).ok()?;
        let window = |until: Timestamp| {
            let to = until.checked_add(TOLERANCE).ok()?;
            Some(Window { from, to })
        };
        Some(Times {
            likely: window(self.likely_until)?,
            possible: window(self.possible_until)?,
        })
    }
}
