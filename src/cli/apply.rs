//! `runner apply`: everything that one run needs, in order, and what a person is told of it.

mod failures;
mod owner;
mod prepare;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::campaign::Parsed;
use crate::control::{Desk, Listening, Shown};
use crate::delivery::StateName;
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::douyin::token::Tokens;
use crate::engine::admit::{Converged, Refusal};
use crate::engine::lane::Lane;
use crate::engine::roll::Roll;
use crate::engine::{Apply, Why};
use crate::event::{Emit, Event, EventKind};
use crate::ledger::lock::Purpose;
use crate::ledger::store::SledStore;
use crate::ledger::{Book, Fact, Ledger, LedgerError};
use crate::order::Order;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::report::hub::{Hub, Outlets};
use crate::report::progress::Setup;
use crate::report::times::date_time;

pub use prepare::NO_CREDENTIALS;

use super::app_id::Turn;
use super::apply_args::ApplyArgs;
use super::converge::{Converge, expected, expected_rows};
use super::exit::Exit;
use super::failure::Failure;
use super::home::{Home, again};
use super::question::{self, About, Answer, Facts};
use super::{Context, validate};

use self::owner::StatusKeeper;

/// Makes a campaign so.
pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    if args.dry.dry_run {
        return super::plan::dry_run(args, context);
    }
    let file = args.file()?;
    let Some(parsed) = validate::usable(file, context) else {
        return Ok(Exit::Input);
    };
    super::wait(apply(args, context, file, &parsed))?
}

async fn apply(args: &ApplyArgs, context: &Context, file: &Path, parsed: &Parsed) -> Result<Exit, Failure> {
    let desk = Desk::default();
    owner::heed_signals(&desk).map_err(|error| Failure::of(Problem::System, &error))?;
    let stand_in = prepare::stand_in(args).await?;
    let plan = Arc::new(prepare::plan(args, parsed, stand_in.as_ref())?);
    let Some(credentials) = prepare::credentials(args, context, parsed) else {
        return Ok(Exit::Input);
    };
    let metrics = prepare::metrics(args, context, &plan).await?;
    let home = tokio::select! {
        home = Home::take(context, file, &plan, Purpose::Apply) => home?,
        () = owner::stopped(desk.orders()) => return Ok(Exit::Incomplete),
    };
    let listening = owner::listen(&desk, &home);
    if args.fresh {
        home.discard()?;
    }
    let setup = Setup {
        zone: parsed.campaign.timezone.clone(),
        calendar: plan.schedule.hours.clone(),
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
        tokens: Tokens::new(credentials, context.clock.clone()),
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout,
        max_in_flight: plan.pace.max_in_flight,
        clock: context.clock.clone(),
        emit: Arc::clone(&hub) as Arc<dyn Emit>,
    })?;
    let run = Run {
        args,
        context,
        file,
        parsed,
        plan,
        _listening: listening,
        home,
        orders: desk.orders(),
        desk,
        hub,
    };
    let status = StatusKeeper::start(&run.home, &run.hub);
    let done = Box::pin(run.run(platform)).await;
    run.hub.finish();
    // Lets go of the store before the lock: whoever asks from here on is about to have both.
    run.desk.show(Shown::Opening);
    status.finish(run.broken(&done)).await;
    if let Some(stand_in) = stand_in {
        stand_in.stop().await;
    }
    let (exit, summary) = done?;
    if let (true, super::Output::Human) = (summary, context.output) {
        context.say(&run.hub.summary());
    }
    Ok(exit)
}

struct Run<'a> {
    args: &'a ApplyArgs,
    context: &'a Context,
    file: &'a Path,
    parsed: &'a Parsed,
    plan: Arc<Plan>,
    /// Before the lock, so that it is gone when the next process has that.
    _listening: Option<Listening>,
    home: Home,
    desk: Desk,
    hub: Arc<Hub>,
    orders: watch::Receiver<Order>,
}

