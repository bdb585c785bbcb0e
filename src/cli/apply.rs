//! `runner apply`: applies the given campaigns, and shows how their runs go and end.

mod display;
mod messages;
mod metrics;
mod notify;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::app::apply::confirmation::{Answer, Confirm, Question};
use crate::app::apply::load::{Prepared, ReadFile, ReadyCampaign, UnusableFile, prepare};
use crate::app::apply::{self, ApplyRequest, RunSetup, start_fake_platform};
use crate::app::campaign_files::Neighbours;
use crate::app::occurrences::{self, Choice, SingleCampaign};
use crate::app::process;
use crate::catalogue::cli;
use crate::control::ControlServer;
use crate::model::problem::Problem;
use crate::notify::channel::Channel;
use crate::plan::RunOptions;
use crate::report::reporter::{Display, Listener, ReportedRun};
use crate::report::run_view::CampaignInfo;

use super::apply_args::ApplyArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::signals::{self, Signal, SignalTexts};
use super::typed::again;
use super::{load, plan, question};

use self::display::RunDisplay;
use self::messages::{PrintedRun, Unusable};
use self::notify::Notifications;

/// How long the end of a run waits for the reader of its record of events.
const LAST_EVENTS: Duration = Duration::from_secs(3);

/// Sends all coupons that the given campaigns still owe.
pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let files = load::files(&args.files, context)?;
    args.fit(files.len())?;
    if args.dry.dry_run {
        return plan::dry_run(args, context);
    }
    let mut neighbours = Neighbours::default();
    let files: Vec<_> = files
        .iter()
        .map(|file| ReadFile {
            at: args.occurrence.of(context.campaign(file, &args.rehearsal)),
            parsed: load::usable(file, context, &mut neighbours)
                .inspect(|parsed| load::tell_of_lists_here(file, parsed, context)),
        })
        .collect();
    if let [ReadFile { parsed: None, .. }] = files.as_slice() {
        return Ok(Exit::Input);
    }
    // From here on, coupons are sent: no reader of an output may delay that.
    context.console.limit_waits();
    block_on(apply(args, context, files))?
}

async fn apply(args: &ApplyArgs, context: &Context, files: Vec<ReadFile>) -> Result<Exit, Failure> {
    let is_alone = files.len() == 1;
    let servers: Vec<_> = files.iter().map(|_| ControlServer::default()).collect();
    let fake_platform = start_fake_platform(&args.rehearsal.rehearsal()).await?;
    let options = RunOptions {
        at_most: args.at_most,
        no_wait: args.no_wait,
        sandbox: fake_platform.as_ref().map(|running| running.base_url().to_owned()),
    };
    let PreparedFiles {
        campaigns,
        channels,
        unusable,
    } = prepare_files(args, context, files, &options).await;
    // Until here a signal ends the process at once: nothing has begun, and the file of a secret may be a named pipe that gives
    // nothing.
    let timeouts = campaigns.iter().map(|campaign| campaign.loaded.plan.retry.timeout);
    let signalled = stop_on_signal(servers.clone(), timeouts.max().unwrap_or_default(), context)?;
    if let (true, Some(Unusable { failure, .. })) = (is_alone, unusable.first()) {
        return failure.clone().map_or(Ok(Exit::Input), Err);
    }
    if !context.terminal.can_ask && !args.yes && !args.rehearsal.rehearsal().is_on() {
        context.talk(&format!("{}\n", cli::NoQuestion));
    }
    let plans: Vec<_> = campaigns.iter().map(|campaign| campaign.loaded.plan.as_ref()).collect();
    let mut metrics = metrics::publish(args, context, &plans, is_alone).await?;
    let of_campaigns = metrics.of_campaigns(campaigns.len());
    let notifications = Notifications::start(&campaigns, channels, &context.environment.clock)?;
    let runs = campaigns
        .iter()
        .zip(of_campaigns)
        .enumerate()
        .map(|(place, (campaign, metrics))| ReportedRun {
            campaign: info(campaign),
            metrics,
            listener: notifications.of_run(place).map(|notices| notices as Arc<dyn Listener>),
        });
    let outputs = context.outputs(args.events.as_deref())?;
    let events = outputs.events.clone();
    let started = Display::start(runs.collect(), outputs, &context.environment.clock);
    let (display, reporters) = started.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let reporters: Vec<_> = reporters.into_iter().map(Arc::new).collect();
    notifications.warn_by(&reporters);
    let display = Arc::new(RunDisplay {
        context: context.clone(),
        display,
        is_alone,
    });
    let request = ApplyRequest {
        approval: None,
        by: Some(args.by.actor()),
        accept: args.accept.clone(),
        expect: args.expect.clone(),
        fresh: args.fresh,
        yes: args.yes,
        confirm: context.terminal.can_ask.then(|| {
            Arc::new(TerminalConfirm {
                context: context.clone(),
                is_alone,
            }) as Arc<dyn Confirm>
        }),
    };
    let runs = campaigns.iter().zip(&reporters).enumerate();
    let runs: Arc<[_]> = runs
        .map(|(place, (campaign, reporter))| PrintedRun::new(campaign, reporter, notifications.of_run(place)))
        .collect();
    let setups = campaigns.into_iter().zip(servers).zip(&reporters).enumerate();
    let setups = setups.map(|(place, ((mut campaign, server), reporter))| {
        campaign.loaded.environment = display.environment(&campaign.name);
        RunSetup {
            campaign,
            server,
            reporter: Arc::clone(reporter),
            notices: notifications.of_run(place),
        }
    });
    let printed = Arc::clone(&runs);
    let printer = Arc::clone(&display);
    let end = move |place: usize, result| printed[place].end(&printer, result);
    let results = Box::pin(apply::apply(request, setups.collect(), end)).await;
    display.display.finish();
    if let Some(events) = events {
        context.say_missing_events(&events.finish(Instant::now() + LAST_EVENTS));
    }
    if let Some(fake_platform) = fake_platform {
        fake_platform.stop().await;
    }
    metrics.write_last(context).await;
    let ended = messages::print(args, &display, &unusable, &runs, results);
    let served = metrics.lingers(args);
    if served.is_none() && !notifications.is_on() {
        return ended;
    }
    // A reader of the end of the run does not wait for the last messages and for scrapers.
    let exit = ended.unwrap_or_else(|failure| {
        context.show(&failure);
        failure.exit
    });
    if context.output == Output::Json {
        context.lines.flush();
    }
    notifications.finish(context, signalled.clone()).await;
    if let Some(served) = served {
        metrics::serve_end(served, context, signalled).await;
    }
    Ok(exit)
}

