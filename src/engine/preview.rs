//! A preview of a run, computed with the run's own queue. Sends and writes nothing.

mod expiry;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::ledger::{Ledger, LedgerError, LedgerState, Store};
use crate::model::calendar::Day;
use crate::model::clock::{Moment, later};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, State, StateName};
use crate::model::identity::{ActivityId, OpenId};
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::plan::Plan;
use crate::plan::forecast::expiry::Comparison;
use crate::plan::forecast::{ANSWER, Load, StartTimes, WaveLoad, after_taking};

use super::audience_diff::Changes;
use super::eligibility::{activity_of, due_in};
use super::limits::waves::{self, Waves};
use super::queue::{Pick, Queue};
use super::send_order::{Dates, SendOrder};

/// A preview of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Doubts that would be resent with the same id.
    pub resent: u64,
    /// Doubts that wait for a person.
    pub waiting: u64,
    /// Owed after an earlier coupon of the same user that is held or in doubt and waits for a person.
    pub behind: u64,
    /// When the first delivery is due. `Timestamp::MIN` if one is due now.
    pub first_due: Timestamp,
    /// When the last delivery that was attempted before is due. `Timestamp::MIN` if there is none.
    pub last_due: Timestamp,
    /// Attempts that began on the present day.
    pub begun_today: u64,
    /// The load of each wave. Empty without waves.
    pub waves: Vec<WaveLoad>,
    /// The waves, by number, whose deliveries all expire before their turn.
    pub expired_waves: Vec<Option<u32>>,
    /// Recipients that expire before their turn, in both orders. `None` for a campaign without `active_within`.
    pub lapse: Option<Comparison>,
    /// The first deliveries, in order. A user's next coupon is not among them until the one before it is issued, which depends
    /// on the platform.
    pub first: Vec<Due>,
}

impl Preview {
    /// The load of a forecast for `to_send` attempts.
    #[must_use]
    pub fn load(&self, to_send: u64) -> Load {
        Load {
            to_send,
            first_due: self.first_due,
            last_due: self.last_due,
            begun_today: self.begun_today,
            waves: self.waves.clone(),
            expired_waves: self.expired_waves.clone(),
        }
    }
}

/// A delivery that would be attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The delivery.
    pub key: DeliveryKey,
    /// The user.
    pub open_id: OpenId,
    /// The activity.
    pub activity_id: ActivityId,
    /// The idempotency key.
    pub merchant_coupon_id: MerchantCouponId,
}

/// Admits an audience as supposed facts, and previews a run up to its first `most` deliveries. Admits at most `most`
/// newcomers, because a run treats the others alike.
///
/// # Errors
/// If the changes contradict the ledger.
pub fn foresee<S: Store>(
    plan: &Plan,
    ledger: &mut Ledger<S>,
    (changes, send_order): (Changes, SendOrder),
    now: Timestamp,
    most: usize,
) -> Result<Preview, LedgerError> {
    let most = usize::try_from(plan.run.at_most).map_or(most, |allowed| most.min(allowed));
    // At least one, so that a newcomer counts as due now.
    let changes = match (send_order.order(), plan.schedule.waves.as_slice()) {
        // Any newcomer may be among the first, or in any wave.
        (Some(_), _) | (_, [_, ..]) => changes,
        (None, []) => changes.with_newcomers(ledger.state().recipients(), most.max(1)),
    };
    for batch in changes.into_batches() {
        ledger.suppose(&batch?)?;
    }
    Ok(preview(plan, ledger.state(), send_order, now, most))
}

