//! The steps of a comparison: the count of each activity, the coupons of the users in doubt, the bills of their days, and what
//! follows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::app::campaign::LoadedCampaign;
use crate::app::campaign_store::CampaignStore;
use crate::app::error::AppError;
use crate::app::locked_ledger::{LockedLedger, OpenLedger};
use crate::app::witness::CampaignWitnesses;
use crate::app::{find_other_ledger, older_ledger, readonly_ledger, status_update};
use crate::campaign::{Bill, BillColumns};
use crate::douyin::HttpWay;
use crate::douyin::records::BillPlace;
use crate::douyin::token::Credentials;
use crate::ledger::lock::LockError;
use crate::ledger::{
    BillContent, BillRecord, CountRecord, CouponsRecord, Evidence, Fact, Found, Ledger, ManualDecision, PlatformRecord,
    SpotRecord, Store,
};
use crate::model::actor::{Act, ActKind, Actor};
use crate::model::clock::Clock;
use crate::model::delivery::{ActivityNo, DeliveryKey, Resolution, StateName};
use crate::model::identity::{ActivityId, CouponMetaId, OpenId};
use crate::model::mutants::mutant;
use crate::model::outcome::Coupon;
use crate::report::reason::Reason;
use crate::report::times::rfc3339;

use super::bill;
use super::bills::{BillFiles, BillState, KeptBill};
use super::columns::{ColumnSearch, Columns};
use super::connect::{connect, connect_by};
use super::judgement::{
    BillJudge, BillVerdict, COUNT_DELAY, CountVerdict, ForeignCoupon, JudgedBills, ReadBill, UserVerdict, Why,
    is_confirmed, is_settled, judge_absent, judge_count, judge_coupons,
};
use super::known::{Account, Doubt, Facts, Known, date, owners};
use super::records::{NotAsked, PlatformRecords, Records};
use super::spot::{SpotCheck, SpotVerdict, judge_spot};

/// How many users are asked about between two searches of the ledger for the coupons that were found.
const BATCH: usize = 500;
/// After this many users in a row without an answer, the others are not asked about.
const MOST_SILENT: u32 = 3;

/// What a person accepts as proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptedRecords {
    /// The platform's count settles what is in doubt.
    pub count: bool,
    /// A delivery that is in no bill of its days was not issued.
    pub bill: bool,
}

/// How to compare.
#[derive(Clone, Debug)]
pub struct Request {
    /// The template of the campaign. Without it, the platform cannot be asked for its count.
    pub coupon_meta_id: Option<CouponMetaId>,
    /// How bills are read.
    pub bill: Bill,
    /// The longest time of an attempt.
    pub timeout: Duration,
    /// What a person accepts.
    pub accepted: AcceptedRecords,
    /// How many issued coupons are asked for by their ids.
    pub sample: usize,
    /// The person.
    pub by: Actor,
    /// Whether it is a rehearsal, which waits neither for the end of a day nor for a second count.
    pub is_rehearsal: bool,
    /// The wall clock.
    pub clock: Clock,
}

/// What is done at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The platform is asked for the counts of activities.
    Counts,
    /// Users are asked about: how many so far, and of how many.
    Users {
        /// So far.
        asked: u64,
        /// Of these.
        all: u64,
    },
    /// Issued coupons are asked for: how many so far, and of how many.
    Spots {
        /// So far.
        asked: u64,
        /// Of these.
        all: u64,
    },
    /// The bill of a day is fetched.
    Bill(Date),
    /// The bills are compared.
    Comparing,
}

/// The count of an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityCount {
    /// The activity.
    pub activity_id: ActivityId,
    /// What there must be.
    pub account: Account,
    /// What the platform counts. `None` if it did not say.
    pub received: Option<u64>,
    /// Why it could not be asked.
    pub failed: Option<NotAsked>,
    /// What follows.
    pub verdict: CountVerdict,
    /// Whether it is the second such count, late enough to be accepted.
    pub is_confirmed: bool,
    /// Whether it has every coupon that was sent before it.
    pub is_settled: bool,
}

