//! Applies campaigns: each runs in its own task, with its own ledger, lock and socket. A failure or a defect of one does not
//! affect the others.

mod campaign_run;
pub mod confirmation;
mod count_watch;
mod current_file;
pub mod load;
mod owner;
mod request;
mod unwatched;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::control::ControlServer;
use crate::fake_platform;
use crate::fleet::AppKey;
use crate::model::threads::cores;
use crate::notify::notifier::RunNotices;
use crate::report::reporter::Reporter;

use super::audience_origin::first_missing;
use super::error::AppError;
use super::fleet_worker::FleetWorker;
use super::process::{actor, allow_many_files};
use super::rehearsal::Rehearsal;

use self::campaign_run::{CampaignRun, SharedRun};
use self::load::ReadyCampaign;

pub use self::campaign_run::RunResult;
pub use self::request::ApplyRequest;
pub use self::unwatched::{UnwatchedError, apply_unwatched};

/// A campaign to apply, and what its run is connected to.
pub struct RunSetup {
    /// The campaign.
    pub campaign: ReadyCampaign,
    /// Answers other processes, and stops the run.
    pub server: ControlServer,
    /// Receives the events of the run and keeps its statistics.
    pub reporter: Arc<Reporter>,
    /// Sends notices about the run to the channels of its campaign. `None` without channels.
    pub notices: Option<Arc<RunNotices>>,
}

/// Starts the fake platform of a rehearsal inside this process. `None` unless the rehearsal needs one here.
pub async fn start_fake_platform(rehearsal: &Rehearsal) -> Result<Option<fake_platform::Running>, AppError> {
    if !rehearsal.is_inside() {
        return Ok(None);
    }
    let started = fake_platform::start(fake_platform::Settings::default()).await;
    started.map(Some).map_err(AppError::FakePlatform)
}

/// Runs every campaign until all have ended. Returns what `ended` makes of each result, in the order of the campaigns; it is
/// called with the campaign's position when that campaign ends.
pub async fn apply<T: Send + 'static>(
    request: ApplyRequest,
    setups: Vec<RunSetup>,
    ended: impl Fn(usize, Result<RunResult, AppError>) -> T + Send + Sync + 'static,
) -> Vec<T> {
    allow_many_files();
    let confirm = request.confirm.clone();
    let in_database = setups.iter().find_map(|setup| {
        let loaded = &setup.campaign.loaded;
        Some((loaded.database()?.clone(), loaded.environment.clone()))
    });
    let is_fleet_shared = in_database.as_ref().is_some_and(|(_, own)| own.worker.is_some());
    let lists_are_elsewhere = |setup: &RunSetup| first_missing(&setup.campaign.loaded).is_some();
    let setups: Vec<_> = setups
        .into_iter()
        .map(|setup| (lists_are_elsewhere(&setup), setup))
        .collect();
    let fleet = in_database.map(|(url, environment)| {
        if let Some(worker) = environment.worker {
            return worker;
        }
        let with_lists = setups.iter().filter(|(lists_are_elsewhere, _)| !lists_are_elsewhere);
        let shares = with_lists.map(|(_, setup)| fleet_share(setup));
        Arc::new(FleetWorker::new(&url, environment.witnesses, shares))
    });
    let shared = Arc::new(SharedRun {
        fleet: fleet.clone(),
        is_fleet_shared,
        by: request.by.clone().unwrap_or_else(|| actor(None)),
        request,
        reading: Semaphore::new(cores()),
        status_interval: owner::status_interval(setups.len()),
    });
    let ended = Arc::new(ended);
    let (seats, confirmation) = confirmation::seats(setups.len());
    let mut runs = Vec::new();
    for (place, ((lists_are_elsewhere, setup), seat)) in setups.into_iter().zip(seats).enumerate() {
        let run = CampaignRun {
            campaign: setup.campaign,
            lists_are_elsewhere,
            server: setup.server,
            reporter: setup.reporter,
            notices: setup.notices,
            seat,
        };
        let run = catch_panic(campaign_run::apply(Arc::clone(&shared), run));
        let ended = Arc::clone(&ended);
        runs.push(tokio::spawn(async move { ended(place, run.await) }));
    }
    if let Some(confirm) = confirm {
        confirmation.ask(&*confirm).await;
    }
    let mut ends = Vec::new();
    for (place, run) in runs.into_iter().enumerate() {
        // A panic of the run itself is caught in its task; the code around it is not expected to panic.
        let end = run
            .await
            .unwrap_or_else(|error| ended(place, Err(AppError::RunBroke(error))));
        ends.push(end);
    }
    if let Some(fleet) = fleet.filter(|_| !is_fleet_shared) {
        fleet.leave().await;
    }
    ends
}

/// Returns the app id of a campaign, and how long its requests can take.
fn fleet_share(setup: &RunSetup) -> (AppKey, Duration) {
    let plan = &setup.campaign.loaded.plan;
    (AppKey::of_ledger(&plan.identity), plan.retry.timeout)
}

/// Runs `run` in its own task, so that a panic there becomes an error of this run only.
async fn catch_panic(
    run: impl Future<Output = Result<RunResult, AppError>> + Send + 'static,
) -> Result<RunResult, AppError> {
    tokio::spawn(run)
        .await
        .unwrap_or_else(|error| Err(AppError::RunBroke(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_defect_in_one_run_is_that_run_s_failure() {
        let (broke, went_on) = tokio::join!(
            catch_panic(async { panic!("a defect") }),
            catch_panic(async move {
                tokio::task::yield_now().await;
                Ok(RunResult::Declined)
            })
        );
        assert!(matches!(broke, Err(AppError::RunBroke(_))));
        assert_eq!(went_on.unwrap(), RunResult::Declined);
    }
}
