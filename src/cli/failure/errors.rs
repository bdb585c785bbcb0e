//! Converts the errors of the other rooms into failures: which problem each is, and what to do.

use std::fmt::Display;
use std::io;

use jiff::civil::Date;
use rustix::io::Errno;

use crate::app::error::NotDue;
use crate::app::{AppError, CampaignRef};
use crate::audience::AudienceError;
use crate::catalogue::{app, cli, envelope, failure, push, reconcile, recurrence, resolve, sandbox};
use crate::cli::failure::{Failure, activity, probe};
use crate::cli::sandbox::SandboxError;
use crate::cli::typed::again;
use crate::control::ControlError;
use crate::douyin::ClientError;
use crate::engine::EngineError;
use crate::engine::audience_diff::{CLOCK_HELP, Refusal};
use crate::fake_platform::ServeError;
use crate::fleet::DatabaseError;
use crate::fleet::postgres::{ConnectError, SchemaError, StatementError};
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::service_log::ServiceLogError;
use crate::ledger::state_directory::NotOwn;
use crate::ledger::verify::VerifyError;
use crate::ledger::witness::Witness;
use crate::ledger::{Action, LedgerError, StoreError};
use crate::model::clock::until;
use crate::model::delivery::Counts;
use crate::model::problem::Problem;
use crate::model::recurrence::Occurrence;
use crate::model::resolve::ResolveRefusal;
use crate::plan::PlanError;
use crate::report::text::{visible, visible_path};
use crate::report::times::{date_time, duration, rfc3339};
use crate::report::wording::{app_lock_holder, excess_reason};
use crate::service::error::{NotRecorded, ServiceError};
use crate::simulation::SimulationError;

/// What to do, in the language of the moment.
type Help = &'static dyn Display;

/// How many dates are named at most.
const MOST_DATES: usize = 10;

