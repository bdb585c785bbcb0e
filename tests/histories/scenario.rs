//! What one seed decides: a campaign, its applies, and everything that goes wrong. Told in words, and cut down when it breaks
//! a promise.

use runner::model::outcome::Class;

/// 2026-06-01T00:00:00 by the clocks of the campaign's zone, in milliseconds.
pub const MONDAY: i64 = 1_780_272_000_000 - 8 * 3_600_000;

/// The campaigns' names.
pub const NAMES: [&str; 3] = ["summer", "autumn", "winter"];

/// Everything that one seed decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// By which it is told again.
    pub seed: u64,
    /// The wall clock at its beginning, in milliseconds after [`MONDAY`].
    pub begins: i64,
    /// What no apply changes, for each campaign.
    pub campaigns: Vec<FixedSettings>,
    /// What the platform does, where it is more than to give a coupon and to say so.
    pub responses: Vec<ScriptedResponse>,
    /// One after the other.
    pub applies: Vec<Apply>,
}

/// What no apply of a campaign changes.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedSettings {
    /// `retry.timeout`, in milliseconds.
    pub timeout: u64,
    /// `retry.first_delay` and `retry.max_delay`, in milliseconds.
    pub delays: (u64, u64),
    /// `retry.attempts`.
    pub attempts: u32,
    /// `retry.in_doubt: ask`, on a platform that ignores ids.
    pub asks_person: bool,
    /// `retry.resend_within`, in milliseconds.
    pub resend_within: u64,
    /// `pace.max_in_flight`.
    pub in_flight: u16,
    /// Shares in percent, waits in milliseconds, and the share in percent that halts.
    pub waves: Vec<(u8, u64, u8)>,
    /// `active_within` in seconds, and whether those come first who would lapse soonest.
    pub active_within: Option<(u64, bool)>,
    /// `halt.refused`, `halt.held` and `halt.same_code` small enough to be met.
    pub strict_halts: bool,
    /// What the platform says of an id that has its coupon.
    pub on_repeat: RepeatAnswer,
}

/// What the platform says of an id that has its coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatAnswer {
    /// What it said the first time.
    Success,
    /// A code that the file classes as issued.
    Duplicate,
    /// A code that nobody has classified.
    Unlisted,
}

/// What the file says at one apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which activity, by a number of its own.
    pub activity: u8,
    /// `coupons_per_user`.
    pub coupons: u8,
    /// `pace.per_second` in thousandths.
    pub pace: u64,
    /// `pace.per_day`.
    pub per_day: Option<u64>,
    /// `schedule.hours` of every day, in minutes from midnight; all hours where there are none.
    pub hours: Vec<(u16, u16)>,
    /// `schedule.closed`, as days after [`MONDAY`].
    pub closed: Vec<i64>,
    /// `schedule.start` and `schedule.end`, in milliseconds after [`MONDAY`].
    pub between: (Option<i64>, Option<i64>),
    /// `max_coupons`.
    pub most: Option<u64>,
    /// `control_group` in percent.
    pub control: u8,
    /// What the file's `codes` make of [`code::UNLISTED`].
    pub unlisted: Option<Class>,
    /// What the file's `codes` make of [`code::UNSURE`].
    pub unsure: Option<Class>,
}

/// One apply: a process that takes one or several campaigns of the same app id.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// How long after the end of the one before, in milliseconds.
    pub gap: u64,
    /// By how much the wall is put forward or back meanwhile, in milliseconds.
    pub jump: i64,
    /// The campaigns that it takes, in ascending order.
    pub campaigns: Vec<Campaign>,
    /// What a person accepts.
    pub accepts: Acceptance,
    /// `--at-most`.
    pub at_most: Option<u64>,
    /// `--no-wait`.
    pub no_wait: bool,
    /// At which step over the edge the process is killed.
    pub kill: Option<u64>,
    /// Whether the ledger is closed in order in the end, so that it keeps a shortcut.
    pub closes_ledger: bool,
    /// What happens meanwhile.
    pub incidents: Vec<Incident>,
}

/// What a person accepts in an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// What has changed in the file or the audience.
    pub changes: bool,
    /// A ledger that is older than its witness.
    pub older_ledger: bool,
    /// That another ledger has sent a campaign.
    pub replays: bool,
}

impl Acceptance {
    /// What has changed, or not even that.
    pub const fn only_changes(changes: bool) -> Self {
        Self {
            changes,
            older_ledger: false,
            replays: false,
        }
    }

    /// Whether it is accepted what a word of `--accept` names.
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
    /// Its place in [`Scenario::campaigns`].
    pub number: usize,
    /// What the file says.
    pub settings: Settings,
    /// Whom the source names, in its order, and how many seconds before the beginning of the story they were last active.
    pub listed: Vec<(u8, i64)>,
    /// Who is on the list of the excluded.
    pub excluded: Vec<u8>,
    /// How many of its last batches the ledger lacks from here on, where it was put back from an older copy.
    pub restored_without: Option<u64>,
}

/// Something that happens during an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// How long after its beginning, in milliseconds.
    pub after: u64,
    /// The campaign that an order or a fault of the disk concerns. Everything else concerns all of them.
    pub campaign: usize,
    /// What.
    pub kind: IncidentKind,
}

