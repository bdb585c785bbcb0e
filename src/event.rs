//! What happened in a run, as reporters are told: facts only, owned, without a thought of how they look.

mod reading;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::Counts;
use crate::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::order::Asker;
use crate::outcome::{Class, Classifier};
use crate::problem::Problem;

pub use reading::{ExcludeList, FileShare, PlaceUnit, READABLE_TIMES, Reading, RowPlace, Rows, UnusableKind};

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
    /// As many campaigns as this process reads at a time read their ledgers and audiences, and this one's turn is ahead.
    Queued,
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
    /// An attempt ended after the ledger failed or was removed, so its outcome is recorded nowhere.
    AttemptUnrecorded(Box<Attempt>),
    /// The platform asked to slow down, and the app id's pace was lowered or has recovered a step.
    PaceChanged {
        /// Starts per second from now on.
        per_second: f64,
        /// Until when it is expected to be below the plan's; none when it is the plan's again.
        until: Option<Timestamp>,
    },
    /// A window of the schedule's hours has opened, or the last one has closed.
    Window {
        /// Whether it is open now.
        open: bool,
        /// When that changes; none when it never does.
        until: Option<Timestamp>,
        /// How long a wait until then a rehearsal passes over; none in a run that waits.
        skipped: Option<Duration>,
    },
    /// As many attempts began on this day as may, and a rehearsal does not wait for the next one.
    DayPassedOver {
        /// How many may.
        most: u64,
        /// When the next day would begin.
        until: Timestamp,
        /// How long the wait would be.
        wait: Duration,
    },
    /// What lies ahead of a run with waves: what each that has not ended has to send, in the order of their turns; comes once.
    WavesAhead {
        /// Wave by wave, and everybody else at the end.
        waves: Vec<WaveLoad>,
    },
    /// A wave has begun or ended.
    Wave {
        /// Which, from 1; none for everybody who is in no wave.
        wave: Option<u32>,
        /// Whether it has ended.
        ended: bool,
        /// When the next one may begin, if anybody is left.
        until: Option<Timestamp>,
        /// How long a wait until then a rehearsal passes over; none in a run that waits.
        skipped: Option<Duration>,
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

/// What there is to do in one wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveLoad {
    /// Its number from 1; none for everybody who is in no wave.
    pub wave: Option<u32>,
    /// Deliveries that would be attempted.
    pub to_send: u64,
    /// When it may begin; the smallest time there is when it need not wait for one that has ended.
    pub not_before: Timestamp,
    /// The wait behind its end.
    pub wait: Duration,
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
    /// The next window of the schedule's hours.
    Window,
    /// The next day: as many attempts began on this one as may.
    Day {
        /// How many may.
        most: u64,
    },
    /// The next wave.
    Wave {
        /// The last that has ended, from 1.
        done: u32,
        /// The one that is waited for; none for everybody who is in no wave.
        next: Option<u32>,
    },
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
    pub const WORDS: [&'static str; 9] = [
        "start", "window", "day", "wave", "app_id", "due", "outage", "platform", "token",
    ];

    /// The reason's word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Window => "window",
            Self::Day { .. } => "day",
            Self::Wave { .. } => "wave",
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
    /// It would have had to wait for a window, and was told not to.
    OutsideHours,
    /// No window opens before `schedule.end`.
    NoWindow,
    /// It would have had to wait for the next day, and was told not to.
    DayUsedUp,
    /// It would have had to wait for a wave, and was told not to.
    BetweenWaves,
    /// The next wave's turn does not come before `schedule.end`.
    NoWave,
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
    /// `halt_if_not_issued` of a wave.
    Wave {
        /// Which, from 1.
        wave: u32,
        /// How many of its answers were no coupon.
        not_issued: u64,
        /// Of how many.
        of: u64,
    },
    /// Another ledger has sent this campaign.
    AnotherLedger {
        /// To whom.
        open_id: OpenId,
        /// By which key.
        merchant_coupon_id: String,
    },
    /// An answer has an id that another delivery has.
    MixedAnswers {
        /// To whom the attempt was.
        open_id: OpenId,
        /// By which key.
        merchant_coupon_id: String,
        /// Which id, such as `coupon_id 7300`.
        id: String,
        /// The key of the other delivery.
        other: String,
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
            Self::Wave { .. } => Problem::HaltWave,
            Self::AnotherLedger { .. } => Problem::HaltAnotherLedger,
            Self::MixedAnswers { .. } => Problem::HaltMixedAnswers,
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
