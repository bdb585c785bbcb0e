//! A delivery, its states, and the table of transitions between them.
//!
//! A live run and recovery use the same table: the ledger folds facts through [`DeliveryStatus::next`]. A step that the table
//! does not have is an error.

mod away;
mod resolution;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{model, wording};
use crate::model::clock::later;
use crate::model::mutants::mutant;

pub use away::Away;
pub use resolution::{NO_CODE, Resolution};

/// The most coupons that one campaign can give one user.
pub const MOST_COUPONS_PER_USER: u8 = 20;

/// The key of a delivery within a ledger: the recipient's number, in the order of admission from 0, and the ordinal of
/// the coupon, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// The recipient's number.
    pub recipient: u32,
    /// The coupon's ordinal, from 1.
    pub ordinal: u8,
}

/// The number of an activity within a ledger, in the order of first use from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActivityNo(pub u16);

/// The reason why a delivery is not owed at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// The source no longer names the user.
    Gone,
    /// `coupons_per_user` no longer reaches this ordinal.
    CouponsPerUser,
    /// An earlier coupon of the same user was refused.
    EarlierRefused,
    /// An exclude list names the user.
    Excluded,
    /// The user belongs to the control group.
    ControlGroup,
    /// The user was last active too long ago for the platform to give them a coupon.
    Lapsed,
    /// `audience.limit` leaves no room for the user.
    Limit,
}

impl Skipped {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Gone,
        Self::CouponsPerUser,
        Self::EarlierRefused,
        Self::Excluded,
        Self::ControlGroup,
        Self::Lapsed,
        Self::Limit,
    ];

    /// Returns the reason's word in JSON.
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

    /// Whether a held delivery is skipped for this reason. The control group and the last activity change with numbers
    /// that no operator reviews, so they must neither hide a decision that a person has to make nor make the delivery
    /// owed again.
    #[must_use]
    pub const fn takes_held(self) -> bool {
        !matches!(self, Self::ControlGroup | Self::Lapsed)
    }
}

/// The unknown outcomes of a delivery. They stay until the delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The number of attempts with an unknown outcome; at least 1.
    pub unknown_attempts: u32,
    /// When the first of them began. `retry.resend_within` counts from here. `None` if that time is unknown, because a
    /// person has accepted the clock since then.
    pub since: Option<Timestamp>,
    /// The activity of the last of them. A resend uses this activity only.
    pub activity: ActivityNo,
    /// The earliest time of a resend.
    pub due: Timestamp,
    /// The code of the last attempt's answer, if it had one.
    pub code: Option<i64>,
    /// Whether that answer refused the user or was held. Then the delivery is not sent again.
    pub stuck: bool,
}

impl Doubt {
    /// Returns the end of the time in which a resend is allowed; `None` if the age is unknown, and then no resend is
    /// allowed.
    #[must_use]
    pub fn resend_until(&self, resend_within: Duration) -> Option<Timestamp> {
        Some(later(self.since?, resend_within))
    }
}

/// The answer for which a delivery is held. Whether the attempt issued the coupon is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The code of the answer.
    pub code: i64,
    /// When the attempt began. `None` if that is unknown, as in [`Doubt::since`].
    pub began: Option<Timestamp>,
    /// The activity of the attempt.
    pub activity: ActivityNo,
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Owed, and not attempted since it became owed.
    Pending,
    /// An intent is durable, and its outcome is unknown.
    Attempting {
        /// When the intent was written.
        began: Timestamp,
        /// The activity of the attempt.
        activity: ActivityNo,
        /// When the delivery is due again if the send is cancelled; `None` if it was pending.
        was_due: Option<Timestamp>,
    },
    /// The last attempt certainly issued nothing; the delivery is due again.
    Deferred {
        /// The earliest time of the next attempt.
        until: Timestamp,
    },
    /// At least one attempt's outcome is unknown. [`DeliveryStatus::doubt`] has the details.
    InDoubt,
    /// The platform answered with an unlisted code, or one classified as `hold`.
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