/// Previews a run that begins now, up to its first `most` deliveries.
fn preview(plan: &Plan, ledger_state: &LedgerState, mut send_order: SendOrder, now: Timestamp, most: usize) -> Preview {
    // Ages and waits count from the present. The run follows the wall clock, which may have been set back.
    let begins = plan.schedule.turns(now);
    let at = ledger_state.present(begins);
    let began = Moment::awake(at, Instant::now());
    let mut queue = Queue::new(plan, ledger_state, send_order.take_order(), began);
    let mut preview = Preview {
        resent: 0,
        waiting: 0,
        behind: 0,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: ledger_state.begun_since(Day::new(ledger_state.present(now), &plan.schedule.zone).begins),
        waves: waves::loads(plan, ledger_state, &queue, begins, at),
        expired_waves: Vec::new(),
        lapse: None,
        first: Vec::new(),
    };
    let mut again = Vec::new();
    for (key, status) in ledger_state.unsettled() {
        let goes = match (status.state, status.doubt) {
            (State::Deferred { .. }, _) => true,
            (State::InDoubt, Some(doubt)) => {
                let resendable = queue.resendable(ledger_state, key, &doubt, at);
                preview.resent += u64::from(resendable);
                preview.waiting += u64::from(!resendable);
                resendable
            }
            _ => false,
        };
        if let Some(left) = due_in(plan, &status, at).filter(|_| goes) {
            let due = later(begins, left);
            preview.last_due = preview.last_due.max(due);
            again.push((due, key, status.doubt.is_some()));
        }
    }
    let mut waves = Waves::new(plan, ledger_state, &queue, began);
    waves.go_on(plan, ledger_state, &mut queue, began);
    if let Some(due) = queue.next_due()
        && !waves.is_waiting()
        && !queue.has_next(ledger_state, began, Pick::Send)
    {
        preview.first_due = later(begins, due.saturating_duration_since(began.instant));
    }
    preview.behind = behind(plan, ledger_state, &queue, at);
    // Larger than any wave.
    let load = preview.load(u64::from(ledger_state.recipients()) * u64::from(plan.coupons_per_user));
    let look = expiry::Look {
        plan,
        order: queue.order(),
        starts: StartTimes::new(plan, &load, now),
        waits: &|key| ledger_state.status(key).state == State::Pending && !is_behind(ledger_state, &queue, key, at),
        wave_of: &|user| queue.wave_of(user),
    };
    let dates = Dates::new(&send_order, plan.audience.as_of, now);
    preview.lapse = dates.map(|dates| look.compare(&dates, again));
    if let Some(compared) = &preview.lapse {
        for load in &mut preview.waves {
            let lapsed = compared.planned().by_wave.get(&load.wave).copied();
            let had = load.to_send;
            load.to_send = had.saturating_sub(lapsed.unwrap_or_default());
            if had > 0 && load.to_send == 0 {
                preview.expired_waves.push(load.wave);
            }
        }
    }
    preview.first = first((queue, waves), (plan, ledger_state), began, most);
    preview
}

fn behind(plan: &Plan, ledger_state: &LedgerState, queue: &Queue, at: Timestamp) -> u64 {
    let mut behind = 0;
    if plan.coupons_per_user == 1 {
        return behind;
    }
    for (key, status) in ledger_state.unsettled() {
        if waits_for_person(ledger_state, queue, (key, &status), at) {
            let later = key.ordinal + 1..=plan.coupons_per_user;
            let owed = later.map(|ordinal| ledger_state.status(DeliveryKey { ordinal, ..key }).state.name());
            behind += owed.filter(|name| *name == StateName::Pending).count() as u64;
        }
    }
    behind
}

/// Whether an earlier coupon of the same user waits for a person.
fn is_behind(ledger_state: &LedgerState, queue: &Queue, key: DeliveryKey, at: Timestamp) -> bool {
    (1..key.ordinal).any(|ordinal| {
        let before = DeliveryKey { ordinal, ..key };
        waits_for_person(ledger_state, queue, (before, &ledger_state.status(before)), at)
    })
}

fn waits_for_person(
    ledger_state: &LedgerState,
    queue: &Queue,
    (key, status): (DeliveryKey, &DeliveryStatus),
    at: Timestamp,
) -> bool {
    match (status.state, status.doubt) {
        (State::Held { .. }, _) => true,
        (State::InDoubt, Some(doubt)) => !queue.resendable(ledger_state, key, &doubt, at),
        _ => false,
    }
}

/// The first deliveries of the queue. Like a run, this picks the first before the app lock is taken and the others after its
/// answer. If nothing is due, it waits until something is, or for the next wave.
fn first(
    (mut queue, mut waves): (Queue, Waves),
    (plan, ledger_state): (&Plan, &LedgerState),
    began: Moment,
    most: usize,
) -> Vec<Due> {
    let Some(current) = ledger_state.current_activity() else {
        return Vec::new();
    };
    let mut first = Vec::new();
    let (mut at, mut under_way) = (began, Duration::ZERO);
    while first.len() < most {
        let Some(key) = queue.next(ledger_state, at, Pick::Send) else {
            // A wave ends when its last delivery is answered.
            at = after(at, std::mem::take(&mut under_way));
            waves.go_on(plan, ledger_state, &mut queue, at);
            if queue.has_next(ledger_state, at, Pick::Send) {
                continue;
            }
            let next = [queue.next_due(), waves.due()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next > at.instant) else {
                break;
            };
            at = after(at, next - at.instant);
            waves.go_on(plan, ledger_state, &mut queue, at);
            continue;
        };
        queue.count(key);
        under_way = ANSWER;
        let activity = ledger_state.activity(activity_of(&ledger_state.status(key), current));
        let open_id = OpenId::parse(&ledger_state.open_id(key.recipient)).ok();
        let (Some(activity_id), Some(open_id), Some(merchant_coupon_id)) =
            (activity, open_id, ledger_state.merchant_coupon_id(key))
        else {
            continue;
        };
        first.push(Due {
            key,
            open_id,
            activity_id: activity_id.clone(),
            merchant_coupon_id,
        });
        if first.len() == 1 {
            let taking = after_taking(plan.pace.per_second);
            at = after(at, taking + std::mem::take(&mut under_way));
        }
    }
    first
}

fn after(at: Moment, wait: Duration) -> Moment {
    Moment {
        wall: later(at.wall, wait),
        instant: at.instant + wait,
        age: at.age + wait,
    }
}
