//! What one seed determines: the campaigns, their applies and every fault. A scenario is printed by `print` and reduced
//! by `shrink`.

use runner::model::delivery::{Resolution, StateName};
use runner::model::outcome::Class;

/// Midnight of 2026-06-01 in the campaign's time zone, in milliseconds.
pub const MONDAY: i64 = 1_780_272_000_000 - 8 * 3_600_000;

pub const NAMES: [&str; 3] = ["summer", "autumn", "winter"];

/// Everything that one seed determines.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub seed: u64,
    /// The wall clock at the start, in milliseconds after [`MONDAY`].
    pub start_ms: i64,
    /// The settings that no apply changes, one entry per campaign.
    pub campaigns: Vec<FixedSettings>,
    /// Responses of the platform that differ from a plain success.
    pub responses: Vec<ScriptedResponse>,
    /// Whether each apply is that of another worker of a fleet, which owns the app id for a term.
    pub is_fleet: bool,
    pub applies: Vec<Apply>,
}

/// The part of a campaign file that no apply changes.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedSettings {
    /// `retry.timeout`, in milliseconds.
    pub timeout: u64,
    /// `retry.first_delay`, in milliseconds.
    pub first_delay: u64,
    /// `retry.max_delay`, in milliseconds.
    pub max_delay: u64,
    /// `retry.attempts`.
    pub attempts: u32,
    /// `retry.in_doubt: ask`, on a platform that ignores the merchant_coupon_id.
    pub asks_person: bool,
    /// `retry.resend_within`, in milliseconds.
    pub resend_within: u64,
    /// `pace.max_in_flight`.
    pub max_in_flight: u16,
    pub waves: Vec<WaveSettings>,
    /// `audience.testers`.
    pub testers: Vec<u8>,
    pub active_within: Option<ActiveWithin>,
    /// `halt.refused`, `halt.held` and `halt.same_code` are small enough to be reached.
    pub strict_halts: bool,
    pub on_repeat: RepeatAnswer,
}

/// A wave of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveSettings {
    /// In percent of the audience, with the waves before.
    pub share: u8,
    /// In milliseconds.
    pub wait: u64,
    /// Whether the wait lasts until a person approves instead.
    pub approval: bool,
    /// The share of attempts in percent without a coupon that halts the campaign.
    pub halt_share: u8,
}

impl FixedSettings {
    /// The testers, as a wave of no share that needs an approval, and the waves.
    pub fn all_waves(&self) -> Vec<WaveSettings> {
        let testers = WaveSettings {
            share: 0,
            wait: 0,
            approval: true,
            halt_share: 100,
        };
        let testers = (!self.testers.is_empty()).then_some(testers);
        testers.into_iter().chain(self.waves.iter().cloned()).collect()
    }
}

/// `active_within` of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveWithin {
    pub seconds: u64,
    /// `order: expiring_first`.
    pub expiring_first: bool,
}

/// How the platform answers a merchant_coupon_id that already has its coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatAnswer {
    /// The first answer again.
    Success,
    /// A code that the file classifies as issued.
    Duplicate,
    /// A code that nobody has classified.
    Unlisted,
}

/// The part of a campaign file that may change between applies.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The number of the activity.
    pub activity: u8,
    /// `coupons_per_user`.
    pub coupons_per_user: u8,
    /// `pace.per_second` in thousandths.
    pub milli_pace: u64,
    /// `pace.per_day`.
    pub per_day: Option<u64>,
    /// `schedule.hours` of every day, in minutes after midnight. An empty list means all hours.
    pub hours: Vec<Window>,
    /// `schedule.closed`, as days after [`MONDAY`].
    pub closed: Vec<i64>,
    /// `schedule.start`, in milliseconds after [`MONDAY`].
    pub start: Option<i64>,
    /// `schedule.end`, in milliseconds after [`MONDAY`].
    pub end: Option<i64>,
    /// `max_coupons`.
    pub max_coupons: Option<u64>,
    /// What the coupons are worth. `None` without `max_worth`.
    pub worth: Option<WorthSettings>,
    /// The bounds of the approval that the apply goes by. `None` without an approval.
    pub envelope: Option<EnvelopeSettings>,
    /// `control_group` in percent.
    pub control_percent: u8,
    /// How the file's `codes` classify [`code::UNLISTED`].
    pub unlisted: Option<Class>,
    /// How the file's `codes` classify [`code::UNSURE`].
    pub unsure: Option<Class>,
}

/// The value of coupons, and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorthSettings {
    /// The value of each coupon, in fen.
    pub each: u64,
    /// Whether the file says it, as `coupon_value`.
    pub is_in_file: bool,
    /// Whether the platform states it.
    pub is_stated: bool,
    /// `max_worth`, in fen.
    pub most: u64,
}

