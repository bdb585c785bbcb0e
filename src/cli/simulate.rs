//! `runner simulate`: runs a whole campaign on a virtual clock against the fake platform, with the same code as an apply.
//! It reads the ledger and continues it in memory. It opens no socket to the platform and needs no secret.

mod times;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use tokio::sync::oneshot;

use crate::campaign::Parsed;
use crate::engine::RunOutcome;
use crate::engine::audience_diff::Accept;
use crate::ledger::{Ledger, LedgerError, NullStore};
use crate::model::clock::until;
use crate::model::event::{Emit, Event, EventKind, Reading};
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::feasibility::Reason;
use crate::report::render::html::simulation_page;
use crate::report::render::json::{HourObject, RefusedObject, SimulationObject};
use crate::report::render::terminal::simulation::{refused, text};
use crate::report::run_stats::RunStats;
use crate::report::simulation::hours::Hours;
use crate::report::simulation::{SimulationSettings, SimulationView};
use crate::report::times::{date_time, grouped};
use crate::simulation::{HORIZON, Simulation, SimulationError, World};

use super::apply_args::changes;
use super::audience_reader::{AudienceReader, reasons};
use super::busy::Busy;
use super::exit::Exit;
use super::failure::Failure;
use super::readonly_ledger::{self, CampaignArgs};
use super::terminal::stdout_width_or_any;
use super::witness::{self, OlderLedger, Testimony};
use super::{Context, Output, elsewhere, signals, validate, whole_file};

use self::world::WorldArgs;

const EXAMPLES: &str = "\
Examples:
  runner simulate campaigns/summer.yaml --from 2026-06-01T09:00 --outage 14:00+2h
      when it would end if the platform were out of reach for two hours, and how it would go hour by hour
  runner simulate campaigns/summer.yaml --inactive 5% --foreign-load 40 -o simulation.html
      whether a guard would halt it, beside another sender of the app id; and the same as a page

It ends with 0 if the campaign would be complete, 3 if the same command would go on, 4 if a person would have to look.";

/// How often the progress of a simulation is shown.
const EVERY: Duration = Duration::from_millis(200);

/// The arguments of `runner simulate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimulateArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Begin at this local time of the campaign's zone, such as 2026-06-01T10:00, instead of now
    #[arg(long, value_name = "TIME", value_parser = times::local)]
    pub from: Option<DateTime>,
    /// Simulate as if this change since the last apply were accepted; several, separated by commas
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes())]
    pub accept: Vec<Accept>,
    /// Make a page of it, too; what was there is replaced once it is whole
    #[arg(short, value_name = "PAGE")]
    pub out: Option<PathBuf>,
    /// What the platform is like.
    #[command(flatten)]
    pub world: WorldArgs,
}

/// Simulates a campaign and shows the result.
pub fn run(args: &SimulateArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    super::wait(simulate(args, context, &parsed))?
}

async fn simulate(args: &SimulateArgs, context: &Context, parsed: &Parsed) -> Result<Exit, Failure> {
    let mut stop =
        signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let plan = readonly_ledger::plan_of(parsed, &args.campaign.rehearsal)?;
    let zone = &parsed.campaign.timezone;
    let from = match args.from {
        Some(at) => times::moment(at, zone)
            .ok_or_else(|| Failure::new(Problem::CommandLine, "--from lies beyond the calendar"))?,
        None => context.clock.now(),
    };
    let job = Job {
        args,
        context,
        parsed,
        world: args.world.world(zone, from.max(plan.schedule.start))?,
        plan: Arc::new(plan),
        from,
    };
    let lived = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {
            context.talk("interrupted: nothing was sent and nothing was changed\n");
            return Ok(Exit::Incomplete);
        }
        lived = Box::pin(job.live()) => lived?,
    };
    match lived {
        Lived::Refused(reasons) => job.show_refused(&reasons),
        Lived::RunOutcome(simulated, ended) => job.show(&simulated, &ended),
    }
}

