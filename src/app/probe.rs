//! Asks the platform what no document says, with one coupon for one person: what a repeated id does, and which codes come when the
//! stock is used up or the activity is deleted.
//!
//! It sends without a ledger. Its journal takes the ledger's place: each request is on the disk before it leaves, and the stock
//! of its activity, which is one, bounds what an interrupted probe can cost.

pub mod error;
mod journal;
mod live;

use std::time::Duration;

use tokio::time::Instant;

use crate::douyin::token::Credentials;
use crate::ledger::lock::LockError;
use crate::model::activity::AnswerNote;
use crate::model::identity::{CouponMetaId, OpenId};
use crate::model::probe::{Next, ProbeLog, ProbeSubject, Step, StepAnswer};

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::locked_ledger::LockedLedger;
use super::reconcile::{client_and_pace, own_limiter};

pub use error::ProbeError;
pub use journal::{Journal, JournalError};
pub use live::{LiveProbe, StepResult};

/// How often a request is made that gets no clear answer.
const TRIES: u32 = 4;

/// What is shown while a probe runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The request of this step is about to leave.
    Asking(Step),
    /// It was answered.
    Answered(Step, &'a StepAnswer),
    /// It was not answered clearly, and is repeated.
    Again(Step, &'a AnswerNote),
    /// The count is asked for again later.
    Waiting,
}

/// A probe that can begin or go on: this process has the campaign's lock.
pub struct Probe<'c> {
    campaign: &'c LoadedCampaign,
    locked: LockedLedger,
    journal: Journal,
    patience: Duration,
}

impl<'c> Probe<'c> {
    /// Takes the campaign's lock, in a fleet as the owner of its app id, and reads the journal, which is a file of this machine. The
    /// count is waited for `patience` at most.
    ///
    /// # Errors
    /// When a run of the campaign is under way, or the journal cannot be read.
    pub async fn open(campaign: &'c LoadedCampaign, patience: Duration) -> Result<Self, AppError> {
        if campaign.at.rehearsal.is_inside() {
            return Err(AppError::NoSandbox);
        }
        let locked = match LockedLedger::take_to_write(campaign).await {
            Err(AppError::Lock(taken @ LockError::Taken { .. })) => return Err(AppError::ReconcileWhileApplied(taken)),
            locked => locked?,
        };
        let journal = Journal::read(campaign.ledger_dir().probes()).map_err(ProbeError::from)?;
        Ok(Self {
            campaign,
            locked,
            journal,
            patience,
        })
    }

    /// The last probe, whether it is over or not. `None` if there was none.
    #[must_use]
    pub const fn last(&self) -> Option<&ProbeLog> {
        self.journal.last()
    }

    /// The journal.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether the last probe is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let now = self.campaign.environment.clock.now();
        self.last().is_none_or(|last| last.is_done(now, self.patience))
    }

    /// What a probe of this person would be about.
    #[must_use]
    pub fn subject(&self, open_id: &OpenId, coupon_meta_id: &CouponMetaId) -> ProbeSubject {
        let plan = &self.campaign.plan;
        ProbeSubject {
            campaign: plan.identity.campaign.to_string(),
            app_id: plan.identity.app_id.to_string(),
            platform: plan.base_url.clone(),
            open_id: open_id.to_string(),
            coupon_meta_id: coupon_meta_id.to_string(),
        }
    }

    /// Whether a new probe has to begin. The last one may be over, or there was none.
    ///
    /// # Errors
    /// When the last probe is not over and was about something else.
    pub fn is_new(&self, subject: &ProbeSubject) -> Result<bool, AppError> {
        match self.last().filter(|_| !self.is_over()) {
            None => Ok(true),
            Some(last) if last.subject == *subject => Ok(false),
            Some(last) => {
                let other = Box::new(last.subject.clone());
                Err(ProbeError::OtherUnfinished(other).into())
            }
        }
    }

    /// Makes the requests that are left. Begins a new probe if the last one is over.
    ///
    /// # Errors
    /// When another process sends for the app, the platform gives no clear answer, or the journal cannot be written.
    pub async fn run(
        &mut self,
        subject: ProbeSubject,
        credentials: Credentials,
        notify: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(), AppError> {
        let is_new = self.is_new(&subject)?;
        let platform = self.connect(credentials).await?;
        let clock = &self.campaign.environment.clock;
        if is_new {
            self.journal.begin(subject, clock.now()).map_err(ProbeError::from)?;
        }
        loop {
            let Some(log) = self.journal.last() else { return Ok(()) };
            match log.next(clock.now(), self.patience) {
                Next::Done => return Ok(()),
                Next::Wait(until) => {
                    notify(Progress::Waiting);
                    let wait = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
                    tokio::time::sleep(wait).await;
                }
                Next::Ask(step) => self.ask(&platform, step, notify).await?,
            }
        }
    }

    /// Makes the request of a step until it has a clear answer.
    async fn ask(
        &mut self,
        platform: &LiveProbe,
        step: Step,
        notify: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(), ProbeError> {
        let clock = &self.campaign.environment.clock;
        let retry = &self.campaign.plan.retry;
        let is_repeat = self.journal.last().is_some_and(|log| log.unanswered(step) > 0);
        if is_repeat {
            // The request of an interrupted process may still be on its way.
            tokio::time::sleep(retry.timeout).await;
        }
        notify(Progress::Asking(step));
        let mut last = AnswerNote::default();
        for attempt in 0..TRIES {
            let access = platform.ready().await.map_err(ProbeError::NotReady)?;
            self.journal.ask(step, clock.now())?;
            let began = Instant::now();
            let Some(log) = self.journal.last() else { return Ok(()) };
            let result = match platform.ask(&access, log, step).await {
                Ok(result) => result,
                Err(live::Unaskable) => return Err(ProbeError::NoAnswer { step, note: last }),
            };
            match result {
                StepResult::Clear(answer) => {
                    notify(Progress::Answered(step, &answer));
                    self.journal.take(step, clock.now(), answer)?;
                    return Ok(());
                }
                StepResult::Unclear(note) => {
                    notify(Progress::Again(step, &note));
                    last = note;
                    // Never two requests for one person at once.
                    tokio::time::sleep_until(began + retry.timeout).await;
                    let doubled = retry.first_delay * (1 << attempt.min(16));
                    tokio::time::sleep(doubled.min(retry.max_delay)).await;
                }
            }
        }
        Err(ProbeError::NoAnswer { step, note: last })
    }

    async fn connect(&self, credentials: Credentials) -> Result<LiveProbe, AppError> {
        // In a fleet the app id belongs to this process for a term, with its own limiter.
        let limiter = match self.locked.ownership() {
            Some(ownership) => ownership.limiter(),
            None => own_limiter(self.campaign),
        };
        let (client, pace) = client_and_pace(self.campaign, credentials, &limiter).await?;
        Ok(LiveProbe::new(client, pace))
    }

    /// Releases the campaign's lock.
    pub async fn release(self) {
        self.locked.release().await;
    }
}
