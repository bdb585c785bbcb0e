//! What keeps a run from starting more: the slow start, throttles, an outage, a platform that asks to wait, a token that
//! cannot be had, the guards, the day and the waves. Each is a small machine of its own; this asks them together.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::clock::later;
use crate::model::event::Waiting;
use crate::plan::Plan;

use super::app_limiter::LimiterHandle;
use super::daily_limit::DailyLimit;
use super::halt_policy::HaltPolicy;
use super::queue::Pick;
use super::slow_start::SlowStart;
use super::waves::Waves;

/// How often a campaign that the platform asked to wait probes.
pub const WAIT_PROBE: Duration = Duration::from_mins(10);

/// The limits of one run.
#[derive(Debug)]
pub struct Limits {
    /// The slow start.
    pub slow_start: SlowStart,
    /// What it shares with the other campaigns of its app id.
    pub(super) limiter: LimiterHandle,
    /// What halts the run.
    pub halt_policy: HaltPolicy,
    /// The platform asks the campaign as a whole to wait.
    pub wait: Option<PlatformWait>,
    /// No token can be had.
    pub token: Option<TokenWait>,
    /// How many attempts a day may have.
    pub(super) day: DailyLimit,
    /// Who has a turn before the others.
    pub waves: Waves,
}

/// The platform asks the campaign as a whole to wait.
#[derive(Clone, Debug)]
pub struct PlatformWait {
    code: i64,
    message: String,
    next_probe: Instant,
}

/// No token can be had.
#[derive(Clone, Debug)]
pub struct TokenWait {
    since: Instant,
    why: String,
    again: Instant,
}

/// Whether something may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// So many in flight.
    UpTo(u32),
    /// One, to see whether the platform answers.
    Probe,
    /// Nothing before this.
    NotBefore(Instant),
}

impl Allowance {
    /// What to pick under this allowance: `capped` when the run has begun as many deliveries as it may, `full` when
    /// `max_coupons` has no room for another coupon.
    #[must_use]
    pub const fn pick(self, capped: bool, full: bool) -> Pick {
        match self {
            _ if full => Pick::Doubt { again: capped },
            _ if capped => Pick::Again,
            Self::Probe => Pick::Probe,
            Self::UpTo(_) | Self::NotBefore(_) => Pick::Send,
        }
    }
}

impl Limits {
    /// The limits of a run that begins.
    pub(super) fn new(plan: &Plan, limiter: LimiterHandle, waves: Waves) -> Self {
        Self {
            slow_start: SlowStart::new(plan.pace.max_in_flight),
            limiter,
            halt_policy: HaltPolicy::new(&plan.halt),
            wait: None,
            token: None,
            day: DailyLimit::new(plan),
            waves,
        }
    }

    /// What may start now.
    #[must_use]
    pub fn allowance(&self, now: Instant) -> Allowance {
        let probes = [
            self.limiter.next_probe(now),
            self.wait.as_ref().map(|wait| wait.next_probe),
            self.token.as_ref().map(|token| token.again),
        ];
        match probes.into_iter().flatten().max() {
            None => Allowance::UpTo(self.slow_start.allowed()),
            Some(at) if at <= now => Allowance::Probe,
            Some(at) => Allowance::NotBefore(at),
        }
    }

    /// Tells that the platform asks the campaign as a whole to wait.
    pub fn wait_for_platform(&mut self, code: i64, message: String, now: Instant) {
        self.wait = Some(PlatformWait {
            code,
            message,
            next_probe: now + WAIT_PROBE,
        });
    }

    /// Tells that no token could be had.
    pub fn wait_for_token(&mut self, why: String, again: Instant, now: Instant) {
        let since = self.token.as_ref().map_or(now, |token| token.since);
        let again = again.max(now + Duration::from_secs(1));
        self.token = Some(TokenWait { since, why, again });
    }

    /// Ends a pause: how the platform is now is not known, so what was waited for is tried at once, by one delivery, and
    /// the time of the pause counts against nobody.
    pub fn resume(&mut self, now: Instant) {
        self.limiter.resume(now);
        if let Some(wait) = &mut self.wait {
            wait.next_probe = now;
        }
        if let Some(token) = &mut self.token {
            (token.since, token.again) = (now, now);
        }
    }

    /// Since when the platform or its tokens have been out of reach.
    #[must_use]
    pub fn out_of_reach_since(&self) -> Option<Instant> {
        let outage = self.limiter.outage().map(|open| open.since);
        let token = self.token.as_ref().map(|token| token.since);
        [outage, token].into_iter().flatten().min()
    }

    /// What is waited for, and until when, as told to people; `wall` and `now` are one moment.
    #[must_use]
    pub fn waiting(&self, wall: Timestamp, now: Instant) -> Option<(Waiting, Timestamp)> {
        let at = |instant: Instant| later(wall, instant.saturating_duration_since(now));
        let ago = |instant: Instant| {
            let ms = i64::try_from(now.saturating_duration_since(instant).as_millis()).unwrap_or(i64::MAX);
            crate::model::clock::from_ms(wall.as_millisecond().saturating_sub(ms))
        };
        if let Some(open) = self.limiter.outage() {
            let since = ago(open.since);
            return Some((Waiting::Outage { since }, at(open.next_probe)));
        }
        if let Some(token) = &self.token {
            let since = ago(token.since);
            let why = token.why.clone();
            return Some((Waiting::Token { since, why }, at(token.again)));
        }
        let wait = self.wait.as_ref()?;
        let code = wait.code;
        let message = wait.message.clone();
        Some((Waiting::Platform { code, message }, at(wait.next_probe)))
    }
}
