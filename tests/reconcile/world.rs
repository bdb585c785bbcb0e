//! A ledger, the sandbox as its platform, and the truth about every coupon.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use runner::app::reconcile::{
    AcceptedRecords, BillFiles, Compared, LastCount, NotAsked, Records, Request, compare, last_counts,
};
use runner::campaign::{Bill, BillColumns};
use runner::douyin::bill_download::{DownloadError, Downloaded};
use runner::douyin::codes::Codes;
use runner::douyin::records::{
    Answered, BillPlace, BillQuery, Count, CountQuery, CouponQuery, CouponsQuery, Query, UserCoupons, read,
};
use runner::douyin::wire::SendRequest;
use runner::fake_platform::{Ending, FakePlatform, Moment, RecordSettings, Repeat, RuleSettings, Settings};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Evidence, Fact, Generation, Ledger};
use runner::model::actor::Actor;
use runner::model::clock::Clock;
use runner::model::delivery::{ActivityNo, Counts, Decision, DeliveryKey, Resolution, StateName};
use runner::model::identity::{ActivityId, AppId, CampaignName, CouponMetaId, Identity, OpenId, PlatformName};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof, Unknown};
use runner::model::redactor::Redactor;
use runner::model::secret::Secret;
use sha2::{Digest, Sha256};

const APP: &str = "tt1";
const ACTIVITY: &str = "7001";
const TOKEN: &str = "clt.t";
const TIMEOUT: Duration = Duration::from_secs(10);
/// The evening of 2026-06-01 in Shanghai.
const START: &str = "2026-06-01T21:00:00+08:00";

/// What befell an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was answered: issued.
    Issued,
    /// Its answer was lost; the coupon was issued.
    LostIssued,
    /// It never arrived, and no answer says so.
    LostNothing,
    /// The process was killed; the coupon was issued.
    KilledIssued,
    /// The process was killed; nothing was issued.
    KilledNothing,
    /// The platform answered with an unlisted code; the coupon was issued.
    HeldIssued,
    /// The platform answered with an unlisted code; nothing was issued.
    HeldNothing,
}

impl Fate {
    pub const ALL: [Self; 7] = [
        Self::Issued,
        Self::LostIssued,
        Self::LostNothing,
        Self::KilledIssued,
        Self::KilledNothing,
        Self::HeldIssued,
        Self::HeldNothing,
    ];

    const fn reaches_platform(self) -> bool {
        matches!(
            self,
            Self::Issued | Self::LostIssued | Self::KilledIssued | Self::HeldIssued
        )
    }
}

/// Runs a future on a paused clock: a world's time passes only by [`World::pass`].
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse(APP).unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

pub struct World {
    platform: Platform,
    store: MemoryStore,
    ledger: Ledger<MemoryStore>,
    start: jiff::Timestamp,
    /// The coupon that was issued for each delivery.
    truth: BTreeMap<DeliveryKey, String>,
    columns: Option<BillColumns>,
    accepted: AcceptedRecords,
    bills: tempfile::TempDir,
}

/// The sandbox, and what is asked of it.
struct Platform {
    sandbox: RefCell<FakePlatform>,
    now: Cell<jiff::Timestamp>,
    start: jiff::Timestamp,
    downloads: Cell<u32>,
}

impl World {
    pub fn new(records: RecordSettings, repeat: Repeat, users: usize) -> Self {
        let start: jiff::Timestamp = START.parse().unwrap();
        let sandbox = FakePlatform::new(Settings {
            rules: RuleSettings {
                refuse: 0.0,
                repeat,
                access_token: Some(TOKEN.to_owned()),
                token_ttl: Duration::from_hours(24 * 365),
                ..RuleSettings::default()
            },
            records,
            ..Settings::default()
        });
        let store = MemoryStore::default();
        let ledger = block_on(async {
            let mut ledger = Ledger::open(store.clone(), identity()).await.unwrap();
            let recipients = (0..users).map(|user| OpenId::parse(&format!("user-{user}")).unwrap());
            let generation = Generation {
                at: start,
                listed: users as u64,
                source: [0; 32],
                activity_id: ActivityId::parse(ACTIVITY).unwrap(),
                coupons_per_user: 1,
                fingerprint: "f".to_owned(),
                control_group: "0%".to_owned(),
                excluded: Vec::new(),
                accepted: Vec::new(),
            };
            let facts = vec![
                Fact::run_began(start, TIMEOUT),
                Fact::Admitted {
                    recipients: recipients.collect(),
                },
                Fact::Closed(Box::new(generation)),
            ];
            ledger.append(facts).await.unwrap();
            ledger
        });
        Self {
            platform: Platform {
                sandbox: RefCell::new(sandbox),
                now: Cell::new(start),
                start,
                downloads: Cell::new(0),
            },
            store,
            ledger,
            start,
            truth: BTreeMap::new(),
            columns: None,
            accepted: AcceptedRecords::default(),
            bills: tempfile::tempdir().unwrap(),
        }
    }

