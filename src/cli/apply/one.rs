//! One campaign's run: every step in order, and what it reports.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{SemaphorePermit, watch};

use crate::control::{Desk, Listening, Shown};
use crate::delivery::StateName;
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::Codes;
use crate::engine::admit::{Accept, Change, Converged, Refusal, owed_again};
use crate::engine::roll::Roll;
use crate::engine::{Apply, Why};
use crate::event::{Emit, Event, EventKind};
use crate::ledger::lock::Purpose;
use crate::ledger::store::SledStore;
use crate::ledger::{Book, Fact, Ledger, LedgerError};
use crate::order::Order;
use crate::problem::Problem;
use crate::report::hub::Hub;
use crate::report::text::visible;
use crate::report::times::{date_time, grouped};

use crate::cli::converge::{Converge, as_reviewed, expected_rows};
use crate::cli::elsewhere;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::home::{Home, again};
use crate::cli::question::{self, About, Answer, Facts};
use crate::cli::witness::{self, OlderLedger, Testimony};
use crate::cli::wrong_clock;

use super::Common;
use super::asking::Seat;
use super::gather::Campaign;
use super::owner::{self, StatusKeeper};

/// The result of a run that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) exit: Exit,
    /// Why the run ended before it could send. `None` if the run has a summary to show.
    pub(super) broken: Option<String>,
}

/// What one run receives in addition to [`Common`].
pub(super) struct One {
    pub(super) campaign: Campaign,
    pub(super) desk: Desk,
    pub(super) hub: Arc<Hub>,
    pub(super) seat: Seat,
}

/// Sends all coupons that one campaign still owes.
pub(super) async fn apply(common: Arc<Common>, one: One) -> Result<Done, Failure> {
    let One {
        campaign,
        desk,
        hub,
        seat,
    } = one;
    if let Some(other) = elsewhere::find_for(&common.context, &campaign.file, &campaign.plan, &campaign.parsed)? {
        return Err(other.failure());
    }
    let taking = Home::take(&common.context, &campaign.file, &campaign.plan, Purpose::Apply);
    let home = tokio::select! {
        home = taking => home?,
        () = owner::stopped(desk.orders()) => return Ok(Done::broken(&desk.orders())),
    };
    let listening = owner::listen(&desk, &home);
    if common.args.fresh {
        home.discard()?;
    }
    let plan = &campaign.plan;
    let platform = HttpPlatform::new(Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        tokens: campaign.tokens.clone(),
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout,
        clock: common.context.clock.clone(),
        emit: Arc::clone(&hub) as Arc<dyn Emit>,
    })?;
    let testimony = Testimony::new(&common.context, &campaign.file, &campaign.plan);
    let status = StatusKeeper::start(&home, &hub, common.every);
    let run = Run {
        common: &common,
        testimony,
        campaign,
        _listening: listening,
        home,
        orders: desk.orders(),
        desk,
        hub,
    };
    let done = Box::pin(run.run(platform, seat)).await;
    // Drops the reader's store before the lock is released: another process that asks now is about to take both.
    run.desk.show(Shown::Opening);
    let broken = match &done {
        Ok(done) => done.broken.clone(),
        Err(failure) => Some(failure.message.clone()),
    };
    status.finish(broken).await;
    done
}

impl Done {
    const fn with_summary(exit: Exit) -> Self {
        Self { exit, broken: None }
    }

    fn broken(orders: &watch::Receiver<Order>) -> Self {
        Self {
            exit: Exit::Incomplete,
            broken: Some(format!("{} before anything was sent", owner::by_whom(orders))),
        }
    }
}

struct Run<'a> {
    common: &'a Common,
    testimony: Testimony,
    campaign: Campaign,
    /// Declared before `home`, so that the socket is gone before the next process can take the lock.
    _listening: Option<Listening>,
    home: Home,
    desk: Desk,
    hub: Arc<Hub>,
    orders: watch::Receiver<Order>,
}

