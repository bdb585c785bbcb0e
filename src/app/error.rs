//! Why a use case failed.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::task::JoinError;

use crate::audience::AudienceError;
use crate::catalogue::{Text, app, failure, push, reconcile, recurrence, template};
use crate::control::ControlError;
use crate::douyin::ClientError;
use crate::engine::EngineError;
use crate::engine::audience_diff::Refusal;
use crate::fleet::DatabaseError;
use crate::fleet::postgres::StatementError;
use crate::ledger::LedgerError;
use crate::ledger::erasure::EraseError;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::verify::VerifyError;
use crate::model::delivery::Counts;
use crate::model::envelope::Excess;
use crate::model::event::AppLockHolder;
use crate::model::identity::{CampaignName, CouponMetaId};
use crate::model::recurrence::Occurrence;
use crate::model::resolve::ResolveRefusal;
use crate::plan::{Fingerprint, PlanError};
use crate::report::feasibility::Reason;
use crate::report::text::visible;
use crate::simulation::SimulationError;

use super::activity::error::ActivityError;
use super::campaign_ref::CampaignRef;
use super::lists_elsewhere::ListsElsewhere;
use super::older_ledger::OlderLedger;
use super::other_ledger::OtherLedger;
use super::probe::error::ProbeError;
use super::pushed_files::PushedFile;

