//! The events of a run, as reporters receive them: owned facts, independent of how they are displayed.

mod reading;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::Text;
use crate::model::actor::Actor;
use crate::model::approval::WaveWait;
use crate::model::delivery::{Counts, Resolution};
use crate::model::envelope::Excess;
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::model::money::{Money, Valuation};
use crate::model::outcome::{Class, Classifier};
use crate::model::problem::Problem;
use crate::model::run_command::Requester;

pub use reading::{
    ExcludeList, FileShare, PlaceUnit, READABLE_TIMES, Reading, RowPlace, Rows, TakenOver, UnusableKind,
};

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The wall time of the event.
    pub at: Timestamp,
    /// The event itself.
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The campaign waits to read its ledger and audience: the process limits how many campaigns read at once.
    Queued,
    /// A run of a campaign began; nothing has been read yet.
    RunBegan {
        /// The name of the campaign.
        campaign: CampaignName,
        /// The campaign's title for people.
        title: Option<String>,
        /// The app that the coupons are sent for.
        app_id: AppId,
        /// The activity that the coupons belong to.
        activity_id: ActivityId,
        /// The platform that receives the requests.
        platform: PlatformName,
        /// The directory of its ledger.
        ledger: PathBuf,
        /// Whether that ledger is new.
        new_ledger: bool,
    },
    /// The progress of reading the audience, rows of exclude lists included. Emitted repeatedly, first before any row
    /// is read.
    AudienceRead {
        /// Rows read so far.
        rows: u64,
        /// The approximate number of rows; `None` when only reading them reveals it.
        of: Option<u64>,
    },
    /// The progress of writing new users to the ledger. Emitted repeatedly; none of these users counts until
    /// [`Self::Admitted`].
    Admitting {
        /// Users that are durable in the ledger so far.
        users: u64,
        /// All new users.
        of: u64,
    },
    /// The activity that the campaign declares exists now. The fact is durable.
    ActivityCreated {
        /// Its number among the campaign's activities.
        number: u32,
        /// Its id.
        activity_id: ActivityId,
        /// How many coupons it may give.
        stock: u64,
    },
    /// The stock of the declared activity. The coupons that are issued from now on are of it.
    ActivityStock {
        /// How many coupons it may give.
        stock: u64,
        /// How many issued coupons of the ledger are of other activities.
        elsewhere: u64,
    },
    /// What was left of the activity's stock is in the template again. The fact is durable.
    ActivityReleased {
        /// Its id.
        activity_id: ActivityId,
    },
    /// The audience is admitted; the counts include what is owed.
    Admitted {
        /// The result of reading the source.
        reading: Box<Reading>,
        /// All deliveries by state.
        counts: Counts,
        /// What is known of the value of their coupons.
        valuation: Valuation,
    },
    /// The run asks a person whether to go on.
    Asking,
    /// A person has answered the question whether to go on.
    Asked {
        /// How long the answer took.
        waited: Duration,
    },
    /// The run entered another phase.
    Phase(Phase),
    /// A batch of facts is durable and changed the counts.
    Counted {
        /// All deliveries by state.
        counts: Counts,
        /// What is known of the value of their coupons.
        valuation: Valuation,
    },
    /// The ledger made a batch of the run's facts durable.
    Flushed {
        /// How long the flush took.
        took: Duration,
        /// The number of facts in the batch.
        facts: u64,
    },
    /// A request was sent; this is the moment that the pace limits.
    AttemptBegan {
        /// Measured on the monotonic clock.
        since_run_began: Duration,
    },
    /// An attempt ended and its outcome is durable.
    AttemptEnded(Box<Attempt>),
    /// An attempt ended after the ledger failed or was removed, so its outcome is recorded nowhere.
    AttemptUnrecorded(Box<Attempt>),
    /// The platform asked to slow down and the app id's pace was lowered, or the pace has recovered by a step.
    PaceChanged {
        /// Starts per second from now on.
        per_second: f64,
        /// When the pace is expected to reach the plan's again; `None` when it already does.
        until: Option<Timestamp>,
    },
    /// A window of the schedule's hours has opened, or the last one has closed.
    Window {
        /// Whether it is open now.
        open: bool,
        /// The time of the next change; `None` when there is no further one.
        until: Option<Timestamp>,
        /// The length of the wait until then that a rehearsal skips; `None` in a run that waits.
        skipped: Option<Duration>,
    },
    /// The day's limit of attempts is reached, and a rehearsal does not wait for the next day.
    DayPassedOver {
        /// The limit of attempts a day.
        most: u64,
        /// When the next day would begin.
        until: Timestamp,
        /// The length of the skipped wait.
        wait: Duration,
    },
    /// The waves that have not ended, in the order of sending. Emitted once, in a run with waves.
    WavesAhead {
        /// Wave by wave; the users who are in no wave come last.
        waves: Vec<WaveLoad>,
    },
    /// A wave has begun or ended.
    Wave {
        /// The number of the wave, from 1; `None` for the users who are in no wave.
        wave: Option<u32>,
        /// Whether it has ended.
        ended: bool,
        /// Whether the next wave needs an approval, if it has users to send to.
        approval: bool,
        /// When the next wave may begin, if it has users to send to.
        until: Option<Timestamp>,
        /// The length of the wait until then that a rehearsal skips; `None` in a run that waits.
        skipped: Option<Duration>,
    },
    /// A person approved a wave that has ended. The approval is durable.
    Approved {
        /// The number of the wave, from 1; 0 for the testers.
        wave: u32,
        /// The person.
        by: Actor,
    },
    /// A person decided about deliveries. The decision is durable.
    Resolved {
        /// How many deliveries.
        deliveries: u64,
        /// The decision.
        to: Resolution,
        /// The person, as `user@host`.
        by: String,
    },
    /// The access token was fetched.
    TokenFetched {
        /// When the token expires.
        until: Timestamp,
    },
    /// A message that a person should read; it changes nothing.
    Warning {
        /// The text of the message.
        message: Text,
    },
    /// The run halted: it starts no further attempt and needs a person.
    Halted(Halted),
    /// The run ended.
    RunEnded {
        /// The result of the run.
        ending: Ending,
        /// All deliveries by state.
        counts: Counts,
    },
}