/// The bounds of an approval of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeSettings {
    /// The most coupons.
    pub coupons: u64,
    /// What they may be worth, in fen. It holds only with [`Settings::worth`].
    pub most: Option<u64>,
    /// The end, in milliseconds after [`MONDAY`].
    pub until: Option<i64>,
    /// The most users that the source may name.
    pub audience: Option<u64>,
}

/// A send window, in minutes after midnight.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub from: u16,
    pub until: u16,
}

/// A row of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedUser {
    pub user: u8,
    /// Seconds between the last activity and [`MONDAY`].
    pub inactive_for: i64,
}

impl ListedUser {
    /// A user whose last activity is [`MONDAY`].
    pub const fn new(user: u8) -> Self {
        Self { user, inactive_for: 0 }
    }
}

/// One process that applies one or several campaigns of an app id.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// Milliseconds since the previous apply ended.
    pub gap: u64,
    /// A step of the wall clock before this apply, in milliseconds.
    pub clock_step: i64,
    /// In ascending order of their numbers.
    pub campaigns: Vec<Campaign>,
    pub accepts: Acceptance,
    /// Whether a person approves the waves that wait for it before this apply.
    pub approved: bool,
    /// `--at-most`.
    pub at_most: Option<u64>,
    /// `--no-wait`.
    pub no_wait: bool,
    /// The step of the environment at which the process is killed.
    pub kill_at_step: Option<u64>,
    /// Whether the ledger is closed in order at the end, so that it keeps a snapshot.
    pub closes_ledger: bool,
    /// In order of time.
    pub incidents: Vec<Incident>,
}

/// What a person accepts in an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Changes of the file or the audience.
    pub changes: bool,
    /// A ledger that is older than its witness.
    pub older_ledger: bool,
    /// Replays: another ledger has sent the campaign.
    pub replays: bool,
}

impl Acceptance {
    pub const fn only_changes(changes: bool) -> Self {
        Self {
            changes,
            older_ledger: false,
            replays: false,
        }
    }

    /// Whether a word of `--accept` is accepted.
    pub fn has(self, word: &str) -> bool {
        match word {
            "older_ledger" => self.older_ledger,
            "replays" => self.replays,
            _ => self.changes,
        }
    }
}

/// One campaign in an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// The index in [`Scenario::campaigns`].
    pub number: usize,
    pub settings: Settings,
    /// The rows of the source, in its order.
    pub listed: Vec<ListedUser>,
    pub excluded: Vec<u8>,
    /// If the ledger is restored from an older copy before this apply: how many of its last batches the copy lacks.
    pub restored_without: Option<u64>,
}

/// Something that happens during an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Milliseconds after the apply began.
    pub after: u64,
    /// The campaign that a command or a fault of the disk concerns. Other incidents concern all campaigns.
    pub campaign: usize,
    pub kind: IncidentKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentKind {
    /// A person pauses the campaign.
    Pause,
    /// A person resumes the campaign.
    Resume,
    /// A person stops the campaign.
    Stop,
    /// A person approves the wave that ended last.
    Approve,
    /// A person decides about all deliveries in a state.
    Resolve { state: StateName, to: Resolution },
    /// The wall clock is stepped by this many milliseconds.
    ClockStep(i64),
    /// From now on each append takes longer.
    DiskStall {
        ms: u64,
        /// Whether the batch is durable before the delay, so that only the confirmation is late.
        after_write: bool,
    },
    /// The next append fails.
    DiskFailure {
        /// Whether its batch is durable nevertheless.
        durable: bool,
    },
    /// The ledger is moved away or replaced. The next process finds it back in its place.
    LedgerRemoved {
        /// Whether that process finds the batches appended meanwhile.
        durable: bool,
    },
    /// The token endpoint is out of reach for this many milliseconds.
    TokenOutage(u64),
    /// The token endpoint refuses once.
    TokenRefused,
    /// From now on a token takes this many milliseconds.
    SlowToken(u64),
    /// No connect completes for this many milliseconds.
    StalledConnects(u64),
    /// The platform is out of reach for this many milliseconds.
    PlatformOutage(u64),
    /// A gateway answers every request with a status and without a code. It forwards some of the requests.
    WrongAddress { ms: u64, status: u16 },
    /// Another process holds the app lock for this many milliseconds, if it is free.
    OtherProcess(u64),
    /// The lease of the worker ends.
    LeaseEnds,
    /// The lease of the worker is renewed, unless it is fenced.
    LeaseRenewed,
    /// Another worker fences this one.
    Fenced {
        /// Whether this worker is cut off from everything, so that its answers are lost.
        is_cut_off: bool,
    },
    /// The worker is to hand over the app id.
    HandOver,
}

/// A response to certain requests of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedResponse {
    pub user: u8,
    /// Which request for one of the user's coupons, from 1. 0 means every request, even while the scenario is brought
    /// to its end.
    pub nth: u32,
    pub response: Response,
}

