//! What happened in a run, as reporters are told: facts only, owned, without a thought of how they look.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::Counts;
use crate::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::order::Asker;
use crate::outcome::{Class, Classifier};
use crate::problem::Problem;

/// One event and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A run of a campaign began; nothing was read yet.
    RunBegan {
        /// Which campaign.
        campaign: CampaignName,
        /// Its title for people.
        title: Option<String>,
        /// For which app.
        app_id: AppId,
        /// Of which activity.
        activity_id: ActivityId,
        /// On which platform.
        platform: PlatformName,
        /// The directory of its ledger.
        ledger: PathBuf,
        /// Whether that ledger is new.
        new_ledger: bool,
    },
    /// So many rows of the audience were read, those of the excluded included; comes many times, first before any row.
    AudienceRead {
        /// Rows so far.
        rows: u64,
        /// Of about how many; none where only reading them tells.
        of: Option<u64>,
    },
    /// So many of the users who are new are durable in the ledger; comes many times. None of them counts yet.
    Admitting {
        /// So many.
        users: u64,
        /// Of how many.
        of: u64,
    },
    /// The audience is admitted; this is what is owed.
    Admitted {
        /// What the source said.
        reading: Box<Reading>,
        /// Where all deliveries stand.
        counts: Counts,
    },
    /// A person is asked whether to go on.
    Asking,
    /// A person was asked whether to go on, and has answered.
    Asked {
        /// How long the person took.
        waited: Duration,
    },
    /// What the run is doing has changed.
    Phase(Phase),
    /// A batch of facts is durable; this is where all deliveries stand now.
    Counted {
        /// Where.
        counts: Counts,
    },
    /// The ledger made a batch of the run's facts durable.
    Flushed {
        /// How long that took.
        took: Duration,
        /// How many facts.
        facts: u64,
    },
    /// A send left; the moment the pace counts.
    AttemptBegan {
        /// By a clock that nobody corrects.
        since_run_began: Duration,
    },
    /// An attempt ended and its outcome is durable.
    AttemptEnded(Box<Attempt>),
    /// The platform asked to slow down, and the app id's pace was lowered or has recovered a step.
    PaceChanged {
        /// Starts per second from now on.
        per_second: f64,
        /// Until when it is expected to be below the plan's; none when it is the plan's again.
        until: Option<Timestamp>,
    },
    /// The access token was fetched.
    TokenFetched {
        /// Until when it is valid.
        until: Timestamp,
    },
    /// Something that a person should read, and that changes nothing.
    Warning {
        /// What.
        message: String,
    },
    /// Nothing more is started, and a person must look.
    Halted(Halted),
    /// The run ended.
    RunEnded {
        /// How.
        ending: Ending,
        /// Where all deliveries stand.
        counts: Counts,
    },
}

/// What a reading of the audience's source said, in rows and recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Usable, distinct recipients that the source names, those cut by `limit` included.
    pub listed: u64,
    /// Those of them who are on a list of the excluded.
    pub excluded: u64,
    /// Those of them who belong to the control group.
    pub control_group: u64,
    /// Those of them who were last active too long ago.
    pub lapsed: u64,
    /// Rows that name a recipient again.
    pub repeated: Rows,
    /// Rows that cannot be used, by kind.
    pub unusable: Vec<(UnusableKind, Rows)>,
    /// Recipients that `audience.limit` cut off.
    pub cut: u64,
    /// Rows whose `last_active` cannot be read as a time. They are used as if it were not there.
    pub undated: Rows,
    /// What each file, or the one query, brought, in the order of reading.
    pub shares: Vec<FileShare>,
}

/// How many rows one file or query brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileShare {
    /// Its name in places: `summer.csv`, `the query`.
    pub name: String,
    /// How many rows, unusable ones included.
    pub rows: u64,
}

/// How many rows, and the places of the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// How many.
    pub count: u64,
    /// The first places, at most [`Rows::KEPT`].
    pub first: Vec<RowPlace>,
}

/// Where a row of an audience stands: `summer.csv:1042`, `row 1042 of the query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPlace {
    /// The file or the query that it is in.
    pub within: String,
    /// What is counted there.
    pub unit: PlaceUnit,
    /// Its number, from 1.
    pub number: u64,
}

/// What a row's place is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceUnit {
    /// Lines of a text, as an editor counts them.
    Line,
    /// Rows of what has no lines.
    Row,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            PlaceUnit::Line => write!(f, "{}:{}", self.within, self.number),
            PlaceUnit::Row => write!(f, "row {} of {}", self.number, self.within),
        }
    }
}

impl Rows {
    /// How many places are kept.
    pub const KEPT: usize = 5;

    /// Counts one more, at `place`.
    pub fn add(&mut self, place: impl Into<RowPlace>) {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(place.into());
        }
    }
}

/// Why a row of the audience cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnusableKind {
    /// Its open_id is empty.
    Empty,
    /// Its open_id has over 128 characters.
    TooLong,
    /// Its open_id has spaces or characters that cannot be printed.
    NotPrintable,
    /// It has fewer or more fields than the header.
    WrongFields,
    /// It is not text in the source's encoding.
    NotText,
    /// It has no open_id at all: NULL in a database, null or no such key in JSON.
    Missing,
    /// Its open_id is neither text nor a whole number.
    WrongType,
    /// It does not say when the user was last active, and the campaign asks for it.
    NoLastActive,
    /// What it says of that is no time, and the campaign asks for it.
    UnreadableLastActive,
}

