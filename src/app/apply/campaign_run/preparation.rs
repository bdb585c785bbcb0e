//! What a run does before it sends: opens its ledger, reads its audience, asks a person, and writes the audience into the ledger.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use crate::app::applied_settings;
use crate::app::audience_reader::{AudienceReader, check_approved, check_reviewed, expected_rows};
use crate::app::campaign_store::CampaignStore;
use crate::app::environment::Notice;
use crate::app::error::AppError;
use crate::app::locked_ledger::OpenLedger;
use crate::app::older_ledger::{self, OlderLedger};
use crate::app::template::{self, TemplateNeeds};
use crate::app::wrong_clock;
use crate::catalogue::{Text, app as text};
use crate::control::LedgerView;
use crate::douyin::client::HttpPlatform;
use crate::engine::RunOutcome;
use crate::engine::audience_diff::{Accept, Admission, Change, owed_again};
use crate::engine::send_order::SendOrder;
use crate::ledger::{Fact, Ledger, LedgerError, LedgerState};
use crate::model::delivery::StateName;
use crate::model::event::EventKind;
use crate::model::identity::ActivityId;
use crate::plan::settings::settings;
use crate::report::text::visible;
use crate::report::times::{date_time, grouped};

use super::super::confirmation::{Answer, ConfirmationSeat, Facts, Question, needs_question};
use super::super::owner;
use super::{RunResult, StartedRun};

/// Why a run ends before it sends.
enum EarlyEnd {
    /// It was stopped.
    Stopped,
    /// A person did not agree to it.
    Declined,
    /// A step failed.
    Failed(AppError),
}

impl<E: Into<AppError>> From<E> for EarlyEnd {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The ledger as the run finds it.
struct KnownLedger {
    /// `None` if there is none yet.
    open: Option<OpenLedger>,
    /// `None` unless it is older than its witness.
    older: Option<OlderLedger>,
    /// What the person accepts.
    accepted: Vec<Accept>,
}

impl KnownLedger {
    fn ledger(&self) -> Option<&Ledger<CampaignStore>> {
        self.open.as_ref().map(|open| &open.ledger)
    }
}

impl StartedRun<'_> {
    /// Admits the audience and sends.
    pub(super) async fn run(&self, seat: Option<ConfirmationSeat>) -> Result<RunResult, AppError> {
        match Box::pin(self.run_steps(seat)).await {
            Ok(outcome) => Ok(RunResult::Ended(outcome)),
            Err(EarlyEnd::Stopped) => Ok(self.broken_off()),
            Err(EarlyEnd::Declined) => Ok(RunResult::Declined),
            Err(EarlyEnd::Failed(error)) => Err(error),
        }
    }

    /// Every step in order.
    async fn run_steps(&self, seat: Option<ConfirmationSeat>) -> Result<RunOutcome, EarlyEnd> {
        let platform = Arc::new(self.platform()?);
        let reading = self.turn_to_read().await?;
        let mut known = Box::pin(self.open_known()).await?;
        let pauses = owner::show_pauses(&self.server, &self.reporter, &self.campaign.loaded.environment.clock);
        self.tell_of_waits();
        let change = known.older.as_ref().map(OlderLedger::change);
        let reader = self.reader(&known.accepted, change.as_ref());
        self.check_approval_of_file(&reader)?;
        if let Some(open) = &mut known.open {
            self.take_up(&mut open.ledger, &reader)?;
        }
        self.unless_stalled(self.show(known.ledger())).await?;
        let empty = LedgerState::new(self.campaign.loaded.plan.identity.clone());
        let ledger_state = known.ledger().map_or(&empty, Ledger::state);
        let mut admission = self.read_audience(&reader, ledger_state).await?;
        drop(reading);
        match self.ask(&admission, ledger_state, &known, seat).await? {
            Answer::Yes => {}
            Answer::No => return Err(EarlyEnd::Declined),
            Answer::Stopped => return Err(EarlyEnd::Stopped),
        }
        let checked = self.check_template(ledger_state, &admission, &platform);
        self.unless_stopped(checked).await??;
        let mut open = match known.open {
            Some(open) => open,
            None => Box::pin(self.unless_stalled(self.begin_ledger(&reader))).await??,
        };
        if let Some(declared) = &self.campaign.loaded.plan.activity {
            let activity_id = self.declared_activity(declared, &mut open.ledger, &admission, &platform);
            admission.changes.generation.activity_id = self.unless_stopped(activity_id).await??;
        }
        let applied = admission.changes.generation.fingerprint.clone();
        let send_order = self.admit(&mut open.ledger, admission).await?;
        pauses.end().await;
        applied_settings::write(&self.locked, &applied, settings(&self.campaign.loaded.plan));
        // The accepted changes are durable now, so the witness may name the current head.
        let heads = open.ledger.store().heads();
        let witness = self
            .witnesses
            .keep(&open.id, heads, &self.campaign.loaded.environment.clock);
        let ended = Box::pin(self.send(open.ledger, send_order, platform)).await;
        witness.finish().await;
        Ok(ended?)
    }

