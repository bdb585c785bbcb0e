//! What a limit is asked, and what it sees of the run.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::catalogue::Text;
use crate::ledger::LedgerState;
use crate::model::clock::{Moment, from_ms};
use crate::model::delivery::{DeliveryKey, State};
use crate::model::event::{Halted, Waiting};
use crate::model::outcome::Outcome;
use crate::plan::Plan;

use super::app_share::{AppShare, AppState};
use super::reservations::{Busy, User};

/// A limit of a run.
pub trait Limit {
    /// What may start now.
    fn allowance(&mut self, _view: &View<'_>) -> Allowance {
        Allowance::FREE
    }

    /// Why no attempt that may add a coupon starts, after `fresh` new intents that the ledger state does not have yet. `None` if there
    /// is room for one more. A resend of a doubt adds no coupon.
    fn exhausted(&mut self, _view: &View<'_>, _fresh: u64) -> Option<Halted> {
        None
    }

    /// Reserves what an attempt of this delivery needs, or says why it is not attempted now.
    fn reserve(&mut self, _candidate: Candidate, _view: &View<'_>, _app: &mut dyn AppShare) -> Reserved {
        Reserved::Yes
    }

    /// Ends the reservation of an attempt that is over. `rest` is how long its request may still be at the platform.
    fn release(&mut self, _user: User, _rest: Duration, _now: Instant, _app: &mut dyn AppShare) {}

    /// Takes in an event of the run. Returns why the run halts, if it does.
    fn observe(&mut self, _event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        None
    }

    /// When time alone changes what the limit says. `None` if time changes nothing.
    fn changes_at(&mut self, _view: &View<'_>) -> Option<Instant> {
        None
    }

    /// What the limit makes the run wait for.
    fn waiting(&mut self, _view: &View<'_>) -> Option<Wait> {
        None
    }
}

/// What a limit sees of the run.
#[derive(Clone, Copy)]
pub struct View<'v> {
    /// The present.
    pub now: Moment,
    /// The plan.
    pub plan: &'v Plan,
    /// The ledger state.
    pub state: &'v LedgerState,
    /// The state of the app limiter.
    pub app: AppState,
    /// The number of attempts that have an intent.
    pub in_flight: usize,
    /// The attempts that are prepared ahead of the next one.
    pub ahead: u32,
    /// Whether attempts may start: the run is not paused, ended or deciding, and the window is open.
    pub open: bool,
}

impl View<'_> {
    /// The present for days and ages: a clock that is set back begins no day again.
    pub fn present(&self) -> Timestamp {
        self.state.present(self.now.wall)
    }
}

/// A delivery that could be attempted next, and its user.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The delivery.
    pub key: DeliveryKey,
    /// The user.
    pub user: User,
}

/// The result of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The limit allows the attempt.
    Yes,
    /// Another campaign has a request to the user.
    Busy(Busy),
    /// The recipient expires before the expected start.
    Expired,
}

/// What the run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The reason.
    pub why: Waiting,
    /// The end of the wait, if it is known.
    pub until: Option<Timestamp>,
}

/// What may start now. Allowances combine to the strictest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many attempts may have an intent at once.
    pub in_flight: u32,
    /// How many attempts may be started from now on.
    pub starts: u64,
    /// The platform may be out of reach: when one attempt may probe it. `None` if no probe is needed.
    pub probe_from: Option<Instant>,
}

/// How attempts are started under an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As many as are allowed.
    Send,
    /// One, to see whether the platform answers.
    Probe,
    /// None before this moment.
    NotBefore(Instant),
}

impl Allowance {
    /// No limit.
    pub const FREE: Self = Self {
        in_flight: u32::MAX,
        starts: u64::MAX,
        probe_from: None,
    };

    /// Only a probe, from that moment. `None` is no limit.
    pub const fn probe_from(probe_from: Option<Instant>) -> Self {
        Self {
            probe_from,
            ..Self::FREE
        }
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            in_flight: self.in_flight.min(other.in_flight),
            starts: self.starts.min(other.starts),
            probe_from: self.probe_from.max(other.probe_from),
        }
    }

    /// How attempts are started at `now`.
    pub fn mode(&self, now: Instant) -> Mode {
        match self.probe_from {
            None => Mode::Send,
            Some(at) if at <= now => Mode::Probe,
            Some(at) => Mode::NotBefore(at),
        }
    }
}

/// An event of the run that limits observe.
#[derive(Clone, Copy, Debug)]
pub enum RunEvent<'e> {
    /// An attempt was made and ended.
    Outcome {
        /// Its outcome.
        outcome: &'e Outcome,
        /// Whether it was a resend of a doubt.
        resend: bool,
    },
    /// The platform gave an answer that counts for the slow start.
    Answered {
        /// Whether it issued or refused.
        settled: bool,
    },
    /// The platform asks the campaign as a whole to wait.
    AskedToWait {
        /// The code.
        code: i64,
        /// Its message.
        message: &'e str,
    },
    /// No token can be fetched.
    NoToken {
        /// The cause.
        why: &'e Text,
        /// When to try again.
        again: Instant,
    },
    /// The outage is over, whichever campaign noticed it.
    OutageEnded,
    /// The platform answered this run during an outage, or after it asked to wait.
    Recovered,
    /// A pause or the time outside the window is over. How the platform is now is unknown, so the next attempt probes it at
    /// once, and the time of the pause does not count.
    Resumed,
    /// An outcome is durable.
    Settled {
        /// The wave of the recipient.
        wave: usize,
        /// The state of the delivery.
        state: State,
        /// Whether it is a doubt that no machine resolves.
        stuck: bool,
    },
}

/// The wall time of an earlier instant.
pub fn wall_ago(instant: Instant, now: Moment) -> Timestamp {
    let ago = now.instant.saturating_duration_since(instant).as_millis();
    let ago = i64::try_from(ago).unwrap_or(i64::MAX);
    from_ms(now.wall.as_millisecond().saturating_sub(ago))
}
