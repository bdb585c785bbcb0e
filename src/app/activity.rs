//! Creates the activity that a campaign declares, and releases what is left of it.
//!
//! The ledger records each request before it leaves and each answer, so an interrupted creation goes on with the same request
//! and the same idempotency key. Only a person makes a second activity.

pub mod command;
pub mod error;
mod live;

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use crate::douyin::activity::{ActivityAnswer, ActivityRequest};
use crate::douyin::wire::{CreateActivityRequest, DeleteActivityRequest};
use crate::ledger::{Fact, Ledger, LedgerError, LedgerState, Store};
use crate::model::activity::{
    ActivityLog, ActivityOrder, ActivityStep, AnswerNote, CreatedActivity, DeclaredActivity, MerchantActivityId,
    Release, ReleaseRule, Source,
};
use crate::model::clock::Clock;
use crate::model::delivery::StateName;
use crate::model::identity::{ActivityId, Identity};
use crate::model::mutants::mutant;
use crate::plan::{Plan, Retry};
use crate::report::plan_view::StockNote;

use super::campaign::LoadedCampaign;
use super::error::AppError;

pub use error::ActivityError;
pub use live::LivePlatform;

/// The platform as requests about activities reach it.
pub trait ActivityPlatform: Sync {
    /// What a request needs, such as an access token and the app lock.
    type Ready: Send;

    /// Waits until a request may leave. Nothing is recorded before that.
    ///
    /// # Errors
    /// What prevents it.
    fn ready(&self) -> impl Future<Output = Result<Self::Ready, NotReady>> + Send;

    /// Makes one request, which the ledger has recorded.
    fn request(&self, ready: Self::Ready, request: &ActivityRequest) -> impl Future<Output = ActivityAnswer> + Send;
}

/// Why no request about an activity can leave now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// Whether it may pass in a moment.
    pub is_passing: bool,
    /// What prevents it.
    pub why: String,
}

/// What an apply has to do about the activity of its campaign before it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: the campaign sends under this activity.
    Send(ActivityId),
    /// This activity has to be created.
    Create(ActivityOrder),
    /// Nothing can be sent: the activity was released.
    Released(ActivityId),
}

/// Returns what an apply has to do before it sends.
#[must_use]
pub fn next_step(log: &ActivityLog, declared: &DeclaredActivity) -> NextStep {
    match (log.newest(), log.open()) {
        (Some(newest), _) if newest.is_open() || mutant!(SentAfterRelease) => {
            NextStep::Send(newest.activity_id.clone())
        }
        (Some(newest), _) => NextStep::Released(newest.activity_id.clone()),
        // With other numbers, the answer would not say whether the first request created anything.
        (None, Some(open)) if open.may_exist() && !mutant!(LostCreatedAgain) => NextStep::Create(open.order.clone()),
        (None, _) => NextStep::Create(declared.order(log.next_number(), declared.stock)),
    }
}

/// What an apply does about the activity of its campaign once it knows how much there is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeforeSends {
    /// The apply goes on with this activity.
    GoOn(ActivityId),
    /// The apply creates this activity first.
    Create(ActivityOrder),
}

/// Decides what an apply does before it sends to `to_send` deliveries that are owed or in doubt. If there are none, it creates
/// nothing.
///
/// # Errors
/// If the activity was released and something is to be sent.
pub fn before_sends(
    log: &ActivityLog,
    declared: &DeclaredActivity,
    to_send: u64,
) -> Result<BeforeSends, ActivityError> {
    match next_step(log, declared) {
        NextStep::Send(activity_id) => Ok(BeforeSends::GoOn(activity_id)),
        NextStep::Released(activity_id) if to_send == 0 => Ok(BeforeSends::GoOn(activity_id)),
        NextStep::Released(activity_id) => Err(ActivityError::Released { activity_id }),
        NextStep::Create(_) if to_send == 0 => Ok(BeforeSends::GoOn(ActivityId::not_created())),
        NextStep::Create(order) => Ok(BeforeSends::Create(order)),
    }
}

/// Returns the facts that a plan and a simulation suppose: the activity exists, under an id that nothing is sent under.
#[must_use]
pub fn supposed(plan: &Plan, ledger_state: &LedgerState, at: Timestamp) -> Vec<Fact> {
    let Some(declared) = &plan.activity else {
        return Vec::new();
    };
    let NextStep::Create(order) = next_step(ledger_state.activities_asked_for(), declared) else {
        return Vec::new();
    };
    let created = ActivityStep::Created {
        activity_id: ActivityId::not_created(),
        source: Source::Platform { log_id: String::new() },
    };
    [ActivityStep::Intended(order), created]
        .map(|step| fact(step, at))
        .into()
}