    /// Opens the ledger, and says that the run has begun.
    async fn open_known(&self) -> Result<KnownLedger, EarlyEnd> {
        let plan = &self.campaign.loaded.plan;
        let opened = Box::pin(self.unless_stopped(self.locked.open(&self.witnesses))).await??;
        let activity_id = match &opened {
            Some(opened) => opened.ledger.state().resolve_activity(&plan.activity_id),
            None => plan.activity_id.clone(),
        };
        self.emit(self.began(opened.is_none(), activity_id));
        let older = match &opened {
            Some(opened) => opened.older.clone(),
            None => self.witnesses.of_lost().map(OlderLedger::lost),
        };
        let accepted = older_ledger::accepted(&self.shared.request.accept, older.as_ref()).map_err(AppError::from)?;
        Ok(KnownLedger {
            open: opened,
            older,
            accepted,
        })
    }

    /// Refuses a run without an approval of the service if the campaign file asks for one.
    fn check_approval_of_file(&self, reader: &AudienceReader<'_>) -> Result<(), AppError> {
        let loaded = &self.campaign.loaded;
        match loaded.parsed.campaign.approval {
            Some(asked) if !loaded.at.rehearsal.is_on() && reader.approval.is_none() => {
                Err(AppError::FileNeedsApproval {
                    approvals: asked.approvals,
                })
            }
            _ => Ok(()),
        }
    }

    /// Continues a ledger, whose first new facts wait for the first batch of the run.
    fn take_up(&self, ledger: &mut Ledger<CampaignStore>, reader: &AudienceReader<'_>) -> Result<(), AppError> {
        let plan = &self.campaign.loaded.plan;
        wrong_clock::check(reader, ledger.state())?;
        if ledger.state().needs_run_approval() && reader.approval.is_none() {
            let at = Box::new(self.campaign.loaded.at.clone());
            return Err(AppError::NeedsApproval { at });
        }
        ledger.accept_older();
        let changed = self.owner_changed(ledger.state(), reader.now);
        let first: Vec<_> = changed.into_iter().chain(reader.beginning(ledger.state())).collect();
        ledger.hold_back(&first)?;
        let counts = ledger.state().counts();
        let valuation = ledger.state().valuation(&plan.activity_id, plan.coupon_value);
        self.emit(EventKind::Counted { counts, valuation });
        Ok(())
    }

    /// Reads the audience, and checks that what it changes is accepted, reviewed and approved.
    async fn read_audience(
        &self,
        reader: &AudienceReader<'_>,
        ledger_state: &LedgerState,
    ) -> Result<Admission, EarlyEnd> {
        let loaded = &self.campaign.loaded;
        let of = expected_rows(&loaded.parsed, loaded.environment.clock.now());
        let progress = |rows| self.emit(EventKind::AudienceRead { rows, of });
        progress(0);
        let read = self.unless_stopped(reader.read_diff(ledger_state, progress));
        let (diff, fingerprint) = read.await??;
        let approval = self.shared.request.approval.as_deref();
        if approval.is_none() {
            check_reviewed(loaded, self.shared.request.expect.as_ref(), &fingerprint)?;
        }
        let admission = diff.accept().map_err(AppError::Refused)?;
        if let Some(approval) = approval {
            let generation = &admission.changes.generation;
            check_approved(loaded, approval, &fingerprint, generation, reader.now)?;
        }
        admission
            .remarks()
            .for_each(|message| self.emit(EventKind::Warning { message }));
        if let Some(held) = owed_again(admission.owed_under_new_activity) {
            let message = Text::new(&text::OtherActivity { held: &held });
            self.emit(EventKind::Warning { message });
        }
        Ok(admission)
    }