/// A state without its data, for counting and display.
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

    /// Returns the state's word in JSON, in exported files and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Deferred => "deferred",
            Self::InDoubt => "in_doubt",
            Self::Held => "held",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

/// The name for people.
impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => wording::StatePending.fmt(f),
            Self::InFlight => wording::StateInFlight.fmt(f),
            Self::Deferred => wording::StateDeferred.fmt(f),
            Self::InDoubt => wording::StateInDoubt.fmt(f),
            Self::Held => wording::StateHeld.fmt(f),
            Self::Issued => wording::StateIssued.fmt(f),
            Self::Refused => wording::StateRefused.fmt(f),
            Self::Skipped => wording::StateSkipped.fmt(f),
        }
    }
}

/// The number of deliveries in each state. The counts add up to the number of all deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts([u64; 8]);

impl Counts {
    /// Returns the number of deliveries in `state`.
    #[must_use]
    pub const fn count(&self, state: StateName) -> u64 {
        self.0[state as usize]
    }

    /// Returns the number of deliveries ever admitted.
    #[must_use]
    pub fn audience(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the number of issued and refused deliveries.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.count(StateName::Issued) + self.count(StateName::Refused)
    }

    /// Returns the number of owed deliveries: pending, in flight and deferred.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        self.count(StateName::Pending) + self.count(StateName::InFlight) + self.count(StateName::Deferred)
    }

    /// Returns the number of deliveries that may have a coupon, or may not: in flight, in doubt and held.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.count(StateName::InFlight) + self.count(StateName::InDoubt) + self.count(StateName::Held)
    }

    /// Whether nothing is owed, in doubt or held.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.owed() == 0 && self.count(StateName::InDoubt) == 0 && self.count(StateName::Held) == 0
    }

    /// Adds `n` deliveries in `state`.
    pub const fn add(&mut self, state: StateName, n: u64) {
        self.0[state as usize] += n;
    }

    /// Moves one delivery from one state to another.
    ///
    /// # Panics
    /// If the count of `from` is 0. Counts that only [`Counts::add`] and this function change never are.
    pub const fn shift(&mut self, from: StateName, to: StateName) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }
}

/// The decision on a delivery, made once, when the attempt's outcome arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// The user has the coupon.
    Issued,
    /// The platform refused the user for good, with this code.
    Refused {
        /// The code.
        code: i64,
    },
    /// A person decides about this code.
    Held {
        /// The code.
        code: i64,
    },
    /// This attempt certainly issued nothing; the delivery is due again.
    NotIssued {
        /// The earliest time of the next attempt.
        due: Timestamp,
        /// The code, if there was one.
        code: Option<i64>,
    },
    /// The outcome is unknown.
    Unknown {
        /// The earliest time of a resend.
        due: Timestamp,
        /// The code, if there was one.
        code: Option<i64>,
    },
}