    fn now(&self) -> jiff::Timestamp {
        self.platform.now.get()
    }

    pub fn pass(&mut self, ms: i64) {
        let now = self.now() + jiff::SignedDuration::from_millis(ms);
        self.platform.now.set(now);
    }

    pub fn counts(&self) -> Counts {
        self.ledger.state().counts()
    }

    pub fn downloads(&self) -> u32 {
        self.platform.downloads.get()
    }

    pub const fn accept_bill(&mut self) {
        self.accepted.bill = true;
    }

    pub const fn accept_count(&mut self) {
        self.accepted.count = true;
    }

    /// A person confirms what was proposed.
    pub fn confirm(&mut self, compared: &Compared) {
        if self.columns.is_none() {
            self.columns.clone_from(&compared.proposal);
        }
    }

    /// A person names the columns of plain bills.
    pub fn name_columns(&mut self) {
        self.columns = Some(BillColumns {
            coupon_id: "coupon_id".to_owned(),
            open_id: "open_id".to_owned(),
            receive_time: Some("receive_time".to_owned()),
            activity_id: Some("activity_id".to_owned()),
            ..BillColumns::default()
        });
    }

    fn append(&mut self, fact: Fact) {
        block_on(self.ledger.append(vec![fact])).unwrap();
    }

    /// The process is killed, and another one opens the ledger.
    pub fn kill(&mut self) {
        self.ledger = block_on(Ledger::open(self.store.clone(), identity())).unwrap();
    }

    /// Sends a coupon to a user, as an apply does.
    pub fn send(&mut self, user: u32, fate: Fate) {
        let key = DeliveryKey {
            recipient: user,
            ordinal: 1,
        };
        let at = self.now();
        let activity = self.ledger.state().current_activity().unwrap_or(ActivityNo(0));
        self.append(Fact::Intent { key, at, activity });
        let coupon = fate.reaches_platform().then(|| self.request(key)).flatten();
        self.pass(200);
        match fate {
            Fate::KilledIssued | Fate::KilledNothing => {
                self.pass(60_000);
                self.append(Fact::run_began(self.now(), TIMEOUT));
            }
            Fate::LostIssued | Fate::LostNothing => {
                self.pass(10_000);
                let due = self.now();
                self.end(
                    key,
                    Decision::Unknown { due, code: None },
                    Proof::Unknown(Unknown::TimedOut),
                    None,
                );
            }
            Fate::HeldIssued | Fate::HeldNothing => {
                self.end(key, Decision::Held { code: 29_009_999 }, Proof::Held, Some(29_009_999));
            }
            Fate::Issued => {
                let coupon = Box::new(coupon.expect("the sandbox gives a coupon"));
                self.end(key, Decision::Issued, Proof::Issued { coupon, replay: false }, Some(0));
            }
        }
    }

    /// Sends a coupon to a user, and takes down a wrong time of receipt.
    pub fn send_and_misread_the_time(&mut self, user: u32) {
        let key = DeliveryKey {
            recipient: user,
            ordinal: 1,
        };
        let at = self.now();
        let activity = self.ledger.state().current_activity().unwrap_or(ActivityNo(0));
        self.append(Fact::Intent { key, at, activity });
        let mut coupon = Box::new(self.request(key).unwrap());
        coupon.receive_time = coupon.receive_time.map(|time| time + 3600);
        self.end(key, Decision::Issued, Proof::Issued { coupon, replay: false }, Some(0));
    }

    fn end(&mut self, key: DeliveryKey, decision: Decision, proof: Proof, code: Option<i64>) {
        let at = self.now();
        let answer = code.map(|code| Answer {
            code,
            message: String::new(),
            log_id: format!("log-{key:?}-{at}"),
            class: if code == 0 { Class::Issued } else { Class::Hold },
            classifier: Classifier::Table,
        });
        let outcome = Box::new(Outcome {
            proof,
            answer,
            status: Some(200),
            detail: None,
            retry_after: None,
            latency: Duration::from_millis(200),
            at,
        });
        self.append(Fact::Ended { key, decision, outcome });
    }