/// The work of one wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveLoad {
    /// The number of the wave, from 1; `None` for the users who are in no wave.
    pub wave: Option<u32>,
    /// Deliveries to attempt.
    pub to_send: u64,
    /// The earliest begin; [`Timestamp::MIN`] when the wave does not wait for one that has ended.
    pub not_before: Timestamp,
    /// The wait after the end of the wave.
    pub wait: WaveWait,
}

/// The phases of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Reads the audience. Emitted only when a pause during the reading ends.
    Planning,
    /// Starts no attempt until it is resumed.
    Paused {
        /// The requester of the pause.
        by: Requester,
    },
    /// Waits for something.
    Waiting {
        /// The reason for the wait.
        why: Waiting,
        /// When the wait ends, if that is known.
        until: Option<Timestamp>,
    },
    /// Sends.
    Sending,
    /// Starts no further attempt and waits for those in flight.
    Draining {
        /// The reason for the end.
        why: DrainReason,
    },
}

/// The reasons for a wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "for")]
pub enum Waiting {
    /// The campaign's `schedule.start`.
    Start,
    /// The next window of the schedule's hours.
    Window,
    /// The next day: the limit of attempts for this day is reached.
    Day {
        /// The limit of attempts a day.
        most: u64,
    },
    /// The next wave.
    Wave {
        /// The number of the wave that ended last, from 1.
        done: u32,
        /// The number of the wave that the run waits for; `None` for the users who are in no wave.
        next: Option<u32>,
    },
    /// A person's approval.
    Approval {
        /// The number of the wave that has ended and needs it, from 1; 0 for the testers.
        done: u32,
    },
    /// Another process, which has the lock of this app id.
    AppId {
        /// That process.
        holder: AppLockHolder,
    },
    /// The previous owner of the app id, whose last requests may be on their way.
    PreviousOwner,
    /// The database, which has to renew the lease of this worker.
    Lease,
    /// Another machine, which has the lists of users and can admit the audience.
    Lists {
        /// The first list that this machine does not have.
        path: String,
        /// The machine that the campaign file was pushed from.
        host: String,
    },
    /// The database server with the lists of users, which cannot be read.
    Source {
        /// The cause of the last failure.
        why: Text,
    },
    /// The time at which deliveries are due again; there is nothing else to do.
    Due,
    /// Another campaign's requests to the same users; there is nothing else to do.
    User,
    /// The platform, which is unreachable.
    Outage {
        /// The time of the first failure.
        since: Timestamp,
    },
    /// The platform, which told the campaign to wait with this code.
    Platform {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The token endpoint, which is unreachable.
    Token {
        /// The time of the first failure.
        since: Timestamp,
        /// The cause of the last failure.
        why: Text,
    },
}

impl Waiting {
    /// All words that [`Waiting::word`] returns.
    pub const WORDS: [&'static str; 15] = [
        "start",
        "window",
        "day",
        "wave",
        "approval",
        "app_id",
        "previous_owner",
        "lease",
        "lists",
        "source",
        "due",
        "user",
        "outage",
        "platform",
        "token",
    ];