/// The users that were asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsersAsked {
    /// How many.
    pub asked: u64,
    /// How many of them have the coupon.
    pub found: u64,
    /// The last failure.
    pub failed: Option<NotAsked>,
}

/// The bill of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillOfDay {
    /// The day.
    pub day: Date,
    /// Whether it is here.
    pub state: BillState,
    /// What it says. `None` if it was not read.
    pub read: Option<ReadBill>,
}

/// A delivery that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The delivery.
    pub key: DeliveryKey,
    /// Its coupon.
    pub coupon_id: String,
    /// Where it was found.
    pub evidence: Evidence,
}

/// A delivery that is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDelivery {
    /// The delivery.
    pub key: DeliveryKey,
    /// In doubt or held.
    pub state: StateName,
    /// Why.
    pub why: Why,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The counts, by activity.
    pub counts: Vec<ActivityCount>,
    /// The users.
    pub users: UsersAsked,
    /// The spot check of issued coupons.
    pub spots: SpotCheck,
    /// The bills, by day.
    pub bills: Vec<BillOfDay>,
    /// What the columns of the bills probably hold, if no person has said so.
    pub proposal: Option<BillColumns>,
    /// The deliveries that were settled by the platform's records.
    pub settled: Vec<Settled>,
    /// The deliveries that were settled because a person accepted the records.
    pub accepted: Vec<(DeliveryKey, Resolution)>,
    /// The deliveries that are still open.
    pub open: Vec<OpenDelivery>,
    /// The first coupons of the campaign's activity or template that the ledger does not know.
    pub foreign: Vec<ForeignCoupon>,
    /// How many of them there are.
    pub foreign_count: u64,
    /// The last attempt that the ledger knows. `None` if there was none.
    pub last_attempt: Option<Timestamp>,
}

impl Compared {
    /// How many deliveries are still in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> usize {
        self.open.iter().filter(|open| open.state == StateName::InDoubt).count()
    }

    /// Whether the same command may settle more later, without anything that a person has to do.
    #[must_use]
    pub fn can_go_on(&self) -> bool {
        let waits = |open: &OpenDelivery| matches!(open.why, Why::NotAsked | Why::NoBill(_) | Why::CountUnknown);
        self.open.iter().any(waits)
    }
}

/// Asks the platform for its records, settles what they prove, and records every answer. Nothing in the ledger is in flight.
///
/// # Errors
/// When the ledger fails, or the platform accepts no query at all.
pub async fn compare<S: Store, R: Records>(
    ledger: &mut Ledger<S>,
    records: &R,
    files: &BillFiles,
    request: &Request,
    notify: &mut (dyn FnMut(Step) + Send),
) -> Result<Compared, AppError> {
    let by = request.by.clone();
    let kind = ActKind::Reconciled;
    let act = Box::new(Act { by, kind });
    let at = request.clock.now();
    ledger.append(vec![Fact::Acted { at, act }]).await?;
    let facts = Facts::read(ledger, request.timeout, request.sample).await?;
    let mut running = Running {
        ledger,
        records,
        files,
        request,
        facts,
        compared: Compared::default(),
        open: BTreeMap::new(),
    };
    notify(Step::Counts);
    running.ask_counts().await?;
    running.ask_users(notify).await?;
    running.ask_sample(notify).await?;
    running.ask_bills(notify).await?;
    running.judge_counts();
    running.accept().await?;
    Ok(running.end())
}

/// A comparison that is under way.
struct Running<'r, S, R> {
    ledger: &'r mut Ledger<S>,
    records: &'r R,
    files: &'r BillFiles,
    request: &'r Request,
    facts: Facts,
    compared: Compared,
    open: BTreeMap<DeliveryKey, Why>,
}