/// An event of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transition {
    /// An intent to attempt the delivery became durable.
    Intent {
        /// When the intent was written.
        at: Timestamp,
        /// The activity of the attempt.
        activity: ActivityNo,
    },
    /// The send was cancelled before any byte was written.
    Withdrawn,
    /// The attempt ended.
    Ended(Decision),
    /// The process ended during the attempt.
    Interrupted {
        /// The earliest time of a resend.
        due: Timestamp,
    },
    /// An apply decided that the delivery is not owed at present.
    Skip(Skipped),
    /// An apply decided that the delivery is owed: the campaign file says that its held code means that nothing was
    /// issued. In ledgers of the first rules also: the delivery was skipped and returned, or it was held and the
    /// activity changed.
    Owe,
    /// An apply under another activity decided that a held delivery is owed. Its attempt may have issued a coupon, so
    /// it counts in `max_coupons`.
    OweUnderNewActivity,
    /// An apply decided that the delivery is no longer skipped. It is held if it was held before, else pending.
    Return,
    /// An apply classified the last code again: the user is refused for good.
    RereadRefused,
    /// An apply classified the last code again: the coupon was issued before. For a held delivery this is valid only if
    /// the ledger has accepted that another ledger has sent this campaign.
    RereadIssued,
    /// An apply classified the last code again: whether the attempt issued the coupon is unknown.
    RereadUnknown {
        /// The earliest time of a resend.
        due: Timestamp,
    },
    /// An apply classified the last code of a doubt again: the delivery may be sent again.
    RereadResend {
        /// The earliest time of a resend.
        due: Timestamp,
    },
    /// The platform's own records show the coupon of a delivery that is in doubt or held.
    Found,
    /// A person decided.
    Resolved(Resolution),
    /// A person accepted the wall clock, because earlier times in the ledger are from a wrong clock. From then on the
    /// time of an attempt that is in doubt or held is unknown.
    Undate,
}

/// The status of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// Its state.
    pub state: State,
    /// The number of attempts, without cancelled sends.
    pub attempts: u32,
    /// The unknown outcomes. They are kept after the delivery is settled, for its history, and so that a doubt that a
    /// person resolved as refused is still a doubt when it is reopened.
    pub doubt: Option<Doubt>,
    /// The answer for which it is held. It is kept while the delivery is skipped, so that the delivery is held again
    /// when it returns. It is also kept when a person resolves the delivery as refused, so that reopening it in two
    /// steps has the effect of one step.
    pub held: Option<Held>,
    /// Whether it was owed again although an earlier attempt may have issued its coupon. Then a later answer with that coupon is
    /// no sign of another ledger.
    pub reopened: bool,
}

/// An event that the table of transitions does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", model::NoSuchTransition { from: &format!("{from:?}"), step: &format!("{transition:?}") })]
pub struct NoSuchTransition {
    /// The status before the event.
    pub from: DeliveryStatus,
    /// The event.
    pub transition: Transition,
}

impl State {
    /// Returns the state without its data.
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

impl DeliveryStatus {
    /// The status of a new delivery.
    pub const PENDING: Self = Self {
        state: State::Pending,
        attempts: 0,
        doubt: None,
        held: None,
        reopened: false,
    };

