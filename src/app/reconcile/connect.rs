//! Prepares the questions to the platform: credentials, the lock of the app id, the pace.

use std::sync::Arc;

use jiff::civil::Date;

use crate::app::app_lock::{ProcessAppLock, quota_owner};
use crate::app::campaign::LoadedCampaign;
use crate::app::error::AppError;
use crate::app::process::this_process;
use crate::app::readonly_ledger;
use crate::campaign::BaseUrl;
use crate::douyin::HttpWay;
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::app_limiter::{AppLimiter, NotTaken};
use crate::engine::query_pace::QueryPace;
use crate::model::delivery::ActivityNo;
use crate::model::event::Event;
use crate::model::identity::ActivityId;
use crate::plan::Plan;

use super::known::Facts;
use super::records::PlatformRecords;

/// Connects with the platform of a campaign. Opens no connection yet.
///
/// # Errors
/// When another process sends for the app id, or the client cannot be set up.
pub async fn connect(
    campaign: &LoadedCampaign,
    credentials: Credentials,
) -> Result<PlatformRecords<HttpWay>, AppError> {
    connect_by(campaign, credentials, &own_limiter(campaign)).await
}

/// The limiter of an app id that this process takes for itself.
#[must_use]
pub fn own_limiter(campaign: &LoadedCampaign) -> Arc<AppLimiter> {
    let app_id = campaign.plan.identity.app_id.clone();
    let owner = this_process(campaign.environment.clock.now());
    AppLimiter::new(ProcessAppLock::new(quota_owner(&campaign.plan.base_url), app_id, owner))
}

/// The client of the platform of a campaign, and the pace of its questions. Opens no connection yet.
///
/// # Errors
/// As [`connect`].
pub async fn client_and_pace(
    campaign: &LoadedCampaign,
    credentials: Credentials,
    limiter: &Arc<AppLimiter>,
) -> Result<(Arc<HttpPlatform>, QueryPace), AppError> {
    let plan = &campaign.plan;
    let clock = campaign.environment.clock.clone();
    let pace = QueryPace::take(limiter, plan.pace.per_second, plan.retry.timeout).await;
    let pace = pace.map_err(|error| match error {
        NotTaken::By(holder) => AppError::AppTaken(Box::new(holder)),
        NotTaken::Failed(error) => AppError::NoAppLock(error),
    })?;
    let client = HttpPlatform::new(Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        tokens: Tokens::new(credentials, clock.clone()),
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout,
        clock,
        emit: Arc::new(|_: Event| {}),
    })?;
    Ok((Arc::new(client), pace))
}

/// Like [`connect`], with the limiter of the owner of the app id.
///
/// # Errors
/// As [`connect`].
pub async fn connect_by(
    campaign: &LoadedCampaign,
    credentials: Credentials,
    limiter: &Arc<AppLimiter>,
) -> Result<PlatformRecords<HttpWay>, AppError> {
    if campaign.at.rehearsal.is_inside() {
        return Err(AppError::NoSandbox);
    }
    let (client, pace) = client_and_pace(campaign, credentials, limiter).await?;
    let plan = &campaign.plan;
    let is_platform_here = BaseUrl::parse(&plan.base_url).is_ok_and(|url| url.is_loopback());
    let app_id = plan.identity.app_id.clone();
    Ok(PlatformRecords::new(client, app_id, pace, is_platform_here))
}

/// Connects as a part of a run, by its client and its limiter. Waits for no other process.
///
/// # Errors
/// When another process sends for the app id, or the system refuses the lock.
pub async fn connect_in_run(
    plan: &Plan,
    platform: &Arc<HttpPlatform>,
    limiter: &Arc<AppLimiter>,
) -> Result<PlatformRecords<HttpWay>, NotTaken> {
    let pace = QueryPace::take(limiter, plan.pace.per_second, plan.retry.timeout).await?;
    let is_platform_here = BaseUrl::parse(&plan.base_url).is_ok_and(|url| url.is_loopback());
    let app_id = plan.identity.app_id.clone();
    Ok(PlatformRecords::new(
        Arc::clone(platform),
        app_id,
        pace,
        is_platform_here,
    ))
}

/// What a comparison would ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The activities whose counts would be asked for. Empty without a template in the campaign file.
    pub activities: Vec<ActivityId>,
    /// How many deliveries are in doubt or held, each with a question about its user.
    pub users: u64,
    /// How many issued coupons would be asked for by their ids.
    pub sample: u64,
    /// The days of the bills.
    pub days: Vec<Date>,
}

/// Says what a comparison would ask for. Asks nothing, and adds no fact.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn preview(campaign: &LoadedCampaign, sample: usize) -> Result<Preview, AppError> {
    let mut view = readonly_ledger::open_existing(campaign).await?;
    let facts = Facts::read(&mut view.ledger, campaign.plan.retry.timeout, sample).await?;
    let settings = &campaign.parsed.campaign;
    let state = view.ledger.state();
    let activities = facts
        .accounts
        .keys()
        .filter_map(|no| state.activity(ActivityNo(*no)).cloned());
    let preview = Preview {
        activities: activities.filter(|_| settings.names.coupon_meta_id.is_some()).collect(),
        users: facts.doubts.len() as u64,
        sample: facts.sample.len() as u64,
        days: facts.days(&settings.bill.timezone).into_iter().collect(),
    };
    view.release().await;
    Ok(preview)
}