/// The files of an apply, of which nothing has begun yet.
struct PreparedFiles {
    campaigns: Vec<ReadyCampaign>,
    /// The channels of each campaign.
    channels: Vec<Vec<Channel>>,
    unusable: Vec<Unusable>,
}

/// Prepares the campaigns that are due, and shows the mistakes of the others.
async fn prepare_files(
    args: &ApplyArgs,
    context: &Context,
    files: Vec<ReadFile>,
    options: &RunOptions,
) -> PreparedFiles {
    let mut campaigns = Vec::new();
    let mut channels = Vec::new();
    let mut unusable = Vec::new();
    let files = due(files, &mut unusable, context).await;
    for prepared in prepare(files, options, &context.environment) {
        match prepared {
            Prepared::Ready(campaign) => match notify::channels(args, &campaign) {
                Ok(found) => {
                    campaigns.push(*campaign);
                    channels.push(found);
                }
                Err(mistakes) => {
                    load::show(&mistakes, context);
                    let file = campaign.loaded.at.file.path().to_owned();
                    unusable.push(Unusable { file, failure: None });
                }
            },
            Prepared::Unusable(UnusableFile { file, mistakes, error }) => {
                load::show(&mistakes, context);
                let failure = error.map(Failure::from);
                unusable.push(Unusable { file, failure });
            }
        }
    }
    PreparedFiles {
        campaigns,
        channels,
        unusable,
    }
}

/// Returns the campaigns that are due: of a recurring campaign the occurrence that the command names, or the one of the moment.
/// Files without one are added to `unusable`.
async fn due(files: Vec<ReadFile>, unusable: &mut Vec<Unusable>, context: &Context) -> Vec<ReadFile> {
    let mut due = Vec::new();
    for ReadFile { at, parsed } in files {
        let file = at.file.path().to_owned();
        let Some(parsed) = parsed else {
            due.push(ReadFile { at, parsed });
            continue;
        };
        match occurrences::resolve(at, parsed, &context.environment, Choice::Due).await {
            Ok((SingleCampaign { at, parsed }, _)) => due.push(ReadFile {
                at,
                parsed: Some(parsed),
            }),
            Err(error) => unusable.push(Unusable {
                file,
                failure: Some(error.into()),
            }),
        }
    }
    due
}

/// Turns the first signal that asks for an end into an order to stop for every campaign. The receiver holds that signal.
fn stop_on_signal(
    servers: Vec<ControlServer>,
    timeout: Duration,
    context: &Context,
) -> Result<watch::Receiver<Option<Signal>>, Failure> {
    let texts = (context.output == Output::Human).then_some(SignalTexts { timeout });
    let listening = signals::listen(context.console.clone(), texts);
    let mut first = listening.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let signalled = first.clone();
    tokio::spawn(async move {
        if let Ok(Some(signal)) = first.wait_for(Option::is_some).await.as_deref() {
            let by = process::signalled(signal.name());
            for server in &servers {
                server.signalled(by.clone());
            }
        }
    });
    Ok(signalled)
}

fn info(campaign: &ReadyCampaign) -> CampaignInfo {
    CampaignInfo {
        name: campaign.name.clone(),
        zone: campaign.loaded.parsed.campaign.timezone.clone(),
        calendar: campaign.loaded.plan.schedule.hours.clone(),
        per_second: campaign.loaded.plan.pace.per_second,
        again: again("apply", &campaign.loaded.at),
    }
}

/// Asks the person at the terminal.
struct TerminalConfirm {
    context: Context,
    is_alone: bool,
}

impl Confirm for TerminalConfirm {
    fn confirm(&self, questions: &[&Question], stopped: &dyn Fn() -> bool) -> io::Result<Answer> {
        let answer = question::ask_person(&self.context.console, &question::to_send(questions), stopped)?;
        if answer == Answer::No {
            self.context.talk(&if self.is_alone {
                format!("{}\n", cli::Declined)
            } else {
                format!("{}\n", cli::DeclinedSeveral)
            });
        }
        Ok(answer)
    }
}
