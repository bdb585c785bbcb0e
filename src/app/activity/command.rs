//! What a person does about the activity of a campaign: looks at it, asks for more stock, says what the platform's console shows,
//! or releases it. The campaign must not be applied meanwhile.

use std::sync::Arc;

use crate::app::app_lock::{ProcessAppLock, quota_owner};
use crate::app::campaign::LoadedCampaign;
use crate::app::campaign_store::CampaignStore;
use crate::app::error::AppError;
use crate::app::locked_ledger::{LockedLedger, OpenLedger};
use crate::app::process::this_process;
use crate::app::witness::CampaignWitnesses;
use crate::app::{find_other_ledger, older_ledger, readonly_ledger};
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::app_limiter::AppLimiter;
use crate::ledger::{Fact, Ledger, LedgerState};
use crate::model::activity::{ActivityLog, ActivityOrder, ActivityStep, CreatedActivity, DeclaredActivity, Source};
use crate::model::event::{AppLockHolder, Emit, Event};
use crate::model::identity::ActivityId;

use super::{Activities, ActivityError, LivePlatform, ReleaseResult, fact, failed};

/// What is known of the activities of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityView {
    /// What the campaign file declares. `None` if it names an activity that exists.
    pub declared: Option<DeclaredActivity>,
    /// The activities that were asked for.
    pub log: ActivityLog,
    /// How many deliveries under each activity that was created have no known outcome, in the order of the activities.
    pub unknown: Vec<u64>,
}

impl ActivityView {
    /// What a ledger knows.
    #[must_use]
    pub fn new(declared: Option<DeclaredActivity>, state: &LedgerState) -> Self {
        let log = state.activities_asked_for().clone();
        let created = log.created().iter();
        let unknown = created.map(|created| state.unknown_under(&created.activity_id));
        Self {
            unknown: unknown.collect(),
            declared,
            log,
        }
    }
}

/// Reads what is known of the activities of a campaign, also while it is applied.
///
/// # Errors
/// If the ledger cannot be read.
pub async fn view(campaign: &LoadedCampaign) -> Result<ActivityView, AppError> {
    let declared = campaign.plan.activity.clone();
    let Some(mut view) = readonly_ledger::open(campaign).await? else {
        return Ok(ActivityView {
            declared,
            log: ActivityLog::default(),
            unknown: Vec::new(),
        });
    };
    view.release().await;
    Ok(ActivityView::new(declared, view.ledger.state()))
}

/// Records what a person found in the platform's console: the activity of the open request, or that there is none.
///
/// # Errors
/// If no request is open, or the ledger cannot be written.
pub async fn answer(campaign: &LoadedCampaign, found: Option<ActivityId>, by: &str) -> Result<ActivityView, AppError> {
    let mut opened = OpenedLedger::open(campaign).await?;
    let step = match step_of_answer(opened.ledger.state().activities_asked_for(), found, by) {
        Ok(step) => step,
        Err(error) => return Box::pin(opened.refuse(error)).await,
    };
    opened
        .append(vec![fact(step, campaign.environment.clock.now())])
        .await?;
    Ok(Box::pin(opened.close()).await)
}

/// Returns the step that records what a person found in the platform's console.
///
/// # Errors
/// If no request is open, or the campaign has had this activity before.
pub fn step_of_answer(log: &ActivityLog, found: Option<ActivityId>, by: &str) -> Result<ActivityStep, ActivityError> {
    let open = log.open().ok_or(ActivityError::NothingOpen)?;
    let Some(activity_id) = found else {
        return Ok(ActivityStep::Dismissed(by.to_owned()));
    };
    if log.created().iter().any(|known| known.activity_id == activity_id) {
        let order = open.order.clone();
        return Err(ActivityError::Same { order, activity_id });
    }
    let source = Source::Person(by.to_owned());
    Ok(ActivityStep::Created { activity_id, source })
}

/// Returns what `--add` would ask the platform for.
///
/// # Errors
/// If the file declares no activity, if there is none yet, or if another request is open.
pub fn order_of_more(view: &ActivityView, stock: u64) -> Result<ActivityOrder, ActivityError> {
    let declared = view.declared.as_ref().ok_or(ActivityError::NoneDeclared)?;
    match (view.log.newest(), view.log.open()) {
        (None, _) => Err(ActivityError::NoneCreated),
        (Some(_), Some(open)) if open.may_exist() && open.order.stock != stock => {
            let order = open.order.clone();
            Err(ActivityError::Open { order })
        }
        (Some(_), Some(open)) if open.may_exist() => Ok(open.order.clone()),
        (Some(_), _) => Ok(declared.order(view.log.next_number(), stock)),
    }
}