struct Job<'a> {
    args: &'a SimulateArgs,
    context: &'a Context,
    parsed: &'a Parsed,
    plan: Arc<Plan>,
    world: World,
    from: Timestamp,
}

/// The result of a simulation.
enum Lived {
    /// An apply would stop before it sends.
    Refused(Vec<Reason>),
    /// The run ended.
    RunOutcome(Box<SimulationView>, RunOutcome),
}

/// Receives the events of a simulated run.
struct Heard {
    stats: RunStats,
    hours: Hours,
    /// When the run began, on the virtual wall clock and on a clock for durations.
    from: Timestamp,
    began: Instant,
    latest: Timestamp,
}

impl Heard {
    fn hear(&mut self, event: &Event) {
        self.latest = self.latest.max(event.at);
        // The wall clock of a simulation is never corrected.
        let since = until(self.from, event.at).unwrap_or_default();
        self.stats.fold(event, self.began + since);
        self.hours.count(event);
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job<'_> {
    async fn live(&self) -> Result<Lived, Failure> {
        let busy = self.context.busy(readonly_ledger::READING);
        if let Some(other) = elsewhere::find_for(self.context, &self.args.campaign.file, &self.plan, self.parsed)? {
            return Ok(Lived::Refused(vec![other.reason()]));
        }
        let view = readonly_ledger::open(self.context, &self.args.campaign.file, &self.plan).await?;
        let dir = view.as_ref().map(|view| view.dir.clone());
        let older = if let Some(view) = &view {
            view.older.clone()
        } else {
            let testimony = Testimony::new(self.context, &self.args.campaign.file, &self.plan);
            testimony.of_lost().map(OlderLedger::lost)
        };
        let accepted = witness::with_accepted(&self.args.accept, older.as_ref());
        let older_ledger = older.as_ref().map(OlderLedger::change);
        let mut ledger = match view {
            Some(view) => view.ledger.without_store(),
            None => Ledger::open(NullStore, self.plan.identity.clone())
                .await?
                .without_store(),
        };
        // A simulation may begin at any time, so its start says nothing about the clock.
        let ledger_state = ledger.state();
        let now = match ledger_state.present_of_apply(self.context.clock.now()).ahead {
            Some(_) => self.from,
            None => ledger_state.present(self.from),
        };
        let reader = AudienceReader {
            context: self.context,
            parsed: self.parsed,
            plan: &self.plan,
            accepted: &accepted,
            older_ledger: older_ledger.as_ref(),
            rehearsal: &self.args.campaign.rehearsal,
            now,
        };
        ledger.append(reader.beginning(ledger.state())).await?;
        busy.say(|| "reading the audience".to_owned());
        let (diff, _) = reader.read_diff(ledger.state(), |_| {}).await?;
        let reasons = reasons(&diff);
        if !reasons.is_empty() {
            return Ok(Lived::Refused(reasons));
        }
        let admission = diff.supposed();
        let remarks = admission.remarks();
        remarks.for_each(|remark| self.context.talk(&format!("{remark}\n")));
        for batch in admission.changes.into_batches() {
            ledger.append(batch.map_err(LedgerError::Store)?).await?;
        }
        let heard = Arc::new(Mutex::new(self.listen(&ledger, dir.clone(), admission.reading)));
        let simulation = Simulation {
            plan: Arc::clone(&self.plan),
            ledger,
            send_order: admission.send_order,
            from: self.from,
            horizon: HORIZON,
            world: self.world.clone(),
            emit: emit_to(&heard),
        };
        let ended = self.wait_for(simulation, &heard, &busy).await?;
        let (stats, hours, latest) = {
            let heard = lock(&heard);
            (heard.stats.clone(), heard.hours.clone(), heard.latest)
        };
        let zone = self.parsed.campaign.timezone.clone();
        let settings = SimulationSettings {
            world: world::words(&self.world, &zone),
            zone,
            from: self.from,
            ledger: dir,
            seed: self.args.world.seed,
        };
        let hours = hours.until(latest);
        Ok(Lived::RunOutcome(
            Box::new(SimulationView { settings, stats, hours }),
            ended,
        ))
    }

    /// Creates a listener that has already received the start of the run.
    fn listen(&self, ledger: &Ledger<NullStore>, dir: Option<PathBuf>, reading: Reading) -> Heard {
        let names = &self.parsed.campaign.names;
        let counts = ledger.state().counts();
        let mut heard = Heard {
            stats: RunStats::default(),
            hours: Hours::new(self.parsed.campaign.timezone.clone(), self.from, counts),
            from: self.from,
            began: Instant::now(),
            latest: self.from,
        };
        let began = EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            platform: self.plan.identity.platform.clone(),
            new_ledger: dir.is_none(),
            ledger: dir.unwrap_or_default(),
        };
        let reading = Box::new(reading);
        for kind in [began, EventKind::Admitted { reading, counts }] {
            heard.hear(&Event { at: self.from, kind });
        }
        heard
    }

