//! Converts the errors of the other rooms into failures: which problem each is, and what to do.

use std::io;

use rustix::io::Errno;

use crate::app::resolve::selection::ResolveRefusal;
use crate::app::{AppError, older_ledger};
use crate::audience::AudienceError;
use crate::cli::failure::Failure;
use crate::cli::sandbox::SandboxError;
use crate::cli::typed::again;
use crate::control::ControlError;
use crate::douyin::ClientError;
use crate::engine::EngineError;
use crate::engine::audience_diff::{CLOCK_HELP, Refusal};
use crate::fake_platform::ServeError;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::state_directory::NotOwn;
use crate::ledger::verify::VerifyError;
use crate::ledger::witness::Witness;
use crate::ledger::{LedgerError, StoreError};
use crate::model::clock::until;
use crate::model::delivery::Counts;
use crate::model::problem::Problem;
use crate::plan::PlanError;
use crate::report::text::{visible, visible_path};
use crate::report::times::{duration, rfc3339};
use crate::simulation::SimulationError;

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        match error {
            AppError::Plan(error) => error.into(),
            AppError::LedgerDir(error) => error.into(),
            AppError::Lock(error) => error.into(),
            AppError::Ledger(error) => error.into(),
            AppError::Audience(error) => error.into(),
            AppError::Client(error) => error.into(),
            AppError::Engine(error) | AppError::Simulation(SimulationError::Engine(error)) => error.into(),
            AppError::Directory { .. } => Self::from_error(Problem::Directory, &error),
            AppError::NoCampaigns(_) => {
                Self::new(Problem::NoCampaigns, message).help("campaign files end in .yaml or .yml")
            }
            AppError::NoLedger { at, .. } => {
                let begin = again("apply", &at);
                let other = if at.rehearsal.is_on() {
                    "without --sandbox, the campaign itself is meant"
                } else {
                    "with --sandbox, its rehearsal is meant"
                };
                Self::new(Problem::NoLedger, message).help(format!("`{begin}` begins one; {other}"))
            }
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
                    .help(older_ledger::HELP)
                    .because([
                        older.why().to_owned(),
                        format!("its witness of {written} saw batch {sequence} in {directory}"),
                    ])
            }
            AppError::WrongClock { newest, wall, zone } => Self::new(Problem::WrongClock, message)
                .help(CLOCK_HELP)
                .because([
                    format!(
                        "its newest time is {}, and this machine's clock says {}, which is {} earlier",
                        rfc3339(newest, &zone),
                        rfc3339(wall, &zone),
                        duration(until(wall, newest).unwrap_or_default()),
                    ),
                    "one of its runs was made under a wrong clock, or this clock is wrong".to_owned(),
                ]),
            AppError::OwnerUnclear { source, owner } => {
                let help = match source {
                    ControlError::Newer { .. } => {
                        "use the program that applies the campaign, or wait until it is done"
                    }
                    ControlError::Nobody { .. } | ControlError::Io { .. } | ControlError::Unclear { .. } => {
                        "wait until that process is done, or stop it there with ^C; its state is safe"
                    }
                    ControlError::Refused { .. } | ControlError::Busy { .. } => "run the same command again",
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
            AppError::ExcludedWithoutLedger { file, .. } => Self::new(Problem::ExcludedWithoutLedger, message).help(format!(
                "apply {} first, or take it out of `audience.exclude`: without its ledger nobody knows who has a coupon of it",
                visible_path(&file)
            )),
            AppError::OtherPlan { at, reviewed, now } => Self::new(Problem::OtherPlan, message)
                .help(format!("`{}` shows what it is now", again("plan", &at)))
                .because(reviewed.differences(&now).iter().map(ToString::to_string))
                .because([format!("expected {reviewed}, and it is {now}")]),
            AppError::Miscounted { kept, counted } => Self::miscounted(&kept, &counted),
            AppError::Verify(error) => error.into(),
            AppError::UnknownUser { at, near, .. } => {
                let help = near.map_or_else(
                    || {
                        let every = again("export", &at);
                        format!("`{every}` names everybody who ever was in the audience")
                    },
                    |near| format!("did you mean {}?", visible(&near)),
                );
                Self::new(Problem::UnknownUser, message).help(help)
            }
            AppError::CannotResolve(refusals) => Self::from_resolve(message, &refusals),
            AppError::ResolveWhileApplied(taken) => {
                Self::from(taken).help("nothing was changed. end the run by `runner stop`, resolve, and apply again")
            }
            AppError::StatusFile { .. } => Self::from_error(Problem::StatusFile, &error)
                .help("use the program that applies the campaign; the file can also be removed, it is only a courtesy"),
            AppError::Rows(_) => Self::from_error(Problem::OutputFile, &error),
            AppError::Request(_) | AppError::SimulationBroke => Self::new(Problem::Defect, message),
            AppError::FakePlatform(_) => Self::from_error(Problem::StandIn, &error),
            AppError::Question(_) => Self::from_error(Problem::Question, &error),
            AppError::RunBroke(_) => Self::from_error(Problem::Defect, &error)
                .help("please report this. what was in flight is in doubt; run the same command again"),
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
        let message = "the ledger's sum is not right, though each of its facts is: a defect of this program";
        Self::new(Problem::Sum, message)
            .help("please report this")
            .because([format!("counted on the way {kept:?}, counted anew {counted:?}")])
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
            .because((more > 0).then(|| format!("{more} more like these")));
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

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        const RESTORE: &str = "nothing was changed. restore the ledger's whole directory from a backup";
        match error {
            VerifyError::LedgerDir(error) => error.into(),
            VerifyError::Damaged { .. } => Self::from_error(Problem::Unproven, &error).help(RESTORE),
            VerifyError::Miscounted { kept, counted, .. } => Self::miscounted(&kept, &counted),
            VerifyError::SnapshotCheck { .. } => Self::from_error(Problem::Unproven, &error).help(
                "its facts are sound. remove the file `shortcut` in the ledger's directory: it only spares the reading of \
                 them, and is made anew",
            ),
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
        let (problem, help) = match error {
            ClientError::BaseUrl { .. } => (Problem::BaseUrl, None),
            ClientError::Setup(_) => (Problem::Http, None),
            ClientError::Proxy(_) => (
                Problem::NetworkVariable,
                Some("write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset it"),
            ),
            ClientError::Authorities { .. } => (
                Problem::NetworkVariable,
                Some("name a file of certificates in PEM form that this user may read, or unset it"),
            ),
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
            LockError::Taken { .. } => Self::from_error(Problem::Taken, &error)
                .help("wait until it is done, or end it by `runner stop`; its state is safe"),
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
        let backup = "nothing was sent. restore the whole directory from one backup; without one, move it away, and the \
                      next run stops at the first coupon that was sent before";
        let (problem, help) = match &error {
            LedgerDirError::Network { .. } => (
                Problem::NetworkDisk,
                "name a directory on a local disk with --state-dir",
            ),
            LedgerDirError::NotOwn {
                why: NotOwn::OfAnotherUser { .. },
                ..
            } => (
                Problem::NotOwnDirectory,
                "nothing was read or written there. run the command as that user, or name a directory of your own with \
                 --state-dir",
            ),
            LedgerDirError::NotOwn { .. } => (
                Problem::NotOwnDirectory,
                "nothing was read or written there. if nobody else has written to it, let only your user write to it: \
                 `chmod -R go-w` it; otherwise name another directory with --state-dir",
            ),
            LedgerDirError::Foreign { is_proven: true, .. } => (
                Problem::ForeignLedger,
                "a campaign keeps its app and platform for ever; give the new one another name, or name another \
                 directory with --state-dir",
            ),
            LedgerDirError::Foreign { .. } => (
                Problem::ForeignLedger,
                "nothing was sent. if `ledger.json` was altered, put it back as it was; if the directory was copied or \
                 renamed, move it back to its own place; if the campaign file has changed, change it back",
            ),
            LedgerDirError::Altered { .. } => (
                Problem::ForeignLedger,
                "nothing was sent. write that value into `ledger.json` again; then the same command goes on",
            ),
            LedgerDirError::Newer { .. } => (Problem::NewerLedger, "go on with the newer program that wrote it"),
            LedgerDirError::Illegible { .. } => (Problem::IllegibleLedger, backup),
            LedgerDirError::Missing { .. } => (Problem::HalfLedger, backup),
            LedgerDirError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => (
                Problem::LedgerDirectory,
                "nothing was sent. the directory was removed, renamed or unmounted: put it back, or go to one that exists; then \
                 the same command goes on",
            ),
            // A directory that cannot be made has no ledger yet.
            LedgerDirError::Io { what: "create", .. } => (
                Problem::LedgerDirectory,
                "make room or give permission there, or name another directory with --state-dir",
            ),
            LedgerDirError::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => (
                Problem::LedgerDirectory,
                "a file is where a directory belongs: move it away, or name another directory with --state-dir",
            ),
            LedgerDirError::Io { source, .. } => {
                (Problem::LedgerDirectory, help_of_disk(source).unwrap_or(OTHER_CAUSE))
            }
            LedgerDirError::Real { .. } => (Problem::RealLedger, "nothing was changed"),
            LedgerDirError::Lock(_) | LedgerDirError::Store(_) => (Problem::Lock, ""),
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
        let backup = "nothing was sent. restore the ledger's whole directory from a backup";
        let (problem, help) = match &error {
            LedgerError::Store(error) | LedgerError::Unfinished { source: error, .. } => store(error),
            LedgerError::Record { .. } => (Problem::Record, backup),
            LedgerError::IllegalFact { .. } => (Problem::IllegalFact, backup),
            LedgerError::Older(_) => (Problem::OlderLedger, older_ledger::HELP),
            LedgerError::GivenUp => (Problem::Store, SLOW_DISK),
            LedgerError::Failed => (Problem::LedgerFailed, "run the same command again"),
        };
        Self::from_error(problem, &error).help(help)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let report = "please report this; nothing more was sent";
        let (problem, help) = match &error {
            EngineError::Ledger(LedgerError::Store(error)) => store(error),
            EngineError::Ledger(LedgerError::Record { .. } | LedgerError::Unfinished { .. }) => {
                (Problem::Record, report)
            }
            EngineError::Ledger(LedgerError::IllegalFact { .. }) => (Problem::IllegalFact, report),
            EngineError::Ledger(LedgerError::Older(_)) => (Problem::OlderLedger, older_ledger::HELP),
            EngineError::Ledger(LedgerError::GivenUp) => (Problem::Store, SLOW_DISK),
            EngineError::Ledger(LedgerError::Failed) => (Problem::LedgerFailed, report),
            EngineError::AppId(_) => (Problem::AppLock, "nothing more was sent; run the same command again"),
            EngineError::Worker(_) => (
                Problem::Defect,
                "please report this. what was in flight is in doubt; run the same command again",
            ),
        };
        Self::from_error(problem, &error).help(help)
    }
}

const SLOW_DISK: &str = "nothing more was sent. look at the disk: it is overloaded or failing. once it answers, the same command \
                        goes on";

const OTHER_CAUSE: &str = "nothing more was sent. once the cause is gone, the same command goes on";

/// What to do about an error of the disk. `None` for other errors.
fn help_of_disk(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::NOSPC | Errno::DQUOT => "nothing more was sent. make room there; then the same command goes on",
        Errno::FBIG => {
            "nothing more was sent. the size of files is limited: raise the limit, for example with `ulimit -f unlimited`; then \
             the same command goes on"
        }
        Errno::ACCESS | Errno::PERM => {
            "nothing more was sent. give this user permission there; then the same command goes on"
        }
        Errno::ROFS => {
            "nothing more was sent. the disk is read-only: mount it for writing; then the same command goes on"
        }
        Errno::IO => "nothing more was sent. the disk is failing: look at it; once it works, the same command goes on",
        Errno::NOENT | Errno::NOTDIR | Errno::STALE => {
            "nothing more was sent. the directory was removed, renamed or unmounted: put it back; then the same command goes on"
        }
        _ => return None,
    })
}

/// Returns the problem of a failed store, and what to do.
fn store(error: &StoreError) -> (Problem, &'static str) {
    match error {
        StoreError::Io { source, .. } => (Problem::Store, help_of_disk(source).unwrap_or(OTHER_CAUSE)),
        StoreError::Broken { .. } => (Problem::Store, OTHER_CAUSE),
        StoreError::Stalled { .. } => (Problem::Store, SLOW_DISK),
        StoreError::InUse { .. } => (
            Problem::Store,
            "nothing was sent. a run that has ended waits for its disk there; once it is gone, the same command goes on",
        ),
        StoreError::Closed { .. }
        | StoreError::Damaged { .. }
        | StoreError::Lost { .. }
        | StoreError::Parted { .. }
        | StoreError::Headless { .. } => (
            Problem::LostEnd,
            "nothing was sent. restore the ledger's whole directory from one backup, store and head together",
        ),
        StoreError::Summary { .. } => (
            Problem::LostEnd,
            "nothing was sent, and no batch is lost. make room for a copy of the store beside it; then the same command \
             rebuilds the store",
        ),
        StoreError::Gone { .. } => (
            Problem::LedgerGone,
            "nothing more was sent. put the ledger's directory back where it was, or restore it from a backup, before you \
             apply the campaign again: without it, users who have a coupon are sent to again",
        ),
        StoreError::Owner { .. } => (
            Problem::OwnerGone,
            "it may have ended meanwhile: run the same command again",
        ),
        StoreError::Spill { .. } => (
            Problem::Temporary,
            "nothing more was sent. make room there, or let TMPDIR name a directory of a disk that has some; then the same \
             command goes on",
        ),
        StoreError::Planned => (Problem::Store, "this is a test's doing"),
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        match &error {
            SandboxError::Shares { .. } => {
                Self::from_error(Problem::FaultShares, &error).help("give faults 100% together at most")
            }
            SandboxError::Listen { .. } => {
                Self::from_error(Problem::StandInPort, &error).help("name another port; `--port 0` takes a free one")
            }
            SandboxError::Serve(ServeError::Log { .. }) => Self::from_error(Problem::StandInLog, &error)
                .help("name a file in a directory that exists and that you may write to"),
            SandboxError::Serve(ServeError::Server(_)) => Self::from_error(Problem::StandInEnded, &error),
            SandboxError::Signals(_) => Self::from_error(Problem::System, &error),
            SandboxError::Stdout(_) => Self::from_error(Problem::Stdout, &error),
        }
    }
}