/// What a run is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Reading the audience; a run that was not paused then is in no phase before its first.
    Planning,
    /// Starting nothing until it is told to go on.
    Paused {
        /// Who wanted it.
        by: Asker,
    },
    /// Waiting, and for what.
    Waiting {
        /// For what.
        why: Waiting,
        /// Until when, where that is known.
        until: Option<Timestamp>,
    },
    /// Sending.
    Sending,
    /// Starting nothing more; waiting for what is in flight.
    Draining {
        /// Why.
        why: Draining,
    },
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "for")]
pub enum Waiting {
    /// The campaign's `schedule.start`.
    Start,
    /// Another process that sends for this app id.
    AppId {
        /// Who.
        owner: Owner,
    },
    /// Deliveries that are due again later, and nothing else to do.
    Due,
    /// The platform, which is out of reach.
    Outage {
        /// Since when.
        since: Timestamp,
    },
    /// The platform, which asks the campaign to wait by this code.
    Platform {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The access token's endpoint, which is out of reach.
    Token {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
}

impl Waiting {
    /// Every word of [`Waiting::word`].
    pub const WORDS: [&'static str; 6] = ["start", "app_id", "due", "outage", "platform", "token"];

    /// The reason's word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::AppId { .. } => "app_id",
            Self::Due => "due",
            Self::Outage { .. } => "outage",
            Self::Platform { .. } => "platform",
            Self::Token { .. } => "token",
        }
    }
}

/// Why nothing more is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draining {
    /// A signal asked for it.
    Interrupted,
    /// Another process asked for it.
    Stopped {
        /// Which.
        by: Asker,
    },
    /// A guard or a code halted the run.
    Halted,
    /// `schedule.end` is past.
    End,
    /// `--at-most` is reached.
    AtMost,
    /// The outage lasted longer than `retry.give_up`.
    GaveUp,
    /// Nothing is left that the machine may send.
    NothingLeft,
    /// It would have had to wait for the start, and was told not to.
    NotStarted,
    /// Another process sends for the app id, and the run was told not to wait.
    AppIdTaken,
}

/// The process that has a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// Its command line.
    pub command: String,
}

/// One attempt, ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The delivery's idempotency key.
    pub merchant_coupon_id: String,
    /// The recipient.
    pub open_id: OpenId,
    /// Which attempt of the delivery, from 1.
    pub attempt: u32,
    /// What it proved: a word such as `issued`, `refused`, `unknown`.
    pub outcome: String,
    /// The platform's code, when there was one.
    pub code: Option<i64>,
    /// What that code means here.
    pub class: Option<Class>,
    /// Who says so.
    pub classifier: Option<Classifier>,
    /// The platform's message.
    pub message: String,
    /// The platform's name for the exchange.
    pub log_id: String,
    /// In seconds.
    pub latency: f64,
}

/// Why a run halted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Halted {
    /// A code of class halt.
    Code {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
        /// The platform's name for the exchange.
        log_id: String,
    },
    /// An HTTP answer without a code that means: this is not the endpoint, or not for us.
    Http {
        /// What came.
        detail: String,
    },
    /// `halt.refused`.
    Refused {
        /// How many of the last `of`.
        n: u32,
        /// The sample's size.
        of: u32,
    },
    /// `halt.held`.
    Held {
        /// How many of the last `of`.
        n: u32,
        /// The sample's size.
        of: u32,
    },
    /// `halt.same_code`.
    SameCode {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
        /// How often in a row.
        n: u32,
    },
    /// Another ledger has sent this campaign.
    AnotherLedger {
        /// To whom.
        open_id: OpenId,
        /// By which key.
        merchant_coupon_id: String,
    },
    /// The platform does not accept the credentials.
    Credentials {
        /// What it said.
        why: String,
    },
    /// `max_coupons` is reached.
    MaxCoupons {
        /// The limit.
        max: u64,
    },
}

impl Halted {
    /// Which problem it is.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Code { .. } => Problem::HaltCode,
            Self::Http { .. } => Problem::HaltHttp,
            Self::Refused { .. } => Problem::HaltRefused,
            Self::Held { .. } => Problem::HaltHeld,
            Self::SameCode { .. } => Problem::HaltSameCode,
            Self::AnotherLedger { .. } => Problem::HaltAnotherLedger,
            Self::Credentials { .. } => Problem::HaltCredentials,
            Self::MaxCoupons { .. } => Problem::HaltMaxCoupons,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every delivery is settled or skipped and the sum is right.
    Complete,
    /// The same command goes on.
    Incomplete,
    /// Nothing more can happen without a person.
    NeedsPerson,
}

impl Ending {
    /// The process's exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Incomplete => 3,
            Self::NeedsPerson => 4,
        }
    }
}

/// Where events go. An emitter must neither fail nor wait: a failure to report is the reporter's.
pub trait Emit: Send + Sync {
    /// Tells of one event.
    fn emit(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Emit for F {
    fn emit(&self, event: Event) {
        self(event);
    }
}