    /// Writes the audience into the ledger. Returns the order in which it is sent to.
    async fn admit(&self, ledger: &mut Ledger<CampaignStore>, admission: Admission) -> Result<SendOrder, EarlyEnd> {
        let plan = &self.campaign.loaded.plan;
        let mut users = 0;
        let of = admission.changes.admitted.len() as u64;
        for batch in admission.changes.into_batches() {
            let batch = batch.map_err(|error| AppError::from(LedgerError::Store(error)))?;
            // The next run ignores a generation that was not closed and uses the one before.
            if self.commands.borrow().stops() {
                return Err(EarlyEnd::Stopped);
            }
            users += batch.iter().map(Fact::newcomers).sum::<u64>();
            self.unless_stalled(ledger.append(batch)).await??;
            self.emit(EventKind::Admitting { users, of });
        }
        let counts = ledger.state().counts();
        let valuation = ledger.state().valuation(&plan.activity_id, plan.coupon_value);
        self.emit(EventKind::Admitted {
            reading: Box::new(admission.reading),
            counts,
            valuation,
        });
        if let Some(newest) = ledger.state().activities_asked_for().newest() {
            let elsewhere = counts.count(StateName::Issued).saturating_sub(newest.issued);
            let stock = newest.order.stock;
            self.emit(EventKind::ActivityStock { stock, elsewhere });
        }
        Ok(admission.send_order)
    }

