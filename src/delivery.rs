//! A delivery, the states it can be in, and the one table of transitions between them.
//!
//! The table is used live and on recovery alike: the ledger folds facts through [`Standing::next`], and anything that is
//! not in the table is a bug and an error, never a guess.

mod away;
mod resolution;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::planted::planted;

pub use away::Away;
pub use resolution::{NO_CODE, Resolution};

/// The most coupons that one campaign can give one user.
pub const MOST_COUPONS_PER_USER: u8 = 20;

/// Names one delivery within a ledger: which recipient, in the order of admission from 0, and which of their coupons,
/// from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// The recipient's number.
    pub recipient: u32,
    /// The coupon's, from 1.
    pub ordinal: u8,
}

/// Names one activity within a ledger, in the order of first use from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActivityNo(pub u16);

/// Why a delivery is not owed at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// The source no longer names the user.
    Gone,
    /// `coupons_per_user` no longer reaches this ordinal.
    CouponsPerUser,
    /// An earlier coupon of the same user was refused.
    EarlierRefused,
    /// A list of the excluded names the user.
    Excluded,
    /// The user belongs to the control group.
    ControlGroup,
    /// The user was last active too long ago for the platform to give them a coupon.
    Lapsed,
    /// `audience.limit` has no place for the user.
    Limit,
}

impl Skipped {
    /// The reason's word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::CouponsPerUser => "coupons_per_user",
            Self::EarlierRefused => "earlier_refused",
            Self::Excluded => "excluded",
            Self::ControlGroup => "control_group",
            Self::Lapsed => "lapsed",
            Self::Limit => "limit",
        }
    }

    /// Whether a held delivery is skipped for it. Who was drawn into the control group, or was not active, comes and goes
    /// with numbers that nobody looks at: what a person has to decide is not hidden behind that, nor owed again by it.
    #[must_use]
    pub const fn takes_held(self) -> bool {
        !matches!(self, Self::ControlGroup | Self::Lapsed)
    }
}

/// What is not known of a delivery. It sticks until the delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// How many attempts' outcomes are unknown; at least 1.
    pub unknown_attempts: u32,
    /// When the first of them began. `retry.resend_within` counts from here.
    pub since: Timestamp,
    /// The activity of the last of them: a resend goes under this one and no other.
    pub activity: ActivityNo,
    /// When a resend is due at the earliest.
    pub due: Timestamp,
    /// The code of the last answer, if the last attempt had an answer with a code.
    pub code: Option<i64>,
    /// Whether that answer was a refusal or was held: then it is not sent again.
    pub stuck: bool,
}

/// The answer that a delivery is held by. Whether its attempt issued the coupon is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The code of the answer.
    pub code: i64,
    /// When the attempt began.
    pub began: Timestamp,
    /// The activity of the attempt.
    pub activity: ActivityNo,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Owed, never attempted under the present decision.
    Pending,
    /// An intent is durable; its outcome is not known yet.
    Attempting {
        /// When the intent was made.
        began: Timestamp,
        /// Under which activity.
        activity: ActivityNo,
        /// When the delivery would be due again if the send were called off; none when it was pending.
        was_due: Option<Timestamp>,
    },
    /// The last attempt surely issued nothing; due again.
    Deferred {
        /// When.
        until: Timestamp,
    },
    /// At least one attempt's outcome is unknown. The doubt itself is in [`Standing::doubt`].
    InDoubt,
    /// The platform answered what nobody has classified, or what is classified `hold`.
    Held {
        /// The code.
        code: i64,
    },
    /// The platform confirmed the coupon.
    Issued,
    /// The platform refused the user for good.
    Refused {
        /// The code.
        code: i64,
    },
    /// Not owed at present.
    Skipped(Skipped),
}

/// A state without its particulars, for counting and showing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// See [`State::Pending`].
    Pending,
    /// See [`State::Attempting`].
    InFlight,
    /// See [`State::Deferred`].
    Deferred,
    /// See [`State::InDoubt`].
    InDoubt,
    /// See [`State::Held`].
    Held,
    /// See [`State::Issued`].
    Issued,
    /// See [`State::Refused`].
    Refused,
    /// See [`State::Skipped`].
    Skipped,
}

impl StateName {
    /// Every state, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InFlight,
        Self::Deferred,
        Self::InDoubt,
        Self::Held,
        Self::Issued,
        Self::Refused,
        Self::Skipped,
    ];

    /// The state's word in JSON, in exported files and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::InDoubt => "in_doubt",
            other => other.name(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in flight",
            Self::Deferred => "deferred",
            Self::InDoubt => "in doubt",
            Self::Held => "held",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many deliveries are in each state. Sums are exact: `audience` is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts([u64; 8]);

impl Counts {
    /// How many are in `state`.
    #[must_use]
    pub const fn of(&self, state: StateName) -> u64 {
        self.0[state as usize]
    }

    /// All deliveries ever admitted.
    #[must_use]
    pub fn audience(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Issued and refused.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.of(StateName::Issued) + self.of(StateName::Refused)
    }

    /// Still to be attempted, or under way, or due again: pending, in flight and deferred.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        self.of(StateName::Pending) + self.of(StateName::InFlight) + self.of(StateName::Deferred)
    }

    /// Whether nothing is owed, in doubt or held.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.owed() == 0 && self.of(StateName::InDoubt) == 0 && self.of(StateName::Held) == 0
    }

    /// Adds `n` deliveries in `state`.
    pub const fn add(&mut self, state: StateName, n: u64) {
        self.0[state as usize] += n;
    }

    /// Moves one delivery from one state to another.
    ///
    /// # Panics
    /// Never for counts that were kept by [`Counts::add`] and this: a delivery is counted where it is.
    pub const fn shift(&mut self, from: StateName, to: StateName) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }
}