impl Run<'_> {
    /// Admits and sends. Says how the process ends, and whether there is a summary to show.
    async fn run(&self, platform: HttpPlatform) -> Result<(Exit, bool), Failure> {
        let mut existing = tokio::select! {
            opened = self.home.open(&self.plan) => opened?,
            () = owner::stopped(self.orders.clone()) => return Ok(self.broken_off()),
        };
        self.say(self.began(existing.is_none()));
        let pauses = owner::show_pauses(&self.desk, &self.hub, &self.context.clock);
        self.tell_of_waits();
        let converge = self.converge();
        if let Some(ledger) = &mut existing {
            ledger.hold_back(&converge.beginning(ledger.book()))?;
            let counts = ledger.book().counts();
            self.say(EventKind::Counted { counts });
        }
        self.show(existing.as_ref());
        let empty = Book::new(self.plan.identity.clone());
        let book = existing.as_ref().map_or(&empty, Ledger::book);
        let of = expected_rows(self.parsed);
        let progress = |rows| self.say(EventKind::AudienceRead { rows, of });
        progress(0);
        let (weighed, fingerprint) = tokio::select! {
            biased;
            () = owner::stopped(self.orders.clone()) => return Ok(self.broken_off()),
            read = converge.weigh(book, progress) => read?,
        };
        expected(self.args.expect.as_ref(), &fingerprint, &self.plan_again())?;
        let converged = weighed.let_in().map_err(|refusals| refused(&refusals))?;
        converged
            .remarks()
            .for_each(|message| self.say(EventKind::Warning { message }));
        if let Some(answer) = self.ask(&converged, book, existing.is_none())? {
            match answer {
                Answer::Yes => {}
                Answer::No => {
                    self.context.talk("nothing was sent and nothing was changed\n");
                    return Ok((Exit::Incomplete, false));
                }
                Answer::Stopped => return Ok(self.broken_off()),
            }
        }
        let mut ledger = match existing {
            Some(ledger) => ledger,
            None => self.begin_ledger(&converge).await?,
        };
        let (reading, roll) = (converged.reading.clone(), converged.roll);
        let (mut users, of) = (0, converged.changes.admitted.len() as u64);
        for batch in converged.changes.into_batches() {
            let batch = batch.map_err(LedgerError::Store)?;
            // What is not closed is forgotten by the next run: the generation before is the one that counts.
            if self.orders.borrow().stops() {
                return Ok(self.broken_off());
            }
            users += batch.iter().map(Fact::newcomers).sum::<u64>();
            ledger.append(batch).await?;
            self.say(EventKind::Admitting { users, of });
        }
        let counts = ledger.book().counts();
        self.say(EventKind::Admitted {
            reading: Box::new(reading),
            counts,
        });
        pauses.end().await;
        self.send(ledger, roll, platform).await
    }

    async fn send(
        &self,
        ledger: Ledger<SledStore>,
        roll: Roll,
        platform: HttpPlatform,
    ) -> Result<(Exit, bool), Failure> {
        let owner = self.home.owner().clone();
        let apply = Apply {
            plan: Arc::clone(&self.plan),
            ledger,
            platform: Arc::new(platform),
            roll,
            lane: Lane::new(Turn::new(
                self.plan.base_url.clone(),
                self.plan.identity.app_id.clone(),
                owner,
            )),
            clock: self.context.clock.clone(),
            orders: self.orders.clone(),
            emit: Arc::clone(&self.hub) as Arc<dyn Emit>,
            seed: fastrand::u64(..),
        };
        let (ended, ledger) = apply.run().await?;
        ledger.close().await;
        let exit = match ended.why {
            Why::AppIdTaken(_) => Exit::Taken,
            _ => ended.ending.into(),
        };
        Ok((exit, true))
    }

    /// Lets other processes see the ledger as it is from now on.
    fn show(&self, ledger: Option<&Ledger<SledStore>>) {
        let shown = match ledger.map(|ledger| ledger.store().reader()) {
            Some(Ok(reader)) => Shown::Ledger(Arc::new(reader)),
            Some(Err(error)) => {
                tracing::warn!("other processes cannot be shown the ledger: {error}");
                Shown::Opening
            }
            None => Shown::Empty,
        };
        self.desk.show(shown);
    }

    async fn begin_ledger(&self, converge: &Converge<'_>) -> Result<Ledger<SledStore>, Failure> {
        let mut ledger = self.home.begin(&self.plan, converge.now).await?;
        ledger.append(vec![converge.run_began()]).await?;
        self.show(Some(&ledger));
        Ok(ledger)
    }

    fn converge(&self) -> Converge<'_> {
        Converge {
            context: self.context,
            parsed: self.parsed,
            plan: &self.plan,
            accepted: &self.args.accept,
            rehearsal: &self.args.rehearsal,
            now: self.context.clock.now(),
        }
    }

    fn plan_again(&self) -> String {
        again("plan", &self.args.rehearsal, self.context, self.file)
    }

    /// What a person says, where one is to be asked.
    fn ask(&self, converged: &Converged, book: &Book, new_ledger: bool) -> Result<Option<Answer>, Failure> {
        let fingerprint = &converged.changes.generation.fingerprint;
        let to_send = converged.counts.owed() + converged.counts.of(StateName::InDoubt);
        let facts = Facts {
            can_ask: self.context.terminal.can_ask,
            to_send,
            yes: self.args.yes,
            sandbox: self.args.rehearsal.on(),
            agreed: book.generation().is_some_and(|last| last.fingerprint == *fingerprint),
        };
        if !question::needs_question(&facts) {
            return Ok(None);
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
        self.say(EventKind::Asking);
        let began = Instant::now();
        let ask = || question::ask_person(&about, || self.orders.borrow().stops());
        let answer = self.context.bars.suspend(|| tokio::task::block_in_place(ask));
        let waited = began.elapsed();
        self.say(EventKind::Asked { waited });
        answer
            .map(Some)
            .map_err(|error| Failure::new(Problem::Question, "cannot ask on the terminal").caused_by(&error))
    }

    /// A rehearsal shows the times that it does not wait for.
    fn tell_of_waits(&self) {
        let (schedule, zone) = (&self.parsed.campaign.schedule, &self.parsed.campaign.timezone);
        let times = [
            schedule
                .start
                .map(|start| format!("nothing before {}", date_time(start, zone))),
            schedule
                .end
                .map(|end| format!("nothing from {} on", date_time(end, zone))),
            schedule.hours.as_deref().map(|hours| format!("only {}", listed(hours))),
            schedule
                .closed
                .as_deref()
                .filter(|closed| !closed.is_empty())
                .map(|closed| format!("not on {}", listed(closed))),
        ];
        let said: Vec<_> = times.into_iter().flatten().collect();
        if self.args.rehearsal.on() && !said.is_empty() {
            self.context.talk(&format!(
                "a rehearsal does not wait; for real, the campaign sends {}\n",
                said.join(", and ")
            ));
        }
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

    /// The end of a run that was stopped before it sent.
    fn broken_off(&self) -> (Exit, bool) {
        let by = owner::by_whom(&self.orders);
        self.context.talk(&format!(
            "{by} before anything was sent; who is owed what is as before\n"
        ));
        (Exit::Incomplete, false)
    }

    /// Why the run came to no end that its events tell of.
    fn broken(&self, done: &Result<(Exit, bool), Failure>) -> Option<String> {
        match done {
            Ok((_, true)) => None,
            Ok((_, false)) if self.orders.borrow().stops() => {
                Some(format!("{} before anything was sent", owner::by_whom(&self.orders)))
            }
            Ok((_, false)) => Some("nobody agreed to it".to_owned()),
            Err(failure) => Some(failure.message.clone()),
        }
    }

    fn say(&self, kind: EventKind) {
        let at = self.context.clock.now();
        self.hub.emit(Event { at, kind });
    }
}

fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