    /// The word for the reason.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Window => "window",
            Self::Day { .. } => "day",
            Self::Wave { .. } => "wave",
            Self::Approval { .. } => "approval",
            Self::AppId { .. } => "app_id",
            Self::PreviousOwner => "previous_owner",
            Self::Lease => "lease",
            Self::Lists { .. } => "lists",
            Self::Source { .. } => "source",
            Self::Due => "due",
            Self::User => "user",
            Self::Outage { .. } => "outage",
            Self::Platform { .. } => "platform",
            Self::Token { .. } => "token",
        }
    }
}

/// Why a run starts no further attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainReason {
    /// A signal interrupted it.
    Interrupted,
    /// Another process stopped it.
    Stopped {
        /// The requester of the stop.
        by: Requester,
    },
    /// The halt policy, a code or a limit halted it.
    Halted,
    /// `schedule.end` is past.
    End,
    /// `--at-most` is reached.
    AtMost,
    /// The outage lasted longer than `retry.give_up`.
    GaveUp,
    /// Nothing is left that can be sent without a person.
    NothingLeft,
    /// It would have to wait for the start, and `--no-wait` is set.
    NotStarted,
    /// It would have to wait for a window, and `--no-wait` is set.
    OutsideHours,
    /// No window opens before `schedule.end`.
    NoWindow,
    /// It would have to wait for the next day, and `--no-wait` is set.
    DayUsedUp,
    /// It would have to wait for a wave, and `--no-wait` is set.
    BetweenWaves,
    /// The next wave needs an approval, and `--no-wait` is set.
    NotApproved {
        /// The number of the wave that has ended and needs it, from 1; 0 for the testers.
        done: u32,
    },
    /// The next wave cannot begin before `schedule.end`.
    NoWave,
    /// Another process sends for the app id, and `--no-wait` is set.
    AppIdTaken {
        /// The process that has its lock.
        holder: AppLockHolder,
    },
    /// The app id is handed over to another worker of the fleet, which goes on.
    HandedOver,
}

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The name of its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it acquired the lock.
    pub since: Timestamp,
    /// Its command line.
    pub command: String,
}

/// The process that holds an app lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLockHolder {
    /// Its process id, by the kernel. `None` if it is not known, as that of a process in another container.
    pub pid: Option<u32>,
    /// The user whose process it is, if that is another user than this process's.
    pub other_user: Option<String>,
    /// How it describes itself, now or earlier. `None` if it has not done so, or belongs to another user: any process can take
    /// the lock and write anything.
    pub owner: Option<Owner>,
    /// Whether it did not answer when it was last asked.
    pub is_silent: bool,
}