    /// Returns the status after an event, by the table of transitions.
    ///
    /// # Errors
    /// If the table does not have this event for this status. The delivery does not change then.
    pub fn next(self, transition: Transition) -> Result<Self, Box<NoSuchTransition>> {
        let no = || Err(Box::new(NoSuchTransition { from: self, transition }));
        match transition {
            Transition::Intent { at, activity } => match (self.state, self.doubt) {
                (State::Pending, None) => Ok(self.attempting(at, activity, None)),
                (State::Deferred { until }, None) => Ok(self.attempting(at, activity, Some(until))),
                (State::InDoubt, Some(doubt)) if !doubt.stuck && doubt.activity == activity => {
                    Ok(self.attempting(at, activity, Some(doubt.due)))
                }
                _ => no(),
            },
            Transition::Withdrawn => match self.state {
                State::Attempting { was_due, .. } => Ok(self.called_off(was_due)),
                _ => no(),
            },
            Transition::Ended(decision) => match self.state {
                State::Attempting { began, activity, .. } => Ok(self.ended(decision, began, activity)),
                _ => no(),
            },
            Transition::Interrupted { due } => match self.state {
                State::Attempting { began, activity, .. } => {
                    Ok(self.ended(Decision::Unknown { due, code: None }, began, activity))
                }
                _ => no(),
            },
            Transition::Skip(why) => match self.state {
                State::Held { .. } if !why.takes_held() => no(),
                State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_) => {
                    Ok(self.with(State::Skipped(why)))
                }
                _ => no(),
            },
            Transition::Owe => match self.state {
                State::Skipped(_) | State::Held { .. } => Ok(self.no_longer_held(State::Pending)),
                _ => no(),
            },
            Transition::OweUnderNewActivity => match self.state {
                State::Held { .. } => Ok(Self {
                    reopened: true,
                    ..self.no_longer_held(State::Pending)
                }),
                _ => no(),
            },
            Transition::Return => match (self.state, self.held) {
                (State::Skipped(_), Some(Held { code, .. })) => Ok(self.with(State::Held { code })),
                (State::Skipped(_), None) => Ok(self.with(State::Pending)),
                _ => no(),
            },
            Transition::RereadRefused => match self.state {
                State::Held { code } => Ok(self.no_longer_held(State::Refused { code })),
                _ => no(),
            },
            Transition::RereadIssued => match (self.state, self.doubt) {
                (State::InDoubt, Some(Doubt { code: Some(_), .. })) | (State::Held { .. }, None) => {
                    Ok(self.no_longer_held(State::Issued))
                }
                _ => no(),
            },
            Transition::RereadUnknown { due } => match (self.state, self.held) {
                (State::Held { .. }, Some(held)) => Ok(self.no_longer_held(State::InDoubt).doubting(Doubt {
                    unknown_attempts: 1,
                    since: held.began,
                    activity: held.activity,
                    due,
                    code: Some(held.code),
                    stuck: false,
                })),
                _ => no(),
            },
            Transition::RereadResend { due } => match (self.state, self.doubt) {
                (State::InDoubt, Some(doubt)) if doubt.code.is_some() => Ok(Self {
                    doubt: Some(Doubt {
                        stuck: false,
                        due,
                        ..doubt
                    }),
                    ..self
                }),
                _ => no(),
            },
            Transition::Found => match self.state {
                State::InDoubt | State::Held { .. } => Ok(self.no_longer_held(State::Issued)),
                _ => no(),
            },
            Transition::Resolved(resolution) => self.resolved(resolution).map_or_else(no, Ok),
            Transition::Undate => match (self.state, self.doubt, self.held) {
                (State::Issued, ..) | (_, None, None) => no(),
                (_, doubt, held) => Ok(Self {
                    doubt: doubt.map(|doubt| Doubt { since: None, ..doubt }),
                    held: held.map(|held| Held { began: None, ..held }),
                    ..self
                }),
            },
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

    /// Returns the status after an attempt. A doubt stays: after an unknown outcome, only a confirmation settles the
    /// delivery. Any other answer is stored with the doubt, and a refused or held code ends the resends.
    fn ended(self, decision: Decision, began: Timestamp, activity: ActivityNo) -> Self {
        match (decision, self.doubt) {
            (Decision::Issued, _) => self.with(State::Issued),
            (Decision::Unknown { due, code }, doubt) => Self {
                state: State::InDoubt,
                doubt: Some(Doubt {
                    unknown_attempts: doubt.map_or(0, |d| d.unknown_attempts) + 1,
                    since: doubt.map_or(Some(began), |d| d.since),
                    activity,
                    due,
                    code,
                    stuck: false,
                }),
                ..self
            },
            (Decision::Refused { code }, Some(_)) if mutant!(RefusalSettles) => self.with(State::Refused { code }),
            (Decision::Refused { code }, None) => self.with(State::Refused { code }),
            (Decision::Held { code }, None) => Self {
                state: State::Held { code },
                held: Some(Held {
                    code,
                    began: Some(began),
                    activity,
                }),
                ..self
            },
            (Decision::NotIssued { due, .. }, None) => self.with(State::Deferred { until: due }),
            (Decision::Refused { code } | Decision::Held { code }, Some(doubt)) => self.doubting(Doubt {
                code: Some(code),
                stuck: true,
                ..doubt
            }),
            (Decision::NotIssued { due, code }, Some(doubt)) => self.doubting(Doubt { due, code, ..doubt }),
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
