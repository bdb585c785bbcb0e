//! The sandbox's log: each request, its answer, and the coupons of each user.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Moment;
use super::faults::Fault;
use super::rules::Effect;
use crate::douyin::wire::SendRequest;

/// One request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// When it arrived, by the wall clock.
    pub at: Timestamp,
    /// When it arrived, in milliseconds since the sandbox started, by a monotonic clock.
    pub ms: u64,
    /// The app id.
    pub app_id: String,
    /// The activity.
    pub activity_id: String,
    /// The user.
    pub open_id: String,
    /// The idempotency key.
    pub merchant_coupon_id: String,
    /// How many requests had this id so far, this one included.
    pub nth: u32,
    /// The code of the answer, also when the answer was lost; absent when the request was not processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Whether it issued a coupon or replayed an earlier success.
    pub effect: Effect,
    /// The injected fault.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "word")]
    pub fault: Option<Fault>,
    /// The delay of the answer in milliseconds.
    pub delay_ms: u64,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference to the field"
)]
fn word<S: Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    fault.map(Fault::word).serialize(serializer)
}

/// How many answers had a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeCount {
    /// The code.
    pub code: i64,
    /// How many.
    pub n: u64,
    /// The message of its first answer.
    pub message: String,
}

/// The totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests for a coupon that arrived, readable or not.
    pub requests: u64,
    /// Coupons that were issued.
    pub issued: u64,
    /// Earlier successes that were answered again.
    pub replayed: u64,
    /// Different users in requests.
    pub users: u64,
    /// Different users with a coupon.
    pub users_with_coupon: u64,
    /// Ids that were issued more than one coupon. Should be 0: otherwise a user has too many coupons.
    pub ids_issued_twice: u64,
    /// The most requests of one app id within any one second.
    pub harshest_second: u64,
    /// Requests for tokens.
    pub token_calls: u64,
    /// Answers by code, successes included.
    pub codes: Vec<CodeCount>,
    /// Injected faults, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

/// What one id was used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests.
    pub requests: u32,
    /// Coupons.
    pub coupons: u32,
}

/// The log of one sandbox.
#[derive(Debug, Default)]
pub struct Journal {
    /// How many requests each id had, by a hash of the id, if there is no other log: enough to choose faults, in less
    /// memory.
    brief: Option<HashMap<u64, u32>>,
    records: Vec<Record>,
    /// By app id and merchant_coupon_id.
    ids: HashMap<[String; 2], Seen>,
    /// How many coupons each user has, by app id and open_id.
    users: HashMap<[String; 2], u32>,
    codes: BTreeMap<i64, CodeCount>,
    /// The arrivals of the last second, per app id.
    arrivals: HashMap<String, VecDeque<Duration>>,
    totals: Totals,
}

impl Journal {
    /// A log that keeps no records.
    pub(super) fn without_log() -> Self {
        Self {
            brief: Some(HashMap::new()),
            ..Self::default()
        }
    }

    pub(super) const fn keeps(&self) -> bool {
        self.brief.is_none()
    }

    /// Counts a request at its arrival. Returns how many requests had its id so far.
    pub(super) fn arrive(&mut self, request: &SendRequest, now: Moment) -> u32 {
        if let Some(seen) = &mut self.brief {
            let seen = seen.entry(hash_of(request)).or_default();
            *seen = seen.saturating_add(1);
            return *seen;
        }
        self.totals.requests += 1;
        let arrivals = self.arrivals.entry(request.app_id.clone()).or_default();
        while arrivals
            .front()
            .is_some_and(|arrival| now.since_start.saturating_sub(*arrival) >= Duration::from_secs(1))
        {
            arrivals.pop_front();
        }
        arrivals.push_back(now.since_start);
        let within = u64::try_from(arrivals.len()).unwrap_or(u64::MAX);
        self.totals.harshest_second = self.totals.harshest_second.max(within);

        let seen = self.ids.entry(id_of(request)).or_default();
        seen.requests = seen.requests.saturating_add(1);
        seen.requests
    }

    /// Records the result of a request that [`Self::arrive`] counted; `message` is the text of its code.
    pub(super) fn record(&mut self, request: &SendRequest, record: Record, message: &str) {
        let user = self.users.entry([request.app_id.clone(), request.open_id.clone()]);
        let coupons = user.or_insert_with(|| {
            self.totals.users += 1;
            0
        });
        match record.effect {
            Effect::Issued => {
                self.totals.issued += 1;
                *coupons += 1;
                self.totals.users_with_coupon += u64::from(*coupons == 1);
                let seen = self.ids.entry(id_of(request)).or_default();
                seen.coupons += 1;
                self.totals.ids_issued_twice += u64::from(seen.coupons == 2);
            }
            Effect::Replayed => self.totals.replayed += 1,
            Effect::Nothing => {}
        }
        if let Some(code) = record.code {
            self.count(code, message);
        }
        if let Some(fault) = record.fault {
            *self.totals.faults.entry(fault.word()).or_default() += 1;
        }
        self.records.push(record);
    }

    /// Counts an unreadable request, which has no user.
    pub(super) fn malformed(&mut self, code: i64, message: &str) {
        self.totals.requests += 1;
        self.count(code, message);
    }

    fn count(&mut self, code: i64, message: &str) {
        let count = self.codes.entry(code).or_insert_with(|| CodeCount {
            code,
            n: 0,
            message: message.to_owned(),
        });
        count.n += 1;
    }

    pub(super) fn token_call(&mut self) {
        self.totals.token_calls += 1;
    }

    /// The totals up to now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            codes: self.codes.values().cloned().collect(),
            ..self.totals.clone()
        }
    }

    /// Every readable request, in order of arrival.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What an id was used for so far.
    #[must_use]
    pub fn seen(&self, app_id: &str, merchant_coupon_id: &str) -> Seen {
        let id = [app_id.to_owned(), merchant_coupon_id.to_owned()];
        self.ids.get(&id).copied().unwrap_or_default()
    }

    /// How many coupons a user has.
    #[must_use]
    pub fn coupons_of(&self, app_id: &str, open_id: &str) -> u32 {
        let user = [app_id.to_owned(), open_id.to_owned()];
        self.users.get(&user).copied().unwrap_or_default()
    }
}

fn id_of(request: &SendRequest) -> [String; 2] {
    [request.app_id.clone(), request.merchant_coupon_id.clone()]
}

fn hash_of(request: &SendRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&request.app_id, &request.merchant_coupon_id).hash(&mut hasher);
    hasher.finish()
}