/// What an outcome means for its delivery, decided once, when the outcome is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The coupon is the user's.
    Issued,
    /// Refused for good by this code.
    Refused {
        /// The code.
        code: i64,
    },
    /// A person decides about this code.
    Held {
        /// The code.
        code: i64,
    },
    /// Surely nothing was issued by this attempt; due again.
    NotIssued {
        /// When it is due again at the earliest.
        due: Timestamp,
        /// The code, if there was one.
        code: Option<i64>,
    },
    /// Nobody knows; a resend is due at the earliest at `due`.
    Unknown {
        /// When.
        due: Timestamp,
        /// The code, if there was one.
        code: Option<i64>,
    },
}

/// One thing that happened to one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// An intent to attempt it was made durable.
    Intent {
        /// When.
        at: Timestamp,
        /// Under which activity.
        activity: ActivityNo,
    },
    /// The send was called off before a byte of it left.
    Withdrawn,
    /// The attempt ended.
    Ended(Verdict),
    /// The process ended during the attempt; a resend is due at the earliest at `due`.
    Interrupted {
        /// When.
        due: Timestamp,
    },
    /// An apply decided that it is not owed at present.
    Skip(Skipped),
    /// An apply decided that it is owed: the campaign file says that its held code means that nothing was issued. By
    /// the first rules also: it was skipped and came back, or it was held and the activity changed.
    Owe,
    /// An apply under another activity decided that a held one is owed. Its attempt may have issued a coupon, so this
    /// counts in `max_coupons` as if it had.
    OweUnderNewActivity,
    /// An apply decided that it is no longer skipped: it is held if it was held when it was skipped, else owed.
    Return,
    /// An apply read its last code again: the user is refused for good.
    RereadRefused,
    /// An apply read the last code again: it tells of an earlier success. For a held one only where the ledger has
    /// accepted that another one has sent this campaign.
    RereadIssued,
    /// An apply read its last code again: nobody knows whether the attempt issued the coupon. A resend is due at the
    /// earliest at `due`.
    RereadUnknown {
        /// When.
        due: Timestamp,
    },
    /// An apply read the last code of a doubt again: it may be sent again, at `due` at the earliest.
    RereadResend {
        /// When.
        due: Timestamp,
    },
    /// A person decided.
    Resolved(Resolution),
}

/// Where one delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// How many attempts were made, those that were called off aside.
    pub attempts: u32,
    /// What is not known of it; kept when it is settled, for those who ask how it came about, and so that a doubt that a
    /// person called refused is still one when it is reopened.
    pub doubt: Option<Doubt>,
    /// The answer that it is held by. It is kept while the delivery is skipped, so that it is held when it comes back, and
    /// when a person calls it refused, so that reopening it counts in two steps as in one.
    pub held: Option<Held>,
}

/// A step that the table of transitions does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {from:?} cannot take the step {step:?}")]
pub struct NoSuchTransition {
    /// Where the delivery stood.
    pub from: Standing,
    /// What was said to have happened.
    pub step: Step,
}

impl State {
    /// The state without its particulars.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::Pending => StateName::Pending,
            Self::Attempting { .. } => StateName::InFlight,
            Self::Deferred { .. } => StateName::Deferred,
            Self::InDoubt => StateName::InDoubt,
            Self::Held { .. } => StateName::Held,
            Self::Issued => StateName::Issued,
            Self::Refused { .. } => StateName::Refused,
            Self::Skipped(_) => StateName::Skipped,
        }
    }
}

impl Standing {
    /// Where every delivery begins.
    pub const PENDING: Self = Self {
        state: State::Pending,
        attempts: 0,
        doubt: None,
        held: None,
    };

