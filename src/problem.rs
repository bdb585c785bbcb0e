//! The problems that a user can meet beside mistakes in a campaign file, each with a code that never changes its meaning,
//! how the process ends for it, and a page that explains it.
//!
//! A new one is a row here and a file of its code's name in `docs/problems/`; without that file it does not compile. The
//! codes of mistakes in a campaign file, E01.., are rows of `campaign::Code`.

use std::fmt;

use serde::{Serialize, Serializer};

/// How the process ends for a problem. Problems with one campaign are never a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With 1: an error of input and output, of the ledger, or a defect.
    Error,
    /// With 2: what was said is absent or malformed; nothing was sent.
    Input,
    /// With 4: nothing more can happen without a person.
    Person,
    /// With 5: another process has it.
    Taken,
}

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

            /// How the process ends for it.
            #[must_use]
            pub const fn ends(self) -> Ends {
                match self { $(Self::$name => Ends::$ends,)* }
            }

            /// Its page, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../docs/problems/", $code, ".md")),)* }
            }
        }
    };
}

// E02 the command line and what it names, E03 the ledger, E04 the audience, E05 the platform and its stand-in, E06 a run,
// E07 why a run stopped and wants a person.
problems! {
    /// The command line cannot be understood.
    CommandLine = "E0201", Input;
    /// The filter of the log is none.
    LogFilter = "E0203", Input;
    /// The file of the log cannot be written.
    LogFile = "E0204", Input;
    /// The record of events cannot be written.
    EventsFile = "E0205", Input;
    /// What was asked for cannot be written to stdout.
    Stdout = "E0206", Error;
    /// The system gives no threads, or no word of signals.
    System = "E0207", Error;
    /// The question cannot be asked.
    Question = "E0208", Error;
    /// A directory of campaign files cannot be read.
    Directory = "E0209", Input;
    /// A directory has no campaign files.
    NoCampaigns = "E0210", Input;
    /// The address for metrics cannot be listened on.
    MetricsAddress = "E0211", Error;
    /// A file that was asked for cannot be written.
    OutputFile = "E0212", Error;
    /// No problem has the code that was asked for.
    UnknownCode = "E0213", Input;
    /// No file can be begun where one was asked for.
    OutputPlace = "E0214", Input;
    /// What is to be exported cannot have that form, or cannot go there.
    ExportForm = "E0215", Input;
    /// A certificate cannot be read.
    Certificate = "E0216", Input;
    /// A first campaign would overwrite what is there.
    IsThere = "E0217", Input;
    /// The campaign knows no user of this open_id.
    UnknownUser = "E0218", Input;
    /// What was chosen cannot be resolved so.
    CannotResolve = "E0219", Input;
    /// No run is there to be told anything.
    NothingRuns = "E0220", Input;
    /// The run ends already.
    EndsAlready = "E0221", Input;
    /// The run is not paused.
    NotPaused = "E0222", Input;
    /// What a run wrote of its state cannot be read.
    StatusFile = "E0223", Error;
    /// A temporary file cannot be made, written or read.
    Temporary = "E0224", Error;

    /// Another process has the campaign.
    Taken = "E0301", Taken;
    /// A lock cannot be taken or asked for.
    Lock = "E0302", Error;
    /// The ledger would be on a network file system.
    NetworkDisk = "E0303", Error;
    /// The ledger is another campaign's, app's or platform's.
    ForeignLedger = "E0304", Error;
    /// A newer program wrote the ledger.
    NewerLedger = "E0305", Error;
    /// Whose ledger it is cannot be read.
    IllegibleLedger = "E0306", Error;
    /// A part of the ledger is missing.
    HalfLedger = "E0307", Error;
    /// The ledger's directory cannot be read or written.
    LedgerDirectory = "E0308", Error;
    /// A ledger of real deliveries was to be begun anew.
    RealLedger = "E0309", Error;
    /// There is no ledger yet.
    NoLedger = "E0310", Input;
    /// The ledger's store cannot be read or written.
    Store = "E0311", Error;
    /// The end of the ledger is lost, or not of the time of its beginning.
    LostEnd = "E0312", Error;
    /// A record of the ledger cannot be read.
    Record = "E0313", Error;
    /// A fact of the ledger contradicts those before it.
    Contradiction = "E0314", Error;
    /// The ledger failed before in this process.
    LedgerFailed = "E0315", Error;
    /// The process that has the ledger does not answer as it should.
    OwnerUnclear = "E0316", Taken;
    /// The process that has the ledger stopped showing it.
    OwnerGone = "E0317", Error;
    /// The ledger's sum is not right.
    Sum = "E0318", Error;
    /// The ledger is not what was written.
    Unproven = "E0319", Error;
    /// The ledger was removed or replaced while a process had it open.
    LedgerGone = "E0320", Error;
    /// The ledger is older than its witness.
    OlderLedger = "E0321", Person;
    /// Another ledger of the campaign was found.
    OtherLedger = "E0322", Person;
    /// Answers to several deliveries have the same id.
    RepeatedIds = "E0323", Person;

    /// The audience cannot be read.
    AudienceUnreadable = "E0401", Input;
    /// The audience is no file.
    AudienceNotAFile = "E0402", Input;
    /// The audience has not even a header.
    AudienceEmpty = "E0403", Input;
    /// The audience does not have the column.
    AudienceColumn = "E0404", Input;
    /// The audience has the column more than once.
    AudienceRepeatedColumn = "E0405", Input;
    /// A place in the audience cannot be read as rows.
    AudienceMalformed = "E0406", Input;
    /// The audience changed while it was read.
    AudienceChanged = "E0407", Input;
    /// The reading of the audience was broken off.
    AudienceBrokenOff = "E0408", Error;
    /// The pattern of the audience's files matches none, or is none.
    AudiencePattern = "E0409", Input;
    /// The audience was to be piped in, and is not.
    AudienceNotPiped = "E0410", Input;
    /// The audience is of another kind than the campaign file says.
    AudienceKind = "E0411", Input;
    /// The audience's data is cut off or damaged.
    AudienceDamaged = "E0412", Input;
    /// A column of the audience is of a type that cannot be used.
    AudienceColumnType = "E0413", Input;
    /// What is to tell where the audience's server is does not.
    AudienceUrl = "E0414", Input;
    /// The audience's query, or what it goes by, is refused.
    AudienceQuery = "E0415", Input;
    /// The audience's server fails, or is out of reach.
    AudienceServer = "E0416", Error;
    /// A campaign whose users are excluded cannot be read.
    ExcludedCampaign = "E0417", Input;
    /// A campaign whose users are excluded has no ledger.
    ExcludedWithoutLedger = "E0418", Input;

    /// The platform's address is none.
    BaseUrl = "E0501", Input;
    /// TLS and HTTP cannot be set up.
    Http = "E0502", Error;
    /// The stand-in cannot be started.
    StandIn = "E0503", Error;
    /// The shares of the stand-in's faults are more than all.
    FaultShares = "E0504", Input;
    /// The stand-in's port cannot be listened on.
    StandInPort = "E0505", Error;
    /// The stand-in's log cannot be written.
    StandInLog = "E0506", Error;
    /// The stand-in stopped serving.
    StandInEnded = "E0507", Error;

    /// The audience was not let in.
    NotLetIn = "E0601", Person;
    /// The app id's turn cannot be asked for.
    AppIdTurn = "E0602", Error;
    /// An attempt ended in a defect of the program.
    Defect = "E0603", Error;
    /// The campaign cannot be made a plan.
    Plan = "E0604", Input;

    /// A code halted the run.
    HaltCode = "E0701", Person;
    /// An answer that is not the platform's halted the run.
    HaltHttp = "E0702", Person;
    /// Too many users were refused.
    HaltRefused = "E0703", Person;
    /// Too many deliveries are held.
    HaltHeld = "E0704", Person;
    /// The same code came too often in a row.
    HaltSameCode = "E0705", Person;
    /// Another ledger has sent the campaign.
    HaltAnotherLedger = "E0706", Person;
    /// The platform does not accept the credentials.
    HaltCredentials = "E0707", Person;
    /// `max_coupons` is reached.
    HaltMaxCoupons = "E0708", Person;
    /// The campaign's end is past.
    PastEnd = "E0709", Person;
    /// The audience is empty.
    EmptyAudience = "E0710", Person;
    /// Only deliveries that are held or in doubt are left.
    LeftToPerson = "E0711", Person;
    /// A doubt would be sent again, which may give a second coupon.
    MayDouble = "E0712", Person;
    /// The plan is not the one that was reviewed.
    OtherPlan = "E0713", Person;
    /// Too few of a wave were issued.
    HaltWave = "E0714", Person;
    /// An answer is another delivery's.
    HaltMixedAnswers = "E0715", Person;
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
