//! What the stand-in remembers of every request, to be the judge of who asked and who was given what.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Moment;
use super::faults::Fault;
use super::rules::Effect;
use crate::douyin::wire::SendRequest;

/// One request as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// When it arrived, by the wall.
    pub at: Timestamp,
    /// When it arrived, in milliseconds since the stand-in began, by a clock that is never corrected.
    pub ms: u64,
    /// The app that asked.
    pub app_id: String,
    /// The activity it named.
    pub activity_id: String,
    /// The user.
    pub open_id: String,
    /// The idempotency key.
    pub merchant_coupon_id: String,
    /// How often this id had then been seen, this time included.
    pub nth: u32,
    /// The code that it was answered, also when the answer was lost on the way; absent when nothing was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// Whether it gave the user a coupon, or told an earlier success again.
    pub effect: Effect,
    /// What went wrong on purpose.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "word")]
    pub fault: Option<Fault>,
    /// How many milliseconds the answer was held back.
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

/// How often a code was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeCount {
    /// The code.
    pub code: i64,
    /// How often.
    pub n: u64,
    /// The text beside it, of the first time.
    pub message: String,
}

/// The sums of all that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests for a coupon that arrived, readable or not.
    pub requests: u64,
    /// Coupons that were issued.
    pub issued: u64,
    /// Successes that were told again.
    pub replayed: u64,
    /// Different users who asked.
    pub users: u64,
    /// Different users who have a coupon.
    pub users_with_coupon: u64,
    /// Ids that were given more than one coupon. Anything but 0 is a user who was given too much.
    pub ids_issued_twice: u64,
    /// The most requests of one app id that arrived within one second, wherever that second begins.
    pub harshest_second: u64,
    /// Tokens that were asked for.
    pub token_calls: u64,
    /// Answers by code, successes included.
    pub codes: Vec<CodeCount>,
    /// What went wrong on purpose, by its word.
    pub faults: BTreeMap<&'static str, u64>,
}

/// What one id has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests.
    pub requests: u32,
    /// Coupons.
    pub coupons: u32,
}

/// The log of one stand-in.
#[derive(Debug, Default)]
pub struct Journal {
    /// How often each id was seen, by a hash of it, where nothing else is kept: enough for the fates of its requests, and a
    /// fraction of the room.
    brief: Option<HashMap<u64, u32>>,
    records: Vec<Record>,
    /// By app id and merchant_coupon_id.
    ids: HashMap<[String; 2], Seen>,
    /// How many coupons each user who asked has, by app id and open_id.
    users: HashMap<[String; 2], u32>,
    codes: BTreeMap<i64, CodeCount>,
    /// The arrivals of the last second, per app id.
    arrivals: HashMap<String, VecDeque<Duration>>,
    totals: Totals,
}

impl Journal {
    /// A log that has nothing in it.
    pub(super) fn without_log() -> Self {
        Self {
            brief: Some(HashMap::new()),
            ..Self::default()
        }
    }

    /// Whether there is anything to be kept of a request that was answered.
    pub(super) const fn keeps(&self) -> bool {
        self.brief.is_none()
    }

    /// Counts a request at its arrival. Says how often its id has now been seen.
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

    /// Keeps what became of a request that [`Self::arrive`] counted; `message` is the text beside its code.
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

    /// Counts a request that could not be read, and so has no user whose it is.
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

    /// Counts a call for a token.
    pub(super) fn token_call(&mut self) {
        self.totals.token_calls += 1;
    }

    /// The sums up to now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            codes: self.codes.values().cloned().collect(),
            ..self.totals.clone()
        }
    }

    /// Every readable request in the order of arrival.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What an id has seen.
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
