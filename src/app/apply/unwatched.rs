//! Applies one campaign for a program that calls the library: nobody watches the run, and only other processes can stop it.

use std::sync::Arc;

use crate::app::{AppError, CampaignRef, Environment};
use crate::campaign::{self, Diagnostic};
use crate::control::ControlServer;
use crate::plan::RunOptions;
use crate::report::reporter::{Display, Outputs, ProgressDisplay, ReportedRun};
use crate::report::run_view::CampaignInfo;

use super::load::{Prepared, ReadFile, ReadyCampaign, UnusableFile, prepare};
use super::{ApplyRequest, RunResult, RunSetup, start_fake_platform};

/// Why a campaign was not applied.
#[derive(Debug, thiserror::Error)]
pub enum UnwatchedError {
    /// Its file has mistakes.
    #[error("{}", campaign::render_human(.0, false))]
    Mistakes(Vec<Diagnostic>),
    /// It cannot be applied, or its run failed.
    #[error(transparent)]
    App(#[from] Box<AppError>),
    /// The threads that report it cannot be started.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<AppError> for UnwatchedError {
    fn from(error: AppError) -> Self {
        Self::App(Box::new(error))
    }
}

/// Applies the campaign until its run ends. A rehearsal inside the process gets a fake platform for that time.
pub async fn apply_unwatched(at: CampaignRef, environment: &Environment) -> Result<RunResult, UnwatchedError> {
    let parsed = at.file.load().map_err(UnwatchedError::Mistakes)?;
    let fake_platform = start_fake_platform(&at.rehearsal).await?;
    let options = RunOptions {
        sandbox: fake_platform.as_ref().map(|running| running.base_url().to_owned()),
        ..RunOptions::default()
    };
    let file = ReadFile {
        at,
        parsed: Some(parsed),
    };
    let mut setups = Vec::new();
    for prepared in prepare(vec![file], &options, environment) {
        match prepared {
            Prepared::Ready(campaign) => setups.push(unwatched(*campaign)?),
            Prepared::Unusable(UnusableFile { error: Some(error), .. }) => return Err(error.into()),
            Prepared::Unusable(UnusableFile { mistakes, .. }) => return Err(UnwatchedError::Mistakes(mistakes)),
        }
    }
    let mut results = super::apply(ApplyRequest::default(), setups, |_, result| result).await;
    if let Some(fake_platform) = fake_platform {
        fake_platform.stop().await;
    }
    Ok(results.pop().unwrap_or(Ok(RunResult::Declined))?)
}

/// Connects a run to nothing.
fn unwatched(campaign: ReadyCampaign) -> std::io::Result<RunSetup> {
    let loaded = &campaign.loaded;
    let info = CampaignInfo {
        name: campaign.name.clone(),
        zone: loaded.parsed.campaign.timezone.clone(),
        calendar: loaded.plan.schedule.hours.clone(),
        per_second: loaded.plan.pace.per_second,
        again: String::new(),
    };
    let run = ReportedRun {
        campaign: info,
        metrics: None,
        listener: None,
    };
    let outputs = Outputs {
        progress: ProgressDisplay::Silent,
        json: None,
        events: None,
    };
    let (_, reporters) = Display::start(vec![run], outputs, &loaded.environment.clock)?;
    let reporter = reporters.into_iter().next().ok_or(std::io::ErrorKind::Other)?;
    Ok(RunSetup {
        campaign,
        server: ControlServer::default(),
        reporter: Arc::new(reporter),
        notices: None,
    })
}