    /// Runs the simulation in its own thread: its virtual clock must not affect this one.
    async fn wait_for(&self, simulation: Simulation, heard: &Mutex<Heard>, busy: &Busy) -> Result<RunOutcome, Failure> {
        let (tell, mut done) = oneshot::channel();
        let live = move || {
            // The receiver is gone when the process is ending.
            let _ = tell.send(simulation.run());
        };
        let thread = std::thread::Builder::new().name("simulation".to_owned()).spawn(live);
        thread.map_err(|error| Failure::new(Problem::System, "cannot start a thread").caused_by(&error))?;
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                ended = &mut done => {
                    let broken = |_| Failure::new(Problem::Defect, "the simulation broke off");
                    return Ok(ended.map_err(broken)??);
                }
                _ = tick.tick() => busy.say(|| self.how_far(heard)),
            }
        }
    }

    fn how_far(&self, heard: &Mutex<Heard>) -> String {
        let (attempts, latest) = {
            let heard = lock(heard);
            (heard.stats.sends.attempts, heard.latest)
        };
        let at = date_time(latest, &self.parsed.campaign.timezone);
        format!("simulating: {at}, {} attempts", grouped(attempts))
    }

    fn show_refused(&self, reasons: &[Reason]) -> Result<Exit, Failure> {
        let names = &self.parsed.campaign.names;
        match self.context.output {
            Output::Human => {
                let text = refused(&names.campaign, names.title.as_deref(), reasons, stdout_width_or_any());
                self.context.data(&text)?;
            }
            Output::Json => self.context.lines.write(&RefusedObject::new(
                (&names.campaign, &names.app_id),
                (self.from, &self.parsed.campaign.timezone),
                reasons,
            )),
        }
        Ok(Exit::NeedsPerson)
    }

    fn show(&self, simulated: &SimulationView, ended: &RunOutcome) -> Result<Exit, Failure> {
        match self.context.output {
            Output::Human => self.context.data(&text(simulated, stdout_width_or_any()))?,
            Output::Json => {
                HourObject::all(simulated).for_each(|hour| self.context.lines.write(&hour));
                if let Some(object) = SimulationObject::new(simulated) {
                    self.context.lines.write(&object);
                }
            }
        }
        if let Some(out) = &self.args.out {
            let page = simulation_page(simulated).map_err(|error| {
                Failure::new(Problem::OutputFile, "cannot draw the page's charts").caused_by(&error)
            })?;
            whole_file::write(out, page.as_bytes())?;
            self.context.talk(&format!("wrote {}\n", out.display()));
        }
        Ok(ended.ending.into())
    }
}

fn emit_to(heard: &Arc<Mutex<Heard>>) -> Arc<dyn Emit> {
    let heard = Arc::clone(heard);
    Arc::new(move |event: Event| lock(&heard).hear(&event))
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Engine(error) => error.into(),
            SimulationError::Clock(_) => Self::from_error(Problem::System, &error),
        }
    }
}