impl Run<'_> {
    /// Admits the audience and sends.
    async fn run(&self, platform: HttpPlatform, seat: Seat) -> Result<Done, Failure> {
        let Some(reading) = self.turn_to_read().await else {
            return Ok(self.broken_off());
        };
        let plan = &self.campaign.plan;
        let opened = tokio::select! {
            opened = self.home.open(&self.testimony) => opened?,
            () = owner::stopped(self.orders.clone()) => return Ok(self.broken_off()),
        };
        self.say(self.began(opened.is_none()));
        let older = match &opened {
            Some(opened) => opened.older.clone(),
            None => self.testimony.of_lost().map(OlderLedger::lost),
        };
        let accepted = witness::accepted(&self.common.args.accept, older.as_ref())?;
        let change = older.as_ref().map(OlderLedger::change);
        let mut existing = opened.map(|opened| opened.ledger);
        let pauses = owner::show_pauses(&self.desk, &self.hub, &self.common.context.clock);
        self.tell_of_waits();
        let converge = self.converge(&accepted, change.as_ref());
        if let Some(ledger) = &mut existing {
            wrong_clock::check(&converge, ledger.book())?;
            ledger.accept_older();
            ledger.hold_back(&converge.beginning(ledger.book()))?;
            let counts = ledger.book().counts();
            self.say(EventKind::Counted { counts });
        }
        self.show(existing.as_ref()).await;
        let empty = Book::new(plan.identity.clone());
        let book = existing.as_ref().map_or(&empty, Ledger::book);
        let of = expected_rows(&self.campaign.parsed, self.common.context.clock.now());
        let progress = |rows| self.say(EventKind::AudienceRead { rows, of });
        progress(0);
        let (weighed, fingerprint) = tokio::select! {
            biased;
            () = owner::stopped(self.orders.clone()) => return Ok(self.broken_off()),
            read = converge.weigh(book, progress) => read?,
        };
        drop(reading);
        as_reviewed(self.common.args.expect.as_ref(), &fingerprint, &self.plan_again())?;
        let converged = weighed.let_in().map_err(|refusals| refused(&refusals))?;
        converged
            .remarks()
            .for_each(|message| self.say(EventKind::Warning { message }));
        if let Some(held) = owed_again(converged.owed_under_new_activity) {
            let message = format!("the activity is another one than at the last apply; {held}");
            self.say(EventKind::Warning { message });
        }
        let new_ledger = existing.is_none();
        match self.ask(&converged, (book, new_ledger), older.as_ref(), seat).await? {
            Answer::Yes => {}
            Answer::No => {
                return Ok(Done {
                    exit: Exit::Incomplete,
                    broken: Some("nobody agreed to it".to_owned()),
                });
            }
            Answer::Stopped => return Ok(self.broken_off()),
        }
        let mut ledger = match existing {
            Some(ledger) => ledger,
            None => self.begin_ledger(&converge).await?,
        };
        let reading = converged.reading.clone();
        let roll = converged.roll;
        let mut users = 0;
        let of = converged.changes.admitted.len() as u64;
        for batch in converged.changes.into_batches() {
            let batch = batch.map_err(LedgerError::Store)?;
            // The next run ignores a generation that was not closed and uses the one before.
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
        // The accepted changes are durable now, so the witness may name the current head.
        let id = self.home.ledger_id()?;
        let witness = self
            .testimony
            .keep(&id, ledger.store().heads(), &self.common.context.clock);
        let done = Box::pin(self.send(ledger, roll, platform)).await;
        witness.finish().await;
        done
    }

    async fn send(&self, ledger: Ledger<SledStore>, roll: Roll, platform: HttpPlatform) -> Result<Done, Failure> {
        let apply = Apply {
            plan: Arc::clone(&self.campaign.plan),
            ledger,
            platform: Arc::new(platform),
            roll,
            lane: Arc::clone(&self.campaign.lane),
            clock: self.common.context.clock.clone(),
            orders: self.orders.clone(),
            emit: Arc::clone(&self.hub) as Arc<dyn Emit>,
            seed: fastrand::u64(..),
        };
        let (ended, ledger) = Box::pin(apply.run()).await?;
        ledger.close().await;
        let exit = match ended.why {
            Why::AppIdTaken(_) => Exit::Taken,
            _ => ended.ending.into(),
        };
        Ok(Done::with_summary(exit))
    }

    /// Lets other processes see the present state of the ledger.
    async fn show(&self, ledger: Option<&Ledger<SledStore>>) {
        let shown = match ledger {
            Some(ledger) => match ledger.store().reader().await {
                Ok(reader) => Shown::Ledger(Arc::new(reader)),
                Err(error) => {
                    tracing::warn!("other processes cannot be shown the ledger: {error}");
                    Shown::Opening
                }
            },
            None => Shown::Empty,
        };
        self.desk.show(shown);
    }

    async fn begin_ledger(&self, converge: &Converge<'_>) -> Result<Ledger<SledStore>, Failure> {
        let mut ledger = self.home.begin(converge.now, &self.testimony).await?.ledger;
        ledger.append(vec![converge.run_began()]).await?;
        self.show(Some(&ledger)).await;
        Ok(ledger)
    }

    fn converge<'c>(&'c self, accepted: &'c [Accept], older_ledger: Option<&'c Change>) -> Converge<'c> {
        Converge {
            context: &self.common.context,
            parsed: &self.campaign.parsed,
            plan: &self.campaign.plan,
            accepted,
            older_ledger,
            rehearsal: &self.common.args.rehearsal,
            now: self.common.context.clock.now(),
        }
    }

    fn plan_again(&self) -> String {
        again(
            "plan",
            &self.common.args.rehearsal,
            &self.common.context,
            &self.campaign.file,
        )
    }

    /// Waits until this campaign may read its ledger and its audience. Returns `None` if the run was stopped first.
    async fn turn_to_read(&self) -> Option<SemaphorePermit<'_>> {
        let reading = &self.common.reading;
        if let Ok(turn) = reading.try_acquire() {
            return Some(turn);
        }
        self.say(EventKind::Queued);
        tokio::select! {
            turn = reading.acquire() => turn.ok(),
            () = owner::stopped(self.orders.clone()) => None,
        }
    }

    /// Asks a person where that is needed. Returns [`Answer::Yes`] where it is not.
    async fn ask(
        &self,
        converged: &Converged,
        (book, new_ledger): (&Book, bool),
        older: Option<&OlderLedger>,
        seat: Seat,
    ) -> Result<Answer, Failure> {
        let fingerprint = &converged.changes.generation.fingerprint;
        let to_send = converged.counts.owed() + converged.counts.of(StateName::InDoubt);
        let args = &self.common.args;
        let facts = Facts {
            can_ask: self.common.context.terminal.can_ask,
            to_send,
            yes: args.yes,
            sandbox: args.rehearsal.on(),
            agreed: book.generation().is_some_and(|last| last.fingerprint == *fingerprint),
        };
        if !question::needs_question(&facts) {
            return Ok(Answer::Yes);
        }
        let names = &self.campaign.parsed.campaign.names;
        let about = About {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            base_url: self.campaign.plan.base_url.clone(),
            to_send,
            owed_again: converged.owed_under_new_activity,
            ledger: self.home.dir().to_owned(),
            new_ledger,
            earlier: self.earlier(new_ledger, older),
        };
        self.say(EventKind::Asking);
        let began = Instant::now();
        let answer = seat.ask(about, self.orders.clone()).await;
        let waited = began.elapsed();
        self.say(EventKind::Asked { waited });
        answer
    }

    /// Returns what a person must know about an earlier ledger before a send. `None` if there is nothing to say.
    fn earlier(&self, new_ledger: bool, older: Option<&OlderLedger>) -> Option<String> {
        let another = || self.testimony.of_another_file().filter(|_| new_ledger);
        let seen = match older {
            Some(older) => older.witness().clone(),
            None => another()?,
        };
        Some(format!(
            "one of this campaign was last seen {} with batch {}, in {}",
            date_time(seen.written, &self.campaign.parsed.campaign.timezone),
            grouped(seen.sequence),
            visible(&seen.directory)
        ))
    }

    /// Shows the times that a rehearsal does not wait for.
    fn tell_of_waits(&self) {
        let said = &self.campaign.parsed.campaign;
        let schedule = &said.schedule;
        let zone = &said.timezone;
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
        if self.common.args.rehearsal.on() && !said.is_empty() {
            let said = said.join(", and ");
            self.common.talk(
                &self.campaign.name,
                &format!("a rehearsal does not wait; for real, the campaign sends {said}"),
            );
        }
    }

    fn began(&self, new_ledger: bool) -> EventKind {
        let names = &self.campaign.parsed.campaign.names;
        EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            platform: self.campaign.plan.identity.platform.clone(),
            ledger: self.home.dir().to_owned(),
            new_ledger,
        }
    }

    /// Ends a run that was stopped before it sent.
    fn broken_off(&self) -> Done {
        if self.common.alone {
            let by = owner::by_whom(&self.orders);
            let told = format!("{by} before anything was sent; who is owed what is as before");
            self.common.talk(&self.campaign.name, &told);
        }
        Done::broken(&self.orders)
    }

    fn say(&self, kind: EventKind) {
        let at = self.common.context.clock.now();
        self.hub.emit(Event { at, kind });
    }
}

fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Combines every reason why the audience is not admitted into one failure.
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
