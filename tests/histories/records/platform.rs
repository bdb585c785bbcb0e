//! The platform of these histories. It knows each activity and each coupon, and its records of them may be late, missing or wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use runner::app::activity::{ActivityPlatform, NotReady};
use runner::app::reconcile::{NotAsked, Records};
use runner::douyin::activity::{ActivityAnswer, ActivityRequest};
use runner::douyin::bill_download::{DownloadError, Downloaded};
use runner::douyin::records::{Answered, BillPlace, Count, UserCoupon, UserCoupons};
use runner::douyin::wire::CreateActivityRequest;
use runner::ledger::Ledger;
use runner::ledger::memory::MemoryStore;
use runner::model::activity::{AnswerNote, MerchantActivityId, Release};
use runner::model::clock::{Clock, from_ms};
use runner::model::identity::{ActivityId, CouponMetaId, Identity, OpenId};
use runner::model::outcome::Coupon;
use runner::model::secret::Secret;
use sha2::{Digest, Sha256};

use super::{DURABLE, RELEASED, SECOND, UNSETTLED};
use crate::env::Violation;

/// The stock of the activity is used up.
pub const USED_UP: i64 = 990_000_002;
/// The id was used before.
pub const REPEATED: i64 = 990_000_003;
/// The user is refused for good.
pub const REFUSED: i64 = 990_000_004;
/// The activity is gone.
pub const GONE: i64 = 990_000_005;
/// A code that nobody can explain.
pub const ODD: i64 = 990_000_006;
/// The merchant's number of the campaign's template, and of another one.
const TEMPLATES: [&str; 2] = ["M1", "M2"];
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What the platform does with an id that has a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It answers with the same coupon.
    Replays,
    /// It answers with a code.
    Duplicate,
    /// It gives another coupon.
    Ignores,
}

/// What one seed fixes about the platform.
#[derive(Clone, Debug)]
pub struct Traits {
    pub repeat: Repeat,
    /// Whether a repeated creation is answered with a code instead of the activity.
    pub refuses_repeated_creation: bool,
    /// How late the count of an activity is.
    pub count_lag_ms: i64,
    /// How far the platform's clock is ahead.
    pub skew_ms: i64,
}

#[derive(Clone, Debug)]
pub struct TrueActivity {
    pub key: String,
    pub activity_id: ActivityId,
    stock: u64,
    is_deleted: bool,
}

#[derive(Clone, Debug)]
pub struct TrueCoupon {
    /// The id of its delivery. `None` if something else gave it.
    pub delivery: Option<String>,
    open_id: String,
    pub activity_id: String,
    template: &'static str,
    pub coupon_id: String,
    arrived: i64,
    is_used: bool,
}

/// What became of a delivery, as far as its attempts and the persons who decided about it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Owed,
    InDoubt,
    Held(i64),
    Issued,
    Refused,
}

/// A delivery, as it really is.
#[derive(Clone, Debug)]
pub struct TrueDelivery {
    pub fate: Fate,
    /// The activity of the attempt that is in doubt or held.
    pub activity_id: String,
    /// When the first of the attempts in doubt began, and the last one ended.
    pub doubt: (i64, i64),
    /// Whether a person accepted that the user may get a second coupon.
    pub is_risk_accepted: bool,
}

impl Default for TrueDelivery {
    fn default() -> Self {
        Self {
            fate: Fate::Owed,
            activity_id: String::new(),
            doubt: (0, 0),
            is_risk_accepted: false,
        }
    }
}

/// The answer to a request for a coupon.
#[derive(Clone, Debug)]
pub enum Reply {
    Coupon(Box<Coupon>),
    Code(i64),
}

pub struct Platform {
    rng: fastrand::Rng,
    clock: Clock,
    traits: Traits,
    /// Whether each request is answered and each record is right.
    pub is_calm: bool,
    pub activities: Vec<TrueActivity>,
    pub coupons: Vec<TrueCoupon>,
    pub refused: BTreeSet<String>,
    /// The deliveries, by user.
    pub deliveries: BTreeMap<String, TrueDelivery>,
    /// The keys of the creations that a person or the first apply asked for.
    pub asked_for: BTreeSet<String>,
    /// The activities that may be released: a request for it left, and was not refused.
    released: BTreeSet<String>,
    /// Each bill that was given, and the coupons in it by the hash of its bytes.
    bills: Vec<Vec<u8>>,
    rows: BTreeMap<[u8; 32], BTreeSet<String>>,
    /// The first violation.
    pub violation: Option<Violation>,
    next: u64,
}

