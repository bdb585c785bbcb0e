//! `runner apply`: runs each given campaign in its own task, with its own ledger, lock and socket, and reports the results.
//! A failure of one campaign does not affect the others.

mod campaign_run;
mod confirmation;
mod load;
mod messages;
mod owner;
mod prepare;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::control::ControlServer;
use crate::model::problem::Problem;
use crate::report::reporter::{Display, ReportedRun, Reporter};
use crate::report::run_view::CampaignInfo;

use crate::app::campaign_files;

use super::apply_args::ApplyArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::runtime::block_on;
use super::typed::again;

use self::campaign_run::{CampaignRun, Done};
use self::load::{Campaign, Given};

/// Sends all coupons that the given campaigns still owe.
pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let files = campaign_files::files(&args.files)?;
    args.fit(files.len())?;
    if args.dry.dry_run {
        return super::plan::dry_run(args, context);
    }
    let read = load::read(files, context);
    if let [load::Read { parsed: None, .. }] = read.as_slice() {
        return Ok(Exit::Input);
    }
    block_on(apply(args, context, read))?
}

/// What the runs of one process share.
struct Common {
    args: ApplyArgs,
    context: Context,
    display: Display,
    /// Limits how many campaigns read their ledger and audience at once: one for each core.
    reading: Semaphore,
    /// The interval at which `status.json` is replaced.
    every: Duration,
    /// Whether only one campaign is given.
    alone: bool,
}

impl Common {
    /// Prints a message about a campaign to the user.
    fn talk(&self, campaign: &str, text: &str) {
        if self.alone {
            self.context.talk(&format!("{text}\n"));
        } else {
            self.display.print(format!("{campaign}: {text}"));
        }
    }
}

async fn apply(args: &ApplyArgs, context: &Context, read: Vec<load::Read>) -> Result<Exit, Failure> {
    let alone = read.len() == 1;
    let servers: Vec<_> = read.iter().map(|_| ControlServer::default()).collect();
    owner::heed_signals(servers.clone(), context.console.clone())
        .map_err(|error| Failure::from_error(Problem::System, &error))?;
    let fake_platform = prepare::fake_platform(args).await?;
    let given = load::campaigns(args, context, read, fake_platform.as_ref());
    let (campaigns, unusable) = apart(given);
    if let (true, Some((_, failure))) = (alone, unusable.first()) {
        return failure.clone().map_or(Ok(Exit::Input), Err);
    }
    let plans: Vec<_> = campaigns.iter().map(|campaign| campaign.loaded.plan.as_ref()).collect();
    let metrics = prepare::metrics(args, context, &plans, alone).await?;
    let runs = campaigns.iter().zip(metrics).map(|(campaign, metrics)| ReportedRun {
        campaign: info(campaign),
        metrics,
    });
    let outputs = context.outputs(args.events.as_deref())?;
    let started = Display::start(runs.collect(), outputs, &context.environment.clock);
    let (display, reporters) = started.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let common = Arc::new(Common {
        args: args.clone(),
        context: context.clone(),
        display,
        reading: Semaphore::new(std::thread::available_parallelism().map_or(1, Into::into)),
        every: owner::every(campaigns.len()),
        alone,
    });
    let reporters: Vec<_> = reporters.into_iter().map(Arc::new).collect();
    let ends = all(&common, campaigns, servers, &reporters).await;
    common.display.finish();
    if let Some(fake_platform) = fake_platform {
        fake_platform.stop().await;
    }
    messages::print(&common, &unusable, ends, &reporters)
}

/// Separates the campaigns that can be applied from the files that cannot.
fn apart(given: Vec<Given>) -> (Vec<Campaign>, Vec<(PathBuf, Option<Failure>)>) {
    let mut campaigns = Vec::new();
    let mut unusable = Vec::new();
    for given in given {
        match given {
            Given::Campaign(campaign) => campaigns.push(*campaign),
            Given::Unusable(file, failure) => unusable.push((file, failure)),
        }
    }
    (campaigns, unusable)
}

fn info(campaign: &Campaign) -> CampaignInfo {
    CampaignInfo {
        name: campaign.name.clone(),
        zone: campaign.loaded.parsed.campaign.timezone.clone(),
        calendar: campaign.loaded.plan.schedule.hours.clone(),
        per_second: campaign.loaded.plan.pace.per_second,
        again: again("apply", &campaign.loaded.at),
    }
}

/// The result of a campaign's run, with the campaign's name.
struct End {
    name: String,
    done: Result<Done, Failure>,
}

/// Runs each campaign in its own task until all have ended.
async fn all(
    common: &Arc<Common>,
    campaigns: Vec<Campaign>,
    servers: Vec<ControlServer>,
    reporters: &[Arc<Reporter>],
) -> Vec<End> {
    if !common.alone {
        allow_many_files();
    }
    let (seats, requester) = confirmation::seats(campaigns.len());
    let mut runs = Vec::new();
    for (((campaign, server), reporter), seat) in campaigns.into_iter().zip(servers).zip(reporters).zip(seats) {
        let common = Arc::clone(common);
        let reporter = Arc::clone(reporter);
        let name = campaign.name.clone();
        let end_name = name.clone();
        let file = campaign.loaded.at.file.clone();
        let one = CampaignRun {
            campaign,
            server,
            reporter: Arc::clone(&reporter),
            seat,
        };
        let run = async move {
            let done = watched(campaign_run::apply(Arc::clone(&common), one)).await;
            let done = done.map_err(|failure| if common.alone { failure } else { failure.of_file(&file) });
            messages::end(&common, &reporter, &done);
            End { name, done }
        };
        runs.push((end_name, tokio::spawn(run)));
    }
    requester.ask(common).await;
    let mut ends = Vec::new();
    for (name, run) in runs {
        // A panic of the run itself is caught by `watched`; the code around it is not expected to panic.
        let lost = |error| End {
            name,
            done: Err(defect(&error)),
        };
        ends.push(run.await.unwrap_or_else(lost));
    }
    ends
}

/// Runs `run` in its own task, so that a panic there becomes a failure of this run only.
async fn watched(run: impl Future<Output = Result<Done, Failure>> + Send + 'static) -> Result<Done, Failure> {
    tokio::spawn(run).await.unwrap_or_else(|error| Err(defect(&error)))
}

fn defect(error: &JoinError) -> Failure {
    Failure::new(
        Problem::Defect,
        "the run of this campaign ended in a defect of this program",
    )
    .caused_by(error)
    .help("please report this. what was in flight is in doubt; run the same command again")
}

/// Raises the limit of open files: each campaign has several files and sockets, and the usual limit is too low for many.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::info!("the number of open files stays limited: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_defect_in_one_run_is_that_run_s_failure() {
        let fine = Done {
            exit: Exit::Done,
            broken: None,
        };
        let (broke, went_on) = tokio::join!(
            watched(async { panic!("a defect") }),
            watched(async move {
                tokio::task::yield_now().await;
                Ok(fine)
            })
        );
        assert_eq!(broke.map_err(|failure| failure.exit).err(), Some(Exit::Error));
        assert_eq!(went_on.map(|done| done.exit).ok(), Some(Exit::Done));
    }
}