/// Returns the stock of the activity that the campaign declares, in a ledger that may suppose it. `None` if the file names an
/// activity.
#[must_use]
pub fn stock(plan: &Plan, ledger_state: &LedgerState) -> Option<StockNote> {
    let declared = plan.activity.as_ref()?;
    let newest = ledger_state.activities_asked_for().newest()?;
    let unknown = ledger_state.unknown_under(&newest.activity_id);
    Some(StockNote {
        number: newest.order.number,
        is_new: newest.activity_id.is_not_created(),
        stock: newest.order.stock,
        left: newest.order.stock.saturating_sub(newest.issued + unknown),
        used_up_at: None,
        is_released: declared.release == ReleaseRule::WhenSettled,
    })
}

/// Whether the campaign file wants the activity released, and nothing needs it any more.
#[must_use]
pub fn is_release_due(declared: &DeclaredActivity, ledger_state: &LedgerState) -> bool {
    let newest = ledger_state.activities_asked_for().newest();
    declared.release == ReleaseRule::WhenSettled
        && newest.is_some_and(|newest| newest.release != Release::Done)
        && unsettled(ledger_state) == 0
}

/// Returns the error of a use case about a campaign's activity.
#[must_use]
pub fn failed(campaign: &LoadedCampaign, error: ActivityError) -> AppError {
    let Identity {
        campaign: name, app_id, ..
    } = &campaign.plan.identity;
    let key = error
        .order()
        .map(|order| MerchantActivityId::derive(name, app_id, order.number));
    AppError::Activity {
        at: Box::new(campaign.at.clone()),
        key: key.map(|key| key.to_string()).unwrap_or_default(),
        error: Box::new(error),
    }
}

/// How many deliveries may still need the activity: those without a final outcome, also while their users are skipped.
fn unsettled(ledger_state: &LedgerState) -> u64 {
    let counts = ledger_state.counts();
    let open = [
        StateName::Pending,
        StateName::InFlight,
        StateName::Deferred,
        StateName::InDoubt,
        StateName::Held,
    ];
    #[allow(clippy::match_same_arms, reason = "without mutants, each of them is false")]
    let is_ignored = |state: &StateName| match state {
        StateName::InDoubt => mutant!(ReleaseIgnoresDoubt),
        StateName::Held => mutant!(ReleaseIgnoresHeld),
        _ => false,
    };
    let open = open.into_iter().filter(|state| !is_ignored(state));
    let counted: u64 = open.map(|state| counts.count(state)).sum();
    if mutant!(ReleaseIgnoresHeld) {
        return counted;
    }
    counted + ledger_state.held_while_skipped()
}

fn fact(step: ActivityStep, at: Timestamp) -> Fact {
    Fact::Activity {
        at,
        step: Box::new(step),
    }
}

/// Makes requests about the activities of one campaign, and records them.
pub struct Activities<'a, S, P> {
    /// The ledger of the campaign.
    pub ledger: &'a mut Ledger<S>,
    /// The platform.
    pub platform: &'a P,
    /// The rules for repeats.
    pub retry: &'a Retry,
    /// The wall clock.
    pub clock: &'a Clock,
}

/// What became of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseResult {
    /// What was left of the stock is in the template again.
    Released(ActivityId),
    /// It was released before.
    Before,
    /// It is not released, or nobody knows. The next apply asks again.
    NotReleased(AnswerNote),
}

