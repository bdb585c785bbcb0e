//! What a run asks of the limiter that campaigns of one app id share.

use std::time::{Duration, Instant};

use crate::model::delivery::DeliveryKey;

use super::circuit_breaker::{Open, Reach};
use super::reservations::{Busy, User};

/// A run's side of the limiter of its app id. No call waits.
pub trait AppShare {
    /// Reads the state of the limiter.
    fn state(&mut self, now: Instant) -> AppState;

    /// Reserves a user for an attempt of this run. After [`Busy::UnderWay`] the limiter announces when the user is free.
    ///
    /// # Errors
    /// When another campaign has an attempt under way for the user, or has lost an answer.
    fn reserve(&mut self, user: User, now: Instant) -> Result<(), Busy>;

    /// Takes in what happened in this run.
    fn report(&mut self, report: Report, now: Instant);
}

/// What the limiter of an app id says to a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AppState {
    /// Whether the run may send: it has the app lock, or shares it.
    pub sending: bool,
    /// How many starts a second this run may count on, if all runs that send use theirs.
    pub per_second: f64,
    /// When the next start is expected.
    pub next_start: Instant,
    /// The distance between two starts of this run.
    pub between_starts: Duration,
    /// The pace that the platform accepts, in starts a second.
    pub pace: f64,
    /// How long that pace stays below the plan's. `None` at the full pace.
    pub slowed: Option<Slowed>,
    /// The outage under way.
    pub outage: Option<Open>,
    /// When this run may probe. `None` without an outage.
    pub next_probe: Option<Instant>,
    /// The state of the term of this process.
    pub term: TermState,
    /// Whether this process may start attempts: nobody else can own the app id.
    pub is_trusted: bool,
    /// The end of the wait for the previous owner of the app id. `None` without one.
    pub not_before: Option<Instant>,
}

/// The state of the term of an owner of the app id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TermState {
    /// The term lasts.
    #[default]
    Lasts,
    /// The app id is to be handed over: the runs end once nothing is in flight and every outcome is recorded.
    HandOver,
    /// Another process may own the app id, and this one can record nothing more.
    Lost,
}

impl AppState {
    /// The state of a limiter that was not read yet: nothing may be sent.
    pub const fn unread(now: Instant) -> Self {
        Self {
            sending: false,
            per_second: 0.0,
            next_start: now,
            between_starts: Duration::ZERO,
            pace: 0.0,
            slowed: None,
            outage: None,
            next_probe: None,
            term: TermState::Lasts,
            is_trusted: false,
            not_before: None,
        }
    }

    /// When a start of this run is expected that has `before` of its own before it.
    pub fn expected(&self, before: u32) -> Instant {
        self.next_start + self.between_starts * before
    }
}

/// A pace below the plan's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowed {
    /// How long it is expected to last.
    pub lasts: Duration,
    /// When the pace recovers by a step.
    pub next_step: Instant,
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// An earlier process lost an answer to this user, whose request may be at the platform until `end`.
    Inherited {
        /// The user.
        user: User,
        /// When the reservation ends.
        end: Instant,
    },
    /// The user's attempt is over. The request may be at the platform until `end`.
    Freed {
        /// The user.
        user: User,
        /// When the reservation ends.
        end: Instant,
    },
    /// The next attempt is the probe, if there is an outage.
    Probing,
    /// The attempt that probed is back.
    Probed,
    /// An attempt ended.
    Ended {
        /// The delivery.
        key: DeliveryKey,
        /// How far the attempt got.
        reach: Reach,
        /// When it began.
        began: Instant,
    },
    /// The platform asked to slow down.
    Throttled {
        /// The recipient of the attempt.
        recipient: u32,
        /// When the attempt began.
        began: Instant,
    },
    /// Time has passed: the pace may recover by a step.
    Checked,
    /// A pause of this run is over.
    Resumed,
}