    /// The table of transitions.
    ///
    /// # Errors
    /// When the table has no such step from here. Nothing has changed then.
    pub fn next(self, step: Step) -> Result<Self, Box<NoSuchTransition>> {
        let no = Err(Box::new(NoSuchTransition { from: self, step }));
        match step {
            Step::Intent { at, activity } => match (self.state, self.doubt) {
                (State::Pending, None) => Ok(self.attempting(at, activity, None)),
                (State::Deferred { until }, None) => Ok(self.attempting(at, activity, Some(until))),
                (State::InDoubt, Some(doubt)) if !doubt.stuck && doubt.activity == activity => {
                    Ok(self.attempting(at, activity, Some(doubt.due)))
                }
                _ => no,
            },
            Step::Withdrawn => match self.state {
                State::Attempting { was_due, .. } => Ok(self.called_off(was_due)),
                _ => no,
            },
            Step::Ended(verdict) => match self.state {
                State::Attempting { began, activity, .. } => Ok(self.ended(verdict, began, activity)),
                _ => no,
            },
            Step::Interrupted { due } => match self.state {
                State::Attempting { began, activity, .. } => {
                    Ok(self.ended(Verdict::Unknown { due, code: None }, began, activity))
                }
                _ => no,
            },
            Step::Skip(why) => match self.state {
                State::Held { .. } if !why.takes_held() => no,
                State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_) => {
                    Ok(self.with(State::Skipped(why)))
                }
                _ => no,
            },
            Step::Owe => match self.state {
                State::Skipped(_) | State::Held { .. } => Ok(self.no_longer_held(State::Pending)),
                _ => no,
            },
            Step::OweUnderNewActivity => match self.state {
                State::Held { .. } => Ok(self.no_longer_held(State::Pending)),
                _ => no,
            },
            Step::Return => match (self.state, self.held) {
                (State::Skipped(_), Some(Held { code, .. })) => Ok(self.with(State::Held { code })),
                (State::Skipped(_), None) => Ok(self.with(State::Pending)),
                _ => no,
            },
            Step::RereadRefused => match self.state {
                State::Held { code } => Ok(self.no_longer_held(State::Refused { code })),
                _ => no,
            },
            Step::RereadIssued => match (self.state, self.doubt) {
                (State::InDoubt, Some(Doubt { code: Some(_), .. })) | (State::Held { .. }, None) => {
                    Ok(self.no_longer_held(State::Issued))
                }
                _ => no,
            },
            Step::RereadUnknown { due } => match (self.state, self.held) {
                (State::Held { .. }, Some(held)) => Ok(self.no_longer_held(State::InDoubt).doubting(Doubt {
                    unknown_attempts: 1,
                    since: held.began,
                    activity: held.activity,
                    due,
                    code: Some(held.code),
                    stuck: false,
                })),
                _ => no,
            },
            Step::RereadResend { due } => match (self.state, self.doubt) {
                (State::InDoubt, Some(doubt)) if doubt.code.is_some() => Ok(Self {
                    doubt: Some(Doubt {
                        stuck: false,
                        due,
                        ..doubt
                    }),
                    ..self
                }),
                _ => no,
            },
            Step::Resolved(resolution) => self.resolved(resolution).map_or(no, Ok),
        }
    }

    const fn with(self, state: State) -> Self {
        Self { state, ..self }
    }

    const fn no_longer_held(self, state: State) -> Self {
        Self {
            state,
            held: None,
            ..self
        }
    }

    const fn attempting(self, began: Timestamp, activity: ActivityNo, was_due: Option<Timestamp>) -> Self {
        Self {
            state: State::Attempting {
                began,
                activity,
                was_due,
            },
            attempts: self.attempts + 1,
            ..self
        }
    }

    const fn called_off(self, was_due: Option<Timestamp>) -> Self {
        let state = match (self.doubt, was_due) {
            (Some(_), _) => State::InDoubt,
            (None, Some(until)) => State::Deferred { until },
            (None, None) => State::Pending,
        };
        Self {
            state,
            attempts: self.attempts - 1,
            ..self
        }
    }

    /// Doubt sticks: once an attempt's outcome is unknown, only a confirmation settles the delivery. Whatever else the
    /// platform answers is kept beside the doubt, and a refusal or a held code ends the resending.
    fn ended(self, verdict: Verdict, began: Timestamp, activity: ActivityNo) -> Self {
        match (verdict, self.doubt) {
            (Verdict::Issued, _) => self.with(State::Issued),
            (Verdict::Unknown { due, code }, doubt) => Self {
                state: State::InDoubt,
                doubt: Some(Doubt {
                    unknown_attempts: doubt.map_or(0, |d| d.unknown_attempts) + 1,
                    since: doubt.map_or(began, |d| d.since),
                    activity,
                    due,
                    code,
                    stuck: false,
                }),
                ..self
            },
            (Verdict::Refused { code }, Some(_)) if planted!(RefusalSettles) => self.with(State::Refused { code }),
            (Verdict::Refused { code }, None) => self.with(State::Refused { code }),
            (Verdict::Held { code }, None) => Self {
                state: State::Held { code },
                held: Some(Held { code, began, activity }),
                ..self
            },
            (Verdict::NotIssued { due, .. }, None) => self.with(State::Deferred { until: due }),
            (Verdict::Refused { code } | Verdict::Held { code }, Some(doubt)) => self.doubting(Doubt {
                code: Some(code),
                stuck: true,
                ..doubt
            }),
            (Verdict::NotIssued { due, code }, Some(doubt)) => self.doubting(Doubt { due, code, ..doubt }),
        }
    }

    const fn doubting(self, doubt: Doubt) -> Self {
        Self {
            state: State::InDoubt,
            doubt: Some(doubt),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