impl<S: Store, R: Records> Running<'_, S, R> {
    fn now(&self) -> Timestamp {
        self.request.clock.now()
    }

    async fn record(&mut self, record: PlatformRecord) -> Result<(), AppError> {
        let at = self.now();
        let record = Box::new(record);
        self.ledger.append(vec![Fact::Recorded { at, record }]).await?;
        Ok(())
    }

    async fn ask_counts(&mut self) -> Result<(), AppError> {
        let Some(coupon_meta_id) = self.request.coupon_meta_id.clone() else {
            return Ok(());
        };
        let activities: Vec<(u16, Account)> = self
            .facts
            .accounts
            .iter()
            .map(|(no, account)| (*no, *account))
            .collect();
        for (no, account) in activities {
            let Some(activity_id) = self.ledger.state().activity(ActivityNo(no)).cloned() else {
                continue;
            };
            let mut count = ActivityCount {
                activity_id: activity_id.clone(),
                account,
                received: None,
                failed: None,
                verdict: CountVerdict::Unknown,
                is_confirmed: false,
                is_settled: false,
            };
            match self.records.count(&coupon_meta_id, &activity_id).await {
                Ok(answered) => {
                    count.received = answered.content.received;
                    let earlier = self.facts.counts.get(&activity_id).copied();
                    let last = self.facts.last_attempts.get(&no).copied();
                    count.is_confirmed = is_confirmed(count.received, self.now(), earlier, last, self.count_delay());
                    count.is_settled = is_settled(self.now(), last, self.count_delay());
                    let record = CountRecord {
                        coupon_meta_id: coupon_meta_id.clone(),
                        activity_id,
                        received: answered.content.received,
                        consumed: answered.content.consumed,
                        log_id: answered.log_id,
                    };
                    self.record(PlatformRecord::Count(record)).await?;
                }
                Err(NotAsked::Never(why)) => return Err(AppError::NoRecords(why)),
                Err(failed) => count.failed = Some(failed),
            }
            self.compared.counts.push(count);
        }
        Ok(())
    }

    const fn count_delay(&self) -> SignedDuration {
        if self.request.is_rehearsal {
            SignedDuration::ZERO
        } else {
            COUNT_DELAY
        }
    }

    async fn ask_users(&mut self, notify: &mut (dyn FnMut(Step) + Send)) -> Result<(), AppError> {
        let doubts = self.facts.doubts.clone();
        let all = doubts.len() as u64;
        let mut silent = 0;
        for batch in doubts.chunks(BATCH) {
            let mut found = Vec::new();
            for doubt in batch {
                let Ok(open_id) = OpenId::parse(&self.ledger.state().open_id(doubt.key.recipient)) else {
                    continue;
                };
                if silent == MOST_SILENT {
                    self.open.insert(doubt.key, Why::NotAsked);
                    continue;
                }
                let answered = match self.records.coupons(&open_id).await {
                    Ok(answered) => answered,
                    Err(NotAsked::Never(why)) => return Err(AppError::NoRecords(why)),
                    Err(failed) => {
                        silent += 1;
                        self.compared.users.failed = Some(failed);
                        self.open.insert(doubt.key, Why::NotAsked);
                        continue;
                    }
                };
                silent = 0;
                self.compared.users.asked += 1;
                notify(Step::Users {
                    asked: self.compared.users.asked,
                    all,
                });
                let coupons = answered.content;
                let ids = coupons.coupons.iter().map(|it| it.coupon.coupon_id.clone());
                let record = CouponsRecord {
                    key: doubt.key,
                    coupon_ids: ids.collect(),
                    log_id: answered.log_id,
                };
                self.record(PlatformRecord::Coupons(record)).await?;
                let known = Known::new(&self.facts, self.ledger.state());
                let is_template = |number: &str| self.facts.is_template(doubt.activity, number);
                match judge_coupons(doubt, &coupons, known, is_template) {
                    UserVerdict::Found(coupon) => found.push((doubt.key, *coupon, Evidence::Coupons)),
                    UserVerdict::Open(why) => {
                        self.open.insert(doubt.key, why);
                    }
                    UserVerdict::None => {}
                }
            }
            let before = self.compared.settled.len();
            self.settle(found).await?;
            self.compared.users.found += (self.compared.settled.len() - before) as u64;
        }
        Ok(())
    }

    /// Asks for the coupons of the sample.
    async fn ask_sample(&mut self, notify: &mut (dyn FnMut(Step) + Send)) -> Result<(), AppError> {
        let sample = std::mem::take(&mut self.facts.sample);
        let all = sample.len() as u64;
        let mut silent = 0;
        for issued in &sample {
            let Ok(open_id) = OpenId::parse(&self.ledger.state().open_id(issued.key.recipient)) else {
                continue;
            };
            if silent == MOST_SILENT {
                break;
            }
            let answered = match self.records.coupon(&open_id, &issued.coupon_id).await {
                Ok(answered) => answered,
                Err(NotAsked::Never(why)) => return Err(AppError::NoRecords(why)),
                Err(failed) => {
                    silent += 1;
                    self.compared.spots.failed = Some(failed);
                    continue;
                }
            };
            silent = 0;
            let verdict = judge_spot(issued, &answered.content);
            self.compared.spots.add(issued, &verdict);
            let asked = self.compared.spots.asked;
            notify(Step::Spots { asked, all });
            let shown = match verdict {
                SpotVerdict::Fits(shown) | SpotVerdict::Differs(shown, _) => Some(*shown),
                SpotVerdict::NotShown => None,
            };
            let record = SpotRecord {
                key: issued.key,
                coupon_id: issued.coupon_id.clone(),
                shown,
                log_id: answered.log_id,
            };
            self.record(PlatformRecord::Spot(record)).await?;
        }
        Ok(())
    }

    /// Settles deliveries whose coupons were found, unless a coupon is another delivery's.
    async fn settle(&mut self, found: Vec<(DeliveryKey, Coupon, Evidence)>) -> Result<(), AppError> {
        let mut times: HashMap<String, u32> = HashMap::new();
        for (_, coupon, _) in &found {
            *times.entry(coupon.coupon_id.clone()).or_default() += 1;
        }
        let ids: HashSet<String> = times.keys().cloned().collect();
        let owners = owners(self.ledger, &ids).await?;
        for (key, coupon, evidence) in found {
            let is_once = times.get(&coupon.coupon_id) == Some(&1);
            if !is_once || owners.contains_key(&coupon.coupon_id) {
                self.open.insert(key, Why::IdOfAnother);
                continue;
            }
            let activity = self
                .facts
                .doubts
                .iter()
                .find(|doubt| doubt.key == key)
                .map(|doubt| doubt.activity);
            let Some(activity) = activity else { continue };
            let at = self.now();
            let fact = Found {
                key,
                evidence,
                coupon: coupon.clone(),
            };
            let found = Box::new(fact);
            self.ledger.append(vec![Fact::Found { at, found }]).await?;
            self.facts.add(key, activity, &coupon);
            self.open.remove(&key);
            self.compared.settled.push(Settled {
                key,
                coupon_id: coupon.coupon_id,
                evidence,
            });
        }
        Ok(())
    }

    async fn ask_bills(&mut self, notify: &mut (dyn FnMut(Step) + Send)) -> Result<(), AppError> {
        let today = date(self.now(), &self.request.bill.timezone);
        let mut bills = BTreeMap::new();
        let mut reused = BTreeSet::new();
        for day in self.facts.days(&self.request.bill.timezone) {
            notify(Step::Bill(day));
            let kept = self
                .facts
                .bills
                .get(&day)
                .and_then(|content| self.files.find(day, content).ok()?);
            let state = match kept {
                Some(kept) => {
                    reused.insert(day);
                    BillState::Kept(kept)
                }
                None if day >= today && !self.request.is_rehearsal => BillState::TooEarly,
                None => self.fetch(day).await?,
            };
            bills.insert(day, state);
        }
        if bills.is_empty() {
            return Ok(());
        }
        notify(Step::Comparing);
        let mut judged = self.judge_bills(&bills);
        // The platform may have made a better bill since.
        let is_bad = |bill: &&ReadBill| !matches!(bill.verdict, BillVerdict::Trusted | BillVerdict::Unchecked);
        let again: Vec<Date> = judged.bills.iter().filter(is_bad).map(|bill| bill.day).collect();
        let again: Vec<Date> = again.into_iter().filter(|day| reused.contains(day)).collect();
        if !again.is_empty() {
            for day in again {
                notify(Step::Bill(day));
                let state = self.fetch(day).await?;
                bills.insert(day, state);
            }
            notify(Step::Comparing);
            judged = self.judge_bills(&bills);
        }
        let JudgedBills {
            bills: read,
            found,
            open,
            foreign,
            foreign_count,
        } = judged;
        let mut read: BTreeMap<Date, ReadBill> = read.into_iter().map(|bill| (bill.day, bill)).collect();
        self.compared.bills = bills
            .into_iter()
            .map(|(day, state)| BillOfDay {
                day,
                state,
                read: read.remove(&day),
            })
            .collect();
        for (key, why) in open {
            // A bill without the coupon does not resolve what the user's own coupons left unclear.
            self.open.entry(key).or_insert(why);
        }
        self.settle(found).await?;
        self.note_foreign(foreign, foreign_count).await
    }

    /// Keeps the foreign coupons that the whole ledger does not know.
    async fn note_foreign(&mut self, foreign: Vec<ForeignCoupon>, count: u64) -> Result<(), AppError> {
        let ids: HashSet<String> = foreign.iter().map(|it| it.coupon_id.clone()).collect();
        let known = owners(self.ledger, &ids).await?;
        let before = foreign.len();
        let foreign: Vec<_> = foreign
            .into_iter()
            .filter(|it| !known.contains_key(&it.coupon_id))
            .collect();
        self.compared.foreign_count = count - (before - foreign.len()) as u64;
        self.compared.foreign = foreign;
        Ok(())
    }

    /// Fetches the bill of a day, and keeps it.
    async fn fetch(&mut self, day: Date) -> Result<BillState, AppError> {
        let answered = match self.records.bill(day).await {
            Ok(answered) => answered,
            Err(NotAsked::Never(why)) => return Err(AppError::NoRecords(why)),
            Err(failed) => return Ok(BillState::Failed(failed.to_string())),
        };
        let log_id = answered.log_id;
        let record = |content| PlatformRecord::Bill(BillRecord { day, content, log_id });
        match answered.content {
            BillPlace::NotReady => Ok(BillState::NotReady),
            BillPlace::NoData => {
                self.record(record(None)).await?;
                Ok(BillState::NoData)
            }
            BillPlace::Ready(url) => {
                let failed = |error: &dyn std::fmt::Display| Ok(BillState::Failed(error.to_string()));
                let mut new = match self.files.begin(day) {
                    Ok(new) => new,
                    Err(error) => return failed(&error),
                };
                let downloaded = match self.records.download(&url, |bytes| new.write(bytes)).await {
                    Ok(downloaded) => downloaded,
                    Err(error) => return failed(&error),
                };
                let content = BillContent {
                    sha256: downloaded.sha256,
                    bytes: downloaded.bytes,
                };
                // The fact follows the file, so that a fact without its file means that the file was removed.
                let kept = match self.files.keep(new, content.clone()) {
                    Ok(kept) => kept,
                    Err(error) => return failed(&error),
                };
                self.record(record(Some(content))).await?;
                Ok(BillState::Kept(kept))
            }
        }
    }

    /// Reads the bills and compares them with the ledger. Without a mapping of their columns, proposes one.
    fn judge_bills(&mut self, bills: &BTreeMap<Date, BillState>) -> JudgedBills {
        let zone = &self.request.bill.timezone;
        let coupon_meta_id = self.request.coupon_meta_id.as_ref().map(CouponMetaId::as_str);
        let known = Known::new(&self.facts, self.ledger.state());
        let kept = || {
            bills.iter().filter_map(|(day, state)| match state {
                BillState::Kept(kept) => Some((*day, kept)),
                _ => None,
            })
        };
        let Some(named) = &self.request.bill.columns else {
            let expected = kept().map(|(day, _)| self.facts.of_day(day, zone).count() as u64).sum();
            let mut search = ColumnSearch::new(known, zone, coupon_meta_id, expected);
            for (_, KeptBill { path, .. }) in kept() {
                let search = std::cell::RefCell::new(&mut search);
                // A bill that is no whole table proposes nothing.
                let _ = bill::read(
                    path,
                    |titles, width| {
                        search.borrow_mut().begin(titles, width);
                        Ok(())
                    },
                    |row| {
                        search.borrow_mut().take(&row);
                        Ok(())
                    },
                );
            }
            self.compared.proposal = search.proposal();
            let why = if kept().next().is_some() {
                Why::NoColumns
            } else {
                return self.without_bills(bills);
            };
            return JudgedBills {
                open: self.facts.doubts.iter().map(|doubt| (doubt.key, why.clone())).collect(),
                ..JudgedBills::default()
            };
        };
        let is_template = |doubt: &Doubt, number: &str| self.facts.is_template(doubt.activity, number);
        let mut judge = BillJudge::new(known, &self.facts.doubts, zone, coupon_meta_id, &is_template);
        for (day, state) in bills {
            let must_have = self.facts.of_day(*day, zone).map(|coupon| coupon.key);
            match state {
                BillState::NoData => {
                    judge.begin(*day, must_have);
                    judge.end(Ok(0));
                }
                BillState::Kept(KeptBill { path, .. }) => {
                    judge.begin(*day, must_have);
                    let judge_row = std::cell::RefCell::new(&mut judge);
                    let read = bill::read(
                        path,
                        |titles, width| {
                            if width > 0 {
                                let columns = Columns::find(named, titles, width)?;
                                judge_row.borrow_mut().set_columns(columns);
                            }
                            Ok(())
                        },
                        |row| judge_row.borrow_mut().take(&row),
                    );
                    judge.end(read);
                }
                BillState::NotReady | BillState::TooEarly | BillState::Failed(_) => {}
            }
        }
        judge.finish()
    }

    /// The doubts that wait for bills, none of which is here.
    fn without_bills(&self, bills: &BTreeMap<Date, BillState>) -> JudgedBills {
        let first = bills.keys().next().copied();
        let open = self.facts.doubts.iter().filter_map(|doubt| {
            let why = match doubt.times {
                None => Why::Undated,
                Some(_) => Why::NoBill(first?),
            };
            Some((doubt.key, why))
        });
        JudgedBills {
            open: open.collect(),
            ..JudgedBills::default()
        }
    }

    /// Compares the counts with what is known by now.
    fn judge_counts(&mut self) {
        let accounts: HashMap<ActivityId, Account> = self
            .facts
            .accounts
            .iter()
            .filter_map(|(no, account)| Some((self.ledger.state().activity(ActivityNo(*no))?.clone(), *account)))
            .collect();
        for count in &mut self.compared.counts {
            if let Some(account) = accounts.get(&count.activity_id) {
                count.account = *account;
            }
            count.verdict = judge_count(count.account, count.received);
        }
        for doubt in &self.facts.doubts {
            let (count, is_settled) = self.count_of(doubt).map_or((CountVerdict::Unknown, false), |count| {
                (count.verdict, count.is_settled)
            });
            let why = self.open.get(&doubt.key);
            let why = match why {
                Some(Why::Absent) if self.request.coupon_meta_id.is_none() && doubt.state == StateName::InDoubt => {
                    Why::NoTemplate
                }
                Some(Why::Absent) => judge_absent(doubt.state, count, is_settled),
                Some(why) => why.clone(),
                None if doubt.state == StateName::Held => Why::Held,
                None => Why::Undated,
            };
            self.open.insert(doubt.key, why);
        }
    }

    fn count_of(&self, doubt: &Doubt) -> Option<&ActivityCount> {
        let activity = self.ledger.state().activity(doubt.activity)?;
        let is_of_activity = |count: &&ActivityCount| count.activity_id == *activity || mutant!(OtherActivityCounted);
        self.compared.counts.iter().find(is_of_activity)
    }

    /// Settles what a person has accepted.
    async fn accept(&mut self) -> Result<(), AppError> {
        let AcceptedRecords { count, bill } = self.request.accepted;
        let mut by_bill = Vec::new();
        let mut not_issued: BTreeMap<ActivityId, Vec<DeliveryKey>> = BTreeMap::new();
        let mut issued: BTreeMap<ActivityId, Vec<DeliveryKey>> = BTreeMap::new();
        for doubt in self
            .facts
            .doubts
            .iter()
            .filter(|doubt| doubt.state == StateName::InDoubt)
        {
            let why = self.open.get(&doubt.key);
            if (bill || mutant!(AbsenceSettles)) && why == Some(&Why::Absent) {
                by_bill.push(doubt.key);
                continue;
            }
            // If a coupon may belong to this delivery, no count proves its absence.
            let is_unclear = matches!(
                why,
                Some(Why::Several | Why::Unclear | Why::UnknownTemplate | Why::IdOfAnother)
            );
            let counted = self.count_of(doubt).filter(|_| count && !is_unclear).cloned();
            if let Some(counted) = counted.filter(|counted| counted.is_confirmed) {
                match counted.verdict {
                    CountVerdict::NoneOfDoubts => not_issued.entry(counted.activity_id).or_default().push(doubt.key),
                    CountVerdict::AllOfDoubts if counted.account.other == 0 => {
                        issued.entry(counted.activity_id).or_default().push(doubt.key);
                    }
                    _ => {}
                }
            }
        }
        let owed = Resolution::Owed { may_double: true };
        let days: Vec<String> = self.compared.bills.iter().map(|bill| bill.day.to_string()).collect();
        let note = format!("in none of the platform's bills of {}", days.join(", "));
        self.decide(&by_bill, owed, &note, "reconcile --accept bill").await?;
        for (activity, keys) in not_issued {
            let note = format!("the platform counts no coupon of activity {activity} beside those that it confirmed");
            self.decide(&keys, owed, &note, "reconcile --accept count").await?;
        }
        for (activity, keys) in issued {
            let note = format!("the platform counts as many coupons of activity {activity} as were sent");
            self.decide(&keys, Resolution::Issued, &note, "reconcile --accept count")
                .await?;
        }
        Ok(())
    }

    async fn decide(
        &mut self,
        keys: &[DeliveryKey],
        to: Resolution,
        note: &str,
        selection: &str,
    ) -> Result<(), AppError> {
        for keys in keys.chunks(Fact::CHUNK) {
            let decision = ManualDecision {
                at: self.now(),
                by: person_of(&self.request.by),
                note: note.to_owned(),
                from: StateName::InDoubt,
                to,
                selection: selection.to_owned(),
            };
            let fact = Fact::Decided {
                keys: keys.to_vec(),
                decision: Box::new(decision),
            };
            self.ledger.append(vec![fact]).await?;
            for key in keys {
                self.open.remove(key);
                self.compared.accepted.push((*key, to));
            }
        }
        Ok(())
    }

    fn end(mut self) -> Compared {
        self.compared.last_attempt = self.facts.last_attempts.values().max().copied();
        let state = self.ledger.state();
        self.compared.open = std::mem::take(&mut self.open)
            .into_iter()
            .map(|(key, why)| OpenDelivery {
                key,
                state: state.state_name(key),
                why,
            })
            .collect();
        self.compared
    }
}