/// Creates one more activity, with this stock.
///
/// # Errors
/// If it may not be created now, or the platform does not create it.
pub async fn add(campaign: &LoadedCampaign, credentials: Credentials, stock: u64) -> Result<CreatedActivity, AppError> {
    let client = Caller::new(campaign, credentials)?;
    let mut opened = OpenedLedger::open(campaign).await?;
    let order = match order_of_more(&opened.view(), stock) {
        Ok(order) => order,
        Err(error) => return Box::pin(opened.refuse(error)).await,
    };
    let created = opened
        .call(&client, async |mut activities| activities.create(&order).await)
        .await;
    Box::pin(opened.close()).await;
    created.map_err(|error| failed(campaign, error))
}

/// Releases the newest activity.
///
/// # Errors
/// If something may still need it, or the ledger cannot be written.
pub async fn release(
    campaign: &LoadedCampaign,
    credentials: Credentials,
) -> Result<(ActivityView, ReleaseResult), AppError> {
    let client = Caller::new(campaign, credentials)?;
    let mut opened = OpenedLedger::open(campaign).await?;
    let released = opened
        .call(&client, async |mut activities| activities.release().await)
        .await;
    let view = Box::pin(opened.close()).await;
    let released = released.map_err(|error| failed(campaign, error))?;
    Ok((view, released))
}

/// The client for requests about activities, outside of a run.
struct Caller {
    client: HttpPlatform,
    limiter: Arc<AppLimiter>,
}

impl Caller {
    fn new(campaign: &LoadedCampaign, credentials: Credentials) -> Result<Self, AppError> {
        let plan = &campaign.plan;
        let clock = &campaign.environment.clock;
        let client = HttpPlatform::new(Config {
            base_url: plan.base_url.clone(),
            app_id: plan.identity.app_id.clone(),
            tokens: Tokens::new(credentials, clock.clone()),
            codes: Codes::new(plan.codes.clone()),
            timeout: plan.retry.timeout,
            clock: clock.clone(),
            emit: Arc::new(|_: Event| {}) as Arc<dyn Emit>,
        })?;
        let owner = this_process(clock.now());
        let lock = ProcessAppLock::new(quota_owner(&plan.base_url), plan.identity.app_id.clone(), owner);
        Ok(Self {
            client,
            limiter: AppLimiter::new(lock),
        })
    }
}

/// The ledger of a campaign that nobody applies.
struct OpenedLedger<'c> {
    campaign: &'c LoadedCampaign,
    locked: LockedLedger,
    witnesses: CampaignWitnesses,
    ledger: Ledger<CampaignStore>,
    id: String,
}

impl<'c> OpenedLedger<'c> {
    async fn open(campaign: &'c LoadedCampaign) -> Result<Self, AppError> {
        let no_ledger = || readonly_ledger::no_ledger(campaign);
        if readonly_ledger::manifest(campaign).await?.is_none() {
            return Err(no_ledger());
        }
        if let Some(other) = find_other_ledger::find(campaign)? {
            return Err(other.into());
        }
        let locked = Box::pin(LockedLedger::take_to_write(campaign)).await?;
        let witnesses = CampaignWitnesses::new(campaign);
        let opened = locked.open(&witnesses).await?.ok_or_else(no_ledger)?;
        older_ledger::accepted(&[], opened.older.as_ref())?;
        let OpenLedger { mut ledger, id, .. } = opened;
        ledger.accept_older();
        Ok(Self {
            campaign,
            locked,
            witnesses,
            ledger,
            id,
        })
    }

    fn view(&self) -> ActivityView {
        ActivityView::new(self.campaign.plan.activity.clone(), self.ledger.state())
    }

    async fn append(&mut self, facts: Vec<Fact>) -> Result<(), AppError> {
        self.ledger.append(facts).await?;
        Ok(())
    }

    async fn call<T>(
        &mut self,
        caller: &Caller,
        request: impl AsyncFnOnce(Activities<'_, CampaignStore, LivePlatform<'_>>) -> T,
    ) -> T {
        let plan = &self.campaign.plan;
        // In a fleet the app id belongs to this process for a term, with its own limiter.
        let limiter = match self.locked.ownership() {
            Some(ownership) => ownership.limiter(),
            None => Arc::clone(&caller.limiter),
        };
        let waits = |_: &AppLockHolder| {};
        let live = LivePlatform::new(&caller.client, &limiter, plan, &waits);
        let activities = Activities {
            ledger: &mut self.ledger,
            platform: &live,
            retry: &plan.retry,
            clock: &self.campaign.environment.clock,
        };
        request(activities).await
    }

    /// Closes the ledger, and returns what it knows.
    async fn close(self) -> ActivityView {
        let view = self.view();
        let head = *self.ledger.store().heads().borrow();
        let now = self.campaign.environment.clock.now();
        self.witnesses.write(&self.id, head, now).await;
        self.ledger.close().await;
        self.locked.release().await;
        view
    }

    async fn refuse<T>(self, error: ActivityError) -> Result<T, AppError> {
        let error = failed(self.campaign, error);
        Box::pin(self.close()).await;
        Err(error)
    }
}
