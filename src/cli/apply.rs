//! `runner apply`: everything that one run needs, in order, and what a person is told of it.

mod failures;
mod prepare;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::campaign::Parsed;
use crate::delivery::StateName;
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::engine::admit::{Admission, Converged, Refusal, Terms};
use crate::engine::{Apply, Why};
use crate::event::{Emit, Event, EventKind};
use crate::ledger::lock::Purpose;
use crate::ledger::store::SledStore;
use crate::ledger::{Book, Fact, Ledger};
use crate::plan::{self, Plan};
use crate::problem::Problem;
use crate::report::hub::{Hub, Outlets};
use crate::report::progress::Setup;

use super::app_id::{Turn, this_process};
use super::apply_args::ApplyArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::home::{Home, again};
use super::question::{self, About, Facts};
use super::{Context, signals, validate};

/// Makes a campaign so.
pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let file = args.file()?;
    let Some(parsed) = validate::usable(file, context) else {
        return Ok(Exit::Input);
    };
    super::wait(apply(args, context, file, &parsed))?
}

async fn apply(args: &ApplyArgs, context: &Context, file: &Path, parsed: &Parsed) -> Result<Exit, Failure> {
    let stop = stopped().map_err(|error| Failure::of(Problem::System, &error))?;
    let stand_in = prepare::stand_in(args).await?;
    let plan = Arc::new(prepare::plan(args, parsed, stand_in.as_ref())?);
    let Some(credentials) = prepare::credentials(args, context, parsed) else {
        return Ok(Exit::Input);
    };
    let metrics = prepare::metrics(args, context, &plan).await?;
    let home = Home::take(context, file, &plan, Purpose::Apply).await?;
    if args.fresh {
        home.discard()?;
    }
    let setup = Setup {
        zone: parsed.campaign.timezone.clone(),
        per_second: plan.pace.per_second,
        again: again("apply", &args.rehearsal, context, file),
    };
    let outlets = Outlets {
        metrics,
        ..context.outlets(args.events.as_deref())?
    };
    let hub = Hub::start(setup, outlets, context.clock.clone());
    let hub = Arc::new(hub.map_err(|error| Failure::of(Problem::System, &error))?);
    let platform = HttpPlatform::new(Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        credentials,
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout,
        max_in_flight: plan.pace.max_in_flight,
        clock: context.clock.clone(),
        emit: Arc::clone(&hub) as Arc<dyn Emit>,
    })?;
    let run = Run {
        args,
        context,
        parsed,
        plan,
        home,
        hub,
        stop,
    };
    let done = Box::pin(run.run(platform)).await;
    run.hub.finish();
    if let Some(stand_in) = stand_in {
        stand_in.stop().await;
    }
    let (exit, summary) = done?;
    if let (true, super::Output::Human) = (summary, context.output) {
        context.say(&run.hub.summary());
    }
    Ok(exit)
}

/// Turns true with the first signal that asks for an end.
fn stopped() -> io::Result<watch::Receiver<bool>> {
    let mut first = signals::listen()?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        if first.wait_for(Option::is_some).await.is_ok() {
            tell.send_replace(true);
        }
        // The channel stays open: its end would read as one more signal.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}

struct Run<'a> {
    args: &'a ApplyArgs,
    context: &'a Context,
    parsed: &'a Parsed,
    plan: Arc<Plan>,
    home: Home,
    hub: Arc<Hub>,
    stop: watch::Receiver<bool>,
}