    /// Completes `work`, or drops it when the run is stopped.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, EarlyEnd> {
        tokio::select! {
            biased;
            () = owner::stopped(self.commands.clone()) => Err(EarlyEnd::Stopped),
            done = work => Ok(done),
        }
    }

    /// Asks for the coupon template before the first send, if the campaign file names it and something is owed.
    async fn check_template(
        &self,
        ledger_state: &LedgerState,
        admission: &Admission,
        platform: &Arc<HttpPlatform>,
    ) -> Result<(), AppError> {
        let campaign = &self.campaign.loaded.parsed.campaign;
        let Some(coupon_meta_id) = campaign.names.coupon_meta_id.clone() else {
            return Ok(());
        };
        if admission.counts.owed() + admission.counts.count(StateName::InDoubt) == 0 {
            return Ok(());
        }
        let plan = &self.campaign.loaded.plan;
        let needs = TemplateNeeds::new(plan, ledger_state, self.campaign.loaded.environment.clock.now());
        let answer = template::ask_in_run(plan, platform, &self.limiter, &coupon_meta_id).await;
        for message in template::warnings(&answer, needs, &campaign.timezone) {
            self.emit(EventKind::Warning { message });
        }
        match template::reasons(&answer, needs, &coupon_meta_id, &campaign.timezone) {
            reasons if reasons.is_empty() => Ok(()),
            reasons => Err(AppError::Template {
                coupon_meta_id,
                reasons,
            }),
        }
    }

    /// Completes `work` on the ledger. Fails if the run is stopped and the disk does not answer within `retry.timeout`.
    pub(super) async fn unless_stalled<T>(&self, work: impl Future<Output = T>) -> Result<T, AppError> {
        let given_up = async {
            owner::stopped(self.commands.clone()).await;
            tokio::time::sleep(self.campaign.loaded.plan.retry.timeout).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = given_up => Err(LedgerError::GivenUp.into()),
        }
    }

    /// Lets other processes see the present state of the ledger.
    async fn show(&self, ledger: Option<&Ledger<CampaignStore>>) {
        let shown = match ledger {
            Some(ledger) => match ledger.store().view().await {
                Ok(view) => view,
                Err(error) => {
                    tracing::warn!("other processes cannot be shown the ledger: {error}");
                    LedgerView::Opening
                }
            },
            None => LedgerView::Empty,
        };
        self.server.show(shown);
    }

    /// Creates the ledger.
    async fn begin_ledger(&self, reader: &AudienceReader<'_>) -> Result<OpenLedger, AppError> {
        let mut open = self.locked.begin(reader.now, &self.witnesses).await?;
        let ledger = &mut open.ledger;
        let changed = self.owner_changed(ledger.state(), reader.now);
        let first = changed.into_iter().chain(reader.run_began());
        ledger.append(first.collect()).await?;
        self.show(Some(ledger)).await;
        Ok(open)
    }

    fn reader<'c>(&'c self, accepted: &'c [Accept], older_ledger: Option<&'c Change>) -> AudienceReader<'c> {
        AudienceReader {
            campaign: &self.campaign.loaded,
            accepted,
            older_ledger,
            by: Some(&self.shared.by),
            approval: self.shared.request.approval.as_deref(),
            takes_over: self.takes_over,
            now: self.campaign.loaded.environment.clock.now(),
        }
    }

    /// Waits until this campaign may read its ledger and its audience.
    async fn turn_to_read(&self) -> Result<Option<SemaphorePermit<'_>>, EarlyEnd> {
        let reading = &self.shared.reading;
        if let Ok(turn) = reading.try_acquire() {
            return Ok(Some(turn));
        }
        self.emit(EventKind::Queued);
        // The semaphore is never closed.
        Ok(self.unless_stopped(reading.acquire()).await?.ok())
    }

    /// Asks a person where that is needed. Returns [`Answer::Yes`] where it is not.
    async fn ask(
        &self,
        admission: &Admission,
        ledger_state: &LedgerState,
        known: &KnownLedger,
        seat: Option<ConfirmationSeat>,
    ) -> Result<Answer, AppError> {
        let new_ledger = known.open.is_none();
        let fingerprint = &admission.changes.generation.fingerprint;
        let to_send = admission.counts.owed() + admission.counts.count(StateName::InDoubt);
        let facts = Facts {
            can_ask: self.shared.request.confirm.is_some(),
            to_send,
            yes: self.shared.request.yes,
            sandbox: self.campaign.loaded.at.rehearsal.is_on(),
            agreed: ledger_state
                .generation()
                .is_some_and(|last| last.fingerprint == *fingerprint),
        };
        if !needs_question(&facts) {
            return Ok(Answer::Yes);
        }
        let Some(seat) = seat else {
            // It waited for another worker while the question was asked.
            self.campaign.loaded.environment.notify(Notice::NobodyAsked);
            return Ok(Answer::No);
        };
        let plan = &self.campaign.loaded.plan;
        let price = ledger_state.valuation(&plan.activity_id, plan.coupon_value).price;
        let names = &self.campaign.loaded.parsed.campaign.names;
        let question = Question {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: ledger_state.resolve_activity(&plan.activity_id),
            base_url: self.campaign.loaded.plan.base_url.clone(),
            to_send,
            worth: price.map(|price| price.each.times(to_send)),
            owed_again: admission.owed_under_new_activity,
            ledger: self.locked.location().to_owned(),
            new_ledger,
            earlier: self.earlier(new_ledger, known.older.as_ref()),
        };
        self.emit(EventKind::Asking);
        let began = Instant::now();
        let answer = seat.ask(question, self.commands.clone()).await;
        let waited = began.elapsed();
        self.emit(EventKind::Asked { waited });
        answer
    }

    /// Returns what a person must know about an earlier ledger before a send. `None` if there is nothing to say.
    fn earlier(&self, new_ledger: bool, older: Option<&OlderLedger>) -> Option<String> {
        let another = || self.witnesses.of_another_file().filter(|_| new_ledger);
        let seen = match older {
            Some(older) => older.witness().clone(),
            None => another()?,
        };
        let earlier = text::EarlierLedger {
            seen: &date_time(seen.written, &self.campaign.loaded.parsed.campaign.timezone),
            batch: &grouped(seen.sequence),
            directory: &visible(&seen.directory),
        };
        Some(earlier.to_string())
    }

    /// Shows the times that a rehearsal does not wait for. A start that is past does not count.
    fn tell_of_waits(&self) {
        let said = &self.campaign.loaded.parsed.campaign;
        let schedule = &said.schedule;
        let zone = &said.timezone;
        let now = self.campaign.loaded.environment.clock.now();
        let times = [
            schedule.start.filter(|start| *start > now).map(|start| {
                let start = &date_time(start, zone);
                text::NoSendBefore { start }.to_string()
            }),
            schedule.end.map(|end| {
                let end = &date_time(end, zone);
                text::NoSendFrom { end }.to_string()
            }),
            schedule.hours.as_deref().map(|hours| {
                let hours = &listed(hours);
                text::OnlyInHours { hours }.to_string()
            }),
            schedule
                .closed
                .as_deref()
                .filter(|closed| !closed.is_empty())
                .map(|closed| {
                    let days = &listed(closed);
                    text::NotOnDays { days }.to_string()
                }),
        ];
        let list = |first: String, second: String| {
            let both = text::ListOfTwo {
                first: &first,
                second: &second,
            };
            both.to_string()
        };
        let said = times.into_iter().flatten().reduce(list);
        if let Some(said) = said.filter(|_| self.campaign.loaded.at.rehearsal.is_on()) {
            self.campaign.loaded.environment.notify(Notice::SkipsWaits(&said));
        }
    }

    fn began(&self, new_ledger: bool, activity_id: ActivityId) -> EventKind {
        let names = &self.campaign.loaded.parsed.campaign.names;
        EventKind::RunBegan {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id,
            platform: self.campaign.loaded.plan.identity.platform.clone(),
            ledger: self.locked.location().to_owned(),
            new_ledger,
        }
    }

    fn owner_changed(&self, ledger_state: &LedgerState, at: Timestamp) -> Option<Fact> {
        let timeout = self.campaign.loaded.plan.retry.timeout;
        self.locked.owner_changed(ledger_state, at, timeout)
    }
}

fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