/// The person, as decisions name one: `user@host`, or `name (user@host)`.
fn person_of(actor: &Actor) -> String {
    let from = format!("{}@{}", actor.user, actor.host);
    if actor.name == actor.user {
        from
    } else {
        format!("{} ({from})", actor.name)
    }
}

/// A comparison that can begin: this process has the ledger.
pub struct Comparison<'c> {
    campaign: &'c LoadedCampaign,
    locked: LockedLedger,
    witnesses: CampaignWitnesses,
    ledger: Ledger<CampaignStore>,
    ledger_id: String,
}

impl<'c> Comparison<'c> {
    /// Takes the ledger. What a killed run left in flight is in doubt from then on.
    ///
    /// # Errors
    /// When there is no ledger, or another process has it.
    pub async fn begin(campaign: &'c LoadedCampaign) -> Result<Self, AppError> {
        let no_ledger = || readonly_ledger::no_ledger(campaign);
        if readonly_ledger::manifest(campaign).await?.is_none() {
            return Err(no_ledger());
        }
        if let Some(other) = find_other_ledger::find(campaign)? {
            return Err(other.into());
        }
        let locked = match LockedLedger::take_to_write(campaign).await {
            Err(AppError::Lock(taken @ LockError::Taken { .. })) => return Err(AppError::ReconcileWhileApplied(taken)),
            locked => locked?,
        };
        let witnesses = CampaignWitnesses::new(campaign);
        let opened = locked.open(&witnesses).await?.ok_or_else(no_ledger)?;
        older_ledger::accepted(&[], opened.older.as_ref())?;
        let OpenLedger { mut ledger, id, .. } = opened;
        ledger.accept_older();
        let timeout = campaign.plan.retry.timeout;
        let now = campaign.environment.clock.now();
        let state = ledger.state();
        if state.counts().count(StateName::InFlight) > 0 {
            let changed = locked.owner_changed(state, now, timeout);
            let first = changed.unwrap_or_else(|| Fact::run_began(now, timeout));
            ledger.append(vec![first]).await?;
        }
        Ok(Self {
            campaign,
            locked,
            witnesses,
            ledger,
            ledger_id: id,
        })
    }