/// What the platform does with one request. Times are milliseconds after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// When the platform issues the coupon. `None` if it does not.
    pub issues_after: Option<u64>,
    pub answer: AnswerKind,
    /// When the answer arrives.
    pub after: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// A success.
    Issued,
    Code(i64),
    /// A code that asks to slow down, with a `Retry-After` in milliseconds.
    SlowDown(u64),
    /// No answer arrives.
    NoAnswer,
    /// The connection breaks.
    Cut,
    /// A body that cannot be parsed.
    Unreadable,
    /// A status of a wrong address, without a code.
    Status(u16),
    /// A code in a body whose status is that of a wrong address.
    CodeWithStatus {
        code: i64,
        status: u16,
    },
    /// The last answer to a request for another delivery.
    OtherDelivery,
    /// A success with an earlier coupon of the same user, else of another user.
    SameCoupon,
    /// The connection is refused, so nothing arrived.
    NotSent,
}

/// The codes of the fake platform. The comments say how the table of `platform.rs` classifies them.
pub mod code {
    /// The user is refused for good.
    pub const REFUSED: i64 = 1;
    /// A system error: the coupon may have been issued.
    pub const SYSTEM_ERROR: i64 = 2;
    /// Too many requests.
    pub const TOO_FAST: i64 = 3;
    /// The token is invalid.
    pub const TOKEN: i64 = 4;
    /// The campaign has to wait.
    pub const WAIT: i64 = 5;
    /// The campaign has to halt.
    pub const STOP: i64 = 6;
    /// The merchant_coupon_id was used before; classified as issued.
    pub const USED: i64 = 7;
    /// The merchant_coupon_id was used before; not classified.
    pub const USED_UNLISTED: i64 = 8;
    /// Not classified. Nothing was issued.
    pub const UNLISTED: i64 = 9;
    /// Not classified. The coupon may have been issued.
    pub const UNSURE: i64 = 10;
}

impl Settings {
    /// The class of a code, by the table and the file.
    pub fn class(&self, code: i64) -> Class {
        match code {
            code::REFUSED => Class::Refuse,
            code::SYSTEM_ERROR => Class::Retry,
            code::TOO_FAST => Class::Throttle,
            code::TOKEN => Class::Token,
            code::WAIT => Class::Wait,
            code::STOP => Class::Halt,
            code::USED => Class::Issued,
            code::UNLISTED => self.unlisted.unwrap_or(Class::Hold),
            code::UNSURE => self.unsure.unwrap_or(Class::Hold),
            _ => Class::Hold,
        }
    }

    /// Whether the file's `codes` contain a code.
    pub const fn names(&self, code: i64) -> bool {
        match code {
            code::USED => true,
            code::UNLISTED => self.unlisted.is_some(),
            code::UNSURE => self.unsure.is_some(),
            _ => false,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a pace is small")]
    pub fn per_second(&self) -> f64 {
        self.milli_pace as f64 / 1000.0
    }
}

impl Scenario {
    /// Whether any ledger is restored from an older copy.
    pub fn restores_ledger(&self) -> bool {
        let mut campaigns = self.applies.iter().flat_map(|apply| &apply.campaigns);
        campaigns.any(|campaign| campaign.restored_without.is_some())
    }

    /// Whether a person calls a delivery refused. The person may be wrong, and the limits believe it.
    pub fn calls_refused(&self) -> bool {
        let to = Resolution::Refused;
        let mut incidents = self.applies.iter().flat_map(|apply| &apply.incidents);
        incidents.any(|it| matches!(it.kind, IncidentKind::Resolve { to: decided, .. } if decided == to))
    }

    /// Whether the wall clock is ever stepped.
    pub fn steps_clock(&self) -> bool {
        let during = |apply: &Apply| {
            apply
                .incidents
                .iter()
                .any(|it| matches!(it.kind, IncidentKind::ClockStep(_)))
        };
        self.applies.iter().any(|apply| apply.clock_step != 0 || during(apply))
    }

    /// The scripted response to a user's `nth` request for a coupon. While the scenario is brought to its end,
    /// `faultless` holds the settings, and only lasting responses with a final code remain.
    pub fn response(&self, user: u8, nth: u32, faultless: Option<&Settings>) -> Option<Response> {
        let lasting = |response: &Response| match (response.answer, faultless) {
            (AnswerKind::Code(code) | AnswerKind::CodeWithStatus { code, .. }, Some(said)) => {
                matches!(said.class(code), Class::Refuse | Class::Hold | Class::Issued)
            }
            _ => faultless.is_none(),
        };
        let of_user = self.responses.iter().filter(|fate| fate.user == user);
        let mut fitting = of_user.filter(|fate| fate.nth == 0 || (fate.nth == nth && faultless.is_none()));
        fitting.next().map(|fate| fate.response).filter(lasting)
    }
}