/// Returns a list of dates, the first ones if there are many.
fn dates(all: &[Date]) -> String {
    let shown = all.iter().take(MOST_DATES).map(ToString::to_string);
    let mut shown: Vec<_> = shown.collect();
    if all.len() > MOST_DATES {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// Says when a recurring campaign is due, and how a missed occurrence is sent.
fn not_due(message: String, why: &NotDue) -> Failure {
    let NotDue {
        at, zone, missed, next, ..
    } = why;
    let command = |occurrence: &Occurrence| {
        let at = CampaignRef {
            occurrence: Some(occurrence.date),
            ..at.clone()
        };
        again("apply", &at)
    };
    let late = missed.as_ref().map(|missed| {
        let at = date_time(missed.start, zone);
        recurrence::Missed {
            date: &missed.date,
            at: &at,
        }
        .to_string()
    });
    let Some(next) = next else {
        let failure = Failure::new(Problem::NoneLeft, recurrence::NoneLeft).because([message]);
        return match missed {
            Some(missed) => failure.because(late).help(recurrence::SendLate {
                command: &command(missed),
            }),
            None => failure.help(recurrence::NoneLeftHelp),
        };
    };
    let failure = Failure::new(Problem::NotDue, message)
        .because(late)
        .because([recurrence::NextBegins {
            date: &next.date,
            at: &date_time(next.start, zone),
        }
        .to_string()]);
    match missed {
        Some(missed) => failure.help(recurrence::SendLateOrWait {
            late: &command(missed),
            wait: &command(next),
        }),
        None => failure.help(recurrence::WaitForNext { wait: &command(next) }),
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        match error {
            AppError::Plan(error) => error.into(),
            AppError::Activity { at, key, error } => activity::failure(&at, &key, *error),
            AppError::Probe(error) => probe::failure(error),
            AppError::Template { reasons, .. } => Self::new(Problem::TemplateUnfit, message)
                .because(reasons.iter().map(|reason| reason.text.clone()))
                .help(reasons.into_iter().find_map(|reason| reason.help).unwrap_or_default()),
            AppError::LedgerDir(error) => error.into(),
            AppError::Database(error) => database(&error),
            AppError::Worker(error) => Self::from_error(Problem::OwnerUnclear, &error).help(failure::RunAgain),
            AppError::Command(_) => Self::from_error(Problem::OwnerUnclear, &error).help(failure::RunAgain),
            AppError::Lock(error) => error.into(),
            AppError::Ledger(error) => error.into(),
            AppError::Audience(error) => error.into(),
            AppError::Client(error) => error.into(),
            AppError::Engine(error) | AppError::Simulation(SimulationError::Engine(error)) => error.into(),
            AppError::Directory { .. } => Self::from_error(Problem::Directory, &error),
            AppError::NoCampaigns(_) => Self::new(Problem::NoCampaigns, message).help(failure::NameEnding),
            AppError::NotPushed { nearest, are_any, .. } => {
                let failure = Self::new(Problem::NotPushed, message);
                match nearest {
                    Some(name) => failure.help(push::Nearest { name: &visible(&name) }),
                    None if are_any => failure.help(push::ListThem),
                    None => failure.help(push::PushFirst),
                }
            }
            AppError::PushedUnfit { why, .. } => Self::new(Problem::PushedUnfit, message)
                .because([why.to_string()])
                .help(push::UnfitHelp),
            AppError::ListsElsewhere(lists) => Self::new(Problem::ListsElsewhere, message)
                .because([lists.reason()])
                .help(lists.help()),
            AppError::PushConflict { name, other, .. } => {
                let failure = Self::new(Problem::PushConflict, message);
                match other {
                    Some(other) if other.name == name => failure
                        .because([push::ConflictName {
                            name: &visible(&name),
                            campaign: &other.campaign,
                            app: &other.app,
                            by: &visible(&other.by),
                        }
                        .to_string()])
                        .help(push::ConflictHelp),
                    Some(other) => failure
                        .because([push::ConflictCampaign {
                            name: &visible(&other.name),
                            by: &visible(&other.by),
                        }
                        .to_string()])
                        .help(push::ConflictCampaignHelp {
                            name: &visible(&other.name),
                        }),
                    None => failure
                        .because([push::ConflictMeanwhile.to_string()])
                        .help(push::ConflictMeanwhileHelp),
                }
            }
            AppError::PushedMeanwhile { .. } => {
                Self::new(Problem::PushedMeanwhile, message).help(push::ChangedMeanwhileHelp)
            }
            AppError::NoLedger { at, .. } => {
                let failure = Self::new(Problem::NoLedger, message);
                let command: &dyn Display = &again("apply", &at);
                if at.rehearsal.is_on() {
                    failure.help(failure::BeginLedgerOrCampaign { command })
                } else {
                    failure.help(failure::BeginLedgerOrSandbox { command })
                }
            }
            AppError::NotRecurring { .. } => {
                Self::new(Problem::NoOccurrence, message).help(recurrence::LeaveOccurrenceOut)
            }
            AppError::NoOccurrence { before, after, .. } => {
                let failure = Self::new(Problem::NoOccurrence, message);
                match (before, after) {
                    (Some(before), Some(after)) => failure.help(recurrence::NearestTwo {
                        before: &before,
                        after: &after,
                    }),
                    (Some(date), None) | (None, Some(date)) => failure.help(recurrence::NearestOne { date: &date }),
                    (None, None) => failure,
                }
            }
            AppError::WhichOccurrence { begun, .. } => {
                let failure = Self::new(Problem::WhichOccurrence, message);
                let failure = failure.because([dates(&begun)]);
                match begun.first() {
                    Some(date) => failure.help(recurrence::NameOccurrence { date }),
                    None => failure,
                }
            }
            AppError::NotDue(why) => not_due(message, &why),
            AppError::OtherLedger(other) => Self::new(Problem::OtherLedger, message)
                .help(other.help())
                .because([other.cause()]),
            AppError::OlderLedger(older) => {
                let Witness {
                    sequence,
                    written,
                    directory,
                    ..
                } = older.witness();
                Self::new(Problem::OlderLedger, message)
                    .help(app::OlderLedgerHelp)
                    .because([
                        older.why(),
                        failure::WitnessSaw {
                            written,
                            sequence,
                            directory,
                        }
                        .to_string(),
                    ])
            }
            AppError::WrongClock { newest, wall, zone } => {
                Self::new(Problem::WrongClock, message).help(CLOCK_HELP).because([
                    failure::ClockTimes {
                        newest: &rfc3339(newest, &zone),
                        wall: &rfc3339(wall, &zone),
                        earlier: &duration(until(wall, newest).unwrap_or_default()),
                    }
                    .to_string(),
                    failure::ClockWhy.to_string(),
                ])
            }
            AppError::OwnerUnclear { source, owner } => {
                let help: Help = match source {
                    ControlError::Newer { .. } => &failure::UseProgramOfOwner,
                    ControlError::Nobody { .. } | ControlError::Io { .. } | ControlError::Unclear { .. } => {
                        &failure::WaitForOwner
                    }
                    ControlError::Refused { .. } | ControlError::Busy { .. } => &failure::RunAgain,
                };
                Self::from_error(Problem::OwnerUnclear, &source)
                    .help(help)
                    .because([owner.to_string()])
            }
            AppError::ExcludedList { source, .. } => {
                let mut failure = Self::from(*source);
                failure.causes.insert(0, failure.message);
                Self { message, ..failure }
            }
            AppError::ExcludedCampaign(_) => Self::new(Problem::ExcludedCampaign, message),
            AppError::ExcludedWithoutLedger { file, .. } => {
                Self::new(Problem::ExcludedWithoutLedger, message).help(failure::ApplyExcludedFirst {
                    file: &visible_path(&file),
                })
            }
            AppError::Erased { at, .. } => Self::new(Problem::LedgerErased, message)
                .because([app::ErasedOn { at: &at }.to_string()])
                .help(app::ErasedHelp),
            AppError::ExcludedErased { at, .. } => Self::new(Problem::LedgerErased, message)
                .because([app::ErasedOn { at: &at }.to_string()])
                .help(app::ExcludedErasedHelp),
            AppError::OtherPlan { at, reviewed, now } => Self::new(Problem::OtherPlan, message)
                .help(failure::PlanShows {
                    command: &again("plan", &at),
                })
                .because(reviewed.differences(&now).iter().map(ToString::to_string))
                .because([failure::ExpectedPlan {
                    reviewed: &reviewed,
                    now: &now,
                }
                .to_string()]),
            AppError::OutsideApproval { excess } => Self::new(Problem::HaltEnvelope, message)
                .because([excess_reason(&excess)])
                .help(envelope::Remedy),
            AppError::FileNeedsApproval { .. } => {
                Self::new(Problem::NeedsApproval, message).help(app::FileNeedsApprovalHelp)
            }
            AppError::NeedsApproval { at } => Self::new(Problem::NeedsApproval, message).help(app::NeedsApprovalHelp {
                command: &again("verify", &at),
            }),
            AppError::Miscounted { kept, counted } => Self::miscounted(&kept, &counted),
            AppError::Verify(error) => error.into(),
            AppError::UnknownUser { at, near, .. } => {
                let failure = Self::new(Problem::UnknownUser, message);
                match near {
                    Some(near) => failure.help(failure::DidYouMean { name: &visible(&near) }),
                    None => failure.help(failure::ExportNamesAll {
                        command: &again("export", &at),
                    }),
                }
            }
            AppError::CannotResolve(refusals) => Self::from_resolve(message, &refusals),
            AppError::ReconcileWhileApplied(taken) => Self::from(taken).help(reconcile::EndRunFirst),
            AppError::AppTaken(holder) => Self::new(Problem::Taken, message)
                .because([app_lock_holder(&holder, None)])
                .help(reconcile::AppTakenHelp),
            AppError::NoAppLock(_) => Self::from_error(Problem::AppLock, &error),
            AppError::NoRecords(why) => Self::new(Problem::HaltCredentials, message)
                .because([why])
                .help(reconcile::NoRecordsHelp),
            AppError::NoSandbox => Self::new(Problem::NoSandbox, message).help(reconcile::NoSandboxHelp),
            AppError::SelectionChanged { at, is_applied, .. } => {
                let failure = Self::new(Problem::ChangedMeanwhile, message);
                if is_applied {
                    failure.help(resolve::AskAgainPaused {
                        command: &again("pause", &at),
                    })
                } else {
                    failure.help(resolve::AskAgain)
                }
            }
            AppError::DecisionUnknown { at, source } => {
                let failure = Self::new(Problem::DecisionUnknown, message).help(resolve::LookWhetherRecorded {
                    command: &again("history", &at),
                });
                failure.because(source.map(|source| source.to_string()))
            }
            AppError::StatusFile { .. } => Self::from_error(Problem::StatusFile, &error).help(failure::StatusFile),
            AppError::Rows(_) => Self::from_error(Problem::OutputFile, &error),
            AppError::Request(_) | AppError::SimulationBroke => Self::new(Problem::Defect, message),
            AppError::FakePlatform(_) => Self::from_error(Problem::StandIn, &error),
            AppError::Question(_) => Self::from_error(Problem::Question, &error),
            AppError::RunBroke(_) => Self::from_error(Problem::Defect, &error).help(failure::ReportDefectOfRun),
            AppError::Thread(_) => Self::from_error(Problem::System, &error),
            AppError::Simulation(error @ SimulationError::Clock(_)) => Self::from_error(Problem::System, &error),
            AppError::Refused(refusals) => {
                let mut helps: Vec<_> = refusals.iter().filter_map(Refusal::help).collect();
                helps.dedup();
                let failure = Self::new(Problem::NotLetIn, message).because(refusals.iter().map(ToString::to_string));
                if helps.is_empty() {
                    failure
                } else {
                    failure.help(helps.join("\n"))
                }
            }
        }
    }
}

impl Failure {
    fn miscounted(kept: &Counts, counted: &Counts) -> Self {
        let counted = failure::CountedAgain {
            kept: &format_args!("{kept:?}"),
            counted: &format_args!("{counted:?}"),
        };
        Self::new(Problem::Sum, failure::Miscounted)
            .help(failure::PleaseReport)
            .because([counted.to_string()])
    }

    /// Combines every reason why nothing was resolved.
    fn from_resolve(message: String, refusals: &[ResolveRefusal]) -> Self {
        const MOST_SHOWN: usize = 10;
        let only_doubts = refusals
            .iter()
            .all(|refusal| matches!(refusal, ResolveRefusal::MayDouble { .. }));
        let problem = if only_doubts {
            Problem::MayDouble
        } else {
            Problem::CannotResolve
        };
        let more = refusals.len().saturating_sub(MOST_SHOWN);
        let failure = Self::new(problem, message)
            .because(refusals.iter().take(MOST_SHOWN).map(ToString::to_string))
            .because((more > 0).then(|| failure::MoreLikeThese { n: more as u64 }.to_string()));
        let mut helps: Vec<_> = refusals.iter().filter_map(ResolveRefusal::help).collect();
        helps.dedup();
        helps.truncate(3);
        if helps.is_empty() {
            failure
        } else {
            failure.help(helps.join("\n"))
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Log(ServiceLogError::Dir(error)) => error.into(),
            ServiceError::Log(ServiceLogError::Log(error)) | ServiceError::NotRecorded(NotRecorded::Failed(error)) => {
                error.into()
            }
            ServiceError::NotRecorded(NotRecorded::Late) => Self::from_error(Problem::Database, &error),
            ServiceError::App(error) => error.into(),
            ServiceError::Socket(error) => Self::from_error(Problem::System, &error),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::LedgerDir(error) => error.into(),
            VerifyError::Damaged { .. } => Self::from_error(Problem::Unproven, &error).help(failure::RestoreUnchanged),
            VerifyError::Miscounted { kept, counted, .. } => Self::miscounted(&kept, &counted),
            VerifyError::SnapshotCheck { .. } => {
                Self::from_error(Problem::Unproven, &error).help(failure::RemoveShortcut)
            }
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::from_error(Problem::Plan, &error)
    }
}

impl From<AudienceError> for Failure {
    fn from(error: AudienceError) -> Self {
        let problem = match &error {
            AudienceError::Unreadable { .. } => Problem::AudienceUnreadable,
            AudienceError::NotAFile { .. } => Problem::AudienceNotAFile,
            AudienceError::Pattern { .. } | AudienceError::NoMatch { .. } | AudienceError::Neighbour { .. } => {
                Problem::AudiencePattern
            }
            AudienceError::Terminal => Problem::AudienceNotPiped,
            AudienceError::Foreign { .. } | AudienceError::NotParquet { .. } | AudienceError::NotSqlite { .. } => {
                Problem::AudienceKind
            }
            AudienceError::Damaged { .. } | AudienceError::NoFooter { .. } | AudienceError::BadParquet { .. } => {
                Problem::AudienceDamaged
            }
            AudienceError::Empty { .. } => Problem::AudienceEmpty,
            AudienceError::NoColumn { .. } | AudienceError::NoSuchColumn { .. } | AudienceError::NoKey { .. } => {
                Problem::AudienceColumn
            }
            AudienceError::RepeatedColumn { .. } | AudienceError::Ambiguous { .. } => Problem::AudienceRepeatedColumn,
            AudienceError::ColumnType { .. } => Problem::AudienceColumnType,
            AudienceError::TooLarge { .. } => Problem::AudienceTooLarge,
            AudienceError::LongValue { .. } | AudienceError::Malformed { .. } => Problem::AudienceMalformed,
            AudienceError::Secret { .. } | AudienceError::Url { .. } => Problem::AudienceUrl,
            AudienceError::NoQuery { .. } => Problem::AudienceQuery,
            AudienceError::Database { .. } if error.is_input() => Problem::AudienceQuery,
            AudienceError::Database { .. } => Problem::AudienceServer,
            AudienceError::Changed { .. } => Problem::AudienceChanged,
            AudienceError::BrokenOff => Problem::AudienceBrokenOff,
            AudienceError::NoThread { .. } => Problem::System,
            AudienceError::Broken => Problem::Defect,
        };
        let failure = Self::from_error(problem, &error);
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (problem, help): (_, Option<Help>) = match error {
            ClientError::BaseUrl { .. } => (Problem::BaseUrl, None),
            ClientError::Setup(_) => (Problem::Http, None),
            ClientError::Proxy(_) => (Problem::NetworkVariable, Some(&failure::WriteProxy)),
            ClientError::Authorities { .. } => (Problem::NetworkVariable, Some(&failure::NameAuthorities)),
        };
        let failure = Self::from_error(problem, &error);
        match help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Taken { .. } => Self::from_error(Problem::Taken, &error).help(failure::WaitOrStop),
            LockError::Io { ref source, .. } => {
                let failure = Self::from_error(Problem::Lock, &error);
                match help_of_disk(source) {
                    Some(help) => failure.help(help),
                    None => failure,
                }
            }
        }
    }
}

impl From<LedgerDirError> for Failure {
    fn from(error: LedgerDirError) -> Self {
        let (problem, help): (_, Help) = match &error {
            LedgerDirError::Network { .. } => (Problem::NetworkDisk, &failure::UseLocalDisk),
            LedgerDirError::NotOwn {
                why: NotOwn::OfAnotherUser { .. },
                ..
            } => (Problem::NotOwnDirectory, &failure::BeThatUser),
            LedgerDirError::NotOwn { .. } => (Problem::NotOwnDirectory, &failure::OnlyYourUserWrites),
            LedgerDirError::Foreign { is_proven: true, .. } => {
                (Problem::ForeignLedger, &failure::AnotherNameOrDirectory)
            }
            LedgerDirError::Foreign { .. } => (Problem::ForeignLedger, &failure::PutLedgerBack),
            LedgerDirError::Altered { .. } => (Problem::ForeignLedger, &failure::WriteValueAgain),
            LedgerDirError::Newer { .. } => (Problem::NewerLedger, &failure::UseNewerProgram),
            LedgerDirError::Illegible { .. } => (Problem::IllegibleLedger, &failure::RestoreOrMove),
            LedgerDirError::Missing { .. } => (Problem::HalfLedger, &failure::RestoreOrMove),
            LedgerDirError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                (Problem::LedgerDirectory, &failure::DirectoryGoneBefore)
            }
            // A directory that cannot be made has no ledger yet.
            LedgerDirError::Io {
                action: Action::Create, ..
            } => (Problem::LedgerDirectory, &failure::MakeRoomOrName),
            LedgerDirError::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                (Problem::LedgerDirectory, &failure::FileInPlace)
            }
            LedgerDirError::Io { source, .. } => (
                Problem::LedgerDirectory,
                help_of_disk(source).unwrap_or(&failure::OtherCause),
            ),
            LedgerDirError::Real { .. } => (Problem::RealLedger, &failure::NothingChanged),
            LedgerDirError::Lock(_) | LedgerDirError::Store(_) => (Problem::Lock, &""),
        };
        match error {
            LedgerDirError::Lock(error) => error.into(),
            LedgerDirError::Store(error) => LedgerError::Store(error).into(),
            error => Self::from_error(problem, &error).help(help),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let (problem, help): (_, Help) = match &error {
            LedgerError::Store(error) | LedgerError::Unfinished { source: error, .. } => store(error),
            LedgerError::Record { .. } => (Problem::Record, &failure::RestoreLedger),
            LedgerError::IllegalFact { .. } => (Problem::IllegalFact, &failure::RestoreLedger),
            LedgerError::Older(_) => (Problem::OlderLedger, &app::OlderLedgerHelp),
            LedgerError::GivenUp => (Problem::Store, &failure::SlowDisk),
            LedgerError::Failed => (Problem::LedgerFailed, &failure::RunAgain),
        };
        Self::from_error(problem, &error).help(help)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let report: Help = &failure::ReportNothingMoreSent;
        let (problem, help): (_, Help) = match &error {
            EngineError::Ledger(LedgerError::Store(error)) => store(error),
            EngineError::Ledger(LedgerError::Record { .. } | LedgerError::Unfinished { .. }) => {
                (Problem::Record, report)
            }
            EngineError::Ledger(LedgerError::IllegalFact { .. }) => (Problem::IllegalFact, report),
            EngineError::Ledger(LedgerError::Older(_)) => (Problem::OlderLedger, &app::OlderLedgerHelp),
            EngineError::Ledger(LedgerError::GivenUp) => (Problem::Store, &failure::SlowDisk),
            EngineError::Ledger(LedgerError::Failed) => (Problem::LedgerFailed, report),
            EngineError::AppId(_) | EngineError::TermLost => (Problem::AppLock, &failure::NothingMoreSentAgain),
            EngineError::Worker(_) => (Problem::Defect, &failure::ReportDefectOfRun),
        };
        Self::from_error(problem, &error).help(help)
    }
}

/// What to do about an error of the disk. `None` for other errors.
fn help_of_disk(error: &io::Error) -> Option<Help> {
    Some(match Errno::from_io_error(error)? {
        Errno::NOSPC | Errno::DQUOT => &failure::DiskFull,
        Errno::FBIG => &failure::FileLimit,
        Errno::ACCESS | Errno::PERM => &failure::NoPermission,
        Errno::ROFS => &failure::ReadOnlyDisk,
        Errno::IO => &failure::FailingDisk,
        Errno::NOENT | Errno::NOTDIR | Errno::STALE => &failure::DirectoryGone,
        _ => return None,
    })
}

/// Returns the problem of a failed store, and what to do.
fn store(error: &StoreError) -> (Problem, Help) {
    match error {
        StoreError::Io { source, .. } => (Problem::Store, help_of_disk(source).unwrap_or(&failure::OtherCause)),
        StoreError::Broken { .. } => (Problem::Store, &failure::OtherCause),
        StoreError::Stalled { .. } => (Problem::Store, &failure::SlowDisk),
        StoreError::InUse { .. } => (Problem::Store, &failure::EndedRunWaits),
        StoreError::Closed { .. }
        | StoreError::Damaged { .. }
        | StoreError::Lost { .. }
        | StoreError::Parted { .. }
        | StoreError::Headless { .. } => (Problem::LostEnd, &failure::RestoreTogether),
        StoreError::Summary { .. } => (Problem::LostEnd, &failure::RebuildStore),
        StoreError::Gone { .. } => (Problem::LedgerGone, &failure::LedgerGone),
        StoreError::Owner { .. } => (Problem::OwnerGone, &failure::OwnerEnded),
        StoreError::Spill { .. } => (Problem::Temporary, &failure::TemporaryDisk),
        StoreError::Database { .. } => (Problem::Database, &failure::DatabaseAgain),
        StoreError::Fenced { .. } | StoreError::Overtaken { .. } => (Problem::WorkerFenced, &failure::AnotherWorker),
        StoreError::Forgotten { .. } => (Problem::ForgottenFacts, &failure::ForgottenFacts),
        StoreError::Planned => (Problem::Store, &failure::PlannedFault),
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let (problem, help) = connect(&error);
        Self::from_error(problem, &error).help(help)
    }
}

/// Returns the problem of a connection to a database, and what to do.
fn connect(error: &ConnectError) -> (Problem, Help) {
    match error {
        ConnectError::Url { .. } => (Problem::DatabaseUrl, &failure::DatabaseUrl),
        ConnectError::Authorities { .. } => (Problem::DatabaseUrl, &failure::DatabaseAuthorities),
        ConnectError::Tls(_) => (Problem::Database, &failure::DatabaseAuthorities),
        ConnectError::Refused(_) | ConnectError::NoAnswer(_) => (Problem::Database, &failure::DatabaseAgain),
    }
}

/// Returns the failure of a database.
fn database(error: &DatabaseError) -> Failure {
    let (problem, help): (_, Help) = match error {
        DatabaseError::Failed {
            source: StatementError::NotConnected(error),
            ..
        } => connect(error),
        DatabaseError::Failed { .. } => (Problem::Database, &failure::DatabaseAgain),
        DatabaseError::Unfit { source, .. } => match source {
            SchemaError::Missing | SchemaError::WithoutFiles | SchemaError::WithoutNotices => {
                (Problem::DatabaseTables, &failure::CreateTables)
            }
            SchemaError::Format { .. } => (Problem::DatabaseTables, &failure::SameVersion),
            SchemaError::NotSynchronous { .. } => (Problem::NotSynchronous, &failure::SynchronousCommit),
            SchemaError::Standby => (Problem::Database, &failure::NamePrimary),
            SchemaError::Statement(_) => (Problem::Database, &failure::DatabaseAgain),
        },
        DatabaseError::SingleCopy { .. } => (Problem::SingleCopy, &failure::SingleCopy),
        DatabaseError::OtherServer { .. } => (Problem::OtherServer, &failure::OtherServer),
        DatabaseError::Illegible { .. } => (Problem::IllegibleLedger, &failure::RestoreOrMove),
        DatabaseError::HasLedger { .. } => (Problem::WorkerFenced, &failure::RunAgain),
        DatabaseError::NotOwner { .. } => (Problem::WorkerFenced, &failure::AnotherWorker),
    };
    Failure::from_error(problem, error).help(help)
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        match &error {
            SandboxError::Shares { .. } => Self::from_error(Problem::FaultShares, &error).help(sandbox::GiveLess),
            SandboxError::Listen { .. } => {
                Self::from_error(Problem::StandInPort, &error).help(sandbox::NameAnotherPort)
            }
            SandboxError::Serve(ServeError::Log { .. }) => {
                Self::from_error(Problem::StandInLog, &error).help(cli::NameWritableFile)
            }
            SandboxError::Serve(ServeError::Server(_)) => Self::from_error(Problem::StandInEnded, &error),
            SandboxError::Signals(_) => Self::from_error(Problem::System, &error),
            SandboxError::Stdout(_) => Self::from_error(Problem::Stdout, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use anstream::adapter::strip_str;

    use super::*;
    use crate::app::pushed_files::PushedFile;
    use crate::app::{CampaignRef, Rehearsal};
    use crate::catalogue::Language;
    use crate::fleet::{DatabaseAction, Evidence, ServerIdentity};
    use crate::model::delivery::StateName;
    use jiff::Timestamp;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use crate::model::identity::CampaignName;

    fn denied() -> io::Error {
        Errno::ACCESS.into()
    }

    fn not_pushed(nearest: Option<&str>, are_any: bool) -> AppError {
        AppError::NotPushed {
            name: if are_any { "sumer.yaml" } else { "" }.to_owned(),
            nearest: nearest.map(str::to_owned),
            are_any,
        }
    }

    /// The error of a push of `summer.yaml`, with the name of the file that is in the way.
    fn conflict(other: Option<&str>) -> AppError {
        let other = other.map(|name| {
            Box::new(PushedFile {
                name: name.to_owned(),
                app: "tt1".to_owned(),
                campaign: "summer-north".to_owned(),
                body: Vec::new(),
                hash: Vec::new(),
                origin: PathBuf::from("/srv/campaigns/summer.yaml"),
                host: "db1".to_owned(),
                by: "ann".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            })
        });
        AppError::PushConflict {
            name: "summer.yaml".to_owned(),
            campaign: "summer-south".to_owned(),
            app: "tt1".to_owned(),
            other,
        }
    }

    /// Errors of use cases that this file gives a help of its own.
    fn errors() -> Vec<AppError> {
        let at = |rehearsal| {
            Box::new(CampaignRef {
                rehearsal,
                ..CampaignRef::new("campaigns/夏 日.yaml")
            })
        };
        let name = || CampaignName::parse("summer").unwrap();
        let dir = || PathBuf::from("campaigns/.runner");
        let june = |day| date(2026, 6, day);
        let no_occurrence = |before: Option<i8>, after: Option<i8>| AppError::NoOccurrence {
            name: name(),
            date: june(2),
            before: before.map(june),
            after: after.map(june),
        };
        let occurrence = |day| Occurrence {
            date: june(day),
            start: TimeZone::UTC.to_timestamp(june(day).at(10, 0, 0, 0)).unwrap(),
            end: Timestamp::MAX,
        };
        let not_due = |missed: Option<i8>, next: Option<i8>| {
            AppError::NotDue(Box::new(NotDue {
                at: *at(Rehearsal::No),
                name: name(),
                zone: TimeZone::UTC,
                missed: missed.map(occurrence),
                next: next.map(occurrence),
            }))
        };
        let refused = |from| ResolveRefusal::State {
            open_id: "u1".to_owned(),
            ordinal: 1,
            from,
        };
        vec![
            AppError::Directory {
                path: dir(),
                source: denied(),
            },
            AppError::NoCampaigns(dir()),
            not_pushed(Some("summer.yaml"), true),
            not_pushed(None, true),
            not_pushed(None, false),
            conflict(Some("summer.yaml")),
            conflict(Some("sommer.yaml")),
            conflict(None),
            AppError::PushedMeanwhile {
                name: "summer.yaml".to_owned(),
            },
            AppError::NoLedger {
                at: at(Rehearsal::No),
                name: name(),
                dir: dir(),
            },
            AppError::NoLedger {
                at: at(Rehearsal::Inside),
                name: name(),
                dir: dir(),
            },
            AppError::NotRecurring { name: name() },
            no_occurrence(Some(1), Some(8)),
            no_occurrence(None, Some(8)),
            no_occurrence(None, None),
            AppError::WhichOccurrence {
                at: at(Rehearsal::No),
                name: name(),
                begun: (1..=12).rev().map(|day| date(2026, 6, day)).collect(),
            },
            not_due(None, Some(8)),
            not_due(Some(1), Some(8)),
            not_due(Some(1), None),
            not_due(None, None),
            AppError::ExcludedWithoutLedger {
                file: "spring.yaml".into(),
                name: name(),
                dir: dir(),
            },
            AppError::Erased {
                name: name(),
                at: Timestamp::UNIX_EPOCH,
            },
            AppError::ExcludedErased {
                name: name(),
                at: Timestamp::UNIX_EPOCH,
            },
            AppError::FileNeedsApproval { approvals: 2 },
            AppError::Miscounted {
                kept: Box::default(),
                counted: Box::default(),
            },
            AppError::UnknownUser {
                at: at(Rehearsal::No),
                name: name(),
                open_id: "u1".to_owned(),
                near: Some("U1".to_owned()),
            },
            AppError::UnknownUser {
                at: at(Rehearsal::No),
                name: name(),
                open_id: "u1".to_owned(),
                near: None,
            },
            AppError::CannotResolve(vec![refused(StateName::Issued); 12]),
            AppError::SelectionChanged {
                at: at(Rehearsal::No),
                now: 1,
                is_applied: false,
            },
            AppError::SelectionChanged {
                at: at(Rehearsal::No),
                now: 12,
                is_applied: true,
            },
            AppError::DecisionUnknown {
                at: at(Rehearsal::No),
                source: Some(ControlError::Nobody {
                    path: "summer.sock".into(),
                    source: io::ErrorKind::UnexpectedEof.into(),
                }),
            },
            AppError::StatusFile {
                path: "status.json".into(),
                source: Box::new(denied()),
            },
            AppError::Request("no url".to_owned()),
            AppError::FakePlatform(denied()),
        ]
    }

    fn databases() -> Vec<DatabaseError> {
        let place = || "db.example:5432/coupons".to_owned();
        let schema = [
            SchemaError::Missing,
            SchemaError::WithoutFiles,
            SchemaError::WithoutNotices,
            SchemaError::Format { found: 9 },
            SchemaError::NotSynchronous {
                found: "off".to_owned(),
            },
            SchemaError::Standby,
        ];
        let unfit = schema
            .into_iter()
            .map(|source| DatabaseError::Unfit { place: place(), source });
        let no_answer = |why| DatabaseError::Failed {
            action: DatabaseAction::Connect,
            place: place(),
            source: StatementError::NotConnected(why),
        };
        let connects = [
            no_answer(ConnectError::NoAnswer(Duration::from_secs(4))),
            no_answer(ConnectError::Url { why: "no".to_owned() }),
        ];
        let not_owner = DatabaseError::NotOwner {
            place: place(),
            app: "tt1".to_owned(),
        };
        let identity = |timeline| {
            let system = "7312345678901234567".to_owned();
            Some(Box::new(ServerIdentity { system, timeline }))
        };
        let other_server = DatabaseError::OtherServer {
            place: place(),
            recorded: identity(1),
            found: identity(2),
            source: Evidence::Nothing,
        };
        unfit
            .chain(connects)
            .chain([DatabaseError::SingleCopy { place: place() }, other_server, not_owner])
            .collect()
    }

    fn shown() -> String {
        let failures = errors().into_iter().map(|error| Failure::from(error).to_string());
        let forgotten = StoreError::Forgotten {
            place: "db.example:5432/coupons".to_owned(),
            last: 4120,
            durable: 4133,
        };
        let failures = failures
            .chain(databases().into_iter().map(|error| database(&error).to_string()))
            .chain([Failure::from(LedgerError::Store(forgotten)).to_string()]);
        strip_str(&failures.collect::<Vec<_>>().join("\n")).to_string()
    }

    #[test]
    fn a_failure_says_what_to_do_in_each_language() {
        insta::assert_snapshot!(shown());
        insta::assert_snapshot!(Language::Chinese.scope(shown));
    }
}
