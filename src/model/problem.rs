//! The problems that a user can meet, except mistakes in a campaign file. Each has a code with a fixed meaning, an exit
//! code, and a page that explains it.
//!
//! A new problem needs a row here and a page in `docs/problems/` and in `docs/zh-CN/problems/`, named after its
//! code; without them the build fails. Codes of mistakes in a campaign file (`E01…`) are rows of `campaign::Code`.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::catalogue::Language;

/// The exit code of a problem. A problem with one campaign never ends in success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Exit code 1: an I/O error, a ledger error, or a defect.
    Error,
    /// Exit code 2: an input is absent or malformed; nothing was sent.
    Input,
    /// Exit code 3: the same command may succeed later.
    Later,
    /// Exit code 4: a person must act first.
    Person,
    /// Exit code 5: another process has the campaign.
    Taken,
}

/// Returns the page of a problem in a language. Without a page in each language it does not compile.
macro_rules! problem_page {
    ($code:literal, $language:expr) => {
        match $language {
            $crate::catalogue::Language::English => {
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/problems/", $code, ".md"))
            }
            $crate::catalogue::Language::Chinese => {
                include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/docs/zh-CN/problems/",
                    $code,
                    ".md"
                ))
            }
        }
    };
}
pub(crate) use problem_page;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $ends:ident;)*) => {
        /// A problem that a user can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Problem { $($(#[$doc])* $name,)* }

        impl Problem {
            /// Every problem, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code, such as `E0310`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns the kind of exit code.
            #[must_use]
            pub const fn ends(self) -> Ends {
                match self { $(Self::$name => Ends::$ends,)* }
            }

            /// Returns the page, in Markdown.
            #[must_use]
            pub const fn page(self, language: Language) -> &'static str {
                match self { $(Self::$name => problem_page!($code, language),)* }
            }
        }
    };
}