impl<S: Store, P: ActivityPlatform> Activities<'_, S, P> {
    /// Creates an activity. Repeats the same request until an answer says what happened, at most `retry.attempts` times.
    ///
    /// # Errors
    /// If the platform refuses it, if its answer is not clear, or if there is none.
    pub async fn create(&mut self, order: &ActivityOrder) -> Result<CreatedActivity, ActivityError> {
        let request = CreateActivityRequest::new(self.ledger.state().identity(), order);
        let request = ActivityRequest::Create(request);
        self.wait_for_earlier().await;
        let mut note = AnswerNote::default();
        let mut attempts = 0..self.retry.attempts;
        while let Some(ready) = self.next_try(&mut attempts, &mut note).await {
            self.record(ActivityStep::Intended(order.clone())).await?;
            let began = tokio::time::Instant::now();
            match self.platform.request(ready, &request).await {
                ActivityAnswer::Done {
                    activity_id: Some(activity_id),
                    log_id,
                } => return self.created(order, activity_id, log_id).await,
                ActivityAnswer::Done { activity_id: None, .. } => {
                    self.record(ActivityStep::Unknown(AnswerNote::default())).await?;
                }
                ActivityAnswer::NotDone { is_passing, note: why } => {
                    self.record(ActivityStep::NotCreated(why.clone())).await?;
                    let may_exist = self.open_may_exist();
                    let order = order.clone();
                    note = why;
                    match (is_passing, may_exist) {
                        (true, _) => {}
                        (false, false) => return Err(ActivityError::Refused { order, note }),
                        (false, true) => return Err(ActivityError::Unclear { order, note }),
                    }
                }
                ActivityAnswer::Unknown { is_passing, note: why } => {
                    self.record(ActivityStep::Unknown(why.clone())).await?;
                    note = why;
                    if !is_passing {
                        let order = order.clone();
                        return Err(ActivityError::Unclear { order, note });
                    }
                    // The request may still be on its way.
                    tokio::time::sleep_until(began + self.retry.timeout).await;
                }
            }
        }
        let order = order.clone();
        Err(ActivityError::Unanswered { order, note })
    }

    /// Gives what is left of the newest activity back to its template. The caller has checked that nothing needs it.
    ///
    /// # Errors
    /// If there is no activity, or the ledger fails.
    pub async fn release(&mut self) -> Result<ReleaseResult, ActivityError> {
        let log = self.ledger.state().activities_asked_for();
        let newest = log.newest().ok_or(ActivityError::NoneCreated)?;
        let activity_id = newest.activity_id.clone();
        if newest.release == Release::Done {
            return Ok(ReleaseResult::Before);
        }
        let left = unsettled(self.ledger.state());
        if left > 0 {
            return Err(ActivityError::NotSettled { left });
        }
        let request = ActivityRequest::Delete(DeleteActivityRequest {
            app_id: self.ledger.state().identity().app_id.to_string(),
            activity_id: activity_id.to_string(),
        });
        let mut note = AnswerNote::default();
        let mut attempts = 0..self.retry.attempts;
        while let Some(ready) = self.next_try(&mut attempts, &mut note).await {
            self.record(ActivityStep::ReleaseIntended).await?;
            let is_passing = match self.platform.request(ready, &request).await {
                ActivityAnswer::Done { log_id, .. } => {
                    self.record(ActivityStep::Released { log_id }).await?;
                    return Ok(ReleaseResult::Released(activity_id));
                }
                ActivityAnswer::NotDone { is_passing, note: why } => {
                    self.record(ActivityStep::NotReleased(why.clone())).await?;
                    note = why;
                    is_passing
                }
                ActivityAnswer::Unknown { is_passing, note: why } => {
                    self.record(ActivityStep::ReleaseUnknown(why.clone())).await?;
                    note = why;
                    is_passing
                }
            };
            if !is_passing {
                break;
            }
        }
        Ok(ReleaseResult::NotReleased(note))
    }

    async fn created(
        &mut self,
        order: &ActivityOrder,
        activity_id: ActivityId,
        log_id: String,
    ) -> Result<CreatedActivity, ActivityError> {
        let log = self.ledger.state().activities_asked_for();
        if log.created().iter().any(|known| known.activity_id == activity_id) {
            let note = AnswerNote {
                code: Some(0),
                message: activity_id.to_string(),
                log_id,
            };
            self.record(ActivityStep::Unknown(note)).await?;
            let order = order.clone();
            return Err(ActivityError::Same { order, activity_id });
        }
        let source = Source::Platform { log_id };
        self.record(ActivityStep::Created { activity_id, source }).await?;
        let created = self.ledger.state().activities_asked_for().newest();
        created.cloned().ok_or(ActivityError::NoneCreated)
    }

    /// Waits until the request of an earlier process has certainly ended.
    async fn wait_for_earlier(&self) {
        let open = self.ledger.state().activities_asked_for().open();
        let Some(asked_at) = open.filter(|open| open.is_attempting).and_then(|open| open.asked_at) else {
            return;
        };
        let since = self.clock.now().duration_since(asked_at);
        // A clock that was set back or forward makes the wait no longer than the timeout.
        let since = Duration::try_from(since).unwrap_or_default();
        tokio::time::sleep(self.retry.timeout.saturating_sub(since)).await;
    }

    fn open_may_exist(&self) -> bool {
        let open = self.ledger.state().activities_asked_for().open();
        open.is_some_and(crate::model::activity::OpenOrder::may_exist)
    }

    /// Waits until the next request may leave. `None` if none may: `note` says why, or `attempts` are used up.
    async fn next_try(&self, attempts: &mut Range<u32>, note: &mut AnswerNote) -> Option<P::Ready> {
        for attempt in attempts {
            self.pause(attempt).await;
            match self.platform.ready().await {
                Ok(ready) => return Some(ready),
                Err(not_ready) => {
                    *note = not_ready.note();
                    if !not_ready.is_passing {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Waits before a repeat.
    async fn pause(&self, attempt: u32) {
        if attempt > 0 {
            let doubled = self.retry.first_delay * (1 << (attempt - 1).min(16));
            tokio::time::sleep(doubled.min(self.retry.max_delay)).await;
        }
    }

    async fn record(&mut self, step: ActivityStep) -> Result<(), LedgerError> {
        let at = self.ledger.state().present(self.clock.now());
        self.ledger.append(vec![fact(step, at)]).await.map(drop)
    }
}

impl NotReady {
    fn note(&self) -> AnswerNote {
        AnswerNote {
            message: self.why.clone(),
            ..AnswerNote::default()
        }
    }
}

#[cfg(test)]
mod tests;