impl From<Owner> for AppLockHolder {
    /// A process of this user that describes itself.
    fn from(owner: Owner) -> Self {
        Self {
            pid: Some(owner.pid),
            owner: Some(owner),
            ..Self::default()
        }
    }
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The delivery's idempotency key.
    pub merchant_coupon_id: String,
    /// The recipient.
    pub open_id: OpenId,
    /// The number of the attempt of this delivery, from 1.
    pub attempt: u32,
    /// The proven outcome: a word such as `issued`, `refused`, `unknown`.
    pub outcome: String,
    /// The platform's code; `None` without one.
    pub code: Option<i64>,
    /// The class of the code in this campaign.
    pub class: Option<Class>,
    /// The source of that class.
    pub classifier: Option<Classifier>,
    /// The platform's message.
    pub message: String,
    /// The platform's id of the exchange.
    pub log_id: String,
    /// The latency in seconds.
    pub latency: f64,
    /// Whether an [`EventKind::AttemptBegan`] came before. An attempt without a connection does not begin.
    #[serde(skip)]
    pub started: bool,
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
        /// The platform's id of the exchange.
        log_id: String,
    },
    /// An HTTP response without a code, which means that the URL is not the endpoint or refuses this client.
    Http {
        /// A description of the response.
        detail: String,
    },
    /// The server's certificate does not verify, so nothing was sent to it.
    Certificate {
        /// The server, and what is wrong with its certificate.
        detail: Text,
    },
    /// `halt.refused`.
    Refused {
        /// The refused deliveries among the last `of`.
        n: u32,
        /// The size of the sample.
        of: u32,
    },
    /// `halt.held`.
    Held {
        /// The held deliveries among the last `of`.
        n: u32,
        /// The size of the sample.
        of: u32,
    },
    /// `halt.same_code`.
    SameCode {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
        /// How many times in a row.
        n: u32,
    },
    /// `halt_if_not_issued` of a wave.
    Wave {
        /// The number of the wave, from 1.
        wave: u32,
        /// How many of its answers issued no coupon.
        not_issued: u64,
        /// The number of its answers.
        of: u64,
    },
    /// Another ledger has sent coupons of this campaign.
    AnotherLedger {
        /// The recipient.
        open_id: OpenId,
        /// The idempotency key.
        merchant_coupon_id: String,
    },
    /// An answer carries an id that another delivery already has.
    MixedAnswers {
        /// The recipient of the attempt.
        open_id: OpenId,
        /// The idempotency key of the attempt.
        merchant_coupon_id: String,
        /// The id, such as `coupon_id 7300`.
        id: String,
        /// The idempotency key of the other delivery.
        other: String,
    },
    /// The platform does not accept the credentials.
    Credentials {
        /// The platform's answer.
        why: Text,
    },
    /// `max_coupons` is reached.
    MaxCoupons {
        /// The limit.
        max: u64,
    },
    /// `max_worth` leaves no room for another coupon.
    MaxWorth {
        /// The limit.
        max: Money,
        /// The value of one coupon. `None` if neither the file nor the platform states it.
        each: Option<Money>,
    },
    /// Another coupon would be outside what was approved in the service.
    Envelope {
        /// Why.
        excess: Excess,
    },
}

impl Halted {
    /// The problem that a person has to solve.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        match self {
            Self::Code { .. } => Problem::HaltCode,
            Self::Http { .. } | Self::Certificate { .. } => Problem::HaltHttp,
            Self::Refused { .. } => Problem::HaltRefused,
            Self::Held { .. } => Problem::HaltHeld,
            Self::SameCode { .. } => Problem::HaltSameCode,
            Self::Wave { .. } => Problem::HaltWave,
            Self::AnotherLedger { .. } => Problem::HaltAnotherLedger,
            Self::MixedAnswers { .. } => Problem::HaltMixedAnswers,
            Self::Credentials { .. } => Problem::HaltCredentials,
            Self::MaxCoupons { .. } => Problem::HaltMaxCoupons,
            Self::MaxWorth { .. } => Problem::HaltMaxWorth,
            Self::Envelope { .. } => Problem::HaltEnvelope,
        }
    }
}

/// The results of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every delivery is settled or skipped and the sum is right.
    Complete,
    /// Something is left to do; the same command continues.
    Incomplete,
    /// Nothing more can be done without a person.
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

/// A receiver of events. An emitter must neither fail nor block: a failure to report is the reporter's own.
pub trait Emit: Send + Sync {
    /// Emits one event.
    fn emit(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Emit for F {
    fn emit(&self, event: Event) {
        self(event);
    }
}