impl Run<'_> {
    /// Admits and sends. Says how the process ends, and whether there is a summary to show.
    async fn run(&self, platform: HttpPlatform) -> Result<(Exit, bool), Failure> {
        let mut existing = self.home.open(&self.plan).await?;
        self.say(self.began(existing.is_none()));
        self.tell_of_waits();
        if let Some(ledger) = &mut existing {
            let mut facts = self.given_to_nobody(ledger.book());
            facts.push(self.run_began());
            ledger.append(facts).await?;
        }
        let empty = Book::new(self.plan.identity.clone());
        let book = existing.as_ref().map_or(&empty, Ledger::book);
        let Some((converged, fingerprint)) = self.converge(book)? else {
            return Ok((self.broken_off(), false));
        };
        if !self.agreed(&converged, book, &fingerprint, existing.is_none())? {
            self.context.talk("nothing was sent and nothing was changed\n");
            return Ok((Exit::Incomplete, false));
        }
        let mut ledger = match existing {
            Some(ledger) => ledger,
            None => self.begin_ledger().await?,
        };
        let reading = converged.reading.clone();
        for batch in converged.changes.into_batches() {
            ledger.append(batch).await?;
        }
        let counts = ledger.book().counts();
        self.say(EventKind::Admitted { reading, counts });
        self.send(ledger, platform).await
    }

    async fn send(&self, ledger: Ledger<SledStore>, platform: HttpPlatform) -> Result<(Exit, bool), Failure> {
        let owner = this_process(self.context.clock.now());
        let apply = Apply {
            plan: Arc::clone(&self.plan),
            ledger,
            platform: Arc::new(platform),
            turn: Turn::new(self.plan.base_url.clone(), self.plan.identity.app_id.clone(), owner),
            clock: self.context.clock.clone(),
            stop: self.stop.clone(),
            emit: Arc::clone(&self.hub) as Arc<dyn Emit>,
            seed: fastrand::u64(..),
        };
        let (ended, _ledger) = apply.run().await?;
        let exit = match ended.why {
            Why::AppIdTaken(_) => Exit::Taken,
            _ => ended.ending.into(),
        };
        Ok((exit, true))
    }

    async fn begin_ledger(&self) -> Result<Ledger<SledStore>, Failure> {
        let mut ledger = self.home.begin(&self.plan, self.context.clock.now()).await?;
        ledger.append(vec![self.run_began()]).await?;
        Ok(ledger)
    }

    /// What a kill left under way in a rehearsal whose stand-in was inside the killed process. That platform is gone with
    /// everything that it gave, so these attempts are called off and not in doubt: a refusal by the next stand-in would
    /// otherwise leave a doubt that nobody can ever settle, and the same command would not complete the rehearsal.
    fn given_to_nobody(&self, book: &Book) -> Vec<Fact> {
        if !self.args.rehearsal.inside() {
            return Vec::new();
        }
        let under_way = book
            .unsettled()
            .filter(|(_, standing)| standing.state.name() == StateName::InFlight);
        under_way.map(|(key, _)| Fact::Withdrawn { key }).collect()
    }

    fn run_began(&self) -> Fact {
        Fact::RunBegan {
            at: self.context.clock.now(),
            timeout: self.plan.retry.timeout,
        }
    }

    /// Reads the audience and holds it against the ledger; nothing when a signal broke it off.
    fn converge(&self, book: &Book) -> Result<Option<(Converged, String)>, Failure> {
        let source = (&self.parsed.campaign.audience.source).into();
        let mut admission = Admission::new(book);
        let read = tokio::task::block_in_place(|| {
            admission.read(&source, |rows| {
                self.say(EventKind::AudienceRead { rows });
                if *self.stop.borrow() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        });
        let totals = match read {
            Err(_) if *self.stop.borrow() => return Ok(None),
            read => read?,
        };
        let codes = Codes::new(self.plan.codes.clone());
        let terms = Terms {
            plan: &self.plan,
            totals,
            accepted: &self.args.accept,
            rehearsal: self.args.rehearsal.on(),
            class: &|code| codes.classify(code).0,
            now: self.context.clock.now().max(book.newest()),
        };
        let fingerprint = plan::fingerprint(&self.plan, &totals.hash);
        match admission.decide(&terms) {
            Ok(converged) => {
                for message in converged.remarks() {
                    self.say(EventKind::Warning { message });
                }
                Ok(Some((converged, fingerprint)))
            }
            Err(refusals) => Err(refused(&refusals)),
        }
    }

    /// Whether a person agrees, where one is to be asked.
    fn agreed(&self, converged: &Converged, book: &Book, fingerprint: &str, new_ledger: bool) -> Result<bool, Failure> {
        let to_send = converged.counts.owed() + converged.counts.of(StateName::InDoubt);
        let facts = Facts {
            can_ask: self.context.terminal.can_ask,
            to_send,
            yes: self.args.yes,
            sandbox: self.args.rehearsal.on(),
            agreed: book.generation().is_some_and(|last| last.fingerprint == fingerprint),
        };
        if !question::needs_question(&facts) {
            return Ok(true);
        }
        let names = &self.parsed.campaign.names;
        let about = About {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            base_url: self.plan.base_url.clone(),
            to_send,
            ledger: self.home.dir().to_owned(),
            new_ledger,
        };
        let ask = || question::ask_person(&about);
        let answer = self.context.bars.suspend(|| tokio::task::block_in_place(ask));
        answer.map_err(|error| Failure::new(Problem::Question, "cannot ask on the terminal").caused_by(&error))
    }

    /// A rehearsal shows the times that it does not wait for.
    fn tell_of_waits(&self) {
        let campaign = &self.parsed.campaign;
        let stamp = |at: Timestamp| {
            at.to_zoned_datetime(campaign.timezone.clone())
                .strftime("%Y-%m-%d %H:%M")
        };
        let said = match (campaign.schedule.start.map(stamp), campaign.schedule.end.map(stamp)) {
            _ if !self.args.rehearsal.on() => return,
            (None, None) => return,
            (Some(start), None) => format!("nothing before {start}"),
            (None, Some(end)) => format!("nothing from {end} on"),
            (Some(start), Some(end)) => format!("nothing before {start}, and nothing from {end} on"),
        };
        self.context.talk(&format!(
            "a rehearsal does not wait; for real, the campaign sends {said}\n"
        ));
    }

    fn began(&self, new_ledger: bool) -> EventKind {
        let names = &self.parsed.campaign.names;
        EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            platform: self.plan.identity.platform.clone(),
            ledger: self.home.dir().to_owned(),
            new_ledger,
        }
    }

    fn broken_off(&self) -> Exit {
        self.context
            .talk("interrupted while reading the audience: nothing was sent, and the ledger is as before\n");
        Exit::Incomplete
    }

    fn say(&self, kind: EventKind) {
        let at = self.context.clock.now();
        self.hub.emit(Event { at, kind });
    }
}

/// Every reason why the audience is not let in, as one failure.
fn refused(refusals: &[Refusal]) -> Failure {
    let mut failure = Failure::new(Problem::NotLetIn, "the audience was not let in; nothing was sent");
    failure.causes = refusals.iter().map(ToString::to_string).collect();
    let mut helps: Vec<_> = refusals.iter().filter_map(Refusal::help).collect();
    helps.dedup();
    if helps.is_empty() {
        failure
    } else {
        failure.help(helps.join("\n"))
    }
}