/// Why a use case failed. The message says what was attempted.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A directory of campaign files cannot be read.
    #[error("{}", app::CannotReadDirectory { path: &.path.display() })]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory has no campaign file.
    #[error("{}", app::NoCampaignFile { path: &.0.display() })]
    NoCampaigns(PathBuf),
    /// The database has no campaign file of this name.
    #[error("{}", not_pushed(name))]
    NotPushed {
        /// The name. It is empty if any file was meant, and there is none.
        name: String,
        /// The name of a file that may be meant.
        nearest: Option<String>,
        /// Whether the database has any.
        are_any: bool,
    },
    /// A campaign file cannot be pushed: another one has its name or its campaign.
    #[error("{}", push::Conflict { name, campaign, app })]
    PushConflict {
        /// The name of the file.
        name: String,
        /// Its campaign.
        campaign: String,
        /// Its app id.
        app: String,
        /// The other file. `None` if it was pushed meanwhile.
        other: Option<Box<PushedFile>>,
    },
    /// A pushed file is not the one that was seen any more.
    #[error("{}", push::ChangedMeanwhile { name })]
    PushedMeanwhile {
        /// The name of the file.
        name: String,
    },
    /// A file that was pushed again cannot be taken by a run that has begun.
    #[error("{}", push::Unfit { name })]
    PushedUnfit {
        /// The file, as it was typed.
        name: String,
        /// Why.
        why: Text,
    },
    /// This machine lacks lists of users, and cannot go on with the audience of another one.
    #[error("{}", .0.message())]
    ListsElsewhere(Box<ListsElsewhere>),
    /// The campaign cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The campaign has no ledger yet.
    #[error("{}", app::NoLedger { campaign: name, path: &.dir.display() })]
    NoLedger {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// Its name.
        name: CampaignName,
        /// Where its ledger belongs.
        dir: PathBuf,
    },
    /// An occurrence is named, and the campaign takes place once.
    #[error("{}", recurrence::NotRecurring { campaign: name })]
    NotRecurring {
        /// The name of the campaign.
        name: CampaignName,
    },
    /// A recurring campaign has no occurrence on the date that is named.
    #[error("{}", recurrence::NoOccurrence { campaign: name, date })]
    NoOccurrence {
        /// The name of the campaign.
        name: CampaignName,
        /// The date.
        date: Date,
        /// The latest occurrence before it.
        before: Option<Date>,
        /// The first occurrence after it.
        after: Option<Date>,
    },
    /// Several occurrences have a ledger, and none is named.
    #[error("{}", recurrence::WhichOccurrence { campaign: name, n: &begun.len() })]
    WhichOccurrence {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// Its name.
        name: CampaignName,
        /// The dates of the occurrences with a ledger, newest first.
        begun: Vec<Date>,
    },
    /// No occurrence of a recurring campaign is due.
    #[error("{}", recurrence::NotDue { campaign: &.0.name })]
    NotDue(Box<NotDue>),
    /// The campaign has another ledger elsewhere.
    #[error("{0}")]
    OtherLedger(Box<OtherLedger>),
    /// The ledger is older than its witness, and no person has accepted that.
    #[error("{0}")]
    OlderLedger(Box<OlderLedger>),
    /// The ledger's times are far ahead of the wall clock, and no person has accepted that.
    #[error("{}", app::WrongClock)]
    WrongClock {
        /// The ledger's newest time.
        newest: Timestamp,
        /// The wall clock.
        wall: Timestamp,
        /// The campaign's time zone.
        zone: TimeZone,
    },
    /// The directory of the ledger cannot be used.
    #[error(transparent)]
    LedgerDir(#[from] LedgerDirError),
    /// The database of a fleet cannot be used.
    #[error("{0}")]
    Database(#[source] Arc<DatabaseError>),
    /// A worker did not answer as expected.
    #[error(transparent)]
    Worker(ControlError),
    /// A command cannot be written, or its answer cannot be read.
    #[error("{}", app::BadCommand)]
    Command(#[source] io::Error),
    /// A lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The process that applies the campaign did not answer as expected.
    #[error("{source}")]
    OwnerUnclear {
        /// What it answered.
        source: ControlError,
        /// Which process it is.
        owner: LockError,
    },
    /// The audience cannot be read.
    #[error(transparent)]
    Audience(#[from] AudienceError),
    /// An exclude list cannot be read.
    #[error("{}", app::CannotReadList { list })]
    ExcludedList {
        /// The list.
        list: String,
        /// Why.
        source: Box<AudienceError>,
    },
    /// The file of an excluded campaign cannot be used.
    #[error("{}", app::CannotUseCampaignFile { path: &.0.display() })]
    ExcludedCampaign(PathBuf),
    /// An excluded campaign has no ledger, so nobody knows who has a coupon of it.
    #[error("{}", app::ExcludedWithoutLedger { campaign: name, path: &.dir.display() })]
    ExcludedWithoutLedger {
        /// Its file.
        file: PathBuf,
        /// Its name.
        name: CampaignName,
        /// Where its ledger belongs.
        dir: PathBuf,
    },
    /// The open_ids of the ledger were erased, so nothing can be sent or decided any more.
    #[error("{}", app::Erased { campaign: name })]
    Erased {
        /// The campaign.
        name: CampaignName,
        /// When they were erased.
        at: Timestamp,
    },
    /// The open_ids of an excluded campaign were erased, so nobody knows who has a coupon of it.
    #[error("{}", app::ExcludedErased { campaign: name })]
    ExcludedErased {
        /// The campaign.
        name: CampaignName,
        /// When they were erased.
        at: Timestamp,
    },
    /// The plan is not the one that was reviewed.
    #[error("{}", app::OtherPlan)]
    OtherPlan {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// The fingerprint of the plan that was reviewed.
        reviewed: Box<Fingerprint>,
        /// The fingerprint of the plan as it is now.
        now: Box<Fingerprint>,
    },
    /// The plan is outside the approval that the run goes by.
    #[error("{}", app::OutsideApproval)]
    OutsideApproval {
        /// Why.
        excess: Excess,
    },
    /// The service has a policy and has taken the campaign in charge, and the run has no approval of it.
    #[error("{}", app::NeedsApproval)]
    NeedsApproval {
        /// Which campaign.
        at: Box<CampaignRef>,
    },
    /// The campaign file asks for approvals, which only a service with a policy collects.
    #[error("{}", app::FileNeedsApproval { approvals: u64::from(*approvals) })]
    FileNeedsApproval {
        /// How many.
        approvals: u8,
    },
    /// The audience is not admitted, for each of these reasons.
    #[error("{}", app::AudienceRefused)]
    Refused(Vec<Refusal>),
    /// The ledger has no such user.
    #[error("{}", app::UnknownUser { campaign: name, open_id: &visible(.open_id) })]
    UnknownUser {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// Its name.
        name: CampaignName,
        /// The open_id as given.
        open_id: String,
        /// A similar open_id.
        near: Option<String>,
    },
    /// Some selected deliveries do not allow the decision, so nothing was decided.
    #[error("{}", app::CannotResolve)]
    CannotResolve(Vec<ResolveRefusal>),
    /// The platform's records cannot be compared while a process applies the campaign: it would not know of what is settled.
    #[error(transparent)]
    ReconcileWhileApplied(LockError),
    /// Another process sends for the app id.
    #[error("{}", reconcile::AppTaken)]
    AppTaken(Box<AppLockHolder>),
    /// The lock of the app id cannot be taken.
    #[error("{}", reconcile::NoAppLock)]
    NoAppLock(#[source] Box<dyn Error + Send + Sync>),
    /// The platform accepts no query.
    #[error("{}", reconcile::NoRecords)]
    NoRecords(String),
    /// A rehearsal inside the process has no platform any more that could be asked.
    #[error("{}", reconcile::NoSandbox)]
    NoSandbox,
    /// A decision expected another selection, so nothing was decided.
    #[error("{}", app::SelectionChanged { now: *now })]
    SelectionChanged {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// How many deliveries are selected by now.
        now: u64,
        /// Whether a process applies the campaign, so that the selection may change at any time.
        is_applied: bool,
    },
    /// Whether a decision was recorded is not known.
    #[error("{}", app::DecisionUnknown)]
    DecisionUnknown {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// Why the owner of the ledger gave no answer. `None` if its ledger failed.
        source: Option<ControlError>,
    },
    /// The ledger is damaged, or contradicts itself.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The counts of the ledger are wrong, though each of its facts is right.
    #[error("{}", failure::Miscounted)]
    Miscounted {
        /// The counts that are kept.
        kept: Box<Counts>,
        /// Those counted again.
        counted: Box<Counts>,
    },
    /// `status.json` cannot be read.
    #[error("{}", app::CannotReadStatus { path: &.path.display() })]
    StatusFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The rows of an export cannot be written.
    #[error("{}", app::CannotWriteRows)]
    Rows(#[source] io::Error),
    /// A request of a dry run cannot be drawn up.
    #[error("{}", app::CannotMakeRequest { why: &.0 })]
    Request(String),
    /// A thread cannot be started.
    #[error("{}", app::CannotStartThread)]
    Thread(#[source] io::Error),
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulation ended without a result.
    #[error("{}", app::SimulationEndedEarly)]
    SimulationBroke,
    /// The fake platform of a rehearsal cannot be started.
    #[error("{}", app::CannotStartSandbox)]
    FakePlatform(#[source] io::Error),
    /// A person cannot be asked.
    #[error("{}", app::CannotAsk)]
    Question(#[source] Arc<io::Error>),
    /// The run ended in a defect of the program.
    #[error("{}", app::RunDefect)]
    RunBroke(#[source] JoinError),
    /// The client of the platform cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The activity that the campaign declares cannot be used.
    #[error("{error}")]
    Activity {
        /// Which campaign.
        at: Box<CampaignRef>,
        /// The idempotency key of the request that it is about. Empty if it is about none.
        key: String,
        /// Why.
        error: Box<ActivityError>,
    },
    /// A probe cannot go on.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The coupon template does not fit the campaign.
    #[error("{}", template::Unfit { template: coupon_meta_id })]
    Template {
        /// The template.
        coupon_meta_id: CouponMetaId,
        /// What does not fit.
        reasons: Vec<Reason>,
    },
    /// The run failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl AppError {
    /// Whether a database server with a list of users was not asked, or gave no usable answer.
    #[must_use]
    pub fn is_of_audience_server(&self) -> bool {
        match self {
            Self::Audience(error) => error.is_of_server(),
            Self::ExcludedList { source, .. } => source.is_of_server(),
            _ => false,
        }
    }

    /// Whether a database server with a list of users may answer later.
    #[must_use]
    pub fn is_audience_server_away(&self) -> bool {
        match self {
            Self::Audience(error) => error.is_of_server() && !error.is_input(),
            Self::ExcludedList { source, .. } => source.is_of_server() && !source.is_input(),
            _ => false,
        }
    }

    /// Whether the database of a fleet has failed, or did not answer in time.
    #[must_use]
    pub fn is_database_away(&self) -> bool {
        let mut next = self.source();
        while let Some(cause) = next {
            if cause.is::<StatementError>() {
                return true;
            }
            next = cause.source();
        }
        false
    }
}

fn not_pushed(name: &str) -> String {
    if name.is_empty() {
        return push::NonePushed.to_string();
    }
    push::NotPushed { name: &visible(name) }.to_string()
}

/// Why no occurrence of a recurring campaign is due.
#[derive(Clone, Debug)]
pub struct NotDue {
    /// Which campaign.
    pub at: CampaignRef,
    /// Its name.
    pub name: CampaignName,
    /// The campaign's time zone.
    pub zone: TimeZone,
    /// The latest occurrence, if it was missed and may still send.
    pub missed: Option<Occurrence>,
    /// The next occurrence. `None` if there is none any more.
    pub next: Option<Occurrence>,
}

impl From<DatabaseError> for AppError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<EraseError> for AppError {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::LedgerDir(error) => error.into(),
            EraseError::Ledger(error) => error.into(),
        }
    }
}

impl From<OtherLedger> for AppError {
    fn from(other: OtherLedger) -> Self {
        Self::OtherLedger(Box::new(other))
    }
}

impl From<Box<OlderLedger>> for AppError {
    fn from(older: Box<OlderLedger>) -> Self {
        Self::OlderLedger(older)
    }
}