/// What may happen during an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentKind {
    /// Somebody pauses it.
    Pause,
    /// Somebody lets it go on.
    Resume,
    /// Somebody stops it.
    Stop,
    /// The wall is put forward or back, in milliseconds.
    ClockStep(i64),
    /// The disk takes so many milliseconds for each append from now on, before or after the batch is durable.
    DiskStall {
        /// How many.
        ms: u64,
        /// Whether it is durable at once, and only told so late.
        after_write: bool,
    },
    /// The next append fails; what it had may be durable all the same.
    DiskFailure {
        /// Whether it is.
        durable: bool,
    },
    /// The ledger is moved away, or replaced. The next process finds it in its place again.
    LedgerRemoved {
        /// Whether that process finds what was appended meanwhile.
        durable: bool,
    },
    /// No token can be had for so many milliseconds.
    TokenOutage(u64),
    /// The next token is refused.
    TokenRefused,
    /// Every token takes so many milliseconds from now on.
    SlowToken(u64),
    /// The platform is out of reach for so many milliseconds.
    PlatformOutage(u64),
    /// A gateway answers everything with a status and no code. It passes some requests on first.
    WrongAddress {
        /// For how many milliseconds.
        ms: u64,
        /// The status.
        status: u16,
    },
    /// Another process takes the app id for so many milliseconds, if it can.
    OtherProcess(u64),
}

/// What the platform does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedResponse {
    /// Of which user.
    pub user: u8,
    /// With which request for one of their coupons, from 1; with every one where it is 0, until the end of the story.
    pub nth: u32,
    /// What.
    pub act: Response,
}

/// What the platform does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// How many milliseconds after its start it gives the coupon, if it does.
    pub gives: Option<u64>,
    /// What it answers.
    pub says: AnswerKind,
    /// How many milliseconds after the start.
    pub after: u64,
}

/// What the platform answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// That the coupon is given.
    Issued,
    /// A code.
    Code(i64),
    /// A code that asks to slow down, and for how many milliseconds to be left alone.
    SlowDown(u64),
    /// Nothing that arrives.
    NoAnswer,
    /// Something that breaks off.
    Cut,
    /// Something that nobody can read.
    Unreadable,
    /// A status that a wrong address gives, without a code.
    Status(u16),
    /// A code in the body of an answer that has the status of a wrong address.
    CodeWithStatus {
        /// The code.
        code: i64,
        /// The status.
        status: u16,
    },
    /// What it answered last to a request for another coupon.
    OtherDelivery,
    /// A success with an earlier coupon of the same user, or else of another one.
    SameCoupon,
    /// The connection is refused: nothing has arrived.
    NotSent,
}

/// The codes that the platform of a story knows, with what they mean by the table.
pub mod code {
    /// The user is refused for good.
    pub const REFUSED: i64 = 1;
    /// The platform could not do it, and does not say whether it did.
    pub const SYSTEM_ERROR: i64 = 2;
    /// Too fast.
    pub const TOO_FAST: i64 = 3;
    /// The token is not valid.
    pub const TOKEN: i64 = 4;
    /// The campaign has to wait.
    pub const WAIT: i64 = 5;
    /// An operator must act.
    pub const STOP: i64 = 6;
    /// The id was used before.
    pub const USED: i64 = 7;
    /// The id was used before, and nobody has said that this code means it.
    pub const USED_UNLISTED: i64 = 8;
    /// In no table. Nothing was given.
    pub const UNLISTED: i64 = 9;
    /// In no table. The coupon may have been given all the same.
    pub const UNSURE: i64 = 10;
}

impl Settings {
    /// What a code means by the table and the file.
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

    /// Whether the file's `codes` name a code.
    pub const fn names(&self, code: i64) -> bool {
        match code {
            code::USED => true,
            code::UNLISTED => self.unlisted.is_some(),
            code::UNSURE => self.unsure.is_some(),
            _ => false,
        }
    }

    /// The pace in starts a second.
    #[expect(clippy::cast_precision_loss, reason = "a pace is small")]
    pub fn per_second(&self) -> f64 {
        self.pace as f64 / 1000.0
    }
}

impl Scenario {
    /// Whether a ledger is ever put back from an older copy.
    pub fn restores_ledger(&self) -> bool {
        let mut campaigns = self.applies.iter().flat_map(|apply| &apply.campaigns);
        campaigns.any(|campaign| campaign.restored_without.is_some())
    }

    /// Whether the wall is ever put forward or back.
    pub fn steps_clock(&self) -> bool {
        let during = |apply: &Apply| {
            apply
                .incidents
                .iter()
                .any(|it| matches!(it.kind, IncidentKind::ClockStep(_)))
        };
        self.applies.iter().any(|apply| apply.jump != 0 || during(apply))
    }

    /// What the platform does with a request, the `nth` for one of a user's coupons. In the end, where it answers what can be
    /// answered for ever, only what it always does.
    pub fn response(&self, user: u8, nth: u32, calm: Option<&Settings>) -> Option<Response> {
        let lasting = |act: &Response| match (act.says, calm) {
            (AnswerKind::Code(code) | AnswerKind::CodeWithStatus { code, .. }, Some(said)) => {
                matches!(said.class(code), Class::Refuse | Class::Hold | Class::Issued)
            }
            _ => calm.is_none(),
        };
        let of_user = self.responses.iter().filter(|fate| fate.user == user);
        let mut fitting = of_user.filter(|fate| fate.nth == 0 || (fate.nth == nth && calm.is_none()));
        fitting.next().map(|fate| fate.act).filter(lasting)
    }
}