    /// Makes the request, and returns the coupon of its answer.
    fn request(&mut self, key: DeliveryKey) -> Option<Coupon> {
        let state = self.ledger.state();
        let request = SendRequest {
            app_id: APP.to_owned(),
            open_id: state.open_id(key.recipient),
            activity_id: ACTIVITY.to_owned(),
            merchant_coupon_id: state.merchant_coupon_id(key).unwrap().to_string(),
        };
        let moment = self.platform.moment();
        let exchange = self.platform.sandbox.borrow_mut().send(&request, Some(TOKEN), moment);
        let Ending::Answer(answer) = exchange.ending else {
            return None;
        };
        let whole: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let info = whole.get("data")?.get("coupon_info")?;
        let text = |name: &str| info.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let number = |name: &str| info.get(name).and_then(serde_json::Value::as_i64);
        let coupon = Coupon {
            coupon_id: text("coupon_id")?,
            merchant_meta_no: text("merchant_meta_no"),
            receive_time: number("receive_time"),
            discount_amount: number("discount_amount"),
            ..Coupon::default()
        };
        self.truth.entry(key).or_insert_with(|| coupon.coupon_id.clone());
        Some(coupon)
    }

    /// The user gets the coupons that come beside another campaign's, and none of this one.
    pub fn give_others(&mut self, user: u32) {
        let request = SendRequest {
            app_id: APP.to_owned(),
            open_id: self.ledger.state().open_id(user),
            activity_id: "7999".to_owned(),
            merchant_coupon_id: format!("other-{user}"),
        };
        let earlier = self.platform.now.get();
        // About when the user's attempt was made.
        self.platform
            .now
            .set(self.start + jiff::SignedDuration::from_hours(i64::from(user)));
        let moment = self.platform.moment();
        let _ = self.platform.sandbox.borrow_mut().send(&request, Some(TOKEN), moment);
        self.platform.now.set(earlier);
    }

    /// What the ledger keeps of the last counts.
    pub async fn last_counts(&mut self) -> Vec<LastCount> {
        last_counts(&mut self.ledger, TIMEOUT).await.unwrap()
    }

    /// Compares, and checks every settlement against the truth.
    pub async fn compare(&mut self) -> Compared {
        let request = Request {
            coupon_meta_id: Some(CouponMetaId::parse("7218").unwrap()),
            bill: Bill {
                columns: self.columns.clone(),
                ..Bill::default()
            },
            timeout: TIMEOUT,
            accepted: self.accepted,
            sample: 1000,
            by: Actor {
                name: "li".to_owned(),
                user: "li".to_owned(),
                host: "till-3".to_owned(),
                command: "runner reconcile summer.yaml".to_owned(),
            },
            is_rehearsal: false,
            clock: Clock::simulated(self.now()),
        };
        let files = BillFiles::new(self.bills.path().join("bills"));
        let compared = compare(&mut self.ledger, &self.platform, &files, &request, &mut |_| {})
            .await
            .unwrap();
        self.judge(&compared);
        compared
    }

    fn judge(&self, compared: &Compared) {
        for settled in &compared.settled {
            assert_eq!(
                self.truth.get(&settled.key),
                Some(&settled.coupon_id),
                "{settled:?} is not what was issued"
            );
            if let Evidence::Bill(_) = settled.evidence {
                assert!(self.columns.is_some(), "nobody has confirmed the columns");
            }
            assert_eq!(self.ledger.state().status(settled.key).state.name(), StateName::Issued);
        }
        for (key, to) in &compared.accepted {
            let was_issued = self.truth.contains_key(key);
            assert_eq!(
                was_issued,
                *to == Resolution::Issued,
                "{key:?} was settled wrongly as {to:?}"
            );
        }
    }

    /// Sends what is owed, with answers that arrive.
    pub fn send_owed(&mut self) {
        for user in 0..self.ledger.state().recipients() {
            let key = DeliveryKey {
                recipient: user,
                ordinal: 1,
            };
            if self.ledger.state().status(key).state.name() == StateName::Pending {
                self.pass(1_000);
                self.send(user, Fate::Issued);
            }
        }
    }