    /// Connects with the platform. In a fleet the app id belongs to this process for a term, with its own limiter.
    ///
    /// # Errors
    /// When another process sends for the app id, or the client cannot be set up.
    pub async fn connect(&self, credentials: Credentials) -> Result<PlatformRecords<HttpWay>, AppError> {
        match self.locked.ownership() {
            Some(ownership) => connect_by(self.campaign, credentials, &ownership.limiter()).await,
            None => connect(self.campaign, credentials).await,
        }
    }

    /// Compares the ledger with the platform's records.
    ///
    /// # Errors
    /// As [`compare`].
    pub async fn compare<R: Records>(
        &mut self,
        records: &R,
        request: &Request,
        notify: &mut (dyn FnMut(Step) + Send),
    ) -> Result<Compared, AppError> {
        let files = BillFiles::new(self.campaign.ledger_dir().bills());
        let compared = compare(&mut self.ledger, records, &files, request, notify).await;
        // Also after an error: what was settled before it is valid.
        let clock = &self.campaign.environment.clock;
        let head = *self.ledger.store().heads().borrow();
        self.witnesses.write(&self.ledger_id, head, clock.now()).await;
        let compared = compared?;
        let reason = Reason::Reconciled {
            found: compared.settled.len() as u64,
            accepted: compared.accepted.len() as u64,
            by: person_of(&request.by),
        };
        let at = rfc3339(clock.now(), &self.campaign.parsed.campaign.timezone);
        status_update::write(&self.locked, &self.campaign.plan, self.ledger.state(), at, reason);
        Ok(compared)
    }

    /// Returns the present state of the ledger.
    #[must_use]
    pub const fn ledger_state(&self) -> &crate::ledger::LedgerState {
        self.ledger.state()
    }

    /// Closes the ledger and releases its lock.
    pub async fn release(self) {
        self.ledger.close().await;
        self.locked.release().await;
    }
}