// E02: the command line and what it names. E03: the ledger. E04: the audience. E05: the platform and the fake platform.
// E06: a run. E07: why a run stopped and needs a person.
problems! {
    /// The command line cannot be understood.
    CommandLine = "E0201", Input;
    /// The log filter is not valid.
    LogFilter = "E0203", Input;
    /// The log file cannot be written.
    LogFile = "E0204", Input;
    /// The record of events cannot be written.
    EventsFile = "E0205", Input;
    /// The output cannot be written to stdout.
    Stdout = "E0206", Error;
    /// The system provides no threads or no signals.
    System = "E0207", Error;
    /// The confirmation question cannot be asked.
    Question = "E0208", Error;
    /// A directory of campaign files cannot be read.
    Directory = "E0209", Input;
    /// A directory has no campaign files.
    NoCampaigns = "E0210", Input;
    /// The metrics address cannot be bound.
    MetricsAddress = "E0211", Error;
    /// A requested output file cannot be written.
    OutputFile = "E0212", Error;
    /// No problem has the given code.
    UnknownCode = "E0213", Input;
    /// No output file can be created at the given path.
    OutputPlace = "E0214", Input;
    /// The export cannot have the given format, or cannot go to the given destination.
    ExportForm = "E0215", Input;
    /// A certificate cannot be read.
    Certificate = "E0216", Input;
    /// A new campaign file would overwrite an existing file.
    IsThere = "E0217", Input;
    /// The campaign has no recipient with this open_id.
    UnknownUser = "E0218", Input;
    /// A chosen delivery cannot be resolved this way.
    CannotResolve = "E0219", Input;
    /// No run of the campaign can receive the command.
    NothingRuns = "E0220", Input;
    /// The run is already ending.
    EndsAlready = "E0221", Input;
    /// The run is not paused.
    NotPaused = "E0222", Input;
    /// The status file of a run cannot be read.
    StatusFile = "E0223", Error;
    /// A temporary file cannot be created, written or read.
    Temporary = "E0224", Error;
    /// The campaign has no such wave.
    NoSuchWave = "E0225", Input;
    /// The wave has not ended, so it cannot be approved.
    NotEnded = "E0226", Later;
    /// A decision about deliveries needs `--yes` without a terminal.
    NeedsYes = "E0227", Input;
    /// The ledger has changed while a person was asked.
    ChangedMeanwhile = "E0228", Person;
    /// The campaign file names no channel for messages.
    NoChannel = "E0229", Input;
    /// A recurring campaign has no occurrence on a date, or a campaign that takes place once has none at all.
    NoOccurrence = "E0230", Input;
    /// Several occurrences have a ledger, and the command is about one of them.
    WhichOccurrence = "E0231", Input;
    /// A rehearsal inside a process has no sandbox any more that could be asked.
    NoSandbox = "E0232", Input;
    /// Whether a decision was recorded is not known.
    DecisionUnknown = "E0233", Error;
    /// The command about the campaign's activity cannot be carried out.
    ActivityCommand = "E0239", Input;
    /// The service cannot listen on this address.
    ServeAddress = "E0240", Input;

    /// Another process has the campaign.
    Taken = "E0301", Taken;
    /// A lock cannot be taken or queried.
    Lock = "E0302", Error;
    /// The ledger would be on a network file system.
    NetworkDisk = "E0303", Error;
    /// The ledger belongs to another campaign, app or platform.
    ForeignLedger = "E0304", Error;
    /// A newer program wrote the ledger.
    NewerLedger = "E0305", Error;
    /// The identity of the ledger cannot be read.
    IllegibleLedger = "E0306", Error;
    /// A part of the ledger is missing.
    HalfLedger = "E0307", Error;
    /// The ledger's directory cannot be read or written.
    LedgerDirectory = "E0308", Error;
    /// A ledger of real deliveries must not be reset.
    RealLedger = "E0309", Error;
    /// There is no ledger yet.
    NoLedger = "E0310", Input;
    /// The ledger's store cannot be read or written.
    Store = "E0311", Error;
    /// The end of the ledger is lost, or does not belong to its beginning.
    LostEnd = "E0312", Error;
    /// A record of the ledger cannot be read.
    Record = "E0313", Error;
    /// A fact of the ledger contradicts earlier facts.
    IllegalFact = "E0314", Error;
    /// The ledger failed before in this process.
    LedgerFailed = "E0315", Error;
    /// The process that owns the ledger does not answer as expected.
    OwnerUnclear = "E0316", Taken;
    /// The process that owns the ledger stopped serving it.
    OwnerGone = "E0317", Error;
    /// The deliveries of the ledger do not add up.
    Sum = "E0318", Error;
    /// The ledger's data differs from what was written.
    Unproven = "E0319", Error;
    /// The ledger was removed or replaced while a process had it open.
    LedgerGone = "E0320", Error;
    /// The ledger is older than its witness.
    OlderLedger = "E0321", Person;
    /// Another ledger of the campaign was found.
    OtherLedger = "E0322", Person;
    /// Answers to several deliveries have the same id.
    RepeatedIds = "E0323", Person;
    /// The state directory belongs to another user, or others may write to it.
    NotOwnDirectory = "E0324", Error;
    /// The database of a fleet fails or cannot be reached.
    Database = "E0325", Error;
    /// The database has no tables of this program, or those of another version.
    DatabaseTables = "E0326", Input;
    /// The database acknowledges what is not on disk.
    NotSynchronous = "E0327", Error;
    /// The database has forgotten what it acknowledged.
    ForgottenFacts = "E0328", Person;
    /// The database keeps one copy.
    SingleCopy = "E0329", Person;
    /// The database takes nothing more from this worker.
    WorkerFenced = "E0330", Later;
    /// The URL of the database is not usable.
    DatabaseUrl = "E0331", Input;
    /// The database is on another server than it was.
    OtherServer = "E0332", Person;
    /// The database has no campaign file of this name.
    NotPushed = "E0333", Input;
    /// Another pushed file has the name or the campaign.
    PushConflict = "E0334", Input;
    /// A pushed file was changed while a person looked at it.
    PushedMeanwhile = "E0335", Person;
    /// A changed campaign file is pushed only with `--yes` where nobody can be asked.
    PushNeedsYes = "E0336", Input;
    /// The lists of users are on another machine, and this one cannot go on with the audience of the ledger.
    ListsElsewhere = "E0337", Input;
    /// A file that was pushed again cannot be taken by a run that has begun.
    PushedUnfit = "E0338", Input;
    /// Another service watches the directory.
    ServiceTaken = "E0340", Taken;
    /// The log of a service is older than its witness.
    OlderServiceLog = "E0341", Person;
    /// An attempt was made outside the approvals of the service.
    OutsideApproval = "E0345", Person;
    /// The log of the service does not have an approval that a run cites.
    WrongCitation = "E0346", Person;
    /// The service that the environment names cannot be used.
    ServerUrl = "E0350", Input;
    /// The service cannot be reached.
    ServerUnreachable = "E0351", Later;
    /// The service does not know the token.
    TokenRefused = "E0352", Person;
    /// The service refuses the request.
    ServerRefused = "E0353", Person;
    /// The command does not go to a service.
    NotForServer = "E0354", Input;
    /// The open_ids of the ledger were erased.
    LedgerErased = "E0355", Person;

    /// The audience cannot be read.
    AudienceUnreadable = "E0401", Input;
    /// The audience's path is not a regular file.
    AudienceNotAFile = "E0402", Input;
    /// The audience has no header.
    AudienceEmpty = "E0403", Input;
    /// The audience lacks the column.
    AudienceColumn = "E0404", Input;
    /// The audience has the column more than once.
    AudienceRepeatedColumn = "E0405", Input;
    /// Part of the audience cannot be read as rows.
    AudienceMalformed = "E0406", Input;
    /// The audience changed while it was read.
    AudienceChanged = "E0407", Input;
    /// The audience read was cancelled.
    AudienceBrokenOff = "E0408", Error;
    /// The pattern of the audience's files matches no file, or is not valid.
    AudiencePattern = "E0409", Input;
    /// The audience is read from stdin, and nothing is piped in.
    AudienceNotPiped = "E0410", Input;
    /// The audience has another format than the campaign file says.
    AudienceKind = "E0411", Input;
    /// The audience's data is truncated or damaged.
    AudienceDamaged = "E0412", Input;
    /// A column of the audience has a type that cannot be used.
    AudienceColumnType = "E0413", Input;
    /// The reference to the audience server's URL does not hold a usable URL.
    AudienceUrl = "E0414", Input;
    /// The audience's query, or a value that it needs, is refused.
    AudienceQuery = "E0415", Input;
    /// The audience's server fails or cannot be reached.
    AudienceServer = "E0416", Error;
    /// A campaign named in `exclude` cannot be read.
    ExcludedCampaign = "E0417", Input;
    /// A campaign named in `exclude` has no ledger.
    ExcludedWithoutLedger = "E0418", Input;
    /// A part of the audience would take too much memory.
    AudienceTooLarge = "E0419", Input;

    /// The platform's address is not valid.
    BaseUrl = "E0501", Input;
    /// TLS and HTTP cannot be set up.
    Http = "E0502", Error;
    /// The fake platform cannot be started.
    StandIn = "E0503", Error;
    /// The fault shares of the fake platform exceed 100%.
    FaultShares = "E0504", Input;
    /// The port of the fake platform cannot be bound.
    StandInPort = "E0505", Error;
    /// The log of the fake platform cannot be written.
    StandInLog = "E0506", Error;
    /// The fake platform stopped serving.
    StandInEnded = "E0507", Error;
    /// A variable of the environment about connections is wrong.
    NetworkVariable = "E0508", Input;
    /// A bill of the platform contradicts the ledger, or cannot be read.
    UntrustedBill = "E0509", Person;
    /// Nobody has confirmed the columns of the platform's bills.
    BillColumns = "E0510", Person;
    /// The platform shows an issued coupon in another way than the ledger.
    CouponsDiffer = "E0511", Person;
    /// A probe cannot begin or go on as it is asked for.
    ProbeInput = "E0512", Input;
    /// The journal of probes cannot be used.
    ProbeJournal = "E0513", Error;

    /// The changes of the audience were not approved.
    NotLetIn = "E0601", Person;
    /// The lock of the app id cannot be requested.
    AppLock = "E0602", Error;
    /// An attempt ended in a defect of the program.
    Defect = "E0603", Error;
    /// No plan can be built from the campaign.
    Plan = "E0604", Input;
    /// No occurrence of a recurring campaign is due.
    NotDue = "E0605", Later;
    /// No answer says whether the activity was created.
    ActivityUnanswered = "E0606", Later;

    /// A code halted the run.
    HaltCode = "E0701", Person;
    /// An HTTP answer that is not the platform's halted the run.
    HaltHttp = "E0702", Person;
    /// Too many users were refused.
    HaltRefused = "E0703", Person;
    /// Too many deliveries are held.
    HaltHeld = "E0704", Person;
    /// The same code came too many times in a row.
    HaltSameCode = "E0705", Person;
    /// Another ledger has sent the campaign.
    HaltAnotherLedger = "E0706", Person;
    /// The platform does not accept the credentials.
    HaltCredentials = "E0707", Person;
    /// `max_coupons` is reached.
    HaltMaxCoupons = "E0708", Person;
    /// The campaign's end has passed.
    PastEnd = "E0709", Person;
    /// The audience is empty.
    EmptyAudience = "E0710", Person;
    /// Only deliveries that are held or in doubt remain.
    LeftToPerson = "E0711", Person;
    /// A doubt would be sent again, which may issue a second coupon.
    MayDouble = "E0712", Person;
    /// The plan differs from the reviewed plan.
    OtherPlan = "E0713", Person;
    /// Too few deliveries of a wave were issued.
    HaltWave = "E0714", Person;
    /// An answer belongs to another delivery.
    HaltMixedAnswers = "E0715", Person;
    /// The ledger's times are far ahead of the wall clock.
    WrongClock = "E0716", Person;
    /// `max_worth` is reached.
    HaltMaxWorth = "E0717", Person;
    /// A recurring campaign has no occurrence left.
    NoneLeft = "E0718", Person;
    /// Another coupon would be outside the approval.
    HaltEnvelope = "E0719", Person;
    /// The campaign needs an approval of the service that has it in charge.
    NeedsApproval = "E0720", Person;
    /// The platform refused to create the activity.
    ActivityRefused = "E0730", Person;
    /// The platform's answer does not say whether the activity exists.
    ActivityUnclear = "E0731", Person;
    /// The activity was released, and coupons are still owed.
    ActivityReleased = "E0732", Person;
    /// The activity is not released, or nobody knows.
    ActivityNotReleased = "E0733", Person;
    /// The coupon template does not fit the campaign.
    TemplateUnfit = "E0734", Person;
    /// The platform gave a probe no coupon.
    ProbeRefused = "E0735", Person;
    /// The platform gave a probe no clear answer.
    ProbeUnanswered = "E0736", Later;
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