impl Platform {
    pub fn new(rng: fastrand::Rng, clock: Clock, traits: Traits) -> Self {
        Self {
            rng,
            clock,
            traits,
            is_calm: false,
            activities: Vec::new(),
            coupons: Vec::new(),
            refused: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            asked_for: BTreeSet::new(),
            released: BTreeSet::new(),
            bills: Vec::new(),
            rows: BTreeMap::new(),
            violation: None,
            next: 0,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Whether something of a kind goes wrong, once in `of` times.
    fn fails(&mut self, of: u32) -> bool {
        !self.is_calm && self.rng.u32(0..of) == 0
    }

    fn violate(&mut self, guarantee: &'static str, details: String) {
        self.violation.get_or_insert(Violation::new(guarantee, details));
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn coupons_of(&self, delivery: &str) -> impl Iterator<Item = &TrueCoupon> {
        self.coupons
            .iter()
            .filter(move |coupon| coupon.delivery.as_deref() == Some(delivery))
    }

    /// The Unix second that the platform states for a coupon.
    fn stated(&self, coupon: &TrueCoupon) -> i64 {
        (coupon.arrived + self.traits.skew_ms).div_euclid(1_000)
    }

    fn shown(&self, coupon: &TrueCoupon) -> Coupon {
        Coupon {
            coupon_id: coupon.coupon_id.clone(),
            merchant_meta_no: Some(coupon.template.to_owned()),
            receive_time: Some(self.stated(coupon)),
            ..Coupon::default()
        }
    }

    /// Gives a coupon of another campaign, of another template, about now.
    pub fn give_other(&mut self, open_id: &str) {
        let arrived = self.now() - self.rng.i64(0..600_000);
        self.push(None, open_id, "8999", 1, arrived);
    }

    /// Gives a coupon of the newest activity to a stranger.
    pub fn give_stranger(&mut self) {
        if let Some(newest) = self.activities.last() {
            let activity_id = newest.activity_id.to_string();
            let arrived = self.now();
            self.push(None, "stranger", &activity_id, 0, arrived);
        }
    }

    /// A user uses a coupon, so that it is no longer among the unused ones.
    pub fn use_one(&mut self) {
        if !self.coupons.is_empty() {
            let at = self.rng.usize(0..self.coupons.len());
            self.coupons[at].is_used = true;
        }
    }

    fn push(&mut self, delivery: Option<&str>, open_id: &str, activity_id: &str, template: usize, arrived: i64) {
        let number = self.number();
        self.coupons.push(TrueCoupon {
            delivery: delivery.map(str::to_owned),
            open_id: open_id.to_owned(),
            activity_id: activity_id.to_owned(),
            template: TEMPLATES[template],
            coupon_id: (7_300_000_000_000_000_000 + number * 7_919).to_string(),
            arrived,
            is_used: false,
        });
    }

    /// A request for a coupon arrives.
    pub fn send(&mut self, open_id: &str, activity_id: &str, delivery: &str, arrived: i64) -> Reply {
        if self.released.contains(activity_id) {
            self.violate(RELEASED, format!("{open_id} under {activity_id}"));
        }
        let activity = self
            .activities
            .iter()
            .find(|known| known.activity_id.as_str() == activity_id);
        let Some(activity) = activity.filter(|known| !known.is_deleted) else {
            return Reply::Code(GONE);
        };
        let stock = activity.stock;
        let is_of = |coupon: &&TrueCoupon| coupon.activity_id == activity_id;
        if let Some(coupon) = self.coupons_of(delivery).find(is_of) {
            match self.traits.repeat {
                Repeat::Replays => return Reply::Coupon(Box::new(self.shown(coupon))),
                Repeat::Duplicate => return Reply::Code(REPEATED),
                Repeat::Ignores => {}
            }
        }
        if self.refused.contains(open_id) {
            return Reply::Code(REFUSED);
        }
        if self.coupons.iter().filter(is_of).count() as u64 >= stock {
            return Reply::Code(USED_UP);
        }
        self.push(Some(delivery), open_id, activity_id, 0, arrived);
        let coupon = self.coupons.last().unwrap();
        Reply::Coupon(Box::new(self.shown(coupon)))
    }

    /// The creation of an activity arrives.
    fn create(&mut self, request: &CreateActivityRequest) -> ActivityAnswer {
        let key = &request.merchant_activity_id;
        let log_id = format!("log-{}", self.number());
        if let Some(known) = self.activities.iter().find(|known| known.key == *key) {
            if self.traits.refuses_repeated_creation {
                let note = note(Some(REPEATED));
                return ActivityAnswer::Unknown {
                    is_passing: false,
                    note,
                };
            }
            let activity_id = Some(known.activity_id.clone());
            return ActivityAnswer::Done { activity_id, log_id };
        }
        let activity_id = ActivityId::parse(&format!("72{:05}", self.activities.len())).unwrap();
        self.activities.push(TrueActivity {
            key: key.clone(),
            activity_id: activity_id.clone(),
            stock: request.coupon_stock_number,
            is_deleted: false,
        });
        let activity_id = Some(activity_id);
        ActivityAnswer::Done { activity_id, log_id }
    }

    /// The release of an activity arrives.
    fn delete(&mut self, activity_id: &str) -> ActivityAnswer {
        let log_id = format!("log-{}", self.number());
        let mut known = self.activities.iter_mut();
        match known.find(|known| known.activity_id.as_str() == activity_id && !known.is_deleted) {
            Some(known) => {
                known.is_deleted = true;
                let activity_id = None;
                ActivityAnswer::Done { activity_id, log_id }
            }
            None => ActivityAnswer::NotDone {
                is_passing: false,
                note: note(Some(GONE)),
            },
        }
    }

    /// A request about an activity arrives, or is lost. Returns the answer and how long it takes.
    fn act(&mut self, request: &ActivityRequest) -> (ActivityAnswer, Duration) {
        let soon = Duration::from_millis(self.rng.u64(20..300));
        let unknown = ActivityAnswer::Unknown {
            is_passing: true,
            note: note(None),
        };
        let not_done = |is_passing| ActivityAnswer::NotDone {
            is_passing,
            note: note(Some(ODD)),
        };
        let drawn = if self.is_calm { 9 } else { self.rng.u32(0..10) };
        match drawn {
            0 => return (unknown, TIMEOUT),
            1 => return (not_done(true), soon),
            2 => return (not_done(false), soon),
            _ => {}
        }
        let answer = match request {
            ActivityRequest::Create(request) => self.create(request),
            ActivityRequest::Delete(request) => self.delete(&request.activity_id),
        };
        if matches!(drawn, 3 | 4) {
            return (unknown, TIMEOUT);
        }
        (answer, soon)
    }

    fn day(&self, coupon: &TrueCoupon) -> Date {
        day_of(self.stated(coupon) * 1_000)
    }

    /// The coupons that a complete bill of a day has.
    pub fn of_day(&self, day: Date) -> Vec<&TrueCoupon> {
        let now = self.now();
        let coupons = self.coupons.iter();
        let mut coupons: Vec<_> = coupons
            .filter(|coupon| self.day(coupon) == day && coupon.arrived <= now)
            .collect();
        coupons.sort_by_key(|coupon| coupon.arrived);
        coupons
    }

    /// The coupons in a bill that was given, by the hash of its bytes.
    pub fn in_bill(&self, sha256: &[u8; 32]) -> &BTreeSet<String> {
        &self.rows[sha256]
    }

    /// Whether a bill must have a coupon of its day: not if it may be in that of the day before or after.
    pub fn is_far_from_midnight(&self, coupon: &TrueCoupon) -> bool {
        let around = 360_000;
        let stated = self.stated(coupon) * 1_000;
        day_of(stated - around) == day_of(stated + around)
    }

    fn bill(&mut self, day: Date) -> Result<BillPlace, NotAsked> {
        let drawn = if self.is_calm { 20 } else { self.rng.u32(0..20) };
        let whole: Vec<TrueCoupon> = self.of_day(day).into_iter().cloned().collect();
        let mut rows = whole;
        let mut is_cut = false;
        match drawn {
            0 => return Err(no_answer()),
            1 | 2 => return Ok(BillPlace::NotReady),
            3 => return Ok(BillPlace::NoData),
            4..=6 => {
                rows.truncate(self.rng.usize(0..=rows.len()));
                is_cut = self.rng.bool();
            }
            7 | 8 => {
                let others = (0..self.rng.u64(1..4)).map(|_| TrueCoupon {
                    delivery: None,
                    open_id: format!("other-{}", self.rng.u32(..)),
                    activity_id: "9001".to_owned(),
                    template: TEMPLATES[1],
                    coupon_id: (7_900_000_000_000_000_000 + self.rng.u64(0..1_000_000_000)).to_string(),
                    arrived: 0,
                    is_used: false,
                });
                rows = others.collect();
            }
            _ if rows.is_empty() && self.rng.bool() => return Ok(BillPlace::NoData),
            _ => {}
        }
        let mut text = "coupon_id,open_id,receive_time,activity_id,merchant_meta_no\n".to_owned();
        for row in &rows {
            let stated = self.stated(row);
            let (coupon_id, open_id) = (&row.coupon_id, &row.open_id);
            let (activity_id, template) = (&row.activity_id, row.template);
            writeln!(text, "{coupon_id},{open_id},{stated},{activity_id},{template}").unwrap();
        }
        if is_cut && !rows.is_empty() {
            // The file ends within its last row.
            let row = text.lines().last().unwrap_or_default().len() + 1;
            text.truncate(text.len() - self.rng.usize(3..row.min(40)));
        }
        // A row that has all of its cells names its coupon, even if the last cell is cut.
        let has_all = |row: &&str| row.matches(',').count() == 4;
        let ids = text.lines().skip(1).filter(has_all);
        let ids = ids.filter_map(|row| row.split(',').next()).map(str::to_owned).collect();
        self.rows.insert(Sha256::digest(text.as_bytes()).into(), ids);
        self.bills.push(text.into_bytes());
        Ok(BillPlace::Ready(Secret::new(&format!("bill-{}", self.bills.len() - 1))))
    }

    fn count(&mut self, activity_id: &ActivityId) -> Result<Option<u64>, NotAsked> {
        if self.fails(12) {
            return Err(no_answer());
        }
        if self.fails(16) {
            return Ok(None);
        }
        let lag = if self.is_calm { 0 } else { self.traits.count_lag_ms };
        let until = self.now() - lag;
        let is_counted = |coupon: &&TrueCoupon| coupon.activity_id == activity_id.as_str() && coupon.arrived <= until;
        Ok(Some(self.coupons.iter().filter(is_counted).count() as u64))
    }

    fn unused(&mut self, open_id: &OpenId) -> Result<UserCoupons, NotAsked> {
        if self.fails(12) {
            return Err(no_answer());
        }
        let now = self.now();
        let is_shown =
            |coupon: &&TrueCoupon| coupon.open_id == open_id.as_str() && !coupon.is_used && coupon.arrived <= now;
        let coupons = self.coupons.iter().filter(is_shown).map(|coupon| UserCoupon {
            coupon: self.shown(coupon),
            is_of_streamer: false,
        });
        let coupons = coupons.collect();
        let is_partly_unreadable = self.fails(20);
        Ok(UserCoupons {
            coupons,
            is_partly_unreadable,
        })
    }
}

fn note(code: Option<i64>) -> AnswerNote {
    AnswerNote {
        code,
        ..AnswerNote::default()
    }
}

fn no_answer() -> NotAsked {
    NotAsked::NoAnswer("no answer".to_owned())
}

pub fn zone() -> TimeZone {
    TimeZone::fixed(jiff::tz::offset(8))
}

/// The day of a moment, as the platform counts days.
pub fn day_of(ms: i64) -> Date {
    zone().to_datetime(from_ms(ms)).date()
}

/// The platform as the program reaches it, and the disk of the ledger, which says what is durable.
#[derive(Clone)]
pub struct Shared {
    platform: Arc<Mutex<Platform>>,
    store: MemoryStore,
    identity: Identity,
}

impl Shared {
    pub fn new(platform: Platform, store: MemoryStore, identity: Identity) -> Self {
        Self {
            platform: Arc::new(Mutex::new(platform)),
            store,
            identity,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the creation of the activity with this number.
    pub fn key(&self, number: u32) -> String {
        MerchantActivityId::derive(&self.identity.campaign, &self.identity.app_id, number).to_string()
    }

    /// Waits as long as an answer takes.
    async fn delay(&self) {
        let delay = self.lock().rng.u64(20..200);
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }

    /// Checks that a request about an activity is durable, and that it may be made.
    async fn check(&self, request: &ActivityRequest) {
        let ledger = Ledger::open(self.store.clone(), self.identity.clone()).await.unwrap();
        let state = ledger.state();
        let log = state.activities_asked_for();
        let mut platform = self.lock();
        match request {
            ActivityRequest::Create(request) => {
                let open = log.open().filter(|open| open.is_attempting);
                let durable = open.map(|open| CreateActivityRequest::new(&self.identity, &open.order));
                if durable.as_ref() != Some(request) {
                    platform.violate(DURABLE, format!("{request:?}, and {durable:?} is durable"));
                }
                if !platform.asked_for.contains(&request.merchant_activity_id) {
                    platform.violate(SECOND, format!("{request:?}"));
                }
            }
            ActivityRequest::Delete(request) => {
                let newest = log
                    .newest()
                    .filter(|newest| matches!(newest.release, Release::Asked { .. }));
                if newest.is_none_or(|newest| newest.activity_id.as_str() != request.activity_id) {
                    platform.violate(DURABLE, format!("{request:?}"));
                }
                let open = platform.deliveries.iter().find(|(open_id, delivery)| {
                    let is_away = state.find(open_id).is_none_or(|number| state.away(number).is_some());
                    match delivery.fate {
                        Fate::InDoubt | Fate::Held(_) => true,
                        Fate::Owed => !is_away,
                        Fate::Issued | Fate::Refused => false,
                    }
                });
                if let Some((open_id, delivery)) = open {
                    let details = format!("{} while {open_id} is {:?}", request.activity_id, delivery.fate);
                    platform.violate(UNSETTLED, details);
                }
                platform.released.insert(request.activity_id.clone());
            }
        }
    }
}

impl ActivityPlatform for Shared {
    type Ready = ();

    async fn ready(&self) -> Result<(), NotReady> {
        Ok(())
    }

    async fn request(&self, (): (), request: &ActivityRequest) -> ActivityAnswer {
        let was_released = match request {
            ActivityRequest::Delete(request) => self.lock().released.contains(&request.activity_id),
            ActivityRequest::Create(_) => false,
        };
        self.check(request).await;
        let (answer, takes) = self.lock().act(request);
        tokio::time::sleep(takes).await;
        if let (ActivityRequest::Delete(request), ActivityAnswer::NotDone { .. }, false) =
            (request, &answer, was_released)
        {
            self.lock().released.remove(&request.activity_id);
        }
        answer
    }
}

fn answered<T>(content: T) -> Answered<T> {
    Answered {
        content,
        log_id: "log".to_owned(),
    }
}

impl Records for Shared {
    async fn count(&self, _: &CouponMetaId, activity_id: &ActivityId) -> Result<Answered<Count>, NotAsked> {
        self.delay().await;
        let received = self.lock().count(activity_id)?;
        Ok(answered(Count {
            received,
            consumed: None,
        }))
    }

    async fn coupons(&self, open_id: &OpenId) -> Result<Answered<UserCoupons>, NotAsked> {
        self.delay().await;
        self.lock().unused(open_id).map(answered)
    }

    async fn coupon(&self, open_id: &OpenId, coupon_id: &str) -> Result<Answered<UserCoupons>, NotAsked> {
        self.delay().await;
        let mut coupons = self.lock().unused(open_id)?;
        coupons.coupons.retain(|coupon| coupon.coupon.coupon_id == coupon_id);
        Ok(answered(coupons))
    }

    async fn bill(&self, day: Date) -> Result<Answered<BillPlace>, NotAsked> {
        self.delay().await;
        self.lock().bill(day).map(answered)
    }

    fn download(
        &self,
        url: &Secret,
        mut keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> impl Future<Output = Result<Downloaded, DownloadError>> + Send {
        let number: usize = url.expose().rsplit('-').next().unwrap().parse().unwrap();
        let bytes = self.lock().bills[number].clone();
        let kept = keep(&bytes).map(|()| Downloaded {
            sha256: Sha256::digest(&bytes).into(),
            bytes: bytes.len() as u64,
        });
        std::future::ready(kept.map_err(DownloadError::Keep))
    }
}