    /// Nobody has two coupons, and everybody whose delivery is settled has one.
    pub fn judge_end(&self) {
        let sandbox = self.platform.sandbox.borrow();
        let state = self.ledger.state();
        for recipient in 0..state.recipients() {
            let open_id = state.open_id(recipient);
            let coupons = sandbox.journal().coupons_of(APP, &open_id);
            let key = DeliveryKey { recipient, ordinal: 1 };
            assert!(coupons <= 1, "{open_id} has {coupons} coupons");
            if state.status(key).state.name() == StateName::Issued {
                assert_eq!(coupons, 1, "{open_id} was left out");
            }
        }
    }

    /// Whether the ledger knows a coupon of each day on which something was in doubt or held, far enough from midnight.
    pub fn knows_a_coupon_of_each_day(&mut self) -> bool {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let mut known: BTreeSet<Date> = BTreeSet::new();
        let mut needed: BTreeSet<Date> = BTreeSet::new();
        let mut begun = BTreeMap::new();
        let around = jiff::SignedDuration::from_mins(5);
        let add_around = |days: &mut BTreeSet<Date>, at: jiff::Timestamp| {
            for at in [at - around, at + around] {
                days.insert(zone.to_datetime(at).date());
            }
        };
        block_on(self.ledger.facts(|_, fact| match fact {
            Fact::Intent { key, at, .. } => {
                begun.insert(key, at);
            }
            Fact::Ended { key, decision, outcome } => {
                let began = begun.remove(&key).unwrap();
                if decision == Decision::Issued {
                    let days: BTreeSet<Date> = [began - around, began + around]
                        .map(|at| zone.to_datetime(at).date())
                        .into();
                    if days.len() == 1 {
                        known.extend(days);
                    }
                } else {
                    add_around(&mut needed, began);
                    add_around(&mut needed, outcome.at);
                }
            }
            Fact::RunBegan { at, .. } => {
                for (_, began) in std::mem::take(&mut begun) {
                    add_around(&mut needed, began);
                    add_around(&mut needed, at);
                }
            }
            _ => {}
        }))
        .unwrap();
        needed.is_subset(&known)
    }
}

impl Platform {
    fn moment(&self) -> Moment {
        let now = self.now.get();
        Moment {
            since_start: Duration::try_from(now.duration_since(self.start)).unwrap_or_default(),
            wall: now,
        }
    }

    fn ask<Q: Query>(&self, query: &Q) -> Result<Answered<Q::Content>, NotAsked> {
        let body = serde_json::to_vec(query).unwrap();
        let moment = self.moment();
        let answer = self
            .sandbox
            .borrow_mut()
            .query(query.path(), &body, Some(TOKEN), "127.0.0.1", moment)
            .unwrap();
        read(query, answer.body.as_bytes(), &Codes::default(), &Redactor::default())
            .map_err(|error| NotAsked::NoAnswer(format!("{error:?}")))
    }
}

impl Records for Platform {
    fn count(
        &self,
        coupon_meta_id: &CouponMetaId,
        activity_id: &ActivityId,
    ) -> impl Future<Output = Result<Answered<Count>, NotAsked>> + Send {
        std::future::ready(self.ask(&CountQuery::new(
            &AppId::parse(APP).unwrap(),
            coupon_meta_id,
            activity_id,
        )))
    }

    fn coupons(&self, open_id: &OpenId) -> impl Future<Output = Result<Answered<UserCoupons>, NotAsked>> + Send {
        std::future::ready(self.ask(&CouponsQuery::new(&AppId::parse(APP).unwrap(), open_id)))
    }

    fn coupon(
        &self,
        open_id: &OpenId,
        coupon_id: &str,
    ) -> impl Future<Output = Result<Answered<UserCoupons>, NotAsked>> + Send {
        std::future::ready(self.ask(&CouponQuery::new(&AppId::parse(APP).unwrap(), open_id, coupon_id)))
    }

    fn bill(&self, day: Date) -> impl Future<Output = Result<Answered<BillPlace>, NotAsked>> + Send {
        std::future::ready(self.ask(&BillQuery::new(&AppId::parse(APP).unwrap(), day)))
    }

    fn download(
        &self,
        url: &Secret,
        mut keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> impl Future<Output = Result<Downloaded, DownloadError>> + Send {
        self.downloads.set(self.downloads.get() + 1);
        let url = url.expose();
        let name = url
            .rsplit('/')
            .next()
            .and_then(|name| name.split('?').next())
            .unwrap_or_default();
        let bill = self.sandbox.borrow().bill(name).unwrap();
        let kept = keep(&bill).map(|()| Downloaded {
            sha256: Sha256::digest(&bill).into(),
            bytes: bill.len() as u64,
        });
        std::future::ready(kept.map_err(DownloadError::Keep))
    }
}
